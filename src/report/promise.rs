//! What the reports promise, tested on the examples.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::balance::{Balance, Tally};
use super::example::{day, delivered, partly_held};
use super::index::{DayLine, IndexDay, IndexReport, write_index};
use super::model::{Direction, RunReport, SeenTotal};
use super::verdict::{Outcome, Tone};
use super::{text, write_day, write_run};

fn files(dir: &Path) -> BTreeMap<String, String> {
    let name = |e: &fs::DirEntry| e.file_name().into_string().unwrap();
    fs::read_dir(dir).unwrap().map(|e| e.unwrap()).map(|e| (name(&e), fs::read_to_string(e.path()).unwrap())).collect()
}

fn written(report: &RunReport) -> BTreeMap<String, String> {
    let dir = tempfile::tempdir().unwrap();
    write_run(report, &dir.path().join("deep/er")).unwrap();
    files(&dir.path().join("deep/er"))
}

fn index() -> IndexReport {
    let one = |date: &str| IndexDay {
        date: date.into(),
        href: format!("day/{date}/index.html"),
        line: Some(DayLine::of(&day())),
        runs: day().rows,
    };
    IndexReport {
        municipality: day().municipality,
        alerts: Vec::new(),
        timeline: false,
        days: vec![one("2026-07-09"), one("2026-07-10")],
    }
}

#[test]
fn the_summary_for_a_terminal_says_what_happened_and_what_to_do() {
    assert_eq!(
        text(&partly_held()),
        "\
△ 一部保留　受信「住記異動情報」（R-000017）
  992件を取り込みました。5件は条件に当たらないため対象外です。3件を保留しました。保留した記録は反映されていません。
  ファイル  juki_20260710.csv（275,412バイト）
  件数      読込 1,000 ＝ 新規 120 ＋ 変更 800 ＋ 変更なし 60 ＋ 削除 12 ＋ 対象外 5 ＋ 保留 3（差引 0件）
  指摘      エラー 3件、警告 1件、ほか 41件
    1. 記録 12・13行目・3,301バイト目　生年月日「19350230」
       実在しない日付です（1935年2月30日）。 [impossible-date]
    2. 記録 77・78行目・21,176バイト目　生年月日「=1+1」
       日付として読めません。 [impossible-date]
    3. 記録 901・902行目・247,776バイト目　氏名「<script>alert(1)</script>」
       使えない文字があります。 [impossible-date]
    4. 記録 90・91行目・24,751バイト目　続柄コード「99」
       コード表にない値です。 [unknown-code]
       対処：住民記録担当課に正しい値を確認し、直したファイルを再送してもらってください。
    （ほかに 41件）
  → 「指摘」で、保留した記録の誤りと対処を確かめてください。
  → 送付元で内容を直したファイルを、同じフォルダーに入れ直してください。
"
    );
}

#[test]
fn the_worst_report_still_fits_a_screen_of_a_terminal() {
    let mut r = partly_held();
    r.title = "\u{1b}[2J\n".into();
    r.balance.read = Tally::yen(5, 7);
    r.balance.declared = Some(Tally::of(9));
    r.balance.written = Some(Tally::of(1));
    r.seen_totals = vec![SeenTotal::default(); 4];
    r.note = "差戻し\n".into();
    r.next_steps = vec!["一\n二".into(); 9];
    r.findings = (0..9).flat_map(|_| r.findings.clone()).collect();
    for (n, f) in r.findings.iter_mut().enumerate() {
        f.action = format!("{n}\n");
    }
    assert!(text(&r).lines().count() <= super::text::LINES, "{}", text(&r));
    assert!(!text(&r).contains('\u{1b}'));
}

#[test]
fn every_record_read_is_accounted_for_or_the_report_is_red() {
    let mut r = partly_held();
    assert!(r.alarms().is_empty());
    assert_eq!(r.tone(), Tone::Look);
    r.balance.held.count = 2;
    assert_eq!(r.tone(), Tone::Bad);
    assert_eq!(r.alarms(), ["件数が合いません。差引（全体 − 内訳の計）が 1件 です。"]);
    assert!(written(&r)["index.html"].contains("<td class=\"n bad\">1件</td>"));
    assert!(written(&r)["balance.csv"].contains("\"差引（全体 − 内訳の計）\",1,,,\"不一致\""));
}

#[test]
fn an_amount_is_proved_only_where_every_part_has_one() {
    let whole =
        Balance { read: Tally::yen(3, 300), new: Tally::yen(2, 200), held: Tally::yen(1, 90), ..Balance::default() };
    assert_eq!(whole.difference().amount, Some(10));
    assert!(!whole.agrees());
    let unknown = Balance { held: Tally::of(1), ..whole };
    assert_eq!(unknown.difference().amount, None);
    assert!(unknown.agrees());
}

#[test]
fn names_and_values_are_escaped_and_hidden_characters_shown() {
    let mut r = partly_held();
    r.file.as_mut().unwrap().name = "<script>\u{202e}fdp.csv".into();
    let page = &written(&r)["index.html"];
    assert!(!page.contains("<script>"), "no script from outside");
    assert!(page.contains("&#60;script&#62;[U+202E]fdp.csv"));
    assert!(!page.contains("http://") && !page.contains("https://"), "no resource from outside");
}

#[test]
fn csv_is_bom_crlf_and_neutralised() {
    let files = written(&partly_held());
    let csv = &files["findings.csv"];
    assert!(csv.starts_with('\u{feff}'));
    assert_eq!(csv.matches('\n').count(), csv.matches("\r\n").count());
    assert!(csv.contains("\"エラー\",\"impossible-date\",77,78,21176,\"生年月日\",\"'=1+1\""));
    assert!(csv.contains("一覧に載せていない指摘が、ほかに 41件あります"));
    assert_eq!(files["held.csv"].lines().count(), 4);
}

#[test]
fn json_holds_the_model_exactly() {
    let mut r = partly_held();
    r.findings[1].value = "=1\n\u{202e}".into();
    let json: serde_json::Value = serde_json::from_str(&written(&r)["report.json"]).unwrap();
    assert_eq!(json["version"], 1);
    assert_eq!(json["outcome"], "partly-held");
    assert_eq!(json["direction"], "in");
    assert_eq!(json["difference"], 0);
    assert_eq!(json["agrees"], true);
    assert_eq!(json["findings"][1]["value"], "=1\n\u{202e}");
    assert_eq!(json["findings"][1]["severity"], "error");
    assert_eq!(json["layout"]["provenance"], "partly");
}

#[test]
fn the_same_model_gives_the_same_bytes_and_nothing_is_left_beside() {
    let files = written(&partly_held());
    assert_eq!(files, written(&partly_held()));
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(names, ["balance.csv", "findings.csv", "held.csv", "index.html", "report.json"]);
}

#[test]
fn a_layout_without_official_source_is_told_to_the_reader() {
    assert!(written(&partly_held())["index.html"].contains("一部は公式資料で確かめられていません"));
    assert!(!written(&delivered())["index.html"].contains("<strong>注意</strong>"));
}

#[test]
fn an_empty_run_says_that_nothing_was_read() {
    let r = RunReport::new("題", "x", Direction::In, "1", Outcome::Duplicate);
    assert!(written(&r)["index.html"].contains("この回では記録を読み取っていません"));
    assert!(text(&r).contains("重複のため取込なし"));
}

#[test]
fn held_records_of_a_sent_file_leave_something_to_do() {
    assert_eq!(delivered().tone(), Tone::Look);
    assert_eq!(
        delivered().headline(),
        "40,210件を送付しました。3件を保留しました。保留した記録はファイルに含まれていません。"
    );
    assert_eq!(delivered().steps().len(), 1);
    let mut warned = RunReport::new("題", "x", Direction::Derive, "1", Outcome::Loaded);
    assert!(warned.steps().is_empty());
    warned.findings = partly_held().findings;
    assert_eq!(warned.steps(), ["「指摘」の内容を確かめてください。"]);
}

#[test]
fn a_draft_says_that_nobody_confirmed_it_yet() {
    let mut draft = delivered();
    draft.delivery.as_mut().unwrap().confirmed_by = String::new();
    assert!(written(&draft)["index.html"].contains("確認なしで送付する設定です"));
    draft.outcome = Outcome::Drafted;
    let page = &written(&draft)["index.html"];
    assert!(page.contains("まだ確認されていません") && !page.contains("確認なしで送付する設定です"));
}

#[test]
fn what_a_draft_keeps_back_is_not_sought_in_a_received_file() {
    let mut draft = delivered();
    draft.held = partly_held().held;
    assert!(!written(&draft)["index.html"].contains("保管した受信ファイル"));
    assert!(written(&partly_held())["index.html"].contains("保管した受信ファイル"));
}

#[test]
fn a_day_adds_up_links_its_reports_and_drops_old_tables() {
    let dir = tempfile::tempdir().unwrap();
    let mut report = day();
    report.tables.push(report.tables[0].clone());
    write_day(&report, dir.path()).unwrap();
    report.tables.pop();
    write_day(&report, dir.path()).unwrap();
    let files = files(dir.path());
    assert!(files.contains_key("table-01.csv") && !files.contains_key("table-02.csv"));
    assert!(files["table-01.csv"].contains("\"'=ゆうちょ銀行\",300,290,9,-1740000,1"));
    let page = &files["index.html"];
    assert!(page.contains("href=\"../../run/R-000017/index.html\""));
    assert!(!page.contains("javascript:"));
    let sums = report.sums();
    assert_eq!(
        (sums[0].read, sums[0].loaded, sums[0].held, sums[0].rejected, sums[0].difference),
        (1750, 1697, 3, 50, 0)
    );
}

#[test]
fn one_files_surplus_never_hides_anothers_loss() {
    let mut report = day();
    report.rows[0].loaded += 5;
    report.rows[1].loaded -= 5;
    assert_eq!(report.sums()[0].difference, 10);
    assert_eq!(report.tone(), Tone::Bad);
}

#[test]
fn the_index_has_the_newest_day_first() {
    let dir = tempfile::tempdir().unwrap();
    write_index(&index(), dir.path()).unwrap();
    let page = fs::read_to_string(dir.path().join("index.html")).unwrap();
    let at = |text: &str| page.find(text).unwrap();
    assert!(at("2026年7月10日（金）") < at("2026年7月9日（木）"));
}

#[test]
fn a_day_that_is_over_keeps_its_numbers_on_the_index() {
    let dir = tempfile::tempdir().unwrap();
    let day = day();
    write_day(&day, &dir.path().join("2026-07-09")).unwrap();
    let mut index = index();
    index.days.truncate(1);
    index.days[0].runs.clear();
    index.days[0].line = DayLine::read(&dir.path().join("2026-07-09"));
    write_index(&index, dir.path()).unwrap();
    let page = fs::read_to_string(dir.path().join("index.html")).unwrap();
    assert!(page.contains("<h2>× "), "{page}");
    assert!(page.contains(&format!("　{}件（うち要確認 {}件）", day.rows.len(), day.to_look_at().len())), "{page}");
}

#[test]
#[ignore = "writes the examples into the temporary folder for a person to look at"]
fn examples_to_look_at() {
    let dir = std::env::temp_dir().join("renkei-report-examples");
    write_run(&partly_held(), &dir.join("run")).unwrap();
    write_run(&delivered(), &dir.join("out")).unwrap();
    write_day(&day(), &dir.join("day")).unwrap();
    write_index(&index(), &dir).unwrap();
    print!("{}{}", text(&partly_held()), text(&delivered()));
}
