//! The real daemon is killed at random moments while files are dropped; in the end nothing is lost and nothing is twice.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use renkei::clock::Clock;
use renkei::mapping::site;
use renkei::pipeline::step::{Step, Steps};
use renkei::pipeline::{Hub, deliver, worker};
use renkei::sample::{Fate, SampleFile};
use renkei::store::ledger::{self, Direction, State, Wanted};

use crate::town::{
    OPERATOR, copy_tree, exchange, exchanges, files_below, folders, make_sample, same, sample_file, send_all, sent,
    values, work,
};

/// A site folder on disk as an operator has it, whose feeds wait 50 ms.
pub fn site_folder() -> tempfile::TempDir {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    fs::copy(own.join("renkei.toml"), folder.path().join("renkei.toml")).unwrap();
    for part in ["schemas", "mappings"] {
        copy_tree(&own.join(part), &folder.path().join(part));
    }
    for feed in files_below(&folder.path().join("schemas/feeds")) {
        let text = fs::read_to_string(&feed).unwrap().replace("millis = 1000", "millis = 50");
        fs::write(&feed, text).unwrap();
    }
    write_key(folder.path());
    folder
}

/// A key of its own for a site's vault.
pub fn write_key(root: &Path) {
    let path = root.join("vault.key");
    fs::write(&path, renkei::vault::ring::new_key().unwrap().as_bytes()).unwrap();
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

pub fn open(root: &Path) -> Hub {
    Hub::open(site::load(root).expect("no mistake").0, Clock::System).expect("opens")
}

fn serve(root: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_renkei"))
        .args(["serve", "--every", "1", "--root"])
        .arg(root)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts")
}

/// Waits for the daemon's first line; then it has its lock and its signal handlers.
fn until_serving(daemon: &mut Child) -> BufReader<std::process::ChildStderr> {
    let mut lines = BufReader::new(daemon.stderr.take().expect("piped"));
    let mut line = String::new();
    while !line.contains("\"serving\"") {
        line.clear();
        assert!(lines.read_line(&mut line).expect("reads") > 0, "the daemon ended before it served");
    }
    lines
}

/// Moves a file and its manifest into the inbox, the manifest last.
fn drop_in(from: &Path, inbox: &Path, file: &SampleFile) {
    let folder = inbox.join(&file.interface);
    fs::create_dir_all(&folder).unwrap();
    let source = from.join(&file.interface).join(&file.name);
    let mut names = vec![PathBuf::from(&file.name)];
    if source.with_extension("ctl").exists() {
        names.push(Path::new(&file.name).with_extension("ctl"));
    }
    for name in names {
        let draft = folder.join(format!(".{}", name.display()));
        fs::copy(from.join(&file.interface).join(&name), &draft).unwrap();
        fs::rename(draft, folder.join(name)).unwrap();
    }
}

/// Confirms what waits, as an operator would between two starts of the daemon; the daemon delivers.
fn confirm_all(hub: &mut Hub) {
    let wanted = Wanted { direction: Some(Direction::Out), states: &[State::Draft], limit: 100, ..Wanted::default() };
    for draft in ledger::list(&mut hub.conn, &wanted).unwrap() {
        deliver::confirm(hub, draft.id, OPERATOR, draft.sha256.as_deref()).unwrap();
    }
}

/// A figure of a longer trial, or the one of every test run.
fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}

/// The same numbers every time.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// Works to the end and asserts that every file is accounted for once, and that what left is what the ledger says.
fn account(root: &Path, files: &[SampleFile]) -> (String, String) {
    let mut hub = open(root);
    let _lock = worker::lock(&hub).expect("nobody else works here");
    worker::run_until_idle(&mut hub, Duration::from_secs(10)).expect("works");
    work(&mut hub);
    send_all(&mut hub);
    for file in files {
        let state = exchange(&mut hub, &file.name).state;
        let wanted = match file.fate {
            Fate::Accepted { .. } => State::Reported,
            Fate::Rejected => State::Rejected,
            Fate::Duplicate => State::Duplicate,
        };
        assert_eq!(state, wanted, "{}", file.name);
    }
    let all = exchanges(&mut hub);
    assert_eq!(all.iter().filter(|e| e.direction == Direction::In).count(), files.len());
    let left = folders(&hub);
    assert!(!left.contains("inbox ") && !left.contains("work "), "left behind:\n{left}");
    let mut delivered = 0;
    for e in all.iter().filter(|e| e.state == State::Delivered) {
        delivered += 1;
        let line = format!("outbox {}/{} {}", e.interface, e.file_name, e.sha256.as_deref().unwrap());
        assert!(left.contains(&line), "{line} is not in\n{left}");
    }
    let data = left.lines().filter(|l| l.starts_with("outbox ") && !l.contains(".ctl ")).count();
    assert_eq!(data, delivered, "{left}");
    (values(&mut hub), sent(&mut hub))
}

#[test]
fn a_daemon_killed_at_random_moments_loses_and_doubles_nothing() {
    let files = tempfile::tempdir().unwrap();
    let summary = make_sample(setting("RENKEI_KILL_RESIDENTS", 200), files.path());
    let calm = site_folder();
    for file in &summary.files {
        drop_in(files.path(), &calm.path().join("inbox"), file);
    }
    let expected = account(calm.path(), &summary.files);

    let rough = site_folder();
    let mut random = Random(setting("RENKEI_KILL_SEED", 20_261_120));
    let mut waiting = summary.files.iter();
    for kill in 0..12 {
        let mut daemon = serve(rough.path());
        for _ in 0..2 {
            for file in waiting.by_ref().take(2) {
                drop_in(files.path(), &rough.path().join("inbox"), file);
            }
            std::thread::sleep(Duration::from_millis(random.below(setting("RENKEI_KILL_MILLIS", 200))));
        }
        daemon.kill().unwrap();
        daemon.wait().unwrap();
        if kill % 3 == 2 {
            confirm_all(&mut open(rough.path()));
        }
    }
    for file in waiting {
        drop_in(files.path(), &rough.path().join("inbox"), file);
    }
    let seen = account(rough.path(), &summary.files);
    same(&expected.0, &seen.0, "rows after the kills");
    same(&expected.1, &seen.1, "what partners have after the kills");
}

#[test]
fn a_term_signal_ends_the_daemon_in_good_order_and_the_work_goes_on_later() {
    let files = tempfile::tempdir().unwrap();
    let summary = make_sample(200, files.path());
    let folder = site_folder();
    let mut daemon = serve(folder.path());
    let lines = until_serving(&mut daemon);
    for file in &summary.files {
        drop_in(files.path(), &folder.path().join("inbox"), file);
    }
    std::thread::sleep(Duration::from_millis(150));
    let id = rustix::process::Pid::from_child(&daemon);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    let since = Instant::now();
    let status = loop {
        if let Some(status) = daemon.try_wait().unwrap() {
            break status;
        }
        assert!(since.elapsed() < Duration::from_secs(60), "the daemon does not stop");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(status.code(), Some(0));
    let last = lines.lines().map_while(Result::ok).last().unwrap_or_default();
    assert!(last.contains("stopped"), "{last}");
    account(folder.path(), &summary.files);
}

#[test]
fn a_second_daemon_on_the_same_folders_is_refused() {
    let folder = site_folder();
    let mut first = serve(folder.path());
    let _lines = until_serving(&mut first);
    let second =
        Command::new(env!("CARGO_BIN_EXE_renkei")).args(["run", "--root"]).arg(folder.path()).output().unwrap();
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(second.status.code(), Some(5), "{second:?}");
}

#[test]
fn run_tells_of_what_an_earlier_run_left_half_done() {
    let folder = site_folder();
    let mut hub = open(folder.path());
    let (name, bytes) = sample_file("juki-ido", "20261120010000.csv");
    fs::write(hub.area.inbox.join("juki-ido").join(name), bytes).unwrap();
    hub.steps = Steps::with_hook(|step| step != Step::InArchived);
    let until = Instant::now() + Duration::from_secs(10);
    while worker::settle(&mut hub).is_ok() {
        assert!(Instant::now() < until, "the file was not taken");
        std::thread::sleep(Duration::from_millis(60));
    }
    assert_eq!(exchange(&mut hub, name).state, State::Archived);
    drop(hub);
    let run = || {
        let args = ["--json", "run", "--root"];
        let done = Command::new(env!("CARGO_BIN_EXE_renkei")).args(args).arg(folder.path()).output().unwrap();
        let told: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
        told["exchanges"].as_array().unwrap().iter().filter(|e| e["file"] == name).count()
    };
    assert_eq!((run(), run()), (1, 0));
}

#[test]
fn the_log_holds_the_daemons_own_words_alone_however_much_is_asked_for() {
    let folder = site_folder();
    let mut daemon = Command::new(env!("CARGO_BIN_EXE_renkei"))
        .args(["serve", "--root"])
        .arg(folder.path())
        .env("RENKEI_LOG", "trace,tokio_postgres=trace,sqlparser=trace")
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let lines = BufReader::new(daemon.stderr.take().expect("piped")).lines();
    // Loading the site makes libraries talk; it comes before this line.
    let told: Vec<String> = lines.map(Result::unwrap).take_while(|line| !line.contains("\"serving\"")).collect();
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    let foreign = told.iter().find(|line| !line.contains("\"target\":\"renkei"));
    assert_eq!(foreign, None, "a library would log the values it is given");
}
