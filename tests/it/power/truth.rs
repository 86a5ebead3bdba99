//! Whether the machine tells the truth: a program whose promise is worth nothing must be caught, one that does it right
//! must never be. What is tested here is the harness alone; the store's own tests are elsewhere.

use std::io::{BufRead, BufReader, Write as _};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{ChildStdout, Command};
use std::time::{Duration, Instant};

use super::disk::{Disk, PAGE};
use super::machine::Rig;
use super::rounds::{Plan, Tally, Verdict, Witness, rounds};

/// Writes the record `n` into page `n` of the file `records`, syncs as it was told, and prints `n`; waits when the file
/// is full. In Perl, which every Debian has, because no safe Rust crate offers `sync_file_range`.
const RECORDER: &str = r#"
    use strict; use IO::Handle; use Fcntl;
    my ($folder, $layout, $sync, $pages, $fdatasync, $sync_file_range) = @ARGV;
    sub must { die "$_[0]: $!" if $_[1] }
    sub sync_all { my ($path) = @_; sysopen(my $f, $path, O_RDONLY) or die $!; must("fsync", !$f->sync) }
    sysopen(my $file, "$folder/records", O_RDWR | O_CREAT) or die "open: $!";
    if ($layout eq "in-place") { syswrite($file, "\0" x 4096) for 1 .. $pages }
    must("fsync", !$file->sync);
    sync_all($folder);
    sysseek($file, 0, 0);
    STDOUT->autoflush(1);
    for my $n (0 .. $pages - 1) {
        must("write", (syswrite($file, sprintf("%-4095d\n", $n)) // 0) != 4096);
        must("fdatasync", syscall($fdatasync, fileno($file)) != 0) if $sync eq "fdatasync";
        must("sync_file_range", syscall($sync_file_range, fileno($file), $n * 4096, 4096, 7) != 0) if $sync eq "range";
        print "$n\n";
    }
    sleep 3600;
"#;

/// So many records fit; whoever is fast enough to write them all waits for the cut.
const RECORDS: usize = 4 * 1024;

/// The numbers of `fdatasync` and `sync_file_range` on this processor.
fn syscall_numbers() -> [&'static str; 2] {
    match std::env::consts::ARCH {
        "x86_64" => ["75", "277"],
        "aarch64" | "riscv64" => ["83", "84"],
        other => panic!("the recorder does not know the syscall numbers of {other}\nadd them to syscall_numbers"),
    }
}

fn recorder(folder: &Path, layout: &str, sync: &str) -> Command {
    let mut command = Command::new("perl");
    command.args(["-e", RECORDER]).arg(folder).args([layout, sync, &RECORDS.to_string()]).args(syscall_numbers());
    command
}

fn read_numbers(stdout: ChildStdout, witness: &Witness<usize>) {
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        let Ok(number) = line.parse() else { continue };
        if !witness.acknowledged(number) {
            break;
        }
    }
}

fn records_are_there(folder: &Path, acknowledged: &[usize]) -> anyhow::Result<Verdict> {
    let file = std::fs::File::open(folder.join("records"))?;
    let mut page = [0; PAGE];
    let mut missing = acknowledged.iter().filter(|number| {
        let read = file.read_exact_at(&mut page, (*number * PAGE) as u64);
        read.is_err() || page.as_slice() != format!("{number:<4095}\n").as_bytes()
    });
    Ok(match missing.next() {
        None => Verdict::Intact,
        Some(first) => Verdict::Lost(format!("record {first} and {} more of {}", missing.count(), acknowledged.len())),
    })
}

fn record_rounds(name: &'static str, count: u32, layout: &str, sync: &str) -> anyhow::Result<Tally> {
    let perl = Command::new("perl").arg("-v").output();
    assert!(perl.is_ok(), "perl is missing\nrun: apt-get install -y perl-base");
    let load = Duration::from_millis(5)..Duration::from_millis(120);
    let plan = Plan { name, rounds: count, seed: 0x5eed, load, rounds_per_disk: 1 };
    rounds(&plan, |folder| recorder(folder, layout, sync), read_numbers, records_are_there)
}

#[test]
fn a_program_that_only_writes_loses_what_it_acknowledged() -> anyhow::Result<()> {
    for (name, layout) in [("write, growing", "append"), ("write, in place", "in-place")] {
        let tally = record_rounds(name, 4, layout, "none")?;
        assert!(tally.lost > 0, "{tally}");
    }
    Ok(())
}

#[test]
fn a_program_that_only_calls_sync_file_range_loses_what_it_acknowledged() -> anyhow::Result<()> {
    for (name, layout) in [("sync_file_range, growing", "append"), ("sync_file_range, in place", "in-place")] {
        let tally = record_rounds(name, 8, layout, "range")?;
        assert!(tally.lost > 0, "{tally}");
    }
    Ok(())
}

#[test]
fn a_program_that_calls_fdatasync_never_loses_anything() -> anyhow::Result<()> {
    for (name, layout) in [("fdatasync, growing", "append"), ("fdatasync, in place", "in-place")] {
        let tally = record_rounds(name, 25, layout, "fdatasync")?;
        assert_eq!(tally.broken(), 0, "{tally}");
        // ext4's superblock has its checksum in its second sector: torn between the two, once in many hundred cuts,
        // it is repaired as a real start repairs it.
        assert!(tally.repaired <= 1, "{tally}");
        assert!(tally.acknowledged > 100, "there was hardly any load: {tally}");
    }
    Ok(())
}

#[test]
fn a_file_system_that_cannot_be_mounted_is_repaired_at_boot() -> anyhow::Result<()> {
    let rig = Rig::new()?;
    anyhow::ensure!(!rig.boot(rig.blank())?.was_repaired(), "a blank disk needs no repair");
    let mut disk = Disk::new(rig.blank());
    let superblock_is_gone = disk.write(0, &[0; PAGE]).and_then(|()| disk.flush());
    assert_eq!(superblock_is_gone, Ok(()));
    let machine = rig.boot(disk.cut(0).0)?;
    assert!(machine.was_repaired());
    std::fs::write(machine.data().join("file"), b"usable")?;
    Ok(())
}

#[test]
fn nothing_of_a_rig_is_left_on_the_host() -> anyhow::Result<()> {
    let rig = Rig::new()?;
    let folder = rig.folder().to_owned();
    let machine = rig.boot(rig.blank())?;
    std::fs::File::create(machine.data().join("file"))?.write_all(b"dirty")?;
    machine.cut(1);
    drop(machine);
    drop(rig);
    // A process that another test is just starting may hold copies of our descriptors until its exec.
    let deadline = Instant::now() + Duration::from_secs(10);
    while let Some(trace) = trace_of(&folder)? {
        anyhow::ensure!(Instant::now() < deadline, "left on the host: {trace}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
    Ok(())
}

/// The first thing found that reminds of a rig.
fn trace_of(folder: &Path) -> anyhow::Result<Option<String>> {
    if folder.exists() {
        return Ok(Some(folder.display().to_string()));
    }
    let name = folder.to_string_lossy();
    if let Some(line) = std::fs::read_to_string("/proc/self/mountinfo")?.lines().find(|line| line.contains(&*name)) {
        return Ok(Some(line.to_owned()));
    }
    for device in std::fs::read_dir("/sys/block")?.flatten() {
        let backing = std::fs::read_to_string(device.path().join("loop/backing_file")).unwrap_or_default();
        if backing.starts_with(&*name) {
            return Ok(Some(device.path().display().to_string()));
        }
    }
    Ok(None)
}
