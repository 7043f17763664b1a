//! `schemas/codes/<id>.csv` → a code table, for fields ([`CodeList`]) and for `code('table', key, 'column')`.
//!
//! Owns: the shape of the CSV: UTF-8, a header `コード,名称[,…]`, unique codes. Never: judges data.

use std::collections::HashMap;
use std::sync::Arc;

use super::layout::CodeList;
use super::mistake;
use super::toml_read::Reader;
use crate::expr::CodeTable;
use crate::finding::{RulePlace, Severity};

/// Most rows of a code table.
pub const MAX_ROWS: usize = 200_000;

/// One file in both shapes.
#[derive(Debug, Clone)]
pub struct Codes {
    /// For fields; unknown codes are errors.
    pub list: Arc<CodeList>,
    /// For expressions: every column after `コード`.
    pub table: Arc<CodeTable>,
}

/// Reads a code table; mistakes go to the reader, good rows are returned all the same.
pub fn load_codes(id: &str, reader: &Reader) -> Codes {
    let mut list = CodeList { id: id.to_owned(), entries: Vec::new(), unknown: Some(Severity::Error) };
    let mut table = CodeTable { name: id.to_owned(), ..CodeTable::default() };
    read(reader, &mut list, &mut table.columns, &mut table.rows);
    Codes { list: Arc::new(list), table: Arc::new(table) }
}

fn read(reader: &Reader, list: &mut CodeList, columns: &mut Vec<String>, rows: &mut HashMap<String, Vec<String>>) {
    let mut csv = csv::ReaderBuilder::new().flexible(true).from_reader(reader.text().as_bytes());
    match csv.headers() {
        Ok(header) if header.get(0) == Some("コード") && header.get(1) == Some("名称") => {
            columns.extend(header.iter().skip(1).map(str::to_owned));
        }
        _ => {
            let hint = "1行目を「コード,名称」にしてください";
            reader.mistake(mistake::SYNTAX, line(reader, 1), "見出しがありません", hint);
            return;
        }
    }
    for record in csv.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let at = error.position().map_or(1, |p| p.line());
                reader.mistake(mistake::SYNTAX, line(reader, at), "CSV として読めません", "");
                return;
            }
        };
        let at = line(reader, record.position().map_or(1, |p| p.line()));
        if record.len() != columns.len() + 1 {
            let message = format!("列が{}個です（見出しは{}個）", record.len(), columns.len() + 1);
            reader.mistake(mistake::SYNTAX, at, message, "カンマの数をそろえてください");
            continue;
        }
        if rows.len() >= MAX_ROWS {
            let message = format!("行が多すぎます（{MAX_ROWS}行まで）");
            reader.mistake(mistake::BAD_VALUE, at, message, "");
            return;
        }
        let code = record[0].to_owned();
        let rest: Vec<String> = record.iter().skip(1).map(str::to_owned).collect();
        if rows.contains_key(&code) {
            reader.mistake(mistake::DUPLICATE, at, format!("コード「{code}」が2つあります"), "");
            continue;
        }
        list.entries.push((code.clone(), rest[0].clone()));
        rows.insert(code, rest);
    }
}

fn line(reader: &Reader, line: u64) -> RulePlace {
    RulePlace { file: reader.file().to_owned(), line: line as u32, column: 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_keep_their_zeros_and_their_order_and_doubles_are_refused() {
        let reader = Reader::new("schemas/codes/a.csv", "コード,名称,略\n01,男,M\n2,女,F\n01,x,y\n3,z\n");
        let codes = load_codes("a", &reader);
        assert_eq!(codes.list.entries, [("01".into(), "男".into()), ("2".into(), "女".into())]);
        assert_eq!(codes.table.rows["2"], ["女", "F"]);
        let lines: Vec<u32> = reader.into_findings().iter().map(|f| f.rule.line).collect();
        assert_eq!(lines, [4, 5]);
    }
}
