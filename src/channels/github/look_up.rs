//! Looks for what an earlier try may have made.
//!
//! GitHub takes no idempotency key. So what we make begins with a mark that no reader sees (`markdown::marker`), and what
//! was made since is searched for it; only what the App itself has written counts, since anybody can write a mark.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::client::{Ask, Author, Client};
use super::markdown::{marked, marked_topic, marker, topic_marker};
use super::repository::{Repository, value};
use crate::channels::DeliverError;
use crate::domain::time::Timestamp;

/// Comments of a page: with bodies of 262,144 bytes, GitHub's longest, a page stays below the bound of an answer.
const PAGE: usize = 50;
/// Pages that are read: a thousand comments. Where more was said since, it is not read to its end.
const MOST_PAGES: usize = 20;
/// How far GitHub's clock and ours may be apart.
const CLOCK_MARGIN: Duration = Duration::from_secs(300);

/// Something with a body: a comment, an issue.
#[derive(Debug, Deserialize)]
pub(super) struct Written {
    /// Its number among all of its kind.
    pub(super) id: u64,
    /// The number of an issue, in its repository.
    #[serde(default)]
    pub(super) number: u64,
    #[serde(default)]
    pub(super) html_url: String,
    #[serde(default)]
    body: Option<String>,
    #[serde(flatten)]
    author: Author,
}

/// What a search has found.
pub(super) struct Found {
    /// What is there, by the keys that were looked for.
    pub(super) written: BTreeMap<String, Written>,
    /// Whether everything since then was read.
    pub(super) whole: bool,
}

/// The comments of an issue that were written or changed since, for those with these keys.
pub(super) async fn comments(
    client: &Client,
    installation: u64,
    path: &str,
    since: Timestamp,
    keys: &[String],
) -> Result<Found, DeliverError> {
    search(client, installation, path, &by_time(since), &Marks::of(keys)).await
}

/// The comments of an issue that carry these keys of a topic, whenever they were written.
pub(super) async fn comments_of_topic(
    client: &Client,
    installation: u64,
    path: &str,
    keys: &[String],
) -> Result<Found, DeliverError> {
    search(client, installation, path, "", &Marks::of_topic(keys)).await
}

/// The issues of a repository that were opened or changed since, for the one with this key.
pub(super) async fn issues(
    client: &Client,
    installation: u64,
    repository: &Repository,
    since: Timestamp,
    key: &str,
) -> Result<Found, DeliverError> {
    let (path, query) = (repository.path("issues"), "&state=all&sort=created&direction=desc");
    let query = format!("{}{query}", by_time(since));
    search(client, installation, &path, &query, &Marks::of(&[key.to_owned()])).await
}

/// Nothing that was changed last before a time, less what clocks may differ by.
fn by_time(since: Timestamp) -> String {
    format!("&since={}", value(&second(since.before(CLOCK_MARGIN))))
}

/// What is looked for.
struct Marks<'k> {
    /// How a body is marked.
    of: fn(&str) -> Option<&str>,
    /// The keys, by what stands in the mark.
    keys: BTreeMap<String, &'k String>,
}

impl<'k> Marks<'k> {
    fn of(keys: &'k [String]) -> Self {
        Self::written(keys, marker, marked)
    }

    /// Marks of topics stand behind the others.
    fn of_topic(keys: &'k [String]) -> Self {
        Self::written(keys, |key| marker("any") + &topic_marker(key), marked_topic)
    }

    fn written(keys: &'k [String], write: fn(&str) -> String, of: fn(&str) -> Option<&str>) -> Self {
        let written = keys.iter().filter_map(|key| Some((of(&write(key))?.to_owned(), key)));
        Self { of, keys: written.collect() }
    }

    /// The key of a body.
    fn key(&self, body: &str) -> Option<&'k String> {
        self.keys.get((self.of)(body)?).copied()
    }
}

async fn search(
    client: &Client,
    installation: u64,
    path: &str,
    query: &str,
    marks: &Marks<'_>,
) -> Result<Found, DeliverError> {
    let app = client.who_we_are().await?;
    let mut found = Found { written: BTreeMap::new(), whole: false };
    for page in 1..=MOST_PAGES {
        let path = format!("{path}?per_page={PAGE}&page={page}{query}");
        let all: Vec<Written> = client.ask(installation, Ask::get(path)).await?.into_read()?;
        found.whole = all.len() < PAGE;
        for written in all {
            let key = written.body.as_deref().and_then(|body| marks.key(body));
            if let Some(key) = key.filter(|_| written.author.is(&app)) {
                found.written.entry(key.clone()).or_insert(written);
            }
        }
        found.whole |= found.written.len() == marks.keys.len();
        if found.whole {
            break;
        }
    }
    Ok(found)
}

/// RFC 3339 to the second, as GitHub takes it.
fn second(at: Timestamp) -> String {
    let whole = Timestamp(at.as_seconds().saturating_mul(1000)).to_string();
    whole.replace(".000Z", "Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_github_takes_them() {
        assert_eq!(second(Timestamp(1_531_420_618_250)), "2018-07-12T18:36:58Z");
    }
}
