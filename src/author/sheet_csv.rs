//! A CSV item sheet as one [`Sheet`].
//!
//! Owns: its character set (UTF-8, else Shift_JIS of Windows, both strict). Never: guesses a separator.

use super::sheet::{CELLS, Sheet, SheetError};
use crate::codec::charset::Charset;

/// Reads the sheet; `name` is what it is called.
///
/// # Errors
/// Neither character set fits, or a bound is passed.
pub fn read_csv(bytes: &[u8], name: &str) -> Result<Sheet, SheetError> {
    let body = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut text = String::new();
    if Charset::Utf8.decode(body, &mut text).is_err() && Charset::Windows31j.decode(body, &mut text).is_err() {
        let message = "項目定義書の文字コードが UTF-8 でも Shift_JIS でもありません".to_owned();
        return Err(SheetError::Unreadable(message));
    }
    let mut sheet = Sheet { name: name.to_owned(), ..Sheet::default() };
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut cells = 0usize;
    let mut record = csv::StringRecord::new();
    let (mut row, mut line) = (0usize, 1u64);
    let bad = |error: csv::Error| SheetError::Unreadable(format!("CSV として読めません（{error}）"));
    while reader.read_record(&mut record).map_err(bad)? {
        // The reader passes over empty lines; rows are counted as a person sees them.
        let end = reader.position().line();
        let own = 1 + record.iter().map(|cell| cell.matches('\n').count() as u64).sum::<u64>();
        row += (end - line).saturating_sub(own) as usize;
        line = end;
        for (column, cell) in record.iter().enumerate() {
            cells += 1;
            if cells > CELLS {
                return Err(SheetError::TooLarge(format!("セルが {CELLS} 個を超えます")));
            }
            sheet.put(row, column, cell.to_owned())?;
        }
        row += 1;
    }
    Ok(sheet)
}
