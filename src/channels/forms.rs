//! What a channel asks of the rest of the program about forms: which one is meant, and what is wrong with one.
//!
//! A channel shows forms and reads them back; what they ask and what they do it does not know. The answers come from
//! `commands/forms.rs`, by way of `app/forms.rs`.

use crate::domain::form::{Asked, FieldErrors, Filled, Form};
use crate::domain::time::Timestamp;

/// The forms that there are.
pub trait Forms: Send + Sync + 'static {
    /// The form that somebody asks for; `None` where they ask for none.
    fn asked_for(&self, asked: &Asked) -> Option<Form>;
    /// A form with what was filled in; `None` where there is none of that name.
    fn filled_in(&self, name: &str, filled: &Filled) -> Option<Form>;
    /// The analysis of what is filled in, as lines of plain text; `None` where there is no text yet, or no form of that
    /// name. It says nothing that does not come from that text.
    fn analysis(&self, name: &str, filled: &Filled) -> Option<Vec<String>>;
    /// What is wrong with what was filled in, as far as that can be said without looking anything up.
    fn mistakes(&self, name: &str, filled: &Filled, now: Timestamp) -> FieldErrors;
}
