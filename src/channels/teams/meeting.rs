//! Meetings, as Teams reports them: that one has begun, and that it has ended.
//!
//! Owns the two events `application/vnd.microsoft.meetingStart` and `…meetingEnd`; those about who joins and leaves are not
//! listened to. A meeting goes by the id in `channelData`: that of the conversation and the one in the event's value are not
//! to be taken for it (learn.microsoft.com/microsoftteams/platform/apps-in-teams-meetings/meeting-apps-apis, "Get real-time
//! Teams meeting events API"). Its title is not read.

use super::activity::Activity;
use crate::domain::event::{EventKind, MeetingPhase};

/// How the names of the two events begin.
const NAMES: &str = "application/vnd.microsoft.";
/// The longest id and time that are kept; Microsoft's ids have about a hundred characters.
const LONGEST: usize = 300;

/// What an event tells of a meeting; `None` where it is about something else.
pub(super) fn told(activity: &Activity) -> Option<EventKind> {
    let phase = match activity.name.as_deref()?.strip_prefix(NAMES)? {
        "meetingStart" => MeetingPhase::Began,
        "meetingEnd" => MeetingPhase::Ended,
        _ => return None,
    };
    let meeting = activity.channel_data.as_ref().and_then(|data| data.meeting.as_ref()?.id.as_deref());
    // Without an id all meetings of a conversation are one.
    Some(EventKind::Meeting { phase, meeting: kept(meeting.unwrap_or_default()) })
}

/// The key of that moment, by which it is known again under whatever number it is told; `None` where no time is said.
pub(super) fn key(what: &EventKind, activity: &Activity, tenant: &str, conversation: &str) -> Option<String> {
    let EventKind::Meeting { phase, meeting: id } = what else { return None };
    let (word, field) = match phase {
        MeetingPhase::Began => ("began", "StartTime"),
        MeetingPhase::Ended => ("ended", "EndTime"),
    };
    let time = activity.value.as_ref()?.get(field)?.as_str().filter(|time| !time.is_empty())?;
    Some(format!("teams:meeting:{tenant}:{conversation}|{word} {id} {}", kept(time)))
}

fn kept(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}
