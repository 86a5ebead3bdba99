//! Figures: percentiles, numbers as people read them, and the report.

use std::io::Write;
use std::time::Duration;

/// A line of the report. A reader that has gone away is no failure.
pub(crate) fn print(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Latencies, in microseconds.
#[derive(Debug, Default)]
pub(crate) struct Latencies(Vec<u32>);

impl Latencies {
    /// Adds one.
    pub(crate) fn add(&mut self, took: Duration) {
        self.0.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
    }

    /// Adds those of another.
    pub(crate) fn join(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The latency below which a share of all lie, in milliseconds.
    pub(crate) fn at(&mut self, share: f64) -> f64 {
        self.0.sort_unstable();
        let last = self.0.len().saturating_sub(1);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length")]
        let index = (last as f64 * share).round() as usize;
        self.0.get(index).map_or(f64::NAN, |micros| f64::from(*micros) / 1000.0)
    }

    /// `p50 1.2 ms, p99 3.4 ms`.
    pub(crate) fn words(&mut self) -> String {
        format!("p50 {:.1} ms, p99 {:.1} ms", self.at(0.5), self.at(0.99))
    }
}

/// Events in a time, as a rate per second.
pub(crate) fn rate(events: usize, took: Duration) -> f64 {
    events as f64 / took.as_secs_f64()
}

/// `12,345`.
pub(crate) fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// What was measured, and what is demanded of it.
#[derive(Debug, Default)]
pub(crate) struct Report {
    demands: Vec<(String, String, String, bool)>,
}

impl Report {
    /// A section begins.
    pub(crate) fn section(&mut self, name: &str) {
        print(&format!("\n{name}"));
    }

    /// A figure.
    pub(crate) fn line(&mut self, what: &str, figure: &str) {
        print(&format!("  {what:<58} {figure}"));
    }

    /// A figure of which something is demanded.
    pub(crate) fn demand(&mut self, what: &str, figure: &str, wanted: &str, holds: bool) {
        self.line(what, figure);
        self.demands.push((what.to_owned(), figure.to_owned(), wanted.to_owned(), holds));
    }

    /// All demands, with what came of them.
    pub(crate) fn end(&mut self) {
        if self.demands.is_empty() {
            return;
        }
        print("\ndemanded");
        for (what, figure, wanted, holds) in &self.demands {
            let mark = if *holds { "holds" } else { "FAILS" };
            print(&format!("  {mark}  {what:<58} {figure:<26} wanted {wanted}"));
        }
    }
}
