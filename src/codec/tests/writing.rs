//! Writing: what cannot be written, and totals.

use std::io::{Cursor, Seek, SeekFrom, Write as _};
use std::sync::Arc;

use super::layouts::*;
use super::{assert_clean, read, text, write};
use crate::codec::RecordWriter;
use crate::codec::charset::Charset;
use crate::schema::layout::*;
use crate::value::{OwnedValue, Value};

#[test]
fn what_does_not_fit_is_named_and_nothing_is_written() {
    let mut layout = small_csv();
    layout.records[0].fields[0].required = true;
    let mut writer = RecordWriter::new(Arc::new(layout.clone()), Cursor::new(Vec::new())).unwrap();
    let good = [Value::Text("00001"), Value::Text("漢字"), Value::Int(-5)];
    for (field, value, code) in [
        (0, Value::Null, "required-missing"),
        (0, Value::Text(""), "required-missing"),
        (0, Value::Text("123456"), "field-too-long"),
        (0, Value::Text("１"), "not-digits"),
        (0, Value::Int(1), "wrong-type"),
        (1, Value::Text("𠮷"), "unmappable"),
        (1, Value::Text("a\tb"), "control-char"),
        (1, Value::Bool(true), "wrong-type"),
        (2, Value::Text("1"), "wrong-type"),
        (2, Value::Int(-1_000_000_000), "field-too-long"),
    ] {
        let mut values = good;
        values[field] = value;
        let findings = writer.write(0, &values).unwrap().unwrap_err();
        assert_eq!(findings.iter().map(|f| f.code.as_str()).collect::<Vec<_>>(), [code]);
        assert_eq!(findings[0].data.field, layout.records[0].fields[field].name);
    }
    let placed = writer.write(0, &good).unwrap().unwrap();
    assert_eq!((placed.byte, placed.len, placed.record), (0, 13, 1));
    assert!(writer.write(7, &good).unwrap().is_err());
    assert!(writer.write(0, &good[..2]).unwrap().is_err());
    let (out, _) = writer.finish().unwrap();
    assert_eq!(out.into_inner(), b"00001,\x8a\xbf\x8e\x9a,-5\r\n");
}

#[test]
fn an_unmappable_character_is_named_by_its_number() {
    let mut writer = RecordWriter::new(Arc::new(small_csv()), Cursor::new(Vec::new())).unwrap();
    let findings = writer.write(0, &[Value::Null, Value::Text("𠮷田"), Value::Null]).unwrap().unwrap_err();
    assert!(findings[0].message.contains("U+20BB7") && findings[0].message.contains("windows-31j"));
}

#[test]
fn totals_of_groups_are_filled_in_and_read_back() {
    let layout = bank();
    let name = || text("ｱ");
    let records = vec![
        (0, vec![OwnedValue::Null, name(), OwnedValue::Null]),
        (1, vec![OwnedValue::Null, name(), OwnedValue::Int(100), OwnedValue::Null]),
        (1, vec![OwnedValue::Null, name(), OwnedValue::Int(20), OwnedValue::Null]),
        (2, vec![OwnedValue::Null; 4]),
        (0, vec![OwnedValue::Null; 3]),
        (2, vec![OwnedValue::Null; 4]),
        (3, vec![OwnedValue::Null; 2]),
    ];
    let (bytes, totals) = write(&layout, &records);
    let back = read(&layout, &bytes);
    assert_clean(&back);
    assert_eq!(totals, back.totals);
    assert_eq!(totals.iter().map(|total| total.counted).collect::<Vec<_>>(), [2, 120, 0, 0]);
    assert_eq!(&bytes[22 * 3..22 * 3 + 20], b"800000200000120     ");
}

#[test]
fn a_file_total_in_front_is_filled_in_at_the_end() {
    let int = |name, len| field(name, FieldKind::Int { signed: false }, len);
    let quoted = Kind::Delimited { separator: b',', quote: Quote::Always, header: false };
    let plain = xml(Vec::new()).physical.kind;
    for (kind, ends) in
        [(Kind::Fixed, LineEnd::None), (csv(), LineEnd::CrLf), (quoted, LineEnd::Lf), (plain, LineEnd::Lf)]
    {
        let records = vec![
            fixed_record("管理", None, vec![field("名", FieldKind::Digits, 2), int("件数", 6)]),
            fixed_record("データ", None, vec![int("金額", 8)]),
        ];
        let mut layout = layout(kind.clone(), records, "管理 データ*");
        layout.physical.line_end = ends;
        if kind != Kind::Fixed {
            for record in &mut layout.records {
                record.when = None;
                record.fields.iter_mut().for_each(|field| field.exact = false);
            }
            // Told apart by their first field.
            layout.records[0].when = Some(Discriminator { field: 0, values: vec!["00".to_owned()] });
        }
        if matches!(kind, Kind::Xml { .. }) {
            layout.physical.charset = Charset::Utf8;
        }
        layout.totals = vec![total((0, 1), Counted::Count(vec![0, 1]), TotalScope::File)];
        let mut out = Cursor::new(Vec::new());
        out.write_all(b"before").unwrap();
        let mut writer = RecordWriter::new(Arc::new(layout.clone()), out).unwrap();
        writer.write(0, &[Value::Text("00"), Value::Null]).unwrap().unwrap();
        for amount in 0..1234 {
            writer.write(1, &[Value::Int(amount)]).unwrap().unwrap();
        }
        let (mut out, totals) = writer.finish().unwrap();
        assert_eq!(out.stream_position().unwrap(), out.seek(SeekFrom::End(0)).unwrap());
        assert_eq!((totals[0].declared, totals[0].agrees), (Some(1235), true));
        let back = read(&layout, &out.into_inner()[6..]);
        assert_clean(&back);
        assert_eq!((back.totals[0].declared, back.totals[0].counted), (Some(1235), 1235));
    }
}

#[test]
fn the_order_is_kept() {
    let mut writer = RecordWriter::new(Arc::new(bank()), Cursor::new(Vec::new())).unwrap();
    let findings = writer.write(1, &[Value::Null; 4]).unwrap().unwrap_err();
    assert_eq!(findings[0].code, "order-violation");
    writer.write(0, &[Value::Null; 3]).unwrap().unwrap();
    assert_eq!(writer.unfinished().unwrap().code, "order-unfinished");
    assert!(writer.finish().is_err());
}

#[test]
fn without_quotes_a_separator_is_refused() {
    let mut layout = small_csv();
    layout.physical.kind = Kind::Delimited { separator: b'\t', quote: Quote::Never, header: false };
    let mut writer = RecordWriter::new(Arc::new(layout.clone()), Cursor::new(Vec::new())).unwrap();
    let findings = writer.write(0, &[Value::Null, Value::Text("漢\n字"), Value::Null]).unwrap().unwrap_err();
    assert_eq!(findings[0].code, "needs-quotes");
    let (bytes, _) = write(&layout, &[(0, vec![text("1"), text("\"引用\""), OwnedValue::Null])]);
    assert_eq!(read(&layout, &bytes).values()[0].1[1], text("\"引用\""));
}

#[test]
fn odd_rests_cannot_be_padded_with_full_width_spaces() {
    let fields = vec![field("名", FieldKind::Wide, 6)];
    let layout = layout(Kind::Fixed, vec![fixed_record("データ", None, fields)], "データ*");
    let mut writer = RecordWriter::new(Arc::new(layout), Cursor::new(Vec::new())).unwrap();
    let findings = writer.write(0, &[Value::Text("漢a")]).unwrap().unwrap_err();
    assert_eq!(findings[0].code, "cannot-pad");
    assert!(writer.write(0, &[Value::Text("漢字漢字")]).unwrap().is_err());
    assert!(writer.write(0, &[Value::Text("漢aa")]).unwrap().is_ok());
}
