//! The year runs by itself: drafts on their days, missed days made up for, files that do not come told of.

use std::sync::Arc;

use renkei::pipeline::{Hub, Step, Steps, timeline, watch};
use renkei::report::timeline::Event;
use renkei::schema::schedule::{Days, Expect, Per, Rule, Sequence, SequencePlace, Shift};
use renkei::store::ledger::{Exchange, State};
use renkei::store::run::{self, NewRun, RunKind, RunState, RunTotals};

use crate::pg;
use crate::town::{Town, exchanges, sample_file, send_all, work};

const DAY: i64 = 86_400;
const HOUR: i64 = 3_600;

fn rule(days: Days) -> Rule {
    Rule {
        title: String::new(),
        months: Vec::new(),
        days,
        calendar: None,
        shift: Shift::Following,
        offset: 0,
        overrides: Vec::new(),
    }
}

/// A good file of one record, another one for every number.
fn file(n: u32) -> Vec<u8> {
    let text = String::from_utf8(sample_file("juki-ido", "20261120010000.csv").1.to_vec()).unwrap();
    let mut items: Vec<String> = text.lines().next().unwrap().split(',').map(str::to_owned).collect();
    items[2] = n.to_string();
    (items.join(",") + "\r\n").into_bytes()
}

/// A town of one feed that expects a file every day until 17:00, and one draft, due on the 25th.
fn town(url: Option<String>) -> Town {
    let mut town = url.map_or_else(Town::new, Town::on);
    for feed in town.site.feeds.values_mut() {
        let feed = Arc::make_mut(feed);
        (feed.expect, feed.sequence) = (Vec::new(), None);
    }
    let feed = Arc::make_mut(town.site.feeds.get_mut("juki-ido").unwrap());
    feed.expect =
        vec![Expect { rule: rule(Days::Every), by: 17 * 60, contact: "住民記録担当課 内線123".into() }];
    feed.sequence =
        Some(Sequence { place: SequencePlace::Name("JUKI_".into(), ".csv".into()), start: 1, per: Per::Never });
    town.site.outbound.retain(|id, _| id == "koiki-juki");
    let plan = Arc::make_mut(town.site.outbound.get_mut("koiki-juki").unwrap());
    (plan.delta, plan.send_closed, plan.send_empty) = (false, false, true);
    plan.after = vec!["juki-ido".into()];
    plan.requires = vec!["taino".into()];
    plan.schedule = vec![rule(Days::Day(25))];
    town
}

fn hub(town: &Town) -> Hub {
    let mut hub = town.hub();
    hub.heeds_schedules = true;
    hub
}

fn drafts(hub: &mut Hub) -> Vec<Exchange> {
    exchanges(hub).into_iter().filter(|e| e.interface == "koiki-juki").collect()
}

/// As if a file of the required interface had been taken today.
fn news_of_required(hub: &mut Hub) {
    let (now, today, dantai) = (hub.clock.stamp(), hub.clock.today().to_string(), hub.dantai().to_owned());
    let new = NewRun {
        exchange: None,
        interface: "taino",
        dantai: &dantai,
        kind: RunKind::In,
        base_date: &today,
        revision: "",
    };
    let run = run::begin(&mut hub.conn, &new, &now).unwrap();
    run::finish(&mut hub.conn, run, RunState::Done, &RunTotals::default(), None, &now).unwrap();
}

#[test]
fn a_draft_is_made_on_its_day_once_after_what_it_requires_and_a_missed_day_is_made_up_for() {
    let town = town(None);
    let mut hub = hub(&town);
    town.put("juki-ido", "JUKI_1.csv", &file(1));
    work(&mut hub);
    assert_eq!(drafts(&mut hub), [], "the 20th is not its day");
    hub.clock.advance(5 * DAY);
    work(&mut hub);
    assert_eq!(drafts(&mut hub), [], "what it requires has not come");
    news_of_required(&mut hub);
    work(&mut hub);
    let made = drafts(&mut hub);
    assert_eq!((made.len(), made[0].state, made[0].note.as_deref()), (1, State::Draft, None));
    send_all(&mut hub);
    hub.clock.advance(HOUR);
    town.put("juki-ido", "JUKI_2.csv", &file(2));
    work(&mut hub);
    assert_eq!(drafts(&mut hub).len(), 1, "once for its day");
    // Nothing ran on 25 December; the next start is on the 27th.
    hub.clock.advance(32 * DAY);
    news_of_required(&mut hub);
    work(&mut hub);
    let made = drafts(&mut hub);
    assert_eq!(made.len(), 2);
    let late = made.iter().max_by_key(|e| e.id).unwrap();
    assert!(late.note.as_deref().unwrap().contains("予定日 2026-12-25 の分"), "{:?}", late.note);
}

#[test]
fn a_file_that_does_not_come_is_told_with_whom_to_phone_until_it_comes_late() {
    let test = |url: Option<String>| {
        let town = town(url);
        let mut hub = hub(&town);
        town.put("juki-ido", "JUKI_1.csv", &file(1));
        work(&mut hub);
        hub.clock.advance(DAY);
        work(&mut hub);
        assert_eq!(watch::alerts(&mut hub).unwrap(), [], "the deadline of the second day is not over");
        hub.clock.advance(9 * HOUR);
        work(&mut hub);
        let alerts = watch::alerts(&mut hub).unwrap();
        assert_eq!(alerts.len(), 1, "{alerts:?}");
        assert!(alerts[0].message.contains("2026年11月21日（土） 17:00 までに届いていません"), "{alerts:?}");
        assert_eq!(alerts[0].contact, "住民記録担当課 内線123");
        let day = std::fs::read_to_string(hub.area.reports().join("2026-11-21/index.html")).unwrap();
        let index = std::fs::read_to_string(hub.area.reports().join("index.html")).unwrap();
        assert!(day.contains("内線123") && index.contains("内線123"));
        town.put("juki-ido", "JUKI_2.csv", &file(2));
        work(&mut hub);
        assert_eq!(watch::alerts(&mut hub).unwrap(), []);
        let days = timeline::timeline(&mut hub).unwrap().days;
        let events: Vec<Event> = days.iter().flat_map(|day| day.lines.iter().map(|line| line.event)).collect();
        assert_eq!(events, [Event::Late, Event::Met]);
        let page = std::fs::read_to_string(hub.area.reports().join("timeline.html")).unwrap();
        assert!(page.contains("遅れて到着") && page.contains("JUKI_2.csv") && page.contains("作成予定"), "{page}");
    };
    test(None);
    pg::url("expectation").into_iter().for_each(|url| test(Some(url)));
}

#[test]
fn a_running_number_that_is_left_out_is_told_until_its_file_comes() {
    let town = town(None);
    let mut hub = hub(&town);
    for n in [1, 3] {
        town.put("juki-ido", &format!("JUKI_{n}.csv"), &file(n));
        work(&mut hub);
    }
    let alerts = watch::alerts(&mut hub).unwrap();
    assert!(alerts.len() == 1 && alerts[0].message.contains("通番 2 が抜けています"), "{alerts:?}");
    town.put("juki-ido", "JUKI_2.csv", &file(2));
    work(&mut hub);
    assert_eq!(watch::alerts(&mut hub).unwrap(), []);
}

#[test]
fn a_forged_number_hides_no_number_that_was_left_out() {
    let mut town = town(None);
    let feed = Arc::make_mut(town.site.feeds.get_mut("juki-ido").unwrap());
    feed.sequence.as_mut().unwrap().start = 5;
    let mut hub = hub(&town);
    for (at, n) in ["0", "6", "8", "9223372036854775807", "99999999999999999999"].iter().enumerate() {
        town.put("juki-ido", &format!("JUKI_{n}.csv"), &file(at as u32 + 1));
        work(&mut hub);
    }
    let alerts = watch::alerts(&mut hub).unwrap();
    assert!(alerts.len() == 1 && alerts[0].message.contains("通番 5、7、9、10、"), "{alerts:?}");
    assert!(alerts[0].message.contains("など が抜けています"), "{alerts:?}");
}

#[test]
fn a_file_whose_number_cannot_be_read_silences_no_warning_about_others() {
    let mut town = town(None);
    let feed = Arc::make_mut(town.site.feeds.get_mut("juki-ido").unwrap());
    feed.sequence.as_mut().unwrap().place = SequencePlace::Field("データ".into(), "履歴番号".into());
    let mut hub = hub(&town);
    town.put("juki-ido", "JUKI_1.csv", &file(1));
    hub.steps = Steps::with_hook({
        let archive = hub.area.archive();
        move |step| {
            // Somebody clears the archive while the worker is at work.
            if step == Step::InReported {
                std::fs::remove_dir_all(&archive).unwrap();
                std::fs::create_dir(&archive).unwrap();
            }
            true
        }
    });
    work(&mut hub);
    hub.clock.advance(DAY + 9 * HOUR);
    work(&mut hub);
    let alerts = watch::alerts(&mut hub).unwrap();
    assert!(alerts.iter().any(|a| a.message.contains("21日（土） 17:00 までに届いていません")), "{alerts:?}");
}
