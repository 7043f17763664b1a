//! Layouts built by hand.

use crate::codec::charset::Charset;
use crate::finding::RulePlace;
use crate::schema::layout::*;

pub fn field(name: &str, kind: FieldKind, len: usize) -> Field {
    Field {
        name: name.to_owned(),
        kind,
        len,
        exact: false,
        offset: 0,
        charset: Charset::Windows31j,
        pad: Pad::None,
        required: false,
        constant: None,
        codes: None,
        letters: None,
        check: None,
        secret: false,
        filler: false,
        path: name.to_owned(),
        place: RulePlace::default(),
    }
}

pub fn date(form: DateForm) -> FieldKind {
    FieldKind::Date(DateRule { form, unknown: true, zero_null: false, open: true })
}

pub fn record(name: &str, fields: Vec<Field>) -> RecordKind {
    RecordKind {
        name: name.to_owned(),
        when: None,
        length: 0,
        element: name.to_owned(),
        fields,
        place: RulePlace::default(),
    }
}

pub fn layout(kind: Kind, records: Vec<RecordKind>, order: &str) -> Layout {
    let names: Vec<&str> = records.iter().map(|record| record.name.as_str()).collect();
    Layout {
        id: "test".to_owned(),
        title: "試験".to_owned(),
        profile: "default".to_owned(),
        provenance: Provenance::Inferred,
        source: String::new(),
        file: String::new(),
        order: Order::parse(order, &names).unwrap(),
        physical: Physical {
            kind,
            charset: Charset::Windows31j,
            line_end: LineEnd::CrLf,
            bom: Bom::Forbidden,
            eof_mark: EofMark::Forbidden,
            max_record: 4096,
        },
        records,
        totals: Vec::new(),
    }
}

pub fn csv() -> Kind {
    Kind::Delimited { separator: b',', quote: Quote::Needed, header: false }
}

/// Three fields: number kept as text, text, amount.
pub fn small_csv() -> Layout {
    let fields = vec![
        field("番号", FieldKind::Digits, 5),
        field("氏名", FieldKind::Wide, 20),
        field("金額", FieldKind::Int { signed: true }, 9),
    ];
    layout(csv(), vec![record("データ", fields)], "データ*")
}

/// One of every kind.
pub fn every_kind() -> Vec<Field> {
    vec![
        field("半角", FieldKind::Half, 12),
        field("全角", FieldKind::Wide, 20),
        field("数字", FieldKind::Digits, 8),
        field("カナ", FieldKind::HalfKana, 16),
        field("全角のみ", FieldKind::FullWidth, 20),
        field("金額", FieldKind::Int { signed: false }, 10),
        field("差額", FieldKind::Int { signed: true }, 10),
        field("率", FieldKind::Decimal { whole: 3, fraction: 2 }, 6),
        field("日付", date(DateForm::Iso), 10),
        field("日付8", date(DateForm::Compact), 8),
        field("和暦", date(DateForm::Era(*b"13579")), 7),
        field("月日", date(DateForm::MonthDay), 4),
        field("年度", FieldKind::Year, 4),
        field("時刻", FieldKind::Time, 8),
    ]
}

/// Sets offsets and the usual padding.
pub fn fixed_record(name: &str, mark: Option<&str>, mut fields: Vec<Field>) -> RecordKind {
    if let Some(mark) = mark {
        let mut first = field("区分", FieldKind::Digits, 1);
        first.constant = Some(mark.to_owned());
        fields.insert(0, first);
    }
    let mut offset = 0;
    for field in &mut fields {
        field.offset = offset;
        field.exact = true;
        offset += field.len;
        field.pad = match field.kind {
            _ if field.pad != Pad::None => field.pad,
            FieldKind::Int { .. } | FieldKind::Decimal { .. } => Pad::ZeroLeft,
            FieldKind::Half | FieldKind::HalfKana => Pad::SpaceRight,
            FieldKind::Wide | FieldKind::FullWidth => Pad::WideSpaceRight,
            _ => Pad::None,
        };
    }
    RecordKind {
        length: offset,
        when: mark.map(|mark| Discriminator { field: 0, values: vec![mark.to_owned()] }),
        ..record(name, fields)
    }
}

/// Header, data, trailer and end of 20 bytes, as banks use them, with totals.
pub fn bank() -> Layout {
    let int = |name, len| field(name, FieldKind::Int { signed: false }, len);
    let filler = |len| Field { filler: true, ..field("予備", FieldKind::Half, len) };
    let records = vec![
        fixed_record("ヘッダ", Some("1"), vec![field("名", FieldKind::HalfKana, 10), filler(9)]),
        fixed_record("データ", Some("2"), vec![field("名", FieldKind::HalfKana, 10), int("金額", 6), filler(3)]),
        fixed_record("トレーラ", Some("8"), vec![int("件数", 6), int("合計", 8), filler(5)]),
        fixed_record("エンド", Some("9"), vec![filler(19)]),
    ];
    let mut layout = layout(Kind::Fixed, records, "(ヘッダ データ* トレーラ)+ エンド");
    layout.physical.line_end = LineEnd::CrLfOrNone;
    layout.physical.eof_mark = EofMark::Optional;
    for record in &mut layout.records {
        for field in &mut record.fields {
            field.charset = Charset::JisX0201;
        }
    }
    layout.totals = vec![
        total((2, 1), Counted::Count(vec![1]), TotalScope::Group),
        total((2, 2), Counted::Sum(1, 2), TotalScope::Group),
    ];
    layout
}

pub fn total(declared: (usize, usize), counted: Counted, scope: TotalScope) -> Total {
    Total { declared, counted, only: None, scope, zero_is_silent: false, place: RulePlace::default() }
}

/// XML with nested paths.
pub fn xml(mut fields: Vec<Field>) -> Layout {
    for field in &mut fields {
        field.charset = Charset::Utf8;
    }
    if fields.len() > 3 {
        fields[1].path = "氏名/漢字".to_owned();
        fields[2].path = "氏名/番号".to_owned();
        fields[3].path = "他/a/b".to_owned();
    }
    let kind = Kind::Xml { root: "一覧".to_owned(), namespace: "urn:test".to_owned(), max_depth: 6 };
    let mut layout = layout(kind, vec![record("データ", fields)], "データ*");
    layout.physical.charset = Charset::Utf8;
    layout
}
