//! The read buffer's edges fall everywhere.

use super::layouts::*;
use super::{assert_clean, read_in_blocks};
use crate::codec::charset::Charset;
use crate::schema::layout::FieldKind;
use crate::value::Value;

/// Every two-byte code of windows-31j that has a character.
fn codes() -> Vec<([u8; 2], String)> {
    let mut all = Vec::new();
    for code in 0x8140..=0xFCFCu16 {
        let bytes = code.to_be_bytes();
        let mut text = String::new();
        let decoded = Charset::Windows31j.decode(&bytes, &mut text).is_ok();
        if decoded && text.chars().count() == 1 {
            all.push((bytes, text));
        }
    }
    all
}

#[test]
fn every_two_byte_code_is_read_at_every_offset_of_the_buffer() {
    let codes = codes();
    assert_eq!(codes.len(), 9_604);
    let mut layout = layout(
        csv(),
        vec![record(
            "データ",
            vec![field("前", FieldKind::Wide, 4), field("中", FieldKind::Wide, 4), field("後", FieldKind::Wide, 4)],
        )],
        "データ*",
    );
    layout.physical.max_record = 64;
    let mut bytes = Vec::new();
    for (index, (code, _)) in codes.iter().enumerate() {
        // The code beside a separator, a quote and a line end.
        if index % 2 == 0 {
            bytes.extend([code[0], code[1], b',', b'"', code[0], code[1], b'"', b',', code[0], code[1]]);
        } else {
            bytes.extend([
                b'"', code[0], code[1], b'"', b',', code[0], code[1], b',', b'"', b'"', b'"', code[0], code[1], b'"',
            ]);
        }
        bytes.extend(b"\r\n");
    }
    for block in 1..=17 {
        let back = read_in_blocks(&layout, &bytes, block);
        assert_clean(&back);
        assert_eq!(back.records.len(), codes.len());
        for (index, (record, (_, text))) in back.records.iter().zip(&codes).enumerate() {
            assert_eq!(record.value(0), Value::Text(text));
            assert_eq!(record.value(1), Value::Text(text));
            let last = if index % 2 == 0 { text.clone() } else { format!("\"{text}") };
            assert_eq!(record.value(2), Value::Text(&last));
        }
    }
}

#[test]
fn every_one_byte_code_is_read_or_named_at_every_offset_of_the_buffer() {
    let mut layout = small_csv();
    layout.records[0].fields[1].len = 4;
    for byte in 0..=0xFFu8 {
        let mut line = b"00001,a".to_vec();
        line.push(byte);
        line.extend(b"b,1\r\n00002,x,2\r\n");
        let whole = read_in_blocks(&layout, &line, 1 << 10);
        for block in 1..=9 {
            let back = read_in_blocks(&layout, &line, block);
            assert_eq!(back.values(), whole.values(), "{byte:02X} {block}");
            assert_eq!(back.findings.kept(), whole.findings.kept());
        }
        assert_eq!(whole.records.last().unwrap().value(0), Value::Text("00002"), "{byte:02X}");
    }
}
