//! `simulate`: a year of a synthetic municipality against a real hub on a clock that is moved day by day.
//!
//! Owns: the days, the operator who confirms everything. Never: what happens in the municipality (`sample::year`), the
//! comparison of both accounts (`compare`).

mod compare;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chrono::NaiveDate;

use super::{Cli, CliError, exit, print_json};
use crate::clock::Clock;
use crate::pipeline::{Hub, deliver, worker};
use crate::report::words::thousands;
use crate::sample::SampleError;
use crate::sample::year::World;
use crate::store::ledger::{self, State, Wanted};

/// Says that a folder was made by a simulation and may be emptied by the next.
const MARK: &str = ".renkei-simulation";
/// Who confirms.
const OPERATOR: &str = "模擬担当者";
/// Most differences told.
const MOST_WRONG: usize = 200;

/// Arguments of `simulate`.
#[derive(Debug, clap::Args)]
pub struct SimulateArgs {
    /// Number of residents (100 to 1,000,000)
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(100..=1_000_000))]
    pub residents: u64,
    /// First day, YYYY-MM-DD; a 1 April
    #[arg(long, default_value = "2026-04-01")]
    pub from: NaiveDate,
    /// Last day, YYYY-MM-DD
    #[arg(long, default_value = "2027-03-31")]
    pub to: NaiveDate,
    /// Seed of the municipality
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Where the site folder is made (emptied first if an earlier simulation made it)
    #[arg(long, default_value = "renkei-simulation", value_name = "FOLDER")]
    pub into: PathBuf,
}

/// What to play.
#[derive(Debug, Clone, Copy)]
pub struct Year {
    /// Seed of the municipality.
    pub seed: u64,
    /// Residents on the first day.
    pub residents: u64,
    /// First day.
    pub from: NaiveDate,
    /// Last day, included.
    pub to: NaiveDate,
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// Days played.
    pub days: u64,
    /// Files dropped.
    pub received: u64,
    /// Data records in them.
    pub records: i64,
    /// Files refused, as they should be.
    pub rejected: u64,
    /// Files that came twice.
    pub duplicates: u64,
    /// Records held, as they should be.
    pub held: i64,
    /// Files delivered.
    pub sent: u64,
    /// Days on which a file was expected.
    pub expected: usize,
    /// Of these, files that never came.
    pub missing: usize,
    /// Of these, files that came late.
    pub late: usize,
    /// Days on which a file to send was due.
    pub due: usize,
    /// Drafts in which every row was kept back.
    pub kept_back: usize,
    /// Figures of both accounts: title, the municipality's, the store's.
    pub accounts: Vec<(&'static str, i64, i64)>,
    /// Every difference, Japanese.
    pub wrong: Vec<String>,
    /// One line a day.
    pub timeline: PathBuf,
    /// The slowest day and how long it took.
    pub slowest: Option<(NaiveDate, Duration)>,
}

impl Told {
    fn differs(&mut self, text: String) {
        if self.wrong.len() < MOST_WRONG {
            self.wrong.push(text);
        }
    }
}

/// Plays the days on a fresh site folder with the declarative files of `from_site`. `tell` hears day, days done, days.
///
/// # Errors
/// Declarative files with mistakes, the machine's trouble. A difference of the accounts is no error, see [`Told::wrong`].
pub fn play(
    from_site: &Path,
    into: &Path,
    year: &Year,
    tell: &mut dyn FnMut(&str, u64, u64),
) -> Result<Told, CliError> {
    prepare(from_site, into)?;
    let (site, _) = crate::mapping::site::load(into).map_err(CliError::Rules)?;
    let inbox = site.config.inbox.clone();
    let mut hub = Hub::open(site, Clock::fixed(year.from, 9, 0))?;
    let _lock = worker::lock(&hub)?;
    let site = hub.site.clone();
    let mut world = World::open(&site, year.seed, year.residents, year.from).map_err(refused)?;
    let mut told = Told { timeline: into.join("timeline.csv"), ..Told::default() };
    let mut lines = String::from("日付,方向,識別子,ファイル,件数,結果\r\n");
    let days = (year.to - year.from).num_days() as u64 + 1;
    worker::recover(&mut hub)?;
    for (n, day) in year.from.iter_days().take_while(|d| *d <= year.to).enumerate() {
        let begun = Instant::now();
        let dropped = world.day(day, &inbox).map_err(refused)?;
        work(&mut hub)?;
        confirm_all(&mut hub)?;
        work(&mut hub)?;
        compare::files(&mut hub, day, &dropped, &mut told, &mut lines)?;
        compare::sent(&mut hub, day, &mut world, &mut told, &mut lines)?;
        if told.slowest.is_none_or(|(_, longest)| begun.elapsed() > longest) {
            told.slowest = Some((day, begun.elapsed()));
        }
        told.days += 1;
        tell(&day.to_string(), n as u64 + 1, days);
        hub.clock.advance(86_400);
    }
    // What was owed on the last day is over now.
    work(&mut hub)?;
    compare::expected(&mut hub, year, &world, &mut told, &mut lines)?;
    for claim in world.claims(hub.clock.today()) {
        let found = hub.conn.query_one(claim.sql, &[], |r| r.int(0)).map_err(crate::pipeline::HubError::from)?;
        told.accounts.push((claim.title, claim.expected, found));
        if found != claim.expected {
            told.differs(format!("{}: 市の計算 {}、連携の計算 {found}", claim.title, claim.expected));
        }
    }
    fs::write(&told.timeline, lines)?;
    Ok(told)
}

/// Rounds until nothing is left to do; whole files are dropped, so nothing is waited for.
fn work(hub: &mut Hub) -> Result<(), CliError> {
    let started = Instant::now();
    while worker::round(hub, started)?.done > 0 {}
    Ok(())
}

fn confirm_all(hub: &mut Hub) -> Result<(), CliError> {
    let wanted = Wanted { states: &[State::Draft], limit: 100, ..Wanted::default() };
    for draft in ledger::list(&mut hub.conn, &wanted).map_err(crate::pipeline::HubError::from)?.iter().rev() {
        deliver::confirm(hub, draft.id, OPERATOR, draft.sha256.as_deref())?;
    }
    Ok(())
}

fn refused(error: SampleError) -> CliError {
    match error {
        SampleError::Io(e) => CliError::Io(e),
        other => CliError::Refused(other.to_string()),
    }
}

/// A fresh site folder with the declarative files; files are dropped whole, so no feed waits for one to rest.
fn prepare(from: &Path, into: &Path) -> Result<(), CliError> {
    if into.read_dir().is_ok_and(|mut d| d.next().is_some()) {
        if !into.join(MARK).is_file() {
            return Err(CliError::Refused(format!(
                "「{}」は模擬運用が作ったフォルダーではありません。別の名前を --into で指定してください",
                into.display()
            )));
        }
        fs::remove_dir_all(into)?;
    }
    fs::create_dir_all(into)?;
    fs::write(into.join(MARK), "renkei simulate\n")?;
    fs::copy(from.join("renkei.toml"), into.join("renkei.toml"))?;
    super::demo::write_key(&into.join("vault.key"))?;
    for folder in ["schemas", "mappings"] {
        super::demo::copy_tree(&from.join(folder), &into.join(folder))?;
    }
    for entry in fs::read_dir(into.join("schemas/feeds"))? {
        let path = entry?.path();
        let text = fs::read_to_string(&path)?;
        fs::write(&path, at_once(&text))?;
    }
    Ok(())
}

/// `simulate`: plays the days, tells both accounts.
pub fn simulate(cli: &Cli, args: &SimulateArgs) -> Result<u8, CliError> {
    let progress = super::progress::bar(cli.json);
    let year = Year { seed: args.seed, residents: args.residents, from: args.from, to: args.to };
    let begun = Instant::now();
    let told = play(&cli.root, &args.into, &year, &mut |_, done, all| progress.tell("模擬運用", done, all))?;
    let seconds = begun.elapsed().as_secs_f64();
    if cli.json {
        let accounts: Vec<_> = told.accounts.iter().map(|(t, a, b)| serde_json::json!([t, a, b])).collect();
        print_json(&serde_json::json!({ "days": told.days, "received": told.received, "records": told.records,
                "rejected": told.rejected, "duplicates": told.duplicates, "held": told.held, "sent": told.sent,
                "expected": told.expected, "late": told.late, "missing": told.missing, "due": told.due, "accounts": accounts, "wrong": told.wrong, "seconds": seconds }));
    } else {
        println!(
            "{} 日、受信 {} 個（{} 件）、送付 {} 個、{seconds:.1} 秒",
            told.days, told.received, told.records, told.sent
        );
        println!(
            "却下 {} 個、重複 {} 個、保留 {} 件、届くはずの日 {}（遅れ {}、未着 {}）、送る予定日 {}",
            told.rejected, told.duplicates, told.held, told.expected, told.late, told.missing, told.due
        );
        if let Some((day, longest)) = &told.slowest {
            println!("最も長くかかった日 {day}: {:.1} 秒", longest.as_secs_f64());
        }
        for (title, own, found) in &told.accounts {
            let mark = if own == found { "一致" } else { "相違" };
            println!("{title}: 市 {} 連携 {} {mark}", thousands(*own), thousands(*found));
        }
        told.wrong.iter().for_each(|w| println!("相違 {w}"));
        println!("経過 {}", told.timeline.display());
    }
    Ok(if told.wrong.is_empty() { exit::OK } else { exit::ATTENTION })
}

/// A feed that takes a file at once: `millis` is 0.
fn at_once(feed: &str) -> String {
    let mut parts = feed.split("millis = ");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text += "millis = 0";
        text += part.trim_start_matches(|c: char| c.is_ascii_digit() || c == '_');
    }
    text
}
