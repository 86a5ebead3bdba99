//! A form without a platform: authored once, shown by each channel that can (a modal of Slack, a dialog of Teams).
//!
//! Texts in a form are plain, as those of a card are. What a filled-in form does is `commands/forms.rs`.

use std::collections::BTreeMap;

use crate::domain::card::Choice;

/// What people have filled in: the texts by the names of their fields. A field that is empty is not there.
pub type Filled = BTreeMap<String, String>;

/// What is wrong with what was filled in: a sentence by the name of each field.
pub type FieldErrors = BTreeMap<String, String>;

/// How somebody asks for a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// By the line of a command, as it was typed.
    Line(String),
    /// By an entry of the platform's own menus.
    Entry {
        /// The entry's name.
        name: String,
        /// The message on which it was chosen.
        said: Option<Said>,
    },
    /// By its own name, on a card of ours.
    Form(String),
}

/// A message from which a form is filled in beforehand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// Its words.
    pub text: String,
    /// Who said it, in the words of the platform.
    pub by: Option<String>,
}

/// An entry that a platform's own menus are to have, which opens a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Under which the platform names it to us.
    pub name: &'static str,
    /// Whether it stands in the menu of each message; else in the platform's own.
    pub on_message: bool,
    /// What people read, of at most 24 characters.
    pub title: &'static str,
    /// What it does.
    pub about: &'static str,
}

/// A form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// Its name in the table of forms: `task.create`.
    pub name: &'static str,
    /// One line, of at most 24 characters, as Slack's modals have it.
    pub title: &'static str,
    /// What the button says that sends it, of at most 24 characters.
    pub submit: &'static str,
    /// Its fields, in order.
    pub fields: Vec<Field>,
    /// The fields of whose text there is an analysis, which is shown while the form is open where the platform can
    /// change an open form. Empty where nothing is analysed.
    pub analysed: &'static [&'static str],
}

impl Form {
    /// What stands in it at first.
    #[must_use]
    pub fn known(&self) -> Filled {
        let filled = |field: &Field| Some((field.name.to_owned(), field.value.clone()?));
        self.fields.iter().filter_map(filled).collect()
    }
}

/// A field of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name in what is filled in.
    pub name: &'static str,
    /// What people read above it.
    pub label: &'static str,
    /// What is filled in how.
    pub kind: FieldKind,
    /// Small print below it.
    pub hint: Option<&'static str>,
    /// Whether it may not be left empty.
    pub required: bool,
    /// What stands in it at first.
    pub value: Option<String>,
}

/// How a field is filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldKind {
    /// A line of at most so many characters.
    Line {
        /// Characters.
        most: usize,
    },
    /// Lines of together at most so many characters.
    Text {
        /// Characters.
        most: usize,
    },
    /// A day, as `2026-12-01`.
    Date,
    /// One of at most a hundred entries.
    Choice {
        /// The entries.
        options: Vec<Choice>,
    },
    /// One of the entries of groups, each of at most a hundred; the groups are at most a hundred.
    Grouped {
        /// The groups, in order. An entry stands in one of them alone.
        groups: Vec<Group>,
    },
}

/// Entries that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// What people read above them.
    pub label: String,
    /// The entries.
    pub options: Vec<Choice>,
}
