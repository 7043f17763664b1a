//! Records as XML elements: what `xml_read` reads back.
//!
//! Owns: tags, escapes and the grouping of fields by path. Never: a declaration other than UTF-8, a prefix, a DTD.

use crate::schema::layout::Layout;

use super::fault::Fault;
use super::field_rule::FieldRule;
use super::field_write::Contents;

/// Before every record.
pub(super) const INDENT: &[u8] = b"  ";

/// Names of the document.
pub(super) struct XmlStyle {
    root: String,
    namespace: String,
    /// By record kind.
    records: Vec<XmlRecord>,
}

struct XmlRecord {
    element: String,
    /// By field: its groups and its own element.
    paths: Vec<(Vec<String>, String)>,
}

impl XmlStyle {
    pub fn new(layout: &Layout, root: &str, namespace: &str) -> Self {
        let records = layout.records.iter().map(|record| XmlRecord {
            element: record.element.clone(),
            paths: record.fields.iter().map(|field| split(&field.path)).collect(),
        });
        XmlStyle { root: root.to_owned(), namespace: namespace.to_owned(), records: records.collect() }
    }

    /// Declaration and root.
    pub fn open(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<");
        out.extend_from_slice(self.root.as_bytes());
        if !self.namespace.is_empty() {
            out.extend_from_slice(b" xmlns=\"");
            escape(&self.namespace, out);
            out.push(b'"');
        }
        out.extend_from_slice(b">\n");
    }

    /// End of the root.
    pub fn close(&self, out: &mut Vec<u8>) {
        end_tag(&self.root, out);
        out.push(b'\n');
    }

    /// A record behind its indent; empty fields are left out. Gives start and length of every field's content.
    pub fn record(
        &self,
        kind: usize,
        rules: &[FieldRule],
        contents: &Contents,
        out: &mut Vec<u8>,
        faults: &mut Vec<(usize, Fault)>,
    ) -> Vec<(usize, usize)> {
        let Some(record) = self.records.get(kind) else {
            return Vec::new();
        };
        let mut places = Vec::with_capacity(rules.len());
        let mut open: &[String] = &[];
        out.extend_from_slice(INDENT);
        start_tag(&record.element, out);
        for (index, (rule, (groups, name))) in rules.iter().zip(&record.paths).enumerate() {
            let content = contents.get(index);
            if content.is_empty() {
                places.push((0, 0));
                continue;
            }
            let shared = open.iter().zip(groups).take_while(|(a, b)| a == b).count();
            open[shared..].iter().rev().for_each(|group| end_tag(group, out));
            groups[shared..].iter().for_each(|group| start_tag(group, out));
            open = groups;
            start_tag(name, out);
            let start = out.len();
            if let Err(error) = rule.charset.encoded_len(content) {
                faults.push((index, Fault::Unmappable(error.ch)));
            }
            escape(content, out);
            places.push((start, out.len() - start));
            end_tag(name, out);
        }
        open.iter().rev().for_each(|group| end_tag(group, out));
        end_tag(&record.element, out);
        places
    }
}

fn split(path: &str) -> (Vec<String>, String) {
    let mut parts: Vec<String> = path.split('/').map(str::to_owned).collect();
    let name = parts.pop().unwrap_or_default();
    (parts, name)
}

fn start_tag(name: &str, out: &mut Vec<u8>) {
    out.push(b'<');
    out.extend_from_slice(name.as_bytes());
    out.push(b'>');
}

fn end_tag(name: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"</");
    out.extend_from_slice(name.as_bytes());
    out.push(b'>');
}

/// A carriage return is written as a reference: a reader would turn a bare one into a line feed.
fn escape(text: &str, out: &mut Vec<u8>) {
    for byte in text.bytes() {
        match byte {
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            b'"' => out.extend_from_slice(b"&quot;"),
            b'\r' => out.extend_from_slice(b"&#13;"),
            _ => out.push(byte),
        }
    }
}
