//! hihokensha and kiwari-shien: who is insured, and what each owes in which period.
//!
//! Owns: the rows of both. Never: computes premiums (`money`).

use chrono::{Duration, NaiveDate};

use super::SampleError;
use super::juki::{Event, iso};
use super::money::{Method, fiscal_year};
use super::output::{Open, Output, site_value};
use super::people::{Person, Town};
use super::sheet::{Items, text};
use crate::value::Value;

/// What the records of one 広域連合 file have in common.
pub(super) struct Frame<'a> {
    /// 団体コード.
    pub code: &'a str,
    /// 全件, else 差分.
    pub whole: bool,
    /// 作成日時, `YYYYMMDDhhmmss`.
    pub made: String,
    /// Data records so far.
    pub row: i64,
}

impl Frame<'_> {
    fn whole(&self) -> Value<'_> {
        Value::Text(if self.whole { "1" } else { "2" })
    }

    /// Writes the header.
    pub(super) fn head(&self, file: &mut Open) -> Result<(), SampleError> {
        let items: Items<'_> = &[
            ("市区町村コード", Value::Text(self.code)),
            ("全件差分区分", self.whole()),
            ("作成日時", Value::Text(&self.made)),
        ];
        file.sheet.write("ヘッダ", items)
    }

    /// Writes the trailer; the layout fills in its totals.
    pub(super) fn tail(&self, file: &mut Open) -> Result<(), SampleError> {
        file.sheet.write("トレイラ", &[("市区町村コード", Value::Text(self.code))])
    }

    /// Writes and counts a data record; `change` is its 処理区分, `amount` yen.
    pub(super) fn row(
        &mut self,
        file: &mut Open,
        change: &str,
        items: Items<'_>,
        amount: i64,
    ) -> Result<(), SampleError> {
        self.row += 1;
        let mut all = vec![
            ("市区町村コード", Value::Text(self.code)),
            ("処理区分", Value::Text(change)),
            ("全件差分区分", self.whole()),
            ("作成日時", Value::Text(&self.made)),
            ("連番", Value::Int(self.row)),
        ];
        all.extend_from_slice(items);
        file.sheet.write("データ", &all)?;
        file.count(amount);
        Ok(())
    }
}

/// All insured persons, as the 広域連合 sends them, with their manifest.
pub(crate) fn write_insured(town: &Town, out: &mut Output<'_>) -> Result<(), SampleError> {
    let insurer = site_value(out.site, "保険者番号")?;
    let made = format!("{}040000", (town.base - Duration::days(1)).format("%Y%m%d"));
    let name = format!("KR01_{}_{made}_001.csv", town.code);
    let mut frame = Frame { code: &town.code, whole: true, made, row: 0 };
    let mut file = out.open("hihokensha", &name)?;
    frame.head(&mut file)?;
    for p in town.people() {
        out.step(&name, p.no, town.residents);
        let Some(since) = town.insured_since(&p) else { continue };
        insured_row(town, &p, since, None, &insurer, &mut frame, &mut file)?;
        out.expected.insured += 1;
    }
    frame.tail(&mut file)?;
    let records = file.records();
    out.close(file)?;
    out.manifest("hihokensha", &name, records)
}

/// The losses of the last days: deaths, removals, exclusions.
pub(crate) fn write_losses(town: &Town, out: &mut Output<'_>) -> Result<(), SampleError> {
    let insurer = site_value(out.site, "保険者番号")?;
    let made = format!("{}040000", town.base.format("%Y%m%d"));
    let name = format!("KR01_{}_{made}_001.csv", town.code);
    let mut frame = Frame { code: &town.code, whole: false, made, row: 0 };
    let mut file = out.open("hihokensha", &name)?;
    frame.head(&mut file)?;
    for p in town.people() {
        out.step(&name, p.no, town.residents);
        let Some((event, day)) = town.event(&p) else { continue };
        let Some(since) = town.insured_since(&p) else { continue };
        let loss = match event {
            Event::Died => ("301", day + Duration::days(1)),
            Event::MovedOut => ("302", day),
            Event::Excluded => ("304", day),
            _ => continue,
        };
        let loss = (loss.0, loss.1.max(since));
        insured_row(town, &p, since, Some(loss), &insurer, &mut frame, &mut file)?;
    }
    frame.tail(&mut file)?;
    let records = file.records();
    out.close(file)?;
    out.manifest("hihokensha", &name, records)
}

pub(crate) fn insured_row(
    town: &Town,
    p: &Person,
    since: NaiveDate,
    loss: Option<(&str, NaiveDate)>,
    insurer: &str,
    frame: &mut Frame<'_>,
    file: &mut Open,
) -> Result<(), SampleError> {
    let (insured, atena, since) = (town.insured_number(p), p.atena(), iso(since));
    let disabled = town.disabled_since(p).is_some();
    let (reason, lost) = loss.map_or(("", String::new()), |(reason, day)| (reason, iso(day)));
    let share = match town.income(p).assessed {
        0..=279_999 => "1",
        280_000..=1_449_999 => "2",
        _ => "3",
    };
    let items: Items<'_> = &[
        ("被保険者番号", Value::Text(&insured)),
        ("履歴番号", Value::Int(1)),
        ("宛名番号", Value::Text(&atena)),
        ("個人区分コード", Value::Text("1")),
        ("被保険者資格取得事由コード", Value::Text(if disabled { "102" } else { "101" })),
        ("被保険者資格取得年月日", Value::Text(&since)),
        ("被保険者資格喪失事由コード", text(reason)),
        ("被保険者資格喪失年月日", text(&lost)),
        ("保険者番号適用開始年月日", Value::Text(&since)),
        ("保険者番号適用終了年月日", text(&lost)),
        ("保険者番号", Value::Text(insurer)),
        ("負担割合区分", Value::Text(share)),
        ("障害認定区分", Value::Text(if disabled { "1" } else { "0" })),
        ("適用除外区分", Value::Text(if reason == "304" { "1" } else { "0" })),
    ];
    frame.row(file, if loss.is_some() { "2" } else { "1" }, items, 0)
}

/// What everyone owes in which period, from the 後期高齢支援システム.
pub(crate) fn write_periods(town: &Town, out: &mut Output<'_>) -> Result<(), SampleError> {
    let made = format!("{}050000", (town.base - Duration::days(1)).format("%Y%m%d"));
    let name = format!("KS04_{}_{made}_001.csv", town.code);
    let year = fiscal_year(town.base).to_string();
    let assessed = format!("{year}-07-10");
    let mut frame = Frame { code: &town.code, whole: true, made, row: 0 };
    let mut file = out.open("kiwari-shien", &name)?;
    frame.head(&mut file)?;
    for p in town.people() {
        out.step(&name, p.no, town.residents);
        let Some(levy) = town.levy(&p) else { continue };
        let (atena, pension) = (p.atena(), town.pension_number(&p));
        let (payer, kind) = town.payer(&p);
        for part in &levy.parts {
            let (term, due) = (format!("{:02}", part.term), iso(part.due));
            let by = match part.method {
                Method::Pension => "1",
                Method::Slip => "2",
                Method::Account => "3",
            };
            let mine = |s| if part.method == Method::Pension { text(s) } else { Value::Null };
            let items: Items<'_> = &[
                ("被保険者番号", Value::Text(&levy.insured)),
                ("宛名番号", Value::Text(&atena)),
                ("賦課年度", Value::Text(&year)),
                ("相当年度", Value::Text(&year)),
                ("更正回数", Value::Int(0)),
                ("期別", Value::Text(&term)),
                ("徴収区分", Value::Text(by)),
                ("納期限", Value::Text(&due)),
                ("期別保険料額", Value::Int(part.amount)),
                ("年間保険料額", Value::Int(levy.year)),
                ("特別徴収義務者コード", mine(payer)),
                ("年金コード", mine(kind)),
                ("基礎年金番号", mine(&pension)),
                ("調定年月日", Value::Text(&assessed)),
            ];
            frame.row(&mut file, "1", items, part.amount)?;
            out.expected.periods += 1;
            out.expected.periods_yen += part.amount;
            if part.due < town.base {
                out.expected.overdue += 1;
                out.expected.overdue_yen += part.amount;
            }
        }
    }
    frame.tail(&mut file)?;
    out.close(file)
}
