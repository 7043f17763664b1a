//! stub
pub mod charset;
