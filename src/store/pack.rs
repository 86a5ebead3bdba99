//! Packing with zstd and a dictionary of what our records and Slack's payloads look like.
//!
//! Records are short and alike: with the dictionary an event of 1.5 KB packs to a third instead of a half, in
//! half the time (measured), since zstd finds names and tables ready. A frame names the dictionary that
//! it was packed with, and frames without one are read as well. `dictionary/1.zdict` must therefore stay as
//! it is for ever; a better one is a second file, written by the test `makes_a_dictionary` from
//! `dictionary/samples.txt`, and a line here that chooses by the frame's number.

use std::cell::RefCell;
use std::sync::LazyLock;

use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};

const LEVEL: i32 = 1;
/// Bytes by which [`super::codec`] says how long a packed payload was.
const LENGTH: usize = 4;
const DICTIONARY: &[u8] = include_bytes!("dictionary/1.zdict");

static TO_PACK: LazyLock<EncoderDictionary<'static>> = LazyLock::new(|| EncoderDictionary::copy(DICTIONARY, LEVEL));
static TO_UNPACK: LazyLock<DecoderDictionary<'static>> = LazyLock::new(|| DecoderDictionary::copy(DICTIONARY));

// A context of zstd takes longer to make than an event takes to pack.
thread_local! {
    static PACKER: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static UNPACKER: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// The payload packed, where that makes it shorter.
pub(super) fn pack(payload: &[u8]) -> Option<Vec<u8>> {
    PACKER.with_borrow_mut(|packer| {
        if packer.is_none() {
            *packer = Compressor::with_prepared_dictionary(&TO_PACK).ok();
        }
        packer.as_mut()?.compress(payload).ok().filter(|packed| packed.len() + LENGTH < payload.len())
    })
}

/// What [`pack`] packed, `length` bytes of it.
///
/// # Errors
/// In words, where it is damaged or longer.
pub(super) fn unpack(packed: &[u8], length: usize) -> Result<Vec<u8>, String> {
    UNPACKER.with_borrow_mut(|unpacker| {
        let unpacker = match unpacker {
            Some(unpacker) => unpacker,
            None => unpacker.insert(Decompressor::with_prepared_dictionary(&TO_UNPACK).map_err(|e| e.to_string())?),
        };
        unpacker.decompress(packed, length).map_err(|error| error.to_string())
    })
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::seq::IndexedRandom;
    use rand::{RngExt, SeedableRng};
    use sha2::{Digest, Sha256};

    use super::*;

    const SAMPLES: &str = include_str!("dictionary/samples.txt");
    const WORDS: &str = "the of to and please review release deploy customer invoice login fails when after before \
                         build pipeline staging database timeout report numbers last week meeting agenda broken page";
    const LARGEST_DICTIONARY: usize = 8192;

    /// A line of the samples with other ids, times and words each time.
    fn filled(sample: &str, dice: &mut StdRng) -> String {
        let (mut text, mut rest) = (String::new(), sample);
        while let Some((before, name, after)) = rest
            .split_once('{')
            .and_then(|(before, from)| from.split_once('}').map(|(name, after)| (before, name, after)))
            .filter(|(_, name, _)| name.bytes().all(|byte| byte.is_ascii_alphabetic()))
        {
            text.push_str(before);
            text.push_str(&value(name, dice));
            rest = after;
        }
        text + rest
    }

    fn value(name: &str, dice: &mut StdRng) -> String {
        let of = |letters: &[u8], length: usize, dice: &mut StdRng| -> String {
            (0..length).map(|_| char::from(*letters.choose(dice).unwrap())).collect()
        };
        const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        match name {
            "T" | "C" | "U" | "B" | "A" => name.to_owned() + "0" + &of(&BASE64[..26], 9, dice),
            "ts" => format!("17{}.{:06}", of(b"0123456789", 8, dice), dice.random_range(0..1_000_000)),
            "ms" => format!("17{}", of(b"0123456789", 11, dice)),
            "s" => format!("17{}", of(b"0123456789", 8, dice)),
            "n" => dice.random_range(1..100_000).to_string(),
            "hex" => of(b"0123456789abcdef", 16, dice),
            "uuid" => [8, 4, 4, 4, 12].map(|length| of(b"0123456789abcdef", length, dice)).join("-"),
            "token" => of(BASE64, 43, dice),
            "words" => {
                let words: Vec<_> = WORDS.split_whitespace().collect();
                let count = dice.random_range(2..9);
                (0..count).map(|_| *words.choose(dice).unwrap()).collect::<Vec<_>>().join(" ")
            }
            other => panic!("the samples have no value called {other}"),
        }
    }

    fn samples(seed: u64, rounds: usize) -> Vec<String> {
        let mut dice = StdRng::seed_from_u64(seed);
        (0..rounds).flat_map(|_| SAMPLES.lines()).map(|sample| filled(sample, &mut dice)).collect()
    }

    #[test]
    #[ignore = "writes the next dictionary beside the one in use; run by hand"]
    fn makes_a_dictionary() {
        let made = zstd::dict::from_samples(&samples(1, 200), LARGEST_DICTIONARY).unwrap();
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/src/store/dictionary/next.zdict"), made).unwrap();
    }

    #[test]
    fn what_was_packed_once_can_be_unpacked_for_ever() {
        let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(DICTIONARY));
        assert_eq!(
            digest, "8397526452254f3684f57f27556cce787ef0ed36797caa0f03d737475a49bb10",
            "values in stores need it as it is"
        );
    }

    #[test]
    fn records_pack_to_less_than_a_third_and_come_back() {
        let samples = samples(2, 5);
        let packed: Vec<_> = samples.iter().map(|sample| pack(sample.as_bytes()).unwrap()).collect();
        for (sample, packed) in samples.iter().zip(&packed) {
            assert_eq!(unpack(packed, sample.len()).unwrap(), sample.as_bytes());
        }
        let (before, after) =
            (samples.iter().map(String::len).sum::<usize>(), packed.iter().map(Vec::len).sum::<usize>());
        assert!(after * 3 < before, "{before} bytes pack to {after}");
    }

    #[test]
    fn what_was_packed_without_a_dictionary_is_read() {
        let text = b"packed by the first version ".repeat(100);
        let packed = zstd::bulk::compress(&text, LEVEL).unwrap();
        assert_eq!(unpack(&packed, text.len()).unwrap(), text);
    }

    #[test]
    fn what_does_not_shrink_is_left() {
        let mut noise = vec![0; 4096];
        rand::fill(&mut noise);
        assert_eq!(pack(&noise), None);
    }
}
