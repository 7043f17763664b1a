//! The one value type that fields, expressions and columns share.
//!
//! Owns: what a value is and which static types exist. Never: parses files, touches clocks, knows a data item.
//!
//! Dates are ISO text (`YYYY-MM-DD`), because unknown parts are real (`1935-00-00`); money is whole yen as `i64`.

/// A value while it is on its way: borrowed text, so that a record is mapped without an allocation per field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// Nothing was given: an empty field that may be empty.
    Null,
    /// Text, and dates as ISO text.
    Text(&'a str),
    /// A whole number: yen, counts.
    Int(i64),
    /// A truth value; exists in expressions only, never in a column.
    Bool(bool),
}

/// A value that owns its text, for places where the record it came from is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnedValue {
    /// See [`Value::Null`].
    Null,
    /// See [`Value::Text`].
    Text(String),
    /// See [`Value::Int`].
    Int(i64),
    /// See [`Value::Bool`].
    Bool(bool),
}

/// Static type of a field, a column or an expression; every type may be [`Value::Null`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Type {
    /// Any text.
    Text,
    /// 64-bit whole number.
    Int,
    /// ISO date text, compared as text; unknown parts are `00`.
    Date,
    /// Result of a predicate.
    Bool,
}

/// Would this character vanish on a screen, move its cursor, turn the line round or stand for another one? Variation
/// selectors are no such characters: they choose the form of a kanji.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

impl Type {
    /// The word used in TOML files and messages.
    pub fn word(self) -> &'static str {
        match self {
            Type::Text => "text",
            Type::Int => "int",
            Type::Date => "date",
            Type::Bool => "bool",
        }
    }
}

impl<'a> Value<'a> {
    /// Is this [`Value::Null`]?
    pub fn is_null(self) -> bool {
        matches!(self, Value::Null)
    }

    /// The text, if this is text.
    pub fn as_text(self) -> Option<&'a str> {
        match self {
            Value::Text(t) => Some(t),
            _ => None,
        }
    }

    /// The number, if this is a number.
    pub fn as_int(self) -> Option<i64> {
        match self {
            Value::Int(n) => Some(n),
            _ => None,
        }
    }

    /// A copy that owns its text.
    pub fn to_owned(self) -> OwnedValue {
        match self {
            Value::Null => OwnedValue::Null,
            Value::Text(t) => OwnedValue::Text(t.to_owned()),
            Value::Int(n) => OwnedValue::Int(n),
            Value::Bool(b) => OwnedValue::Bool(b),
        }
    }
}

impl OwnedValue {
    /// Borrows this value.
    pub fn as_value(&self) -> Value<'_> {
        match self {
            OwnedValue::Null => Value::Null,
            OwnedValue::Text(t) => Value::Text(t),
            OwnedValue::Int(n) => Value::Int(*n),
            OwnedValue::Bool(b) => Value::Bool(*b),
        }
    }
}

impl std::fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Null => Ok(()),
            Value::Text(t) => f.write_str(t),
            Value::Int(n) => write!(f, "{n}"),
            Value::Bool(b) => write!(f, "{b}"),
        }
    }
}
