//! hokenryo, koza, shuno, nenkin-henno, kanpu-furikomi-kekka: premiums, accounts, receipts and refunds.
//!
//! Owns: their rows; they agree with the 期割 and the banks' files. Never: computes premiums (`money`).

use chrono::{Duration, NaiveDate};

use super::SampleError;
use super::juki::iso;
use super::levy::Frame;
use super::money::{FLAT, LIMIT, Levy, Method, Part, fiscal_year, pension_day};
use super::names;
use super::output::{Open, Output, site_value};
use super::people::{Person, Town};
use super::sheet::text;
use crate::schema::layout::CheckDigit;
use crate::value::Value;

/// People who died before the base date and have left the register have numbers from here on.
const DEAD: u64 = 6_000_000;
/// One of so many insured got money back.
const REFUND_EVERY: u64 = 61;
/// The agent's 請求書発行企業コード in barcodes.
const AGENT: &str = "929023";

/// The five files.
pub(crate) fn write(town: &Town, out: &mut Output<'_>) -> Result<(), SampleError> {
    premiums(town, out)?;
    accounts(town, out)?;
    receipts(town, out)?;
    returns(town, out)?;
    refunds(town, out)
}

fn ymd(day: NaiveDate) -> String {
    day.format("%Y%m%d").to_string()
}

fn kana(p: &Person) -> String {
    let mut kana = String::new();
    names::half_kana(&p.reading(), true, &mut kana);
    kana
}

/// The yearly premiums that the periods divide.
fn premiums(town: &Town, out: &mut Output<'_>) -> Result<(), SampleError> {
    let made = format!("{}040000", ymd(town.base - Duration::days(1)));
    let name = format!("KR03_{}_{made}_001.csv", town.code);
    let year = fiscal_year(town.base);
    let decided = NaiveDate::from_ymd_opt(year, 7, 10).unwrap_or(town.base).min(town.base);
    let mut frame = Frame { code: &town.code, whole: true, made, row: 0 };
    let mut file = out.open("hokenryo", &name)?;
    frame.head(&mut file)?;
    for p in town.people() {
        out.step(&name, p.no, town.residents);
        let Some(levy) = town.levy(&p) else { continue };
        premium(&p, &levy, (year, decided), 0, &mut frame, &mut file)?;
    }
    frame.tail(&mut file)?;
    let records = file.records();
    out.close(file)?;
    out.manifest("hokenryo", &name, records)
}

/// The premium of one person for a year, decided on a day; `change` = 更正回数.
pub(super) fn premium(
    p: &Person,
    levy: &Levy,
    (year, decided): (i32, NaiveDate),
    change: i64,
    frame: &mut Frame<'_>,
    file: &mut Open,
) -> Result<(), SampleError> {
    let (atena, year, decided) = (p.atena(), year.to_string(), iso(decided));
    // Of part of a year the flat part is told as it is after the months; what is left over is 所得割.
    let part = |yen: i64| yen * levy.months / 12;
    let reduced = part(FLAT) - part(levy.flat);
    let over = (levy.flat + levy.share - LIMIT).max(0);
    let class = match levy.flat * 10 / FLAT {
        ..=3 => "1",
        4..=5 => "2",
        6..=8 => "3",
        _ => "0",
    };
    let items = [
        ("被保険者番号", Value::Text(levy.insured.as_str())),
        ("宛名番号", Value::Text(&atena)),
        ("賦課年度", Value::Text(&year)),
        ("相当年度", Value::Text(&year)),
        ("更正回数", Value::Int(change)),
        ("賦課決定年月日", Value::Text(&decided)),
        ("算定対象月数", Value::Int(levy.months)),
        ("均等割額", Value::Int(part(FLAT))),
        ("所得割額", Value::Int(part(levy.share))),
        ("賦課のもととなる所得", Value::Int(levy.share * 10)),
        ("軽減区分", Value::Text(class)),
        ("軽減額", Value::Int(reduced)),
        ("限度超過額", Value::Int(part(over))),
        ("減免額", Value::Int(0)),
        ("年間保険料額", Value::Int(levy.year)),
    ];
    frame.row(file, "1", &items, levy.year)
}

/// The accounts that the banks' files know, and that of the first resident.
fn accounts(town: &Town, out: &mut Output<'_>) -> Result<(), SampleError> {
    let worked = town.base - Duration::days(1);
    let name = format!("KOZA_ZENKEN_{}_{}020000.csv", town.code, ymd(worked));
    let tax = site_value(out.site, "後期税目コード")?;
    let (from, worked_on) = (format!("{}04", fiscal_year(town.base) - 1), iso(worked));
    let mut file = out.open("koza", &name)?;
    for p in town.people() {
        out.step(&name, p.no, town.residents);
        let pays = town.levy(&p).is_some_and(|levy| levy.parts.iter().any(|x| x.method == Method::Account));
        if p.no != 1 && !pays {
            continue;
        }
        account(town, &p, "1", &tax, (&from, &worked_on), &mut file)?;
    }
    out.close(file)
}

/// An account of one person: `usage` 1 pays, 2 is paid to; from a month on, told on a day.
pub(super) fn account(
    town: &Town,
    p: &Person,
    usage: &str,
    tax: &str,
    (from, worked_on): (&str, &str),
    file: &mut Open,
) -> Result<(), SampleError> {
    let (atena, insured, account, holder) = (p.atena(), town.insured_number(p), town.account(p), kana(p));
    file.sheet.write(
        "データ",
        &[
            ("市区町村コード", Value::Text(&town.code)),
            ("宛名番号", Value::Text(&atena)),
            ("税目コード", Value::Text(tax)),
            ("口座利用区分", Value::Text(usage)),
            ("履歴番号", Value::Int(1)),
            ("被保険者番号", Value::Text(&insured)),
            ("金融機関コード", Value::Text(account.bank)),
            ("支店コード", Value::Text(&account.branch)),
            ("預金種目", Value::Text("1")),
            ("口座番号", Value::Text(&account.number)),
            ("口座名義人カナ", Value::Text(&holder)),
            ("振替開始年月", Value::Text(from)),
            ("操作者ID", Value::Text("KOZA000001")),
            ("操作年月日", Value::Text(worked_on)),
            ("操作時刻", Value::Text("02:00:00")),
            ("最新フラグ", Value::Text("1")),
            ("削除フラグ", Value::Text("0")),
        ],
    )?;
    file.count(0);
    Ok(())
}

/// One receipt at a shop: who paid which part of what.
pub(super) struct Receipt {
    pub(super) person: u64,
    pub(super) levy: Levy,
    pub(super) part: Part,
}

impl Town {
    /// Receipts of the last days: those who pay by slip paid the next period before it is due.
    fn receipts(&self) -> impl Iterator<Item = Receipt> + '_ {
        self.people().filter_map(|p| {
            let levy = self.levy(&p)?;
            let open = levy.parts.iter().filter(|x| x.method == Method::Slip && x.due >= self.base);
            let part = *open.min_by_key(|x| x.due).filter(|x| (1..=300_000).contains(&x.amount))?;
            Some(Receipt { person: p.no, levy, part })
        })
    }
}

/// What one notice says of a receipt.
pub(super) struct Notice<'a> {
    /// 種別.
    pub(super) kind: &'a str,
    /// 相当年度.
    pub(super) year: i32,
    pub(super) paid: NaiveDate,
    pub(super) made: NaiveDate,
    /// 振込日.
    pub(super) moved: NaiveDate,
}

/// 速報 of all, then 確報 of some and 取消 of a few; each receipt counts once.
fn receipts(town: &Town, out: &mut Output<'_>) -> Result<(), SampleError> {
    let company = site_value(out.site, "収納企業コード")?;
    let (year, moved) = (fiscal_year(town.base), town.base + Duration::days(10));
    let (paid, first, second) =
        (town.base - Duration::days(4), town.base - Duration::days(3), town.base - Duration::days(1));
    let cancelled = |r: &Receipt| r.person % 17 == 2;
    let settled = |r: &Receipt| !cancelled(r) && r.person.is_multiple_of(4);
    if town.receipts().next().is_none() {
        return Ok(());
    }
    let mut file = out.open("shuno", &format!("SHUNO_{}.csv", ymd(first)))?;
    for r in town.receipts() {
        notice(&company, &r, &Notice { kind: "01", year, paid, made: first, moved }, &mut file)?;
        out.expected.receipt.add(Some(r.part.amount), r.part.amount, !cancelled(&r), false);
    }
    out.close(file)?;
    if !town.receipts().any(|r| cancelled(&r) || settled(&r)) {
        return Ok(());
    }
    let mut file = out.open("shuno", &format!("SHUNO_{}.csv", ymd(second)))?;
    for r in town.receipts() {
        let kind = match (cancelled(&r), settled(&r)) {
            (true, _) => "03",
            (_, true) => "02",
            _ => continue,
        };
        notice(&company, &r, &Notice { kind, year, paid, made: second, moved }, &mut file)?;
    }
    out.close(file)
}

pub(super) fn notice(company: &str, r: &Receipt, n: &Notice<'_>, file: &mut Open) -> Result<(), SampleError> {
    let (year, amount) = (n.year, r.part.amount);
    let free = format!("{company}{}{year}{:02}00", r.levy.insured, r.part.term);
    let body = format!("91{AGENT}{free}0{}0{amount:06}", r.part.due.format("%y%m%d"));
    let digit = CheckDigit::Gs1.digit(&body).unwrap_or('0');
    let barcode = format!("EAN{body}{digit}");
    let (paid, made) = (iso(n.paid), iso(n.made));
    let time = format!("{:02}{:02}", 8 + r.person % 12, r.person % 60);
    let transferred = if n.kind == "02" { ymd(n.moved) } else { "0".to_owned() };
    file.sheet.write(
        "データ",
        &[
            ("種別", Value::Text(n.kind)),
            ("収納日", Value::Text(&paid)),
            ("収納時刻", Value::Text(&time)),
            ("バーコード情報", Value::Text(&barcode)),
            ("ユーザー使用欄1", Value::Text(&barcode[16..22])),
            ("ユーザー使用欄2", Value::Text(&barcode[22..33])),
            ("印紙フラグ", Value::Text("0")),
            ("金額", Value::Int(amount)),
            ("コンビニ本部コード", Value::Text("020")),
            ("コンビニ名", Value::Text("ローソン")),
            ("店舗コード", Value::Text("012345")),
            ("振込日", Value::Text(&transferred)),
            ("データ作成日", Value::Text(&made)),
        ],
    )?;
    file.count(amount);
    Ok(())
}

/// Two 返納告知 for the February pension of people who had died before it was paid.
fn returns(town: &Town, out: &mut Output<'_>) -> Result<(), SampleError> {
    let year = fiscal_year(town.base) - 1;
    let paid = pension_day(year, 26);
    let (died, told, until) =
        (iso(paid - Duration::days(20)), iso(town.base - Duration::days(1)), iso(town.base + Duration::days(30)));
    let (year, paid) = (year.to_string(), iso(paid));
    let mut file = out.open("nenkin-henno", &format!("HENNO_{}.csv", ymd(town.base)))?;
    for p in town.arrivals(DEAD, 2) {
        let (notice, insured, atena) = (format!("HN-{}-{}", town.code, p.no), town.insured_number(&p), p.atena());
        let ((payer, kind), number) = (town.payer(&p), town.pension_number(&p));
        let amount = 3_000 + (p.no % 7) as i64 * 100;
        file.sheet.write(
            "データ",
            &[
                ("告知番号", Value::Text(&notice)),
                ("処理区分", Value::Text("1")),
                ("被保険者番号", Value::Text(&insured)),
                ("宛名番号", Value::Text(&atena)),
                ("特別徴収義務者コード", Value::Text(payer)),
                ("基礎年金番号", Value::Text(&number)),
                ("年金コード", Value::Text(kind)),
                ("死亡年月日", Value::Text(&died)),
                ("徴収年月日", Value::Text(&paid)),
                ("相当年度", Value::Text(&year)),
                ("期別", Value::Text("26")),
                ("返納額", Value::Int(amount)),
                ("告知年月日", Value::Text(&told)),
                ("返納期限", Value::Text(&until)),
                ("入力者", Value::Text("担当者")),
            ],
        )?;
        file.count(amount);
    }
    out.close(file)
}

/// Refunds of last year's last period that the bank has tried to pay; one of three did not arrive.
fn refunds(town: &Town, out: &mut Output<'_>) -> Result<(), SampleError> {
    let client = site_value(out.site, "委託者コード")?;
    let year = fiscal_year(town.base) - 1;
    let (sent, told) = (iso(town.base - Duration::days(5)), iso(town.base - Duration::days(3)));
    let mut file = out.open("kanpu-furikomi-kekka", &format!("KANPU_{}.csv", ymd(town.base)))?;
    for p in town.people().filter(|p| p.no % REFUND_EVERY == 7) {
        if town.insured_since(&p).is_none() {
            continue;
        }
        let number = format!("{}{year}08000000", town.insured_number(&p));
        let amount = 1_000 + (p.no % 10) as i64 * 100;
        refund(town, &p, &client, (&number, amount), (&sent, &told), &mut file)?;
    }
    file.sheet.write("合計", &[])?;
    out.close(file)
}

/// What became of one refund (還付番号, yen), taken on by the bank and told on days; one of three does not arrive.
pub(super) fn refund(
    town: &Town,
    p: &Person,
    client: &str,
    (number, amount): (&str, i64),
    (sent, told): (&str, &str),
    file: &mut Open,
) -> Result<bool, SampleError> {
    let (account, holder) = (town.account(p), kana(p));
    let failed = p.no.is_multiple_of(3);
    file.sheet.write(
        "データ",
        &[
            ("振込依頼人コード", Value::Text(client)),
            ("取組日", Value::Text(sent)),
            ("還付番号", Value::Text(number)),
            ("被仕向銀行番号", Value::Text(account.bank)),
            ("被仕向支店番号", Value::Text(&account.branch)),
            ("預金種目", Value::Text("1")),
            ("口座番号", Value::Text(&account.number)),
            ("受取人名", Value::Text(&holder)),
            ("振込金額", Value::Int(amount)),
            ("結果コード", Value::Text(if failed { "3" } else { "0" })),
            ("結果年月日", Value::Text(told)),
            ("摘要", text(if failed { "口座解約" } else { "" })),
        ],
    )?;
    file.count(amount);
    Ok(!failed)
}
