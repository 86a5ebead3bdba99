//! The log ahead of an engine against a model, killed, torn, failing behind, and too far ahead.

use std::collections::BTreeMap;
use std::fs::OpenOptions;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tempfile::TempDir;

use super::*;
use crate::store::memory::{Fate, Memory};

/// The settler puts everything behind as soon as it can.
const AT_ONCE: Lead = Lead { settle_bytes: 1, settle_after: Duration::ZERO, most_bytes: 1 << 20 };
/// Nothing goes behind but at the end.
const NEVER: Lead = Lead { settle_bytes: usize::MAX, settle_after: Duration::from_secs(3600), most_bytes: usize::MAX };
const PATIENCE: Duration = Duration::from_secs(20);

struct Place {
    behind: Arc<Memory>,
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { behind: Arc::default(), folder: tempfile::tempdir().unwrap() }
    }

    fn open(&self, lead: Lead) -> Ahead {
        Ahead::open(self.behind.clone(), self.folder.path().join(FOLDER), lead, true).unwrap()
    }

    /// What a process finds that starts when another was killed: the files as they are now, and what is behind.
    fn copy(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(FOLDER)).unwrap();
        for file in self.files() {
            // One that is gone by now is behind, which is read later.
            let _ = std::fs::copy(&file, folder.path().join(FOLDER).join(file.file_name().unwrap()));
        }
        let behind = Memory::default();
        behind
            .apply(
                self.behind.scan(&[], &[], Order::Ascending).map(|e| e.map(|(k, v)| (k, Some(v))).unwrap()).collect(),
            )
            .unwrap();
        Self { behind: Arc::new(behind), folder }
    }

    fn files(&self) -> Vec<PathBuf> {
        let folder = self.folder.path().join(FOLDER);
        let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }
}

fn put(key: &str, value: &str) -> Put {
    (key.into(), Some(value.into()))
}

fn write(ahead: &Ahead, puts: Vec<Put>) {
    ahead.apply(puts).unwrap();
    ahead.sync().unwrap();
}

fn all(engine: &dyn Engine) -> Vec<(String, String)> {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let entries = engine.scan(&[], &[], Order::Ascending);
    entries.map(|entry| entry.map(|(key, value)| (text(key), text(value))).unwrap()).collect()
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

fn entries(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn whatever_has_settled_it_reads_as_one_map() {
    for seed in 0..40 {
        let (mut place, mut dice) = (Place::new(), StdRng::seed_from_u64(seed));
        let lead = if seed % 2 == 0 { AT_ONCE } else { Lead { settle_bytes: 2000, ..NEVER } };
        let (mut ahead, mut model) = (place.open(lead), BTreeMap::<Vec<u8>, Vec<u8>>::new());
        let key = |dice: &mut StdRng| format!("{:02}", dice.random_range(0..40)).into_bytes();
        for step in 0..200 {
            match dice.random_range(0..10) {
                0..6 => {
                    let puts: Vec<Put> = (0..dice.random_range(1..5))
                        .map(|_| {
                            let value = dice.random_bool(0.6).then(|| vec![b'v'; dice.random_range(0..60)]);
                            (key(&mut dice), value)
                        })
                        .collect();
                    for (key, value) in &puts {
                        match value {
                            Some(value) => model.insert(key.clone(), value.clone()),
                            None => model.remove(key),
                        };
                    }
                    write(&ahead, puts);
                }
                6 => {
                    let key = key(&mut dice);
                    assert_eq!(ahead.get(&key).unwrap(), model.get(&key).cloned());
                    let glance = model.get(&key).map(|value| Glance::of(value, value.len()));
                    assert_eq!(ahead.glance(&key).unwrap(), glance);
                }
                7 => {
                    let next = place.copy();
                    ahead = next.open(lead);
                    place = next;
                }
                8 => ahead.reopen().unwrap(),
                _ => {
                    let (from, to) = (key(&mut dice), if dice.random_bool(0.3) { vec![] } else { key(&mut dice) });
                    let within = |key: &&Vec<u8>| **key >= from && (to.is_empty() || **key < to);
                    let mut wanted: Vec<_> = model.keys().filter(within).cloned().collect();
                    let ascending = ahead.keys(&from, &to, Order::Ascending).map(Result::unwrap);
                    assert_eq!(ascending.collect::<Vec<_>>(), wanted, "seed {seed}, step {step}");
                    wanted.reverse();
                    let descending = ahead.scan(&from, &to, Order::Descending).map(Result::unwrap);
                    for ((key, value), wanted) in descending.zip(&wanted) {
                        assert_eq!((&key, &value), (wanted, &model[wanted]), "seed {seed}, step {step}");
                    }
                    assert_eq!(ahead.scan(&from, &to, Order::Descending).count(), wanted.len());
                }
            }
        }
    }
}

#[test]
fn what_settles_behind_a_scan_is_seen_once_and_as_it_is_last() {
    let place = Place::new();
    let ahead = place.open(Lead { settle_bytes: usize::MAX, settle_after: Duration::from_millis(50), ..NEVER });
    write(&ahead, vec![put("a", "1"), put("b", "1"), put("c", "1"), put("z", "1")]);
    place.behind.apply(vec![put("d", "1"), put("e", "1")]).unwrap();
    let mut scan = ahead.scan(&[], &[], Order::Ascending);
    assert_eq!(scan.next().unwrap().unwrap().0, b"a");
    // The scan has looked at `d` by now.
    until("it settles", || place.behind.get(b"c").unwrap().is_some() && ahead.shared.tables().settling.is_none());
    write(&ahead, vec![put("c", "2"), put("d", "2"), (b"e".to_vec(), None)]);
    until("it settles", || place.behind.get(b"e").unwrap().is_none() && ahead.shared.tables().settling.is_none());
    let rest: Vec<_> = scan.map(Result::unwrap).collect();
    let rest: Vec<_> = rest.iter().map(|(key, value)| (&key[..], &value[..])).collect();
    assert_eq!(rest, [(&b"b"[..], &b"1"[..]), (b"c", b"2"), (b"d", b"2"), (b"z", b"1")]);
}

#[test]
fn what_is_settled_leaves_the_log_and_what_came_and_went_never_goes_behind() {
    let place = Place::new();
    let ahead = place.open(Lead { settle_after: Duration::from_millis(30), ..NEVER });
    write(&ahead, vec![put("stays", "1"), put("goes", "1")]);
    write(&ahead, vec![(b"goes".to_vec(), None)]);
    until("it settles", || place.behind.get(b"stays").unwrap().is_some());
    until("the file is taken away", || place.files().len() == 1);
    assert_eq!(all(place.behind.as_ref()), entries(&[("stays", "1")]));
    assert_eq!(place.files()[0].metadata().unwrap().len(), 0);
}

#[test]
fn a_process_that_was_killed_leaves_all_that_it_had_synced() {
    let place = Place::new();
    let ahead = place.open(NEVER);
    write(&ahead, vec![put("a", "1"), put("b", "1")]);
    write(&ahead, vec![put("a", "2"), (b"b".to_vec(), None)]);
    let next = place.copy();
    let again = next.open(NEVER);
    assert_eq!(all(&again), entries(&[("a", "2")]));
    write(&again, vec![put("c", "3")]);
    assert_eq!(all(&next.copy().open(NEVER)), entries(&[("a", "2"), ("c", "3")]));
    drop(ahead);
    assert_eq!(all(place.behind.as_ref()), entries(&[("a", "2")]), "who ends in order leaves nothing ahead");
}

#[test]
fn a_record_lands_whole_or_not_at_all_wherever_it_is_torn() {
    let place = Place::new();
    let ahead = place.open(NEVER);
    write(&ahead, vec![put("a", "1")]);
    let first = place.files()[0].metadata().unwrap().len();
    write(&ahead, vec![put("b", "1"), put("c", "1")]);
    let both = place.files()[0].metadata().unwrap().len();
    for length in first..both {
        let torn = place.copy();
        OpenOptions::new().write(true).open(&torn.files()[0]).unwrap().set_len(length).unwrap();
        let ahead = torn.open(NEVER);
        assert_eq!(all(&ahead), entries(&[("a", "1")]), "cut at {length}");
        write(&ahead, vec![put("d", "1")]);
        assert_eq!(all(&torn.copy().open(NEVER)), entries(&[("a", "1"), ("d", "1")]));
    }
    for place_of_bit in first..both {
        let torn = place.copy();
        let mut bytes = std::fs::read(&torn.files()[0]).unwrap();
        bytes[usize::try_from(place_of_bit).unwrap()] ^= 1;
        std::fs::write(&torn.files()[0], bytes).unwrap();
        assert_eq!(all(&torn.open(NEVER)), entries(&[("a", "1")]), "flipped at {place_of_bit}");
    }
}

#[test]
fn what_cannot_be_read_is_an_error_that_takes_nothing_away() {
    let place = Place::new();
    let ahead = place.open(NEVER);
    write(&ahead, vec![put("a", "1")]);
    let next = place.copy();
    // It has the name of a log and is none.
    std::fs::create_dir(next.folder.path().join(FOLDER).join("0000000000000002.log")).unwrap();
    let opened = Ahead::open(next.behind.clone(), next.folder.path().join(FOLDER), NEVER, true);
    assert!(opened.err().unwrap().to_string().contains(FOLDER));
    std::fs::remove_dir(next.folder.path().join(FOLDER).join("0000000000000002.log")).unwrap();
    assert_eq!(all(&next.open(NEVER)), entries(&[("a", "1")]));
}

#[test]
fn a_record_of_another_file_is_none() {
    let place = Place::new();
    let ahead = place.open(NEVER);
    write(&ahead, vec![put("a", "1")]);
    let next = place.copy();
    let file = &next.files()[0];
    std::fs::rename(file, file.with_file_name(format!("{:016}.log", 77))).unwrap();
    assert_eq!(all(&next.open(NEVER)), []);
}

#[test]
fn an_engine_that_fails_behind_loses_nothing_and_is_opened_anew() {
    let place = Place::new();
    let ahead = place.open(AT_ONCE);
    place.behind.set_faults(Some(Box::new(|| Fate::Refuse)));
    write(&ahead, vec![put("a", "1")]);
    until("the failure is told", || ahead.apply(vec![put("b", "1")]).is_err());
    assert!(ahead.sync().is_err());
    assert_eq!(ahead.get(b"a").unwrap().as_deref(), Some(&b"1"[..]), "reading goes on");
    place.behind.set_faults(None);
    ahead.reopen().unwrap();
    write(&ahead, vec![put("c", "1")]);
    let read = all(&ahead);
    assert!(read.contains(&("a".into(), "1".into())) && read.contains(&("c".into(), "1".into())), "{read:?}");
    drop(ahead);
    assert_eq!(all(place.behind.as_ref()), read);
}

#[test]
fn writers_wait_where_too_much_is_ahead() {
    let place = Place::new();
    let lead = Lead { settle_bytes: 1, settle_after: Duration::ZERO, most_bytes: 1000 };
    let (go, gone) = std::sync::mpsc::channel::<()>();
    let ahead = Arc::new(place.open(lead));
    // What is behind takes nothing until it is let go.
    place.behind.set_faults(Some(Box::new(move || {
        let _ = gone.recv_timeout(PATIENCE);
        Fate::Land
    })));
    let writer = std::thread::spawn({
        let ahead = ahead.clone();
        move || (0..100).for_each(|number| write(&ahead, vec![put(&format!("k{number:03}"), &"v".repeat(100))]))
    });
    until("so much is ahead", || ahead.shared.tables().newest.bytes() >= 1000);
    std::thread::park_timeout(Duration::from_millis(50));
    assert!(!writer.is_finished() && ahead.shared.tables().newest.bytes() < 1500);
    drop(go);
    writer.join().unwrap();
    assert_eq!(all(ahead.as_ref()).len(), 100);
}
