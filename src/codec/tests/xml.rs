//! XML that is not as it should be.

use super::layouts::*;
use super::{Read, assert_clean, read, read_in_blocks, text};
use crate::codec::{Findings, ReadLimits, Record, RecordReader};
use crate::finding::Severity;
use crate::schema::layout::{FieldKind, Layout};
use crate::value::OwnedValue;

fn small() -> Layout {
    let mut layout = xml(vec![field("番号", FieldKind::Digits, 5), field("氏名", FieldKind::Wide, 20)]);
    layout.records[0].fields[1].path = "氏名/漢字".to_owned();
    layout.physical.max_record = 400;
    layout
}

fn document(body: &str) -> String {
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<一覧 xmlns=\"urn:test\">\n{body}\n</一覧>\n")
}

const GOOD: &str = "<データ><番号>00009</番号><氏名><漢字>表</漢字></氏名></データ>";

fn with(record: &str) -> Read {
    let bytes = document(&format!("{record}\n{GOOD}"));
    let back = read(&small(), bytes.as_bytes());
    for block in [1, 7] {
        assert_eq!(read_in_blocks(&small(), bytes.as_bytes(), block).findings.kept(), back.findings.kept());
    }
    back
}

#[test]
fn predefined_and_numeric_references_and_cdata_are_text() {
    let back = with(
        "<データ><!-- x --><番号>0000<![CDATA[1]]></番号><氏名><漢字>&lt;&#x8868;&#13;&amp;</漢字></氏名></データ>",
    );
    assert_clean(&back);
    assert_eq!(back.values()[0].1, [text("00001"), text("<表\r&")]);
    assert_eq!(back.values()[1].1[0], text("00009"));
    assert_eq!(back.records[1].line, 4);
}

#[test]
fn a_prefix_is_taken_when_it_is_the_roots() {
    let bytes = "<p:一覧 xmlns:p=\"urn:test\"><p:データ><p:番号>1</p:番号></p:データ></p:一覧>";
    let back = read(&small(), bytes.as_bytes());
    assert_clean(&back);
    assert_eq!(back.values()[0].1, [text("1"), OwnedValue::Null]);
    let mixed = bytes.replace("p:番号", "番号");
    assert_eq!(read(&small(), mixed.as_bytes()).codes(), ["unknown-element"]);
}

#[test]
fn a_bad_record_is_held_and_the_next_one_is_read() {
    let long = format!("<データ>{}</データ>", "<!-- 12345678901234567890 -->".repeat(30));
    for (record, code) in [
        ("<データ><番号>1</番号><余分><番号>2</番号></余分></データ>", "unknown-element"),
        ("<データ><番号>1</番号><番号>2</番号></データ>", "duplicate-element"),
        ("<データ><番号 a=\"1\">1</番号></データ>", "unknown-attribute"),
        ("<データ><番号 xmlns=\"urn:other\">1</番号></データ>", "xml-namespace"),
        ("<データ>文字<番号>1</番号></データ>", "unexpected-text"),
        ("<データ><番号>x</番号></データ>", "not-digits"),
        ("<データ><番号>1&#1;</番号></データ>", "control-char"),
        ("<データ><番号><番号>1</番号></番号></データ>", "unknown-element"),
        ("<余分><番号>1</番号></余分>", "unknown-record"),
        (long.as_str(), "record-too-long"),
    ] {
        let back = with(record);
        assert_eq!(back.codes(), [code], "{record}");
        assert_eq!(back.records.len(), 2, "{record}");
        assert!(back.records[0].held && !back.records[1].held, "{record}");
        assert_eq!(back.values()[1].1[0], text("00009"), "{record}");
    }
}

#[test]
fn what_is_dangerous_or_broken_ends_the_reading() {
    let bomb = "<!DOCTYPE a [<!ENTITY b \"cccccccccc\">]><一覧 xmlns=\"urn:test\"></一覧>";
    let deep = document(&format!("<データ>{}", "<他>".repeat(100)));
    let entity = document("<データ><番号>&b;</番号></データ>");
    let torn = "<一覧 xmlns=\"urn:test\"><データ><番号>1</番号>";
    let crossed = document("<データ><番号>1</データ></番号>");
    for (bytes, code, records) in [
        (bomb, "xml-doctype", 0),
        (deep.as_str(), "xml-too-deep", 1),
        (entity.as_str(), "xml-entity", 1),
        (torn, "truncated", 1),
        (crossed.as_str(), "xml-broken", 1),
        ("<一覧></一覧>", "xml-namespace", 0),
        ("<別 xmlns=\"urn:test\"></別>", "xml-root", 0),
        ("<一覧 xmlns=\"urn:test\"></一覧><a/>", "trailing-bytes", 0),
        ("<?xml version=\"1.0\" encoding=\"Shift_JIS\"?><一覧 xmlns=\"urn:test\"></一覧>", "xml-encoding", 0),
        ("", "empty-file", 0),
        ("文字", "trailing-bytes", 0),
    ] {
        let back = read(&small(), bytes.as_bytes());
        assert_eq!(back.codes().last(), Some(&code), "{bytes}");
        assert_eq!(back.findings.count_of(Severity::Fatal), 1, "{bytes}");
        assert_eq!(back.records.len(), records, "{bytes}");
        assert!(back.records.iter().all(|record| record.held));
    }
    let mut bytes = document(GOOD).into_bytes();
    let at = bytes.iter().rposition(|byte| *byte == b'9').unwrap();
    bytes[at] = 0x81;
    let back = read(&small(), &bytes);
    assert_eq!(back.codes(), ["undecodable"]);
    assert_eq!(back.findings.kept()[0].data.byte, at as u64);
}

#[test]
fn a_token_longer_than_a_record_is_stopped_with_bounded_memory() {
    struct Endless(&'static [u8]);
    impl std::io::Read for Endless {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            if self.0.is_empty() {
                out.fill(b'a');
                return Ok(out.len());
            }
            self.0.read(out)
        }
    }
    let start = "<一覧 xmlns=\"urn:test\"><データ><番号>".as_bytes();
    let mut reader = RecordReader::new(small().into(), Endless(start), ReadLimits::default());
    let mut findings = Findings::new(10);
    let mut record = Record::new();
    assert!(reader.next(&mut record, &mut findings).unwrap());
    assert_eq!(findings.kept()[0].code, "record-too-long");
    assert!(!reader.next(&mut record, &mut findings).unwrap());
    assert_eq!(findings.total(), 1);
}
