//! Rounds: load a program, cut the power at a random moment, boot on what remains, check what was acknowledged.
//! Knows the machine and processes, but no program: the command, the reader of acknowledgements and the check come
//! from the test.

use std::fmt;
use std::fs;
use std::io::Write as _;
use std::ops::Range;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::disk::Image;
use super::machine::{Machine, Rig};
use crate::support::number_from_environment;

/// How long a program may take to its first acknowledgement.
const FIRST_ACKNOWLEDGEMENT: Duration = Duration::from_secs(60);

/// How many rounds, on what, and how long.
#[derive(Clone)]
pub(crate) struct Plan {
    /// Named in everything that is printed.
    pub(crate) name: &'static str,
    /// How many times the power is cut under load; `AI_CRM_POWER_ROUNDS` overrides it.
    pub(crate) rounds: u32,
    /// From which every cut and every moment is drawn; `AI_CRM_POWER_SEED` overrides it.
    pub(crate) seed: u64,
    /// The load goes on for a random time of this range after the first acknowledgement.
    pub(crate) load: Range<Duration>,
    /// After so many rounds a disk is replaced by a blank one. With more than one, data that was recovered is loaded
    /// again, and the power is also cut once after each check, when recovery has just been written.
    pub(crate) rounds_per_disk: u32,
}

/// Stands outside of the machine and remembers what the program acknowledged while it had power.
pub(crate) struct Witness<T> {
    seen: Mutex<Seen<T>>,
    changed: Condvar,
}

struct Seen<T> {
    items: Vec<T>,
    powered: bool,
}

impl<T> Witness<T> {
    fn new() -> Self {
        Self { seen: Mutex::new(Seen { items: Vec::new(), powered: true }), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Seen<T>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The program said that `item` is safe. What is said after the cut does not count: it may never have been on the
    /// machine. False when the power is gone, so that a driver knows to stop.
    pub(crate) fn acknowledged(&self, item: T) -> bool {
        let mut seen = self.lock();
        if seen.powered {
            seen.items.push(item);
            self.changed.notify_all();
        }
        seen.powered
    }

    /// Waits until `enough` holds or the time is over; whether it held.
    fn wait(&self, limit: Duration, enough: impl Fn(&Seen<T>) -> bool) -> bool {
        let waited = self.changed.wait_timeout_while(self.lock(), limit, |seen| !enough(seen));
        enough(&waited.unwrap_or_else(PoisonError::into_inner).0)
    }

    /// Ends the testimony.
    fn close(&self) -> Vec<T> {
        let mut seen = self.lock();
        seen.powered = false;
        self.changed.notify_all();
        std::mem::take(&mut seen.items)
    }
}

/// What a check found.
pub(crate) enum Verdict {
    /// Everything that was acknowledged is there.
    Intact,
    /// Something is not, or not as it was; the text says what.
    Lost(String),
    /// The program does not open what remains.
    Unreadable(String),
}

/// The result of all rounds.
#[derive(Default)]
pub(crate) struct Tally {
    name: &'static str,
    /// Rounds in which everything was there.
    pub(crate) intact: u32,
    /// Rounds in which something acknowledged was missing.
    pub(crate) lost: u32,
    /// Rounds after which the program did not open its data.
    pub(crate) unreadable: u32,
    /// Boots at which ext4 needed more than its journal.
    pub(crate) repaired: u32,
    /// Acknowledgements in all rounds.
    pub(crate) acknowledged: usize,
    /// Blocks that no flush had followed, and how many of them remained.
    unflushed_blocks: usize,
    kept_blocks: usize,
    took: Duration,
    findings: Vec<String>,
}

impl Tally {
    /// Rounds that did not keep the promise.
    pub(crate) fn broken(&self) -> u32 {
        self.lost + self.unreadable
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, intact, lost, unreadable, repaired, acknowledged, unflushed_blocks, kept_blocks, .. } = self;
        write!(
            out,
            "{name}: {intact} intact, {lost} lost, {unreadable} unreadable, {repaired} file systems repaired; "
        )?;
        write!(out, "{acknowledged} acknowledged, {kept_blocks} of {unflushed_blocks} unflushed blocks kept, ")?;
        write!(out, "{:.1} s", self.took.as_secs_f64())?;
        self.findings.iter().try_for_each(|finding| write!(out, "\n  {finding}"))
    }
}

/// Runs the plan.
///
/// - `command` builds the program for a data folder; it is started by the runner and killed after the cut. Its standard
///   error is kept for the report of a failure.
/// - `drive` runs beside it, with its standard output: it makes the load, or just reads, and reports to the witness. It
///   must return when the program is dead.
/// - `check` gets the data folder after the next boot, and everything acknowledged on that disk, the oldest first.
pub(crate) fn rounds<T: Send>(
    plan: &Plan,
    command: impl Fn(&Path) -> Command,
    drive: impl Fn(ChildStdout, &Witness<T>) + Sync,
    check: impl Fn(&Path, &[T]) -> anyhow::Result<Verdict>,
) -> anyhow::Result<Tally> {
    let seed = number_from_environment("AI_CRM_POWER_SEED")?.unwrap_or(plan.seed);
    let count = number_from_environment("AI_CRM_POWER_ROUNDS")?.unwrap_or(plan.rounds);
    let rig = Rig::new()?;
    let started = Instant::now();
    let mut tally = Tally { name: plan.name, ..Tally::default() };
    let mut disk: Option<(Image, Vec<T>)> = None;
    for number in 0..count {
        let renew = number % plan.rounds_per_disk == 0;
        let (image, mut acknowledged) = disk.take().filter(|_| !renew).unwrap_or_else(|| (rig.blank(), Vec::new()));
        let round_seed = seed.wrapping_add(u64::from(number));
        let mut random = StdRng::seed_from_u64(round_seed);

        let machine = rig.boot(image)?;
        tally.repaired += u32::from(machine.was_repaired());
        let load = random.random_range(plan.load.clone());
        let log = rig.folder().join("program.log");
        let (image, new) = load_and_cut(&machine, load, &mut random, &command, &drive, &log, &mut tally)
            .with_context(|| format!("{}, round {number} of seed {seed}", plan.name))?;
        drop(machine);
        tally.acknowledged += new.len();
        acknowledged.extend(new);

        let machine = rig.boot(image)?;
        tally.repaired += u32::from(machine.was_repaired());
        let found = match check(machine.data(), &acknowledged)? {
            Verdict::Intact => {
                tally.intact += 1;
                disk = Some((machine.cut(random.random()).0, acknowledged));
                continue;
            }
            Verdict::Lost(what) => {
                tally.lost += 1;
                format!("lost {what}")
            }
            Verdict::Unreadable(why) => {
                tally.unreadable += 1;
                format!("unreadable: {why}")
            }
        };
        tally.findings.push(format!("round {number} of seed {seed}, after {load:?}: {found}"));
    }
    tally.took = started.elapsed();
    // Written past the test runner's capture: the figures and the seed belong into every log.
    writeln!(std::io::stderr(), "power cut, seed {seed}: {tally}")?;
    Ok(tally)
}

/// One program's life on a machine, up to the cut; what remains of the disk, and what was acknowledged.
fn load_and_cut<T: Send>(
    machine: &Machine<'_>,
    load: Duration,
    random: &mut StdRng,
    command: impl Fn(&Path) -> Command,
    drive: impl Fn(ChildStdout, &Witness<T>) + Sync,
    log: &Path,
    tally: &mut Tally,
) -> anyhow::Result<(Image, Vec<T>)> {
    let mut command = command(machine.data());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(fs::File::create(log)?);
    let mut program = Killed(command.spawn().with_context(|| format!("cannot start {command:?}"))?);
    let stdout = program.0.stdout.take().context("the program has no standard output")?;
    let witness = Witness::new();
    std::thread::scope(|scope| {
        scope.spawn(|| drive(stdout, &witness));
        let working = witness.wait(FIRST_ACKNOWLEDGEMENT, |seen| !seen.items.is_empty());
        witness.wait(load, |seen| !seen.powered);
        // Only an end before the cut is the program's own; what it makes of a dead disk is no finding.
        let ended = program.0.try_wait()?;
        // First the testimony, then the power: what is in it was said by a machine that ran.
        let acknowledged = witness.close();
        let (image, losses) = machine.cut(random.random());
        // Inside the scope, because it is the program's death that lets the driver return.
        drop(program);
        let said = || fs::read_to_string(log).unwrap_or_default();
        ensure!(working, "the program acknowledged nothing within {FIRST_ACKNOWLEDGEMENT:?}: {}", said());
        if let Some(status) = ended.filter(|status| !status.success()) {
            bail!("the program ended before the cut with {status}: {}", said());
        }
        tally.unflushed_blocks += losses.unflushed_blocks;
        tally.kept_blocks += losses.kept_blocks;
        Ok((image, acknowledged))
    })
}

/// A process that does not outlive its owner.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
