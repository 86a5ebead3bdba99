//! Buttons, menus and links, as sets of actions.
//!
//! A press comes back with the token under [`KEY`] in its data. A menu is an input with a button: the client adds
//! what was chosen to the data under the input's id, and because it does so with every input of the card, the data
//! names the button's own. What Teams cannot offer is said in words in the place where it would stand.
//!
//! Buttons are `Action.Execute` with an `Action.Submit` of the same data for clients before version 1.4, and stand
//! in the body, because only there a fallback is looked at
//! (<https://learn.microsoft.com/adaptive-cards/authoring-cards/universal-action-model#backward-compatibility>).

use serde_json::{Value, json};

use crate::channels::text::one_line;
use crate::domain::card::{Action, ButtonStyle, Card, Choice};

use super::content::address;
use super::part::{Part, paragraph, small_print, weight};
use super::press::{INPUT, KEY, MOST_TOKEN, MOST_VALUE};
use super::text::{CHARACTERS, literal};

/// What every button calls: the word by which this program knows its own.
pub(super) const VERB: &str = "ai-crm";

/// Actions of one set: "You can have up to six"
/// (<https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/design-effective-cards#anatomy>).
const MOST_BUTTONS: usize = 6;

/// Characters of a button and of an entry. No limit is documented; buttons are one line and are cut by clients.
pub(super) const MOST_LABEL: usize = 100;

/// All actions of one set together, half a message.
const MOST_ROW: usize = 10_000;

/// Entries of a menu: nobody looks through more.
const MOST_OPTIONS: usize = 100;

/// All entries of a menu together, about half a message.
pub(super) const MOST_ENTRIES: usize = 12_000;

/// What people can do on the card, in its order.
pub(super) fn parts(card: &Card) -> Vec<Part> {
    let mut row = Row::default();
    for (index, action) in card.actions.iter().enumerate() {
        match action {
            Action::Button { label, token, style } => row.button(label, token, *style),
            Action::Link { label, url } => row.link(label, url),
            Action::Menu { label, token, options } => {
                row.close();
                row.done.extend(menu(index, label, token, options));
            }
        }
    }
    row.close();
    row.done
}

/// Buttons that stand side by side until the set is full.
#[derive(Default)]
struct Row {
    open: Vec<Value>,
    cost: usize,
    plain: Vec<String>,
    done: Vec<Part>,
}

impl Row {
    fn button(&mut self, label: &str, token: &str, style: ButtonStyle) {
        let name = named(label);
        if !can_carry(token) {
            self.words(&format!("{name} (cannot be pressed here)"));
            return;
        }
        self.name(&name);
        // Else the client would send what stands in the card's menus along.
        let mut action = execute(&name, &json!({KEY: {"token": token}}), Some("none"));
        match style {
            ButtonStyle::Plain => {}
            // Some clients of Teams show no style (cards-reference); the label has to say it anyway.
            ButtonStyle::Primary => action["style"] = json!("positive"),
            ButtonStyle::Danger => action["style"] = json!("destructive"),
        }
        self.push(action, name);
    }

    fn link(&mut self, label: &str, url: &str) {
        let name = named(label);
        match address(url) {
            Some(address) => {
                self.name(&name);
                let title = literal(&CHARACTERS.ellipsis(&name, MOST_LABEL));
                let action = json!({"type": "Action.OpenUrl", "title": title, "url": address.as_str()});
                self.push(action, format!("{name}: {address}"));
            }
            None => self.words(&format!("{name}: {}", one_line(url))),
        }
    }

    /// Gives a label whole above the buttons when it is cut on its own.
    fn name(&mut self, name: &str) {
        if name.chars().count() > MOST_LABEL {
            self.words(name);
        }
    }

    fn push(&mut self, action: Value, plain: String) {
        let cost = weight(&action) + 2;
        if self.open.len() == MOST_BUTTONS || self.cost + cost > MOST_ROW {
            self.close();
        }
        self.open.push(action);
        self.cost += cost;
        self.plain.push(plain);
    }

    fn words(&mut self, text: &str) {
        self.close();
        self.done.extend(paragraph(text));
    }

    /// Ends the set, which may not be empty.
    fn close(&mut self) {
        self.cost = 0;
        let plain = std::mem::take(&mut self.plain).join(" | ");
        if !self.open.is_empty() {
            let actions = std::mem::take(&mut self.open);
            self.done.push(Part::new(json!({"type": "ActionSet", "actions": actions}), plain));
        }
    }
}

/// A button that comes back with `data`. `inputs` says which inputs go along: all where nothing is said.
fn execute(title: &str, data: &Value, inputs: Option<&str>) -> Value {
    let title = literal(&CHARACTERS.ellipsis(title, MOST_LABEL));
    let mut submit = json!({"type": "Action.Submit", "title": title, "data": data});
    let mut action = json!({"type": "Action.Execute", "title": title, "verb": VERB, "data": data});
    if let Some(inputs) = inputs {
        submit["associatedInputs"] = json!(inputs);
        action["associatedInputs"] = json!(inputs);
    }
    action["fallback"] = submit;
    action
}

/// A label that shows something.
fn named(label: &str) -> String {
    let label = one_line(label);
    if label.is_empty() { "(no label)".to_owned() } else { label }
}

/// Whether a token can go there and back. JSON makes six characters of a control character, and no token has one.
pub(super) fn can_carry(token: &str) -> bool {
    (1..=MOST_TOKEN).contains(&token.len()) && !token.contains(char::is_control)
}

/// A menu with its button, and a line below it on what it leaves out. The two stay together: a button on another
/// message would not see the choice.
fn menu(index: usize, label: &str, token: &str, options: &[Choice]) -> Vec<Part> {
    let name = named(label);
    let entries = entries(options);
    if !can_carry(token) || entries.is_empty() {
        return paragraph(&format!("{name} (nothing can be chosen here)"));
    }
    let left = options.len() - entries.len();
    let is_cut = |choice: &&Choice| one_line(&choice.label).chars().count() > MOST_LABEL;
    let cut = options.iter().filter(takes_part).take(entries.len()).filter(is_cut).count();
    let mut notes = Vec::new();
    if left > 0 {
        notes.push(format!("… and {left} more in “{name}”"));
    }
    if cut > 0 {
        notes.push(format!("{cut} shortened in “{name}”"));
    }
    let id = format!("{INPUT}{index}");
    let shown = literal(&CHARACTERS.ellipsis(&name, MOST_LABEL));
    let input = json!({
        "type": "Input.ChoiceSet",
        "id": id,
        "style": "compact",
        "label": shown,
        "placeholder": shown,
        "choices": entries,
    });
    let mut set = execute("Set", &json!({KEY: {"token": token, "input": id}}), None);
    set["tooltip"] = json!(format!("Set {shown}"));
    let element = json!({"type": "Container", "items": [input, {"type": "ActionSet", "actions": [set]}]});
    let mut parts = if name.chars().count() > MOST_LABEL { paragraph(&name) } else { Vec::new() };
    parts.push(Part::new(element, name));
    parts.extend(small_print(&notes.join("; ")));
    parts
}

/// Whether the entry can come back.
fn takes_part(choice: &&Choice) -> bool {
    (1..=MOST_VALUE).contains(&choice.value.len()) && !choice.value.contains(char::is_control)
}

/// As many entries as a menu takes, from the first.
fn entries(options: &[Choice]) -> Vec<Value> {
    let mut together = 0;
    options
        .iter()
        .filter(takes_part)
        .take(MOST_OPTIONS)
        .map(|choice| {
            let label = one_line(if choice.label.trim().is_empty() { &choice.value } else { &choice.label });
            let label =
                if label.is_empty() { "(no label)".to_owned() } else { CHARACTERS.ellipsis(&label, MOST_LABEL) };
            json!({"title": literal(&label), "value": choice.value})
        })
        .take_while(|entry| {
            together += weight(entry) + 2;
            together <= MOST_ENTRIES
        })
        .collect()
}
