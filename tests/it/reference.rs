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
fn every_mistake_of_a_case_file_is_told_in_japanese_with_its_place() {
    let site = renkei::mapping::site::load(env!("CARGO_MANIFEST_DIR").as_ref()).unwrap().0;
    let told = |text: &str| {
        let place = tempfile::tempdir().unwrap();
        let case = place.path().join("tests/interfaces/juki-ido/b");
        std::fs::create_dir_all(&case).unwrap();
        std::fs::write(case.join("case.toml"), text).unwrap();
        std::fs::write(case.join("expected.json"), "{}").unwrap();
        let mut site = site.clone();
        site.root = place.path().to_owned();
        renkei::cases::run(&site, &[], false).unwrap().text()
    };
    let file = "tests/interfaces/juki-ido/b/case.toml";
    let structure = told("titel = 'x'\nbase_date = '2026-02-30'\n[[step]]\nas = 'x.csv'\ndays = 0\n");
    for expected in ["「title」がありません", "「titel」", "title", "2026-02-30", "「drop」がありません", "days"]
    {
        assert!(structure.contains(expected), "{expected}: {structure}");
    }
    assert!(structure.contains(&format!("{file}:2:")) && structure.contains(&format!("{file}:4:")), "{structure}");
    let names =
        told("title = 'x'\nbase_date = '2026-02-03'\nentities = ['jumni']\nreports = ['juki']\n[[step]]\ndays = 1\n");
    assert!(names.contains("「jumni」という台帳はありません") && names.contains("jumin"), "{names}");
    assert!(names.contains("「juki」という業務はありません"), "{names}");
    let files = told(
        "title = 'x'\nbase_date = '2026-02-03'\n[[step]]\ndrop = 'x.csv'\ninto = 'juki-idou'\n[[step]]\nwith_next = true\n",
    );
    assert!(files.contains("この [[step]] は何もしません"), "{files}");
    let files = told("title = 'x'\nbase_date = '2026-02-03'\n[[step]]\ndrop = 'x.csv'\ninto = 'juki-idou'\n");
    assert!(
        files.contains("「x.csv」というファイルはありません") && files.contains("「juki-ido」ではありませんか"),
        "{files}"
    );
    assert!(files.contains("1 件中 1 件が期待と違います"), "{files}");
    assert!(told("title = 'x'\nbase_date = '2026-02-03'\n").contains("[[step]] がありません"));
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
