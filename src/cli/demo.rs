//! `sample` and `demo`: a synthetic municipality, and one whole day of work on it.
//!
//! Owns: the demo's folder and its story. Never: touches a folder that no demo made.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::status::print_exchanges;
use super::{Cli, CliError, DemoArgs, SampleArgs, exit, print_json};
use crate::clock::Clock;
use crate::mapping::site::Site;
use crate::pipeline::{Hub, facts, worker};
use crate::sample::{SampleError, SampleOptions, SampleSummary, write_files};
use crate::store::ledger::{self, State, Wanted};

/// Says that a folder was made by a demo and may be emptied by the next.
const MARK: &str = ".renkei-demo";
/// Who confirms the drafts of a demo.
const OPERATOR: &str = "デモの担当者";

/// `sample`: the generator alone.
pub fn sample(cli: &Cli, args: &SampleArgs) -> Result<u8, CliError> {
    let site = cli.site()?;
    let options =
        SampleOptions { seed: args.seed, residents: args.residents, include_bad: args.bad, ..SampleOptions::default() };
    let summary = make(cli, &site, &options, &args.into)?;
    print_sample(cli, &summary);
    Ok(exit::OK)
}

fn make(cli: &Cli, site: &Site, options: &SampleOptions, into: &Path) -> Result<SampleSummary, CliError> {
    let progress = super::progress::bar(cli.json);
    write_files(site, options, into, &mut |label, done, total| progress.tell(label, done, total)).map_err(|e| match e {
        SampleError::Io(e) => CliError::Io(e),
        other => CliError::Refused(other.to_string()),
    })
}

fn print_sample(cli: &Cli, summary: &SampleSummary) {
    if cli.json {
        let files: Vec<_> = summary
            .files
            .iter()
            .map(|f| json!({ "interface": f.interface, "name": f.name, "bytes": f.bytes, "records": f.records, "amount": f.amount }))
            .collect();
        print_json(&json!({ "files": files }));
        return;
    }
    for f in &summary.files {
        println!("{:<20} {:<40} {:>9} 件 {:>15} 円", f.interface, f.name, f.records, f.amount);
    }
}

/// `demo`: makes the municipality, drops its files, works until nothing is left, confirms and delivers.
pub fn demo(cli: &Cli, args: &DemoArgs) -> Result<u8, CliError> {
    let own = cli.site()?;
    prepare(&own, args)?;
    let (site, _) = crate::mapping::site::load(&args.into).map_err(CliError::Rules)?;
    let options =
        SampleOptions { seed: args.seed, residents: args.residents, include_bad: true, ..SampleOptions::default() };
    let say = |text: &str| {
        if !cli.json {
            println!("{text}");
        }
    };
    say(&format!("■ 1. 架空の市（住民 {} 人）のファイルを作り、受信フォルダーに置きます", args.residents));
    let inbox = site.config.inbox.clone();
    let summary = make(cli, &site, &options, &inbox)?;
    print_sample_if(cli, &summary);
    say("■ 2. 届いたファイルを受け取り、検査し、取り込みます");
    let mut hub = Hub::open(site, Clock::fixed(options.base_date, 9, 0))?;
    hub.progress = super::progress::bar(cli.json);
    // One day shows what a year brings.
    hub.heeds_schedules = false;
    let _lock = worker::lock(&hub)?;
    worker::run_in_step(&mut hub, Duration::from_secs(60))?;
    say("■ 3. 送付ファイルの下書きを確認し、送付します");
    let drafts = ledger::list(&mut hub.conn, &Wanted { states: &[State::Draft], limit: 100, ..Wanted::default() })?;
    for draft in drafts.iter().rev() {
        worker::send_now(&mut hub, &draft.interface, OPERATOR)?;
    }
    worker::run_until_idle(&mut hub, Duration::from_secs(60))?;
    crate::pipeline::day::write_day(&mut hub)?;
    let mut seen = ledger::list(&mut hub.conn, &Wanted { limit: 1000, ..Wanted::default() })?;
    seen.retain(|e| e.state != State::Withdrawn);
    seen.reverse();
    print_exchanges(cli, &mut hub, &seen)?;
    if !cli.json {
        tell_derived(&mut hub)?;
        tell_where(&mut hub, args, &seen)?;
    }
    Ok(exit::OK)
}

fn print_sample_if(cli: &Cli, summary: &SampleSummary) {
    if !cli.json {
        print_sample(cli, summary);
    }
}

/// A fresh site folder: the declarative files of the site the command was called on, and nothing else.
fn prepare(own: &Site, args: &DemoArgs) -> Result<(), CliError> {
    let into = &args.into;
    if into.exists() {
        if !into.join(MARK).is_file() {
            return Err(CliError::Refused(format!(
                "「{}」はデモが作ったフォルダーではありません。別の名前を --into で指定してください",
                into.display()
            )));
        }
        fs::remove_dir_all(into)?;
    }
    fs::create_dir_all(into)?;
    fs::write(into.join(MARK), "renkei demo\n")?;
    let mut config = fs::read_to_string(own.root.join("renkei.toml"))?;
    if let Some(url) = &args.store {
        config = with_store(&config, url);
    }
    fs::write(into.join("renkei.toml"), config)?;
    write_key(&into.join("vault.key"))?;
    for folder in ["schemas", "mappings"] {
        copy_tree(&own.root.join(folder), &into.join(folder))?;
    }
    Ok(())
}

/// The configuration with another database.
fn with_store(config: &str, url: &str) -> String {
    let line = format!("url = {}", serde_json::Value::String(url.to_owned()));
    let lines: Vec<&str> =
        config.lines().map(|l| if l.trim_start().starts_with("url") { line.as_str() } else { l }).collect();
    lines.join("\n") + "\n"
}

pub(super) fn copy_tree(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// What was computed inside, outcome by outcome.
fn tell_derived(hub: &mut Hub) -> Result<(), CliError> {
    for report in facts::all_reports(hub)?.iter().filter(|r| r.direction == crate::report::model::Direction::Derive) {
        if report.balance.read.count == report.balance.unchanged.count {
            continue;
        }
        println!("{:>6} 計算 {} {} 件", report.exchange, report.title, report.balance.read.count);
        for line in &report.outcomes {
            let amount =
                line.tally.amount.map(|a| format!(" {} 円", crate::report::words::thousands(a))).unwrap_or_default();
            println!("       {} {} 件{amount}", line.label, line.tally.count);
        }
    }
    Ok(())
}

/// Held records asked for: is there any?
const HELD: u32 = 1;

fn tell_where(hub: &mut Hub, args: &DemoArgs, seen: &[ledger::Exchange]) -> Result<(), CliError> {
    let root = args.into.display();
    println!("■ 4. 見てください");
    println!("  報告書   {}", hub.area.reports().join("index.html").display());
    println!("  送付物   {}", hub.area.outbox.display());
    println!("  状況     renkei --root {root} status");
    if let Some(bad) = seen.iter().find(|e| e.state == State::Rejected) {
        println!("  却下の例 renkei --root {root} report {}", bad.id);
    }
    if let Some(sent) = seen.iter().find(|e| e.state == State::Delivered) {
        let first = crate::store::ledger_out::records_of(&mut hub.conn, sent.id, 1)?;
        let n = first.first().map_or(1, |r| r.n);
        println!("  来歴の例 renkei --root {root} trace {}:{n}", sent.file_name);
    }
    let held = crate::pipeline::hold::held(hub, None, HELD)?;
    if !held.is_empty() {
        println!("  保留     renkei --root {root} held（保護のため送らなかった記録と、解除の命令）");
    }
    Ok(())
}

/// A demo has a key of its own, which nobody else may read.
pub(super) fn write_key(path: &Path) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(path)?;
    writeln!(file, "{}", *crate::vault::ring::new_key()?)
}
