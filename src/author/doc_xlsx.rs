//! An item sheet as an XLSX file.
//!
//! Owns: its look; the same sheets give the same bytes. Never: writes a formula or a number (every cell is text).

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, Workbook, XlsxError};

use super::sheet::Sheet;

/// Widest column, characters.
const WIDEST: usize = 60;

/// The file's bytes.
///
/// # Errors
/// A sheet passes what XLSX can hold.
pub fn xlsx(sheets: &[Sheet]) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    // No clock: the same layout is the same file.
    book.set_properties(&DocProperties::new().set_creation_datetime(&ExcelDateTime::from_ymd(2000, 1, 1)?));
    let plain = Format::new().set_border(FormatBorder::Thin).set_align(FormatAlign::Top).set_text_wrap();
    let head = plain.clone().set_bold().set_background_color(0x00E8_E8E8);
    let mut names: Vec<String> = Vec::new();
    for sheet in sheets {
        let page = book.add_worksheet();
        page.set_name(name(&sheet.name, &mut names))?;
        page.set_landscape().set_paper_size(9).set_print_fit_to_pages(1, 0);
        let heading = sheet.rows.iter().rposition(Vec::is_empty).map_or(0, |at| at + 1);
        for (row, cells) in sheet.rows.iter().enumerate() {
            let format = if row == heading { &head } else { &plain };
            for (column, text) in cells.iter().enumerate() {
                page.write_string_with_format(row as u32, column as u16, text, format)?;
            }
        }
        let columns = sheet.rows.iter().map(Vec::len).max().unwrap_or(0);
        for column in 0..columns {
            let wide = |row: &Vec<String>| {
                row.get(column).map_or(0, |text| text.chars().map(|c| 1 + usize::from(!c.is_ascii())).sum())
            };
            let widest: usize = sheet.rows.iter().map(wide).max().unwrap_or(0);
            page.set_column_width(column as u16, widest.clamp(4, WIDEST) as f64 + 1.0)?;
        }
        page.set_freeze_panes(heading as u32 + 1, 0)?;
    }
    book.save_to_buffer()
}

/// A name that XLSX takes: at most 31 characters, some signs forbidden, no two alike.
fn name(wanted: &str, used: &mut Vec<String>) -> String {
    let plain: String = wanted.chars().map(|c| if "[]:*?/\\'".contains(c) { '_' } else { c }).take(28).collect();
    let mut found = plain.clone();
    let mut number = 2;
    while used.contains(&found.to_lowercase()) {
        found = format!("{plain}_{number}");
        number += 1;
    }
    used.push(found.to_lowercase());
    found
}
