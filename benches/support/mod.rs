//! What the sections share: the server and its floors, the load, the stand-ins for the platforms, the figures.

pub(crate) mod cores;
pub(crate) mod figures;
pub(crate) mod floor;
pub(crate) mod github;
pub(crate) mod load;
pub(crate) mod requests;
pub(crate) mod sections;
pub(crate) mod server;
pub(crate) mod stand_in;
pub(crate) mod teams;
