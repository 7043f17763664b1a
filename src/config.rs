//! `renkei.toml`: the site's own values, its store, folders and limits.
//!
//! Owns: the keys, their defaults, and the values expressions know as `サイト.…`. Never: opens anything.

use std::path::{Path, PathBuf};

use crate::schema::layout::CheckDigit;
use crate::schema::toml_read::{Node, Reader};
use crate::schema::{keys, mistake};

/// Environment variable that overrides `[store] url`, so that a password need not stand in a file.
pub const STORE_URL_VARIABLE: &str = "RENKEI_STORE_URL";

/// What `renkei.toml` says.
#[derive(Debug, Clone)]
pub struct Config {
    /// `[site] 団体コード`: six digits with a right check digit.
    pub municipality: String,
    /// All of `[site]`, sorted by key; a value's slot is its index.
    pub site: Vec<(String, String)>,
    /// `sqlite:<path>` (relative to the site's folder) or `postgres://…`. Never to be logged: it may hold a password.
    pub store_url: String,
    /// Where files come in; absolute or below the site's folder.
    pub inbox: PathBuf,
    /// Where files go out.
    pub outbox: PathBuf,
    /// Store, archive, work, reports, files set aside.
    pub data: PathBuf,
    /// Where the keys of the vault are.
    pub vault_key: KeyPlace,
    /// Bounds of everything that grows.
    pub limits: Limits,
}

/// Where the keys of the vault are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyPlace {
    /// In a file, or in the environment, which wins. `[vault] key_file`; default `vault.key` in the site's folder.
    File(PathBuf),
    /// A key that everybody knows: for example cases and tests, whose data are made up.
    Example,
}

/// `[limits]`; every key may be left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// `held`: records a file may have held when its mapping does not say; more reject the file. Default 100,000.
    pub held: u64,
    /// `findings_per_code`: findings kept with their places for each code of a run; more are only counted. Default 1,000.
    pub findings_per_code: usize,
    /// `report_rows`: rows a report lists at most. Default 1,000.
    pub report_rows: usize,
    /// `poll_millis`: pause of the worker when nothing is due. Default 500.
    pub poll_millis: u64,
    /// `attempts`: how often a file is tried when the machine fails with it (disk, database), with pauses from ten seconds
    /// to an hour; then it is stopped (要対応) until `renkei retry`. Derivations are tried again for ever. Default 10, which
    /// is an hour and a half.
    pub attempts: u32,
    /// `set_aside_files`: entries in `data/set-aside`; when there are so many, what cannot be taken stays in the inbox.
    /// Default 10,000.
    pub set_aside_files: u64,
    /// `set_aside_bytes`: the same in bytes. Default 20,000,000,000.
    pub set_aside_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            held: 100_000,
            findings_per_code: 1_000,
            report_rows: 1_000,
            poll_millis: 500,
            attempts: 10,
            set_aside_files: 10_000,
            set_aside_bytes: 20_000_000_000,
        }
    }
}

impl Config {
    /// Reads `renkei.toml`; mistakes go to the reader. `None` when too little is left to go on.
    ///
    /// `store_url` is the value of [`STORE_URL_VARIABLE`], if it is set.
    pub fn load(root: &Path, reader: &Reader, store_url: Option<String>) -> Option<Config> {
        let document = reader.parse()?;
        let top = Node::root(reader, &document);
        top.version();
        let site = top.opt_table("site");
        let store = top.opt_table("store");
        let folder = top.opt_table("folder");
        let limits = top.opt_table("limits");
        let vault = top.opt_table("vault");
        top.finish(&keys::CONFIG);
        let (municipality, site) = site_values(&top, site);
        let url = store.map(|node| {
            let url = node.opt_str("url");
            node.finish(&keys::STORE);
            url.map(|u| {
                judge_url(&u);
                u.value.to_owned()
            })
        });
        let path = |key: &'static str| {
            let given = folder.as_ref().and_then(|node| node.opt_str(key));
            root.join(given.map_or(key, |t| t.value))
        };
        let (inbox, outbox, data) = (path("inbox"), path("outbox"), path("data"));
        if let Some(node) = &folder {
            node.finish(&keys::FOLDER);
        }
        let key_file = vault.as_ref().and_then(|node| node.opt_str("key_file"));
        let vault_key = KeyPlace::File(root.join(key_file.map_or("vault.key", |text| text.value)));
        if let Some(node) = &vault {
            node.finish(&keys::VAULT);
        }
        Some(Config {
            municipality,
            site,
            store_url: store_url.or(url.flatten()).unwrap_or_else(|| "sqlite:data/renkei.db".to_owned()),
            inbox,
            outbox,
            data,
            vault_key,
            limits: limits.map(|node| read_limits(&node)).unwrap_or_default(),
        })
    }
}

fn site_values(top: &Node<'_>, site: Option<Node<'_>>) -> (String, Vec<(String, String)>) {
    let Some(site) = site else {
        top.mistake(mistake::MISSING_KEY, "[site] がありません", "団体コード = \"…\" を書いてください");
        return (String::new(), Vec::new());
    };
    let municipality = site.str("団体コード").map(|code| {
        if !CheckDigit::Municipality.holds(code.value) {
            let hint = match code.value.get(..5).and_then(|body| CheckDigit::Municipality.digit(body)) {
                Some(digit) if code.value.len() == 6 => format!("検査数字は{digit}のはずです"),
                _ => "検査数字を含む6桁で書いてください".to_owned(),
            };
            code.mistake(mistake::BAD_VALUE, format!("団体コード「{}」が正しくありません", code.value), hint);
        }
        code.value.to_owned()
    });
    let mut values: Vec<(String, String)> =
        site.pairs().into_iter().map(|(key, value)| (key.value.to_owned(), value.value.to_owned())).collect();
    values.sort();
    (municipality.unwrap_or_default(), values)
}

fn judge_url(url: &crate::schema::toml_read::Text<'_>) {
    let known = ["sqlite:", "postgres://", "postgresql://"];
    if !known.iter().any(|scheme| url.value.starts_with(scheme)) {
        let hint = "\"sqlite:data/renkei.db\" か \"postgres://…\" の形で書いてください";
        url.mistake(mistake::BAD_VALUE, "保管先の url が読めません", hint);
    }
}

fn read_limits(node: &Node<'_>) -> Limits {
    let standard = Limits::default();
    let number = |key: &'static str, range, or: u64| node.opt_int(key, range).map_or(or, |n| n as u64);
    let limits = Limits {
        held: number("held", 0..=100_000_000, standard.held),
        findings_per_code: number("findings_per_code", 1..=1_000_000, standard.findings_per_code as u64) as usize,
        report_rows: number("report_rows", 1..=1_000_000, standard.report_rows as u64) as usize,
        poll_millis: number("poll_millis", 10..=600_000, standard.poll_millis),
        attempts: number("attempts", 1..=1_000, u64::from(standard.attempts)) as u32,
        set_aside_files: number("set_aside_files", 1..=10_000_000, standard.set_aside_files),
        set_aside_bytes: number("set_aside_bytes", 1..=i64::MAX, standard.set_aside_bytes),
    };
    node.finish(&keys::LIMITS);
    limits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> (Option<Config>, Vec<String>) {
        let reader = Reader::new("renkei.toml", text);
        let config = Config::load(Path::new("/site"), &reader, None);
        let findings = reader.into_findings().iter().map(ToString::to_string).collect();
        (config, findings)
    }

    #[test]
    fn a_small_file_gets_the_documented_defaults() {
        let (config, findings) = load("version = 1\n[site]\n\"団体コード\" = \"131041\"\n");
        let config = config.unwrap();
        assert_eq!(findings, Vec::<String>::new());
        assert_eq!(config.municipality, "131041");
        assert_eq!(config.inbox, Path::new("/site/inbox"));
        assert_eq!(config.limits, Limits::default());
    }

    #[test]
    fn a_wrong_check_digit_of_the_municipality_is_told_with_the_right_one() {
        let (_, findings) = load("version = 1\n[site]\n\"団体コード\" = \"131042\"\n");
        assert!(findings[0].starts_with("renkei.toml:3:11: "), "{findings:?}");
        assert!(findings[0].contains("検査数字は1"));
    }
}
