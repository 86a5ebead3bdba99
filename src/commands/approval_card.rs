//! How an approval looks to whom, and who is told of it.
//!
//! Owns the cards and the telling: who asks is answered alone, who may decide is told in their own chats with two buttons,
//! and every message of it becomes one without buttons when it is decided. Who may decide is `tools/approval.rs`.

use crate::commands::notices::{deal, for_anybody};
use crate::commands::task_card::{cut, minute};
use crate::commands::{answer, approvals, approve, reject, withdraw};
use crate::domain::approval::{Approval, Ring, State, words};
use crate::domain::card::{Action, Block, ButtonStyle, Card, Tone};
use crate::domain::event::EventKind;
use crate::domain::ids::ApprovalId;
use crate::domain::notice::Topic;
use crate::domain::outcome::{Failure, Outcome, Refusal, Reply};
use crate::store::StoreError;
use crate::store::keyspace::approval as kept;
use crate::tools::Context;
use crate::tools::approval::{self, Answered, Asked, Question};
use crate::tools::notices::Notice;

/// As many messages are changed when an approval is decided: those of as many as are told, on two platforms.
const MOST_FACES: usize = 20;
/// The longest part of a line that stands in a list.
const LONGEST_LINE: usize = 200;
/// The longest reason, and the most of rules, that stand above a line: the line is what has to be seen.
const LONGEST_FACT: usize = 500;

/// Stops a line until somebody has said yes: keeps what was asked for, answers the asker alone, and tells those who may
/// decide.
///
/// # Errors
/// Refuses where much of this person waits already.
pub fn ask(question: &Question<'_>, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let question = Question { shown: &visible(question.line), ..*question };
    let Asked { approval: it, is_first, writes, timers } = approval::ask(&question, ctx)?;
    let mut outcome = Outcome { writes, timers, resource: it.id.to_string(), ..Outcome::default() };
    outcome.summary = format!("{} waits for {}", it.id, words(&it.approvers));
    let (mut reached, mut later) = (0, 0);
    if is_first {
        let (deciders, marks) = approval::deciders(&it, ctx)?;
        outcome.writes.extend(marks);
        for who in deciders {
            let line = format!(
                "{} of {} waits for your approval: {}",
                it.id,
                it.by.name,
                cut(&visible(&it.line), LONGEST_LINE)
            );
            let deciding = it.approvers.clone();
            let notice = Notice { to: who, topic: Topic::Approvals, line, shows: Some(it.id.into()), deciding };
            let said = outcome.replies.len();
            match deal(&notice, || told(&it, ctx), &mut outcome, ctx)? {
                None if outcome.replies.len() > said => reached += 1,
                None => later += 1,
                Some(why) => outcome.told.push(format!("{} is not told, who {why}", notice.to)),
            }
        }
    }
    outcome.replies.insert(0, Reply::asker(waits(&it, is_first, (reached, later), ctx)));
    Ok(outcome)
}

/// What the asker is told; how many of those who may decide are told at once, and how many later.
fn waits(it: &Approval, is_first: bool, told: (usize, usize), ctx: &Context<'_>) -> Card {
    let next = match (is_first, told) {
        (false, _) => format!("You asked for it in {} already. You are told what comes of it", it.event),
        (true, (0, 0)) => {
            let line = ctx.typed(&format!("{} {}", approve::SPEC.name(), it.id));
            format!("I can tell nobody who may decide, so tell them yourself: `{line}`. It waits")
        }
        (true, (0, _)) => {
            let line = ctx.typed(&format!("{} {}", approve::SPEC.name(), it.id));
            format!("Who may decide is told later, since they have quiet hours; `{line}` decides at once. It waits")
        }
        (true, (_, 0)) => "Who may decide is told, and you are told what comes of it".to_owned(),
        (true, (now, later)) => format!(
            "Of those who may decide {now} told at once and {later} later, after quiet hours, and you are told \
             what comes of it",
            now = if now == 1 { "1 is".to_owned() } else { format!("{now} are") }
        ),
    };
    let back = ctx.typed(&format!("{} {}", withdraw::SPEC.name(), it.id));
    Card::new(format!("{} waits for {}", it.id, words(&it.approvers)))
        .tone(Tone::Warning)
        .text(it.reason.clone())
        .block(Block::Code { text: visible(&it.line) })
        .text(format!("{next}, until {} at the latest.", minute(it.until)))
        .footer(format!("rule {} · `{back}` takes it back", it.rules.join(", ")))
}

/// The card of those who are told.
fn told(it: &Approval, ctx: &Context<'_>) -> Card {
    let tie = words(&it.approvers);
    let why = format!("you are told since {tie} decides ({}); `notifications` changes that", Topic::Approvals);
    card(it, &for_anybody(ctx)).footer(why)
}

/// An approval: with two buttons while it waits, with who has decided from then on.
fn card(it: &Approval, ctx: &Context<'_>) -> Card {
    let waits = it.is_pending(ctx.now);
    let (title, tone) = match &it.state {
        State::Pending if waits => (format!("{} asks for your approval ({})", it.by.name, it.id), Tone::Warning),
        State::Approved(_) => (ended(it), Tone::Good),
        State::Rejected(_) => (ended(it), Tone::Bad),
        State::Pending | State::Withdrawn(_) | State::Expired { .. } => (ended(it), Tone::Neutral),
    };
    let why = it.state.decided().and_then(|decided| decided.why.clone()).unwrap_or_default();
    let place = it.way.place.as_ref().map(|place| format!(" {}", place.id)).unwrap_or_default();
    let facts = [
        ("Asked by", format!("{} ({})", it.by.name, it.user)),
        ("Asked in", format!("{}{place}, {}", it.way.channel, it.event)),
        ("Asked", minute(it.asked)),
        ("Why you are asked", cut(&it.reason, LONGEST_FACT)),
        ("Rule", cut(&it.rules.join(", "), LONGEST_FACT)),
        ("Waits until", if waits { minute(it.until) } else { String::new() }),
    ];
    // The line stands last: where a platform leaves the end of a card out, it is no fact about the line.
    let mut card = Card::new(title).tone(tone).text(why).facts(facts).block(Block::Code { text: visible(&it.line) });
    card.undivided = true;
    card.actions = if waits { buttons(it, ctx, "") } else { Vec::new() };
    card
}

/// The two buttons of an approval; `of` says which, where several stand together.
fn buttons(it: &Approval, ctx: &Context<'_>, of: &str) -> Vec<Action> {
    let button = |label: &str, line: String, style: ButtonStyle| Action::Button {
        label: format!("{label}{of}"),
        token: (ctx.sign)(&format!("{line} {} --card {}", it.id, approval::mark(it))),
        style,
    };
    vec![
        button("Approve", approve::SPEC.name(), ButtonStyle::Primary),
        button("Reject", reject::SPEC.name(), ButtonStyle::Danger),
    ]
}

/// How it ended, in one line: `A-3 was approved by Grace, 2026-11-26 10:00 UTC`.
fn ended(it: &Approval) -> String {
    let id = it.id;
    match &it.state {
        State::Approved(by) => format!("{id} was approved by {}, {}", by.by.name, minute(by.at)),
        State::Rejected(by) => format!("{id} was rejected by {}, {}", by.by.name, minute(by.at)),
        State::Withdrawn(by) => format!("{id} was withdrawn by {}, who asked for it, {}", by.by.name, minute(by.at)),
        State::Pending | State::Expired { .. } => {
            format!("{id} has expired: nobody decided until {}", minute(it.until))
        }
    }
}

/// Answers who decided, tells who asked where nothing else will, and makes every message of it true.
pub(super) fn answered(answered: Answered, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    match answered {
        Answered::Made(change) => {
            let after = change.after.clone();
            let mut outcome = answer_with(change.outcome(), &after, ctx);
            if matches!(after.state, State::Rejected(_)) {
                outcome.replies.extend(to_asker(&after, ctx));
            }
            keep_true(&after, &mut outcome, ctx)?;
            Ok(outcome)
        }
        Answered::Late(it) => {
            let summary = format!("nothing to change on {}, which is {}", it.id, it.state.as_str());
            let outcome = Outcome { resource: it.id.to_string(), summary, ..Outcome::default() };
            let said = Card::new(format!("Nothing was changed: {}", ended(&it))).tone(Tone::Warning);
            let outcome = answer::asker(outcome, said);
            Ok(if answer::pressed_message(ctx).is_some() { answer_with(outcome, &it, ctx) } else { outcome })
        }
    }
}

/// With the card as it is then: in the place of the one that was pressed, else for the asker alone.
fn answer_with(outcome: Outcome, it: &Approval, ctx: &Context<'_>) -> Outcome {
    let card = card(it, ctx);
    let reply = match answer::pressed_message(ctx) {
        Some(pressed) => {
            Reply { replaces: Some(pressed.to_owned()), shows: Some(it.id.into()), ..Reply::everyone(card) }
        }
        None => Reply::asker(card),
    };
    answer::with(outcome, reply)
}

/// What the asker is told in their own chat.
fn to_asker(it: &Approval, ctx: &Context<'_>) -> Option<Reply> {
    let mend = match &it.state {
        State::Rejected(_) => "It was not done.",
        _ => "It was not done. Ask again where it is still wanted.",
    };
    Some(Reply { to: Some(it.way.in_person()?), ..Reply::asker(card(it, ctx).text(mend)) })
}

/// Changes every message that shows an approval, so that each says who has decided.
fn keep_true(it: &Approval, outcome: &mut Outcome, ctx: &Context<'_>) -> Result<(), StoreError> {
    for face in answer::other_faces(it.id.into(), MOST_FACES, outcome, ctx)? {
        let reply = Reply::everyone(card(it, ctx));
        let shows = Some(it.id.into());
        outcome.replies.push(Reply { to: Some(face.to), replaces: Some(face.message), shows, ..reply });
    }
    Ok(())
}

/// What the ring of an approval's timer means.
///
/// # Errors
/// Where the store cannot be read, or nobody waits for such a ring.
pub(super) fn ring(kind: &EventKind, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let said = |id: ApprovalId, summary: String| Outcome { resource: id.to_string(), summary, ..Outcome::default() };
    match Ring::of(kind) {
        Some(Ring::Expire(id)) => match approval::expire(id, ctx)? {
            Some(change) => {
                let after = change.after.clone();
                let mut outcome = change.outcome();
                outcome.replies.extend(to_asker(&after, ctx));
                keep_true(&after, &mut outcome, ctx)?;
                Ok(outcome)
            }
            None => Ok(said(id, format!("{id} was decided in time"))),
        },
        Some(Ring::Show(id)) => {
            let mut outcome = said(id, format!("made the messages of {id} anew"));
            if let Some(it) = kept::read(ctx.view, id)? {
                keep_true(&it.value, &mut outcome, ctx)?;
            }
            Ok(outcome)
        }
        // What is to run has become the line before it comes here.
        Some(Ring::Run(id)) => Ok(said(id, format!("{id} has had its run, was given up, or is not approved"))),
        None => Err(Refusal::new("nobody waits for this timer of an approval", "a later program may").into()),
    }
}

/// A line as everybody reads it: what cannot be seen, or turns the letters around, is spelt, so that nobody approves
/// other words than they see.
#[must_use]
pub fn visible(line: &str) -> String {
    let is_hidden = |it: char| {
        (it.is_control() && it != '\n')
            || matches!(it, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
            || matches!(it, '\u{feff}' | '\u{e0000}'..='\u{e007f}')
    };
    let spell = |it: char| if is_hidden(it) { it.escape_unicode().to_string() } else { it.to_string() };
    line.chars().map(spell).collect()
}

/// What stands in a list, so many at most, and how many more there are.
pub(super) struct Listed {
    /// Lines.
    pub(super) items: Vec<String>,
    /// Their buttons.
    pub(super) actions: Vec<Action>,
}

/// Approvals as lines for who decides, with buttons where the whole of what they decide about stands in its line.
pub(super) fn to_decide(all: &[Approval], most: usize, ctx: &Context<'_>) -> Listed {
    let whole = format!("; `{}` shows all of it", ctx.typed(&approvals::SPEC.name()));
    let line = |it: &Approval| {
        let more = if is_short(it) { "" } else { whole.as_str() };
        format!("{}{more}", waiting(it, &cut(&one_line(&visible(&it.line)), LONGEST_LINE)))
    };
    let shown = all.iter().take(most).filter(|it| is_short(it));
    let actions = shown.flat_map(|it| buttons(it, ctx, &format!(" {}", it.id))).collect();
    Listed { items: listed(all, most, line, ctx), actions }
}

/// Approvals with their whole lines, for who decides by typing.
pub(super) fn to_decide_whole(all: &[Approval], most: usize, ctx: &Context<'_>) -> Vec<String> {
    listed(all, most, |it| waiting(it, &one_line(&visible(&it.line))), ctx)
}

fn waiting(it: &Approval, line: &str) -> String {
    format!("{} {} asks: {line} (until {})", it.id, it.by.name, minute(it.until))
}

/// Whether a list shows all of a line, as it is.
fn is_short(it: &Approval) -> bool {
    let line = visible(&it.line);
    line.chars().count() <= LONGEST_LINE && !line.contains('\n')
}

/// What begins a line of its own would look like another entry of a list.
fn one_line(text: &str) -> String {
    text.replace('\n', " ↵ ")
}

/// Approvals as lines, for who asked.
pub(super) fn asked_for(all: &[Approval], most: usize, ctx: &Context<'_>) -> Vec<String> {
    let line = |it: &Approval| {
        let (line, until) = (cut(&visible(&it.line), LONGEST_LINE), minute(it.until));
        format!("{} {line} waits for {} until {until}", it.id, words(&it.approvers))
    };
    listed(all, most, line, ctx)
}

fn listed(all: &[Approval], most: usize, line: impl Fn(&Approval) -> String, ctx: &Context<'_>) -> Vec<String> {
    let mut items: Vec<String> = all.iter().take(most).map(line).collect();
    if let Some(left) = all.len().checked_sub(most).filter(|left| *left > 0) {
        items.push(format!("and {left} more: `{}`", ctx.typed(&approvals::SPEC.name())));
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::approval::Approver;
    use crate::domain::ids::PrincipalId;
    use crate::domain::notice::{Preferences, Quiet};
    use crate::domain::outcome::Expect;
    use crate::domain::principal::{Principal, Role};
    use crate::store::keyspace::{notice, person, person::put_reach};
    use crate::tools::approval::Answer;
    use crate::tools::testing::Desk;

    const WAITS: std::time::Duration = std::time::Duration::from_secs(86_400);

    fn try_to_ask(desk: &Desk, line: &str) -> Result<Outcome, Failure> {
        let (rules, approvers) = (["owner-first".to_owned()], [Approver::Owner]);
        let question = Question {
            line,
            shown: line,
            action: "task.update",
            rules: &rules,
            approvers: &approvers,
            reason: "an owner looks first",
            policy: "p",
            waits: WAITS,
        };
        let outcome = desk.with(|ctx| ask(&question, ctx))?;
        desk.apply(&outcome).unwrap();
        Ok(outcome)
    }

    fn ask_owner(desk: &Desk, line: &str) -> Outcome {
        try_to_ask(desk, line).unwrap()
    }

    /// Grace is an owner and is reached.
    fn desk() -> Desk {
        let desk = Desk::new();
        let grace = PrincipalId("p-2".into());
        let known = person::read(&desk.view, &grace).unwrap().unwrap().value;
        desk.write(person::put_person(&Principal { role: Role::Owner, ..known }, Expect::Any).to_vec()).unwrap();
        desk.become_person("p-2", "U2");
        let chat = desk.with(|ctx| ctx.event.what.reply.as_ref().unwrap().in_person().unwrap());
        desk.write(vec![put_reach(&grace, &chat)]).unwrap();
        desk.become_person("p-1", "U1");
        desk
    }

    #[test]
    fn who_asks_is_answered_alone_and_who_decides_is_told_with_two_buttons() {
        let desk = desk();
        let outcome = ask_owner(&desk, "task done T-1");
        let [waits, told] = &outcome.replies[..] else { panic!("{:?}", outcome.replies) };
        assert_eq!((waits.to.as_ref(), waits.audience), (None, crate::domain::card::Audience::Asker));
        assert_eq!(waits.card.title, "A-1 waits for an owner");
        assert!(waits.card.actions.is_empty());
        assert_eq!(told.shows, Some(ApprovalId(1).into()));
        assert!(told.to.as_ref().is_some_and(|to| to.person.as_deref() == Some("U2")));
        let tokens: Vec<&str> = told
            .card
            .actions
            .iter()
            .map(|action| match action {
                Action::Button { token, .. } => token.as_str(),
                other => panic!("{other:?}"),
            })
            .collect();
        let mark = approval::mark(&kept::read(&desk.view, ApprovalId(1)).unwrap().unwrap().value);
        assert_eq!(tokens, ["approve", "reject"].map(|word| format!("signed({word} A-1 --card {mark})")));
        assert!(format!("{:?}", told.card).contains("2026-11-21 10:00 UTC"), "when it was asked: {:?}", told.card);
        let again = ask_owner(&desk, "task done T-1");
        assert_eq!(again.replies.len(), 1, "nobody is told twice");
    }

    #[test]
    fn what_is_decided_has_no_buttons_and_says_by_whom() {
        let desk = desk();
        ask_owner(&desk, "task done T-1");
        desk.become_person("p-2", "U2");
        let said = desk.with(|ctx| {
            let no = approval::decide(ApprovalId(1), Answer::Reject(Some("not today".into())), None, ctx).unwrap();
            answered(no, ctx).unwrap()
        });
        let [to_who_decided, to_asker] = &said.replies[..] else { panic!("{:?}", said.replies) };
        for reply in [to_who_decided, to_asker] {
            assert!(reply.card.title.starts_with("A-1 was rejected by Grace Hopper"), "{}", reply.card.title);
            assert!(reply.card.actions.is_empty() && format!("{:?}", reply.card).contains("not today"));
        }
        assert!(to_asker.to.as_ref().is_some_and(crate::domain::event::Address::is_in_person));
    }

    #[test]
    fn a_card_shows_all_of_what_it_asks_for_and_what_no_card_shows_is_not_asked_for() {
        // Each of these is the worst for somebody: escaped, of many bytes, a line of its own, written as rich text.
        for worst in ["&", "𝄞", "日", "\n", "`", "\"", "x "] {
            let desk = desk();
            let weighs = if worst == "&" { 2 } else { worst.chars().count() };
            let line = format!("{}the end", worst.repeat((approval::LONGEST_LINE - 7) / weighs));
            let outcome = ask_owner(&desk, &line);
            let card = &outcome.replies[1].card;
            let slack = crate::channels::slack::blocks::render(card);
            let teams = crate::channels::teams::card::render(card);
            for shown in [format!("{:?}", slack.blocks), teams.card.to_string()] {
                let is_whole =
                    ["the end", "Asked by", "Waits until", "owner-first"].iter().all(|it| shown.contains(it));
                assert!(is_whole && !shown.contains("left out"), "{worst}: {shown}");
            }
            let refused = try_to_ask(&desk, &format!("{line}{worst}{worst}")).unwrap_err();
            assert!(matches!(&refused, Failure::Refused(it) if it.what.contains("3000 characters")), "{refused:?}");
        }
        let hidden = "\u{202e}".repeat(approval::LONGEST_LINE / 4);
        assert!(try_to_ask(&desk(), &hidden).is_err(), "what is spelt counts as it is spelt");
    }

    #[test]
    fn a_list_has_buttons_only_for_what_it_shows_whole() {
        let desk = desk();
        let fits = "x".repeat(LONGEST_LINE);
        for line in [format!("{fits}x"), "task create a\nA-9 Ada asks: harmless".to_owned(), fits.clone()] {
            ask_owner(&desk, &line);
        }
        desk.become_person("p-2", "U2");
        desk.with(|ctx| {
            let waiting = approval::to_decide(ctx).unwrap();
            let Listed { items, actions } = to_decide(&waiting, 5, ctx);
            let labels = actions.iter().map(|action| match action {
                Action::Button { label, .. } => label.as_str(),
                other => panic!("{other:?}"),
            });
            assert_eq!(labels.collect::<Vec<_>>(), ["Approve A-3", "Reject A-3"]);
            assert!(
                items[..2].iter().all(|it| it.contains("approvals` shows all of it") && !it.contains('\n')),
                "{items:?}"
            );
            assert!(items[2].contains(&fits), "{items:?}");
            assert!(to_decide_whole(&waiting, 5, ctx)[0].contains(&format!("{fits}x ")));
        });
    }

    #[test]
    fn who_is_told_later_is_not_told_of_what_was_decided_meanwhile() {
        let desk = desk();
        let (from, to) = (jiff::civil::time(9, 0, 0, 0), jiff::civil::time(12, 0, 0, 0));
        let quiet = Preferences { quiet: Some(Quiet { from, to }), ..Preferences::default() };
        let grace = PrincipalId("p-2".into());
        desk.write(vec![notice::put_preferences(&grace, &quiet, Expect::Any)]).unwrap();
        let asked = ask_owner(&desk, "task done T-1");
        let said = format!("{:?}", asked.replies[0].card);
        assert!(asked.replies.len() == 1 && said.contains("told later") && !said.contains("is told, and"), "{said}");
        ask_owner(&desk, "task done T-2");
        desk.become_person("p-2", "U2");
        let no = desk.with(|ctx| approval::decide(ApprovalId(1), Answer::Reject(None), None, ctx)).unwrap();
        let Answered::Made(no) = no else { panic!("{no:?}") };
        desk.apply(&no.outcome()).unwrap();
        let let_go = || desk.with(|ctx| crate::commands::notices::let_go(&grace, ctx)).unwrap();
        desk.now.set(desk.now.get().after(std::time::Duration::from_secs(7200)));
        let told = let_go();
        let card = format!("{:?}", told.replies[0].card);
        assert!(card.contains("1 thing since") && card.contains("A-2 of") && !card.contains("A-1 of"), "{card}");
        assert_eq!(told.writes.len(), 2, "neither is kept: {told:?}");
        desk.now.set(desk.now.get().after(WAITS));
        assert!(let_go().replies.is_empty(), "what has expired is not told either");
    }

    #[test]
    fn a_line_that_hides_something_is_spelt() {
        assert_eq!(visible("task done T-1\nß 日本"), "task done T-1\nß 日本");
        assert_eq!(visible("a\u{202e}b\u{200b}c\u{7}"), "a\\u{202e}b\\u{200b}c\\u{7}");
    }
}
