//! What is written is read back, value by value, for random values and formats.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::layouts::*;
use super::{assert_clean, read, read_in_blocks, text, write};
use crate::codec::charset::Charset;
use crate::schema::layout::*;
use crate::value::OwnedValue;

fn chars(allowed: &str, len: std::ops::RangeInclusive<usize>) -> BoxedStrategy<String> {
    let allowed: Vec<char> = allowed.chars().collect();
    vec(proptest::sample::select(allowed), len).prop_map(String::from_iter).boxed()
}

/// Values of a field that survive: no padding characters at the padded end, nothing a reader would refuse.
pub(super) fn values(field: &Field, fixed: bool) -> BoxedStrategy<OwnedValue> {
    let narrow = field.charset == Charset::JisX0208;
    let wide = if narrow { "表能ソ十予貼噂亜" } else { "表能ソ十予貼噂亜髙﨑" };
    let mixed = if fixed { wide.to_owned() } else { format!("{wide}―ｼﾞ～・，\"\r\n,&<>") };
    let most = if fixed { (field.len / 2).max(1) } else { field.len };
    let least = |len: usize| if field.exact && !fixed { len } else { 1 };
    let ends = |allowed: &str, most: usize, end: &'static str| {
        let least = least(most).saturating_sub(1);
        chars(allowed, least..=most - 1).prop_map(move |text| text + end).boxed()
    };
    let mapped = match &field.kind {
        FieldKind::Half => ends("abcXYZ019 ,.\"'\\|-+=<&", field.len, "z"),
        FieldKind::Wide => chars(&mixed, least(most)..=most),
        FieldKind::Digits if fixed => chars("0123456789", field.len..=field.len),
        FieldKind::Digits => chars("0123456789", least(field.len)..=field.len),
        FieldKind::HalfKana => ends("ｱｲﾞﾟｰA9 ()-", field.len, "ｼ"),
        FieldKind::FullWidth => ends("表能ソ十―ゆき　Ａ", most, "亜"),
        FieldKind::Int { signed } => {
            let sign = usize::from(*signed && fixed);
            let greatest = 10i64.pow((field.len - sign).min(9) as u32) - 1;
            let least = if *signed { -greatest } else { 0 };
            return (least..=greatest).prop_map(OwnedValue::Int).boxed();
        }
        FieldKind::Decimal { .. } => (0..=999u32, 0..=99u32).prop_map(|(a, b)| format!("{a}.{b:02}")).boxed(),
        FieldKind::Date(rule) => match rule.form {
            DateForm::MonthDay => (1..=12u32, 1..=28u32).prop_map(|(m, d)| format!("{m:02}{d:02}")).boxed(),
            _ => (1874..=2070u32, 1..=12u32, 1..=28u32).prop_map(|(y, m, d)| format!("{y}-{m:02}-{d:02}")).boxed(),
        },
        FieldKind::Year => (0..=9999u32).prop_map(|year| format!("{year:04}")).boxed(),
        FieldKind::Time if fixed && field.len == 5 => Just("23:59".to_owned()).boxed(),
        FieldKind::Time => (0..24u32, 0..60u32).prop_map(|(h, m)| format!("{h:02}:{m:02}:59")).boxed(),
        FieldKind::Mark(_) => return Just(OwnedValue::Null).boxed(),
    };
    let may_be_null = !(fixed && matches!(field.kind, FieldKind::Decimal { .. }));
    let text = mapped.prop_map(|t| text(&t));
    if may_be_null {
        option::of(text).prop_map(|value| value.unwrap_or(OwnedValue::Null)).boxed()
    } else {
        text.boxed()
    }
}

fn records(layout: &Layout, fixed: bool) -> impl Strategy<Value = Vec<(usize, Vec<OwnedValue>)>> + use<> {
    let fields = &layout.records[0].fields;
    let one: Vec<_> = fields.iter().map(|field| values(field, fixed)).collect();
    vec(one.prop_map(|values| (0, values)), 0..6)
}

fn formats() -> Vec<Layout> {
    let mut all = Vec::new();
    for quote in [Quote::Needed, Quote::Always] {
        for (charset, bom) in [(Charset::Windows31j, Bom::Forbidden), (Charset::Utf8, Bom::Required)] {
            let mut one = layout(csv(), vec![record("データ", every_kind())], "データ*");
            one.physical.kind = Kind::Delimited { separator: b',', quote, header: quote == Quote::Always };
            one.physical.charset = charset;
            one.physical.bom = bom;
            one.records[0].fields.iter_mut().for_each(|field| field.charset = charset);
            all.push(one);
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn delimited_files_read_back_as_written(
        (layout, records) in proptest::sample::select(formats())
            .prop_flat_map(|layout| { let r = records(&layout, false); (Just(layout), r) }),
        block in 1..40usize,
    ) {
        let (bytes, _) = write(&layout, &records);
        let back = read_in_blocks(&layout, &bytes, block);
        // Nothing but a byte order mark is an empty file.
        if bytes.len() > 3 {
            assert_clean(&back);
        }
        prop_assert_eq!(back.values(), records);
    }

    #[test]
    fn fixed_files_read_back_as_written(
        (ends, records) in proptest::sample::select(vec![LineEnd::CrLf, LineEnd::Lf, LineEnd::None, LineEnd::CrLfOrNone])
            .prop_flat_map(|ends| (Just(ends), records(&fixed_every_kind(ends), true))),
        block in 1..40usize,
    ) {
        let layout = fixed_every_kind(ends);
        let (bytes, _) = write(&layout, &records);
        let end = match ends { LineEnd::CrLf | LineEnd::CrLfOrNone => 2, LineEnd::Lf => 1, LineEnd::None => 0 };
        prop_assert_eq!(bytes.len(), records.len() * (layout.records[0].length + end));
        prop_assert_eq!(read_in_blocks(&layout, &bytes, block).values(), records);
    }

    #[test]
    fn xml_files_read_back_as_written(records in records(&xml(every_kind()), false), block in 1..40usize) {
        let layout = xml(every_kind());
        let (bytes, _) = write(&layout, &records);
        let back = read_in_blocks(&layout, &bytes, block);
        assert_clean(&back);
        prop_assert_eq!(back.values(), records);
    }
}

fn fixed_every_kind(ends: LineEnd) -> Layout {
    let mut layout = layout(Kind::Fixed, vec![fixed_record("データ", None, every_kind())], "データ*");
    layout.physical.line_end = ends;
    layout
}

/// The form of 年金特徴 files: 7-bit kanji between escape sequences, 8-bit kana, no line ends.
#[test]
fn kanji_between_marks_read_back_as_written() {
    let mark = |name, a: &[u8], b: &[u8]| field(name, FieldKind::Mark(vec![a.to_vec(), b.to_vec()]), 3);
    let kanji = Field { charset: Charset::JisX0208, ..field("漢字", FieldKind::FullWidth, 10) };
    let kana = Field { charset: Charset::JisX0201, ..field("カナ", FieldKind::HalfKana, 6) };
    let fields = vec![kana, mark("入", b"\x1B$B", b"\x1B$@"), kanji, mark("出", b"\x1B(B", b"\x1B(J")];
    let mut layout = layout(Kind::Fixed, vec![fixed_record("データ", None, fields)], "データ*");
    layout.physical.line_end = LineEnd::None;
    let records = vec![
        (0, vec![text("ｶﾅ ﾒｲ"), OwnedValue::Null, text("漢字表"), OwnedValue::Null]),
        (0, vec![text("ｱ"), OwnedValue::Null, OwnedValue::Null, OwnedValue::Null]),
    ];
    let (bytes, _) = write(&layout, &records);
    assert!(bytes.starts_with(b"\xB6\xC5 \xD2\xB2 \x1B$B4A;zI=!!!!\x1B(B"), "{bytes:02X?}");
    let back = read(&layout, &bytes);
    assert_clean(&back);
    assert_eq!(back.values(), records);
    // Older marks are taken too; others are named.
    let mut old = bytes.clone();
    old[8] = b'@';
    assert_clean(&read(&layout, &old));
    old[8] = b'A';
    let back = read(&layout, &old);
    assert_eq!(back.codes(), ["bad-mark"]);
    assert_eq!(back.findings.kept()[0].value, "1B 24 41");
}
