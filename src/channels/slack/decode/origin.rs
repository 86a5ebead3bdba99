//! Who and where, as Slack states it: the installation, the user's own workspace, the place.

use crate::domain::event::{ChannelName, Place, PlaceKind, PlatformUser};

/// Stands for the workspace where a request names none; no tenant is bound to it.
const NO_INSTALLATION: &str = "unknown";

/// The first that is known, in the order in which the caller lists them.
pub(super) fn first<'a>(candidates: impl IntoIterator<Item = Option<&'a String>>) -> Option<&'a str> {
    candidates.into_iter().flatten().map(String::as_str).find(|id| !id.is_empty())
}

/// The connected workspace, or the organisation where the app is installed for all of it.
pub(super) fn installation<'a>(candidates: impl IntoIterator<Item = Option<&'a String>>) -> String {
    first(candidates).unwrap_or(NO_INSTALLATION).to_owned()
}

/// A user with the workspace to which the user belongs.
///
/// Where Slack names the organisation that the installed workspace is part of, the user is one of
/// ours and gets the workspace, so that a press and a message of one person have one identity.
pub(super) fn user(id: &str, realm: Option<&str>, installation: &str, organisation: Option<&str>) -> PlatformUser {
    let realm = realm.filter(|realm| Some(*realm) != organisation).unwrap_or(installation);
    PlatformUser { channel: ChannelName::Slack, realm: realm.to_owned(), id: id.to_owned() }
}

/// A place by the `channel_type` of an event. Without one only the prefix of a direct message says
/// something: `C` and `G` name public and private channels alike.
pub(super) fn place_by_type(id: &str, channel_type: Option<&str>, shared: bool) -> Place {
    let kind = match channel_type {
        Some("im" | "app_home") => PlaceKind::Direct,
        Some("group" | "mpim") => PlaceKind::Private,
        Some("channel") => PlaceKind::Public,
        _ if id.starts_with('D') => PlaceKind::Direct,
        _ => PlaceKind::Unknown,
    };
    Place { id: id.to_owned(), kind, shared }
}

/// A place by the `channel_name` of a slash command or the `channel.name` of a press, where Slack
/// puts a fixed word for what is not a public channel. A channel that somebody named after the
/// word for a direct message is not believed to be one.
pub(super) fn place_by_name(id: &str, name: Option<&str>, shared: bool) -> Place {
    let direct_id = id.starts_with('D');
    let kind = match name {
        Some("directmessage") if direct_id => PlaceKind::Direct,
        Some("directmessage") => PlaceKind::Unknown,
        Some("privategroup") => PlaceKind::Private,
        Some(name) if name.starts_with("mpdm-") => PlaceKind::Private,
        Some(_) if !direct_id => PlaceKind::Public,
        None if direct_id => PlaceKind::Direct,
        _ => PlaceKind::Unknown,
    };
    Place { id: id.to_owned(), kind, shared }
}
