//! tokucho-taishosha (00) and tokucho-kekka (22): the 500-byte files of the pension payers.
//!
//! Owns: their records and groups, one per 特別徴収義務者. Never: knows the bytes (the layout does).

use chrono::{Datelike, Duration, NaiveDate};

use super::juki::iso;
use super::money::{Method, Outcome, fiscal_year, pension_day, pension_due};
use super::output::{Open, Output, site_value};
use super::people::{Person, Town};
use super::{SampleError, names};
use crate::value::Value;

/// The payers in the order of their codes, as the groups of a file come.
const PAYERS: [&str; 3] = ["501", "700", "999"];
/// Of each file of results: every so many records some are over or short, the rest as asked.
pub(crate) const ODD_EVERY: u64 = 400;

/// What one data record says.
pub(crate) struct Entry {
    pub(crate) kind: &'static str,
    pub(crate) day: NaiveDate,
    /// 金額1 and 金額3, yen.
    pub(crate) amounts: [i64; 2],
    /// Does 介護 give it back with its own items?
    pub(crate) care: bool,
}

/// Decides whether a person has a record in the file, and what it says; called in file order, with the number of records so far.
pub(crate) type Select<'a> = dyn Fn(&Person, u64) -> Option<Entry> + 'a;

/// The list of pensioners from whom premiums can be taken, made in May.
pub(crate) fn write_pensioners(town: &Town, out: &mut Output<'_>) -> Result<(), SampleError> {
    let year = fiscal_year(town.base);
    let made = ymd(year, 5, 20);
    let name = format!("Z31{}.DTA", &town.code[..5]);
    let select = |p: &Person, _: u64| {
        let since = town.insured_since(p)?;
        let income = town.income(p);
        let listed = is_listed(town, p);
        let kind = if since < ymd(year - 1, 4, 1) { "02" } else { "01" };
        listed.then_some(Entry { kind, day: ymd(year, 4, 1), amounts: [0, income.pension], care: false })
    };
    let rows = write(town, out, &name, "tokucho-taishosha", "00", made, &select)?;
    out.expected.pensioners += rows;
    Ok(())
}

/// Is this person in the list of May?
pub(crate) fn is_listed(town: &Town, p: &Person) -> bool {
    let since = town.insured_since(p).filter(|since| *since < ymd(fiscal_year(town.base), 4, 1));
    since.is_some() && town.pension_payer(p, &town.income(p))
}

/// The results of each payment of the year that has been handed over, one file each.
pub(crate) fn write_results(town: &Town, out: &mut Output<'_>) -> Result<(), SampleError> {
    let year = fiscal_year(town.base);
    let terms = town.terms_with_results(true);
    for term in &terms {
        let day = pension_day(year, *term);
        let made = pension_due(year, *term) - Duration::days(5);
        let last = Some(term) == terms.last();
        let suffix = if last { String::new() } else { format!("_{}", day.format("%Y%m")) };
        let name = format!("Z34{}{suffix}.DTA", &town.code[..5]);
        let select = |p: &Person, row: u64| {
            let levy = town.levy(p)?;
            let Some(part) = levy.parts.iter().find(|x| x.term == *term && x.method == Method::Pension) else {
                return stranger(town, p, day);
            };
            let (kind, amount) = match town.deduction(p, *term) {
                Outcome::Failed(code) => (code, 0),
                Outcome::Paid => ("00", part.amount + odd(row, part.amount)),
            };
            Some(Entry { kind, day, amounts: [amount, 0], care: false })
        };
        let rows = write(town, out, &name, "tokucho-kekka", "22", made, &select)?;
        out.expected.deductions += rows;
    }
    Ok(())
}

/// How much more or less than asked the `row`-th record of a file says, yen.
pub(crate) fn odd(row: u64, asked: i64) -> i64 {
    match row % ODD_EVERY {
        2 => 100,
        4 if asked > 100 => -100,
        _ => 0,
    }
}

/// A deduction nobody asked for: from a pensioner who pays otherwise.
fn stranger(town: &Town, p: &Person, day: NaiveDate) -> Option<Entry> {
    let listed = town.pension_payer(p, &town.income(p)) && p.no % (town.residents / 200).max(10) == 1;
    listed.then_some(Entry { kind: "00", day, amounts: [1_000, 0], care: false })
}

fn ymd(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default()
}

/// Writes a whole file, one pass over the residents for each payer; a payer without records has no group.
pub(crate) fn write(
    town: &Town,
    out: &mut Output<'_>,
    name: &str,
    interface: &str,
    notice: &str,
    made: NaiveDate,
    select: &Select<'_>,
) -> Result<u64, SampleError> {
    let scheme = site_value(out.site, "特徴制度コード")?;
    let (code, made) = (&town.code[..5], iso(made));
    let mut file = out.open(interface, name)?;
    file.sheet.write(
        "管理",
        &[("市町村コード", Value::Text(code)), ("媒体通番", Value::Text("001")), ("作成年月日", Value::Text(&made))],
    )?;
    file.sheet.write("ファイル管理", &[])?;
    for (at, payer) in PAYERS.into_iter().enumerate() {
        let frame = [
            ("市町村コード", Value::Text(code)),
            ("特別徴収義務者コード", Value::Text(payer)),
            ("通知内容コード", Value::Text(notice)),
            ("特別徴収制度コード", Value::Text(&scheme)),
            ("作成年月日", Value::Text(&made)),
        ];
        let mut row = 0;
        for p in town.people() {
            out.step(name, p.no, town.residents);
            if payer_index(town, &p) != at {
                continue;
            }
            let Some(entry) = select(&p, row) else { continue };
            if row == 0 {
                file.sheet.write("ヘッダ", &frame)?;
            }
            row += 1;
            record(town, &p, &frame, &entry, &mut file)?;
            if notice == "22" {
                tally(town, &p, &entry, out);
            }
        }
        if row > 0 {
            file.sheet.write("トレイラ", &frame)?;
        }
    }
    let rows = file.records();
    if rows == 0 {
        // A file without records still has a group.
        let frame = [
            ("市町村コード", Value::Text(code)),
            ("特別徴収義務者コード", Value::Text(PAYERS[PAYERS.len() - 1])),
            ("通知内容コード", Value::Text(notice)),
            ("特別徴収制度コード", Value::Text(&scheme)),
            ("作成年月日", Value::Text(&made)),
        ];
        file.sheet.write("ヘッダ", &frame)?;
        file.sheet.write("トレイラ", &frame)?;
    }
    out.close(file)?;
    Ok(rows)
}

fn payer_index(town: &Town, p: &Person) -> usize {
    let payer = town.payer(p).0;
    PAYERS.iter().position(|x| *x == payer).unwrap_or(PAYERS.len() - 1)
}

/// Notes what matching this result against the periods should find.
fn tally(town: &Town, p: &Person, entry: &Entry, out: &mut Output<'_>) {
    let part = town.levy(p).and_then(|levy| {
        let month = entry.day.month();
        let term = if month == 2 { 26 } else { 19 + month / 2 };
        levy.parts.into_iter().find(|x| x.term == term && x.method == Method::Pension)
    });
    let (amount, collected) = (entry.amounts[0], entry.kind == "00");
    out.expected.deduction.add(part.map(|x| x.amount), amount, collected, false);
    out.expected.settle(part, town.base, amount);
}

fn record(
    town: &Town,
    p: &Person,
    frame: &[(&str, Value<'_>); 5],
    entry: &Entry,
    file: &mut Open,
) -> Result<(), SampleError> {
    let plain = |s: &str| s.chars().map(names::plain_character).collect::<String>();
    let address = town.address(p.household, false);
    let (number, birth, day) = (town.pension_number(p), iso(p.birth), iso(entry.day));
    let (name, mut kana, mut place_kana) = (plain(&p.full_name()), String::new(), String::new());
    names::half_kana(&p.reading(), true, &mut kana);
    names::half_kana(address.district.1, true, &mut place_kana);
    let place = plain(&format!("{}{}{}", town.name, address.district.0, address.number));
    let mut items = frame.to_vec();
    items.extend_from_slice(&[
        ("基礎年金番号", Value::Text(&number)),
        ("年金コード", Value::Text(town.payer(p).1)),
        ("生年月日", Value::Text(&birth)),
        ("性別", Value::Text(if p.sex == 1 { "1" } else { "2" })),
        ("氏名カナ", Value::Text(&kana)),
        ("氏名漢字", Value::Text(&name)),
        ("郵便番号", Value::Text(address.district.3)),
        ("住所カナ", Value::Text(&place_kana)),
        ("住所漢字", Value::Text(&place)),
        ("各種区分", Value::Text(entry.kind)),
        ("処理結果", Value::Text("00")),
        ("各種年月日", Value::Text(&day)),
        ("金額1", Value::Int(entry.amounts[0])),
        ("金額2", Value::Int(if entry.care { entry.amounts[0] } else { 0 })),
        ("金額3", Value::Int(entry.amounts[1])),
    ]);
    let (care, person) = (format!("{:010}", p.no), format!("0{}", p.atena()));
    if entry.care {
        items.extend_from_slice(&[
            ("介護保険被保険者番号", Value::Text(&care)),
            ("個人コード区分", Value::Text("0")),
            ("個人コード", Value::Text(&person)),
            ("介護保険住所地特例区分", Value::Text("0")),
            ("待機フラグ", Value::Text("0")),
        ]);
    }
    file.sheet.write("データ", &items)?;
    file.count(entry.amounts[0] + entry.amounts[1]);
    Ok(())
}
