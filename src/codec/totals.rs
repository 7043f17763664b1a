//! Control totals: what the file declares against what was counted, on reading and on writing.
//!
//! Owns: the running counts. Never: rejects a file; a disagreement is a fatal finding, and that does.

use crate::finding::{DataPlace, Finding, Severity};
use crate::schema::layout::{Counted, Layout, Total, TotalScope};

use super::record::Record;
use super::sink::Findings;
use crate::value::Value;

/// A declared total and what was counted, for the reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TotalSeen {
    /// `レコード.項目` that declares it.
    pub title: String,
    /// As declared; `None` when it was empty or unreadable.
    pub declared: Option<i64>,
    /// As counted: records, or the sum of a field (yen where the field is money).
    pub counted: i64,
    /// Records that could not be counted or whose amount could not be read; `counted` is without them.
    pub unknown: u64,
    /// Number of the record that declares it.
    pub record: u64,
    /// Do they agree?
    pub agrees: bool,
}

/// What a total looks at in a record.
pub(super) trait Countable {
    /// Content of a field; `None` when it could not be read.
    fn content(&self, field: usize) -> Option<&str>;
    /// Value of a number: `Ok(None)` when empty, `Err` when it could not be read.
    fn number(&self, field: usize) -> Result<Option<i64>, Unreadable>;
}

/// The value could not be read.
pub(super) struct Unreadable;

impl Countable for Record {
    fn content(&self, field: usize) -> Option<&str> {
        (!self.is_bad(field)).then(|| self.raw(field))
    }

    fn number(&self, field: usize) -> Result<Option<i64>, Unreadable> {
        match self.value(field) {
            _ if self.is_bad(field) => Err(Unreadable),
            Value::Int(number) => Ok(Some(number)),
            Value::Null => Ok(None),
            Value::Text(text) => text.parse().map(Some).map_err(|_| Unreadable),
            Value::Bool(_) => Err(Unreadable),
        }
    }
}

/// Running counts of all totals of a layout.
#[derive(Debug, Clone)]
pub(super) struct TotalsWatch {
    running: Vec<Running>,
    /// By record kind: totals that count it.
    counting: Vec<Vec<usize>>,
    /// By record kind: totals that it declares.
    declaring: Vec<Vec<usize>>,
    /// File-scope declarations waiting for the end.
    waiting: Vec<Declaration>,
    seen: Vec<TotalSeen>,
    kept: usize,
}

#[derive(Debug, Clone, Copy, Default)]
struct Running {
    counted: i64,
    unknown: u64,
}

#[derive(Debug, Clone)]
struct Declaration {
    total: usize,
    declared: Option<i64>,
    place: DataPlace,
}

impl TotalsWatch {
    pub fn new(layout: &Layout, kept: usize) -> Self {
        let by_kind = |of: &dyn Fn(&Total, usize) -> bool| {
            let kinds = 0..layout.records.len();
            let totals = |kind| (0..layout.totals.len()).filter(|at| of(&layout.totals[*at], kind)).collect();
            kinds.map(totals).collect::<Vec<Vec<usize>>>()
        };
        TotalsWatch {
            running: vec![Running::default(); layout.totals.len()],
            counting: by_kind(&|total, kind| match &total.counted {
                Counted::Count(kinds) => kinds.contains(&kind),
                Counted::Sum(of, _) => *of == kind,
            }),
            declaring: by_kind(&|total, kind| total.declared.0 == kind),
            waiting: Vec::new(),
            seen: Vec::new(),
            kept,
        }
    }

    /// Counts a record of a known kind.
    #[inline]
    pub fn count(&mut self, layout: &Layout, kind: usize, record: &impl Countable) {
        for at in self.counting.get(kind).into_iter().flatten() {
            let total = &layout.totals[*at];
            let running = &mut self.running[*at];
            if let Some((field, values)) = &total.only {
                match record.content(*field) {
                    Some(content) if values.iter().any(|value| value == content) => {}
                    Some(_) => continue,
                    None => {
                        running.unknown += 1;
                        continue;
                    }
                }
            }
            let amount = match &total.counted {
                Counted::Count(_) => Ok(Some(1)),
                Counted::Sum(_, field) => record.number(*field),
            };
            let sum = amount.ok().and_then(|amount| running.counted.checked_add(amount.unwrap_or(0)));
            match sum {
                Some(sum) => running.counted = sum,
                None => running.unknown += 1,
            }
        }
    }

    /// A record whose kind is not known: it may belong to any total.
    pub fn count_unknown(&mut self) {
        for running in &mut self.running {
            running.unknown += 1;
        }
    }

    /// Does this kind declare totals?
    pub fn declares(&self, kind: usize) -> bool {
        self.declaring.get(kind).is_some_and(|totals| !totals.is_empty())
    }

    /// Totals that this kind declares.
    pub fn declared_by(&self, kind: usize) -> &[usize] {
        self.declaring.get(kind).map_or(&[], Vec::as_slice)
    }

    /// What a total has counted so far.
    pub fn counted(&self, total: usize) -> i64 {
        self.running.get(total).map_or(0, |running| running.counted)
    }

    /// Compares what a record declares: group totals now, file totals at the end. `place` gives the place of a field.
    pub fn declare(
        &mut self,
        layout: &Layout,
        kind: usize,
        record: &impl Countable,
        place: impl Fn(usize) -> DataPlace,
        findings: &mut Findings,
    ) {
        for at in self.declaring.get(kind).cloned().unwrap_or_default() {
            let field = layout.totals[at].declared.1;
            let declared = record.number(field).ok().flatten();
            self.declare_one(layout, at, declared, place(field), findings);
        }
    }

    /// The same for one total.
    pub fn declare_one(
        &mut self,
        layout: &Layout,
        total: usize,
        declared: Option<i64>,
        place: DataPlace,
        findings: &mut Findings,
    ) {
        let declaration = Declaration { total, declared, place };
        if layout.totals[total].scope == TotalScope::Group {
            self.compare(layout, &declaration, findings);
            self.running[total] = Running::default();
            return;
        }
        let same = |other: &Declaration| other.total == total && other.declared == declared;
        if self.waiting.len() < self.kept && !self.waiting.iter().any(same) {
            self.waiting.push(declaration);
        }
    }

    /// Writing: what a record of the declaring kind has to say: what was counted, and itself if it counts.
    pub fn value_to_write(&self, layout: &Layout, total: usize) -> i64 {
        let kind = layout.totals[total].declared.0;
        let itself = match &layout.totals[total].counted {
            Counted::Count(kinds) => kinds.contains(&kind) && layout.totals[total].only.is_none(),
            Counted::Sum(..) => false,
        };
        self.counted(total).saturating_add(i64::from(itself))
    }

    /// Writing: a file total that was filled in at the end.
    pub fn filled(&mut self, layout: &Layout, total: usize, record: u64, fits: bool) {
        if self.seen.len() < self.kept {
            let running = self.running[total];
            self.seen.push(TotalSeen {
                title: title(layout, &layout.totals[total]),
                declared: fits.then_some(running.counted),
                counted: running.counted,
                unknown: running.unknown,
                record,
                agrees: fits && running.unknown == 0,
            });
        }
    }

    /// Compares the file totals at the end.
    pub fn finish(&mut self, layout: &Layout, findings: &mut Findings) {
        for declaration in std::mem::take(&mut self.waiting) {
            self.compare(layout, &declaration, findings);
        }
    }

    fn compare(&mut self, layout: &Layout, declaration: &Declaration, findings: &mut Findings) {
        let total = &layout.totals[declaration.total];
        let running = self.running[declaration.total];
        let declared = declaration.declared;
        let silent = total.zero_is_silent && declared.unwrap_or(0) == 0;
        let seen = TotalSeen {
            title: title(layout, total),
            // A zero that stands for nothing said is no figure to compare with.
            declared: declared.filter(|_| !silent || running.counted == 0),
            counted: running.counted,
            unknown: running.unknown,
            record: declaration.place.record,
            agrees: silent || (declared == Some(running.counted) && running.unknown == 0),
        };
        // A count that agrees although some records could not be told apart is no proof, but no disagreement either.
        let mismatch = !silent && declared != Some(running.counted);
        if mismatch {
            findings.note("total-mismatch", Severity::Fatal, || mismatch_finding(total, &seen, declaration));
        } else if !seen.agrees {
            findings.note("total-unproved", Severity::Warning, || unproved_finding(total, &seen, declaration));
        }
        if self.seen.len() < self.kept {
            self.seen.push(seen);
        }
    }

    pub fn seen(&self) -> &[TotalSeen] {
        &self.seen
    }

    pub fn into_seen(self) -> Vec<TotalSeen> {
        self.seen
    }
}

fn title(layout: &Layout, total: &Total) -> String {
    let (kind, field) = total.declared;
    let record = layout.records.get(kind);
    let field = record.and_then(|record| record.fields.get(field));
    let name = |name: Option<&String>| name.cloned().unwrap_or_default();
    format!("{}.{}", name(record.map(|r| &r.name)), name(field.map(|f| &f.name)))
}

fn mismatch_finding(total: &Total, seen: &TotalSeen, declaration: &Declaration) -> Finding {
    let declared = match seen.declared {
        Some(number) => format!("申告値 {number} に対し"),
        None => "申告値が読めません。".to_owned(),
    };
    let message = format!(
        "合計「{}」が合いません。{declared}、ファイルから数えた値は {} です{}",
        seen.title,
        seen.counted,
        unknown_part(seen.unknown)
    );
    let message = message.replace("。、", "。");
    Finding::data("total-mismatch", Severity::Fatal, declaration.place.clone(), message).with_rule(total.place.clone())
}

fn unproved_finding(total: &Total, seen: &TotalSeen, declaration: &Declaration) -> Finding {
    let message = format!(
        "合計「{}」は申告値 {} と一致しますが、確かめきれていません{}",
        seen.title,
        seen.counted,
        unknown_part(seen.unknown)
    );
    Finding::data("total-unproved", Severity::Warning, declaration.place.clone(), message)
        .with_rule(total.place.clone())
}

fn unknown_part(unknown: u64) -> String {
    if unknown == 0 {
        return String::new();
    }
    format!("（読めないため数えられなかったレコードが {unknown} 件あります）")
}
