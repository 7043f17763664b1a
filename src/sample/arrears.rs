//! taino: what the municipality's arrears system says is unpaid.
//!
//! Owns: its rows; most agree with the other files, a few differ and a few are absent on purpose. Never: collects.

use chrono::{Duration, NaiveDate};

use super::SampleError;
use super::juki::iso;
use super::money::{Method, Outcome, Part, fiscal_year, slip_due};
use super::output::{Open, Output, site_value};
use super::people::{Person, Town};
use super::sheet::text;
use crate::value::Value;

/// 税目コード of 国民健康保険料.
const OTHER_TAX: &str = "60";

/// One unpaid amount.
pub(crate) struct Debt {
    pub(crate) tax: String,
    pub(crate) year: i32,
    pub(crate) term: u32,
    pub(crate) due: NaiveDate,
    pub(crate) notice: String,
    pub(crate) amount: i64,
    pub(crate) paid: i64,
}

/// Everything unpaid on the base date.
pub(crate) fn write(town: &Town, out: &mut Output<'_>) -> Result<(), SampleError> {
    let own = site_value(out.site, "後期税目コード")?;
    let worked = town.base - Duration::days(1);
    let name = format!("TAINO_{}_{}060000.csv", town.code, worked.format("%Y%m%d"));
    let year = fiscal_year(town.base);
    let mut file = out.open("taino", &name)?;
    for p in town.people() {
        out.step(&name, p.no, town.residents);
        let Some(levy) = town.levy(&p) else {
            if p.place == 0 && p.age_on(town.base) >= 25 && p.no % 97 == 0 {
                let due = slip_due(year, 1);
                let notice = format!("60{:08}{year}", p.no);
                let debt = Debt { tax: OTHER_TAX.into(), year, term: 1, due, notice, amount: 24_000, paid: 4_000 };
                row(town, &p, &debt, worked, &mut file)?;
            }
            continue;
        };
        let notice = format!("{}{year}", levy.insured);
        for part in levy.parts.iter().filter(|x| town.unpaid(&p, x)) {
            // Of ten debts one is not there and one is partly paid at a counter the other files know nothing of.
            let odd = (p.no + u64::from(part.term)) % 10;
            if odd == 7 {
                continue;
            }
            let paid = if odd == 3 { part.amount / 200 * 100 } else { 0 };
            let (tax, notice) = (own.clone(), notice.clone());
            let debt = Debt { tax, year, term: part.term, due: part.due, notice, amount: part.amount, paid };
            row(town, &p, &debt, worked, &mut file)?;
        }
        if p.no % 89 == 0 && p.age_on(town.base) >= 77 {
            let due = slip_due(year - 1, 8);
            let notice = format!("{}{}", levy.insured, year - 1);
            let debt = Debt { tax: own.clone(), year: year - 1, term: 8, due, notice, amount: 3_600, paid: 0 };
            row(town, &p, &debt, worked, &mut file)?;
        }
    }
    out.expected.debts += file.records();
    out.close(file)
}

impl Town {
    /// Is this part past its due day and known not to be collected?
    pub(crate) fn unpaid(&self, p: &Person, part: &Part) -> bool {
        let known = self.terms_with_results(part.method == Method::Pension).contains(&part.term);
        let failed = match part.method {
            Method::Slip => true,
            Method::Account => self.transfer(p, part.term) != Outcome::Paid,
            Method::Pension => self.deduction(p, part.term) != Outcome::Paid,
        };
        part.due < self.base && known && failed
    }
}

pub(crate) fn row(town: &Town, p: &Person, debt: &Debt, worked: NaiveDate, file: &mut Open) -> Result<(), SampleError> {
    let (atena, year, term) = (p.atena(), debt.year.to_string(), format!("{:02}", debt.term));
    let (due, worked_on) = (iso(debt.due), iso(worked));
    let dunned = debt.due + Duration::days(20);
    let dunned = if dunned <= worked { iso(dunned) } else { String::new() };
    let (fee, flag) = (if dunned.is_empty() { 0 } else { 100 }, Value::Text("0"));
    let lapses = iso(debt.due + Duration::days(730));
    file.sheet.write(
        "データ",
        &[
            ("市区町村コード", Value::Text(&town.code)),
            ("宛名番号", Value::Text(&atena)),
            ("賦課年度", Value::Text(&year)),
            ("相当年度", Value::Text(&year)),
            ("税目コード", Value::Text(&debt.tax)),
            ("期別コード", Value::Text(&term)),
            ("通知書番号", Value::Text(&debt.notice)),
            ("納期限", Value::Text(&due)),
            ("法定納期限", Value::Text(&due)),
            ("税額", Value::Int(debt.amount)),
            ("督促手数料", Value::Int(fee)),
            ("延滞金", Value::Int(0)),
            ("収納税額", Value::Int(debt.paid)),
            ("仮消込税額", Value::Int(0)),
            ("督促発送年月日", text(&dunned)),
            ("分納区分", Value::Text(if debt.paid > 0 { "1" } else { "0" })),
            ("徴収猶予区分", flag),
            ("滞納処分区分", flag),
            ("執行停止区分", flag),
            ("不納欠損区分", flag),
            ("時効予定年月日", Value::Text(&lapses)),
            ("操作者ID", Value::Text("TAINO00001")),
            ("操作年月日", Value::Text(&worked_on)),
            ("操作時刻", Value::Text("06:00:00")),
            ("最新フラグ", Value::Text("1")),
            ("削除フラグ", flag),
        ],
    )?;
    file.count(debt.amount);
    Ok(())
}
