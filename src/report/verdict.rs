//! The verdict: how a run ended, in one word, one sentence and what to do next.
//!
//! Owns: those words. Never: decides how a run ends.

use serde::Serialize;

use super::model::{Direction, RunReport};
use super::words::count;
use crate::finding::Severity;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// All records are in.
    Loaded,
    /// Some are in, some are held.
    PartlyHeld,
    /// Every record is held; nothing is in.
    AllHeld,
    /// The whole file was refused.
    Rejected,
    /// The same bytes are in already.
    Duplicate,
    /// An outbound file waits for an operator.
    Drafted,
    /// An operator confirmed it; it waits for delivery.
    Confirmed,
    /// It was delivered.
    Delivered,
    /// An operator returned it; it will not be sent.
    Returned,
    /// No file was made, for all there was to send is held.
    NotMade,
    /// There was nothing to send.
    Nothing,
    /// The machine was in trouble too often; it was stopped until an operator has it tried again.
    Failed,
}

/// How a verdict feels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tone {
    /// Nothing to do.
    Good,
    /// Somebody should look.
    Look,
    /// Somebody must act.
    Bad,
}

impl Tone {
    /// A sign that also tells on paper without colour.
    pub fn sign(self) -> &'static str {
        match self {
            Tone::Good => "○",
            Tone::Look => "△",
            Tone::Bad => "×",
        }
    }

    /// The class in the style sheet.
    pub fn class(self) -> &'static str {
        match self {
            Tone::Good => "good",
            Tone::Look => "look",
            Tone::Bad => "bad",
        }
    }
}

impl Outcome {
    /// The word an operator reads.
    pub fn japanese(self, direction: Direction) -> &'static str {
        match self {
            Outcome::Loaded if direction == Direction::Derive => "計算済",
            Outcome::Loaded => "取込済",
            Outcome::PartlyHeld => "一部保留",
            Outcome::AllHeld => "全件保留",
            Outcome::Rejected => "却下",
            Outcome::Duplicate => "重複のため取込なし",
            Outcome::Drafted => "作成済・確認待ち",
            Outcome::Confirmed => "確認済",
            Outcome::Delivered => "送付済",
            Outcome::Returned => "差戻し",
            Outcome::NotMade => "作成なし",
            Outcome::Nothing => "対象なし",
            Outcome::Failed => "要対応（止まっています）",
        }
    }

    /// How it feels.
    pub fn tone(self) -> Tone {
        match self {
            Outcome::Loaded | Outcome::Confirmed | Outcome::Delivered | Outcome::Nothing => Tone::Good,
            Outcome::PartlyHeld | Outcome::Duplicate | Outcome::Drafted | Outcome::NotMade | Outcome::Returned => {
                Tone::Look
            }
            Outcome::AllHeld | Outcome::Rejected | Outcome::Failed => Tone::Bad,
        }
    }

    /// What is usually done next, when the run says nothing more specific.
    pub fn usual_steps(self) -> &'static [&'static str] {
        match self {
            Outcome::PartlyHeld => &[
                "「指摘」で、保留した記録の誤りと対処を確かめてください。",
                "送付元で内容を直したファイルを、同じフォルダーに入れ直してください。",
            ],
            Outcome::AllHeld => &[
                "記録を 1 件ずつ見る前に、入れたフォルダー・ファイルの種類・文字コードが正しいかを確かめてください。",
                "それらが正しければ「指摘」で誤りを確かめ、送付元で直したファイルを、同じフォルダーに入れ直してください。",
            ],
            Outcome::Rejected => &[
                "「指摘」で、却下の理由を確かめてください。",
                "正しいファイルを、正しいフォルダーに入れ直してください。却下したファイルの再送は重複になりません。",
            ],
            Outcome::Duplicate => &[
                "意図した再送かどうかを送付元に確かめてください。内容を直したファイルなら、正しいファイルを入れ直してください。",
            ],
            Outcome::Drafted => &[
                "件数・金額と対象者を確かめてください。",
                "正しければ「確認」を、誤りがあれば「差戻し」を行ってください。確認されるまで送付しません。",
            ],
            Outcome::Returned => &["元のデータを直してから、もう一度作成してください。"],
            Outcome::Failed => &[
                "原因を除いてから renkei retry でやり直してください。原因が分からないときは、システム担当に連絡してください。",
            ],
            Outcome::Loaded | Outcome::Confirmed | Outcome::Delivered | Outcome::NotMade | Outcome::Nothing => &[],
        }
    }
}

impl RunReport {
    /// How the run feels: the outcome's tone, or worse when a count does not agree.
    pub fn tone(&self) -> Tone {
        let tone = self.outcome.tone();
        let unlike = !self.balance.agrees() || self.seen_totals.iter().any(|t| !t.agrees);
        if unlike || !self.whole_sentence().is_empty() {
            Tone::Bad
        } else if self.balance.held.count > 0 {
            tone.max(Tone::Look)
        } else {
            tone
        }
    }

    /// One or two sentences that say what happened.
    pub fn headline(&self) -> String {
        let outside = self.balance.outside.count;
        let taken = count(self.balance.taken().count.saturating_sub(outside));
        let held = self.balance.held.count;
        let written = count(self.balance.written.map_or(0, |t| t.count));
        let mut text = match self.outcome {
            Outcome::Loaded if self.balance.read.count == 0 => "対象の記録はありませんでした。".to_owned(),
            Outcome::Loaded if held + outside > 0 => format!("{taken}を反映しました。"),
            Outcome::Loaded if self.direction == Direction::Derive => {
                format!("{taken}すべてを計算して反映しました。")
            }
            Outcome::Loaded => format!("{taken}すべてを取り込みました。"),
            Outcome::PartlyHeld => format!("{taken}を取り込みました。"),
            Outcome::AllHeld => {
                format!("取り込んだ記録はありません。{}すべてを保留しました。前の状態のままです。", count(held))
            }
            Outcome::Rejected => "ファイル全体を却下しました。取り込んだ記録はありません。".to_owned(),
            Outcome::Duplicate => "取込済みのファイルと内容がまったく同じため、取り込みませんでした。".to_owned(),
            Outcome::Drafted => {
                format!("{written}の送付ファイルを作成しました。確認されるまで送付しません。")
            }
            Outcome::Confirmed => {
                format!("{written}の送付ファイルが確認されました。送付を待っています。")
            }
            Outcome::Delivered => format!("{written}を送付しました。"),
            Outcome::Returned => "差し戻されました。このファイルは送付しません。".to_owned(),
            Outcome::NotMade => "送れる記録がないため、ファイルを作成しませんでした。".to_owned(),
            Outcome::Nothing => "送付する対象がないため、ファイルを作成しませんでした。".to_owned(),
            Outcome::Failed => {
                "処理の途中で止まりました。データは処理の前のままです。何も失われていません。".to_owned()
            }
        };
        if matches!(self.outcome, Outcome::Rejected | Outcome::Duplicate | Outcome::Failed) {
            return text + self.whole_sentence();
        }
        if outside > 0 && self.outcome != Outcome::AllHeld {
            text += &format!("{}は条件に当たらないため対象外です。", count(outside));
        }
        if held > 0 && self.outcome != Outcome::AllHeld {
            let left = if self.direction == Direction::Out {
                "ファイルに含まれていません"
            } else {
                "反映されていません"
            };
            text += &format!("{}を保留しました。保留した記録は{left}。", count(held));
        }
        text + self.whole_sentence()
    }

    /// The advice of what refused the file; `None` when it was not refused or nothing says how.
    fn fatal_with_advice(&self) -> Option<&str> {
        let fatal = self.findings.iter().find(|f| f.severity == Severity::Fatal && !f.action.is_empty());
        fatal.filter(|_| self.outcome == Outcome::Rejected).map(|f| f.action.as_str())
    }

    /// What the findings say of the file as a whole; empty when nothing.
    pub fn whole_sentence(&self) -> &'static str {
        match self.findings.first().map(|f| f.code.as_str()) {
            Some("wrong-charset") => "ファイル全体の文字コードが違うようです。",
            Some("wrong-kind") => "別の種類のファイルのようです。",
            Some("looks-cut") => "ファイルが途中で切れているようです。",
            _ => "",
        }
    }

    /// What does not agree, one sentence each; empty when everything does.
    pub fn alarms(&self) -> Vec<String> {
        let mut alarms: Vec<String> = self
            .balance
            .differences()
            .iter()
            .filter(|d| d.alarms())
            .map(|d| match d.amount.filter(|yen| *yen != 0) {
                Some(yen) => format!(
                    "件数・金額が合いません。{}が {}、{}です。",
                    d.label,
                    count(d.count),
                    super::words::yen(Some(yen))
                ),
                None => format!("件数が合いません。{}が {} です。", d.label, count(d.count)),
            })
            .collect();
        let unlike = self.seen_totals.iter().filter(|t| !t.agrees).count();
        if unlike > 0 {
            alarms.push(format!("ファイル内の合計が、数えた結果と {unlike} 項目で合いません。"));
        }
        alarms
    }

    /// The verdict in one word.
    pub fn verdict(&self) -> &'static str {
        self.outcome.japanese(self.direction)
    }

    /// What the operator does next: the run's own steps, else the outcome's usual ones.
    pub fn steps(&self) -> Vec<&str> {
        let usual = self.outcome.usual_steps();
        if !self.next_steps.is_empty() {
            self.next_steps.iter().map(String::as_str).collect()
        } else if let Some(fatal) = self.fatal_with_advice() {
            vec![fatal, usual.last().copied().unwrap_or_default()]
        } else if usual.is_empty() && self.balance.held.count > 0 {
            vec!["「指摘」で保留の理由を確かめ、元のデータを直すか、対処にある命令で解除してください。"]
        } else if usual.is_empty() && self.finding_count() > 0 {
            vec!["「指摘」の内容を確かめてください。"]
        } else {
            usual.to_vec()
        }
    }
}
