//! What a hub must hold, reject or set aside: each file wrong in one known way.
//!
//! Owns: the faults. Never: changes what the good files lead to ([`super::Expected`] stays right).
//!
//! Faults are put into finished bytes, because renkei's own writer would refuse to make them.

use std::fs;
use std::io::Cursor;

use super::juki;
use super::output::{Output, layout};
use super::people::Town;
use super::sheet::Sheet;
use super::{Fate, SampleError, SampleFile};

/// Adds the bad files to a finished set of good ones.
pub(crate) fn write(town: &Town, out: &mut Output<'_>) -> Result<(), SampleError> {
    held_residents(town, out)?;
    wrong_trailer(out)?;
    duplicate(out)
}

/// Faults of juki-ido lines: what to replace in a line, and by what. Each line is held, the last fault holds two.
type Fault = fn(&str) -> Vec<u8>;

const FAULTS: [Fault; 8] = [
    // A municipality code whose check digit is wrong.
    |line| replace_item(line, 0, "999998"),
    // An impossible date of birth.
    |line| replace_item(line, 14, "1940-02-30"),
    // An unknown 住民状態.
    |line| replace_item(line, 5, "7"),
    // A 町字 longer than 120 characters.
    |line| replace_item(line, 16, &"長い町字名".repeat(25)),
    // No name.
    |line| replace_item(line, 9, ""),
    // One item too many.
    |line| format!("{line},").into_bytes(),
    // A byte that is no UTF-8, in the middle of the name.
    |line| {
        let mut bytes = line.as_bytes().to_vec();
        if let Some(at) = line.find('　') {
            bytes[at + 2] = 0xFF;
        }
        bytes
    },
    // The same resident twice: nobody knows which is right.
    |line| format!("{line}\r\n{}", String::from_utf8_lossy(&replace_item(line, 16, "駅前"))).into_bytes(),
];

fn replace_item(line: &str, index: usize, value: &str) -> Vec<u8> {
    let mut items: Vec<&str> = line.split(',').collect();
    items[index] = value;
    items.join(",").into_bytes()
}

/// A juki-ido file of good and faulty lines; the good ones repeat the full set and change nothing.
fn held_residents(town: &Town, out: &mut Output<'_>) -> Result<(), SampleError> {
    let name = format!("JUKI_{}_{}030000.csv", town.code, town.base.format("%Y%m%d"));
    let layout = layout(out.site, "juki-ido", &name)?;
    let mut sheet = Sheet::new(layout, Cursor::new(Vec::new()))?;
    let plain = town.people().filter(|p| town.event(p).is_none() && p.country.is_none());
    for p in plain.take(2 * FAULTS.len()) {
        juki::write_again(town, &p, &mut sheet)?;
    }
    let text = String::from_utf8_lossy(sheet.finish()?.get_ref()).into_owned();
    let mut bytes = Vec::new();
    for (i, line) in text.lines().enumerate() {
        match FAULTS.get(i / 2).filter(|_| i % 2 == 1) {
            Some(fault) => bytes.extend(fault(line)),
            None => bytes.extend_from_slice(line.as_bytes()),
        }
        bytes.extend_from_slice(b"\r\n");
    }
    let (loaded, held) = (FAULTS.len() as u64, FAULTS.len() as u64 + 1);
    place(out, "juki-ido", &name, &bytes, loaded + held, 0, Fate::Accepted { loaded, held })
}

/// The last bank file comes first with a trailer that counts one too many, then again as it should be.
fn wrong_trailer(out: &mut Output<'_>) -> Result<(), SampleError> {
    let last = out.files.iter().rposition(|f| f.name.starts_with("FURIKAE_"));
    let Some(at) = last else { return Ok(()) };
    let good = out.files[at].clone();
    let folder = out.into.join(&good.interface);
    let mut bytes = fs::read(folder.join(&good.name))?;
    let again = good.name.replace(".txt", "_2.txt");
    fs::rename(folder.join(&good.name), folder.join(&again))?;
    out.files[at].name = again;
    // Records end in CRLF, so a trailer begins behind one; its count is 6 digits behind データ区分.
    let trailer = bytes.windows(3).position(|w| w == b"\r\n8" || w == b"\n8").map(|at| at + 2);
    if let Some(trailer) = trailer {
        let count: u64 = String::from_utf8_lossy(&bytes[trailer + 1..trailer + 7]).parse().unwrap_or(0);
        bytes[trailer + 1..trailer + 7].copy_from_slice(format!("{:06}", count + 1).as_bytes());
    }
    place(out, &good.interface, &good.name, &bytes, good.records, good.amount, Fate::Rejected)
}

/// The arrears file once more under another name.
fn duplicate(out: &mut Output<'_>) -> Result<(), SampleError> {
    let Some(first) = out.files.iter().find(|f| f.interface == "taino").cloned() else { return Ok(()) };
    let bytes = fs::read(out.into.join(&first.interface).join(&first.name))?;
    let name = first.name.replace(".csv", "_copy.csv");
    place(out, &first.interface, &name, &bytes, first.records, first.amount, Fate::Duplicate)
}

fn place(
    out: &mut Output<'_>,
    interface: &str,
    name: &str,
    bytes: &[u8],
    records: u64,
    amount: i64,
    fate: Fate,
) -> Result<(), SampleError> {
    let folder = out.into.join(interface);
    let draft = folder.join(format!(".{name}.part"));
    fs::write(&draft, bytes)?;
    fs::rename(&draft, folder.join(name))?;
    out.files.push(SampleFile {
        interface: interface.to_owned(),
        name: name.to_owned(),
        bytes: bytes.len() as u64,
        records,
        amount,
        fate,
    });
    Ok(())
}
