//! The tables of a report as CSV for people.
//!
//! Owns: which columns they have. Never: escapes a cell; [`super::sheet`] does.

use super::balance::{BalanceLine, Role};
use super::day::DayReport;
use super::model::RunReport;
use super::sheet::{Cell, Sheet};
use super::verdict::Tone;
use super::words;

pub(super) fn findings(report: &RunReport) -> Vec<u8> {
    let mut sheet =
        Sheet::new(&["重大度", "コード", "記録", "行", "位置（バイト）", "項目", "値", "内容", "対処", "規則"]);
    for f in &report.findings {
        let about_file = f.record == 0 && f.line == 0;
        sheet.row(&[
            Cell::Text(f.severity.japanese()),
            Cell::Text(&f.code),
            Cell::place(f.record),
            Cell::place(f.line),
            if about_file { Cell::Empty } else { Cell::Number(words::from_one(f.byte).into()) },
            Cell::Text(&f.field),
            Cell::Text(&f.value),
            Cell::Text(&f.message),
            Cell::Text(&f.action),
            Cell::Text(&f.rule),
        ]);
    }
    for beyond in &report.findings_beyond {
        let message = format!("一覧に載せていない指摘が、ほかに {}あります", words::count(beyond.count));
        let empty = || Cell::Empty;
        let (code, message) = (Cell::Text(&beyond.code), Cell::Text(&message));
        sheet.row(&[empty(), code, empty(), empty(), empty(), empty(), empty(), message, empty(), empty()]);
    }
    sheet.into_bytes()
}

pub(super) fn held(report: &RunReport) -> Vec<u8> {
    let mut sheet = Sheet::new(&["記録", "行", "位置（バイト）", "長さ（バイト）", "理由"]);
    for h in &report.held {
        let byte = Cell::Number(words::from_one(h.byte).into());
        sheet.row(&[
            Cell::place(h.record),
            Cell::place(h.line),
            byte,
            Cell::Number(h.len.into()),
            Cell::Text(&h.reason),
        ]);
    }
    if report.held_beyond > 0 {
        let reason = format!("一覧に載せていない保留が、ほかに {}あります", words::count(report.held_beyond));
        sheet.row(&[Cell::Empty, Cell::Empty, Cell::Empty, Cell::Empty, Cell::Text(&reason)]);
    }
    sheet.into_bytes()
}

pub(super) fn balance(report: &RunReport) -> Vec<u8> {
    let mut sheet = Sheet::new(&["区分", "項目", "件数", "金額（円）", "申告", "照合"]);
    for line in report.balance.lines(report.direction) {
        sheet.row(&[
            Cell::Text("件数の照合"),
            Cell::Text(line.label),
            Cell::Number(line.count.into()),
            Cell::number(line.amount),
            Cell::Empty,
            Cell::Text(check_word(&line)),
        ]);
    }
    for total in &report.seen_totals {
        let counted = total.counted.parse::<i64>().map_or(Cell::Text(&total.counted), |n| Cell::Number(n.into()));
        let declared = total.declared.parse::<i64>().map_or(Cell::Text(&total.declared), |n| Cell::Number(n.into()));
        let check = Cell::Text(if total.agrees { "一致" } else { "不一致" });
        sheet.row(&[Cell::Text("ファイル内の合計"), Cell::Text(&total.title), counted, Cell::Empty, declared, check]);
    }
    for (kind, lines) in [("グループ", &report.groups), ("計算の結果", &report.outcomes)] {
        for line in lines {
            let count = Cell::Number(line.tally.count.into());
            sheet.row(&[
                Cell::Text(kind),
                Cell::Text(&line.label),
                count,
                Cell::number(line.tally.amount),
                Cell::Empty,
                Cell::Empty,
            ]);
        }
    }
    sheet.into_bytes()
}

fn check_word(line: &BalanceLine) -> &'static str {
    match (line.role, line.alarms()) {
        (Role::Difference, false) => "一致",
        (Role::Difference, true) => "不一致",
        _ => "",
    }
}

pub(super) fn exchanges(report: &DayReport) -> Vec<u8> {
    let header = [
        "時刻",
        "方向",
        "番号",
        "名称",
        "ファイル",
        "結果",
        "読込",
        "処理",
        "保留",
        "却下",
        "差引",
        "金額（円）",
        "照合",
    ];
    let mut sheet = Sheet::new(&header);
    for r in &report.rows {
        sheet.row(&[
            Cell::Text(&r.time),
            Cell::Text(r.direction.japanese()),
            Cell::Text(&r.exchange),
            Cell::Text(&r.title),
            Cell::Text(&r.file),
            Cell::Text(r.verdict()),
            Cell::Number(r.read.into()),
            Cell::Number(r.loaded.into()),
            Cell::Number(r.held.into()),
            Cell::Number(r.rejected.into()),
            Cell::Number(r.difference().into()),
            Cell::number(r.amount),
            Cell::Text(match r.tone() {
                Tone::Good => "",
                Tone::Look => "要確認",
                Tone::Bad => "要対応",
            }),
        ]);
    }
    sheet.into_bytes()
}

pub(super) fn deliveries(report: &DayReport) -> Vec<u8> {
    let mut sheet = Sheet::new(&["送付時刻", "送付先", "名称", "ファイル", "件数", "金額（円）", "SHA-256", "確認者"]);
    for d in &report.deliveries {
        sheet.row(&[
            Cell::Text(&d.time),
            Cell::Text(&d.partner),
            Cell::Text(&d.title),
            Cell::Text(&d.file),
            Cell::Number(d.count.into()),
            Cell::number(d.amount),
            Cell::Text(&d.sha256),
            Cell::Text(&d.confirmed_by),
        ]);
    }
    sheet.into_bytes()
}

pub(super) fn waiting(report: &DayReport) -> Vec<u8> {
    let mut sheet = Sheet::new(&["作成時刻", "番号", "名称", "ファイル", "件数", "金額（円）"]);
    for w in &report.waiting {
        let (count, amount) = (Cell::Number(w.count.into()), Cell::number(w.amount));
        let (since, exchange) = (Cell::Text(&w.since), Cell::Text(&w.exchange));
        sheet.row(&[since, exchange, Cell::Text(&w.title), Cell::Text(&w.file), count, amount]);
    }
    sheet.into_bytes()
}

pub(super) fn table(report: &DayReport, at: usize) -> Vec<u8> {
    let table = &report.tables[at];
    let titles: Vec<&str> = table.columns.iter().map(|c| c.title.as_str()).collect();
    let mut sheet = Sheet::new(&titles);
    for row in &table.rows {
        let cells: Vec<Cell<'_>> = table
            .columns
            .iter()
            .zip(row)
            .map(|(column, cell)| column.kind.number(cell).map_or(Cell::Text(cell), |n| Cell::Number(n.into())))
            .collect();
        sheet.row(&cells);
    }
    sheet.into_bytes()
}
