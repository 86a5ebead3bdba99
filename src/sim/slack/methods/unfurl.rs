//! `chat.unfurl`: what an application shows below links in messages of people.
//!
//! From docs.slack.dev/reference/methods/chat.unfurl. Attachments of the older form, Work Objects and the asking for
//! authentication are not played.

use serde_json::{Map, Value, json};

use super::super::limits;
use super::super::state::State;
use super::super::unfurls::{COMPOSER, NOWHERE, POSTED, Told, domain_of};
use super::conversations::given_scope;
use super::{Answer, ApiError, Arguments};

/// The arguments that are played.
const ARGUMENTS: [&str; 5] = ["channel", "ts", "unfurl_id", "source", "unfurls"];
/// What may be said for a link.
const FIELDS: [&str; 2] = ["blocks", "preview"];

pub(super) fn unfurl(state: &mut State, arguments: &Arguments) -> Answer {
    given_scope(state, "links:write")?;
    if let Some(unknown) = arguments.0.keys().find(|name| !ARGUMENTS.contains(&name.as_str())) {
        return Err(ApiError::invalid(format!("[ERROR] unknown argument: {unknown}")));
    }
    let told = message(state, arguments)?;
    let unfurls = given(arguments)?;
    for (link, shown) in &unfurls {
        check(state, &told, link, shown)?;
    }
    // What is shown for a message that is still being written, its writer alone sees, until it is sent.
    if told.source == COMPOSER {
        return Ok(json!({}));
    }
    let mut shown: Vec<(String, Vec<Value>)> = unfurls
        .into_iter()
        .map(|(link, shown)| (link, shown["blocks"].as_array().cloned().unwrap_or_default()))
        .collect();
    shown.iter_mut().flat_map(|(_, blocks)| blocks).for_each(|block| state.complete_block(block));
    let message = state.message_mut(&told.channel, &told.ts).ok_or_else(|| ApiError::new("cannot_find_message"))?;
    message.unfurls.extend(shown);
    Ok(json!({}))
}

/// The message that is meant, with its links of which the application was told.
fn message(state: &mut State, arguments: &Arguments) -> Result<Told, ApiError> {
    let given = |name: &str| arguments.text(name).filter(|text| !text.is_empty());
    match (given("unfurl_id"), given("source"), given("channel"), given("ts")) {
        (Some(id), Some(source), None, None) => {
            if ![POSTED, COMPOSER].contains(&source.as_str()) {
                return Err(ApiError::new("invalid_source"));
            }
            let told = state.unfurls.get(&id).filter(|told| told.source == source);
            told.cloned().ok_or_else(|| ApiError::new("invalid_unfurl_id"))
        }
        (None, None, Some(channel), Some(ts)) => {
            if channel != NOWHERE && state.channel(&channel).is_none() {
                return Err(ApiError::new("cannot_find_channel"));
            }
            let of_it = state.unfurls.values().filter(|told| told.channel == channel && told.ts == ts);
            let all: Vec<&Told> = of_it.collect();
            let last = all.last().map(|told| (*told).clone());
            let links = all.iter().flat_map(|told| told.links.clone()).collect();
            match last {
                Some(told) => Ok(Told { links, ..told }),
                None if state.message(&channel, &ts).is_none() => Err(ApiError::new("cannot_find_message")),
                None => Err(ApiError::new("cannot_unfurl_url")),
            }
        }
        (Some(_), None, ..) => Err(ApiError::new("missing_source")),
        (None, Some(_), ..) => Err(ApiError::new("missing_unfurl_id")),
        (None, None, Some(_), None) => Err(ApiError::new("missing_ts")),
        (None, None, None, _) => Err(ApiError::new("missing_channel")),
        (Some(_), Some(_), ..) => {
            Err(ApiError::invalid("[ERROR] either `unfurl_id` and `source`, or `channel` and `ts`"))
        }
    }
}

fn given(arguments: &Arguments) -> Result<Map<String, Value>, ApiError> {
    let unfurls = arguments.structure("unfurls", "invalid_unfurls_format")?;
    match unfurls.ok_or_else(|| ApiError::new("missing_unfurls"))? {
        Value::Object(unfurls) if unfurls.is_empty() => Err(ApiError::new("missing_unfurls")),
        Value::Object(unfurls) => Ok(unfurls),
        _ => Err(ApiError::new("invalid_unfurls_format")),
    }
}

fn check(state: &State, told: &Told, link: &str, shown: &Value) -> Result<(), ApiError> {
    if domain_of(link, &state.unfurl_domains).is_none() {
        return Err(ApiError::new("cannot_unfurl_url"));
    }
    if !told.links.iter().any(|known| known == link) {
        return Err(ApiError::new("cannot_unfurl_message"));
    }
    let fields = shown.as_object().ok_or_else(|| ApiError::new("cannot_parse_attachment"))?;
    let blocks = fields.get("blocks").and_then(Value::as_array);
    let (Some(blocks), true) = (blocks, fields.keys().all(|name| FIELDS.contains(&name.as_str()))) else {
        return Err(ApiError::new("cannot_parse_attachment"));
    };
    limits::check_message_blocks(blocks)?;
    // "The chat.unfurl API method does not currently support them."
    if blocks.iter().any(|block| block["type"] == "rich_text") {
        return Err(ApiError::new("invalid_blocks"));
    }
    Ok(())
}
