//! GitHub's limits, kept by us before GitHub has to say so, and GitHub's own word where it says so.
//!
//! Each installation of the App has limits of its own, and so has the App where it speaks as itself. Nothing waits here:
//! who comes too early is told how long to stay away, so that the outbox waits, on disk, and no task sleeps.
//!
//! What counts here lives as long as the process. After a start the counts begin at nothing, so within an hour of it GitHub
//! can be called for more than an hour's worth of content; it then says so itself, and that is obeyed.
//!
//! Numbers: docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api and
//! docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api, "handle rate limit errors appropriately".

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::domain::time::{Clock, Timestamp};

/// Calls that make content, in a minute and in an hour.
const CONTENT: [(u32, Duration); 2] = [(80, Duration::from_secs(60)), (500, Duration::from_secs(3600))];
/// Points of all calls in a minute.
const POINTS: (u32, Duration) = (900, Duration::from_secs(60));
/// Calls that are under way at one time.
const AT_ONCE: u32 = 100;
/// What a limit means of which GitHub does not say how long it holds: a minute at least, longer each time.
const UNTOLD: Duration = Duration::from_secs(60);
/// Nobody stays away for longer: GitHub's longest window is an hour, and it says so again.
const LONGEST: Duration = Duration::from_secs(3600);
/// Where only calls that are under way stand in the way, whose end is not known; and the least that a limit holds.
const SOON: Duration = Duration::from_secs(1);
/// Speakers of whom counts are kept; those that have nothing to count are forgotten beyond it.
const MOST_KEPT: usize = 1000;

/// As whom GitHub is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Voice {
    /// As the App itself.
    App,
    /// As one of its installations.
    Installation(u64),
}

/// What a call counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cost {
    /// It changes nothing.
    Read,
    /// It changes something, and notifies nobody.
    Write,
    /// It makes content: of such a call GitHub's documents say that it triggers notifications.
    Content,
}

impl Cost {
    /// Points: 1 for GET, 5 for POST, PATCH, PUT and DELETE.
    fn points(self) -> u32 {
        match self {
            Self::Read => 1,
            Self::Write | Self::Content => 5,
        }
    }

    fn contents(self) -> u32 {
        u32::from(self == Self::Content)
    }
}

/// What an answer says of limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// Nothing.
    Fine,
    /// The answer counts, and there is none left for so long.
    Last(Duration),
    /// The call was refused for a limit; for how long, where it is said.
    Enough(Option<Duration>),
}

/// What of one limit is used up. A call counts from its beginning until `span` after its end: whenever it was that it
/// reached GitHub, it counts here for at least as long as there.
#[derive(Debug)]
struct Window {
    most: u32,
    span: Duration,
    under_way: u32,
    ended: VecDeque<(Timestamp, u32)>,
    sum: u32,
}

impl Window {
    fn new((most, span): (u32, Duration)) -> Self {
        Self { most, span, under_way: 0, ended: VecDeque::new(), sum: 0 }
    }

    /// How long until there is room; zero where there is.
    fn wait(&mut self, weight: u32, now: Timestamp) -> Duration {
        self.forget(now);
        let Some(mut excess) = (self.sum + self.under_way + weight).checked_sub(self.most).filter(|excess| *excess > 0)
        else {
            return Duration::ZERO;
        };
        for (ended, freed) in &self.ended {
            match excess.checked_sub(*freed).filter(|left| *left > 0) {
                Some(left) => excess = left,
                None => return ended.after(self.span).since(now).max(Duration::from_millis(1)),
            }
        }
        SOON
    }

    fn begin(&mut self, weight: u32) {
        self.under_way += weight;
    }

    fn end(&mut self, weight: u32, now: Timestamp) {
        self.under_way = self.under_way.saturating_sub(weight);
        if weight > 0 {
            self.ended.push_back((now, weight));
            self.sum += weight;
        }
    }

    fn forget(&mut self, now: Timestamp) {
        if self.ended.back().is_some_and(|(ended, _)| *ended > now) {
            // The clock was set back: what was later is taken for the present, and never counts for longer than its span.
            self.ended.iter_mut().for_each(|(ended, _)| *ended = now.min(*ended));
        }
        while let Some((_, weight)) = self.ended.pop_front_if(|(ended, _)| now.since(*ended) >= self.span) {
            self.sum -= weight;
        }
    }

    fn is_empty(&mut self, now: Timestamp) -> bool {
        self.forget(now);
        self.under_way == 0 && self.sum == 0
    }
}

/// What one speaker has left.
#[derive(Debug)]
struct Allowance {
    points: Window,
    content: [Window; 2],
    under_way: u32,
    closed_until: Option<Timestamp>,
    /// Refusals in a row that did not say for how long.
    refusals: u32,
}

impl Default for Allowance {
    fn default() -> Self {
        let content = CONTENT.map(Window::new);
        Self { points: Window::new(POINTS), content, under_way: 0, closed_until: None, refusals: 0 }
    }
}

impl Allowance {
    /// Begins a call, or says how long to stay away.
    fn begin(&mut self, cost: Cost, now: Timestamp) -> Result<(), Duration> {
        if let Some(until) = self.closed_until {
            // The clock may have been set back since.
            let until = until.min(now.after(LONGEST));
            self.closed_until = Some(until).filter(|until| *until > now);
            if self.closed_until.is_some() {
                return Err(until.since(now));
            }
        }
        if self.under_way >= AT_ONCE {
            return Err(SOON);
        }
        let mut wait = self.points.wait(cost.points(), now);
        if cost == Cost::Content {
            wait = self.content.iter_mut().map(|window| window.wait(1, now)).fold(wait, Duration::max);
        }
        if !wait.is_zero() {
            return Err(wait);
        }
        self.under_way += 1;
        self.points.begin(cost.points());
        self.content.iter_mut().for_each(|window| window.begin(cost.contents()));
        Ok(())
    }

    fn end(&mut self, cost: Cost, now: Timestamp) {
        self.under_way = self.under_way.saturating_sub(1);
        self.points.end(cost.points(), now);
        self.content.iter_mut().for_each(|window| window.end(cost.contents(), now));
    }

    /// Takes GitHub's word; gives how long it is left alone from now on.
    fn heard(&mut self, word: Word, now: Timestamp) -> Duration {
        let wait = match word {
            Word::Fine => {
                self.refusals = 0;
                return Duration::ZERO;
            }
            Word::Last(after) | Word::Enough(Some(after)) => after,
            Word::Enough(None) => {
                self.refusals = (self.refusals + 1).min(8);
                UNTOLD * 2_u32.pow(self.refusals - 1)
            }
        };
        let wait = wait.clamp(SOON, LONGEST);
        let until = now.after(wait);
        self.closed_until = Some(self.closed_until.map_or(until, |closed| closed.max(until)));
        wait
    }

    fn is_idle(&mut self, now: Timestamp) -> bool {
        let is_open = self.closed_until.is_none_or(|until| until <= now);
        is_open && self.points.is_empty(now) && self.content.iter_mut().all(|window| window.is_empty(now))
    }
}

/// The limits of all who speak.
pub(super) struct Governor {
    clock: Arc<dyn Clock>,
    all: Mutex<HashMap<Voice, Allowance>>,
}

/// A call that is under way. It counts from here until it is dropped, and for the time of each limit afterwards.
pub(super) struct Permit<'a> {
    governor: &'a Governor,
    voice: Voice,
    cost: Cost,
}

impl Governor {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, all: Mutex::default() }
    }

    /// Begins a call.
    ///
    /// # Errors
    /// How long to stay away.
    pub(super) fn begin(&self, voice: Voice, cost: Cost) -> Result<Permit<'_>, Duration> {
        let now = self.clock.now();
        let mut all = self.all();
        if all.len() >= MOST_KEPT && !all.contains_key(&voice) {
            all.retain(|_, allowance| !allowance.is_idle(now));
        }
        all.entry(voice).or_default().begin(cost, now)?;
        Ok(Permit { governor: self, voice, cost })
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Voice, Allowance>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    /// Takes GitHub's word; gives how long it is left alone from now on.
    pub(super) fn heard(&self, word: Word) -> Duration {
        let now = self.governor.clock.now();
        self.governor.all().entry(self.voice).or_default().heard(word, now)
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let now = self.governor.clock.now();
        self.governor.all().entry(self.voice).or_default().end(self.cost, now);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::channels::github::testing::Ticking;

    const START: Timestamp = Timestamp(1_790_000_000_000);

    fn at(seconds: u64) -> Timestamp {
        START.after(Duration::from_secs(seconds))
    }

    /// A call that takes no time.
    fn call(allowance: &mut Allowance, cost: Cost, now: Timestamp) -> Result<(), Duration> {
        allowance.begin(cost, now)?;
        allowance.end(cost, now);
        Ok(())
    }

    #[test]
    fn eighty_pieces_of_content_are_made_in_a_minute_and_not_one_more() {
        let mut allowance = Allowance::default();
        for number in 0..80 {
            assert_eq!(call(&mut allowance, Cost::Content, at(number / 10)), Ok(()), "{number}");
        }
        assert_eq!(call(&mut allowance, Cost::Content, at(8)), Err(Duration::from_secs(52)));
        assert_eq!(call(&mut allowance, Cost::Write, at(8)), Ok(()), "what makes no content is counted apart");
        assert_eq!(call(&mut allowance, Cost::Content, at(60)), Ok(()));
    }

    #[test]
    fn five_hundred_pieces_of_content_are_made_in_an_hour_and_not_one_more() {
        let mut allowance = Allowance::default();
        for number in 0..500 {
            assert_eq!(call(&mut allowance, Cost::Content, at(number)), Ok(()), "{number}");
        }
        assert_eq!(call(&mut allowance, Cost::Content, at(500)), Err(Duration::from_secs(3100)));
        assert_eq!(call(&mut allowance, Cost::Content, at(3600)), Ok(()));
        assert_eq!(call(&mut allowance, Cost::Content, at(3600)), Err(Duration::from_secs(1)));
    }

    #[test]
    fn nine_hundred_points_are_used_in_a_minute_and_not_one_more() {
        let mut allowance = Allowance::default();
        for _ in 0..179 {
            assert_eq!(call(&mut allowance, Cost::Write, at(0)), Ok(()));
        }
        for _ in 0..5 {
            assert_eq!(call(&mut allowance, Cost::Read, at(1)), Ok(()));
        }
        assert_eq!(call(&mut allowance, Cost::Read, at(2)), Err(Duration::from_secs(58)));
        assert_eq!(call(&mut allowance, Cost::Write, at(60)), Ok(()));
    }

    #[test]
    fn a_hundred_calls_are_under_way_and_not_one_more() {
        let mut allowance = Allowance::default();
        for _ in 0..100 {
            assert_eq!(allowance.begin(Cost::Read, at(0)), Ok(()));
        }
        assert_eq!(allowance.begin(Cost::Read, at(0)), Err(SOON));
        allowance.end(Cost::Read, at(0));
        assert_eq!(allowance.begin(Cost::Read, at(0)), Ok(()));
    }

    #[test]
    fn a_call_counts_until_a_minute_after_its_end() {
        let mut allowance = Allowance::default();
        for _ in 0..80 {
            assert_eq!(allowance.begin(Cost::Content, at(0)), Ok(()));
        }
        assert_eq!(allowance.begin(Cost::Content, at(90)), Err(SOON), "nobody knows when they reach GitHub");
        (0..80).for_each(|_| allowance.end(Cost::Content, at(95)));
        assert_eq!(allowance.begin(Cost::Content, at(154)), Err(Duration::from_secs(1)));
        assert_eq!(allowance.begin(Cost::Content, at(155)), Ok(()));
    }

    #[test]
    fn what_github_says_is_obeyed_and_grows_where_it_does_not_say_how_long() {
        let seconds = Duration::from_secs;
        let mut allowance = Allowance::default();
        for (word, wait) in [
            (Word::Enough(Some(seconds(7))), 7),
            (Word::Last(seconds(900)), 900),
            (Word::Enough(None), 60),
            (Word::Enough(None), 120),
            (Word::Enough(None), 240),
            (Word::Enough(Some(seconds(5))), 5),
            (Word::Enough(Some(seconds(0))), 1),
            (Word::Enough(None), 480),
            (Word::Fine, 0),
            (Word::Enough(None), 60),
            (Word::Last(seconds(90_000)), 3600),
        ] {
            assert_eq!(allowance.heard(word, at(0)), seconds(wait), "{word:?}");
        }
        for _ in 0..50 {
            assert!(allowance.heard(Word::Enough(None), at(0)) <= LONGEST);
        }
        assert_eq!(call(&mut allowance, Cost::Read, at(1)), Err(seconds(3599)), "a shorter word ends no longer one");
        assert_eq!(call(&mut allowance, Cost::Read, at(3600)), Ok(()));
    }

    #[test]
    fn a_clock_that_is_set_back_holds_nobody_for_longer_than_an_hour() {
        let mut allowance = Allowance::default();
        for _ in 0..80 {
            assert_eq!(call(&mut allowance, Cost::Content, at(90_000)), Ok(()));
        }
        allowance.heard(Word::Last(Duration::from_secs(60)), at(90_000));
        assert_eq!(call(&mut allowance, Cost::Content, at(0)), Err(LONGEST));
        assert_eq!(call(&mut allowance, Cost::Content, at(3600)), Err(Duration::from_secs(60)));
        assert_eq!(call(&mut allowance, Cost::Content, at(3660)), Ok(()));
    }

    #[test]
    fn installations_have_limits_of_their_own_and_idle_ones_are_forgotten() {
        let clock = Arc::new(Ticking::at(START));
        let governor = Governor::new(clock.clone());
        for _ in 0..80 {
            assert!(governor.begin(Voice::Installation(1), Cost::Content).is_ok());
        }
        assert!(governor.begin(Voice::Installation(1), Cost::Content).is_err());
        let permits: BTreeSet<bool> =
            (2..=1000).map(|id| governor.begin(Voice::Installation(id), Cost::Content).is_ok()).collect();
        assert_eq!(permits, BTreeSet::from([true]));
        clock.set(at(3600));
        let last = governor.begin(Voice::App, Cost::Read).unwrap();
        assert_eq!(governor.all().len(), 1);
        drop(last);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        /// Whenever within its time a call reaches GitHub, GitHub never sees more than its limits.
        #[test]
        fn github_never_sees_more_than_its_limits(
            calls in proptest::collection::vec((0..400_u64, 0..3_000_u64, 0..=100_u64, 0..3_u8), 1..1500)
        ) {
            let mut allowance = Allowance::default();
            let (mut now, mut under_way, mut seen) = (START, Vec::new(), Vec::new());
            for (pause, takes, reached, kind) in calls {
                now = now.after(Duration::from_millis(pause));
                under_way.sort_by_key(|(end, _): &(Timestamp, Cost)| *end);
                for (end, cost) in under_way.extract_if(.., |(end, _)| *end <= now) {
                    allowance.end(cost, end);
                }
                let cost = [Cost::Read, Cost::Write, Cost::Content][usize::from(kind)];
                if allowance.begin(cost, now).is_ok() {
                    under_way.push((now.after(Duration::from_millis(takes)), cost));
                    seen.push((now.after(Duration::from_millis(takes * reached / 100)), cost));
                }
            }
            seen.sort_by_key(|(reached, _)| *reached);
            for (index, (reached, _)) in seen.iter().enumerate() {
                let within = |span| seen[..=index].iter().rev().take_while(move |(earlier, _)| reached.since(*earlier) < span);
                prop_assert!(within(POINTS.1).map(|(_, cost)| cost.points()).sum::<u32>() <= POINTS.0);
                for (most, span) in CONTENT {
                    prop_assert!(within(span).map(|(_, cost)| cost.contents()).sum::<u32>() <= most);
                }
            }
        }
    }
}
