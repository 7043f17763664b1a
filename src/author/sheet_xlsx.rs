//! The sheets of an XLSX file.
//!
//! Owns: that a small file cannot unfold into a large one: every part is unfolded once with a bound before anything
//! reads it, and cells are read one by one, never as an area; and that no address leaves the grid that XLSX knows, for
//! the reader computes with addresses unchecked. Never: computes formulas; the value that was saved counts.

use std::io::{Cursor, Read};

use calamine::{DataRef, Reader, Xlsx};
use quick_xml::events::{BytesStart, Event};

use super::sheet::{CELLS, MERGED, SHARED_BYTES, SHEETS, Sheet, SheetError, UNFOLDED_BYTES};

/// Most parts of the archive.
const PARTS: usize = 2_000;
/// Most letters and digits of a cell's address: `XFD1048576` is the last one.
const LETTERS: usize = 3;
const DIGITS: usize = 7;

/// Reads every sheet.
///
/// # Errors
/// It is no XLSX, or a bound is passed.
pub fn read_xlsx(bytes: Vec<u8>) -> Result<Vec<Sheet>, SheetError> {
    bounded(&bytes)?;
    let bad = |error: calamine::XlsxError| SheetError::Unreadable(format!("XLSX として読めません（{error}）"));
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(bad)?;
    let names = book.sheet_names();
    if names.len() > SHEETS {
        return Err(SheetError::TooLarge(format!("シートが {SHEETS} 枚を超えます")));
    }
    let mut sheets = Vec::new();
    let (mut cells, mut merged) = (0, 0);
    for name in names {
        let mut sheet = Sheet { name: name.clone(), ..Sheet::default() };
        let mut reader = match book.worksheet_cells_reader(&name) {
            Ok(reader) => reader,
            // Charts and the like hold no cells.
            Err(calamine::XlsxError::NotAWorksheet(_)) => continue,
            Err(error) => return Err(bad(error)),
        };
        while let Some(cell) = reader.next_cell().map_err(bad)? {
            let (row, column) = cell.get_position();
            let text = shown(cell.get_value());
            if text.is_empty() {
                continue;
            }
            cells += 1;
            if cells > CELLS {
                return Err(SheetError::TooLarge(format!("セルが {CELLS} 個を超えます")));
            }
            sheet.put(row as usize, column as usize, text)?;
        }
        drop(reader);
        let areas = book.merge_cells_by_sheet_name(&name).map_err(bad)?;
        merged += areas.len();
        if merged > MERGED {
            return Err(SheetError::TooLarge(format!("結合セルが {MERGED} か所を超えます")));
        }
        for area in areas {
            let of = |(row, column): (u32, u32)| (row as usize, column as usize);
            let (start, end) = (of(area.start), of(area.end));
            sheet.merged.push((start.0, start.1, end.0, end.1));
        }
        sheets.push(sheet);
    }
    Ok(sheets)
}

/// Unfolds every part, counting (what the archive says of its own sizes proves nothing), and looks at its addresses.
fn bounded(bytes: &[u8]) -> Result<(), SheetError> {
    let bad = |error: zip::result::ZipError| SheetError::Unreadable(format!("XLSX として読めません（{error}）"));
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(bad)?;
    if archive.len() > PARTS {
        return Err(SheetError::TooLarge(format!("XLSX の部品が {PARTS} 個を超えます")));
    }
    let mut left = UNFOLDED_BYTES;
    for at in 0..archive.len() {
        let part = archive.by_index(at).map_err(bad)?;
        let shared = part.name().map_err(bad)?.to_ascii_lowercase().ends_with("sharedstrings.xml");
        let mut body = Vec::new();
        let read = std::io::copy(&mut part.take(left + 1), &mut body)
            .map_err(|error| SheetError::Unreadable(format!("XLSX の部品を展開できません（{error}）")))?;
        if shared && read > SHARED_BYTES {
            let message = format!("XLSX の文字の表が {} MiB を超えます", SHARED_BYTES >> 20);
            return Err(SheetError::TooLarge(message));
        }
        if read > left {
            let message = format!("XLSX を展開すると {} MiB を超えます", UNFOLDED_BYTES >> 20);
            return Err(SheetError::TooLarge(message));
        }
        left -= read;
        addresses(&body)?;
    }
    Ok(())
}

/// Refuses a part with an address outside the grid. Which part is a sheet only the workbook says, so all are looked at;
/// what is no XML ends the look, as it ends the reader's.
fn addresses(part: &[u8]) -> Result<(), SheetError> {
    let mut reader = quick_xml::Reader::from_reader(part);
    // As lenient as the reader of cells, or it would see more than was looked at.
    reader.config_mut().check_end_names = false;
    let mut buffer = Vec::new();
    loop {
        match reader.read_event_into(&mut buffer) {
            Ok(Event::Start(tag) | Event::Empty(tag)) => tag_addresses(&tag)?,
            Ok(Event::Eof) | Err(_) => return Ok(()),
            Ok(_) => {}
        }
        buffer.clear();
    }
}

fn tag_addresses(tag: &BytesStart<'_>) -> Result<(), SheetError> {
    let cell = matches!(tag.local_name().as_ref(), "c" | "row");
    for attribute in tag.attributes().with_checks(false).flatten() {
        let name = attribute.key.local_name();
        let is_address = name.as_ref() == "ref" || (cell && name.as_ref() == "r");
        if is_address && !within_grid(&attribute.value) {
            let message = "XLSX のセル番地が、表計算ソフトの扱える範囲（A1 から XFD1048576）にありません";
            return Err(SheetError::Unreadable(message.to_owned()));
        }
    }
    Ok(())
}

/// Whether the ends of an area, or the one cell, are short enough to compute with, and the last is not before the first.
fn within_grid(area: &str) -> bool {
    let mut first: Option<(u64, u64)> = None;
    for end in area.split(':') {
        let letters = end.bytes().take_while(u8::is_ascii_alphabetic).count();
        let digits = end.bytes().skip(letters).take_while(u8::is_ascii_digit).count();
        if letters > LETTERS || digits > DIGITS {
            return false;
        }
        let column =
            end.bytes().take(letters).fold(0, |sum, b| sum * 26 + u64::from(b.to_ascii_uppercase() - b'A') + 1);
        let row = end.bytes().skip(letters).take(digits).fold(0, |sum, b| sum * 10 + u64::from(b - b'0'));
        if first.is_some_and(|(c, r)| column < c || row < r) {
            return false;
        }
        first.get_or_insert((column, row));
    }
    true
}

/// A cell as a person sees it, whole numbers without a point.
fn shown(value: &DataRef<'_>) -> String {
    match value {
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => format!("{number:.0}"),
        DataRef::Float(number) => number.to_string(),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Bool(flag) => flag.to_string(),
        DataRef::DateTime(time) => time.as_f64().to_string(),
        DataRef::Error(_) | DataRef::Empty => String::new(),
    }
}
