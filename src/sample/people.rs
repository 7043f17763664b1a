//! The residents of the synthetic municipality: households and their members, one after the other.
//!
//! Owns: who lives there on the base date. Never: holds more than one household; writes files.
//!
//! Everything about a person follows from (seed, household) or (seed, purpose, number), so that every file is made in a
//! pass of its own and still agrees with the others.

use chrono::{Datelike, NaiveDate};

use super::names;
use super::rng::Rng;

/// What random streams are for; a stream of one purpose never disturbs another.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    /// Make-up of households.
    Household = 1,
    /// Income, pension, premium.
    Money = 2,
    /// Bank accounts.
    Account = 3,
    /// What became of a collection.
    Result = 4,
    /// Moves, deaths, births.
    Event = 5,
    /// Address.
    Address = 6,
}

/// The municipality to make people for.
#[derive(Debug, Clone)]
pub(crate) struct Town {
    /// Seed of everything.
    pub seed: u64,
    /// How many residents.
    pub residents: u64,
    /// The day the files are made for.
    pub base: NaiveDate,
    /// 団体コード, 6 digits.
    pub code: String,
    /// Name of the municipality.
    pub name: String,
}

/// One resident.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    /// Running number, 1-based; 宛名番号 and the other numbers are made of it.
    pub no: u64,
    /// Running number of the household, 1-based.
    pub household: u64,
    /// Place in the household; 0 is its head.
    pub place: u8,
    /// 続柄コード.
    pub relation: &'static str,
    /// Family and given name with their readings; for residents from abroad the whole name and an empty given one.
    pub name: (names::Word, names::Word),
    /// Country code of residents from abroad.
    pub country: Option<&'static str>,
    /// 1 男, 2 女.
    pub sex: u8,
    /// Date of birth; where parts are unknown, a day that is surely not later.
    pub birth: NaiveDate,
    /// Are month and day of birth unknown?
    pub birth_unknown: bool,
}

/// Address of a household.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    /// District: name, reading, 町字コード, postal code.
    pub district: (&'static str, &'static str, &'static str, &'static str),
    /// 番地号表記.
    pub number: String,
    /// 方書, may be empty.
    pub building: String,
}

/// 続柄 codes used (世帯主, 夫, 妻, 子, 父, 母, 同居人) of our own table.
pub(crate) mod relation {
    pub(crate) const HEAD: &str = "02";
    pub(crate) const WIFE: &str = "12";
    pub(crate) const CHILD: &str = "20";
    pub(crate) const FATHER: &str = "51";
    pub(crate) const MOTHER: &str = "52";
}

impl Town {
    /// The day `years` before the base date, less `days`.
    fn born(&self, years: i64, days: i64) -> NaiveDate {
        let year = self.base.year() - years as i32;
        let day = NaiveDate::from_ymd_opt(year, self.base.month(), self.base.day().min(28)).unwrap_or(self.base);
        day - chrono::Duration::days(days)
    }

    /// All residents, household by household.
    pub(crate) fn people(&self) -> People<'_> {
        self.people_from(0, 1, self.residents)
    }

    /// People who are not residents yet: `count` of them, numbered from `first` on, in households of their own.
    pub(crate) fn arrivals(&self, first: u64, count: u64) -> People<'_> {
        self.people_from(first, first, first + count - 1)
    }

    fn people_from(&self, household: u64, next: u64, last: u64) -> People<'_> {
        People { town: self, household, next, last, members: Vec::with_capacity(8), given: 0 }
    }

    /// A stream of random numbers for a purpose and a number.
    pub(crate) fn rng(&self, purpose: Purpose, number: u64) -> Rng {
        Rng::new(self.seed, purpose as u64, number)
    }

    /// Where a household lives.
    pub(crate) fn address(&self, household: u64, moved: bool) -> Address {
        let mut rng = self.rng(Purpose::Address, household * 2 + u64::from(moved));
        let district = *rng.pick(names::DISTRICTS);
        let number = if district.0.starts_with('大') {
            format!("{}番地", rng.between(1, 2999))
        } else {
            format!("{}番{}号", rng.between(1, 40), rng.between(1, 30))
        };
        let mut building = String::new();
        if rng.per_mille(300) {
            let word = rng.pick(names::BUILDINGS);
            let room = rng.between(1, 5) * 100 + rng.between(1, 12);
            building = format!("{word}　{}", wide(&room.to_string()));
        }
        Address { district, number: wide(&number), building }
    }

    fn household(&self, household: u64, first: u64, members: &mut Vec<Person>) {
        let mut rng = self.rng(Purpose::Household, household);
        members.clear();
        let abroad = rng.per_mille(30);
        let surname = *rng.pick(names::SURNAMES);
        // (relation, sex, least age, greatest age)
        let mut plan: Vec<(&'static str, u8, i64, i64)> = Vec::with_capacity(8);
        use relation::{CHILD, FATHER, HEAD, MOTHER, WIFE};
        let kind = if abroad { 200 + rng.below(400) } else { rng.below(1000) };
        match kind {
            0..=89 => plan.push((HEAD, if rng.per_mille(750) { 2 } else { 1 }, 75, 98)),
            90..=149 => plan.push((HEAD, if rng.per_mille(500) { 2 } else { 1 }, 65, 74)),
            150..=199 => plan.extend([(HEAD, 1, 40, 64), (WIFE, 2, 38, 64)]),
            200..=499 => plan.push((HEAD, 1 + rng.below(2) as u8, 18, 64)),
            500..=769 => {
                plan.extend([(HEAD, 1, 28, 55), (WIFE, 2, 26, 53)]);
                for _ in 0..=rng.below(3) {
                    plan.push((CHILD, 1 + rng.below(2) as u8, 0, 19));
                }
            }
            770..=859 => plan.extend([(HEAD, 1, 77, 94), (WIFE, 2, 73, 92)]),
            860..=949 => plan.extend([(HEAD, 1, 65, 74), (WIFE, 2, 63, 74)]),
            _ => {
                plan.extend([(HEAD, 1, 45, 62), (WIFE, 2, 42, 60), (CHILD, 1 + rng.below(2) as u8, 5, 24)]);
                plan.push((MOTHER, 2, 74, 95));
                if rng.per_mille(500) {
                    plan.push((FATHER, 1, 75, 97));
                }
            }
        }
        for (place, (relation, sex, low, high)) in plan.into_iter().enumerate() {
            let age = rng.between(low, high);
            let birth = self.born(age, rng.between(0, 364));
            let (name, country) = if abroad {
                let (latin, kana, country) = *rng.pick(names::ABROAD);
                (((latin, kana), ("", "")), Some(country))
            } else {
                ((surname, given(&mut rng, sex, age)), None)
            };
            let old = age > 76 || abroad;
            let birth_unknown = old && rng.per_mille(2);
            let no = first + place as u64;
            members.push(Person {
                no,
                household,
                place: place as u8,
                relation,
                name,
                country,
                sex,
                birth,
                birth_unknown,
            });
        }
    }
}

/// A given name that fits the age: the lists run from old to new.
fn given(rng: &mut Rng, sex: u8, age: i64) -> names::Word {
    let list = if sex == 1 { names::MEN } else { names::WOMEN };
    let last = list.len() as i64 - 1;
    let centre = last - age.min(95) * last / 95;
    list[(centre + rng.between(-6, 6)).clamp(0, last) as usize]
}

/// Residents in order of their numbers; holds one household.
pub(crate) struct People<'a> {
    town: &'a Town,
    household: u64,
    next: u64,
    last: u64,
    members: Vec<Person>,
    given: usize,
}

impl Iterator for People<'_> {
    type Item = Person;

    fn next(&mut self) -> Option<Person> {
        if self.next > self.last {
            return None;
        }
        if self.given == self.members.len() {
            self.household += 1;
            let mut members = std::mem::take(&mut self.members);
            self.town.household(self.household, self.next, &mut members);
            self.members = members;
            self.given = 0;
        }
        let person = self.members[self.given].clone();
        self.given += 1;
        self.next += 1;
        Some(person)
    }
}

impl Person {
    /// 宛名番号, 15 digits.
    pub(crate) fn atena(&self) -> String {
        format!("{:015}", 100_000_000 + self.no)
    }

    /// 世帯番号, 15 digits.
    pub(crate) fn household_number(&self) -> String {
        format!("{:015}", 200_000_000 + self.household)
    }

    /// Whole years on a day (the birthday itself counts).
    pub(crate) fn age_on(&self, day: NaiveDate) -> i32 {
        let had = (day.month(), day.day()) >= (self.birth.month(), self.birth.day());
        day.year() - self.birth.year() - i32::from(!had)
    }

    /// Date of birth as files give it: unknown parts are `00`.
    pub(crate) fn birth_text(&self) -> String {
        if self.birth_unknown {
            format!("{:04}-00-00", self.birth.year())
        } else {
            self.birth.format("%Y-%m-%d").to_string()
        }
    }

    /// The whole name, full-width space between its parts.
    pub(crate) fn full_name(&self) -> String {
        match self.country {
            Some(_) => self.name.0.0.to_owned(),
            None => format!("{}　{}", self.name.0.0, self.name.1.0),
        }
    }

    /// Its reading in full-width katakana.
    pub(crate) fn reading(&self) -> String {
        match self.country {
            Some(_) => self.name.0.1.to_owned(),
            None => format!("{}　{}", self.name.0.1, self.name.1.1),
        }
    }
}

/// Full-width digits and Latin letters instead of half-width ones.
pub(crate) fn wide(s: &str) -> String {
    s.chars()
        .map(|c| match c {
            ' ' => '　',
            '!'..='~' => char::from_u32(c as u32 + 0xFEE0).unwrap_or(c),
            other => other,
        })
        .collect()
}

/// `digits` followed by their Luhn check digit (被保険者番号: weights 2, 1 from the right).
pub(crate) fn with_check_digit(digits: &str) -> String {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(i, b)| {
            let n = u32::from(b - b'0') * if i % 2 == 0 { 2 } else { 1 };
            n / 10 + n % 10
        })
        .sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn town(residents: u64) -> Town {
        let base = NaiveDate::from_ymd_opt(2026, 8, 10).unwrap();
        Town { seed: 7, residents, base, code: "999997".into(), name: "れんけい市".into() }
    }

    #[test]
    fn about_fifteen_per_cent_are_75_or_older_and_numbers_run() {
        let town = town(20_000);
        let mut old = 0;
        for (i, p) in town.people().enumerate() {
            assert_eq!(p.no, i as u64 + 1);
            old += usize::from(p.age_on(town.base) >= 75);
        }
        assert!((2_600..3_500).contains(&old), "{old}");
    }

    #[test]
    fn check_digit_is_the_published_one() {
        assert_eq!(with_check_digit("1234567"), "12345674");
    }
}
