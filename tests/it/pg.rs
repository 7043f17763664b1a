//! A PostgreSQL server for the tests, started once per test binary from the system's own binaries.
//!
//! Unix socket in a temporary folder, no TCP, no durability. A small shell waits for the end of this process (its standard
//! input closes, however the process ends) and then stops the server and removes the folder.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use postgres::{Client, NoTls};

struct Server {
    folder: PathBuf,
    /// Its open standard input keeps the server alive.
    _watch: Child,
}

static SERVER: OnceLock<Option<Server>> = OnceLock::new();

/// URL of a new, empty database of that name; `None` (said plainly) when this machine has no PostgreSQL.
pub fn url(database: &str) -> Option<String> {
    let server = SERVER.get_or_init(start).as_ref()?;
    let socket = server.folder.display().to_string();
    let mut admin = Client::connect(&format!("host={socket} user=postgres dbname=postgres"), NoTls).expect("connects");
    admin.batch_execute(&format!("CREATE DATABASE \"{database}\" TEMPLATE template0")).expect("creates a database");
    Some(format!("postgres://postgres@{}/{database}", socket.replace('/', "%2F")))
}

fn start() -> Option<Server> {
    let Some(bin) = binaries() else {
        eprintln!("SKIPPED: PostgreSQL の試験は行いません（initdb と postgres が見つかりません）");
        return None;
    };
    let folder = std::env::temp_dir().join(format!("renkei-pg-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("makes a folder");
    let mut prefix = Vec::new();
    if id("-u", None) == 0 {
        // The server refuses to run as root.
        chown(&folder, Some(id("-u", Some("postgres"))), Some(id("-g", Some("postgres"))))
            .expect("gives the folder away");
        prefix = vec!["runuser", "-u", "postgres", "--"];
    }
    let data = folder.join("data");
    let run = |program: &str, args: &[&str]| {
        let program = bin.join(program).display().to_string();
        let words: Vec<&str> = prefix.iter().copied().chain([program.as_str()]).chain(args.iter().copied()).collect();
        let output = Command::new(words[0]).args(&words[1..]).current_dir(&folder).output().expect("starts");
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let data_text = data.display().to_string();
    run("initdb", &["-D", &data_text, "-U", "postgres", "-E", "UTF8", "--locale=C", "-A", "trust", "--no-sync"]);
    let watch = watch(&bin, &folder, &prefix.join(" "));
    let options = format!(
        "-c listen_addresses='' -c unix_socket_directories='{}' -c fsync=off -c full_page_writes=off \
         -c synchronous_commit=off -c max_connections=200",
        folder.display()
    );
    let log = folder.join("log").display().to_string();
    run("pg_ctl", &["-D", &data_text, "-l", &log, "-w", "-o", &options, "start"]);
    Some(Server { folder, _watch: watch })
}

/// Stops the server when our end of its standard input closes; in a process group of its own, so that an interrupt from
/// the terminal does not end it first.
fn watch(bin: &Path, folder: &Path, prefix: &str) -> Child {
    let script = format!(
        "cat >/dev/null; {prefix} {}/pg_ctl -D {f}/data -m immediate stop >/dev/null 2>&1; rm -rf {f}",
        bin.display(),
        f = folder.display()
    );
    Command::new("sh")
        .args(["-c", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("starts the watch")
}

/// The newest Debian version, or what PATH has.
fn binaries() -> Option<PathBuf> {
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = debian.map(|entry| entry.path().join("bin")).collect();
    found.sort();
    found.reverse();
    found.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    found.into_iter().find(|bin| ["initdb", "postgres", "pg_ctl"].iter().all(|program| bin.join(program).is_file()))
}

fn id(flag: &str, user: Option<&str>) -> u32 {
    let output = Command::new("id").arg(flag).args(user).output().expect("id runs");
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("a user of that name")
}
