//! Example cases as data: `tests/interfaces/<interface>/<case>/case.toml`, the files it drops, and `expected.json`.
//!
//! Owns: running a case in a throw-away site (own folders, own store, a clock that stands still) and comparing.
//! Never: expects anything that is not in the case's folder.
//!
//! ```toml
//! title = "末尾レコードの件数が 1 件違う"
//! base_date = "2026-11-20"
//! entities = ["jumin"]                   # whose rows are compared; default: all that have rows
//! tables = true                          # the tables of the last day's report are compared too; default: no
//! schedules = true                       # [[schedule]] and [[requires]] hold; default: drafts are due after their sources
//! lists = ["tainosha-ichiran"]           # operators' lists whose rows are compared, with nothing chosen
//! drafts = true                          # the lists of whom the sent files are about are compared too; default: no
//! reports = ["juki-ido"]                 # whose reports are compared; default: those of every interface
//! site = { "期割元" = "算定" }           # values of `[site]` that the case sets otherwise than the site
//! [[step]]
//! drop = "good.csv"                      # a file of the case's folder (or of another case: "../good/good.csv")
//! as = "JUKI_999997_20261120.csv"        # name in the inbox; default: its own
//! into = "juki-ido"                      # inbox folder; default: the interface of the case
//! with_next = true                       # the worker looks only when the next step is done too
//! unreadable = true                      # nobody may read the dropped file; the administrator passes such a case over
//! [[step]]
//! days = 1                               # the clock goes on
//! [[step]]
//! send = "koiki-juki"                    # its draft is confirmed and delivered
//! [[step]]
//! release = { interface = "koiki-juki", key = "000000000000012", reason = "…" }   # a held record may go; key as shown
//! ```
//!
//! Declarative files in the case's folder (`schemas/…`, `mappings/…`) stand for those of the site, for this case alone. What is
//! in its `data/…` lies in the hub's own folder before the hub starts.

mod case_file;
mod compare;
mod files;
mod seen;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value as Json, json};

use self::case_file::Case;
use self::compare::compare;
use crate::clock::Clock;
use crate::mapping::site::Site;
use crate::pipeline::{Hub, HubError, hold, worker};

/// Why a case with a file that nobody may read is not run.
const READS_ALL: &str = "管理者は権限のないファイルも読めるため、行いません。管理者でない利用者で行ってください";

/// How one case went.
#[derive(Debug)]
pub struct CaseOutcome {
    /// `<interface>/<case>`.
    pub name: String,
    /// Its title.
    pub title: String,
    /// First differences, one a line; empty = as expected.
    pub differences: Vec<String>,
    /// Why it was not run.
    pub skipped: Option<&'static str>,
}

/// How all cases went.
#[derive(Debug, Default)]
pub struct Outcome {
    /// In order of name.
    pub cases: Vec<CaseOutcome>,
}

impl Outcome {
    /// Number of cases that differ.
    pub fn failed(&self) -> usize {
        self.cases.iter().filter(|c| !c.differences.is_empty()).count()
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for case in &self.cases {
            let mark = match case.skipped {
                Some(_) => "－",
                None if case.differences.is_empty() => "○",
                None => "×",
            };
            out += &format!("{mark} {}  {}\n", case.name, case.title);
            for line in case.differences.iter().map(String::as_str).chain(case.skipped) {
                out += &format!("    {line}\n");
            }
        }
        let run = self.cases.iter().filter(|case| case.skipped.is_none()).count();
        out += &format!("{run} 件中 {} 件が期待と違います", self.failed());
        if run < self.cases.len() {
            out += &format!("（ほかに、行わなかったもの {} 件）", self.cases.len() - run);
        }
        out + "\n"
    }

    /// For machines.
    pub fn json(&self) -> Json {
        let one = |c: &CaseOutcome| json!({ "name": c.name, "title": c.title, "differences": c.differences, "skipped": c.skipped });
        let cases: Vec<Json> = self.cases.iter().map(one).collect();
        json!({ "cases": cases, "failed": self.failed() })
    }
}

/// Runs the cases of a site, all or those of some interfaces; `bless` writes what came out as what is expected.
pub fn run(site: &Site, only: &[String], bless: bool) -> Result<Outcome, HubError> {
    run_on(site, only, bless, None)
}

/// [`run`] with a function that gives each case its own database URL; `None` = SQLite in the case's own folder.
pub fn run_on(
    site: &Site,
    only: &[String],
    bless: bool,
    url: Option<&dyn Fn(&str) -> String>,
) -> Result<Outcome, HubError> {
    let root = site.root.join("tests/interfaces");
    if let Some(unknown) = only.iter().find(|id| !root.join(id).is_dir()) {
        return Err(HubError::Refused(format!("「{unknown}」の例がありません（tests/interfaces/{unknown}/）")));
    }
    let mut outcome = Outcome::default();
    for interface in folders(&root)? {
        let id = file_name(&interface);
        if !only.is_empty() && !only.contains(&id) {
            continue;
        }
        for folder in folders(&interface)? {
            let name = format!("{id}/{}", file_name(&folder));
            let ran = run_case(site, &id, &folder, name.clone(), bless, url);
            // One case that cannot be run hides no other.
            outcome.cases.push(ran.unwrap_or_else(|error| CaseOutcome {
                name,
                title: String::new(),
                differences: told(&error),
                skipped: None,
            }));
        }
    }
    Ok(outcome)
}

/// An error with what caused it, a line each.
fn told(error: &HubError) -> Vec<String> {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    let all = std::iter::once(error.to_string()).chain(causes.map(|cause| format!("原因: {cause}")));
    all.collect::<Vec<_>>().join("\n").lines().map(str::to_owned).collect()
}

fn run_case(
    site: &Site,
    interface: &str,
    folder: &Path,
    name: String,
    bless: bool,
    url: Option<&dyn Fn(&str) -> String>,
) -> Result<CaseOutcome, HubError> {
    let shown = format!("tests/interfaces/{name}/case.toml");
    let case = case_file::read(&folder.join("case.toml"), &shown)?;
    // Two threads may run the same case at once, each on its own database.
    static PLACES: AtomicU64 = AtomicU64::new(0);
    let number = PLACES.fetch_add(1, Ordering::Relaxed);
    let place =
        std::env::temp_dir().join(format!("renkei-case-{}-{number}-{}", std::process::id(), name.replace('/', "-")));
    let _ = fs::remove_dir_all(&place);
    if case.steps.iter().any(|step| step.unreadable) && files::may_read_all(&place)? {
        return Ok(CaseOutcome { name, title: case.title, differences: Vec::new(), skipped: Some(READS_ALL) });
    }
    let seen = play(site, interface, (folder, &shown), &case, &place, url.map(|f| f(&name)));
    let _ = fs::remove_dir_all(&place);
    let seen = seen?;
    let expected_path = folder.join("expected.json");
    if bless {
        let text = serde_json::to_string_pretty(&seen).unwrap_or_default() + "\n";
        fs::write(&expected_path, text).map_err(HubError::io("書き込み", &expected_path))?;
    }
    let mut differences = Vec::new();
    match fs::read_to_string(&expected_path) {
        Ok(text) => {
            let expected: Json = serde_json::from_str(&text)
                .map_err(|e| HubError::Refused(format!("{}: {e}", expected_path.display())))?;
            compare("", &expected, &seen, &mut differences);
        }
        Err(_) => differences.push("expected.json がありません（--bless で作れます）".into()),
    }
    Ok(CaseOutcome { name, title: case.title, differences, skipped: None })
}

fn play(
    site: &Site,
    interface: &str,
    (folder, shown): (&Path, &str),
    case: &Case,
    place: &Path,
    url: Option<String>,
) -> Result<Json, HubError> {
    let mut own = files::site_of(site, folder, place, case)?;
    case.judge_names(&own, folder, shown)?;
    own.config.vault_key = crate::config::KeyPlace::Example;
    (own.config.inbox, own.config.outbox, own.config.data) =
        (place.join("inbox"), place.join("outbox"), place.join("data"));
    own.config.store_url = url.unwrap_or_else(|| format!("sqlite:{}", place.join("data/case.db").display()));
    own.feeds.values_mut().for_each(|feed| Arc::make_mut(feed).complete.at_once());
    if folder.join("data").is_dir() {
        files::drop_into(&folder.join("data"), &own.config.data)?;
    }
    let mut hub = Hub::open(own, Clock::fixed(case.base_date, 9, 0))?;
    hub.heeds_schedules = case.schedules;
    let mut sent = Vec::new();
    for step in &case.steps {
        if let Some(file) = &step.drop {
            let from = folder.join(file);
            let name = step.name.clone().unwrap_or_else(|| file_name(&from));
            let to = hub.area.inbox.join(step.into.as_deref().unwrap_or(interface)).join(name);
            files::drop_into(&from, &to)?;
            if step.unreadable {
                files::forbid(&to)?;
            }
        }
        if let Some(days) = step.days {
            hub.clock.advance(days * 86_400);
        }
        if let Some(release) = &step.release {
            hold::release_shown(&mut hub, &release.interface, &release.key, "テスト", &release.reason)?;
        }
        if !step.with_next {
            worker::settle(&mut hub)?;
        }
        if let Some(interface) = &step.send {
            sent.extend(worker::send_now(&mut hub, interface, "テスト")?);
            partner_takes(&hub, interface)?;
        }
        hub.clock.advance(60);
    }
    seen::outcome(&mut hub, case, &sent)
}

/// Plans name the values by place: one that is there keeps it, a new one comes last.
fn set_values(values: &mut Vec<(String, String)>, set: &BTreeMap<String, String>) {
    for (key, value) in set {
        match values.iter_mut().find(|(known, _)| known == key) {
            Some(found) => found.1.clone_from(value),
            None => values.push((key.clone(), value.clone())),
        }
    }
}

/// The partner takes what lies in the outbox, as it would before the next file of that name.
fn partner_takes(hub: &Hub, interface: &str) -> Result<(), HubError> {
    let folder = hub.area.outbox.join(interface);
    let failed = |e| HubError::io("引取り", &folder)(e);
    for entry in fs::read_dir(&folder).map_err(failed)? {
        fs::remove_file(entry.map_err(failed)?.path()).map_err(failed)?;
    }
    Ok(())
}

fn folders(path: &Path) -> Result<Vec<PathBuf>, HubError> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(HubError::io("読み込み", path)(e)),
    };
    let mut found: Vec<PathBuf> = entries.filter_map(Result::ok).map(|e| e.path()).filter(|p| p.is_dir()).collect();
    found.sort();
    Ok(found)
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}
