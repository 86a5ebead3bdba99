//! Values as bytes: a version, JSON, and zstd where it pays.
//!
//! Layout before sealing: one byte of flags, one byte of the record's version, the payload. A record
//! whose shape changes raises its [`Record::VERSION`] and says in [`Record::upgrade`] how an older
//! payload becomes the present one. A payload of a newer version is refused in words.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::pack::{pack, unpack};

/// A value that is stored.
pub trait Record: Serialize + DeserializeOwned {
    /// Version of its shape.
    const VERSION: u8 = 1;

    /// Turns a payload of an older version into the next one.
    ///
    /// # Errors
    /// In words, where the payload does not fit.
    fn upgrade(from: u8, payload: serde_json::Value) -> Result<serde_json::Value, String> {
        let _ = payload;
        Err(format!("no upgrade from version {from} is known"))
    }

    /// The payload.
    fn to_payload(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("invariant: records serialise")
    }

    /// The value of a payload of the present version.
    ///
    /// # Errors
    /// In words, where the payload does not fit.
    fn from_payload(payload: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(payload).map_err(|error| error.to_string())
    }
}

const FLAG_ZSTD: u8 = 1;
/// Below this, packing saves less than it costs.
const PACK_FROM: usize = 512;
/// No stored value is larger when unpacked; a webhook body is at most 25 MB.
const LARGEST: usize = 64 << 20;

/// A value as bytes.
#[must_use]
pub fn encode<T: Record>(value: &T) -> Vec<u8> {
    let payload = value.to_payload();
    if payload.len() >= PACK_FROM
        && let Some(packed) = pack(&payload)
    {
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
        return [&[FLAG_ZSTD, T::VERSION][..], &length[..], &packed].concat();
    }
    [&[0, T::VERSION][..], &payload].concat()
}

/// A value from its bytes.
///
/// # Errors
/// In words, where they do not fit.
pub fn decode<T: Record>(bytes: &[u8]) -> Result<T, String> {
    let [flags, version, body @ ..] = bytes else {
        return Err("the value is empty".to_owned());
    };
    let unpacked;
    let payload = if flags & FLAG_ZSTD == 0 {
        body
    } else {
        let (length, packed) = body.split_first_chunk::<4>().ok_or("the value is cut off")?;
        let length = u32::from_be_bytes(*length) as usize;
        if length > LARGEST {
            return Err(format!("the value says that it has {length} bytes"));
        }
        unpacked = unpack(packed, length)?;
        &unpacked
    };
    match version.cmp(&T::VERSION) {
        std::cmp::Ordering::Equal => T::from_payload(payload),
        std::cmp::Ordering::Greater => Err(format!(
            "it is of version {version}, this program knows {}: run the program that wrote it, or a newer one",
            T::VERSION
        )),
        std::cmp::Ordering::Less => {
            let mut json = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
            for from in *version..T::VERSION {
                json = T::upgrade(from, json)?;
            }
            serde_json::from_value(json).map_err(|error| error.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Old {
        name: String,
    }
    impl Record for Old {}

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct New {
        first: String,
        last: String,
    }
    impl Record for New {
        const VERSION: u8 = 2;
        fn upgrade(_: u8, payload: serde_json::Value) -> Result<serde_json::Value, String> {
            let name = payload["name"].as_str().ok_or("no name")?;
            let (first, last) = name.split_once(' ').ok_or("no space")?;
            Ok(serde_json::json!({ "first": first, "last": last }))
        }
    }

    #[test]
    fn an_older_value_is_upgraded_and_a_newer_one_refused() {
        let old = encode(&Old { name: "Ada Lovelace".into() });
        assert_eq!(decode::<New>(&old), Ok(New { first: "Ada".into(), last: "Lovelace".into() }));
        let new = encode(&New { first: "Ada".into(), last: "L".into() });
        assert!(decode::<Old>(&new).unwrap_err().contains("newer one"));
    }

    #[test]
    fn long_values_are_packed_and_come_back() {
        let long = Old { name: "ab c".repeat(5000) };
        let bytes = encode(&long);
        assert!(bytes.len() < 1000);
        assert_eq!(decode::<Old>(&bytes), Ok(long));
    }

    #[test]
    fn damage_is_an_error() {
        let bytes = encode(&Old { name: "ab c".repeat(5000) });
        for cut in 0..bytes.len().min(40) {
            assert!(decode::<Old>(&bytes[..cut]).is_err());
        }
    }
}
