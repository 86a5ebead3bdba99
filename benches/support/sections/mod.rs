//! One file per section of the benchmark. A section starts what it needs and writes its figures to the report.

pub(crate) mod accept;
pub(crate) mod backlog;
pub(crate) mod cold;
pub(crate) mod flat;
pub(crate) mod github_open_loop;
pub(crate) mod idle;
pub(crate) mod open_loop;
pub(crate) mod sustained;
pub(crate) mod teams_open_loop;
pub(crate) mod teams_token;

/// How long a run may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// Long enough to see what a change does.
    Quick,
    /// As the figures are demanded.
    Usual,
    /// With a million events kept.
    Full,
}
