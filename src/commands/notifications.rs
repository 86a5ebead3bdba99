//! `notifications`: shows and changes of what the asker is told unasked, where and when.

use std::str::FromStr;
use std::time::Duration;

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ArgMatches, Command};
use jiff::civil::Time;
use jiff::tz::TimeZone;

use crate::commands::arguments::option;
use crate::commands::task_card::minute;
use crate::commands::{CommandSpec, Saying, also, answer, everyday};
use crate::domain::card::{Card, Tone};
use crate::domain::event::{Address, ChannelName};
use crate::domain::notice::{Preferences, Quiet, Topic};
use crate::domain::outcome::{Failure, Outcome};
use crate::tools::Context;
use crate::tools::notices::{self, Wanted};

/// The longest time for which somebody is muted by one command.
const LONGEST_MUTE: Duration = Duration::from_secs(366 * 24 * 3600);

/// Its line in the table.
pub const SPEC: CommandSpec = CommandSpec {
    words: &["notifications"],
    also: &[
        also("notification settings"),
        also("notify"),
        Saying { words: "mute", adds: &["--mute=1d"] },
        Saying { words: "unmute", adds: &["--mute=off"] },
    ],
    action: everyday("notifications"),
    about: "show or change of what you are told unasked, where and when",
    details: "Without an option it shows how you are told now. You are told in your own chat with the bot, never of what \
              you did yourself. What comes up in quiet hours is told at their end, all at once; with a digest \
              everything but alerts waits for its time. Alerts are for owners. Each option but the first two takes \
              `off`.",
    examples: &[
        "notifications",
        "notifications --off status,comments",
        "notifications --quiet 19:00-08:00 --zone Europe/Berlin",
        "notifications --digest 17:00 --summary 09:00",
        "notifications --mute 3d",
        "notifications --via teams",
    ],
    arguments,
    run,
};

fn arguments(command: Command) -> Command {
    command
        .arg(topics("on", "be told of these again, separated by commas"))
        .arg(topics("off", "be told of these no longer"))
        .arg(setting("via", "PLATFORM", "where, if you are one person on several platforms: slack or teams", platform))
        .arg(setting("mute", "TIME", "nothing for so long: 30m, 2h, 3d or 1w", span))
        .arg(setting("quiet", "FROM-TO", "hours in which nothing comes: 19:00-08:00", hours))
        .arg(setting("digest", "TIME", "once a day, together: 17:00", time))
        .arg(setting("summary", "TIME", "your tasks of the day, each day: 09:00", time))
        .arg(setting("zone", "ZONE", "the zone of these times: Europe/Berlin; off is UTC", zone))
}

fn topics(name: &'static str, help: &'static str) -> Arg {
    let read = |word: &str| Topic::from_str(word);
    option(name, "A,B", help).action(ArgAction::Append).value_delimiter(',').value_parser(read)
}

/// An option with a value, or `off`.
fn setting<T: Clone + Send + Sync + 'static>(
    name: &'static str,
    value: &'static str,
    help: &'static str,
    read: fn(&str) -> Result<T, String>,
) -> Arg {
    let read = move |word: &str| match word.trim().to_lowercase().as_str() {
        "off" | "none" => Ok(None),
        plain => read(plain).map(Some),
    };
    option(name, value, help).value_parser(ValueParser::new(read))
}

fn platform(word: &str) -> Result<ChannelName, String> {
    let reaching = || ChannelName::OF_PEOPLE.into_iter().filter(|channel| channel.reaches_people());
    let names: Vec<&str> = reaching().map(ChannelName::as_str).collect();
    let found = reaching().find(|channel| channel.as_str() == word);
    found.ok_or_else(|| format!("nobody is told anything on `{word}`; there are {}", names.join(", ")))
}

fn span(word: &str) -> Result<Duration, String> {
    let wrong = || format!("`{word}` is no length of time; write 30m, 2h, 3d or 1w");
    let unit = word.chars().next_back().ok_or_else(wrong)?;
    let seconds = match unit {
        'm' => 60,
        'h' => 3600,
        'd' => 24 * 3600,
        'w' => 7 * 24 * 3600,
        _ => return Err(wrong()),
    };
    let count: u32 = word.strip_suffix(unit).and_then(|count| count.parse().ok()).ok_or_else(wrong)?;
    let span = Duration::from_secs(u64::from(count) * seconds);
    if span.is_zero() || span > LONGEST_MUTE {
        return Err(format!("`{word}` is no time to be muted for; a year is the longest, and `off` ends it"));
    }
    Ok(span)
}

fn time(word: &str) -> Result<Time, String> {
    let (hour, minute) = word.split_once(':').unwrap_or((word, "0"));
    let time = hour.parse().ok().zip(minute.parse().ok()).and_then(|(hour, minute)| Time::new(hour, minute, 0, 0).ok());
    time.ok_or_else(|| format!("`{word}` is no time of the day; write 09:00 or 17:30"))
}

fn hours(word: &str) -> Result<Quiet, String> {
    let (from, to) = word.split_once('-').ok_or_else(|| format!("`{word}` are no hours; write 19:00-08:00"))?;
    let quiet = Quiet { from: time(from.trim())?, to: time(to.trim())? };
    if quiet.from == quiet.to {
        return Err("quiet hours begin and end at different times; `--mute` is for days".to_owned());
    }
    Ok(quiet)
}

fn zone(word: &str) -> Result<String, String> {
    let zone = TimeZone::get(word).map_err(|_| format!("`{word}` is no zone; write it as Europe/Berlin"))?;
    Ok(zone.iana_name().unwrap_or("UTC").to_owned())
}

fn run(matches: &ArgMatches, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let topics = |name: &str| matches.get_many::<Topic>(name).into_iter().flatten().copied().collect();
    let wanted = Wanted {
        on: topics("on"),
        off: topics("off"),
        via: matches.get_one("via").copied(),
        mute: matches.get_one("mute").copied(),
        quiet: matches.get_one("quiet").copied(),
        digest: matches.get_one("digest").copied(),
        summary: matches.get_one("summary").copied(),
        zone: matches.get_one("zone").cloned(),
    };
    let named = |summary: &str| Outcome {
        resource: "notifications".to_owned(),
        summary: summary.to_owned(),
        ..Outcome::default()
    };
    if wanted == Wanted::default() {
        let wishes = notices::wishes(ctx.view, &ctx.by.id)?;
        let card = card("How you are told", &wishes, ctx)?;
        return Ok(answer::asker(named("showed how the asker is told"), card));
    }
    let changed = notices::change(wanted, ctx)?;
    let card = card("So you are told from now on", &changed.wishes, ctx)?.tone(Tone::Good);
    let outcome = Outcome { writes: changed.writes, timers: changed.timers, ..named("changed how the asker is told") };
    Ok(answer::asker(outcome, card))
}

fn card(title: &str, wishes: &Preferences, ctx: &Context<'_>) -> Result<Card, Failure> {
    // Who writes for the first time is known with this very event.
    let here = || ctx.event.what.reply.as_ref().and_then(Address::in_person);
    let reach = notices::reach(ctx.view, &ctx.by.id, wishes.via)?.or_else(here);
    let place = match &reach {
        Some(chat) => format!("your own chat with me on {}", chat.channel),
        None => "nowhere: write to me on Slack or in Teams, and I know where".to_owned(),
    };
    let told = Topic::ALL.iter().filter(|topic| !wishes.off.contains(topic)).map(|topic| topic.as_str());
    let off: Vec<&str> = wishes.off.iter().map(|topic| topic.as_str()).collect();
    let clock = |time: Time| time.strftime("%H:%M").to_string();
    let hours = |quiet: Quiet| format!("{} to {}", clock(quiet.from), clock(quiet.to));
    let muted = wishes.muted_until.filter(|until| ctx.now < *until);
    let facts = [
        ("Where", place),
        ("Of", told.collect::<Vec<_>>().join(", ")),
        ("Not of", off.join(", ")),
        ("Muted until", muted.map(minute).unwrap_or_default()),
        ("Quiet hours", wishes.quiet.map(hours).unwrap_or_default()),
        ("Digest at", wishes.digest.map(clock).unwrap_or_default()),
        ("Daily summary at", wishes.summary.map(clock).unwrap_or_default()),
        ("Zone", wishes.zone_name().to_owned()),
    ];
    let mend = format!("`{}` says how to change it", ctx.typed("help notifications"));
    Ok(Card::new(title).facts(facts).footer(mend))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_spans_and_hours_are_read_as_people_write_them() {
        let at = |hour, minute| Time::new(hour, minute, 0, 0).unwrap();
        assert_eq!(time("9"), Ok(at(9, 0)));
        assert_eq!(time("17:30"), Ok(at(17, 30)));
        assert_eq!(hours("19:00-8"), Ok(Quiet { from: at(19, 0), to: at(8, 0) }));
        assert_eq!(span("90m"), Ok(Duration::from_secs(5400)));
        assert_eq!(zone("europe/berlin"), Ok("Europe/Berlin".to_owned()));
        for wrong in [time("25"), time("9:60"), time("noon"), time("-1")] {
            assert!(wrong.unwrap_err().contains("09:00"));
        }
        for wrong in ["0m", "2y", "h", "", "99999999999d", "400d"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
        for wrong in ["9-9", "9", "x-y"] {
            assert!(hours(wrong).is_err(), "{wrong}");
        }
        assert!(zone("berlin").unwrap_err().contains("Europe/Berlin"));
    }
}
