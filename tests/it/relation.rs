//! What views may name beside entities and views, on both databases.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use renkei::expr::CodeTable;
use renkei::finding::RulePlace;
use renkei::mapping::site;
use renkei::schema::view::View;
use renkei::store::ledger::{self, Direction, State};
use renkei::store::ledger_out::{self, Change, OutRecord, RecordBatch};
use renkei::store::relation::{SiteFacts, refresh};
use renkei::store::select::Selection;
use renkei::store::{Conn, Store};
use renkei::value::Type;

use crate::store::{DANTAI, on_both};

fn rows(conn: &mut Conn, columns: &[(&str, Type)], uses: &[&str], sql: &str) -> Vec<String> {
    let view = View {
        id: "v".into(),
        name: "表示".into(),
        columns: columns.iter().map(|(name, ty)| ((*name).to_owned(), *ty)).collect(),
        lineage: Vec::new(),
        sql: sql.into(),
        uses: uses.iter().map(|name| (*name).to_owned()).collect(),
        of_day: false,
        shared: false,
        place: RulePlace::default(),
    };
    let order: Vec<usize> = (0..columns.len()).collect();
    let selection = Selection {
        view: &view,
        entities: &[],
        views: &[],
        base_date: "2026-09-28",
        dantai: DANTAI,
        filter: None,
        order: &order,
        shared: None,
    };
    let mut seen = Vec::new();
    selection
        .each(conn, |values| {
            seen.push(values.iter().map(ToString::to_string).collect::<Vec<_>>().join("/"));
            Ok(())
        })
        .unwrap();
    seen
}

fn fill(store: &Store, site_value: &str) -> Conn {
    let shipped = site::load(env!("CARGO_MANIFEST_DIR").as_ref()).unwrap().0;
    let values = [("期割元".to_owned(), site_value.to_owned())];
    let code = |texts: &[&str]| texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
    let table = CodeTable {
        name: "kibetsu".into(),
        columns: code(&["名称", "月"]),
        rows: HashMap::from([("01".to_owned(), code(&["第1期", "07"])), ("02".to_owned(), code(&["第2期", "08"]))]),
    };
    let codes = BTreeMap::from([("kibetsu".to_owned(), Arc::new(table))]);
    let facts = SiteFacts { values: &values, calendars: &shipped.calendars, codes: &codes };
    let mut conn = store.connect().unwrap();
    refresh(&mut conn, DANTAI, &facts).unwrap();
    refresh(&mut conn, "131016", &SiteFacts { values: &[], ..facts }).unwrap();
    conn
}

#[test]
fn site_values_and_codes_are_rows_that_follow_their_files() {
    on_both("relation_site", |store| {
        let columns = [("項目", Type::Text), ("値", Type::Text)];
        let sql = "SELECT 項目, 値 FROM サイト";
        assert_eq!(rows(&mut fill(store, "支援"), &columns, &["サイト"], sql), ["期割元/支援"]);
        assert_eq!(rows(&mut fill(store, "算定"), &columns, &["サイト"], sql), ["期割元/算定"]);
        let columns = [("コード", Type::Text), ("名称", Type::Text), ("月", Type::Text)];
        let sql = "SELECT コード, 名称, \"列1\" AS 月 FROM 符号 WHERE 表 = 'kibetsu' AND \"列2\" IS NULL";
        assert_eq!(rows(&mut fill(store, "支援"), &columns, &["符号"], sql), ["01/第1期/07", "02/第2期/08"]);
    });
}

#[test]
fn a_view_counts_business_days_on_the_calendar() {
    on_both("relation_calendar", |store| {
        let mut conn = fill(store, "支援");
        let columns = [("暦", Type::Text), ("日付", Type::Date), ("翌営業日", Type::Date), ("前営業日", Type::Date)];
        let sql = "SELECT 暦, 日付, 翌営業日, 前営業日 FROM 暦 WHERE 日付 = '2026-12-30'";
        assert_eq!(
            rows(&mut conn, &columns, &["暦"], sql),
            [
                "bank/2026-12-30/2026-12-30/2026-12-30",
                "every/2026-12-30/2026-12-30/2026-12-30",
                "office/2026-12-30/2027-01-04/2026-12-28"
            ]
        );
        let sql = "SELECT z.日付 FROM 暦 z, 暦 d, 実行 WHERE d.暦 = 'bank' AND d.日付 = 実行.基準日 AND z.暦 = 'bank' \
                   AND z.営業日 = 1 AND z.通番 = d.通番 - 5";
        assert_eq!(rows(&mut conn, &[("日付", Type::Date)], &["暦"], sql), ["2026-09-16"]);
    });
}

#[test]
fn what_a_partner_has_is_dated_by_its_delivery_in_japan() {
    on_both("relation_sent", |store| {
        let mut conn = fill(store, "支援");
        // 08:30 on the 11th in Japan.
        let at = "2026-07-10T23:30:00Z";
        let id = ledger::begin(&mut conn, DANTAI, Direction::Out, "send", "a.csv", State::Delivering, at).unwrap();
        let mut batch = RecordBatch::default();
        let record = OutRecord {
            n: 1,
            kind: "データ",
            byte: 0,
            len: 10,
            key: Some("1\u{1f}a"),
            hash: 1,
            change: Change::New,
            lineage: "",
        };
        batch.push(&record);
        batch.write(&mut conn, id).unwrap();
        ledger_out::mark_sent(&mut conn, id, "send", DANTAI, false, None).unwrap();
        ledger::advance(&mut conn, id, State::Delivering, State::Delivered, None, at).unwrap();
        let columns = [("送信", Type::Text), ("キー", Type::Text), ("交換", Type::Int), ("送付日", Type::Date)];
        let seen = rows(&mut conn, &columns, &["送付"], "SELECT 送信, キー, 交換, 送付日 FROM 送付");
        assert_eq!(seen, [format!("send/1\u{1f}a/{id}/2026-07-11")]);
    });
}
