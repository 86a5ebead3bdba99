//! A search without a platform: how somebody looks for something while they write, and what is found.
//!
//! Texts are plain, as those of a card are. What is looked through is `commands/search.rs`.

use crate::domain::card::Card;

/// An entry that a platform's own menus are to have, under which people search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchEntry {
    /// Under which the platform names it to us.
    pub name: &'static str,
    /// What people read, of at most 24 characters.
    pub title: &'static str,
    /// What it does.
    pub about: &'static str,
    /// What is to be typed, in a word or two.
    pub asks: &'static str,
    /// What may be typed, in a line.
    pub hint: &'static str,
}

/// What somebody looks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sought {
    /// The name of the entry.
    pub entry: String,
    /// What was typed; nothing where they have only begun.
    pub words: String,
    /// So many of what is found are left out, since they are shown already.
    pub skip: usize,
    /// So many are shown at most.
    pub count: usize,
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// By which it is known among others.
    pub title: String,
    /// How it stands, in a line.
    pub line: String,
    /// It, as it is put into a message of the finder: without anything to press.
    pub card: Card,
}
