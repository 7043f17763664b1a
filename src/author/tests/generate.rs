//! A file of about 200 records that a layout describes, with values made from the types alone.
//!
//! An item whose name stands in several record kinds (a header's 作成日 repeated in each record) has one value a file;
//! all others are drawn for each record.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::Arc;

use crate::codec::charset::Charset;
use crate::codec::{Placed, RecordWriter};
use crate::schema::layout::*;
use crate::value::{OwnedValue, Value};

/// A small generator of numbers (SplitMix64).
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % most.max(1) as u64) as usize
    }

    fn text(&mut self, from: &str, len: usize) -> String {
        let chars: Vec<char> = from.chars().collect();
        (0..len).map(|_| chars[self.below(chars.len())]).collect()
    }
}

/// The file's bytes, and kind and place of each record.
/// `group` records stay together on the average where kinds may alternate; 0 = as long as they may.
pub fn file(layout: &Layout, (records, group): (usize, usize), random: &mut Random) -> (Vec<u8>, Vec<(usize, Placed)>) {
    let mut writer = RecordWriter::new(Arc::new(layout.clone()), Cursor::new(Vec::new())).unwrap();
    let mut placed = Vec::new();
    let mut common: BTreeMap<String, OwnedValue> = BTreeMap::new();
    for kind in kinds(layout, (records, group), random) {
        let fields = layout.records[kind].fields.iter().enumerate();
        let values: Vec<OwnedValue> = fields
            .map(|(at, field)| {
                if layout.totals.iter().any(|total| total.declared == (kind, at)) {
                    return OwnedValue::Null;
                }
                let shared = layout.records.iter().filter(|r| r.field(&field.name).is_some()).count() > 1;
                if shared && let Some(value) = common.get(&field.name) {
                    return value.clone();
                }
                let value = permitted(field, value(field, layout.physical.kind == Kind::Fixed, random));
                if shared {
                    common.insert(field.name.clone(), value.clone());
                }
                value
            })
            .collect();
        let values: Vec<Value<'_>> = values.iter().map(OwnedValue::as_value).collect();
        let place = writer.write(kind, &values).unwrap().unwrap_or_else(|f| panic!("{} {f:?}", layout.id));
        placed.push((kind, place));
    }
    (writer.finish().unwrap().0.into_inner(), placed)
}

/// A walk through the content model: at least so many records, then the nearest end, past kinds not seen yet.
fn kinds(layout: &Layout, (records, group): (usize, usize), random: &mut Random) -> Vec<usize> {
    let order = &layout.order;
    let lasting: Vec<bool> = (0..order.next.len()).map(|state| returns(layout, state)).collect();
    let mut kinds: Vec<usize> = Vec::new();
    let mut state = 0;
    loop {
        let next = &order.next[state];
        let enough = kinds.len() >= records;
        let fresh = next.iter().find(|(kind, _)| enough && !kinds.contains(kind));
        if next.is_empty() || enough && order.accept[state] && fresh.is_none() {
            return kinds;
        }
        let open: Vec<_> = next.iter().filter(|(_, to)| lasting[*to] && !enough).collect();
        // The head of a group is followed by something.
        let head = |kind: &usize| kinds.first() == Some(kind) && open.len() > 1;
        let same = open.iter().find(|(kind, _)| kinds.last() == Some(kind) && !head(kind));
        let stay = same.is_some_and(|_| open.len() == 1 || group == 0 || random.below(group) > 0);
        let open: Vec<_> = open.iter().filter(|(kind, _)| kinds.last() != Some(kind) || stay).collect();
        let (kind, to) = match (same, fresh) {
            (Some(same), _) if stay => **same,
            (_, Some(fresh)) => *fresh,
            _ if open.is_empty() => *next.iter().min_by_key(|(_, to)| to_end(layout, *to)).unwrap(),
            _ => {
                // Groups without records are rare.
                let full = open.iter().find(|(kind, to)| order.next[*to].contains(&(*kind, *to)));
                full.filter(|_| random.below(20) > 0).map_or_else(|| **open[random.below(open.len())], |full| ***full)
            }
        };
        kinds.push(kind);
        state = to;
    }
}

/// Can records follow without end?
fn returns(layout: &Layout, state: usize) -> bool {
    let mut reached: Vec<usize> = layout.order.next[state].iter().map(|(_, to)| *to).collect();
    let mut at = 0;
    while at < reached.len() {
        for (_, to) in &layout.order.next[reached[at]] {
            if !reached.contains(to) {
                reached.push(*to);
            }
        }
        at += 1;
    }
    reached.iter().any(|state| layout.order.next[*state].iter().any(|(_, to)| to == state || reached.contains(to)))
}

/// Records to the nearest end.
fn to_end(layout: &Layout, state: usize) -> usize {
    let mut reached = vec![state];
    for steps in 0..=layout.order.next.len() {
        if reached.iter().any(|state| layout.order.accept[*state]) {
            return steps;
        }
        reached = reached.iter().flat_map(|state| layout.order.next[*state].iter().map(|(_, to)| *to)).collect();
        reached.sort_unstable();
        reached.dedup();
    }
    usize::MAX
}

fn text(value: impl Into<String>) -> OwnedValue {
    OwnedValue::Text(value.into())
}

/// Letters that the field does not name become one that it does.
fn permitted(field: &Field, value: OwnedValue) -> OwnedValue {
    match (&field.letters, value) {
        (Some(letters), OwnedValue::Text(plain)) => {
            text(plain.chars().map(|c| if letters.contains(&c) { c } else { '1' }).collect::<String>())
        }
        (_, value) => value,
    }
}

fn value(field: &Field, fixed: bool, random: &mut Random) -> OwnedValue {
    let nothing = field.filler || field.constant.is_some() || matches!(field.kind, FieldKind::Mark(_));
    if nothing || !field.required && random.below(4) == 0 {
        return OwnedValue::Null;
    }
    if let Some(codes) = &field.codes {
        return text(codes.entries[random.below(codes.entries.len())].0.clone());
    }
    if let Some((rule, _)) = field.check {
        return text(checked(rule, field, random));
    }
    let len = if field.exact && !fixed { field.len } else { 1 + random.below(field.len) };
    match &field.kind {
        FieldKind::Half => text(random.text("abcXYZ019 ,.-", len - 1) + &random.text("abcXYZ019", 1)),
        FieldKind::HalfKana => text(random.text("ｱｲﾞﾟｰA9 ()-", len - 1) + &random.text("ｼｱｲA9", 1)),
        FieldKind::Wide | FieldKind::FullWidth => {
            let most = if fixed { (field.len / 2).max(1) } else { field.len };
            let from = if field.charset == Charset::JisX0208 {
                "表能ソ十予貼噂亜"
            } else {
                "表能ソ十予貼噂亜髙﨑"
            };
            let len = if field.exact && !fixed { field.len } else { 1 + random.below(most) };
            text(random.text(from, len))
        }
        FieldKind::Digits if fixed || field.exact => text(random.text("0123456789", field.len)),
        FieldKind::Digits => text(random.text("0123456789", len)),
        FieldKind::Int { signed } => {
            let digits = 1 + random.below(field.len.min(9));
            let number = random.below(10usize.pow(digits as u32)) as i64;
            OwnedValue::Int(if *signed && !fixed && random.below(5) == 0 { -number } else { number })
        }
        FieldKind::Decimal { whole, fraction } => {
            let (a, b) = (1 + random.below(*whole), *fraction);
            text(format!("{}.{}", 1 + random.below(10usize.pow(a.min(9) as u32) - 1), random.text("0123456789", b)))
        }
        FieldKind::Date(rule) => {
            let (year, month, day) = (1930 + random.below(97), 1 + random.below(12), 1 + random.below(28));
            if rule.form == DateForm::MonthDay {
                return text(format!("{month:02}{day:02}"));
            }
            text(format!("{year}-{month:02}-{day:02}"))
        }
        FieldKind::Year => text(format!("{}", 2015 + random.below(12))),
        FieldKind::Time => {
            let (hour, minute) = (random.below(24), random.below(60));
            text(if fixed && field.len == 5 {
                format!("{hour:02}:{minute:02}")
            } else {
                format!("{hour:02}:{minute:02}:59")
            })
        }
        FieldKind::Mark(_) => OwnedValue::Null,
    }
}

/// A number with its check digit.
fn checked(rule: CheckDigit, field: &Field, random: &mut Random) -> String {
    for len in (1..field.len).rev() {
        let body = random.text("123456789", len);
        let Some(digit) = rule.digit(&body) else { continue };
        let both = [format!("{body}{digit}"), format!("{digit}{body}")];
        let found =
            both.into_iter().find(|n| rule.holds(n) && (!field.exact && n.len() <= field.len || n.len() == field.len));
        if let Some(found) = found {
            return found;
        }
    }
    panic!("no number for {}", field.name)
}
