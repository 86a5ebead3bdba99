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
    card.actions.iter().flat_map(presses_of).collect()
}

fn presses_of(action: &Action) -> Vec<Press<'_>> {
    match action {
        Action::Button { token, .. } => vec![Press { token, value: None }],
        Action::Menu { token, options, .. } => {
            options.iter().map(|choice| Press { token, value: Some(&choice.value) }).collect()
        }
        Action::Link { .. } => Vec::new(),
    }
}

/// The card as lines of at most `look.width` columns, each ended by a line break.
#[must_use]
pub fn render(card: &Card, look: &Look) -> String {
    let page = Page { look: *look, width: look.width.max(LEAST_WIDTH) };
    let mut groups = vec![page.title(card)];
    groups.extend(card.blocks.iter().map(|block| match block {
        Block::Text { text } | Block::Markup { text } => wrap(&clean(text), page.width),
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

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use unicode_width::UnicodeWidthStr;

    use super::*;
    use crate::channels::testing::turns_the_order;
    use crate::domain::card::Choice;

    const WIDE: Look = Look { width: 80, colour: false, unicode: true };
    const NARROW: Look = Look { width: 40, colour: false, unicode: false };

    fn strings(items: &[&str]) -> Vec<String> {
        items.iter().map(|&item| item.to_owned()).collect()
    }

    fn button(label: &str, token: &str, style: ButtonStyle) -> Action {
        Action::Button { label: label.into(), token: token.into(), style }
    }

    fn menu(label: &str, token: &str, options: &[&str]) -> Action {
        let options = options.iter().map(|&name| Choice { label: name.into(), value: format!("v-{name}") }).collect();
        Action::Menu { label: label.into(), token: token.into(), options }
    }

    /// A card with every kind of block and action.
    fn everything() -> Card {
        let rows = vec![
            strings(&["T-9", "日本語の検索を直す", "Ann"]),
            strings(&["T-12", "Implement user auth with single sign-on"]),
        ];
        Card::new("Task T-12 created")
            .tone(Tone::Good)
            .text("Implement user auth: login, logout and password reset, with a mail that says so.")
            .block(Block::Heading { text: "Now".into() })
            .facts([
                ("Status", "in_progress"),
                ("Wer", "Jörg 🎉"),
                ("A label that is too wide for a column", "its value"),
            ])
            .block(Block::List { items: strings(&["one", "an item of a list that is longer than a narrow screen"]) })
            .block(Block::Table { columns: strings(&["Id", "Title", "Who"]), rows })
            .block(Block::Code { text: "task show T-12\n  --json".into() })
            .block(Block::Image { url: "https://example.com/a.png".into(), alt: "a chart".into() })
            .block(Block::Divider)
            .action(button("Start", "t1", ButtonStyle::Primary))
            .action(button("Drop", "t2", ButtonStyle::Danger))
            .action(menu("Assign to", "t3", &["Ann", "Bob"]))
            .action(Action::Link { label: "Open".into(), url: "https://example.com/t".into() })
            .footer("from chat")
    }

    #[test]
    fn a_wide_screen() {
        let wanted = "\
✔ Task T-12 created

Implement user auth: login, logout and password reset, with a mail that says so.

Now

Status  in_progress
Wer     Jörg 🎉
A label that is too wide for a column
        its value

• one
• an item of a list that is longer than a narrow screen

Id    Title                                    Who
────  ───────────────────────────────────────  ───
T-9   日本語の検索を直す                       Ann
T-12  Implement user auth with single sign-on

    task show T-12
      --json

[image] a chart https://example.com/a.png

────────────────────────────────────────────────────────────────────────────────

[1] Start  [2] Drop (!)
Assign to:
[3] Ann  [4] Bob
Open: https://example.com/t

from chat
";
        assert_eq!(render(&everything(), &WIDE), wanted);
    }

    #[test]
    fn a_narrow_screen_without_unicode() {
        let wanted = "\
[ok] Task T-12 created

Implement user auth: login, logout and
password reset, with a mail that says
so.

Now

Status  in_progress
Wer     Jörg 🎉
A label that is too wide for a column
        its value

* one
* an item of a list that is longer than
  a narrow screen

Id    Title                          Who
----  -----------------------------  ---
T-9   日本語の検索を直す             Ann
T-12  Implement user auth with sin~

    task show T-12
      --json

[image] a chart
https://example.com/a.png

----------------------------------------

[1] Start  [2] Drop (!)
Assign to:
[3] Ann  [4] Bob
Open: https://example.com/t

from chat
";
        assert_eq!(render(&everything(), &NARROW), wanted);
    }

    #[test]
    fn colours_are_added_and_change_nothing_else() {
        let card = Card::new("Failed").tone(Tone::Bad).facts([("Id", "T-1")]).footer("why T-1");
        let coloured =
            render(&card.clone().action(button("Again", "t", ButtonStyle::Plain)), &Look { colour: true, ..WIDE });
        let wanted = "\u{1b}[1;31m✘ Failed\u{1b}[0m\n\n\u{1b}[2mId\u{1b}[0m  T-1\n\n\
                      \u{1b}[36m[1] Again\u{1b}[0m\n\n\u{1b}[2mwhy T-1\u{1b}[0m\n";
        assert_eq!(coloured, wanted);
        for look in [WIDE, NARROW] {
            assert_eq!(unpainted(&render(&everything(), &Look { colour: true, ..look })), render(&everything(), &look));
        }
    }

    #[test]
    fn numbers_stand_for_tokens() {
        let card = everything();
        let wanted = [("t1", None), ("t2", None), ("t3", Some("v-Ann")), ("t3", Some("v-Bob"))];
        let found: Vec<_> = presses(&card).iter().map(|press| (press.token, press.value)).collect();
        assert_eq!(found, wanted);
    }

    #[test]
    fn a_table_too_wide_for_the_screen_is_shown_by_rows() {
        let columns: Vec<String> = (0..9).map(|n| format!("column {n}")).collect();
        let rows = vec![(0..9).map(|n| format!("value number {n}")).collect(), strings(&["only"])];
        let shown = render(&Card::new("").block(Block::Table { columns, rows }), &NARROW);
        assert!(shown.starts_with("column 0: value number 0\ncolumn 1: value number 1\n"), "{shown}");
        assert!(shown.ends_with("column 8: value number 8\n\ncolumn 0: only\n"), "{shown}");
    }

    #[test]
    fn no_text_can_forge_the_reading_order() {
        assert_eq!(render(&Card::new("pay \u{202e}10\u{200f} - 20").text("\u{61c}x"), &WIDE), "pay �10� - 20\n\n�x\n");
    }

    #[test]
    fn nothing_shown_is_nothing_printed() {
        assert_eq!(render(&Card::new(" "), &WIDE), "");
        assert_eq!(render(&Card::new("a\u{1b}[2J\nb"), &WIDE), "a�[2J b\n");
    }

    /// Takes our own colours out; whatever else begins with an escape stays and is found.
    fn unpainted(text: &str) -> String {
        [BOLD, DIM, GOOD, WARNING, BAD, CHOICE, "0"]
            .iter()
            .fold(text.to_owned(), |text, paint| text.replace(&format!("\u{1b}[{paint}m"), ""))
    }

    fn any_text() -> impl Strategy<Value = String> {
        const HOSTILE: &[&str] = &[
            "\u{1b}[31m",
            "\u{9b}2J",
            "\r",
            "\u{202e}",
            "\u{200f}",
            "👩‍👩‍👧",
            "שלום",
            "日本",
            "e\u{301}",
            "☺️",
            "\t",
            "a b ",
        ];
        let piece = prop_oneof![
            3 => "[a-z ]{0,12}".prop_map(String::from),
            2 => any::<String>(),
            3 => proptest::sample::select(HOSTILE).prop_map(String::from),
        ];
        (vec(piece, 0..4), prop_oneof![6 => Just(1_usize), 1 => 1..60_usize])
            .prop_map(|(pieces, times)| pieces.concat().repeat(times))
    }

    fn any_card() -> impl Strategy<Value = Card> {
        let texts = |most| vec(any_text(), 0..most);
        let fact = || (any_text(), any_text()).prop_map(|(label, value)| Fact { label, value });
        let block = prop_oneof![
            any_text().prop_map(|text| Block::Text { text }),
            any_text().prop_map(|text| Block::Heading { text }),
            vec(fact(), 0..5).prop_map(|facts| Block::Facts { facts }),
            texts(5).prop_map(|items| Block::List { items }),
            (texts(5), vec(texts(5), 0..4)).prop_map(|(columns, rows)| Block::Table { columns, rows }),
            any_text().prop_map(|text| Block::Code { text }),
            (any_text(), any_text()).prop_map(|(url, alt)| Block::Image { url, alt }),
            Just(Block::Divider),
        ];
        let choice = (any_text(), any_text()).prop_map(|(label, value)| Choice { label, value });
        let token = String::from("token");
        let action = prop_oneof![
            any_text().prop_map(|label| button(&label, "token", ButtonStyle::Danger)),
            (any_text(), vec(choice, 0..4)).prop_map(move |(label, options)| Action::Menu {
                label,
                token: token.clone(),
                options
            }),
            (any_text(), any_text()).prop_map(|(label, url)| Action::Link { label, url }),
        ];
        let tone = proptest::sample::select(&[Tone::Neutral, Tone::Good, Tone::Warning, Tone::Bad][..]);
        (any_text(), tone, vec(block, 0..6), vec(action, 0..4), proptest::option::of(any_text())).prop_map(
            |(title, tone, blocks, actions, footer)| Card { title, tone, blocks, actions, footer, ..Card::default() },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_line_is_wider_than_the_screen_and_no_text_steers_it(
            card in any_card(), columns in 20..120_usize, unicode in any::<bool>()
        ) {
            let plain = render(&card, &Look { width: columns, colour: false, unicode });
            for line in plain.lines() {
                prop_assert!(line.width() <= columns, "{} > {columns}: {line:?}", line.width());
            }
            let steering = |c: char| (c.is_control() && c != '\n') || turns_the_order(c);
            prop_assert!(!plain.contains(steering), "{plain:?}");
            let coloured = render(&card, &Look { width: columns, colour: true, unicode });
            prop_assert_eq!(unpainted(&coloured), plain);
        }
    }
}
