//! What the shipped views cost when a municipality is large, judged by how SQLite would go about them.

use std::sync::Arc;

use renkei::schema::view::View;
use renkei::store::Conn;
use renkei::store::select::Selection;

use crate::town::{Town, shipped};

/// Relations of a few rows: a table of codes or of site values may be scanned.
const SMALL: [&str; 2] = ["サイト設定", "年金順位"];

/// Makes the planner believe in 20,000 rows of every entity; that takes no rows.
fn believe_in_a_city(conn: &mut Conn) {
    let mut sql = "ANALYZE; DELETE FROM sqlite_stat1;".to_owned();
    for entity in shipped().entities.values() {
        let id = &entity.id;
        let more = " 5".repeat(entity.key.len() - 1);
        sql.push_str(&format!("INSERT INTO sqlite_stat1 VALUES ('c_{id}', 'c_{id}', '20000 20000{more} 1');"));
        sql.push_str(&format!("INSERT INTO sqlite_stat1 VALUES ('v_{id}', NULL, '20000');"));
    }
    conn.script(&sql).unwrap();
}

/// Its joins that look at every row of the other side for each of theirs.
fn scanning_joins(conn: &mut Conn, view: &View) -> Vec<String> {
    let entities: Vec<_> = shipped().entities.values().cloned().collect();
    let views: Vec<Arc<View>> = shipped().views.values().cloned().collect();
    let selection = Selection {
        view,
        entities: &entities,
        views: &views,
        base_date: "2026-11-20",
        dantai: "999997",
        filter: None,
        order: &[],
        shared: None,
    };
    let steps = selection.steps(conn).unwrap();
    assert!(!steps.is_empty(), "{}", view.name);
    let scans = steps.into_iter().filter(|step| step.starts_with("SCAN ") && step.ends_with(" LEFT-JOIN"));
    scans.filter(|step| SMALL.iter().all(|small| !step.contains(small))).collect()
}

#[test]
fn no_view_grows_with_the_square_of_the_residents() {
    let town = Town::new();
    let hub = town.hub();
    believe_in_a_city(&mut hub.store.connect().unwrap());
    // Statistics are read when a connection is opened.
    let mut conn = hub.store.connect().unwrap();
    let mut found = Vec::new();
    for view in shipped().views.values() {
        let scans = scanning_joins(&mut conn, view);
        found.extend(scans.into_iter().map(|step| format!("{}: {step}", view.name)));
    }
    assert_eq!(found, Vec::<String>::new());
}
