//! The rules of the house, counted: who imports whom, whose library is whose, no domain word in Rust, no long file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::town::files_below;

/// Whom each module may import, in the order data flows. `lib.rs` tells the same in prose.
const ALLOWED: &[(&str, &[&str])] = &[
    ("value", &[]),
    ("finding", &["value"]),
    ("clock", &[]),
    ("area", &["vault"]),
    ("vault", &[]),
    ("expr", &["value", "finding"]),
    // `schema` asks the codec which characters a charset has and the expression module what a view's SQL reads.
    ("schema", &["value", "finding", "expr", "codec"]),
    ("config", &["schema"]),
    ("codec", &["value", "finding", "schema"]),
    ("mapping", &["value", "finding", "schema", "expr", "config", "codec"]),
    ("store", &["value", "finding", "schema", "expr"]),
    ("inbox", &["area", "schema"]),
    ("outbox", &["area"]),
    ("report", &["value", "finding", "schema", "clock"]),
    ("author", &["value", "finding", "schema", "codec"]),
    ("sample", &["value", "finding", "schema", "codec", "mapping"]),
    (
        "pipeline",
        &[
            "value", "finding", "schema", "expr", "codec", "mapping", "clock", "area", "inbox", "outbox", "store",
            "report", "config", "vault",
        ],
    ),
    ("cases", &["clock", "codec", "config", "finding", "mapping", "pipeline", "schema", "report", "store", "value"]),
    // The outermost: they may use everything but each other's callers.
    ("bench", &["*"]),
    ("cli", &["*"]),
    ("main", &["*"]),
];

/// Libraries and where alone they are used. XML is read in dropped files, and in the parts of an engineer's sheet.
const HOMES: [(&str, &[&str]); 6] = [
    ("rusqlite", &["store"]),
    ("postgres", &["store"]),
    ("sqlparser", &["expr"]),
    ("quick_xml", &["codec", "author"]),
    ("chacha20poly1305", &["vault"]),
    ("hmac", &["vault"]),
];

/// Names of things that belong in `schemas/` and `mappings/`.
const DOMAIN: [&str; 17] = [
    "宛名番号",
    "特別徴収",
    "口座振替",
    "被保険者",
    "住記",
    "期割",
    "滞納",
    "広域連合",
    "保険料",
    "juki",
    "tokucho",
    "koiki",
    "furikae",
    "hihokensha",
    "kiwari",
    "taino",
    "shotoku",
];

/// Most lines of a file.
const LINES: usize = 400;

struct Source {
    /// Path below `src`.
    path: String,
    /// Top-level module.
    module: String,
    /// Without comments and without what only tests compile.
    code: String,
    lines: usize,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let all: Vec<(String, String)> = files_below(&root)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .map(|path| {
            let below = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
            (below, fs::read_to_string(&path).unwrap())
        })
        .collect();
    let for_tests: Vec<String> = all.iter().flat_map(|(path, text)| test_modules(path, text)).collect();
    let mut found = Vec::new();
    for (below, text) in all {
        if for_tests.iter().any(|test| below == format!("{test}.rs") || below.starts_with(&format!("{test}/"))) {
            continue;
        }
        let lines = text.lines().count();
        let shipped = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let code: Vec<&str> = shipped.lines().map(without_comment).collect();
        let module = below.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
        found.push(Source { path: below, module, code: code.join("\n"), lines });
    }
    assert!(found.len() > 100);
    found
}

/// Paths below `src`, without `.rs`, of modules that only tests compile.
fn test_modules(path: &str, text: &str) -> Vec<String> {
    let folder = path.trim_end_matches(".rs").trim_end_matches("/mod");
    let named = text.split("#[cfg(test)]\nmod ").skip(1).filter_map(|rest| rest.split_once([';', ' ', '{']));
    named.map(|(name, _)| format!("{folder}/{name}")).collect()
}

/// The line up to `//` that is not inside a string.
fn without_comment(line: &str) -> &str {
    let mut quoted = false;
    let mut before = ' ';
    for (at, ch) in line.char_indices() {
        match ch {
            '"' if before != '\\' && before != '\'' => quoted = !quoted,
            '/' if before == '/' && !quoted => return &line[..at - 1],
            _ => {}
        }
        before = if before == '\\' && ch == '\\' { ' ' } else { ch };
    }
    line
}

/// Names that follow `start` in the code; for `start{a::b, c}` each of them.
fn names_after<'a>(code: &'a str, start: &str) -> Vec<&'a str> {
    let word = |text: &'a str| &text[..text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len())];
    let mut names = Vec::new();
    for (at, _) in code.match_indices(start) {
        let rest = &code[at + start.len()..];
        match rest.strip_prefix('{') {
            Some(group) => {
                let mut depth = 1;
                let mut begin = true;
                for (i, c) in group.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' => depth -= 1,
                        ',' if depth == 1 => begin = true,
                        c if begin && !c.is_whitespace() => {
                            names.push(word(&group[i..]));
                            begin = false;
                        }
                        _ => {}
                    }
                    if depth == 0 {
                        break;
                    }
                }
            }
            None => names.push(word(rest)),
        }
    }
    names
}

#[test]
fn modules_import_only_what_comes_before_them() {
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.iter().copied().collect();
    let mut wrong = BTreeSet::new();
    for source in sources().iter().filter(|s| s.module != "lib") {
        let may = allowed.get(source.module.as_str()).unwrap_or_else(|| panic!("{} is in no list", source.path));
        for name in names_after(&source.code, "crate::") {
            let module = name.starts_with(|c: char| c.is_lowercase()) && name != source.module;
            if module && !may.contains(&name) && *may != ["*"] {
                wrong.insert(format!("{} → {name}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn libraries_of_databases_and_languages_are_used_in_their_home_alone() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (library, homes) in HOMES {
            let used = [format!("use {library}"), format!("{library}::")].iter().any(|u| {
                source
                    .code
                    .match_indices(u.as_str())
                    .any(|(at, _)| !source.code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
            });
            if used && !homes.contains(&source.module.as_str()) {
                wrong.push(format!("{} uses {library}, whose home is {}", source.path, homes.join(" and ")));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_core_touches_no_file_no_clock_and_no_thread() {
    let mut wrong = Vec::new();
    for source in sources() {
        if !["value", "finding", "expr", "codec"].contains(&source.module.as_str()) {
            continue;
        }
        for word in
            ["std::fs", "std::net", "std::thread", "std::process", "Utc::now", "SystemTime", "Instant", "std::env"]
        {
            if source.code.contains(word) {
                wrong.push(format!("{}: {word}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_rust_knows_no_domain() {
    let mut wrong = Vec::new();
    for source in sources() {
        // The generator and the measurements made with its files know the town they make.
        if ["sample", "bench"].contains(&source.module.as_str()) {
            continue;
        }
        for (n, line) in source.code.lines().enumerate() {
            if let Some(word) = DOMAIN.iter().find(|word| line.contains(**word)) {
                wrong.push(format!("src/{}:{}: {word}", source.path, n + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Words that a schema happens to share with the program itself.
const SHARED: [&str; 15] = [
    // Words of code: a flag of the command line, a rule of check digits that the grammar offers.
    "flag",
    "kojin-bango",
    "個人番号",
    // Items of the run and columns of the built-in relations.
    "基準日",
    "作成日時",
    "連番",
    "送付日",
    // Plain words of reports and messages.
    "件数",
    "金額",
    "状態",
    "備考",
    "台帳",
    "予備",
    // Words by which the tools for authors tell a type from a name, and the name they propose for the kind of a record.
    "年度",
    "レコード区分",
];

/// Words of single files: what is asked of a person on the command line, and the story the demo tells.
const SAID: [(&str, &str); 2] = [("pipeline/hold.rs", "氏名"), ("cli/demo.rs", "住民")];

/// Every id and every Japanese name that the shipped schemas and mappings give to anything.
fn names_of_schemas() -> BTreeSet<String> {
    let site = crate::town::shipped();
    let mut names: BTreeSet<String> = BTreeSet::new();
    for ids in [
        site.feeds.keys().collect::<Vec<_>>(),
        site.outbound.keys().collect(),
        site.derive.keys().collect(),
        site.lists.keys().collect(),
    ] {
        names.extend(ids.into_iter().cloned());
    }
    for ((id, _), layout) in &site.layouts {
        names.insert(id.clone());
        names.extend(layout.records.iter().flat_map(|r| &r.fields).map(|field| field.name.clone()));
    }
    for entity in site.entities.values() {
        names.extend([entity.id.clone(), entity.name.clone()]);
        names.extend(entity.columns.iter().map(|column| column.name.clone()));
    }
    for (id, view) in &site.views {
        names.extend([id.clone(), view.name.clone()]);
        names.extend(view.columns.iter().map(|(column, _)| column.clone()));
    }
    names.retain(|name| !SHARED.contains(&name.as_str()));
    assert!(names.len() > 500);
    names
}

#[test]
fn the_rust_names_no_interface_and_no_item_of_a_schema() {
    let names = names_of_schemas();
    let in_word = |c: char| c.is_alphanumeric() || "_-・".contains(c);
    let mut wrong = BTreeSet::new();
    for source in sources().iter().filter(|s| !["sample", "bench"].contains(&s.module.as_str())) {
        for word in source.code.split(|c| !in_word(c)) {
            let said = SAID.iter().any(|(path, known)| source.path == *path && word == *known);
            if !said && names.contains(word) {
                wrong.insert(format!("src/{}: {word}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_source_file_is_too_long_to_read() {
    let long: Vec<String> =
        sources().iter().filter(|s| s.lines > LINES).map(|s| format!("{} {}", s.path, s.lines)).collect();
    assert!(long.is_empty(), "{long:#?}");
}

/// String literals that stand where a finding's code is given.
fn codes(code: &str) -> BTreeSet<String> {
    let before = [
        "Finding::data(",
        "Note::error(",
        "Note::warning(",
        "Note::fatal(",
        "fatal(",
        ".note(",
        "code: ",
        "count_findings(conn, run, ",
    ];
    let mut found = BTreeSet::new();
    for start in before {
        for (at, _) in code.match_indices(start) {
            let rest = code[at + start.len()..].trim_start();
            if let Some(name) = rest.strip_prefix('"').and_then(|r| r.split('"').next())
                && name.contains('-')
                && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
            {
                found.insert(name.to_owned());
            }
        }
    }
    found
}

#[test]
fn every_finding_code_is_in_the_catalogue_and_every_entry_is_given_out() {
    let catalogue = renkei::finding::catalogue();
    let all = sources();
    let mut unknown = Vec::new();
    for source in all.iter().filter(|s| !s.path.starts_with("report/example") && s.module != "sample") {
        unknown.extend(
            codes(&source.code)
                .into_iter()
                .filter(|c| !catalogue.contains_key(c))
                .map(|c| format!("{}: {c}", source.path)),
        );
    }
    assert!(unknown.is_empty(), "not in the catalogue: {unknown:#?}");
    let unused: Vec<&String> =
        catalogue.keys().filter(|code| !all.iter().any(|s| s.code.contains(&format!("\"{code}\"")))).collect();
    assert!(unused.is_empty(), "never given out: {unused:?}");
    for (code, entry) in catalogue {
        assert!(!entry.title.is_empty() && !entry.action.is_empty(), "{code} says nothing");
    }
}
