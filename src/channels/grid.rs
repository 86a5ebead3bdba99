//! A card's table as every channel needs it: cleaned, with rows of one length. How it is shown is the channel's.

use crate::channels::text::clean;

/// A table whose rows all have the same number of cells.
pub(super) struct Grid {
    /// The head; empty when the card gives none.
    head: Vec<String>,
    /// The rows below it.
    pub(super) rows: Vec<Vec<String>>,
    /// Cells of each row.
    pub(super) columns: usize,
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

    /// The head, where there is one.
    pub(super) fn head(&self) -> Option<&Vec<String>> {
        Some(&self.head).filter(|head| !head.is_empty())
    }

    /// The head, where there is one, and the rows.
    pub(super) fn all(&self) -> impl Iterator<Item = &Vec<String>> {
        self.head().into_iter().chain(&self.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_rows_are_filled_and_an_empty_head_is_none() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let grid = Grid::new(&texts(&["a"]), &[texts(&["1", " 2\r\n"]), Vec::new()]);
        assert_eq!(grid.all().cloned().collect::<Vec<_>>(), [["a", ""], ["1", "2"], ["", ""]]);
        assert_eq!(grid.columns, 2);
        assert!(Grid::new(&[], &[texts(&["1"])]).head().is_none());
    }
}
