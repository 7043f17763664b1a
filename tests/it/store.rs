//! The store keeps its promises on both databases.

use renkei::finding::RulePlace;
use renkei::schema::entity::{Column, Entity};
use renkei::schema::view::View;
use renkei::store::apply::{Applied, ApplyMode, apply_compared, apply_entity, discard_run};
use renkei::store::bulk::{Unfit, VersionBatch, VersionWriter};
use renkei::store::select::{Filter, Selection, dump};
use renkei::store::shared::Shared;
use renkei::store::{Conn, Store, ddl, lineage};
use renkei::value::{OwnedValue, Type, Value};
use std::sync::Arc;

use crate::pg;

pub const DANTAI: &str = "999997";

/// Runs a test on a fresh SQLite file and, where there is one, on a fresh PostgreSQL database.
pub fn on_both(name: &str, test: impl Fn(&Store)) {
    let folder = tempfile::tempdir().unwrap();
    test(&Store::open("sqlite:data/renkei.db", folder.path()).unwrap());
    if let Some(url) = pg::url(name) {
        test(&Store::open(&url, folder.path()).unwrap());
    }
}

fn entity(id: &str, name: &str, columns: &[(&str, Type)], key: &[usize]) -> Entity {
    let column = |(name, ty): &(&str, Type)| Column {
        name: (*name).to_owned(),
        ty: *ty,
        secret: false,
        vault: false,
        guard: None,
        place: RulePlace::default(),
    };
    Entity {
        newer: None,
        id: id.to_owned(),
        name: name.to_owned(),
        columns: columns.iter().map(column).collect(),
        key: key.to_vec(),
        indexes: vec![],
        place: RulePlace::default(),
    }
}

/// 住民(番号, 世帯, 氏名, 金額), key 番号, index 世帯.
fn residents() -> Entity {
    let columns = [("番号", Type::Text), ("世帯", Type::Text), ("氏名", Type::Text), ("金額", Type::Int)];
    Entity { indexes: vec![vec![1]], ..entity("jumin", "住民", &columns, &[0]) }
}

type Row<'a> = (&'a str, &'a str, &'a str, i64);

fn stage(conn: &mut Conn, entity: &Entity, run: i64, rows: &[Row<'_>], closes: &[&str]) {
    let mut batch = VersionBatch::new(entity);
    let mut record = 0;
    let mut next = || {
        record += 1;
        record
    };
    for (key, household, name, amount) in rows {
        let n = next();
        batch.start(n, n * 100, 100, None, false);
        for value in [Value::Text(key), Value::Text(household), Value::Text(name), Value::Int(*amount)] {
            batch.push(value);
        }
        batch.finish().unwrap();
    }
    for key in closes {
        let n = next();
        batch.start(n, n * 100, 100, None, true);
        for value in [Value::Text(key), Value::Text("x"), Value::Null, Value::Null] {
            batch.push(value);
        }
        batch.finish().unwrap();
    }
    VersionWriter::new(entity, run, DANTAI).write(conn, &batch).unwrap();
}

fn apply(conn: &mut Conn, entity: &Entity, run: i64, full: bool, any_held: bool) -> Applied {
    let mode = ApplyMode { full, any_held, max_duplicates: 100, amount: None };
    conn.durable(|conn| apply_entity(conn, entity, run, DANTAI, mode)).unwrap()
}

fn standing(conn: &mut Conn, entity: &Entity) -> String {
    let mut out = Vec::new();
    dump(conn, [entity], &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn versions(conn: &mut Conn) -> i64 {
    conn.query_one("SELECT count(*) FROM v_jumin", &[], |r| r.int(0)).unwrap()
}

const FIRST: [Row<'_>; 3] = [("0002", "B", "二郎", 20), ("0001", "A", "一郎", 10), ("0003", "A", "三郎", 30)];

/// A store with [`FIRST`] loaded as run 1.
fn loaded(store: &Store) -> (Conn, Entity) {
    let mut conn = store.connect().unwrap();
    let entity = residents();
    assert_eq!(ddl::ensure_entities(&mut conn, [&entity]).unwrap(), []);
    stage(&mut conn, &entity, 1, &FIRST, &[]);
    let applied = apply(&mut conn, &entity, 1, true, false);
    assert_eq!(applied, Applied { new: 3, ..Applied::default() });
    ddl::ensure_indexes(&mut conn, &entity).unwrap();
    (conn, entity)
}

#[test]
fn rows_stand_in_key_order_only_once_they_are_applied() {
    on_both("first_load", |store| {
        let mut conn = store.connect().unwrap();
        let entity = residents();
        ddl::ensure_entities(&mut conn, [&entity]).unwrap();
        stage(&mut conn, &entity, 1, &FIRST, &[]);
        assert_eq!(standing(&mut conn, &entity), "# jumin\n");
        apply(&mut conn, &entity, 1, false, false);
        let rows = "# jumin\n999997\t2\t200\t100\t0001\tA\t一郎\t10\n999997\t1\t100\t100\t0002\tB\t二郎\t20\n\
                    999997\t3\t300\t100\t0003\tA\t三郎\t30\n";
        assert_eq!(standing(&mut conn, &entity), rows);
    });
}

#[test]
fn the_same_rows_again_change_nothing() {
    on_both("resend", |store| {
        let (mut conn, entity) = loaded(store);
        let before = standing(&mut conn, &entity);
        stage(&mut conn, &entity, 2, &FIRST, &[]);
        let applied = apply(&mut conn, &entity, 2, true, false);
        assert_eq!(applied, Applied { unchanged: 3, ..Applied::default() });
        assert_eq!(standing(&mut conn, &entity), before);
        assert_eq!(versions(&mut conn), 3);
    });
}

#[test]
fn a_delta_adds_changes_and_closes_what_it_names() {
    on_both("delta", |store| {
        let (mut conn, entity) = loaded(store);
        let rows = [("0002", "B", "二郎", 20), ("0003", "C", "三郎", 30), ("0004", "C", "四郎", 40)];
        stage(&mut conn, &entity, 2, &rows, &["0001", "0009"]);
        let applied = apply(&mut conn, &entity, 2, false, false);
        let wanted = Applied { new: 1, changed: 1, unchanged: 1, closed: 1, close_unknown: 1, ..Applied::default() };
        assert_eq!(applied, wanted);
        // Three of before, one changed, one new, one tombstone.
        assert_eq!(versions(&mut conn), 6);
        let history = lineage::history(&mut conn, &entity, DANTAI, &[Value::Text("0001")], 10).unwrap();
        assert_eq!(history.iter().map(|v| v.closed).collect::<Vec<_>>(), [false, true]);
        assert_eq!(history[1].values[1], OwnedValue::Null, "a tombstone keeps the key only");
        assert_eq!(lineage::current(&mut conn, &entity, DANTAI, &[Value::Text("0001")]).unwrap(), None);
    });
}

#[test]
fn a_full_set_closes_what_it_does_not_name_and_a_key_may_come_back() {
    on_both("full", |store| {
        let (mut conn, entity) = loaded(store);
        stage(&mut conn, &entity, 2, &FIRST[..1], &[]);
        let applied = apply(&mut conn, &entity, 2, true, false);
        assert_eq!(applied, Applied { unchanged: 1, vanished: 2, ..Applied::default() });
        let history = lineage::history(&mut conn, &entity, DANTAI, &[Value::Text("0001")], 10).unwrap();
        assert_eq!(history[1].src.as_deref(), Some(format!("jumin:{}", history[0].vid).as_str()));
        stage(&mut conn, &entity, 3, &FIRST[..2], &[]);
        let applied = apply(&mut conn, &entity, 3, true, false);
        assert_eq!(applied, Applied { new: 1, unchanged: 1, ..Applied::default() });
        assert_eq!(standing(&mut conn, &entity).lines().count(), 3);
        // A full set of nothing.
        assert_eq!(apply(&mut conn, &entity, 4, true, false).vanished, 2);
    });
}

#[test]
fn a_held_record_puts_closing_off() {
    on_both("held", |store| {
        let (mut conn, entity) = loaded(store);
        stage(&mut conn, &entity, 2, &FIRST[..1], &[]);
        let applied = apply(&mut conn, &entity, 2, true, true);
        assert_eq!(applied, Applied { unchanged: 1, closing_put_off: true, ..Applied::default() });
        assert_eq!(standing(&mut conn, &entity).lines().count(), 4);
    });
}

#[test]
fn rows_with_the_same_key_are_all_taken_out() {
    on_both("duplicates", |store| {
        let mut conn = store.connect().unwrap();
        let entity = residents();
        ddl::ensure_entities(&mut conn, [&entity]).unwrap();
        let rows = [FIRST[0], FIRST[1], ("0002", "Z", "別人", 1), FIRST[2], FIRST[0]];
        // On an empty table, and again on one with rows.
        for (run, new, unchanged) in [(1, 2, 0), (2, 0, 2)] {
            stage(&mut conn, &entity, run, &rows, &[]);
            let applied = apply(&mut conn, &entity, run, true, false);
            assert_eq!((applied.new, applied.unchanged, applied.duplicates), (new, unchanged, 3));
            assert_eq!(applied.duplicate_rows.iter().map(|d| d.record).collect::<Vec<_>>(), [1, 3, 5]);
            assert!(applied.closing_put_off);
            assert_eq!(versions(&mut conn), 2);
        }
    });
}

#[test]
fn an_unfinished_run_is_discarded_and_an_applied_one_is_not() {
    on_both("discard", |store| {
        let (mut conn, entity) = loaded(store);
        stage(&mut conn, &entity, 2, &FIRST[..2], &[]);
        stage(&mut conn, &entity, 2, &FIRST[2..], &[]);
        assert_eq!(discard_run(&mut conn, &entity, 2).unwrap(), 3);
        assert_eq!(discard_run(&mut conn, &entity, 2).unwrap(), 0);
        assert_eq!(discard_run(&mut conn, &entity, 1).unwrap(), 0);
        assert_eq!(versions(&mut conn), 3);
    });
}

#[test]
fn municipalities_do_not_see_each_other() {
    on_both("dantai", |store| {
        let (mut conn, entity) = loaded(store);
        let mut batch = VersionBatch::new(&entity);
        batch.start(1, 0, 10, None, false);
        for value in [Value::Text("0001"), Value::Null, Value::Null, Value::Null] {
            batch.push(value);
        }
        batch.finish().unwrap();
        VersionWriter::new(&entity, 2, "131016").write(&mut conn, &batch).unwrap();
        let mode = ApplyMode { full: true, any_held: false, max_duplicates: 1, amount: None };
        let applied = apply_entity(&mut conn, &entity, 2, "131016", mode).unwrap();
        assert_eq!(applied, Applied { new: 1, ..Applied::default() });
        assert_eq!(standing(&mut conn, &entity).lines().count(), 5);
    });
}

#[test]
fn a_row_without_its_key_or_with_nul_is_refused_by_the_batch() {
    let mut batch = VersionBatch::new(&residents());
    for (key, name, unfit) in [(Value::Null, "a", Unfit::NullKey(0)), (Value::Text("1"), "a\0b", Unfit::NulCharacter)] {
        batch.start(1, 0, 10, None, false);
        for value in [key, Value::Null, Value::Text(name), Value::Null] {
            batch.push(value);
        }
        assert_eq!(batch.finish(), Err(unfit));
    }
    assert!(batch.is_empty());
}

#[test]
fn a_new_column_is_added_and_a_lost_retyped_or_rekeyed_one_is_refused() {
    on_both("ddl", |store| {
        let (mut conn, entity) = loaded(store);
        let mut wider = entity.clone();
        wider.columns.push(Column { name: "備考".into(), ..entity.columns[0].clone() });
        assert_eq!(ddl::ensure_entities(&mut conn, [&wider]).unwrap(), []);
        let vid = lineage::current(&mut conn, &wider, DANTAI, &[Value::Text("0001")]).unwrap().unwrap();
        let version = lineage::version(&mut conn, &wider, vid).unwrap().unwrap();
        assert_eq!(version.values[3..], [OwnedValue::Int(10), OwnedValue::Null]);
        let mut retyped = wider.clone();
        retyped.columns[2].ty = Type::Int;
        let rekeyed = Entity { key: vec![0, 1], ..wider.clone() };
        for bad in [&entity, &retyped, &rekeyed] {
            let findings = ddl::ensure_entities(&mut conn, [bad]).unwrap();
            assert_eq!(findings.len(), 1);
            assert_eq!(findings[0].code, "entity-destructive-change");
        }
        assert!(ddl::has_indexes(&mut conn, &wider).unwrap());
    });
}

/// A view over the residents, and one over it.
fn nested_views() -> (View, View) {
    let view = |id: &str, name: &str, uses: &[&str], sql: &str| View {
        id: id.into(),
        name: name.into(),
        columns: vec![("番号".into(), Type::Text), ("世帯".into(), Type::Text), ("合計".into(), Type::Int)],
        lineage: vec![("_v1".into(), "jumin".into())],
        sql: sql.into(),
        uses: uses.iter().map(|u| (*u).to_owned()).collect(),
        of_day: false,
        shared: false,
        place: RulePlace::default(),
    };
    let inner = view(
        "inner",
        "内",
        &["住民"],
        "SELECT 番号, NULLIF(世帯, '') AS 世帯, CAST(SUM(金額) OVER (PARTITION BY 世帯) AS BIGINT) AS 合計, _v AS _v1 FROM 住民",
    );
    let outer = view(
        "outer",
        "外",
        &["内", "実行"],
        "SELECT i.番号, i.世帯, i.合計 / 2 AS 合計, i._v1 FROM 内 i, 実行 WHERE 実行.基準日 > '2000-00-00';",
    );
    (inner, outer)
}

#[test]
fn a_view_gives_the_same_rows_in_the_same_order_on_both() {
    on_both("view", |store| {
        let (mut conn, entity) = loaded(store);
        let rows = [("000a", "ｱ", "五", 5), ("000B", "ア", "六", 6), ("0010", "", "七", 7)];
        stage(&mut conn, &entity, 2, &rows, &[]);
        apply(&mut conn, &entity, 2, false, false);
        let (inner, outer) = nested_views();
        let selection = Selection {
            view: &outer,
            entities: &[Arc::new(entity)],
            views: &[Arc::new(inner)],
            base_date: "2026-04-01",
            dantai: DANTAI,
            filter: Some(Filter { sql: "\"番号\" <> ?3", params: &[Value::Text("0002")] }),
            order: &[1, 0],
            shared: None,
        };
        let mut seen = Vec::new();
        let mut named = String::new();
        selection
            .each(&mut conn, |values| {
                lineage::lineage_text(&outer, values, &mut named);
                assert!(lineage::parse(&named).all(|(id, vid)| id == "jumin" && vid > 0));
                seen.push(format!("{}/{}/{}", values[0], values[1], values[2]));
                Ok(())
            })
            .unwrap();
        assert_eq!(seen, ["0010//3", "0001/A/20", "0003/A/20", "000B/ア/3", "000a/ｱ/2"]);
        assert_eq!(selection.count(&mut conn).unwrap(), 5);
    });
}

#[test]
fn rows_of_a_shared_view_are_those_it_had_when_it_was_computed_until_they_are_dropped() {
    on_both("shared", |store| {
        let (mut conn, entity) = loaded(store);
        let (inner, outer) = nested_views();
        let (entities, views) = ([Arc::new(entity.clone())], [Arc::new(inner.clone())]);
        let rows = |conn: &mut Conn, view: &View, shared: Option<&Shared>| {
            let selection = Selection {
                view,
                entities: &entities,
                views: &views,
                base_date: "2026-04-01",
                dantai: DANTAI,
                filter: None,
                order: &[0],
                shared,
            };
            let mut rows = Vec::new();
            let mut each = |values: &[Value<'_>]| {
                rows.push(values.iter().map(Value::to_string).collect::<Vec<_>>().join("/"));
                Ok(())
            };
            selection.each(conn, &mut each).unwrap();
            rows
        };
        let compute = |conn: &mut Conn, shared: &mut Shared, view: &View| {
            let (filter, order) = (None, [].as_slice());
            let (base_date, dantai) = ("2026-04-01", DANTAI);
            let (entities, views) = (&entities, &views);
            let selection = Selection { view, entities, views, base_date, dantai, filter, order, shared: None };
            shared.compute(conn, &selection).unwrap();
        };
        let before = [rows(&mut conn, &inner, None), rows(&mut conn, &outer, None)];
        let mut shared = Shared::default();
        compute(&mut conn, &mut shared, &inner);
        compute(&mut conn, &mut shared, &outer);
        stage(&mut conn, &entity, 2, &[("0001", "A", "一郎", 11)], &["0003"]);
        apply(&mut conn, &entity, 2, false, false);
        let now = [rows(&mut conn, &inner, None), rows(&mut conn, &outer, None)];
        assert_ne!(now, before);
        assert_eq!([rows(&mut conn, &inner, Some(&shared)), rows(&mut conn, &outer, Some(&shared))], before);
        shared.drop(&mut conn).unwrap();
        assert_eq!([rows(&mut conn, &inner, Some(&shared)), rows(&mut conn, &outer, Some(&shared))], now);
        compute(&mut conn, &mut shared, &inner);
        assert_eq!(rows(&mut conn, &outer, Some(&shared)), now[1]);
    });
}

/// A file sent again stages what changed alone; what it does not name is closed, and a key that comes twice is seen.
#[test]
fn rows_that_stand_are_not_staged_again() {
    on_both("same_rows", |store| {
        let entity = residents();
        let mut conn = store.connect().unwrap();
        ddl::ensure_entities(&mut conn, [&entity]).unwrap();
        let keys: Vec<String> = (0..2000).map(|n| format!("{n:05}")).collect();
        let batch_of = |rows: &[(&str, i64)]| {
            let mut batch = VersionBatch::new(&entity);
            for (n, (key, amount)) in rows.iter().enumerate() {
                batch.start(n as u64 + 1, n as u64 * 100, 100, None, false);
                for value in [Value::Text(key), Value::Text("A"), Value::Text("一郎"), Value::Int(*amount)] {
                    batch.push(value);
                }
                batch.finish().unwrap();
            }
            batch
        };
        let rows: Vec<(&str, i64)> = keys.iter().map(|k| (k.as_str(), 10)).collect();
        let mode = ApplyMode { full: true, any_held: false, max_duplicates: 10, amount: Some(3) };
        let mut send = |run: i64, rows: &[(&str, i64)]| {
            let mut writer = VersionWriter::new(&entity, run, DANTAI).comparing(&entity, &conn, Some(3));
            let staged = writer.write_changed(&mut conn, &mut batch_of(rows)).unwrap();
            let same = writer.finish();
            let twice = same.came_twice();
            let applied = (!twice).then(|| apply_compared(&mut conn, &entity, run, DANTAI, mode, &same).unwrap());
            (staged.end - staged.start, twice, applied)
        };
        let (staged, _, applied) = send(1, &rows);
        assert_eq!((staged, applied.unwrap().new), (2000, 2000));
        let mut again = rows.clone();
        again[7].1 = 11;
        again.push(("90000", 5));
        again.remove(1999);
        let (staged, _, applied) = send(2, &again);
        let applied = applied.unwrap();
        assert_eq!(staged, 2);
        assert_eq!((applied.new, applied.changed, applied.unchanged, applied.vanished), (1, 1, 1998, 1));
        assert_eq!(applied.amounts.map(|a| (a.new, a.changed, a.unchanged)), Some((5, 11, 19980)));
        let mut twice = again.clone();
        twice.push(("00003", 99));
        assert!(send(3, &twice).1);
    });
}

#[test]
fn what_stands_is_found_whatever_the_order_of_the_rows_and_however_far_apart_they_lie() {
    on_both("same_order", |store| {
        let columns = [("番号", Type::Text), ("回", Type::Int), ("金額", Type::Int)];
        let entity = entity("nofu", "納付", &columns, &[0, 1]);
        let mut conn = store.connect().unwrap();
        ddl::ensure_entities(&mut conn, [&entity]).unwrap();
        // Keys whose order as text is not that of their numbers; 9 stands before 10 in one column and behind it in the other.
        let key = |n: i64| (format!("{}あ", n / 12), n % 12);
        let mut all: Vec<(String, i64)> = (0..12_000).map(key).collect();
        all.sort();
        let mut send = |run: i64, rows: &[(String, i64, i64)]| {
            let mut batch = VersionBatch::new(&entity);
            for (n, (number, time, amount)) in rows.iter().enumerate() {
                batch.start(n as u64 + 1, 0, 1, None, false);
                [Value::Text(number), Value::Int(*time), Value::Int(*amount)]
                    .into_iter()
                    .for_each(|value| batch.push(value));
                batch.finish().unwrap();
            }
            let mut writer = VersionWriter::new(&entity, run, DANTAI).comparing(&entity, &conn, None);
            let staged = writer.write_changed(&mut conn, &mut batch).unwrap();
            let mode = ApplyMode { full: false, any_held: false, max_duplicates: 10, amount: None };
            let applied = apply_compared(&mut conn, &entity, run, DANTAI, mode, &writer.finish()).unwrap();
            (staged.end - staged.start, applied.new, applied.changed, applied.unchanged)
        };
        let rows = |keys: &[(String, i64)]| keys.iter().map(|(a, b)| (a.clone(), *b, 5)).collect::<Vec<_>>();
        // Every fourth key is not there yet.
        let stands: Vec<_> = all.iter().enumerate().filter(|(n, _)| n % 4 > 0).map(|(_, key)| key.clone()).collect();
        assert_eq!(send(1, &rows(&stands)), (9_000, 9_000, 0, 0));
        let far: Vec<_> = stands.iter().step_by(8).cloned().collect();
        assert_eq!(send(2, &rows(&far)), (0, 0, 0, 1_125), "far apart");
        let mut mixed = far.clone();
        mixed.reverse();
        mixed.swap(3, 700);
        assert_eq!(send(3, &rows(&mixed)), (0, 0, 0, 1_125), "in no order");
        let (mut near_and_far, last) = (stands[..1_500].to_vec(), stands[8_999].clone());
        near_and_far.push(last);
        assert_eq!(send(4, &rows(&near_and_far)), (0, 0, 0, 1_501), "one far behind the others");
        let mut with_new = rows(&all);
        with_new[6_001].2 = 7;
        assert_eq!(send(5, &with_new), (3_001, 3_000, 1, 8_999), "with new ones between");
    });
}

#[test]
fn a_row_older_than_what_its_key_was_closed_with_opens_nothing() {
    on_both("older_open", |store| {
        let mut conn = store.connect().unwrap();
        let entity = Entity { newer: Some(3), ..residents() };
        ddl::ensure_entities(&mut conn, [&entity]).unwrap();
        stage(&mut conn, &entity, 1, &FIRST, &[]);
        apply(&mut conn, &entity, 1, false, false);
        // 0002 is closed by a record without an order, so with what stood (20); 0001 (10) is no longer in a full set.
        stage(&mut conn, &entity, 2, &[FIRST[2]], &["0002"]);
        let applied = apply(&mut conn, &entity, 2, true, false);
        assert_eq!((applied.closed, applied.vanished), (1, 1));
        let mut come = |run: i64, key: &str, order: i64| {
            stage(&mut conn, &entity, run, &[(key, "B", "遅着", order)], &[]);
            let applied = apply(&mut conn, &entity, run, false, false);
            (applied.new, applied.changed, applied.older)
        };
        assert_eq!(come(3, "0002", 19), (0, 0, 1));
        assert_eq!(come(4, "0001", 9), (0, 0, 1));
        assert_eq!(come(5, "0002", 20), (1, 0, 0));
        assert_eq!(come(6, "0001", 11), (1, 0, 0));
        // What opened again is compared with what stands now.
        assert_eq!(come(7, "0001", 10), (0, 0, 1));
        // A key that opened may be closed once more, and everything be closed at once.
        stage(&mut conn, &entity, 8, &[], &["0001"]);
        assert_eq!(apply(&mut conn, &entity, 8, false, false).closed, 1);
        assert_eq!(apply(&mut conn, &entity, 9, true, false).vanished, 2);
        assert_eq!(standing(&mut conn, &entity), "# jumin\n");
        let mut come = |run: i64, key: &str, order: i64| {
            stage(&mut conn, &entity, run, &[(key, "B", "遅着", order)], &[]);
            let applied = apply(&mut conn, &entity, run, false, false);
            (applied.new, applied.older)
        };
        assert_eq!(come(10, "0003", 29), (0, 1));
        assert_eq!(come(11, "0001", 10), (0, 1));
    });
}

#[test]
fn an_entity_that_went_without_an_order_for_a_while_closes_its_keys_again() {
    on_both("order_again", |store| {
        let mut conn = store.connect().unwrap();
        let ordered = Entity { newer: Some(3), ..residents() };
        let plain = residents();
        ddl::ensure_entities(&mut conn, [&ordered]).unwrap();
        stage(&mut conn, &ordered, 1, &FIRST, &[]);
        apply(&mut conn, &ordered, 1, false, false);
        stage(&mut conn, &ordered, 2, &[FIRST[1]], &["0002"]);
        assert_eq!(apply(&mut conn, &ordered, 2, true, false).closed, 1);
        // Without an order everything opens, and no closed key is forgotten.
        stage(&mut conn, &plain, 3, &FIRST, &[]);
        assert_eq!(apply(&mut conn, &plain, 3, false, false).new, 2);
        stage(&mut conn, &ordered, 4, &[FIRST[1]], &["0002"]);
        let applied = apply(&mut conn, &ordered, 4, true, false);
        assert_eq!((applied.closed, applied.vanished), (1, 1));
        stage(&mut conn, &ordered, 5, &[("0002", "B", "遅着", 19)], &[]);
        assert_eq!(apply(&mut conn, &ordered, 5, false, false).older, 1);
    });
}

#[test]
fn a_close_older_than_what_stands_closes_nothing() {
    on_both("older_close", |store| {
        let mut conn = store.connect().unwrap();
        let entity = Entity { newer: Some(3), ..residents() };
        ddl::ensure_entities(&mut conn, [&entity]).unwrap();
        stage(&mut conn, &entity, 1, &FIRST, &[]);
        apply(&mut conn, &entity, 1, false, false);
        let mut close = |run: i64, order: i64| {
            let mut batch = VersionBatch::new(&entity);
            batch.start(1, 0, 100, None, true);
            for value in [Value::Text("0002"), Value::Null, Value::Null, Value::Int(order)] {
                batch.push(value);
            }
            batch.finish().unwrap();
            VersionWriter::new(&entity, run, DANTAI).write(&mut conn, &batch).unwrap();
            let applied = apply(&mut conn, &entity, run, false, false);
            (applied.closed, applied.older)
        };
        assert_eq!(close(2, 19), (0, 1));
        assert_eq!(close(3, 21), (1, 0));
    });
}
