//! `list`: what operators read, on the terminal or as a file.
//!
//! Owns: formats and where they go. Never: chooses rows.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use super::{Cli, CliError, exit, print_json};
use crate::mapping::load_list::List;
use crate::pipeline::{Hub, draft_list, hold, list};
use crate::report::list::ListReport;
use crate::report::words::{count, visible};

/// Rows shown on a terminal; a file has them all.
const SHOWN: usize = 50;

/// Arguments of `list`.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Id of the list; without it all lists are named
    pub id: Option<String>,
    /// Of a file to send: whom it is about, read from its own bytes
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["id", "set"])]
    pub draft: Option<i64>,
    /// A condition, NAME=VALUE
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub set: Vec<String>,
    /// Format of the file; without `--out` it goes to standard output
    #[arg(long, value_enum, hide_possible_values = true)]
    pub format: Option<ListFormat>,
    /// File to write
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Who takes it (noted when a file is made)
    #[arg(long)]
    pub by: Option<String>,
    /// Show protected values too, and note who (`--by`) looks and why
    #[arg(long, value_name = "WHY", requires = "by")]
    pub reason: Option<String>,
}

/// Formats of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ListFormat {
    /// A page that prints on A4
    Html,
    /// UTF-8 for spreadsheets, formulas neutralised
    Csv,
    /// A workbook
    Xlsx,
    /// One JSON document
    Json,
}

impl ListFormat {
    fn word(self) -> &'static str {
        match self {
            ListFormat::Html => "html",
            ListFormat::Csv => "csv",
            ListFormat::Xlsx => "xlsx",
            ListFormat::Json => "json",
        }
    }

    fn bytes(self, report: &ListReport) -> Result<Vec<u8>, CliError> {
        Ok(match self {
            ListFormat::Html => report.html()?.into_bytes(),
            ListFormat::Csv => report.csv(),
            ListFormat::Xlsx => report.xlsx().map_err(std::io::Error::other)?,
            ListFormat::Json => report.json()?,
        })
    }
}

/// `list`: names every list, or makes one.
pub fn list(cli: &Cli, args: &ListArgs) -> Result<u8, CliError> {
    let mut hub = cli.hub()?;
    let site = hub.site.clone();
    let who = args.by.clone().unwrap_or_else(super::guard::viewer);
    let report = match (args.draft, &args.id) {
        (Some(number), _) => of_draft(&mut hub, number, &who)?,
        (None, None) => return names(cli, &site),
        (None, Some(id)) => {
            let list = site.lists.get(id).ok_or_else(|| {
                CliError::Refused(format!("一覧「{id}」はありません（{} list で全部の名前が出ます）", cli.program()))
            })?;
            declared(&mut hub, list, args, &who)?
        }
    };
    let format = args.format.or_else(|| by_name(args.out.as_ref()?)).or(cli.json.then_some(ListFormat::Json));
    match (format, &args.out) {
        (Some(format), Some(path)) => {
            std::fs::write(path, format.bytes(&report)?).map_err(CliError::file("に書けません", path))?;
            list::log_export(&mut hub, &report, &who, format.word())?;
            println!("{} {} → {}", report.title, count(report.rows.len()), path.display());
        }
        (Some(format), None) => {
            let bytes = format.bytes(&report)?;
            list::log_export(&mut hub, &report, &who, format.word())?;
            std::io::stdout().lock().write_all(&bytes)?;
        }
        (None, Some(path)) => {
            let told = format!("{} の形が分かりません。--format html|csv|xlsx|json を付けてください", path.display());
            return Err(CliError::Refused(told));
        }
        (None, None) => print(&report),
    }
    Ok(exit::OK)
}

/// Whom a file to send is about; where some of it is protected, the look is written down.
fn of_draft(hub: &mut Hub, number: i64, who: &str) -> Result<ListReport, CliError> {
    let report = draft_list::draft_list(hub, number, list::MAX_ROWS)?;
    hold::looked(hub, who, "対象者確認の一覧", Some(number), &format!("list {}", report.id))?;
    Ok(report)
}

/// A declared list; with a reason what is protected is shown, and either look is written down.
fn declared(hub: &mut Hub, list: &List, args: &ListArgs, who: &str) -> Result<ListReport, CliError> {
    if let Some(reason) = &args.reason {
        list::log_open(hub, list, who, reason)?;
    }
    let report = list::list_for(hub, list, &chosen(&args.set)?, args.reason.is_some())?;
    if args.reason.is_none() && !list.masks.is_empty() {
        let subject = format!("list {}", list.id);
        hold::looked(hub, who, &format!("伏せた行 {} 件", report.masked), None, &subject)?;
    }
    Ok(report)
}

fn names(cli: &Cli, site: &crate::mapping::site::Site) -> Result<u8, CliError> {
    if cli.json {
        let all: Vec<_> = site
            .lists
            .values()
            .map(|l| {
                let parameters: Vec<&str> = l.parameters.iter().map(|p| p.name.as_str()).collect();
                serde_json::json!({ "id": l.id, "title": l.title, "flow": l.flow, "parameters": parameters })
            })
            .collect();
        print_json(&serde_json::json!({ "lists": all }));
        return Ok(exit::OK);
    }
    for list in site.lists.values() {
        let parameters: Vec<String> = list.parameters.iter().map(|p| format!("--set {}=…", p.name)).collect();
        println!("{:<32} {}　{} {}", list.id, list.title, list.flow, parameters.join(" "));
    }
    Ok(exit::OK)
}

fn chosen(set: &[String]) -> Result<BTreeMap<String, String>, CliError> {
    let pair = |text: &String| {
        let (name, value) = text.split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    };
    set.iter()
        .map(|text| {
            pair(text).ok_or_else(|| CliError::Refused(format!("条件は 名前=値 の形で書いてください（{text}）")))
        })
        .collect()
}

fn by_name(path: &std::path::Path) -> Option<ListFormat> {
    match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "html" | "htm" => Some(ListFormat::Html),
        "csv" => Some(ListFormat::Csv),
        "xlsx" => Some(ListFormat::Xlsx),
        "json" => Some(ListFormat::Json),
        _ => None,
    }
}

fn print(report: &ListReport) {
    println!("{}（基準日 {}）{}", visible(&report.title), report.base_date, count(report.rows.len()));
    for (title, value) in &report.chosen {
        println!("  {}：{}", visible(title), visible(value));
    }
    if report.rows.is_empty() && report.chosen.iter().any(|(_, value)| value != "すべて") {
        println!("この条件に合うものはありません。--set を付けずに見ると、使われている値が分かります");
    }
    let titles: Vec<&str> = report.columns.iter().map(|c| c.title.as_str()).collect();
    println!("{}", visible(&titles.join("｜")));
    for row in report.rows.iter().take(SHOWN) {
        let cells: Vec<String> = row.iter().map(crate::report::list::ListCell::show).collect();
        println!("{}", cells.join("｜"));
    }
    if let Some(sums) = report.sums() {
        let cells: Vec<String> =
            sums.iter().map(|s| s.map(crate::report::words::thousands).unwrap_or_default()).collect();
        println!("合計 {}", cells.join("｜"));
    }
    if report.masked > 0 {
        println!(
            "{} は保護のため伏せました（--by 名前 --reason 理由 で表示し、記録に残ります）",
            count(report.masked as usize)
        );
    }
    if report.rows.len() > SHOWN {
        println!("ほかに {}（--out 一覧.xlsx で全件）", count(report.rows.len() - SHOWN));
    }
}
