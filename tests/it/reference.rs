//! `schemas/REFERENCE.md` knows every key, function and item that the program accepts.

use std::collections::BTreeSet;

use renkei::expr::{Expr, Scope};
use renkei::mapping::scope::RUN_ITEMS;
use renkei::schema::keys;
use renkei::value::Type;

const REFERENCE: &str = include_str!("../../schemas/REFERENCE.md");

/// Keys of the table below a heading.
fn described(heading: &str) -> BTreeSet<&'static str> {
    let head = format!("\n### `{heading}`\n");
    let Some((_, rest)) = REFERENCE.split_once(&head) else { panic!("no heading {heading}") };
    let section = rest.split("\n#").next().unwrap();
    section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`')).map(|(key, _)| key).collect()
}

#[test]
fn the_reference_names_the_keys_of_every_table_and_no_others() {
    for table in keys::ALL {
        let known: BTreeSet<&str> = table.keys.iter().map(|(key, _)| *key).collect();
        let mut found = described(table.name);
        if table.name == "layout record.fields" {
            // The table of types follows in the same section.
            found.retain(|key| !key.starts_with(|c: char| c.is_ascii_uppercase() || c.is_ascii_digit()));
        }
        assert_eq!(found, known, "{}", table.name);
    }
}

#[test]
fn the_reference_names_the_keys_of_cases() {
    let site = renkei::mapping::site::load(env!("CARGO_MANIFEST_DIR").as_ref()).unwrap().0;
    for (heading, text) in [("case", "x = 1\n"), ("case step", "title = ''\nbase_date = ''\n[[step]]\nx = 1\n")] {
        let place = tempfile::tempdir().unwrap();
        let case = place.path().join("tests/interfaces/a/b");
        std::fs::create_dir_all(&case).unwrap();
        std::fs::write(case.join("case.toml"), text).unwrap();
        let mut site = site.clone();
        site.root = place.path().to_owned();
        let told = renkei::cases::run(&site, &[], false).unwrap_err().to_string();
        let list = told.split_once("expected one of").unwrap().1;
        let known: BTreeSet<&str> = list.split('`').skip(1).step_by(2).collect();
        assert_eq!(described(heading), known, "{told}");
    }
}

#[test]
fn the_reference_names_every_function_and_item() {
    struct Nothing;
    impl Scope for Nothing {
        fn resolve(&self, _: &[&str]) -> Option<(u32, Type)> {
            None
        }
    }
    let hint = Expr::parse("zzzzzzzz()", &Nothing).unwrap_err()[0].hint.clone();
    let names = hint.split_once(": ").unwrap().1;
    for name in names.split(", ") {
        assert!(REFERENCE.contains(&format!("\n| `{name}(")), "{name}");
    }
    for (name, ..) in RUN_ITEMS {
        assert!(REFERENCE.contains(&format!("\n| `実行.{name}` ")), "{name}");
    }
}
