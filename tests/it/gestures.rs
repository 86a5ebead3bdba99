//! One gesture that comes as five deliveries is one action: one event, one task, one answer, and `why` names the others.
//!
//! They have different ids, come by request and by socket, as repeats and not, one behind the other and all at once.

use std::collections::BTreeMap;

use ai_crm::sim::slack::payload::Request;
use ai_crm::sim::slack::sender::Sender;
use ai_crm::sim::slack::state::OpenView;
use ai_crm::sim::slack::{Answer, Variant};
use ai_crm::sim::teams::Message as Said;
use ai_crm::sim::teams::press::Press;
use ai_crm::sim::teams::search::Search;
use ai_crm::sim::teams::seed::DEV as TEAMS_DEV;
use anyhow::{Context, ensure};
use futures_util::future::{BoxFuture, join_all};
use serde_json::{Value, json};

use crate::stage::{ADA, DEV, GENERAL, PATIENCE, Stage, controls, words};
use crate::support::api::Api;
use crate::support::until;
use crate::teams::{Team, shown};

/// Deliveries of one gesture.
const FIVE: usize = 5;

/// A way in which Slack sends a request.
#[derive(Clone, Copy)]
enum Road {
    Http,
    /// With the header that says that it is a repeat.
    HttpAgain,
    Socket,
    SocketAgain,
}

/// Every way, so that five requests go by all of them.
const ROADS: [Road; FIVE] = [Road::Http, Road::Socket, Road::HttpAgain, Road::SocketAgain, Road::Http];

/// A workspace whose requests come by both roads.
struct ByBoth {
    stage: Stage,
    by_socket: Sender,
}

impl ByBoth {
    async fn set() -> anyhow::Result<Self> {
        let stage = Stage::set_with(&[("SLACK_APP_TOKEN", "xapp-sim")]).await?;
        let by_socket = stage.sender_by_socket(|_| ())?;
        until(PATIENCE, "both sockets are open", || async { Ok((stage.world().sockets().len() == 2).then_some(())) })
            .await?;
        Ok(Self { stage, by_socket })
    }

    async fn send(&self, request: &Request, road: Road) -> Answer {
        let sender = &self.stage.sender;
        match road {
            Road::Http => sender.deliver(request).await,
            Road::HttpAgain => sender.send(&sender.sign(request, Variant::Retry(1, "http_timeout"))).await,
            Road::Socket => self.by_socket.deliver(request).await,
            Road::SocketAgain => self.by_socket.send_by_socket(request, Some((2, "timeout"))).await,
        }
    }

    /// Sends five requests by all roads; the bodies of the answers that have one.
    async fn five(&self, requests: &[Request], at_once: bool) -> anyhow::Result<Vec<String>> {
        ensure!(requests.len() == FIVE, "{} requests", requests.len());
        let sent = requests.iter().zip(ROADS).map(|(request, road)| self.send(request, road));
        let answers = in_order(sent, at_once).await;
        ensure!(answers.iter().all(Answer::accepted), "{answers:?}");
        self.stage.rest().await?;
        Ok(answers.into_iter().map(|answer| answer.body).filter(|body| !body.is_empty()).collect())
    }

    /// What the bot says with these words in it, in the channels and with Ada.
    fn said(&self, part: &str) -> Vec<String> {
        let said = [DEV, GENERAL, "D0ADA0001"].into_iter().flat_map(|place| self.stage.said(place));
        said.map(|message| words(&message)).filter(|words| words.contains(part)).collect()
    }

    /// `why`, as the terminal has it, names the repeats too.
    async fn why_names_them(&self, id: &str) -> anyhow::Result<()> {
        let why = self.stage.run(&["why", id]).await?;
        ensure!(why.out.contains("it came again 4 times, first at ") && why.out.contains("recognised by"), "{why:?}");
        Ok(())
    }
}

async fn in_order<T>(sent: impl Iterator<Item = impl Future<Output = T>>, at_once: bool) -> Vec<T> {
    if at_once {
        return join_all(sent).await;
    }
    let mut answers = Vec::new();
    for one in sent {
        answers.push(one.await);
    }
    answers
}

/// What the five made: one event, of which `why` names the four others. Gives its id.
async fn one_event(api: &Api, before: usize, ended: &str) -> anyhow::Result<String> {
    let events = api.events(None).await?;
    ensure!(events.len() == before + 1, "{} events came of it: {events:#?}", events.len() - before);
    ensure!(events[0]["state"] == ended, "{}", events[0]);
    let id = events[0]["id"].as_str().context("an id")?.to_owned();
    let why = api.get(&format!("/why/{id}")).await?;
    let again = why["story"]["came_again"].as_array().context("no list of repeats")?;
    ensure!(again.len() == FIVE - 1, "{why}");
    ensure!(again.iter().all(|it| it["by"].as_str().is_some_and(|by| !by.is_empty()) && it["at"].is_string()), "{why}");
    Ok(id)
}

/// The titles of all tasks with these words.
async fn titled(api: &Api, part: &str) -> anyhow::Result<usize> {
    let listed = api.post("/tools/task.list", &json!({"limit": 100})).await?;
    let tasks = listed["result"]["tasks"].as_array().context("tasks")?;
    Ok(tasks.iter().filter(|task| task["title"].as_str().is_some_and(|title| title.contains(part))).count())
}

/// An event in another envelope, with an id of its own.
fn under_another_id(stage: &Stage, event: &Request) -> anyhow::Result<Request> {
    let body: Value = serde_json::from_str(&event.body)?;
    Ok(stage.sender.event(&body["event"]))
}

/// An interaction with another trigger.
fn with_another_trigger(request: &Request, number: usize) -> anyhow::Result<Request> {
    let (_, payload) = url::form_urlencoded::parse(request.body.as_bytes())
        .find(|(name, _)| name == "payload")
        .context("an interaction has a payload")?;
    let mut payload: Value = serde_json::from_str(&payload)?;
    payload["trigger_id"] = json!(format!("again.{number}"));
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    Ok(Request { body: form.append_pair("payload", &payload.to_string()).finish(), ..request.clone() })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mention_that_slack_tells_of_five_times_is_one_action() -> anyhow::Result<()> {
    let both = ByBoth::set().await?;
    for (at_once, title) in [(false, "One after the other"), (true, "All at once")] {
        let text = format!("<@U0BOT0001> task create \"{title}\"");
        let told = both.stage.sender.say(ADA, GENERAL, &text, None)?.events;
        let [mention, message] = told.as_slice() else { anyhow::bail!("it is told as two events: {told:?}") };
        ensure!(mention.body.contains("app_mention") && !message.body.contains("app_mention"), "{told:?}");
        // Two kinds, four ids, and one of them a repeat.
        let requests = [
            mention.clone(),
            message.clone(),
            mention.clone(),
            under_another_id(&both.stage, message)?,
            under_another_id(&both.stage, mention)?,
        ];
        let before = both.stage.api().events(None).await?.len();
        both.five(&requests, at_once).await?;
        both.why_names_them(&one_event(both.stage.api(), before, "done").await?).await?;
        ensure!(titled(both.stage.api(), title).await? == 1, "{title}");
        ensure!(both.said(title).len() == 1, "{:#?}", both.said(title));
    }
    both.stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_slack_sends_five_times_is_one_action() -> anyhow::Result<()> {
    let both = ByBoth::set().await?;
    for (at_once, title) in [(false, "One after the other"), (true, "All at once")] {
        let typed = both.stage.sender.prepare_slash(ADA, DEV, "/ai-crm", &format!("task create \"{title}\""))?;
        let before = both.stage.api().events(None).await?.len();
        let inline = both.five(&vec![typed.request.clone(); FIVE], at_once).await?;
        both.why_names_them(&one_event(both.stage.api(), before, "done").await?).await?;
        ensure!(titled(both.stage.api(), title).await? == 1, "{title}");
        // What is in the body of the answer is shown by Slack, and not by who sends requests here.
        let shown = both.said(title);
        ensure!(inline.len() + shown.len() == 1, "{inline:?}, {shown:?}");
    }
    both.stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_click_that_slack_sends_five_times_is_one_action() -> anyhow::Result<()> {
    let both = ByBoth::set().await?;
    for (at_once, title) in [(false, "One after the other"), (true, "All at once")] {
        let card = both.stage.answer(ADA, &format!("task create \"{title}\"")).await?;
        let start = controls(&card).get("Start").cloned().context("a button")?;
        let click = both.stage.sender.prepare_click(ADA, DEV, &card.ts, &start, None)?;
        let mut requests = vec![click.request.clone(), click.request.clone()];
        for number in requests.len()..FIVE {
            requests.push(with_another_trigger(&click.request, number)?);
        }
        let before = both.stage.api().events(None).await?.len();
        let inline = both.five(&requests, at_once).await?;
        both.why_names_them(&one_event(both.stage.api(), before, "done").await?).await?;
        ensure!(inline.is_empty(), "{inline:?}");
        let used = both.stage.world().response_url(&click.response_url_id).context("its address")?;
        ensure!(used.posts.len() == 1, "the card changes once: {:?}", used.posts);
        let shown = both.said(title);
        ensure!(shown.len() == 1 && shown[0].contains("in-progress"), "{shown:#?}");
    }
    both.stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_that_slack_sends_five_times_is_one_action() -> anyhow::Result<()> {
    let both = ByBoth::set().await?;
    for (at_once, title) in [(false, "One after the other"), (true, "All at once")] {
        let asked = both.stage.sender.prepare_shortcut(ADA, "task_create")?;
        let before = both.stage.api().events(None).await?.len();
        both.five(&vec![asked; FIVE], at_once).await?;
        both.why_names_them(&one_event(both.stage.api(), before, "ignored").await?).await?;
        let open = both.stage.sees("a form", |world| world.views().last().cloned()).await?;
        ensure!(both.stage.world().views().len() == 1, "it opens once: {:?}", both.stage.world().views());

        let filled = both.stage.sender.fill_in(&open.id, &BTreeMap::from([("title".to_owned(), title.to_owned())]))?;
        let requests = submits(&both.stage.sender, &open, &filled)?;
        let before = both.stage.api().events(None).await?.len();
        let inline = both.five(&requests, at_once).await?;
        both.why_names_them(&one_event(both.stage.api(), before, "done").await?).await?;
        ensure!(inline.is_empty(), "{inline:?}");
        ensure!(titled(both.stage.api(), title).await? == 1, "{title}");
        ensure!(both.said(title).len() == 1, "{:#?}", both.said(title));
        both.stage.sender.close_view(&open.id)?;
    }
    both.stage.end().await
}

/// A form sent five times: the same request, and others of the same modal with a trigger of their own.
fn submits(sender: &Sender, open: &OpenView, filled: &Value) -> anyhow::Result<Vec<Request>> {
    let first = sender.prepare_submit(&open.id, filled)?;
    let mut requests = vec![first.clone(), first];
    while requests.len() < FIVE {
        requests.push(sender.prepare_submit(&open.id, filled)?);
    }
    Ok(requests)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_home_of_whose_opening_slack_tells_five_times_is_shown_once() -> anyhow::Result<()> {
    let both = ByBoth::set().await?;
    let published = || both.stage.world().calls().remove("views.publish").unwrap_or_default().values().sum::<u64>();
    for (at_once, times) in [(false, 1), (true, 2)] {
        let opened = both.stage.sender.open_tab(ADA, "home")?;
        let before = both.stage.api().events(None).await?.len();
        both.five(&vec![opened; FIVE], at_once).await?;
        both.why_names_them(&one_event(both.stage.api(), before, "done").await?).await?;
        ensure!(published() == times, "it is shown {} times", published());
    }
    both.stage.end().await
}

/// Sends five activities to the bot; all are taken. The bodies of the answers.
async fn five(team: &Team, activities: &[Value], at_once: bool) -> anyhow::Result<Vec<String>> {
    ensure!(activities.len() == FIVE, "{} activities", activities.len());
    let sent = activities.iter().map(|activity| -> BoxFuture<'_, _> { Box::pin(team.sender.deliver(activity)) });
    let answers = in_order(sent, at_once).await;
    ensure!(answers.iter().all(|answer| answer.status == Some(200)), "{answers:?}");
    team.rest().await?;
    Ok(answers.into_iter().map(|answer| answer.body).collect())
}

fn said(team: &Team, part: &str) -> anyhow::Result<Vec<Said>> {
    let all = team.sim.world().messages(&team.place(TEAMS_DEV)?);
    Ok(all.into_iter().filter(|message| message.is_by_bot() && shown(message).contains(part)).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_teams_sends_five_times_is_one_action() -> anyhow::Result<()> {
    let team = Team::set().await?;
    for (at_once, title) in [(false, "One after the other"), (true, "All at once")] {
        let text = format!("@AI-CRM task create \"{title}\"");
        let activity = team.sender.say("ada", TEAMS_DEV, &text, None)?.activity.context("the bot is told")?;
        let before = team.api().events(None).await?.len();
        five(&team, &vec![activity; FIVE], at_once).await?;
        one_event(team.api(), before, "done").await?;
        ensure!(titled(team.api(), title).await? == 1, "{title}");
        let [card] = said(&team, title)?.try_into().map_err(|all| anyhow::anyhow!("not one answer: {all:#?}"))?;

        let press = Press { label: "Start", message: Some(&card.id), ..Press::default() };
        let press = team.sender.prepare_press("ada", TEAMS_DEV, &press)?;
        let before = team.api().events(None).await?.len();
        let answers = five(&team, &vec![press.activity; FIVE], at_once).await?;
        one_event(team.api(), before, "done").await?;
        let with_card = answers.iter().filter(|body| body.contains("in-progress")).count();
        ensure!(with_card == 1, "the card as it is then is in one of {answers:#?}");
        let [card] = said(&team, title)?.try_into().map_err(|all| anyhow::anyhow!("not one card: {all:#?}"))?;
        ensure!(card.edits == 1 && shown(&card).contains("in-progress"), "{card:#?}");
    }
    team.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dialog_that_teams_sends_five_times_is_one_action() -> anyhow::Result<()> {
    let team = Team::set().await?;
    for (at_once, title) in [(false, "One after the other"), (true, "All at once")] {
        let data = json!({"data": {"ai-crm": {"form": "task.create"}}, "context": {"theme": "default"}});
        let fetch = team.sender.invoke("ada", TEAMS_DEV, "task/fetch", &data)?;
        let before = team.api().events(None).await?.len();
        let opened = five(&team, &vec![fetch; FIVE], at_once).await?;
        one_event(team.api(), before, "ignored").await?;
        let task: Value = serde_json::from_str(&opened[0])?;

        // The same activity, and others of the same dialog with an id of their own.
        let fill = [format!("title={title}")];
        let submit = || team.sender.prepare_submit("ada", TEAMS_DEV, &task["task"], &fill, None);
        let first = submit()?;
        let activities = [first.clone(), first, submit()?, submit()?, submit()?];
        let before = team.api().events(None).await?.len();
        five(&team, &activities, at_once).await?;
        one_event(team.api(), before, "done").await?;
        ensure!(titled(team.api(), title).await? == 1, "{title}");
        ensure!(said(&team, title)?.len() == 1, "{:#?}", said(&team, title)?);

        let query = Search { command: "task_search", parameter: "words", words: title, skip: 0 };
        let query = team.sender.prepare_search("ada", TEAMS_DEV, query)?;
        let before = team.api().events(None).await?.len();
        let found = five(&team, &vec![query; FIVE], at_once).await?;
        one_event(team.api(), before, "done").await?;
        ensure!(found.iter().any(|body| body.contains(title)), "{found:#?}");
    }
    team.end().await
}
