//! The year's money: incomes, the assessment and its corrections, what banks and pension payers tell, arrears.
//!
//! Owns: which day each of these files comes, and every yen in them. Never: people's lives.

use std::cell::RefCell;

use chrono::{Datelike, Duration, NaiveDate, Weekday};

use super::{Again, Counted, Dropped, Receipt, World, assessment_day, part_of};
use crate::sample::SampleError;
use crate::sample::arrears::{self, Debt};
use crate::sample::bank::{Job, Line};
use crate::sample::juki::iso;
use crate::sample::levy::Frame;
use crate::sample::money::{Levy, Method, Outcome, Part, TERMS, fiscal_year, pension_day, pension_due, slip_due};
use crate::sample::names;
use crate::sample::output::{Open, Output, site_value};
use crate::sample::people::{Person, Town};
use crate::sample::pension::{self, Entry, odd};
use crate::sample::sheet::{Items, text};
use crate::sample::tax;
use crate::value::Value;

/// The bank file of this term comes with another client's code first, and right the next day.
const BROKEN_TERM: u32 = 2;
/// The post bank's file of this term comes twice.
const DOUBLE_TERM: u32 = 3;

impl World<'_> {
    /// The files about money that come on this day.
    pub(super) fn money_day(&mut self, day: NaiveDate, out: &mut Output<'_>) -> Result<(), SampleError> {
        let year = fiscal_year(self.from);
        let on = |m, d| NaiveDate::from_ymd_opt(year, m, d) == Some(day);
        if on(5, 20) {
            pension::write_pensioners(&self.town, out)?;
            self.note_whole(out, day);
        }
        if on(6, 1) {
            self.write_incomes(day, out)?;
        }
        let assessed = assessment_day(self.from);
        if day == assessed || (day > assessed && day.day() == 10) {
            self.write_periods(day, out)?;
        }
        for term in 1..=TERMS {
            if slip_due(year, term) + Duration::days(3) == day {
                self.write_transfers(day, term, out)?;
            }
        }
        for term in 21..=26 {
            if pension_due(year, term) - Duration::days(5) == day {
                self.write_deductions(day, term, out)?;
            }
        }
        if day.weekday() == Weekday::Mon && day > assessed {
            self.write_arrears(day, out)?;
        }
        Ok(())
    }

    /// A file of the generator in which every record is told for the first time.
    fn note_whole(&mut self, out: &Output<'_>, day: NaiveDate) {
        let Some(f) = out.files.last() else { return };
        let n = f.records as i64;
        let (interface, name) = (f.interface.clone(), f.name.clone());
        self.files.push(Dropped { interface, name, records: n, new: n, owed: Some(day), ..Dropped::default() });
    }

    fn write_incomes(&mut self, day: NaiveDate, out: &mut Output<'_>) -> Result<(), SampleError> {
        let name = format!("SHOTOKU_{}_{}030000.csv", self.town.code, day.format("%Y%m%d"));
        let (year, worked) = (fiscal_year(day).to_string(), iso(day));
        let mut file = out.open("shotoku-kazei-ido", &name)?;
        let mut counted = Counted::default();
        for c in self.people.iter().filter(|c| !c.gone && c.p.age_on(day) >= 16) {
            tax::row(&self.town, &c.p, &year, &worked, &mut file)?;
            counted.new += 1;
        }
        self.close(out, file, counted, day)
    }

    /// The assessment, and each month what changed in it: new insured persons, parts of those who left.
    fn write_periods(&mut self, day: NaiveDate, out: &mut Output<'_>) -> Result<(), SampleError> {
        let whole = day == assessment_day(self.from);
        let mut rows: Vec<(usize, Part, bool)> = Vec::new();
        for at in 0..self.people.len() {
            let (town, c) = (&self.town, &mut self.people[at]);
            let Some(since) = c.insured else { continue };
            if c.lost {
                let told = self.receipts.iter().filter(|r| c.levy.as_ref().map(|l| &l.insured) == r.insured.as_ref());
                let told: Vec<u32> = told.map(|r| r.term).collect();
                let Some(levy) = &mut c.levy else { continue };
                let gone = |p: &Part| p.due > day && !told.contains(&p.term);
                rows.extend(levy.parts.iter().filter(|p| gone(p)).map(|p| (at, *p, true)));
                levy.parts.retain(|p| !gone(p));
            } else if c.levy.is_none() {
                let base = since.max(town.base);
                c.levy = Town { base, ..town.clone() }.levy(&c.p);
                let parts = c.levy.iter().flat_map(|l| l.parts.iter());
                rows.extend(parts.map(|p| (at, *p, false)));
            }
        }
        if rows.is_empty() {
            return Ok(());
        }
        let code = self.town.code.clone();
        let made = format!("{}050000", day.format("%Y%m%d"));
        let name = format!("KS04_{code}_{made}_001.csv");
        let mut frame = Frame { code: &code, whole, made, row: 0 };
        let mut file = out.open("kiwari-shien", &name)?;
        let mut counted = Counted::default();
        frame.head(&mut file)?;
        for (at, part, closed) in rows {
            let c = &self.people[at];
            let Some(levy) = &c.levy else { continue };
            period(&self.town, &c.p, levy, &part, closed, day, &mut frame, &mut file)?;
            let count = if closed { &mut counted.closed } else { &mut counted.new };
            *count += 1;
        }
        frame.tail(&mut file)?;
        self.close(out, file, counted, day)
    }

    /// What the banks say of one term: one file of two banks, one of the post bank.
    fn write_transfers(&mut self, day: NaiveDate, term: u32, out: &mut Output<'_>) -> Result<(), SampleError> {
        let client = site_value(out.site, "委託者コード")?;
        let due = slip_due(fiscal_year(self.from), term).format("%Y%m%d").to_string();
        let broken = |name: &str| term == BROKEN_TERM && name.starts_with("FURIKAE");
        for (name, banks) in [("FURIKAE", &["9998", "9999"][..]), ("YUCHO", &["9900"][..])] {
            let town = self.town.clone();
            let name = format!("{name}_{due}.txt");
            let job = Job { town: &town, client: &client, term, due: &due };
            let mut file = out.open("koza-furikae-kekka", &name)?;
            let mut counted = Counted::default();
            for bank in banks {
                job.head(bank, &mut file)?;
                for at in 0..self.people.len() {
                    self.transfer(&job, at, bank, &mut counted, &mut file)?;
                }
                file.sheet.write("トレーラ", &[])?;
            }
            file.sheet.write("エンド", &[])?;
            self.close(out, file, counted, day)?;
            let path = out.into.join("koza-furikae-kekka").join(&name);
            let Some(last) = self.files.last_mut() else { continue };
            let mut again = Again {
                on: day + Duration::days(1),
                interface: "koza-furikae-kekka",
                name: name.replace(".txt", "_2.txt"),
                bytes: std::fs::read(&path)?,
                file: last.clone(),
            };
            if broken(&name) {
                let wrong = String::from_utf8_lossy(&again.bytes[..14]).replace(&client, "1234500001");
                let mut bytes = again.bytes.clone();
                bytes[..wrong.len()].copy_from_slice(wrong.as_bytes());
                std::fs::write(&path, bytes)?;
                last.rejected = true;
                self.again.push(again);
            } else if term == DOUBLE_TERM && name.starts_with("YUCHO") {
                again.file.duplicate = true;
                self.again.push(again);
            }
        }
        Ok(())
    }

    fn transfer(
        &mut self,
        job: &Job<'_>,
        at: usize,
        bank: &str,
        counted: &mut Counted,
        file: &mut Open,
    ) -> Result<(), SampleError> {
        let c = &self.people[at];
        let Some(part) = part_of(c.levy.as_ref(), job.term).filter(|p| p.method == Method::Account) else {
            return Ok(());
        };
        let account = self.town.account(&c.p);
        if account.bank != bank {
            return Ok(());
        }
        let insured = self.town.insured_number(&c.p);
        let (result, amount) = match self.town.transfer(&c.p, job.term) {
            Outcome::Failed(code) => (code, part.amount),
            Outcome::Paid => ("0", part.amount + odd(file.records(), part.amount)),
        };
        let mut holder = String::new();
        names::half_kana(&c.p.reading(), true, &mut holder);
        let customer = job.customer(&insured);
        let line = Line {
            branch: &account.branch,
            account: &account.number,
            holder: &holder,
            amount,
            customer: &customer,
            result,
        };
        job.line(bank, &line, file)?;
        counted.new += 1;
        if result == "0" {
            self.receipts.push(Receipt { insured: Some(insured), term: job.term, amount });
        }
        Ok(())
    }

    /// What the pension payers say of one payment: until August of last year's request, from October of what they were asked.
    fn write_deductions(&mut self, day: NaiveDate, term: u32, out: &mut Output<'_>) -> Result<(), SampleError> {
        let paid_on = pension_day(fiscal_year(self.from), term);
        let receipts = RefCell::new(Vec::new());
        let name = format!("Z34{}_{}.DTA", &self.town.code[..5], paid_on.format("%Y%m"));
        {
            let select = |p: &Person, row: u64| {
                let c = self.people.get(p.no as usize - 1)?;
                let asked = self.asked.get(&self.town.pension_number(p)).copied();
                let amount = match term {
                    ..=23 if !c.gone => {
                        let levy = self.town.levy(p)?;
                        part_of(Some(&levy), term).filter(|x| x.method == Method::Pension)?.amount
                    }
                    24.. => asked?,
                    _ => return None,
                };
                let (kind, amount) = match self.town.deduction(p, term) {
                    Outcome::Failed(code) => (code, 0),
                    Outcome::Paid => ("00", amount + odd(row, amount)),
                };
                let insured = Some(self.town.insured_number(p));
                receipts.borrow_mut().push(Receipt { insured, term, amount });
                Some(Entry { kind, day: paid_on, amounts: [amount, 0] })
            };
            pension::write(&self.town, out, &name, "tokucho-kekka", "22", day, &select)?;
        }
        self.receipts.extend(receipts.into_inner().into_iter().filter(|r| r.amount > 0));
        self.note_whole(out, day);
        Ok(())
    }

    /// What became unpaid, and what was dunned since: each week what changed.
    fn write_arrears(&mut self, day: NaiveDate, out: &mut Output<'_>) -> Result<(), SampleError> {
        let own = site_value(out.site, "後期税目コード")?;
        let name = format!("TAINO_{}_{}060000.csv", self.town.code, day.format("%Y%m%d"));
        let year = fiscal_year(self.from);
        let paid = self.paid();
        let mut rows = Vec::new();
        for (at, c) in self.people.iter().enumerate() {
            let Some(levy) = &c.levy else { continue };
            for part in levy.parts.iter().filter(|p| p.due + Duration::days(10) < day) {
                let had = paid.get(&(levy.insured.clone(), part.term)).copied().unwrap_or(0);
                if had < part.amount {
                    rows.push((at, levy.insured.clone(), *part, had));
                }
            }
        }
        let mut fresh = Vec::new();
        let mut counted = Counted::default();
        for (at, insured, part, had) in rows {
            let dunned = part.due + Duration::days(20) <= day;
            let (key, words) = (format!("{insured}{}", part.term), format!("{had} {dunned}"));
            if self.told.get(&("taino", key.clone())) != Some(&words) {
                self.tell(&mut counted, "taino", key, words);
                fresh.push((at, insured, part, had));
            }
        }
        if fresh.is_empty() {
            return Ok(());
        }
        let mut file = out.open("taino", &name)?;
        for (at, insured, part, paid) in fresh {
            let (notice, tax) = (format!("{insured}{year}"), own.clone());
            let debt = Debt { tax, year, term: part.term, due: part.due, notice, amount: part.amount, paid };
            arrears::row(&self.town, &self.people[at].p, &debt, day, &mut file)?;
        }
        self.close(out, file, counted, day)
    }
}

#[allow(clippy::too_many_arguments, reason = "the items of one record")]
fn period(
    town: &Town,
    p: &Person,
    levy: &Levy,
    part: &Part,
    closed: bool,
    day: NaiveDate,
    frame: &mut Frame<'_>,
    file: &mut Open,
) -> Result<(), SampleError> {
    let year = fiscal_year(town.base).to_string();
    let (atena, pension) = (p.atena(), town.pension_number(p));
    let (payer, kind) = town.payer(p);
    let (term, due, assessed) = (format!("{:02}", part.term), iso(part.due), iso(day));
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
        ("更正回数", Value::Int(i64::from(closed))),
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
    frame.row(file, if closed { "3" } else { "1" }, items, part.amount)
}
