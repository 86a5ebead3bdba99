//! Figures of what becomes of events and effects, for `/metrics`.

use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::actors::board::Board;
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

/// Figures that actors show on the board, by the name on the page: help, actor, figure. Read when the page is asked for.
const SHOWN: &[(&str, &str, &str, &str)] = &[
    ("events_waiting", "Events that are to be handled", "router", "waiting"),
    ("effects_owed", "Effects that are to be performed", "outbox", "owed"),
    ("events_dead", "Events that were given up and can be replayed", "janitor", "dead_events"),
    ("effects_dead", "Effects that were given up and can be replayed", "janitor", "dead_effects"),
];

/// The figures of the board that are worth a line on the page.
#[derive(Debug)]
pub struct BoardMetrics(Board);

impl BoardMetrics {
    /// Puts the figures on the page.
    pub fn register(board: &Board, registry: &mut Registry) {
        registry.register_collector(Box::new(Self(board.clone())));
    }
}

impl Collector for BoardMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let shown = self.0.read();
        for (name, help, actor, figure) in SHOWN {
            let figure = shown.get(*actor).and_then(|shown| shown.state.get(*figure)?.as_i64());
            if let Some(figure) = figure {
                let gauge = ConstGauge::new(figure);
                gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    #[test]
    fn what_actors_show_stands_on_the_page() {
        let (board, mut registry) = (Board::default(), Registry::with_prefix("ai_crm"));
        BoardMetrics::register(&board, &mut registry);
        board.figures("router", Timestamp(1), [("waiting", 3.into())]);
        board.figures("janitor", Timestamp(1), [("dead_events", 2.into()), ("dead_effects", 0.into())]);
        let mut page = String::new();
        prometheus_client::encoding::text::encode(&mut page, &registry).unwrap();
        for line in ["ai_crm_events_waiting 3", "ai_crm_events_dead 2", "ai_crm_effects_dead 0"] {
            assert!(page.lines().any(|found| found == line), "{line} is missing:\n{page}");
        }
        assert!(!page.contains("effects_owed"), "nobody shows it");
    }
}
