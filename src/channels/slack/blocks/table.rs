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
use crate::channels::grid::Grid;
use crate::channels::text::one_line;

/// Rows of one table block, the head included.
const MOST_ROWS: usize = 100;

/// Columns of one table block.
const MOST_COLUMNS: usize = 20;

/// The share of one table block in a message, which also keeps it under Slack's 10,000 characters.
const MOST_COST: usize = 9_000;

/// A cell that is wider than this does not push the columns beside it away.
const WIDEST_ALIGNED: usize = 40;

/// The table as table blocks, of which each begins a message, or as text when none can hold it.
pub(super) fn parts(grid: &Grid) -> Vec<Part> {
    let head_cost = grid.head().map_or(0, |head| row_cost(head));
    let widest_row = grid.rows.iter().map(|row| row_cost(row)).max().unwrap_or_default();
    if grid.columns == 0 {
        return Vec::new();
    }
    if grid.columns > MOST_COLUMNS || head_cost + widest_row > MOST_COST {
        return as_text(grid);
    }
    let mut parts = Vec::new();
    let mut open: Vec<&[String]> = Vec::new();
    let mut cost = head_cost;
    for row in &grid.rows {
        let full = open.len() + usize::from(grid.head().is_some()) == MOST_ROWS;
        if full || cost + row_cost(row) > MOST_COST {
            parts.push(block(grid, &open));
            open.clear();
            cost = head_cost;
        }
        cost += row_cost(row);
        open.push(row);
    }
    parts.push(block(grid, &open));
    parts
}

/// One table block with the head and these rows.
fn block(grid: &Grid, rows: &[&[String]]) -> Part {
    let head = grid.head().map(Vec::as_slice);
    let all: Vec<&[String]> = head.into_iter().chain(rows.iter().copied()).collect();
    let characters = all.iter().flat_map(|row| row.iter()).map(|cell| cell.chars().count()).sum();
    let cells = all.iter().map(|row| row.iter().map(|text| cell(text)).collect()).collect();
    // Both keys stand in every setting: libraries that read messages have refused one without
    // `align`.
    let setting = SlackTableColumnSetting::new().with_align(SlackTableColumnAlign::Left).with_is_wrapped(true);
    Part::new(SlackTableBlock::new(cells).with_column_settings(vec![setting; grid.columns]), characters)
}

/// The table as aligned lines. Cells are kept whole: a wide one shifts the rest of its line.
pub(super) fn as_text(grid: &Grid) -> Vec<Part> {
    let rows: Vec<Vec<String>> = grid.all().map(|row| row.iter().map(|cell| one_line(cell)).collect()).collect();
    let widths: Vec<usize> = (0..grid.columns)
        .map(|column| rows.iter().map(|row| row[column].width()).filter(|&width| width <= WIDEST_ALIGNED).max())
        .map(Option::unwrap_or_default)
        .collect();
    let mut lines: Vec<String> = rows.iter().map(|row| line(row, &widths)).collect();
    if grid.head().is_some() {
        let rule: Vec<String> = widths.iter().map(|&width| "─".repeat(width)).collect();
        lines.insert(1, line(&rule, &widths));
    }
    preformatted(&lines.join("\n"))
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
