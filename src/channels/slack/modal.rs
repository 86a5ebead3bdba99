//! A form as a modal of Slack, and back: docs.slack.dev/reference/views/modal-views.
//!
//! Owns the shape, the limits, and what the modal remembers of where it was opened. Each field is an input block whose
//! `block_id` is the field's name, by which mistakes are shown at it. What a form asks is not known here. A further
//! kind of field is an arm in `element` and, where Slack answers it in a new way, in `value`.
//!
//! A form whose text is analysed has a block for that. It alone is changed while the modal is open: Slack keeps what
//! was typed and chosen where an input comes again with its `block_id` and `action_id`
//! (docs.slack.dev/reference/methods/views.update), and every input comes again as it was.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::answers::Version;
use super::blocks::SIZES;
use super::inbound::View;
use crate::channels::text::UNITS;
use crate::domain::card::Choice;
use crate::domain::form::{Field, FieldKind, Filled, Form, Group};

/// What the `callback_id` of a form begins with.
const CALLBACK: &str = "form:";
/// The one `action_id` of each block; it need be unique within its block alone.
const ACTION: &str = "value";
/// The block of the analysis.
const ANALYSIS: &str = "analysis";

/// The longest title, and what buttons say: docs.slack.dev/reference/views/modal-views.
const MOST_TITLE: usize = 24;
/// The longest `private_metadata`, from the same page.
const MOST_METADATA: usize = 3000;
/// The most blocks of a view, from the same page.
const MOST_BLOCKS: usize = 100;
/// The longest label and hint: docs.slack.dev/reference/block-kit/blocks/input-block.
const MOST_LABEL: usize = 2000;
/// The longest text that can be typed: docs.slack.dev/reference/block-kit/block-elements/plain-text-input-element.
const MOST_TYPED: usize = 3000;
/// The most entries of a menu or of a group of it, and the most groups:
/// docs.slack.dev/reference/block-kit/block-elements/select-menu-element, and
/// docs.slack.dev/reference/block-kit/composition-objects/option-group-object.
const MOST_OPTIONS: usize = 100;
/// The longest text: docs.slack.dev/reference/block-kit/composition-objects/text-object.
const MOST_TEXT: usize = 3000;
/// The longest text of an entry, and of what stands above a group:
/// docs.slack.dev/reference/block-kit/composition-objects/option-object and option-group-object.
const MOST_OPTION_TEXT: usize = 75;
/// The longest value of an entry, from the same page.
const MOST_OPTION_VALUE: usize = 150;
/// Bytes of all entries of a menu with groups: a view has at most 250 kB, or it is `view_too_large`
/// (docs.slack.dev/reference/methods/views.publish).
const MOST_MENU: usize = 100_000;

/// Where a form was opened, which Slack does not say when it is sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CameFrom {
    /// The workspace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    /// The organisation of which it is a part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    /// The channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// The channel's name, by which the kind of the place is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// Nobody had answered in that thread.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub begins_thread: bool,
    /// The `response_url` of the request that opened it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
}

impl CameFrom {
    /// As the modal carries it. What Slack would find too long is left out, beginning with what can best be missed.
    fn metadata(&self) -> String {
        let written = |it: &Self| serde_json::to_string(it).expect("invariant: texts and flags are JSON");
        let without_route = Self { route: None, ..self.clone() };
        let place_alone = Self { name: None, thread: None, begins_thread: false, ..without_route.clone() };
        let tries = [self, &without_route, &place_alone];
        tries.into_iter().map(written).find(|text| UNITS.size(text) <= MOST_METADATA).unwrap_or_default()
    }

    /// Whether it was opened by the app as it is installed where it comes from: in the same workspace, or, where it is
    /// installed for the organisation as a whole, anywhere in that. There Slack names now the team and now the
    /// organisation, and a person is in several teams.
    #[must_use]
    pub fn is_of(&self, workspace: &str, organisation: Option<&str>, as_a_whole: bool) -> bool {
        let in_organisation = as_a_whole && self.organisation.is_some() && self.organisation.as_deref() == organisation;
        self.workspace.as_deref() == Some(workspace) || in_organisation
    }

    /// As a modal brought it back; nowhere, where it says nothing that can be read.
    #[must_use]
    pub fn read(metadata: Option<&str>) -> Self {
        metadata.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }
}

/// A form as a modal. What is too long for Slack is cut and ends in `…`; how many entries or fields are left out is said
/// in their place.
#[must_use]
pub fn view(form: &Form, came_from: &CameFrom) -> Value {
    let room = MOST_BLOCKS - usize::from(!form.analysed.is_empty());
    // The line that says how many are left out stands in the place of one.
    let shown = if form.fields.len() > room { room - 1 } else { form.fields.len() };
    let fields = form.fields.iter().take(shown);
    let mut blocks: Vec<Value> = fields.clone().map(|field| block(field, is_typed_for_analysis(form, field))).collect();
    if let Some(last) = fields.clone().rposition(|field| form.analysed.contains(&field.name)) {
        let has_text = fields.clone().any(|field| form.analysed.contains(&field.name) && begins_with(field).is_some());
        let text = if has_text { it_comes(&blocks) } else { how_to_ask(&blocks) };
        blocks.insert(last + 1, analysis(&text));
    }
    if shown < form.fields.len() {
        let left = format!("… and {} more fields, for which a form of Slack has no room", form.fields.len() - shown);
        blocks.push(json!({ "type": "context", "elements": [plain(&left, MOST_TEXT)] }));
    }
    json!({
        "type": "modal",
        "callback_id": format!("{CALLBACK}{}", form.name),
        "private_metadata": came_from.metadata(),
        "title": plain(form.title, MOST_TITLE),
        "submit": plain(form.submit, MOST_TITLE),
        "close": plain("Cancel", MOST_TITLE),
        "blocks": blocks,
    })
}

/// The analysis comes when Enter is pressed in such a field. A request for each character would be more than Slack
/// takes of updates (100 a minute: docs.slack.dev/apis/web-api/rate-limits), and in a field of several lines Enter
/// begins a line.
fn is_typed_for_analysis(form: &Form, field: &Field) -> bool {
    form.analysed.contains(&field.name) && matches!(field.kind, FieldKind::Line { .. })
}

fn analysis(text: &str) -> Value {
    json!({ "type": "context", "block_id": ANALYSIS, "elements": [plain(text, MOST_TEXT)] })
}

/// How an analysis is asked for.
fn how_to_ask(blocks: &[Value]) -> String {
    format!("Press Enter in “{}”, and an analysis of the work stands here.", where_to_ask(blocks))
}

/// What stands there until the first analysis has come.
fn it_comes(blocks: &[Value]) -> String {
    format!(
        "The analysis of this text comes in a moment, and another when you press Enter in “{}”.",
        where_to_ask(blocks)
    )
}

/// The label of the field in which Enter asks for an analysis.
fn where_to_ask(blocks: &[Value]) -> &str {
    let field = blocks.iter().find(|block| block["dispatch_action"] == true);
    field.and_then(|block| block["label"]["text"].as_str()).unwrap_or("the first field")
}

/// A modal with another analysis and otherwise as it is; without one it says how it is asked for. `None` where the
/// modal has no place for it.
#[must_use]
pub fn with_analysis(view: &Value, lines: Option<Vec<String>>) -> Option<Value> {
    let mut view = view.clone();
    let blocks = view["blocks"].as_array_mut()?;
    let text = lines.map_or_else(|| how_to_ask(blocks), |lines| lines.join("\n"));
    *blocks.iter_mut().find(|block| block["block_id"] == ANALYSIS)? = analysis(&text);
    Some(view)
}

fn begins_with(field: &Field) -> Option<&str> {
    field.value.as_deref().filter(|value| !value.is_empty())
}

fn block(field: &Field, dispatches: bool) -> Value {
    let element = element(field);
    let left_out = left_out(field, &element);
    if has_no_entries(&element) {
        let words = format!("{} (nothing can be chosen here)", field.label);
        return json!({ "type": "context", "elements": [plain(&words, MOST_TEXT)] });
    }
    let mut block = json!({
        "type": "input",
        "block_id": field.name,
        "label": plain(field.label, MOST_LABEL),
        "element": element,
        "optional": !field.required,
    });
    let hints: Vec<&str> = left_out.as_deref().into_iter().chain(field.hint).collect();
    if !hints.is_empty() {
        block["hint"] = plain(&hints.join(" "), MOST_LABEL);
    }
    if dispatches {
        block["dispatch_action"] = json!(true);
        block["element"]["dispatch_action_config"] = json!({ "trigger_actions_on": ["on_enter_pressed"] });
    }
    block
}

/// Slack takes no menu without entries.
fn has_no_entries(element: &Value) -> bool {
    ["options", "option_groups"].iter().any(|key| element[key].as_array().is_some_and(Vec::is_empty))
}

/// How many entries of a field its menu does not offer; nothing where it offers all.
fn left_out(field: &Field, element: &Value) -> Option<String> {
    let all = match &field.kind {
        FieldKind::Choice { options } => options.len(),
        FieldKind::Grouped { groups } => groups.iter().map(|group| group.options.len()).sum(),
        FieldKind::Line { .. } | FieldKind::Text { .. } | FieldKind::Date => 0,
    };
    let length = |menu: &Value| menu["options"].as_array().map_or(0, Vec::len);
    let of_groups = element["option_groups"].as_array().into_iter().flatten().map(length).sum::<usize>();
    let left = all - length(element) - of_groups;
    (left > 0).then(|| format!("… and {left} more, for which a menu of Slack has no room."))
}

fn element(field: &Field) -> Value {
    let first = begins_with(field);
    let typed = |most: usize, multiline: bool| {
        let most = most.clamp(1, MOST_TYPED);
        let element = json!({
            "type": "plain_text_input", "action_id": ACTION, "multiline": multiline, "max_length": most,
        });
        (element, "initial_value", first.map(|first| Value::from(UNITS.ellipsis(first, most))))
    };
    let (mut element, name, first) = match &field.kind {
        FieldKind::Line { most } => typed(*most, false),
        FieldKind::Text { most } => typed(*most, true),
        FieldKind::Date => {
            let day = first.filter(|first| first.parse::<jiff::civil::Date>().is_ok());
            (json!({ "type": "datepicker", "action_id": ACTION }), "initial_date", day.map(Value::from))
        }
        FieldKind::Choice { options } => {
            let options = entries(options);
            let chosen = chosen(options.iter(), first);
            let element = json!({ "type": "static_select", "action_id": ACTION, "options": options });
            (element, "initial_option", chosen)
        }
        FieldKind::Grouped { groups } => {
            let groups = groups_that_fit(groups);
            let chosen = chosen(groups.iter().flat_map(|(_, options)| options), first);
            let of_group = |(label, options): (Value, Vec<Value>)| json!({ "label": label, "options": options });
            let groups: Vec<Value> = groups.into_iter().map(of_group).collect();
            let element = json!({ "type": "static_select", "action_id": ACTION, "option_groups": groups });
            (element, "initial_option", chosen)
        }
    };
    if let Some(first) = first {
        element[name] = first;
    }
    element
}

/// The groups that Slack takes: none without entries, and none whose label has no characters.
fn groups_that_fit(groups: &[Group]) -> Vec<(Value, Vec<Value>)> {
    let mut room = MOST_MENU;
    let mut fits = |entry: &Value| room.checked_sub(entry.to_string().len()).map(|left| room = left).is_some();
    let named = groups.iter().filter(|group| !group.label.trim().is_empty());
    let entries = named.map(|group| {
        let options: Vec<Value> = entries(&group.options).into_iter().take_while(&mut fits).collect();
        (plain(&group.label, MOST_OPTION_TEXT), options)
    });
    entries.filter(|(_, options)| !options.is_empty()).take(MOST_OPTIONS).collect()
}

/// The entries that Slack takes.
fn entries(choices: &[Choice]) -> Vec<Value> {
    let can_be_chosen = |choice: &&Choice| (1..=MOST_OPTION_VALUE).contains(&UNITS.size(&choice.value));
    choices.iter().filter(can_be_chosen).take(MOST_OPTIONS).map(option).collect()
}

fn chosen<'a>(mut options: impl Iterator<Item = &'a Value>, value: Option<&str>) -> Option<Value> {
    options.find(|option| option["value"].as_str() == value && value.is_some()).cloned()
}

fn option(choice: &Choice) -> Value {
    // Slack takes no text without characters.
    let label = [choice.label.as_str(), &choice.value].into_iter().find(|text| !text.trim().is_empty());
    let label = label.unwrap_or("(no label)");
    json!({ "text": plain(label, MOST_OPTION_TEXT), "value": choice.value })
}

/// A text object, which Slack may measure escaped.
fn plain(text: &str, most: usize) -> Value {
    json!({ "type": "plain_text", "text": SIZES.ellipsis(text, most) })
}

/// An open form in which somebody has typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typed {
    /// The form's name.
    pub form: String,
    /// What is filled in.
    pub filled: Filled,
    /// Which modal shows it, as it was when that was typed.
    pub version: Version,
    /// What it shows, as `views.update` takes it.
    pub view: Value,
}

/// The form that is open and has a place for an analysis; `None` where it is none of ours.
pub(super) fn typed(view: &View) -> Option<Typed> {
    let (form, filled) = filled(view).filter(|_| view.kind.as_deref() == Some("modal"))?;
    let version = Version { id: view.id.clone()?, hash: view.hash.clone()? };
    view.blocks.as_array()?.iter().find(|block| block["block_id"] == ANALYSIS)?;
    let mut shown = json!({ "type": "modal", "callback_id": view.callback_id, "blocks": view.blocks });
    let metadata = json!(view.private_metadata);
    for (name, part) in
        [("private_metadata", &metadata), ("title", &view.title), ("submit", &view.submit), ("close", &view.close)]
    {
        if !part.is_null() {
            shown[name] = part.clone();
        }
    }
    Some(Typed { form, filled, version, view: shown })
}

/// The form that was sent and what is filled in; `None` where it is none of ours.
pub(super) fn filled(view: &View) -> Option<(String, Filled)> {
    let form = view.callback_id.as_deref()?.strip_prefix(CALLBACK)?;
    let values = view.state.as_ref().and_then(|state| state.values.as_ref()).into_iter().flatten();
    let filled = values.filter_map(|(block, actions)| Some((block.clone(), value(actions)?)));
    Some((form.to_owned(), filled.collect()))
}

/// What is filled in at a field: the one entry under its block. What is unset is `null`, and read as absent, as is what
/// no field of ours has.
fn value(actions: &Value) -> Option<String> {
    let state: &Map<String, Value> = actions.as_object()?.values().next()?.as_object()?;
    let chosen = state.get("selected_option").and_then(|option| option.get("value"));
    let found = [state.get("value"), chosen, state.get("selected_date")].into_iter().flatten().find_map(Value::as_str);
    found.filter(|text| !text.trim().is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    use super::*;
    use crate::channels::testing::any_text;

    /// What Slack may count for a text that has to have characters; written from its documents, as what follows.
    fn text(value: &Value, most: usize) {
        let text = value["text"].as_str().unwrap_or_else(|| panic!("no text in {value}"));
        let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        assert!(!text.trim().is_empty() && escaped.encode_utf16().count() <= most, "{most}: {value}");
    }

    fn units(value: &Value) -> usize {
        value.as_str().map_or(0, |text| text.encode_utf16().count())
    }

    fn items<'a>(value: &'a Value, key: &str, most: usize) -> &'a [Value] {
        let items = value[key].as_array().unwrap();
        assert!((1..=most).contains(&items.len()), "{} of {key}", items.len());
        items
    }

    fn options(menu: &Value) {
        for option in items(menu, "options", 100) {
            text(&option["text"], 75);
            assert!((1..=150).contains(&units(&option["value"])), "{option}");
        }
    }

    /// Panics on whatever Slack would refuse in a modal.
    fn refusals(view: &Value) {
        assert!(view.to_string().len() < 250_000, "{} bytes", view.to_string().len());
        assert!(units(&view["private_metadata"]) <= 3000 && units(&view["callback_id"]) <= 255);
        ["title", "submit", "close"].iter().for_each(|name| text(&view[name], 24));
        for block in items(view, "blocks", 100) {
            assert!(units(&block["block_id"]) <= 255);
            if block["type"] == "context" {
                items(block, "elements", 10).iter().for_each(|element| text(element, 3000));
                continue;
            }
            text(&block["label"], 2000);
            block.get("hint").into_iter().for_each(|hint| text(hint, 2000));
            let element = &block["element"];
            assert!((1..=255).contains(&units(&element["action_id"])));
            match element["type"].as_str().unwrap() {
                "plain_text_input" => {
                    let most = element["max_length"].as_u64().unwrap();
                    assert!((1..=3000).contains(&most) && units(&element["initial_value"]) as u64 <= most);
                }
                "static_select" if element.get("options").is_some() => options(element),
                "static_select" => items(element, "option_groups", 100).iter().for_each(|group| {
                    text(&group["label"], 75);
                    options(group);
                }),
                "datepicker" => {}
                other => panic!("element {other}"),
            }
        }
    }

    fn any_field() -> impl Strategy<Value = Field> {
        let said = || any_text(&["&&&", "<!channel>", "👩‍👧", "e\u{301}"]);
        let options = move |most| vec((said(), said()).prop_map(|(label, value)| Choice { label, value }), 0..most);
        let group = move || (said(), options(110)).prop_map(|(label, options)| Group { label, options });
        let kind = prop_oneof![
            (0..4000_usize).prop_map(|most| FieldKind::Line { most }),
            (0..4000_usize).prop_map(|most| FieldKind::Text { most }),
            Just(FieldKind::Date),
            options(130).prop_map(|options| FieldKind::Choice { options }),
            vec(group(), 0..4).prop_map(|groups| FieldKind::Grouped { groups }),
            (group(), 0..130_usize).prop_map(|(group, count)| FieldKind::Grouped { groups: vec![group; count] }),
        ];
        (kind, said(), option::of(said()), any::<bool>()).prop_map(|(kind, hint, value, required)| {
            let said: &'static str = Box::leak(format!("L{hint}").into_boxed_str());
            Field { name: "f", label: said, kind, hint: Some(said), required, value }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_form_is_taken_by_slack_and_nothing_is_cut_in_silence(asked in any_field(), name in any_text(&["🎉"])) {
            let came_from = CameFrom { place: Some("C1".to_owned()), name: Some(name), ..CameFrom::default() };
            let title = asked.label;
            let made = view(&Form { title, submit: title, ..form(vec![asked.clone()]) }, &came_from);
            refusals(&made);
            let of_kind = match &asked.kind {
                FieldKind::Choice { options } => options.len(),
                FieldKind::Grouped { groups } => groups.iter().map(|group| group.options.len()).sum(),
                _ => 0,
            };
            let first = &made["blocks"][0];
            let offered = |menu: &Value| menu["options"].as_array().map_or(0, Vec::len);
            let groups = first["element"]["option_groups"].as_array().into_iter().flatten();
            let shown = offered(&first["element"]) + groups.map(offered).sum::<usize>();
            let said = first["hint"]["text"].as_str().or(first["elements"][0]["text"].as_str()).unwrap_or_default();
            let is_said = said.starts_with(&format!("… and {} more, ", of_kind - shown))
                || said.ends_with("(nothing can be chosen here)") || (shown == 0 && said.ends_with('…'));
            prop_assert!(shown == of_kind || is_said, "{} of {}: {}", shown, of_kind, said);
        }
    }

    fn field(name: &'static str, kind: FieldKind, value: Option<&str>) -> Field {
        Field { name, label: "Label", kind, hint: Some("Hint"), required: true, value: value.map(str::to_owned) }
    }

    fn form(fields: Vec<Field>) -> Form {
        Form { name: "task.create", title: "Create a task", submit: "Create", fields, analysed: &[] }
    }

    fn choice(number: usize) -> Choice {
        Choice { label: format!("Entry {number}"), value: number.to_string() }
    }

    #[test]
    fn a_form_is_a_modal_with_a_block_for_each_field() {
        let came_from = CameFrom { place: Some("C1".to_owned()), begins_thread: true, ..CameFrom::default() };
        let made = view(
            &form(vec![
                field("title", FieldKind::Line { most: 250 }, Some("Fix it")),
                field("description", FieldKind::Text { most: 3000 }, None),
                field("due", FieldKind::Date, Some("2026-12-01")),
                field("agent", FieldKind::Choice { options: (0..3).map(choice).collect() }, Some("1")),
            ]),
            &came_from,
        );
        assert_eq!(made["callback_id"], "form:task.create");
        assert_eq!(CameFrom::read(made["private_metadata"].as_str()), came_from);
        let named: Vec<&str> =
            made["blocks"].as_array().unwrap().iter().filter_map(|it| it["block_id"].as_str()).collect();
        assert_eq!(named, ["title", "description", "due", "agent"]);
        let at = |pointer: &str| made.pointer(pointer).cloned().unwrap_or_default();
        assert_eq!(at("/blocks/0/element/initial_value"), "Fix it");
        assert_eq!(at("/blocks/0/element/max_length"), 250);
        assert_eq!(at("/blocks/1/element/multiline"), true);
        assert_eq!(at("/blocks/1/element/initial_value"), Value::Null);
        assert_eq!(at("/blocks/2/element/initial_date"), "2026-12-01");
        assert_eq!(at("/blocks/3/element/initial_option/value"), "1");
    }

    #[test]
    fn limits_hold_at_the_limit_and_past_it() {
        for (length, kept) in [(MOST_TITLE, MOST_TITLE), (MOST_TITLE + 1, MOST_TITLE)] {
            let text = UNITS.ellipsis(&"ü".repeat(length), MOST_TITLE);
            assert_eq!((text.chars().count(), text.ends_with('…')), (kept, length > MOST_TITLE));
        }
        assert_eq!(UNITS.ellipsis("😀😀", 4), "😀😀");
        assert_eq!(UNITS.ellipsis("😀😀", 3), "😀…");
        for (count, kept) in [(MOST_OPTIONS, MOST_OPTIONS), (MOST_OPTIONS + 1, MOST_OPTIONS)] {
            let options = (0..count).map(choice).collect();
            let made = element(&field("agent", FieldKind::Choice { options }, None));
            assert_eq!(made["options"].as_array().unwrap().len(), kept);
        }
        for (length, kept) in [(MOST_OPTION_VALUE, 1), (MOST_OPTION_VALUE + 1, 0)] {
            let options = vec![Choice { label: "x".repeat(MOST_OPTION_TEXT + 1), value: "v".repeat(length) }];
            let made = element(&field("agent", FieldKind::Choice { options }, Some("none of them")));
            assert_eq!(made["options"].as_array().unwrap().len(), kept);
            assert!(made["initial_option"].is_null());
        }
        for (asked, most) in [(0, 1), (MOST_TYPED, MOST_TYPED), (MOST_TYPED + 1, MOST_TYPED)] {
            let made = element(&field("title", FieldKind::Line { most: asked }, Some(&"x".repeat(MOST_TYPED + 1))));
            assert_eq!(
                (made["max_length"].as_u64(), made["initial_value"].as_str().map(|it| it.chars().count())),
                (Some(most as u64), Some(most))
            );
        }
        let fields = (0..=MOST_BLOCKS).map(|_| field("f", FieldKind::Date, Some("soon"))).collect();
        let made = view(&form(fields), &CameFrom::default());
        assert_eq!(made["blocks"].as_array().unwrap().len(), MOST_BLOCKS);
        assert!(made.pointer("/blocks/0/element/initial_date").is_none());
    }

    #[test]
    fn what_a_menu_leaves_out_is_counted_below_it() {
        let hint = |kind: FieldKind| block(&field("agent", kind, None), false)["hint"]["text"].clone();
        let choices = |count: usize| (0..count).map(choice).collect::<Vec<_>>();
        let group = |count: usize| Group { label: "g".to_owned(), options: choices(count) };
        let long = Choice { label: "x".to_owned(), value: "🎉".repeat(MOST_OPTION_VALUE / 2 + 1) };
        let unnamed = Choice { label: "x".to_owned(), value: String::new() };
        for (kind, left) in [
            (FieldKind::Choice { options: choices(MOST_OPTIONS) }, 0),
            (FieldKind::Choice { options: choices(MOST_OPTIONS + 1) }, 1),
            (FieldKind::Choice { options: vec![choice(1), long, unnamed] }, 2),
            (FieldKind::Grouped { groups: vec![group(MOST_OPTIONS), group(1)] }, 0),
            (FieldKind::Grouped { groups: vec![group(MOST_OPTIONS + 2), group(1)] }, 2),
            (FieldKind::Grouped { groups: (0..=MOST_OPTIONS).map(|_| group(3)).collect() }, 3),
            (FieldKind::Line { most: 9 }, 0),
        ] {
            let said = format!("… and {left} more, for which a menu of Slack has no room. Hint");
            assert_eq!(hint(kind), if left == 0 { "Hint" } else { &said });
        }
        // What is below a field stays whole beside it, and is cut where it is too long itself.
        let long: &'static str = Box::leak("h".repeat(MOST_LABEL + 1).into_boxed_str());
        let fitting = &long[1..];
        for (text, is_cut) in [(fitting, false), (long, true)] {
            let field = Field { label: text, hint: Some(text), ..field("f", FieldKind::Date, None) };
            let made = block(&field, false);
            for said in [&made["label"]["text"], &made["hint"]["text"]].map(|it| it.as_str().unwrap()) {
                assert_eq!((said.len() == MOST_LABEL, said.ends_with('…')), (!is_cut, is_cut));
            }
        }
    }

    #[test]
    fn fields_for_which_a_view_has_no_room_are_counted() {
        for (analysed, room) in [(&[][..], MOST_BLOCKS), (&["f"][..], MOST_BLOCKS - 1)] {
            for fields in [room, room + 1] {
                let fields = (0..fields).map(|_| field("f", FieldKind::Line { most: 9 }, None)).collect();
                let made = view(&Form { analysed, ..form(fields) }, &CameFrom::default());
                let blocks = made["blocks"].as_array().unwrap();
                let inputs = blocks.iter().filter(|block| block["type"] == "input").count();
                let last = blocks.last().unwrap()["elements"][0]["text"].as_str().unwrap_or_default();
                assert_eq!(blocks.len(), MOST_BLOCKS);
                assert_eq!(last.starts_with("… and 2 more fields"), inputs == room - 1, "{last}");
            }
        }
    }

    #[test]
    fn texts_of_a_view_are_measured_as_slack_may_and_letters_stay_whole() {
        for (letter, size) in [("x", 1), ("é", 1), ("日", 1), ("🎉", 2), ("👩‍👧", 5), ("e\u{301}", 2), ("&", 5), ("<", 4)]
        {
            for most in [MOST_TITLE, MOST_OPTION_TEXT, MOST_LABEL, MOST_TEXT] {
                let at_most = |more: usize| format!("{}{}", "x".repeat(most % size + more), letter.repeat(most / size));
                assert_eq!(plain(&at_most(0), most)["text"], at_most(0));
                let cut = plain(&at_most(1), most)["text"].as_str().unwrap().to_owned();
                let kept = cut.strip_suffix('…').expect("it says that it is cut");
                assert!(at_most(1).starts_with(kept) && SIZES.size(&cut) <= most);
                assert_eq!(kept.trim_start_matches('x').replace(letter, ""), "", "no letter is parted");
            }
            let value = |more: usize| {
                let (whole, rest) = (MOST_OPTION_VALUE / letter.encode_utf16().count(), letter.encode_utf16().count());
                format!("{}{}", letter.repeat(whole), "x".repeat(MOST_OPTION_VALUE % rest + more))
            };
            let kept = |more| entries(&[Choice { label: String::new(), value: value(more) }]);
            assert_eq!((kept(0).len(), kept(1).len()), (1, 0), "{letter}");
            assert!(kept(0)[0]["text"]["text"] != "", "Slack takes no text without characters");
        }
    }

    #[test]
    fn limits_of_groups_hold_at_the_limit_and_past_it() {
        let group =
            |label: &str, count: usize| Group { label: label.to_owned(), options: (0..count).map(choice).collect() };
        let made = |groups: Vec<Group>, value| element(&field("agent", FieldKind::Grouped { groups }, value));
        for (count, kept) in [(MOST_OPTIONS, MOST_OPTIONS), (MOST_OPTIONS + 1, MOST_OPTIONS)] {
            let of_many = made((0..count).map(|_| group("g", 1)).collect(), None);
            assert_eq!(of_many["option_groups"].as_array().unwrap().len(), kept);
            let of_one = made(vec![group("g", count)], None);
            assert_eq!(of_one["option_groups"][0]["options"].as_array().unwrap().len(), kept);
            assert!(of_one.get("options").is_none());
        }
        for (length, is_cut) in [(MOST_OPTION_TEXT, false), (MOST_OPTION_TEXT + 1, true)] {
            let label = made(vec![group(&"ü".repeat(length), 1)], None)["option_groups"][0]["label"]["text"].clone();
            let label = label.as_str().unwrap();
            assert_eq!((label.chars().count(), label.ends_with('…')), (MOST_OPTION_TEXT, is_cut));
        }
        let groups = vec![group("none", 0), group("", 1), group("two", 2)];
        let chosen = made(groups, Some("1"));
        assert_eq!(chosen["option_groups"].as_array().unwrap().len(), 1);
        assert_eq!(chosen["initial_option"], chosen["option_groups"][0]["options"][1]);
    }

    #[test]
    fn an_analysis_has_a_block_of_its_own_and_changes_nothing_else() {
        let made = |title: Option<&str>, fields: usize| {
            let mut all = vec![
                field("title", FieldKind::Line { most: 250 }, title),
                field("description", FieldKind::Text { most: 3000 }, None),
            ];
            all.extend((0..fields).map(|_| field("due", FieldKind::Date, None)));
            view(&Form { analysed: &["title", "description"], ..form(all) }, &CameFrom::default())
        };
        let text = |view: &Value| view["blocks"][2]["elements"][0]["text"].as_str().unwrap().to_owned();
        let empty = made(None, 1);
        assert_eq!(text(&empty), "Press Enter in “Label”, and an analysis of the work stands here.");
        assert_eq!(empty["blocks"][0]["dispatch_action"], true);
        let when = &empty["blocks"][0]["element"]["dispatch_action_config"];
        assert_eq!(when, &json!({ "trigger_actions_on": ["on_enter_pressed"] }));
        assert!(empty["blocks"][1].get("dispatch_action").is_none(), "in a text Enter begins a line");
        for fields in [MOST_BLOCKS - 3, MOST_BLOCKS - 2] {
            assert_eq!(made(None, fields)["blocks"].as_array().unwrap().len(), MOST_BLOCKS);
        }

        let known = made(Some("Fix it"), 1);
        assert!(text(&known).starts_with("The analysis of this text comes in a moment"), "{known}");
        let mut analysed = with_analysis(&known, Some(vec!["6 h".to_owned(), "Steps".to_owned()])).unwrap();
        assert_eq!(text(&analysed), "6 h\nSteps");
        analysed["blocks"][2] = known["blocks"][2].clone();
        assert_eq!(analysed, known, "nothing else has changed");
        assert_eq!(text(&with_analysis(&known, None).unwrap()), text(&empty));
        for (length, kept) in [(MOST_TEXT, MOST_TEXT), (MOST_TEXT + 1, MOST_TEXT)] {
            let long = with_analysis(&known, Some(vec!["x".repeat(length)])).unwrap();
            assert_eq!(text(&long).chars().count(), kept);
        }
        assert_eq!(with_analysis(&view(&form(vec![]), &CameFrom::default()), None), None);
    }

    #[test]
    fn it_is_of_the_workspace_in_which_it_was_opened_and_of_no_other() {
        let opened = |workspace: Option<&str>, organisation: Option<&str>| CameFrom {
            workspace: workspace.map(str::to_owned),
            organisation: organisation.map(str::to_owned),
            ..CameFrom::default()
        };
        let (of_one, in_grid) = (opened(Some("T1"), None), opened(Some("T1"), Some("E1")));
        for (came_from, workspace, organisation, as_a_whole, is_of) in [
            (&of_one, "T1", None, false, true),
            (&of_one, "T2", None, false, false),
            (&of_one, "E1", Some("E1"), true, false),
            (&in_grid, "T1", Some("E1"), false, true),
            (&in_grid, "T2", Some("E1"), false, false),
            (&in_grid, "T2", Some("E1"), true, true),
            (&in_grid, "E1", Some("E1"), true, true),
            (&in_grid, "T2", Some("E2"), true, false),
            (&in_grid, "T2", None, true, false),
            (&opened(None, None), "T1", None, true, false),
        ] {
            let shown = format!("{came_from:?} at {workspace} of {organisation:?}");
            assert_eq!(came_from.is_of(workspace, organisation, as_a_whole), is_of, "{shown}");
        }
        let long = CameFrom { thread: Some("x".repeat(MOST_METADATA)), ..in_grid.clone() };
        assert_eq!(CameFrom::read(Some(&long.metadata())), in_grid, "whatever has to be left out");
    }

    #[test]
    fn what_is_remembered_fits() {
        let base = CameFrom { place: Some("C1".to_owned()), route: Some(String::new()), ..CameFrom::default() };
        let room = MOST_METADATA - base.metadata().len();
        for (length, kept) in [(room, true), (room + 1, false)] {
            let route = Some("x".repeat(length));
            let read = CameFrom::read(Some(&CameFrom { route, ..base.clone() }.metadata()));
            assert_eq!((read.route.is_some(), read.place.as_deref()), (kept, Some("C1")));
        }
        let name = |letters: usize| CameFrom { name: Some("🎉".repeat(letters)), route: None, ..base.clone() };
        let room = MOST_METADATA - name(0).metadata().len();
        for (letters, kept) in [(room / 2, true), (room / 2 + 1, false)] {
            let metadata = name(letters).metadata();
            assert!(metadata.encode_utf16().count() <= MOST_METADATA);
            assert_eq!(CameFrom::read(Some(&metadata)).name.is_some(), kept, "{letters} letters of two units each");
        }
        for odd in [None, Some(""), Some("{"), Some("[]"), Some("{\"place\":7}")] {
            assert_eq!(CameFrom::read(odd), CameFrom::default(), "{odd:?}");
        }
    }

    #[test]
    fn what_is_filled_in_is_read_whatever_its_shape() {
        let table = [
            (json!({ "a": { "type": "plain_text_input", "value": "Fix it" } }), Some("Fix it")),
            (json!({ "a": { "type": "plain_text_input", "value": null } }), None),
            (json!({ "a": { "type": "plain_text_input", "value": " " } }), None),
            (json!({ "a": { "type": "static_select", "selected_option": { "value": "high" } } }), Some("high")),
            (json!({ "a": { "type": "static_select", "selected_option": null } }), None),
            (json!({ "a": { "type": "datepicker", "selected_date": "2026-12-01" } }), Some("2026-12-01")),
            (json!({ "a": { "type": "datepicker", "selected_date": null } }), None),
            (json!({ "a": { "type": "checkboxes", "selected_options": [] } }), None),
            (json!({ "a": { "value": 7 } }), None),
            (json!({ "a": null }), None),
            (json!({}), None),
            (json!([]), None),
            (Value::Null, None),
        ];
        for (actions, expected) in table {
            assert_eq!(value(&actions).as_deref(), expected, "{actions}");
        }
    }
}
