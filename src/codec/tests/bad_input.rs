//! What bad input gets: a finding with its place, and the next record is read.

use super::layouts::*;
use super::{Read, assert_clean, read, read_in_blocks, text};
use crate::codec::charset::Charset;
use crate::codec::{Findings, ReadLimits, Record, RecordReader};
use crate::finding::Severity;
use crate::schema::layout::*;
use crate::value::{OwnedValue, Value};

/// The one finding that is an error or worse: code, byte, length, value.
fn only(read: &Read) -> (&str, u64, u64, &str) {
    let bad: Vec<_> = read.findings.kept().iter().filter(|f| f.severity >= Severity::Error).collect();
    assert_eq!(bad.len(), 1, "{bad:?}");
    (bad[0].code.as_str(), bad[0].data.byte, bad[0].data.len, bad[0].value.as_str())
}

/// Reads one bad line between two good ones; the good ones must come through.
fn between(layout: &Layout, bad: &[u8]) -> Read {
    let mut bytes = b"00001,a,1\r\n".to_vec();
    bytes.extend_from_slice(bad);
    bytes.extend_from_slice(b"\r\n00003,c,3\r\n");
    let back = read(layout, &bytes);
    let last = back.records.last().unwrap();
    assert_eq!(last.value(0), Value::Text("00003"));
    assert!(!last.held && !back.records[0].held);
    assert_eq!(back.records.len(), 3);
    assert!(back.records[1].held);
    for block in [1, 3, 7] {
        assert_eq!(read_in_blocks(layout, &bytes, block).findings.kept(), back.findings.kept());
    }
    back
}

#[test]
fn a_bad_line_is_named_to_the_byte_and_the_next_one_is_read() {
    let layout = small_csv();
    for (line, expected) in [
        (&b"00002,b"[..], ("field-count", 11, 7, "")),
        (b"00002,b,2,", ("field-count", 11, 10, "")),
        (b"00002,b\"x,2", ("bad-quote", 18, 1, "")),
        (b"00002,\"b\"x,2", ("bad-quote", 20, 1, "")),
        (b"00002,\"b,2", ("bad-quote", 17, 1, "")),
        (b"000022,b,2", ("field-too-long", 11, 6, "000022")),
        (b"0000a,b,2", ("not-digits", 11, 5, "0000a")),
        (b"00002,b,x", ("not-a-number", 19, 1, "x")),
        (b"00002,b,1 ", ("not-a-number", 19, 2, "1 ")),
        (b"00002,b,+1", ("not-a-number", 19, 2, "+1")),
        (b"00002,a\x00b,2", ("control-char", 18, 1, "a␣b")),
        (b"00002,a\tb,2", ("control-char", 18, 1, "a␣b")),
        (b"00002,\x81,2", ("undecodable", 17, 1, "81")),
        (b"00002,\x95\x5c\x81\x20,2", ("undecodable", 19, 2, "81 20")),
        (b"00002,\"\"\"\"\"\x95\x5c\xf0\",2", ("undecodable", 24, 1, "F0")),
        (b"00002,\x80,2", ("control-char", 17, 1, "␣")),
    ] {
        let back = between(&layout, line);
        let shown = String::from_utf8_lossy(line).into_owned();
        assert_eq!(only(&back), expected, "{shown}");
        let finding = back.findings.kept().iter().find(|f| f.severity >= Severity::Error).unwrap();
        assert_eq!((finding.data.record, finding.data.line), (2, 2), "{shown}");
    }
}

#[test]
fn a_trail_byte_beside_a_separator_is_no_separator() {
    // 表 ends in 5C, ポ in 7C.
    let back = read(&small_csv(), b"00001,\x95\x5c,1\r\n00002,\"\x83\x7c\",2\r\n");
    assert_clean(&back);
    assert_eq!(back.values()[0].1[1], text("表"));
    assert_eq!(back.values()[1].1[1], text("ポ"));
}

#[test]
fn a_missing_quote_costs_one_line_even_without_another_quote_in_the_file() {
    let mut bytes = b"00001,a,1\r\n00002,\"b,2\r\n".to_vec();
    for _ in 0..2000 {
        bytes.extend_from_slice(b"00003,c,3\r\n");
    }
    let back = read_in_blocks(&small_csv(), &bytes, 100);
    assert_eq!(back.records.len(), 2002);
    assert_eq!(only(&back), ("bad-quote", 17, 1, ""));
    assert_eq!(back.records.iter().filter(|record| record.held).count(), 1);
}

#[test]
fn quotes_breaks_and_empty_lines_are_told_apart() {
    let back = read(&small_csv(), b"\"00001\",\"a,\"\"b\"\"\r\nc\",\"1\"\r\n\r\n00002,d,2\n00003,e,3");
    assert_eq!(back.codes(), ["empty-line", "bad-line-end", "no-final-line-end"]);
    assert_eq!(back.values()[0].1[1], text("a,\"b\"\r\nc"));
    let lines: Vec<_> = back.records.iter().map(|record| (record.number, record.line)).collect();
    assert_eq!(lines, [(1, 1), (2, 4), (3, 5)]);
    assert!(back.records[1].held && !back.records[2].held);
}

/// Gives `count` times the same byte, then the tail.
struct Endless(u64, &'static [u8]);

impl std::io::Read for Endless {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if self.0 == 0 {
            return self.1.read(out);
        }
        let count = out.len().min(usize::try_from(self.0).unwrap_or(usize::MAX));
        out[..count].fill(b'a');
        self.0 -= count as u64;
        Ok(count)
    }
}

#[test]
fn a_line_of_two_gigabytes_is_one_finding() {
    for layout in [small_csv(), bank()] {
        let tail: &[u8] = b"\r\n00002,b,2\r\n";
        let fixed = layout.physical.kind == Kind::Fixed;
        let mut layout = layout;
        if fixed {
            layout.physical.line_end = LineEnd::CrLf;
        }
        let mut reader = RecordReader::new(layout.into(), Endless(2 << 30, tail), ReadLimits::default());
        let mut findings = Findings::new(10);
        let mut record = Record::new();
        assert!(reader.next(&mut record, &mut findings).unwrap());
        assert_eq!((record.len, record.held), (2 << 30, true));
        assert_eq!(findings.total(), 1);
        assert!(reader.next(&mut record, &mut findings).unwrap());
        assert_eq!(record.byte, (2 << 30) + 2);
    }
}

#[test]
fn the_start_and_the_end_of_a_file_are_judged() {
    let layout = small_csv();
    assert_eq!(read(&layout, b"").codes(), ["empty-file"]);
    assert_eq!(read(&layout, b"\xEF\xBB\xBF00001,a,1\r\n").codes(), ["bad-bom"]);
    let mut with_bom = layout.clone();
    with_bom.physical.bom = Bom::Required;
    with_bom.physical.charset = Charset::Utf8;
    assert_eq!(read(&with_bom, b"00001,a,1\r\n").codes(), ["bad-bom"]);
    assert_eq!(read(&with_bom, b"\xEF\xBB\xBF").codes(), ["empty-file"]);
    let back = read(&with_bom, b"\xEF\xBB\xBF00001,a,1\r\n");
    assert_clean(&back);
    assert_eq!(back.records[0].byte, 3);
    assert_eq!(read(&layout, b"00001,a,1\r\n\x1A").codes(), ["eof-mark"]);
    let mut marked = layout.clone();
    marked.physical.eof_mark = EofMark::Optional;
    assert_eq!(read(&marked, b"00001,a,1\r\n\x1A").codes(), [""; 0]);
    let mut header = layout;
    header.physical.kind = Kind::Delimited { separator: b',', quote: Quote::Needed, header: true };
    let heading = b"\x94\xd4\x8d\x86,\x8e\x81\x96\xbc,\x8b\xe0\x8az\r\n".to_vec();
    let back = read(&header, &[heading.as_slice(), b"00001,a,1\r\n"].concat());
    assert_clean(&back);
    assert_eq!((back.records[0].number, back.records[0].line), (1, 2));
    assert_eq!(read(&header, b"00001,a,1\r\n").codes(), ["header-mismatch"]);
}

const HEAD: &[u8] = b"1\xB1\xB2\xB3       000      ";
const DATA: &[u8] = b"2\xB1         000100   ";
const TAIL: &[u8] = b"800000100000100     ";
const END: &[u8] = b"9                   ";

fn join(records: &[&[u8]], end: &[u8]) -> Vec<u8> {
    records.iter().flat_map(|record| [*record, end].concat()).collect()
}

#[test]
fn a_bank_file_is_read_with_line_ends_or_without() {
    for end in [&b""[..], b"\r\n"] {
        let bytes = join(&[HEAD, DATA, TAIL, HEAD, DATA, TAIL, END], end);
        for tail in [&b""[..], b"\x1A"] {
            let back = read(&bank(), &[&bytes, tail].concat());
            assert_clean(&back);
            assert_eq!(back.codes(), [""; 0]);
            assert_eq!(back.records.len(), 7);
            assert_eq!(back.totals.len(), 4);
            assert!(back.totals.iter().all(|total| total.agrees));
            assert_eq!(back.values()[1].1[2], OwnedValue::Int(100));
            assert_eq!(back.values()[0].1[1], text("ｱｲｳ"));
        }
    }
}

#[test]
fn a_bank_file_that_is_wrong_is_rejected_or_its_record_held() {
    let short: &[u8] = b"2\xB1         00010";
    let kanji: &[u8] = b"2\x8a\xbf        000100   ";
    let lower: &[u8] = b"2abc       000100   ";
    let amount: &[u8] = b"2\xB1         00x100   ";
    let strange: &[u8] = b"5                   ";
    let two = |data: &'static [u8]| [HEAD, data, TAIL, END].to_vec();
    type Case<'a> = (Vec<&'a [u8]>, &'a [u8], &'a [&'a str]);
    let cases: Vec<Case<'_>> = vec![
        (vec![HEAD, DATA], b"", &["order-unfinished"]),
        (vec![HEAD, DATA, TAIL, END, b"xx"], b"", &["trailing-bytes"]),
        (vec![HEAD, DATA, TAIL, END, END], b"", &["trailing-bytes"]),
        (vec![HEAD, DATA, &TAIL[..7]], b"", &["truncated"]),
        (vec![HEAD, DATA, strange, TAIL, END], b"", &["unknown-record"]),
        (vec![HEAD, DATA, strange, TAIL, END], b"\r\n", &["unknown-record", "total-unproved", "total-unproved"]),
        (vec![DATA, TAIL, END], b"\r\n", &["order-violation"]),
        (vec![HEAD, DATA, DATA, TAIL, END], b"\r\n", &["total-mismatch", "total-mismatch"]),
        (two(short), b"\r\n", &["record-length", "total-mismatch"]),
        (two(kanji), b"\r\n", &["undecodable"]),
        (two(lower), b"\r\n", &["not-kana"]),
        (two(amount), b"\r\n", &["not-a-number", "total-mismatch"]),
        (two(DATA), b"\n", &["bad-line-end"; 4]),
    ];
    for (records, end, codes) in cases {
        let bytes = join(&records, end);
        let back = read(&bank(), &bytes);
        assert_eq!(back.codes(), codes, "{}", String::from_utf8_lossy(&bytes));
        for block in [1, 5, 23] {
            assert_eq!(read_in_blocks(&bank(), &bytes, block).findings.kept(), back.findings.kept());
        }
    }
}

#[test]
fn held_records_are_counted_and_what_is_unknown_is_said() {
    let amount: &[u8] = b"2\xB1         00x100   ";
    let back = read(&bank(), &join(&[HEAD, amount, DATA, b"800000200000200     ", END], b"\r\n"));
    assert!(back.totals[0].agrees);
    assert_eq!((back.totals[1].declared, back.totals[1].counted, back.totals[1].unknown), (Some(200), 100, 1));
    let finding = back.findings.kept().iter().find(|f| f.code == "total-mismatch").unwrap();
    assert_eq!(finding.severity, Severity::Fatal);
    assert!(finding.message.contains("200") && finding.message.contains("100") && finding.message.contains("1 件"));
    assert_eq!(finding.data.field, "合計");
}

#[test]
fn each_rule_of_a_field_is_checked() {
    let list = CodeList {
        id: "seibetsu".to_owned(),
        entries: vec![("1".to_owned(), "男".to_owned()), ("2".to_owned(), "女".to_owned())],
        unknown: None,
    };
    let base = || field("項目", FieldKind::Half, 10);
    let with = |change: &dyn Fn(&mut Field)| {
        let mut field = base();
        change(&mut field);
        field
    };
    let kind = |kind: FieldKind| field("項目", kind, 10);
    let strict = |form| FieldKind::Date(DateRule { form, unknown: false, zero_null: false, open: false });
    let cases = vec![
        (with(&|f| f.required = true), "", "required-missing"),
        (with(&|f| (f.exact, f.len) = (true, 3)), "ab", "field-too-short"),
        (with(&|f| f.constant = Some("1".to_owned())), "2", "constant-mismatch"),
        (with(&|f| f.constant = Some("1".to_owned())), "", "constant-mismatch"),
        (with(&|f| f.codes = Some(list.clone().into())), "3", "unknown-code"),
        (with(&|f| f.check = Some((CheckDigit::Luhn, Severity::Error))), "33120016", "wrong-check-digit"),
        (base(), "ｱ", "not-half-width"),
        (kind(FieldKind::FullWidth), "漢a", "not-full-width"),
        (kind(FieldKind::Wide), "漢a", "half-in-wide"),
        (kind(FieldKind::HalfKana), "漢", "not-kana"),
        (kind(FieldKind::Int { signed: false }), "-1", "not-a-number"),
        (field("項目", FieldKind::Int { signed: false }, 30), "99999999999999999999", "number-overflow"),
        (kind(FieldKind::Decimal { whole: 2, fraction: 1 }), "1.23", "not-a-number"),
        (kind(strict(DateForm::Iso)), "2026-02-30", "bad-date"),
        (kind(strict(DateForm::Iso)), "1935-00-00", "bad-date"),
        (kind(FieldKind::Time), "25:00", "bad-time"),
        (kind(FieldKind::Year), "26", "bad-date"),
        (kind(FieldKind::Wide), "\u{FFFD}", "replacement-char"),
        (kind(FieldKind::Wide), "漢\u{FEFF}", "control-char"),
    ];
    for (mut field, content, code) in cases {
        field.charset = Charset::Utf8;
        let other = Field { charset: Charset::Utf8, ..super::layouts::field("他", FieldKind::Half, 1) };
        let layout = layout(csv(), vec![record("データ", vec![field, other])], "データ*");
        let back = read(&layout, format!("{content},x\r\n").as_bytes());
        let finding = &back.findings.kept()[0];
        assert_eq!((finding.code.as_str(), back.findings.total()), (code, 1), "{content}");
        assert_eq!(back.records[0].held, finding.severity >= Severity::Error);
        assert!(finding.message.contains("「項目」"), "{}", finding.message);
    }
}

#[test]
fn a_secret_value_never_shows() {
    let mut layout = small_csv();
    layout.records[0].fields[1].secret = true;
    layout.records[0].fields[1].kind = FieldKind::HalfKana;
    for line in [&b"00001,\x8a\xbf,1\r\n"[..], b"00001,\x81,1\r\n", b"00001,abc,1\r\n"] {
        let back = read(&layout, line);
        let finding = &back.findings.kept()[0];
        assert!(finding.value.starts_with("＊＊＊"), "{finding:?}");
        assert!(
            !finding.message.contains('漢') && !finding.message.contains("「a」") && !finding.message.contains("81")
        );
    }
}

#[test]
fn kinds_of_a_delimited_file_are_told_apart_and_totals_checked() {
    let first = |mark: &str, name: &str, fields: Vec<Field>| {
        let mut all = vec![Field { constant: Some(mark.to_owned()), ..field("区分", FieldKind::Half, 1) }];
        all.extend(fields);
        RecordKind { when: Some(Discriminator { field: 0, values: vec![mark.to_owned()] }), ..record(name, all) }
    };
    let int = |name| field(name, FieldKind::Int { signed: false }, 9);
    let records = vec![
        first("H", "ヘッダ", vec![int("総数")]),
        first("D", "データ", vec![int("金額"), int("種別")]),
        first("T", "トレーラ", vec![int("件数")]),
    ];
    let mut layout = layout(csv(), records, "ヘッダ データ* トレーラ");
    layout.totals = vec![
        total((0, 1), Counted::Count(vec![0, 1, 2]), TotalScope::File),
        Total { only: Some((2, vec!["7".to_owned()])), ..total((2, 1), Counted::Sum(1, 1), TotalScope::Group) },
    ];
    let back = read(&layout, b"H,4\r\nD,10,7\r\n\"D\",20,8\r\nT,10\r\n");
    assert_clean(&back);
    assert_eq!(back.totals.iter().map(|total| total.counted).collect::<Vec<_>>(), [10, 4]);
    let back = read(&layout, b"H,4\r\nD,10,7\r\nX,1\r\nT,10\r\nD,5,7\r\n");
    assert_eq!(
        back.codes(),
        ["unknown-record", "total-unproved", "order-violation", "order-unfinished", "total-unproved"]
    );
    assert_eq!(back.records.iter().filter(|record| record.held).count(), 2);
}
