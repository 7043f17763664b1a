//! The partners who read what was delivered to them, and remember what they are asked for.
//!
//! Owns: reading those files by the site's own layouts. Never: answers (`banks`, `pensions`).

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use chrono::NaiveDate;

use super::World;
use super::banks::{Request, near};
use crate::codec::{Findings, ReadLimits, Record, RecordReader};
use crate::sample::SampleError;
use crate::schema::layout::Layout;
use crate::value::Value;

/// One record: its kind, and the values of its items by name.
type Seen<'a> = dyn FnMut(&str, &dyn Fn(&str) -> String) + 'a;

impl World<'_> {
    /// A partner reads a file that was delivered on a day.
    ///
    /// # Errors
    /// The file system's.
    pub fn read_delivered(&mut self, interface: &str, path: &Path, day: NaiveDate) -> Result<(), SampleError> {
        let Some(plan) = self.site.outbound.get(interface) else { return Ok(()) };
        // The post bank has a profile of its own.
        let post = path.file_name().is_some_and(|name| name.to_string_lossy().contains("_9900_"));
        let layout = plan.variants.iter().find(|_| post).map_or(&plan.layout, |v| &v.layout).clone();
        match interface {
            "tokucho-irai" | "tokucho-ido" => self.read_payers(layout, path),
            "koza-furikae-irai" => self.read_requests(layout, path, day, false),
            "koza-saifurikae-irai" => self.read_requests(layout, path, day, true),
            "kanpu-furikomi" => self.read_refunds(layout, path),
            _ => Ok(()),
        }
    }

    fn read_payers(&mut self, layout: Arc<Layout>, path: &Path) -> Result<(), SampleError> {
        let (asked, unanswered) = (&mut self.asked, &mut self.unanswered);
        each(layout, path, &mut |kind, value| {
            if kind != "データ" {
                return;
            }
            let (number, notice) = (value("基礎年金番号"), value("通知内容コード"));
            let amount = value("金額1").parse().unwrap_or(0);
            match notice.as_str() {
                "41" => drop(asked.remove(&number)),
                "01" | "31" => drop(asked.insert(number.clone(), amount)),
                _ => {}
            }
            unanswered.push((notice, number));
        })
    }

    fn read_requests(
        &mut self,
        layout: Arc<Layout>,
        path: &Path,
        day: NaiveDate,
        second: bool,
    ) -> Result<(), SampleError> {
        let mut due = day;
        let requests = &mut self.requests;
        each(layout, path, &mut |kind, value| match kind {
            "ヘッダ" => due = near(Value::Text(&value("引落日")), day).unwrap_or(day),
            "データ" => {
                let customer = value("顧客番号");
                let (insured, term) = (customer.get(..8), customer.get(12..14).and_then(|t| t.parse().ok()));
                let (Some(insured), Some(term)) = (insured, term) else { return };
                let amount = value("引落金額").parse().unwrap_or(0);
                requests.push(Request { due, second, insured: insured.to_owned(), term, amount });
            }
            _ => {}
        })
    }

    fn read_refunds(&mut self, layout: Arc<Layout>, path: &Path) -> Result<(), SampleError> {
        let refunds = &mut self.refunds;
        each(layout, path, &mut |kind, value| {
            if kind == "データ" {
                let number = value("顧客コード1") + &value("顧客コード2");
                refunds.push((number, value("振込金額").parse().unwrap_or(0)));
            }
        })
    }
}

fn each(layout: Arc<Layout>, path: &Path, seen: &mut Seen<'_>) -> Result<(), SampleError> {
    let mut reader = RecordReader::new(layout.clone(), File::open(path)?, ReadLimits::default());
    let (mut record, mut findings) = (Record::new(), Findings::new(1));
    while reader.next(&mut record, &mut findings)? {
        let kind = &layout.records[record.kind];
        let value = |name: &str| {
            let at = kind.fields.iter().position(|f| f.name == name);
            at.map_or_else(String::new, |i| record.value(i).to_string())
        };
        seen(&kind.name, &value);
    }
    Ok(())
}
