//! What the example cases show, counted: every finding code, and for every interface good and bad files, corrections,
//! outcomes and kinds of change. `cargo test coverage -- --nocapture` prints the table.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use renkei::clock::Clock;
use renkei::finding::catalogue;
use renkei::mapping::plan::Mode;
use renkei::mapping::site;
use renkei::pipeline::Hub;
use renkei::schema::load_feed::matches;
use serde_json::Value as Json;

use crate::town::{Town, base_day, copy_tree, exchange, files_below, findings, sample_file, shipped, work};

/// Forms, checks, outcomes or changes that no case can show, as `interface: what`, with the reason.
const CANNOT: [(&str, &str); 0] = [];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Name and expected document of every case.
fn cases() -> Vec<(String, Json)> {
    let below = root().join("tests/interfaces");
    let mut cases = Vec::new();
    for path in files_below(&below).into_iter().filter(|p| p.file_name().is_some_and(|n| n == "expected.json")) {
        let name = path.parent().unwrap().strip_prefix(&below).unwrap().to_string_lossy().replace('\\', "/");
        cases.push((name, serde_json::from_slice(&fs::read(&path).unwrap()).unwrap()));
    }
    assert!(cases.len() > 100);
    cases
}

fn list<'a>(json: &'a Json, key: &str) -> impl Iterator<Item = &'a Json> {
    json[key].as_array().into_iter().flatten()
}

fn text<'a>(json: &'a Json, key: &str) -> &'a str {
    json[key].as_str().unwrap_or_default()
}

fn codes(report: &Json) -> impl Iterator<Item = String> {
    list(report, "findings").map(|f| text(f, "code").to_owned())
}

/// What the cases show of one interface.
#[derive(Default)]
struct Shown {
    /// Outcome of a report → how often.
    outcomes: BTreeMap<String, usize>,
    codes: BTreeSet<String>,
    /// Names of files that were taken without a finding worth holding.
    loaded: Vec<String>,
    /// Derived classes with rows.
    classes: BTreeSet<String>,
    /// Kinds of change in lists of sent files.
    changes: BTreeSet<String>,
    /// Cases whose report was compared.
    cases: BTreeSet<String>,
}

fn shown() -> BTreeMap<String, Shown> {
    let mut all: BTreeMap<String, Shown> = BTreeMap::new();
    for (name, expected) in cases() {
        for report in list(&expected, "reports") {
            let shown = all.entry(text(report, "interface").to_owned()).or_default();
            shown.cases.insert(name.clone());
            *shown.outcomes.entry(text(report, "outcome").to_owned()).or_default() += 1;
            shown.codes.extend(codes(report));
            if text(report, "outcome") == "loaded" {
                shown.loaded.push(text(&report["file"], "name").to_owned());
            }
            let classes = list(report, "outcomes").filter(|o| o["tally"]["count"].as_u64() > Some(0));
            shown.classes.extend(classes.map(|o| text(o, "label").to_owned()));
        }
        let interface = name.split('/').next().unwrap().to_owned();
        for line in list(&expected, "drafts").flat_map(|lines| lines.as_array().into_iter().flatten().skip(1)) {
            let kind = line.as_str().and_then(|line| line.split('｜').nth(1)).unwrap_or_default();
            all.entry(interface.clone()).or_default().changes.insert(kind.to_owned());
        }
    }
    all
}

#[test]
fn every_finding_code_is_shown_by_a_case() {
    let seen: BTreeSet<String> =
        cases().iter().flat_map(|(_, e)| list(e, "reports").flat_map(codes).collect::<Vec<_>>()).collect();
    let missing: Vec<&String> = catalogue().keys().filter(|code| !seen.contains(*code)).collect();
    assert!(missing.is_empty(), "no case shows {missing:?}");
}

/// Prints what is there and gathers what is not.
struct Table {
    holes: Vec<String>,
}

impl Table {
    fn want(&mut self, interface: &str, what: &str, there: bool) {
        let hole = format!("{interface}: {what}");
        match (there, CANNOT.iter().any(|(cannot, _)| *cannot == hole)) {
            (false, false) => self.holes.push(hole),
            (true, true) => self.holes.push(format!("{hole} – shown after all: take it off the list")),
            _ => {}
        }
    }
}

#[test]
fn every_interface_has_good_and_bad_files_corrections_and_every_outcome() {
    let (site, all) = (shipped(), shown());
    let mut table = Table { holes: Vec::new() };
    let nothing = Shown::default();
    let of = |id: &str| all.get(id).unwrap_or(&nothing);
    for (id, feed) in &site.feeds {
        let shown = of(id);
        let count = |outcome: &str| shown.outcomes.get(outcome).copied().unwrap_or(0);
        let held = count("partly-held") + count("all-held");
        println!(
            "in     {id:<28} 取込 {:>2} 保留 {held:>2} 却下 {:>2} 重複 {:>2} 指摘 {:>2} 種",
            count("loaded"),
            count("rejected"),
            count("duplicate"),
            shown.codes.len()
        );
        table.want(id, "a file that is taken", count("loaded") > 0);
        table.want(id, "a file with findings", held + count("rejected") > 0 && shown.codes.len() > 5);
        table.want(id, "a rejected file", count("rejected") > 0);
        table.want(id, "a corrected resend", shown.cases.iter().any(|c| c.ends_with("/corrected-resend")));
        table.want(id, "a file sent twice", count("duplicate") > 0);
        for form in &feed.forms {
            let first = |name: &&String| feed.forms.iter().find(|f| matches(&f.pattern, name)).map(|f| &f.pattern);
            let taken = shown.loaded.iter().any(|name| first(&name) == Some(&form.pattern));
            table.want(id, &format!("form {}", form.pattern), taken);
        }
        let plans = site.inbound.iter().filter(|((i, _, _), _)| i == id).map(|(_, plan)| plan);
        let mut checks = BTreeSet::new();
        for plan in plans {
            checks.extend(plan.checks.iter().map(|check| check.code.clone()));
            if matches!(plan.mode, Mode::FullWhen(_)) {
                table.want(id, "a full set and a delta", shown.cases.iter().any(|c| c.contains("full-then-delta")));
            }
        }
        for check in checks {
            table.want(id, &format!("check {check}"), shown.codes.contains(&check));
        }
    }
    for (id, plan) in &site.derive {
        println!(
            "derive {id:<28} 区分 {:>2}/{:<2} 例 {}",
            of(id).classes.len(),
            plan.outcomes.len(),
            of(id).cases.len()
        );
        for outcome in &plan.outcomes {
            table.want(id, &format!("outcome {}", outcome.code), of(id).classes.contains(&outcome.title));
        }
        table.want(id, "a case", !of(id).cases.is_empty());
    }
    for (id, plan) in &site.outbound {
        let changes: Vec<&str> = of(id).changes.iter().map(String::as_str).collect();
        println!("out    {id:<28} {}", changes.join("・"));
        table.want(id, "a record that is new", changes.contains(&"新規") || changes.contains(&"全件"));
        table.want(id, "a record that changed", !plan.send_closed || changes.contains(&"変更"));
        table.want(id, "a key that is gone", !plan.send_closed || changes.contains(&"取消"));
        table.want(id, "a file that left", of(id).outcomes.contains_key("delivered"));
    }
    assert!(table.holes.is_empty(), "no case shows:\n{}", table.holes.join("\n"));
}

#[test]
fn every_list_is_compared_by_a_case() {
    let seen: BTreeSet<String> = cases()
        .iter()
        .flat_map(|(_, e)| e["lists"].as_object().map(|l| l.keys().cloned().collect::<Vec<_>>()).unwrap_or_default())
        .collect();
    let missing: Vec<&String> = shipped().lists.keys().filter(|id| !seen.contains(*id)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    // With a row at least: headings alone show nothing.
    let rows = |id: &str| cases().iter().any(|(_, e)| e["lists"][id].as_array().is_some_and(|lines| lines.len() > 1));
    let empty: Vec<&String> = shipped().lists.keys().filter(|id| !rows(id)).collect();
    assert!(empty.is_empty(), "{empty:?}");
}

#[test]
fn every_feed_says_when_it_is_due_or_why_it_is_not_and_every_draft_too() {
    let site = shipped();
    for (id, feed) in &site.feeds {
        let text = fs::read_to_string(root().join(format!("schemas/feeds/{id}.toml"))).unwrap();
        assert!(!feed.expect.is_empty() || text.contains("期日がない"), "{id}");
        assert!(feed.expect.iter().all(|expect| !expect.contact.is_empty()), "{id}");
    }
    for (id, plan) in &site.outbound {
        let text = fs::read_to_string(root().join(format!("mappings/out/{id}.toml"))).unwrap();
        let told = !plan.schedule.is_empty() || !plan.requires.is_empty() || text.contains("決まった日はない");
        assert!(told, "{id}");
    }
}

#[test]
fn a_file_beyond_the_limit_of_its_feed_is_refused_unread() {
    let mut town = Town::new();
    let (name, bytes) = sample_file("juki-ido", "20261120010000.csv");
    Arc::make_mut(town.site.feeds.get_mut("juki-ido").unwrap()).max_bytes = bytes.len() as u64 - 1;
    let mut hub = town.hub();
    town.put("juki-ido", name, bytes);
    work(&mut hub);
    let refused = exchange(&mut hub, name);
    assert_eq!(findings(&mut hub, &refused)[0].code, "file-too-big");
    assert!(files_below(&hub.area.archive()).is_empty());
}

#[test]
fn an_expression_beyond_64_bits_holds_the_record() {
    let town = Town::new();
    let folder = town.folder.path();
    fs::copy(root().join("renkei.toml"), folder.join("renkei.toml")).unwrap();
    for part in ["schemas", "mappings"] {
        copy_tree(&root().join(part), &folder.join(part));
    }
    let path = folder.join("mappings/in/taino.toml");
    let check = "[[check]]\ncode = \"beyond\"\nexpect = \"税額 * 9000000000000000000 >= 0\"\nmessage = \"x\"\n\n";
    let text = fs::read_to_string(&path).unwrap();
    let at = text.find("[[check]]").or_else(|| text.find("[[into]]")).unwrap();
    fs::write(&path, format!("{}{check}{}", &text[..at], &text[at..])).unwrap();
    let (mut site, _) = site::load(folder).unwrap_or_else(|f| panic!("{f:?}"));
    for feed in site.feeds.values_mut() {
        Arc::make_mut(feed).complete.at_once();
    }
    let mut hub = Hub::open(site, Clock::fixed(base_day(), 9, 0)).unwrap();
    let name = "TAINO_999997_20261119060000.csv";
    let bytes = fs::read(root().join("tests/interfaces/taino/good").join(name)).unwrap();
    town.put("taino", name, &bytes);
    work(&mut hub);
    let held = exchange(&mut hub, name);
    assert!(findings(&mut hub, &held).iter().any(|f| f.code == "expression-failed"), "{held:?}");
}
