//! Who is in a conversation and what is in a team, as the connector tells it.
//!
//! From Microsoft's page "Get Teams specific context for your bot"; the codes of what is not found are in
//! `refusal.rs`. It only reads.

use serde_json::{Value, json};

use super::connector::Done;
use super::refusal::Refusal;
use super::seed::User;
use super::state::State;

/// Members on a page for which fewer are asked.
const LEAST_ON_PAGE: usize = 50;
/// Members on a page for which more are asked.
const MOST_ON_PAGE: usize = 500;
/// Members on a page where nothing is said. The page names no number; this one is ours.
const USUAL_ON_PAGE: usize = 200;

/// `GET …/members/{id}`: by the id or by Entra's.
pub(super) fn member(state: &State, conversation: &str, id: &str) -> Done {
    let (place, _) = state.place(conversation)?;
    let members = place.members.iter().filter_map(|member| state.users.get(member));
    let found = members.into_iter().find(|user| user.id == id || user.aad_object_id.as_deref() == Some(id));
    let missing = || Refusal::new(404, "MemberNotFoundInConversation", "Member not found in conversation.");
    Ok((200, found.ok_or_else(missing)?.to_api()))
}

/// `GET …/pagedmembers`.
pub(super) fn members(state: &State, conversation: &str, size: Option<usize>, from: Option<&str>) -> Done {
    let (place, _) = state.place(conversation)?;
    let size = size.unwrap_or(USUAL_ON_PAGE).clamp(LEAST_ON_PAGE, MOST_ON_PAGE);
    let start = match from {
        None => 0,
        Some(token) => token
            .strip_prefix("from-")
            .and_then(|start| start.parse().ok())
            .ok_or_else(|| Refusal::bad("The continuation token is none that was given out."))?,
    };
    let members: Vec<&User> = place.members.iter().filter_map(|member| state.users.get(member)).collect();
    let page: Vec<Value> = members.iter().skip(start).take(size).map(|user| user.to_api()).collect();
    let mut answer = json!({ "members": page });
    if start + size < members.len() {
        answer["continuationToken"] = json!(format!("from-{}", start + size));
    }
    Ok((200, answer))
}

/// `GET v3/teams/{id}`.
pub(super) fn team(state: &State, id: &str) -> Done {
    let (place, _) = state.place(id)?;
    let team = state.teams.get(id).ok_or_else(|| Refusal::new(404, "NotFound", "Team not found."))?;
    let channels = state.conversations.values().filter(|place| place.team.as_deref() == Some(id)).count();
    Ok((
        200,
        json!({
            "id": team.id, "name": team.name, "type": "standard", "aadGroupId": team.aad_group_id,
            "channelCount": channels, "memberCount": place.members.len(), "tenantId": place.tenant,
        }),
    ))
}

/// `GET v3/teams/{id}/conversations`. The channel `general` has no name there.
pub(super) fn channels(state: &State, id: &str) -> Done {
    state.place(id)?;
    let channels = state.conversations.values().filter(|place| place.team.as_deref() == Some(id));
    let listed = channels.map(|place| {
        let name = (place.id != id).then_some(&place.name);
        json!({ "id": place.id, "name": name, "type": "standard" })
    });
    Ok((200, json!({ "conversations": listed.collect::<Vec<_>>() })))
}
