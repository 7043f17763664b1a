//! Findings: what is wrong with data or with a declarative file. Never an error of the machine, never a bug.
//!
//! Owns: the shape of a finding and the catalogue of codes (`finding_catalogue.toml`, data).
//! Never: decides what happens to a record; the mapping's tolerance does.

use std::fmt;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; the record goes on.
    Info,
    /// Suspicious; the record goes on.
    Warning,
    /// The record is held and not loaded.
    Error,
    /// The whole file is rejected.
    Fatal,
}

impl Severity {
    /// The word in TOML, JSON and the store.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
            Severity::Fatal => "fatal",
        }
    }

    /// Reads [`Severity::word`] back.
    pub fn from_word(word: &str) -> Option<Self> {
        [Severity::Info, Severity::Warning, Severity::Error, Severity::Fatal].into_iter().find(|s| s.word() == word)
    }

    /// The word an operator reads.
    pub fn japanese(self) -> &'static str {
        match self {
            Severity::Info => "情報",
            Severity::Warning => "警告",
            Severity::Error => "エラー",
            Severity::Fatal => "重大",
        }
    }
}

/// Where in a data file: all counted the way a person would look for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DataPlace {
    /// 1-based number of the record in the file; 0 when it is about the file.
    pub record: u64,
    /// 1-based line (records of a file without line ends have the record's number here).
    pub line: u64,
    /// 0-based byte offset in the file, as received.
    pub byte: u64,
    /// Length in bytes; 0 when unknown.
    pub len: u64,
    /// Name of the data item, empty when it is about a record or a file.
    pub field: String,
}

/// Where in a declarative file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RulePlace {
    /// Path relative to the site's folder, with `/`.
    pub file: String,
    /// 1-based line; 0 when it is about the file.
    pub line: u32,
    /// 1-based column in characters.
    pub column: u32,
}

/// One thing that is wrong with the data or with a declarative file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Code of the catalogue, e.g. `field-too-long`, or a mapping check's own code.
    pub code: String,
    /// How bad it is.
    pub severity: Severity,
    /// Where in the data.
    pub data: DataPlace,
    /// Which rule says so.
    pub rule: RulePlace,
    /// The offending value as read; already masked when the field is secret. At most [`Finding::VALUE_LIMIT`] characters.
    pub value: String,
    /// What is wrong, one plain Japanese sentence.
    pub message: String,
    /// What to do next, in Japanese; empty means the catalogue's own text.
    pub action: String,
}

impl Finding {
    /// Longest value kept with a finding, in characters.
    pub const VALUE_LIMIT: usize = 60;
    /// Longest message kept, in characters: names of a file's own elements may be as long as the file.
    pub const MESSAGE_LIMIT: usize = 400;

    /// A finding about data.
    pub fn data(code: &str, severity: Severity, place: DataPlace, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if let Some((cut, _)) = message.char_indices().nth(Self::MESSAGE_LIMIT) {
            message.truncate(cut);
            message.push('…');
            message.shrink_to_fit();
        }
        Finding {
            code: code.to_owned(),
            severity,
            data: place,
            rule: RulePlace::default(),
            value: String::new(),
            message,
            action: String::new(),
        }
    }

    /// A finding about a declarative file; always [`Severity::Error`].
    pub fn rule(code: &str, place: RulePlace, message: impl Into<String>) -> Self {
        Finding {
            code: code.to_owned(),
            severity: Severity::Error,
            data: DataPlace::default(),
            rule: place,
            value: String::new(),
            message: message.into(),
            action: String::new(),
        }
    }

    /// Keeps the value, cut to [`Finding::VALUE_LIMIT`] characters; a secret one is masked to its length.
    pub fn with_value(mut self, value: &str, secret: bool) -> Self {
        self.value = if secret {
            format!("＊＊＊（{}文字）", value.chars().count())
        } else if value.chars().count() > Self::VALUE_LIMIT {
            value.chars().take(Self::VALUE_LIMIT).chain(['…']).collect()
        } else {
            value.to_owned()
        };
        self
    }

    /// Says which rule the data broke.
    pub fn with_rule(mut self, rule: RulePlace) -> Self {
        self.rule = rule;
        self
    }

    /// What to do next, where the catalogue's text is not specific enough.
    pub fn with_action(mut self, action: impl Into<String>) -> Self {
        self.action = action.into();
        self
    }
}

/// `file:line:column: 【エラー】message [code]` — the form `check` prints.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.rule.file.is_empty() {
            write!(f, "{}:{}:{}: ", self.rule.file, self.rule.line, self.rule.column)?;
        }
        write!(f, "【{}】{} [{}]", self.severity.japanese(), self.message, self.code)?;
        if !self.action.is_empty() {
            write!(f, " → {}", self.action)?;
        }
        Ok(())
    }
}

/// One code of the catalogue, as the manual and the reports show it.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogueEntry {
    /// Short Japanese name.
    pub title: String,
    /// What it means, in Japanese, for the manual; empty where the title says it all.
    #[serde(default)]
    pub meaning: String,
    /// What to do, in Japanese.
    pub action: String,
}

/// Every finding code that Rust itself gives out, by code. Mappings add codes of their own.
pub fn catalogue() -> &'static std::collections::BTreeMap<String, CatalogueEntry> {
    static CATALOGUE: std::sync::OnceLock<std::collections::BTreeMap<String, CatalogueEntry>> =
        std::sync::OnceLock::new();
    CATALOGUE.get_or_init(|| {
        toml::from_str(include_str!("finding_catalogue.toml")).expect("the shipped catalogue is read by a test")
    })
}
