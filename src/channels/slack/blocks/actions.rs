//! Buttons, menus and links, as blocks of actions.
//!
//! A press comes back with the token as the button's `value`, a choice with the token as the
//! `block_id` of the menu's own block. What Slack cannot offer (a token over its limits, an entry
//! too many) is said in words in the place where it would stand.

use std::collections::HashSet;

use slack_morphism::prelude::{
    SlackActionBlockElement, SlackActionId, SlackActionsBlock, SlackBlockButtonElement, SlackBlockButtonStyle,
    SlackBlockChoiceItem, SlackBlockId, SlackBlockPlainTextOnly, SlackBlockStaticSelectElement,
};

use crate::channels::text::one_line;
use crate::domain::card::{Action, ButtonStyle, Card, Choice};

use super::content::address;
use super::part::{Part, paragraph, plain, small_print};
use super::text::SIZES;

/// <https://docs.slack.dev/reference/block-kit/blocks/actions-block>
const MOST_ELEMENTS: usize = 25;
/// The text of a button and of an option.
const MOST_LABEL: usize = 75;
/// The value of a button.
const MOST_TOKEN: usize = 2_000;
/// The `block_id`, which carries a menu's token.
const MOST_BLOCK_ID: usize = 255;
/// The value of an option.
const MOST_VALUE: usize = 150;
/// The options of a menu.
const MOST_OPTIONS: usize = 100;
/// The text of a menu in which nothing is chosen.
const MOST_HINT: usize = 150;

/// What people can do on the card, in its order.
pub(super) fn parts(card: &Card) -> Vec<Part> {
    let mut row = Row::default();
    let mut menus = HashSet::new();
    for (index, action) in card.actions.iter().enumerate() {
        let id = SlackActionId(format!("act-{index}"));
        match action {
            Action::Button { label, token, style } => row.button(id, label, token, *style),
            Action::Link { label, url } => row.link(id, label, url),
            Action::Menu { label, token, options } => {
                row.close();
                let first = menus.insert(token);
                row.done.extend(menu(id, label, token, options, first));
            }
        }
    }
    row.close();
    row.done
}

/// Buttons that stand side by side until the block is full.
#[derive(Default)]
struct Row {
    open: Vec<SlackActionBlockElement>,
    done: Vec<Part>,
}

impl Row {
    fn button(&mut self, id: SlackActionId, label: &str, token: &str, style: ButtonStyle) {
        if token.is_empty() || token.encode_utf16().count() > MOST_TOKEN {
            self.words(&format!("{} (cannot be pressed here)", named(label)));
            return;
        }
        let element = SlackBlockButtonElement::new(self.label(label)).with_action_id(id).with_value(token.to_owned());
        self.push(match style {
            ButtonStyle::Plain => element,
            ButtonStyle::Primary => element.with_style(SlackBlockButtonStyle::Primary),
            ButtonStyle::Danger => element.with_style(SlackBlockButtonStyle::Danger),
        });
    }

    fn link(&mut self, id: SlackActionId, label: &str, url: &str) {
        match address(url) {
            Some(address) => {
                let element = SlackBlockButtonElement::new(self.label(label)).with_action_id(id).with_url(address);
                self.push(element);
            }
            None => self.words(&format!("{}: {}", named(label), one_line(url))),
        }
    }

    /// A label that fits on a button; one that is cut there is given whole above it.
    fn label(&mut self, label: &str) -> SlackBlockPlainTextOnly {
        let whole = named(label);
        if SIZES.size(&whole) > MOST_LABEL {
            self.words(&whole);
        }
        plain(&SIZES.ellipsis(&whole, MOST_LABEL)).into()
    }

    fn push(&mut self, element: SlackBlockButtonElement) {
        if self.open.len() == MOST_ELEMENTS {
            self.close();
        }
        self.open.push(element.into());
    }

    fn words(&mut self, text: &str) {
        self.close();
        self.done.extend(paragraph(text));
    }

    /// Ends the block. Slack refuses an empty list, so none is made without an element.
    fn close(&mut self) {
        if !self.open.is_empty() {
            let elements = std::mem::take(&mut self.open);
            self.done.push(Part::new(SlackActionsBlock::new(elements), 0));
        }
    }
}

/// A label that shows something.
fn named(label: &str) -> String {
    let label = one_line(label);
    if label.is_empty() { "(no label)".to_owned() } else { label }
}

/// A menu in its own block, with a line below it on what it leaves out.
fn menu(id: SlackActionId, label: &str, token: &str, options: &[Choice], first: bool) -> Vec<Part> {
    let name = named(label);
    let fitting: Vec<&Choice> = options
        .iter()
        .filter(|choice| !choice.value.is_empty() && choice.value.encode_utf16().count() <= MOST_VALUE)
        .collect();
    let usable = first && !token.is_empty() && token.encode_utf16().count() <= MOST_BLOCK_ID;
    if !usable || fitting.is_empty() {
        return paragraph(&format!("{name} (nothing can be chosen here)"));
    }
    let mut notes = Vec::new();
    let mut cut = 0;
    let items = fitting
        .iter()
        .take(MOST_OPTIONS)
        .map(|choice| {
            let label = one_line(if choice.label.trim().is_empty() { &choice.value } else { &choice.label });
            cut += usize::from(SIZES.size(&label) > MOST_LABEL);
            let shown = if label.is_empty() { "(no label)".to_owned() } else { SIZES.ellipsis(&label, MOST_LABEL) };
            SlackBlockChoiceItem::new(plain(&shown).into(), choice.value.clone())
        })
        .collect();
    let left = options.len() - fitting.len().min(MOST_OPTIONS);
    if left > 0 {
        notes.push(format!("… and {left} more in “{name}”"));
    }
    if cut > 0 {
        notes.push(format!("{cut} shortened in “{name}”"));
    }
    let select = SlackBlockStaticSelectElement::new()
        .with_action_id(id)
        .with_placeholder(plain(&SIZES.ellipsis(&name, MOST_HINT)).into())
        .with_options(items);
    let block = SlackActionsBlock::new(vec![select.into()]).with_block_id(SlackBlockId(token.to_owned()));
    let mut parts = if SIZES.size(&name) > MOST_HINT { paragraph(&name) } else { Vec::new() };
    parts.push(Part::new(block, name.chars().count()));
    parts.extend(small_print(&notes.join("; ")));
    parts
}
