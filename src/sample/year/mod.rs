//! A year of the synthetic municipality: what happens each day, the files the senders drop, and what they know of them.
//!
//! Owns: residents as they change, each sender's memory of what it told, the partners' answers, the accounts of the year.
//! Never: reads the hub's store, looks at a clock; everything follows from the seed and the days it is asked for.

mod accounts;
mod banks;
mod keeping;
mod money;
mod partners;
mod pensions;
mod people;
mod shops;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use chrono::{Datelike, NaiveDate};

use super::juki::Row;
use super::money::{Levy, Part};
use super::output::{Open, Output, site_value};
use super::people::{Person, Town};
use super::rng::Rng;
use super::{SampleError, SampleOptions, persons};
use crate::mapping::site::Site;

pub use accounts::Claim;
use banks::Request;
pub use keeping::Fate;
use shops::Payment;

/// One file dropped, and what must become of its data records.
#[derive(Debug, Clone, Default)]
pub struct Dropped {
    /// Interface id.
    pub interface: String,
    /// File name.
    pub name: String,
    /// Data records.
    pub records: i64,
    /// Rows of keys the sender never told of before.
    pub new: i64,
    /// Of keys told before, with other values.
    pub changed: i64,
    /// Told before in the same words.
    pub unchanged: i64,
    /// Taken back.
    pub closed: i64,
    /// Made to be held.
    pub held: i64,
    /// Made to be rejected as a whole.
    pub rejected: bool,
    /// The same bytes as a file before.
    pub duplicate: bool,
    /// Owed on a day before.
    pub late: bool,
}

/// A resident and what the city knows of them.
struct Citizen {
    p: Person,
    row: Row,
    gone: bool,
    insured: Option<NaiveDate>,
    lost: bool,
    levy: Option<Levy>,
}

/// One result a partner told; yen below 0 take one back.
struct Receipt {
    insured: Option<String>,
    term: u32,
    amount: i64,
}

/// The whole municipality and its partners.
pub struct World<'a> {
    site: &'a Site,
    town: Town,
    from: NaiveDate,
    people: Vec<Citizen>,
    rng: Rng,
    /// What each sender told last: (interface, key) → words.
    told: HashMap<(&'static str, String), String>,
    /// Residents whose change the register has not sent yet.
    unsent: Vec<usize>,
    /// Residents whose 個人番号 has not been told yet.
    numberless: Vec<usize>,
    /// Insured persons whose change has not been sent yet: index, loss.
    changes: Vec<(usize, Option<(&'static str, NaiveDate)>)>,
    /// 基礎年金番号 the payers were asked for, with the yen of each payment.
    asked: HashMap<String, i64>,
    /// Requests to the payers not answered yet: 通知内容コード, 基礎年金番号.
    unanswered: Vec<(String, String)>,
    /// Whom the payers told as new: 基礎年金番号.
    listed: BTreeSet<String>,
    /// What the banks were asked to collect and have not answered.
    requests: Vec<Request>,
    /// Refunds the bank was asked to pay and has not answered: 還付番号, yen.
    refunds: Vec<(String, i64)>,
    /// Refunds paid, yen.
    refunded: i64,
    /// Payments at shops of which something is still to be told.
    payments: Vec<Payment>,
    receipts: Vec<Receipt>,
    /// What became of every day on which a file was owed.
    kept: BTreeMap<(String, NaiveDate), Fate>,
    counts: HashMap<&'static str, u32>,
    /// Interfaces of which a file came since the last day on which one was owed.
    fresh: BTreeSet<String>,
    came: HashMap<String, NaiveDate>,
    files: Vec<Dropped>,
    again: Vec<keeping::Again>,
    /// What a partner found wrong with what it was sent, Japanese.
    wrong: Vec<String>,
}

impl<'a> World<'a> {
    /// The municipality on the eve of `from`.
    ///
    /// # Errors
    /// A number of residents out of range, a site without a value the files need.
    pub fn open(site: &'a Site, seed: u64, residents: u64, from: NaiveDate) -> Result<Self, SampleError> {
        if !(SampleOptions::LEAST..=SampleOptions::MOST).contains(&residents) {
            return Err(SampleError::Residents { residents });
        }
        let code = site_value(site, "団体コード")?;
        let town = Town { seed, residents, base: from, code, name: site_value(site, "市町村名")? };
        let citizen = |p: Person| Citizen {
            row: Row::new(&town, &p, from),
            insured: town.insured_since(&p),
            p,
            gone: false,
            lost: false,
            levy: None,
        };
        let people = town.people().map(citizen).collect();
        Ok(World {
            site,
            from,
            people,
            rng: Rng::new(seed, 77, 0),
            told: HashMap::new(),
            unsent: Vec::new(),
            numberless: Vec::new(),
            changes: Vec::new(),
            asked: HashMap::new(),
            unanswered: Vec::new(),
            listed: BTreeSet::new(),
            requests: Vec::new(),
            refunds: Vec::new(),
            refunded: 0,
            payments: Vec::new(),
            receipts: Vec::new(),
            kept: BTreeMap::new(),
            counts: HashMap::new(),
            fresh: BTreeSet::new(),
            came: HashMap::new(),
            files: Vec::new(),
            again: Vec::new(),
            wrong: Vec::new(),
            town,
        })
    }

    /// Lives through a day and drops its files below `inbox`. Returns them with what must become of each.
    ///
    /// # Errors
    /// See [`SampleError`].
    pub fn day(&mut self, day: NaiveDate, inbox: &Path) -> Result<Vec<Dropped>, SampleError> {
        self.files.clear();
        let mut silent = |_: &str, _: u64, _: u64| {};
        let mut out = Output::new(self.site, inbox, &mut silent);
        self.repeat(day, inbox)?;
        if day == self.from {
            self.open_registers(day, &mut out)?;
        } else {
            self.live(day);
            self.reach_75(day);
            self.registers_day(day, &mut out)?;
        }
        self.pensions_day(day, &mut out)?;
        self.money_day(day, &mut out)?;
        self.banks_day(day, &mut out)?;
        self.shops_day(day, &mut out)?;
        self.settle_owed(day);
        Ok(self.files.clone())
    }

    /// What partners found wrong since the last time, Japanese.
    pub fn complaints(&mut self) -> Vec<String> {
        std::mem::take(&mut self.wrong)
    }

    /// The files of other offices that come once, whole.
    fn open_others(&mut self, out: &mut Output<'_>) -> Result<(), SampleError> {
        let before = out.files.len();
        persons::write(&self.town, out)?;
        let first = self.people[0].p.atena();
        self.told.insert(("kojin-bango", first), String::new());
        for f in &out.files[before..] {
            let (interface, name, n) = (f.interface.clone(), f.name.clone(), f.records as i64);
            self.files.push(Dropped { interface, name, records: n, new: n, ..Dropped::default() });
        }
        Ok(())
    }

    /// Puts a file of counted records into place.
    fn close(&mut self, out: &mut Output<'_>, open: Open, counted: Counted) -> Result<(), SampleError> {
        let records = open.records() as i64;
        out.close(open)?;
        let made = out.files.last().map(|f| (f.interface.clone(), f.name.clone())).unwrap_or_default();
        let Counted { new, changed, unchanged, closed, held } = counted;
        let (interface, name) = made;
        self.files.push(Dropped {
            interface,
            name,
            records,
            new,
            changed,
            unchanged,
            closed,
            held,
            ..Dropped::default()
        });
        Ok(())
    }

    /// Remembers what a sender tells, and says how the hub must count it.
    fn tell(&mut self, counted: &mut Counted, interface: &'static str, key: String, words: String) {
        match self.told.insert((interface, key), words.clone()) {
            None => counted.new += 1,
            Some(before) if before == words => counted.unchanged += 1,
            Some(_) => counted.changed += 1,
        }
    }

    /// Index of the person with a 被保険者番号.
    fn insured_index(&self, insured: &str) -> Option<usize> {
        let no = insured.get(..7)?.parse::<u64>().ok()?.checked_sub(1_000_000)?;
        self.people.iter().position(|c| c.p.no == no)
    }
}

/// How the records of one file must be counted.
#[derive(Debug, Clone, Copy, Default)]
struct Counted {
    new: i64,
    changed: i64,
    unchanged: i64,
    closed: i64,
    held: i64,
}

/// The last day of a day's month.
fn month_end(day: NaiveDate) -> NaiveDate {
    let (year, month) = if day.month() == 12 { (day.year() + 1, 1) } else { (day.year(), day.month() + 1) };
    NaiveDate::from_ymd_opt(year, month, 1).and_then(|first| first.pred_opt()).unwrap_or(day)
}

/// Parts by term, of what stands.
fn part_of(levy: Option<&Levy>, term: u32) -> Option<Part> {
    levy?.parts.iter().find(|p| p.term == term).copied()
}

/// Paid by (被保険者番号, term), yen.
type Paid = BTreeMap<(String, u32), i64>;
