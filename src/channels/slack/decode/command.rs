//! Slash commands: docs.slack.dev/interactivity/implementing-slash-commands.
//!
//! They cannot be given in threads, so their lane is the place. Slack never repeats one; a person
//! who types it twice makes two.

use super::form::Form;
use super::origin;
use super::{Asking, DecodeError, Decoded, Found, Request, Wanted, malformed};
use crate::channels::slack::modal::CameFrom;
use crate::channels::slack::text;
use crate::domain::event::EventKind;
use crate::domain::form::Asked;

pub(super) fn decode(request: &Request<'_>, form: &Form<'_>) -> Result<Decoded, DecodeError> {
    let person = form.filled("user_id").ok_or_else(|| malformed("a slash command without `user_id`"))?;
    let team = form.filled("team_id").map(str::to_owned);
    let enterprise = form.filled("enterprise_id").map(str::to_owned);
    let installation = origin::installation([team.as_ref(), enterprise.as_ref()]);
    let place = form.filled("channel_id").map(|id| origin::place_by_name(id, form.filled("channel_name"), false));
    let line = text::read(form.get("text").unwrap_or_default()).trim().to_owned();
    let filled = |name: &str| form.filled(name).map(str::to_owned);
    let came_from = CameFrom {
        workspace: Some(installation.clone()),
        organisation: enterprise.clone(),
        place: filled("channel_id"),
        name: filled("channel_name"),
        route: filled("response_url"),
        ..CameFrom::default()
    };
    let asking =
        filled("trigger_id").map(|trigger_id| Wanted { asked: Asked::Line(line.clone()), trigger_id, came_from });
    let asking = asking.map(Asking::Form);
    let happened = request.event(Found {
        dedupe: form.filled("trigger_id").map(|id| format!("slack:trigger:{id}")).into_iter().collect(),
        thread: None,
        begins_thread: false,
        request: None,
        alone: false,
        home: false,
        from: Some(origin::user(person, team.as_deref(), &installation, enterprise.as_deref())),
        place,
        route: form.filled("response_url").map(str::to_owned),
        kind: EventKind::Command { line },
        installation,
        organisation: enterprise,
    });
    Ok(happened.asking(asking))
}

#[cfg(test)]
mod tests {
    use super::super::tests::of_form;
    use crate::domain::event::{EventKind, PlaceKind};

    /// As in Slack's document, with a text of ours.
    const FIELDS: [(&str, &str); 14] = [
        ("token", "gIkuvaNzQIHg97ATvDxqgjtO"),
        ("team_id", "T0001"),
        ("team_domain", "example"),
        ("enterprise_id", "E0001"),
        ("enterprise_name", "Globular Construct Inc"),
        ("channel_id", "C2147483705"),
        ("channel_name", "test"),
        ("user_id", "U2147483697"),
        ("user_name", "Steve"),
        ("command", "/ai-crm"),
        ("text", "task create “Fix é &amp; ü” --agent security-auditor"),
        ("response_url", "https://hooks.slack.com/commands/1234/5678"),
        ("trigger_id", "13345224609.738474920.8088930838d88f008e0"),
        ("api_app_id", "A123456"),
    ];

    fn with(changes: &[(&'static str, Option<&'static str>)]) -> Vec<(&'static str, &'static str)> {
        let kept = FIELDS.into_iter().filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
        kept.chain(changes.iter().filter_map(|(name, value)| value.map(|value| (*name, value)))).collect()
    }

    #[test]
    fn a_slash_command_is_a_line_with_an_address() {
        let incoming = of_form(&FIELDS);
        let line = "task create “Fix é & ü” --agent security-auditor".to_owned();
        assert_eq!(incoming.kind, EventKind::Command { line });
        assert_eq!(incoming.installation, "T0001");
        assert_eq!(incoming.organisation.as_deref(), Some("E0001"));
        assert_eq!(incoming.dedupe, ["slack:trigger:13345224609.738474920.8088930838d88f008e0"]);
        assert_eq!(incoming.lane.to_string(), "slack/T0001/C2147483705/");
        let from = incoming.from.unwrap();
        assert_eq!((from.realm.as_str(), from.id.as_str()), ("T0001", "U2147483697"));
        let reply = incoming.reply.unwrap();
        assert_eq!(reply.route.as_deref(), Some("https://hooks.slack.com/commands/1234/5678"));
        assert_eq!((reply.place.as_str(), reply.thread), ("C2147483705", None));
        assert_eq!(reply.person.as_deref(), Some("U2147483697"));
    }

    #[test]
    fn an_installation_of_the_whole_organisation_is_found() {
        let incoming = of_form(&with(&[("team_id", Some("")), ("is_enterprise_install", Some("true"))]));
        assert_eq!(incoming.installation, "E0001");
        assert_eq!(incoming.organisation.as_deref(), Some("E0001"));
        assert_eq!(incoming.from.unwrap().realm, "E0001");
    }

    #[test]
    fn the_kind_of_a_place_is_told_by_its_name() {
        let table = [
            ("D1", "directmessage", PlaceKind::Direct),
            ("C1", "directmessage", PlaceKind::Unknown),
            ("C1", "privategroup", PlaceKind::Private),
            ("G1", "privategroup", PlaceKind::Private),
            ("G1", "mpdm-a--b--c-1", PlaceKind::Private),
            ("C1", "general", PlaceKind::Public),
            ("D1", "", PlaceKind::Direct),
            ("C1", "", PlaceKind::Unknown),
        ];
        for (id, name, kind) in table {
            let incoming = of_form(&with(&[("channel_id", Some(id)), ("channel_name", Some(name))]));
            assert_eq!(incoming.place.unwrap().kind, kind, "{id} {name}");
        }
    }

    #[test]
    fn what_may_be_missing_may_be_missing() {
        let incoming = of_form(&with(&[("text", None), ("trigger_id", None), ("channel_name", None)]));
        assert_eq!(incoming.kind, EventKind::Command { line: String::new() });
        assert!(incoming.dedupe[0].starts_with("slack:body:"));
        let nowhere = of_form(&with(&[("channel_id", None)]));
        assert_eq!(nowhere.place, None);
        assert!(nowhere.reply.unwrap().route.is_some());
    }
}
