//! Sentences of declarative rules with the values of a row put into their `{名前}` places.
//!
//! Owns: where a value goes, and that what a value says is never taken for a place. Never: decides what may be shown.

use crate::report::words::thousands;

/// `template` with every `{名前}` for which `value` has a text; others stay as they are. A whole number before 円 is written
/// as an amount, `12,345円`.
pub(super) fn filled(template: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, tail)) = after.split_once('}') else {
            out.push('{');
            rest = after;
            continue;
        };
        match value(name) {
            Some(text) if tail.starts_with('円') => out.push_str(&amount(text)),
            Some(text) => out.push_str(&text),
            None => out.push_str(&format!("{{{name}}}")),
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

/// Only what writes back the same is a number: `007` is a text.
fn amount(text: String) -> String {
    match text.parse::<i64>() {
        Ok(n) if n.to_string() == text => thousands(n),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::filled;

    fn row(name: &str) -> Option<String> {
        let values = [("氏名", "{住所}"), ("住所", "本町"), ("金額", "-1234567"), ("番号", "0012345")];
        values.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn a_value_that_looks_like_a_place_stays_a_value() {
        assert_eq!(filled("{氏名}と{住所}", row), "{住所}と本町");
        assert_eq!(filled("{別}と{氏名", row), "{別}と{氏名");
    }

    #[test]
    fn amounts_have_their_thousands_apart_and_nothing_else_has() {
        assert_eq!(filled("{金額}円（{金額}）、{番号}円", row), "-1,234,567円（-1234567）、0012345円");
    }
}
