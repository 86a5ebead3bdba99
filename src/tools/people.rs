//! Who is meant: an agent by its name, a person by `@name`, by the platform's mention, or `me`.
//!
//! Owns the words for people. People are known from what they have said to the bot; a mention of
//! somebody whom it has never met is refused, because nobody would learn of the work.

use crate::domain::event::PlatformUser;
use crate::domain::ids::PrincipalId;
use crate::domain::outcome::{Failure, Refusal, Write};
use crate::domain::principal::Principal;
use crate::domain::task::Assignee;
use crate::store::keyspace::{link, person};
use crate::store::{StoreError, Stored, View};
use crate::tools::Context;

/// As many people are looked through for a part of a name.
const MOST_LOOKED_AT: usize = 2000;
/// As many people are looked through for those who are something.
const MOST_PEOPLE: usize = 20_000;
/// As many people of one name are shown.
const MOST_SHOWN: usize = 5;
/// As many mentions of a text are given their names.
const MOST_MENTIONS: usize = 20;

/// The agent of that name.
///
/// # Errors
/// Names the nearest agent.
pub fn agent(word: &str, ctx: &Context<'_>) -> Result<String, Refusal> {
    let name = word.trim().trim_start_matches('@').to_lowercase().replace([' ', '_'], "-");
    if ctx.catalog.get(&name).is_some() {
        return Ok(name);
    }
    let mend = match ctx.catalog.nearest(&name) {
        Some(near) => format!("did you mean `{near}`? `agents list` shows all"),
        None => "`agents list` shows the agents that there are".to_owned(),
    };
    Err(Refusal::new(format!("there is no agent `{}`", shown(word)), mend))
}

/// Whom a word means; `None` for nobody.
///
/// # Errors
/// Where nobody known is meant, or several are.
pub fn assignee(word: &str, ctx: &Context<'_>) -> Result<Option<Assignee>, Failure> {
    let plain = word.trim();
    match plain.to_lowercase().as_str() {
        "nobody" | "none" | "no-one" | "noone" | "-" => return Ok(None),
        "me" | "@me" | "myself" => return Ok(Some(as_assignee(ctx.by))),
        _ => {}
    }
    if let Some(id) = mentioned(plain) {
        return Ok(Some(as_assignee(&by_mention(id, ctx)?)));
    }
    let name = plain.trim_start_matches('@');
    let no_agent = match agent(name, ctx) {
        Ok(agent) => return Ok(Some(Assignee::Agent(agent))),
        Err(refusal) => refusal,
    };
    if let Some(person) = by_name(name, ctx)? {
        return Ok(Some(as_assignee(&person)));
    }
    if plain.starts_with('@') {
        return Err(unknown(plain).into());
    }
    let mend = no_agent.mend.unwrap_or_default();
    Err(Refusal::new(format!("`{}` is neither an agent nor a person whom I know", shown(plain)), mend).into())
}

fn as_assignee(person: &Principal) -> Assignee {
    Assignee::Person { id: person.id.clone(), name: person.name.clone() }
}

fn shown(word: &str) -> String {
    word.chars().take(40).collect()
}

fn unknown(word: &str) -> Refusal {
    Refusal::new(format!("I do not know {}", shown(word)), "let them say `help` to me once; I know them from then on")
}

/// The id in `<@U1>` or `<@U1|ada>`.
fn mentioned(word: &str) -> Option<&str> {
    let inner = word.strip_prefix("<@")?.strip_suffix('>')?;
    Some(inner.split('|').next().unwrap_or(inner)).filter(|id| !id.is_empty())
}

/// A text with the names of those whom it mentions in place of the platform's tokens: `<@U1>` is
/// `@Ada`. Who is not known stays as written.
///
/// # Errors
/// Where the store cannot be read.
pub fn with_names(text: &str, ctx: &Context<'_>) -> Result<String, StoreError> {
    let mut named = String::with_capacity(text.len());
    let mut rest = text;
    for _ in 0..MOST_MENTIONS {
        let Some(start) = rest.find("<@") else { break };
        let Some(length) = rest[start..].find('>') else { break };
        let token = &rest[start..=start + length];
        let person = mentioned(token).map(|id| find_mentioned(id, ctx)).transpose()?.flatten();
        named.push_str(&rest[..start]);
        named.push_str(&person.map_or_else(|| token.to_owned(), |person| format!("@{}", person.name)));
        rest = &rest[start + length + 1..];
    }
    named.push_str(rest);
    Ok(named)
}

/// The people whom a text names: `@Ada`, `@Grace Hopper`, each once. A name is whole, the longest that fits; where
/// several people have it, nobody is named, since the wrong one would read what was meant for another.
///
/// # Errors
/// Where the store cannot be read.
pub fn named_in(text: &str, ctx: &Context<'_>) -> Result<Vec<PrincipalId>, StoreError> {
    let text = text.to_lowercase();
    let starts = text.match_indices('@').map(|(at, sign)| at + sign.len());
    // What stands before the sign of an e-mail address is a word.
    let starts: Vec<usize> = starts
        .filter(|start| !text[..start - 1].ends_with(|before: char| before.is_alphanumeric()))
        .take(MOST_MENTIONS)
        .collect();
    if starts.is_empty() {
        return Ok(Vec::new());
    }
    // The longest name at each place, and who has it.
    let mut found: Vec<(usize, Vec<Principal>)> = starts.iter().map(|_| (0, Vec::new())).collect();
    for person in person::all(ctx.view).take(MOST_LOOKED_AT) {
        let person = person?.value;
        let name = person.name.to_lowercase();
        for (start, (longest, people)) in starts.iter().zip(&mut found) {
            if name.is_empty() || name.len() < *longest || !begins_with_name(&text[*start..], &name) {
                continue;
            }
            if name.len() > *longest {
                people.clear();
            }
            *longest = name.len();
            people.push(person.clone());
        }
    }
    let mut named: Vec<PrincipalId> = Vec::new();
    for (_, people) in found {
        if let [person] = &each_once(people, ctx)?[..]
            && !named.contains(&person.id)
        {
            named.push(person.id.clone());
        }
    }
    Ok(named)
}

/// The owners who fit, each once, up to so many, however many people there are, with what is to be written for the next
/// look.
///
/// # Errors
/// Where the store cannot be read.
pub fn owners_who(
    fits: impl Fn(&Principal) -> bool,
    most: usize,
    view: &View,
) -> Result<(Vec<PrincipalId>, Vec<Write>), StoreError> {
    let (owners, marks) = person::owners(view)?;
    let fit = fitting(owners.iter().filter_map(|id| person::read(view, id).transpose()), fits, most, view)?;
    Ok((fit, marks))
}

/// The people who fit, each once, up to so many, of those who came first.
///
/// # Errors
/// Where the store cannot be read.
pub fn all_who(fits: impl Fn(&Principal) -> bool, most: usize, view: &View) -> Result<Vec<PrincipalId>, StoreError> {
    fitting(person::all(view).take(MOST_PEOPLE), fits, most, view)
}

/// A row that cannot be read hides nobody else.
fn fitting(
    people: impl Iterator<Item = Result<Stored<Principal>, StoreError>>,
    fits: impl Fn(&Principal) -> bool,
    most: usize,
    view: &View,
) -> Result<Vec<PrincipalId>, StoreError> {
    let mut found: Vec<PrincipalId> = Vec::new();
    for known in people {
        let known = match known {
            Ok(known) => known.value,
            Err(StoreError::Unreadable(why)) => {
                tracing::warn!(why, "somebody cannot be read, and is not told what others are");
                continue;
            }
            Err(error) => return Err(error),
        };
        if !fits(&known) {
            continue;
        }
        let who = link::resolve(view, &known.id)?;
        if !found.contains(&who) {
            found.push(who);
        }
        if found.len() == most {
            break;
        }
    }
    Ok(found)
}

fn begins_with_name(text: &str, name: &str) -> bool {
    text.strip_prefix(name).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
}

fn by_mention(id: &str, ctx: &Context<'_>) -> Result<Principal, Failure> {
    find_mentioned(id, ctx)?.ok_or_else(|| unknown(&format!("<@{id}>")).into())
}

fn find_mentioned(id: &str, ctx: &Context<'_>) -> Result<Option<Principal>, StoreError> {
    let what = &ctx.event.what;
    // A mention names a user of the workspace in which it was written, or, where several workspaces
    // share a channel, one of the writer's own.
    let own = what.from.as_ref().map(|from| from.realm.as_str());
    for realm in [Some(what.installation.as_str()), own].into_iter().flatten() {
        let user = PlatformUser { channel: what.channel, realm: realm.to_owned(), id: id.to_owned() };
        let Some(record) = person::record(ctx.view, &user)? else { continue };
        if let Some(person) = one_person(&record.value.principal, ctx)? {
            return Ok(Some(person));
        }
    }
    Ok(None)
}

/// The person of a principal: of another one, where they are one person on several platforms.
fn one_person(id: &PrincipalId, ctx: &Context<'_>) -> Result<Option<Principal>, StoreError> {
    let id = link::resolve(ctx.view, id)?;
    Ok(person::read(ctx.view, &id)?.map(|found| found.value))
}

/// Each person once, however many of their platforms were found.
fn each_once(found: Vec<Principal>, ctx: &Context<'_>) -> Result<Vec<Principal>, StoreError> {
    let mut people: Vec<Principal> = Vec::new();
    for person in found {
        let person = one_person(&person.id, ctx)?.unwrap_or(person);
        if people.iter().all(|known| known.id != person.id) {
            people.push(person);
        }
    }
    Ok(people)
}

/// The person of an id, or who goes by a name, or the only one a part of whose name it is.
fn by_name(name: &str, ctx: &Context<'_>) -> Result<Option<Principal>, Failure> {
    if let Some(found) = by_id(name, ctx)? {
        return Ok(Some(found));
    }
    let wanted = name.to_lowercase();
    let is_part = |full: &str| {
        full.split([' ', '.', '_']).any(|part| part == wanted) || full.replace([' ', '.', '_'], "") == wanted
    };
    let (mut named, mut partly) = (Vec::new(), Vec::new());
    for person in person::all(ctx.view).take(MOST_LOOKED_AT) {
        let person = person?.value;
        let full = person.name.to_lowercase();
        if full == wanted {
            named.push(person);
        } else if is_part(&full) {
            partly.push(person);
        }
    }
    // Beyond those who were looked through, the last one who took the name; and who has had it before.
    if let Some(found) = person::by_name(ctx.view, name)?.map(|found| found.value)
        && (named.is_empty() || found.name.to_lowercase() == wanted)
        && named.iter().all(|person| person.id != found.id)
    {
        named.push(found);
    }
    let mut found = each_once(if named.is_empty() { partly } else { named }, ctx)?;
    if found.len() > 1 {
        return Err(ambiguous(name, &found, ctx).into());
    }
    Ok(found.pop())
}

/// The person of an id, as the answer about an ambiguous name shows it.
fn by_id(word: &str, ctx: &Context<'_>) -> Result<Option<Principal>, StoreError> {
    let id = word.to_lowercase();
    if !id.starts_with("p-") {
        return Ok(None);
    }
    one_person(&PrincipalId(id.into()), ctx)
}

/// Who they are, and how to say which.
fn ambiguous(name: &str, found: &[Principal], ctx: &Context<'_>) -> Refusal {
    let what = format!("several people go by `{}`", shown(name));
    let some = || found.iter().take(MOST_SHOWN);
    let more = if found.len() > MOST_SHOWN { " and others" } else { "" };
    let of_one_name = found.windows(2).all(|pair| pair[0].name.to_lowercase() == pair[1].name.to_lowercase());
    if !of_one_name {
        let names: Vec<String> = some().map(|person| format!("@{}", person.name)).collect();
        return Refusal::new(what, format!("write the whole name in quotes: {}{more}", names.join(", ")));
    }
    let who = |person: &Principal| {
        let you = if person.id == ctx.by.id { ", you" } else { "" };
        format!("@{} ({}{you})", person.id, person.role.as_str())
    };
    let who: Vec<String> = some().map(who).collect();
    let mend = "mention the one whom you mean with the platform's own `@`, or write the id, `@` included";
    Refusal::new(format!("{what}: {}{more}", who.join(", ")), mend)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::outcome::Expect;
    use crate::domain::principal::Role;
    use crate::tools::testing::Desk;

    #[test]
    fn a_name_of_several_people_is_answered_with_who_they_are_and_how_to_say_which() {
        let desk = Desk::new();
        let another = |id: &str, name: &str| {
            let person =
                Principal { id: PrincipalId(id.into()), name: name.into(), role: Role::Guest, groups: Vec::new() };
            desk.write(person::put_person(&person, Expect::Any)).unwrap();
        };
        another("p-9", "Grace Hopper");
        another("p-8", "ada");
        let refused = |word: &str| match desk.with(|ctx| assignee(word, ctx)) {
            Err(Failure::Refused(refusal)) => (refusal.what, refusal.mend.unwrap_or_default()),
            other => panic!("{word}: {other:?}"),
        };
        let (what, mend) = refused("@Grace Hopper");
        assert!(what.contains("@p-2 (member)") && what.contains("@p-9 (guest)"), "{what}");
        assert!(mend.contains("mention") && mend.contains("the id"), "{mend}");
        let (what, _) = refused("@Ada");
        assert!(what.contains("@p-1 (member, you)") && what.contains("@p-8 (guest)"), "{what}");
        let (_, mend) = refused("@Hopper");
        assert!(mend.contains("whole name") && mend.contains("Mary Hopper"), "{mend}");
        for (word, id) in [("@p-9", "p-9"), ("@P-2", "p-2"), ("@Mary Hopper", "p-3"), ("<@U2>", "p-2"), ("me", "p-1")] {
            let person = desk.with(|ctx| assignee(word, ctx)).unwrap();
            let Some(Assignee::Person { id: found, .. }) = person else { panic!("{word}: {person:?}") };
            assert_eq!(found, PrincipalId(id.into()), "{word}");
        }
    }

    #[test]
    fn a_text_names_those_whom_it_mentions() {
        let cases = [
            ("ask <@U2> or <@U1|ada>", "ask @Grace Hopper or @Ada"),
            ("ask <@U9>", "ask <@U9>"),
            ("a <@ b > <@>", "a <@ b > <@>"),
            ("<@U2", "<@U2"),
            ("nobody", "nobody"),
        ];
        let desk = Desk::new();
        for (text, expected) in cases {
            assert_eq!(desk.with(|ctx| with_names(text, ctx)).unwrap(), expected);
        }
    }
}
