//! Findings of what the program is given: secrets, disk, clock.

use std::path::Path;
use std::time::Duration;

use super::{Finding, State, good, not_good};
use crate::config::Config;
use crate::domain::time::Timestamp;
use crate::store::quota;

/// The clock of a machine that has never been set; signatures would all be stale.
const NEVER_SET: Timestamp = Timestamp(1_735_689_600_000);
/// A clock that differs from Slack's by this much is worth a word.
const NOTABLE: Duration = Duration::from_secs(60);
/// A clock that differs by this much refuses every request of Slack, and Slack's own rule asks for that
/// (docs.slack.dev/authentication/verifying-requests-from-slack).
const HOPELESS: Duration = Duration::from_secs(300);
const MIB: u64 = 1 << 20;

/// Which secrets are set and how, never their values; and the files that stand for those that are not.
pub(super) fn secrets(config: &Config) -> Vec<Finding> {
    let mut findings: Vec<Finding> = config.secrets().iter().map(|given| good("secrets", given.to_string())).collect();
    let made = [
        ("store.master_key", config.store.master_key.is_empty(), config.master_key_file()),
        ("admin.token", config.admin.token.is_empty(), config.admin_token_file()),
    ];
    for (key, _, file) in made.into_iter().filter(|(_, unset, _)| *unset) {
        let state = if file.exists() { "kept in" } else { "made at the first start in" };
        findings.push(good("secrets", format!("{key}: {state} {}", file.display())));
    }
    findings
}

/// Room on the disk, against the bounds at which no more work is taken; `live` is what the store holds.
pub(super) fn disk(config: &Config, live: Option<u64>) -> Finding {
    let folder = config.data.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let free = match quota::free(folder) {
        Ok(free) => free,
        Err(error) => {
            let detail = format!("{} cannot be asked: {error}", folder.display());
            return not_good("disk", State::Bad, detail, "mount the disk of the data folder, or make it readable");
        }
    };
    let held = quota::reserve_held(&config.store_folder());
    let (keep, most) = (config.store.keep_free_bytes(), config.store.most_bytes());
    let store = live.map(|live| format!("the store holds {} of {} MiB; ", live / MIB, most / MIB)).unwrap_or_default();
    let detail = format!(
        "{} MiB free, of which {} stay free; {store}{} MiB held in reserve",
        free / MIB,
        keep / MIB,
        held / MIB
    );
    judged(free, keep, live.map(|live| most.saturating_sub(live)), detail)
}

fn judged(free: u64, keep: u64, store_room: Option<u64>, detail: String) -> Finding {
    if free < keep {
        let mend = "make room: no work is taken below store.keep_free_mb; it goes on by itself when there is room";
        return not_good("disk", State::Bad, detail, mend);
    }
    if store_room == Some(0) {
        let mend = "raise store.most_mb, or keep less: store.retention_days, store.retention_mb";
        return not_good("disk", State::Bad, detail, mend);
    }
    if free < keep.saturating_mul(2) {
        let mend = "make room before the disk is down to store.keep_free_mb, where no more work is taken";
        return not_good("disk", State::Warning, detail, mend);
    }
    good("disk", detail)
}

/// The machine's clock, against Slack's where Slack said what time it is.
pub(super) fn clock(now: Timestamp, at_slack: Option<Timestamp>) -> Finding {
    let mend = "set the clock, and keep it by NTP: requests of Slack that seem older than five minutes are refused";
    if now <= NEVER_SET {
        return not_good("clock", State::Bad, now.to_string(), mend);
    }
    let Some(theirs) = at_slack else { return good("clock", now.to_string()) };
    let (apart, word) = if now > theirs { (now.since(theirs), "ahead of") } else { (theirs.since(now), "behind") };
    let detail = format!("{now}, {} s {word} Slack's", apart.as_secs());
    if apart >= HOPELESS {
        not_good("clock", State::Bad, detail, mend)
    } else if apart >= NOTABLE {
        not_good("clock", State::Warning, detail, mend)
    } else {
        good("clock", detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LoadArgs;

    #[test]
    fn a_clock_that_differs_from_slacks_is_told() {
        let now = Timestamp(1_795_255_200_000);
        let table = [
            (None, State::Good, "2026"),
            (Some(Duration::ZERO), State::Good, "0 s"),
            (Some(Duration::from_secs(59)), State::Good, "59 s"),
            (Some(Duration::from_secs(60)), State::Warning, "60 s"),
            (Some(Duration::from_secs(299)), State::Warning, "299 s"),
            (Some(Duration::from_secs(300)), State::Bad, "300 s"),
        ];
        for (apart, state, part) in table {
            for theirs in [apart.map(|apart| now.after(apart)), apart.map(|apart| now.before(apart))] {
                let found = clock(now, theirs);
                assert_eq!(found.state, state, "{apart:?}");
                assert!(found.detail.contains(part), "{}", found.detail);
                assert_eq!(found.mend.is_some(), state != State::Good);
            }
        }
        assert!(clock(now, Some(now.after(Duration::from_secs(90)))).detail.contains("behind"));
        assert!(clock(now, Some(now.before(Duration::from_secs(90)))).detail.contains("ahead of"));
        assert_eq!(clock(Timestamp(0), None).state, State::Bad);
    }

    #[test]
    fn room_on_the_disk_is_judged_by_the_bounds() {
        for (free, keep, room, state) in [
            (100, 10, Some(5), State::Good),
            (100, 10, None, State::Good),
            (19, 10, Some(5), State::Warning),
            (9, 10, Some(5), State::Bad),
            (100, 10, Some(0), State::Bad),
            (0, 0, None, State::Good),
        ] {
            assert_eq!(judged(free, keep, room, String::new()).state, state, "{free} {keep} {room:?}");
        }
    }

    #[test]
    fn secrets_and_disk_are_told_before_the_first_start_and_make_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let env = vec![("AI_CRM_ADMIN_TOKEN".to_owned(), "hush-1,hush-2".to_owned())];
        let data = folder.path().join("not/there");
        let config = Config::load(&LoadArgs { data: Some(data.clone()), env, ..LoadArgs::default() }).unwrap();
        let told: Vec<String> = secrets(&config).into_iter().map(|finding| finding.detail).collect();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].contains("admin.token: plain text") && told[0].contains("two values"), "{told:?}");
        assert!(told[1].contains("store.master_key: made at the first start"), "{told:?}");
        assert!(!told.concat().contains("hush"), "{told:?}");
        let found = disk(&config, None);
        assert!(
            found.detail.contains("MiB free") && found.detail.contains("0 MiB held in reserve"),
            "{}",
            found.detail
        );
        assert!(!data.exists());
    }
}
