//! One file per section of the benchmark. A section starts what it needs and writes its figures to the report.

pub(crate) mod accept;
pub(crate) mod backlog;
pub(crate) mod cold;
pub(crate) mod flat;
pub(crate) mod idle;
pub(crate) mod open_loop;
pub(crate) mod sustained;
