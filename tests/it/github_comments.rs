//! Hundreds of comments with commands in code, quotes, lists, HTML and edits, by people who may and who may not: exactly
//! the right ones run, each once, although the process dies in between and much is delivered more than once.
//!
//! What ran is seen by the tasks that there are, since each command makes one whose title nothing else has. What is a
//! command is decided in `src/channels/github/commands.rs`; a further case is a line of [`TEXTS`] or of [`EDITS`].

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ai_crm::sim::delivery::Manner;
use ai_crm::sim::github::account::{Kind, Role};
use ai_crm::sim::github::issue::Comment;
use ai_crm::sim::github::{Act, seed};
use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::office::Office;
use crate::stage::PATIENCE;
use crate::support::until;

/// Organisations with a repository each. GitHub lets an installation write 80 comments a minute, and this is not about
/// its limits: each of so many gets less.
const ORGANISATIONS: u64 = 6;
/// Issues of each, so that comments are worked on side by side.
const ISSUES: usize = 3;
/// Who writes, with the role they have everywhere; who may only read commands nothing.
const PEOPLE: [(&str, Role); 5] =
    [("ann", Role::Admin), ("bob", Role::Write), ("cleo", Role::Triage), ("mia", Role::Maintain), (READER, Role::Read)];
const READER: &str = "dan";

/// Texts of comments. `{do}`, `{at}`, `{bot}` and `{loud}` are commands in each way to write one, which run; `{no}` and
/// `{near}` are the same words where they are none.
const TEXTS: &[&str] = &[
    "{do}",
    "{at}",
    "{bot}",
    "{loud}",
    "Hello\n{do}",
    "{do}\nthanks",
    "text\n\n{do}\n\ntext",
    "{do}\n{do}",
    "{do}\n{at}\n\n{loud}",
    "{bot}\nplease\n{do}",
    "   {do}",
    "{do}  \n{do}\\\n{do}",
    "> quoted\n\n{do}",
    "> {no}\n\n{do}",
    "> {no}\n{no}",
    "> > {no}\n>\n> - {no}",
    "> [!NOTE]\n> {no}",
    "```\n{no}\n```\n{do}",
    "```sh\n{no}\n```",
    "~~~\n{no}\n~~~",
    "````\n```\n{no}\n```\n{no}\n````",
    "```\n{no}",
    "    {no}",
    "text\n\n\t{no}",
    "`{no}`",
    "`code\n{no}\nmore`",
    "<!-- {no} -->\n{do}",
    "<!--\n{no}\n-->",
    "text <!--\n{no}\n--> text",
    "<details>\n<summary>x</summary>\n\n{do}\n\n</details>",
    "<details>\n{no}\n</details>",
    "<div>\n{no}\n</div>\n\n{do}",
    "<pre>\n\n{no}\n\n</pre>",
    "- {no}\n- {no}",
    "- [ ] {no}",
    "1. {no}",
    "- item\n  {no}",
    "- item\n{do}",
    "# {no}\n{do}",
    "a | b\n--|--\n{no} | x\n\n{do}",
    "*see\n{do}\nthere*",
    "~~{no}~~\n{do}",
    "[label\n{no}\nlabel](/url)",
    "![label\n{no}\nlabel](/url)",
    "{do}\n***",
    "EDIT: {no}\n\n{do}",
    "\\{no}",
    "/{no}",
    "please {no}",
    "@someone {no}",
    "{near}",
    "{near}\n{do}",
    "\u{200b}{do}\u{200b}",
];

/// Comments that are edited: who writes what, then who makes what of it; and what of it runs in the end. `$a` are the words
/// of a command whose title ends with `a`.
type Edited = (&'static [(&'static str, &'static str)], &'static str);

const EDITS: &[Edited] = &[
    // Added, put in another order, taken away and brought back.
    (&[("bob", "/ai-crm $a"), ("bob", "/ai-crm $a\n\n/ai-crm $b")], "ab"),
    (&[("bob", "/ai-crm $a\n/ai-crm $b"), ("bob", "/ai-crm $b\n/ai-crm $a")], "ab"),
    (&[("bob", "/ai-crm $a\n/ai-crm $b"), ("bob", "/ai-crm $b"), ("bob", "/ai-crm $a\n/ai-crm $b")], "ab"),
    (&[("cleo", "/ai-crm $a"), ("cleo", "never mind")], "a"),
    (&[("cleo", "never mind"), ("cleo", "/ai-crm $a")], "a"),
    // Changed: other words are another command, another way to call is not.
    (&[("bob", "/ai-crm $a"), ("bob", "/ai-crm $b"), ("bob", "/ai-crm $a")], "ab"),
    (&[("ann", "/ai-crm $a"), ("ann", "@ai-crm: $a"), ("ann", "/AI-CRM   $a  ")], "a"),
    (&[("ann", "/ai-crm $a\n/ai-crm $b"), ("ann", "/ai-crm $a\r\n/ai-crm $b\r\n")], "ab"),
    (&[("mia", "/ai-crm $a"), ("mia", "/ai-crm $a\n/ai-crm $a")], "aa"),
    (&[("mia", "/ai-crm $a\n/ai-crm $a"), ("mia", "/ai-crm $a"), ("mia", "/ai-crm $a\n/ai-crm $a")], "aa"),
    // Into code and quotes, and out of them.
    (&[("bob", "```\n/ai-crm $a\n```"), ("bob", "/ai-crm $a")], "a"),
    (&[("bob", "/ai-crm $a"), ("bob", "```\n/ai-crm $a\n```"), ("bob", "/ai-crm $a")], "a"),
    (&[("cleo", "/ai-crm $a"), ("cleo", "> /ai-crm $a\n\n/ai-crm $b")], "ab"),
    // By another: what is added is asked by who adds it, what stood there by who wrote it.
    (&[(READER, "/ai-crm $a"), ("mia", "/ai-crm $a\n/ai-crm $b")], "b"),
    (&[(READER, "helo\n/ai-crm $a"), ("ann", "hello\n/ai-crm $a")], ""),
    (&[(READER, "hello"), (READER, "/ai-crm $a")], ""),
    (&[("bob", "/ai-crm $a"), ("ann", "/ai-crm $a\n@ai-crm $b"), ("mia", "/ai-crm $b\n/ai-crm $c")], "abc"),
];

/// A comment that was written, and what is expected of it.
struct Written {
    repository: String,
    issue: u64,
    id: u64,
    /// Titles of the tasks that come of it, one for each command that runs.
    runs: Vec<String>,
    /// How many of its commands are refused.
    refused: usize,
}

/// A text with its commands filled in: the words of each, and the titles of those that are meant to run.
fn filled(text: &str, title: &str) -> (String, Vec<String>) {
    let (mut out, mut runs, mut rest) = (String::new(), Vec::new(), text);
    let mut number = 0;
    while let Some((before, (mark, after))) =
        rest.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
    {
        number += 1;
        let title = format!("{title}.{number}");
        let (call, verb, does) = match mark {
            "do" => ("/ai-crm", "task create", true),
            "at" => ("@ai-crm", "task create", true),
            "bot" => ("@ai-crm[bot]:", "task create", true),
            "loud" => ("/AI-Crm", "TASK Create", true),
            "near" => ("/ai-crmx", "task create", false),
            _ => ("/ai-crm", "task create", false),
        };
        out.push_str(&format!("{before}{call} {verb} \"{title}\""));
        if does {
            runs.push(title);
        }
        rest = after;
    }
    (out + rest, runs)
}

/// What people have done so far.
struct Talk {
    office: Office,
    repositories: Vec<(String, Vec<u64>)>,
    written: Vec<Written>,
    /// The deliveries that tell of it.
    told: BTreeSet<String>,
    turn: usize,
}

impl Talk {
    async fn begin() -> anyhow::Result<Self> {
        let names: Vec<String> = (0..ORGANISATIONS).map(|number| format!("guild{number}")).collect();
        let accounts = names.join(", ");
        let settings = [("AI_CRM__CHANNELS__GITHUB__ACCOUNTS", accounts.as_str())];
        let office = Office::set_up("workflows: {}\n", &settings).await?;
        let mut talk = Self { office, repositories: Vec::new(), written: Vec::new(), told: BTreeSet::new(), turn: 0 };
        for (number, name) in (0..).zip(&names) {
            let repository = format!("{name}/shop");
            let world = talk.office.world();
            world.put_account(8_000_000 + number, name, Kind::Organization);
            ensure!(world.put_repository(800_000_000 + number, &repository, number % 2 == 0), "{name}");
            for (login, role) in PEOPLE.into_iter().chain([("dependabot[bot]", Role::Write)]) {
                ensure!(world.set_role(&repository, login, role), "{login}");
            }
            talk.act("ann", &repository, json!({"do": "install"}))?;
            let open = |_| {
                let made = talk.act("ann", &repository, json!({"do": "open_issue", "title": "Talk", "body": null}))?;
                made["number"].as_u64().context("a number")
            };
            let issues = (0..ISSUES).map(open).collect::<anyhow::Result<_>>()?;
            talk.repositories.push((repository, issues));
        }
        Ok(talk)
    }

    /// Does something, of which each third delivery comes twice.
    fn act(&mut self, who: &str, repository: &str, act: Value) -> anyhow::Result<Value> {
        let act: Act = serde_json::from_value(act)?;
        self.turn += 1;
        let manner = if self.turn.is_multiple_of(3) { Manner::Twice } else { Manner::Genuine };
        let acted = self.office.world().act_as(who, repository, act, manner)?;
        self.told.extend(acted.told);
        Ok(acted.made)
    }

    /// Somebody writes a comment in one of the issues, in turn.
    fn comment(&mut self, who: &str, text: &str) -> anyhow::Result<(String, u64, u64)> {
        let place = self.written.len();
        let (repository, issues) = &self.repositories[place % self.repositories.len()];
        let (repository, number) = (repository.clone(), issues[place / self.repositories.len() % issues.len()]);
        let made = self.act(who, &repository, json!({"do": "comment", "number": number, "text": text}))?;
        Ok((repository, number, made["comment"].as_u64().context("an id")?))
    }

    /// Writes all texts in one way.
    fn write(&mut self, who: &str, tag: &str, ending: &str) -> anyhow::Result<()> {
        for (number, text) in TEXTS.iter().enumerate() {
            let (text, mut runs) = filled(text, &format!("{tag} {who} {number}"));
            let (repository, issue, id) = self.comment(who, &text.replace('\n', ending))?;
            let refused = if who == READER { std::mem::take(&mut runs).len() } else { 0 };
            self.written.push(Written { repository, issue, id, runs, refused });
        }
        Ok(())
    }

    /// Writes all comments that are edited, and edits them.
    fn edit(&mut self, tag: &str) -> anyhow::Result<()> {
        for (number, (steps, runs)) in EDITS.iter().enumerate() {
            let title = |letter: char| format!("{tag} {number} {letter}");
            let words = |text: &str| {
                ('a'..='c').fold(text.to_owned(), |text, letter| {
                    text.replace(&format!("${letter}"), &format!("task create \"{}\"", title(letter)))
                })
            };
            let ((first, text), further) = steps.split_first().context("a first text")?;
            let (repository, issue, id) = self.comment(first, &words(text))?;
            for (editor, text) in further {
                self.act(editor, &repository, json!({"do": "edit_comment", "id": id, "text": words(text)}))?;
            }
            let asks = |(who, text): &(&str, &str)| *who == READER && text.contains("/ai-crm");
            let refused = usize::from(steps.iter().any(asks));
            self.written.push(Written { repository, issue, id, runs: runs.chars().map(title).collect(), refused });
        }
        Ok(())
    }

    /// Waits until the bot has taken all deliveries; somebody presses "Redeliver" for those that have failed, for GitHub
    /// itself repeats none.
    async fn all_are_taken(&self) -> anyhow::Result<()> {
        let world = self.office.world();
        until(PATIENCE, "the bot has taken every delivery", || async {
            let deliveries = world.deliveries();
            let taken: BTreeSet<&str> =
                deliveries.iter().filter(|one| one.is_taken()).map(|one| one.guid.as_str()).collect();
            if self.told.iter().all(|guid| taken.contains(guid.as_str())) {
                return Ok(Some(()));
            }
            let failed: BTreeMap<&str, u64> = deliveries
                .iter()
                .filter(|one| !taken.contains(one.guid.as_str()))
                .map(|one| (one.guid.as_str(), one.id))
                .collect();
            if world.waiting() == 0 {
                for id in failed.values() {
                    world.redeliver(*id);
                }
            }
            Ok(None)
        })
        .await
    }

    fn comments(&self) -> BTreeMap<u64, Comment> {
        let world = self.office.world();
        let of = |(repository, issues): &(String, Vec<u64>)| {
            issues.iter().flat_map(|number| world.comments(repository, *number)).collect::<Vec<_>>()
        };
        self.repositories.iter().flat_map(of).map(|comment| (comment.id, comment)).collect()
    }

    /// What the bot's reactions to each comment are to be, and are.
    fn reactions(&self) -> anyhow::Result<()> {
        let comments = self.comments();
        for one in &self.written {
            let comment = comments.get(&one.id).context("the comment is there")?;
            let mut shown: Vec<&str> = comment.reactions.iter().map(|reaction| reaction.content.as_str()).collect();
            shown.sort_unstable();
            let (done, refused) = (!one.runs.is_empty(), one.refused > 0);
            let expected = [("confused", refused), ("eyes", done || refused), ("rocket", done)];
            let expected: Vec<&str> = expected.iter().filter(|(_, is)| *is).map(|(word, _)| *word).collect();
            ensure!(shown == expected, "{shown:?}, not {expected:?}: {:?}", comment.body);
        }
        Ok(())
    }

    /// Each command has one answer where it was asked, and nothing else has one.
    fn answers(&self) -> anyhow::Result<()> {
        let mut expected: BTreeMap<(&str, u64), usize> = BTreeMap::new();
        for one in &self.written {
            *expected.entry((&one.repository, one.issue)).or_default() += one.runs.len() + one.refused;
        }
        for ((repository, issue), count) in expected {
            let said = self.office.world().comments(repository, issue).into_iter();
            let said = said.filter(|comment| comment.user == seed::BOT).count();
            ensure!(said == count, "{repository}#{issue}: {said} answers to {count} commands");
        }
        Ok(())
    }
}

fn counted(titles: impl IntoIterator<Item = String>) -> BTreeMap<String, usize> {
    let mut all = BTreeMap::new();
    titles.into_iter().for_each(|title| *all.entry(title).or_default() += 1);
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn of_hundreds_of_comments_exactly_the_right_commands_run_once() -> anyhow::Result<()> {
    let mut talk = Talk::begin().await?;
    talk.write("ann", "plain", "\n")?;
    talk.write("bob", "Prüfung", "\r\n")?;
    // The process dies while these are told of; what comes meanwhile is lost, and some of it is told of twice.
    let under_way = talk.told.len() / 2;
    let there = |world: &ai_crm::sim::github::GitHubWorld| (world.deliveries().len() >= under_way).then_some(());
    talk.office.world().wait_for(PATIENCE, there).await.context("half of it is told of")?;
    talk.office = talk.office.killed().await?;
    talk.all_are_taken().await?;
    // GitHub promises no order.
    talk.office.world().set_hook(|hook| hook.at_once = 8);
    talk.write("cleo", "日本", "\n")?;
    talk.write("mia", "🎉 fête", "\r\n")?;
    talk.write(READER, "refused", "\n")?;
    for tag in ["edited", "geändert"] {
        talk.edit(tag)?;
    }
    let (repository, issues) = talk.repositories[0].clone();
    let bot = json!({"do": "comment", "number": issues[0], "text": "/ai-crm task create \"by a bot\""});
    talk.act("dependabot[bot]", &repository, bot)?;
    ensure!(talk.written.len() >= 200, "only {} comments", talk.written.len());
    talk.all_are_taken().await?;
    talk.office.stage.rest().await?;
    // One that was given to the bot again, days later.
    let old: Vec<u64> = talk.office.world().deliveries().iter().step_by(7).map(|one| one.id).collect();
    for id in old {
        talk.office.world().redeliver(id);
    }
    until(PATIENCE, "the old ones are told of", || async { Ok((talk.office.world().waiting() == 0).then_some(())) })
        .await?;
    tokio::time::sleep(Duration::from_millis(200)).await;
    talk.office.stage.rest().await?;

    let expected = counted(talk.written.iter().flat_map(|one| one.runs.iter().cloned()));
    let tasks = talk.office.tasks().await?;
    let made = counted(tasks.iter().map(|task| task["title"].as_str().unwrap_or_default().to_owned()));
    let missing: Vec<_> = expected.iter().filter(|(title, count)| made.get(*title) != Some(*count)).collect();
    let beyond: Vec<_> = made.iter().filter(|(title, _)| !expected.contains_key(*title)).collect();
    ensure!(missing.is_empty() && beyond.is_empty(), "not as often: {missing:?}; not expected: {beyond:?}");
    talk.reactions()?;
    talk.answers()?;
    talk.office.end().await
}
