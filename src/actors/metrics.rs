//! Figures of what becomes of events and effects, for `/metrics`.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::domain::event::ChannelName;
use crate::store::keyspace::event::End;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndLabels {
    channel: &'static str,
    end: &'static str,
}

/// Figures of the router.
#[derive(Debug)]
pub struct RouterMetrics {
    ended: Family<EndLabels, Counter>,
    conflicts: Counter,
    took: Histogram,
}

impl Default for RouterMetrics {
    fn default() -> Self {
        let took = Histogram::new([0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 10.0, 60.0, 600.0]);
        Self { ended: Family::default(), conflicts: Counter::default(), took }
    }
}

impl RouterMetrics {
    /// Puts the figures on the page.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("events_ended", "Events that have ended, by channel and end", self.ended.clone());
        registry.register("handler_conflicts", "Handlers run again because a state changed", self.conflicts.clone());
        let help = "Time from an event's acceptance to its end";
        registry.register_with_unit("event_duration", help, Unit::Seconds, self.took.clone());
    }

    pub(crate) fn settled(&self, channel: ChannelName, end: End, took: Duration) {
        self.ended.get_or_create(&EndLabels { channel: channel.as_str(), end: end.as_str() }).inc();
        self.took.observe(took.as_secs_f64());
    }

    pub(crate) fn conflict(&self) {
        self.conflicts.inc();
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TriedLabels {
    channel: &'static str,
    result: &'static str,
}

/// Figures of deliveries.
#[derive(Debug, Default)]
pub struct DeliveryMetrics {
    tried: Family<TriedLabels, Counter>,
}

impl DeliveryMetrics {
    /// Puts the figures on the page.
    pub fn register(&self, registry: &mut Registry) {
        let help = "Tries to perform an effect: ended, again, rate_limited, merged";
        registry.register("effects_tried", help, self.tried.clone());
    }

    pub(crate) fn tried(&self, channel: ChannelName, result: &'static str) {
        self.tried.get_or_create(&TriedLabels { channel: channel.as_str(), result }).inc();
    }
}
