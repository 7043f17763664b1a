//! juki-ido: the whole municipality, the changes of the next day, and a few arrivals as XML.
//!
//! Owns: the rows and the changes. Never: knows who is insured (`levy`).

use std::io::{Seek, Write};

use chrono::{Datelike, Duration, NaiveDate};

use super::output::Output;
use super::people::{Person, Purpose, Town, relation, wide};
use super::sheet::{Sheet, text};
use super::{SampleError, names};
use crate::value::Value;

/// What happened to a resident after the full set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// Left for another municipality.
    MovedOut,
    /// Died.
    Died,
    /// Moved within the municipality.
    MovedWithin,
    /// Name corrected (the other spelling of the family name).
    Renamed,
    /// A child was born into the household.
    Born,
    /// Lost the qualification while staying (適用除外); shows in `hihokensha` only.
    Excluded,
}

/// Residents that arrive by XML have numbers from here on.
pub(crate) const ARRIVALS: u64 = 8_000_000;
/// Newborn have their parent's number plus this.
pub(crate) const NEWBORN: u64 = 4_000_000;

impl Town {
    /// What happened to a resident in the last days before the base date, and when; about one hundred of 10,000 residents.
    pub(crate) fn event(&self, p: &Person) -> Option<(Event, NaiveDate)> {
        let stride = (self.residents / 100).clamp(5, 500);
        if p.no % stride != 2 {
            return None;
        }
        let turn = p.no / stride;
        let day = self.base - Duration::days(2 + (turn % 9) as i64);
        let age = p.age_on(self.base);
        let event = match turn % 6 {
            0 => Event::MovedOut,
            // Enough of the insured leave that every reason of a loss is seen in a small town.
            2 if age >= 75 => Event::MovedOut,
            1 if age >= 60 => Event::Died,
            3 if p.country.is_none() => Event::Renamed,
            4 if (20..50).contains(&age) => Event::Born,
            5 if self.insured_since(p).is_some_and(|since| since < day) => Event::Excluded,
            _ => Event::MovedWithin,
        };
        Some((event, day))
    }
}

/// One row of juki-ido.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the items of the file")]
pub(crate) struct Row {
    pub(crate) atena: String,
    pub(crate) household: String,
    pub(crate) history: i64,
    pub(crate) state: &'static str,
    pub(crate) day: NaiveDate,
    pub(crate) reason: &'static str,
    pub(crate) name: String,
    pub(crate) reading: String,
    pub(crate) relation: &'static str,
    pub(crate) since: NaiveDate,
    pub(crate) gone: Option<NaiveDate>,
    pub(crate) worked: NaiveDate,
    pub(crate) moved: bool,
}

impl Row {
    /// The row of the full set.
    pub(crate) fn new(town: &Town, p: &Person, worked: NaiveDate) -> Self {
        let mut rng = town.rng(Purpose::Event, p.no);
        let since = (town.base - Duration::days(rng.between(30, 9_000))).max(p.birth);
        let name = if p.country.is_some() { wide(&p.full_name()) } else { p.full_name() };
        Row {
            atena: p.atena(),
            household: p.household_number(),
            history: 1,
            state: "1",
            day: since,
            reason: if since == p.birth { "04" } else { "01" },
            name,
            reading: p.reading(),
            relation: p.relation,
            since,
            gone: None,
            worked,
            moved: false,
        }
    }

    pub(crate) fn write<W: Write + Seek>(
        &self,
        town: &Town,
        p: &Person,
        sheet: &mut Sheet<W>,
    ) -> Result<(), SampleError> {
        let address = town.address(p.household, self.moved);
        let (day, since) = (iso(self.day), iso(self.since));
        let (gone, worked) = (self.gone.map(iso).unwrap_or_default(), iso(self.worked));
        let notified = iso((self.day + Duration::days(3)).min(self.worked));
        let (abroad, birth) = (p.country.is_some(), p.birth_text());
        let until = if abroad { iso(town.base + Duration::days(200 + (p.no % 900) as i64)) } else { String::new() };
        let sex = if p.sex == 1 { "1" } else { "2" };
        sheet.write(
            "データ",
            &[
                ("市区町村コード", Value::Text(&town.code)),
                ("宛名番号", Value::Text(&self.atena)),
                ("履歴番号", Value::Int(self.history)),
                ("世帯番号", Value::Text(&self.household)),
                ("住民種別", Value::Text(if abroad { "2" } else { "1" })),
                ("住民状態", Value::Text(self.state)),
                ("異動年月日", Value::Text(&day)),
                ("異動届出年月日", Value::Text(&notified)),
                ("異動事由", Value::Text(self.reason)),
                ("氏名", Value::Text(&self.name)),
                ("氏名_フリガナ", Value::Text(&self.reading)),
                ("氏名優先区分", Value::Text("1")),
                ("性別", Value::Text(sex)),
                ("生年月日", Value::Text(&birth)),
                ("続柄コード1", Value::Text(self.relation)),
                ("住所_町字", Value::Text(address.district.0)),
                ("住所_番地号表記", Value::Text(&address.number)),
                ("住所_方書", text(&address.building)),
                ("郵便番号", Value::Text(address.district.3)),
                ("住民となった年月日", Value::Text(&since)),
                ("消除の異動年月日", text(&gone)),
                ("国籍等", text(p.country.unwrap_or_default())),
                ("在留資格等コード", text(if abroad { "D01" } else { "" })),
                ("在留期間の満了の日", text(&until)),
                ("操作者ID", Value::Text("JUKI000001")),
                ("操作年月日", Value::Text(&worked)),
                ("操作時刻", Value::Text("01:00:00")),
                ("最新フラグ", Value::Text("1")),
                ("削除フラグ", Value::Text("0")),
            ],
        )
    }
}

/// ISO text of a day.
pub(crate) fn iso(day: NaiveDate) -> String {
    format!("{:04}-{:02}-{:02}", day.year(), day.month(), day.day())
}

/// The full set, CP932 as an older system writes it.
pub(crate) fn write_full(town: &Town, out: &mut Output<'_>) -> Result<(), SampleError> {
    let worked = town.base - Duration::days(1);
    let name = format!("JUKI_{}_{}010000.sjis.csv", town.code, worked.format("%Y%m%d"));
    let mut file = out.open("juki-ido", &name)?;
    for p in town.people() {
        Row::new(town, &p, worked).write(town, &p, &mut file.sheet)?;
        file.count(0);
        out.step(&name, p.no, town.residents);
    }
    out.close(file)
}

/// One row of the full set once more, for a file that changes nothing.
pub(crate) fn write_again<W: Write + Seek>(town: &Town, p: &Person, sheet: &mut Sheet<W>) -> Result<(), SampleError> {
    Row::new(town, p, town.base - Duration::days(1)).write(town, p, sheet)
}

/// The changes of the following day, UTF-8.
pub(crate) fn write_delta(town: &Town, out: &mut Output<'_>) -> Result<(), SampleError> {
    let name = format!("JUKI_{}_{}010000.csv", town.code, town.base.format("%Y%m%d"));
    let mut file = out.open("juki-ido", &name)?;
    for p in town.people() {
        out.step(&name, p.no, town.residents);
        let Some((event, day)) = town.event(&p) else { continue };
        let Some((row, person)) = changed(town, &p, event, day) else { continue };
        row.write(town, &person, &mut file.sheet)?;
        file.count(0);
        out.expected.residents += u64::from(event == Event::Born);
    }
    out.close(file)
}

/// The row an event gives, and whose it is.
fn changed(town: &Town, p: &Person, event: Event, day: NaiveDate) -> Option<(Row, Person)> {
    let mut person = p.clone();
    let mut row = Row::new(town, p, town.base);
    (row.history, row.day) = (2, day.max(row.since));
    let end = row.day;
    match event {
        Event::MovedOut => (row.state, row.reason, row.gone) = ("2", "03", Some(end)),
        Event::Died => (row.state, row.reason, row.gone) = ("3", "05", Some(end)),
        Event::MovedWithin => (row.reason, row.moved) = ("02", true),
        Event::Renamed => {
            row.reason = "06";
            let changed: String = row.name.chars().map(names::plain_character).collect();
            row.name = if changed == row.name { row.name.replace('高', "髙").replace('崎', "﨑") } else { changed };
        }
        Event::Born => {
            person.no = NEWBORN + p.no;
            (person.birth, person.birth_unknown) = (day, false);
            (person.sex, person.relation) = (1 + (p.no % 2) as u8, relation::CHILD);
            let list = if person.sex == 1 { names::MEN } else { names::WOMEN };
            if person.country.is_none() {
                person.name.1 = list[list.len() - 1 - (p.no % 5) as usize];
            }
            row = Row::new(town, &person, town.base);
            (row.since, row.day, row.reason) = (day, day, "04");
        }
        Event::Excluded => return None,
    }
    Some((row, person))
}

/// A few households that arrive, in the XML form.
pub(crate) fn write_arrivals(town: &Town, out: &mut Output<'_>) -> Result<(), SampleError> {
    let name = format!("JUKI_{}_{}020000.xml", town.code, town.base.format("%Y%m%d"));
    let mut file = out.open("juki-ido", &name)?;
    let wanted = (town.residents / 1000).clamp(3, 50);
    for p in town.arrivals(ARRIVALS, wanted) {
        let mut row = Row::new(town, &p, town.base);
        let day = town.base - Duration::days(1);
        (row.since, row.day, row.reason) = (day.max(p.birth), day.max(p.birth), "01");
        row.write(town, &p, &mut file.sheet)?;
        file.count(0);
        out.expected.residents += 1;
    }
    out.close(file)
}
