//! Text in the columns of a terminal: broken into lines, padded, cut, set as a table.
//!
//! It knows no message and no platform.

use unicode_width::UnicodeWidthStr;

/// Columns below which no column of a table gives way: about a word.
const LEAST_COLUMN: usize = 8;

/// Breaks lines at spaces; a word longer than a line stays whole, so that it can be copied.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_inclusive(' ') {
            if !line.is_empty() && line.width() + word.trim_end().width() > width {
                lines.push(line.trim_end().to_owned());
                line.clear();
            }
            line.push_str(word);
        }
        lines.push(line.trim_end().to_owned());
    }
    lines
}

/// Fills a text up with spaces.
pub(super) fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

/// The line under a heading, as wide as the heading.
pub(super) fn underline(heading: &str, width: usize) -> String {
    "═".repeat(heading.width().min(width))
}

/// Sets rows as a table, one line each, with a rule under the first where that is a header and something follows it.
pub(super) fn table(rows: &[Vec<String>], has_header: bool, width: usize) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut widths: Vec<usize> = (0..columns)
        .map(|column| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max().unwrap_or(0))
        .collect();
    // The widest column gives way until the table fits.
    while widths.iter().sum::<usize>() + columns.saturating_sub(1) * 3 > width {
        match widths.iter_mut().max_by_key(|width| **width) {
            Some(widest) if *widest > LEAST_COLUMN => *widest -= 1,
            _ => break,
        }
    }
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| pad(&shorten(cell, *width), *width));
        cells.collect::<Vec<_>>().join(" │ ").trim_end().to_owned()
    };
    let mut lines: Vec<String> = rows.iter().map(line).collect();
    if lines.len() > 1 && has_header {
        lines.insert(1, widths.iter().map(|width| "─".repeat(*width)).collect::<Vec<_>>().join("─┼─"));
    }
    lines
}

/// One line of at most this width.
fn shorten(text: &str, width: usize) -> String {
    let line = text.replace('\n', " ");
    if line.width() <= width {
        return line;
    }
    let mut short = String::new();
    for character in line.chars() {
        if short.width() + 2 > width {
            break;
        }
        short.push(character);
    }
    short + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_gives_way_to_the_width_and_long_words_stay_whole() {
        let wide = [vec!["T-1".to_owned(), "word ".repeat(30)]];
        assert!(table(&wide, true, 40).iter().all(|line| line.width() <= 40));
        assert_eq!(wrap("see https://x.example/very/long ok", 10), ["see", "https://x.example/very/long", "ok"]);
    }

    #[test]
    fn the_rule_is_for_a_header_with_something_under_it() {
        let row = |text: &str| vec![text.to_owned()];
        assert_eq!(table(&[row("a"), row("b")], true, 40), ["a", "─", "b"]);
        assert_eq!(table(&[row("a"), row("b")], false, 40), ["a", "b"]);
        assert_eq!(table(&[row("a\nb")], true, 40), ["a b"]);
    }
}
