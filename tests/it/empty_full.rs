//! A full set without data closes nothing unless the mapping says that it may.

use std::sync::Arc;

use renkei::mapping::plan::Mode;
use renkei::store::ledger::State;

use crate::town::{Town, exchange, findings, sample_file, values, work};

/// A site whose 住記 files are full sets.
fn town(empty_closes: bool) -> Town {
    let mut town = Town::new();
    for ((interface, _, _), plan) in &mut town.site.inbound {
        if interface == "juki-ido" {
            let mut own = (**plan).clone();
            (own.mode, own.empty_closes) = (Mode::Full, empty_closes);
            *plan = Arc::new(own);
        }
    }
    town
}

#[test]
fn a_full_set_of_blank_lines_closes_nothing_and_says_why() {
    let town = town(false);
    let mut hub = town.hub();
    town.put("juki-ido", "FULL.csv", sample_file("juki-ido", "20261120010000.csv").1);
    work(&mut hub);
    let before = values(&mut hub);
    for (name, bytes) in [("LINES.csv", &b"\r\n\r\n"[..]), ("ONE.csv", b"\r\n"), ("BLANK.csv", b"   ")] {
        town.put("juki-ido", name, bytes);
        work(&mut hub);
        let e = exchange(&mut hub, name);
        let said = findings(&mut hub, &e);
        assert_ne!(e.state, State::Duplicate);
        assert!(!said.is_empty(), "{name}");
        assert_eq!(before, values(&mut hub), "{name}: {said:?}");
    }
}

#[test]
fn a_full_set_of_a_head_and_a_tail_alone_closes_nothing_and_says_why() {
    let town = Town::new();
    let mut hub = town.hub();
    let (name, bytes) = sample_file("hihokensha", "20261119040000_001.csv");
    let (manifest, said) = sample_file("hihokensha", "20261119040000_001.ctl");
    town.put("hihokensha", name, bytes);
    town.put("hihokensha", manifest, said);
    work(&mut hub);
    assert_eq!(exchange(&mut hub, name).state, State::Reported);
    let before = values(&mut hub);
    let text = std::str::from_utf8(bytes).unwrap();
    let (head, tail) = (text.lines().next().unwrap(), text.lines().last().unwrap());
    let frame = format!("{head}\r\n{}\r\n", tail.replace("000000011", "000000000"));
    let digest = <sha2::Sha256 as sha2::Digest>::digest(frame.as_bytes());
    let hex: String = digest.iter().map(|b| format!("{b:02x}")).collect();
    town.put("hihokensha", "KR01_EMPTY.csv", frame.as_bytes());
    town.put("hihokensha", "KR01_EMPTY.ctl", format!("SHA-256={hex}\r\n").as_bytes());
    work(&mut hub);
    let e = exchange(&mut hub, "KR01_EMPTY.csv");
    let codes: Vec<String> = findings(&mut hub, &e).into_iter().map(|f| f.code).collect();
    assert_eq!((e.state, codes), (State::Rejected, vec!["empty-full-set".to_owned()]));
    assert_eq!(before, values(&mut hub));
}

#[test]
fn a_full_set_of_none_closes_everything_where_the_mapping_says_so() {
    let town = town(true);
    let mut hub = town.hub();
    town.put("juki-ido", "FULL.csv", sample_file("juki-ido", "20261120010000.csv").1);
    work(&mut hub);
    town.put("juki-ido", "NONE.csv", b"\r\n");
    work(&mut hub);
    let e = exchange(&mut hub, "NONE.csv");
    assert_eq!(e.state, State::Reported, "{:?}", findings(&mut hub, &e));
    let jumin = hub.site.entities["jumin"].clone();
    assert!(renkei::pipeline::snapshot::rows_json(&mut hub, &jumin).unwrap().is_empty());
}
