//! shotoku-kazei-ido: income and taxation of everyone who can have any.
//!
//! Owns: the rows. Never: invents figures (`money`).

use super::SampleError;
use super::juki::iso;
use super::money::fiscal_year;
use super::output::{Open, Output};
use super::people::{Person, Town};
use super::sheet::text;
use crate::value::Value;

/// A made-up municipality with a right check digit, for people taxed elsewhere.
const ELSEWHERE: &str = "999989";

/// The yearly full set, in the layout's own character set.
pub(crate) fn write(town: &Town, out: &mut Output<'_>) -> Result<(), SampleError> {
    let stamp = town.base - chrono::Duration::days(1);
    let name = format!("SHOTOKU_{}_{}030000.csv", town.code, stamp.format("%Y%m%d"));
    let (year, worked) = (fiscal_year(town.base).to_string(), iso(stamp));
    let mut file = out.open("shotoku-kazei-ido", &name)?;
    for p in town.people() {
        out.step(&name, p.no, town.residents);
        if p.age_on(town.base) < 16 {
            continue;
        }
        row(town, &p, &year, &worked, &mut file)?;
        out.expected.taxed += 1;
    }
    out.close(file)
}

/// The row of one person for one year.
pub(crate) fn row(town: &Town, p: &Person, year: &str, worked: &str, file: &mut Open) -> Result<(), SampleError> {
    let income = town.income(p);
    let undeclared = income.salary + income.pension + income.business == 0 && p.no.is_multiple_of(7);
    let elsewhere = p.no.is_multiple_of(331);
    let taxed = match income.total {
        0..=450_000 => "3",
        450_001..=520_000 => "2",
        _ => "1",
    };
    let flag = |on: bool| Value::Text(if on { "1" } else { "0" });
    let atena = p.atena();
    file.sheet.write(
        "データ",
        &[
            ("市区町村コード", Value::Text(&town.code)),
            ("宛名番号", Value::Text(&atena)),
            ("相当年度", Value::Text(year)),
            ("履歴番号", Value::Int(1)),
            ("課税非課税区分", Value::Text(taxed)),
            ("未申告区分", flag(undeclared)),
            ("他団体課税対象者区分", flag(elsewhere)),
            ("他団体課税先市区町村コード", text(if elsewhere { ELSEWHERE } else { "" })),
            ("総所得金額等", Value::Int(income.total)),
            ("合計所得金額", Value::Int(income.total)),
            ("基礎控除後所得", Value::Int(income.assessed)),
            ("給与収入", Value::Int(income.salary)),
            ("給与所得", Value::Int(income.salary_net)),
            ("年金収入", Value::Int(income.pension)),
            ("年金所得", Value::Int(income.pension_net)),
            ("事業所得", Value::Int(income.business)),
            ("配偶者控除区分", flag(false)),
            ("簡易申告区分", flag(false)),
            ("操作者ID", Value::Text("ZEI0000001")),
            ("操作年月日", Value::Text(worked)),
            ("操作時刻", Value::Text("03:00:00")),
            ("最新フラグ", flag(true)),
            ("削除フラグ", flag(false)),
        ],
    )?;
    file.count(income.total);
    Ok(())
}
