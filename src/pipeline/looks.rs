//! What the first bytes of a kept file look like: for a suggestion in a report.
//!
//! Owns: the well-known beginnings of files that are no text, and the trial of other charsets. Never: decides how a file
//! is read; the layout does.

use std::io::{self, Read};

use crate::codec::charset::Charset;
use crate::report::whole::Looks;

/// Bytes looked at.
const HEAD: u64 = 64 * 1024;

/// Beginnings of files that offices mix up with data files.
const BEGINNINGS: [(&[u8], &str); 7] = [
    (b"\x89PNG", "画像（PNG）"),
    (b"\xFF\xD8\xFF", "画像（JPEG）"),
    (b"GIF8", "画像（GIF）"),
    (b"%PDF", "PDF"),
    (b"PK\x03\x04", "Excel・Word などの文書か ZIP 圧縮ファイル"),
    (b"\xD0\xCF\x11\xE0", "古い形式の Excel・Word などの文書"),
    (b"\x1F\x8B", "gzip 圧縮ファイル"),
];

/// Looks at the beginning of a file that its layout wants to be in `charset`; `None`: nothing stands out.
pub(super) fn looks(input: impl Read, charset: Charset) -> io::Result<Option<Looks>> {
    let mut head = Vec::new();
    input.take(HEAD).read_to_end(&mut head)?;
    if let Some((_, what)) = BEGINNINGS.iter().find(|(start, _)| head.starts_with(start)) {
        return Ok(Some(Looks::Other(what)));
    }
    Ok(other_charset(&head, charset).map(Looks::Text))
}

/// A charset's name as an operator knows it.
pub(super) fn people_name(charset: Charset) -> &'static str {
    match charset {
        Charset::Utf8 => "UTF-8",
        Charset::Windows31j | Charset::Windows31jExact => "シフト JIS（Windows-31J）",
        other => other.name(),
    }
}

/// The other charset that the bytes are text of, when they are none of the wanted one.
fn other_charset(head: &[u8], wanted: Charset) -> Option<&'static str> {
    // The last line may have been cut by the limit.
    let end = head.iter().rposition(|b| *b == b'\n').map_or(head.len(), |at| at + 1);
    let text = &head[..end];
    let is = |charset: Charset| charset.decode(text, &mut String::new()).is_ok();
    if text.is_ascii() {
        return None;
    }
    if wanted != Charset::Utf8 && is(Charset::Utf8) {
        return Some(people_name(Charset::Utf8));
    }
    (wanted == Charset::Utf8 && !is(Charset::Utf8) && is(Charset::Windows31j)).then(|| people_name(Charset::Windows31j))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_charset_or_another_kind_of_file_is_seen_by_its_bytes() {
        let sjis = b"1,\x93\xFA\x96\x7B\r\n";
        assert_eq!(looks(&sjis[..], Charset::Utf8).unwrap(), Some(Looks::Text("シフト JIS（Windows-31J）")));
        assert_eq!(looks(&sjis[..], Charset::Windows31j).unwrap(), None);
        assert_eq!(looks("1,日本\r\n".as_bytes(), Charset::Windows31j).unwrap(), Some(Looks::Text("UTF-8")));
        assert_eq!(looks("1,日本\r\n".as_bytes(), Charset::Utf8).unwrap(), None);
        assert_eq!(looks(&b"1,2\r\n"[..], Charset::Windows31j).unwrap(), None);
        assert_eq!(looks(&b"\x89PNG\r\n"[..], Charset::Utf8).unwrap(), Some(Looks::Other("画像（PNG）")));
    }
}
