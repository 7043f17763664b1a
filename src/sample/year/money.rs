//! The year's money: incomes, the assessment and its corrections, arrears.
//!
//! Owns: which day each of these files comes, and every yen in them. Never: people's lives.

use chrono::{Datelike, Duration, NaiveDate, Weekday};

use super::{Counted, Fate, World};
use crate::sample::SampleError;
use crate::sample::arrears::{self, Debt};
use crate::sample::juki::iso;
use crate::sample::levy::Frame;
use crate::sample::money::{Levy, Method, Part, fiscal_year};
use crate::sample::output::{Open, Output, site_value};
use crate::sample::payments;
use crate::sample::people::{Person, Town};
use crate::sample::sheet::{Items, text};
use crate::sample::tax;
use crate::value::Value;

impl World<'_> {
    /// The files about money that come on this day.
    pub(super) fn money_day(&mut self, day: NaiveDate, out: &mut Output<'_>) -> Result<(), SampleError> {
        let year = fiscal_year(self.from);
        let ymd = |m, d| NaiveDate::from_ymd_opt(year, m, d).unwrap_or_default();
        if self.is_owed("shotoku-kazei-ido", day, day == ymd(6, 1)) && day < ymd(7, 10) {
            self.write_incomes(day, out)?;
        }
        let own = day == ymd(7, 10) || (day > ymd(7, 10) && day.day() == 10);
        if self.is_owed("hokenryo", day, own) {
            self.assess(day, day >= ymd(7, 1), out)?;
        }
        if self.is_owed("taino", day, day.weekday() == Weekday::Mon) {
            let fate = self.fate("taino", day);
            if fate != Fate::Never {
                self.write_arrears(day, out)?;
            }
            if fate == Fate::Late {
                self.put_off(day, out)?;
            }
        }
        Ok(())
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
        self.close(out, file, counted)
    }

    /// The assessment, and each month what changed in it: new insured persons, parts of those who left.
    fn assess(&mut self, day: NaiveDate, begun: bool, out: &mut Output<'_>) -> Result<(), SampleError> {
        let whole = begun && self.people.iter().all(|c| c.levy.is_none());
        let mut rows: Vec<(usize, Part, bool)> = Vec::new();
        for at in (0..self.people.len()).filter(|_| begun) {
            let (town, c) = (&self.town, &mut self.people[at]);
            let Some(since) = c.insured else { continue };
            if c.lost {
                let Some(levy) = &mut c.levy else { continue };
                let told: Vec<u32> = self
                    .receipts
                    .iter()
                    .filter(|r| r.insured.as_ref() == Some(&levy.insured))
                    .map(|r| r.term)
                    .collect();
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
        self.write_premiums(day, &rows, whole, out)?;
        if rows.is_empty() {
            return Ok(());
        }
        self.write_periods(day, &rows, whole, out)?;
        let mut fresh: Vec<usize> = rows.iter().filter(|(.., closed)| !closed).map(|(at, ..)| *at).collect();
        fresh.dedup();
        for at in &fresh {
            if let Some(levy) = self.people[*at].levy.clone() {
                self.expect_slips(&levy, self.people[*at].p.no, day);
            }
        }
        let by_account = |at: &usize| {
            let parts = self.people[*at].levy.iter().flat_map(|l| &l.parts);
            !self.has_account(*at) && parts.into_iter().any(|x| x.method == Method::Account)
        };
        let payers = fresh.into_iter().filter(by_account).collect();
        self.write_accounts(day, payers, out)
    }

    /// The yearly premiums behind those periods.
    fn write_premiums(
        &mut self,
        day: NaiveDate,
        rows: &[(usize, Part, bool)],
        whole: bool,
        out: &mut Output<'_>,
    ) -> Result<(), SampleError> {
        let code = self.town.code.clone();
        let made = format!("{}040000", day.format("%Y%m%d"));
        let name = format!("KR03_{code}_{made}_001.csv");
        let mut frame = Frame { code: &code, whole, made, row: 0 };
        let mut file = out.open("hokenryo", &name)?;
        let mut counted = Counted::default();
        frame.head(&mut file)?;
        let mut persons: Vec<(usize, bool)> = rows.iter().map(|(at, _, closed)| (*at, *closed)).collect();
        persons.dedup();
        for (at, closed) in persons {
            let c = &self.people[at];
            let Some(mut levy) = c.levy.clone() else { continue };
            if closed {
                levy.year = levy.parts.iter().map(|p| p.amount).sum();
                levy.months = levy.months.min(11);
            }
            if levy.year == 0 {
                levy.months = 0;
            }
            let year = fiscal_year(self.from);
            payments::premium(&c.p, &levy, (year, day), i64::from(closed), &mut frame, &mut file)?;
            self.tell(&mut counted, "hokenryo", levy.insured.clone(), format!("{day}"));
        }
        frame.tail(&mut file)?;
        let records = file.records();
        self.close(out, file, counted)?;
        out.manifest("hokenryo", &name, records)
    }

    fn write_periods(
        &mut self,
        day: NaiveDate,
        rows: &[(usize, Part, bool)],
        whole: bool,
        out: &mut Output<'_>,
    ) -> Result<(), SampleError> {
        let code = self.town.code.clone();
        let made = format!("{}050000", day.format("%Y%m%d"));
        let name = format!("KS04_{code}_{made}_001.csv");
        let mut frame = Frame { code: &code, whole, made, row: 0 };
        let mut file = out.open("kiwari-shien", &name)?;
        let mut counted = Counted::default();
        frame.head(&mut file)?;
        for (at, part, closed) in rows {
            let c = &self.people[*at];
            let Some(levy) = &c.levy else { continue };
            period(&self.town, &c.p, levy, part, *closed, day, &mut frame, &mut file)?;
            let count = if *closed { &mut counted.closed } else { &mut counted.new };
            *count += 1;
        }
        frame.tail(&mut file)?;
        self.close(out, file, counted)
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
        let mut file = out.open("taino", &name)?;
        // An old debt that nobody pays is named in every file.
        if let Some(at) = (0..self.people.len()).find(|at| self.people[*at].insured.is_some()) {
            let insured = self.town.insured_number(&self.people[at].p);
            self.tell(&mut counted, "taino", format!("{insured}old"), day.to_string());
            let (notice, tax) = (format!("{insured}{}", year - 1), own.clone());
            let due = NaiveDate::from_ymd_opt(year, 3, 2).unwrap_or(day);
            let debt = Debt { tax, year: year - 1, term: 8, due, notice, amount: 3_600, paid: 0 };
            arrears::row(&self.town, &self.people[at].p, &debt, day, &mut file)?;
        }
        for (at, insured, part, paid) in fresh {
            let (notice, tax) = (format!("{insured}{year}"), own.clone());
            let debt = Debt { tax, year, term: part.term, due: part.due, notice, amount: part.amount, paid };
            arrears::row(&self.town, &self.people[at].p, &debt, day, &mut file)?;
        }
        self.close(out, file, counted)
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
