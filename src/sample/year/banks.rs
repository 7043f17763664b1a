//! The banks: they collect what they were asked for, tell what became of it, and pay refunds.
//!
//! Owns: the requests they have, what they answer and when. Never: asks for anything itself.

use chrono::{Datelike, Duration, NaiveDate};

use super::keeping::Again;
use super::{Counted, Receipt, World, month_end};
use crate::sample::SampleError;
use crate::sample::bank::{Job, Line};
use crate::sample::juki::iso;
use crate::sample::money::{Method, Outcome, fiscal_year};
use crate::sample::output::{Open, Output, site_value};
use crate::sample::payments;
use crate::sample::pension::odd;
use crate::sample::{money, names};
use crate::value::Value;

/// Days from the collection to its result.
const RESULT_DAYS: i64 = 3;
/// The file of two banks of this month comes with another client's code first, and right the next day.
const BROKEN_MONTH: u32 = 8;
/// The post bank's file of this month comes twice.
const DOUBLE_MONTH: u32 = 9;
/// The post bank.
const POST: &str = "9900";

/// What a bank was asked to collect.
pub(super) struct Request {
    pub due: NaiveDate,
    /// For the second time?
    pub second: bool,
    pub insured: String,
    pub term: u32,
    pub amount: i64,
}

impl World<'_> {
    /// The files of the banks that come on this day.
    pub(super) fn banks_day(&mut self, day: NaiveDate, out: &mut Output<'_>) -> Result<(), SampleError> {
        let due = day - Duration::days(RESULT_DAYS);
        let last = due.with_day(1).and_then(|first| first.pred_opt()).unwrap_or(due);
        if [month_end(due), last].into_iter().any(|end| self.bank_day(end) == due) {
            self.judge_requests(due);
            let requests: Vec<Request> = self.requests.extract_if(.., |r| r.due <= due).collect();
            let (post, others): (Vec<_>, Vec<_>) = requests.into_iter().partition(|r| self.bank_of(r) == POST);
            self.write_results("FURIKAE", &["9998", "9999"], &others, due, day, out)?;
            if !post.is_empty() {
                self.write_results("YUCHO", &[POST], &post, due, day, out)?;
            }
        }
        if !self.refunds.is_empty() && day.weekday() == chrono::Weekday::Fri {
            self.write_refunds(day, out)?;
        }
        Ok(())
    }

    /// The day itself or the next one on which banks are open.
    pub(super) fn bank_day(&self, day: NaiveDate) -> NaiveDate {
        let known = self.site.calendars.get("bank").and_then(|calendar| calendar.following(day));
        known.unwrap_or_else(|| money::bank_day(day))
    }

    fn bank_of(&self, request: &Request) -> &'static str {
        let person = self.insured_index(&request.insured).map(|at| &self.people[at].p);
        person.map_or("", |p| self.town.account(p).bank)
    }

    /// Was everything asked for that falls due on this day, for the first time, and nothing else?
    fn judge_requests(&mut self, due: NaiveDate) {
        let paid = self.paid();
        let mut expected = std::collections::BTreeMap::new();
        for levy in self.people.iter().filter_map(|c| c.levy.as_ref()) {
            for part in levy.parts.iter().filter(|x| x.method == Method::Account && x.due == due) {
                let had = paid.get(&(levy.insured.clone(), part.term)).copied().unwrap_or(0);
                if part.amount > had {
                    expected.insert((levy.insured.clone(), part.term), part.amount - had);
                }
            }
        }
        for r in self.requests.iter().filter(|r| r.due == due && !r.second) {
            let wanted = expected.remove(&(r.insured.clone(), r.term));
            if wanted != Some(r.amount) {
                let (insured, term, amount) = (&r.insured, r.term, r.amount);
                self.wrong.push(format!("{due} 引落: {insured} 期別{term} の依頼 {amount} 円（市の計算 {wanted:?}）"));
            }
        }
        for ((insured, term), amount) in expected {
            self.wrong.push(format!("{due} 引落: {insured} 期別{term} の {amount} 円が依頼されていません"));
        }
    }

    fn write_results(
        &mut self,
        name: &str,
        banks: &[&'static str],
        requests: &[Request],
        due: NaiveDate,
        day: NaiveDate,
        out: &mut Output<'_>,
    ) -> Result<(), SampleError> {
        let client = site_value(out.site, "委託者コード")?;
        let town = self.town.clone();
        let due_on = due.format("%Y%m%d").to_string();
        let file_name = format!("{name}_{due_on}.txt");
        let job = Job { town: &town, client: &client, term: 0, due: &due_on };
        let mut file = out.open("koza-furikae-kekka", &file_name)?;
        let mut counted = Counted::default();
        for bank in banks {
            job.head(bank, &mut file)?;
            for request in requests {
                if self.bank_of(request) != *bank {
                    continue;
                }
                self.write_result(&job, bank, request, &mut file)?;
                counted.new += 1;
            }
            file.sheet.write("トレーラ", &[])?;
        }
        file.sheet.write("エンド", &[])?;
        self.close(out, file, counted)?;
        self.spoil(name, &file_name, &client, due.month(), day, out)
    }

    fn write_result(
        &mut self,
        job: &Job<'_>,
        bank: &str,
        request: &Request,
        file: &mut Open,
    ) -> Result<(), SampleError> {
        let Some(at) = self.insured_index(&request.insured) else { return Ok(()) };
        let p = &self.people[at].p;
        let account = self.town.account(p);
        let (result, amount) = match self.town.transfer(p, request.term + if request.second { 16 } else { 0 }) {
            Outcome::Failed(code) => (code, request.amount),
            Outcome::Paid => ("0", request.amount + odd(file.records(), request.amount)),
        };
        let mut holder = String::new();
        names::half_kana(&p.reading(), true, &mut holder);
        let (insured, year, term) = (request.insured.clone(), fiscal_year(self.from), request.term);
        let customer = format!("{insured}{year}{term:02}000000");
        let (branch, number) = (account.branch.as_str(), account.number.as_str());
        let line = Line { branch, account: number, holder: &holder, amount, customer: &customer, result };
        job.line(bank, &line, file)?;
        if result == "0" {
            self.receipts.push(Receipt { insured: Some(insured), term, amount });
        }
        Ok(())
    }

    /// One month's file comes broken first, another one's comes twice.
    fn spoil(
        &mut self,
        bank: &str,
        name: &str,
        client: &str,
        month: u32,
        day: NaiveDate,
        out: &Output<'_>,
    ) -> Result<(), SampleError> {
        let (broken, double) = (month == BROKEN_MONTH && bank == "FURIKAE", month == DOUBLE_MONTH);
        if !broken && !double {
            return Ok(());
        }
        let path = out.into.join("koza-furikae-kekka").join(name);
        let bytes = std::fs::read(&path)?;
        let Some(last) = self.files.last_mut() else { return Ok(()) };
        let mut file = last.clone();
        file.duplicate = double;
        if broken {
            let mut wrong = bytes.clone();
            // 委託者コード stands after データ区分, 種別 and コード区分.
            wrong[4..4 + client.len()].copy_from_slice(b"1234500001");
            std::fs::write(&path, wrong)?;
            last.rejected = true;
        }
        let parts = vec![(name.replace(".txt", "_2.txt"), bytes)];
        self.again.push(Again { on: day + Duration::days(1), parts, file, late: false });
        Ok(())
    }

    /// What became of the refunds that the bank was asked for.
    fn write_refunds(&mut self, day: NaiveDate, out: &mut Output<'_>) -> Result<(), SampleError> {
        let client = site_value(out.site, "委託者コード")?;
        let mut file = out.open("kanpu-furikomi-kekka", &format!("KANPU_{}.csv", day.format("%Y%m%d")))?;
        let mut counted = Counted::default();
        for (number, amount) in std::mem::take(&mut self.refunds) {
            let Some(at) = self.insured_index(&number) else { continue };
            let days = (&*iso(day - Duration::days(1)), &*iso(day));
            let paid = payments::refund(&self.town, &self.people[at].p, &client, (&number, amount), days, &mut file)?;
            self.refunded += if paid { amount } else { 0 };
            counted.new += 1;
        }
        file.sheet.write("合計", &[])?;
        self.close(out, file, counted)
    }

    /// Accounts not yet told of: of these persons those who pay from one; every second is paid back there too.
    pub(super) fn write_accounts(
        &mut self,
        day: NaiveDate,
        payers: Vec<usize>,
        out: &mut Output<'_>,
    ) -> Result<(), SampleError> {
        let tax = site_value(out.site, "後期税目コード")?;
        let whole = if day == self.from { "_ZENKEN" } else { "" };
        let name = format!("KOZA{whole}_{}_{}020000.csv", self.town.code, day.format("%Y%m%d"));
        let from = format!("{}04", fiscal_year(self.from) - 1);
        let days = (from.as_str(), &*iso(day));
        let mut file = out.open("koza", &name)?;
        let mut counted = Counted::default();
        for at in payers {
            let p = self.people[at].p.clone();
            let usages: &[&str] = if p.no.is_multiple_of(2) { &["1", "2"] } else { &["1"] };
            for usage in usages {
                payments::account(&self.town, &p, usage, &tax, days, &mut file)?;
                self.tell(&mut counted, "koza", format!("{}{usage}", p.atena()), String::new());
            }
        }
        if file.records() == 0 {
            return Ok(());
        }
        self.close(out, file, counted)
    }

    /// Is the account of this person told already?
    pub(super) fn has_account(&self, at: usize) -> bool {
        self.told.contains_key(&("koza", format!("{}1", self.people[at].p.atena())))
    }
}

/// A day of this or the next year from `MMDD` or an ISO date, within half a year of another one.
pub(super) fn near(value: Value<'_>, day: NaiveDate) -> Option<NaiveDate> {
    let digits: String = value.to_string().chars().filter(char::is_ascii_digit).collect();
    let month_day = digits.get(digits.len().checked_sub(4)?..)?;
    let (month, date) = (month_day[..2].parse().ok()?, month_day[2..].parse().ok()?);
    let years = [day.year() - 1, day.year(), day.year() + 1];
    let days = years.into_iter().filter_map(|year| NaiveDate::from_ymd_opt(year, month, date));
    days.min_by_key(|d| (*d - day).num_days().abs())
}
