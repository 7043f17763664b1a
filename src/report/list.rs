//! A list for operators: HTML for A4, CSV, XLSX and JSON of the same rows.
//!
//! Owns: the model, the sums, how each format shows a cell. Never: chooses rows; masks are already set.

use std::io;

use askama::Template;
use rust_xlsxwriter::{Format, FormatAlign, FormatBorder, Workbook, XlsxError};
use serde::Serialize;

use super::model::Municipality;
use super::sheet::{Cell, Sheet};
use super::words;

/// Rows on a page to be printed; the CSV and the XLSX have them all.
pub const HTML_ROWS: usize = 5_000;
/// A4 on its side from this many columns on.
const WIDE: usize = 8;

/// A list with its rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ListReport {
    /// Id of the list.
    pub id: String,
    /// Title.
    pub title: String,
    /// Where in the business flows it is read; may be empty.
    pub flow: String,
    /// How to read it; may be empty.
    pub note: String,
    /// The day it was asked for, ISO, JST.
    pub base_date: String,
    /// When it was made, for people, JST.
    pub made_at: String,
    /// Whose data.
    pub municipality: Municipality,
    /// Title and value of every parameter.
    pub chosen: Vec<(String, String)>,
    /// Columns from left to right.
    pub columns: Vec<ListReportColumn>,
    /// Rows; each has as many cells as there are columns.
    pub rows: Vec<Vec<ListCell>>,
    /// There are more rows than may be listed.
    pub cut: bool,
    /// Rows of which something protected is not shown.
    #[serde(skip_serializing_if = "none")]
    pub masked: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn none(count: &u64) -> bool {
    *count == 0
}

/// A column.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ListReportColumn {
    /// Heading.
    pub title: String,
    /// Set to the right.
    pub right: bool,
    /// Whole numbers.
    pub number: bool,
    /// Width in half-width characters, 0 = by its contents.
    pub width: u32,
    /// Its sum is shown.
    pub total: bool,
}

/// A cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ListCell {
    /// Nothing.
    Empty,
    /// A whole number.
    Number(i64),
    /// Text, leading zeros and all.
    Text(String),
}

/// Longest number or date that is never broken over lines, characters.
const UNBROKEN: usize = 16;

impl ListCell {
    /// A number or a date: broken over lines it reads as something else.
    pub fn is_unbroken(&self) -> bool {
        let plain = |c: char| c.is_ascii_digit() || c == '-';
        matches!(self, ListCell::Text(text) if text.len() <= UNBROKEN && text.chars().all(plain))
    }

    /// As a page shows it.
    pub fn show(&self) -> String {
        match self {
            ListCell::Empty => String::new(),
            ListCell::Number(n) => words::thousands(*n),
            ListCell::Text(text) => words::visible(text).into_owned(),
        }
    }
}

/// The page of a list.
#[derive(Template)]
#[template(path = "report/list.html")]
struct ListPage<'a> {
    l: &'a ListReport,
    sums: Option<Vec<Option<String>>>,
}

impl ListReport {
    /// Sums below the columns that want one; `None` where no column does.
    pub fn sums(&self) -> Option<Vec<Option<i128>>> {
        let sum = |index: usize| {
            let numbers = self.rows.iter().filter_map(|row| match row[index] {
                ListCell::Number(n) => Some(i128::from(n)),
                _ => None,
            });
            numbers.sum()
        };
        let sums: Vec<_> = self.columns.iter().enumerate().map(|(i, c)| c.total.then(|| sum(i))).collect();
        sums.iter().any(Option::is_some).then_some(sums)
    }

    /// UTF-8 CSV for people: see [`super::sheet`].
    pub fn csv(&self) -> Vec<u8> {
        let titles: Vec<&str> = self.columns.iter().map(|c| c.title.as_str()).collect();
        let mut sheet = Sheet::new(&titles);
        for row in &self.rows {
            let cells: Vec<Cell<'_>> = row.iter().map(csv_cell).collect();
            sheet.row(&cells);
        }
        sheet.into_bytes()
    }

    /// A page that prints on A4.
    ///
    /// # Errors
    /// The template's.
    pub fn html(&self) -> io::Result<String> {
        let show = |sums: Vec<Option<i128>>| sums.into_iter().map(|s| s.map(words::thousands)).collect();
        ListPage { l: self, sums: self.sums().map(show) }.render().map_err(io::Error::other)
    }

    /// One JSON document.
    ///
    /// # Errors
    /// The writer's.
    pub fn json(&self) -> io::Result<Vec<u8>> {
        super::write::json(self)
    }

    /// A workbook of one sheet: text stays text, so leading zeros live and nothing is a formula; numbers are numbers.
    ///
    /// # Errors
    /// The writer's (more rows than a sheet has).
    pub fn xlsx(&self) -> Result<Vec<u8>, XlsxError> {
        let mut book = Workbook::new();
        // The same rows give the same bytes.
        let still = rust_xlsxwriter::ExcelDateTime::from_ymd(2000, 1, 1)?;
        book.set_properties(
            &rust_xlsxwriter::DocProperties::new().set_title(&self.title).set_creation_datetime(&still),
        );
        let sheet = book.add_worksheet();
        sheet
            .set_name(sheet_name(&self.title))?
            .set_paper_size(9)
            .set_print_fit_to_pages(1, 0)
            .set_repeat_rows(0, 0)?;
        if self.columns.len() >= WIDE {
            sheet.set_landscape();
        }
        sheet.set_freeze_panes(1, 0)?;
        let head = Format::new().set_bold().set_border_bottom(FormatBorder::Thin).set_text_wrap();
        let (text, right) =
            (Format::new().set_num_format("@"), Format::new().set_num_format("@").set_align(FormatAlign::Right));
        let number = Format::new().set_num_format("#,##0");
        for (at, column) in self.columns.iter().enumerate() {
            let at = at as u16;
            sheet.write_string_with_format(0, at, &column.title, &head)?;
            sheet.set_column_width(at, f64::from(self.width(usize::from(at))))?;
            for (line, row) in self.rows.iter().enumerate() {
                let line = line as u32 + 1;
                match &row[usize::from(at)] {
                    ListCell::Empty => {}
                    ListCell::Number(n) if n.unsigned_abs() < 1_000_000_000_000_000 => {
                        sheet.write_number_with_format(line, at, *n as f64, &number)?;
                    }
                    // More digits than a spreadsheet keeps.
                    ListCell::Number(n) => {
                        sheet.write_string_with_format(line, at, n.to_string(), &right)?;
                    }
                    ListCell::Text(value) => {
                        let format = if column.right { &right } else { &text };
                        sheet.write_string_with_format(line, at, words::visible(value), format)?;
                    }
                }
            }
        }
        book.save_to_buffer()
    }

    /// Declared width, or that of the longest of the first rows.
    fn width(&self, at: usize) -> u32 {
        let column = &self.columns[at];
        if column.width > 0 {
            return column.width + 2;
        }
        let wide = |text: &str| text.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum::<u32>();
        let cells = self.rows.iter().take(200).map(|row| wide(&row[at].show()));
        cells.chain([wide(&column.title)]).max().unwrap_or(8).clamp(6, 60) + 2
    }
}

/// A sheet's name: at most 31 characters, without those a spreadsheet refuses.
fn sheet_name(title: &str) -> String {
    let name: String = title.chars().filter(|c| !"[]:*?/\\'".contains(*c) && !c.is_control()).take(31).collect();
    if name.is_empty() { "一覧".to_owned() } else { name }
}

fn csv_cell(cell: &ListCell) -> Cell<'_> {
    match cell {
        ListCell::Empty => Cell::Empty,
        ListCell::Number(n) => Cell::Number((*n).into()),
        ListCell::Text(text) => Cell::Text(text),
    }
}

impl ListPage<'_> {
    fn shown(&self) -> &[Vec<ListCell>] {
        &self.l.rows[..self.l.rows.len().min(HTML_ROWS)]
    }

    fn wide(&self) -> bool {
        self.l.columns.len() >= WIDE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> ListReport {
        let column = |title: &str, number| ListReportColumn {
            title: title.into(),
            right: number,
            number,
            total: number,
            ..ListReportColumn::default()
        };
        ListReport {
            id: "small".into(),
            title: "小さな一覧".into(),
            columns: vec![column("番号", false), column("金額", true)],
            rows: vec![
                vec![ListCell::Text("0012".into()), ListCell::Number(1_200)],
                vec![ListCell::Text("=1+1<b>".into()), ListCell::Number(-200)],
            ],
            ..ListReport::default()
        }
    }

    #[test]
    fn a_csv_of_a_list_neutralises_formulas_and_keeps_zeros() {
        let text = String::from_utf8(small().csv()).unwrap();
        assert_eq!(text, "\u{feff}\"番号\",\"金額\"\r\n\"'0012\",1200\r\n\"'=1+1<b>\",-200\r\n");
    }

    #[test]
    fn a_page_of_a_list_shows_sums_and_runs_no_markup_of_its_data() {
        let page = small().html().unwrap();
        assert!(page.contains("1,000") && page.contains("=1+1&#60;b&#62;"), "{page}");
    }

    #[test]
    fn a_workbook_of_a_list_is_the_same_for_the_same_rows() {
        let book = small().xlsx().unwrap();
        assert_eq!(&book[..2], b"PK");
        assert_eq!(book, small().xlsx().unwrap());
    }
}
