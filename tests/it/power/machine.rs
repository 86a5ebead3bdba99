//! The machine around the disk: loop device, ext4, mount, and the order in which they are taken down.
//! It owns every trace that it leaves on the host, and removes them on drop; what a killed test run left behind is
//! swept by the next one. What a program does on the machine is not its matter.

use std::ffi::CStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use fuser::{BackgroundSession, Config, MountOption};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use super::disk::{Disk, Image, Losses};
use super::fuse::{Drive, Shelf};

/// The size of a disk. It is sparse: memory is used for what was written.
const DISK_BYTES: u64 = 1 << 30;

/// How long a cut that waits for a flush waits.
const FLUSH_COMES: Duration = Duration::from_millis(50);

/// Begins the name of every folder of a rig, after which comes the process that owns it.
const FOLDER_PREFIX: &str = "ai-crm-power-";

/// Everything that machines share: a folder, the file system of the disks, an empty ext4 to start from.
pub(crate) struct Rig {
    folder: PathBuf,
    shelf: Shelf,
    session: Option<BackgroundSession>,
    blank: Option<Image>,
}

impl Rig {
    /// Sets everything up, or says what is missing and how to install it.
    pub(crate) fn new() -> anyhow::Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        require_prerequisites()?;
        sweep()?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("{FOLDER_PREFIX}{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let mut rig = Self { folder, shelf: Shelf::default(), session: None, blank: None };
        rig.blank = Some(make_blank(&rig.folder.join("blank.img"))?);
        let disks = rig.disks();
        fs::create_dir(&disks)?;
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("ai-crm-power".into()), MountOption::NoExec];
        let session = fuser::spawn_mount(rig.shelf.clone(), &disks, &config);
        rig.session = Some(session.context("cannot mount the file system of the disks")?);
        Ok(rig)
    }

    /// A disk with an empty file system.
    pub(crate) fn blank(&self) -> Image {
        self.blank.clone().expect("invariant: a rig that was returned has its blank disk")
    }

    /// A folder outside of every machine, which no cut touches.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts a machine on `image`. As at a real start, ext4 replays its journal, and where it refuses to mount the
    /// file system is checked and repaired first.
    pub(crate) fn boot(&self, image: Image) -> anyhow::Result<Machine<'_>> {
        let (slot, drive) = self.shelf.put(Disk::new(image));
        let data = self.folder.join(format!("data-{slot}"));
        let mut machine = Machine { rig: self, slot, drive, device: None, data, mounted: false, repaired: false };
        fs::create_dir(&machine.data)?;
        let file = self.disks().join(Shelf::file_name(slot));
        let device = run(Command::new("losetup").args(["--find", "--show", "--direct-io=on"]).arg(file))?;
        let device = device.trim().to_owned();
        machine.device = Some(device.clone());
        if mount_ext4(&device, &machine.data).is_err() {
            machine.repaired = true;
            repair(&device)?;
            mount_ext4(&device, &machine.data).with_context(|| format!("cannot mount {device} even after a repair"))?;
        }
        machine.mounted = true;
        // The mount keeps the device; asking for the detach here means that the unmount completes it, on every way out.
        run(Command::new("losetup").arg("--detach").arg(&device))?;
        machine.device = None;
        Ok(machine)
    }

    fn disks(&self) -> PathBuf {
        self.folder.join("disks")
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        if let Some(session) = self.session.take()
            && session.umount_and_join().is_err()
        {
            // Something still holds a disk: hide the mount, the kernel ends it with the last user.
            let _ = unmount(self.disks(), UnmountFlags::DETACH);
        }
        remove_folder(&self.folder);
    }
}

/// A running machine.
pub(crate) struct Machine<'rig> {
    rig: &'rig Rig,
    slot: u64,
    drive: Arc<Drive>,
    /// The loop device, as long as nothing else would detach it.
    device: Option<String>,
    data: PathBuf,
    mounted: bool,
    repaired: bool,
}

impl Machine<'_> {
    /// Where its disk is mounted.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// Whether the file system needed more than its journal to be mounted.
    pub(crate) fn was_repaired(&self) -> bool {
        self.repaired
    }

    /// Cuts the power: at once, or for half of the seeds in place of the next flush. Programs on the machine get errors
    /// from then on; end them before the machine is dropped.
    pub(crate) fn cut(&self, seed: u64) -> (Image, Losses) {
        if seed.is_multiple_of(2) {
            self.drive.end_at_next_flush(FLUSH_COMES);
        }
        self.drive.lock().cut(seed)
    }
}

impl Drop for Machine<'_> {
    fn drop(&mut self) {
        // Without power first: an unmount must not write what nobody will read.
        self.drive.lock().switch_off();
        if self.mounted && unmount(&self.data, UnmountFlags::empty()).is_err() {
            let _ = unmount(&self.data, UnmountFlags::DETACH);
        }
        if let Some(device) = &self.device {
            let _ = Command::new("losetup").arg("--detach").arg(device).output();
        }
        self.rig.shelf.remove(self.slot);
        let _ = fs::remove_dir(&self.data);
    }
}

/// Fails with the command that mends it when this host cannot run machines.
fn require_prerequisites() -> anyhow::Result<()> {
    ensure!(rustix::process::geteuid().is_root(), "mounting needs root\nrun: sudo -E env PATH=\"$PATH\" ./test");
    for (program, package) in [("losetup", "mount"), ("mkfs.ext4", "e2fsprogs"), ("e2fsck", "e2fsprogs")] {
        let found =
            Command::new(program).arg("--version").output().or_else(|_| Command::new(program).arg("-V").output());
        ensure!(found.is_ok(), "{program} is missing\nrun: apt-get install -y {package}");
    }
    for (device, module) in [("/dev/fuse", "fuse"), ("/dev/loop-control", "loop")] {
        ensure!(Path::new(device).exists(), "{device} is missing\nrun: modprobe {module}");
    }
    let known = fs::read_to_string("/proc/filesystems").context("cannot read /proc/filesystems")?;
    ensure!(known.lines().any(|line| line.trim() == "ext4"), "the kernel has no ext4\nrun: modprobe ext4");
    Ok(())
}

/// Makes an empty ext4 in a file and reads it. Nothing is left for the kernel to initialise later, so that the only
/// writes on a disk are the program's and its journal's.
fn make_blank(path: &Path) -> anyhow::Result<Image> {
    fs::File::create(path)?.set_len(DISK_BYTES)?;
    let options = ["-q", "-F", "-b", "4096", "-m", "0", "-J", "size=8", "-E", "lazy_itable_init=0,lazy_journal_init=0"];
    run(Command::new("mkfs.ext4").args(options).arg(path))?;
    let image = Image::of_file(path)?;
    fs::remove_file(path)?;
    Ok(image)
}

fn mount_ext4(device: &str, folder: &Path) -> anyhow::Result<()> {
    const OPTIONS: &CStr = c"data=ordered,barrier=1,errors=remount-ro";
    mount(device, folder, "ext4", MountFlags::NOATIME | MountFlags::NODEV | MountFlags::NOSUID, OPTIONS)
        .with_context(|| format!("cannot mount {device} on {}", folder.display()))
}

/// What a start does with a file system that it cannot mount.
fn repair(device: &str) -> anyhow::Result<()> {
    let checked = Command::new("e2fsck").args(["-f", "-y", device]).output().context("cannot run e2fsck")?;
    // Exit codes up to 2 mean that what was found is mended.
    match checked.status.code() {
        Some(0..=2) => Ok(()),
        _ => bail!("e2fsck cannot repair {device}: {}", String::from_utf8_lossy(&checked.stdout)),
    }
}

/// Runs a command to its end; its standard output, or an error with its standard error.
fn run(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} failed: {}", errors.trim());
    String::from_utf8(output.stdout).with_context(|| format!("{command:?} did not answer in text"))
}

/// Removes what test runs left behind that were killed before they could.
fn sweep() -> anyhow::Result<()> {
    let prefix = std::env::temp_dir().join(FOLDER_PREFIX);
    let prefix = prefix.to_string_lossy();
    let is_orphan = |path: &str| {
        let owner = path.strip_prefix(&*prefix).and_then(|rest| rest.split('-').next());
        owner.is_some_and(|owner| owner.parse::<u32>().is_ok() && !Path::new("/proc").join(owner).exists())
    };
    let mounts = fs::read_to_string("/proc/self/mountinfo").context("cannot read /proc/self/mountinfo")?;
    let points: Vec<&str> = mounts.lines().filter_map(|line| line.split(' ').nth(4)).collect();
    for point in points.into_iter().rev().filter(|point| is_orphan(point)) {
        let _ = unmount(point, UnmountFlags::DETACH);
    }
    for entry in fs::read_dir(std::env::temp_dir())?.flatten() {
        if is_orphan(&entry.path().to_string_lossy()) {
            remove_folder(&entry.path());
        }
    }
    Ok(())
}

/// Removes a rig's folder; never what is inside a mount that could not be ended.
fn remove_folder(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let _ = if path.is_dir() { fs::remove_dir(&path) } else { fs::remove_file(&path) };
    }
    let _ = fs::remove_dir(folder);
}
