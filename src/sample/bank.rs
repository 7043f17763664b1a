//! koza-furikae-kekka: what the banks collected, 全銀 91 with two headers, and the form of the post bank.
//!
//! Owns: their records. Never: knows the bytes (the layout does).

use super::SampleError;
use super::money::{Method, Outcome, fiscal_year, slip_due};
use super::output::{Open, Output, site_value};
use super::pension::{ODD_EVERY, odd};
use super::people::{Person, Town, with_check_digit};
use super::{names, sheet::text};
use crate::value::Value;

/// The post bank's number.
const POST: &str = "9900";
/// Name of the collecting municipality in bank files; made up as the banks' numbers are.
const CLIENT: &str = "ﾚﾝｹｲｼ ｺｳｷｺｳﾚｲｼﾔｲﾘﾖｳ";

/// The results of every term of the year that has arrived: one file for two banks and one for the post bank each.
pub(crate) fn write(town: &Town, out: &mut Output<'_>) -> Result<(), SampleError> {
    let client = site_value(out.site, "委託者コード")?;
    for term in town.terms_with_results(false) {
        let due = slip_due(fiscal_year(town.base), term).format("%Y%m%d").to_string();
        let job = Job { town, client: &client, term, due: &due };
        job.file(out, &format!("FURIKAE_{due}.txt"), &["9998", "9999"])?;
        job.file(out, &format!("YUCHO_{due}.txt"), &[POST])?;
    }
    Ok(())
}

/// One day's collection.
pub(crate) struct Job<'a> {
    pub(crate) town: &'a Town,
    pub(crate) client: &'a str,
    pub(crate) term: u32,
    pub(crate) due: &'a str,
}

/// One line of a bank's file.
pub(crate) struct Line<'a> {
    pub(crate) branch: &'a str,
    pub(crate) account: &'a str,
    pub(crate) holder: &'a str,
    pub(crate) amount: i64,
    pub(crate) customer: &'a str,
    pub(crate) result: &'a str,
}

impl Job<'_> {
    fn file(&self, out: &mut Output<'_>, name: &str, banks: &[&str]) -> Result<(), SampleError> {
        let mut file = out.open("koza-furikae-kekka", name)?;
        for bank in banks {
            self.head(bank, &mut file)?;
            let mut row = 0;
            for p in self.town.people() {
                out.step(name, p.no, self.town.residents);
                row += u64::from(self.person(&p, bank, row, &mut file, out)?);
            }
            self.stranger(bank, &mut file, out)?;
            file.sheet.write("トレーラ", &[])?;
        }
        file.sheet.write("エンド", &[])?;
        out.expected.transfers += file.records();
        out.close(file)
    }

    /// The header of one bank.
    pub(crate) fn head(&self, bank: &str, file: &mut Open) -> Result<(), SampleError> {
        let post = bank == POST;
        file.sheet.write(
            "ヘッダ",
            &[
                ("コード区分", text(if post { "" } else { "0" })),
                ("委託者コード", Value::Text(self.client)),
                ("委託者名", Value::Text(CLIENT)),
                ("引落日", Value::Text(&self.due[4..])),
                ("取引銀行番号", text(if post { "" } else { bank })),
                ("取引銀行名", text(if post { "" } else { bank_name(bank) })),
                ("取引支店番号", Value::Text(if post { "018" } else { "001" })),
                ("取引支店名", text(if post { "" } else { "ﾎﾝﾃﾝ" })),
                ("委託者預金種目", Value::Text("1")),
                ("委託者口座番号", Value::Text("0000001")),
            ],
        )
    }

    /// Writes the line of a person who pays this term from an account at this bank; false when there is none.
    fn person(
        &self,
        p: &Person,
        bank: &str,
        row: u64,
        file: &mut Open,
        out: &mut Output<'_>,
    ) -> Result<bool, SampleError> {
        let Some(levy) = self.town.levy(p) else { return Ok(false) };
        let Some(part) = levy.parts.iter().find(|x| x.term == self.term && x.method == Method::Account) else {
            return Ok(false);
        };
        let account = self.town.account(p);
        if account.bank != bank {
            return Ok(false);
        }
        let result = match self.town.transfer(p, self.term) {
            Outcome::Failed(code) => code,
            Outcome::Paid if row % ODD_EVERY == 6 => "N",
            Outcome::Paid => "0",
        };
        let amount = part.amount + if result == "0" { odd(row, part.amount) } else { 0 };
        let mut holder = String::new();
        names::half_kana(&p.reading(), true, &mut holder);
        let line = Line {
            branch: &account.branch,
            account: &account.number,
            holder: &holder,
            amount,
            customer: &self.customer(&levy.insured),
            result,
        };
        self.line(bank, &line, file)?;
        out.expected.transfer.add(Some(part.amount), amount, result == "0", result == "N");
        if result == "0" {
            out.expected.settle(Some(*part), self.town.base, amount);
        }
        Ok(true)
    }

    /// A collection for which there is no period: a number nobody has.
    fn stranger(&self, bank: &str, file: &mut Open, out: &mut Output<'_>) -> Result<(), SampleError> {
        let insured = with_check_digit(&format!("900{bank}"));
        let line = Line {
            branch: "099",
            account: "9999999",
            holder: "ﾌﾒｲ ｼﾞﾛｳ",
            amount: 2_000,
            customer: &self.customer(&insured),
            result: "0",
        };
        self.line(bank, &line, file)?;
        out.expected.transfer.add(None, line.amount, true, false);
        Ok(())
    }

    /// 顧客番号: 被保険者番号, 相当年度, 期別, zeros.
    pub(crate) fn customer(&self, insured: &str) -> String {
        format!("{insured}{}{:02}000000", fiscal_year(self.town.base), self.term)
    }

    pub(crate) fn line(&self, bank: &str, line: &Line<'_>, file: &mut Open) -> Result<(), SampleError> {
        let post = bank == POST;
        file.sheet.write(
            "データ",
            &[
                ("引落銀行番号", text(if post { "" } else { bank })),
                ("引落銀行名", text(if post { "" } else { bank_name(bank) })),
                ("引落支店番号", Value::Text(line.branch)),
                ("預金種目", Value::Text("1")),
                ("口座番号", Value::Text(line.account)),
                ("預金者名", Value::Text(line.holder)),
                ("引落金額", Value::Int(line.amount)),
                ("新規コード", text(if post { "" } else { "0" })),
                ("顧客番号", Value::Text(line.customer)),
                ("振替結果コード", Value::Text(line.result)),
            ],
        )?;
        file.count(line.amount);
        Ok(())
    }
}

fn bank_name(bank: &str) -> &'static str {
    if bank == "9998" { "ﾚﾝｹｲ" } else { "ﾐﾎﾝ" }
}
