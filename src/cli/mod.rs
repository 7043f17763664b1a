//! The command line: every verb an operator, a mapping author or a vendor uses. CLI and daemon are the same verbs.
//!
//! Owns: arguments, exit codes, what is printed. Never: decides anything about data; it calls the pipeline.

mod author;
mod calendar;
mod demo;
mod error;
mod guard;
mod layout;
mod list;
mod operate;
mod preview;
mod progress;
pub mod simulate;
mod status;
mod trace;
mod trace_guard;
mod usage;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use error::CliError;

use crate::clock::Clock;
use crate::mapping::site::Site;
use crate::pipeline::Hub;
use crate::report::json;
use crate::report::words::visible;

/// Exit codes, the same for every command.
pub mod exit {
    /// Done, and nothing needs a person.
    pub const OK: u8 = 0;
    /// Done, but something needs a person: a file was rejected, records are held, a test case differs.
    pub const ATTENTION: u8 = 1;
    /// The command line is wrong.
    pub const USAGE: u8 = 2;
    /// A declarative file or the configuration is wrong; nothing was done.
    pub const RULES: u8 = 3;
    /// The machine is in trouble (disk, database); it will be tried again.
    pub const MACHINE: u8 = 4;
    /// What was asked for is refused (wrong state, wrong hash, no such exchange).
    pub const REFUSED: u8 = 5;
}

/// renkei 連携 — the file-exchange hub of a municipality.
#[derive(Debug, Parser)]
#[command(version, about, long_about = None)]
pub struct Cli {
    /// Site folder: renkei.toml, schemas/, mappings/, inbox/, outbox/, data/
    #[arg(long, global = true, default_value = ".", value_name = "FOLDER")]
    root: PathBuf,
    /// Machine-readable output (one JSON document on standard output)
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a synthetic municipality, drop its files, do all the work, and leave outbox and reports to look at
    Demo(DemoArgs),
    /// Watch the inbox folders and do what is due, until stopped
    Serve(ServeArgs),
    /// Do everything that is due once, then end (for cron)
    Run(RunArgs),
    /// Check all schemas and mappings and say every mistake
    Check,
    /// Show a file as parsed and as mapped, without loading it
    Preview(PreviewArgs),
    /// Layouts from a sample or an item sheet, and item sheets from layouts
    #[command(subcommand)]
    Layout(layout::LayoutVerb),
    /// Run the example cases of tests/interfaces
    Test(TestArgs),
    /// Show what came, what left, what waits
    Status(StatusArgs),
    /// Show what is due when: files expected, computations, files to send
    Calendar(CalendarArgs),
    /// Confirm an outbound draft (its exact bytes)
    Confirm(DecideArgs),
    /// Return an outbound draft; it is made anew when its data changes or on `run --draft`
    Return(DecideArgs),
    /// Have an exchange that was stopped or put off tried again
    Retry(RetryArgs),
    /// Deliver what is confirmed now
    Deliver,
    /// List what outbound drafts keep back
    Held(guard::HeldArgs),
    /// Let one held record go, exactly as it is now
    Release(guard::ReleaseArgs),
    /// Who did what: verify the chain, or list it
    Audit(guard::AuditArgs),
    /// Keys of the vault: status, rotate, new-key
    Vault(guard::VaultArgs),
    /// Follow a record of a file to where it came from and where it went
    Trace(TraceArgs),
    /// Print a run's report, or write the reports of a day
    Report(ReportArgs),
    /// Show an operators' list, or write it as HTML, CSV, XLSX or JSON
    List(list::ListArgs),
    /// Write the files of a synthetic municipality into a folder
    Sample(SampleArgs),
    /// Play a whole year of a synthetic municipality against this site, day by day
    Simulate(simulate::SimulateArgs),
    /// Measure: whole runs against public tools, in the same session
    Bench(BenchArgs),
}

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// Number of residents (100 to 1,000,000)
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(100..=1_000_000))]
    pub residents: u64,
    /// Seed of the synthetic municipality
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Where the demo's site folder is made (emptied first if an earlier demo made it)
    #[arg(long, default_value = "renkei-demo", value_name = "FOLDER")]
    pub into: PathBuf,
    /// Database to use instead of SQLite in the demo's folder
    #[arg(long, value_name = "URL")]
    pub store: Option<String>,
}

/// Arguments of `serve`.
#[derive(Debug, clap::Args)]
pub struct ServeArgs {
    /// Seconds between scans when nothing is notified
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub every: u64,
}

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// Make a draft of this outbound interface even if nothing is due
    #[arg(long, value_name = "INTERFACE")]
    pub draft: Vec<String>,
    /// Longest wait for files that are still arriving, seconds
    #[arg(long, default_value_t = 60)]
    pub wait: u64,
}

/// Arguments of `preview`.
#[derive(Debug, clap::Args)]
pub struct PreviewArgs {
    /// Interface id, e.g. an inbox folder's name
    pub interface: String,
    /// The file
    pub file: PathBuf,
    /// Records shown
    #[arg(long, default_value_t = 10)]
    pub records: u64,
    /// As if the file came on this day, YYYY-MM-DD
    #[arg(long)]
    pub base_date: Option<chrono::NaiveDate>,
    /// Who asks to see what guards protect
    #[command(flatten)]
    pub open: guard::OpenArgs,
}

/// Arguments of `test`.
#[derive(Debug, clap::Args)]
pub struct TestArgs {
    /// Only these interfaces
    pub interfaces: Vec<String>,
    /// Write what came out as what is expected (look at the difference before you commit it)
    #[arg(long)]
    pub bless: bool,
}

/// Arguments of `status`.
#[derive(Debug, clap::Args)]
pub struct StatusArgs {
    /// Number of exchanges shown, newest first
    #[arg(long, default_value_t = 30)]
    pub last: u32,
}

/// Arguments of `calendar`.
#[derive(Debug, clap::Args)]
pub struct CalendarArgs {
    /// First day, YYYY-MM-DD; today (JST) without it
    #[arg(long, value_name = "DAY")]
    pub from: Option<chrono::NaiveDate>,
    /// Last day, YYYY-MM-DD; the end of the next month without it
    #[arg(long, value_name = "DAY")]
    pub to: Option<chrono::NaiveDate>,
}

/// Arguments of `confirm` and `return`.
#[derive(Debug, clap::Args)]
pub struct DecideArgs {
    /// Number of the exchange (see `status`)
    pub exchange: i64,
    /// Who decides
    #[arg(long)]
    pub by: String,
    /// SHA-256 of the draft that was looked at, at least its first 8 digits (see its report)
    #[arg(long)]
    pub hash: Option<String>,
    /// Why (required for `return`)
    #[arg(long, default_value = "")]
    pub note: String,
}

/// Arguments of `retry`.
#[derive(Debug, clap::Args)]
pub struct RetryArgs {
    /// Number of the exchange (see `status`)
    pub exchange: i64,
    /// Who asks
    #[arg(long)]
    pub by: String,
}

/// Arguments of `trace`.
#[derive(Debug, clap::Args)]
pub struct TraceArgs {
    /// FILE:RECORD, a file name or exchange number and a record number from 1
    pub target: String,
    /// Who asks to see what guards protect
    #[command(flatten)]
    pub open: guard::OpenArgs,
}

/// Arguments of `report`.
#[derive(Debug, clap::Args)]
pub struct ReportArgs {
    /// Number that `status` shows: of an exchange, or `d24` of a computation; without it the day's report
    pub number: Option<String>,
    /// Day, YYYY-MM-DD; today (JST) without it
    #[arg(long)]
    pub day: Option<String>,
}

/// Arguments of `sample`.
#[derive(Debug, clap::Args)]
pub struct SampleArgs {
    /// Folder that gets one folder an interface
    pub into: PathBuf,
    /// Number of residents
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(100..=1_000_000))]
    pub residents: u64,
    /// Seed
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Add the bad files of the demo
    #[arg(long)]
    pub bad: bool,
}

/// Arguments of `bench`.
#[derive(Debug, clap::Args)]
pub struct BenchArgs {
    /// Which figures: parse, load, delta, resend, out, small, huge (default: all but huge, which needs 25 GB of disk)
    pub figures: Vec<String>,
    /// Records of the full load
    #[arg(long, default_value_t = 1_000_000)]
    pub records: u64,
    /// Runs; the median counts, with the highest resident memory of any run
    #[arg(long, default_value_t = 5)]
    pub runs: usize,
    /// PostgreSQL to measure as well, e.g. postgres://user@/postgres?host=/folder-of-socket (may create databases)
    #[arg(long, value_name = "URL")]
    pub postgres: Option<String>,
    /// Folder for the files of the bench
    #[arg(long, default_value = "target/bench", value_name = "FOLDER")]
    pub into: PathBuf,
}

/// Runs the command line.
pub fn main() -> ExitCode {
    let cli = match usage::parse() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    end_quietly_on_broken_pipe(&cli.command);
    let done = match &cli.command {
        Command::Check => author::check(&cli),
        Command::Preview(args) => preview::preview(&cli, args),
        Command::Layout(verb) => layout::layout(&cli, verb),
        Command::Test(args) => author::test(&cli, args),
        Command::Simulate(args) => simulate::simulate(&cli, args),
        Command::Sample(args) => demo::sample(&cli, args),
        Command::Demo(args) => demo::demo(&cli, args),
        Command::Bench(args) => crate::bench::main(&cli.root, cli.json, args),
        Command::Serve(args) => operate::serve(&cli, args),
        Command::Run(args) => operate::run(&cli, args),
        Command::Status(args) => status::status(&cli, args),
        Command::Calendar(args) => calendar::calendar(&cli, args),
        Command::Confirm(args) => operate::confirm(&cli, args),
        Command::Return(args) => operate::send_back(&cli, args),
        Command::Retry(args) => operate::retry(&cli, args),
        Command::Deliver => operate::deliver(&cli),
        Command::Held(args) => guard::held(&cli, args),
        Command::Release(args) => guard::release(&cli, args),
        Command::Audit(args) => guard::audit(&cli, args),
        Command::Vault(args) => guard::vault(&cli, args),
        Command::Report(args) => status::report(&cli, args),
        Command::Trace(args) => trace::trace(&cli, args),
        Command::List(args) => list::list(&cli, args),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            if let CliError::Rules(findings) = &error {
                author::print_findings(cli.json, findings);
            }
            say("renkei: ", &error.to_string());
            let mut cause = std::error::Error::source(&error).filter(|_| !error.is_told_whole());
            while let Some(inner) = cause {
                say("  原因: ", &inner.to_string());
                cause = inner.source();
            }
            ExitCode::from(error.code())
        }
    }
}

/// One JSON document on standard output.
fn print_json(document: &serde_json::Value) {
    println!("{}", json::line(document));
}

/// A message on standard error. What it quotes came from somewhere else: only its own line ends reach the terminal.
fn say(head: &str, message: &str) {
    let lines: Vec<_> = message.lines().map(visible).collect();
    eprintln!("{head}{}", lines.join("\n"));
}

/// `renkei status | head` ends without a word when `head` has read enough; the daemon writes to no pipe it could lose.
fn end_quietly_on_broken_pipe(command: &Command) {
    if !matches!(command, Command::Serve(_)) {
        let always = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
        let _ = signal_hook::flag::register_conditional_default(signal_hook::consts::SIGPIPE, always);
    }
}

impl Cli {
    /// Loads the site's declarative files; warnings go to standard error.
    fn site(&self) -> Result<Site, CliError> {
        let (site, warnings) = crate::mapping::site::load(&self.root).map_err(CliError::Rules)?;
        for warning in warnings {
            say("", &warning.to_string());
        }
        Ok(site)
    }

    /// How this site is called on the command line, for commands that are told to a person.
    fn program(&self) -> String {
        if self.root == std::path::Path::new(".") {
            "renkei".to_owned()
        } else {
            format!("renkei --root {}", self.root.display())
        }
    }

    /// Opens the whole hub on the machine's clock.
    fn hub(&self) -> Result<Hub, CliError> {
        Ok(Hub::open(self.site()?, Clock::System)?)
    }
}
