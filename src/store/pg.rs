//! PostgreSQL behind [`super::Conn`].
//!
//! Owns: placeholders, binding by the server's types, streaming, COPY. Never: builds SQL with values in it.

use std::collections::HashMap;
use std::io::Write;

use postgres::fallible_iterator::FallibleIterator;
use postgres::types::private::BytesMut;
use postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use postgres::{Client, Config, NoTls, Statement};

use super::bulk::VersionBatch;
use super::conn::Target;
use super::row::RowRef;
use super::rows::{Cell, Rows};
use super::same::Standing;
use super::{Result, StoreError, quote};
use crate::value::Value;

/// Prepared statements kept per connection; when there are more, all are forgotten and prepared anew.
const STATEMENTS: usize = 256;

/// COPY data is handed to the socket in pieces of about this many bytes.
const CHUNK: usize = 1 << 18;

/// Set on every connection. The memory is the server's: for one sort, and for building one index.
const SETTINGS: &str = "SET client_min_messages=warning; SET timezone='UTC'; SET work_mem='32MB';
    SET maintenance_work_mem='128MB'";

pub(super) struct Postgres {
    client: Client,
    statements: HashMap<String, Statement>,
    chunk: Vec<u8>,
}

impl Postgres {
    pub(super) fn open(config: &Config, target: &str) -> Result<Self> {
        let open = |e: postgres::Error| StoreError::Open { target: target.to_owned(), why: e.to_string() };
        let mut client = config.connect(NoTls).map_err(open)?;
        let encoding: String = client.query_one("SHOW server_encoding", &[]).map_err(open)?.get(0);
        if encoding != "UTF8" {
            let why = format!("データベースの文字コードが {encoding} です。UTF8 で作成してください");
            return Err(StoreError::Open { target: target.to_owned(), why });
        }
        client.batch_execute(SETTINGS).map_err(open)?;
        Ok(Postgres { client, statements: HashMap::new(), chunk: Vec::new() })
    }

    pub(super) fn execute(&mut self, sql: &str, params: &[Value<'_>]) -> Result<u64> {
        let statement = self.prepare(sql)?;
        let params: Vec<Param<'_>> = params.iter().copied().map(Param).collect();
        let refs: Vec<&(dyn ToSql + Sync)> = params.iter().map(|p| p as &(dyn ToSql + Sync)).collect();
        self.client.execute(&statement, &refs).map_err(|e| StoreError::postgres(sql, &e))
    }

    pub(super) fn script(&mut self, sql: &str) -> Result<()> {
        self.client.batch_execute(sql).map_err(|e| StoreError::postgres(sql, &e))
    }

    pub(super) fn each_row(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        f: &mut dyn FnMut(&RowRef<'_>) -> Result<()>,
    ) -> Result<()> {
        let statement = self.prepare(sql)?;
        let params: Vec<Param<'_>> = params.iter().copied().map(Param).collect();
        let mut rows = self.client.query_raw(&statement, params).map_err(|e| StoreError::postgres(sql, &e))?;
        while let Some(row) = rows.next().map_err(|e| StoreError::postgres(sql, &e))? {
            f(&RowRef::Postgres(&row))?;
        }
        Ok(())
    }

    pub(super) fn insert_rows(&mut self, target: &Target<'_>, rows: &Rows) -> Result<()> {
        let columns: Vec<String> = target.columns.iter().map(|c| quote(c)).collect();
        let sql = format!("COPY {} ({}) FROM STDIN (FORMAT binary)", quote(target.table), columns.join(","));
        let fail = |e: &postgres::Error| StoreError::postgres(&sql, e);
        let broken = |e: std::io::Error| match e.get_ref().and_then(|e| e.downcast_ref::<postgres::Error>()) {
            Some(e) => StoreError::postgres(&sql, e),
            None => StoreError::Postgres { what: sql.clone(), message: e.to_string(), code: String::new() },
        };
        let mut writer = self.client.copy_in(&sql).map_err(|e| fail(&e))?;
        let out = &mut self.chunk;
        out.clear();
        out.extend_from_slice(b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0");
        let mut constants = Vec::new();
        for value in target.constants {
            put_value(&mut constants, *value);
        }
        let fields = (target.columns.len() as i16).to_be_bytes();
        let mut serial = target.serial;
        for row in rows.iter() {
            out.extend_from_slice(&fields);
            if let Some(n) = &mut serial {
                put_value(out, Value::Int(*n));
                *n += 1;
            }
            out.extend_from_slice(&constants);
            for cell in row.cells() {
                match cell {
                    Cell::Null => put_value(out, Value::Null),
                    Cell::Int(n) => put_value(out, Value::Int(*n)),
                    Cell::Text { .. } => put_value(out, Value::Text(row.text(cell))),
                }
            }
            if out.len() >= CHUNK {
                writer.write_all(out).map_err(broken)?;
                out.clear();
            }
        }
        out.extend_from_slice(&(-1_i16).to_be_bytes());
        writer.write_all(out).map_err(broken)?;
        writer.finish().map_err(|e| fail(&e))?;
        Ok(())
    }

    /// One query for all rows: an array for each column of the key.
    pub(super) fn look_up(
        &mut self,
        sql: &str,
        dantai: &str,
        batch: &VersionBatch,
        key: &[usize],
        step: usize,
        found: &mut Vec<Standing>,
    ) -> Result<()> {
        let statement = self.prepare(sql)?;
        let rows = || (0..batch.len()).step_by(step);
        let mut arrays: Vec<Box<dyn ToSql + Sync + '_>> = vec![Box::new(dantai)];
        for (&column, ty) in key.iter().zip(statement.params().iter().skip(1)) {
            if *ty == Type::INT8_ARRAY {
                arrays.push(Box::new(rows().map(|row| batch.value(row, column).as_int()).collect::<Vec<_>>()));
            } else {
                arrays.push(Box::new(rows().map(|row| batch.value(row, column).as_text()).collect::<Vec<_>>()));
            }
        }
        let params: Vec<&(dyn ToSql + Sync)> = arrays.iter().map(|a| &**a).collect();
        for standing in self.client.query(&statement, &params).map_err(|e| StoreError::postgres(sql, &e))? {
            let (number, vid, hash): (i64, i64, i64) = (standing.get(0), standing.get(1), standing.get(2));
            found.push(Standing { row: (number as usize - 1) * step, vid, hash });
        }
        Ok(())
    }

    fn prepare(&mut self, sql: &str) -> Result<Statement> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        if self.statements.len() >= STATEMENTS {
            self.statements.clear();
        }
        let statement = self.client.prepare(&placeholders(sql)).map_err(|e| StoreError::postgres(sql, &e))?;
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

/// One field of COPY's binary form.
fn put_value(out: &mut Vec<u8>, value: Value<'_>) {
    let mut put_int = |n: i64| {
        out.extend_from_slice(&8_i32.to_be_bytes());
        out.extend_from_slice(&n.to_be_bytes());
    };
    match value {
        Value::Int(n) => put_int(n),
        Value::Bool(b) => put_int(i64::from(b)),
        Value::Null => out.extend_from_slice(&(-1_i32).to_be_bytes()),
        Value::Text(t) => {
            out.extend_from_slice(&(t.len() as i32).to_be_bytes());
            out.extend_from_slice(t.as_bytes());
        }
    }
}

/// `?1` becomes `$1`, outside quotes.
fn placeholders(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut quoted: Option<char> = None;
    for c in sql.chars() {
        match quoted {
            Some(q) if c == q => quoted = None,
            None if c == '\'' || c == '"' => quoted = Some(c),
            _ => {}
        }
        out.push(if c == '?' && quoted.is_none() { '$' } else { c });
    }
    out
}

/// A value on its way into a statement, in the form the server's parameter type wants.
#[derive(Debug)]
struct Param<'a>(Value<'a>);

impl ToSql for Param<'_> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        let number = match self.0 {
            Value::Null => return Ok(IsNull::Yes),
            Value::Text(t) => {
                if matches!(*ty, Type::INT2 | Type::INT4 | Type::INT8 | Type::BOOL | Type::NUMERIC) {
                    return Err(format!("text is bound where {ty} is expected").into());
                }
                out.extend_from_slice(t.as_bytes());
                return Ok(IsNull::No);
            }
            Value::Int(n) => n,
            Value::Bool(b) => i64::from(b),
        };
        match *ty {
            Type::INT8 => out.extend_from_slice(&number.to_be_bytes()),
            Type::INT4 => out.extend_from_slice(&i32::try_from(number)?.to_be_bytes()),
            Type::INT2 => out.extend_from_slice(&i16::try_from(number)?.to_be_bytes()),
            Type::BOOL => out.extend_from_slice(&[u8::from(number != 0)]),
            Type::TEXT | Type::VARCHAR | Type::UNKNOWN => out.extend_from_slice(number.to_string().as_bytes()),
            _ => return Err(format!("a number is bound where {ty} is expected").into()),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use super::placeholders;

    #[test]
    fn placeholders_change_outside_quotes_only() {
        assert_eq!(placeholders("a=?1 AND b='?2''?3' AND \"?\"=?12"), "a=$1 AND b='?2''?3' AND \"?\"=$12");
    }
}
