//! What the findings of a file say together: another charset, another kind of file, a file that was cut.
//!
//! Owns: the rules by which many findings become one about the file, and what to do then. Never: changes what is held
//! or rejected; it only suggests, and every record stays in the list of held records and in the counts.

use super::model::{FindingLine, FindingsBeyond, RunReport};
use super::verdict::Outcome;
use super::words::{bytes, count, thousands};
use crate::finding::{Severity, catalogue};

/// Records looked at to see whether all fail alike.
const FIRST: usize = 20;
/// Findings of one code that stay listed as examples when one finding about the file stands for all.
const EXAMPLES: usize = 3;

/// What a file's first bytes look like; told as a suggestion, never acted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looks {
    /// Text of this charset (its name for people) that is not the one of the layout.
    Text(&'static str),
    /// No text at all, e.g. a picture; what it is, for people.
    Other(&'static str),
}

/// What is wrong with the file as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whole {
    Charset,
    Kind,
}

/// Puts a finding about the file before the others where they amount to one, and says what to do next. `looks` is what
/// its first bytes look like, `charset` the charset that its layout wants.
pub fn judge(report: &mut RunReport, looks: Option<Looks>, charset: &str) {
    let whole = whole(report, looks);
    if let Some(whole) = whole {
        let (code, message) = match whole {
            Whole::Charset => ("wrong-charset", charset_message(report, looks, charset)),
            Whole::Kind => ("wrong-kind", kind_message(report, looks)),
        };
        gather(report);
        report.findings.insert(0, about_file(code, message));
    }
    if let Some(record) = cut(report).filter(|_| whole.is_none()) {
        let size = report.file.as_ref().map_or(0, |f| f.bytes);
        let message = format!(
            "ファイルが途中で切れているようです。最後の記録（{} 件目）が途中で終わっています。受け取った大きさは {} です",
            thousands(record),
            bytes(size)
        );
        let told = about_file("looks-cut", message);
        // Their own advice is for a file that is whole.
        for f in report.findings.iter_mut().filter(|f| f.record == record) {
            f.action.clone_from(&told.action);
        }
        report.findings.insert(0, told);
    }
    report.next_steps = steps(report, whole);
}

/// Do the first records fail in a way that is the file's?
fn whole(r: &RunReport, looks: Option<Looks>) -> Option<Whole> {
    let failed = match r.outcome {
        Outcome::AllHeld => r.balance.held.count,
        Outcome::Rejected => r.balance.read.count,
        _ => return None,
    };
    let mut records: Vec<(u64, bool, bool)> = Vec::new();
    for f in r.findings.iter().filter(|f| f.record > 0 && f.severity >= Severity::Error) {
        if records.last().is_none_or(|(n, ..)| *n != f.record) {
            if records.iter().any(|(n, ..)| *n == f.record) {
                continue;
            }
            if records.len() == FIRST {
                break;
            }
            records.push((f.record, false, false));
        }
        if let Some((_, charset, kind)) = records.last_mut() {
            *charset |= matches!(f.code.as_str(), "undecodable" | "control-char");
            *kind |=
                matches!(f.code.as_str(), "field-count" | "record-length" | "unknown-record" | "constant-mismatch");
        }
    }
    // Fewer records with errors than were read: the others are right, so it is not the file.
    if records.is_empty() || (records.len() as u64) < failed.min(FIRST as u64) {
        return None;
    }
    let all = |of: fn(&(u64, bool, bool)) -> bool| records.iter().all(of);
    match looks {
        Some(Looks::Other(_)) => Some(Whole::Kind),
        Some(Looks::Text(_)) if all(|r| r.1) => Some(Whole::Charset),
        _ if all(|r| r.2) => Some(Whole::Kind),
        _ if all(|r| r.1) && records.len() > EXAMPLES => Some(Whole::Charset),
        _ => None,
    }
}

/// The last record of a file without an end of its own: cut short, with no line end after it.
fn cut(r: &RunReport) -> Option<u64> {
    let open = r.findings.iter().find(|f| f.code == "no-final-line-end")?;
    let short = |f: &&FindingLine| f.record == open.record && matches!(f.code.as_str(), "field-count" | "bad-quote");
    r.findings.iter().find(short).map(|f| f.record)
}

fn charset_message(r: &RunReport, looks: Option<Looks>, charset: &str) -> String {
    let seems = match looks {
        Some(Looks::Text(name)) => format!("中身は {name} のようです。"),
        _ => String::new(),
    };
    let name = r.file.as_ref().map_or("", |f| f.name.as_str());
    format!(
        "初めの記録がどれも、決められた文字コード（{charset}）で読めません。{seems}「{name}」は、この名前では {charset} として読む決まりです"
    )
}

fn kind_message(r: &RunReport, looks: Option<Looks>) -> String {
    match looks {
        Some(Looks::Other(what)) => {
            format!("中身が文字のファイルではありません。{what}のようです。「{}」のファイルではありません", r.title)
        }
        _ => format!(
            "初めの記録がどれも「{}」の形（項目数・長さ・レコード区分）ではありません。別の種類のファイルのようです",
            r.title
        ),
    }
}

fn about_file(code: &str, message: String) -> FindingLine {
    FindingLine {
        code: code.to_owned(),
        severity: Severity::Error,
        record: 0,
        line: 0,
        byte: 0,
        field: String::new(),
        value: String::new(),
        message,
        action: catalogue().get(code).map(|c| c.action.clone()).unwrap_or_default(),
        rule: String::new(),
    }
}

/// Leaves a few findings of each code listed; the others are counted only.
fn gather(r: &mut RunReport) {
    let mut listed: Vec<(String, u64)> = Vec::new();
    r.findings.retain(|f| {
        if f.record == 0 || f.severity == Severity::Fatal {
            return true;
        }
        let at = listed.iter().position(|(code, _)| *code == f.code).unwrap_or_else(|| {
            listed.push((f.code.clone(), 0));
            listed.len() - 1
        });
        listed[at].1 += 1;
        listed[at].1 <= EXAMPLES as u64
    });
    for (code, n) in listed {
        let more = n.saturating_sub(EXAMPLES as u64);
        match r.findings_beyond.iter_mut().find(|b| b.code == code) {
            Some(beyond) => beyond.count += more,
            None if more > 0 => r.findings_beyond.push(FindingsBeyond { code, count: more }),
            None => {}
        }
    }
}

/// What to do first, where the usual steps of the outcome would mislead.
fn steps(r: &RunReport, whole: Option<Whole>) -> Vec<String> {
    let file = r.findings.first().filter(|f| f.code == "looks-cut");
    match (whole, file) {
        (Some(Whole::Charset), _) => vec![
            "記録を 1 件ずつ直す必要はありません。ファイル名と文字コードの組み合わせを確かめてください。".to_owned(),
            "送付元に、決められた文字コードのファイルを依頼し、同じフォルダーに入れ直してください。".to_owned(),
        ],
        (Some(Whole::Kind), _) => vec![
            "記録を 1 件ずつ直す必要はありません。入れたフォルダーとファイルの種類を確かめてください。".to_owned(),
            "正しいファイルを、正しいフォルダーに入れ直してください。".to_owned(),
        ],
        (None, Some(_)) => vec![
            format!(
                "送付元に、受け取った大きさ（{}）と件数（{}）を伝え、切れていないかを確かめてください。",
                bytes(r.file.as_ref().map_or(0, |f| f.bytes)),
                count(r.balance.read.count)
            ),
            "送り直してもらった完全なファイルを、同じフォルダーに入れ直してください。".to_owned(),
        ],
        (None, None) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::balance::{Balance, Tally};
    use crate::report::example::partly_held;

    fn failing(code: &str, records: u64, outcome: Outcome) -> RunReport {
        let mut r = partly_held();
        let one = r.findings[0].clone();
        r.findings = (1..=records).map(|n| FindingLine { code: code.into(), record: n, ..one.clone() }).collect();
        r.findings_beyond.clear();
        r.outcome = outcome;
        r.balance = Balance { read: Tally::of(records), held: Tally::of(records), ..Balance::default() };
        r
    }

    #[test]
    fn a_file_in_another_charset_is_one_finding_and_every_record_still_counts() {
        let mut r = failing("undecodable", 50, Outcome::AllHeld);
        judge(&mut r, Some(Looks::Text("シフト JIS（Windows-31J）")), "utf-8");
        assert_eq!(r.findings[0].code, "wrong-charset");
        assert!(r.findings[0].message.contains("シフト JIS"));
        assert_eq!((r.findings.len(), r.finding_count()), (1 + EXAMPLES, 51));
        assert!(r.steps()[0].contains("文字コード"));
    }

    #[test]
    fn a_picture_or_another_file_is_told_as_such_and_one_bad_character_is_not() {
        let mut r = failing("field-count", 2, Outcome::AllHeld);
        judge(&mut r, None, "utf-8");
        assert_eq!(r.findings[0].code, "wrong-kind");
        let mut r = failing("undecodable", 1, Outcome::AllHeld);
        judge(&mut r, Some(Looks::Other("画像（PNG）")), "utf-8");
        assert!(r.findings[0].message.contains("画像"));
        let mut r = failing("undecodable", 1, Outcome::AllHeld);
        judge(&mut r, None, "utf-8");
        assert_eq!(r.findings[0].code, "undecodable");
        let mut r = failing("undecodable", 30, Outcome::PartlyHeld);
        judge(&mut r, None, "utf-8");
        assert_eq!(r.findings[0].code, "undecodable");
    }

    #[test]
    fn a_last_record_cut_short_makes_the_file_look_cut() {
        let mut r = failing("field-count", 1, Outcome::PartlyHeld);
        let open = FindingLine { code: "no-final-line-end".into(), ..r.findings[0].clone() };
        judge(&mut r, None, "utf-8");
        assert_eq!(r.findings[0].code, "field-count");
        r.findings.push(open);
        judge(&mut r, None, "utf-8");
        assert_eq!(r.findings[0].code, "looks-cut");
        assert!(r.headline().contains("途中で切れている"));
        assert!(r.steps()[0].contains("送付元"));
    }
}
