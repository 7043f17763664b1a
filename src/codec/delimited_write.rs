//! Fields of a delimited record as bytes.
//!
//! Owns: separators and quotes on the way out. Never: changes a value so that it fits.

use crate::schema::layout::Quote;

use super::charset::Charset;
use super::fault::Fault;
use super::field_rule::FieldRule;
use super::field_write::{Contents, encode};

/// Appends a record; gives start and length of every field's content in `line`.
pub(super) fn encode_delimited(
    rules: &[FieldRule],
    contents: &Contents,
    (separator, quote): (u8, Quote),
    line: &mut Vec<u8>,
    faults: &mut Vec<(usize, Fault)>,
) -> Vec<(usize, usize)> {
    let mut places = Vec::with_capacity(rules.len());
    let plain = quote != Quote::Always && rules.len() > 1 && is_plain(rules, contents, separator);
    for (index, rule) in rules.iter().enumerate() {
        if index > 0 {
            line.push(separator);
        }
        let start = line.len();
        if let Err(fault) = encode(rule, contents.get(index), line) {
            faults.push((index, fault));
        }
        if plain {
            places.push((start, line.len() - start));
            continue;
        }
        let bare = line.len() - start;
        // A record of one empty field would be an empty line.
        let lonely = rules.len() == 1 && bare == 0;
        if !put_quotes(line, start, separator, quote, lonely) {
            faults.push((index, Fault::NeedsQuotes));
        }
        let shift = usize::from(line.len() > start + bare);
        places.push((start + shift, bare));
    }
    places
}

/// Is there nothing in the whole record that quotes are for? One look at the text instead of several at each field; and a
/// separator that is the second byte of a character is none there. JIS X 0208 in two bytes below 0x80 looks like anything.
fn is_plain(rules: &[FieldRule], contents: &Contents, separator: u8) -> bool {
    let text = contents.all().as_bytes();
    memchr::memchr3(separator, b'\r', b'\n', text).is_none()
        && memchr::memchr(b'"', text).is_none()
        && rules.iter().all(|rule| rule.charset != Charset::JisX0208)
}

/// Quotes what was appended from `start` on, if it must be. `false`: it must, and the file has no quotes.
pub(super) fn put_quotes(line: &mut Vec<u8>, start: usize, separator: u8, quote: Quote, force: bool) -> bool {
    let content = &line[start..];
    let breaks = memchr::memchr3(separator, b'\r', b'\n', content).is_some();
    let quotes = memchr::memchr(b'"', content).is_some();
    match quote {
        Quote::Never => return !breaks && !force,
        Quote::Needed if !breaks && !quotes && !force => return true,
        Quote::Needed | Quote::Always => {}
    }
    if quotes {
        let content = line.split_off(start);
        line.push(b'"');
        for byte in content {
            if byte == b'"' {
                line.push(b'"');
            }
            line.push(byte);
        }
    } else {
        line.insert(start, b'"');
    }
    line.push(b'"');
    true
}
