//! The code that makes the one who types it the first owner.
//!
//! Owns what a code is, how often a wrong one may be tried, and what is written. Who makes the code
//! and shows it to the operator stores [`digest`] of it, never the code.

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::domain::outcome::{Expect, Failure, Refusal, Write};
use crate::domain::principal::{Principal, Role};
use crate::store::keyspace::{person, setting};
use crate::tools::{Context, link};

/// Wrong codes after which a code is dead: with eight letters and digits nobody guesses one in five.
pub const MOST_FAILURES: u32 = 5;

/// Letters and digits that are not mistaken for one another.
const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
/// Characters of a code: 50 bits, against five tries.
pub const LENGTH: usize = 10;

/// The code of as many thrown dice, as people type it: `ABCDE-FGHJK`.
#[must_use]
pub fn code_of(dice: &[u8; LENGTH]) -> String {
    let code: String = dice.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
    format!("{}-{}", &code[..LENGTH / 2], &code[LENGTH / 2..])
}

/// What is stored of a code: SHA-256 of its letters and digits, large or small, hex.
#[must_use]
pub fn digest(code: &str) -> String {
    let plain: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    HEXLOWER.encode(&Sha256::digest(plain.to_ascii_uppercase()))
}

/// How a try ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tried {
    /// The person is owner.
    Paired,
    /// It is not the code; so many tries are left.
    Wrong {
        /// Tries left.
        left: u32,
    },
    /// Too many wrong codes were tried.
    Dead,
    /// Somebody used the code before.
    Used,
    /// There is no code.
    Never,
}

/// Tries a code.
///
/// # Errors
/// Where the store cannot be read.
pub fn decide(code: &str, ctx: &Context<'_>) -> Result<(Tried, Vec<Write>), Failure> {
    if ctx.by.role == Role::Guest {
        let mend = "use the code as a full member; where the bot knows nobody, its token lacks `users:read`";
        return Err(Refusal::new("a guest or an unknown person cannot become the owner", mend).into());
    }
    let Some(stored) = setting::pairing(ctx.view)? else {
        return Ok((Tried::Never, Vec::new()));
    };
    let mut pairing = stored.value;
    let Some(expected) = &pairing.code_digest else {
        let tried = if pairing.owner.is_some() { Tried::Used } else { Tried::Never };
        return Ok((tried, Vec::new()));
    };
    if pairing.failures >= MOST_FAILURES {
        return Ok((Tried::Dead, Vec::new()));
    }
    // A version in the condition, so that tries at the same time are counted one by one.
    let expect = Expect::Version(stored.version);
    if !bool::from(digest(code).as_bytes().ct_eq(expected.as_bytes())) {
        pairing.failures += 1;
        let left = MOST_FAILURES - pairing.failures;
        let tried = if left == 0 { Tried::Dead } else { Tried::Wrong { left } };
        return Ok((tried, vec![setting::put_pairing(&pairing, expect)]));
    }
    pairing.code_digest = None;
    // The role is that of the platform user who gave the code, and not of others who are one person with them.
    let own = link::own(ctx)?;
    pairing.owner = Some(own.clone());
    let mut writes = vec![setting::put_pairing(&pairing, expect)];
    let known = person::read(ctx.view, &own)?;
    let version = known.as_ref().map_or(0, |known| known.version);
    let as_met = || Principal { id: own, ..ctx.by.clone() };
    let owner = Principal { role: Role::Owner, ..known.map_or_else(as_met, |known| known.value) };
    writes.extend(person::put_person(&owner, Expect::as_read(version)));
    Ok((Tried::Paired, writes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        assert_eq!(digest("ABCD-1234"), digest(" abcd 1234 "));
        assert_eq!(digest("ABCD-1234"), digest("abcd–1234"));
        assert_ne!(digest("ABCD-1234"), digest("ABCD-1235"));
        assert_eq!(digest("x").len(), 64);
    }
}
