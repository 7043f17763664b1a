//! Mistakes are found where they stand.

use super::*;

const ITEM: Table = Table { name: "item", keys: &[("name", ""), ("len", "")] };
const ROOT: Table = Table { name: "root", keys: &[("version", ""), ("komoku", "")] };

fn lines(reader: Reader) -> Vec<(u32, u32, String)> {
    reader.into_findings().into_iter().map(|f| (f.rule.line, f.rule.column, f.code)).collect()
}

#[test]
fn unknown_keys_and_wrong_types_are_found_where_they_stand() {
    let reader = Reader::new("a.toml", "version = 1\nkomoku = { naem = \"あ\", len = \"3\" }\n");
    {
        let doc = reader.parse().unwrap();
        let root = Node::root(&reader, &doc);
        root.version();
        let item = root.opt_table("komoku").unwrap();
        assert!(item.str("name").is_none());
        assert!(item.opt_len("len").is_none());
        item.finish(&ITEM);
        root.finish(&ROOT);
    }
    assert_eq!(
        lines(reader),
        [
            (2, 10, "rule-missing-key".to_owned()),
            (2, 30, "rule-wrong-type".to_owned()),
            (2, 12, "rule-unknown-key".to_owned()),
        ]
    );
}

#[test]
fn a_place_inside_a_string_survives_quotes_escapes_and_lines() {
    let text = "a = '''\nSELECT あ\nFROM い'''\nb = \"\\\"あ\\u3042い\"\n";
    let reader = Reader::new("a.toml", text);
    let doc = reader.parse().unwrap();
    let root = Node::root(&reader, &doc);
    let a = root.opt_str("a").unwrap();
    let at = |p: RulePlace| (p.line, p.column);
    assert_eq!(at(a.place_of(2, 6)), (3, 6));
    assert_eq!(at(a.place_of(1, 8)), (2, 8));
    let b = root.opt_str("b").unwrap();
    assert_eq!(at(b.place_of(1, 4)), (4, 15));
}

#[test]
fn broken_toml_is_one_finding_with_its_place() {
    let reader = Reader::new("a.toml", "a = 1\nb = \n");
    assert!(reader.parse().is_none());
    assert_eq!(lines(reader)[0].0, 2);
}
