//! Tables: the `Table` element of version 1.5 with its rows as text for clients without it, or text alone where a
//! row is too large.
//!
//! A longer table goes on in further elements and messages under the same head. Telephones have shown nothing in
//! the place of a table (AdaptiveCards#8853), hence the fallback.

use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use super::part::{Look, Part, paragraph, rich, run, weight};
use super::text::{literal, size};
use crate::channels::text::{clean, one_line};

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

    /// The table in as many elements as it needs, each of at most `most`.
    pub(super) fn parts(&self, most: usize) -> Vec<Part> {
        if self.columns == 0 {
            return Vec::new();
        }
        let head: Vec<(Value, usize)> = self.head().map(|cells| self.row(cells, Look::Bold)).collect();
        let fixed = FRAME + head.iter().map(|(_, cost)| cost).sum::<usize>() + self.columns * 32;
        let rows: Vec<(Value, usize)> = self.rows.iter().map(|cells| self.row(cells, Look::Plain)).collect();
        let is_too_wide = self.columns > MOST_COLUMNS || rows.iter().any(|(_, cost)| fixed + cost > most);
        if is_too_wide || fixed > most {
            return self.as_text();
        }
        let mut parts = Vec::new();
        let (mut from, mut cost) = (0, fixed);
        for (at, (_, row_cost)) in rows.iter().enumerate() {
            if cost + row_cost > most {
                parts.push(self.table(&head, &rows, from, at));
                (from, cost) = (at, fixed);
            }
            cost += row_cost;
        }
        parts.push(self.table(&head, &rows, from, rows.len()));
        parts
    }

    fn head(&self) -> impl Iterator<Item = &Vec<String>> {
        Some(&self.head).into_iter().filter(|head| !head.is_empty())
    }

    /// A row, and what it costs in the table and in its fallback.
    fn row(&self, cells: &[String], look: Look) -> (Value, usize) {
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
        let as_line = size(&line(cells)) * 5 / 4 + 8;
        let cost = weight(&row) + 2 + as_line;
        (row, cost)
    }

    /// One element with the head and the rows `from..to`.
    fn table(&self, head: &[(Value, usize)], rows: &[(Value, usize)], from: usize, to: usize) -> Part {
        let shown: Vec<&Value> = head.iter().chain(&rows[from..to]).map(|(row, _)| row).collect();
        let lines: Vec<String> = self.head().chain(&self.rows[from..to]).map(|cells| line(cells)).collect();
        let plain = lines.join("\n");
        // A run without text is no run.
        let text = if plain.trim().is_empty() { "\u{A0}".to_owned() } else { literal(&plain) };
        let instead = rich(vec![Value::String(text)]);
        let element = json!({
            "type": "Table",
            "columns": self.widths(),
            "rows": shown,
            "firstRowAsHeaders": !head.is_empty(),
            "showGridLines": true,
            "fallback": {"type": "Container", "items": [instead]},
        });
        Part { is_wide: true, ..Part::new(element, plain) }
    }

    /// Shares of the width, by the widest cell of each column.
    fn widths(&self) -> Vec<Value> {
        let widest = |column: usize| self.head().chain(&self.rows).map(|row| row[column].width()).max();
        (0..self.columns)
            .map(|column| widest(column).unwrap_or_default().clamp(NARROWEST, WIDEST))
            .map(|width| json!({"width": width + PADDING}))
            .collect()
    }

    /// The table as lines. Cells are kept whole.
    fn as_text(&self) -> Vec<Part> {
        let lines: Vec<String> = self.head().chain(&self.rows).map(|cells| line(cells)).collect();
        paragraph(&lines.join("\n"))
    }
}

/// A row as one line.
fn line(cells: &[String]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| one_line(cell)).collect();
    cells.join(GAP)
}
