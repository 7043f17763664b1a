//! JSON documents, for machines first, and safe for the terminal they are shown on.
//!
//! Owns: that what would vanish or move a cursor is escaped (`\u202E`), as JSON allows anywhere in a text; whoever parses
//! the document gets every text exactly. Never: decides what is in a document.

use std::io;

use serde::Serialize;

use crate::value::is_hidden;

/// A document on one line.
pub fn line(document: &serde_json::Value) -> String {
    escaped(document.to_string())
}

/// A document over many lines, without a line end after the last.
///
/// # Errors
/// What the document's own serialisation says.
pub fn pretty(document: &impl Serialize) -> io::Result<String> {
    Ok(escaped(serde_json::to_string_pretty(document)?))
}

/// Outside of its texts a document is ASCII, and in them line ends are escaped already: what is hidden is in a text.
fn escaped(json: String) -> String {
    use std::fmt::Write;
    let hidden = |c: char| c != '\n' && is_hidden(c);
    if !json.chars().any(hidden) {
        return json;
    }
    let mut out = String::with_capacity(json.len() + 32);
    for c in json.chars() {
        if hidden(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing into a String cannot fail.
                let _ = write!(out, "\\u{unit:04X}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_escaped_and_parses_to_the_same_text() {
        let text = "a\u{1b}]0;x\u{7}\u{9b}31m\u{85}\u{7f}\r\n\u{202e}b\u{2066}\u{61c}\u{e0041}葛\u{e0100}\\\"";
        let document = serde_json::json!({ text: [text] });
        for json in [line(&document), pretty(&document).unwrap()] {
            assert!(json.chars().all(|c| c == '\n' || !is_hidden(c)), "{json:?}");
            assert!(json.contains("\\u202Eb\\u2066") && json.contains("\\uDB40\\uDC41葛\u{e0100}"), "{json}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap(), document);
        }
    }
}
