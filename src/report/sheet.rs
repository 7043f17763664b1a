//! CSV for people: UTF-8 with BOM, CRLF, every text quoted, numbers bare.
//!
//! Owns: what a spreadsheet gets to see. Never: machine files; nothing that leaves for a partner passes here.
//!
//! A cell of text that a spreadsheet would run as a formula (leading `=` `+` `-` `@`, their full-width forms, tab, CR,
//! LF, also after spaces) or silently rewrite (a number with leading zeros or more than 11 digits, `1-2`, `1E5`) gets a
//! leading `'`. Numbers, negative ones too, are cells of their own kind and stay numbers. Control characters are shown
//! (`␊`), so a cell never has two lines.

use super::words::visible;

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell<'a> {
    /// Text from anywhere.
    Text(&'a str),
    /// A count, a position, yen.
    Number(i128),
    /// Nothing.
    Empty,
}

impl Cell<'_> {
    /// A number, or nothing.
    pub fn number(n: Option<impl Into<i128>>) -> Self {
        n.map_or(Cell::Empty, |n| Cell::Number(n.into()))
    }

    /// A position in a file: 0 means "about the file" and stays empty.
    pub fn place(n: u64) -> Self {
        if n == 0 { Cell::Empty } else { Cell::Number(n.into()) }
    }
}

/// A growing CSV file.
#[derive(Debug)]
pub struct Sheet(String);

impl Sheet {
    /// Starts with the BOM and the header row.
    pub fn new(header: &[&str]) -> Self {
        let mut sheet = Sheet("\u{feff}".to_owned());
        sheet.row(&header.iter().map(|h| Cell::Text(h)).collect::<Vec<_>>());
        sheet
    }

    /// Adds a row.
    pub fn row(&mut self, cells: &[Cell<'_>]) {
        for (i, cell) in cells.iter().enumerate() {
            if i > 0 {
                self.0.push(',');
            }
            match cell {
                Cell::Text(text) => self.text(text),
                Cell::Number(n) => self.0.push_str(&n.to_string()),
                Cell::Empty => {}
            }
        }
        self.0.push_str("\r\n");
    }

    fn text(&mut self, text: &str) {
        self.0.push('"');
        if runs_as_formula(text) || is_rewritten(text) {
            self.0.push('\'');
        }
        for c in visible(text).chars() {
            if c == '"' {
                self.0.push('"');
            }
            self.0.push(c);
        }
        self.0.push('"');
    }

    /// The bytes of the file.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0.into_bytes()
    }
}

/// Would a spreadsheet take this for a formula?
fn runs_as_formula(text: &str) -> bool {
    let starts = |c: char| matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '−' | '＠');
    text.starts_with(starts) || text.trim_start().starts_with(starts)
}

/// Would a spreadsheet turn this text into some other number or a date?
fn is_rewritten(text: &str) -> bool {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let plain = digits && text.len() <= 11 && (text.len() == 1 || !text.starts_with('0'));
    let number_like = |b: u8| b.is_ascii_digit() || matches!(b, b'e' | b'E' | b'.' | b',' | b'-' | b'/' | b':' | b' ');
    text.starts_with(|c: char| c.is_ascii_digit() || c == '.') && !plain && text.bytes().all(number_like)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(cells: &[Cell<'_>]) -> String {
        let mut sheet = Sheet::new(&["見出し"]);
        sheet.row(cells);
        String::from_utf8(sheet.into_bytes()).unwrap()
    }

    #[test]
    fn formulas_are_neutralised_and_negative_amounts_stay_numbers() {
        let row = [
            Cell::Text("=1+1"),
            Cell::Text(" ＝A1"),
            Cell::Text("-5"),
            Cell::Number(-500),
            Cell::Text("0012"),
            Cell::Text("42"),
            Cell::Empty,
            Cell::Text("a\"b\r\nc"),
        ];
        assert_eq!(
            lines(&row),
            "\u{feff}\"見出し\"\r\n\"'=1+1\",\"' ＝A1\",\"'-5\",-500,\"'0012\",\"42\",,\"a\"\"b␍␊c\"\r\n"
        );
    }

    proptest! {
        #[test]
        fn no_cell_ever_starts_a_formula(text in "[ 　\\t\\r\\n]{0,2}[=+\\-@＝＋－＠−a0]?\\PC{0,8}") {
            let all = lines(&[Cell::Text(&text)]);
            let cell = all.lines().nth(1).unwrap().strip_prefix('"').unwrap();
            let first = cell.trim_start().chars().next().unwrap();
            prop_assert!(!"=+-@\t\r＝＋－−＠".contains(first), "{cell}");
            prop_assert_eq!(all.matches("\r\n").count(), 2);
        }
    }
}
