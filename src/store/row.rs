//! One row as it comes back, the same for both engines.
//!
//! Owns: reading cells. Never: keeps them; a row lives until the next one.

use postgres::types::{FromSql, Type};
use rusqlite::types::ValueRef;

use super::{Result, StoreError};
use crate::value::Value;

/// A row; columns count from 0.
pub enum RowRef<'a> {
    /// From SQLite.
    Sqlite(&'a rusqlite::Row<'a>),
    /// From PostgreSQL.
    Postgres(&'a postgres::Row),
}

impl RowRef<'_> {
    /// Any cell.
    ///
    /// # Errors
    /// The column does not exist, or holds what the store never writes (real numbers, blobs, text that is not UTF-8).
    pub fn value(&self, i: usize) -> Result<Value<'_>> {
        match self {
            RowRef::Sqlite(row) => {
                let cell = row.get_ref(i).map_err(|e| StoreError::sqlite("row", e))?;
                match cell {
                    ValueRef::Null => Ok(Value::Null),
                    ValueRef::Integer(n) => Ok(Value::Int(n)),
                    ValueRef::Text(bytes) => text(bytes).map(Value::Text),
                    ValueRef::Real(_) | ValueRef::Blob(_) => Err(odd(i)),
                }
            }
            RowRef::Postgres(row) => match row.try_get::<_, Option<Cell<'_>>>(i) {
                Ok(cell) => Ok(cell.map_or(Value::Null, |c| c.0)),
                Err(e) => Err(StoreError::unexpected(format!("列 {i}: {e}"))),
            },
        }
    }

    /// Text that is there.
    ///
    /// # Errors
    /// As [`RowRef::value`]; also when it is NULL or a number.
    pub fn text(&self, i: usize) -> Result<&str> {
        self.opt_text(i)?.ok_or_else(|| odd(i))
    }

    /// Text or NULL.
    ///
    /// # Errors
    /// As [`RowRef::value`]; also when it is a number.
    pub fn opt_text(&self, i: usize) -> Result<Option<&str>> {
        match self.value(i)? {
            Value::Null => Ok(None),
            Value::Text(t) => Ok(Some(t)),
            _ => Err(odd(i)),
        }
    }

    /// A text of one's own.
    ///
    /// # Errors
    /// As [`RowRef::text`].
    pub fn string(&self, i: usize) -> Result<String> {
        self.text(i).map(str::to_owned)
    }

    /// A text of one's own, or NULL.
    ///
    /// # Errors
    /// As [`RowRef::opt_text`].
    pub fn opt_string(&self, i: usize) -> Result<Option<String>> {
        Ok(self.opt_text(i)?.map(str::to_owned))
    }

    /// A number that is there.
    ///
    /// # Errors
    /// As [`RowRef::value`]; also when it is NULL or text.
    pub fn int(&self, i: usize) -> Result<i64> {
        self.opt_int(i)?.ok_or_else(|| odd(i))
    }

    /// A number or NULL.
    ///
    /// # Errors
    /// As [`RowRef::value`]; also when it is text.
    pub fn opt_int(&self, i: usize) -> Result<Option<i64>> {
        match self.value(i)? {
            Value::Null => Ok(None),
            Value::Int(n) => Ok(Some(n)),
            Value::Bool(b) => Ok(Some(i64::from(b))),
            Value::Text(_) => Err(odd(i)),
        }
    }

    /// A number that counts something.
    ///
    /// # Errors
    /// As [`RowRef::int`]; also when it is negative.
    pub fn count(&self, i: usize) -> Result<u64> {
        u64::try_from(self.int(i)?).map_err(|_| odd(i))
    }
}

fn odd(i: usize) -> StoreError {
    StoreError::unexpected(format!("列 {i} の型"))
}

fn text(bytes: &[u8]) -> Result<&str> {
    simdutf8::basic::from_utf8(bytes).map_err(|_| StoreError::unexpected("UTF-8 でない文字列"))
}

/// A PostgreSQL cell of one of the types the store and its views use.
struct Cell<'a>(Value<'a>);

impl<'a> FromSql<'a> for Cell<'a> {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> std::result::Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        let value = match *ty {
            Type::INT8 => Value::Int(i64::from_be_bytes(raw.try_into()?)),
            Type::INT4 => Value::Int(i64::from(i32::from_be_bytes(raw.try_into()?))),
            Type::INT2 => Value::Int(i64::from(i16::from_be_bytes(raw.try_into()?))),
            Type::BOOL => Value::Bool(raw == [1]),
            Type::NUMERIC => Value::Int(whole_numeric(raw).ok_or("numeric is not a whole number of 64 bits")?),
            _ => Value::Text(simdutf8::basic::from_utf8(raw)?),
        };
        Ok(Cell(value))
    }

    fn accepts(ty: &Type) -> bool {
        matches!(
            *ty,
            Type::INT8
                | Type::INT4
                | Type::INT2
                | Type::BOOL
                | Type::NUMERIC
                | Type::TEXT
                | Type::VARCHAR
                | Type::NAME
                | Type::UNKNOWN
        )
    }
}

/// A whole number in PostgreSQL's binary numeric (what SUM over bigint returns): digits of base 10000, most significant first.
fn whole_numeric(raw: &[u8]) -> Option<i64> {
    let word = |i: usize| Some(u16::from_be_bytes([*raw.get(2 * i)?, *raw.get(2 * i + 1)?]));
    let (digits, weight, sign) = (usize::from(word(0)?), word(1)? as i16, word(2)?);
    let mut n: i128 = 0;
    for place in 0..=weight.max(-1) {
        let digit = if (place as usize) < digits { word(4 + place as usize)? } else { 0 };
        n = n.checked_mul(10_000)?.checked_add(i128::from(digit))?;
    }
    // A fraction, or an infinity.
    let whole = usize::try_from(weight + 1).unwrap_or(0);
    if digits > whole || !matches!(sign, 0 | 0x4000) {
        return None;
    }
    i64::try_from(if sign == 0 { n } else { -n }).ok()
}

#[cfg(test)]
mod tests {
    use super::whole_numeric;

    fn numeric(words: &[u16]) -> Vec<u8> {
        words.iter().flat_map(|w| w.to_be_bytes()).collect()
    }

    #[test]
    fn whole_numerics_are_read_and_fractions_are_not() {
        assert_eq!(whole_numeric(&numeric(&[0, 0, 0, 0])), Some(0));
        assert_eq!(whole_numeric(&numeric(&[2, 1, 0, 0, 12, 3456])), Some(123_456));
        assert_eq!(whole_numeric(&numeric(&[1, 1, 0x4000, 0, 12])), Some(-120_000));
        assert_eq!(whole_numeric(&numeric(&[1, 0xFFFF, 0, 1, 5000])), None);
        assert_eq!(whole_numeric(&numeric(&[1, 9, 0, 0, 12])), None);
    }
}
