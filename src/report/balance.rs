//! The balance: the proof that every record read has gone somewhere.
//!
//! Owns: the sums and their labels. Never: counts records itself; the run does.

use serde::Serialize;

use super::model::Direction;

/// A count of records and, where the mapping declares a control amount, their yen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Records.
    pub count: u64,
    /// Yen; `None` when there is no control amount or it cannot be read from one of the records.
    pub amount: Option<i64>,
}

/// Where the records of one run went. Unit: records that carry rows (of a file: the kinds a mapping takes; of a
/// selection: its rows), never rows of a table; header and trailer records belong to the control totals.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Balance {
    /// What the file says it holds; `None` when it does not say.
    pub declared: Option<Tally>,
    /// Records read from the file, or rows selected.
    pub read: Tally,
    /// Of those: keys unknown before (outbound: never sent before).
    pub new: Tally,
    /// Of those: known keys with other values.
    pub changed: Tally,
    /// Of those: known keys with the same values (outbound delta: nothing to send).
    pub unchanged: Tally,
    /// Of those: records that asked for their key to be closed.
    pub closed: Tally,
    /// Of those: overtaken by a later record of the same key in the same run.
    pub superseded: Tally,
    /// Of those: outside the mapping's `when`, rightly not taken.
    pub outside: Tally,
    /// Of those: held back with a finding.
    pub held: Tally,
    /// Of those: not taken because the whole file was rejected.
    pub rejected: Tally,
    /// Not read at all: keys closed because a full set no longer names them (outbound: sent as closed).
    pub vanished: Tally,
    /// Outbound: records of rows in the file made, as its writer counted them.
    pub written: Option<Tally>,
}

/// What a line of the balance is, so that a page can set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Stands for itself: declared, read.
    Head,
    /// A part of what was read.
    Part,
    /// The proof: what is left over; must be 0.
    Difference,
    /// Beside the sum.
    Aside,
}

/// One line of the balance as shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BalanceLine {
    /// What it is.
    pub role: Role,
    /// Its label.
    pub label: &'static str,
    /// Records; negative only for a difference.
    pub count: i64,
    /// Yen.
    pub amount: Option<i64>,
}

impl BalanceLine {
    /// Is this a difference that is not 0?
    pub fn alarms(&self) -> bool {
        self.role == Role::Difference && (self.count != 0 || self.amount.is_some_and(|a| a != 0))
    }
}

impl Tally {
    /// A count without an amount.
    pub fn of(count: u64) -> Self {
        Tally { count, amount: None }
    }

    /// No records and no yen.
    pub fn is_zero(self) -> bool {
        self.count == 0 && self.amount.is_none_or(|yen| yen == 0)
    }

    /// A count with its yen.
    pub fn yen(count: u64, amount: i64) -> Self {
        Tally { count, amount: Some(amount) }
    }
}

/// Sum of the parts; the amount is known only when it is known for every part that has records.
fn sum(parts: &[Tally]) -> (i128, Option<i128>) {
    let count = parts.iter().map(|t| i128::from(t.count)).sum();
    let mut amount = Some(0);
    for part in parts {
        amount = match (amount, part.amount) {
            (Some(sum), Some(yen)) => Some(sum + i128::from(yen)),
            (sum, None) if part.count == 0 => sum,
            _ => None,
        };
    }
    (count, amount)
}

/// Saturates: a report never fails on absurd figures.
fn narrow(n: i128) -> i64 {
    n.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
}

fn difference(label: &'static str, of: Tally, parts: &[Tally]) -> BalanceLine {
    let (count, amount) = sum(parts);
    BalanceLine {
        role: Role::Difference,
        label,
        count: narrow(i128::from(of.count) - count),
        amount: of.amount.zip(amount).map(|(of, parts)| narrow(i128::from(of) - parts)),
    }
}

impl Balance {
    /// Did the run account for nothing, because it read nothing?
    pub fn is_empty(&self) -> bool {
        *self == Balance::default()
    }

    /// Everything read that was neither held nor rejected.
    pub fn taken(&self) -> Tally {
        let (count, amount) = sum(&self.taken_parts());
        Tally {
            count: u64::try_from(count).unwrap_or(u64::MAX),
            amount: amount.filter(|_| self.read.amount.is_some()).map(narrow),
        }
    }

    fn taken_parts(&self) -> [Tally; 6] {
        [self.new, self.changed, self.unchanged, self.closed, self.superseded, self.outside]
    }

    /// read − (new + changed + unchanged + closed + superseded + outside + held + rejected); 0 when all are accounted for.
    pub fn difference(&self) -> BalanceLine {
        let [a, b, c, d, e, f] = self.taken_parts();
        difference("差引（全体 − 内訳の計）", self.read, &[a, b, c, d, e, f, self.held, self.rejected])
    }

    /// Every difference there is: the file's word against what was read, what was read against its parts, and, outbound,
    /// what was to be written against what the writer counted.
    pub fn differences(&self) -> Vec<BalanceLine> {
        let mut all = Vec::new();
        if let Some(declared) = self.declared {
            all.push(difference("差引（申告 − 読込）", declared, &[self.read]));
        }
        all.push(self.difference());
        if let Some(written) = self.written {
            let parts = [self.new, self.changed, self.closed, self.vanished];
            all.push(difference("差引（ファイルの明細 − 新規・変更・削除の計）", written, &parts));
        }
        all
    }

    /// Is every difference 0?
    pub fn agrees(&self) -> bool {
        !self.differences().iter().any(BalanceLine::alarms)
    }

    /// The balance as shown, in reading order; parts that are rarely used and 0 are left out, the proof never is.
    pub fn lines(&self, direction: Direction) -> Vec<BalanceLine> {
        let words = labels(direction);
        let mut lines = Vec::new();
        let mut differences = self.differences().into_iter();
        let mut push = |role, label, tally: Tally, always: bool| {
            if always || !tally.is_zero() {
                lines.push(BalanceLine { role, label, count: narrow(i128::from(tally.count)), amount: tally.amount });
            }
        };
        if let Some(declared) = self.declared {
            push(Role::Head, "申告（ファイルに書かれた件数）", declared, true);
        }
        push(Role::Head, words.read, self.read, true);
        push(Role::Part, words.new, self.new, true);
        push(Role::Part, words.changed, self.changed, true);
        push(Role::Part, words.unchanged, self.unchanged, true);
        push(Role::Part, words.closed, self.closed, direction == Direction::In);
        push(Role::Part, "後の記録で置き換え", self.superseded, false);
        push(Role::Part, "対象外（条件に当たらない）", self.outside, false);
        push(Role::Part, "保留", self.held, true);
        push(Role::Part, "却下", self.rejected, true);
        if self.declared.is_some() {
            lines.extend(differences.next());
        }
        lines.extend(differences.next());
        let mut push = |role, label, tally: Tally, always: bool| {
            if always || !tally.is_zero() {
                lines.push(BalanceLine { role, label, count: narrow(i128::from(tally.count)), amount: tally.amount });
            }
        };
        push(Role::Aside, words.vanished, self.vanished, direction == Direction::Out);
        if let Some(written) = self.written {
            push(Role::Head, "ファイルの明細（書き出した件数）", written, true);
        }
        lines.extend(differences);
        lines
    }
}

/// The words that differ by direction.
struct Labels {
    read: &'static str,
    new: &'static str,
    changed: &'static str,
    unchanged: &'static str,
    closed: &'static str,
    vanished: &'static str,
}

/// The word for what a run read: 読込, 抽出 or 計算.
pub fn read_word(direction: Direction) -> &'static str {
    labels(direction).read
}

fn labels(direction: Direction) -> Labels {
    match direction {
        Direction::In => Labels {
            read: "読込",
            new: "取込：新規",
            changed: "取込：変更",
            unchanged: "取込：変更なし",
            closed: "取込：削除",
            vanished: "参考：全件データに載っていないため終了した件数",
        },
        Direction::Out => Labels {
            read: "抽出",
            new: "出力：新規",
            changed: "出力：変更",
            unchanged: "前回の送付から変わらないため出力しない",
            closed: "出力：削除",
            vanished: "参考：抽出されなくなったため削除として出力",
        },
        Direction::Derive => Labels {
            read: "計算",
            new: "反映：新規",
            changed: "反映：変更",
            unchanged: "反映：変更なし",
            closed: "反映：削除",
            vanished: "参考：計算されなくなったため終了した件数",
        },
    }
}
