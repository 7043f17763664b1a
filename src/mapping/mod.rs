//! Mappings compiled into plans, and the site folder they live in.
pub mod carry;
pub mod context;
mod daily;
mod guard_lint;
pub mod load_derive;
pub mod load_guard;
mod load_hold;
pub mod load_in;
pub mod load_list;
pub mod load_out;
mod load_out_record;
mod load_out_split;
pub mod load_table;
pub mod plan;
pub mod scope;
pub mod site;
mod site_files;
mod site_lint;
