//! Where findings go while a file is read: counted all, kept up to a limit.
//!
//! Owns: the counts and the kept findings. Never: decides what a finding does to a record or a file.

use crate::finding::{Finding, Severity};

/// A sink with bounded memory: of every code the first `limit_per_code` findings are kept, the rest are counted.
#[derive(Debug, Clone)]
pub struct Findings {
    limit_per_code: usize,
    kept: Vec<Finding>,
    codes: Vec<CodeCount>,
    severities: [u64; 4],
    holding: usize,
}

/// How often a code was pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeCount {
    /// Code of the catalogue or of a mapping's check.
    pub code: String,
    /// Worst severity it was pushed with.
    pub worst: Severity,
    /// How often, kept or not.
    pub count: u64,
    /// How many were kept (drained ones included).
    pub kept: usize,
}

impl Findings {
    /// A sink that keeps at most `limit_per_code` findings of each code.
    pub fn new(limit_per_code: usize) -> Self {
        Findings { limit_per_code, kept: Vec::new(), codes: Vec::new(), severities: [0; 4], holding: 0 }
    }

    /// Counts the finding and keeps it if its code is below the limit.
    pub fn push(&mut self, finding: Finding) {
        if self.counted(&finding.code, finding.severity) {
            self.kept.push(finding);
        }
    }

    /// The same, making the finding only when it will be kept: ten million warnings cost no text.
    pub fn note(&mut self, code: &str, severity: Severity, make: impl FnOnce() -> Finding) {
        if self.counted(code, severity) {
            self.kept.push(make());
        }
    }

    /// Counts; says whether to keep.
    fn counted(&mut self, code: &str, severity: Severity) -> bool {
        self.severities[severity as usize] += 1;
        let at = self.codes.iter().position(|entry| entry.code == code);
        let at = at.unwrap_or_else(|| {
            self.codes.push(CodeCount { code: code.to_owned(), worst: severity, count: 0, kept: 0 });
            self.codes.len() - 1
        });
        if severity >= Severity::Error {
            self.holding = at;
        }
        let entry = &mut self.codes[at];
        entry.count += 1;
        entry.worst = entry.worst.max(severity);
        let keep = entry.kept < self.limit_per_code;
        entry.kept += usize::from(keep);
        keep
    }

    /// The findings kept and not drained, in the order they came.
    pub fn kept(&self) -> &[Finding] {
        &self.kept
    }

    /// Takes the values out of the kept findings that are meant: they name items nobody may read in a report.
    pub fn mask(&mut self, meant: impl Fn(&Finding) -> bool) {
        for finding in self.kept.iter_mut().filter(|f| !f.value.is_empty() && meant(f)) {
            "＊＊＊".clone_into(&mut finding.value);
        }
    }

    /// Those of the kept findings that came after the first `from`.
    pub fn kept_from(&mut self, from: usize) -> &mut [Finding] {
        let from = from.min(self.kept.len());
        &mut self.kept[from..]
    }

    /// Takes the kept findings out (to be stored in steps); every count stays, and so does the limit.
    pub fn drain(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.kept)
    }

    /// How often this code was pushed, kept or not.
    pub fn count(&self, code: &str) -> u64 {
        let entry = self.codes.iter().find(|entry| entry.code == code);
        entry.map_or(0, |entry| entry.count)
    }

    /// Code of the latest finding that holds a record or rejects a file; empty when there was none.
    pub fn last_holding(&self) -> &str {
        self.codes.get(self.holding).map_or("", |entry| entry.code.as_str())
    }

    /// How many findings of this severity were pushed, kept or not.
    pub fn count_of(&self, severity: Severity) -> u64 {
        self.severities[severity as usize]
    }

    /// Counts by code, in the order the codes first came.
    pub fn codes(&self) -> &[CodeCount] {
        &self.codes
    }

    /// How many findings were pushed, kept or not.
    pub fn total(&self) -> u64 {
        self.severities.iter().sum()
    }

    /// The worst severity pushed; `None` when nothing was.
    pub fn worst(&self) -> Option<Severity> {
        use Severity::{Error, Fatal, Info, Warning};
        let all = [Fatal, Error, Warning, Info];
        all.into_iter().find(|severity| self.severities[*severity as usize] > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::DataPlace;

    #[test]
    fn all_are_counted_and_the_first_of_each_code_are_kept() {
        let mut sink = Findings::new(2);
        for (code, severity) in
            [("a", Severity::Warning), ("b", Severity::Info), ("a", Severity::Error), ("a", Severity::Info)]
        {
            sink.push(Finding::data(code, severity, DataPlace::default(), "x"));
        }
        assert_eq!((sink.count("a"), sink.count("b"), sink.count("c")), (3, 1, 0));
        assert_eq!(sink.kept().len(), 3);
        assert_eq!(sink.worst(), Some(Severity::Error));
        assert_eq!(sink.drain().len(), 3);
        sink.push(Finding::data("a", Severity::Info, DataPlace::default(), "x"));
        assert!(sink.kept().is_empty());
        assert_eq!(sink.count_of(Severity::Info), 3);
        assert_eq!(sink.codes()[0].worst, Severity::Error);
    }
}
