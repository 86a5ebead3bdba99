//! The contract of the store, run over every engine.

use std::sync::Arc;

use super::*;
use crate::domain::audit::{AuditEnd, AuditEntry};
use crate::domain::event::{Address, ChannelName, EventKind, Incoming, Place, PlaceKind, Reach};
use crate::domain::ids::LaneKey;
use crate::domain::time::Timestamp;
use crate::domain::time::testing::Still;
use crate::store::ahead::Lead;
use crate::store::engine::Order;
use crate::store::keyspace::{connector, setting};
use crate::store::memory::{Fate, Memory};
use crate::store::quota::Quota;
use crate::store::seal::MasterKey;
use crate::store::sled::SledOptions;
use crate::store::testing::in_memory;

#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Text(String);
impl Record for Text {}

fn text(key: &str, expect: Expect, value: &str) -> Write {
    put(key.as_bytes().to_vec(), expect, &Text(value.to_owned()))
}

fn options(folder: &std::path::Path) -> SledOptions {
    let quota = Quota { most_bytes: 1 << 30, keep_free_bytes: 0, reserve_bytes: 0 };
    SledOptions { folder: folder.to_owned(), cache_bytes: 8 << 20, quota, power_safe: true }
}

fn open_sled(folder: &std::path::Path) -> Store {
    open::open(options(folder), Lead::default(), &[MasterKey::new([7; 32])], Arc::new(Still(Timestamp(1)))).unwrap()
}

fn memory() -> Store {
    in_memory()
}

fn run<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Runs one check over every engine.
fn over_every_engine(check: impl AsyncFn(Store)) {
    run(check(memory()));
    let folder = tempfile::tempdir().unwrap();
    run(check(open_sled(folder.path())));
}

async fn write(store: &Store, writes: impl IntoIterator<Item = Write>) -> Result<(), StoreError> {
    let mut batch = Batch::new();
    batch.writes(&TenantId::default_tenant(), writes);
    store.commit(batch).await
}

fn entry(resource: &str) -> AuditEntry {
    AuditEntry {
        action: "a".into(),
        actor: "p".into(),
        args_digest: String::new(),
        channel: "api".into(),
        end: AuditEnd::Done,
        event: None,
        reason: String::new(),
        resource: resource.into(),
        rules: vec![],
    }
}

#[test]
fn what_is_committed_is_read() {
    over_every_engine(async |store| {
        let view = store.view(&TenantId::default_tenant());
        write(&store, [text("a", Expect::Absent, "1")]).await.unwrap();
        let stored = view.get::<Text>(b"a").unwrap().unwrap();
        assert_eq!(stored.value, Text("1".into()));
        write(&store, [text("a", Expect::Version(stored.version), "2")]).await.unwrap();
        assert_eq!(view.get::<Text>(b"a").unwrap().unwrap().value, Text("2".into()));
        write(&store, [take(b"a".to_vec(), Expect::Any)]).await.unwrap();
        assert!(!view.has(b"a").unwrap());
    });
}

#[test]
fn a_condition_that_fails_stops_the_whole_batch() {
    over_every_engine(async |store| {
        write(&store, [text("a", Expect::Absent, "1")]).await.unwrap();
        let both = [text("b", Expect::Any, "x"), text("a", Expect::Absent, "2")];
        assert!(matches!(write(&store, both).await, Err(StoreError::Conflict)));
        let view = store.view(&TenantId::default_tenant());
        assert!(!view.has(b"b").unwrap());
        assert!(matches!(write(&store, [text("c", Expect::Version(9), "x")]).await, Err(StoreError::Conflict)));
    });
}

#[test]
fn of_changes_that_race_exactly_one_lands() {
    over_every_engine(async |store| {
        write(&store, [text("n", Expect::Absent, "0")]).await.unwrap();
        let version = store.view(&TenantId::default_tenant()).get::<Text>(b"n").unwrap().unwrap().version;
        let racing = (0..20).map(|i| {
            let store = store.clone();
            async move { write(&store, [text("n", Expect::Version(version), &i.to_string())]).await.is_ok() }
        });
        let landed = futures_util::future::join_all(racing).await;
        assert_eq!(landed.into_iter().filter(|ok| *ok).count(), 1);
    });
}

#[test]
fn scans_keep_to_their_prefix_their_order_and_their_tenant() {
    over_every_engine(async |store| {
        let other: TenantId = "other".parse().unwrap();
        for key in ["p1", "p2", "p3", "q1"] {
            write(&store, [text(key, Expect::Any, key)]).await.unwrap();
        }
        let mut batch = Batch::new();
        batch.write(&other, text("p2", Expect::Any, "theirs"));
        store.commit(batch).await.unwrap();
        let view = store.view(&TenantId::default_tenant());
        let keys = |order| view.keys(b"p", order).map(|k| String::from_utf8(k.unwrap()).unwrap()).collect::<Vec<_>>();
        assert_eq!(keys(Order::Ascending), ["p1", "p2", "p3"]);
        assert_eq!(keys(Order::Descending), ["p3", "p2", "p1"]);
        let theirs: Vec<_> =
            store.view(&other).scan::<Text>(b"p", Order::Ascending).map(|e| e.unwrap().1.value.0).collect();
        assert_eq!(theirs, ["theirs"]);
        assert_eq!(store.tenants().unwrap(), [TenantId::default_tenant(), other]);
    });
}

#[test]
fn audit_rows_of_commits_that_race_form_one_chain() {
    over_every_engine(async |store| {
        let tenant = TenantId::default_tenant();
        let racing = (0..50).map(|i| {
            let (store, tenant) = (store.clone(), tenant.clone());
            async move {
                let mut batch = Batch::new();
                batch
                    .write(&tenant, text(&format!("k{i}"), Expect::Absent, "x"))
                    .audit(&tenant, entry(&format!("T-{i}")));
                store.commit(batch).await.unwrap();
            }
        });
        futures_util::future::join_all(racing).await;
        assert_eq!(chain::verify(&store.view(&tenant)).unwrap().unwrap().seq, 50);
    });
}

#[test]
fn a_commit_that_conflicts_leaves_no_audit_row() {
    over_every_engine(async |store| {
        let tenant = TenantId::default_tenant();
        let mut batch = Batch::new();
        batch.write(&tenant, text("a", Expect::Version(5), "x")).audit(&tenant, entry("T-1"));
        assert!(store.commit(batch).await.is_err());
        assert_eq!(chain::verify(&store.view(&tenant)).unwrap().unwrap().seq, 0);
    });
}

#[test]
fn numbers_go_on_where_they_were() {
    over_every_engine(async |store| {
        let view = store.view(&TenantId::default_tenant());
        let numbers: Vec<u64> = (0..3).map(|_| view.next_number("task", |_| Ok(41)).unwrap()).collect();
        assert_eq!(numbers, [42, 43, 44]);
    });
}

#[test]
fn a_store_opened_again_has_what_it_had() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_sled(folder.path());
    run(write(&store, [text("a", Expect::Absent, "1")])).unwrap();
    let before = store.view(&TenantId::default_tenant()).get::<Text>(b"a").unwrap().unwrap();
    close(store);
    let store = open_sled(folder.path());
    assert_eq!(store.view(&TenantId::default_tenant()).get::<Text>(b"a").unwrap().unwrap(), before);
    run(write(&store, [text("b", Expect::Absent, "1")])).unwrap();
    let later = store.view(&TenantId::default_tenant()).get::<Text>(b"b").unwrap().unwrap().version;
    assert!(later > before.version, "versions grow over restarts");
}

/// The committer's thread lets go of the engine a moment after the last handle.
fn close(store: Store) {
    let engine = Arc::downgrade(store.engine());
    drop(store);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
    while engine.strong_count() > 0 {
        assert!(std::time::Instant::now() < deadline, "the engine is still open");
        std::thread::yield_now();
    }
}

#[test]
fn another_master_key_a_newer_format_and_a_second_process_are_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_sled(folder.path());
    let again =
        open::open(options(folder.path()), Lead::default(), &[MasterKey::new([7; 32])], Arc::new(Still(Timestamp(1))))
            .err()
            .unwrap();
    assert!(again.to_string().contains("in use by another process"), "{again}");
    let format = br#"{"format":99,"written_by":"9.0.0"}"#.to_vec();
    store.engine().apply(vec![(b"_system\0fm".to_vec(), Some(format))]).unwrap();
    close(store);
    let newer =
        open::open(options(folder.path()), Lead::default(), &[MasterKey::new([7; 32])], Arc::new(Still(Timestamp(1))))
            .err()
            .unwrap();
    assert!(newer.to_string().contains("format 99"), "{newer}");

    let folder = tempfile::tempdir().unwrap();
    close(open_sled(folder.path()));
    let other =
        open::open(options(folder.path()), Lead::default(), &[MasterKey::new([8; 32])], Arc::new(Still(Timestamp(1))))
            .err()
            .unwrap();
    assert!(other.to_string().contains("AI_CRM_MASTER_KEY"), "{other}");
}

#[test]
fn damage_is_refused_in_words_that_name_restore() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_sled(folder.path());
    run(async {
        for i in 0..200 {
            write(&store, [text(&format!("k{i}"), Expect::Any, &"x".repeat(900))]).await.unwrap();
        }
    });
    close(store);
    let file = folder.path().join("db");
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    for byte in &mut bytes[64..middle] {
        *byte ^= 0x55;
    }
    std::fs::write(&file, bytes).unwrap();
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let opened =
        open::open(options(folder.path()), Lead::default(), &[MasterKey::new([7; 32])], Arc::new(Still(Timestamp(1))));
    std::panic::set_hook(hook);
    if let Err(error) = opened {
        assert!(error.to_string().contains("restore"), "{error}");
    }
}

/// So many bytes that zstd cannot pack.
#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Noise(Vec<u8>);

impl Noise {
    fn of(length: usize) -> Self {
        let mut bytes = vec![0; length];
        rand::fill(bytes.as_mut_slice());
        Self(bytes)
    }
}

impl Record for Noise {
    fn to_payload(&self) -> Vec<u8> {
        self.0.clone()
    }
    fn from_payload(payload: &[u8]) -> Result<Self, String> {
        Ok(Self(payload.to_vec()))
    }
}

fn noise(key: &str, length: usize) -> Write {
    put(key.as_bytes().to_vec(), Expect::Any, &Noise::of(length))
}

#[test]
fn a_full_quota_stops_new_work_first_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(folder.path());
    options.quota.most_bytes = 160_000;
    let store =
        open::open(options, Lead::default(), &[MasterKey::new([7; 32])], Arc::new(Still(Timestamp(1)))).unwrap();
    let tenant = TenantId::default_tenant();
    let intake = || {
        let mut batch = Batch::intake();
        batch.write(&tenant, text("a", Expect::Any, "1"));
        run(store.commit(batch))
    };
    intake().unwrap();
    run(write(&store, [noise("b", 100_000), noise("c", 61_000)])).unwrap();
    let error = intake().unwrap_err();
    assert!(matches!(&error, StoreError::Full(why) if why.contains("most_mb")), "{error}");
    assert!(matches!(*store.health().borrow(), Health::Full(_)));
    run(write(&store, [noise("d", 20_000)])).expect("what was taken in is finished");
    assert!(matches!(run(write(&store, [text("e", Expect::Any, "1")])), Err(StoreError::Full(_))));

    store.wait_for_groups_before().expect("a backup of a full store");
    run(write(&store, [take(b"b".to_vec(), Expect::Any)])).expect("what frees comes through");
    intake().expect("there is room again, though the file is as long as it was");
    assert_eq!(*store.health().borrow(), Health::Writable);
}

#[test]
fn what_is_kept_is_counted_over_changes_and_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let live = |store: &Store| keyspace::read_note(store.engine().as_ref()).unwrap().live;
    let store = open_sled(folder.path());
    run(write(&store, [text("a", Expect::Any, "1")])).unwrap();
    let before = live(&store);
    run(write(&store, [noise("b", 50_000), noise("b", 40_000), text("c", Expect::Any, "1")])).unwrap();
    run(write(&store, [noise("b", 30_000)])).unwrap();
    assert!((before + 30_000..before + 30_400).contains(&live(&store)), "{} after {before}", live(&store));
    run(write(&store, [take(b"b".to_vec(), Expect::Any), take(b"c".to_vec(), Expect::Any)])).unwrap();
    close(store);
    let store = open_sled(folder.path());
    assert_eq!(live(&store), before);
}

#[test]
fn long_values_are_read_written_over_and_taken_as_others_are() {
    over_every_engine(async |store| {
        let view = store.view(&TenantId::default_tenant());
        for length in [1_000_000, 20_000, 8_000, 300_000] {
            let value = Noise::of(length);
            write(&store, [put(b"m".to_vec(), Expect::Any, &value), text("z", Expect::Any, "1")]).await.unwrap();
            assert_eq!(view.get::<Noise>(b"m").unwrap().unwrap().value, value);
            let (key, scanned) = view.scan::<Noise>(b"m", Order::Descending).next().unwrap().unwrap();
            assert_eq!((key.as_slice(), scanned.value), (&b"m"[..], value));
        }
        let version = view.get::<Noise>(b"m").unwrap().unwrap().version;
        write(&store, [take(b"m".to_vec(), Expect::Version(version))]).await.unwrap();
        assert!(!view.has(b"m").unwrap());
        assert_eq!(view.keys(&[], Order::Ascending).count(), 1);
        assert_eq!(store.tenants().unwrap().len(), 1);
    });
}

/// The engine's own database, when who had it before has let go of its lock.
fn open_raw(folder: &std::path::Path) -> ::sled::Db {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
    loop {
        match ::sled::Config::new().path(folder).segment_size(1 << 20).open() {
            Err(_) if std::time::Instant::now() < deadline => std::thread::yield_now(),
            opened => return opened.unwrap(),
        }
    }
}

#[test]
fn no_value_makes_the_engine_write_files_beside_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = || std::fs::read_dir(folder.path().join("blobs")).unwrap().count();
    let store = open_sled(folder.path());
    run(async {
        write(&store, [noise("a", 1 << 20)]).await.unwrap();
        for number in 0..200 {
            write(&store, [noise(&format!("k{number:03}"), 20_000)]).await.unwrap();
        }
    });
    assert_eq!(blobs(), 0);
    close(store);
    let store = open_sled(folder.path());
    let view = store.view(&TenantId::default_tenant());
    assert_eq!(view.scan::<Noise>(b"k", Order::Ascending).filter(|entry| entry.is_ok()).count(), 200);
    drop(view);
    run(write(&store, [text("a", Expect::Any, "short")])).unwrap();
    close(store);
    let raw = open_raw(folder.path());
    assert_eq!(raw.scan_prefix([&[0xff], &b"default\0a"[..]].concat()).count(), 0, "pieces of what was written over");
}

#[test]
fn a_store_of_format_2_is_read_counted_and_cut() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_sled(folder.path());
    let value = Noise::of(500_000);
    run(write(&store, [put(b"m".to_vec(), Expect::Any, &value)])).unwrap();
    let kept = store.engine().get(b"default\0m").unwrap().unwrap();
    close(store);
    let raw = open_raw(folder.path());
    for key in raw.range([0xfe]..).keys() {
        raw.remove(key.unwrap()).unwrap();
    }
    raw.insert(b"default\0m", kept).unwrap();
    raw.insert(b"_system\0fm", &br#"{"format":2,"written_by":"0.1.0"}"#[..]).unwrap();
    raw.insert(b"_system\0vn", &9_u64.to_be_bytes()).unwrap();
    drop(raw);
    let store = open_sled(folder.path());
    assert_eq!(store.view(&TenantId::default_tenant()).get::<Noise>(b"m").unwrap().unwrap().value, value);
    let note = keyspace::read_note(store.engine().as_ref()).unwrap();
    assert!(note.version == 9 && (500_000..501_000).contains(&note.live), "{note:?}");
    close(store);
    let raw = open_raw(folder.path());
    assert!(raw.get(b"default\0m").unwrap().unwrap().len() < 10_000);
}

/// A memory that says how much room it has, and that cannot be opened anew where it has none.
#[derive(Default)]
struct Cramped {
    memory: Memory,
    room: std::sync::atomic::AtomicU64,
    reopened: std::sync::atomic::AtomicU64,
    /// Bytes that may be kept; 0 is no bound.
    bound: std::sync::atomic::AtomicU64,
    /// What opening it anew does, where it does not fail.
    reopens: std::sync::Mutex<Option<fn()>>,
}

impl Cramped {
    fn set_room(&self, bytes: u64) {
        self.room.store(bytes, std::sync::atomic::Ordering::Relaxed);
    }
}

impl Engine for Cramped {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        self.memory.get(key)
    }
    fn scan<'a>(&'a self, from: &[u8], to: &[u8], order: Order) -> Box<dyn Iterator<Item = engine::Entry> + 'a> {
        self.memory.scan(from, to, order)
    }
    fn apply(&self, puts: Vec<Put>) -> Result<(), EngineError> {
        self.memory.apply(puts)
    }
    fn sync(&self) -> Result<(), EngineError> {
        self.memory.sync()
    }
    fn size(&self) -> u64 {
        self.memory.size()
    }
    fn room(&self, purpose: engine::Purpose, live: u64) -> Option<(u64, String)> {
        let bound = self.bound.load(std::sync::atomic::Ordering::Relaxed);
        if bound > 0 && purpose != engine::Purpose::Freeing {
            return Some((bound.saturating_sub(live), "the quota".to_owned()));
        }
        Some((self.room.load(std::sync::atomic::Ordering::Relaxed), "the disk".to_owned()))
    }
    fn reopen(&self) -> Result<(), EngineError> {
        self.reopened.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let reopens = *self.reopens.lock().unwrap();
        reopens.map(|act| act()).ok_or_else(|| EngineError("the disk is gone".to_owned()))
    }
}

#[test]
fn a_store_that_cannot_be_opened_refuses_at_once_and_tries_again_in_pauses() {
    let engine = Arc::new(Cramped::default());
    engine.set_room(1000);
    engine.memory.set_faults(Some(Box::new(|| Fate::Refuse)));
    let store = Store::inline(engine.clone(), Arc::new(Keyring::ephemeral()), Arc::new(Still(Timestamp(1)))).unwrap();
    for _ in 0..100 {
        assert!(matches!(run(write(&store, [text("a", Expect::Any, "1")])), Err(StoreError::Unusable(_))));
    }
    let reopened = engine.reopened.load(std::sync::atomic::Ordering::Relaxed);
    assert!((1..20).contains(&reopened), "opened {reopened} times for 100 commits");
}

#[test]
fn an_engine_that_panics_while_it_is_opened_anew_is_opened_again() {
    let engine = Arc::new(Cramped::default());
    engine.set_room(1000);
    *engine.reopens.lock().unwrap() = Some(|| panic!("asked to"));
    engine.memory.set_faults(Some(Box::new(|| Fate::Refuse)));
    let store = Store::grouped(engine.clone(), Arc::new(Keyring::ephemeral()), Arc::new(Still(Timestamp(1)))).unwrap();
    run(async {
        write(&store, [text("a", Expect::Any, "1")]).await.unwrap_err();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while engine.reopened.load(std::sync::atomic::Ordering::Relaxed) < 2 {
            assert!(std::time::Instant::now() < deadline, "nobody opens it again");
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        engine.memory.set_faults(None);
        *engine.reopens.lock().unwrap() = Some(|| ());
        let mut health = store.health();
        let writable = health.wait_for(|health| *health == Health::Writable);
        tokio::time::timeout(std::time::Duration::from_secs(10), writable).await.unwrap().unwrap();
        write(&store, [text("a", Expect::Any, "2")]).await.unwrap();
    });
}

#[test]
fn a_chain_that_grows_while_it_is_verified_is_whole() {
    let store = memory();
    let tenant = TenantId::default_tenant();
    let append = |count: usize| {
        run(async {
            for i in 0..count {
                let mut batch = Batch::new();
                batch.audit(&tenant, entry(&format!("T-{i}")));
                store.commit(batch).await.unwrap();
            }
        });
    };
    append(50);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| append(300));
        while !writer.is_finished() {
            assert!(chain::verify(&store.view(&tenant)).unwrap().unwrap().seq >= 50);
        }
    });
}

#[test]
fn a_value_that_cannot_be_opened_does_not_end_resealing() {
    over_every_engine(async |store| {
        write(&store, [text("a", Expect::Any, "x"), text("b", Expect::Any, "y"), text("c", Expect::Any, "z")])
            .await
            .unwrap();
        let mut damaged = store.engine().get(b"default\0b").unwrap().unwrap();
        *damaged.last_mut().unwrap() ^= 1;
        store.engine().apply(vec![(b"default\0b".to_vec(), Some(damaged))]).unwrap();
        let masters = [MasterKey::new([7; 32])];
        let second = seal::new_data_key(store.keyring().active_id() + 1, &masters[0]);
        store.keyring().activate(&second, &masters).unwrap();
        let step = rotate::step(&store, &[]).await.unwrap();
        assert_eq!(step, rotate::Step { next: None, done: 2, unreadable: 1 });
    });
}

#[test]
fn a_busy_store_sees_room_again_without_a_pause() {
    let engine = Arc::new(Cramped::default());
    // Without a thread there is no moment at which nobody commits.
    let store = Store::inline(engine.clone(), Arc::new(Keyring::ephemeral()), Arc::new(Still(Timestamp(1)))).unwrap();
    for time in ["first", "second"] {
        engine.set_room(0);
        assert!(matches!(run(write(&store, [text("a", Expect::Any, time)])), Err(StoreError::Full(_))), "{time}");
        assert!(matches!(*store.health().borrow(), Health::Full(_)), "{time}");
        engine.set_room(1000);
        run(write(&store, [text("a", Expect::Any, time)])).unwrap();
        assert_eq!(*store.health().borrow(), Health::Writable, "{time}");
    }
}

#[test]
fn an_idle_store_notices_that_its_disk_is_full() {
    let engine = Arc::new(Cramped::default());
    let store = Store::grouped(engine.clone(), Arc::new(Keyring::ephemeral()), Arc::new(Still(Timestamp(1)))).unwrap();
    let mut health = store.health();
    run(async {
        let full = health.wait_for(|health| matches!(health, Health::Full(_)));
        tokio::time::timeout(std::time::Duration::from_secs(10), full).await.unwrap().unwrap();
        engine.set_room(1000);
        let writable = health.wait_for(|health| *health == Health::Writable);
        tokio::time::timeout(std::time::Duration::from_secs(10), writable).await.unwrap().unwrap();
    });
}

#[test]
fn a_failed_group_is_an_error_and_the_store_recovers() {
    let engine = Arc::new(Memory::default());
    let store = Store::inline(engine.clone(), Arc::new(Keyring::ephemeral()), Arc::new(Still(Timestamp(1)))).unwrap();
    engine.set_faults(Some(Box::new(|| Fate::Refuse)));
    assert!(matches!(run(write(&store, [text("a", Expect::Any, "1")])), Err(StoreError::Unusable(_))));
    engine.set_faults(None);
    run(write(&store, [text("a", Expect::Absent, "2")])).unwrap();
    assert_eq!(*store.health().borrow(), Health::Writable);
}

#[test]
fn a_store_that_cannot_be_read_does_not_look_well() {
    let engine = Arc::new(Memory::default());
    let store = Store::inline(engine.clone(), Arc::new(Keyring::ephemeral()), Arc::new(Still(Timestamp(1)))).unwrap();
    engine.set_unreadable(true);
    assert!(matches!(run(write(&store, [text("a", Expect::Any, "1")])), Err(StoreError::Unusable(_))));
    assert!(matches!(*store.health().borrow(), Health::Broken(_)));
    engine.set_unreadable(false);
    run(write(&store, [text("a", Expect::Absent, "2")])).unwrap();
    assert_eq!(*store.health().borrow(), Health::Writable);
}

#[test]
fn a_backup_of_a_busy_store_restores_to_one_moment() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_sled(&folder.path().join("one"));
    let tenant = TenantId::default_tenant();
    let file = folder.path().join("backup");
    run(async {
        for i in 0..500 {
            write(&store, [text(&format!("a{i:05}"), Expect::Any, "x"), text(&format!("b{i:05}"), Expect::Any, "x")])
                .await
                .unwrap();
        }
    });
    run(write(&store, [setting::put_action_key(&setting::ActionKey("old".to_owned()))])).unwrap();
    let busy = {
        let store = store.clone();
        std::thread::spawn(move || {
            run(async {
                for i in 500..1500 {
                    let pair =
                        [text(&format!("a{i:05}"), Expect::Any, "x"), text(&format!("b{i:05}"), Expect::Any, "x")];
                    write(&store, pair).await.unwrap();
                }
            });
        })
    };
    let summary = backup::write(&store, &file).unwrap();
    assert!(summary.frames >= 1000);
    busy.join().unwrap();

    let other = folder.path().join("two");
    let engine = crate::store::sled::Sled::open(options(&other)).unwrap();
    backup::restore(&engine, &file).unwrap();
    drop(engine);
    let restored = open_sled(&other);
    let view = restored.view(&tenant);
    let count = |prefix: &[u8]| view.keys(prefix, Order::Ascending).count();
    assert_eq!(count(b"a0"), count(b"b0"), "pairs are whole");
    assert!(setting::action_key(&view).unwrap().is_none(), "buttons of before are refused");
    assert!(view.scan::<Text>(b"a", Order::Ascending).all(|entry| entry.is_ok()));

    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let engine = Memory::default();
    assert!(matches!(backup::restore(&engine, &file), Err(backup::BackupError::Damaged { .. })));
}

#[test]
fn keys_rotate_while_the_store_runs() {
    over_every_engine(async |store| {
        for i in 0..150 {
            write(&store, [text(&format!("k{i}"), Expect::Any, "x")]).await.unwrap();
        }
        // The memory store's keyring is not stored, so it rotates under the master key of the test.
        let masters = [MasterKey::new([7; 32])];
        let first = store.keyring().active_id();
        let second = seal::new_data_key(first + 1, &masters[0]);
        store.keyring().activate(&second, &masters).unwrap();
        let (mut from, mut anew) = (Some(Vec::new()), 0);
        while let Some(key) = from {
            let step = rotate::step(&store, &key).await.unwrap();
            anew += step.done;
            from = step.next;
        }
        assert!(anew >= 150);
        let view = store.view(&TenantId::default_tenant());
        assert_eq!(view.scan::<Text>(b"k", Order::Ascending).filter(|e| e.is_ok()).count(), 150);
        let stale = store
            .engine()
            .scan(b"default\0", &[], Order::Ascending)
            .filter(|entry| seal::key_id_of(&entry.as_ref().unwrap().1).is_some_and(|id| id == first));
        assert_eq!(stale.count(), 0);
    });
}

fn arrived(place: &str, reach: Option<Reach>) -> Incoming {
    Incoming {
        channel: ChannelName::Teams,
        installation: "t1".into(),
        organisation: None,
        dedupe: vec![],
        lane: LaneKey("l".into()),
        from: None,
        place: Some(Place { id: place.into(), kind: PlaceKind::Private, shared: false }),
        reply: None,
        kind: EventKind::Command { line: "help".into() },
        proof: "test".into(),
        happened: None,
        reach,
        raw: bytes::Bytes::new(),
    }
}

fn address(place: &str, connector: Option<&str>) -> Address {
    Address {
        thread: Some("17".into()),
        connector: connector.map(str::to_owned),
        ..Address::at(ChannelName::Teams, "t1", place)
    }
}

#[test]
fn a_place_is_reached_by_the_last_word_of_its_platform() {
    over_every_engine(async |store| {
        let view = store.view(&TenantId::default_tenant());
        let by = |url: &str| Some(Reach::By(url.to_owned()));
        let now = |place, of_event| connector::newest(&view, &address(place, of_event)).unwrap().connector;
        assert_eq!(now("p", Some("old")).as_deref(), Some("old"), "a store of before knows of none");
        for (place, reach, writes, known) in [
            ("p", None, false, "old"),
            ("p", Some(Reach::Lost), false, "old"),
            ("p", by("one"), true, "one"),
            ("p", by("one"), false, "one"),
            ("q", by("one"), true, "one"),
            ("p", by("two"), true, "two"),
            ("p", Some(Reach::Lost), true, "old"),
            ("p", by("two"), true, "two"),
        ] {
            let learnt = connector::learnt(&view, &arrived(place, reach.clone()));
            assert_eq!(!learnt.is_empty(), writes, "{place} {reach:?}");
            write(&store, learnt).await.unwrap();
            assert_eq!(now(place, Some("old")).as_deref(), Some(known), "{place} {reach:?}");
        }
        assert_eq!(now("q", Some("old")).as_deref(), Some("one"), "each place by itself");
        assert_eq!(now("p", None), None, "who names no address needs none");
        let theirs = store.view(&"other".parse().unwrap());
        assert_eq!(connector::newest(&theirs, &address("p", Some("old"))).unwrap().connector.as_deref(), Some("old"));
        let learnt = connector::learnt(&view, &arrived("p", by("three"))).swap_remove(0);
        write(&store, [put(learnt.key, Expect::Any, &Text("damaged".to_owned()))]).await.unwrap();
        assert_eq!(now("p", Some("old")).as_deref(), Some("old"), "what cannot be read is as none");
        assert!(connector::learnt(&view, &arrived("p", by("three"))).len() == 2, "and is written anew");
        let nowhere = Incoming { place: None, ..arrived("p", by("three")) };
        assert_eq!(connector::learnt(&view, &nowhere), []);
    });
}
