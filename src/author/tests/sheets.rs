//! Item sheets: there and back, other people's forms, and bombs.

use std::collections::BTreeSet;
use std::io::Write;

use super::{code_lists, shipped};
use crate::author::describe::describe;
use crate::author::draft::text_of;
use crate::author::import::import;
use crate::author::sheet::SheetError;
use crate::author::sheet_csv::read_csv;
use crate::author::sheet_xlsx::read_xlsx;
use crate::author::toml_text::toml_text;
use crate::author::{doc, doc_html, doc_xlsx};
use crate::finding::RulePlace;
use crate::schema::layout::Layout;
use crate::schema::load_layout::load_layouts;
use crate::schema::toml_read::Reader;

fn loaded(text: &str) -> Vec<Layout> {
    let reader = Reader::new("a.toml", text);
    let layouts = load_layouts("a", &reader, &code_lists());
    let mistakes = reader.into_findings();
    assert!(mistakes.is_empty(), "{mistakes:#?}\n{text}");
    layouts
}

/// All that a layout says, without where it is written.
fn said(layout: &Layout) -> String {
    let mut layout = layout.clone();
    (layout.id, layout.file) = (String::new(), String::new());
    for record in &mut layout.records {
        record.place = RulePlace::default();
        record.fields.iter_mut().for_each(|field| field.place = RulePlace::default());
    }
    layout.totals.iter_mut().for_each(|total| total.place = RulePlace::default());
    format!("{layout:#?}")
}

#[test]
fn every_shipped_layout_comes_back_equal_from_its_item_sheet() {
    for layouts in shipped() {
        let draft = describe(&layouts);
        let sheets = doc::sheets(&draft);
        let bytes = doc_xlsx::xlsx(&sheets).unwrap();
        assert_eq!(bytes, doc_xlsx::xlsx(&sheets).unwrap(), "the same sheets are the same bytes");
        let back = import(&read_xlsx(bytes).unwrap(), "a.xlsx", &BTreeSet::new()).unwrap();
        assert_eq!(back.all_doubts(), Vec::new(), "{}", layouts[0].id);
        let again = loaded(&toml_text(&back));
        assert_eq!(again.len(), layouts.len(), "{}", layouts[0].id);
        for (there, here) in again.iter().zip(&layouts) {
            assert_eq!(said(there), said(here), "{} {}", here.id, here.profile);
        }
        let page = doc_html::html(text_of(&draft.keys, "title"), &sheets);
        let items = page.matches("<tr>").count();
        assert!(items > draft.records.iter().map(|record| record.fields.len()).sum::<usize>());
    }
}

const FOREIGN: &str = "介護情報 データ項目定義,,,,,,\n\n項番,データ項目ID,データ項目名,データ型,桁数,出力条件,コード,備考,繰返し\n1,A01,番号,Ｘ,15,○,,,\n2,A02,氏 名,N,100,○,,,\n3,A03,生年月日,日付,10,◎,,不詳可,\n4,A04,割合,\"9V(3,2)\",,,,,\n5,A05,区分,謎,2,△,C001,,\n6,A06,備考欄,N,,,,,\n7,A07,金額,S9,12,,,,3\n8,A08,番号,9,20,,,,\n";

#[test]
fn a_foreign_sheet_is_read_by_its_words_and_every_doubt_has_its_cell() {
    let sheet = read_csv(FOREIGN.as_bytes(), "介護").unwrap();
    let draft = import(&[sheet], "介護.csv", &BTreeSet::new()).unwrap();
    let names: Vec<&str> = draft.records[0].fields.iter().map(|field| field.name()).collect();
    assert_eq!(names, ["番号", "氏_名", "生年月日", "割合", "区分", "備考欄", "金額_1", "金額_2", "金額_3", "番号_2"]);
    let doubts: Vec<String> = draft.all_doubts().iter().map(|(at, doubt)| format!("{at} {doubt}")).collect();
    for part in ["C5", "D8", "型「謎」", "F8", "コード「C001」", "E9: 桁数がない", "I10", "18桁を超える", "重なる"]
    {
        assert!(doubts.iter().any(|doubt| doubt.contains(part)), "{part} {doubts:#?}");
    }
    let text = toml_text(&draft);
    assert!(text.contains("name = \"生年月日\", type = \"DATE\", required = true, unknown = true"), "{text}");
    assert!(text.contains("type = \"9V\", whole = 3, fraction = 2"), "{text}");
    loaded(&text);
}

#[test]
fn lengths_are_read_as_people_write_them_and_a_draft_without_them_still_loads() {
    for (cell, numbers) in [
        ("「１５」", vec![15]),
        ("(10)", vec![10]),
        ("10byte", vec![10]),
        ("最大１００文字", vec![100]),
        ("1,000", vec![1000]),
        ("9,2", vec![9, 2]),
        ("可変", vec![]),
    ] {
        assert_eq!(crate::author::import_type::length_cell(cell), numbers, "{cell}");
    }
    let text = "項目名,型,桁数,必須\n番号,X,160,\n生年月日,日付,8,\n金額,S9,,\n年,YEAR,,\n";
    let sheet = read_csv(text.as_bytes(), "a").unwrap();
    let draft = import(&[sheet], "a.csv", &BTreeSet::new()).unwrap();
    let drafted = toml_text(&draft);
    assert!(drafted.contains("name = \"金額\", type = \"S9\", len = 18"), "{drafted}");
    loaded(&drafted);
}

#[test]
fn merged_cells_and_sheets_without_a_heading_are_named() {
    let mut book = rust_xlsxwriter::Workbook::new();
    let page = book.add_worksheet();
    for (column, word) in ["項番", "項目名", "型", "桁数"].iter().enumerate() {
        page.write_string(0, column as u16, *word).unwrap();
    }
    page.write_string(1, 1, "甲").unwrap();
    page.write_string(2, 1, "乙").unwrap();
    page.merge_range(1, 2, 2, 2, "X", &rust_xlsxwriter::Format::new()).unwrap();
    page.write_number(1, 3, 5.0).unwrap();
    page.write_number(2, 3, 6.0).unwrap();
    book.add_worksheet().write_string(0, 0, "表紙").unwrap();
    let sheets = read_xlsx(book.save_to_buffer().unwrap()).unwrap();
    let draft = import(&sheets, "a.xlsx", &BTreeSet::new()).unwrap();
    let doubts: Vec<String> = draft.all_doubts().iter().map(|(_, doubt)| (*doubt).to_owned()).collect();
    assert!(doubts.iter().any(|doubt| doubt.contains("C3: 結合セル")), "{doubts:#?}");
    assert!(doubts.iter().any(|doubt| doubt.contains("見出し行")), "{doubts:#?}");
    loaded(&toml_text(&draft));
}

#[test]
fn a_csv_sheet_of_too_many_columns_cells_or_items_is_refused() {
    let wide = ["x", ","].concat().repeat(1_000_000);
    assert!(matches!(read_csv(wide.as_bytes(), "a"), Err(SheetError::TooLarge(_))));
    let long = "x".repeat(5_000);
    assert!(matches!(read_csv(long.as_bytes(), "a"), Err(SheetError::TooLarge(_))));
    let deep = "x\n".repeat(30_000);
    assert!(matches!(read_csv(deep.as_bytes(), "a"), Err(SheetError::TooLarge(_))));
    let many = "項目名,型,桁数,繰返し\n".to_owned() + &"甲,X,1,99\n".repeat(19_000);
    let refused = import(&[read_csv(many.as_bytes(), "a").unwrap()], "a.csv", &BTreeSet::new());
    assert!(refused.is_ok_and(|draft| draft.all_doubts().iter().any(|(_, doubt)| doubt.contains("ここから下"))));
}

#[test]
fn a_sheet_that_unfolds_without_end_or_lies_far_out_is_refused() {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive.start_file("xl/workbook.xml", zip::write::SimpleFileOptions::default()).unwrap();
    let block = vec![b' '; 1 << 20];
    for _ in 0..130 {
        archive.write_all(&block).unwrap();
    }
    let bytes = archive.finish().unwrap().into_inner();
    assert!(bytes.len() < 1 << 20);
    assert!(matches!(read_xlsx(bytes), Err(SheetError::TooLarge(_))));
    let mut book = rust_xlsxwriter::Workbook::new();
    book.add_worksheet().write_string(1_000_000, 16_000, "x").unwrap();
    assert!(matches!(read_xlsx(book.save_to_buffer().unwrap()), Err(SheetError::TooLarge(_))));
    let mut shared = rust_xlsxwriter::Workbook::new();
    let page = shared.add_worksheet();
    for row in 0..6_000 {
        page.write_string(row, 0, format!("{row:x<3000}")).unwrap();
    }
    assert!(matches!(read_xlsx(shared.save_to_buffer().unwrap()), Err(SheetError::TooLarge(_))));
    assert!(matches!(read_xlsx(b"PK\x03\x04nonsense".to_vec()), Err(SheetError::Unreadable(_))));
}

/// An XLSX whose only sheet is `xml`.
fn book_of(xml: &str) -> Vec<u8> {
    let mut book = rust_xlsxwriter::Workbook::new();
    book.add_worksheet();
    let mut from = zip::ZipArchive::new(std::io::Cursor::new(book.save_to_buffer().unwrap())).unwrap();
    let mut to = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for at in 0..from.len() {
        let part = from.by_index(at).unwrap();
        if part.name().unwrap() == "xl/worksheets/sheet1.xml" {
            to.start_file("xl/worksheets/sheet1.xml", zip::write::SimpleFileOptions::default()).unwrap();
            to.write_all(xml.as_bytes()).unwrap();
        } else {
            to.raw_copy_file(part).unwrap();
        }
    }
    to.finish().unwrap().into_inner()
}

#[test]
fn an_address_outside_the_grid_is_refused_and_never_computed_with() {
    let head = "<worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\">";
    for inner in [
        "<sheetData><row r=\"1\"><c r=\"ZZZZZZZ1\"><v>1</v></c></row></sheetData>",
        "<sheetData><row r=\"99999999999\"><c><v>1</v></c></row></sheetData>",
        "<dimension ref=\"B9:A1\"/><sheetData/>",
        "<sheetData/><mergeCells><mergeCell ref=\"C3:A1\"/></mergeCells>",
    ] {
        let bytes = book_of(&format!("{head}{inner}</worksheet>"));
        let refused = read_xlsx(bytes).unwrap_err();
        assert!(matches!(&refused, SheetError::Unreadable(why) if why.contains("セル番地")), "{inner}: {refused}");
    }
    let last = format!("{head}<sheetData><row r=\"2\"><c r=\"B2\"><v>1</v></c></row></sheetData></worksheet>");
    assert_eq!(read_xlsx(book_of(&last)).unwrap()[0].cell(1, 1), "1");
}
