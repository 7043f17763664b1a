//! Relations that every site has beside its entities and views, so that a SELECT may ask for what is no row of a file.
//!
//! Owns: their names and columns. Never: the SQL behind them (`store`).

/// A relation built in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuiltIn {
    /// `実行`: the one row of the run's own values.
    Run,
    /// `サイト`: `[site]` of `renkei.toml`, one row per key.
    Site,
    /// `暦`: every day of every calendar within its horizon.
    Calendar,
    /// `送付`: what partners have, one row per delivered key.
    Sent,
    /// `符号`: every code of every code table, with its first columns.
    Codes,
}

impl BuiltIn {
    /// All of them.
    pub const ALL: [BuiltIn; 5] = [BuiltIn::Run, BuiltIn::Site, BuiltIn::Calendar, BuiltIn::Sent, BuiltIn::Codes];

    /// The name a SELECT uses.
    pub fn name(self) -> &'static str {
        match self {
            BuiltIn::Run => "実行",
            BuiltIn::Site => "サイト",
            BuiltIn::Calendar => "暦",
            BuiltIn::Sent => "送付",
            BuiltIn::Codes => "符号",
        }
    }

    /// Its columns; all text but 営業日, 通番 and 交換, which are int.
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            BuiltIn::Run => &["基準日", "団体コード"],
            BuiltIn::Site => &["項目", "値"],
            BuiltIn::Calendar => &["暦", "日付", "営業日", "通番", "翌営業日", "前営業日", "名称"],
            BuiltIn::Sent => &["送信", "キー", "交換", "送付日"],
            BuiltIn::Codes => &["表", "コード", "名称", "列1", "列2", "列3"],
        }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|relation| relation.name() == name)
    }
}
