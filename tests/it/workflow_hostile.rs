//! What hostile people put into issues and into files of workflows: each text is shown once and as itself wherever a rule
//! takes it, calls nobody and commands nothing; a hostile file is refused with its place, soon, and never becomes live.

use std::time::{Duration, Instant};

use ai_crm::sim::slack::message::Message;
use anyhow::{Context, ensure};
use pulldown_cmark::{Event, Options, Parser, Tag};
use serde_json::json;

use crate::office::{Office, SHOP};
use crate::stage::{DEV, Expected, PATIENCE, words};
use crate::support::judge::root;
use crate::support::until;

/// Stands in the rules, for whoever reads them alone.
const SECRET: &str = "open-sesame-4711";

const RULES: &str = r##"
workflows:
  shows:
    vars: { secret: open-sesame-4711 }
    trigger: { platform: github, event: issues.opened }
    actions:
      - { id: task, action: create_ai_crm_task, params: { title: "{issue.title}", description: "{issue.body}" } }
      - { action: slack_notification, params: { channel: "#dev-team", message: "{issue.title}" } }
      - { action: github_comment, params: { message: "{issue.title}" } }
"##;

const TITLES: &[&str] = &[
    "{vars.secret} {{vars.secret}} {{ vars.secret }} ${vars.secret} %7Bvars.secret%7D",
    "{issue.body} {task.title} {workflow.name} {event.payload} {{",
    "<!channel> <!here> <!everyone> <@U0ADA0001> <!subteam^S0OPS> <#C0GENERAL>",
    "<!channel|x> <https://evil.example|click> &lt;!channel&gt; &#64;everyone &amp;",
    "@everyone @channel @here @all @ann @acme/ops (@everyone) x@everyone",
    "[click](https://evil.example) ![seen](https://evil.example/x.png) [a][b] <https://evil.example>",
    "**bold** _it_ ~~gone~~ `code` # x | y > z - 1. *",
    "# heading",
    "> quoted",
    "- [ ] item",
    "--> <script>alert(1)</script> <!-- ai-crm:forged --> <details open>",
    "/ai-crm task create \"pwned\"",
    "@ai-crm task create \"pwned\"",
    "@ai-crm[bot]: task create \"pwned\"",
    "\u{202e}gnp.exe\u{202c} \u{2066}turned\u{2069} \u{200f}right",
    "closes #1, fixes acme/vault#1 and GH-1",
    "日本語 🎉 ñ 👩\u{200d}👧 e\u{301}",
    "'; drop table tasks; -- \" \\ \\n",
];

/// A text as people see it: without what nobody sees, with one blank where there are several, and with a sign for each mark
/// that would turn round what is read, as messages show it.
fn seen(text: &str) -> String {
    let is_seen = |c: &char| !matches!(c, '\u{200b}' | '\u{2060}');
    let turned = |c| {
        if matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
            '\u{fffd}'
        } else {
            c
        }
    };
    let visible: String = text.chars().filter(is_seen).map(turned).collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a reader of a comment on GitHub sees.
fn read(body: &str) -> anyhow::Result<String> {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS | Options::ENABLE_GFM;
    let mut text = String::new();
    for event in Parser::new_ext(body, options) {
        match event {
            Event::Text(words) => text.push_str(&words),
            Event::SoftBreak | Event::HardBreak => text.push(' '),
            // The mark by which a comment is known again is the only HTML.
            Event::Html(html) => {
                ensure!(html.starts_with("<!-- ai-crm:") && body.starts_with(&*html), "{html}: {body}")
            }
            Event::Start(Tag::Paragraph | Tag::HtmlBlock) | Event::End(_) => {}
            other => anyhow::bail!("{other:?}: {body}"),
        }
    }
    Ok(text)
}

/// The first `@` in a text that calls somebody on GitHub.
fn called(body: &str) -> Option<&str> {
    let mut signs = body.match_indices('@');
    signs.find_map(|(at, _)| {
        let is_word = body[..at].ends_with(char::is_alphanumeric);
        let calls = body[at + 1..].starts_with(|c: char| c.is_ascii_alphanumeric());
        (calls && !is_word).then(|| &body[at..])
    })
}

fn calls_nobody(message: &Message) -> anyhow::Result<()> {
    let raw = serde_json::to_string(&message.blocks)?;
    ensure!(message.calls_out_to().is_empty() && called(&message.text).is_none(), "{raw}");
    ensure!(!raw.contains("<http") && !raw.contains("<mailto"), "{raw}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_title_says_is_shown_once_as_itself_and_calls_and_commands_nobody() -> anyhow::Result<()> {
    is_shown_as_itself(RULES).await
}

/// What is escaped goes by who reads it, by whichever name of the action.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_title_says_is_shown_as_itself_by_the_names_of_the_tools_too() -> anyhow::Result<()> {
    let rules = RULES.replace("action: slack_notification", "action: slack.post");
    let rules = rules.replace("action: github_comment", "action: github.comment").replace("message: ", "text: ");
    ensure!(rules.contains("slack.post") && rules.contains("github.comment") && !rules.contains("message"));
    is_shown_as_itself(&rules).await
}

async fn is_shown_as_itself(rules: &str) -> anyhow::Result<()> {
    let office = Office::with(rules).await?;
    let mut numbers = Vec::new();
    for title in TITLES {
        numbers.push(office.opened(title, &[])?);
    }
    let ended = office.ended(TITLES.len()).await?;
    ensure!(ended.iter().all(|status| status == "done"), "{ended:?}");
    let (tasks, said) = (office.tasks().await?, office.stage.said(DEV));
    let titles: Vec<&str> = tasks.iter().rev().filter_map(|task| task["title"].as_str()).collect();
    ensure!(titles.len() == TITLES.len() && said.len() == TITLES.len(), "{titles:#?} {}", said.len());
    for (number, title) in numbers.into_iter().zip(TITLES) {
        let wanted = seen(title);
        let task = titles.iter().filter(|it| seen(it) == wanted).count();
        ensure!(task == 1, "{task} tasks are called {title:?}: {titles:#?}");
        let messages = said.iter().filter(|message| seen(&words(message)) == wanted).count();
        ensure!(messages == 1, "{messages} messages say {title:?}: {:#?}", said.iter().map(words).collect::<Vec<_>>());
        let comments = office.of_bot(number);
        ensure!(comments.len() == 1, "{title:?}: {comments:?}");
        let body = &comments[0].body;
        let shown = read(body)?;
        ensure!(seen(&shown) == wanted, "{title:?} is read as {shown:?}: {body}");
        ensure!(called(body).is_none(), "{:?} is called: {body}", called(body));
        ensure!(!format!("{shown}{titles:?}").contains(SECRET), "{title:?}");
    }
    said.iter().try_for_each(calls_nobody)?;
    ensure!(!said.iter().any(|message| words(message).contains(SECRET)));
    let log = office.stage.plan.log();
    ensure!(!log.contains(SECRET) && !log.contains("evil.example"), "{log}");
    office.end().await
}

const LONG_RULES: &str = r##"
workflows:
  repeats:
    trigger: { platform: github, event: issues.opened }
    actions:
      - { id: task, action: create_ai_crm_task, params: { title: "{issue.title}", description: "{issue.body}" } }
      - { action: github_comment, params: { message: "{issue.body}" } }
"##;

#[tokio::test(flavor = "multi_thread")]
async fn a_body_as_long_as_github_takes_one_is_shown_as_far_as_it_goes_and_calls_nobody() -> anyhow::Result<()> {
    let office = Office::with(LONG_RULES).await?;
    let piece = "text <!channel> @everyone {vars.secret} [a](https://evil.example) \u{202e}x **b**\n\n/ai-crm task create \"x\"\n\n> q\n\n";
    let body: String = piece.chars().cycle().take(60_000).collect();
    // What a text asks of the bot itself is another trial's: in a quote it asks nothing.
    let body = body.replace("\n/ai-crm", "\n> /ai-crm");
    let odd = "begin\u{0}mid\u{1}dle\u{7f}\u{85}\u{feff}end".to_owned();
    let plain: String = "long words ".chars().cycle().take(60_000).collect();
    let mut numbers = Vec::new();
    for (title, body) in [("marks", &body), ("controls", &odd), ("plain", &plain)] {
        let made = office.act("ann", json!({"do": "open_issue", "title": title, "body": body}))?;
        numbers.push((title, body, made["number"].as_u64().context("a number")?));
    }
    let ended = office.ended(numbers.len()).await?;
    let shown = office.stage.run(&["workflow", "show", "R-1"]).await?;
    ensure!(ended.iter().all(|status| status == "done"), "{ended:?}\n{shown:?}");
    let tasks = office.tasks().await?;
    ensure!(tasks.len() == numbers.len(), "{tasks:#?}");
    for (title, body, number) in numbers {
        let task = tasks.iter().find(|task| task["title"] == title).context("a task of the title")?;
        let description = task["description"].as_str().unwrap_or_default();
        let begin: String = description.trim_end_matches('…').chars().take(9_000).collect();
        ensure!(body.trim().starts_with(&begin), "{title}: {:?}", &begin[..begin.floor_char_boundary(200)]);
        let comments = office.of_bot(number);
        ensure!(!comments.is_empty(), "{title}: {comments:?}");
        let most = comments.iter().map(|comment| comment.body.chars().count()).max();
        ensure!(most <= Some(65_536), "{most:?}");
        for comment in &comments {
            ensure!(called(&comment.body).is_none(), "{title}: {:?}", called(&comment.body));
        }
        ensure!(comments[0].body.contains(if title == "controls" { "begin" } else { "text" }) || title == "plain");
    }
    office.end().await
}

/// A file that is refused: its text, what is said of it, and the piece of it at which that is said.
struct Refused {
    text: String,
    said: &'static str,
    at: &'static str,
}

fn rule(condition: &str) -> String {
    format!(
        "workflows:\n  ill:\n    trigger:\n      platform: github\n      event: pull_request.opened\n      conditions:\n        - {condition}\n    actions: [{{action: task.create, params: {{title: x}}}}]\n"
    )
}

fn refused() -> Vec<Refused> {
    let laughs: String =
        (1..10).map(|n| format!("l{n}: &l{n} [{}]\n", vec![format!("*l{}", n - 1); 10].join(", "))).collect();
    let globs = |glob: String| rule(&format!("files_changed.includes: [\"{glob}\"]"));
    let is = |text: String, said, at| Refused { text, said, at };
    vec![
        is("# five megabytes\n".repeat(5 * 1024 * 1024 / 17 + 1), "524288", "#"),
        is(format!("l0: &l0 lol\n{laughs}"), "anchors", "&l0"),
        is(format!("a: {}\n", "[".repeat(100_000)), "64 deep", ""),
        is("- a\n".repeat(60_000), "50000 values", ""),
        is(globs(vec!["?[!a-z]".repeat(28); 50].join("\", \"")), "too large", ""),
        is(globs(format!("{}x{}", "{a,".repeat(20), "}".repeat(20))), "`{` within `{`", "[\""),
        is(globs("**/*?*".repeat(60)), "at most 200 bytes", "[\""),
        is(rule("title.matches: \"(((((a{9}){9}){9}){9}){9}){9}\""), "too large", "\"(((("),
        is(rule("title.matches: \"(a*)*(?=b)\""), "look-around", "\"(a*)"),
        is(globs(String::new()), "fits everything", "[\""),
    ]
}

/// Line and column of a piece of a text.
fn place(text: &str, piece: &str) -> String {
    let at = text.find(piece).unwrap_or_default();
    let line = text[..at].matches('\n').count() + 1;
    let column = text[..at].chars().rev().take_while(|c| *c != '\n').count() + 1;
    format!("{line}:{column}: ")
}

/// How long a whole `workflow check` of one file may take, from the start of the process to its end, on a machine that
/// does much else; by itself it takes a tenth of a second.
const SOON: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_file_is_refused_with_its_place_soon_and_the_last_good_ones_stay() -> anyhow::Result<()> {
    let office = Office::with(RULES).await?;
    let elsewhere = tempfile::tempdir()?;
    let mut missed = Vec::new();
    for (number, Refused { text, said, at }) in refused().into_iter().enumerate() {
        let name = format!("bad{number}.yml");
        let path = elsewhere.path().join(&name);
        std::fs::write(&path, &text)?;
        let begun = Instant::now();
        let printed = office.stage.run(&["workflow", "check", &path.display().to_string()]).await?;
        let took = begun.elapsed();
        let wanted = if at.is_empty() { String::new() } else { format!("{name}:{}", place(&text, at)) };
        let fits = printed.code() == Some(1) && printed.out.contains(&wanted) && printed.out.contains(said);
        if !fits || took > SOON {
            let out: String = printed.out.chars().take(300).collect();
            missed.push(format!("{name} ({said}) at {wanted:?} in {took:?}: {:?} {out}", printed.code()));
        }
        // By another name at once, so that the server never reads half of one.
        std::fs::copy(&path, office.folder().join(format!("{name}.part")))?;
        std::fs::rename(office.folder().join(format!("{name}.part")), office.folder().join(&name))?;
    }
    ensure!(missed.is_empty(), "{}", missed.join("\n"));
    let all = || async {
        let log = office.stage.plan.log();
        Ok(refused().iter().enumerate().all(|(number, _)| log.contains(&format!("bad{number}.yml:"))).then_some(()))
    };
    until(PATIENCE, "the server says what is wrong with each file", all).await?;
    let begun = Instant::now();
    let number = office.opened("still here", &[])?;
    office.answered(number, 1).await?;
    ensure!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    ensure!(office.ended(1).await? == ["done"]);
    // Nothing is taken before the last of them is gone.
    std::fs::write(office.folder().join("rules.yml"), RULES.replace("\"{issue.title}\" } }\n", "\"New words\" } }\n"))?;
    let taken = || office.stage.plan.log().matches("workflows are in use").count();
    let before = taken();
    for number in 0..refused().len() {
        std::fs::remove_file(office.folder().join(format!("bad{number}.yml")))?;
    }
    let anew = || async { Ok((taken() > before).then_some(())) };
    until(PATIENCE, "mended files are taken", anew).await?;
    let number = office.opened("after", &[])?;
    let comment = office.answered(number, 1).await?.remove(0);
    ensure!(comment.body.contains("New words"), "{comment:?}");
    let broken = office.world().violations();
    ensure!(broken.is_empty(), "{broken:?}");
    let faults = ["workflows are not valid; the last good ones stay in use"];
    office.stage.end_but_for(Expected { faults: &faults, ..Expected::default() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_text_is_told_of_and_holds_up_nothing() -> anyhow::Result<()> {
    let office = Office::with(RULES).await?;
    std::fs::write(office.folder().join("binary.yml"), b"workflows:\n  \xff: 1\n")?;
    let told = || async { Ok(office.stage.plan.log().contains("binary.yml").then_some(())) };
    until(PATIENCE, "the server says that it cannot read the file", told).await?;
    let number = office.opened("still here", &[])?;
    office.answered(number, 1).await?;
    ensure!(office.ended(1).await? == ["done"]);
    let faults = ["workflows are not valid; the last good ones stay in use"];
    office.stage.end_but_for(Expected { faults: &faults, ..Expected::default() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_among_the_files_and_a_folder_that_is_gone_end_no_rule() -> anyhow::Result<()> {
    let office = Office::with(RULES).await?;
    let pipe = office.folder().join("pipe.yml");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status()?;
    ensure!(made.success(), "mkfifo: {made}");
    let log = || office.stage.plan.log();
    until(PATIENCE, "the pipe is told of", || async { Ok(log().contains("no regular file").then_some(())) }).await?;
    std::fs::remove_file(&pipe)?;
    let away = office.folder().with_extension("away");
    std::fs::rename(office.folder(), &away)?;
    until(PATIENCE, "the folder is missed", || async { Ok(log().contains("the folder is gone").then_some(())) })
        .await?;
    let number = office.opened("still here", &[])?;
    office.answered(number, 1).await?;
    ensure!(office.ended(1).await? == ["done"]);
    let taken = log().matches("workflows are in use").count();
    std::fs::rename(&away, office.folder())?;
    let anew = || async { Ok((log().matches("workflows are in use").count() > taken).then_some(())) };
    until(PATIENCE, "the files are read anew", anew).await?;
    let faults = ["workflows are not valid; the last good ones stay in use"];
    office.stage.end_but_for(Expected { faults: &faults, ..Expected::default() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_code_that_makes_somebody_another_is_shown_to_all() -> anyhow::Result<()> {
    let office = Office::with("workflows: {}\n").await?;
    let number = office.opened("Login breaks", &[])?;
    office.act("ann", json!({"do": "comment", "number": number, "text": "/ai-crm link"}))?;
    let said = office.answered(number, 1).await?.remove(0);
    ensure!(said.body.contains("would be read by everybody here") && said.body.contains("in Slack"), "{said:?}");
    office.end().await
}

/// The longest glob that is taken, over the longest path that is looked at.
#[tokio::test(flavor = "multi_thread")]
async fn the_worst_pattern_that_is_taken_holds_nobody_up() -> anyhow::Result<()> {
    let glob = "*a".repeat(99) + "!";
    let rules = rule(&format!("files_changed.includes: [\"{glob}\"]"));
    let office = Office::with(&rules).await?;
    let files = |count: usize| -> serde_json::Map<String, serde_json::Value> {
        (0..count).map(|n| (format!("{}{n}", "a".repeat(900)), json!("x\n"))).collect()
    };
    let begun = Instant::now();
    office.act("ann", json!({"do": "open_pull", "title": "Long", "files": files(270)}))?;
    ensure!(office.ended(1).await? == ["passed_over"]);
    ensure!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    // Of more names than are kept nobody can say what they are: the run fails, and does not look at a part of them.
    let begun = Instant::now();
    office.act("ann", json!({"do": "open_pull", "title": "Longer", "files": files(500)}))?;
    ensure!(office.ended(2).await? == ["failed", "passed_over"]);
    ensure!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    let shown = office.stage.run(&["workflow", "show", "R-2"]).await?;
    ensure!(shown.out.contains("more than is kept"), "{shown:?}");
    office.end().await
}

/// Two workflows with the same steps.
fn two() -> String {
    let steps = r##"
      - { id: task, action: create_ai_crm_task, params: { title: "{issue.title}" } }
      - { id: tell, action: slack_notification, params: { channel: "#dev-team", message: "{issue.title}" } }
      - { action: github_comment, params: { message: "told" } }
"##;
    let workflow = |name: &str| {
        format!(
            "  {name}:\n    trigger: {{ platform: github, event: issues.opened, conditions: [{{ labels: [{name}] }}] }}\n    actions:{steps}"
        )
    };
    format!("workflows:\n{}{}", workflow("noisy"), workflow("calm"))
}

const FORBIDS: &str = r#"
@id("noisy-is-quiet")
@reason("the workflow noisy may not speak in Slack")
forbid (principal == User::"workflow:noisy", action == Action::"slack.post", resource);
"#;

const NO_REVIEWERS: &str = r#"
@id("no-reviewers")
@reason("people are asked for reviews by people")
forbid (principal, action == Action::"github.request_reviewers", resource);
"#;

/// Policies are asked about the tool that is done, also where an action is another one by what it is given.
#[tokio::test(flavor = "multi_thread")]
async fn what_policies_forbid_is_forbidden_by_every_name_of_it() -> anyhow::Result<()> {
    let policies = tempfile::tempdir()?;
    std::fs::copy(root().join("config/policies/default.cedar"), policies.path().join("default.cedar"))?;
    std::fs::write(policies.path().join("reviews.cedar"), NO_REVIEWERS)?;
    let folder = policies.path().display().to_string();
    let step = |what: &str| {
        format!(
            "workflows: {{ask: {{trigger: {{platform: github, event: pull_request.opened}}, \
             actions: [{{id: ask, action: assign_reviewer, params: {{{what}}}}}]}}}}\n"
        )
    };
    let office = Office::set_up(&step("people: [bob]"), &[("AI_CRM__POLICY__FOLDER", &folder)]).await?;
    office.act("ann", json!({"do": "open_pull", "title": "One", "files": {"a.py": "x\n"}}))?;
    ensure!(office.ended(1).await? == ["failed"]);
    let shown = office.stage.run(&["workflow", "show", "R-1"]).await?;
    ensure!(shown.out.contains("people are asked for reviews by people"), "{shown:?}");
    std::fs::write(office.folder().join("rules.yml"), step("agent: code-reviewer"))?;
    let anew = || async { Ok((office.stage.plan.log().matches("workflows are in use").count() > 1).then_some(())) };
    until(PATIENCE, "the file is read anew", anew).await?;
    office.act("ann", json!({"do": "open_pull", "title": "Two", "files": {"a.py": "x\n"}}))?;
    ensure!(office.ended(2).await? == ["done", "failed"], "an agent is asked by a task");
    office.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_policies_forbid_a_workflow_fails_its_step_and_says_why() -> anyhow::Result<()> {
    let policies = tempfile::tempdir()?;
    std::fs::copy(root().join("config/policies/default.cedar"), policies.path().join("default.cedar"))?;
    std::fs::write(policies.path().join("quiet.cedar"), FORBIDS)?;
    let folder = policies.path().display().to_string();
    let office = Office::set_up(&two(), &[("AI_CRM__POLICY__FOLDER", &folder)]).await?;
    let noisy = office.opened("psst", &["noisy"])?;
    ensure!(office.ended(1).await? == ["failed"]);
    let calm = office.opened("said", &["calm"])?;
    office.answered(calm, 1).await?;
    ensure!(office.ended(2).await? == ["done", "failed"]);
    let shown = office.stage.run(&["workflow", "show", "R-1"]).await?;
    for part in ["R-1 of noisy: failed", "tell", "the workflow noisy may not speak in Slack"] {
        ensure!(shown.out.contains(part), "{part}: {shown:?}");
    }
    ensure!(office.tasks().await?.len() == 2, "the step before it was done");
    let said: Vec<String> = office.stage.said(DEV).iter().map(words).collect();
    ensure!(said.len() == 1 && said[0].contains("said"), "{said:?}");
    ensure!(office.of_bot(noisy).is_empty(), "no step behind it: {:?}", office.world().comments(SHOP, noisy));
    office.end().await
}
