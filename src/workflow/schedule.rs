//! A schedule: the five fields of cron and a time zone, and when it comes next.
//!
//! Owns the notation: `*`, numbers, names of months and days, `a-b`, lists, and `/n` behind `*` or a range. Where both
//! the day of the month and the day of the week are named, either is enough, as cron has it. Reads no clock: who asks
//! says from when on.
//!
//! A time that the clocks skip comes right behind the gap; one that they show twice comes once, unless the schedule is
//! for every hour, which is every hour that passes. Written here, since the crates for it lose a day in the gap or come
//! twice (cronexpr), or bring a second table of time zones (croner).

use jiff::Timestamp as Instant;
use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};

use crate::domain::time::Timestamp;
use crate::workflow::mistake::quoted;

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// Days that are looked through for the next time: 29 February may be eight years away, around 2100.
const LOOKED_THROUGH: u32 = 8 * 366 + 1;

/// A field of cron: its name, its least and greatest number, and the names for numbers from the least on.
struct Field {
    name: &'static str,
    least: u8,
    most: u8,
    names: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    Field { name: "minute", least: 0, most: 59, names: &[] },
    Field { name: "hour", least: 0, most: 23, names: &[] },
    Field { name: "day of the month", least: 1, most: 31, names: &[] },
    Field { name: "month", least: 1, most: 12, names: &MONTHS },
    // Sunday is 0, and 7 as well.
    Field { name: "day of the week", least: 0, most: 7, names: &DAYS },
];

/// When something is to happen, again and again.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// As it was written.
    pub cron: String,
    /// The name of the time zone, as it was written.
    pub tz: String,
    zone: TimeZone,
    minutes: Numbers,
    hours: Numbers,
    days: Numbers,
    months: Numbers,
    weekdays: Numbers,
}

/// The numbers that a field admits, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Numbers {
    bits: u64,
    /// It began with `*`.
    is_open: bool,
}

impl Numbers {
    fn has(self, number: i8) -> bool {
        u32::try_from(number).is_ok_and(|number| (self.bits >> number) & 1 == 1)
    }
}

impl Schedule {
    /// Reads the fields.
    ///
    /// # Errors
    /// Names the field and what it takes.
    pub fn read(cron: &str, tz: &str) -> Result<Self, String> {
        let zone = TimeZone::get(tz).map_err(|_| {
            format!("{} is no time zone; take a name of the tz database, such as `Europe/Berlin` or `UTC`", quoted(tz))
        })?;
        let written: Vec<&str> = cron.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = written[..] else {
            let what = "a schedule has five fields: minute, hour, day of the month, month and day of the week";
            return Err(format!("{} has {}; {what}, such as `0 8 * * mon-fri`", quoted(cron), written.len()));
        };
        let [minute, hour, day, month, weekday] = &FIELDS;
        let mut weekdays = numbers(weekdays, weekday)?;
        weekdays.bits |= (weekdays.bits >> 7) & 1;
        let schedule = Self {
            cron: written.join(" "),
            tz: tz.to_owned(),
            zone,
            minutes: numbers(minutes, minute)?,
            hours: numbers(hours, hour)?,
            days: numbers(days, day)?,
            months: numbers(months, month)?,
            weekdays,
        };
        if schedule.next_after(Timestamp(0)).is_none() {
            return Err(format!("{} never comes: no such month has that day", quoted(cron)));
        }
        Ok(schedule)
    }

    /// When it comes next after a moment; `None` at the end of time.
    #[must_use]
    pub fn next_after(&self, moment: Timestamp) -> Option<Timestamp> {
        let moment = Instant::from_millisecond(moment.0).ok()?;
        // A time in a gap around midnight comes a day later than it is called.
        let mut day = self.zone.to_datetime(moment).date().yesterday().ok()?;
        let mut found: Option<Instant> = None;
        for _ in 0..LOOKED_THROUGH {
            let of_day = if self.fits(day) { self.first_on(day, moment) } else { None };
            let is_second = found.is_some();
            found = found.into_iter().chain(of_day).min();
            if is_second {
                break;
            }
            day = day.tomorrow().ok()?;
        }
        found.map(|instant| Timestamp(instant.as_millisecond()))
    }

    fn fits(&self, day: Date) -> bool {
        let (of_month, of_week) = (self.days.has(day.day()), self.weekdays.has(day.weekday().to_sunday_zero_offset()));
        let is_day = if self.days.is_open || self.weekdays.is_open { of_month && of_week } else { of_month || of_week };
        is_day && self.months.has(day.month())
    }

    /// The first time of a day that is after a moment.
    fn first_on(&self, day: Date, moment: Instant) -> Option<Instant> {
        let hours = (0..24).filter(|hour| self.hours.has(*hour));
        let times =
            hours.flat_map(|hour| (0..60).filter(|minute| self.minutes.has(*minute)).map(move |minute| (hour, minute)));
        let instants = times.flat_map(|(hour, minute)| self.instants(day.at(hour, minute, 0, 0)));
        instants.filter(|instant| *instant > moment).min()
    }

    /// When a clock of the zone shows a time.
    fn instants(&self, shown: DateTime) -> impl Iterator<Item = Instant> {
        let ambiguous = self.zone.to_ambiguous_timestamp(shown);
        let is_twice = matches!(ambiguous.offset(), AmbiguousOffset::Fold { .. });
        let again = (is_twice && self.hours.is_open).then(|| ambiguous.later().ok()).flatten();
        ambiguous.compatible().ok().into_iter().chain(again)
    }
}

/// Reads a field.
fn numbers(text: &str, field: &Field) -> Result<Numbers, String> {
    let mut bits = 0;
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            None => (part, 1),
            Some((range, step)) => {
                let is_range = range == "*" || range.contains('-');
                let step = step.parse::<u8>().ok().filter(|step| is_range && (1..=field.most).contains(step));
                (range, step.ok_or_else(|| wrong(part, field))?)
            }
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (field.least, field.most),
            None => (number(range, field)?, number(range, field)?),
            Some((first, last)) => (number(first, field)?, number(last, field)?),
        };
        if first > last {
            return Err(format!("{}: {} runs backwards; write it as two ranges", field.name, quoted(range)));
        }
        bits = (first..=last).step_by(step.into()).fold(bits, |bits, number| bits | (1 << number));
    }
    Ok(Numbers { bits, is_open: text.starts_with('*') })
}

fn number(text: &str, field: &Field) -> Result<u8, String> {
    let by_name = field.names.iter().position(|name| name.eq_ignore_ascii_case(text));
    let by_name = by_name.and_then(|place| u8::try_from(place).ok()).map(|place| field.least + place);
    let by_number = || text.parse::<u8>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    by_name.or_else(by_number).filter(|n| (field.least..=field.most).contains(n)).ok_or_else(|| wrong(text, field))
}

fn wrong(part: &str, field: &Field) -> String {
    let names = field.names.first().zip(field.names.last());
    let names = names.map_or_else(String::new, |(first, last)| format!(", `{first}` to `{last}`"));
    let Field { name, least, most, .. } = field;
    let takes = format!("{least} to {most}{names}, `*`, `a-b`, lists with `,`, and `/n` behind `*` or a range");
    format!("{} is no {name}; it takes {takes}", quoted(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp(text.parse::<Instant>().unwrap().as_millisecond())
    }

    fn next(cron: &str, tz: &str, after: &str, count: usize) -> Vec<String> {
        let schedule = Schedule::read(cron, tz).unwrap_or_else(|what| panic!("{cron}: {what}"));
        let mut moment = at(after);
        let mut found = Vec::new();
        for _ in 0..count {
            moment = schedule.next_after(moment).unwrap();
            found.push(moment.to_string().replace(":00.000Z", "Z"));
        }
        found
    }

    #[test]
    fn it_comes_when_cron_would() {
        for (cron, tz, after, expected) in [
            ("0 8 * * *", "UTC", "2026-11-27T08:00:00Z", vec!["2026-11-28T08:00Z", "2026-11-29T08:00Z"]),
            ("*/20 9-10 * * *", "UTC", "2026-11-27T09:30:00Z", vec!["2026-11-27T09:40Z", "2026-11-27T10:00Z"]),
            ("0 8 * * mon-fri", "UTC", "2026-11-27T08:00:00Z", vec!["2026-11-30T08:00Z"]),
            ("0 8 * * 7", "UTC", "2026-11-27T08:00:00Z", vec!["2026-11-29T08:00Z", "2026-12-06T08:00Z"]),
            ("0 8 * * 5-7", "UTC", "2026-11-27T08:00:00Z", vec!["2026-11-28T08:00Z", "2026-11-29T08:00Z"]),
            ("30 6 1 JAN,jul *", "UTC", "2026-11-27T08:00:00Z", vec!["2027-01-01T06:30Z", "2027-07-01T06:30Z"]),
            // Either day is enough where both are named, both are needed behind a `*`.
            (
                "0 0 13 * fri",
                "UTC",
                "2026-11-27T08:00:00Z",
                vec!["2026-12-04T00:00Z", "2026-12-11T00:00Z", "2026-12-13T00:00Z"],
            ),
            ("0 0 */2 * fri", "UTC", "2026-11-27T08:00:00Z", vec!["2026-12-11T00:00Z"]),
            ("0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", vec!["2104-02-29T00:00Z"]),
            ("0 0 31 12 *", "UTC", "2026-11-27T08:00:00Z", vec!["2026-12-31T00:00Z", "2027-12-31T00:00Z"]),
            ("0 8 * * *", "Asia/Kolkata", "2026-11-27T00:00:00Z", vec!["2026-11-27T02:30Z"]),
        ] {
            assert_eq!(next(cron, tz, after, expected.len()), expected, "{cron} {tz}");
        }
    }

    #[test]
    fn no_day_is_lost_or_doubled_by_the_clocks() {
        for (cron, after, expected) in [
            // Clocks go from 02:00 to 03:00: what is for 02:30 comes at 03:30, which is 01:30 UTC.
            ("30 2 * * *", "2026-03-28T12:00:00Z", vec!["2026-03-29T01:30Z", "2026-03-30T00:30Z"]),
            ("0 * * * *", "2026-03-28T23:30:00Z", vec!["2026-03-29T00:00Z", "2026-03-29T01:00Z", "2026-03-29T02:00Z"]),
            // Clocks go from 03:00 back to 02:00, so 02:30 is 00:30 UTC and 01:30 UTC.
            ("30 2 * * *", "2026-10-24T12:00:00Z", vec!["2026-10-25T00:30Z", "2026-10-26T01:30Z"]),
            ("30 * * * *", "2026-10-25T00:00:00Z", vec!["2026-10-25T00:30Z", "2026-10-25T01:30Z", "2026-10-25T02:30Z"]),
        ] {
            assert_eq!(next(cron, "Europe/Berlin", after, expected.len()), expected, "{cron} after {after}");
        }
    }

    #[test]
    fn what_is_no_schedule_names_the_field() {
        for (cron, tz, said) in [
            ("0 8 * *", "UTC", "has 4; a schedule has five fields"),
            ("", "UTC", "has 0"),
            ("0 0 8 * * *", "UTC", "has 6"),
            ("@daily", "UTC", "has 1"),
            ("60 * * * *", "UTC", "`60` is no minute; it takes 0 to 59"),
            ("0 24 * * *", "UTC", "no hour"),
            ("0 0 0 * *", "UTC", "no day of the month; it takes 1 to 31"),
            ("0 0 * 13 *", "UTC", "1 to 12, `jan` to `dec`"),
            ("0 0 * * fry", "UTC", "`fry` is no day of the week"),
            ("0 0 L * *", "UTC", "`L` is no day of the month"),
            ("5/10 * * * *", "UTC", "`5/10` is no minute"),
            ("*/0 * * * *", "UTC", "`*/0` is no minute"),
            ("*/61 * * * *", "UTC", "`*/61` is no minute"),
            ("30-10 * * * *", "UTC", "runs backwards"),
            ("1,,2 * * * *", "UTC", "`` is no minute"),
            ("+1 * * * *", "UTC", "no minute"),
            ("0 0 30 2 *", "UTC", "never comes"),
            ("0 8 * * *", "Europe/Berln", "`Europe/Berln` is no time zone"),
            ("0 8 * * *", "", "no time zone"),
        ] {
            let what = Schedule::read(cron, tz).expect_err(cron);
            assert!(what.contains(said), "{cron} {tz}: {what}");
        }
    }

    #[test]
    fn the_ends_of_time_are_no_panic() {
        let schedule = Schedule::read("* * * * *", "Pacific/Apia").unwrap();
        for moment in [i64::MIN, i64::MAX, -62_135_596_800_000, 253_402_207_200_000] {
            let _ = schedule.next_after(Timestamp(moment));
        }
        // Samoa left out 30 December 2011.
        assert_eq!(next("0 0 30 12 *", "Pacific/Apia", "2011-12-01T00:00:00Z", 1), ["2011-12-30T10:00Z"]);
    }
}
