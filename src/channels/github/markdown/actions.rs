//! Buttons, menus and links, as what people type instead.
//!
//! GitHub has no buttons. A button's token carries the line that a press stands for, so that line is shown as a comment
//! would have it; of a menu there is one for each entry. What carries none is said in words.

use super::content::{MOST_GROUP, address, folded, target};
use super::part::{Part, grouped, paragraphs};
use super::text::{CHARACTERS, Place, code, one_line};
use crate::domain::action::ActionClaim;
use crate::domain::card::{Action, ButtonStyle, Card, Choice};

/// How a command begins in a comment.
const CALL: &str = "/ai-crm";

/// Characters of a label; a longer one is cut and stands whole above.
const MOST_LABEL: usize = 200;

/// Characters of a line that people are shown to type. Tokens hold fewer.
const MOST_LINE: usize = 500;

/// Entries of a menu that are seen at once.
const SHOWN_ENTRIES: usize = 10;

/// What stands above the first line that can be typed.
const LEAD: &str = "Comment with one of these lines:";

/// What people can do on the card, in its order.
pub(super) fn parts(card: &Card) -> Vec<Part> {
    let mut rows = Rows::default();
    for action in &card.actions {
        match action {
            Action::Button { label, token, style } => rows.button(label, token, *style),
            Action::Link { label, url } => rows.link(label, url),
            Action::Menu { label, token, options } => rows.menu(label, token, options),
        }
    }
    rows.close();
    let lead = rows.can_be_typed.then(|| Part::new(LEAD.to_owned(), 0));
    lead.into_iter().chain(rows.done).collect()
}

/// Items that stand under each other.
#[derive(Default)]
struct Rows {
    open: Vec<(String, usize)>,
    done: Vec<Part>,
    can_be_typed: bool,
}

impl Rows {
    fn button(&mut self, label: &str, token: &str, style: ButtonStyle) {
        let name = self.name(label);
        let warning = if style == ButtonStyle::Danger { " (!)" } else { "" };
        self.open.push(match line_of(token) {
            Some(line) => {
                self.can_be_typed = true;
                (format!("- {name}{warning}: {}", typed(&line)), label.chars().count())
            }
            None => (format!("- {name}{warning} (cannot be pressed here)"), label.chars().count()),
        });
    }

    fn link(&mut self, label: &str, url: &str) {
        let name = self.name(label);
        match address(url) {
            Some(address) => {
                self.open.push((format!("- [{name}](<{}>)", target(&address)), label.chars().count()));
            }
            None => {
                self.open.push((format!("- {name}:"), label.chars().count()));
                self.words(&crate::channels::text::one_line(url));
            }
        }
    }

    /// A menu as a list of its own; its end is folded where it is long.
    fn menu(&mut self, label: &str, token: &str, options: &[Choice]) {
        let name = self.name(label);
        let line = line_of(token).filter(|_| !options.is_empty());
        let Some(line) = line else {
            self.open.push((format!("- {name} (nothing can be chosen here)"), label.chars().count()));
            return;
        };
        self.can_be_typed = true;
        self.open.push((format!("- {name}:"), label.chars().count()));
        self.close();
        let mut entries: Vec<(String, usize)> = options.iter().map(|choice| entry(choice, &line)).collect();
        let more = entries.split_off(entries.len().min(SHOWN_ENTRIES));
        let left = more.len();
        self.done.extend(grouped(entries, MOST_GROUP));
        self.done.extend(folded(grouped(more, MOST_GROUP), &format!("{left} more")));
    }

    /// A label as Markdown; one that is cut is given whole above it.
    fn name(&mut self, label: &str) -> String {
        let whole = named(label);
        let shown = CHARACTERS.ellipsis(&whole, MOST_LABEL);
        if shown != whole {
            self.words(&whole);
        }
        one_line(&shown, Place::Label)
    }

    fn words(&mut self, text: &str) {
        self.close();
        self.done.extend(paragraphs(text));
    }

    fn close(&mut self) {
        self.done.extend(grouped(std::mem::take(&mut self.open), MOST_GROUP));
    }
}

/// A label that shows something.
fn named(label: &str) -> String {
    let label = crate::channels::text::one_line(label);
    if label.is_empty() { "(no label)".to_owned() } else { label }
}

/// The line that a token carries, where it can be typed.
fn line_of(token: &str) -> Option<String> {
    let line = ActionClaim::line_of(token).map(|line| crate::channels::text::one_line(&line))?;
    (!line.is_empty() && line.chars().count() <= MOST_LINE).then_some(line)
}

/// A line as it stands in a comment.
fn typed(line: &str) -> String {
    code(&format!("{CALL} {line}"))
}

/// An entry of a menu with its line. A label is cut where it is long: its value says the same.
fn entry(choice: &Choice, line: &str) -> (String, usize) {
    let label = named(if choice.label.trim().is_empty() { &choice.value } else { &choice.label });
    let label = one_line(&CHARACTERS.ellipsis(&label, MOST_LABEL), Place::Label);
    let value = crate::channels::text::one_line(&choice.value);
    let shown = choice.label.chars().count();
    if value.is_empty() || value.chars().count() > MOST_LINE {
        return (format!("* {label} (cannot be chosen here)"), shown);
    }
    (format!("* {label}: {}", typed(&line.replace("{choice}", &quoted(&value)))), shown)
}

/// A value as one word of a line.
fn quoted(value: &str) -> String {
    if value.chars().all(|c| c.is_alphanumeric() || "-_.:/@+".contains(c)) {
        return value.to_owned();
    }
    // The quotes that the chat grammar reads as an end.
    let ends = |c: char| r#"\"“”„‟«»＂〝〞"#.contains(c);
    let inside: String = value.chars().flat_map(|c| ends(c).then_some('\\').into_iter().chain([c])).collect();
    format!("\"{inside}\"")
}
