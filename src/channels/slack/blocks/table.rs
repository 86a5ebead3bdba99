//! Tables: Slack's table block where it fits, aligned text where it does not.
//!
//! Slack takes one table in a message (`only_one_table_allowed`), of at most 100 rows and 20
//! columns (<https://docs.slack.dev/reference/block-kit/blocks/table-block>), with no empty cell,
//! and is reported to refuse more than 10,000 characters in all its cells. A longer table goes on
//! in further messages under the same head.

use slack_morphism::prelude::{SlackTableBlock, SlackTableCell, SlackTableColumnAlign, SlackTableColumnSetting};
use unicode_width::UnicodeWidthStr;

use super::part::{Part, cell_cost, preformatted};
use super::text::literal;
use crate::channels::text::{clean, one_line};

/// Rows of one table block, the head included.
const MOST_ROWS: usize = 100;

/// Columns of one table block.
const MOST_COLUMNS: usize = 20;

/// The share of one table block in a message, which also keeps it under Slack's 10,000 characters.
const MOST_COST: usize = 9_000;

/// A cell that is wider than this does not push the columns beside it away.
const WIDEST_ALIGNED: usize = 40;

/// A table whose rows all have the same number of cells.
pub(super) struct Grid {
    /// The head; empty when the card gives none.
    head: Vec<String>,
    rows: Vec<Vec<String>>,
    columns: usize,
}

impl Grid {
    /// Cleans a card's table and fills rows that are too short.
    pub(super) fn new(columns: &[String], rows: &[Vec<String>]) -> Self {
        let width = rows.iter().map(Vec::len).chain([columns.len()]).max().unwrap_or_default();
        let fill = |cells: &[String]| {
            let mut cells: Vec<String> = cells.iter().map(|cell| clean(cell).trim().to_owned()).collect();
            cells.resize(width, String::new());
            cells
        };
        let head = if columns.is_empty() { Vec::new() } else { fill(columns) };
        Self { head, rows: rows.iter().map(|row| fill(row)).collect(), columns: width }
    }

    /// The table as table blocks, of which each begins a message, or as text when none can hold it.
    pub(super) fn parts(&self) -> Vec<Part> {
        let head_cost = if self.head.is_empty() { 0 } else { row_cost(&self.head) };
        let widest_row = self.rows.iter().map(|row| row_cost(row)).max().unwrap_or_default();
        if self.columns == 0 {
            return Vec::new();
        }
        if self.columns > MOST_COLUMNS || head_cost + widest_row > MOST_COST {
            return self.as_text();
        }
        let mut parts = Vec::new();
        let mut open: Vec<&[String]> = Vec::new();
        let mut cost = head_cost;
        for row in &self.rows {
            let full = open.len() + usize::from(!self.head.is_empty()) == MOST_ROWS;
            if full || cost + row_cost(row) > MOST_COST {
                parts.push(self.block(&open));
                open.clear();
                cost = head_cost;
            }
            cost += row_cost(row);
            open.push(row);
        }
        parts.push(self.block(&open));
        parts
    }

    /// One table block with the head and these rows.
    fn block(&self, rows: &[&[String]]) -> Part {
        let head = (!self.head.is_empty()).then_some(self.head.as_slice());
        let all: Vec<&[String]> = head.into_iter().chain(rows.iter().copied()).collect();
        let characters = all.iter().flat_map(|row| row.iter()).map(|cell| cell.chars().count()).sum();
        let cells = all.iter().map(|row| row.iter().map(|text| cell(text)).collect()).collect();
        // Both keys stand in every setting: libraries that read messages have refused one without
        // `align`.
        let setting = SlackTableColumnSetting::new().with_align(SlackTableColumnAlign::Left).with_is_wrapped(true);
        Part::new(SlackTableBlock::new(cells).with_column_settings(vec![setting; self.columns]), characters)
    }

    /// The table as aligned lines. Cells are kept whole: a wide one shifts the rest of its line.
    pub(super) fn as_text(&self) -> Vec<Part> {
        let rows: Vec<Vec<String>> = [&self.head]
            .into_iter()
            .filter(|head| !head.is_empty())
            .chain(&self.rows)
            .map(|row| row.iter().map(|cell| one_line(cell)).collect())
            .collect();
        let widths: Vec<usize> = (0..self.columns)
            .map(|column| rows.iter().map(|row| row[column].width()).filter(|&width| width <= WIDEST_ALIGNED).max())
            .map(Option::unwrap_or_default)
            .collect();
        let mut lines: Vec<String> = rows.iter().map(|row| line(row, &widths)).collect();
        if !self.head.is_empty() {
            let rule: Vec<String> = widths.iter().map(|&width| "─".repeat(width)).collect();
            lines.insert(1, line(&rule, &widths));
        }
        preformatted(&lines.join("\n"))
    }
}

/// A row of text with two blanks between the columns.
fn line(cells: &[String], widths: &[usize]) -> String {
    let padded: Vec<String> = cells
        .iter()
        .zip(widths)
        .map(|(cell, width)| format!("{cell}{}", " ".repeat(width.saturating_sub(cell.width()))))
        .collect();
    padded.join("  ").trim_end().to_owned()
}

/// Slack refuses a cell without a character (`must be more than 0 characters`); a blank it takes.
fn cell(text: &str) -> SlackTableCell {
    if text.is_empty() { SlackTableCell::from(" ") } else { SlackTableCell::from(literal(text)) }
}

fn row_cost(row: &[String]) -> usize {
    row.iter().map(|cell| cell_cost(cell) + usize::from(cell.is_empty())).sum()
}
