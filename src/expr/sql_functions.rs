//! The SQL of the functions, one template per function and dialect.
//!
//! Owns: the templates. Never: decides what a function means ([`super::functions`] and [`super::date`] do).

use super::Dialect::{self, Postgres, Sqlite};
use super::ast::{Func, Node};
use super::date::{MAX_DAYS, MAX_YEARS};
use super::sql::Renderer;

/// PostgreSQL: a whole real date of the years 0001–9999, leap years included, as one regular expression.
const WHOLE_DATE: &str = "'^(?!0000)[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])\
    |(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))$\
    |^(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)-02-29$'";

/// SQLite: the shape of a date.
const SHAPE: &str = "'[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]'";

/// Is `v` a whole real date? SQLite's `date` moves impossible days on, so the text must come back unchanged.
fn whole(dialect: Dialect, v: &str) -> String {
    match dialect {
        Sqlite => format!("{v} GLOB {SHAPE} AND {v} >= '0001' AND date({v}) = {v}"),
        Postgres => format!("{v} ~ {WHOLE_DATE}"),
    }
}

/// Is the part at `at` (1-based, two digits) of a date-shaped `v` between 01 and `most`?
fn part_known(dialect: Dialect, v: &str, at: u32, most: &str) -> String {
    match dialect {
        Sqlite => format!("{v} GLOB {SHAPE} AND substr({v}, {at}, 2) BETWEEN '01' AND '{most}'"),
        Postgres => {
            format!(
                "{v} ~ '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}$' AND substr({v}, {at}, 2) COLLATE \"C\" BETWEEN '01' AND '{most}'"
            )
        }
    }
}

fn integer(dialect: Dialect, text: &str) -> String {
    match dialect {
        Sqlite => format!("CAST({text} AS INTEGER)"),
        Postgres => format!("({text})::int8"),
    }
}

/// A function call; operands that a template needs more than once are bound first.
pub(super) fn call(r: &mut Renderer<'_>, func: Func, items: &[Node]) -> String {
    let dialect = r.dialect;
    match func {
        Func::Length => match dialect {
            Sqlite => format!("length({})", r.node(&items[0])),
            Postgres => format!("length({})::int8", r.node(&items[0])),
        },
        Func::Trim => format!("trim({})", r.node(&items[0])),
        Func::Ltrim => format!("ltrim({})", r.node(&items[0])),
        Func::Rtrim => format!("rtrim({})", r.node(&items[0])),
        Func::Abs => format!("abs({})", r.node(&items[0])),
        Func::IntToText => format!("CAST({} AS TEXT)", r.node(&items[0])),
        Func::Nullif => {
            let left = r.node(&items[0]);
            format!("nullif({left}, {})", r.node(&items[1]))
        }
        Func::Coalesce => match items {
            // SQLite wants two arguments.
            [only] => r.node(only),
            _ => format!("coalesce({})", list(r, items)),
        },
        Func::Least | Func::Greatest => extreme(r, func == Func::Least, items),
        Func::Substr => substr(r, items),
        Func::TextToInt => r.with_bound(&[&items[0]], |_, v| text_to_int(dialect, &v[0])),
        Func::TextToDate => r.with_bound(&[&items[0]], |_, v| text_to_date(dialect, &v[0])),
        Func::Year | Func::Month | Func::Day | Func::FiscalYear => {
            r.with_bound(&[&items[0]], |_, v| date_part(dialect, func, &v[0]))
        }
        Func::AddYears => r.with_bound(&[&items[0], &items[1]], |_, v| add_years(dialect, &v[0], &v[1])),
        Func::AddDays => r.with_bound(&[&items[0], &items[1]], |_, v| add_days(dialect, &v[0], &v[1])),
        Func::DaysBetween => r.with_bound(&[&items[0], &items[1]], |_, v| days_between(dialect, &v[0], &v[1])),
    }
}

fn list(r: &mut Renderer<'_>, items: &[Node]) -> String {
    items.iter().map(|item| r.node(item)).collect::<Vec<_>>().join(", ")
}

/// SQLite's `min(a, b)` is NULL if one is; PostgreSQL's `least` passes NULLs over, so they are asked for first.
fn extreme(r: &mut Renderer<'_>, least: bool, items: &[Node]) -> String {
    if r.dialect == Sqlite {
        let name = if least { "min" } else { "max" };
        return format!("{name}({})", list(r, items));
    }
    let operands: Vec<&Node> = items.iter().collect();
    r.with_bound(&operands, |_, v| {
        let unknown = v.iter().map(|v| format!("{v} IS NULL")).collect::<Vec<_>>().join(" OR ");
        let name = if least { "least" } else { "greatest" };
        format!("(CASE WHEN {unknown} THEN NULL ELSE {name}({}) END)", v.join(", "))
    })
}

/// Positions beyond any text are cut to what PostgreSQL's `int4` holds.
fn substr(r: &mut Renderer<'_>, items: &[Node]) -> String {
    const FAR: i64 = 1_000_000_000;
    let dialect = r.dialect;
    // The usual form, with literals: nothing to guard against.
    if let [text, Node::Int(from @ 1..=FAR), Node::Int(len @ 0..=FAR)] = items {
        return format!("substr({}, {from}, {len})", r.node(text));
    }
    let operands: Vec<&Node> = items.iter().collect();
    r.with_bound(&operands, |_, v| {
        let clamp = |n: &String| match dialect {
            Sqlite => format!("min({n}, {FAR})"),
            Postgres => format!("least({n}, {FAR})::int4"),
        };
        match v {
            [text, from] => format!("(CASE WHEN {from} >= 1 THEN substr({text}, {}) END)", clamp(from)),
            [text, from, len] => format!(
                "(CASE WHEN {from} >= 1 AND {len} >= 0 THEN substr({text}, {}, {}) END)",
                clamp(from),
                clamp(len)
            ),
            _ => String::from("NULL"),
        }
    })
}

pub(super) fn pad(r: &mut Renderer<'_>, value: &Node, left: bool, width: usize, fill: char) -> String {
    let dialect = r.dialect;
    r.with_bound(&[value], |r, v| {
        let v = &v[0];
        let longer = format!("length({v}) >= {width}");
        match dialect {
            // SQLite has no lpad: the missing characters are cut from enough of them.
            Sqlite => {
                let fill = r.text(&fill.to_string().repeat(width));
                let missing = format!("substr({fill}, 1, {width} - length({v}))");
                let padded = if left { format!("{missing} || {v}") } else { format!("{v} || {missing}") };
                format!("(CASE WHEN {longer} THEN {v} ELSE {padded} END)")
            }
            Postgres => {
                let name = if left { "lpad" } else { "rpad" };
                let fill = r.text(&fill.to_string());
                format!("(CASE WHEN {longer} THEN {v} ELSE {name}({v}, {width}, {fill}) END)")
            }
        }
    })
}

/// The shape is looked at first, then the size: 19 significant digits are compared as text.
fn text_to_int(dialect: Dialect, v: &str) -> String {
    let (shape, digits) = match dialect {
        Sqlite => (
            format!("({v} GLOB '[0-9]*' OR {v} GLOB '-[0-9]*') AND substr({v}, 2) NOT GLOB '*[^0-9]*'"),
            format!("ltrim({v}, '-0')"),
        ),
        Postgres => (format!("{v} ~ '^-?[0-9]+$'"), format!("(ltrim({v}, '-0') COLLATE \"C\")")),
    };
    let most = format!("CASE substr({v}, 1, 1) WHEN '-' THEN '9223372036854775808' ELSE '9223372036854775807' END");
    let fits = format!("length({digits}) < 19 OR length({digits}) = 19 AND {digits} <= {most}");
    format!("(CASE WHEN {shape} THEN CASE WHEN {fits} THEN {} END END)", integer(dialect, v))
}

fn text_to_date(dialect: Dialect, v: &str) -> String {
    let unknown = match dialect {
        Sqlite => {
            format!("{v} GLOB {SHAPE} AND substr({v}, 9) = '00' AND substr({v}, 6, 2) <= '12'")
        }
        Postgres => format!("{v} ~ '^[0-9]{{4}}-(?:0[0-9]|1[0-2])-00$'"),
    };
    format!("(CASE WHEN ({}) OR ({unknown}) THEN {v} END)", whole(dialect, v))
}

fn date_part(dialect: Dialect, func: Func, v: &str) -> String {
    let year = integer(dialect, &format!("substr({v}, 1, 4)"));
    let month = part_known(dialect, v, 6, "12");
    match func {
        Func::Month => format!("(CASE WHEN {month} THEN {} END)", integer(dialect, &format!("substr({v}, 6, 2)"))),
        Func::Day => {
            let known = part_known(dialect, v, 9, "31");
            format!("(CASE WHEN {known} THEN {} END)", integer(dialect, &format!("substr({v}, 9, 2)")))
        }
        Func::FiscalYear => {
            let spring = "IN ('01', '02', '03') THEN 1 ELSE 0 END";
            format!(
                "(CASE WHEN {month} AND substr({v}, 1, 4) <> '0000' \
                 THEN {year} - CASE WHEN substr({v}, 6, 2) {spring} END)"
            )
        }
        _ => {
            let shape = match dialect {
                Sqlite => format!("{v} GLOB {SHAPE}"),
                Postgres => format!("{v} ~ '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}$'"),
            };
            format!("(CASE WHEN {shape} AND substr({v}, 1, 4) <> '0000' THEN {year} END)")
        }
    }
}

/// The year is moved as a number; 29 February falls back to the 28th where the new year has none.
fn add_years(dialect: Dialect, v: &str, n: &str) -> String {
    let year = format!("({} + {n})", integer(dialect, &format!("substr({v}, 1, 4)")));
    let four = match dialect {
        Sqlite => format!("printf('%04d', {year})"),
        Postgres => format!("lpad({year}::text, 4, '0')"),
    };
    let leap = format!("({year} % 4 = 0 AND ({year} % 100 <> 0 OR {year} % 400 = 0))");
    let rest = format!("CASE WHEN substr({v}, 5) = '-02-29' AND NOT {leap} THEN '-02-28' ELSE substr({v}, 5) END");
    format!(
        "(CASE WHEN {} AND {n} BETWEEN -{MAX_YEARS} AND {MAX_YEARS} \
         THEN CASE WHEN {year} BETWEEN 1 AND 9999 THEN {four} || {rest} END END)",
        whole(dialect, v)
    )
}

/// Whether the years 0001–9999 are left is asked before the date is made: PostgreSQL's dates begin in 4713 BC.
fn add_days(dialect: Dialect, v: &str, n: &str) -> String {
    let whole = whole(dialect, v);
    let (within, text) = match dialect {
        // Julian days of 0001-01-01 and 9999-12-31.
        Sqlite => {
            (format!("julianday({v}) + {n} BETWEEN 1721425.5 AND 5373483.5"), format!("date(julianday({v}) + {n})"))
        }
        Postgres => (
            format!("({v}::date - DATE '0001-01-01') + {n} BETWEEN 0 AND 3652058"),
            format!("to_char({v}::date + {n}::int4, 'YYYY-MM-DD')"),
        ),
    };
    format!(
        "(CASE WHEN {whole} AND {n} BETWEEN -{MAX_DAYS} AND {MAX_DAYS} \
         THEN CASE WHEN {within} THEN {text} END END)"
    )
}

fn days_between(dialect: Dialect, from: &str, to: &str) -> String {
    let days = match dialect {
        Sqlite => format!("CAST(julianday({to}) - julianday({from}) AS INTEGER)"),
        Postgres => format!("({to}::date - {from}::date)::int8"),
    };
    format!("(CASE WHEN {} AND {} THEN {days} END)", whole(dialect, from), whole(dialect, to))
}
