//! `layout infer | import | doc`: a site's own specification as a layout, and back as an item sheet.
//!
//! Owns: files and the terminal. Never: overwrites a file, decides what `author` doubts.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::{Cli, CliError, exit, print_json};
use crate::author::draft::{Draft, text_of};
use crate::author::infer::{Decision, SAMPLE_BYTES, Sample, infer};
use crate::author::sheet::{FILE_BYTES, Sheet};
use crate::author::toml_text::toml_text;
use crate::author::{describe, doc, doc_html, doc_xlsx, import, sheet_csv, sheet_xlsx};
use crate::report::words::visible;
use crate::schema::load_layout::{CodeLists, load_layouts};
use crate::schema::toml_read::Reader;

/// What to do with layouts.
#[derive(Debug, clap::Subcommand)]
pub enum LayoutVerb {
    /// Draw up a layout from a sample file; every decision with its evidence, every doubt as a TODO
    Infer(FromFile),
    /// Turn an item sheet (項目定義書, XLSX or CSV) into a layout with every doubt listed
    Import(FromFile),
    /// Write a layout back as an item sheet for people
    Doc(DocArgs),
}

/// Arguments of `infer` and `import`.
#[derive(Debug, clap::Args)]
pub struct FromFile {
    /// The sample, or the item sheet (.xlsx, .csv)
    pub file: PathBuf,
    /// Write the layout here instead of to standard output; an existing file is left alone
    #[arg(long, value_name = "TOML")]
    pub out: Option<PathBuf>,
}

/// Arguments of `doc`.
#[derive(Debug, clap::Args)]
pub struct DocArgs {
    /// Id of a layout of the site, or a path to a layout file
    pub layout: String,
    /// Write an XLSX
    #[arg(long, value_name = "FILE")]
    pub xlsx: Option<PathBuf>,
    /// Write an HTML page for A4
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// `layout`.
pub fn layout(cli: &Cli, verb: &LayoutVerb) -> Result<u8, CliError> {
    match verb {
        LayoutVerb::Infer(args) => infer_file(cli, args),
        LayoutVerb::Import(args) => import_file(cli, args),
        LayoutVerb::Doc(args) => doc_file(cli, args),
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// At most `most` bytes, and how long the file is.
fn head(path: &Path, most: u64) -> Result<(Vec<u8>, u64), CliError> {
    let unread = || CliError::file("を読めません", path);
    let file = std::fs::File::open(path).map_err(unread())?;
    let whole = file.metadata()?.len();
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes).map_err(unread())?;
    Ok((bytes, whole))
}

fn infer_file(cli: &Cli, args: &FromFile) -> Result<u8, CliError> {
    let (bytes, whole) = head(&args.file, SAMPLE_BYTES as u64)?;
    let name = file_name(&args.file);
    let sample = Sample { bytes: &bytes, whole: whole.max(bytes.len() as u64), name: &name };
    let found = infer(sample).map_err(|unclear| CliError::Refused(unclear.to_string()))?;
    finish(cli, &found.draft, &found.decisions, args.out.as_deref())
}

fn import_file(cli: &Cli, args: &FromFile) -> Result<u8, CliError> {
    let (bytes, whole) = head(&args.file, FILE_BYTES)?;
    if whole > FILE_BYTES {
        return Err(CliError::Refused(format!("項目定義書が {} MiB を超えます", FILE_BYTES >> 20)));
    }
    let name = file_name(&args.file);
    let zipped = bytes.starts_with(b"PK");
    let sheets =
        if zipped { sheet_xlsx::read_xlsx(bytes) } else { sheet_csv::read_csv(&bytes, stem(&name)).map(|s| vec![s]) };
    let sheets = sheets.map_err(|error| CliError::Refused(error.to_string()))?;
    let draft = import::import(&sheets, &name, &code_ids(cli)).map_err(CliError::Refused)?;
    finish(cli, &draft, &[], args.out.as_deref())
}

fn stem(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// Ids of the site's code tables; none outside a site.
fn code_ids(cli: &Cli) -> BTreeSet<String> {
    let entries = std::fs::read_dir(cli.root.join("schemas/codes")).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".csv").map(str::to_owned)).collect()
}

/// The layout to its place, the rest to the terminal. Without `--out` the layout alone goes to standard output.
fn finish(cli: &Cli, draft: &Draft, decisions: &[Decision], out: Option<&Path>) -> Result<u8, CliError> {
    let text = toml_text(draft);
    if let Some(path) = out {
        write_new(path, text.as_bytes())?;
    }
    let doubts = draft.all_doubts();
    if cli.json {
        print_json(&json_of(draft, decisions, &text));
    } else {
        let told = told(decisions, &doubts);
        match out {
            Some(path) => println!("{told}{} に書きました", path.display()),
            None => {
                eprint!("{told}");
                print!("{text}");
            }
        }
    }
    Ok(if doubts.is_empty() { exit::OK } else { exit::ATTENTION })
}

fn told(decisions: &[Decision], doubts: &[(String, &str)]) -> String {
    let mut out = String::new();
    for decision in decisions {
        let Decision { what, chosen, confidence, evidence, rivals } = decision;
        out.push_str(&format!("{what}: {chosen}（確からしさ {confidence}%）\n    根拠: {evidence}\n"));
        rivals.iter().for_each(|rival| out.push_str(&format!("    対抗: {rival}\n")));
    }
    out.push_str(&format!("── 確かめること {} 件\n", doubts.len()));
    doubts.iter().for_each(|(place, doubt)| out.push_str(&format!("  {place}: {doubt}\n")));
    out.lines().map(|line| visible(line).to_string() + "\n").collect()
}

fn json_of(draft: &Draft, decisions: &[Decision], text: &str) -> serde_json::Value {
    let decisions: Vec<_> = decisions
        .iter()
        .map(|d| json!({ "what": d.what, "chosen": d.chosen, "confidence": d.confidence, "evidence": d.evidence, "rivals": d.rivals }))
        .collect();
    let doubts: Vec<_> = draft.all_doubts().iter().map(|(at, doubt)| json!({ "at": at, "doubt": doubt })).collect();
    json!({ "layout": text, "decisions": decisions, "doubts": doubts })
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    use std::io::Write;
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(path);
    match file {
        Ok(mut file) => Ok(file.write_all(bytes)?),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            Err(CliError::Refused(format!("{} はすでにあります。別の名前にしてください", path.display())))
        }
        Err(error) => Err(CliError::file("に書けません", path)(error)),
    }
}

fn doc_file(cli: &Cli, args: &DocArgs) -> Result<u8, CliError> {
    let draft = described(cli, &args.layout)?;
    let sheets = doc::sheets(&draft);
    if let Some(path) = &args.xlsx {
        let bytes =
            doc_xlsx::xlsx(&sheets).map_err(|error| CliError::Refused(format!("XLSX にできません（{error}）")))?;
        write_new(path, &bytes)?;
    }
    if let Some(path) = &args.html {
        write_new(path, doc_html::html(text_of(&draft.keys, "title"), &sheets).as_bytes())?;
    }
    if args.xlsx.is_none() && args.html.is_none() {
        sheets.iter().for_each(print_sheet);
    }
    Ok(exit::OK)
}

fn print_sheet(sheet: &Sheet) {
    println!("── {}", visible(&sheet.name));
    for row in &sheet.rows {
        println!("{}", visible(&row.join("\t").replace('\t', " | ")));
    }
}

/// A layout of the site by its id, or any layout file by its path (its code tables are taken as they are named).
fn described(cli: &Cli, layout: &str) -> Result<Draft, CliError> {
    let by_path = layout.ends_with(".toml");
    let path = if by_path { PathBuf::from(layout) } else { cli.root.join(format!("schemas/layouts/{layout}.toml")) };
    let (bytes, whole) = head(&path, 4 << 20)?;
    let text = String::from_utf8(bytes).ok().filter(|_| whole <= 4 << 20);
    let text =
        text.ok_or_else(|| CliError::Refused(format!("{} は 4 MiB までの UTF-8 ではありません", path.display())))?;
    let reader = Reader::new(path.to_string_lossy(), text);
    let layouts = load_layouts(stem(&file_name(&path)), &reader, &code_lists(cli));
    let mistakes = reader.into_findings();
    if !mistakes.is_empty() || layouts.is_empty() {
        return Err(CliError::Rules(mistakes));
    }
    Ok(describe::describe(&layouts))
}

fn code_lists(cli: &Cli) -> CodeLists {
    let mut lists = CodeLists::new();
    for id in code_ids(cli) {
        let path = cli.root.join(format!("schemas/codes/{id}.csv"));
        if let Ok(text) = std::fs::read_to_string(&path) {
            let reader = Reader::new(path.to_string_lossy(), text);
            lists.insert(id.clone(), crate::schema::load_codes::load_codes(&id, &reader).list);
        }
    }
    lists
}
