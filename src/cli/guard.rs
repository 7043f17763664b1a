//! Verbs about what is protected: audit, held, release, vault.
//!
//! Owns: their output. Never: shows a protected value.

use clap::Subcommand;
use serde_json::json;

use super::{Cli, CliError, exit, print_json};
use crate::clock::people_jst;
use crate::pipeline::{Hub, anchor, facts, hold, vault};
use crate::report::words::visible;
use crate::store::audit::{self, Audited};
use crate::store::hold::HeldRow;

/// Most held rows listed at a time.
const HELD_LIMIT: u32 = 10_000;
/// Environment variables that say who looks, the first that is set.
const VIEWER: [&str; 3] = ["RENKEI_USER", "USER", "LOGNAME"];

/// Arguments of `held`.
#[derive(Debug, clap::Args)]
pub struct HeldArgs {
    /// Outbound interface, or the number of a draft; without it all interfaces
    pub target: Option<String>,
}

/// Arguments of `release`.
#[derive(Debug, clap::Args)]
pub struct ReleaseArgs {
    /// Number of the draft, or outbound interface; or DRAFT:NUMBER, with the record's number in the draft and no key
    pub target: String,
    /// Key of the record, as `held` shows it
    pub key: Option<String>,
    /// Who decides
    #[arg(long)]
    pub by: String,
    /// Why it may go
    #[arg(long)]
    pub reason: String,
}

/// Arguments of `audit`.
#[derive(Debug, clap::Args)]
pub struct AuditArgs {
    /// What to do with it
    #[command(subcommand)]
    pub command: AuditCommand,
}

/// What `audit` does.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Name the first row that was changed, removed or inserted; exit code 1 if there is one
    Verify {
        /// ROWS:HASH that was noted elsewhere (a printed day's report has it): that row must still be there, as it was
        #[arg(long, value_name = "ROWS:HASH")]
        head: Option<String>,
    },
    /// Show the last rows
    List {
        /// Number of rows
        #[arg(long, default_value_t = 50)]
        last: u32,
        /// Only those about this exchange
        #[arg(long)]
        exchange: Option<i64>,
    },
}

/// Arguments of `vault`.
#[derive(Debug, clap::Args)]
pub struct VaultArgs {
    /// What to do with it
    #[command(subcommand)]
    pub command: VaultCommand,
}

/// What `vault` does.
#[derive(Debug, Subcommand)]
pub enum VaultCommand {
    /// Show which key seals how much
    Status,
    /// Seal everything under the first key of the ring
    Rotate {
        /// Who does it
        #[arg(long)]
        by: String,
    },
    /// Print a new random key, a line for the key file
    NewKey,
}

/// Who looks at something protected, for the audit.
pub fn viewer() -> String {
    let found = VIEWER.iter().filter_map(|name| std::env::var(name).ok()).find(|name| !name.trim().is_empty());
    found.unwrap_or_else(|| "不明".to_owned())
}

/// Who asks to see what guards protect, and why; nobody unless both are told.
#[derive(Debug, clap::Args)]
pub struct OpenArgs {
    /// Show protected values too: who looks
    #[arg(long, requires = "reason")]
    pub by: Option<String>,
    /// Show protected values too: why; both are noted in the audit
    #[arg(long, value_name = "WHY", requires = "by")]
    pub reason: Option<String>,
}

impl OpenArgs {
    /// Who and why, if protected values are to be shown.
    pub fn asked(&self) -> Result<Option<(&str, &str)>, CliError> {
        match (self.by.as_deref(), self.reason.as_deref()) {
            (Some(by), Some(why)) if !by.trim().is_empty() && !why.trim().is_empty() => Ok(Some((by, why))),
            (None, None) => Ok(None),
            _ => Err(CliError::Refused("だれが（--by）、なぜ（--reason）見るかを書いてください".into())),
        }
    }
}

/// `audit`: the chain of who did what.
pub fn audit(cli: &Cli, args: &AuditArgs) -> Result<u8, CliError> {
    let mut hub = cli.hub()?;
    match &args.command {
        AuditCommand::Verify { head } => verify(cli, &mut hub, head.as_deref()),
        AuditCommand::List { last, exchange } => {
            let rows = audit::list(&mut hub.conn, *exchange, *last)?;
            if cli.json {
                let list: Vec<_> = rows.iter().map(row_json).collect();
                print_json(&json!({ "audit": list }));
            }
            for row in rows.iter().rev().filter(|_| !cli.json) {
                let exchange = row.exchange.map_or_else(String::new, |id| format!(" 受付番号 {id}"));
                let line = format!(
                    "{:>6} {} {} {}{exchange} {} {}",
                    row.id,
                    people_jst(&row.at),
                    row.who,
                    what(&row.what),
                    row.subject,
                    row.detail
                );
                println!("{}", visible(line.trim_end()));
            }
            Ok(exit::OK)
        }
    }
}

/// What was done, in the operators' words; an unknown word as it is.
fn what(what: &str) -> &str {
    match what {
        "confirm" => "送付の確認",
        "return" => "差し戻し",
        "retry" => "やり直し",
        "deliver" => "送付",
        "withdraw" => "取り下げ",
        "release" => "保留の解除",
        "look" => "閲覧",
        "vault-open" => "秘密の値の復号",
        "vault-rotate" => "鍵の取り替え",
        other => other,
    }
}

fn verify(cli: &Cli, hub: &mut Hub, noted: Option<&str>) -> Result<u8, CliError> {
    let noted = noted.map(anchor::parse).transpose()?;
    let mut anchors = anchor::of_reports(hub)?;
    anchors.extend(noted);
    let proof = audit::verify(&mut hub.conn)?;
    let lost = anchor::first_lost(hub, &anchors)?;
    let broken = proof.broken.map(|(row, why)| (row, why.to_owned()));
    let lost = lost
        .map(|known| (known.rows, format!("{}の末尾のハッシュと合いません。あとから作り直されています", known.from)));
    let broken = broken.or(lost);
    if cli.json {
        let broken = broken.as_ref().map(|(row, why)| json!({ "row": row, "why": why }));
        print_json(&json!({ "rows": proof.rows, "head": proof.head, "anchors": anchors.len(), "broken": broken }));
    } else if let Some((row, why)) = &broken {
        println!("監査記録に誤りがあります: {row} 行目: {why}（つながっているのは初めの {} 行）", proof.rows);
    } else {
        println!("監査記録 {} 行は正しくつながっています。末尾のハッシュ {}:{}", proof.rows, proof.rows, proof.head);
        println!("控え {} 件（日報など）とも合っています", anchors.len());
    }
    Ok(if broken.is_some() { exit::ATTENTION } else { exit::OK })
}

fn row_json(row: &Audited) -> serde_json::Value {
    json!({
        "id": row.id, "at": row.at, "who": row.who, "what": row.what, "exchange": row.exchange,
        "subject": row.subject, "detail": row.detail, "hash": row.hash,
    })
}

/// `held`: what the newest drafts keep back; looking is written down.
pub fn held(cli: &Cli, args: &HeldArgs) -> Result<u8, CliError> {
    let mut hub = cli.hub()?;
    let rows = hold::held(&mut hub, args.target.as_deref(), HELD_LIMIT)?;
    // Each draft's own look, with its own number of records.
    let mut looks = std::collections::BTreeMap::<i64, usize>::new();
    rows.iter().for_each(|(_, row)| *looks.entry(row.exchange).or_default() += 1);
    for (exchange, n) in looks {
        hold::looked(&mut hub, &viewer(), "held", Some(exchange), &format!("保留 {n} 件"))?;
    }
    if cli.json {
        let list: Vec<_> = rows
            .iter()
            .map(|(interface, row)| {
                let key = hold::shown_key(&hub.site, interface, &row.key);
                let next = hold::release_command(&hub.site, interface, row);
                json!({ "interface": interface, "exchange": row.exchange, "number": row.n, "key": key, "code": row.code,
                    "message": row.message, "next": next })
            })
            .collect();
        print_json(&json!({ "held": list }));
        return Ok(exit::OK);
    }
    print_held(&cli.program(), &hub, &rows);
    println!("保留は {} 件です（送付ファイルの種類ごとに、いちばん新しい下書きから）", rows.len());
    Ok(exit::OK)
}

/// Held rows with what lets them go.
pub fn print_held(program: &str, hub: &Hub, rows: &[(String, HeldRow)]) {
    for (interface, row) in rows {
        let key = hold::shown_key(&hub.site, interface, &row.key);
        let title = facts::title(hub, interface);
        let line = format!("{title}（受付番号 {} の {}）キー {key}: {}", row.exchange, row.n, row.message);
        println!("       {}", visible(&line));
        let next = hold::release_command(&hub.site, interface, row);
        println!("         → {}", visible(&next.replacen("renkei", program, 1)));
    }
}

/// `release`: one held row may go, exactly as it is.
pub fn release(cli: &Cli, args: &ReleaseArgs) -> Result<u8, CliError> {
    let mut hub = cli.hub()?;
    let row = hold::release(&mut hub, &args.target, args.key.as_deref(), &args.by, &args.reason)?;
    let interface = crate::store::ledger::get(&mut hub.conn, row.exchange)?.interface;
    let key = hold::shown_key(&hub.site, &interface, &row.key);
    if cli.json {
        print_json(&json!({ "exchange": row.exchange, "key": key, "code": row.code }));
    } else {
        println!(
            "キー {} の保留を解除しました。次に作る下書きに入ります（内容が変わると、また保留します）",
            visible(&key)
        );
    }
    Ok(exit::OK)
}

/// `vault`: its keys.
pub fn vault(cli: &Cli, args: &VaultArgs) -> Result<u8, CliError> {
    match &args.command {
        VaultCommand::NewKey => {
            println!("{}", *crate::vault::ring::new_key()?);
            Ok(exit::OK)
        }
        VaultCommand::Rotate { by } => {
            let mut hub = cli.hub()?;
            let _lock = crate::pipeline::worker::lock(&hub)?;
            let (values, files) = vault::rotate(&mut hub, by)?;
            if cli.json {
                print_json(&json!({ "values": values, "files": files }));
            } else {
                println!("値 {values} 件、原本 {files} 件を新しい鍵で暗号化し直しました");
            }
            Ok(exit::OK)
        }
        VaultCommand::Status => status(cli),
    }
}

fn status(cli: &Cli) -> Result<u8, CliError> {
    let mut hub = cli.hub()?;
    let found = vault::holdings(&mut hub)?;
    let counted = |list: &[(String, u64)]| -> serde_json::Map<String, serde_json::Value> {
        list.iter().map(|(key, n)| (key.clone(), json!(n))).collect()
    };
    if cli.json {
        print_json(&json!({
            "keys": found.keys, "values": counted(&found.values), "files": counted(&found.files),
            "token_key": found.token_key,
        }));
    } else {
        println!("鍵: {}", if found.keys.is_empty() { "ありません".to_owned() } else { found.keys.join("、") });
        for (what, list) in [("値", &found.values), ("原本", &found.files)] {
            for (key, n) in list {
                println!("{what} {n} 件: 鍵 {key}");
            }
        }
    }
    let sealed = found.values.iter().chain(&found.files).map(|(key, _)| key).chain(&found.token_key);
    let missing = sealed.clone().any(|key| !found.keys.contains(key));
    if missing && !cli.json {
        println!("鍵の一覧にない鍵で暗号化されたものがあります。以前の鍵も残してください");
    }
    Ok(if missing { exit::ATTENTION } else { exit::OK })
}
