//! Which day is meant: `2026-12-01`, `tomorrow`, `friday`, `+3d`; and when the reminder of a task rings.
//!
//! Days are days of UTC: the store knows no person's zone.

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan};

use crate::domain::outcome::{Refusal, TimerChange};
use crate::domain::task::Task;
use crate::domain::time::Timestamp;

/// The hour, UTC, at which the reminder of a due task rings.
pub const REMINDER_HOUR: i8 = 9;

const DAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];

/// The day of a moment.
#[must_use]
pub fn day_of(at: Timestamp) -> Date {
    jiff::Timestamp::from_millisecond(at.0).map_or(Date::ZERO, |at| at.to_zoned(TimeZone::UTC).date())
}

/// The day that a word means; `None` for none.
///
/// # Errors
/// Shows what is understood.
pub fn read(word: &str, now: Timestamp) -> Result<Option<Date>, Refusal> {
    let plain = word.trim().to_lowercase();
    let today = day_of(now);
    let day = match plain.as_str() {
        "none" | "never" | "no" | "-" | "" => return Ok(None),
        "today" => Some(today),
        "tomorrow" => today.checked_add(1.day()).ok(),
        _ => weekday(&plain, today).or_else(|| later(&plain, today)).or_else(|| plain.replace('/', "-").parse().ok()),
    };
    day.map(Some).ok_or_else(|| {
        let shown: String = word.chars().take(40).collect();
        Refusal::new(format!("`{shown}` is not a day"), "write 2026-12-01, today, tomorrow, friday, +3d, +2w or none")
    })
}

/// The next day of that name; a name of today means the one in a week.
fn weekday(word: &str, today: Date) -> Option<Date> {
    let (_, weekday) = DAYS.iter().find(|(name, _)| word.len() >= 3 && name.starts_with(word))?;
    today.nth_weekday(1, *weekday).ok()
}

/// `+3d`, `+2w`, `+1m`; the plus may be left out.
fn later(word: &str, today: Date) -> Option<Date> {
    let word = word.strip_prefix('+').unwrap_or(word);
    let unit = word.chars().next_back()?;
    let count: i64 = word.strip_suffix(unit)?.parse().ok().filter(|count| (0..=5000).contains(count))?;
    let span = match unit {
        'd' => Span::new().days(count),
        'w' => Span::new().weeks(count),
        'm' => Span::new().months(count),
        _ => return None,
    };
    today.checked_add(span).ok()
}

/// The name of the timer that reminds of a task.
#[must_use]
pub fn timer_name(task: &Task) -> String {
    format!("due/{}", task.id)
}

/// When a task is to be reminded of: in the morning of its day, if that is still to come.
fn reminder(task: &Task, now: Timestamp) -> Option<Timestamp> {
    let due = task.due.filter(|_| !task.status.is_closed())?;
    let morning = due.at(REMINDER_HOUR, 0, 0, 0).to_zoned(TimeZone::UTC).ok()?;
    Some(Timestamp(morning.timestamp().as_millisecond())).filter(|at| *at > now)
}

/// What changes about the reminder of a task that has changed; `before` is `None` for a new one.
#[must_use]
pub fn timer_changes(before: Option<&Task>, after: &Task, now: Timestamp) -> Vec<TimerChange> {
    let had = before.and_then(|before| reminder(before, now));
    match reminder(after, now) {
        wanted if wanted == had => Vec::new(),
        Some(at) => {
            let payload = serde_json::json!({"task": after.id});
            vec![TimerChange::Set { name: timer_name(after), at, payload }]
        }
        None => vec![TimerChange::Clear { name: timer_name(after) }],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Saturday, 2026-11-21, 10:00.
    const NOW: Timestamp = Timestamp(1_795_255_200_000);

    #[test]
    fn days_are_understood_as_people_say_them() {
        let cases = [
            ("2026-12-01", Some("2026-12-01")),
            ("2026/12/01", Some("2026-12-01")),
            ("today", Some("2026-11-21")),
            ("Tomorrow", Some("2026-11-22")),
            ("friday", Some("2026-11-27")),
            ("Mon", Some("2026-11-23")),
            ("saturday", Some("2026-11-28")),
            ("+3d", Some("2026-11-24")),
            ("3d", Some("2026-11-24")),
            ("+2w", Some("2026-12-05")),
            ("+1m", Some("2026-12-21")),
            ("none", None),
            ("never", None),
        ];
        for (word, day) in cases {
            let expected = day.map(|day| day.parse::<Date>().unwrap());
            assert_eq!(read(word, NOW), Ok(expected), "{word}");
        }
        for word in ["fr", "2026-13-01", "soon", "+d", "+99999d", "-3d", "12/01", "ü", "+ü"] {
            assert!(read(word, NOW).is_err(), "{word}");
        }
    }
}
