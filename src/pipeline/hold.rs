//! Holds: rows of a draft that are kept back until an operator lets exactly that row go, with a reason.
//!
//! Owns: which rows are kept, the release, and that looks at them are written down. Never: writes a protected value
//! anywhere: a held row is known by key, hash and message alone.

use std::collections::{HashMap, HashSet};

use super::key::hash_row;
use super::row::{RunItems, ViewRow};
use super::sentence::filled;
use super::source::Source;
use super::{Hub, HubError};
use crate::expr::Scratch;
use crate::finding::{DataPlace, Finding, Severity};
use crate::mapping::load_guard::{Guard, KEY_PLACE};
use crate::mapping::plan::{Hold, HoldTest, OutPlan};
use crate::mapping::site::Site;
use crate::store::audit::{self, Entry};
use crate::store::hold::{self, HeldRow, Release};
use crate::store::ledger::{self, Direction};
use crate::store::{Conn, StoreError};
use crate::value::Value;

/// Between the columns of a key as people read and write it.
const SHOWN_SEPARATOR: &str = "/";
/// Shown instead of a secret.
const MASK: &str = "＊＊＊";
/// Held rows written to the store at a time.
const BATCH: usize = 1024;
/// Most files of one draft.
const FILES: u32 = 2_000;

/// A key as people read it; its secret parts are masked.
pub fn shown_key(site: &Site, interface: &str, key: &str) -> String {
    site.outbound.get(interface).map_or_else(|| MASK.to_owned(), |plan| shown(plan, key))
}

fn shown(plan: &OutPlan, key: &str) -> String {
    let parts = key.split('\u{1f}').enumerate();
    let hidden = |i: usize| plan.key.get(i).is_none_or(|column| plan.secret[*column]);
    parts.map(|(i, part)| if hidden(i) { MASK } else { part }).collect::<Vec<_>>().join(SHOWN_SEPARATOR)
}

/// What lets a held row go: by its key where that can be typed, else by its number in the draft.
pub fn release_command(site: &Site, interface: &str, row: &HeldRow) -> String {
    command(&shown_key(site, interface, &row.key), interface, row)
}

fn command(shown: &str, interface: &str, row: &HeldRow) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_/".contains(c);
    let typed = !row.key.contains(SHOWN_SEPARATOR) && !shown.is_empty() && shown.chars().all(plain);
    let target = if typed { format!("{interface} {shown}") } else { format!("{}:{}", row.exchange, row.n) };
    format!("renkei release {target} --by 氏名 --reason 理由")
}

/// The keys that a guard protects, each with a hash of all its view says of it: when that changes, it is another protection.
pub(crate) type Protected = HashMap<String, i64>;

/// What a guard protects today.
pub(super) fn protected(hub: &mut Hub, guard: &Guard, dantai: &str, today: &str) -> Result<Protected, HubError> {
    let site = hub.site.clone();
    let (mut keys, mut scratch) = (Protected::new(), Vec::new());
    let (view, key) = (&guard.view, guard.key);
    let source =
        Source { site: &site, view, filter: None, part: &[], order: &[], dantai, base_date: today, shared: None };
    source.each(&mut hub.conn, |values| {
        if let Value::Text(text) = values[key] {
            // The rows come in no order. 1 = protected, also where the sum of hashes were none.
            let hash = hash_row(&values[..view.columns.len()], &mut scratch);
            let all = keys.entry(text.to_owned()).or_insert(1);
            *all = all.wrapping_add(hash);
        }
        Ok(())
    })?;
    Ok(keys)
}

/// The holds of one draft.
pub(super) struct Holding<'a> {
    plan: &'a OutPlan,
    exchange: i64,
    /// For each hold of the plan: the keys its guard protects now.
    protected: Vec<Protected>,
    /// Key, hash, protection.
    released: HashSet<(String, i64, i64)>,
    waiting: Vec<HeldRow>,
    items: RunItems,
    scratch: Scratch,
    /// Rows kept back.
    count: u64,
}

impl<'a> Holding<'a> {
    /// Reads whom the guards protect, and what was let go.
    pub fn new(hub: &mut Hub, plan: &'a OutPlan, exchange: i64, dantai: &str, today: &str) -> Result<Self, HubError> {
        let mut protected = Vec::with_capacity(plan.holds.len());
        let mut released = HashSet::new();
        for hold in &plan.holds {
            protected.push(match &hold.test {
                HoldTest::Guard { guard, .. } => self::protected(hub, guard, dantai, today)?,
                HoldTest::When(_) => Protected::new(),
            });
        }
        if !plan.holds.is_empty() {
            hold::each_released(&mut hub.conn, &plan.interface, dantai, |key, hash, protection| {
                released.insert((key.to_owned(), hash, protection));
                Ok(())
            })?;
        }
        Ok(Holding {
            plan,
            exchange,
            protected,
            released,
            waiting: Vec::new(),
            items: RunItems::default(),
            scratch: Scratch::default(),
            count: 0,
        })
    }

    /// Keeps a row back if a hold wants it and nobody let it go: the finding that says so.
    pub fn keep(
        &mut self,
        conn: &mut Conn,
        columns: &[Value<'_>],
        key: &str,
        hash: i64,
    ) -> Result<Option<Finding>, StoreError> {
        if self.plan.holds.is_empty() {
            return Ok(None);
        }
        let row = ViewRow { columns, run: &self.items, site: &[] };
        let scratch = &mut self.scratch;
        let mut wanted = self.plan.holds.iter().zip(&self.protected).filter_map(|(hold, protected)| {
            let protection = match &hold.test {
                // What cannot be decided is kept.
                HoldTest::When(when) => when.is_true(&row, scratch).unwrap_or(true).then_some(0),
                HoldTest::Guard { key, carried, .. } => match columns[*key] {
                    Value::Text(text) if !text.is_empty() => protected.get(text).copied(),
                    _ => carried.iter().any(|i| !matches!(columns[*i], Value::Null | Value::Text(""))).then_some(0),
                },
            };
            protection.map(|protection| (hold, protection))
        });
        // Who let a row go in spite of one hold has not decided on the next.
        let released = |protection: i64| self.released.contains(&(key.to_owned(), hash, protection));
        let Some((hold, protection)) = wanted.find(|(_, protection)| !released(*protection)) else { return Ok(None) };
        self.count += 1;
        let message = message(hold, self.plan, columns);
        let row = HeldRow {
            exchange: self.exchange,
            n: self.count,
            key: key.to_owned(),
            hash,
            protection,
            code: hold.code.clone(),
            message,
        };
        let finding = finding(hold, self.plan, &row);
        self.waiting.push(row);
        if self.waiting.len() >= BATCH {
            self.flush(conn)?;
        }
        Ok(Some(finding))
    }

    /// Writes what is kept.
    pub fn flush(&mut self, conn: &mut Conn) -> Result<(), StoreError> {
        let first = self.count + 1 - self.waiting.len() as u64;
        hold::add(conn, self.exchange, first, &self.waiting)?;
        self.waiting.clear();
        Ok(())
    }
}

fn message(hold: &Hold, plan: &OutPlan, columns: &[Value<'_>]) -> String {
    if let HoldTest::Guard { key, .. } = &hold.test {
        let key = match columns[*key] {
            Value::Null | Value::Text("") => "不明".to_owned(),
            key => key.to_string(),
        };
        return filled(&hold.message, |name| (name == KEY_PLACE).then(|| key.clone()));
    }
    filled(&hold.message, |name| {
        let i = plan.view.columns.iter().position(|(column, _)| column == name)?;
        Some(columns[i].to_string())
    })
}

fn finding(hold: &Hold, plan: &OutPlan, row: &HeldRow) -> Finding {
    let key = shown(plan, &row.key);
    let command = command(&key, &plan.interface, row);
    let action = format!("{}送ってよいと決めたら {command} を実行してください", hold.action);
    let place = DataPlace { record: row.n, field: hold.fields.join("・"), ..DataPlace::default() };
    Finding::data(&hold.code, Severity::Error, place, row.message.clone())
        .with_value(&key, false)
        .with_rule(hold.place.clone())
        .with_action(action)
}

/// Lets one held row go, exactly as it is. `target`: a draft's number or an outbound interface, with `key` as people read
/// it; or `DRAFT:NUMBER` with the row's number in the draft, without a key.
pub fn release(hub: &mut Hub, target: &str, key: Option<&str>, who: &str, reason: &str) -> Result<HeldRow, HubError> {
    if who.trim().is_empty() || reason.trim().is_empty() {
        return Err(HubError::Refused("だれが（--by）、なぜ（--reason）決めたかを書いてください".into()));
    }
    let (interface, held) = find(hub, target, key)?;
    let (dantai, now) = (hub.dantai().to_owned(), hub.clock.stamp());
    let wanted = Release { interface: &interface, dantai: &dantai, key: &held.key, hash: held.hash, protection: held.protection, who, reason };
    let subject = format!("{interface} {}", shown_key(&hub.site, &interface, &held.key));
    let done = hub.conn.durable(|conn| {
        let done = hold::release(conn, &wanted, &now)?;
        if done {
            let entry =
                Entry { who, what: "release", exchange: Some(held.exchange), subject: &subject, detail: reason };
            audit::append(conn, &entry, &now)?;
        }
        Ok::<_, StoreError>(done)
    })?;
    if done { Ok(held) } else { Err(HubError::Refused("この記録はすでに解除されています".into())) }
}

/// [`release`] by a key as it is shown, also where parts of it are masked: the only held row of the interface it fits.
pub fn release_shown(hub: &mut Hub, interface: &str, key: &str, who: &str, reason: &str) -> Result<HeldRow, HubError> {
    let held_rows = held(hub, Some(interface), u32::MAX)?;
    let site = hub.site.clone();
    let shown = |row: &HeldRow| shown_key(&site, interface, &row.key);
    let mut fitting = held_rows.iter().filter(|(_, row)| shown(row) == key);
    let (Some((_, row)), None) = (fitting.next(), fitting.next()) else {
        let there: Vec<String> = held_rows.iter().take(5).map(|(_, row)| shown(row)).collect();
        return Err(HubError::Refused(format!(
            "「{interface}」に「{key}」と示される保留が、ちょうど 1 件ではありません（保留 {} 件: {}）",
            held_rows.len(),
            there.join("、")
        )));
    };
    release(hub, &format!("{}:{}", row.exchange, row.n), None, who, reason)
}

/// The row that is meant, and its interface.
fn find(hub: &mut Hub, target: &str, key: Option<&str>) -> Result<(String, HeldRow), HubError> {
    let none = || HubError::Refused(format!("「{target}」に、そのキーの保留はありません（renkei held で見られます）"));
    let key = key.map(|key| key.replace(SHOWN_SEPARATOR, "\u{1f}"));
    let (draft, number) = match target.split_once(':') {
        Some((draft, number)) if key.is_none() => (draft, Some(number.parse::<u64>().map_err(|_| none())?)),
        _ => (target, None),
    };
    if key.is_none() && number.is_none() {
        let how = "キーか、「下書きの番号:保留の番号」を書いてください（renkei held で見られます）";
        return Err(HubError::Refused(how.into()));
    }
    let is_meant = |row: &HeldRow| match (&key, number) {
        (Some(key), _) => row.key == *key,
        (None, number) => Some(row.n) == number,
    };
    let Ok(id) = draft.parse::<i64>() else {
        let (dantai, key) = (hub.dantai().to_owned(), key.as_deref().ok_or_else(none)?);
        let held = hold::newest(&mut hub.conn, target, &dantai, key)?;
        return Ok((target.to_owned(), held.ok_or_else(none)?));
    };
    let exchange = match ledger::get(&mut hub.conn, id) {
        Err(StoreError::Missing { .. }) => return Err(none()),
        found => found?,
    };
    let rows = hold::of_exchange(&mut hub.conn, id, u32::MAX)?;
    Ok((exchange.interface, rows.into_iter().find(is_meant).ok_or_else(none)?))
}

/// What the newest draft of every outbound interface (or of one, or one draft) keeps back, each with the draft's interface.
pub fn held(hub: &mut Hub, target: Option<&str>, limit: u32) -> Result<Vec<(String, HeldRow)>, HubError> {
    let dantai = hub.dantai().to_owned();
    let site = hub.site.clone();
    let mut drafts = Vec::new();
    let known = |t: &str| t.parse::<i64>().is_ok() || site.outbound.contains_key(t);
    if let Some(unknown) = target.filter(|t| !known(t)) {
        return Err(HubError::Refused(format!("「{unknown}」という送信の業務はありません")));
    }
    if let Some(id) = target.and_then(|t| t.parse::<i64>().ok()) {
        match ledger::get(&mut hub.conn, id) {
            Err(StoreError::Missing { .. }) => return Err(HubError::Refused(format!("受付番号 {id} はありません"))),
            found => drafts.push(found?),
        }
    } else {
        for interface in site.outbound.keys().filter(|id| target.is_none_or(|t| t == *id)) {
            let wanted = ledger::Wanted {
                dantai: Some(&dantai),
                direction: Some(Direction::Out),
                interface: Some(interface),
                limit: FILES,
                ..ledger::Wanted::default()
            };
            // The files of one draft are begun at one moment.
            let newest = ledger::list(&mut hub.conn, &wanted)?;
            let begun = newest.first().map(|draft| draft.received_at.clone());
            drafts.extend(newest.into_iter().take_while(|draft| Some(&draft.received_at) == begun.as_ref()));
        }
    }
    let mut rows = Vec::new();
    for draft in drafts {
        let left = limit.saturating_sub(rows.len() as u32);
        let of_draft = hold::unreleased(&mut hub.conn, draft.id, &draft.interface, &dantai, left)?;
        rows.extend(of_draft.into_iter().map(|row| (draft.interface.clone(), row)));
    }
    Ok(rows)
}

/// Writes down that somebody looked at something protected: what and how, never the values.
pub fn looked(hub: &mut Hub, who: &str, how: &str, exchange: Option<i64>, subject: &str) -> Result<(), HubError> {
    let now = hub.clock.stamp();
    let entry = Entry { who, what: "look", exchange, subject, detail: how };
    Ok(hub.conn.durable(|conn| audit::append(conn, &entry, &now).map(|_| ()))?)
}
