//! The pension payers and 介護: lists, answers to requests, and what was taken from pensions.
//!
//! Owns: which of their files come when, and who is in them. Never: the bytes (`sample::pension`).

use std::cell::RefCell;

use chrono::{Datelike, Duration, NaiveDate};

use super::{Dropped, Receipt, World, month_end, part_of};
use crate::sample::SampleError;
use crate::sample::money::{Method, Outcome, fiscal_year, pension_day, pension_due};
use crate::sample::output::Output;
use crate::sample::pension::{self, Entry, odd};
use crate::sample::people::Person;

impl World<'_> {
    /// The files about pensions that come on this day.
    pub(super) fn pensions_day(&mut self, day: NaiveDate, out: &mut Output<'_>) -> Result<(), SampleError> {
        let year = fiscal_year(self.from);
        let odd_end = day.month() % 2 == 1 && day == month_end(day);
        if NaiveDate::from_ymd_opt(year, 5, 20) == Some(day) {
            pension::write_pensioners(&self.town, out)?;
            self.note(out, 1);
            let listed = self.people.iter().filter(|c| pension::is_listed(&self.town, &c.p));
            self.listed = listed.map(|c| self.town.pension_number(&c.p)).collect();
        }
        if self.is_owed("kaigo-tokucho-kakucho", day, false) {
            self.write_care(day, out)?;
        }
        if self.is_owed("tokucho-tsuika-kohosha", day, odd_end) {
            self.write_new_pensioners(day, out)?;
        }
        if self.is_owed("tokucho-irai-kekka", day, odd_end) {
            self.write_answers(day, out)?;
        }
        for term in 21..=26 {
            if pension_due(year, term) - Duration::days(5) == day {
                self.write_deductions(day, term, out)?;
            }
        }
        Ok(())
    }

    /// A file of the generator in which every record is told for the first time, as so many rows each.
    fn note(&mut self, out: &Output<'_>, rows: i64) {
        let Some(f) = out.files.last() else { return };
        let n = f.records as i64;
        let (interface, name) = (f.interface.clone(), f.name.clone());
        self.files.push(Dropped { interface, name, records: n, new: n * rows, ..Dropped::default() });
    }

    fn citizen_lives(&self, p: &Person) -> bool {
        self.people.get(p.no as usize - 1).is_some_and(|c| !c.gone && !c.lost)
    }

    /// 介護 gives back what it was told: in June the list of May, later those who are new.
    fn write_care(&mut self, day: NaiveDate, out: &mut Output<'_>) -> Result<(), SampleError> {
        let name = format!("KAIGO_{}.DTA", day.format("%Y%m"));
        let notice = if day.month() == 6 { "00" } else { "30" };
        let told = RefCell::new(Vec::new());
        let select = |p: &Person, _: u64| {
            let number = self.town.pension_number(p);
            let fresh = self.listed.contains(&number) && !self.told.contains_key(&("kaigo", number.clone()));
            fresh.then(|| {
                told.borrow_mut().push(number);
                let amounts = [2_000 + (p.no % 30) as i64 * 100, self.town.income(p).pension];
                Entry { kind: "01", day: day.with_day(1).unwrap_or(day), amounts, care: true }
            })
        };
        pension::write(&self.town, out, &name, "kaigo-tokucho-kakucho", notice, day, &select)?;
        self.told.extend(told.into_inner().into_iter().map(|number| (("kaigo", number), String::new())));
        self.note(out, 1);
        Ok(())
    }

    /// Whoever became insured since the list and draws a pension.
    fn write_new_pensioners(&mut self, day: NaiveDate, out: &mut Output<'_>) -> Result<(), SampleError> {
        let caught = day.with_day(1).and_then(|first| first.pred_opt()).and_then(|d| d.with_day(1)).unwrap_or(day);
        let name = format!("Z31{}_{}.DTA", &self.town.code[..5], day.format("%Y%m"));
        let told = RefCell::new(Vec::new());
        let begun = NaiveDate::from_ymd_opt(fiscal_year(self.from), 7, 1).is_some_and(|july| day >= july);
        let select = |p: &Person, _: u64| {
            let c = self.people.get(p.no as usize - 1)?;
            let number = self.town.pension_number(p);
            let income = self.town.income(p);
            let fresh = begun && c.insured.is_some() && !c.gone && !self.listed.contains(&number);
            (fresh && self.town.pension_payer(p, &income)).then(|| {
                told.borrow_mut().push(number);
                Entry { kind: "01", day: caught, amounts: [0, income.pension], care: false }
            })
        };
        pension::write(&self.town, out, &name, "tokucho-tsuika-kohosha", "30", day, &select)?;
        self.listed.extend(told.into_inner());
        // Each is kept as a pension and as a new one, and is one record.
        self.note(out, 1);
        Ok(())
    }

    /// Answers to all requests since the last ones: taken, every one.
    fn write_answers(&mut self, day: NaiveDate, out: &mut Output<'_>) -> Result<(), SampleError> {
        let open = std::mem::take(&mut self.unanswered);
        let mut notices: Vec<String> = open.iter().map(|(notice, _)| notice.clone()).collect();
        notices.sort();
        notices.dedup();
        if notices.is_empty() {
            notices.push("01".to_owned());
        }
        for notice in notices {
            let answer = format!("{}2", &notice[..1]);
            let name = format!("Z33{}_{}_{answer}.DTA", &self.town.code[..5], day.format("%Y%m"));
            let select = |p: &Person, _: u64| {
                let number = self.town.pension_number(p);
                let asked = open.iter().any(|(n, other)| *n == notice && *other == number);
                asked.then_some(Entry { kind: "01", day, amounts: [0, 0], care: false })
            };
            pension::write(&self.town, out, &name, "tokucho-irai-kekka", &answer, day, &select)?;
            self.note(out, 1);
        }
        Ok(())
    }

    /// What the payers say of one payment: until August of last year's request, from October of what they were asked.
    fn write_deductions(&mut self, day: NaiveDate, term: u32, out: &mut Output<'_>) -> Result<(), SampleError> {
        let paid_on = pension_day(fiscal_year(self.from), term);
        let receipts = RefCell::new(Vec::new());
        let name = format!("Z34{}_{}.DTA", &self.town.code[..5], paid_on.format("%Y%m"));
        let select = |p: &Person, row: u64| {
            let amount = match term {
                ..=23 if self.citizen_lives(p) => {
                    let levy = self.town.levy(p)?;
                    part_of(Some(&levy), term).filter(|x| x.method == Method::Pension)?.amount
                }
                24.. => self.asked.get(&self.town.pension_number(p)).copied()?,
                _ => return None,
            };
            let (kind, amount) = match self.town.deduction(p, term) {
                Outcome::Failed(code) => (code, 0),
                Outcome::Paid => ("00", amount + odd(row, amount)),
            };
            let insured = Some(self.town.insured_number(p));
            receipts.borrow_mut().push(Receipt { insured, term, amount });
            Some(Entry { kind, day: paid_on, amounts: [amount, 0], care: false })
        };
        pension::write(&self.town, out, &name, "tokucho-kekka", "22", day, &select)?;
        self.receipts.extend(receipts.into_inner().into_iter().filter(|r| r.amount > 0));
        self.note(out, 1);
        Ok(())
    }
}
