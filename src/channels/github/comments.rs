//! The comments that show one card: written, changed and taken away, in order.
//!
//! Owns which comment a part of a card goes into. A card that is changed may need more comments than before, or fewer: those
//! that are there are changed, what they do not hold is written behind them, and what is left over is taken away. A comment
//! carries two marks that no reader sees (`markdown`): of what wrote it, by which an earlier try is found again, and of its
//! topic, by which the comments of a topic are found where nobody remembers them.
//!
//! Each step is remembered, so that a try that broke off goes on where it was. What a card becomes is `markdown`, where it
//! goes is `deliver`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use super::client::{Ask, Client};
use super::repository::refused;
use super::{look_up, markdown};
use crate::channels::progress::Progress;
use crate::channels::{DeliverError, Delivered, Delivery, Lookup};

/// What the id of a comment begins with, in our notation; of several comments the numbers stand behind it, with `+` between.
const COMMENT: &str = "issue_comment/";
/// The receipt's word for comments that were posted; stands for their ids where GitHub's answer had none.
const POSTED: &str = "comment";
/// The receipt's word for comments that were changed.
const CHANGED: &str = "update";

/// Where a card goes.
pub(super) struct Spot {
    pub(super) installation: u64,
    /// The path of the comments of an issue or a pull request.
    pub(super) comments: String,
    /// The path of the comments of the repository.
    pub(super) comment: String,
}

/// The comments that are written of a card so far, in order; nothing in the place of one whose number GitHub did not say.
type Written = Vec<Option<u64>>;

/// Cards on their way into comments.
#[derive(Default)]
pub(super) struct Comments {
    progress: Progress<Written>,
}

impl Comments {
    /// Shows a card: in the comments that are there of it, and in new ones.
    pub(super) async fn show(
        &self,
        client: &Client,
        spot: &Spot,
        delivery: &Delivery,
    ) -> Result<Delivered, DeliverError> {
        let old = before(client, spot, delivery).await?;
        let key = &delivery.idempotency_key;
        let bodies = bodies(delivery);
        let mut written = self.progress.of(key).unwrap_or_default();
        // Behind a comment that is gone all are written anew, or they would not stand in order.
        let mut is_gone = written.iter().zip(&old).any(|(written, old)| *written != Some(*old));
        for (index, body) in bodies.iter().enumerate().skip(written.len()) {
            let known = old.get(index).copied().filter(|_| !is_gone);
            let changed = match known {
                Some(id) => change(client, spot, id, body).await?,
                None => false,
            };
            is_gone |= known.is_some() && !changed;
            written.push(match known.filter(|_| changed) {
                Some(id) => Some(id),
                None => post(client, spot, body).await?,
            });
            self.progress.keep(key, written.clone());
        }
        for id in left_over(&old, &written) {
            let answer = client.ask(spot.installation, Ask::delete(format!("{}/{id}", spot.comment), None)).await?;
            if !answer.is_missing() {
                answer.into_success()?;
            }
        }
        self.progress.forget(key);
        let is_change = written.first().is_some_and(|first| first.is_some() && *first == old.first().copied());
        Ok(delivered(&written, if is_change { CHANGED } else { POSTED }))
    }

    /// Looks for what an earlier try has written.
    pub(super) async fn find(&self, client: &Client, spot: &Spot, delivery: &Delivery) -> Result<Lookup, DeliverError> {
        let keys: Vec<String> = (0..bodies(delivery).len()).map(|index| part_key(delivery, index)).collect();
        let found = look_up::comments(client, spot.installation, &spot.comments, delivery.since, &keys).await?;
        let ids: BTreeMap<&String, u64> = found.written.iter().map(|(key, written)| (key, written.id)).collect();
        let written: Written = keys.iter().map_while(|key| ids.get(key)).map(|id| Some(*id)).collect();
        if written.is_empty() {
            let unseen = "more was written there since than is looked at, a thousand comments";
            return Ok(if found.whole { Lookup::NotDone } else { Lookup::CannotTell(unseen) });
        }
        let old = before(client, spot, delivery).await?;
        if written.len() == keys.len() && are_gone(client, spot, left_over(&old, &written)).await? {
            return Ok(Lookup::Done(delivered(&written, POSTED)));
        }
        // The next try goes on behind what is there.
        self.progress.keep(&delivery.idempotency_key, written);
        Ok(Lookup::NotDone)
    }
}

/// The comments in which a card goes on: those that it replaces, or those of its topic.
async fn before(client: &Client, spot: &Spot, delivery: &Delivery) -> Result<Vec<u64>, DeliverError> {
    match (&delivery.replaces, &delivery.topic) {
        (Some(replaced), _) => comment_ids(replaced),
        (None, Some(topic)) => {
            let keys: Vec<String> = (0..markdown::MOST_BODIES).map(|index| topic_key(topic, index)).collect();
            let found = look_up::comments_of_topic(client, spot.installation, &spot.comments, &keys).await?;
            Ok(keys.iter().map_while(|key| found.written.get(key)).map(|written| written.id).collect())
        }
        (None, None) => Ok(Vec::new()),
    }
}

/// Comments of which nothing is needed any more.
fn left_over(old: &[u64], written: &Written) -> impl Iterator<Item = u64> {
    old.iter().copied().filter(|id| !written.contains(&Some(*id)))
}

/// Whether none of some comments is there any more.
async fn are_gone(client: &Client, spot: &Spot, ids: impl Iterator<Item = u64>) -> Result<bool, DeliverError> {
    for id in ids {
        let answer = client.ask(spot.installation, Ask::get(format!("{}/{id}", spot.comment))).await?;
        if !answer.is_missing() {
            answer.into_success()?;
            return Ok(false);
        }
    }
    Ok(true)
}

/// Changes a comment; whether it was still there.
async fn change(client: &Client, spot: &Spot, id: u64, body: &str) -> Result<bool, DeliverError> {
    let ask = Ask::patch(format!("{}/{id}", spot.comment), json!({ "body": body }));
    let answer = client.ask(spot.installation, ask).await?;
    if answer.is_missing() {
        return Ok(false);
    }
    answer.into_success()?;
    Ok(true)
}

/// Posts a comment; its number, where GitHub says it: it was done, whatever its answer looks like.
async fn post(client: &Client, spot: &Spot, body: &str) -> Result<Option<u64>, DeliverError> {
    #[derive(Deserialize)]
    struct Made {
        id: u64,
    }
    let ask = Ask::post(&*spot.comments, json!({ "body": body })).that_notifies();
    let answer = client.ask(spot.installation, ask).await?.into_success()?;
    Ok(answer.read().map(|Made { id }| id))
}

/// What the receipt says of comments. Where one of them has no number that we know, they are known by none.
fn delivered(written: &Written, via: &'static str) -> Delivered {
    let numbers: Option<Vec<String>> = written.iter().map(|id| id.map(|id| id.to_string())).collect();
    match numbers {
        Some(numbers) => Delivered { platform_id: format!("{COMMENT}{}", numbers.join("+")), via },
        None => Delivered { platform_id: POSTED.to_owned(), via: POSTED },
    }
}

fn comment_ids(replaced: &str) -> Result<Vec<u64>, DeliverError> {
    let numbers = replaced.strip_prefix(COMMENT).map(|numbers| numbers.split('+').map(str::parse).collect());
    let no_comment = || refused("replaces", "it is no comment, which is written `issue_comment/123`");
    numbers.and_then(Result::<Vec<u64>, _>::ok).ok_or_else(no_comment)
}

/// The key of a part of a card, from 0.
fn part_key(delivery: &Delivery, index: usize) -> String {
    match index {
        0 => delivery.idempotency_key.clone(),
        _ => format!("{}#{}", delivery.idempotency_key, index + 1),
    }
}

/// The key of a part of whatever is said of a topic, from 0.
fn topic_key(topic: &str, index: usize) -> String {
    format!("{}#{topic}", index + 1)
}

/// The bodies of a card with their marks, the first with a quote of what it answers.
pub(super) fn bodies(delivery: &Delivery) -> Vec<String> {
    let quote = delivery.to.quotes.as_deref().map(markdown::quote).filter(|quote| !quote.is_empty());
    let body = |(index, body): (usize, String)| {
        let topic = delivery.topic.as_deref().map(|topic| markdown::topic_marker(&topic_key(topic, index)));
        let mark = markdown::marker(&part_key(delivery, index)) + &topic.unwrap_or_default();
        match quote.as_deref().filter(|_| index == 0) {
            Some(quote) => format!("{mark}\n{quote}\n\n{body}"),
            None => format!("{mark}\n{body}"),
        }
    };
    markdown::render(&delivery.card).into_iter().enumerate().map(body).collect()
}
