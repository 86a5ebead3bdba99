//! Workflow files: what follows by itself from what happens, as people write it down.
//!
//! Pure: a text goes in, what it says comes out, or all that is wrong with it, each with line and column. Knows no
//! file, no clock and no platform; which actions there are the caller says.
//!
//! | file | owns |
//! |---|---|
//! | `mistake.rs` | a mistake and its place, the nearest name |
//! | `yaml.rs` | YAML as a tree with places, within bounds |

pub mod mistake;
pub mod yaml;
