//! The layouts that are shipped.
