//! kojin-bango, jutogai-atena, shien-sochi, jushochi-tokurei: what other offices tell of persons.
//!
//! Owns: their rows; every file has a row in the smallest town. Never: knows what anyone owes.

use chrono::Duration;

use super::SampleError;
use super::juki::iso;
use super::levy::Frame;
use super::output::{Open, Output};
use super::people::{Person, Town, wide};
use super::sheet::text;
use crate::schema::layout::CheckDigit;
use crate::value::Value;

/// 住登外 persons have numbers from here on.
const OUTSIDERS: u64 = 7_000_000;
/// One of so many residents is protected; the third is in every town.
const PROTECTED_EVERY: u64 = 211;
/// One of so many insured persons is protected too.
const PROTECTED_OF_INSURED: u64 = 50;
/// One of so many insured lives in a home elsewhere.
const AWAY_EVERY: u64 = 97;

/// The four files.
pub(crate) fn write(town: &Town, out: &mut Output<'_>) -> Result<(), SampleError> {
    numbers(town, out)?;
    outsiders(town, out)?;
    protected(town, out)?;
    away(town, out)
}

/// 個人番号, made up: eleven digits that follow from the running number, and their check digit.
fn my_number(p: &Person) -> String {
    let body = format!("{:011}", 90_000_000_000 + p.no * 37);
    let digit = CheckDigit::MyNumber.digit(&body).unwrap_or('0');
    format!("{body}{digit}")
}

/// Of the insured (and of the first resident), as a full set.
fn numbers(town: &Town, out: &mut Output<'_>) -> Result<(), SampleError> {
    let worked = town.base - Duration::days(1);
    let name = format!("KOJIN_ZENKEN_{}_{}010000.csv", town.code, worked.format("%Y%m%d"));
    let mut file = out.open("kojin-bango", &name)?;
    let worked_on = iso(worked);
    for p in town.people() {
        out.step(&name, p.no, town.residents);
        if p.no != 1 && town.insured_since(&p).is_none() {
            continue;
        }
        number(town, &p, &worked_on, &mut file)?;
    }
    out.close(file)
}

/// The number of one person, told on a day.
pub(super) fn number(town: &Town, p: &Person, worked_on: &str, file: &mut Open) -> Result<(), SampleError> {
    let (atena, number) = (p.atena(), my_number(p));
    file.sheet.write(
        "データ",
        &[
            ("市区町村コード", Value::Text(&town.code)),
            ("宛名番号", Value::Text(&atena)),
            ("履歴番号", Value::Int(1)),
            ("個人番号", Value::Text(&number)),
            ("異動年月日", Value::Text("2015-10-05")),
            ("異動事由", Value::Text("01")),
            ("操作者ID", Value::Text("JUKI000001")),
            ("操作年月日", Value::Text(worked_on)),
            ("操作時刻", Value::Text("01:00:00")),
            ("最新フラグ", Value::Text("1")),
            ("削除フラグ", Value::Text("0")),
        ],
    )?;
    file.count(0);
    Ok(())
}

/// Persons who live elsewhere and are insured or pay here.
fn outsiders(town: &Town, out: &mut Output<'_>) -> Result<(), SampleError> {
    let name = format!("JUTOGAI_{}_{}090000.csv", town.code, (town.base - Duration::days(1)).format("%Y%m%d"));
    let mut file = out.open("jutogai-atena", &name)?;
    let worked_on = iso(town.base - Duration::days(1));
    for p in town.arrivals(OUTSIDERS, (town.residents / 400).clamp(2, 500)) {
        let abroad = p.country.is_some();
        let (atena, birth, reading) = (p.atena(), p.birth_text(), p.reading());
        let name = if abroad { wide(&p.full_name()) } else { p.full_name() };
        let (family, given) = if abroad { ("", "") } else { (p.name.0.0, p.name.1.0) };
        file.sheet.write(
            "データ",
            &[
                ("宛名番号", Value::Text(&atena)),
                ("氏名", text(if abroad { "" } else { &name })),
                ("氏_日本人", text(family)),
                ("名_日本人", text(given)),
                ("氏名_外国人ローマ字", text(if abroad { &name } else { "" })),
                ("氏名_フリガナ", Value::Text(&reading)),
                ("性別", Value::Text(if p.sex == 1 { "1" } else { "2" })),
                ("生年月日", Value::Text(&birth)),
                ("生年月日_不詳表記", text(if p.birth_unknown { "不詳" } else { "" })),
                ("住所_市区町村コード", Value::Text("131016")),
                ("住所_町字コード", Value::Text("0000000")),
                ("住所_都道府県", Value::Text("東京都")),
                ("住所_市区郡町村名", Value::Text("千代田区")),
                ("住所_町字", Value::Text("丸の内一丁目")),
                ("住所_番地号表記", Value::Text("１番１号")),
                ("郵便番号", Value::Text("1000005")),
                ("業務ID", Value::Text("025")),
                ("独自施策システム等ID", Value::Text("000")),
                ("代表宛名フラグ", Value::Text("0")),
                ("操作者ID", Value::Text("JUTO000001")),
                ("操作年月日", Value::Text(&worked_on)),
                ("操作時刻", Value::Text("09:00:00")),
            ],
        )?;
        file.count(0);
    }
    out.close(file)
}

/// 支援措置: a few residents whose address must not leave, some of them insured, so that their records are held.
fn protected(town: &Town, out: &mut Output<'_>) -> Result<(), SampleError> {
    let worked = town.base - Duration::days(1);
    let name = format!("SHIEN_ZENKEN_{}_{}010000.csv", town.code, worked.format("%Y%m%d"));
    let mut file = out.open("shien-sochi", &name)?;
    let (from, until, worked_on) =
        (iso(town.base - Duration::days(100)), iso(town.base + Duration::days(265)), iso(worked));
    let mut insured = 0;
    for p in town.people() {
        insured += u64::from(town.insured_since(&p).is_some());
        let one_of_them = town.insured_since(&p).is_some() && insured % PROTECTED_OF_INSURED == 7;
        if p.no % PROTECTED_EVERY != 3 && !one_of_them {
            continue;
        }
        let atena = p.atena();
        file.sheet.write(
            "データ",
            &[
                ("市区町村コード", Value::Text(&town.code)),
                ("宛名番号", Value::Text(&atena)),
                ("履歴番号", Value::Int(1)),
                ("支援措置開始年月日", Value::Text(&from)),
                ("支援措置終了年月日", Value::Text(&until)),
                ("支援措置区分", Value::Text("1")),
                ("最新フラグ", Value::Text("1")),
                ("削除フラグ", Value::Text("0")),
                ("操作者ID", Value::Text("JUKI000001")),
                ("操作年月日", Value::Text(&worked_on)),
                ("操作時刻", Value::Text("01:00:00")),
            ],
        )?;
        file.count(0);
    }
    out.close(file)
}

/// 住所地特例: insured here, living in a home in another municipality. A 差分: a small town may have none.
fn away(town: &Town, out: &mut Output<'_>) -> Result<(), SampleError> {
    let made = format!("{}040000", (town.base - Duration::days(1)).format("%Y%m%d"));
    let name = format!("KR02_{}_{made}_001.csv", town.code);
    let mut frame = Frame { code: &town.code, whole: false, made, row: 0 };
    let mut file = out.open("jushochi-tokurei", &name)?;
    frame.head(&mut file)?;
    for p in town.people().filter(|p| p.no % AWAY_EVERY == 5) {
        let Some(since) = town.insured_since(&p) else { continue };
        let (insured, atena, since) = (town.insured_number(&p), p.atena(), iso(since));
        let items = [
            ("被保険者番号", Value::Text(insured.as_str())),
            ("宛名番号", Value::Text(&atena)),
            ("施設所在市区町村コード", Value::Text("131016")),
            ("適用開始年月日", Value::Text(&since)),
            ("施設名", Value::Text("特別養護老人ホーム　みほん苑")),
        ];
        frame.row(&mut file, "1", &items, 0)?;
    }
    frame.tail(&mut file)?;
    let records = file.records();
    out.close(file)?;
    out.manifest("jushochi-tokurei", &name, records)
}
