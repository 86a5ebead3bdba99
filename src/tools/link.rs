//! One person on many platforms: who asks for a code on one platform and gives it on another is one person on both.
//!
//! Owns what is proved, what may be joined, and what is written; what stands where is `store/keyspace/link.rs`. A
//! joined platform user acts under the principal of the one who asked for the code. What each may do is still decided
//! by what the platform and the configuration say of that platform user alone, so a link gives nobody any right. That
//! two people have the same name or e-mail address proves nothing and is not looked at.

use std::time::Duration;

use subtle::ConstantTimeEq;

use crate::domain::event::{ChannelName, PlatformUser};
use crate::domain::ids::PrincipalId;
use crate::domain::outcome::{Expect, Failure, Refusal, Write};
use crate::domain::principal::{Role, Standing};
use crate::domain::time::Timestamp;
use crate::store::keyspace::link::{self, Joined, LinkCode, Links, Tries};
use crate::store::keyspace::person;
use crate::store::{StoreError, Stored};
use crate::tools::{Context, pairing};

/// How long a code works: long enough to open the other platform, too short to be found later.
pub const CODE_WORKS_FOR: Duration = Duration::from_secs(600);
/// Wrong codes of one person, for all codes together, after which that person waits.
pub const MOST_FAILURES: u32 = 5;
/// From the first wrong code until they are forgotten.
const FAILURES_COUNT_FOR: Duration = Duration::from_secs(600);
/// Platform users of one person, so that a person stays one short row.
const MOST_USERS: usize = 8;

/// Who asks, as a platform user and as the principal that is this user's own.
struct Asker<'a> {
    user: &'a PlatformUser,
    own: PrincipalId,
}

/// A code for the asker's eyes, and what is written of it.
#[derive(Debug)]
pub struct Fresh {
    /// The code, as people type it.
    pub code: String,
    /// Its digest, and that there is no other.
    pub writes: Vec<Write>,
}

/// What became of a code that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// The platform user is one with the person who asked for the code.
    Linked {
        /// That person.
        person: PrincipalId,
        /// All platform users of the person.
        users: Vec<PlatformUser>,
    },
    /// It is no code that works; so many tries are left.
    Wrong {
        /// Tries left.
        left: u32,
    },
    /// Too many wrong codes were given.
    Waits {
        /// Until when no code is taken.
        until: Timestamp,
    },
    /// It is the code, which is used up by that; but these two cannot be one.
    Unfit(Refusal),
}

/// Who was separated from a person.
#[derive(Debug)]
pub struct Separated {
    /// The platform users that stand for themselves again.
    pub users: Vec<PlatformUser>,
    /// What is written.
    pub writes: Vec<Write>,
}

/// The principal that a platform user has without any link; on a first event nothing is stored of it.
///
/// # Errors
/// Where the store cannot be read.
pub fn own(ctx: &Context<'_>) -> Result<PrincipalId, StoreError> {
    let record = ctx.event.what.from.as_ref().map(|user| person::record(ctx.view, user)).transpose()?.flatten();
    Ok(record.map_or_else(|| ctx.by.id.clone(), |record| record.value.principal))
}

fn asker<'a>(ctx: &'a Context<'_>) -> Result<Asker<'a>, Failure> {
    let member = ctx.event.what.from.as_ref().filter(|_| ctx.by.role != Role::Guest);
    let user = member.ok_or_else(|| {
        Refusal::new(
            "guests and people whom I do not know cannot be linked",
            "do it as a full member of both platforms",
        )
    })?;
    Ok(Asker { user, own: own(ctx)? })
}

/// Every platform user of the person who asks; the asker alone where nobody is linked.
///
/// # Errors
/// Where the store cannot be read.
pub fn users(ctx: &Context<'_>) -> Result<Vec<PlatformUser>, StoreError> {
    let linked = link::links(ctx.view, &ctx.by.id)?.map(|links| links.value.users().cloned().collect());
    Ok(linked.unwrap_or_else(|| ctx.event.what.from.clone().into_iter().collect()))
}

/// Makes a code for the asker, in the place of any before.
///
/// # Errors
/// Refuses who may not be linked.
pub fn ask(ctx: &Context<'_>) -> Result<Fresh, Failure> {
    let asker = asker(ctx)?;
    let chance = (ctx.chance)("code to link").ok_or_else(|| anyhow::anyhow!("there is no key to make a code with"))?;
    let code = pairing::code_of(chance.first_chunk().expect("invariant: chance has 32 bytes"));
    let before = link::code(ctx.view, &asker.own)?;
    let kept =
        LinkCode { digest: pairing::digest(&code), by: asker.user.clone(), until: ctx.now.after(CODE_WORKS_FOR) };
    Ok(Fresh { code, writes: link::put_code(&asker.own, before.as_ref(), &kept) })
}

/// Takes a code on the other platform.
///
/// # Errors
/// Refuses who may not be linked.
pub fn give(code: &str, ctx: &Context<'_>) -> Result<(Given, Vec<Write>), Failure> {
    let asker = asker(ctx)?;
    let tries = link::tries(ctx.view, &asker.own)?;
    let version = tries.as_ref().map_or(0, |tries| tries.version);
    let failed = tries.map(|tries| tries.value).filter(|tries| ctx.now < tries.until);
    if let Some(failed) = failed.as_ref().filter(|failed| failed.failures >= MOST_FAILURES) {
        return Ok((Given::Waits { until: failed.until }, Vec::new()));
    }
    if let Some((whose, kept)) = works(code, ctx)? {
        // The right code is used up in any case: it was typed where others may have read it.
        let mut writes = link::take_code(&whose, &kept);
        return Ok(match join(&asker, &whose, &kept.value, ctx)? {
            Ok((given, joins)) => {
                writes.extend(joins);
                (given, writes)
            }
            Err(refusal) => (Given::Unfit(refusal), writes),
        });
    }
    let mut failed = failed.unwrap_or(Tries { failures: 0, until: ctx.now.after(FAILURES_COUNT_FOR) });
    failed.failures += 1;
    let left = MOST_FAILURES - failed.failures;
    let given = if left == 0 { Given::Waits { until: failed.until } } else { Given::Wrong { left } };
    // A version in the condition, so that tries at the same time are counted one by one.
    Ok((given, vec![link::put_tries(&asker.own, &failed, Expect::as_read(version))]))
}

/// The code, if it is one that works, and whose it is.
fn works(code: &str, ctx: &Context<'_>) -> Result<Option<(PrincipalId, Stored<LinkCode>)>, StoreError> {
    let digest = pairing::digest(code);
    let Some(whose) = link::of_code(ctx.view, &digest)? else { return Ok(None) };
    let kept = link::code(ctx.view, &whose)?.filter(|kept| {
        let same = bool::from(kept.value.digest.as_bytes().ct_eq(digest.as_bytes()));
        same && ctx.now < kept.value.until
    });
    Ok(kept.map(|kept| (whose, kept)))
}

type Joining = Result<(Given, Vec<Write>), Refusal>;

/// Makes the asker one with the person who asked for the code.
fn join(asker: &Asker<'_>, whose: &PrincipalId, code: &LinkCode, ctx: &Context<'_>) -> Result<Joining, StoreError> {
    let still = person::record(ctx.view, &code.by)?;
    if still.is_none_or(|still| still.value.profile.standing != Standing::Member) {
        let what = "who asked for the code is no full member";
        return Ok(Err(Refusal::new(what, "only full members of both platforms can be linked")));
    }
    let person = link::resolve(ctx.view, whose)?;
    let before = link::links(ctx.view, &person)?;
    let version = before.as_ref().map_or(0, |before| before.version);
    let mut links = before.map_or_else(|| Links { first: code.by.clone(), joined: Vec::new() }, |before| before.value);
    let same_home = |user: &&PlatformUser| user.channel == asker.user.channel && user.realm == asker.user.realm;
    if let Some(there) = links.users().find(same_home) {
        let what = if there == asker.user {
            "you are that person here already"
        } else {
            "that person has another user on this platform already"
        };
        let mend = "say `link` again, and give the fresh code on a platform where you are not linked yet";
        return Ok(Err(Refusal::new(what, mend)));
    }
    if link::resolve(ctx.view, &asker.own)? != asker.own || link::links(ctx.view, &asker.own)?.is_some() {
        let mend = "`unlink` ends that; then ask for a fresh code";
        return Ok(Err(Refusal::new("you are linked with other platforms already", mend)));
    }
    if links.users().count() >= MOST_USERS {
        let what = format!("a person can be linked on {MOST_USERS} platforms");
        return Ok(Err(Refusal::new(what, "`unlink` one of them first")));
    }
    links.joined.push(Joined { user: asker.user.clone(), own: asker.own.clone(), since: ctx.now });
    let mut writes =
        vec![link::put_alias(&asker.own, &person), link::put_links(&person, &links, Expect::as_read(version))];
    // Nobody joins the asker, and the person joins nobody else, while this is being decided: one link leads to one
    // person, never to a link again.
    writes.push(link::none_joined(&asker.own));
    writes.push(link::stands_alone(&person));
    let users = links.users().cloned().collect();
    Ok(Ok((Given::Linked { person, users }, writes)))
}

/// Separates the asker from the others, or who is on a platform from the rest of the person. Where the one goes whose
/// principal the others share, each of them stands alone.
///
/// # Errors
/// Refuses where there is nobody to separate.
pub fn separate(from: Option<ChannelName>, ctx: &Context<'_>) -> Result<Separated, Failure> {
    let alone = || Refusal::new("you are linked with no other platform", "`link` gives a code for the other one");
    let user = ctx.event.what.from.as_ref().ok_or_else(alone)?;
    let Stored { value: mut links, version } = link::links(ctx.view, &ctx.by.id)?.ok_or_else(alone)?;
    let goes = |it: &PlatformUser| from.map_or(it == user, |channel| it.channel == channel);
    if !links.users().any(goes) {
        let there: Vec<String> = links.users().map(|user| format!("`unlink {}`", user.channel)).collect();
        return Err(Refusal::new("you are not linked there", format!("there is {}", there.join(", "))).into());
    }
    let everybody = goes(&links.first);
    let users: Vec<PlatformUser> = links.users().filter(|it| everybody || goes(it)).cloned().collect();
    let (gone, stay) = std::mem::take(&mut links.joined).into_iter().partition(|it| everybody || goes(&it.user));
    let gone: Vec<Joined> = gone;
    links.joined = stay;
    let mut writes: Vec<Write> = gone.iter().map(|joined| link::take_alias(&joined.own)).collect();
    writes.push(link::put_links(&ctx.by.id, &links, Expect::Version(version)));
    // A code that is waiting would join others to who has just been separated.
    for own in gone.iter().map(|joined| &joined.own).chain(everybody.then_some(&ctx.by.id)) {
        writes.extend(link::code(ctx.view, own)?.map(|code| link::take_code(own, &code)).unwrap_or_default());
    }
    Ok(Separated { users, writes })
}

#[cfg(test)]
mod tests;
