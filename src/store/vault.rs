//! The table of values kept apart: tokens and sealed texts.
//!
//! Owns: the tables `vault` and `vault_key`. Never: sees a value or a key; both come and go sealed.

use super::{Conn, Result};
use crate::value::Value;

/// A sealed value on its way to the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// What stands for the value.
    pub token: String,
    /// Key that seals it.
    pub key_id: String,
    /// The sealed value, Base64.
    pub sealed: String,
}

/// Values written by one statement; PostgreSQL counts its parameters in 16 bits.
const CHUNK: usize = 100;

/// Keeps sealed values; one whose token is there already stays as it is.
///
/// # Errors
/// The store's.
pub fn keep(conn: &mut Conn, values: &[Sealed]) -> Result<()> {
    for chunk in values.chunks(CHUNK) {
        let places: Vec<String> =
            (0..chunk.len()).map(|i| format!("(?{}, ?{}, ?{})", i * 3 + 1, i * 3 + 2, i * 3 + 3)).collect();
        let sql = format!(
            "INSERT INTO vault (token, key_id, sealed) VALUES {} ON CONFLICT (token) DO NOTHING",
            places.join(", ")
        );
        let params: Vec<Value<'_>> = chunk
            .iter()
            .flat_map(|v| [Value::Text(&v.token), Value::Text(&v.key_id), Value::Text(&v.sealed)])
            .collect();
        conn.execute(&sql, &params)?;
    }
    Ok(())
}

/// The sealed value of a token: key and text.
///
/// # Errors
/// The store's.
pub fn find(conn: &mut Conn, token: &str) -> Result<Option<(String, String)>> {
    let sql = "SELECT key_id, sealed FROM vault WHERE token = ?1";
    conn.query_opt(sql, &[Value::Text(token)], |r| Ok((r.string(0)?, r.string(1)?)))
}

/// How many values each key seals.
///
/// # Errors
/// The store's.
pub fn counts(conn: &mut Conn) -> Result<Vec<(String, u64)>> {
    conn.query("SELECT key_id, count(*) FROM vault GROUP BY key_id ORDER BY key_id", &[], |r| {
        Ok((r.string(0)?, r.count(1)?))
    })
}

/// Values sealed by another key than this one, at most `limit`.
///
/// # Errors
/// The store's.
pub fn not_under(conn: &mut Conn, key_id: &str, limit: u32) -> Result<Vec<Sealed>> {
    let sql = format!("SELECT token, key_id, sealed FROM vault WHERE key_id <> ?1 ORDER BY token LIMIT {limit}");
    conn.query(&sql, &[Value::Text(key_id)], |r| {
        Ok(Sealed { token: r.string(0)?, key_id: r.string(1)?, sealed: r.string(2)? })
    })
}

/// Puts a value sealed anew in the place of the old one.
///
/// # Errors
/// The store's.
pub fn replace(conn: &mut Conn, value: &Sealed) -> Result<()> {
    let params = [Value::Text(&value.token), Value::Text(&value.key_id), Value::Text(&value.sealed)];
    conn.execute("UPDATE vault SET key_id = ?2, sealed = ?3 WHERE token = ?1", &params).map(|_| ())
}

/// A sealed key by its name: key that seals it, and text.
///
/// # Errors
/// The store's.
pub fn key(conn: &mut Conn, name: &str) -> Result<Option<(String, String)>> {
    let sql = "SELECT key_id, sealed FROM vault_key WHERE name = ?1";
    conn.query_opt(sql, &[Value::Text(name)], |r| Ok((r.string(0)?, r.string(1)?)))
}

/// Keeps a sealed key under its name.
///
/// # Errors
/// The store's.
pub fn keep_key(conn: &mut Conn, name: &str, key_id: &str, sealed: &str) -> Result<()> {
    conn.execute(
        "INSERT INTO vault_key (name, key_id, sealed) VALUES (?1, ?2, ?3)
         ON CONFLICT (name) DO UPDATE SET key_id = excluded.key_id, sealed = excluded.sealed",
        &[Value::Text(name), Value::Text(key_id), Value::Text(sealed)],
    )
    .map(|_| ())
}
