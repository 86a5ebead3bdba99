//! Workflow files: what follows by itself from what happens, as people write it down.
//!
//! Pure: a text goes in, what it says comes out, or all that is wrong with it, each with line and column. Knows no
//! file, no clock and no platform; which actions there are the caller says.
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
//! | `reference.rs` | that what it names of itself is there |
//! | `version.rs` | the digest by which one wording is told from another |

pub mod action;
pub mod condition;
pub mod definition;
pub mod duration;
mod fields;
pub mod file;
pub mod mistake;
pub mod param;
pub mod pause;
mod reference;
pub mod repository_file;
pub mod schedule;
pub mod scope;
pub mod step;
pub mod template;
pub mod trigger;
pub mod version;
pub mod yaml;
