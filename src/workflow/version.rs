//! The version of a workflow: a digest of what it says.
//!
//! Owns the canonical form that is digested. Remarks, blank lines, the order of keys and how a text is quoted change
//! nothing; everything else does. The form is never read back, so a change of it is a new version of everything.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::workflow::yaml::{Is, Node};

/// SHA-256 of the canonical form.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version([u8; 32]);

impl Version {
    /// The version of what was read. Several parts are one version in their order.
    #[must_use]
    pub fn of<'n>(parts: impl IntoIterator<Item = &'n Node>) -> Self {
        let mut digest = Sha256::new();
        parts.into_iter().for_each(|part| digest_node(part, &mut digest));
        Self(digest.finalize().into())
    }

    /// As much of it as tells the versions of one workflow apart for people: 12 characters.
    #[must_use]
    pub fn short(&self) -> String {
        data_encoding::HEXLOWER.encode(&self.0[..6])
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Each value as its kind, its length where it has one, and itself, so that no two values look alike.
fn digest_node(node: &Node, digest: &mut Sha256) {
    match &node.is {
        Is::Null => digest.update(b"n"),
        Is::Bool(value) => digest.update(if *value { b"t" } else { b"f" }),
        Is::Int(value) => {
            digest.update(b"i");
            digest.update(value.to_be_bytes());
        }
        Is::Float(value) => {
            digest.update(b"d");
            digest.update(value.to_bits().to_be_bytes());
        }
        Is::Text(text) => digest_text(text, digest),
        Is::List(nodes) => {
            digest_length(b"l", nodes.len(), digest);
            nodes.iter().for_each(|node| digest_node(node, digest));
        }
        Is::Map(entries) => {
            digest_length(b"m", entries.len(), digest);
            let mut sorted: Vec<_> = entries.iter().collect();
            sorted.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
            for (key, node) in sorted {
                digest_text(&key.name, digest);
                digest_node(node, digest);
            }
        }
    }
}

fn digest_text(text: &str, digest: &mut Sha256) {
    digest_length(b"s", text.len(), digest);
    digest.update(text.as_bytes());
}

fn digest_length(kind: &[u8; 1], length: usize, digest: &mut Sha256) {
    digest.update(kind);
    digest.update((length as u64).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::yaml::read;

    fn version(text: &str) -> Version {
        Version::of([&read(text).unwrap()])
    }

    #[test]
    fn only_what_it_says_makes_a_version() {
        let first = version("a: 1\nb: {c: x, d: [y, z]}\n");
        for same in ["# so\nb:\n  d: [y, \"z\"]\n  c: 'x'\n\na: 0x1 # one\n", "{\"b\": {d: [y, z], c: x}, a: +1}"] {
            assert_eq!(version(same), first, "{same}");
        }
        for other in [
            "a: \"1\"\nb: {c: x, d: [y, z]}\n",
            "a: 1.0\nb: {c: x, d: [y, z]}\n",
            "a: 1\nb: {c: x, d: [z, y]}\n",
            "a: 1\nb: {c: x, d: [y], e: z}\n",
            "a: 1\nb: {c: x, d: [yz]}\n",
            "a: 1\nb: {c: x, d: [y, z]}\ne: ~\n",
            "a: 1\nb: {c: x, d: {y: z}}\n",
        ] {
            assert_ne!(version(other), first, "{other}");
        }
    }

    #[test]
    fn a_version_stays_what_it_was() {
        // Runs that wait are stored under their version: another form would be another version of everything.
        let text = "trigger: {platform: github, event: issues.opened}\nactions: [{action: a, params: {n: 1, x: 1.5}}]";
        assert_eq!(version(text).short().len(), 12);
        assert!(version(text).to_string().starts_with(&version(text).short()));
        assert_eq!(version(text).to_string(), "001746173f5de0faa52cd33c232cc2cc8762d8831a2bc50ce0621d1e47992dc2");
    }
}
