//! 期割 of random histories of 保険料: no yen is lost or made, and what fell due stays.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use chrono::NaiveDate;
use renkei::clock::Clock;
use renkei::mapping::site;
use renkei::pipeline::{Hub, snapshot, worker};
use renkei::schema::feed::Completeness;

use crate::pg;

/// People of the fixture: 1, 2 in 00 (2 below the limit), 4 and 6 in 30 (December, February), the others have no pension.
const PEOPLE: [(&str, &str); 6] = [
    ("10000016", "000000100000001"),
    ("10000024", "000000100000002"),
    ("10000032", "000000100000003"),
    ("10000040", "000000100000004"),
    ("10000065", "000000100000006"),
    ("10000073", "000000100000007"),
];
const FIXTURE: &str = "tests/interfaces/kiwari-santei/first-year";
const YEARS: [i64; 2] = [2025, 2026];
const STEPS: u64 = 7;

/// Numbers that are the same on every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// The last 保険料 of a person's year.
#[derive(Clone, Copy)]
struct Levy {
    correction: u64,
    yearly: i64,
}

type Levies = BTreeMap<(usize, i64), Levy>;
/// (被保険者番号, 相当年度) → (期別, 納期限, 期別保険料額, 年間保険料額).
type Periods = BTreeMap<(String, String), Vec<(String, Option<String>, i64, i64)>>;

fn hub(place: &Path, url: Option<String>) -> Hub {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut site, _) = site::load(root).unwrap();
    site.config.vault_key = renkei::config::KeyPlace::Example;
    (site.config.inbox, site.config.outbox, site.config.data) =
        (place.join("inbox"), place.join("outbox"), place.join("data"));
    site.config.store_url = url.unwrap_or_else(|| format!("sqlite:{}", place.join("data/kiwari.db").display()));
    for (key, value) in &mut site.values {
        match key.as_str() {
            "期割元" => "算定".clone_into(value),
            "普徴暫定" => "1".clone_into(value),
            _ => {}
        }
    }
    for feed in site.feeds.values_mut() {
        Arc::make_mut(feed).complete = Completeness::Stable { millis: 0 };
    }
    let mut hub = Hub::open(site, Clock::fixed(NaiveDate::from_ymd_opt(2025, 7, 12).unwrap(), 9, 0)).unwrap();
    let fixture = root.join(FIXTURE);
    for (file, into, name) in [
        ("juki.csv", "juki-ido", "JUKI_999997_20250401010000.csv"),
        ("kr01.csv", "hihokensha", "KR01_999997_20250401040000_001.csv"),
    ] {
        fs::copy(fixture.join(file), hub.area.inbox.join(into).join(name)).unwrap();
    }
    worker::settle(&mut hub).unwrap();
    hub
}

fn pensions(hub: &mut Hub) {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join(FIXTURE);
    for (file, into) in [
        ("t00.dta", "tokucho-taishosha"),
        ("t30.dta", "tokucho-tsuika-kohosha"),
        ("kaigo.dta", "kaigo-tokucho-kakucho"),
        ("kaigo30.dta", "kaigo-tokucho-kakucho"),
    ] {
        let name = if file.starts_with('t') { "Z3199999.DTA" } else { file };
        fs::copy(fixture.join(file), hub.area.inbox.join(into).join(name)).unwrap();
        worker::settle(hub).unwrap();
    }
}

/// Some people's years get a new or corrected 年額, decided some days ago.
fn levy(hub: &mut Hub, dice: &mut Dice, levies: &mut Levies, step: u64) {
    let today = hub.clock.today();
    let stamp = format!("{}0900{step:02}", today.format("%Y%m%d"));
    let (mut rows, mut count, mut sum) = (String::new(), 0, 0);
    for (person, (number, atena)) in PEOPLE.iter().enumerate() {
        for year in YEARS {
            if today < NaiveDate::from_ymd_opt(year as i32, 7, 1).unwrap() || dice.below(3) == 0 {
                continue;
            }
            let before = levies.get(&(person, year)).copied();
            let correction = before.map_or(0, |levy| levy.correction + 1);
            let months = dice.below(12) + 1;
            let yearly = match dice.below(6) {
                0 => 0,
                1 => dice.below(900) as i64,
                _ => (dice.below(800) * 100) as i64,
            };
            let decided = today - chrono::Duration::days(dice.below(20) as i64);
            count += 1;
            sum += yearly;
            rows += &format!(
                "\"D\",\"KR03\",\"999997\",\"1\",\"2\",\"{stamp}\",\"{count}\",\"{number}\",\"{atena}\",\"2027\",\"{year}\",\
                 \"{correction}\",\"{decided}\",\"{months}\",\"{yearly}\",\"0\",\"\",\"0\",\"0\",\"\",\"\",\"0\",\"{yearly}\",\"01\"\r\n"
            );
            levies.insert((person, year), Levy { correction, yearly });
        }
    }
    let text = format!(
        "\"H\",\"KR03\",\"999997\",\"2\",\"{stamp}\"\r\n{rows}\"T\",\"KR03\",\"999997\",\"{count}\",\"{sum}\"\r\n"
    );
    fs::write(hub.area.inbox.join("hokenryo").join(format!("KR03_999997_{stamp}_001.csv")), text).unwrap();
    worker::settle(hub).unwrap();
}

fn periods(hub: &mut Hub, entity: &str) -> Periods {
    let entity = hub.site.entities[entity].clone();
    let mut found = Periods::new();
    for row in snapshot::rows_json(hub, &entity).unwrap() {
        let text = |name: &str| row[name].as_str().map(str::to_owned);
        let yen = |name: &str| row[name].as_i64().unwrap();
        found.entry((text("被保険者番号").unwrap(), text("相当年度").unwrap())).or_default().push((
            text("期別").unwrap(),
            text("納期限"),
            yen("期別保険料額"),
            yen("年間保険料額"),
        ));
    }
    found
}

/// Σ期別保険料額 = 年間保険料額, for every person and year that has 保険料 and for what is provisional.
fn conserved(hub: &mut Hub, levies: &Levies, history: u64) -> Periods {
    let levied = periods(hub, "kiwari_santei");
    for ((person, year), levy) in levies {
        let key = (PEOPLE[*person].0.to_owned(), year.to_string());
        let rows = levied.get(&key).cloned().unwrap_or_default();
        let sum: i64 = rows.iter().map(|row| row.2).sum();
        assert_eq!(sum, levy.yearly, "history {history}, {key:?}: {rows:?}");
        assert!(rows.iter().all(|row| row.2 >= 0 && row.3 == levy.yearly), "history {history}, {key:?}: {rows:?}");
    }
    let total: i64 = levied.values().flatten().map(|row| row.2).sum();
    assert_eq!(total, levies.values().map(|levy| levy.yearly).sum::<i64>(), "history {history}");
    for (key, rows) in periods(hub, "zantei_fuka") {
        let sum: i64 = rows.iter().map(|row| row.2).sum();
        assert!(rows.iter().all(|row| row.3 == sum), "history {history}, {key:?}: {rows:?}");
    }
    levied
}

/// A period that was due before the correction may only go down, and only when everything later is 0.
fn settled_periods_stay(before: &Periods, after: &Periods, today: &str, history: u64) {
    for (key, rows) in before {
        for (period, due, yen, _) in rows.iter().filter(|row| row.1.as_deref().is_some_and(|due| due < today)) {
            let now = after[key].iter().find(|row| row.0 == *period).map_or(0, |row| row.2);
            if now == *yen {
                continue;
            }
            let later: i64 = after[key].iter().filter(|row| row.1.as_deref() > due.as_deref()).map(|row| row.2).sum();
            let extra = period.as_str() >= "10" && period.as_str() <= "12";
            assert!((now < *yen && later == 0) || extra, "history {history}, {key:?} {period}: {yen} → {now}");
        }
    }
}

fn play(history: u64, url: Option<String>) {
    let place = tempfile::tempdir().unwrap();
    let mut hub = hub(place.path(), url);
    let mut dice = Dice(history * 7_919 + 13);
    let mut levies = Levies::new();
    let pensions_at = dice.below(STEPS);
    let mut before = Periods::new();
    for step in 0..STEPS {
        if step == pensions_at {
            pensions(&mut hub);
            before = conserved(&mut hub, &levies, history);
        }
        levy(&mut hub, &mut dice, &mut levies, step);
        let after = conserved(&mut hub, &levies, history);
        settled_periods_stay(&before, &after, &hub.clock.today().to_string(), history);
        hub.clock.advance((dice.below(100) as i64 + 20) * 86_400);
        worker::settle(&mut hub).unwrap();
        before = conserved(&mut hub, &levies, history);
    }
}

#[test]
fn every_yen_of_a_random_history_is_in_one_period_on_sqlite() {
    (0..6).for_each(|history| play(history, None));
}

#[test]
fn every_yen_of_a_random_history_is_in_one_period_on_postgresql() {
    for history in 10..12 {
        let Some(url) = pg::url(&format!("kiwari_{history}")) else { return };
        play(history, Some(url));
    }
}
