//! Values as points in time.
//!
//! Owns the forms in which platforms write a time. It reads no clock.

use std::time::Duration;

use jiff::civil;
use serde_json::Value;

use crate::domain::time::Timestamp;

/// From here on a number counts milliseconds and not seconds; as seconds it would be the year 5138.
const FIRST_IN_MILLISECONDS: i64 = 100_000_000_000;

/// A moment, or a whole day where no more is known: both ends in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::workflow) struct Moment {
    pub(in crate::workflow) from: i64,
    pub(in crate::workflow) to: i64,
}

impl Moment {
    /// Reads RFC 3339, a day (`2026-11-27`, in UTC), a time of day without a zone (taken as UTC; older GitLab writes
    /// ` UTC` behind it), or a number of seconds or milliseconds since 1970, as GitHub's pushes have.
    pub(in crate::workflow) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Self::read(text.trim()),
            Value::Number(number) => {
                let number = number.as_i64().filter(|number| *number >= 0)?;
                let at = if number < FIRST_IN_MILLISECONDS { number * 1000 } else { number };
                Some(Self { from: at, to: at })
            }
            _ => None,
        }
    }

    fn read(text: &str) -> Option<Self> {
        if let Ok(stamp) = text.parse::<jiff::Timestamp>() {
            let at = stamp.as_millisecond();
            return Some(Self { from: at, to: at });
        }
        if let Ok(day) = civil::Date::strptime("%Y-%m-%d", text) {
            let from = in_utc(day.to_datetime(civil::Time::midnight()))?;
            return Some(Self { from, to: from.saturating_add(86_399_999) });
        }
        let bare = text.strip_suffix(" UTC").unwrap_or(text);
        let at = in_utc(bare.parse().ok()?)?;
        Some(Self { from: at, to: at })
    }

    /// How far it lies from a point in time, before or after.
    pub(in crate::workflow) fn distance(self, point: Timestamp) -> Duration {
        let before = self.from.saturating_sub(point.0);
        let after = point.0.saturating_sub(self.to);
        Duration::from_millis(u64::try_from(before.max(after)).unwrap_or(0))
    }
}

fn in_utc(time: civil::DateTime) -> Option<i64> {
    time.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_read_as_platforms_write_them() {
        let at = |from, to| Some(Moment { from, to });
        let second = 1_764_208_800_000;
        for (value, wanted) in [
            (json!("2025-11-27T02:00:00Z"), at(second, second)),
            (json!("2025-11-27T03:00:00+01:00"), at(second, second)),
            (json!("2025-11-27T03:00:00.000+0100"), at(second, second)),
            (json!("2025-11-27 02:00:00 UTC"), at(second, second)),
            (json!("2025-11-27T02:00:00"), at(second, second)),
            (json!("2025-11-27"), at(second - 7_200_000, second - 7_200_000 + 86_399_999)),
            (json!(1_764_208_800), at(second, second)),
            (json!(1_764_208_800_000_i64), at(second, second)),
            (json!("yesterday"), None),
            (json!(""), None),
            (json!("9999-99-99"), None),
            (json!(-5), None),
            (json!(1.5), None),
            (json!(null), None),
            (json!({"at": 1}), None),
        ] {
            assert_eq!(Moment::of(&value), wanted, "{value}");
        }
    }

    #[test]
    fn a_day_lies_around_its_hours() {
        let day = Moment::of(&json!("2025-11-27")).unwrap();
        for (point, seconds) in [(day.from + 5, 0), (day.from - 3_000, 3), (day.to + 60_000, 60), (i64::MIN, u64::MAX)]
        {
            let distance = day.distance(Timestamp(point)).as_secs();
            assert!(distance == seconds || seconds == u64::MAX && distance > 1 << 40, "{point}: {distance}");
        }
    }
}
