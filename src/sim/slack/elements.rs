//! The rules of what stands in a block: buttons, menus, inputs, and the options and questions in them.
//!
//! From docs.slack.dev/reference/block-kit/block-elements and …/composition-objects. A new element is
//! one row in `known_fields` and, where it has limits of its own, an arm in `check`.

use serde_json::Value;

use super::blocks::{any_text, plain_text};
use super::limits::Findings;

/// In which part of which block an element stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Actions,
    Accessory,
    Context,
    Input,
}

/// The elements that only an input block takes.
const TYPED: &[&str] =
    &["plain_text_input", "email_text_input", "url_text_input", "number_input", "rich_text_input", "file_input"];

/// Checks one element.
pub(super) fn check(findings: &mut Findings, element: &Value, at: &str, place: Place) {
    let Some(kind) = element["type"].as_str() else {
        findings.add(at, "missing required field: type");
        return;
    };
    let fits = match place {
        Place::Context => kind == "image",
        Place::Input => !matches!(kind, "button" | "overflow" | "image" | "workflow_button"),
        Place::Actions => !TYPED.contains(&kind) && kind != "image",
        Place::Accessory => !TYPED.contains(&kind),
    };
    let Some(known) = known_fields(kind).filter(|_| fits) else {
        findings.add(&format!("{at}/type"), format_args!("unsupported type: {kind}"));
        return;
    };
    let everywhere = ["type", "action_id", "confirm", "focus_on_load"];
    findings.only(element, at, &[known, &everywhere].concat());
    findings.text(element, at, "action_id", 255);
    plain_text(findings, element, at, "placeholder", 150);
    if let Some(question) = element.get("confirm") {
        confirm(findings, question, &format!("{at}/confirm"));
    }
    match kind {
        "button" => button(findings, element, at),
        "image" => {
            findings.require(element, at, &["alt_text"]);
            findings.text(element, at, "image_url", 3000);
            findings.text(element, at, "alt_text", 2000);
        }
        "static_select" | "multi_static_select" => {
            if element.get("options").is_some() == element.get("option_groups").is_some() {
                findings.add(at, "must define either `options` or `option_groups`");
            }
            options(findings, element, at, 100);
            for (index, group) in findings.list(element, at, "option_groups", 100).iter().enumerate() {
                let at = format!("{at}/option_groups/{index}");
                findings.require(group, &at, &["label", "options"]);
                plain_text(findings, group, &at, "label", 75);
                options(findings, group, &at, 100);
            }
        }
        "plain_text_input" if element.get("dispatch_action_config").is_some() => {
            let (config, at) = (&element["dispatch_action_config"], format!("{at}/dispatch_action_config"));
            findings.only(config, &at, &["trigger_actions_on"]);
            let known = |when: &Value| matches!(when.as_str(), Some("on_enter_pressed" | "on_character_entered"));
            if findings.list(config, &at, "trigger_actions_on", 2).iter().any(|when| !known(when)) {
                findings.add(&format!("{at}/trigger_actions_on"), "must be on_enter_pressed or on_character_entered");
            }
        }
        "overflow" => {
            findings.require(element, at, &["options"]);
            options(findings, element, at, 5);
        }
        "checkboxes" | "radio_buttons" => {
            findings.require(element, at, &["options"]);
            options(findings, element, at, 10);
        }
        _ => {}
    }
}

/// The fields of an element beside those that every element has; `None` for one that does not exist.
fn known_fields(kind: &str) -> Option<&'static [&'static str]> {
    Some(match kind {
        "button" => &["text", "value", "url", "style", "accessibility_label"],
        "image" => &["image_url", "slack_file", "alt_text"],
        "static_select" => &["placeholder", "options", "option_groups", "initial_option"],
        "multi_static_select" => &["placeholder", "options", "option_groups", "initial_options", "max_selected_items"],
        "external_select" => &["placeholder", "initial_option", "min_query_length"],
        "multi_external_select" => &["placeholder", "initial_options", "min_query_length", "max_selected_items"],
        "users_select" => &["placeholder", "initial_user"],
        "multi_users_select" => &["placeholder", "initial_users", "max_selected_items"],
        "channels_select" => &["placeholder", "initial_channel", "response_url_enabled"],
        "multi_channels_select" => &["placeholder", "initial_channels", "max_selected_items"],
        "conversations_select" => &[
            "placeholder",
            "initial_conversation",
            "default_to_current_conversation",
            "response_url_enabled",
            "filter",
        ],
        "multi_conversations_select" => {
            &["placeholder", "initial_conversations", "default_to_current_conversation", "max_selected_items", "filter"]
        }
        "overflow" => &["options"],
        "checkboxes" => &["options", "initial_options"],
        "radio_buttons" => &["options", "initial_option"],
        "datepicker" => &["placeholder", "initial_date"],
        "timepicker" => &["placeholder", "initial_time", "timezone"],
        "datetimepicker" => &["initial_date_time"],
        "plain_text_input" => {
            &["placeholder", "initial_value", "multiline", "min_length", "max_length", "dispatch_action_config"]
        }
        "email_text_input" | "url_text_input" => &["placeholder", "initial_value", "dispatch_action_config"],
        "number_input" => {
            &["placeholder", "initial_value", "is_decimal_allowed", "min_value", "max_value", "dispatch_action_config"]
        }
        "rich_text_input" => &["placeholder", "initial_value", "dispatch_action_config"],
        "file_input" => &["filetypes", "max_files"],
        "workflow_button" => &["text", "workflow", "style", "accessibility_label"],
        _ => return None,
    })
}

fn button(findings: &mut Findings, element: &Value, at: &str) {
    findings.require(element, at, &["text"]);
    plain_text(findings, element, at, "text", 75);
    findings.text(element, at, "url", 3000);
    if element["value"].as_str().is_some_and(|value| value.chars().count() > 2000) {
        findings.add(&format!("{at}/value"), "must be less than 2001 characters");
    }
    if let Some(style) = element.get("style")
        && !matches!(style.as_str(), Some("primary" | "danger"))
    {
        findings.add(&format!("{at}/style"), "must be primary or danger");
    }
}

fn options(findings: &mut Findings, holder: &Value, at: &str, most: usize) {
    for (index, option) in findings.list(holder, at, "options", most).iter().enumerate() {
        let at = format!("{at}/options/{index}");
        findings.only(option, &at, &["text", "value", "description", "url"]);
        findings.require(option, &at, &["text", "value"]);
        any_text(findings, option, &at, "text", 75);
        any_text(findings, option, &at, "description", 75);
        findings.text(option, &at, "value", 150);
        findings.text(option, &at, "url", 3000);
    }
}

fn confirm(findings: &mut Findings, question: &Value, at: &str) {
    findings.only(question, at, &["title", "text", "confirm", "deny", "style"]);
    findings.require(question, at, &["title", "text", "confirm", "deny"]);
    plain_text(findings, question, at, "title", 100);
    any_text(findings, question, at, "text", 300);
    plain_text(findings, question, at, "confirm", 30);
    plain_text(findings, question, at, "deny", 30);
}
