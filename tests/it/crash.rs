//! The machine dies at every ledger step; the next start finishes the work, with nothing lost and nothing twice.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use renkei::pipeline::{HubError, Step, Steps, worker};

use crate::pg;
use crate::town::{Town, day, picture, same, sample_files};

/// Every step there is; one that is missing here is missed by the assertion below only if nobody passes it.
const STEPS: [Step; 22] = [
    Step::InAnnounced,
    Step::InMoved,
    Step::InClaimed,
    Step::InArchivedFile,
    Step::InArchived,
    Step::InStaging,
    Step::InStaged,
    Step::InSettled,
    Step::InReported,
    Step::InCleared,
    Step::DeriveStaging,
    Step::DeriveSettled,
    Step::OutAnnounced,
    Step::OutWriting,
    Step::OutWritten,
    Step::OutDrafted,
    Step::OutReported,
    Step::OutPrepared,
    Step::OutDelivering,
    Step::OutMoved,
    Step::OutManifest,
    Step::OutDelivered,
];

/// Good files, held records, a rejected file, a duplicate, a folder and a link: every way an exchange can go.
fn fill(town: &Town) {
    let wanted = [
        ("hihokensha", "20261119040000"),
        ("juki-ido", "010000.sjis"),
        ("juki-ido", "030000"),
        ("kiwari-shien", "KS04"),
        ("koza-furikae-kekka", "FURIKAE_20260731"),
        ("koza-furikae-kekka", "FURIKAE_20261102.txt"),
        ("tokucho-taishosha", "Z31"),
    ];
    for ((interface, name), bytes) in sample_files() {
        if wanted.iter().any(|(i, part)| i == interface && name.contains(part)) {
            town.put(interface, name, bytes);
            if interface == "koza-furikae-kekka" && name.contains("0731") {
                town.put(interface, "FURIKAE_COPY.txt", bytes);
            }
        }
    }
    std::fs::create_dir(town.inbox("taino").join("folder.csv")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", town.inbox("taino").join("link.csv")).unwrap();
}

fn undisturbed() -> String {
    let town = Town::new();
    fill(&town);
    let mut hub = town.hub();
    day(&mut hub);
    picture(&mut hub)
}

/// The folder is copied at every single pass of a step, as a machine that died there would leave it, and a new hub is let
/// loose on the copy.
#[test]
fn after_a_crash_at_any_step_the_next_start_finishes_with_nothing_lost_or_doubled() {
    let expected = Arc::new(undisturbed());
    assert!(expected.contains("outbox koiki-juki/") && expected.contains("outbox tokucho-irai/"), "{expected}");
    let town = Arc::new(Town::new());
    fill(&town);
    let (send, receive) = sync_channel::<(usize, Step, Town)>(2);
    let receive = Arc::new(Mutex::new(receive));
    let passed: Arc<Mutex<HashSet<Step>>> = Arc::default();
    std::thread::scope(|scope| {
        let finishers: Vec<_> = (0..3)
            .map(|_| {
                let (receive, expected) = (receive.clone(), expected.clone());
                scope.spawn(move || {
                    loop {
                        let next = receive.lock().unwrap().recv();
                        let Ok((n, step, dead)) = next else { return };
                        let mut hub = dead.hub();
                        day(&mut hub);
                        same(&expected, &picture(&mut hub), &format!("after a crash at pass {n} ({step:?})"));
                    }
                })
            })
            .collect();
        let mut hub = town.hub();
        let (count, source, seen) = (AtomicUsize::new(0), town.clone(), passed.clone());
        // When all finishers have failed nobody receives any more; their panic is told when they are joined.
        drop(receive);
        let hook = move |step| {
            seen.lock().unwrap().insert(step);
            let n = count.fetch_add(1, Ordering::SeqCst);
            send.send((n, step, source.copy())).is_ok()
        };
        hub.steps = Steps::with_hook(hook);
        let whole = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| day(&mut hub)));
        hub.steps = Steps::default();
        for finisher in finishers {
            finisher.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
        whole.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        same(&expected, &picture(&mut hub), "the run that was watched");
    });
    let passed = passed.lock().unwrap();
    let missed: Vec<Step> = STEPS.into_iter().filter(|step| !passed.contains(step)).collect();
    assert_eq!(missed, [], "steps that no crash was tried at");
}

/// Stops at the first pass of `step`, then a new hub goes on.
fn stop_at(town: &Town, step: Step) -> String {
    fill(town);
    let mut hub = town.hub();
    hub.steps = Steps::with_hook(move |passed| passed != step);
    let mut stopped = false;
    // Steps that only confirming leads to are reached by the second call.
    for _ in 0..2 {
        match worker::run_until_idle(&mut hub, Duration::ZERO) {
            Err(HubError::Stopped(at)) if at == step => stopped = true,
            Err(other) => panic!("{step:?}: {other}"),
            Ok(_) => stopped = stopped || confirm_until(&mut hub, step),
        }
        if stopped {
            break;
        }
    }
    assert!(stopped, "{step:?} was not passed");
    drop(hub);
    let mut hub = town.hub();
    day(&mut hub);
    picture(&mut hub)
}

fn confirm_until(hub: &mut renkei::pipeline::Hub, step: Step) -> bool {
    let site = hub.site.clone();
    for interface in site.outbound.keys() {
        match worker::send_now(hub, interface, crate::town::OPERATOR) {
            Err(HubError::Stopped(at)) => {
                assert_eq!(at, step);
                return true;
            }
            other => drop(other.unwrap()),
        }
    }
    false
}

#[test]
fn after_a_stop_at_any_step_the_next_start_goes_on() {
    let expected = undisturbed();
    for step in STEPS {
        same(&expected, &stop_at(&Town::new(), step), &format!("after a stop at {step:?}"));
    }
}

#[test]
fn after_a_stop_the_next_start_goes_on_with_postgresql_too() {
    let expected = undisturbed();
    for step in STEPS.into_iter().step_by(3) {
        let Some(url) = pg::url(&format!("stop_{step:?}").to_lowercase()) else { return };
        same(&expected, &stop_at(&Town::on(url), step), &format!("after a stop at {step:?}"));
    }
}
