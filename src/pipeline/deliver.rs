//! Deliver: a confirmed draft goes to the outbox, once; and the decisions that let it go or send it back.
//!
//! Owns: confirm, return, deliver. Never: makes or changes a draft's bytes.

use super::step::Step;
use super::{Hub, HubError, late_hold};
use crate::mapping::plan::OutPlan;
use crate::outbox::Parcel;
use crate::store::ledger::{self, Direction, Exchange, State};
use crate::store::{StoreError, ledger_out, request};

/// Fewest digits of a hash that confirm it.
const HASH_DIGITS: usize = 8;

/// Confirms the exact bytes of a draft. `hash`: at least its first 8 digits, as the operator saw them.
pub fn confirm(hub: &mut Hub, id: i64, who: &str, hash: Option<&str>) -> Result<Exchange, HubError> {
    let exchange = decidable(hub, id, who)?;
    let sha256 = exchange.sha256.clone().unwrap_or_default();
    if let Some(hash) = hash {
        let hash = hash.trim().to_ascii_lowercase();
        if hash.len() < HASH_DIGITS || !sha256.starts_with(&hash) {
            return Err(HubError::Refused(format!(
                "受付番号 {id} の内容は確認したハッシュと違います（現在 {}…）。報告書を見直してください",
                &sha256[..16]
            )));
        }
    }
    if late_hold::withdraw(hub, &exchange)? {
        return Err(HubError::Refused(format!(
            "受付番号 {id} には、作成したあとに保護の対象になった人の記録が入っているため取り下げました。作り直した下書きの報告書を見て、その受付番号で決めてください"
        )));
    }
    decide(hub, id, State::Confirmed, "confirm", who, &format!("SHA-256 {sha256}"))?;
    super::facts::write_exchange(hub, id)?;
    Ok(ledger::get(&mut hub.conn, id)?)
}

/// Sends a draft back; it will not leave.
pub fn send_back(hub: &mut Hub, id: i64, who: &str, note: &str) -> Result<Exchange, HubError> {
    if note.trim().is_empty() {
        return Err(HubError::Refused("差し戻す理由を書いてください（--note）".into()));
    }
    decidable(hub, id, who)?;
    decide(hub, id, State::Returned, "return", who, note)?;
    super::facts::write_exchange(hub, id)?;
    Ok(ledger::get(&mut hub.conn, id)?)
}

/// Has an exchange that was stopped or put off tried again at once; the worker does it.
pub fn retry(hub: &mut Hub, id: i64, who: &str) -> Result<Exchange, HubError> {
    let exchange = known(hub, id, who)?;
    let now = hub.clock.stamp();
    let done = hub.conn.durable(|conn| {
        let done = ledger::retry(conn, id, &now)?;
        if done {
            request::log(conn, who, "retry", Some(id), exchange.note.as_deref().unwrap_or_default(), &now)?;
        }
        Ok::<_, StoreError>(done)
    })?;
    if !done {
        let word = super::facts::state_word(exchange.state);
        return Err(HubError::Refused(format!("受付番号 {id} は止まっていません（{word}）。やり直すことはありません")));
    }
    Ok(ledger::get(&mut hub.conn, id)?)
}

fn known(hub: &mut Hub, id: i64, who: &str) -> Result<Exchange, HubError> {
    if who.trim().is_empty() {
        return Err(HubError::Refused("だれが決めたかを書いてください（--by）".into()));
    }
    hub.exchange(id)?.ok_or_else(|| HubError::Refused(format!("受付番号 {id} はありません")))
}

fn decidable(hub: &mut Hub, id: i64, who: &str) -> Result<Exchange, HubError> {
    let exchange = known(hub, id, who)?;
    if exchange.state == State::Superseded {
        return Err(HubError::Refused(format!(
            "受付番号 {id} の下書きは、あとから新しいデータが入ったため取り下げました。作り直した下書きの報告書を見て、その受付番号で決めてください"
        )));
    }
    if exchange.direction != Direction::Out || exchange.state != State::Draft {
        let word = super::facts::state_word(exchange.state);
        return Err(HubError::Refused(format!("受付番号 {id} は確認待ちの下書きではありません（{word}）")));
    }
    Ok(exchange)
}

fn decide(hub: &mut Hub, id: i64, to: State, what: &str, who: &str, detail: &str) -> Result<(), HubError> {
    let now = hub.clock.stamp();
    let done = hub.conn.durable(|conn| {
        let note = (to == State::Returned).then_some(detail);
        let done = ledger::advance(conn, id, State::Draft, to, note, &now)?;
        if done {
            request::log(conn, who, what, Some(id), detail, &now)?;
        }
        Ok::<_, StoreError>(done)
    })?;
    if done {
        Ok(())
    } else {
        Err(HubError::Refused(format!("受付番号 {id} はほかの人が先に決めました")))
    }
}

/// Takes a confirmed exchange (or one whose delivery a stop interrupted) to the outbox; or withdraws it, if somebody in it
/// has come under protection since.
pub fn deliver(hub: &mut Hub, exchange: &Exchange) -> Result<(), HubError> {
    let site = hub.site.clone();
    let Some(plan) = site.outbound.get(&exchange.interface) else {
        return Err(HubError::Refused(format!("送信定義「{}」がありません", exchange.interface)));
    };
    let id = exchange.id;
    let parcel = parcel(hub, plan, exchange);
    if exchange.state == State::Confirmed {
        if parcel.is_blocked() {
            return Err(blocked(exchange));
        }
        // What nobody knew when it was confirmed; once it lies in the outbox it is too late.
        if late_hold::withdraw(hub, exchange)? {
            return Ok(());
        }
        parcel.prepare(&hub.area).map_err(HubError::io("送付の準備", &parcel.folder))?;
        hub.steps.pass(Step::OutPrepared)?;
        let now = hub.clock.stamp();
        hub.conn.durable(|conn| ledger::advance(conn, id, State::Confirmed, State::Delivering, None, &now))?;
        hub.steps.pass(Step::OutDelivering)?;
    }
    parcel.place(&hub.area).map_err(|e| not_placed(e, exchange, "送付", &parcel))?;
    hub.steps.pass(Step::OutMoved)?;
    parcel.place_manifest(&hub.area).map_err(|e| not_placed(e, exchange, "管理ファイルの送付", &parcel))?;
    hub.steps.pass(Step::OutManifest)?;
    let now = hub.clock.stamp();
    hub.conn.durable(|conn| {
        if ledger::advance(conn, id, State::Delivering, State::Delivered, None, &now)? {
            ledger_out::mark_sent(conn, id, &plan.interface, &exchange.dantai, !plan.delta, exchange.part.as_deref())?;
            request::log(conn, "renkei", "deliver", Some(id), &exchange.file_name, &now)?;
        }
        Ok::<_, StoreError>(())
    })?;
    hub.steps.pass(Step::OutDelivered)?;
    super::facts::write_exchange(hub, id)
}

fn blocked(exchange: &Exchange) -> HubError {
    HubError::Refused(format!(
        "同じ名前の前のファイル {} がまだ引き取られていません。引き取られてから送ります",
        exchange.file_name
    ))
}

/// Another file of that name may have come to lie there after the look before `prepare`.
fn not_placed(error: std::io::Error, exchange: &Exchange, what: &'static str, parcel: &Parcel<'_>) -> HubError {
    match error.kind() {
        std::io::ErrorKind::AlreadyExists => blocked(exchange),
        _ => HubError::io(what, &parcel.folder)(error),
    }
}

fn parcel<'a>(hub: &Hub, plan: &'a OutPlan, exchange: &'a Exchange) -> Parcel<'a> {
    let sha256 = exchange.sha256.as_deref().unwrap_or_default();
    let manifest = plan.manifest.as_deref().map(|suffix| {
        let kind = if plan.delta { "差分" } else { "全件" };
        let lines = format!(
            "ファイル名={}\r\n件数={}\r\nバイト数={}\r\nSHA-256={}\r\n全件差分={kind}\r\n",
            exchange.file_name,
            exchange.records.unwrap_or(0),
            exchange.bytes.unwrap_or(0),
            sha256
        );
        (suffix, lines)
    });
    Parcel {
        exchange: exchange.id,
        sha256,
        folder: hub.area.outbox.join(&exchange.interface),
        name: &exchange.file_name,
        manifest,
    }
}
