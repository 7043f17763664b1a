//! What can go wrong with the store: the machine's trouble, never the data's.
//!
//! Messages carry no personal data: SQL text has placeholders only, and what PostgreSQL says about values (DETAIL, and the
//! messages of its data-exception classes) is dropped.

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// `[store] url` is not understood; the password, if any, is not repeated.
    #[error(
        "保存先の指定を読めません（{why}）。sqlite:パス か postgres://利用者@ホスト/データベース の形で指定してください"
    )]
    Url {
        /// What is wrong with it.
        why: String,
    },
    /// The database cannot be opened or reached.
    #[error("保存先 {target} を開けません: {why}")]
    Open {
        /// Path, or host and database name.
        target: String,
        /// What the driver said.
        why: String,
    },
    /// SQLite refused a statement.
    #[error("SQLite の処理に失敗しました（{what}）: {source}")]
    Sqlite {
        /// The statement, shortened.
        what: String,
        /// The driver's error.
        source: rusqlite::Error,
    },
    /// PostgreSQL refused a statement, or the connection was lost (`code` empty).
    #[error("PostgreSQL の処理に失敗しました（{what}）: {message} [{code}]")]
    Postgres {
        /// The statement, shortened.
        what: String,
        /// Message without values.
        message: String,
        /// SQLSTATE, empty when the connection itself failed.
        code: String,
    },
    /// A value in the store is not what the code expects (wrong type, unknown state word): the store was altered by other hands.
    #[error("保存先の値が想定と異なります: {what}")]
    Unexpected {
        /// Where and what.
        what: String,
    },
    /// A row that must exist does not.
    #[error("保存先に見つかりません: {what}")]
    Missing {
        /// What was looked for.
        what: String,
    },
    /// A callback ended the work on purpose; whoever passed the callback knows why.
    #[error("処理を途中で止めました")]
    Stopped,
}

impl StoreError {
    /// A unique key would have been broken.
    pub(super) fn is_conflict(&self) -> bool {
        match self {
            StoreError::Sqlite { source, .. } => matches!(
                source.sqlite_error().map(|e| e.extended_code),
                Some(rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY | rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE)
            ),
            StoreError::Postgres { code, .. } => code == "23505",
            _ => false,
        }
    }

    pub(super) fn sqlite(what: &str, source: rusqlite::Error) -> Self {
        StoreError::Sqlite { what: shorten(what), source }
    }

    pub(super) fn postgres(what: &str, source: &postgres::Error) -> Self {
        let (message, code) = match source.as_db_error() {
            Some(db) => {
                let code = db.code().code();
                // Classes 22 (data) and 23 (integrity) repeat values in their messages.
                let message = if code.starts_with("22") || code.starts_with("23") {
                    let place = [db.table(), db.column(), db.constraint()];
                    place.into_iter().flatten().collect::<Vec<_>>().join(" ")
                } else {
                    db.message().to_owned()
                };
                (message, code.to_owned())
            }
            None => (source.to_string(), String::new()),
        };
        StoreError::Postgres { what: shorten(what), message, code }
    }

    pub(super) fn unexpected(what: impl Into<String>) -> Self {
        StoreError::Unexpected { what: what.into() }
    }
}

/// First 120 characters of a statement on one line.
fn shorten(sql: &str) -> String {
    let mut out = String::new();
    for word in sql.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
        if out.chars().count() > 120 {
            return out.chars().take(120).chain(['…']).collect();
        }
    }
    out
}
