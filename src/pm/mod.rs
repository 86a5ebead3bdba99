//! The PM gateway: how much work a brief is, what could go wrong, which steps it has, who should do it.
//!
//! Pure: knows `domain` and the catalogue in `config`, no clock, no store, no network. The same brief
//! and the same catalogue always give the same analysis.
//!
//! | file | owns |
//! |---|---|
//! | `text.rs` | reading a text: words, phrases, files, list items |
//! | `stem.rs` | one stem for all forms of a word |
//! | `shape.rs` | what kind of work it is |
//! | `estimate.rs` | complexity and hours |
//! | `step.rs` | the steps of each kind of work, their hours and who does them |
//! | `risk.rs` | what could go wrong |
//! | `fit.rs` | which agents suit it |
//! | `subject.rs` | what subjects and kinds of work say about agents |
//!
//! What these files know stands in tables; a new fact is a new line in one. Another way to analyse,
//! such as asking a model, is another [`Analyst`].

pub mod estimate;
pub mod fit;
pub mod risk;
pub mod shape;
mod stem;
pub mod step;
mod subject;
pub mod text;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::config::catalog::Catalog;
use crate::pm::estimate::{Complexity, Hours};
use crate::pm::fit::{Fit, Recommendation};
use crate::pm::risk::RiskNote;
use crate::pm::step::Subtask;
use crate::pm::text::Text;

/// What every offline analysis says about itself.
pub const OFFLINE_BASIS: &str = "offline estimate from words; no model was asked";

/// What is to be analysed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Brief {
    /// The title and, from the second line on, the description.
    pub text: String,
    /// Labels of the task or issue.
    pub labels: Vec<String>,
    /// Files that it is about, as paths from the root of the repository.
    pub files: Vec<String>,
}

impl Brief {
    /// A brief that is nothing but a text.
    #[must_use]
    pub fn of(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

/// What an analyst found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    /// How hard it is.
    pub complexity: Complexity,
    /// How long it takes.
    pub hours: Hours,
    /// What could go wrong, the worst first.
    pub risks: Vec<RiskNote>,
    /// The steps, in order. Their hours add up to the likely hours.
    pub subtasks: Vec<Subtask>,
    /// Who should do it, the best first; at most [`fit::MOST_RECOMMENDED`].
    pub recommended: Vec<Recommendation>,
    /// Where all this comes from.
    pub basis: String,
}

/// Somebody who knows the agents and turns a brief into an analysis.
pub trait Analyst: Send + Sync {
    /// Analyses a brief.
    fn analyse(&self, brief: &Brief) -> Analysis;

    /// The agents that suit a brief, the best first; at most [`fit::MOST_RECOMMENDED`].
    fn recommend(&self, brief: &Brief) -> Vec<Recommendation>;
}

/// The analyst that needs no network: it reads words against tables.
pub struct OfflineAnalyst {
    /// Made once: preparing a catalogue costs more than a hundred analyses.
    fit: Fit,
}

impl OfflineAnalyst {
    /// Prepares the agents.
    #[must_use]
    pub fn new(catalog: Arc<Catalog>) -> Self {
        Self { fit: Fit::new(catalog) }
    }
}

impl Analyst for OfflineAnalyst {
    fn analyse(&self, brief: &Brief) -> Analysis {
        let text = Text::read(&brief.text);
        let shape = shape::of(&text, &brief.labels);
        let (complexity, hours) = estimate::of(&text, brief, shape);
        let recommended = self.fit.recommend(&text, brief, shape);
        let subtasks = step::of(&text, shape, hours.likely, &recommended, &self.fit);
        let risks = risk::of(&text, &brief.labels, shape, complexity.size);
        Analysis { complexity, hours, risks, subtasks, recommended, basis: OFFLINE_BASIS.to_owned() }
    }

    fn recommend(&self, brief: &Brief) -> Vec<Recommendation> {
        let text = Text::read(&brief.text);
        let shape = shape::of(&text, &brief.labels);
        self.fit.recommend(&text, brief, shape)
    }
}

#[cfg(test)]
mod tests;
