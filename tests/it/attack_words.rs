//! What names and values that somebody made up must not be able to do to those who read of them.

use std::fs;
use std::path::Path;

use renkei::pipeline::{facts, worker};

use crate::attack::{all, drop_file, site};
use crate::town;

#[test]
fn hostile_names_and_values_are_harmless_in_reports() {
    let (_place, mut hub) = site();
    let name = "=cmd|' C calc'!A0<script>alert(1)<k>.csv";
    drop_file(&hub, "juki-ido", name, "\"<img src=x onerror=alert(1)>\",\"=1+1\",\u{1b}[31m\r\n".as_bytes());
    worker::settle(&mut hub).unwrap();
    let seen = all(&mut hub);
    let folder = facts::report_folder(&hub, &seen[0]);
    for dir in [folder.as_path(), folder.parent().unwrap(), &hub.area.reports()] {
        let page = fs::read_to_string(dir.join("index.html")).unwrap();
        assert!(!page.contains("<script>alert") && !page.contains("<img") && !page.contains('\u{1b}'));
    }
    let csv = fs::read_to_string(folder.parent().unwrap().join("exchanges.csv")).unwrap();
    assert!(csv.contains("\"'=cmd") && !csv.contains("\"=cmd"));
    let text = renkei::report::text(&facts::exchange_report(&mut hub, &seen[0]).unwrap());
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn values_that_turn_a_line_round_are_harmless_on_the_terminal() {
    let (place, mut hub) = site();
    let good = String::from_utf8(town::sample_file("juki-ido", "20261120010000.csv").1.to_vec()).unwrap();
    let mut items: Vec<&str> = good.lines().next().unwrap().split(',').collect();
    items[9] = "山田\u{202e}\u{2066}太郎";
    let line = items.join(",") + "\r\n";
    let file = place.path().join("a.csv");
    fs::write(&file, &line).unwrap();
    drop_file(&hub, "juki-ido", "a.csv", line.as_bytes());
    worker::settle(&mut hub).unwrap();
    for verb in [["trace", "a.csv:1"].as_slice(), &["preview", "juki-ido", file.to_str().unwrap()]] {
        let mut renkei = std::process::Command::new(env!("CARGO_BIN_EXE_renkei"));
        let out = renkei.arg("--root").arg(place.path()).args(verb).output().unwrap();
        let text = String::from_utf8(out.stdout).unwrap();
        assert!(text.contains("山田[U+202E][U+2066]太郎"), "{text}");
        assert!(!text.contains(['\u{202e}', '\u{2066}']), "{text}");
    }
    for verb in [["trace", "a.csv:1"].as_slice(), &["preview", "juki-ido", file.to_str().unwrap()]] {
        let text = said(place.path(), &[&["--json"], verb].concat());
        assert!(text.contains(r"山田\u202E\u2066太郎") && !text.contains(['\u{202e}', '\u{2066}']), "{text}");
        assert!(
            serde_json::from_str::<serde_json::Value>(&text).unwrap().to_string().contains("山田\u{202e}"),
            "{text}"
        );
    }
}

/// What a command says, on standard output and after it on standard error.
fn said(root: &Path, verb: &[&str]) -> String {
    let mut renkei = std::process::Command::new(env!("CARGO_BIN_EXE_renkei"));
    let out = renkei.arg("--root").arg(root).args(verb).output().unwrap();
    String::from_utf8(out.stdout).unwrap() + &String::from_utf8(out.stderr).unwrap()
}

#[test]
fn names_and_messages_send_nothing_to_the_terminal_but_text() {
    let (place, mut hub) = site();
    let name = "a\u{61c}\u{202e}vsc.csv";
    drop_file(&hub, "juki-ido", name, b"x\r\n");
    drop_file(&hub, "juki-ido", "\u{1b}]0;x\u{7}.csv", b"x\r\n");
    worker::settle(&mut hub).unwrap();
    let escape = "\u{1b}[2J\u{9b}31m\u{202e}";
    let sample = place.path().join(format!("{escape}.bin"));
    fs::write(&sample, b"PK\x03\x04").unwrap();
    let rows = "項目名,型,桁数\r\n\u{202e}氏名\u{e0041},X\u{202e},10\r\n\u{202e},X,1\r\n";
    let sheet = place.path().join("items\u{202e}.csv");
    fs::write(&sheet, rows).unwrap();
    let (sample, sheet) = (sample.to_str().unwrap(), sheet.to_str().unwrap());
    for verb in [
        ["status"].as_slice(),
        &["report", "1"],
        &["report", "2"],
        &["trace", &format!("{escape}:1")],
        &["preview", "juki-ido", sample],
        &["layout", "infer", sample],
        &["layout", "import", sheet],
        &["layout", "doc", escape],
        &["list", escape],
        &["held", escape],
    ] {
        for json in [&[][..], &["--json"]] {
            let text = said(place.path(), &[json, verb].concat());
            let odd = text.chars().find(|c| *c != '\n' && renkei::value::is_hidden(*c));
            assert_eq!(odd, None, "{verb:?} {text:?}");
        }
    }
    let drafted = said(place.path(), &["layout", "import", sheet]);
    assert!(drafted.contains("name = \"氏名_\"") && drafted.contains("name = \"項目\""), "{drafted}");
    assert!(drafted.contains(r"items\u202E"), "{drafted}");
}

#[test]
fn an_address_that_no_column_takes_is_masked_like_those_that_one_does_and_every_look_is_noted() {
    let (place, mut hub) = site();
    let (name, bytes) = town::sample_file("tokucho-kekka", "Z3");
    let file = place.path().join(name);
    fs::write(&file, bytes).unwrap();
    drop_file(&hub, "tokucho-kekka", name, bytes);
    // A held record has no version, but it has an address.
    drop_file(&hub, "juki-ido", "h.csv", held_resident().as_bytes());
    worker::settle(&mut hub).unwrap();
    let target = format!("{name}:4");
    let opened = ["--by", "甲", "--reason", "照会"];
    let mut looks = 0;
    for verb in
        [["preview", "tokucho-kekka", file.to_str().unwrap()].as_slice(), &["trace", &target], &["trace", "h.csv:1"]]
    {
        for json in [&[][..], &["--json"]] {
            let text = said(place.path(), &[json, verb].concat());
            assert!(addresses(&text).count() > 0 && addresses(&text).all(|a| a.contains("＊＊＊")), "{verb:?} {text}");
            let text = said(place.path(), &[json, verb, &opened].concat());
            assert!(addresses(&text).any(|a| !a.contains("＊＊＊")), "{verb:?} {text}");
            looks += 2;
        }
    }
    let told = renkei::store::audit::list(&mut hub.conn, None, 100).unwrap();
    let told: Vec<_> = told.iter().filter(|a| a.what == "look").collect();
    assert_eq!(told.len(), looks, "{told:?}");
    assert_eq!(told.iter().filter(|a| a.who == "甲").count(), looks / 2);
}

/// Items of an address, with their values.
fn addresses(text: &str) -> impl Iterator<Item = &str> {
    text.split(['\n', ',']).filter(|item| item.contains("住所") && !item.contains("null"))
}

/// A resident's record with a date that is none.
fn held_resident() -> String {
    let good = String::from_utf8(town::sample_file("juki-ido", "20261120010000.csv").1.to_vec()).unwrap();
    let mut items: Vec<&str> = good.lines().next().unwrap().split(',').collect();
    items[5] = "2026-02-30";
    items.join(",") + "\r\n"
}
