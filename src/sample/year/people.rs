//! Births, deaths, moves and 75th birthdays, and the files of the register and of the insured.
//!
//! Owns: who changes on which day. Never: money.

use chrono::{Datelike, Duration, NaiveDate};

use super::{Citizen, Counted, Fate, World};
use crate::sample::SampleError;
use crate::sample::juki::{ARRIVALS, NEWBORN, Row, iso};
use crate::sample::levy::{Frame, insured_row};
use crate::sample::money::Method;
use crate::sample::output::{Output, site_value};
use crate::sample::people::relation;
use crate::sample::persons;

impl World<'_> {
    /// What happens to residents on one day: about one event for 3,000 of them, at least one every other day.
    pub(super) fn live(&mut self, day: NaiveDate) {
        let more = i64::from(self.rng.per_mille(500));
        let events = (self.town.residents / 3000) as i64 + more;
        // The register has something to tell on every day.
        for _ in 0..1_000 {
            let someone = self.rng.below(self.people.len() as u64) as usize;
            if !self.people[someone].gone {
                self.happen(someone, 9, day);
                break;
            }
        }
        for _ in 0..events {
            let at = self.rng.below(self.people.len() as u64) as usize;
            let turn = self.rng.below(10);
            if self.people[at].gone {
                continue;
            }
            self.happen(at, turn, day);
        }
    }

    fn happen(&mut self, at: usize, turn: u64, day: NaiveDate) {
        let age = self.people[at].p.age_on(day);
        let next = (self.people.len() + 1) as u64;
        match turn {
            0..=2 if age >= 60 => self.leave(at, day, "3", "05"),
            3 | 4 => self.leave(at, day, "2", "03"),
            5 if (20..50).contains(&age) => {
                let mut p = self.people[at].p.clone();
                (p.no, p.birth, p.birth_unknown, p.relation) = (NEWBORN + next, day, false, relation::CHILD);
                self.join(p, day, "04");
            }
            6 | 7 => {
                let Some(mut p) = self.town.arrivals(ARRIVALS + next, 1).next() else { return };
                p.no = ARRIVALS + next;
                self.join(p, day, "01");
            }
            _ => {
                let c = &mut self.people[at];
                c.row.moved = !c.row.moved;
                (c.row.reason, c.row.day) = ("02", day);
                self.changed(at, day);
            }
        }
    }

    fn changed(&mut self, at: usize, day: NaiveDate) {
        let row = &mut self.people[at].row;
        row.history += 1;
        row.worked = day;
        self.unsent.push(at);
    }

    fn join(&mut self, p: crate::sample::people::Person, day: NaiveDate, reason: &'static str) {
        let mut row = Row::new(&self.town, &p, day);
        (row.since, row.day, row.reason, row.worked) = (day, day, reason, day);
        self.people.push(Citizen { p, row, gone: false, insured: None, lost: true, levy: None });
        self.unsent.push(self.people.len() - 1);
        self.numberless.push(self.people.len() - 1);
    }

    fn leave(&mut self, at: usize, day: NaiveDate, state: &'static str, reason: &'static str) {
        let c = &mut self.people[at];
        c.gone = true;
        (c.row.state, c.row.reason, c.row.gone, c.row.day) = (state, reason, Some(day), day);
        if let Some(since) = c.insured.filter(|_| !c.lost) {
            c.lost = true;
            let loss = if state == "3" { ("301", day + Duration::days(1)) } else { ("302", day) };
            self.changes.push((at, Some((loss.0, loss.1.max(since)))));
        }
        self.changed(at, day);
    }

    /// The 75th birthdays of the day (29 February counts on 1 March of a common year).
    pub(super) fn reach_75(&mut self, day: NaiveDate) {
        for at in 0..self.people.len() {
            let c = &mut self.people[at];
            if c.gone || c.lost || c.insured.is_some() || day.year() - c.p.birth.year() != 75 {
                continue;
            }
            if c.p.age_on(day) >= 75 {
                c.insured = Some(day);
                self.changes.push((at, None));
            }
        }
    }

    /// The first day: every register as a full set.
    pub(super) fn open_registers(&mut self, day: NaiveDate, out: &mut Output<'_>) -> Result<(), SampleError> {
        self.unsent = (0..self.people.len()).collect();
        self.changes =
            (0..self.people.len()).filter(|i| self.people[*i].insured.is_some()).map(|i| (i, None)).collect();
        self.open_others(out)?;
        self.write_register(day, out)?;
        self.write_changes(day, out)?;
        let account =
            |c: &Citizen| self.town.levy(&c.p).is_some_and(|l| l.parts.iter().any(|x| x.method == Method::Account));
        let payers = (0..self.people.len()).filter(|at| account(&self.people[*at])).collect();
        self.write_accounts(day, payers, out)
    }

    /// Daily files, with what happened since the last ones.
    pub(super) fn registers_day(&mut self, day: NaiveDate, out: &mut Output<'_>) -> Result<(), SampleError> {
        let office_day = self.site.calendars.get("office").is_some_and(|c| c.is_open(day) == Some(true));
        for interface in ["juki-ido", "hihokensha"] {
            if !self.is_owed(interface, day, office_day) {
                continue;
            }
            let fate = self.fate(interface, day);
            if fate == Fate::Never {
                continue;
            }
            if interface == "juki-ido" {
                self.write_register(day, out)?;
            } else {
                self.write_changes(day, out)?;
            }
            if fate == Fate::Late {
                self.put_off(day, out)?;
            }
        }
        if self.is_owed("kojin-bango", day, false) {
            self.write_numbers(day, out)?;
        }
        Ok(())
    }

    /// 個人番号 of those who came since the last file, and of the first resident once more.
    fn write_numbers(&mut self, day: NaiveDate, out: &mut Output<'_>) -> Result<(), SampleError> {
        let name = format!("KOJIN_{}_{}010000.csv", self.town.code, day.format("%Y%m%d"));
        let worked_on = iso(day);
        let mut file = out.open("kojin-bango", &name)?;
        let mut counted = Counted::default();
        let new = std::mem::take(&mut self.numberless);
        for at in std::iter::once(0).chain(new) {
            let p = self.people[at].p.clone();
            persons::number(&self.town, &p, &worked_on, &mut file)?;
            self.tell(&mut counted, "kojin-bango", p.atena(), worked_on.clone());
        }
        self.close(out, file, counted)
    }

    /// Every change of the register not yet sent; a resident is named once, as they are now.
    pub(super) fn write_register(&mut self, day: NaiveDate, out: &mut Output<'_>) -> Result<(), SampleError> {
        let mut unsent = std::mem::take(&mut self.unsent);
        unsent.sort_unstable();
        unsent.dedup();
        let stranger = self.counts.get("juki-ido").is_some_and(|n| n % 25 == 9);
        let mut counted = Counted::default();
        let mut file = out.open("juki-ido", &format!("JUKI_{}_{}010000.csv", self.town.code, day.format("%Y%m%d")))?;
        for at in unsent {
            let c = &self.people[at];
            c.row.write(&self.town, &c.p, &mut file.sheet)?;
            file.count(0);
            let (key, words) = (c.row.atena.clone(), format!("{:?}", c.row));
            self.tell(&mut counted, "juki-ido", key, words);
        }
        if stranger {
            // A resident of another municipality among ours is held.
            let other = crate::sample::people::Town { code: "999989".into(), ..self.town.clone() };
            let Some(p) = other.arrivals(ARRIVALS - 1, 1).next() else { return Ok(()) };
            Row::new(&other, &p, day).write(&other, &p, &mut file.sheet)?;
            file.count(0);
            counted.held += 1;
        }
        self.close(out, file, counted)
    }

    /// Acquisitions and losses not yet sent.
    pub(super) fn write_changes(&mut self, day: NaiveDate, out: &mut Output<'_>) -> Result<(), SampleError> {
        let changes: std::collections::BTreeMap<_, _> = std::mem::take(&mut self.changes).into_iter().collect();
        let insurer = site_value(out.site, "保険者番号")?;
        let code = self.town.code.clone();
        let made = format!("{}040000", day.format("%Y%m%d"));
        let name = format!("KR01_{code}_{made}_001.csv");
        let mut frame = Frame { code: &code, whole: day == self.from, made, row: 0 };
        let mut file = out.open("hihokensha", &name)?;
        let mut counted = Counted::default();
        frame.head(&mut file)?;
        for (at, loss) in changes {
            let c = &self.people[at];
            let Some(since) = c.insured else { continue };
            insured_row(&self.town, &c.p, since, loss, &insurer, &mut frame, &mut file)?;
            let (key, words) = (self.town.insured_number(&c.p), format!("{since}{loss:?}"));
            self.tell(&mut counted, "hihokensha", key, words);
        }
        frame.tail(&mut file)?;
        let records = file.records();
        self.close(out, file, counted)?;
        out.manifest("hihokensha", &name, records)
    }
}
