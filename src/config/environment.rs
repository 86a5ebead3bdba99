//! Variables of the environment as a layer of the configuration.
//!
//! Owns the named variables, the notation `AI_CRM__SECTION__KEY` and the reading of their values. The
//! environment itself is an argument. A new named variable is a line in [`NAMED`].

use toml::Value;

use crate::config::errors::{ConfigIssue, Origin};
use crate::config::keys::{KEYS, Kind};
use crate::config::layers::Layer;
use crate::config::references::is_secret;

/// What begins every variable that is named after its key.
const PREFIX: &str = "AI_CRM__";

/// Variables with names of their own, and their keys.
pub(super) const NAMED: &[(&str, &str)] = &[
    ("SLACK_SIGNING_SECRET", "channels.slack.signing_secret"),
    ("SLACK_BOT_TOKEN", "channels.slack.bot_token"),
    ("SLACK_APP_TOKEN", "channels.slack.app_token"),
    ("SLACK_CLIENT_ID", "channels.slack.client_id"),
    ("SLACK_CLIENT_SECRET", "channels.slack.client_secret"),
    ("SLACK_API_URL", "channels.slack.api_url"),
    ("MICROSOFT_APP_ID", "channels.teams.app_id"),
    ("MICROSOFT_APP_PASSWORD", "channels.teams.app_password"),
    ("MICROSOFT_APP_CERTIFICATE", "channels.teams.app_certificate"),
    ("MICROSOFT_APP_TENANT_ID", "channels.teams.tenant_id"),
    ("MICROSOFT_LOGIN_URL", "channels.teams.login_url"),
    ("MICROSOFT_OPENID_METADATA_URL", "channels.teams.openid_metadata_url"),
    ("MICROSOFT_SERVICE_HOSTS", "channels.teams.service_hosts"),
    ("GITHUB_APP_ID", "channels.github.app_id"),
    ("GITHUB_PRIVATE_KEY", "channels.github.private_key"),
    ("GITHUB_WEBHOOK_SECRET", "channels.github.webhook_secret"),
    ("GITHUB_API_URL", "channels.github.api_url"),
    ("AI_CRM_ADMIN_TOKEN", "admin.token"),
    ("AI_CRM_MASTER_KEY", "store.master_key"),
    ("AI_CRM_PUBLIC_URL", "server.public_url"),
];

/// How alike a variable must be to a named one to be taken for a slip (0 to 1).
const A_SLIP: f64 = 0.88;

/// Reads the environment. Empty values count as unset. A variable named after its key wins over one with
/// a name of its own, since it can be meant for nobody else.
pub(super) fn read(env: &[(String, String)]) -> Layer {
    let mut layer = Layer::default();
    let set = || env.iter().filter(|(_, value)| !value.trim().is_empty());
    for (variable, value) in set() {
        if let Some((_, key)) = NAMED.iter().find(|(name, _)| name == variable) {
            take(&mut layer, split(key, "."), value, variable);
        }
    }
    for (variable, value) in set() {
        if let Some(name) = variable.strip_prefix(PREFIX) {
            take(&mut layer, split(&name.to_lowercase(), "__"), value, variable);
        }
    }
    layer
}

/// Variables that look like a slip of the pen, each with the one that was most likely meant.
pub(super) fn slips(env: &[(String, String)]) -> Vec<String> {
    let mut slips = Vec::new();
    for (variable, _) in env.iter().filter(|(name, _)| NAMED.iter().all(|(known, _)| known != name)) {
        let alike = |known: &str| strsim::normalized_damerau_levenshtein(variable, known);
        if let Some((known, _)) = NAMED.iter().find(|(known, _)| alike(known) >= A_SLIP) {
            slips.push(format!("the variable {variable} is not used; {known} may be meant"));
        }
    }
    slips
}

/// Reads a text that was given for a key in a place without types: a variable, an option.
pub(super) fn take_text(layer: &mut Layer, path: Vec<String>, text: &str, origin: Origin) {
    let value = typed(&path, text);
    layer.take(path, value, origin);
}

fn take(layer: &mut Layer, path: Vec<String>, text: &str, variable: &str) {
    let origin = Origin::Variable(variable.to_owned());
    if KEYS.find(&path).is_some() {
        return take_text(layer, path, text, origin);
    }
    let what = match KEYS.nearest(&path.join(".")) {
        Some(nearest) => format!("no such key; the nearest is {}", variable_of(nearest)),
        None => "no such key; config/default.toml lists all".to_owned(),
    };
    layer.issues.push(ConfigIssue::at(path.join("."), &origin, what));
}

/// The value that the text is for its key: of the key's kind where it parses so, else the text, for the
/// key to complain.
fn typed(path: &[String], text: &str) -> Value {
    let as_text = || Value::String(text.trim().to_owned());
    let parsed = || text.trim().parse::<Value>().ok();
    match KEYS.find(path).map(|key| key.kind) {
        Some(Kind::Text) if is_secret(&path.join(".")) => as_text(),
        Some(Kind::Text) => parsed().filter(Value::is_str).unwrap_or_else(as_text),
        Some(Kind::List) if text.trim_start().starts_with('[') => parsed().unwrap_or_else(as_text),
        Some(Kind::List) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Value::Array(items.map(|item| Value::String(item.to_owned())).collect())
        }
        _ => parsed().unwrap_or_else(as_text),
    }
}

/// The variable of a key.
pub(super) fn variable_of(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_uppercase())
}

fn split(text: &str, by: &str) -> Vec<String> {
    text.split(by).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn values_become_what_their_key_wants() {
        let text = |text: &str| Value::String(text.to_owned());
        let list = |items: &[&str]| Value::Array(items.iter().map(|item| text(item)).collect());
        let table = [
            ("AI_CRM__SERVER__MAX_BODY_BYTES", "2048", Value::Integer(2048)),
            ("AI_CRM__SERVER__MAX_BODY_BYTES", "2_048", Value::Integer(2048)),
            ("AI_CRM__SERVER__LISTEN", "0.0.0.0:80", text("0.0.0.0:80")),
            ("AI_CRM__SERVER__LISTEN", "\"0.0.0.0:80\"", text("0.0.0.0:80")),
            ("AI_CRM__DATA", "12", text("12")),
            ("AI_CRM__CHANNELS__SLACK__ENABLED", "false", Value::Boolean(false)),
            ("AI_CRM__CHANNELS__SLACK__ENABLED", "auto", text("auto")),
            ("AI_CRM__CHANNELS__SLACK__BOT_TOKEN", "\"x\"", text("\"x\"")),
            ("AI_CRM__POLICY__CHANNELS", "C1, C2,", list(&["C1", "C2"])),
            ("AI_CRM__POLICY__CHANNELS", "[\"C,1\"]", list(&["C,1"])),
            ("AI_CRM__POLICY__CHANNELS", "[]", list(&[])),
            ("AI_CRM__PEOPLE__GROUPS__BACKEND", "slack:T1/U1", list(&["slack:T1/U1"])),
            ("SLACK_CLIENT_ID", "123.456", text("123.456")),
            ("SLACK_BOT_TOKEN", " xoxb-1\n", text("xoxb-1")),
        ];
        for (variable, written, expected) in table {
            let layer = read(&env(&[(variable, written)]));
            let values: Vec<&Value> = layer.entries.iter().map(|entry| &entry.value).collect();
            assert_eq!(values, [&expected], "{variable}={written}");
        }
    }

    #[test]
    fn what_does_not_fit_is_named_without_its_value() {
        let table = [
            ("AI_CRM__SERVER__LISTN", "the nearest is AI_CRM__SERVER__LISTEN"),
            ("AI_CRM__SLACK__BOT_TOKEN", "the nearest is AI_CRM__CHANNELS__SLACK__BOT_TOKEN"),
            ("AI_CRM__", "no such key"),
            ("AI_CRM__SERVER", "no such key"),
            ("AI_CRM__SERVER__MAX_CONNECTIONS", "expected a whole number from 1 to 1000000"),
        ];
        for (variable, expected) in table {
            let layer = read(&env(&[(variable, "hush")]));
            let text = layer.issues.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
            assert!(text.contains(expected) && text.contains(variable), "{variable}: {text}");
            assert!(!text.contains("hush"), "{text}");
            assert!(layer.entries.is_empty());
        }
    }

    #[test]
    fn empty_is_unset_and_strangers_are_left_alone() {
        let layer =
            read(&env(&[("SLACK_BOT_TOKEN", " "), ("AI_CRM__NO__SUCH", ""), ("PATH", "/bin"), ("AI_CRM_X", "1")]));
        assert!(layer.entries.is_empty() && layer.issues.is_empty());
    }

    #[test]
    fn slips_are_noticed() {
        let found = slips(&env(&[("SLACK_SIGNIN_SECRET", "s"), ("SLACK_TEAM", "t"), ("SLACK_BOT_TOKEN", "b")]));
        assert_eq!(found, ["the variable SLACK_SIGNIN_SECRET is not used; SLACK_SIGNING_SECRET may be meant"]);
    }

    #[test]
    fn every_named_variable_belongs_to_a_key() {
        for (variable, key) in NAMED {
            assert!(KEYS.find(&split(key, ".")).is_some(), "{variable}");
        }
    }
}
