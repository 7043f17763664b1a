//! A year of the synthetic municipality: what happens each day, the files the senders drop, and what they know of them.
//!
//! Owns: residents as they change, each sender's memory of what it told, the partners' answers, the accounts of the year.
//! Never: reads the hub's store, looks at a clock; everything follows from the seed and the days it is asked for.

mod accounts;
mod money;
mod people;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use chrono::{Datelike, NaiveDate, Weekday};

use super::juki::Row;
use super::money::{Levy, Part};
use super::output::{Open, Output, site_value};
use super::people::{Person, Town};
use super::rng::Rng;
use super::{SampleError, SampleOptions};
use crate::mapping::site::Site;

pub use accounts::Claim;

/// One file dropped, and what must become of its data records.
#[derive(Debug, Clone, Default)]
pub struct Dropped {
    /// Interface id.
    pub interface: String,
    /// File name.
    pub name: String,
    /// Data records.
    pub records: i64,
    /// Of keys the sender never told of before.
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
    /// The day for which the sender owed it; earlier than the day it was dropped: late.
    pub owed: Option<NaiveDate>,
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

/// One result a partner told.
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
    /// Insured persons whose change has not been sent yet: index, loss.
    changes: Vec<(usize, Option<(&'static str, NaiveDate)>)>,
    /// 基礎年金番号 the payers were asked for.
    asked: HashMap<String, i64>,
    receipts: Vec<Receipt>,
    /// Files not sent on the day they were owed: interface, day, and why.
    missing: Vec<(&'static str, NaiveDate)>,
    files: Vec<Dropped>,
    /// To be dropped again on a later day: day, source name, interface, new name, is it a copy?
    again: Vec<Again>,
    office_days: u32,
}

/// A file that comes once more.
struct Again {
    on: NaiveDate,
    interface: &'static str,
    name: String,
    bytes: Vec<u8>,
    file: Dropped,
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
            changes: Vec::new(),
            asked: HashMap::new(),
            receipts: Vec::new(),
            missing: Vec::new(),
            files: Vec::new(),
            again: Vec::new(),
            office_days: 0,
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
            if is_office_day(day) {
                self.office_day(day, &mut out)?;
            }
        }
        self.money_day(day, &mut out)?;
        Ok(self.files.clone())
    }

    /// Daily files of an office day: some are never sent, some come a day late under the name of the day they were owed.
    fn office_day(&mut self, day: NaiveDate, out: &mut Output<'_>) -> Result<(), SampleError> {
        self.office_days += 1;
        match self.office_days % 40 {
            19 => self.missing.push(("juki-ido", day)),
            29 => self.missing.push(("hihokensha", day)),
            _ => {
                self.write_register(day, out)?;
                self.write_changes(day, out)?;
            }
        }
        Ok(())
    }

    /// Files not sent on the day they were owed.
    pub fn missing(&self) -> &[(&'static str, NaiveDate)] {
        &self.missing
    }

    /// Outbound interfaces that must have left on this day because their sources changed what they carry.
    pub fn outbound(&self, day: NaiveDate) -> Vec<&'static str> {
        let mut due = Vec::new();
        let on = |interface: &str| self.files.iter().any(|f| f.interface == interface && !f.rejected && f.new > 0);
        if day == self.from {
            due.push("koiki-juki");
        }
        if on("shotoku-kazei-ido") {
            due.push("koiki-shotoku-kazei");
        }
        if day == assessment_day(self.from) {
            due.extend(["tokucho-irai", "koiki-shuno", "koiki-taino"]);
        }
        if day > assessment_day(self.from) && on("koza-furikae-kekka") {
            due.push("koiki-shuno");
        }
        due
    }

    /// Puts a file of counted records into place.
    fn close(&mut self, out: &mut Output<'_>, open: Open, counted: Counted, day: NaiveDate) -> Result<(), SampleError> {
        let records = open.records() as i64;
        out.close(open)?;
        let made = out.files.last().map(|f| (f.interface.clone(), f.name.clone())).unwrap_or_default();
        let Counted { new, changed, unchanged, closed, held } = counted;
        self.files.push(Dropped {
            interface: made.0,
            name: made.1,
            records,
            new,
            changed,
            unchanged,
            closed,
            held,
            owed: Some(day),
            ..Dropped::default()
        });
        Ok(())
    }

    /// Drops what comes once more today.
    fn repeat(&mut self, day: NaiveDate, inbox: &Path) -> Result<(), SampleError> {
        for again in self.again.extract_if(.., |a| a.on <= day) {
            let folder = inbox.join(again.interface);
            let draft = folder.join(format!(".{}.part", again.name));
            std::fs::write(&draft, &again.bytes)?;
            std::fs::rename(&draft, folder.join(&again.name))?;
            self.files.push(Dropped { name: again.name, ..again.file });
        }
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

/// Monday to Friday outside 12-29 to 01-03 (national holidays are not known here).
fn is_office_day(day: NaiveDate) -> bool {
    let md = (day.month(), day.day());
    let new_year = (md.0 == 12 && md.1 >= 29) || (md.0 == 1 && md.1 <= 3);
    !matches!(day.weekday(), Weekday::Sat | Weekday::Sun) && !new_year
}

/// The day of the year's assessment.
fn assessment_day(from: NaiveDate) -> NaiveDate {
    NaiveDate::from_ymd_opt(super::money::fiscal_year(from), 7, 10).unwrap_or(from)
}

/// Parts by term, of what stands.
fn part_of(levy: Option<&Levy>, term: u32) -> Option<Part> {
    levy?.parts.iter().find(|p| p.term == term).copied()
}

/// Paid by (被保険者番号, term), yen.
type Paid = BTreeMap<(String, u32), i64>;
