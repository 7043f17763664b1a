//! A throw-away site for a test: the shipped schemas and mappings, own folders, own store, a clock that stands still.
//!
//! Feeds take a file at once, so that no test waits for one to become stable; a test of that very promise sets its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use chrono::NaiveDate;
use renkei::clock::Clock;
use renkei::finding::Finding;
use renkei::mapping::site::{self, Site};
use renkei::pipeline::{Hub, deliver, facts, snapshot, worker};
use renkei::sample::{self, SampleOptions, SampleSummary};
use renkei::schema::feed::Completeness;
use renkei::store::ledger::{self, Direction, Exchange, State, Wanted};
use renkei::store::{detail, ledger_out, run, select};
use tempfile::TempDir;

/// Who decides in tests.
pub const OPERATOR: &str = "試験の担当者";

/// A site folder that goes away with the value.
pub struct Town {
    pub folder: TempDir,
    pub site: Site,
}

/// The repository's own site, loaded once.
pub fn shipped() -> &'static Site {
    static SITE: OnceLock<Site> = OnceLock::new();
    SITE.get_or_init(|| site::load(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("the shipped site has no mistake").0)
}

/// The day on which all tests stand.
pub fn base_day() -> NaiveDate {
    SampleOptions::default().base_date
}

impl Town {
    /// An empty site on SQLite.
    pub fn new() -> Town {
        Town::at(fast_folder())
    }

    /// An empty site on another database.
    pub fn on(url: String) -> Town {
        let mut town = Town::new();
        town.site.config.store_url = url;
        town
    }

    fn at(folder: TempDir) -> Town {
        let mut site = shipped().clone();
        site.root = folder.path().to_owned();
        let config = &mut site.config;
        let below = |name: &str| folder.path().join(name);
        (config.inbox, config.outbox, config.data) = (below("inbox"), below("outbox"), below("data"));
        config.store_url = "sqlite:data/renkei.db".to_owned();
        for feed in site.feeds.values_mut() {
            let mut own = (**feed).clone();
            own.complete = at_once(&own.complete, 0);
            *feed = Arc::new(own);
        }
        Town { folder, site }
    }

    /// The site as it stands on disk now, as a machine that died here would find it.
    pub fn copy(&self) -> Town {
        let other = Town::at(fast_folder());
        copy_tree(self.folder.path(), other.folder.path());
        other
    }

    /// Files of this interface must be unchanged for so long.
    pub fn patient(mut self, interface: &str, millis: u64) -> Town {
        let feed = self.site.feeds.get_mut(interface).expect("a feed");
        let mut own = (**feed).clone();
        own.complete = at_once(&own.complete, millis);
        *feed = Arc::new(own);
        self
    }

    /// A hub as a fresh start of the program makes it.
    pub fn hub(&self) -> Hub {
        let mut site = self.site.clone();
        site.config.vault_key = renkei::config::KeyPlace::Example;
        let mut hub = Hub::open(site, Clock::fixed(base_day(), 9, 0)).expect("opens");
        // One day shows what a year brings; tests of schedules heed them.
        hub.heeds_schedules = false;
        hub
    }

    /// Where a file of an interface is dropped.
    pub fn inbox(&self, interface: &str) -> PathBuf {
        let folder = self.folder.path().join("inbox").join(interface);
        fs::create_dir_all(&folder).expect("a folder");
        folder
    }

    /// Drops a file, whole.
    pub fn put(&self, interface: &str, name: &str, bytes: &[u8]) {
        let folder = self.inbox(interface);
        fs::write(folder.join(".draft"), bytes).expect("writes");
        fs::rename(folder.join(".draft"), folder.join(name)).expect("renames");
    }

    /// Drops the files of a small municipality, bad ones included.
    pub fn sample(&self, residents: u64) -> SampleSummary {
        make_sample(residents, &self.folder.path().join("inbox"))
    }
}

/// In memory where there is room, since hundreds of small sites are synced to disk here; what a test asks does not depend on it.
pub fn fast_folder() -> TempDir {
    const ROOM: u64 = 512 << 20;
    let memory = Path::new("/dev/shm");
    let room = rustix::fs::statvfs(memory).map_or(0, |s| s.f_bavail.saturating_mul(s.f_frsize));
    let there = if room >= ROOM { tempfile::tempdir_in(memory).ok() } else { None };
    there.unwrap_or_else(|| tempfile::tempdir().expect("a folder"))
}

/// Writes the files of a small municipality, bad ones included.
pub fn make_sample(residents: u64, into: &Path) -> SampleSummary {
    let options = SampleOptions { residents, ..SampleOptions::default() };
    sample::write_files(shipped(), &options, into, &mut |_, _, _| {}).expect("a sample")
}

/// Bytes of the sample of 100 residents, by interface and name; manifests too.
pub fn sample_files() -> &'static BTreeMap<(String, String), Vec<u8>> {
    static FILES: OnceLock<BTreeMap<(String, String), Vec<u8>>> = OnceLock::new();
    FILES.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        make_sample(100, folder.path());
        let mut files = BTreeMap::new();
        for path in files_below(folder.path()) {
            let interface =
                path.parent().and_then(Path::file_name).expect("an interface").to_string_lossy().into_owned();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            files.insert((interface, name), fs::read(&path).expect("reads"));
        }
        files
    })
}

/// One file of [`sample_files`] whose name holds `part`.
pub fn sample_file(interface: &str, part: &str) -> (&'static str, &'static [u8]) {
    let found = sample_files().iter().find(|((i, name), _)| i == interface && name.contains(part));
    let ((_, name), bytes) = found.unwrap_or_else(|| panic!("the sample has no {interface}/…{part}…"));
    (name, bytes)
}

fn at_once(complete: &Completeness, millis: u64) -> Completeness {
    match complete {
        Completeness::Stable { .. } => Completeness::Stable { millis },
        Completeness::Trailer { record, .. } => Completeness::Trailer { record: record.clone(), millis },
        other => other.clone(),
    }
}

/// Works until nothing is due; files that are still arriving are not waited for.
pub fn work(hub: &mut Hub) {
    let round = worker::run_until_idle(hub, Duration::ZERO).expect("works");
    assert_eq!(round.failed, 0, "work failed and was put off: {:?}", exchanges(hub));
}

/// One look at the inbox, and the work that follows.
pub fn look(hub: &mut Hub, started: Instant) -> worker::Round {
    worker::round(hub, started).expect("works")
}

/// Confirms and delivers what waits, until no draft is left.
pub fn send_all(hub: &mut Hub) {
    loop {
        let wanted =
            Wanted { direction: Some(Direction::Out), states: &[State::Draft], limit: 100, ..Wanted::default() };
        let mut drafts = ledger::list(&mut hub.conn, &wanted).expect("lists");
        drafts.sort_by_key(|draft| draft.id);
        if drafts.is_empty() {
            return;
        }
        for draft in drafts {
            let confirmed = deliver::confirm(hub, draft.id, OPERATOR, draft.sha256.as_deref()).expect("confirms");
            deliver::deliver(hub, &confirmed).expect("delivers");
        }
        work(hub);
    }
}

/// A whole day: everything in, everything out.
pub fn day(hub: &mut Hub) {
    work(hub);
    send_all(hub);
}

/// All exchanges that came to something, oldest first.
pub fn exchanges(hub: &mut Hub) -> Vec<Exchange> {
    let mut list = ledger::list(&mut hub.conn, &Wanted { limit: 100_000, ..Wanted::default() }).expect("lists");
    list.retain(|e| e.state != State::Withdrawn);
    list.reverse();
    list
}

/// The one exchange of that file name.
pub fn exchange(hub: &mut Hub, name: &str) -> Exchange {
    let mut found: Vec<Exchange> = exchanges(hub).into_iter().filter(|e| e.file_name == name).collect();
    assert_eq!(found.len(), 1, "exchanges named {name}: {found:?}");
    found.remove(0)
}

/// The last run of an exchange.
pub fn last_run(hub: &mut Hub, exchange: &Exchange) -> run::Run {
    run::of_exchange(&mut hub.conn, exchange.id).expect("lists").pop().expect("a run")
}

/// Findings of the last run of an exchange.
pub fn findings(hub: &mut Hub, exchange: &Exchange) -> Vec<Finding> {
    let run = last_run(hub, exchange);
    detail::findings(&mut hub.conn, run.id, 0, 1000).expect("lists")
}

/// What stands: every entity's rows with the place they came from.
pub fn rows(hub: &mut Hub) -> String {
    let site = hub.site.clone();
    let mut out = Vec::new();
    select::dump(&mut hub.conn, site.entities.values().map(|e| e.as_ref()), &mut out).expect("dumps");
    String::from_utf8(out).expect("text")
}

/// What stands, without the place: for histories that took the same data in another order.
pub fn values(hub: &mut Hub) -> String {
    let site = hub.site.clone();
    let mut out = String::new();
    for entity in site.entities.values() {
        out += &format!("# {}\n", entity.id);
        for row in snapshot::rows_json(hub, entity).expect("rows") {
            out += &format!("{row}\n");
        }
    }
    out
}

/// What each partner has now: key and hash of every row sent.
pub fn sent(hub: &mut Hub) -> String {
    let site = hub.site.clone();
    let dantai = hub.dantai().to_owned();
    let mut lines = Vec::new();
    for interface in site.outbound.keys() {
        let keep = |key: &str, hash: i64| {
            lines.push(format!("{interface} {key} {hash}"));
            Ok(())
        };
        ledger_out::each_sent(&mut hub.conn, interface, &dantai, keep).expect("reads");
    }
    lines.sort();
    lines.join("\n")
}

/// What the ledger says of every file, without numbers that depend on how often the program was started.
pub fn ledger_lines(hub: &mut Hub) -> String {
    let mut lines = Vec::new();
    for e in exchanges(hub) {
        let run = run::of_exchange(&mut hub.conn, e.id).expect("lists").pop();
        let (totals, counts, held) = match &run {
            Some(run) => (
                run.totals.clone(),
                detail::finding_counts(&mut hub.conn, run.id).expect("counts"),
                detail::held(&mut hub.conn, run.id, 0, 1000).expect("lists"),
            ),
            None => Default::default(),
        };
        lines.push(format!(
            "{:?} {} {} {} sha={:?} bytes={:?} records={:?} amount={:?} accepted={} attempts={} {totals:?} {counts:?} {held:?}",
            e.direction, e.interface, e.file_name, e.state.as_str(), e.sha256, e.bytes, e.records, e.amount, e.accepted, e.attempts
        ));
    }
    lines.sort();
    lines.join("\n") + "\n"
}

/// Every file of the outbox with its hash; what was left in the inbox and the work folder; what was set aside.
pub fn folders(hub: &Hub) -> String {
    let mut lines = Vec::new();
    for (title, folder) in
        [("outbox", hub.area.outbox.clone()), ("inbox", hub.area.inbox.clone()), ("work", hub.area.work())]
    {
        for path in files_below(&folder) {
            let sha = renkei::area::hash_file(&path).map(|h| h.sha256).unwrap_or_default();
            lines.push(format!("{title} {} {sha}", path.strip_prefix(&folder).expect("below").display()));
        }
    }
    let aside = fs::read_dir(hub.area.set_aside()).expect("reads").count();
    lines.push(format!("set aside: {aside}"));
    lines.join("\n") + "\n"
}

/// For every file: what its report says of it in one sentence.
pub fn report_lines(hub: &mut Hub) -> String {
    let mut lines = Vec::new();
    for e in exchanges(hub) {
        let folder = facts::report_folder(hub, &e);
        let text =
            fs::read_to_string(folder.join("report.json")).unwrap_or_else(|_| panic!("{} has no report", e.file_name));
        assert!(folder.join("index.html").is_file(), "{} has no page", e.file_name);
        let report: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        lines.push(format!("report {} {}: {} {}", e.interface, e.file_name, report["verdict"], report["balance"]));
    }
    let derived = files_below(&hub.area.reports())
        .iter()
        .filter(|p| {
            p.ends_with("index.html")
                && p.parent().and_then(Path::file_name).is_some_and(|n| n.to_string_lossy().starts_with('d'))
        })
        .count();
    lines.push(format!("derivations with a report: {}", derived.min(hub.site.derive.len())));
    lines.sort();
    lines.join("\n") + "\n"
}

/// Everything that must not depend on how the hub came here.
pub fn picture(hub: &mut Hub) -> String {
    format!("{}\n{}\n{}\n{}\n{}", rows(hub), ledger_lines(hub), sent(hub), folders(hub), report_lines(hub))
}

/// Panics with the first lines that differ.
#[track_caller]
pub fn same(expected: &str, seen: &str, when: &str) {
    if expected == seen {
        return;
    }
    let (a, b): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), seen.lines().collect());
    let missing: Vec<&&str> = a.iter().filter(|l| !b.contains(l)).take(5).collect();
    let extra: Vec<&&str> = b.iter().filter(|l| !a.contains(l)).take(5).collect();
    panic!("{when}:\nmissing {missing:#?}\nnot expected {extra:#?}\n({} and {} lines)", a.len(), b.len());
}

/// All files below a folder, in order of path.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => open.push(entry.path()),
                Ok(kind) if kind.is_file() => found.push(entry.path()),
                _ => {}
            }
        }
    }
    found.sort();
    found
}

/// Copies folders, files and links; SQLite's shared memory is left behind, as a machine that died leaves it.
pub fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("reads") {
        let entry = entry.expect("an entry");
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().expect("a kind");
        if kind.is_dir() {
            copy_tree(&source, &target);
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&source).expect("a link"), &target).expect("links");
        } else if !source.to_string_lossy().ends_with("-shm") {
            fs::copy(&source, &target).expect("copies");
        }
    }
}
