//! Layouts drawn up from the files of the synthetic municipality load, and read the very files they came from.

use std::fs;
use std::sync::Arc;

use renkei::author::infer::{Sample, infer};
use renkei::author::toml_text::toml_text;
use renkei::codec::{Findings, ReadLimits, Record, RecordReader};
use renkei::finding::Severity;
use renkei::schema::load_layout::{CodeLists, load_layouts};
use renkei::schema::toml_read::Reader;

use crate::town::{files_below, make_sample};

/// Records read, and the errors.
fn read_with(toml: &str, bytes: &[u8]) -> (usize, Vec<String>) {
    let reader = Reader::new("a.toml", toml);
    let layouts = load_layouts("a", &reader, &CodeLists::new());
    let mistakes = reader.into_findings();
    assert!(mistakes.iter().all(|mistake| mistake.severity < Severity::Error), "{mistakes:?}\n{toml}");
    let mut file = RecordReader::new(Arc::new(layouts[0].clone()), bytes, ReadLimits::default());
    let (mut record, mut findings, mut records) = (Record::new(), Findings::new(1000), 0);
    while file.next(&mut record, &mut findings).unwrap() {
        records += 1;
    }
    let errors = findings.drain().into_iter().filter(|finding| finding.severity >= Severity::Error);
    (records, errors.map(|finding| format!("{} {}", finding.data.record, finding.code)).collect())
}

#[test]
fn a_draft_from_any_file_of_the_sample_reads_all_of_that_file() {
    let folder = tempfile::tempdir().expect("a folder");
    make_sample(1000, folder.path());
    let mut drafted = 0;
    for path in files_below(folder.path()) {
        let name = path.file_name().expect("a name").to_str().expect("a name in UTF-8");
        let bytes = &fs::read(&path).expect("reads");
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
        let long = lines > 20 || name.ends_with(".DTA") && bytes.len() > 10_000;
        if !long || name.ends_with(".xml") || name.ends_with(".ctl") {
            continue;
        }
        let sample = Sample { bytes, whole: bytes.len() as u64, name };
        let found = infer(sample).unwrap_or_else(|unclear| panic!("{name}: {unclear}"));
        let (records, errors) = read_with(&toml_text(&found.draft), bytes);
        assert_eq!(errors, Vec::<String>::new(), "{name}");
        assert!(records > 1, "{name}");
        assert!(!found.draft.all_doubts().is_empty(), "{name}: a draft is never without doubt");
        drafted += 1;
    }
    assert!(drafted >= 15, "{drafted}");
}
