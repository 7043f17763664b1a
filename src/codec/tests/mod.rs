//! Tests of the codec as a whole, over layouts built by hand.

mod bad_input;
mod blocks;
mod layouts;
mod round_trip;
mod shipped;
mod writing;
mod xml;

use std::io::Cursor;
use std::sync::Arc;

use super::{Findings, ReadLimits, Record, RecordReader, RecordWriter, TotalSeen};
use crate::finding::Severity;
use crate::schema::layout::Layout;
use crate::value::{OwnedValue, Value};

/// Everything a file gave.
struct Read {
    records: Vec<Record>,
    findings: Findings,
    totals: Vec<TotalSeen>,
}

impl Read {
    /// Codes of the findings, without the warning about half-width characters that short test data earns.
    fn codes(&self) -> Vec<&str> {
        let codes = self.findings.kept().iter().map(|finding| finding.code.as_str());
        codes.filter(|code| *code != "half-in-wide").collect()
    }

    fn values(&self) -> Vec<(usize, Vec<OwnedValue>)> {
        let values = |record: &Record| (0..record.cells.len()).map(|at| record.value(at).to_owned()).collect();
        self.records.iter().map(|record| (record.kind, values(record))).collect()
    }
}

fn read(layout: &Layout, bytes: &[u8]) -> Read {
    read_in_blocks(layout, bytes, 1 << 16)
}

fn read_in_blocks(layout: &Layout, bytes: &[u8], block: usize) -> Read {
    let limits = ReadLimits { block, ..ReadLimits::default() };
    let mut reader = RecordReader::new(Arc::new(layout.clone()), bytes, limits);
    let mut findings = Findings::new(1000);
    let mut records = Vec::new();
    let mut record = Record::new();
    while reader.next(&mut record, &mut findings).unwrap() {
        records.push(record.clone());
    }
    assert!(!reader.next(&mut record, &mut findings).unwrap());
    assert_eq!(reader.records_read(), records.len() as u64);
    let unlisted = findings.codes().iter().find(|entry| !crate::finding::catalogue().contains_key(&entry.code));
    assert!(unlisted.is_none(), "not in the catalogue: {unlisted:?}");
    Read { records, totals: reader.totals().to_vec(), findings }
}

/// Writes records and gives the file, its totals and where each record went.
fn write(layout: &Layout, records: &[(usize, Vec<OwnedValue>)]) -> (Vec<u8>, Vec<TotalSeen>) {
    let mut writer = RecordWriter::new(Arc::new(layout.clone()), Cursor::new(Vec::new())).unwrap();
    let mut placed = Vec::new();
    for (kind, values) in records {
        let values: Vec<Value<'_>> = values.iter().map(OwnedValue::as_value).collect();
        placed.push(writer.write(*kind, &values).unwrap().unwrap());
    }
    let (out, totals) = writer.finish().unwrap();
    let bytes = out.into_inner();
    let back = read(layout, &bytes);
    let places: Vec<_> = back.records.iter().map(|r| (r.byte, r.len, r.number)).collect();
    let expected: Vec<_> = placed.iter().map(|p| (p.byte, p.len, p.record)).collect();
    assert_eq!(places, expected, "{}", String::from_utf8_lossy(&bytes));
    (bytes, totals)
}

/// Nothing worse than a warning.
fn assert_clean(read: &Read) {
    let worst = read.findings.worst();
    assert!(worst < Some(Severity::Error), "{:?}", read.findings.kept());
    assert!(read.records.iter().all(|record| !record.held && record.recognised));
}

fn text(value: &str) -> OwnedValue {
    OwnedValue::Text(value.to_owned())
}
