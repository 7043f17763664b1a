//! What lies in an inbox and is no ordinary, complete, new file: refused, set aside or waited for, and the next one taken.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, Instant};

use renkei::pipeline::{Hub, Step, Steps};
use renkei::store::ledger::{Direction, State};

use crate::town::{Town, exchange, exchanges, findings, last_run, look, sample_file, work};

fn good() -> &'static [u8] {
    sample_file("juki-ido", "20261120010000.csv").1
}

/// One good line with a number of its own.
fn small(n: usize) -> Vec<u8> {
    let text = String::from_utf8(good().to_vec()).unwrap();
    let mut items: Vec<String> = text.lines().next().unwrap().split(',').map(str::to_owned).collect();
    items[1] = format!("{:015}", 900_000_000 + n);
    (items.join(",") + "\r\n").into_bytes()
}

/// The good file behind is taken.
fn assert_goes_on(town: &Town, hub: &mut Hub, n: usize, after: &str) {
    let name = format!("GOOD{n}.csv");
    town.put("juki-ido", &name, &small(n));
    work(hub);
    let e = exchange(hub, &name);
    assert_eq!((e.state, last_run(hub, &e).totals.loaded_new), (State::Reported, 1), "after {after}");
}

#[test]
fn what_is_no_ordinary_file_is_set_aside_with_a_finding() {
    let town = Town::new();
    let mut hub = town.hub();
    let inbox = town.inbox("juki-ido");
    let target = town.folder.path().join("outside.csv");
    fs::write(&target, small(9_999)).unwrap();
    let fifo =
        |path: &Path| rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    type Make<'a> = Box<dyn Fn(&Path) + 'a>;
    let entries: Vec<(&[u8], &str, Make)> = vec![
        (b"folder.csv", "not-a-file", Box::new(|p| fs::create_dir(p).unwrap())),
        (
            b"full-folder.csv",
            "not-a-file",
            Box::new(|p| {
                fs::create_dir(p).unwrap();
                fs::write(p.join("inner.csv"), b"x").unwrap();
            }),
        ),
        (b"pipe.csv", "not-a-file", Box::new(fifo)),
        (b"passwd.csv", "not-a-file", Box::new(|p| symlink("/etc/passwd", p).unwrap())),
        (b"link.csv", "not-a-file", Box::new(|p| symlink(&target, p).unwrap())),
        (b"nowhere.csv", "not-a-file", Box::new(|p| symlink("nowhere", p).unwrap())),
        (b"socket.csv", "not-a-file", Box::new(|p| drop(std::os::unix::net::UnixListener::bind(p).unwrap()))),
        (b"a..b.csv", "bad-file-name", Box::new(|p| fs::write(p, small(1)).unwrap())),
        (b"line\nbreak.csv", "bad-file-name", Box::new(|p| fs::write(p, small(2)).unwrap())),
        (b"esc\x1b[31m.csv", "bad-file-name", Box::new(|p| fs::write(p, small(3)).unwrap())),
        (b"back\\slash.csv", "bad-file-name", Box::new(|p| fs::write(p, small(4)).unwrap())),
        (b"\x8f\x5a\x8b\x4c.csv", "bad-file-name", Box::new(|p| fs::write(p, small(5)).unwrap())),
        ("右から\u{202e}vsc.csv".as_bytes(), "bad-file-name", Box::new(|p| fs::write(p, small(6)).unwrap())),
        (&[b'n'; 240], "bad-file-name", Box::new(|p| fs::write(p, small(7)).unwrap())),
    ];
    for (n, (name, code, make)) in entries.iter().enumerate() {
        let shown = String::from_utf8_lossy(name).into_owned();
        let before = exchanges(&mut hub).len();
        make(&inbox.join(OsStr::from_bytes(name)));
        work(&mut hub);
        let all = exchanges(&mut hub);
        assert_eq!(all.len(), before + 1, "{shown}: {all:?}");
        let e = &all[before];
        assert_eq!(e.state, State::Rejected, "{shown}");
        assert!(!e.file_name.contains(|c: char| c.is_control()), "{shown}: the ledger's name can be shown");
        let found = findings(&mut hub, e);
        assert_eq!((found.len(), found[0].code.as_str()), (1, *code), "{shown}");
        let aside = hub.area.set_aside().join(e.id.to_string());
        assert!(fs::symlink_metadata(&aside).is_ok(), "{shown}: the original is kept");
        assert_eq!(fs::read_dir(&inbox).unwrap().count(), 0, "{shown}: the inbox is clear");
        assert!(renkei::pipeline::facts::report_folder(&hub, e).join("index.html").is_file(), "{shown}: no report");
        assert_goes_on(&town, &mut hub, 100 + n, &shown);
    }
    assert!(target.is_file(), "what a link points at is left alone");
    let kinds = fs::read_dir(hub.area.set_aside())
        .unwrap()
        .filter(|e| e.as_ref().unwrap().file_type().unwrap().is_fifo())
        .count();
    assert_eq!(kinds, 1);
}

#[test]
fn a_second_name_of_a_file_is_as_good_as_the_first() {
    let town = Town::new();
    let mut hub = town.hub();
    let outside = town.folder.path().join("outside.csv");
    fs::write(&outside, small(1)).unwrap();
    fs::hard_link(&outside, town.inbox("juki-ido").join("HARD.csv")).unwrap();
    work(&mut hub);
    assert_eq!(exchange(&mut hub, "HARD.csv").state, State::Reported);
    assert_eq!(fs::read(&outside).unwrap(), small(1), "the sender's own copy is left alone");
}

#[test]
fn a_file_that_is_still_being_written_is_not_taken() {
    // Longer than the test may ever take: stability is decided by the time given to the scan, not by waiting.
    let town = Town::new().patient("juki-ido", 3_600_000);
    let mut hub = town.hub();
    let path = town.inbox("juki-ido").join("SLOW.csv");
    let mut file = OpenOptions::new().create(true).append(true).open(&path).unwrap();
    let hour = Duration::from_secs(3_600);
    let mut started = Instant::now();
    for part in good().chunks(1_000) {
        file.write_all(part).unwrap();
        file.flush().unwrap();
        let round = look(&mut hub, started);
        assert_eq!((round.waiting + round.overdue, exchanges(&mut hub).len()), (1, 0), "taken while it grew");
        // As if more than an hour had passed before the next part came.
        started -= hour + Duration::from_secs(1);
    }
    drop(file);
    look(&mut hub, started);
    started -= hour + Duration::from_secs(1);
    look(&mut hub, started);
    let e = exchange(&mut hub, "SLOW.csv");
    assert_eq!((e.state, e.bytes), (State::Reported, Some(good().len() as i64)));
}

#[test]
fn files_under_a_name_of_sending_are_left_alone() {
    let town = Town::new();
    let mut hub = town.hub();
    let inbox = town.inbox("juki-ido");
    for name in ["A.csv.tmp", "B.csv.part", ".C.csv", "D.csv.filepart"] {
        fs::write(inbox.join(name), b"half").unwrap();
    }
    work(&mut hub);
    assert!(exchanges(&mut hub).is_empty());
    assert_eq!(fs::read_dir(&inbox).unwrap().count(), 4);
    fs::write(inbox.join("A.csv.tmp"), small(1)).unwrap();
    fs::rename(inbox.join("A.csv.tmp"), inbox.join("A.csv")).unwrap();
    work(&mut hub);
    assert_eq!(exchange(&mut hub, "A.csv").state, State::Reported);
}

#[test]
fn a_file_nobody_may_read_is_refused_and_the_next_one_is_taken() {
    let town = Town::new();
    let mut hub = town.hub();
    let path = town.inbox("juki-ido").join("SECRET.csv");
    fs::write(&path, small(1)).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::File::open(&path).is_ok() {
        eprintln!("SKIPPED: 管理者は権限のないファイルも読めるため、この試験は行いません");
        return;
    }
    work(&mut hub);
    let e = exchange(&mut hub, "SECRET.csv");
    assert_eq!((e.state, findings(&mut hub, &e)[0].code.as_str()), (State::Rejected, "unreadable-file"));
    assert!(hub.area.set_aside().join(e.id.to_string()).is_file());
    assert_goes_on(&town, &mut hub, 2, "a file without permission");
}

#[test]
fn a_file_exchanged_for_a_link_after_the_scan_is_not_followed() {
    let town = Town::new();
    let mut hub = town.hub();
    town.put("juki-ido", "SWAP.csv", &small(1));
    let claimed = hub.area.work().join("1.in");
    hub.steps = Steps::with_hook(move |step| {
        if step == Step::InMoved && claimed.is_file() {
            fs::remove_file(&claimed).unwrap();
            symlink("/etc/passwd", &claimed).unwrap();
        }
        true
    });
    work(&mut hub);
    hub.steps = Steps::default();
    let e = exchange(&mut hub, "SWAP.csv");
    assert_eq!((e.state, findings(&mut hub, &e)[0].code.as_str()), (State::Rejected, "not-a-file"));
    assert!(hub.area.set_aside().join(e.id.to_string()).is_symlink(), "the link itself is kept");
    assert!(crate::town::files_below(&hub.area.archive()).is_empty(), "nothing of what it points at");
    assert_goes_on(&town, &mut hub, 2, "an exchanged file");
}

#[test]
fn a_duplicate_is_named_a_corrected_resend_is_taken_and_new_content_is_a_new_exchange() {
    let town = Town::new();
    let mut hub = town.hub();
    let bank = sample_file("koza-furikae-kekka", "FURIKAE_20260731").1;
    let trailer = bank.windows(3).position(|w| w == b"\r\n8").unwrap() + 3;
    let mut wrong = bank.to_vec();
    wrong[trailer..trailer + 6].copy_from_slice(b"000999");
    let mut send = |bytes: &[u8]| {
        town.put("koza-furikae-kekka", "KEKKA.txt", bytes);
        work(&mut hub);
        exchanges(&mut hub).into_iter().rfind(|e| e.direction == Direction::In).unwrap()
    };
    let first = send(&wrong);
    assert_eq!(first.state, State::Rejected);
    let again = send(&wrong);
    assert_eq!(again.state, State::Rejected, "the same bytes of a rejected file are no duplicate");
    let corrected = send(bank);
    assert_eq!(corrected.state, State::Reported, "a corrected resend is taken");
    let twice = send(bank);
    assert_eq!((twice.state, twice.related), (State::Duplicate, Some(corrected.id)));
    assert!(twice.note.as_deref().unwrap().contains(&corrected.id.to_string()), "{:?}", twice.note);
    let other = send(sample_file("koza-furikae-kekka", "FURIKAE_20260831").1);
    assert_eq!(other.state, State::Reported, "the same name with other content");
    assert_eq!(exchanges(&mut hub).into_iter().filter(|e| e.file_name == "KEKKA.txt").count(), 5);
}

#[test]
fn a_folder_that_is_gone_keeps_no_other_interface_waiting() {
    let town = Town::new();
    let mut hub = town.hub();
    fs::remove_dir(town.folder.path().join("inbox/hihokensha")).unwrap();
    town.put("juki-ido", "GOOD.csv", &small(1));
    let round = renkei::pipeline::worker::run_until_idle(&mut hub, Duration::ZERO).unwrap();
    assert!(round.failed > 0);
    assert_eq!(exchange(&mut hub, "GOOD.csv").state, State::Reported);
}

#[test]
fn an_inbox_on_another_file_system_is_worked_off_and_what_cannot_be_moved_is_told_once() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir_in("/dev/shm"));
    let device = |path: &Path| rustix::fs::stat(path).unwrap().st_dev;
    let Some(there) = there.ok().filter(|there| device(there.path()) != device(here.path())) else {
        eprintln!("SKIPPED: ファイルシステムが1つしかないため、この試験は行いません");
        return;
    };
    let mut town = Town::new();
    town.site.config.inbox = there.path().join("inbox");
    town.site.config.data = here.path().join("data");
    let mut hub = town.hub();
    let inbox = hub.area.inbox.join("juki-ido");
    fs::write(inbox.join("GOOD.csv"), small(1)).unwrap();
    fs::create_dir(inbox.join("folder.csv")).unwrap();
    work(&mut hub);
    work(&mut hub);
    assert_eq!(exchange(&mut hub, "GOOD.csv").state, State::Reported);
    assert!(!inbox.join("GOOD.csv").exists());
    let e = exchange(&mut hub, "folder.csv");
    assert_eq!(e.state, State::Rejected);
    assert!(inbox.join("folder.csv").is_dir() && e.note.unwrap().contains("受信フォルダーから動かせません"));
}
