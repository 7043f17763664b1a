//! `schemas/feeds/<interface>.toml` → [`Feed`].
//!
//! Owns: the keys of the file and the pattern match over file names. Never: looks at folders.

use super::feed::{Completeness, Feed, Form};
use super::layout::Layout;
use super::load_schedule::{self, Calendars};
use super::toml_read::{Node, Reader, Text};
use super::{keys, mistake};

/// Largest file when a feed says nothing, bytes.
pub const DEFAULT_MAX_BYTES: u64 = 8_000_000_000;
/// Quiet time that proves completeness when a feed says nothing.
pub const DEFAULT_MILLIS: u64 = 2_000;

/// How long a file may wait to be complete when a feed says nothing, seconds.
pub const DEFAULT_OVERDUE: u64 = 600;

/// Reads a feed; mistakes go to the reader. `find` answers what is known of a layout and profile.
pub fn load_feed(
    interface: &str,
    reader: &Reader,
    find: &dyn Fn(&str, &str) -> Found,
    calendars: &Calendars,
) -> Option<Feed> {
    let document = reader.parse()?;
    let top = Node::root(reader, &document);
    top.version();
    let max_bytes = top.opt_int("max_bytes", 1..=i64::MAX);
    let overdue = top.opt_int("overdue_seconds", 1..=31 * 86_400);
    let complete = top.opt_table("complete");
    let nodes = top.tables("form");
    if nodes.is_empty() {
        top.mistake(mistake::MISSING_KEY, "[[form]] がありません", "pattern と layout を書いてください");
    }
    let mut forms: Vec<Form> = Vec::new();
    let mut trailer_layouts = Vec::new();
    for node in &nodes {
        let Some(form) = form(node, find) else { continue };
        if let Some(earlier) = forms.iter().find(|f| f.pattern.eq_ignore_ascii_case(&form.pattern)) {
            let message = format!("pattern「{}」が2つあります", earlier.pattern);
            reader.mistake(mistake::DUPLICATE, node.place_of("pattern"), message, "どちらかを消してください");
        } else if let Some(earlier) = forms.iter().find(|f| covers(&f.pattern, &form.pattern)) {
            let message = format!(
                "pattern「{}」に届くファイルはありません（先の「{}」が受け取ります）",
                form.pattern, earlier.pattern
            );
            reader.mistake(mistake::DUPLICATE, node.place_of("pattern"), message, "[[form]] の順を入れ替えてください");
        }
        trailer_layouts.push((form.layout.clone(), form.profile.clone()));
        forms.push(form);
    }
    let complete = complete.and_then(|node| completeness(&node, &trailer_layouts, find));
    let expect = load_schedule::expects(&top, calendars);
    let sequence = load_schedule::sequence(&top, &|record, field| has_field(&trailer_layouts, find, record, field));
    top.finish(&keys::FEED);
    Some(Feed {
        interface: interface.to_owned(),
        forms,
        complete: complete.unwrap_or(Completeness::Stable { millis: DEFAULT_MILLIS }),
        max_bytes: max_bytes.map_or(DEFAULT_MAX_BYTES, |n| n as u64),
        overdue_seconds: overdue.map_or(DEFAULT_OVERDUE, |n| n as u64),
        expect,
        sequence,
    })
}

/// Has some layout of the feed this record and field? One with mistakes of its own may have it.
fn has_field(layouts: &[(String, String)], find: &dyn Fn(&str, &str) -> Found, record: &str, field: &str) -> bool {
    layouts.iter().any(|(layout, profile)| match find(layout, profile) {
        Found::Layout(layout) => {
            let records = layout.records.iter().filter(|kind| kind.name == record);
            records.flat_map(|kind| &kind.fields).any(|known| known.name == field)
        }
        Found::Broken => true,
        Found::NoLayout(_) | Found::NoProfile(_) => false,
    })
}

/// What the site knows of a layout and profile.
#[derive(Debug, Clone)]
pub enum Found {
    /// Here it is.
    Layout(std::sync::Arc<Layout>),
    /// It has mistakes of its own; nothing more is said about it.
    Broken,
    /// No such layout; these there are.
    NoLayout(Vec<String>),
    /// The layout has no such profile; these it has.
    NoProfile(Vec<String>),
}

impl Found {
    /// The layout, with a mistake when it is not known.
    pub fn or_mistake(self, layout: &Text<'_>, profile: Option<&Text<'_>>) -> Option<std::sync::Arc<Layout>> {
        match self {
            Found::Layout(found) => return Some(found),
            Found::Broken => {}
            Found::NoLayout(all) => layout.unknown("レイアウト", all.iter().map(String::as_str)),
            Found::NoProfile(all) => {
                profile.unwrap_or(layout).unknown("プロファイル", all.iter().map(String::as_str));
            }
        }
        None
    }
}

fn form(node: &Node<'_>, find: &dyn Fn(&str, &str) -> Found) -> Option<Form> {
    let pattern = node.str("pattern");
    let layout = node.str("layout");
    let profile = node.opt_str("profile");
    node.finish(&keys::FORM);
    let (pattern, layout) = (pattern?, layout?);
    if pattern.value.is_empty() || pattern.value.contains(['/', '\\']) {
        let hint = "\"*.csv\" のように書いてください";
        pattern.mistake(mistake::BAD_VALUE, "pattern にフォルダは書けません", hint);
    }
    let profile_name = profile.as_ref().map_or("default", |p| p.value);
    find(layout.value, profile_name).or_mistake(&layout, profile.as_ref());
    Some(Form { pattern: pattern.value.to_owned(), layout: layout.value.to_owned(), profile: profile_name.to_owned() })
}

fn completeness(
    node: &Node<'_>,
    layouts: &[(String, String)],
    find: &dyn Fn(&str, &str) -> Found,
) -> Option<Completeness> {
    #[derive(Clone, Copy)]
    enum By {
        Stable,
        Trailer,
        DoneFile,
        Manifest,
        Rename,
    }
    let by = node.word(
        "by",
        &[
            ("stable", By::Stable),
            ("trailer", By::Trailer),
            ("done-file", By::DoneFile),
            ("manifest", By::Manifest),
            ("rename", By::Rename),
        ],
    );
    let by = by?;
    let millis = |node: &Node<'_>| node.opt_int("millis", 0..=3_600_000).map_or(DEFAULT_MILLIS, |n| n as u64);
    let complete = match by {
        By::Stable => Completeness::Stable { millis: millis(node) },
        By::Rename => Completeness::Rename,
        By::DoneFile => Completeness::DoneFile { suffix: suffix(node)? },
        By::Manifest => Completeness::Manifest { suffix: suffix(node)? },
        By::Trailer => {
            let record = node.str("record")?;
            for (layout, profile) in layouts {
                let Found::Layout(layout) = find(layout, profile) else { continue };
                match layout.record(record.value).map(|kind| &layout.records[kind]) {
                    None => record.unknown("レコード", layout.records.iter().map(|r| r.name.as_str())),
                    // The end of the file is looked at without reading what comes before: that needs a length.
                    Some(kind) if kind.length == 0 || kind.when.is_none() => {
                        let message = format!("レコード「{}」で終わりを見分けられません", kind.name);
                        record.mistake(
                            mistake::BAD_VALUE,
                            message,
                            "trailer は、when のある固定長のレコードに使えます",
                        );
                    }
                    Some(_) => {}
                }
            }
            Completeness::Trailer { record: record.value.to_owned(), millis: millis(node) }
        }
    };
    node.finish(&keys::COMPLETE);
    Some(complete)
}

fn suffix(node: &Node<'_>) -> Option<String> {
    let suffix = node.str("suffix")?;
    if !suffix.value.starts_with('.') || suffix.value.contains(['/', '\\']) || suffix.value.len() < 2 {
        suffix.mistake(mistake::BAD_VALUE, "suffix は「.」で始まる名前で書きます", "\".done\" など");
    }
    Some(suffix.value.to_owned())
}

/// Does the whole file name match the pattern (`*` any run, `?` one character), without regard to case?
pub fn matches(pattern: &str, name: &str) -> bool {
    let fold = |text: &str| -> Vec<char> { text.chars().flat_map(char::to_lowercase).collect() };
    let (pattern, name) = (fold(pattern), fold(name));
    let (mut p, mut n) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => {
                let Some((star, from)) = retry else { return false };
                retry = Some((star, from + 1));
                p = star + 1;
                n = from + 1;
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// Does `earlier` surely match every name that `later` matches? `*` of `later` is tried as nothing, one and more
/// characters that no pattern holds.
fn covers(earlier: &str, later: &str) -> bool {
    ["", "\u{1}", "\u{1}\u{2}\u{1}"].iter().all(|any| matches(earlier, &later.replace('*', any).replace('?', "\u{3}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_behind_a_wider_one_gets_nothing() {
        for (earlier, later) in [("*", "a.csv"), ("*.csv", "KR_*.csv"), ("a?.csv", "A?.csv"), ("*_*", "a_b*")] {
            assert!(covers(earlier, later), "{earlier} {later}");
        }
        for (earlier, later) in [("KR_*.csv", "*.csv"), ("a?.csv", "a*.csv"), ("*_1.csv", "*.csv"), ("a.csv", "b.csv")]
        {
            assert!(!covers(earlier, later), "{earlier} {later}");
        }
    }

    #[test]
    fn patterns_match_whole_names_without_case() {
        for (pattern, name) in [
            ("*.csv", "a.CSV"),
            ("KR01_*.sjis.csv", "kr01_2024.sjis.csv"),
            ("Z3?13101.dta", "Z3A13101.DTA"),
            ("*", ""),
            ("*_*_*", "a_b_c_d"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("*.csv", "a.csv.tmp"), ("a?.csv", "a.csv"), ("", "a")] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }
}
