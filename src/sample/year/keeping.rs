//! How the senders keep their days: in time, late, or not at all; and files that come once more.
//!
//! Owns: what became of every day on which a file was owed, as the senders know it. Never: what is in a file.

use std::path::Path;

use chrono::{Duration, NaiveDate};

use super::{Dropped, World};
use crate::sample::SampleError;
use crate::sample::output::Output;

/// What became of a day on which a sender owed a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It came by its deadline.
    InTime,
    /// It came after.
    Late,
    /// It never came; what it would have told came with the next one.
    Never,
}

/// A file that comes, or comes once more, on a later day.
pub(super) struct Again {
    pub on: NaiveDate,
    /// Names and bytes: the file, and its manifest if it has one.
    pub parts: Vec<(String, Vec<u8>)>,
    pub file: Dropped,
    /// Is it the one that was owed before, and not one of its own?
    pub late: bool,
}

impl World<'_> {
    /// Does the site expect a file of this interface on a day? Where it expects none ever, `own` decides.
    pub(super) fn is_owed(&self, interface: &str, day: NaiveDate, own: bool) -> bool {
        let rules = self.site.feeds.get(interface).map_or(&[][..], |feed| &feed.expect);
        if rules.is_empty() { own } else { rules.iter().any(|e| !e.rule.occurrences(day, day).is_empty()) }
    }

    /// How a sender keeps this day: of forty daily files one is never sent and one is late, of the weekly ones likewise.
    pub(super) fn fate(&mut self, interface: &'static str, day: NaiveDate) -> Fate {
        let (never, late, each) = if interface == "taino" { (6, 11, 26) } else { (19, 29, 40) };
        let count = self.counts.entry(interface).or_default();
        *count += 1;
        let fate = match *count % each {
            n if n == never => Fate::Never,
            n if n == late => Fate::Late,
            _ => Fate::InTime,
        };
        self.kept.insert((interface.to_owned(), day), fate);
        fate
    }

    /// At the end of a day: every day on which the site expects a file and of which nothing was said yet was kept if one
    /// came since the day before.
    pub(super) fn settle_owed(&mut self, day: NaiveDate) {
        for file in self.files.iter().filter(|f| !f.rejected && !f.duplicate && !f.late) {
            self.came.insert(file.interface.clone(), day);
            self.fresh.insert(file.interface.clone());
        }
        let owed: Vec<String> = self.site.feeds.keys().filter(|id| self.is_owed(id, day, false)).cloned().collect();
        for interface in owed {
            let came = self.fresh.remove(&interface);
            let fate = if came { Fate::InTime } else { Fate::Never };
            self.kept.entry((interface, day)).or_insert(fate);
        }
    }

    /// What became of the day on which a file was owed.
    pub fn kept(&self, interface: &str, day: NaiveDate) -> Option<Fate> {
        self.kept.get(&(interface.to_owned(), day)).copied()
    }

    /// Every day on which a file was owed.
    pub fn all_kept(&self) -> impl Iterator<Item = (&str, NaiveDate, Fate)> {
        self.kept.iter().map(|((interface, day), fate)| (interface.as_str(), *day, *fate))
    }

    /// The last day on which a file of an interface came that is to be accepted.
    pub fn came(&self, interface: &str) -> Option<NaiveDate> {
        self.came.get(interface).copied()
    }

    /// Takes the file that was just put into place back, to be dropped on the next day.
    pub(super) fn put_off(&mut self, day: NaiveDate, out: &Output<'_>) -> Result<(), SampleError> {
        let Some(mut file) = self.files.pop() else { return Ok(()) };
        let folder = out.into.join(&file.interface);
        let path = folder.join(&file.name);
        let mut parts = vec![(file.name.clone(), std::fs::read(&path)?)];
        std::fs::remove_file(&path)?;
        let manifest = path.with_extension("ctl");
        if manifest.is_file() {
            let name = manifest.file_name().unwrap_or_default().to_string_lossy().into_owned();
            parts.push((name, std::fs::read(&manifest)?));
            std::fs::remove_file(&manifest)?;
        }
        file.late = true;
        self.again.push(Again { on: day + Duration::days(1), parts, file, late: true });
        Ok(())
    }

    /// Drops what comes late, or once more, today.
    pub(super) fn repeat(&mut self, day: NaiveDate, inbox: &Path) -> Result<(), SampleError> {
        for again in self.again.extract_if(.., |a| a.on <= day) {
            let folder = inbox.join(&again.file.interface);
            for (name, bytes) in &again.parts {
                let draft = folder.join(format!(".{name}.part"));
                std::fs::write(&draft, bytes)?;
                std::fs::rename(&draft, folder.join(name))?;
            }
            let name = again.parts.first().map(|(name, _)| name.clone()).unwrap_or_default();
            self.files.push(Dropped { name, late: again.late, ..again.file });
        }
        Ok(())
    }
}
