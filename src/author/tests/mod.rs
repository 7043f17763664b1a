//! The shipped layouts, inferred from made-up records and written to item sheets and back.

mod generate;
mod infer_shipped;
mod sheets;

use std::fs;
use std::path::{Path, PathBuf};

use crate::schema::layout::Layout;
use crate::schema::load_codes::load_codes;
use crate::schema::load_layout::{CodeLists, load_layouts};
use crate::schema::toml_read::Reader;

fn files(folder: &str, extension: &str) -> Vec<(String, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas").join(folder);
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|is| is == extension))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path))
        .collect();
    found.sort();
    found
}

fn code_lists() -> CodeLists {
    let reader = |path: &Path| Reader::new(path.to_str().unwrap(), fs::read_to_string(path).unwrap());
    files("codes", "csv").iter().map(|(id, path)| (id.clone(), load_codes(id, &reader(path)).list)).collect()
}

/// Every shipped layout with its profiles.
fn shipped() -> Vec<Vec<Layout>> {
    let codes = code_lists();
    let load = |(id, path): &(String, PathBuf)| {
        let reader = Reader::new(path.to_str().unwrap(), fs::read_to_string(path).unwrap());
        load_layouts(id, &reader, &codes)
    };
    files("layouts", "toml").iter().map(load).collect()
}
