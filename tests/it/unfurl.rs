//! Links to tasks: what Slack shows of one where somebody writes it, to whom, and what a browser shows. Teams' part is
//! `teams_links.rs`.

use std::collections::VecDeque;

use ai_crm::sim::slack::seed::{Channel, Kind, TEAM};
use ai_crm::sim::slack::{
    Fate, Faults, Message as SlackMessage, Sender as SlackSender, SenderConfig as SlackConfig, SharedWorld,
};
use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::oauth::{LAB, MARY, Office, SECOND};
use crate::stage::{
    ADA, DEV, Expected, GENERAL, GRACE, GUEST, PATIENCE, SHARED, STRANGER, Stage, run, words, words_of,
};
use crate::support::server::SIGNING_SECRET;
use crate::support::until;
use crate::teams::Team;

/// Where the bot is said to be.
pub(crate) const AT: &str = "https://bot.example.com";
pub(crate) const PUBLIC: (&str, &str) = ("AI_CRM_PUBLIC_URL", AT);
/// A place in which the bot is not.
const OUTSIDE_SLACK: &str = "C0OUTSIDE";

pub(crate) fn link(task: &str) -> String {
    format!("{AT}/tasks/{task}")
}

async fn set() -> anyhow::Result<Stage> {
    set_with(&[]).await
}

async fn set_with(variables: &[(&str, &str)]) -> anyhow::Result<Stage> {
    ready(Stage::set_with(&[&[PUBLIC], variables].concat()).await?)
}

/// With the app's domain registered, and told of links alone where nobody speaks to the bot.
fn ready(mut stage: Stage) -> anyhow::Result<Stage> {
    stage.world().set_unfurl_domains(&["bot.example.com"]);
    let config = SlackConfig::new(stage.server.base_url(), SIGNING_SECRET);
    stage.sender = SlackSender::new(stage.world().clone(), SlackConfig { hears_channels: false, ..config })?;
    Ok(stage)
}

async fn create(stage: &Stage, title: &str) -> anyhow::Result<()> {
    stage.api().post("/tools/task.create", &json!({ "title": title })).await?;
    Ok(())
}

/// Somebody writes something, and Slack tells of it; the message as it is then.
async fn write(stage: &Stage, who: &str, place: &str, text: &str) -> anyhow::Result<SlackMessage> {
    let (message, answers) = stage.sender.say_and_deliver(who, place, text, None).await?;
    ensure!(answers.iter().all(|answer| answer.accepted() && answer.body.is_empty()), "{answers:?}");
    stage.rest().await?;
    stage.world().message(place, &message.ts).context("the message")
}

/// What stands below a link of a message.
fn below(message: &SlackMessage, link: &str) -> anyhow::Result<String> {
    let blocks = message.unfurls.get(link).with_context(|| format!("nothing below {link}: {message:?}"))?;
    Ok(words_of(blocks))
}

fn unfurl_calls(world: &SharedWorld) -> u64 {
    world.calls().remove("chat.unfurl").unwrap_or_default().into_values().sum()
}

/// Why the newest event ended as it did.
async fn why(stage: &Stage) -> anyhow::Result<String> {
    let newest = stage.newest().await?;
    Ok(stage.run(&["why", newest["id"].as_str().context("an id")?]).await?.out)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn below_the_link_of_a_member_stands_the_task() -> anyhow::Result<()> {
    for stage in [set().await?, Stage::by_socket(&[PUBLIC]).await?] {
        stage.world().set_unfurl_domains(&["bot.example.com"]);
        let card =
            stage.answer(ADA, "task create \"Fix *the* <!channel> & login\" --priority high --due 2030-01-02").await?;
        // The card says its link, so that it can be copied.
        ensure!(words(&card).contains(&link("T-1")), "{}", words(&card));
        for place in [GENERAL, OUTSIDE_SLACK, "D0ADA0001", "G0CLOSED1"] {
            let text = format!("what of {}?x=1&y=2#z, and {} and {}", link("T-1"), link("T-1"), link("t-1/"));
            let (message, _) = stage.sender.say_and_deliver(GRACE, place, &text, None).await?;
            let first = format!("{}?x=1&y=2#z", link("T-1"));
            let shown = stage
                .sees("the task below its link", |world| {
                    world.message(place, &message.ts).filter(|message| !message.unfurls.is_empty())
                })
                .await?;
            ensure!(shown.unfurls.len() == 1, "one task is shown once: {:?}", shown.unfurls);
            let said = below(&shown, &first)?;
            for part in ["T-1 Fix *the* <!channel> & login", "todo", "high", "nobody", "2030-01-02"] {
                ensure!(said.contains(part), "{part} in {said}");
            }
            ensure!(shown.calls_out_to().is_empty(), "a title calls nobody: {:?}", shown.calls_out_to());
            let raw = json!(shown.unfurls).to_string();
            ensure!(!raw.contains("button") && !raw.contains("\"actions\""), "nothing to press: {raw}");
        }
        stage.rest().await?;
        let story = why(&stage).await?;
        for part in
            ["links_written", "handled by task.show", "showed T-1 below the link", "below a link", "by chat.unfurl"]
        {
            ensure!(story.contains(part), "{part} in {story}");
        }
        ensure!(stage.said(GENERAL).is_empty() && stage.said(OUTSIDE_SLACK).is_empty(), "nothing is said beside it");
        stage.end().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_shown_for_whom_may_not_see_it_and_nobody_is_told() -> anyhow::Result<()> {
    let stage = set_with(&[("AI_CRM__POLICY__CHANNELS", "C0GENERAL,C0SHARED1")]).await?;
    create(&stage, "Not for everybody").await?;
    for (who, place, part) in [
        (GUEST, GENERAL, "denied"),
        (STRANGER, GENERAL, "no-strangers"),
        (ADA, DEV, "allowlist.channels"),
        (ADA, SHARED, "people of other organisations read this place"),
        (STRANGER, SHARED, "people of other organisations read this place"),
    ] {
        let message = write(&stage, who, place, &format!("see {}", link("T-1"))).await?;
        ensure!(message.unfurls.is_empty(), "{who} in {place}: {message:?}");
        let story = why(&stage).await?;
        ensure!(story.contains(part), "{who} in {place}: {part} in {story}");
        ensure!(!story.contains("effect e-"), "nothing is owed: {story}");
    }
    for place in [GENERAL, DEV, SHARED, "D0GUEST01"] {
        ensure!(stage.said(place).is_empty(), "nobody is answered in words: {:?}", stage.said(place));
    }
    ensure!(unfurl_calls(stage.world()) == 0);
    // The counter-proof, in the same place.
    let message = write(&stage, ADA, GENERAL, &link("T-1")).await?;
    below(&message, &link("T-1"))?;
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_that_are_not_ours_and_tasks_that_are_not_there_show_nothing() -> anyhow::Result<()> {
    let stage = set().await?;
    create(&stage, "Only one").await?;
    for text in
        ["https://bot.example.com.evil.example/tasks/T-1".to_owned(), format!("https://evil.example/?{}", link("T-1"))]
    {
        // Slack tells of the app's domain alone.
        let before = stage.newest().await?;
        write(&stage, ADA, OUTSIDE_SLACK, &text).await?;
        ensure!(stage.newest().await? == before, "{text}");
    }
    for (text, part) in [
        ("https://evil.bot.example.com/tasks/T-1".to_owned(), "none of its links"),
        ("http://bot.example.com/tasks/T-1".to_owned(), "none of its links"),
        ("https://bot.example.com:8443/tasks/T-1".to_owned(), "none of its links"),
        (format!("{AT}/tasks/T-01 {AT}/x/tasks/T-1 {AT}/tasks/T-1/edit"), "none of its links"),
        (link("T-99"), "there is no T-99"),
    ] {
        let message = write(&stage, ADA, GENERAL, &text).await?;
        ensure!(message.unfurls.is_empty(), "{text}: {message:?}");
        let story = why(&stage).await?;
        ensure!(story.contains(part), "{text}: {story}");
    }
    // A forged event, well signed, with links to whatever: they are looked at, and none is ours.
    let forged =
        ["https://bot.example.com.evil.example/tasks/T-1", "https://evil.example/?https://bot.example.com/tasks/T-1"];
    let links: Vec<Value> = forged.iter().map(|url| json!({"domain": "bot.example.com", "url": url})).collect();
    let event = json!({"type": "link_shared", "channel": GENERAL, "user": ADA, "message_ts": "1.2", "links": links,
        "unfurl_id": "x", "source": "conversations_history", "is_bot_user_member": true});
    ensure!(stage.sender.deliver(&stage.sender.event(&event)).await.accepted());
    stage.rest().await?;
    ensure!(why(&stage).await?.contains("none of its links"));
    ensure!(unfurl_calls(stage.world()) == 0);
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_event_twice_is_one_and_an_edit_shows_the_task_as_it_is_then() -> anyhow::Result<()> {
    let stage = set().await?;
    create(&stage, "Moves on").await?;
    let said = stage.sender.say(ADA, GENERAL, &link("T-1"), None)?;
    let told = said.events.last().context("the event of the link")?;
    for _ in 0..2 {
        ensure!(stage.sender.deliver(told).await.accepted());
    }
    stage.rest().await?;
    ensure!(unfurl_calls(stage.world()) == 1, "{:?}", stage.world().calls());
    // While it is written, nobody knows where it will be read.
    let composed = stage.sender.compose(ADA, GENERAL, &link("T-1"))?.context("a telling")?;
    ensure!(stage.sender.deliver(&composed).await.accepted());
    stage.rest().await?;
    ensure!(why(&stage).await?.contains("still being written") && unfurl_calls(stage.world()) == 1);

    stage.api().post("/tools/task.update", &json!({"task": "T-1", "status": "in-progress"})).await?;
    ensure!(stage.sender.deliver(&stage.sender.links_again(GENERAL, &said.message.ts)?).await.accepted());
    stage.rest().await?;
    let message = stage.world().message(GENERAL, &said.message.ts).context("the message")?;
    ensure!(below(&message, &link("T-1"))?.contains("in-progress") && message.unfurls.len() == 1, "{message:?}");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_lost_is_asked_for_again_and_a_refusal_alarms_nobody() -> anyhow::Result<()> {
    let stage = set_with(&[("AI_CRM__PEOPLE__OWNERS", r#"["slack:T0SIM0001/U0ADA0001"]"#)]).await?;
    stage.answer(ADA, "help").await?;
    create(&stage, "Shown in the end").await?;
    let faults = |script: &[Fate]| Faults {
        script: VecDeque::from(script.to_vec()),
        methods: vec!["chat.unfurl".to_owned()],
        ..Faults::default()
    };
    stage.world().set_faults(faults(&[Fate::LostAnswer, Fate::RateLimited, Fate::ServerError]));
    let message = write(&stage, ADA, GENERAL, &link("T-1")).await?;
    ensure!(below(&message, &link("T-1"))?.contains("Shown in the end") && message.unfurls.len() == 1, "{message:?}");
    // The message is gone when its turn comes.
    let said = stage.sender.say(ADA, GENERAL, &link("T-1"), None)?;
    stage.world().take_back(GENERAL, &said.message.ts);
    for event in &said.events {
        ensure!(stage.sender.deliver(event).await.accepted());
    }
    stage.rest().await?;
    let story = why(&stage).await?;
    ensure!(story.contains("given up: cannot_find_message"), "{story}");
    // The app lacks the scope: told in the story, and to nobody else.
    stage.world().set_scope("links:write", false);
    write(&stage, ADA, GENERAL, &link("T-1")).await?;
    let story = why(&stage).await?;
    ensure!(story.contains("missing_scope") && story.contains("links:write"), "{story}");
    // Of an answer that did not arrive the owner is told, and of that alone.
    let asked = stage.sender.say(GRACE, DEV, "<@U0BOT0001> task create Unheard", None)?;
    stage.world().remove_bot(DEV);
    ensure!(stage.sender.deliver(&asked.events[0]).await.accepted());
    let alert = stage.sees("the owner is told", |world| world.messages("D0ADA0001").pop()).await?;
    ensure!(words(&alert).contains("not_in_channel"), "{}", words(&alert));
    for part in ["missing_scope", "cannot_find_message", "chat.unfurl"] {
        ensure!(!words(&alert).contains(part), "{part} in {}", words(&alert));
    }
    stage.rest().await?;
    ensure!(stage.said("D0ADA0001").len() == 1, "{:?}", stage.said("D0ADA0001"));
    let refusals = &["missing_scope", "not_in_channel"];
    stage.end_but_for(Expected { dead: 1, refusals, ..Expected::default() }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_tasks_than_are_read_are_counted() -> anyhow::Result<()> {
    let stage = set().await?;
    for number in 1..=6 {
        create(&stage, &format!("Number {number}")).await?;
    }
    let all: Vec<String> = (1..=6).map(|number| link(&format!("T-{number}"))).collect();
    let message = write(&stage, ADA, GENERAL, &all.join(" ")).await?;
    ensure!(message.unfurls.len() == 5 && !message.unfurls.contains_key(&all[5]), "{:?}", message.unfurls.keys());
    ensure!(why(&stage).await?.contains("left out 1"));
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_workspace_sees_its_own_task_of_a_number() -> anyhow::Result<()> {
    // Its own port is a part of where it is.
    const AT: &str = "https://bot.example.com:9/tasks/";
    let office = Office::set_with(None, &[("AI_CRM_PUBLIC_URL", "https://bot.example.com:9")]).await?;
    office.install_team(TEAM).await?;
    office.install_team(SECOND).await?;
    let (first, second) = (office.first().clone(), office.second.clone());
    first.put_channel(Channel { bot_is_member: true, ..channel(DEV) });
    let seats = [(&first, ADA, DEV, "Apples of the first"), (&second, MARY, LAB, "Bananas of the second")];
    for (world, who, place, title) in seats {
        world.set_unfurl_domains(&["bot.example.com"]);
        let said = office.asks(world, who, place, &format!("task create \"{title}\"")).await?;
        ensure!(said.contains("T-1") && said.contains(&format!("{AT}T-1")), "{said}");
    }
    office.asks(&first, ADA, DEV, "task create \"Only here\"").await?;
    for (world, who, place, title) in seats {
        for (task, wanted) in [("T-1", Some(title)), ("T-2", Some("Only here").filter(|_| who == ADA))] {
            let (url, before) = (format!("{AT}{task}"), office.events(tenant(who)).await?.len());
            let (message, answers) = office.sender(world)?.say_and_deliver(who, place, &url, None).await?;
            ensure!(answers.iter().all(|answer| answer.accepted()), "{answers:?}");
            until(PATIENCE, "the event has ended", || async {
                let events = office.events(tenant(who)).await?;
                let ended = |event: &Value| {
                    !["accepted", "running", "waiting"].contains(&event["state"].as_str().unwrap_or("waiting"))
                };
                let owed = office.server.api().get(&format!("/effects?state=owed&tenant={}", tenant(who))).await?;
                let rests = owed["effects"].as_array().is_none_or(Vec::is_empty);
                Ok((events.len() > before && events.iter().all(ended) && rests).then_some(()))
            })
            .await?;
            let shown = world.message(place, &message.ts).context("the message")?.unfurls;
            match wanted {
                Some(title) => ensure!(words_of(&shown[&url]).contains(title), "{who} {task}: {shown:?}"),
                None => ensure!(shown.is_empty(), "{who} {task}: {shown:?}"),
            }
        }
    }
    for world in [&first, &second] {
        ensure!(world.violations().is_empty(), "{:?}", world.violations());
    }
    ensure!(office.server.stop().await?.success());
    Ok(())
}

fn tenant(who: &str) -> &'static str {
    if who == MARY { "slack-t0second1" } else { "default" }
}

fn channel(id: &str) -> Channel {
    let (id, name) = (id.to_owned(), "dev-team".to_owned());
    Channel { id, name, kind: Kind::Public, bot_is_member: true, with: None, archived: false, shared: false }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_is_told_where_to_ask_and_nothing_of_the_task() -> anyhow::Result<()> {
    let stage = set().await?;
    create(&stage, "Secret title").await?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    let get = |path: &str| client.get(format!("{}{path}", stage.server.base_url())).send();
    let mut pages = Vec::new();
    for path in ["/tasks/T-1", "/tasks/t-1/", "/tasks/T-99", "/tasks/T-1?x=<script>"] {
        let answer = get(path).await?;
        ensure!(answer.status() == 200, "{path}: {answer:?}");
        let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let policy = header("content-security-policy");
        ensure!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
        ensure!(header("x-content-type-options") == "nosniff" && header("x-robots-tag") == "noindex");
        ensure!(header("content-type").starts_with("text/html"));
        let page = answer.text().await?;
        for part in ["color-scheme", "noindex", "/ai-crm task show T-"] {
            ensure!(page.contains(part), "{part} in {page}");
        }
        ensure!(!page.contains("Teams"), "a platform that is off is not named: {page}");
        ensure!(!page.contains("<script") && !page.contains("Secret"), "{page}");
        pages.push(page.replace("T-99", "T-1"));
    }
    ensure!(pages.iter().all(|page| *page == pages[0]), "it is the same whether there is such a task or not");
    for path in ["/tasks/", "/tasks/12", "/tasks/T-0", "/tasks/T-01", "/tasks/x", "/tasks/%3Cb%3E", "/tasks/T-1/edit"] {
        let answer = get(path).await?;
        ensure!(answer.status() == 404, "{path}: {answer:?}");
        ensure!(!answer.text().await?.contains("<b>"), "{path}");
    }
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_https_address_nothing_is_different() -> anyhow::Result<()> {
    for variables in [&[][..], &[("AI_CRM_PUBLIC_URL", "http://bot.example.com")]] {
        let stage = ready(Stage::set_with(variables).await?)?;
        let card = stage.answer(ADA, "task create \"As ever\"").await?;
        ensure!(!words(&card).contains("Link") && !words(&card).contains("http"), "{}", words(&card));
        let message = write(&stage, ADA, GENERAL, &link("T-1")).await?;
        ensure!(message.unfurls.is_empty() && unfurl_calls(stage.world()) == 0);
        ensure!(why(&stage).await?.contains("server.public_url is no https address"));
        let manifest = stage.run(&["manifest", "slack"]).await?.json()?;
        ensure!(!manifest.to_string().contains("unfurl_domains"), "{manifest}");
        stage.end().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_shows_what_stands_below_a_link() -> anyhow::Result<()> {
    let stage = set().await?;
    create(&stage, "Fix the login").await?;
    let seen = stage.run(&["sim", "slack", "--channel", GENERAL, &format!("what of {}", link("T-1"))]).await?;
    ensure!(seen.code() == Some(0) && seen.out.contains("T-1 Fix the login"), "{seen:?}");
    ensure!(seen.out.contains(&format!("below {}", link("T-1"))), "{seen:?}");
    stage.end().await?;

    let team = Team::set_with(&[PUBLIC]).await?;
    team.api().post("/tools/task.create", &json!({"title": "Fix the login"})).await?;
    let seen = run(&team.plan, &["sim", "teams", "--paste", &link("T-1"), "--in", "group"], "").await?;
    ensure!(seen.code() == Some(0) && seen.out.contains("T-1 Fix the login"), "{seen:?}");
    let nothing = run(&team.plan, &["sim", "teams", "--paste", &link("T-9"), "--in", "group"], "").await?;
    ensure!(nothing.code() == Some(1) && nothing.err.contains("nothing is shown"), "{nothing:?}");
    team.end().await
}
