//! The sealing key and the admin token that nobody gave: files of the data folder, made at the first start.
//!
//! Owns their form and the rule that a file is never overwritten. Randomness is an argument. What the key
//! seals stands in `store/`.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use data_encoding::{BASE32_NOPAD, BASE64, BASE64_NOPAD, HEXLOWER};
use zeroize::{Zeroize, Zeroizing};

use crate::config::Config;
use crate::config::references::{Readers, read_private};
use crate::config::secrets::Secrets;
use crate::domain::secret::Secret;

/// Fills a slice with randomness.
pub type FillRandom<'a> = &'a mut dyn FnMut(&mut [u8]);

/// A sealing key. No `Debug` of its bytes, wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyBytes(Zeroizing<[u8; 32]>);

impl KeyBytes {
    /// The bytes themselves, for the one call that needs them.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for KeyBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyBytes(…)")
    }
}

/// Where a key or a token came from. Prints for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// The configuration.
    Configured,
    /// A file of the data folder.
    File(PathBuf),
    /// A file of the data folder that was made just now.
    Made(PathBuf),
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configured => f.write_str("from the configuration"),
            Self::File(path) => write!(f, "from {}", path.display()),
            Self::Made(path) => write!(f, "made anew in {}", path.display()),
        }
    }
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The text is no key. It is not shown.
    #[error("{place} is not base64 of 32 bytes; make one with: head -c 32 /dev/urandom | base64")]
    NotAKey {
        /// The key of the configuration, or the file.
        place: String,
    },
    /// The file cannot be used; the text says how to mend it.
    #[error("{0}")]
    Unusable(String),
    /// The store was sealed by a key that is gone. A new one would open nothing.
    #[error(
        "{} is missing, but {} holds data that was sealed with it; put the file back, or set AI_CRM_MASTER_KEY",
        file.display(), store.display()
    )]
    Lost {
        /// The key's file.
        file: PathBuf,
        /// The folder of the database.
        store: PathBuf,
    },
    /// The file cannot be made.
    #[error("{} cannot be made", file.display())]
    NotMade {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// The sealing keys, newest first: from the configuration, else from the key file, else made.
///
/// # Errors
/// Where there is a key that cannot be used, where the file cannot be made, and where a store is there
/// whose key is not.
pub fn master_keys(config: &Config, fill: FillRandom<'_>) -> Result<(Vec<KeyBytes>, KeySource), KeyFileError> {
    if !config.store.master_key.is_empty() {
        let place = "store.master_key (AI_CRM_MASTER_KEY)";
        return Ok((decode(&config.store.master_key, place)?, KeySource::Configured));
    }
    let file = config.master_key_file();
    let store = config.store_folder();
    let has_store = fs::read_dir(&store).is_ok_and(|mut entries| entries.next().is_some());
    if has_store && !file.exists() {
        return Err(KeyFileError::Lost { file, store });
    }
    let (text, source) = read_or_make(file, fill, |bytes| BASE64.encode(bytes))?;
    let place = text.place;
    Ok((decode(&text.secrets, &place)?, source))
}

/// The admin tokens, newest first: from the configuration, else from the token file, else made.
///
/// # Errors
/// Where the file cannot be used or made.
pub fn admin_token(config: &Config, fill: FillRandom<'_>) -> Result<(Secrets, KeySource), KeyFileError> {
    if !config.admin.token.is_empty() {
        return Ok((config.admin.token.clone(), KeySource::Configured));
    }
    let (text, source) =
        read_or_make(config.admin_token_file(), fill, |bytes| BASE32_NOPAD.encode(bytes).to_lowercase())?;
    Ok((text.secrets, source))
}

struct Text {
    secrets: Secrets,
    place: String,
}

fn decode(secrets: &Secrets, place: &str) -> Result<Vec<KeyBytes>, KeyFileError> {
    let one = |secret: &Secret| {
        let text = secret.expose().as_bytes();
        let decoded = BASE64.decode(text).or_else(|_| BASE64_NOPAD.decode(text)).map(Zeroizing::new);
        let bytes = decoded.ok().and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
        bytes
            .map(|bytes| KeyBytes(Zeroizing::new(bytes)))
            .ok_or_else(|| KeyFileError::NotAKey { place: place.to_owned() })
    };
    secrets.as_slice().iter().map(one).collect()
}

fn read_or_make(
    file: PathBuf,
    fill: FillRandom<'_>,
    encode: impl Fn(&[u8]) -> String,
) -> Result<(Text, KeySource), KeyFileError> {
    let made = !file.exists()
        && make(&file, fill, encode).map_err(|source| KeyFileError::NotMade { file: file.clone(), source })?;
    let text = Zeroizing::new(read_private(&file, Readers::Owner).map_err(KeyFileError::Unusable)?);
    let place = file.display().to_string();
    let secrets = Secrets::read(&text).map_err(|error| KeyFileError::Unusable(format!("{place}: {error}")))?;
    if secrets.is_empty() {
        return Err(KeyFileError::Unusable(format!("{place} is empty; put its copy back")));
    }
    let source = if made { KeySource::Made(file) } else { KeySource::File(file) };
    Ok((Text { secrets, place }, source))
}

/// Makes the file whole or not at all, and on the disk before anything is sealed with it. False where
/// another process was faster: then its file is the one.
fn make(file: &Path, fill: FillRandom<'_>, encode: impl Fn(&[u8]) -> String) -> io::Result<bool> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut random = Zeroizing::new([0_u8; 40]);
    fill(&mut random[..]);
    let (secret, name) = random.split_at(32);
    let draft = folder.join(format!(".draft-{}", HEXLOWER.encode(name)));
    let mut text = Zeroizing::new(encode(secret));
    text.push('\n');
    let written = write_new(&draft, text.as_bytes());
    text.zeroize();
    // A link, unlike a rename, fails where the name is taken.
    let linked = written.and_then(|()| fs::hard_link(&draft, file));
    let removed = fs::remove_file(&draft);
    match linked {
        Ok(()) => removed?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(error),
    }
    File::open(folder)?.sync_all()?;
    Ok(true)
}

fn write_new(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::config::LoadArgs;

    fn config(data: &Path, env: &[(&str, &str)]) -> Config {
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Config::load(&LoadArgs { data: Some(data.to_owned()), env, ..LoadArgs::default() }).unwrap()
    }

    fn sevens(bytes: &mut [u8]) {
        bytes.fill(7);
    }

    fn never(_: &mut [u8]) {
        panic!("nothing is made here");
    }

    #[test]
    fn what_nobody_gave_is_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(&folder.path().join("deep/data"), &[]);
        let (made, source) = master_keys(&config, &mut sevens).unwrap();
        assert_eq!(made[0].expose(), &[7; 32]);
        assert_eq!(source, KeySource::Made(config.master_key_file()));
        let (read, source) = master_keys(&config, &mut never).unwrap();
        assert_eq!((read, source), (made, KeySource::File(config.master_key_file())));

        let (token, source) = admin_token(&config, &mut sevens).unwrap();
        assert_eq!(source, KeySource::Made(config.admin_token_file()));
        assert_eq!(token.as_slice()[0].expose().len(), 52);
        assert!(admin_token(&config, &mut never).unwrap().0.match_any(token.as_slice()[0].expose()));

        for file in [config.master_key_file(), config.admin_token_file()] {
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
        }
        assert_eq!(fs::metadata(&config.data).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(&config.data).unwrap().count(), 2, "no draft stays behind");
    }

    #[test]
    fn a_file_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("master.key");
        fs::write(&file, "mine").unwrap();
        assert!(!make(&file, &mut sevens, |bytes| BASE64.encode(bytes)).unwrap());
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft stays behind");
    }

    #[test]
    fn given_keys_are_decoded_newest_first() {
        let folder = tempfile::tempdir().unwrap();
        let (new, old) = (BASE64.encode(&[1; 32]), BASE64_NOPAD.encode(&[2; 32]));
        let config =
            config(folder.path(), &[("AI_CRM_MASTER_KEY", &format!("{new},{old}")), ("AI_CRM_ADMIN_TOKEN", "a,b")]);
        let (keys, source) = master_keys(&config, &mut never).unwrap();
        assert_eq!(keys.iter().map(|key| key.expose()[0]).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(source, KeySource::Configured);
        assert_eq!(admin_token(&config, &mut never).unwrap().0.as_slice().len(), 2);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_cannot_be_used_says_why_and_shows_nothing() {
        let table = [
            ("hush hush", 0o600, "not base64 of 32 bytes"),
            ("aHVzaA==", 0o600, "not base64 of 32 bytes"),
            ("aHVzaA==", 0o644, "chmod 600"),
            ("\n", 0o600, "is empty"),
        ];
        for (text, mode, expected) in table {
            let folder = tempfile::tempdir().unwrap();
            let config = config(folder.path(), &[]);
            fs::write(config.master_key_file(), text).unwrap();
            fs::set_permissions(config.master_key_file(), fs::Permissions::from_mode(mode)).unwrap();
            let what = master_keys(&config, &mut never).unwrap_err().to_string();
            assert!(what.contains(expected) && what.contains("master.key"), "{what}");
            assert!(!what.contains("hush") && !what.contains("aHVz"), "{what}");
        }
    }

    #[test]
    fn no_key_is_made_for_a_store_that_has_one() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path(), &[]);
        fs::create_dir(config.store_folder()).unwrap();
        fs::write(config.store_folder().join("db"), "sealed").unwrap();
        assert!(matches!(master_keys(&config, &mut never), Err(KeyFileError::Lost { .. })));
        assert!(!config.master_key_file().exists());
    }

    #[test]
    fn nothing_shows_the_bytes() {
        assert_eq!(format!("{:?}", KeyBytes(Zeroizing::new([9; 32]))), "KeyBytes(…)");
    }
}
