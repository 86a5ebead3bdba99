//! What people type, as one table; help, usage, manifests and the docs page are made from it.
//!
//! A command is one file and two lines in the table. It reads its arguments, asks a function of
//! `tools/`, and answers with a card.
