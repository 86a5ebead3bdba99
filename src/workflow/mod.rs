//! Workflows: what follows by itself from what happens, as people write it down, and the runs that do it.
//!
//! Pure: a text goes in, what it says comes out, or all that is wrong with it, each with line and column. A run and what
//! has happened go in, the run as it is then comes out. Knows no file and no clock, and reaches nothing: who moves a run
//! lends it hands.
//!
//! | file | owns |
//! |---|---|
//! | `mistake.rs` | a mistake and its place, the nearest name |
//! | `yaml.rs` | YAML as a tree with places, within bounds |
//! | `fields.rs`, `duration.rs` | a mapping by its keys, a length of time |
//! | `file.rs`, `repository_file.rs` | the two formats, which become the same |
//! | `definition.rs` | a workflow: its keys, their defaults and bounds |
//! | `trigger.rs`, `schedule.rs` | what begins it; cron |
//! | `condition.rs` | conditions: read, and judged by what is known of an event |
//! | `step.rs`, `action.rs`, `pause.rs`, `param.rs` | its steps: what they do, what they wait for, what they are given |
//! | `template.rs` | texts with `{path}`: read, and filled for a reader |
//! | `scope.rs` | paths into what is known of an event, values as words and as times |
//! | `reference.rs`, `lint.rs` | that what it names of itself is there; names that nothing has |
//! | `version.rs`, `stored.rs` | the digest by which one wording is told from another; the version of a run from its file |
//! | `set.rs` | the workflows in use |
//! | `known.rs` | the platforms and actions of which workflows may speak |
//! | `context.rs`, `size.rs` | what is known of an event, by all its names; how much of a value is kept |
//! | `begin.rs`, `turn.rs` | which workflows something begins; which run has its turn |
//! | `run.rs` | a run: its row, its steps, how far each is |
//! | `what_if.rs` | what a changed set would have done |
//! | `advance.rs`, `hands.rs` | a run moved on by what happens; what it reaches the world by |
//! | `simulate.rs` | a run that acts on nothing, and the report of it |

pub mod action;
pub mod advance;
pub mod begin;
pub mod condition;
pub mod context;
pub mod definition;
pub mod duration;
mod fields;
pub mod file;
pub mod hands;
pub mod known;
pub mod lint;
pub mod mistake;
pub mod param;
pub mod pause;
mod reference;
pub mod repository_file;
pub mod run;
pub mod schedule;
pub mod scope;
pub mod set;
pub mod simulate;
pub mod size;
pub mod step;
pub mod stored;
pub mod template;
pub mod trigger;
pub mod turn;
pub mod version;
pub mod what_if;
pub mod yaml;
