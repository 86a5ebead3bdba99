//! A card as text for a terminal: wrapped, aligned, coloured where wanted.
//!
//! Owns the layout of every kind of block and the numbers by which actions are chosen. Measuring
//! and wrapping stand in `render/wrap.rs`, tables in `render/table.rs`. It reads no environment and
//! writes nowhere: the caller says how wide the screen is and what it can show. A new kind of block
//! is one arm in [`render`].
//!
//! Texts of a card cannot steer the terminal: control characters, escape sequences and marks that
//! reverse the reading order are replaced before anything is laid out.

mod table;
mod wrap;

use crate::domain::card::{Action, Block, ButtonStyle, Card, Fact, Tone};

use wrap::{clean, hard_wrap, one_line, pad, width, wrap};

/// Less than this is treated as this.
const LEAST_WIDTH: usize = 20;

/// Labels of facts are aligned up to this width.
const WIDEST_LABEL: usize = 24;

/// What the screen can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Columns of the screen; fewer than 20 count as 20.
    pub width: usize,
    /// Whether colours may be used.
    pub colour: bool,
    /// Whether our own ornaments (bullets, rules, marks) may be other than ASCII. Texts of the card
    /// are shown as they are.
    pub unicode: bool,
}

/// What choosing a number on a card means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Press<'a> {
    /// The token of the button or menu.
    pub token: &'a str,
    /// The value of the menu's entry; a button has none.
    pub value: Option<&'a str>,
}

/// What people can choose on a card: the first is shown as `[1]`, the next as `[2]`. Every entry of
/// a menu has its own number.
#[must_use]
pub fn presses(card: &Card) -> Vec<Press<'_>> {
    let each = |action| match action {
        &Action::Button { ref token, .. } => vec![Press { token, value: None }],
        Action::Menu { token, options, .. } => {
            options.iter().map(|choice| Press { token, value: Some(&choice.value) }).collect()
        }
        Action::Link { .. } => Vec::new(),
    };
    card.actions.iter().flat_map(each).collect()
}

/// The card as lines of at most `look.width` columns, each ended by a line break.
#[must_use]
pub fn render(card: &Card, look: &Look) -> String {
    let page = Page { look: *look, width: look.width.max(LEAST_WIDTH) };
    let mut groups = vec![page.title(card)];
    groups.extend(card.blocks.iter().map(|block| match block {
        Block::Text { text } => wrap(&clean(text), page.width),
        Block::Heading { text } => page.paint_all(BOLD, wrap(&one_line(text), page.width)),
        Block::Facts { facts } => page.facts(facts),
        Block::List { items } => items.iter().flat_map(|item| page.item(item)).collect(),
        Block::Table { columns, rows } => table::lines(&page, columns, rows),
        Block::Code { text } => page.code(text),
        Block::Image { url, alt } => wrap(&one_line(&format!("[image] {alt} {url}")), page.width),
        Block::Divider => vec![page.paint(DIM, &page.rule(page.width))],
    }));
    groups.push(page.actions(&card.actions));
    groups.push(page.paint_all(DIM, wrap(&clean(card.footer.as_deref().unwrap_or_default()), page.width)));
    let shown: Vec<String> =
        groups.into_iter().filter(|lines| !lines.is_empty()).map(|lines| lines.join("\n")).collect();
    if shown.is_empty() { String::new() } else { shown.join("\n\n") + "\n" }
}

/// A way to paint; the numbers are those of ECMA-48 SGR.
type Paint = &'static str;
const BOLD: Paint = "1";
const DIM: Paint = "2";
const GOOD: Paint = "1;32";
const WARNING: Paint = "1;33";
const BAD: Paint = "1;31";
const CHOICE: Paint = "36";

/// The screen that a card is laid out for.
struct Page {
    look: Look,
    width: usize,
}

impl Page {
    /// Paints a line; every line ends unpainted, so that a broken pipe or a pager shows no stray
    /// colour.
    fn paint(&self, paint: Paint, line: &str) -> String {
        if self.look.colour && !line.is_empty() { format!("\u{1b}[{paint}m{line}\u{1b}[0m") } else { line.to_owned() }
    }

    fn paint_all(&self, paint: Paint, lines: Vec<String>) -> Vec<String> {
        lines.iter().map(|line| self.paint(paint, line)).collect()
    }

    fn pick(&self, unicode: &'static str, ascii: &'static str) -> &'static str {
        if self.look.unicode { unicode } else { ascii }
    }

    /// A line across, `width` columns wide.
    fn rule(&self, width: usize) -> String {
        self.pick("─", "-").repeat(width)
    }

    fn title(&self, card: &Card) -> Vec<String> {
        let title = one_line(&card.title);
        if title.is_empty() {
            return Vec::new();
        }
        let (mark, paint) = match card.tone {
            Tone::Neutral => ("", BOLD),
            Tone::Good => (self.pick("✔ ", "[ok] "), GOOD),
            Tone::Warning => (self.pick("▲ ", "[!] "), WARNING),
            Tone::Bad => (self.pick("✘ ", "[x] "), BAD),
        };
        self.paint_all(paint, wrap(&format!("{mark}{title}"), self.width))
    }

    /// Facts with their values under each other; a label too wide for that has its own line.
    fn facts(&self, facts: &[Fact]) -> Vec<String> {
        let widest = WIDEST_LABEL.min(self.width / 3);
        let facts: Vec<(String, String)> =
            facts.iter().map(|fact| (one_line(&fact.label), clean(&fact.value).trim().to_owned())).collect();
        let labels = facts.iter().map(|(label, _)| width(label)).filter(|&width| width <= widest);
        let column = labels.max().unwrap_or(0) + 2;
        let mut lines = Vec::new();
        for (label, value) in &facts {
            let mut values = wrap(value, self.width - column).into_iter();
            if width(label) <= widest {
                let first = values.next().unwrap_or_default();
                lines.push(format!("{}{first}", self.paint_padded(DIM, label, column)).trim_end().to_owned());
            } else {
                lines.extend(self.paint_all(DIM, wrap(label, self.width)));
            }
            lines.extend(values.map(|value| format!("{}{value}", " ".repeat(column))));
        }
        lines
    }

    /// Paints a text but not the blanks that fill its column.
    fn paint_padded(&self, paint: Paint, text: &str, column: usize) -> String {
        format!("{}{}", self.paint(paint, text), &pad(text, column)[text.len()..])
    }

    fn item(&self, item: &str) -> Vec<String> {
        let bullet = self.pick("• ", "* ");
        let lines = wrap(clean(item).trim(), self.width - 2);
        lines.iter().enumerate().map(|(at, line)| format!("{}{line}", if at == 0 { bullet } else { "  " })).collect()
    }

    /// Code is cut at the edge, never at words: a blank inside it may not be swallowed.
    fn code(&self, text: &str) -> Vec<String> {
        let text = clean(text);
        text.trim_matches('\n')
            .lines()
            .flat_map(|line| hard_wrap(line, self.width - 4))
            .map(|line| format!("    {line}").trim_end().to_owned())
            .collect()
    }

    /// Hints of what to type, in the numbering of [`presses`].
    fn actions(&self, actions: &[Action]) -> Vec<String> {
        let mut lines = Vec::new();
        let mut row: Vec<String> = Vec::new();
        let mut next = 1;
        for action in actions {
            match action {
                Action::Button { label, style, .. } => {
                    let warning = if *style == ButtonStyle::Danger { " (!)" } else { "" };
                    row.push(hint(&mut next, label, warning));
                }
                Action::Menu { label, options, .. } => {
                    self.close_row(&mut row, &mut lines);
                    lines.extend(wrap(&format!("{}:", one_line(label)), self.width));
                    row.extend(options.iter().map(|choice| hint(&mut next, &choice.label, "")));
                    self.close_row(&mut row, &mut lines);
                }
                Action::Link { label, url } => {
                    self.close_row(&mut row, &mut lines);
                    lines.extend(wrap(&format!("{}: {}", one_line(label), one_line(url)), self.width));
                }
            }
        }
        self.close_row(&mut row, &mut lines);
        lines
    }

    /// Sets hints side by side as far as they fit.
    fn close_row(&self, row: &mut Vec<String>, lines: &mut Vec<String>) {
        let mut line = String::new();
        for hint in row.drain(..) {
            if !line.is_empty() && width(&line) + 2 + width(&hint) > self.width {
                lines.extend(self.paint_all(CHOICE, wrap(&line, self.width)));
                line.clear();
            }
            let gap = if line.is_empty() { "" } else { "  " };
            line = format!("{line}{gap}{hint}");
        }
        lines.extend(self.paint_all(CHOICE, wrap(&line, self.width)));
    }
}

/// One thing to choose, with its number.
fn hint(next: &mut usize, label: &str, suffix: &str) -> String {
    let hint = format!("[{next}] {}{suffix}", one_line(label));
    *next += 1;
    hint
}
