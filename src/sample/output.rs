//! Where the files go: the feed's layout is found, the file is counted and moved into place, progress is told.
//!
//! Owns: names of folders, counts and control amounts, what each file should lead to. Never: decides what is in a file.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::sheet::{Draft, Sheet};
use super::{Expected, Fate, SampleError, SampleFile};
use crate::mapping::site::Site;
use crate::schema::layout::Layout;
use crate::schema::load_feed::matches;

/// Residents between two calls of the progress function.
const STEP: u64 = 4096;

/// All files of one run of the generator.
pub(crate) struct Output<'a> {
    /// The site whose feeds and layouts are used.
    pub site: &'a Site,
    /// The inbox.
    pub into: &'a Path,
    /// What was written so far.
    pub files: Vec<SampleFile>,
    /// What the store should hold in the end.
    pub expected: Expected,
    progress: &'a mut dyn FnMut(&str, u64, u64),
}

/// One file being made, with its counts.
pub(crate) struct Open {
    /// Its writer.
    pub sheet: Sheet<Draft>,
    interface: String,
    name: String,
    records: u64,
    amount: i64,
}

impl Open {
    /// Counts one data record and its control amount in yen.
    pub(crate) fn count(&mut self, amount: i64) {
        self.records += 1;
        self.amount += amount;
    }

    /// Data records counted so far.
    pub(crate) fn records(&self) -> u64 {
        self.records
    }
}

impl<'a> Output<'a> {
    /// Nothing is written yet.
    pub(crate) fn new(site: &'a Site, into: &'a Path, progress: &'a mut dyn FnMut(&str, u64, u64)) -> Self {
        Output { site, into, files: Vec::new(), expected: Expected::default(), progress }
    }

    /// Starts a file of an interface; its name decides the layout, as the feed says.
    pub(crate) fn open(&self, interface: &str, name: &str) -> Result<Open, SampleError> {
        let layout = layout(self.site, interface, name)?;
        let draft = Draft::open(&self.into.join(interface), name)?;
        Ok(Open {
            sheet: Sheet::new(layout, draft)?,
            interface: interface.to_owned(),
            name: name.to_owned(),
            records: 0,
            amount: 0,
        })
    }

    /// Ends a good file and puts it in its place.
    pub(crate) fn close(&mut self, open: Open) -> Result<(), SampleError> {
        let bytes = open.sheet.finish()?.place()?;
        self.files.push(SampleFile {
            interface: open.interface,
            name: open.name,
            bytes,
            records: open.records,
            amount: open.amount,
            fate: Fate::Accepted { loaded: open.records, held: 0 },
        });
        Ok(())
    }

    /// Tells how far a pass over the residents is.
    pub(crate) fn step(&mut self, name: &str, done: u64, all: u64) {
        if done.is_multiple_of(STEP) || done == all {
            (self.progress)(name, done, all);
        }
    }

    /// Writes the manifest of a file that is in place: `件数` of data records and `SHA-256` of the bytes.
    pub(crate) fn manifest(&self, interface: &str, name: &str, records: u64) -> Result<(), SampleError> {
        let path = self.into.join(interface).join(name);
        let mut file = fs::File::open(&path)?;
        let mut hash = Sha256::new();
        let mut block = vec![0; 1 << 16];
        loop {
            let n = file.read(&mut block)?;
            if n == 0 {
                break;
            }
            hash.update(&block[..n]);
        }
        let hex: String = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
        fs::write(path.with_extension("ctl"), format!("件数={records}\r\nSHA-256={hex}\r\n"))?;
        Ok(())
    }
}

/// The layout and profile a feed names for a file name.
pub(crate) fn layout(site: &Site, interface: &str, name: &str) -> Result<Arc<Layout>, SampleError> {
    let form = site.feeds.get(interface).and_then(|f| f.forms.iter().find(|form| matches(&form.pattern, name)));
    let layout = form.and_then(|form| site.layouts.get(&(form.layout.clone(), form.profile.clone())));
    layout.cloned().ok_or_else(|| SampleError::NoForm { interface: interface.to_owned(), name: name.to_owned() })
}

/// A value of `[site]`.
pub(crate) fn site_value(site: &Site, key: &str) -> Result<String, SampleError> {
    let found = site.values.iter().find(|(k, _)| k == key);
    found.map(|(_, value)| value.clone()).ok_or_else(|| SampleError::NoValue(key.to_owned()))
}
