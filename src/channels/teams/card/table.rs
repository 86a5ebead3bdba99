//! Tables: the `Table` element of version 1.5 with its rows as text for clients without it, or text alone where a
//! row is too large.
//!
//! A longer table goes on in further elements and messages under the same head. Telephones have shown nothing in
//! the place of a table (AdaptiveCards#8853), hence the fallback.

use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use super::part::{Look, Part, paragraph, rich, run, weight};
use super::text::{SIZES, literal};
use crate::channels::grid::Grid;
use crate::channels::text::one_line;

/// Columns that still can be read side by side; more are text.
const MOST_COLUMNS: usize = 20;

/// The frame of a table and of its fallback.
const FRAME: usize = 600;

/// The least share of a column, as wide as a short word.
const NARROWEST: usize = 6;

/// The largest share of a column: long cells are broken into lines and leave room for the columns beside them.
const WIDEST: usize = 30;

/// What clients leave free beside the text of a cell, or a date would be broken.
const PADDING: usize = 3;

/// Between the cells of a row that is text.
const GAP: &str = " · ";

/// The table in as many elements as it needs, each of at most `most`.
pub(super) fn parts(grid: &Grid, most: usize) -> Vec<Part> {
    if grid.columns == 0 {
        return Vec::new();
    }
    let head: Vec<(Value, usize)> = grid.head().map(|cells| row(cells, Look::Bold)).into_iter().collect();
    let fixed = FRAME + head.iter().map(|(_, cost)| cost).sum::<usize>() + grid.columns * 32;
    let rows: Vec<(Value, usize)> = grid.rows.iter().map(|cells| row(cells, Look::Plain)).collect();
    let is_too_wide = grid.columns > MOST_COLUMNS || rows.iter().any(|(_, cost)| fixed + cost > most);
    if is_too_wide || fixed > most {
        return as_text(grid);
    }
    let mut parts = Vec::new();
    let (mut from, mut cost) = (0, fixed);
    for (at, (_, row_cost)) in rows.iter().enumerate() {
        if cost + row_cost > most {
            parts.push(table(grid, &head, &rows, from, at));
            (from, cost) = (at, fixed);
        }
        cost += row_cost;
    }
    parts.push(table(grid, &head, &rows, from, rows.len()));
    parts
}

/// A row, and what it costs in the table and in its fallback.
fn row(cells: &[String], look: Look) -> (Value, usize) {
    let cells_as_elements: Vec<Value> = cells
        .iter()
        .map(|cell| {
            // An element without text would not be shown, and its cell might be left out with it.
            let text = if cell.is_empty() { "\u{A0}" } else { cell };
            json!({"type": "TableCell", "items": [rich(vec![run(text, look)])]})
        })
        .collect();
    let row = json!({"type": "TableRow", "cells": cells_as_elements});
    // The line break and, at worst, an invisible blank in every seventh character.
    let as_line = SIZES.size(&line(cells)) * 5 / 4 + 8;
    let cost = weight(&row) + 2 + as_line;
    (row, cost)
}

/// One element with the head and the rows `from..to`.
fn table(grid: &Grid, head: &[(Value, usize)], rows: &[(Value, usize)], from: usize, to: usize) -> Part {
    let shown: Vec<&Value> = head.iter().chain(&rows[from..to]).map(|(row, _)| row).collect();
    let lines: Vec<String> = grid.head().into_iter().chain(&grid.rows[from..to]).map(|cells| line(cells)).collect();
    let plain = lines.join("\n");
    // A run without text is no run.
    let text = if plain.trim().is_empty() { "\u{A0}".to_owned() } else { literal(&plain) };
    let instead = rich(vec![Value::String(text)]);
    let element = json!({
        "type": "Table",
        "columns": widths(grid),
        "rows": shown,
        "firstRowAsHeaders": !head.is_empty(),
        "showGridLines": true,
        "fallback": {"type": "Container", "items": [instead]},
    });
    Part { is_wide: true, ..Part::new(element, plain) }
}

/// Shares of the width, by the widest cell of each column.
fn widths(grid: &Grid) -> Vec<Value> {
    let widest = |column: usize| grid.all().map(|row| row[column].width()).max();
    (0..grid.columns)
        .map(|column| widest(column).unwrap_or_default().clamp(NARROWEST, WIDEST))
        .map(|width| json!({"width": width + PADDING}))
        .collect()
}

/// The table as lines. Cells are kept whole.
fn as_text(grid: &Grid) -> Vec<Part> {
    let lines: Vec<String> = grid.all().map(|cells| line(cells)).collect();
    paragraph(&lines.join("\n"))
}

/// A row as one line.
fn line(cells: &[String]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| one_line(cell)).collect();
    cells.join(GAP)
}
