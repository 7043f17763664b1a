//! What a resident earns, draws as pension, owes and pays with: the figures behind the tax, pension, levy and bank files.
//!
//! Owns: one made-up but consistent set of figures per person. Never: writes files.
//!
//! The rules are simplified on purpose (one rate, three reductions); what matters is that every file agrees with the others.

use chrono::{Datelike, Duration, NaiveDate, Weekday};

use super::people::{Person, Purpose, Town, with_check_digit};

/// Flat part of the yearly premium, yen.
pub(crate) const FLAT: i64 = 50_000;
/// Greatest yearly premium, yen.
pub(crate) const LIMIT: i64 = 800_000;
/// Least yearly pension from which premiums are taken, yen.
pub(crate) const LEAST_PENSION: i64 = 180_000;
/// Number of ordinary periods, July to February.
pub(crate) const TERMS: u32 = 8;

/// How a part of the premium is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// 特別徴収: taken from the pension in 4, 6, 8, 10, 12, 2.
    Pension,
    /// 普通徴収 by payment slip.
    Slip,
    /// 普通徴収 by account transfer.
    Account,
}

/// Yearly income, yen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Income {
    /// 給与収入.
    pub salary: i64,
    /// 年金収入.
    pub pension: i64,
    /// 給与所得.
    pub salary_net: i64,
    /// 年金所得.
    pub pension_net: i64,
    /// 事業所得, may be negative.
    pub business: i64,
    /// 総所得金額等.
    pub total: i64,
    /// 基礎控除後（旧ただし書）.
    pub assessed: i64,
}

/// A premium of one insured person.
#[derive(Debug, Clone)]
pub(crate) struct Levy {
    /// 被保険者番号.
    pub insured: String,
    /// 年間保険料額, yen.
    pub year: i64,
    /// 均等割額 after its reduction, of a whole year, yen.
    pub flat: i64,
    /// 所得割額 of a whole year, yen.
    pub share: i64,
    /// Months it is for.
    pub months: i64,
    /// Its payments.
    pub parts: Vec<Part>,
}

/// One payment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    /// How it is paid.
    pub method: Method,
    /// 期別: 1 (July) to 8 (February), or 21 (April) to 26 (February) from the pension.
    pub term: u32,
    /// 納期限; of a deduction the tenth of the month after the pension's payment.
    pub due: NaiveDate,
    /// Yen.
    pub amount: i64,
}

/// A bank account, at one of the two numbers that no bank has.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    /// 9998 or 9999; 9900 for the post bank.
    pub bank: &'static str,
    /// 3 digits.
    pub branch: String,
    /// 7 digits.
    pub number: String,
}

/// What became of a transfer or a pension deduction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Collected.
    Paid,
    /// Code of the reason why not.
    Failed(&'static str),
}

/// First calendar year of the fiscal year of a day.
pub(crate) fn fiscal_year(day: NaiveDate) -> i32 {
    day.year() - i32::from(day.month() < 4)
}

/// The day itself or the next one on which banks are open (weekends and 12-31 to 01-03; month ends meet no other holiday).
pub(crate) fn bank_day(mut day: NaiveDate) -> NaiveDate {
    loop {
        let md = (day.month(), day.day());
        let closed = matches!(day.weekday(), Weekday::Sat | Weekday::Sun) || md == (12, 31) || (md.0 == 1 && md.1 <= 3);
        if !closed {
            return day;
        }
        day += Duration::days(1);
    }
}

fn ymd(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default()
}

/// Due day of an ordinary period (1 = July): the end of its month, or the next bank day.
pub(crate) fn slip_due(year: i32, term: u32) -> NaiveDate {
    let month = 6 + term;
    let (y, m) = if month > 12 { (year + 1, month - 12) } else { (year, month) };
    let next = if m == 12 { ymd(y + 1, 1, 1) } else { ymd(y, m + 1, 1) };
    bank_day(next - Duration::days(1))
}

/// Day of a pension payment (21 = April … 26 = February): the 15th, or the bank day before.
pub(crate) fn pension_day(year: i32, term: u32) -> NaiveDate {
    let (y, m) = pension_month(year, term);
    let mut day = ymd(y, m, 15);
    while matches!(day.weekday(), Weekday::Sat | Weekday::Sun) {
        day -= Duration::days(1);
    }
    day
}

fn pension_month(year: i32, term: u32) -> (i32, u32) {
    let month = 4 + 2 * (term - 21);
    if month > 12 { (year + 1, month - 12) } else { (year, month) }
}

/// Day on which the pension payers hand over what they took.
pub(crate) fn pension_due(year: i32, term: u32) -> NaiveDate {
    let (y, m) = pension_month(year, term);
    if m == 12 { ymd(y + 1, 1, 10) } else { ymd(y, m + 1, 10) }
}

/// Due day of any term.
fn due(year: i32, term: u32) -> NaiveDate {
    if term > 20 { pension_due(year, term) } else { slip_due(year, term) }
}

/// Splits a yearly amount into `n` equal parts of whole 100 yen; the remainder is on the first.
fn split(year: i64, n: usize) -> Vec<i64> {
    let each = year / n as i64 / 100 * 100;
    let mut parts = vec![each; n];
    parts[0] = year - each * (n as i64 - 1);
    parts
}

impl Town {
    /// Day on which someone below 75 was recognised as disabled and insured, if so.
    pub(crate) fn disabled_since(&self, p: &Person) -> Option<NaiveDate> {
        let age = p.age_on(self.base);
        let chosen = (66..75).contains(&age) && self.rng(Purpose::Money, p.no * 4).per_mille(40);
        chosen.then(|| self.base - Duration::days(90 + (p.no % 200) as i64))
    }

    /// Day from which a person is insured: the 75th birthday, or the recognition; `None` = not insured.
    pub(crate) fn insured_since(&self, p: &Person) -> Option<NaiveDate> {
        if p.age_on(self.base) < 75 {
            return self.disabled_since(p);
        }
        let (y, m, d) = (p.birth.year() + 75, p.birth.month(), p.birth.day());
        let start = NaiveDate::from_ymd_opt(y, m, d).unwrap_or_else(|| ymd(y, 3, 1));
        // The system began on 2008-04-01.
        Some(start.max(ymd(2008, 4, 1)))
    }

    /// 被保険者番号 of a person; 8 digits with a right check digit.
    pub(crate) fn insured_number(&self, p: &Person) -> String {
        with_check_digit(&format!("{:07}", 1_000_000 + p.no))
    }

    /// Yearly income of a person of the year before the fiscal year.
    pub(crate) fn income(&self, p: &Person) -> Income {
        let mut rng = self.rng(Purpose::Money, p.no * 4 + 1);
        let age = p.age_on(self.base);
        let pension = if age < 65 {
            0
        } else {
            match rng.below(100) {
                0..=2 => 0,
                3..=10 => rng.between(60_000, 179_999),
                11..=60 => rng.between(180_000, 800_000),
                _ => rng.between(800_001, 2_600_000),
            }
        };
        let works = match age {
            ..=17 => 0,
            18..=64 => 800,
            65..=74 => 350,
            _ => 60,
        };
        let salary = if rng.per_mille(works) { rng.between(600_000, 8_000_000) } else { 0 };
        let business = if age >= 18 && rng.per_mille(40) { rng.between(-800_000, 4_000_000) } else { 0 };
        let salary_net = (salary - 650_000 - salary / 10).max(0);
        let pension_net = (pension - 1_100_000).max(0);
        let total = (salary_net + pension_net + business).max(0);
        Income { salary, pension, salary_net, pension_net, business, total, assessed: (total - 430_000).max(0) }
    }

    /// The premium of an insured person for the fiscal year of the base date; `None` when not insured.
    pub(crate) fn levy(&self, p: &Person) -> Option<Levy> {
        let since = self.insured_since(p)?;
        let year = fiscal_year(self.base);
        let income = self.income(p);
        let flat = match income.total {
            0..=430_000 => FLAT * 3 / 10,
            430_001..=740_000 => FLAT / 2,
            740_001..=1_000_000 => FLAT * 8 / 10,
            _ => FLAT,
        };
        let months = if since < ymd(year, 4, 1) { 12 } else { 12 - i64::from((since.month() + 8) % 12) };
        let whole = (flat + income.assessed / 10).min(LIMIT) * months / 12 / 100 * 100;
        let mut rng = self.rng(Purpose::Money, p.no * 4 + 2);
        let can = self.pension_payer(p, &income) && since < ymd(year, 4, 1) && whole / 6 <= income.pension / 12;
        let from_pension = can && rng.per_mille(950);
        let late_start = from_pension && rng.per_mille(30);
        let other = if rng.per_mille(850) { Method::Account } else { Method::Slip };
        let terms: Vec<u32> = match (from_pension, late_start) {
            (true, false) => (21..=26).collect(),
            (true, true) => vec![1, 2, 3, 4, 25, 26],
            _ => (1..=TERMS).filter(|t| *t == TERMS || slip_due(year, *t) > since).collect(),
        };
        let parts = split(whole, terms.len())
            .into_iter()
            .zip(terms)
            .map(|(amount, term)| Part {
                method: if term > 20 { Method::Pension } else { other },
                term,
                due: due(year, term),
                amount,
            })
            .collect();
        let insured = self.insured_number(p);
        Some(Levy { insured, year: whole, flat, share: income.assessed / 10, months, parts })
    }

    /// Terms whose results have arrived by the base date: of accounts (false) or of pensions (true). Never empty.
    pub(crate) fn terms_with_results(&self, pension: bool) -> Vec<u32> {
        let year = fiscal_year(self.base);
        let all = if pension { 21..=26 } else { 1..=TERMS };
        let first = *all.start();
        let mut terms: Vec<u32> = all.filter(|t| due(year, *t) + Duration::days(5) <= self.base).collect();
        if terms.is_empty() {
            terms.push(first);
        }
        terms
    }

    /// The pension payer of a person (特別徴収義務者コード) and the kind of pension (年金コード).
    pub(crate) fn payer(&self, p: &Person) -> (&'static str, &'static str) {
        match p.no % 20 {
            0 => ("501", "0160"),
            1 => ("700", "0160"),
            _ => ("999", "1150"),
        }
    }

    /// Does the pension of this person appear in the payer's list: old enough, known birthday, at least 180,000 yen?
    pub(crate) fn pension_payer(&self, p: &Person, income: &Income) -> bool {
        income.pension >= LEAST_PENSION && !p.birth_unknown && p.country.is_none()
    }

    /// 基礎年金番号, made up: 記号 of the 9xxx range and a running number.
    pub(crate) fn pension_number(&self, p: &Person) -> String {
        format!("{:010}", 9_000_000_000 + p.no)
    }

    /// The account a person pays from.
    pub(crate) fn account(&self, p: &Person) -> Account {
        let mut rng = self.rng(Purpose::Account, p.no);
        let bank = match rng.below(100) {
            0..=49 => "9998",
            50..=84 => "9999",
            _ => "9900",
        };
        let branch =
            if bank == "9900" { format!("{:02}8", rng.between(0, 98)) } else { format!("{:03}", rng.between(1, 30)) };
        Account { bank, branch, number: format!("{:07}", rng.between(1, 9_999_999)) }
    }

    /// Result of taking a part from an account.
    pub(crate) fn transfer(&self, p: &Person, term: u32) -> Outcome {
        let mut rng = self.rng(Purpose::Result, p.no * 32 + u64::from(term));
        match rng.below(1000) {
            0..=24 => Outcome::Failed("1"),
            25..=29 => Outcome::Failed("2"),
            30..=32 => Outcome::Failed("3"),
            33..=35 => Outcome::Failed("4"),
            36 => Outcome::Failed("8"),
            37 => Outcome::Failed("9"),
            _ => Outcome::Paid,
        }
    }

    /// Result of taking a part from a pension.
    pub(crate) fn deduction(&self, p: &Person, term: u32) -> Outcome {
        let mut rng = self.rng(Purpose::Result, p.no * 32 + u64::from(term));
        match rng.below(1000) {
            0..=4 => Outcome::Failed("01"),
            5..=7 => Outcome::Failed("02"),
            8..=12 => Outcome::Failed("03"),
            _ => Outcome::Paid,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_sum_to_the_year_with_the_remainder_on_the_first() {
        assert_eq!(split(15_000, 8), [2400, 1800, 1800, 1800, 1800, 1800, 1800, 1800]);
    }

    #[test]
    fn due_days_shift_to_the_next_bank_day() {
        assert_eq!(slip_due(2026, 1), ymd(2026, 7, 31));
        assert_eq!(slip_due(2026, 4), ymd(2026, 11, 2));
        assert_eq!(slip_due(2026, 6), ymd(2027, 1, 4));
        assert_eq!(pension_day(2026, 23), ymd(2026, 8, 14));
        assert_eq!(pension_due(2026, 26), ymd(2027, 3, 10));
    }
}
