//! `github.milestone`: the milestone of an issue or a pull request, by its title, or none. Twice is once.
//! Calls: docs.github.com/rest/issues/milestones.

use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::Scene;
use crate::channels::DeliverError;
use crate::channels::github::client::Ask;
use crate::channels::github::repository::refused;

/// Milestones of a page, GitHub's most.
const PAGE: usize = 100;
/// Pages that are read. Ours: nobody has more.
const MOST_PAGES: usize = 10;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Args {
    /// There, or null: one that is forgotten takes no milestone off.
    #[serde(deserialize_with = "nullable")]
    title: Option<String>,
}

fn nullable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(deserializer)
}

#[derive(Deserialize)]
struct Milestone {
    number: u64,
    title: String,
}

pub(super) async fn perform(scene: &Scene<'_>) -> Result<Value, DeliverError> {
    let Args { title } = scene.args()?;
    let path = scene.issue("")?;
    let number = match title {
        Some(title) => Some(number(scene, "title", &title).await?),
        None => None,
    };
    scene.done(Ask::patch(path, json!({ "milestone": number }))).await?;
    Ok(json!({}))
}

/// The number of the milestone with a title, in whatever case where none has it letter by letter. `field` is named.
pub(super) async fn number(scene: &Scene<'_>, field: &str, title: &str) -> Result<u64, DeliverError> {
    let mut alike = None;
    for page in 1..=MOST_PAGES {
        let path = scene.repository.path(format_args!("milestones?state=all&per_page={PAGE}&page={page}"));
        let all: Vec<Milestone> = scene.read(path).await?;
        let is_last = all.len() < PAGE;
        for milestone in all {
            if milestone.title == title {
                return Ok(milestone.number);
            }
            if milestone.title.to_lowercase() == title.to_lowercase() {
                alike = alike.or(Some(milestone.number));
            }
        }
        if is_last {
            break;
        }
    }
    alike.ok_or_else(|| refused(field, "the repository has no such milestone"))
}
