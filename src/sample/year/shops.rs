//! Payments at shops: 速報, then 確報 or 取消; each is told notice by notice and counts once.
//!
//! Owns: who pays which slip when. Never: what is owed (`money`).

use chrono::{Duration, NaiveDate};

use super::{Counted, Receipt, World};
use crate::sample::SampleError;
use crate::sample::money::{Levy, Method, Part, fiscal_year};
use crate::sample::output::{Output, site_value};
use crate::sample::payments::{self, Notice};

/// Most yen of a slip that shops take.
const MOST: i64 = 300_000;

/// A payment at a shop of which something is still to be told.
pub(super) struct Payment {
    on: NaiveDate,
    year: i32,
    person: u64,
    levy: Levy,
    part: Part,
    told: bool,
}

impl World<'_> {
    /// Slips of new periods: most are paid before they are due, some late, some never.
    pub(super) fn expect_slips(&mut self, levy: &Levy, person: u64, day: NaiveDate) {
        for part in levy.parts.iter().filter(|x| x.method == Method::Slip && (1..=MOST).contains(&x.amount)) {
            let on = match self.rng.below(10) {
                0 => continue,
                1 => part.due + Duration::days(self.rng.between(1, 40)),
                _ => part.due - Duration::days(self.rng.between(0, 15)),
            };
            let (levy, year) = (levy.clone(), fiscal_year(self.from));
            self.payments.push(Payment { on: on.max(day), year, person, levy, part: *part, told: false });
        }
    }

    /// The shops' file of this day: what was paid until yesterday, and what was settled or taken back.
    pub(super) fn shops_day(&mut self, day: NaiveDate, out: &mut Output<'_>) -> Result<(), SampleError> {
        let office_day = self.site.calendars.get("bank").is_some_and(|c| c.is_open(day) == Some(true));
        if !self.is_owed("shuno", day, office_day) {
            return Ok(());
        }
        let company = site_value(out.site, "収納企業コード")?;
        let mut counted = Counted::default();
        let mut file = out.open("shuno", &format!("SHUNO_{}.csv", day.format("%Y%m%d")))?;
        let mut payments = std::mem::take(&mut self.payments);
        if !payments.iter().any(|p| tells(p, day).is_some()) {
            payments.extend(self.old_slip(day));
        }
        let moved = day + Duration::days(10);
        for payment in &mut payments {
            let Some(kind) = tells(payment, day) else { continue };
            let part = payment.part;
            let receipt = payments::Receipt { person: payment.person, levy: payment.levy.clone(), part };
            let notice = Notice { kind, year: payment.year, paid: payment.on, made: day, moved };
            payments::notice(&company, &receipt, &notice, &mut file)?;
            counted.new += 1;
            let yen = match kind {
                "01" => part.amount,
                "03" => -part.amount,
                _ => 0,
            };
            // A slip of another year has no 期割 here.
            let insured = (payment.year == fiscal_year(self.from)).then(|| payment.levy.insured.clone());
            self.receipts.push(Receipt { insured, term: part.term, amount: yen });
            payment.told = true;
            if kind != "01" {
                payment.part.amount = 0;
            }
        }
        payments.retain(|p| p.part.amount > 0);
        self.payments = payments;
        self.close(out, file, counted)
    }

    /// Somebody pays a slip of last year.
    fn old_slip(&mut self, day: NaiveDate) -> Option<Payment> {
        let year = fiscal_year(self.from) - 1;
        let insured: Vec<usize> = (0..self.people.len()).filter(|at| self.people[*at].insured.is_some()).collect();
        let at = *self.rng.pick(if insured.is_empty() { &[0] } else { &insured });
        let p = &self.people[at].p;
        let amount = self.rng.between(10, 90) * 100;
        let due = NaiveDate::from_ymd_opt(year + 1, 3, 2).unwrap_or(day);
        let part = Part { method: Method::Slip, term: 8, due, amount };
        let insured = self.town.insured_number(p);
        let levy = Levy { insured, year: amount, flat: 0, share: 0, months: 12, parts: Vec::new() };
        Some(Payment { on: day - Duration::days(1), year, person: p.no, levy, part, told: false })
    }
}

/// What a day's file says of a payment: 速報 on the next day, three of a hundred are taken back on the day after, the
/// rest is settled on the fifth.
fn tells(p: &Payment, day: NaiveDate) -> Option<&'static str> {
    let days = (day - p.on).num_days();
    let cancelled = (p.person + u64::from(p.part.term)).is_multiple_of(33);
    match (p.told, cancelled) {
        (false, _) if days >= 1 => Some("01"),
        (true, true) if days >= 2 => Some("03"),
        (true, false) if days >= 5 => Some("02"),
        _ => None,
    }
}
