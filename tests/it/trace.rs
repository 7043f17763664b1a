//! A line that left leads back to the bytes it came from.

use std::io::Read;

use renkei::pipeline::Hub;
use renkei::store::ledger::{Direction, State};
use renkei::store::{ledger, ledger_out, lineage, run};
use renkei::value::OwnedValue;

use crate::town::{Town, day, exchanges};

/// Lines tried of each outbound file; spread over the file.
const LINES: usize = 12;

/// Bytes of a file as received, unpacked once.
#[derive(Default)]
struct Originals(std::collections::HashMap<String, Vec<u8>>);

impl Originals {
    fn slice(&mut self, hub: &Hub, sha256: &str, at: u64, len: u64) -> Vec<u8> {
        let bytes = self.0.entry(sha256.to_owned()).or_insert_with(|| {
            let mut bytes = Vec::new();
            hub.area.open_archived(sha256).unwrap().read_to_end(&mut bytes).unwrap();
            bytes
        });
        bytes[at as usize..(at + len) as usize].to_vec()
    }
}

/// Walks back to the files; asserts at each that the record's own bytes say the key of the version. Returns how many.
fn walk(hub: &mut Hub, originals: &mut Originals, source: &str, depth: usize) -> usize {
    assert!(depth > 0, "a lineage that does not end: {source}");
    let site = hub.site.clone();
    let mut ends = 0;
    for (entity, vid) in lineage::parse(source) {
        let entity = &site.entities[entity];
        let version = lineage::version(&mut hub.conn, entity, vid).unwrap().expect("a version that lineage names");
        let own = run::get(&mut hub.conn, version.run).unwrap();
        let Some(file) = own.exchange else {
            let deeper = version.src.clone().unwrap_or_default();
            let found = walk(hub, originals, &deeper, depth - 1);
            assert!(found > 0, "{} {vid} was derived from nothing", entity.id);
            ends += found;
            continue;
        };
        let file = ledger::get(&mut hub.conn, file).unwrap();
        assert!(version.record > 0 && version.len > 0, "{} {vid}: {version:?}", entity.id);
        let bytes = originals.slice(hub, file.sha256.as_deref().unwrap(), version.byte, version.len);
        let said = entity.key.iter().filter(|&&k| match &version.values[k] {
            // Numbers that the record gives as they are. A day may be written otherwise, and a part of the key may come
            // from the file's header; but some number of the person's is in the record itself.
            OwnedValue::Text(text) if text.len() > 4 && text.bytes().all(|b| b.is_ascii_digit()) => {
                bytes.windows(text.len()).any(|w| w == text.as_bytes())
            }
            _ => false,
        });
        let what = format!("record {} of {}", version.record, file.file_name);
        assert!(said.count() > 0, "{} {vid}: no key value in the bytes of {what}: {:?}", entity.id, version.values);
        ends += 1;
    }
    ends
}

#[test]
fn lines_of_every_outbound_file_end_at_the_bytes_they_came_from() {
    let town = Town::new();
    town.sample(300);
    let mut hub = town.hub();
    day(&mut hub);
    let sent: Vec<_> = exchanges(&mut hub)
        .into_iter()
        .filter(|e| e.direction == Direction::Out && e.state == State::Delivered)
        .collect();
    let interfaces: std::collections::BTreeSet<&str> = sent.iter().map(|e| e.interface.as_str()).collect();
    assert_eq!(interfaces.len(), 10, "{interfaces:?}");
    let mut originals = Originals::default();
    for e in &sent {
        let delivered = std::fs::read(hub.area.outbox.join(&e.interface).join(&e.file_name)).unwrap();
        let records = ledger_out::records_of(&mut hub.conn, e.id, 100_000).unwrap();
        assert!(!records.is_empty(), "{}", e.file_name);
        for record in records.iter().step_by((records.len() / LINES).max(1)) {
            let line = &delivered[record.byte as usize..(record.byte + record.len) as usize];
            // The key's first item stands in the line itself, so the place of the line is right too.
            let key = record.key.as_deref().unwrap_or_default();
            let item =
                key.split('\u{1f}').find(|k| k.len() > 4 && k.is_ascii() && !k.contains('-')).unwrap_or_default();
            assert!(
                line.windows(item.len().max(1)).any(|w| w == item.as_bytes()),
                "{} {}: {key:?}",
                e.file_name,
                record.n
            );
            let ends = walk(&mut hub, &mut originals, &record.lineage, 8);
            assert!(ends > 0, "record {} of {} comes from nowhere", record.n, e.file_name);
        }
    }
}
