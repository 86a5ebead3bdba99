//! Secrets that stand elsewhere: `env:NAME`, `file:PATH`, `cred:NAME`.
//!
//! Owns the list of keys that are secrets, the fetching, and the rule that others may not read the file.
//! No message holds what was fetched. A new secret is a line in [`SECRETS`].

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Keys that are secrets, and whether two values are allowed.
pub(super) const SECRETS: &[(&str, bool)] = &[
    ("store.master_key", true),
    ("admin.token", true),
    ("channels.slack.signing_secret", true),
    ("channels.slack.bot_token", false),
    ("channels.slack.app_token", false),
    ("channels.slack.client_secret", false),
    ("channels.teams.app_password", true),
    ("channels.teams.app_certificate", false),
    ("channels.github.private_key", false),
    ("channels.github.webhook_secret", true),
];

/// Largest file of a secret, in bytes. A private key has a few thousand.
const MOST_BYTES: u64 = 64 * 1024;

/// Whether the key is a secret.
pub(super) fn is_secret(key: &str) -> bool {
    SECRETS.iter().any(|(secret, _)| *secret == key)
}

/// Who may read a file besides its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readers {
    /// Nobody.
    Owner,
    /// Its group. systemd gives a service its credentials by an access list, whose mask shows as the
    /// rights of the group.
    Group,
}

/// Fetches what the value of a secret key stands for; a plain value stands for itself.
///
/// # Errors
/// What is wrong and how to mend it.
pub(super) fn fetch(key: &str, written: &str, env: &[(String, String)]) -> Result<String, String> {
    let pair = SECRETS.iter().any(|(secret, pair)| *secret == key && *pair);
    if !pair {
        return fetch_one(written, env);
    }
    let parts = written.split(',').map(str::trim).filter(|part| !part.is_empty());
    let fetched: Vec<String> = parts.map(|part| fetch_one(part, env)).collect::<Result<_, _>>()?;
    Ok(fetched.join(","))
}

/// How the values of a secret key are written, each kind once; the values themselves stay where they are.
pub(super) fn kinds(written: &str) -> Vec<&'static str> {
    let kind = |part: &str| ["env:", "file:", "cred:"].into_iter().find(|kind| part.trim().starts_with(kind));
    let mut kinds: Vec<&str> = Vec::new();
    for part in written.split(',').filter(|part| !part.trim().is_empty()) {
        let kind = kind(part).unwrap_or("plain text");
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    kinds
}

fn fetch_one(written: &str, env: &[(String, String)]) -> Result<String, String> {
    let fetched = match written.trim().strip_prefix("env:") {
        // A variable may in turn name a file or a credential, but no other variable.
        Some(name) => {
            let value = variable(name, env).ok_or_else(|| format!("the variable {name} is not set"))?;
            if value.trim().starts_with("env:") {
                return Err(format!("the variable {name} names another variable; name that one"));
            }
            fetch_file(value, env)?
        }
        None => fetch_file(written, env)?,
    };
    let trimmed = fetched.trim();
    if trimmed.is_empty() { Err("what it names is empty".to_owned()) } else { Ok(trimmed.to_owned()) }
}

fn fetch_file(written: &str, env: &[(String, String)]) -> Result<String, String> {
    let written = written.trim();
    if let Some(path) = written.strip_prefix("file:") {
        return read_private(Path::new(path), Readers::Owner);
    }
    match written.strip_prefix("cred:") {
        Some(name) => read_private(&credential(name, env)?, Readers::Group),
        None => Ok(written.to_owned()),
    }
}

fn credential(name: &str, env: &[(String, String)]) -> Result<PathBuf, String> {
    if name.is_empty() || name.contains('/') || name == "." || name == ".." {
        return Err("the name of a credential is a file name without a folder".to_owned());
    }
    let folder = variable("CREDENTIALS_DIRECTORY", env).ok_or_else(|| {
        format!("the init system gave no credentials; add LoadCredential={name}:/path to the unit, or use file:PATH")
    })?;
    Ok(Path::new(folder).join(name))
}

fn variable<'a>(name: &str, env: &'a [(String, String)]) -> Option<&'a str> {
    let found = env.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    found.filter(|value| !value.trim().is_empty())
}

/// Reads a text that others may not read.
///
/// # Errors
/// What is wrong and how to mend it.
pub(super) fn read_private(path: &Path, readers: Readers) -> Result<String, String> {
    let shown = path.display();
    let cannot = |error: io::Error| format!("{shown} cannot be read: {error}");
    // Looked at before it is opened, because to open a pipe would wait for its writer.
    if !fs::metadata(path).map_err(cannot)?.is_file() {
        return Err(format!("{shown} is not a plain file"));
    }
    let file = File::open(path).map_err(cannot)?;
    let about = file.metadata().map_err(cannot)?;
    refuse_readers(path, about.permissions().mode(), readers)?;
    let mut text = String::new();
    match file.take(MOST_BYTES + 1).read_to_string(&mut text) {
        Ok(_) if text.len() as u64 > MOST_BYTES => Err(format!("{shown} is longer than any secret")),
        Ok(_) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(format!("{shown} is not UTF-8 text")),
        Err(error) => Err(cannot(error)),
    }
}

/// Whether others than allowed may read or write the file.
///
/// # Errors
/// Names the command that mends it.
pub(super) fn refuse_readers(path: &Path, mode: u32, readers: Readers) -> Result<(), String> {
    let (others, words) = match readers {
        Readers::Owner => (0o066, "its group or others"),
        Readers::Group => (0o006, "others"),
    };
    if mode & others == 0 {
        return Ok(());
    }
    let (shown, mode) = (path.display(), mode & 0o777);
    Err(format!("{shown} can be read or changed by {words} (mode {mode:04o}); run: chmod 600 '{shown}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(folder: &Path, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn secrets_are_fetched_from_where_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display().to_string();
        put(folder.path(), "one", "hush-1\n", 0o600);
        put(folder.path(), "two", "hush-2\r\n", 0o400);
        put(folder.path(), "open", "hush-3", 0o644);
        put(folder.path(), "group", "hush-4", 0o640);
        put(folder.path(), "both", "hush-5,hush-6\n", 0o600);
        put(folder.path(), "empty", "\n", 0o600);
        fs::write(folder.path().join("bytes"), [0xff, 0xfe]).unwrap();
        fs::set_permissions(folder.path().join("bytes"), fs::Permissions::from_mode(0o600)).unwrap();
        let env: Vec<(String, String)> = [
            ("PLAIN", "hush-7".to_owned()),
            ("EMPTY", String::new()),
            ("TO_FILE", format!("file:{at}/one")),
            ("TO_CRED", "cred:group".to_owned()),
            ("TO_ENV", "env:PLAIN".to_owned()),
            ("CREDENTIALS_DIRECTORY", at.clone()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec();
        let (one, pair) = ("channels.slack.bot_token", "admin.token");
        let table = [
            (one, "hush-0".to_owned(), Ok("hush-0")),
            (one, "env:PLAIN".to_owned(), Ok("hush-7")),
            (one, "env:TO_FILE".to_owned(), Ok("hush-1")),
            (one, "env:TO_CRED".to_owned(), Ok("hush-4")),
            (one, "env:TO_ENV".to_owned(), Err("names another variable")),
            (one, format!("file:{at}/one"), Ok("hush-1")),
            (one, format!("file:{at}/two"), Ok("hush-2")),
            (one, "cred:one".to_owned(), Ok("hush-1")),
            (one, "cred:group".to_owned(), Ok("hush-4")),
            (pair, format!("file:{at}/one, file:{at}/two"), Ok("hush-1,hush-2")),
            (pair, format!("file:{at}/both"), Ok("hush-5,hush-6")),
            (pair, "env:PLAIN,hush-8".to_owned(), Ok("hush-7,hush-8")),
            (one, "env:NONE".to_owned(), Err("the variable NONE is not set")),
            (one, "env:EMPTY".to_owned(), Err("the variable EMPTY is not set")),
            (one, format!("file:{at}/none"), Err("cannot be read")),
            (one, format!("file:{at}/open"), Err("run: chmod 600")),
            (one, format!("file:{at}/group"), Err("run: chmod 600")),
            (one, "cred:open".to_owned(), Err("run: chmod 600")),
            (one, format!("file:{at}/empty"), Err("is empty")),
            (one, format!("file:{at}/bytes"), Err("not UTF-8")),
            (one, format!("file:{at}"), Err("not a plain file")),
            (one, "cred:../one".to_owned(), Err("without a folder")),
        ];
        for (key, written, expected) in table {
            match (fetch(key, &written, &env), expected) {
                (Ok(fetched), Ok(expected)) => assert_eq!(fetched, expected, "{written}"),
                (Err(what), Err(expected)) => {
                    assert!(what.contains(expected), "{written}: {what}");
                    assert!(!what.contains("hush"), "{written}: {what}");
                }
                (got, expected) => panic!("{written}: {got:?} instead of {expected:?}"),
            }
        }
        assert!(fetch(one, "cred:one", &[]).unwrap_err().contains("LoadCredential=one"));
    }
}
