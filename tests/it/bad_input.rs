//! What bad content gets, from the drop to the report: a finding with its place, the original kept, the next file worked off.
//!
//! The cases are data: bytes, and what the ledger must say of them. The finer cases of single fields are the codec's own.

use std::io::Read;
use std::ops::Range;

use renkei::finding::Severity;
use renkei::pipeline::Hub;
use renkei::store::ledger::{Exchange, State};

use crate::town::{Town, exchange, findings, last_run, sample_file, values, work};

/// A bad file and what becomes of it.
struct Case {
    promise: &'static str,
    interface: &'static str,
    /// End of the file name, which decides the form.
    suffix: &'static str,
    bytes: Vec<u8>,
    state: State,
    /// The finding that decides, the first fatal one or else the first error: code, record, byte ([`ANYWHERE`] in the record).
    finding: (&'static str, u64, u64),
    /// Records held; the others of an accepted file stand.
    held: i64,
}

/// Where exactly depends on the names of the sample's people.
const ANYWHERE: u64 = u64::MAX;

/// Byte ranges of a CSV file's lines without their ends; the sample has no quoted line break.
fn lines(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut start = 0;
    let mut found = Vec::new();
    for (at, _) in bytes.windows(2).enumerate().filter(|(_, w)| *w == b"\r\n") {
        found.push(start..at);
        start = at + 2;
    }
    found
}

/// Byte range of an item (from 0) of a line (from 1).
fn item(bytes: &[u8], line: usize, index: usize) -> Range<usize> {
    let line = lines(bytes)[line - 1].clone();
    let mut start = line.start;
    for (n, part) in bytes[line].split(|b| *b == b',').enumerate() {
        if n == index {
            return start..start + part.len();
        }
        start += part.len() + 1;
    }
    panic!("no item {index}");
}

fn with(bytes: &[u8], at: Range<usize>, new: &[u8]) -> Vec<u8> {
    [&bytes[..at.start], new, &bytes[at.end..]].concat()
}

/// 住記 in UTF-8 and in CP932, without what would make records differ from file to file.
fn csv() -> &'static [u8] {
    sample_file("juki-ido", "20261120010000.csv").1
}

fn sjis() -> &'static [u8] {
    sample_file("juki-ido", "sjis").1
}

fn bank() -> &'static [u8] {
    sample_file("koza-furikae-kekka", "FURIKAE_20260731").1
}

/// One item replaced: the record is held, the finding stands at the item.
fn one_item(promise: &'static str, line: usize, index: usize, new: &[u8], code: &'static str) -> Case {
    let at = item(csv(), line, index);
    let byte = at.start as u64;
    Case {
        promise,
        interface: "juki-ido",
        suffix: ".csv",
        bytes: with(csv(), at, new),
        state: State::Reported,
        finding: (code, line as u64, byte),
        held: 1,
    }
}

fn fields() -> Vec<Case> {
    let long = "長い町字名".repeat(25);
    let all = lines(csv()).len() as i64;
    let second = lines(csv())[1].clone();
    let twice = with(csv(), second.end..second.end, &[b"\r\n", &csv()[second.clone()]].concat());
    let last = lines(csv()).last().unwrap().clone();
    let lone = item(sjis(), 2, 16);
    let first_wide = |bytes: &[u8]| bytes.iter().position(|b| *b >= 0x80).unwrap() as u64;
    let sjis_all = lines(sjis()).len() as i64;
    vec![
        one_item("a field over its length", 3, 16, long.as_bytes(), "field-too-long"),
        one_item("an impossible date", 2, 14, b"1940-02-30", "bad-date"),
        one_item("a wrong check digit", 4, 0, b"999998", "wrong-check-digit"),
        one_item("an unknown code", 5, 5, b"7", "unknown-code"),
        one_item("an empty key", 2, 1, b"", "required-missing"),
        one_item("a NUL byte", 3, 17, b"\0b", "control-char"),
        Case {
            promise: "a key that stands twice in one file: nobody knows which is right",
            interface: "juki-ido",
            suffix: ".csv",
            bytes: twice,
            state: State::Reported,
            finding: ("duplicate-key", 2, second.start as u64),
            held: 2,
        },
        Case {
            promise: "CP932 under a name that says UTF-8",
            interface: "juki-ido",
            suffix: ".csv",
            bytes: sjis().to_vec(),
            state: State::Reported,
            finding: ("undecodable", 1, first_wide(sjis())),
            held: sjis_all,
        },
        Case {
            promise: "UTF-8 under a name that says CP932",
            interface: "juki-ido",
            suffix: ".sjis.csv",
            bytes: csv().to_vec(),
            state: State::Reported,
            finding: ("undecodable", 1, ANYWHERE),
            held: all,
        },
        Case {
            promise: "a lone lead byte at the end of an item does not eat the separator",
            interface: "juki-ido",
            suffix: ".sjis.csv",
            bytes: with(sjis(), lone.end..lone.end, &[0x95]),
            state: State::Reported,
            finding: ("undecodable", 2, lone.end as u64),
            held: 1,
        },
        Case {
            promise: "a lone lead byte at the end of the file",
            interface: "juki-ido",
            suffix: ".sjis.csv",
            bytes: [sjis(), &[0x95]].concat(),
            state: State::Reported,
            finding: ("field-count", sjis_all as u64 + 1, sjis().len() as u64),
            held: 1,
        },
        Case {
            promise: "a CSV file cut in the middle of its last record",
            interface: "juki-ido",
            suffix: ".csv",
            bytes: csv()[..last.start + 40].to_vec(),
            state: State::Reported,
            finding: ("field-count", all as u64, last.start as u64),
            held: 1,
        },
    ]
}

fn frames() -> Vec<Case> {
    let rows = lines(bank());
    let trailer = rows.iter().position(|r| bank()[r.start] == b'8').unwrap();
    let at = rows[trailer].start;
    let count = |n: &str| with(bank(), at + 1..at + 7, n.as_bytes());
    let declared: u64 = String::from_utf8_lossy(&bank()[at + 1..at + 7]).parse().unwrap();
    let case = |promise, bytes, finding| Case {
        promise,
        interface: "koza-furikae-kekka",
        suffix: ".txt",
        bytes,
        state: State::Rejected,
        finding,
        held: 0,
    };
    let end = rows.last().unwrap().start;
    let (_, pension) = sample_file("tokucho-kekka", "Z3499999.DTA");
    vec![
        case(
            "a trailer that counts one too many",
            count(&format!("{:06}", declared + 1)),
            ("total-mismatch", trailer as u64 + 1, at as u64 + 1),
        ),
        case(
            "a trailer that counts one too few",
            count(&format!("{:06}", declared - 1)),
            ("total-mismatch", trailer as u64 + 1, at as u64 + 1),
        ),
        case(
            "a fixed file cut inside a record",
            bank()[..end - 60].to_vec(),
            ("truncated", rows.len() as u64 - 1, rows[rows.len() - 2].start as u64),
        ),
        case("a fixed file that ends between two records", bank()[..end].to_vec(), ("order-unfinished", 0, end as u64)),
        Case {
            held: 1,
            state: State::Reported,
            ..case(
                "a kanji in a kana item",
                with(bank(), rows[1].start + 50..rows[1].start + 52, &[0x8A, 0xBF]),
                ("undecodable", 2, rows[1].start as u64 + 50),
            )
        },
        Case {
            interface: "tokucho-kekka",
            suffix: ".dta",
            ..case(
                "a 500-byte file without line ends cut inside a record",
                pension[..pension.len() - 1].to_vec(),
                ("truncated", 2 + (pension.len() as u64 - 96) / 500, pension.len() as u64 - 500),
            )
        },
        case("a file of no bytes", Vec::new(), ("empty-file", 0, 0)),
        Case { interface: "juki-ido", suffix: ".csv", ..case("an empty CSV file", Vec::new(), ("empty-file", 0, 0)) },
        Case { suffix: ".exe", ..case("a name that no form knows", b"MZ".to_vec(), ("unknown-file-name", 0, 0)) },
    ]
}

fn xml() -> Vec<Case> {
    let (_, good) = sample_file("juki-ido", ".xml");
    let head = good.iter().position(|b| *b == b'\n').unwrap() + 1;
    let case = |promise, bytes: Vec<u8>, finding| Case {
        promise,
        interface: "juki-ido",
        suffix: ".xml",
        bytes,
        state: State::Rejected,
        finding,
        held: 0,
    };
    let doctype = |text: &str| with(good, head..head, text.as_bytes());
    let mut bomb = "<!DOCTYPE b [<!ENTITY a \"aaaaaaaaaa\">".to_owned();
    for n in 0..9 {
        bomb += &format!("<!ENTITY a{n} \"{}\">", format!("&a{};", n - 1).replace("&a-1;", "&a;").repeat(10));
    }
    bomb += "]>\n";
    let text = String::from_utf8(good.to_vec()).unwrap();
    let name = text.find("<漢字>").unwrap() + "<漢字>".len();
    let close = text.rfind("</住民異動情報>").unwrap();
    vec![
        case("an XML bomb", doctype(&bomb), ("xml-doctype", 0, head as u64)),
        case(
            "an external DTD",
            doctype("<!DOCTYPE b SYSTEM \"http://192.0.2.1/b.dtd\">\n"),
            ("xml-doctype", 0, head as u64),
        ),
        case(
            "an external entity",
            doctype("<!DOCTYPE b [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>\n"),
            ("xml-doctype", 0, head as u64),
        ),
        case("an entity nobody declared", with(good, name..name, b"&x;"), ("xml-entity", 0, name as u64)),
        case(
            "elements nested without end",
            with(good, close..close, "<住民異動>".repeat(5_000).as_bytes()),
            ("xml-too-deep", 0, (close + 7 * "<住民異動>".len()) as u64),
        ),
        case(
            "an XML file cut inside a tag",
            good[..name - 2].to_vec(),
            ("xml-broken", 0, (name - "<漢字>".len()) as u64),
        ),
        case("an XML file cut inside a text", good[..name + 3].to_vec(), ("truncated", 0, name as u64 + 3)),
    ]
}

/// A file that has not been there yet: one person with a number of their own.
pub fn good_file(n: usize) -> Vec<u8> {
    let line = lines(csv())[0].clone();
    let at = item(csv(), 1, 1);
    with(&csv()[..line.end + 2], at, format!("{:015}", 900_000_000 + n).as_bytes())
}

/// The original's bytes are kept as they came.
fn assert_kept(hub: &Hub, e: &Exchange, bytes: &[u8], promise: &str) {
    let mut kept = Vec::new();
    hub.area
        .open_archived(e.sha256.as_deref().expect("a hash"))
        .expect("archived")
        .read_to_end(&mut kept)
        .expect("reads");
    assert_eq!(kept, bytes, "{promise}");
}

/// Drops every case and a good file behind each; gathers everything that is not as promised.
fn play(cases: Vec<Case>) {
    let town = Town::new();
    let mut hub = town.hub();
    let mut wrong = Vec::new();
    for (n, case) in cases.iter().enumerate() {
        let name = format!("BAD{n}{}", case.suffix);
        let name = if case.interface == "tokucho-kekka" { format!("Z34{n}{}", case.suffix) } else { name };
        town.put(case.interface, &name, &case.bytes);
        work(&mut hub);
        let e = exchange(&mut hub, &name);
        let run = last_run(&mut hub, &e);
        let found = findings(&mut hub, &e);
        let decides = |least| found.iter().find(|f| f.severity >= least);
        let place = decides(Severity::Fatal).or_else(|| decides(Severity::Error)).map(|f| {
            let byte = if case.finding.2 == ANYWHERE { ANYWHERE } else { f.data.byte };
            (f.code.as_str(), f.data.record, byte)
        });
        if (e.state, place, run.totals.held) != (case.state, Some(case.finding), case.held) {
            wrong.push(format!(
                "{}: {:?} {place:?} held {} instead of {:?} {:?} held {}; all: {:?}",
                case.promise,
                e.state,
                run.totals.held,
                case.state,
                case.finding,
                case.held,
                found
                    .iter()
                    .map(|f| (&f.code, f.data.record, f.data.byte, f.data.len, &f.message))
                    .take(6)
                    .collect::<Vec<_>>()
            ));
        }
        let t = &run.totals;
        let parts = t.loaded_new + t.loaded_changed + t.unchanged + t.closed + t.held + t.rejected + t.skipped;
        assert_eq!(t.read, parts, "{}: {t:?}", case.promise);
        assert!(found.iter().all(|f| !f.message.is_empty()), "{}", case.promise);
        let report = renkei::pipeline::facts::report_folder(&hub, &e).join("index.html");
        assert!(report.is_file(), "{}: no report", case.promise);
        assert_kept(&hub, &e, &case.bytes, case.promise);

        let next = format!("GOOD{n}.csv");
        town.put("juki-ido", &next, &good_file(n));
        work(&mut hub);
        let e = exchange(&mut hub, &next);
        assert_eq!(
            (e.state, last_run(&mut hub, &e).totals.loaded_new),
            (State::Reported, 1),
            "the file behind: {}",
            case.promise
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_bad_field_holds_its_record_and_is_named_to_the_byte() {
    play(fields());
}

#[test]
fn a_broken_frame_rejects_the_file_and_is_named_to_the_byte() {
    play(frames());
}

#[test]
fn xml_without_doctype_and_entities_only() {
    play(xml());
}

#[test]
fn a_trail_byte_that_looks_like_a_separator_is_part_of_its_character() {
    let town = Town::new();
    let mut hub = town.hub();
    // 表 ends in 5C, ポ in 7C; quoted, at the end of an item, and beside a quote.
    let at = item(sjis(), 1, 16);
    let bytes = with(sjis(), at, &[0x95, 0x5C, 0x83, 0x7C]);
    let at = item(&bytes, 1, 18);
    let bytes = with(&bytes, at, &[b'"', 0x83, 0x7C, 0x22, 0x22, 0x95, 0x5C, b'"']);
    town.put("juki-ido", "TRAIL.sjis.csv", &bytes);
    work(&mut hub);
    let e = exchange(&mut hub, "TRAIL.sjis.csv");
    assert_eq!((e.state, last_run(&mut hub, &e).totals.held), (State::Reported, 0), "{:?}", findings(&mut hub, &e));
    let rows = values(&mut hub);
    assert!(rows.contains(r#""住所_町字":"表ポ""#) && rows.contains(r#""住所_方書":"ポ\"表""#), "{rows}");
}

#[test]
fn a_file_that_differs_from_its_manifest_is_rejected() {
    let town = Town::new();
    let mut hub = town.hub();
    let (name, bytes) = sample_file("hihokensha", "20261119040000_001.csv");
    let (manifest, said) = sample_file("hihokensha", "20261119040000_001.ctl");
    town.put("hihokensha", name, &bytes[..bytes.len() - 2]);
    work(&mut hub);
    assert!(crate::town::exchanges(&mut hub).is_empty(), "taken before its manifest came");
    town.put("hihokensha", manifest, said);
    work(&mut hub);
    let e = exchange(&mut hub, name);
    assert_eq!((e.state, findings(&mut hub, &e)[0].code.as_str()), (State::Rejected, "manifest-mismatch"));
}
