//! What people are told unasked, and how each of them wants to be told: where, when, and of what.
//!
//! Pure: whether a notice goes now, later or never follows from the preferences and the time alone.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{ToSpan, Zoned};
use serde::{Deserialize, Serialize};

use crate::domain::event::{ChannelName, EventKind};
use crate::domain::outcome::TimerChange;
use crate::domain::time::Timestamp;

/// Of what somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Topic {
    /// A task was given to them, or taken from them.
    Assignments,
    /// A task of theirs has another status.
    Status,
    /// Somebody has named them.
    Mentions,
    /// Somebody has commented on a task of theirs.
    Comments,
    /// A task that they made lies with nobody, and agents suit it.
    Recommendations,
    /// Somebody waits for their approval.
    Approvals,
    /// A workflow has a message for them.
    Rules,
    /// Something of the bot is broken; for owners.
    Alerts,
}

impl Topic {
    /// Every topic, in the order in which they are shown.
    pub const ALL: [Self; 8] = [
        Self::Assignments,
        Self::Status,
        Self::Mentions,
        Self::Comments,
        Self::Recommendations,
        Self::Approvals,
        Self::Rules,
        Self::Alerts,
    ];

    /// The word that people type.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Assignments => "assignments",
            Self::Status => "status",
            Self::Mentions => "mentions",
            Self::Comments => "comments",
            Self::Recommendations => "recommendations",
            Self::Approvals => "approvals",
            Self::Rules => "rules",
            Self::Alerts => "alerts",
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Topic {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let plain = word.trim().to_lowercase();
        let found = Self::ALL.into_iter().find(|topic| topic.as_str() == plain);
        found.ok_or_else(|| format!("`{word}` is no topic; there are {}", Self::ALL.map(Self::as_str).join(", ")))
    }
}

/// How somebody wants to be told.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Preferences {
    /// The platform, for who is one person on several; otherwise the first on which they can be reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<ChannelName>,
    /// Of these they are not told.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub off: Vec<Topic>,
    /// Nothing is told before this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub muted_until: Option<Timestamp>,
    /// Between these nothing is told, and then all at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quiet: Option<Quiet>,
    /// Everything but alerts and approvals is told once a day at this time, in one message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Time>,
    /// The summary of the day comes at this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<Time>,
    /// The zone of these times, by its name in the IANA database; UTC where none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

/// Hours of the day; they may go over midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quiet {
    /// They begin.
    pub from: Time,
    /// They have ended.
    pub to: Time,
}

impl Quiet {
    fn covers(self, time: Time) -> bool {
        if self.from < self.to { self.from <= time && time < self.to } else { self.from <= time || time < self.to }
    }
}

/// When a notice goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Going {
    /// At once.
    Now,
    /// With all others that wait, then.
    At(Timestamp),
    /// Not at all, for this reason.
    Never(&'static str),
}

impl Preferences {
    /// When a notice goes that arises now.
    #[must_use]
    pub fn going(&self, topic: Topic, now: Timestamp) -> Going {
        if self.off.contains(&topic) {
            return Going::Never("wants none of these");
        }
        if self.muted_until.is_some_and(|until| now < until) {
            return Going::Never("is muted");
        }
        let waits = !matches!(topic, Topic::Alerts | Topic::Approvals);
        let digest = self.digest.filter(|_| waits).and_then(|time| self.next(time, now));
        let loud = digest.unwrap_or(now);
        let quiet = self.quiet.filter(|quiet| self.local(loud).is_some_and(|local| quiet.covers(local.time())));
        match quiet.and_then(|quiet| self.next(quiet.to, loud)).or(digest) {
            Some(at) => Going::At(at),
            None => Going::Now,
        }
    }

    /// The next moment at which it is that time of the day, after `now`. A time that a day does not have, since the
    /// clocks go forward over it, is the moment after; one that a day has twice is the first.
    #[must_use]
    pub fn next(&self, time: Time, now: Timestamp) -> Option<Timestamp> {
        let today = self.local(now)?.date();
        let zone = self.time_zone();
        let moments = (0..=2).filter_map(|days| {
            let moment = today.checked_add(days.days()).ok()?.to_datetime(time).to_zoned(zone.clone()).ok()?;
            Some(Timestamp(moment.timestamp().as_millisecond()))
        });
        moments.into_iter().find(|at| *at > now)
    }

    /// A moment by the clock on the person's wall.
    #[must_use]
    pub fn local(&self, at: Timestamp) -> Option<Zoned> {
        Some(jiff::Timestamp::from_millisecond(at.0).ok()?.to_zoned(self.time_zone()))
    }

    /// The zone's name, for people.
    #[must_use]
    pub fn zone_name(&self) -> &str {
        self.zone.as_deref().unwrap_or("UTC")
    }

    fn time_zone(&self) -> TimeZone {
        self.zone.as_deref().and_then(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC)
    }
}

/// How the names of its timers begin.
const ALERT: &str = "alert/";
/// Troubles that are this close together are told to the owners in one message.
const TOGETHER: Duration = Duration::from_secs(10);

/// The timer by which owners are told of a trouble, which is set by the commit that gives something up. Each span of
/// time has one of its own, so that no trouble moves the timer of those before it.
#[must_use]
pub fn alert(now: Timestamp) -> TimerChange {
    let span = i64::try_from(TOGETHER.as_millis()).unwrap_or(i64::MAX);
    let next = now.0.div_euclid(span).saturating_add(1);
    let at = Timestamp(next.saturating_mul(span));
    TimerChange::Set { name: format!("{ALERT}{next}"), at, payload: serde_json::Value::Null }
}

/// Whether an event is that owners are told. What becomes of it is no trouble of which they are told again.
#[must_use]
pub fn is_alert(kind: &EventKind) -> bool {
    matches!(kind, EventKind::TimerFired { name, .. } if name.starts_with(ALERT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    fn time(text: &str) -> Time {
        text.parse().unwrap()
    }

    #[test]
    fn quiet_hours_go_over_midnight_and_end_once() {
        let quiet = Some(Quiet { from: time("19:00"), to: time("08:00") });
        let wishes = Preferences { quiet, zone: Some("Europe/Berlin".into()), ..Preferences::default() };
        for (now, going) in [
            ("2026-11-26T17:59:59Z", Going::Now),
            ("2026-11-26T18:00:00Z", Going::At(at("2026-11-27T07:00:00Z"))),
            ("2026-11-27T06:59:59Z", Going::At(at("2026-11-27T07:00:00Z"))),
            ("2026-11-27T07:00:00Z", Going::Now),
        ] {
            assert_eq!(wishes.going(Topic::Status, at(now)), going, "{now}");
        }
    }

    #[test]
    fn a_digest_in_quiet_hours_waits_for_their_end_and_an_alert_waits_for_no_digest() {
        let quiet = Some(Quiet { from: time("12:00"), to: time("14:00") });
        let wishes = Preferences { quiet, digest: Some(time("13:00")), ..Preferences::default() };
        let now = at("2026-11-26T09:00:00Z");
        assert_eq!(wishes.going(Topic::Comments, now), Going::At(at("2026-11-26T14:00:00Z")));
        assert_eq!(wishes.going(Topic::Alerts, now), Going::Now);
        assert_eq!(wishes.going(Topic::Alerts, at("2026-11-26T12:30:00Z")), Going::At(at("2026-11-26T14:00:00Z")));
    }

    #[test]
    fn who_is_muted_or_wants_none_is_not_told() {
        let now = at("2026-11-26T09:00:00Z");
        let muted = Preferences { muted_until: Some(Timestamp(now.0 + 1)), ..Preferences::default() };
        assert_eq!(muted.going(Topic::Alerts, now), Going::Never("is muted"));
        assert_eq!(muted.going(Topic::Alerts, Timestamp(now.0 + 1)), Going::Now);
        let off = Preferences { off: vec![Topic::Status], ..Preferences::default() };
        assert_eq!(off.going(Topic::Status, now), Going::Never("wants none of these"));
        assert_eq!(off.going(Topic::Mentions, now), Going::Now);
    }

    #[test]
    fn each_day_has_a_time_once_where_the_clocks_change_too() {
        let wishes = Preferences { zone: Some("Europe/Berlin".into()), ..Preferences::default() };
        // On 2026-03-29 there is no 02:30, on 2026-10-25 there are two.
        for (now, next) in [
            ("2026-03-28T12:00:00Z", "2026-03-29T01:30:00Z"),
            ("2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"),
            ("2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"),
            ("2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"),
            ("2026-10-25T01:10:00Z", "2026-10-26T01:30:00Z"),
        ] {
            assert_eq!(wishes.next(time("02:30"), at(now)), Some(at(next)), "{now}");
        }
    }
}
