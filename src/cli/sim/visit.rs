//! A visit to a stand-in: a person looks at a place, does something, and looks at what the bot makes of it.
//!
//! It speaks with the routes under `/_sim/` that stand-ins have alike. What there is to do on a platform, and what an
//! answer of its bot means there, stands in the platform's file.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tokio::time::Instant;
use url::Url;

use super::super::access::http_client;
use super::super::print;

/// How long an answer may take to be shown. A bot that has more to do says so before.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);
/// After the first answer, how long to look for further ones.
const AFTERWARDS: Duration = Duration::from_millis(300);
/// As many messages are shown to who only looks.
const MOST_LOOKED_AT: usize = 5;
/// Between two looks: nobody sees that it is not at once.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The width of a terminal that does not say how wide it is.
const COLUMNS: usize = 80;

/// Where a stand-in shows the messages of a place.
pub(super) const MESSAGES: &str = "_sim/messages";

/// How wide the terminal is.
pub(super) fn columns() -> usize {
    std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).unwrap_or(COLUMNS)
}

/// Tells a stand-in something; gives what it says to that.
pub(super) async fn tell(
    stand_in: &str,
    route: &str,
    what: impl FnOnce(reqwest::RequestBuilder) -> reqwest::RequestBuilder,
) -> anyhow::Result<Value> {
    let request = http_client()?.post(Url::parse(stand_in)?.join(route)?);
    let sent = what(request).send().await;
    let sent = sent.with_context(|| format!("no stand-in answers at {stand_in}: run `ai-crm sim up`"))?;
    let outcome: Value = sent.json().await?;
    match outcome["error"].as_str() {
        Some(error) => bail!("{error}"),
        None => Ok(outcome),
    }
}

/// Asks a stand-in for something; gives what it answers.
pub(super) async fn ask(stand_in: &str, route: &str, which: &[(&str, &str)]) -> anyhow::Result<Value> {
    let mut address = Url::parse(stand_in)?.join(route)?;
    if !which.is_empty() {
        address.query_pairs_mut().extend_pairs(which);
    }
    let answer = http_client()?.get(address).send().await;
    let answer = answer.with_context(|| format!("no stand-in answers at {stand_in}: run `ai-crm sim up`"))?;
    let answered: Value = answer.json().await.context("what answers there is not the stand-in of `ai-crm sim up`")?;
    match answered["error"].as_str() {
        Some(error) => bail!("{error}"),
        None => Ok(answered),
    }
}

/// A place of a stand-in, and what stood there before.
pub(super) struct Visit {
    client: reqwest::Client,
    stand_in: Url,
    messages: Url,
    is_by_bot: fn(&Value) -> bool,
    before: Vec<Value>,
}

impl Visit {
    /// Looks around at the place that `which` asks the stand-in for, `route` being where it shows such places.
    pub(super) async fn begin(
        stand_in: &str,
        route: &str,
        which: &[(&str, &str)],
        is_by_bot: fn(&Value) -> bool,
    ) -> anyhow::Result<Self> {
        let stand_in = Url::parse(stand_in)?;
        let mut messages = stand_in.join(route)?;
        messages.query_pairs_mut().extend_pairs(which).append_pair("width", &columns().to_string());
        let mut visit = Self { client: http_client()?, stand_in, messages, is_by_bot, before: Vec::new() };
        visit.before = visit.look().await?;
        Ok(visit)
    }

    async fn look(&self) -> anyhow::Result<Vec<Value>> {
        let answer = self.client.get(self.messages.clone()).send().await.with_context(|| {
            let at = &self.stand_in;
            format!("no stand-in answers at {at}: run `ai-crm sim up`, and `ai-crm serve --profile sim` beside it")
        })?;
        let looked: Value = answer.json().await.context("what answers there is not the stand-in of `ai-crm sim up`")?;
        if let Some(error) = looked["error"].as_str() {
            bail!("{error}");
        }
        Ok(looked["messages"].as_array().cloned().unwrap_or_default())
    }

    /// The last messages that the bot has shown there.
    pub(super) fn last(&self) -> Vec<Value> {
        let by_bot: Vec<Value> = self.before.iter().filter(|message| (self.is_by_bot)(message)).cloned().collect();
        by_bot[by_bot.len().saturating_sub(MOST_LOOKED_AT)..].to_vec()
    }

    /// Lets a person do something: who, where and towards which application, and what. Gives what came of it at once.
    pub(super) async fn act(&self, mut scene: Value, what: Value) -> anyhow::Result<Value> {
        if let (Value::Object(scene), Value::Object(what)) = (&mut scene, what) {
            scene.extend(what);
        }
        let sent = self.client.post(self.stand_in.join("_sim/send")?).json(&scene).send().await?;
        let outcome: Value = sent.json().await?;
        match outcome["error"].as_str() {
            Some(error) => bail!("{error}"),
            None => Ok(outcome),
        }
    }

    /// Looks until the bot has shown something that was not there before, and then until nothing further comes, and it
    /// writes nothing any more.
    pub(super) async fn shown(&self, patience: Duration) -> anyhow::Result<Vec<Value>> {
        let deadline = Instant::now() + patience;
        let mut shown = Vec::new();
        while Instant::now() < deadline {
            let is_new = |message: &Value| (self.is_by_bot)(message) && !self.before.contains(message);
            let new: Vec<Value> = self.look().await?.into_iter().filter(is_new).collect();
            let is_writing = new.iter().any(|message| message["message"]["streaming"] == true);
            if !new.is_empty() && new == shown && !is_writing {
                break;
            }
            let found = !new.is_empty();
            shown = new;
            tokio::time::sleep(if found { AFTERWARDS } else { LOOK_EVERY }).await;
        }
        Ok(shown)
    }
}

/// What the person has seen in the end.
pub(super) struct Seen<'a> {
    /// What came of it at once.
    pub(super) outcome: &'a Value,
    /// A part of that which is no message and is seen.
    pub(super) at_once: Option<String>,
    /// Whether what came at once is an answer by itself.
    pub(super) is_answered: bool,
    /// The messages that the bot has shown, as the stand-in gives them.
    pub(super) messages: &'a [Value],
    /// Where.
    pub(super) place: &'a str,
    /// The field of a message that is its id, where it is not `id`.
    pub(super) id: &'static str,
}

/// Prints it. A success where the bot has shown anything.
pub(super) fn print_seen(seen: &Seen<'_>, as_json: bool) -> ExitCode {
    if as_json {
        let messages: Vec<&Value> = seen.messages.iter().map(|message| &message["message"]).collect();
        print::json(&json!({ "sent": seen.outcome, "messages": messages }));
    } else {
        if let Some(line) = &seen.at_once {
            print::line(line);
        }
        print_messages(seen.messages, seen.place, seen.id);
    }
    if seen.messages.is_empty() && !seen.is_answered {
        print::remark("nothing is shown: `ai-crm events list`, then `ai-crm why ID` says why");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn print_messages(messages: &[Value], place: &str, its_id: &'static str) {
    for message in messages {
        let id = [its_id, "id"].into_iter().find(|id| message["message"][id].is_string()).unwrap_or(its_id);
        print::line(format!("── {place} {}", print::text(&message["message"], id)));
        print::line(print::text(message, "shown").trim_end());
    }
}

/// Prints what stands in a place.
pub(super) fn print_looked(messages: &[Value], place: &str, its_id: &'static str, as_json: bool) -> ExitCode {
    if as_json {
        let messages: Vec<&Value> = messages.iter().map(|message| &message["message"]).collect();
        print::json(&json!({ "messages": messages }));
    } else if messages.is_empty() {
        print::line(format!("the bot has said nothing in {place}"));
    } else {
        print_messages(messages, place, its_id);
    }
    ExitCode::SUCCESS
}

/// Whether a manner of sending does not prove who sends.
pub(super) fn is_to_be_refused(manner: &str) -> bool {
    matches!(manner, "wrong-signature" | "stale")
}

/// Prints how the server took what nobody may take. A success where it refused it, and nothing else happened.
pub(super) fn print_refused(outcome: &Value, as_json: bool) -> ExitCode {
    let answers = outcome["answers"].as_array().map(Vec::as_slice).unwrap_or_default();
    let well = !answers.is_empty() && answers.iter().all(|answer| answer["status"] == 401);
    if as_json {
        print::json(&json!({ "refused": well, "sent": outcome }));
    } else {
        for answer in answers {
            let (status, body) = (&answer["status"], print::text(answer, "body").trim());
            print::line(format!("the server answered {status}: {body}"));
        }
        print::line(if well { "it was refused, as it must be" } else { "it was not refused as not authentic" });
    }
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
