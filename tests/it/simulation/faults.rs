//! What goes wrong at commits: they are refused, land without an answer, or the process dies before or after them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ai_crm::store::memory::Fate;

use super::dice::Dice;

/// How often of a thousand commits.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rates {
    pub(super) refused: u64,
    pub(super) unseen: u64,
    pub(super) crash_before: u64,
    pub(super) crash_after: u64,
}

/// The faults of one world, shared with its engine and its platform.
pub(super) struct Faults {
    state: Mutex<State>,
}

struct State {
    dice: Dice,
    rates: Rates,
    dying: bool,
    count: u64,
    commits: u64,
    said: Vec<&'static str>,
}

impl Faults {
    pub(super) fn new(dice: Dice, rates: Rates) -> Arc<Self> {
        let state = State { dice, rates, dying: false, count: 0, commits: 0, said: Vec::new() };
        Arc::new(Self { state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What becomes of the next commit. A process that is dying writes nothing more.
    pub(super) fn fate(&self) -> Fate {
        let mut state = self.state();
        state.commits += 1;
        if state.dying {
            return Fate::Refuse;
        }
        let Rates { refused, unseen, crash_before, crash_after } = state.rates;
        let drawn = state.dice.below(1000);
        let table = [
            (refused, Fate::Refuse, false, "a commit is refused"),
            (unseen, Fate::LandUnseen, false, "a commit lands without an answer"),
            (crash_before, Fate::Refuse, true, "the process dies before a commit"),
            (crash_after, Fate::LandUnseen, true, "the process dies after a commit"),
        ];
        let mut upto = 0;
        for (rate, fate, dying, words) in table {
            upto += rate;
            if drawn < upto {
                state.count += 1;
                state.dying = dying;
                state.said.push(words);
                return fate;
            }
        }
        Fate::Land
    }

    /// No fault from here on.
    pub(super) fn stop(&self) {
        self.state().rates = Rates::default();
    }

    /// Whether the process is dying; what it still does in this moment reaches nobody.
    pub(super) fn is_dying(&self) -> bool {
        self.state().dying
    }

    /// The process has ended, by a commit or otherwise.
    pub(super) fn died(&self) {
        let mut state = self.state();
        state.count += 1;
        state.dying = false;
    }

    /// Faults so far. While this stands still, what the core was told it also knows and has on disk.
    pub(super) fn count(&self) -> u64 {
        self.state().count
    }

    /// Commits so far; while this stands still, so does what is stored.
    pub(super) fn commits(&self) -> u64 {
        self.state().commits
    }

    /// What went wrong since the last question, for the trace.
    pub(super) fn said(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.state().said)
    }
}
