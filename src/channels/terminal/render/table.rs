//! Tables on a screen: aligned columns that shrink until they fit.
//!
//! The widest columns shrink first and cut their cells with `…`. Where columns would become
//! unreadable the table is shown row by row as labelled lines, in which nothing is cut.

use super::wrap::{one_line, pad, truncate, width, wrap};
use super::{BOLD, DIM, Page};

/// Blanks between columns.
const GAP: usize = 2;

/// Columns narrower than this (and than their content) say nothing.
const LEAST_COLUMN: usize = 6;

/// The lines of a table.
pub(super) fn lines(page: &Page, columns: &[String], rows: &[Vec<String>]) -> Vec<String> {
    let count = rows.iter().map(Vec::len).chain([columns.len()]).max().unwrap_or_default();
    let fill = |cells: &[String]| {
        let mut cells: Vec<String> = cells.iter().map(|cell| one_line(cell)).collect();
        cells.resize(count, String::new());
        cells
    };
    let head = fill(columns);
    let rows: Vec<Vec<String>> = rows.iter().map(|row| fill(row)).collect();
    if count == 0 {
        return Vec::new();
    }
    match fit(&head, &rows, page.width) {
        Some(widths) => aligned(page, (!columns.is_empty()).then_some(head.as_slice()), &rows, &widths),
        None => labelled(page, &head, &rows),
    }
}

/// The width of each column, or nothing when not all can be readable. The first column names the
/// row (an id that people type), so it keeps its width while two thirds of the screen suffice.
fn fit(head: &[String], rows: &[Vec<String>], screen: usize) -> Option<Vec<usize>> {
    let room = screen.checked_sub(GAP * (head.len() - 1))?;
    let natural: Vec<usize> = (0..head.len())
        .map(|column| {
            rows.iter().map(|row| width(&row[column])).chain([width(&head[column])]).max().unwrap_or_default()
        })
        .collect();
    let keeps = usize::from(natural[0] <= room * 2 / 3);
    let within = |limit: usize| -> Vec<usize> {
        natural.iter().enumerate().map(|(at, &width)| if at < keeps { width } else { width.min(limit) }).collect()
    };
    let mut widths = (LEAST_COLUMN..=screen).rev().map(within).find(|widths| widths.iter().sum::<usize>() <= room)?;
    let mut spare = room - widths.iter().sum::<usize>();
    for (width, natural) in widths.iter_mut().zip(natural) {
        let more = spare.min(natural - *width);
        *width += more;
        spare -= more;
    }
    Some(widths)
}

fn aligned(page: &Page, head: Option<&[String]>, rows: &[Vec<String>], widths: &[usize]) -> Vec<String> {
    let mark = page.pick("…", "~");
    let line = |cells: &[String]| {
        let cells: Vec<String> =
            cells.iter().zip(widths).map(|(cell, &width)| pad(&truncate(cell, width, mark), width)).collect();
        cells.join(&" ".repeat(GAP)).trim_end().to_owned()
    };
    let mut lines = Vec::new();
    if let Some(head) = head {
        let rules: Vec<String> = widths.iter().map(|&width| page.rule(width)).collect();
        lines.push(page.paint(BOLD, &line(head)));
        lines.push(page.paint(DIM, rules.join(&" ".repeat(GAP)).trim_end()));
    }
    lines.extend(rows.iter().map(|row| line(row)));
    lines
}

/// Each row as lines of `label: value`, with an empty line between rows.
fn labelled(page: &Page, head: &[String], rows: &[Vec<String>]) -> Vec<String> {
    let row_lines = |row: &Vec<String>| -> Vec<String> {
        let cells = head.iter().zip(row).filter(|(_, cell)| !cell.is_empty());
        cells
            .flat_map(|(label, cell)| {
                let line = if label.is_empty() { cell.clone() } else { format!("{label}: {cell}") };
                wrap(&line, page.width)
            })
            .collect()
    };
    if rows.is_empty() {
        return page.paint_all(BOLD, wrap(&head.join(", "), page.width));
    }
    let groups: Vec<Vec<String>> = rows.iter().map(row_lines).filter(|lines| !lines.is_empty()).collect();
    groups.join(&String::new())
}
