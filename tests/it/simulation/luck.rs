//! How much luck a world has: each seed draws which faults it knows and how often they come.

use std::time::Duration;

use ai_crm::domain::time::Timestamp;

use super::dice::Dice;
use super::{faults, platform};

pub(super) fn commit_faults(dice: &mut Dice) -> faults::Rates {
    match dice.below(4) {
        0 => faults::Rates::default(),
        1 => faults::Rates { refused: 10, unseen: 10, crash_before: 5, crash_after: 5 },
        2 => faults::Rates { refused: 0, unseen: 0, crash_before: 20, crash_after: 20 },
        _ => faults::Rates { refused: 40, unseen: 40, crash_before: 20, crash_after: 20 },
    }
}

pub(super) fn platform_faults(dice: &mut Dice) -> platform::Rates {
    let slowest_ms = *dice.pick(&[1, 300, 5_000, 40_000]);
    let (often, now_and_then) = (dice.below(150), dice.below(30));
    match dice.below(3) {
        0 => platform::Rates { slowest_ms, ..platform::Rates::default() },
        _ => platform::Rates {
            limited: often,
            unavailable: often,
            nobody: now_and_then,
            done_unknown: often,
            not_done_unknown: often,
            rejected: now_and_then,
            no_profile: often * 3,
            no_look: often,
            slowest_ms,
        },
    }
}

pub(super) fn outages(dice: &mut Dice, morning: Timestamp) -> Vec<(Timestamp, Timestamp)> {
    let many = dice.below(3);
    let outage = |dice: &mut Dice| {
        let from = morning.after(Duration::from_secs(dice.below(1200)));
        (from, from.after(Duration::from_secs(dice.between(1, 2700))))
    };
    (0..many).map(|_| outage(dice)).collect()
}
