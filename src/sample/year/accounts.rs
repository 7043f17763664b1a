//! The accounts of the year as the senders know them.
//!
//! Owns: the sums, and the question by which a store can be asked for the same. Never: asks it.

use chrono::NaiveDate;

use super::{Paid, World, part_of};

/// One figure the store must agree with.
#[derive(Debug, Clone)]
pub struct Claim {
    /// What it is, Japanese.
    pub title: &'static str,
    /// The figure by the municipality's own account.
    pub expected: i64,
    /// One row, one whole number.
    pub sql: &'static str,
}

impl World<'_> {
    /// Paid by person and term, whatever was assessed.
    pub(super) fn paid(&self) -> Paid {
        let mut paid = Paid::new();
        for r in &self.receipts {
            if let Some(insured) = &r.insured {
                *paid.entry((insured.clone(), r.term)).or_default() += r.amount;
            }
        }
        paid
    }

    /// The figures on a day. What is not paid is compared with the list of those in arrears once every due day has passed,
    /// before that with what was levied and came in.
    pub fn claims(&self, today: NaiveDate) -> Vec<Claim> {
        let paid = self.paid();
        let (mut periods, mut assessed, mut unpaid, mut over, mut matched) = (0, 0, 0, 0, 0);
        let mut all_due = true;
        // A list may be as old as the last open day.
        let listed =
            self.site.calendars.values().filter_map(|calendar| calendar.preceding(today)).min().unwrap_or(today);
        let levies: std::collections::HashMap<_, _> =
            self.people.iter().filter_map(|c| c.levy.as_ref()).map(|l| (l.insured.as_str(), l)).collect();
        for levy in levies.values() {
            for part in &levy.parts {
                let had = paid.get(&(levy.insured.clone(), part.term)).copied().unwrap_or(0);
                periods += 1;
                all_due &= part.due < listed;
                assessed += part.amount;
                unpaid += (part.amount - had).max(0);
                over += (had - part.amount).max(0);
            }
        }
        let all: i64 = self.receipts.iter().map(|r| r.amount).sum();
        for ((insured, term), yen) in &paid {
            let known = part_of(levies.get(insured.as_str()).copied(), *term).is_some();
            matched += if known { *yen } else { 0 };
        }
        debug_assert_eq!(assessed, matched + unpaid - over);
        let insured = self.told.keys().filter(|k| k.0 == "hihokensha").count() as i64;
        let residents = self.told.keys().filter(|k| k.0 == "juki-ido").count() as i64;
        let claim = |title, expected, sql| Claim { title, expected, sql };
        vec![
            claim("住民", residents, "SELECT count(*) FROM c_jumin"),
            claim("被保険者", insured, "SELECT count(*) FROM c_hihokensha"),
            claim("期割の件数", periods, "SELECT count(*) FROM c_kiwari"),
            claim("調定額", assessed, ASSESSED),
            claim("収納額", all, "SELECT coalesce(sum(v.収納額), 0) FROM v_shuno v JOIN c_shuno c ON c._vid = v._vid"),
            claim("収納額のうち期割のないもの", all - matched, UNMATCHED),
            claim("未納額", unpaid, if all_due { IN_ARREARS } else { UNPAID }),
            claim("過誤納額", over, OVERPAID),
            claim("還付済額", self.refunded, REFUNDED),
            claim("過誤納額のうち行き先のないもの", 0, ASTRAY),
        ]
    }
}

const ASSESSED: &str = "SELECT coalesce(sum(v.期別保険料額), 0) FROM v_kiwari v JOIN c_kiwari c ON c._vid = v._vid";
const UNMATCHED: &str = "SELECT coalesce(sum(v.収納額), 0) FROM v_shuno v JOIN c_shuno c ON c._vid = v._vid \
    WHERE v.消込区分 = 'unmatched'";
const UNPAID: &str = "SELECT CAST(coalesce(sum(CASE WHEN k.額 > k.納 THEN k.額 - k.納 ELSE 0 END), 0) AS BIGINT) FROM \
    (SELECT v.期別保険料額 AS 額, (SELECT coalesce(sum(w.収納額), 0) FROM c_shuno d JOIN v_shuno w ON w._vid = d._vid \
       WHERE w.被保険者番号 = c.被保険者番号 AND w.相当年度 = c.相当年度 AND w.期別 = c.期別 AND w.消込区分 <> 'unmatched') AS 納 \
     FROM c_kiwari c JOIN v_kiwari v ON v._vid = c._vid) k";
const IN_ARREARS: &str = "SELECT coalesce(sum(v.未納額), 0) FROM v_tainosha v JOIN c_tainosha c ON c._vid = v._vid";
const OVERPAID: &str = "SELECT coalesce(sum(v.過誤納額), 0) FROM v_kanpu_juto v JOIN c_kanpu_juto c ON c._vid = v._vid";
const REFUNDED: &str = "SELECT coalesce(sum(v.還付済額), 0) FROM v_kanpu_juto v JOIN c_kanpu_juto c ON c._vid = v._vid";
const ASTRAY: &str = "SELECT coalesce(sum(abs(v.過誤納額 - v.年金返納額 - v.還付済額 - v.充当額 - v.時効額 - v.還付未済額)), 0) \
    FROM v_kanpu_juto v JOIN c_kanpu_juto c ON c._vid = v._vid";
