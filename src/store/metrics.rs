//! Figures of the store for `/metrics`: sizes of groups and of the store, times of flushes.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Figures of one store.
#[derive(Debug)]
pub struct StoreMetrics {
    commits: Counter,
    failures: Counter,
    group: Histogram,
    flush: Histogram,
    file: Gauge,
    live: Gauge,
    free: Gauge,
}

impl Default for StoreMetrics {
    fn default() -> Self {
        Self {
            commits: Counter::default(),
            failures: Counter::default(),
            group: Histogram::new([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0]),
            flush: Histogram::new([0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0]),
            file: Gauge::default(),
            live: Gauge::default(),
            free: Gauge::default(),
        }
    }
}

impl StoreMetrics {
    /// Puts the figures on the page.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("store_commits", "Commits that are on disk", self.commits.clone());
        registry.register("store_failures", "Groups that the engine failed to write", self.failures.clone());
        registry.register("store_group_commits", "Commits that one flush served", self.group.clone());
        let help = "Time to write a group and wait for the disk";
        registry.register_with_unit("store_flush", help, Unit::Seconds, self.flush.clone());
        let help = "Length of the store's files; space in them is used again and not given back";
        registry.register_with_unit("store_file", help, Unit::Bytes, self.file.clone());
        let help = "Keys and values in the store, which `store.most_mb` bounds";
        registry.register_with_unit("store_live", help, Unit::Bytes, self.live.clone());
        let help = "Free on the disk of the store, of which `store.keep_free_mb` stay";
        registry.register_with_unit("store_disk_free", help, Unit::Bytes, self.free.clone());
    }

    /// Bytes of keys and values that are in the store, as of the last measure.
    pub(crate) fn live(&self) -> u64 {
        u64::try_from(self.live.get()).unwrap_or_default()
    }

    pub(crate) fn measured(&self, file: u64, live: u64, free: Option<u64>) {
        let number = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        self.file.set(number(file));
        self.live.set(number(live));
        self.free.set(free.map_or(0, number));
    }

    #[expect(clippy::cast_precision_loss, reason = "a group has at most 512 commits")]
    pub(crate) fn committed(&self, commits: usize, took: Duration) {
        self.commits.inc_by(commits as u64);
        self.group.observe(commits as f64);
        self.flush.observe(took.as_secs_f64());
    }

    pub(crate) fn failed(&self) {
        self.failures.inc();
    }
}
