//! Holds: rows of a draft that are kept back until an operator lets exactly that row go, with a reason.
//!
//! Owns: which rows are kept, the release, and that looks at them are written down. Never: writes a protected value
//! anywhere: a held row is known by key, hash and message alone.

use std::collections::HashSet;

use super::row::{RunItems, ViewRow};
use super::source::Source;
use super::{Hub, HubError};
use crate::expr::Scratch;
use crate::finding::{DataPlace, Finding, Severity};
use crate::mapping::load_guard::KEY_PLACE;
use crate::mapping::plan::{Hold, HoldTest, OutPlan};
use crate::store::audit::{self, Entry};
use crate::store::hold::{self, HeldRow, Release};
use crate::store::ledger::{self, Direction};
use crate::store::{Conn, StoreError};
use crate::value::Value;

/// Between the columns of a key as people read and write it.
const SHOWN_SEPARATOR: &str = "/";
/// Held rows written to the store at a time.
const BATCH: usize = 1024;

/// A key as people read it.
pub fn shown_key(key: &str) -> String {
    key.replace('\u{1f}', SHOWN_SEPARATOR)
}

/// The holds of one draft.
pub(super) struct Holding<'a> {
    plan: &'a OutPlan,
    exchange: i64,
    /// For each hold of the plan: the keys its guard protects now.
    protected: Vec<HashSet<String>>,
    released: HashSet<(String, i64)>,
    waiting: Vec<HeldRow>,
    items: RunItems,
    scratch: Scratch,
    /// Rows kept back.
    pub count: u64,
}

impl<'a> Holding<'a> {
    /// Reads whom the guards protect, and what was let go.
    pub fn new(hub: &mut Hub, plan: &'a OutPlan, exchange: i64, dantai: &str, today: &str) -> Result<Self, HubError> {
        let mut protected = Vec::with_capacity(plan.holds.len());
        let mut released = HashSet::new();
        let site = hub.site.clone();
        for hold in &plan.holds {
            let mut keys = HashSet::new();
            if let HoldTest::Guard { guard, .. } = &hold.test {
                let (view, key) = (&guard.view, guard.key);
                let source = Source { site: &site, view, filter: None, part: &[], order: &[], dantai, base_date: today };
                source.each(&mut hub.conn, |values| {
                    if let Value::Text(text) = values[key] {
                        keys.insert(text.to_owned());
                    }
                    Ok(())
                })?;
            }
            protected.push(keys);
        }
        if !plan.holds.is_empty() {
            hold::each_released(&mut hub.conn, &plan.interface, dantai, |key, hash| {
                released.insert((key.to_owned(), hash));
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
        let wanted = self.plan.holds.iter().zip(&self.protected).find(|(hold, protected)| match &hold.test {
            // What cannot be decided is kept.
            HoldTest::When(when) => when.is_true(&row, scratch).unwrap_or(true),
            HoldTest::Guard { key, .. } => matches!(columns[*key], Value::Text(text) if protected.contains(text)),
        });
        let Some((hold, _)) = wanted else { return Ok(None) };
        if self.released.contains(&(key.to_owned(), hash)) {
            return Ok(None);
        }
        self.count += 1;
        let message = message(hold, self.plan, columns);
        let finding = finding(hold, self.plan, self.count, key, &message);
        self.waiting.push(HeldRow {
            exchange: self.exchange,
            n: self.count,
            key: key.to_owned(),
            hash,
            code: hold.code.clone(),
            message,
        });
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
        return hold.message.replace(&format!("{{{KEY_PLACE}}}"), &columns[*key].to_string());
    }
    let mut message = hold.message.clone();
    for ((name, _), value) in plan.view.columns.iter().zip(columns) {
        message = message.replace(&format!("{{{name}}}"), &value.to_string());
    }
    message
}

fn finding(hold: &Hold, plan: &OutPlan, n: u64, key: &str, message: &str) -> Finding {
    let key = shown_key(key);
    let action = format!(
        "{}送ってよいと決めたら renkei release {} {key} --by 氏名 --reason 理由 を実行してください",
        hold.action, plan.interface
    );
    let place = DataPlace { record: n, field: hold.fields.join("・"), ..DataPlace::default() };
    Finding::data(&hold.code, Severity::Error, place, message.to_owned())
        .with_value(&key, false)
        .with_rule(hold.place.clone())
        .with_action(action)
}

/// Lets one held row go, exactly as it is. `target`: a draft's number or an outbound interface; `key` as people read it.
pub fn release(hub: &mut Hub, target: &str, key: &str, who: &str, reason: &str) -> Result<HeldRow, HubError> {
    if who.trim().is_empty() || reason.trim().is_empty() {
        return Err(HubError::Refused("だれが（--by）、なぜ（--reason）決めたかを書いてください".into()));
    }
    let (key, dantai) = (key.replace(SHOWN_SEPARATOR, "\u{1f}"), hub.dantai().to_owned());
    let none = || HubError::Refused(format!("「{target}」に、そのキーの保留はありません（renkei held で見られます）"));
    let (interface, held) = match target.parse::<i64>() {
        Ok(id) => {
            let exchange = match ledger::get(&mut hub.conn, id) {
                Err(StoreError::Missing { .. }) => return Err(none()),
                found => found?,
            };
            let rows = hold::of_exchange(&mut hub.conn, id, u32::MAX)?;
            (exchange.interface, rows.into_iter().find(|row| row.key == key))
        }
        Err(_) => (target.to_owned(), hold::newest(&mut hub.conn, target, &dantai, &key)?),
    };
    let held = held.ok_or_else(none)?;
    let now = hub.clock.stamp();
    let wanted = Release { interface: &interface, dantai: &dantai, key: &key, hash: held.hash, who, reason };
    let subject = format!("{interface} {}", shown_key(&key));
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

/// What the newest draft of every outbound interface (or of one, or one draft) keeps back, each with the draft's interface.
pub fn held(hub: &mut Hub, target: Option<&str>, limit: u32) -> Result<Vec<(String, HeldRow)>, HubError> {
    let dantai = hub.dantai().to_owned();
    let site = hub.site.clone();
    let mut drafts = Vec::new();
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
                limit: 1,
                ..ledger::Wanted::default()
            };
            drafts.extend(ledger::list(&mut hub.conn, &wanted)?);
        }
    }
    let mut rows = Vec::new();
    for draft in drafts {
        let left = limit.saturating_sub(rows.len() as u32);
        let of_draft = hold::of_exchange(&mut hub.conn, draft.id, left)?;
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
