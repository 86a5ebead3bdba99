//! Power cuts under the store: whatever was acknowledged is there after the next start, and it is the fdatasync that
//! makes it so.
//!
//! The program under test is this test binary again, in a child process: `the_program` with a role in its environment.
//! It commits as the store's group committer does, over sled alone, so that the engine's habits are pinned apart from
//! our code; and once more by the store itself, with its audit chain. The real binary is put under the same test in
//! `power_server.rs`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use ai_crm::actors::clock;
use ai_crm::domain::audit::{AuditEnd, AuditEntry};
use ai_crm::domain::ids::TenantId;
use ai_crm::domain::outcome::Expect;
use ai_crm::store::ahead::Lead;
use ai_crm::store::codec::Record;
use ai_crm::store::engine::Order;
use ai_crm::store::quota::Quota;
use ai_crm::store::seal::MasterKey;
use ai_crm::store::sled::SledOptions;
use ai_crm::store::{Batch, Store, chain, open};
use anyhow::{Context, anyhow};
use futures_util::future::try_join_all;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

use crate::power::rounds::{Plan, Tally, Verdict, Witness, rounds};

/// How many threads wait for a commit at a time.
const WRITERS: u32 = 8;

/// Every record has so many keys, which land together or not at all.
const KEYS_PER_RECORD: u32 = 4;

/// Begins every key of ours, apart from what else the store keeps.
const FIRST: &[u8] = b"power";

/// The names of the environment in which the child finds its role.
const ROLE: &str = "AI_CRM_POWER_ROLE";
const FOLDER: &str = "AI_CRM_POWER_FOLDER";
const ENGINE: &str = "AI_CRM_POWER_ENGINE";
/// Ends the name of an engine that is given long values.
const LONG: &str = ", long values";
const SYNC: &str = "AI_CRM_POWER_SYNC";

/// A record is named by the process that wrote it, the thread in it, and its number there.
type RecordName = (u32, u32, u32);

/// An engine that commits record by record, and can say after a cut what it has.
trait Subject: Sized {
    /// Opens what is in the folder, or begins anew.
    fn open(folder: &Path, syncs: bool) -> anyhow::Result<Self>;
    /// Returns when all of the records are on disk, each of them whole.
    fn commit(&self, records: &[RecordName]) -> anyhow::Result<()>;
    /// How many keys of each record are there with the right value.
    fn keys_of_records(&self) -> anyhow::Result<BTreeMap<RecordName, u32>>;
}

/// sled as the store uses it: one tree, one batch and one flush per group, then fdatasync of its log.
struct Sled {
    db: sled::Db,
    log: File,
    syncs: bool,
}

impl Subject for Sled {
    fn open(folder: &Path, syncs: bool) -> anyhow::Result<Self> {
        let path = folder.join("store");
        let db = sled::Config::new().path(&path).segment_size(1 << 20).open().context("cannot open sled")?;
        let log = File::options().read(true).write(true).open(path.join("db"))?;
        if syncs {
            log.sync_all()?;
            File::open(path.join("conf"))?.sync_all()?;
            File::open(&path)?.sync_all()?;
            File::open(folder)?.sync_all()?;
        }
        Ok(Self { db, log, syncs })
    }

    fn commit(&self, records: &[RecordName]) -> anyhow::Result<()> {
        let mut batch = sled::Batch::default();
        for record in records {
            for part in 0..KEYS_PER_RECORD {
                batch.insert(key(*record, part).as_slice(), value(*record, part));
            }
        }
        self.db.apply_batch(batch)?;
        self.db.flush()?;
        if self.syncs {
            self.log.sync_data()?;
        }
        Ok(())
    }

    fn keys_of_records(&self) -> anyhow::Result<BTreeMap<RecordName, u32>> {
        let mut found = BTreeMap::new();
        for entry in self.db.iter() {
            let (key_found, value_found) = entry?;
            let [process, thread, number, part] = numbers(&key_found).context("a key that nobody wrote")?;
            let record = (process, thread, number);
            let right = value_found.as_ref() == value(record, part);
            *found.entry(record).or_default() += u32::from(right);
        }
        Ok(found)
    }
}

/// The store itself: its committer, its layout, its audit chain.
struct Whole {
    store: Store,
    runtime: tokio::runtime::Runtime,
}

/// A value that the store keeps.
#[derive(Serialize, Deserialize)]
struct Kept(Vec<u8>);

impl Record for Kept {
    fn to_payload(&self) -> Vec<u8> {
        self.0.clone()
    }
    fn from_payload(payload: &[u8]) -> Result<Self, String> {
        Ok(Self(payload.to_vec()))
    }
}

impl Whole {
    /// As a handler's outcome is written: some keys and a row of the chain.
    fn batch(record: RecordName) -> Batch {
        let tenant = TenantId::default_tenant();
        let mut batch = Batch::new();
        for part in 0..KEYS_PER_RECORD {
            let write = ai_crm::store::put(key(record, part), Expect::Absent, &Kept(value(record, part)));
            batch.write(&tenant, write);
        }
        batch.audit(
            &tenant,
            AuditEntry {
                action: "test".to_owned(),
                actor: "power cut".to_owned(),
                args_digest: String::new(),
                channel: "api".to_owned(),
                end: AuditEnd::Done,
                event: None,
                reason: String::new(),
                resource: format!("{record:?}"),
                rules: Vec::new(),
            },
        );
        batch
    }
}

impl Subject for Whole {
    fn open(folder: &Path, syncs: bool) -> anyhow::Result<Self> {
        let quota = Quota { most_bytes: 1 << 30, keep_free_bytes: 0, reserve_bytes: 0 };
        let options = SledOptions { folder: folder.join("whole"), cache_bytes: 64 << 20, quota, power_safe: syncs };
        // So that a round sees what is committed go from the log into the engine several times.
        let lead = Lead { settle_after: Duration::from_millis(50), settle_bytes: 256 << 10, ..Lead::default() };
        let store = open::open(options, lead, &[MasterKey::new([7; 32])], clock::system())?;
        Ok(Self { store, runtime: tokio::runtime::Builder::new_current_thread().build()? })
    }

    fn commit(&self, records: &[RecordName]) -> anyhow::Result<()> {
        let commits = records.iter().map(|record| self.store.commit(Self::batch(*record)));
        self.runtime.block_on(try_join_all(commits))?;
        Ok(())
    }

    fn keys_of_records(&self) -> anyhow::Result<BTreeMap<RecordName, u32>> {
        let view = self.store.view(&TenantId::default_tenant());
        chain::verify(&view)?.map_err(|found| anyhow!("the audit chain breaks at {}: {}", found.seq, found.what))?;
        let mut found = BTreeMap::new();
        for entry in view.scan::<Kept>(FIRST, Order::Ascending) {
            let (key_found, kept) = entry?;
            let [process, thread, number, part] = numbers(&key_found).context("a key that nobody wrote")?;
            let record = (process, thread, number);
            *found.entry(record).or_default() += u32::from(kept.value.0 == value(record, part));
        }
        Ok(found)
    }
}

fn key((process, thread, number): RecordName, part: u32) -> Vec<u8> {
    [FIRST, [process, thread, number, part].map(u32::to_be_bytes).concat().as_slice()].concat()
}

fn numbers(key: &[u8]) -> Option<[u32; 4]> {
    let parts: Vec<u32> = key
        .strip_prefix(FIRST)?
        .chunks_exact(4)
        .filter_map(|part| Some(u32::from_be_bytes(part.try_into().ok()?)))
        .collect();
    parts.try_into().ok()
}

/// Between 300 and 2,300 bytes that only this key can have, and that cannot be compressed. Of long values most have
/// 20 KB, of which sixteen on neighbouring keys are too long for a segment's quarter, and some are by themselves.
fn value(record: RecordName, part: u32) -> Vec<u8> {
    let usual = 300 + (record.2 as usize * 7 + part as usize * 501) % 2000;
    let length = match (are_long(), record.2 % 8) {
        (false, _) => usual,
        (true, 7) => 300_000 + usual,
        (true, _) => 20_000 + usual,
    };
    let seed = u64::from(record.0) << 40 | u64::from(record.1) << 34 | u64::from(record.2) << 2 | u64::from(part);
    let mut bytes = vec![0; length];
    StdRng::seed_from_u64(seed).fill(bytes.as_mut_slice());
    bytes
}

/// Whether this process plays a role with long values.
fn are_long() -> bool {
    std::env::var(ENGINE).is_ok_and(|engine| engine.ends_with(LONG))
}

/// A record, and where its writer waits.
type Waiting = (RecordName, SyncSender<()>);

/// The child process of the rounds below, in one of its two roles.
#[test]
#[ignore = "is started by the power cut tests as their program"]
fn the_program() -> anyhow::Result<()> {
    let Ok(role) = std::env::var(ROLE) else { return Ok(()) };
    match std::env::var(ENGINE)?.as_str() {
        engine if engine.starts_with("sled") => play::<Sled>(&role),
        _ => play::<Whole>(&role),
    }
}

fn play<S: Subject>(role: &str) -> anyhow::Result<()> {
    let folder = std::env::var(FOLDER)?;
    let subject = S::open(folder.as_ref(), std::env::var(SYNC)? == "fdatasync")?;
    match role {
        "write" => write_until_killed(&subject),
        _ => show_records(&subject),
    }
}

/// Writers put records without end; the calling thread commits for all of them.
fn write_until_killed(subject: &impl Subject) -> anyhow::Result<()> {
    let (queue, waiting) = sync_channel::<Waiting>(WRITERS as usize);
    for thread in 0..WRITERS {
        let queue = queue.clone();
        std::thread::spawn(move || put_records(thread, &queue));
    }
    drop(queue);
    commit_groups(subject, &waiting)
}

fn put_records(thread: u32, queue: &SyncSender<Waiting>) {
    let (answer, answered) = sync_channel(1);
    for number in 0.. {
        let record = (std::process::id(), thread, number);
        if queue.send((record, answer.clone())).is_err() || answered.recv().is_err() {
            return;
        }
        // One write call per line, so that lines of different threads do not mix.
        let line = format!("ack {} {thread} {number}\n", record.0);
        if std::io::stdout().lock().write_all(line.as_bytes()).is_err() {
            return;
        }
    }
}

fn commit_groups(subject: &impl Subject, waiting: &Receiver<Waiting>) -> anyhow::Result<()> {
    while let Ok(first) = waiting.recv() {
        let group: Vec<Waiting> = std::iter::once(first).chain(waiting.try_iter()).collect();
        let records: Vec<RecordName> = group.iter().map(|(record, _)| *record).collect();
        subject.commit(&records)?;
        for (_, answer) in group {
            answer.send(())?;
        }
    }
    Ok(())
}

fn show_records(subject: &impl Subject) -> anyhow::Result<()> {
    let mut lines = String::new();
    for ((process, thread, number), keys) in subject.keys_of_records()? {
        lines.push_str(&format!("has {process} {thread} {number} {keys}\n"));
    }
    std::io::stdout().lock().write_all(lines.as_bytes())?;
    Ok(())
}

fn program(role: &str, folder: &Path, (engine, sync): Variant) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("invariant: a test knows its own binary"));
    command.args(["--exact", "power_cut::the_program", "--ignored", "--nocapture", "--quiet"]);
    command.env(ROLE, role).env(FOLDER, folder).env(ENGINE, engine).env(SYNC, sync);
    command
}

/// The numbers of a line that begins with `word`; the test runner's own lines have others.
fn parse<const N: usize>(word: &str, line: &str) -> Option<[u32; N]> {
    // The runner may have left its progress on the line before ours.
    let rest = &line[line.find(word)? + word.len()..];
    let numbers: Vec<u32> = rest.split_whitespace().map_while(|part| part.parse().ok()).collect();
    numbers.try_into().ok()
}

fn read_acknowledgements(stdout: ChildStdout, witness: &Witness<RecordName>) {
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        let Some([process, thread, number]) = parse("ack ", &line) else {
            continue;
        };
        if !witness.acknowledged((process, thread, number)) {
            break;
        }
    }
}

fn check_records(folder: &Path, variant: Variant, acknowledged: &[RecordName]) -> anyhow::Result<Verdict> {
    let output = program("show", folder, variant).stdin(Stdio::null()).output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        // A panic's message stands on the line below its place.
        let panic = said.lines().skip_while(|line| !line.contains("panicked")).nth(1);
        let error = said.lines().find(|line| line.contains("Error"));
        return Ok(Verdict::Unreadable(panic.or(error).unwrap_or(&said).to_owned()));
    }
    let shown = String::from_utf8(output.stdout)?;
    let there: BTreeMap<RecordName, u32> = shown
        .lines()
        .filter_map(|line| parse("has ", line))
        .map(|[process, thread, number, keys]| ((process, thread, number), keys))
        .collect();
    // A record that was not acknowledged may be there or not, but never in part.
    let torn = there.values().filter(|keys| **keys != KEYS_PER_RECORD).count();
    let missing = acknowledged.iter().filter(|record| !there.contains_key(record)).count();
    let total = acknowledged.len();
    Ok(match (missing, torn) {
        (0, 0) => Verdict::Intact,
        _ => Verdict::Lost(format!("{missing} of {total} records; {torn} are there in part")),
    })
}

/// The subject, and whether it ends a commit with `fdatasync` or with sled's `flush` alone.
type Variant = (&'static str, &'static str);

fn power_rounds(name: &'static str, variant: Variant, count: u32) -> anyhow::Result<Tally> {
    let long = variant.0.ends_with(LONG);
    // Long values fill the disk of a machine in some seconds.
    let (most_load, rounds_per_disk) = if long { (400, 2) } else { (600, 4) };
    let load = Duration::from_millis(20)..Duration::from_millis(most_load);
    let plan = Plan { name, rounds: count, seed: 1, load, rounds_per_disk };
    rounds(
        &plan,
        |folder| program("write", folder, variant),
        read_acknowledgements,
        |folder, acknowledged| check_records(folder, variant, acknowledged),
    )
}

#[test]
fn sled_with_fdatasync_keeps_everything_it_acknowledged() -> anyhow::Result<()> {
    let tally = power_rounds("sled, flush and fdatasync", ("sled", "fdatasync"), 20)?;
    assert_eq!(tally.broken(), 0, "{tally}");
    assert!(tally.acknowledged > 1_000, "there was hardly any load: {tally}");
    Ok(())
}

#[test]
fn the_store_keeps_everything_it_acknowledged() -> anyhow::Result<()> {
    let tally = power_rounds("the store", ("store", "fdatasync"), 20)?;
    assert_eq!(tally.broken(), 0, "{tally}");
    assert!(tally.acknowledged > 1_000, "there was hardly any load: {tally}");
    Ok(())
}

#[test]
fn the_store_without_its_fdatasync_loses_what_it_acknowledged() -> anyhow::Result<()> {
    let tally = power_rounds("the store, flush alone", ("store", "flush"), 6)?;
    assert!(tally.broken() > 0, "the store is durable without `power_safe`, so it can go: {tally}");
    Ok(())
}

#[test]
fn sled_with_flush_alone_loses_what_it_acknowledged() -> anyhow::Result<()> {
    let tally = power_rounds("sled, flush alone", ("sled", "flush"), 6)?;
    assert!(tally.broken() > 0, "sled's flush has become durable, so the fdatasync can go: {tally}");
    Ok(())
}

#[test]
fn the_store_keeps_long_values_that_it_acknowledged() -> anyhow::Result<()> {
    let tally = power_rounds("the store, long values", ("store, long values", "fdatasync"), 16)?;
    assert_eq!(tally.broken(), 0, "{tally}");
    assert!(tally.acknowledged > 100, "there was hardly any load: {tally}");
    Ok(())
}

#[test]
fn sled_loses_long_values_for_all_its_fdatasync() -> anyhow::Result<()> {
    let tally = power_rounds("sled, long values", ("sled, long values", "fdatasync"), 8)?;
    assert!(tally.broken() > 0, "sled syncs its blobs, so values need no pieces: {tally}");
    Ok(())
}
