//! Tables: GitHub's where their rows are short enough, facts row by row where they are not.
//!
//! A table always has a head; that of a card without one is empty. The end of a long table is folded under the same
//! head.

use super::content::{MOST_GROUP, pairs};
use super::part::Part;
use super::text::lines;
use crate::channels::grid::Grid;
use crate::domain::card::Fact;

/// Rows that are seen at once, and how many there may be before the others are folded away.
const SHOWN_ROWS: usize = 20;
const MOST_ROWS: usize = 30;

/// A row and its characters of the card.
type Row = (String, usize);

/// The table, in as many parts as it needs.
pub(super) fn parts(grid: &Grid) -> Vec<Part> {
    if grid.columns == 0 {
        return Vec::new();
    }
    let none = vec![String::new(); grid.columns];
    let head = row(grid.head().unwrap_or(&none));
    let rows: Vec<Row> = grid.rows.iter().map(|cells| row(cells)).collect();
    let widest = rows.iter().map(|(row, _)| row.chars().count()).max().unwrap_or_default();
    if head.0.chars().count() + rule(grid.columns).len() + widest > MOST_GROUP {
        return by_rows(grid);
    }
    let shown = if rows.len() > MOST_ROWS { SHOWN_ROWS } else { rows.len() };
    let (shown, more) = rows.split_at(shown);
    let mut parts = tables(&head, shown, grid.columns);
    let summary = format!("{} more", more.len());
    if !more.is_empty() {
        parts.extend(tables(&head, more, grid.columns).into_iter().map(|part| part.folded(&summary)));
    }
    parts
}

/// Tables of the same head, of which each is at most twice [`MOST_GROUP`].
fn tables((head, head_characters): &Row, rows: &[Row], columns: usize) -> Vec<Part> {
    let mut parts = Vec::new();
    let table = |rows: &[&str], characters| {
        Part::new([&[head.as_str(), &rule(columns)], rows].concat().join("\n"), characters + head_characters)
    };
    let (mut open, mut size, mut characters) = (Vec::new(), 0, 0);
    for (row, shown) in rows {
        let length = row.chars().count() + 1;
        if size + length > MOST_GROUP {
            parts.push(table(&std::mem::take(&mut open), characters));
            (size, characters) = (0, 0);
        }
        size += length;
        characters += shown;
        open.push(row.as_str());
    }
    parts.push(table(&open, characters));
    parts
}

/// The line below the head, by which GitHub knows a table.
fn rule(columns: usize) -> String {
    format!("{}|", "| --- ".repeat(columns))
}

fn row(cells: &[String]) -> Row {
    let shown: Vec<String> = cells.iter().map(|cell| lines(cell).join("<br>")).collect();
    (format!("| {} |", shown.join(" | ")), cells.iter().map(|cell| cell.chars().count()).sum())
}

/// The table as facts: each cell under the name of its column.
fn by_rows(grid: &Grid) -> Vec<Part> {
    let none = vec![String::new(); grid.columns];
    let (labels, rows) = match grid.head() {
        Some(head) if grid.rows.is_empty() => (&none, std::slice::from_ref(head)),
        head => (head.unwrap_or(&none), grid.rows.as_slice()),
    };
    let fact = |(label, value): (&String, &String)| Fact { label: label.clone(), value: value.clone() };
    let mut parts = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        if at > 0 {
            parts.push(Part::new("---".to_owned(), 0));
        }
        parts.extend(pairs(&labels.iter().zip(row).map(fact).collect::<Vec<_>>()));
    }
    parts
}
