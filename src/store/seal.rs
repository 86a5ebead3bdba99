//! Sealing of values: XChaCha20-Poly1305 under data keys, which are themselves sealed by the master key.
//!
//! A stored value is `format, version, key id, nonce, ciphertext`; the full key and the key id are its
//! associated data, so a value that is moved to another key or tenant does not open. A value without
//! content is `format, version` alone. Nonces are random: 24 bytes make a repeat unthinkable.

use std::collections::HashMap;
use std::sync::RwLock;

use arc_swap::ArcSwap;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::store::cipher::{Cipher, NONCE, TAG};

const FORMAT_EMPTY: u8 = 0;
const FORMAT_SEALED: u8 = 1;
const VERSION_AT: std::ops::Range<usize> = 1..9;
const HEAD: usize = 1 + 8 + 4 + NONCE;

/// Why a value does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// It is too short or of an unknown format.
    #[error("the value is damaged")]
    Damaged,
    /// Its data key is not here.
    #[error("the value is sealed with data key {0}, which this store does not have")]
    NoKey(u32),
    /// It was changed, or stands under another key than it was written to.
    #[error("the value was changed or moved outside the program")]
    Forged,
    /// The data keys are sealed with another master key.
    #[error(
        "the store was sealed with the master key {wanted}, given is {given}: set AI_CRM_MASTER_KEY to the old key, or to `new,old` to change it"
    )]
    OtherMaster {
        /// Fingerprint of the key that sealed them.
        wanted: String,
        /// Fingerprint of the first key given.
        given: String,
    },
}

/// The key that seals the data keys: 32 bytes from the environment, a file or the init system.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; 32]>);

impl MasterKey {
    /// Takes 32 bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Eight hex digits by which people tell keys apart.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let digest = Sha256::new().chain_update(b"ai-crm master key").chain_update(self.0.as_slice()).finalize();
        data_encoding::HEXLOWER.encode(&digest[..4])
    }

    fn cipher(&self) -> Cipher {
        Cipher::new(self.0.clone())
    }
}

/// A data key as it is stored: sealed by a master key.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct WrappedKey {
    /// Its number; the highest is the active one.
    pub id: u32,
    /// Fingerprint of the master key that seals it.
    pub master: String,
    /// Nonce and ciphertext, base64.
    pub sealed: String,
}

/// The data keys, open.
pub struct Keyring {
    active: ArcSwap<(u32, Cipher)>,
    all: RwLock<HashMap<u32, Cipher>>,
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes);
    bytes
}

fn wrap_data(id: u32) -> Vec<u8> {
    format!("ai-crm data key {id}").into_bytes()
}

/// Makes a data key and seals it.
#[must_use]
pub fn new_data_key(id: u32, master: &MasterKey) -> WrappedKey {
    wrap(id, &Zeroizing::new(random::<32>()), master)
}

fn wrap(id: u32, key: &[u8; 32], master: &MasterKey) -> WrappedKey {
    let nonce: [u8; NONCE] = random();
    let mut sealed = Zeroizing::new(*key);
    let tag = master.cipher().seal(&nonce, &wrap_data(id), sealed.as_mut_slice());
    let sealed = data_encoding::BASE64.encode(&[&nonce[..], sealed.as_slice(), &tag].concat());
    WrappedKey { id, master: master.fingerprint(), sealed }
}

fn unwrap_key(wrapped: &WrappedKey, masters: &[MasterKey]) -> Result<Zeroizing<[u8; 32]>, SealError> {
    let given = masters.first().map(MasterKey::fingerprint).unwrap_or_default();
    let other = || SealError::OtherMaster { wanted: wrapped.master.clone(), given: given.clone() };
    let master = masters.iter().find(|master| master.fingerprint() == wrapped.master).ok_or_else(other)?;
    let bytes = data_encoding::BASE64.decode(wrapped.sealed.as_bytes()).map_err(|_| SealError::Damaged)?;
    let (nonce, sealed) = bytes.split_first_chunk::<NONCE>().ok_or(SealError::Damaged)?;
    let mut plain = Zeroizing::new(sealed.to_vec());
    let plain = master.cipher().open(nonce, &wrap_data(wrapped.id), &mut plain).ok_or(SealError::Forged)?;
    plain.try_into().map(Zeroizing::new).map_err(|_| SealError::Damaged)
}

impl Keyring {
    /// Opens data keys. Returns with them those that are sealed by another than the first master
    /// key, sealed anew by the first, to be stored.
    ///
    /// # Errors
    /// Where one of them does not open.
    pub fn open_keys(wrapped: &[WrappedKey], masters: &[MasterKey]) -> Result<(Self, Vec<WrappedKey>), SealError> {
        let first = masters.first().ok_or(SealError::Damaged)?;
        let mut all = HashMap::new();
        let mut anew = Vec::new();
        for key in wrapped {
            let plain = unwrap_key(key, masters)?;
            if key.master != first.fingerprint() {
                anew.push(wrap(key.id, &plain, first));
            }
            all.insert(key.id, Cipher::new(plain));
        }
        let newest = wrapped.iter().map(|key| key.id).max().ok_or(SealError::Damaged)?;
        let active = all.get(&newest).cloned().ok_or(SealError::NoKey(newest))?;
        Ok((Self { active: ArcSwap::from_pointee((newest, active)), all: RwLock::new(all) }, anew))
    }

    /// A keyring with one fresh key that nobody stores, for engines in memory.
    #[must_use]
    pub fn ephemeral() -> Self {
        let master = MasterKey::new(random());
        let key = new_data_key(1, &master);
        Self::open_keys(&[key], &[master]).expect("invariant: a fresh key opens").0
    }

    /// Adds a key and seals with it from here on.
    ///
    /// # Errors
    /// Where it does not open.
    pub fn activate(&self, wrapped: &WrappedKey, masters: &[MasterKey]) -> Result<(), SealError> {
        let plain = unwrap_key(wrapped, masters)?;
        let cipher = Cipher::new(plain);
        self.all.write().unwrap_or_else(std::sync::PoisonError::into_inner).insert(wrapped.id, cipher.clone());
        self.active.store(std::sync::Arc::new((wrapped.id, cipher)));
        Ok(())
    }

    /// Number of the key that seals.
    #[must_use]
    pub fn active_id(&self) -> u32 {
        self.active.load().0
    }

    /// Seals a value for its key; its version is stamped by the committer.
    #[must_use]
    pub fn seal(&self, full_key: &[u8], plain: &[u8]) -> Vec<u8> {
        if plain.is_empty() {
            return vec![FORMAT_EMPTY, 0, 0, 0, 0, 0, 0, 0, 0];
        }
        let active = self.active.load();
        let nonce: [u8; NONCE] = random();
        let mut out = Vec::with_capacity(HEAD + plain.len() + TAG);
        out.push(FORMAT_SEALED);
        out.extend_from_slice(&[0; 8]);
        out.extend_from_slice(&active.0.to_be_bytes());
        out.extend_from_slice(&nonce);
        out.extend_from_slice(plain);
        let data = associated(full_key, active.0);
        let tag = active.1.seal(&nonce, &data, &mut out[HEAD..]);
        out.extend_from_slice(&tag);
        out
    }

    /// Opens a value: its version and its content.
    ///
    /// # Errors
    /// Where it is damaged, forged, or its key is missing.
    pub fn open(&self, full_key: &[u8], bytes: &[u8]) -> Result<(u64, Vec<u8>), SealError> {
        let version = version_of(bytes).ok_or(SealError::Damaged)?;
        if bytes[0] == FORMAT_EMPTY {
            return Ok((version, Vec::new()));
        }
        if bytes[0] != FORMAT_SEALED || bytes.len() < HEAD {
            return Err(SealError::Damaged);
        }
        let id = key_id_of(bytes).ok_or(SealError::Damaged)?;
        let nonce: [u8; NONCE] = bytes[HEAD - NONCE..HEAD].try_into().map_err(|_| SealError::Damaged)?;
        let mut plain = bytes[HEAD..].to_vec();
        let active = self.active.load();
        let other;
        let cipher = if active.0 == id {
            &active.1
        } else {
            let all = self.all.read().unwrap_or_else(std::sync::PoisonError::into_inner);
            other = all.get(&id).cloned().ok_or(SealError::NoKey(id))?;
            &other
        };
        let length = cipher.open(&nonce, &associated(full_key, id), &mut plain).ok_or(SealError::Forged)?.len();
        plain.truncate(length);
        Ok((version, plain))
    }
}

fn associated(full_key: &[u8], id: u32) -> Vec<u8> {
    [full_key, &id.to_be_bytes()].concat()
}

/// The version in a stored value's head.
#[must_use]
pub fn version_of(bytes: &[u8]) -> Option<u64> {
    bytes.get(VERSION_AT)?.try_into().ok().map(u64::from_be_bytes)
}

/// The data key in a sealed value's head; `None` where it has no content.
#[must_use]
pub fn key_id_of(bytes: &[u8]) -> Option<u32> {
    if bytes.first() != Some(&FORMAT_SEALED) {
        return None;
    }
    bytes.get(9..13)?.try_into().ok().map(u32::from_be_bytes)
}

/// Writes the version into a sealed value's head.
pub(crate) fn stamp(bytes: &mut [u8], version: u64) {
    bytes[VERSION_AT].copy_from_slice(&version.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_opens_only_where_it_was_written() {
        let ring = Keyring::ephemeral();
        let sealed = ring.seal(b"t\0tk1", b"hello");
        assert_eq!(ring.open(b"t\0tk1", &sealed).unwrap().1, b"hello");
        assert_eq!(ring.open(b"u\0tk1", &sealed), Err(SealError::Forged));
    }

    #[test]
    fn a_flipped_bit_is_found() {
        let ring = Keyring::ephemeral();
        let sealed = ring.seal(b"k", b"hello");
        for at in 9..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(ring.open(b"k", &changed).is_err(), "byte {at}");
        }
    }

    #[test]
    fn old_values_open_after_a_new_key_and_a_new_master() {
        let old_master = MasterKey::new([1; 32]);
        let new_master = MasterKey::new([2; 32]);
        let first = new_data_key(1, &old_master);
        let (ring, _) = Keyring::open_keys(std::slice::from_ref(&first), std::slice::from_ref(&old_master)).unwrap();
        let sealed = ring.seal(b"k", b"old");
        let second = new_data_key(2, &old_master);
        ring.activate(&second, std::slice::from_ref(&old_master)).unwrap();
        assert_eq!(key_id_of(&ring.seal(b"k", b"new")), Some(2));
        assert_eq!(ring.open(b"k", &sealed).unwrap().1, b"old");

        let (ring, anew) = Keyring::open_keys(&[first, second], &[new_master.clone(), old_master]).unwrap();
        assert_eq!(ring.open(b"k", &sealed).unwrap().1, b"old");
        let (ring, none) = Keyring::open_keys(&anew, &[new_master]).unwrap();
        assert_eq!((ring.open(b"k", &sealed).unwrap().1, none.len()), (b"old".to_vec(), 0));
    }

    #[test]
    fn another_master_key_is_refused_in_words() {
        let key = new_data_key(1, &MasterKey::new([1; 32]));
        let error = Keyring::open_keys(&[key], &[MasterKey::new([2; 32])]).err().unwrap().to_string();
        assert!(error.contains("AI_CRM_MASTER_KEY"), "{error}");
    }
}
