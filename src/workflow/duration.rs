//! Lengths of time as people write them in a file: `30s`, `15m`, `2h`, `3d`.
//!
//! Owns the notation, both ways. A bound of a length stands with the key that it bounds.

use std::time::Duration;

/// What a length must look like, for a mistake.
pub const NOTATION: &str = "a length of time has a number and a unit: `30s`, `15m`, `2h` or `3d`";

/// Units with their seconds, the longest first.
const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// Days as a length.
#[must_use]
pub const fn days(number: u64) -> Duration {
    Duration::from_secs(number * 86_400)
}

/// Reads a length. `None` where it is written otherwise, or too long to count in seconds.
#[must_use]
pub fn read(text: &str) -> Option<Duration> {
    let (unit, seconds) = UNITS.into_iter().find(|(unit, _)| text.ends_with(*unit))?;
    let digits = text.strip_suffix(unit)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse::<u64>().ok()?.checked_mul(seconds).map(Duration::from_secs)
}

/// A length in the longest unit that shows it without a remainder; what is below a second is left out.
#[must_use]
pub fn shown(length: Duration) -> String {
    let whole = length.as_secs();
    let fits = |(_, seconds): &(char, u64)| whole >= *seconds && whole.is_multiple_of(*seconds);
    match UNITS.into_iter().find(fits) {
        Some((unit, seconds)) => format!("{}{unit}", whole / seconds),
        None => format!("{whole}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_and_shown() {
        for (text, seconds) in [("30s", 30), ("15m", 900), ("2h", 7_200), ("3d", 259_200), ("0s", 0), ("90m", 5_400)] {
            assert_eq!(read(text), Some(Duration::from_secs(seconds)), "{text}");
            assert_eq!(shown(Duration::from_secs(seconds)), text);
        }
        assert_eq!(shown(Duration::from_secs(7_200)), "2h");
        for text in ["", "s", "3", "3 d", " 3d", "-3d", "+3d", "1.5h", "3w", "2h30m", "٣d", "99999999999999999999d"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read(&format!("{}d", u64::MAX)), None);
    }
}
