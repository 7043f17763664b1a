//! Example reports for the tests: a partly held file, a delivered one, a day.

use super::balance::{Balance, Tally};
use super::day::{AuditHead, Column, ColumnKind, DayReport, DayRow, DeliveryRow, TableReport, WaitingRow};
use super::model::*;
use super::verdict::Outcome;
use super::words::jst;
use crate::finding::Severity;
use crate::schema::layout::Provenance;

const HASH: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

fn municipality() -> Municipality {
    Municipality { code: "999997".into(), name: "れんけい市".into() }
}

fn finding(severity: Severity, record: u64, field: &str, value: &str, message: &str) -> FindingLine {
    FindingLine {
        code: if severity == Severity::Warning { "unknown-code".into() } else { "impossible-date".into() },
        severity,
        record,
        line: record + 1,
        byte: record * 275,
        field: field.into(),
        value: value.into(),
        message: message.into(),
        action: "住民記録担当課に正しい値を確認し、直したファイルを再送してもらってください。".into(),
        rule: "schemas/layouts/juki-ido.toml:42".into(),
    }
}

/// 1,000 read, 3 held, one warning.
pub fn partly_held() -> RunReport {
    let mut r = RunReport::new("住記異動情報", "juki-ido", Direction::In, "R-000017", Outcome::PartlyHeld);
    r.municipality = municipality();
    r.file = Some(FileUsed { name: "juki_20260710.csv".into(), sha256: HASH.into(), bytes: 275_412 });
    r.times = Times { received: jst(1_783_670_700), started: jst(1_783_670_700), finished: jst(1_783_670_760) };
    r.layout = Some(LayoutUsed {
        id: "juki-ido".into(),
        profile: "cp932".into(),
        provenance: Provenance::Partly,
        source: "標準仕様書 項目一覧".into(),
    });
    r.plan_revision = "3f2a9c10".into();
    r.base_date = "2026-07-10".into();
    r.balance = Balance {
        read: Tally::of(1000),
        new: Tally::of(120),
        changed: Tally::of(800),
        unchanged: Tally::of(60),
        closed: Tally::of(12),
        outside: Tally::of(5),
        held: Tally::of(3),
        ..Balance::default()
    };
    r.findings = vec![
        finding(Severity::Error, 12, "生年月日", "19350230", "実在しない日付です（1935年2月30日）。"),
        finding(Severity::Error, 77, "生年月日", "=1+1", "日付として読めません。"),
        finding(Severity::Warning, 90, "続柄コード", "99", "コード表にない値です。"),
        finding(Severity::Error, 901, "氏名", "<script>alert(1)</script>", "使えない文字があります。"),
    ];
    r.findings_beyond = vec![FindingsBeyond { code: "unknown-code".into(), count: 41 }];
    let held = |record: u64| HeldRecord {
        record,
        line: record + 1,
        byte: record * 275,
        len: 275,
        reason: "生年月日が実在しない日付です。".into(),
    };
    r.held = vec![held(12), held(77), held(901)];
    r
}

/// 40,210 records in two groups, confirmed and delivered.
pub fn delivered() -> RunReport {
    let mut r = RunReport::new("特別徴収依頼情報", "tokucho-irai", Direction::Out, "S-000031", Outcome::Delivered);
    r.municipality = municipality();
    r.file = Some(FileUsed { name: "TK01_999997_20260710_001.dat".into(), sha256: HASH.into(), bytes: 20_107_500 });
    r.times = Times { received: String::new(), started: jst(1_783_670_700), finished: jst(1_783_670_760) };
    r.layout = Some(LayoutUsed {
        id: "nenkin-tokucho".into(),
        profile: "default".into(),
        provenance: Provenance::Documented,
        source: "年金特徴 仕様書".into(),
    });
    r.plan_revision = "77aa01bc".into();
    r.base_date = "2026-07-10".into();
    r.balance = Balance {
        read: Tally::yen(40_213, 2_412_780_000),
        new: Tally::yen(40_210, 2_412_600_000),
        held: Tally::yen(3, 180_000),
        written: Some(Tally::yen(40_210, 2_412_600_000)),
        ..Balance::default()
    };
    let total =
        |title: &str, n: &str| SeenTotal { title: title.into(), declared: n.into(), counted: n.into(), agrees: true };
    r.seen_totals = vec![total("義務者 001 合計件数", "25000"), total("義務者 002 合計件数", "15210")];
    let line = |label: &str, count, yen| TallyLine { label: label.into(), tally: Tally::yen(count, yen) };
    r.groups = vec![
        line("通知内容 01／義務者 001", 25_000, 1_500_000_000),
        line("通知内容 01／義務者 002", 15_210, 912_600_000),
    ];
    r.delivery = Some(Delivery {
        partner: "年金保険者".into(),
        file: "TK01_999997_20260710_001.dat".into(),
        manifest: "TK01_999997_20260710_001.ctl".into(),
        sha256: HASH.into(),
        confirmed_by: "佐藤".into(),
        confirmed_at: jst(1_783_670_820),
        delivered_at: jst(1_783_670_900),
    });
    r
}

/// A day with a bit of everything.
pub fn day() -> DayReport {
    let mut rejected = partly_held();
    rejected.outcome = Outcome::Rejected;
    rejected.exchange = "R-000018".into();
    rejected.balance = Balance { read: Tally::of(50), rejected: Tally::of(50), ..Balance::default() };
    let mut duplicate = RunReport::new("滞納情報", "taino", Direction::In, "R-000019", Outcome::Duplicate);
    duplicate.file = Some(FileUsed { name: "taino.csv".into(), ..FileUsed::default() });
    let mut loaded = partly_held();
    loaded.outcome = Outcome::Loaded;
    loaded.exchange = "R-000016".into();
    loaded.balance =
        Balance { read: Tally::yen(700, 4_200_000), new: Tally::yen(700, 4_200_000), ..Balance::default() };
    let column = |title: &str, kind| Column { title: title.into(), kind };
    DayReport {
        alerts: Vec::new(),
        audit: Some(AuditHead { rows: 42, head: HASH.into() }),
        date: "2026-07-10".into(),
        municipality: municipality(),
        rows: vec![
            DayRow::of(&loaded, "17:01", "../../run/R-000016/index.html"),
            DayRow::of(&partly_held(), "17:05", "../../run/R-000017/index.html"),
            DayRow::of(&rejected, "17:07", "../../run/R-000018/index.html"),
            DayRow::of(&duplicate, "17:08", "javascript:alert(1)"),
            DayRow::of(&delivered(), "17:12", "../../run/S-000031/index.html"),
        ],
        deliveries: vec![DeliveryRow {
            time: "17:15".into(),
            partner: "年金保険者".into(),
            title: "特別徴収依頼情報".into(),
            file: "TK01_999997_20260710_001.dat".into(),
            sha256: HASH.into(),
            count: 40_210,
            amount: Some(2_412_600_000),
            confirmed_by: "佐藤".into(),
        }],
        waiting: vec![WaitingRow {
            since: jst(1_783_670_700),
            exchange: "S-000032".into(),
            title: "広域連合送付収納情報".into(),
            file: "KS05_999997_20260710_001.csv".into(),
            count: 812,
            amount: Some(4_872_000),
            href: "../../run/S-000032/index.html".into(),
        }],
        tables: vec![TableReport {
            title: "口座振替：依頼と結果".into(),
            columns: vec![
                column("金融機関", ColumnKind::Text),
                column("依頼件数", ColumnKind::Count),
                column("振替済", ColumnKind::Count),
                column("不能", ColumnKind::Count),
                column("振替済金額", ColumnKind::Amount),
                column("差引", ColumnKind::Difference),
            ],
            rows: vec![
                ["れんけい銀行", "700", "688", "12", "4128000", "0"].map(String::from).to_vec(),
                ["=ゆうちょ銀行", "300", "290", "9", "-1740000", "1"].map(String::from).to_vec(),
            ],
            note: "差引 ＝ 依頼件数 − 振替済 − 不能".into(),
        }],
    }
}
