//! The story of every end.
