//! What the declarative files under `schemas/` say, as types.
pub mod entity;
pub mod feed;
pub mod layout;
pub mod view;
