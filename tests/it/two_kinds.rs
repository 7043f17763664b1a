//! A mapping that writes several entities: every record is accounted for once, whichever of them it went to.

use std::fs;

use renkei::clock::Clock;
use renkei::finding::Finding;
use renkei::pipeline::{Hub, worker};
use renkei::store::run::RunTotals;

use crate::town::{base_day, exchange, findings, last_run, rows};

const LAYOUT: &str = r#"
version = 1
title = "二種"
provenance = "inferred"
source = "試験"
kind = "delimited"
charset = "utf-8"
separator = ","
quote = "needed"
header = false
line_end = "crlf"
max_record = 200
order = "(世帯 | 人)*"
[[record]]
name = "世帯"
when = { field = "区分", is = ["S"] }
fields = [
  { name = "区分", type = "X", len = 1, constant = "S" },
  { name = "番号", type = "D", len = 3, required = true },
  { name = "額", type = "9", len = 5, required = true },
]
[[record]]
name = "人"
when = { field = "区分", is = ["H"] }
fields = [
  { name = "区分", type = "X", len = 1, constant = "H" },
  { name = "番号", type = "D", len = 3, required = true },
  { name = "備考", type = "X", len = 5 },
]
"#;

const MAPPING: &str = r#"
version = 1
title = "二種"
layouts = ["nishu"]
mode = "delta"
tolerance = { hold = "record", max_held = 100 }
amount = "世帯.額"
[[into]]
entity = "setai"
record = "世帯"
map = { "番号" = "番号", "額" = "額" }
[[into]]
entity = "hito"
record = "人"
map = { "番号" = "番号", "備考" = "備考" }
[[into]]
entity = "kiroku"
record = "人"
when = "備考 IS NOT NULL"
map = { "番号" = "番号", "備考" = "備考" }
"#;

fn entity(name: &str, more: &str) -> String {
    format!(
        "version = 1\nname = \"{name}\"\nkey = [\"番号\"]\ncolumn = [\n{{ name = \"番号\", type = \"text\" }},\n{more},\n]\n"
    )
}

/// A site of these files, with some limits of its own.
fn hub(limits: &str) -> (tempfile::TempDir, Hub) {
    let place = tempfile::tempdir().unwrap();
    let files = [
        ("renkei.toml", format!("version = 1\n[site]\n\"団体コード\" = \"999997\"\n\"市町村名\" = \"試験市\"\n{limits}")),
        ("schemas/layouts/nishu.toml", LAYOUT.to_owned()),
        ("mappings/in/nishu.toml", MAPPING.to_owned()),
        ("schemas/entities/setai.toml", entity("世帯", "{ name = \"額\", type = \"int\" }")),
        ("schemas/entities/hito.toml", entity("人", "{ name = \"備考\", type = \"text\" }")),
        // Notes are told apart by what they say.
        (
            "schemas/entities/kiroku.toml",
            entity("記録", "{ name = \"備考\", type = \"text\" }").replace("key = [\"番号\"]", "key = [\"備考\"]"),
        ),
        (
            "schemas/feeds/nishu.toml",
            "version = 1\ncomplete = { by = \"rename\" }\nmax_bytes = 1000\n[[form]]\npattern = \"*.csv\"\nlayout = \"nishu\"\nprofile = \"default\"\n"
                .to_owned(),
        ),
    ];
    for (path, text) in files {
        let path = place.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let (site, _) = renkei::mapping::site::load(place.path()).unwrap_or_else(|f| panic!("{f:#?}"));
    let hub = Hub::open(site, Clock::fixed(base_day(), 9, 0)).unwrap();
    (place, hub)
}

/// Drops a file and says what its run told.
fn take(hub: &mut Hub, name: &str, text: &str) -> (RunTotals, Vec<Finding>) {
    fs::create_dir_all(hub.area.inbox.join("nishu")).unwrap();
    fs::write(hub.area.inbox.join("nishu").join(name), text.replace('\n', "\r\n")).unwrap();
    worker::settle(hub).unwrap();
    let e = exchange(hub, name);
    (last_run(hub, &e).totals, findings(hub, &e))
}

#[test]
fn records_held_beyond_the_named_ones_are_counted_once_whatever_entities_they_go_to() {
    let (_place, mut hub) = hub("[limits]\nfindings_per_code = 1\n");
    // 001 and 002 come twice among the people and the notes: four records, of which one is named.
    let text = "S,001,100\nH,001,a\nH,002,b\nH,001,a\nH,002,b\nH,003,c\n";
    let (t, found) = take(&mut hub, "1.csv", text);
    assert_eq!((t.read, t.loaded_new, t.held), (6, 2, 4));
    assert_eq!(found.iter().filter(|f| f.code == "duplicate-key").count(), 1);
}

#[test]
fn records_of_several_entities_are_counted_once_and_balance() {
    let (_place, mut hub) = hub("");
    let (t, _) = take(&mut hub, "1.csv", "S,001,100\nH,001,\nH,002,a\nS,002,200\n");
    assert_eq!((t.read, t.loaded_new, t.held, t.skipped), (4, 4, 0, 0));
    assert_eq!((t.amount_read, t.amount_loaded, t.amount_new), (300, 300, 300));

    // 003 comes twice among the people: two records, each held once and with its note.
    let (t, found) = take(&mut hub, "2.csv", "S,001,100\nS,002,250\nH,001,\nH,003,b\nH,003,c\nH,004,d\n");
    assert_eq!((t.read, t.loaded_new, t.loaded_changed, t.unchanged, t.held), (6, 1, 1, 2, 2));
    assert_eq!((t.amount_read, t.amount_changed, t.amount_unchanged, t.amount_held), (350, 250, 100, 0));
    let twice: Vec<&str> = found.iter().filter(|f| f.code == "duplicate-key").map(|f| f.value.as_str()).collect();
    assert!(twice.contains(&"003"), "the finding names the key: {found:?}");

    assert!(!rows(&mut hub).contains("\t003\t"));

    // Two people with one note: neither the note stands nor the people, and the amount column of neither is touched.
    let (t, found) = take(&mut hub, "3.csv", "S,001,100\nH,005,e\nH,006,e\nH,007,\n");
    assert_eq!((t.read, t.loaded_new, t.unchanged, t.held), (4, 1, 1, 2));
    assert_eq!((t.amount_read, t.amount_unchanged, t.amount_held), (100, 100, 0));
    assert_eq!(found.iter().filter(|f| f.code == "duplicate-key").count(), 2);
    let standing = rows(&mut hub);
    assert!(
        standing.contains("\t007\t") && !standing.contains("\t005\t") && !standing.contains("\t006\t"),
        "{standing}"
    );
}
