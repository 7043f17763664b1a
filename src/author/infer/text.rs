//! Character set and byte order mark of a sample.
//!
//! Owns: the judgement, by strict decoding of the whole sample. Never: decodes for keeps.

use super::{Decision, SAMPLE_BYTES, Sample, Unclear};
use crate::codec::charset::Charset;

/// What is known of the text.
#[derive(Debug, Clone, Copy)]
pub struct Text {
    /// Character set of the file.
    pub charset: Charset,
    /// Kanji stand between JIS escape sequences.
    pub escapes: bool,
    /// A UTF-8 byte order mark leads.
    pub bom: bool,
    /// Nothing but ASCII was seen, so that the character set is not proved.
    pub ascii: bool,
}

/// Kanji-in sequences.
pub const KANJI_IN: [&[u8; 3]; 2] = [b"\x1B$B", b"\x1B$@"];
/// Kanji-out sequences.
pub const KANJI_OUT: [&[u8; 3]; 2] = [b"\x1B(B", b"\x1B(J"];

/// Finds the character set.
pub fn charset(sample: Sample<'_>, decisions: &mut Vec<Decision>) -> Result<Text, Unclear> {
    let bytes = sample.bytes;
    if bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") {
        let message = "UTF-16 の BOM があります。UTF-16 は扱えません。UTF-8 か Shift_JIS で保存し直してください";
        return Err(Unclear(message.to_owned()));
    }
    let bom = bytes.starts_with(b"\xEF\xBB\xBF");
    let body = if bom { &bytes[3..] } else { bytes };
    let body = body.strip_suffix(b"\x1A").unwrap_or(body);
    let (found, decision) = judge(body, bom, bytes.len() >= SAMPLE_BYTES)?;
    decisions.push(decision);
    if bom {
        decisions.push(Decision::new("BOM", "あり", 100, "先頭の3バイトが EF BB BF"));
    }
    Ok(found)
}

fn judge(body: &[u8], bom: bool, cut: bool) -> Result<(Text, Decision), Unclear> {
    let high = body.iter().filter(|byte| **byte >= 0x80).count();
    let count = |marks: [&[u8; 3]; 2]| -> usize {
        marks.iter().map(|mark| memchr::memmem::find_iter(body, *mark).count()).sum()
    };
    let (ins, outs) = (count(KANJI_IN), count(KANJI_OUT));
    let text = |charset, escapes, ascii| Text { charset, escapes, bom, ascii };
    let utf8 = decodes(Charset::Utf8, body, cut);
    if ins > 0 && outs > 0 && !bom {
        let evidence = format!("漢字の始まり（1B 24 42 / 40）{ins} か所、終わり（1B 28 42 / 4A）{outs} か所");
        let decision = Decision::new("文字コード", "JIS 形式（半角は jis-x-0201、漢字は jis-x-0208）", 98, evidence);
        return Ok((text(Charset::JisX0201, true, false), decision));
    }
    if high == 0 && !bom {
        let decision = Decision::new("文字コード", "utf-8（仮）", 40, "ASCII の文字しかなく、区別できない");
        let rivals = vec!["windows-31j: 漢字・カナの入った標本があれば区別できます".to_owned()];
        return Ok((text(Charset::Utf8, false, true), decision.against(rivals)));
    }
    if bom || utf8.is_ok() {
        if let Err(at) = utf8 {
            return Err(Unclear(format!("BOM がありますが {} バイト目が UTF-8 ではありません", at + 1)));
        }
        let evidence = format!("ASCII でない {high} バイトがすべて UTF-8 として正しい");
        let rival = match decodes(Charset::Windows31j, body, cut) {
            Ok(()) => "windows-31j: 読めるが、UTF-8 として偶然正しい見込みはごく小さい".to_owned(),
            Err(at) => format!("windows-31j: {} バイト目で読めない", at + 1),
        };
        let sure = if high >= 12 { 99 } else { 85 };
        let decision = Decision::new("文字コード", "utf-8", sure, evidence).against(vec![rival]);
        return Ok((text(Charset::Utf8, false, false), decision));
    }
    let not_utf8 = format!("utf-8: {} バイト目で読めない", utf8.err().unwrap_or(0) + 1);
    // Half-width kana alone: the same bytes in both; one byte a character.
    if body.iter().all(|byte| *byte < 0x80 || (0xA1..=0xDF).contains(byte)) {
        let evidence = format!("ASCII でない {high} バイトがすべて半角カナ（A1–DF）");
        let rival = "windows-31j: 同じバイト列。漢字が入ることがあるなら windows-31j".to_owned();
        let decision = Decision::new("文字コード", "jis-x-0201", 80, evidence).against(vec![rival, not_utf8]);
        return Ok((text(Charset::JisX0201, false, false), decision));
    }
    match decodes(Charset::Windows31j, body, cut) {
        Ok(()) => {
            let evidence = format!("ASCII でない {high} バイトがすべて Windows の Shift_JIS として正しい");
            let decision = Decision::new("文字コード", "windows-31j", 97, evidence).against(vec![not_utf8]);
            Ok((text(Charset::Windows31j, false, false), decision))
        }
        Err(at) => Err(Unclear(format!(
            "文字コードを判定できません（{not_utf8}、windows-31j: {} バイト目で読めない）。EBCDIC や EUC なら変換してください",
            at + 1
        ))),
    }
}

/// Strictly; a sample that was cut may end inside a character. The place of the first wrong byte.
fn decodes(charset: Charset, body: &[u8], cut: bool) -> Result<(), usize> {
    let mut out = String::new();
    match charset.decode(body, &mut out) {
        Ok(()) => Ok(()),
        Err(error) if cut && error.offset + 4 >= body.len() => Ok(()),
        Err(error) => Err(error.offset),
    }
}
