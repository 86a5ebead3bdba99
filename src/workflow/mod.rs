//! Workflow files: what follows by itself from what happens, as people write it down.
//!
//! Pure: a text goes in, what it says comes out, or all that is wrong with it, each with line and column. Knows no
//! file, no clock and no platform; which actions there are the caller says.
//!
//! | file | owns |
//! |---|---|
//! | `mistake.rs` | a mistake and its place, the nearest name |
//! | `yaml.rs` | YAML as a tree with places, within bounds |
//! | `duration.rs` | a length of time |
//! | `schedule.rs` | cron |
//! | `version.rs` | the digest by which one wording is told from another |
//! | `scope.rs` | paths into what is known of an event, values as words and as times |
//! | `template.rs` | texts with `{path}`: read, and filled for a reader |
//! | `condition.rs` | conditions: read, and judged by what is known of an event |

pub mod condition;
pub mod duration;
pub mod mistake;
pub mod schedule;
pub mod scope;
pub mod template;
pub mod version;
pub mod yaml;
