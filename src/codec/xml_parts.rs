//! Small parts of XML reading: the path below a record, references, and what a parser's error means.
//!
//! Owns: which element is which field. Never: walks the document (`xml_read`).

use std::collections::HashMap;

use quick_xml::events::BytesRef;

use crate::schema::layout::Layout;

/// Where below the record the walk is.
pub(super) struct PathWalk {
    /// By record kind: path below the record → field, or `None` for a mere group.
    paths: Vec<HashMap<String, Option<usize>>>,
    path: String,
    /// Lengths to cut the path back to.
    cuts: Vec<usize>,
}

/// What an element is.
pub(super) enum Target {
    Field(usize),
    Group,
    Unknown,
}

impl PathWalk {
    pub fn new(layout: &Layout) -> Self {
        let paths = layout.records.iter().map(|record| {
            let mut paths = HashMap::new();
            for (index, field) in record.fields.iter().enumerate() {
                for (at, _) in field.path.match_indices('/') {
                    paths.entry(field.path[..at].to_owned()).or_insert(None);
                }
                paths.insert(field.path.clone(), Some(index));
            }
            paths
        });
        PathWalk { paths: paths.collect(), path: String::new(), cuts: Vec::new() }
    }

    /// A record begins.
    pub fn restart(&mut self) {
        self.path.clear();
        self.cuts.clear();
    }

    /// An element begins. Without a kind or a name it is unknown.
    pub fn enter(&mut self, kind: Option<usize>, name: Option<&str>) -> Target {
        self.cuts.push(self.path.len());
        if !self.path.is_empty() {
            self.path.push('/');
        }
        self.path.push_str(name.unwrap_or_default());
        let paths = kind.filter(|_| name.is_some()).and_then(|kind| self.paths.get(kind));
        match paths.and_then(|paths| paths.get(&self.path)) {
            Some(Some(field)) => Target::Field(*field),
            Some(None) => Target::Group,
            None => Target::Unknown,
        }
    }

    /// An element ends.
    pub fn leave(&mut self) {
        if let Some(cut) = self.cuts.pop() {
            self.path.truncate(cut);
        }
    }
}

/// The character of a reference: by number, or one of the five predefined.
pub(super) fn referred(reference: &BytesRef<'_>) -> Option<char> {
    let content: &str = reference;
    match reference.resolve_char_ref() {
        Ok(Some(ch)) => Some(ch),
        Ok(None) => match content {
            "lt" => Some('<'),
            "gt" => Some('>'),
            "amp" => Some('&'),
            "apos" => Some('\''),
            "quot" => Some('"'),
            _ => None,
        },
        Err(_) => None,
    }
}

/// Where the parser gave up.
pub(super) struct Torn<'a> {
    /// Bytes of the token in question.
    pub token: &'a [u8],
    /// Offset in the file of its first byte.
    pub before: u64,
    /// Offset the parser names.
    pub at: u64,
    /// Greatest length of a record.
    pub limit: usize,
}

impl Torn<'_> {
    /// Code, offset in the file, sentence.
    pub fn explain(&self, error: &quick_xml::Error) -> (&'static str, u64, String) {
        match error {
            quick_xml::Error::Io(_) => {
                let message = format!("1つの要素または文字列が上限 {} バイトを超えています", self.limit);
                ("record-too-long", self.before, message)
            }
            quick_xml::Error::Encoding(_) => {
                let good = std::str::from_utf8(self.token).map_or_else(|error| error.valid_up_to(), str::len);
                let message = "UTF-8 で読めないバイトがあります。XML はここから先を読めません".to_owned();
                ("undecodable", self.before + good as u64, message)
            }
            _ => {
                let message = "XML の書き方が壊れています（タグの対応や記号）。ここから先を読めません".to_owned();
                ("xml-broken", self.at.max(self.before), message)
            }
        }
    }
}
