//! Verbs for people who write layouts and mappings: check, test.
//!
//! Owns: their output. Never: changes a site's store (`test` works in a throw-away one).

use serde_json::json;

use super::{Cli, CliError, TestArgs, exit, print_json};
use crate::finding::Finding;
use crate::report::words::visible;

/// Findings on standard output, one a line, or as JSON.
pub fn print_findings(json: bool, findings: &[Finding]) {
    if json {
        let list: Vec<_> = findings.iter().map(finding_json).collect();
        print_json(&json!({ "findings": list }));
    } else {
        for finding in findings {
            println!("{}", visible(&finding.to_string()));
        }
    }
}

pub(super) fn finding_json(finding: &Finding) -> serde_json::Value {
    json!({
        "code": finding.code, "severity": finding.severity.word(), "message": finding.message, "action": finding.action,
        "record": finding.data.record, "line": finding.data.line, "byte": finding.data.byte, "field": finding.data.field, "value": finding.value,
        "rule": { "file": finding.rule.file, "line": finding.rule.line, "column": finding.rule.column },
    })
}

/// `check`: all mistakes of all declarative files.
pub fn check(cli: &Cli) -> Result<u8, CliError> {
    match crate::mapping::site::load(&cli.root) {
        Ok((site, mut warnings)) => {
            warnings.extend(super::calendar::horizons(&site));
            print_findings(cli.json, &warnings);
            if !cli.json {
                println!(
                    "定義ファイルに誤りはありません（受信 {}、導出 {}、送信 {}、レイアウト {}、エンティティ {}、ビュー {}）",
                    site.feeds.len(),
                    site.derive.len(),
                    site.outbound.len(),
                    site.layouts.len(),
                    site.entities.len(),
                    site.views.len()
                );
            }
            Ok(exit::OK)
        }
        Err(findings) => {
            print_findings(cli.json, &findings);
            if !cli.json {
                println!("誤りが {} 件あります", findings.len());
            }
            Ok(exit::RULES)
        }
    }
}

/// A finding about data on one line: where, what, what to do.
pub fn line(finding: &Finding) -> String {
    let at = &finding.data;
    let field = if at.field.is_empty() { String::new() } else { format!(" 項目「{}」", at.field) };
    let value = if finding.value.is_empty() { String::new() } else { format!(" 値「{}」", finding.value) };
    let byte = crate::report::words::from_one(at.byte);
    format!("{} 件目 {} 行目 {byte} バイト目{field}{value} {finding}", at.record, at.line)
}

/// `test`: the example cases as data.
pub fn test(cli: &Cli, args: &TestArgs) -> Result<u8, CliError> {
    let site = cli.site()?;
    let outcome = crate::cases::run(&site, &args.interfaces, args.bless)?;
    if cli.json {
        print_json(&outcome.json());
    } else {
        print!("{}", outcome.text());
    }
    Ok(if outcome.failed() == 0 { exit::OK } else { exit::ATTENTION })
}
