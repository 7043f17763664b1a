//! The vault in the streets: which keys there are, the key of tokens, opening tokens for a draft, sealing under a new key.
//!
//! Owns: those orders of steps. Never: seals or opens by itself ([`crate::vault`]), writes a value anywhere but into the
//! row that is being encoded.

use std::sync::Arc;

use super::{Hub, HubError};
use crate::config::KeyPlace;
use crate::mapping::plan::OutPlan;
use crate::mapping::site::Site;
use crate::store::audit::{self, Entry};
use crate::store::vault::{self as table, Sealed};
use crate::store::{Conn, StoreError};
use crate::value::{OwnedValue, Value};
use crate::vault::ring::KEY_VARIABLE;
use crate::vault::{Ring, Vault, VaultError, is_token};

/// Name under which the key of tokens is kept.
const TOKEN_KEY: &str = "token";
/// Values sealed anew in one transaction.
const BATCH: u32 = 1000;

/// The site's keys; `None`: it has none, or needs none. A key that cannot be read is an error only where it is needed.
pub(super) fn ring(site: &Site) -> Result<Option<Arc<Ring>>, VaultError> {
    if !site.needs_vault() {
        return Ok(None);
    }
    let found = match &site.config.vault_key {
        KeyPlace::Example => Some(Ring::example()),
        KeyPlace::File(path) => match std::env::var(KEY_VARIABLE) {
            Ok(text) => Some(Ring::parse(&zeroize::Zeroizing::new(text))?),
            Err(_) => Ring::read(path)?,
        },
    };
    Ok(found.map(Arc::new))
}

/// Opens the vault: the key of tokens is the one this store began with, whatever keys came later.
pub(super) fn unlock(site: &Site, conn: &mut Conn, ring: Option<Arc<Ring>>) -> Result<Option<Arc<Vault>>, HubError> {
    let Some(ring) = ring.filter(|_| site.needs_vault()) else { return Ok(None) };
    let key = match table::key(conn, TOKEN_KEY)? {
        Some((id, sealed)) => {
            let bytes = ring.find(&id)?.open(TOKEN_KEY, &sealed)?;
            <[u8; 32]>::try_from(&bytes[..]).map(zeroize::Zeroizing::new).map_err(|_| VaultError::Broken)?
        }
        None => {
            let first = ring.first();
            let key = first.token_key();
            let sealed = first.seal(TOKEN_KEY, &key[..]);
            conn.durable(|conn| table::keep_key(conn, TOKEN_KEY, first.id(), &sealed))?;
            key
        }
    };
    Ok(Some(Arc::new(Vault::new(ring, key))))
}

/// The vault, or the refusal that tells what to do.
pub(super) fn needed(hub: &Hub) -> Result<Arc<Vault>, HubError> {
    hub.vault.clone().ok_or_else(|| HubError::Refused(VaultError::NoKey.to_string()))
}

/// Opens the tokens of the rows of one draft.
pub(super) struct Opener<'a> {
    /// Whose rows.
    pub plan: &'a OutPlan,
    vault: Option<Arc<Vault>>,
    /// Values opened so far.
    pub opened: u64,
}

impl<'a> Opener<'a> {
    /// For a plan; the keys must be there if it opens anything.
    pub fn new(hub: &Hub, plan: &'a OutPlan) -> Result<Self, HubError> {
        let vault = if plan.opens.is_empty() { None } else { Some(needed(hub)?) };
        Ok(Opener { plan, vault, opened: 0 })
    }

    /// The row with its tokens opened; `None`: it has none. The values are wiped with what is returned.
    pub fn open(&mut self, conn: &mut Conn, columns: &[Value<'_>]) -> Result<Option<Opened>, HubError> {
        let Some(vault) = &self.vault else { return Ok(None) };
        let mut row = Opened(columns.iter().map(|v| Value::to_owned(*v)).collect());
        for &index in &self.plan.opens {
            let Value::Text(token) = columns[index] else { continue };
            if !is_token(token) {
                // A part of a token, or a text put together with one: nothing a partner may get.
                return Err(HubError::Rules(format!(
                    "ビュー「{}」の列「{}」は金庫の値をそのまま返していません",
                    self.plan.view.name, self.plan.view.columns[index].0
                )));
            }
            let (key_id, sealed) = table::find(conn, token)?.ok_or(VaultError::Missing)?;
            let value = vault.open(token, &key_id, &sealed)?;
            row.0[index] = OwnedValue::Text(value.as_str().to_owned());
            self.opened += 1;
        }
        Ok(Some(row))
    }

    /// Writes down that values were opened, in the transaction that ends the draft.
    pub fn tell(&self, conn: &mut Conn, exchange: i64, now: &str) -> Result<(), StoreError> {
        let Some(purpose) = self.plan.purpose.as_deref().filter(|_| self.vault.is_some()) else { return Ok(()) };
        let detail = format!("金庫の値を {} 件開きました（目的: {purpose}）", self.opened);
        let entry = Entry {
            who: "renkei",
            what: "vault-open",
            exchange: Some(exchange),
            subject: &self.plan.interface,
            detail: &detail,
        };
        audit::append(conn, &entry, now).map(|_| ())
    }
}

/// A row with opened values; its texts are wiped when it goes.
pub(super) struct Opened(Vec<OwnedValue>);

impl Opened {
    /// The values.
    pub fn values(&self) -> Vec<Value<'_>> {
        self.0.iter().map(OwnedValue::as_value).collect()
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        for value in &mut self.0 {
            if let OwnedValue::Text(text) = value {
                zeroize::Zeroize::zeroize(text);
            }
        }
    }
}

/// What the vault holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holdings {
    /// Ids of the ring's keys, the first in use.
    pub keys: Vec<String>,
    /// Values by the key that seals them.
    pub values: Vec<(String, u64)>,
    /// Key that seals the key of tokens.
    pub token_key: Option<String>,
    /// Sealed files of the archive by key.
    pub files: Vec<(String, u64)>,
}

/// Looks at the vault; no key is needed for it.
pub fn holdings(hub: &mut Hub) -> Result<Holdings, HubError> {
    let folder = hub.area.archive();
    let mut files = std::collections::BTreeMap::<String, u64>::new();
    for path in hub.area.sealed_files().map_err(HubError::io("保存した原本の確認", &folder))? {
        let key = hub.area.key_of(&path).map_err(HubError::io("保存した原本の確認", &folder))?;
        *files.entry(key).or_default() += 1;
    }
    Ok(Holdings {
        keys: hub.area.ring.iter().flat_map(|ring| ring.ids()).map(str::to_owned).collect(),
        values: table::counts(&mut hub.conn)?,
        token_key: table::key(&mut hub.conn, TOKEN_KEY)?.map(|(id, _)| id),
        files: files.into_iter().collect(),
    })
}

/// Seals everything under the ring's first key that is under another; returns values and files. May be cut off and done
/// again: what was done stays done.
pub fn rotate(hub: &mut Hub, who: &str) -> Result<(u64, u64), HubError> {
    if who.trim().is_empty() {
        return Err(HubError::Refused("だれが行ったかを書いてください（--by）".into()));
    }
    let vault = needed(hub)?;
    let ring = vault.ring.clone();
    let (first, now) = (ring.first(), hub.clock.stamp());
    let mut values = 0;
    loop {
        let old = table::not_under(&mut hub.conn, first.id(), BATCH)?;
        if old.is_empty() {
            break;
        }
        let mut anew = Vec::with_capacity(old.len());
        for value in &old {
            let plain = vault.open(&value.token, &value.key_id, &value.sealed)?;
            let (key_id, sealed) = vault.seal(&value.token, &plain);
            anew.push(Sealed { token: value.token.clone(), key_id, sealed });
        }
        hub.conn.durable(|conn| anew.iter().try_for_each(|value| table::replace(conn, value)))?;
        values += old.len() as u64;
    }
    let folder = hub.area.archive();
    let mut files = 0;
    for path in hub.area.sealed_files().map_err(HubError::io("保存した原本の確認", &folder))? {
        files += u64::from(hub.area.reseal(&path, &ring).map_err(HubError::io("保存した原本の確認", &folder))?);
    }
    let token_key = match table::key(&mut hub.conn, TOKEN_KEY)? {
        Some((id, sealed)) if id != first.id() => {
            Some(first.seal(TOKEN_KEY, &ring.find(&id)?.open(TOKEN_KEY, &sealed)?))
        }
        _ => None,
    };
    let detail = format!("値 {values} 件、原本 {files} 件を鍵 {} で暗号化し直しました", first.id());
    hub.conn.durable(|conn| {
        if let Some(sealed) = &token_key {
            table::keep_key(conn, TOKEN_KEY, first.id(), sealed)?;
        }
        let entry = Entry { who, what: "vault-rotate", exchange: None, subject: first.id(), detail: &detail };
        audit::append(conn, &entry, &now).map(|_| ())
    })?;
    Ok((values, files))
}
