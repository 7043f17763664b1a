//! Rendering to SQL with the literals as binds; the databases then answer as [`super::eval`] does.
//!
//! Owns: operators, CASE, chains, binds. Never: quotes names (the caller's `name` does) or runs a statement.
//!
//! A computed operand that a template needs twice is bound once in a one-row sub-select, so that the text grows with
//! the expression and not with its nesting.

use super::ast::{ArithOp, CodeTable, Node};
use super::parse::mistake;
use super::{Dialect, ExprError, MAX_BINDS, sql_functions};
use crate::value::{OwnedValue, Type};
use sqlparser::tokenizer::Location;

/// Renders `root`; on failure `binds` is as it was.
pub(super) fn render(
    root: &Node,
    dialect: Dialect,
    name: &dyn Fn(u32) -> String,
    binds: &mut Vec<OwnedValue>,
) -> Result<String, ExprError> {
    let before = binds.len();
    let mut renderer = Renderer { dialect, name, binds, made: 0, scopes: 0 };
    let text = renderer.node(root);
    if renderer.made > MAX_BINDS {
        binds.truncate(before);
        return Err(mistake(
            Location::new(1, 1),
            format!("データベースに渡す値が多すぎます（上限{MAX_BINDS}個）。"),
            "大きなコード表は、式でなくビューで結合してください。",
        ));
    }
    Ok(text)
}

/// Writes SQL in the order of its text, so that anonymous `?` binds line up.
pub(super) struct Renderer<'r> {
    pub(super) dialect: Dialect,
    name: &'r dyn Fn(u32) -> String,
    binds: &'r mut Vec<OwnedValue>,
    /// Binds asked for so far; those over the limit are counted and not kept.
    made: usize,
    scopes: usize,
}

impl Renderer<'_> {
    pub(super) fn bind(&mut self, value: OwnedValue) -> String {
        let cast = if matches!(value, OwnedValue::Int(_)) { "int8" } else { "text" };
        self.made += 1;
        if self.made <= MAX_BINDS {
            self.binds.push(value);
        }
        match self.dialect {
            Dialect::Sqlite => "?".to_owned(),
            Dialect::Postgres => format!("${}::{cast}", self.binds.len()),
        }
    }

    pub(super) fn text(&mut self, text: &str) -> String {
        self.bind(OwnedValue::Text(text.to_owned()))
    }

    pub(super) fn node(&mut self, node: &Node) -> String {
        match node {
            Node::Slot(slot) => (self.name)(*slot),
            Node::Text(text) => self.text(text),
            Node::Int(n) => self.bind(OwnedValue::Int(*n)),
            Node::Bool(b) => (if *b { "TRUE" } else { "FALSE" }).to_owned(),
            Node::Null(ty) => self.null(*ty),
            Node::Not(value) => format!("(NOT {})", self.node(value)),
            Node::And(items) => self.balanced(items, "AND"),
            Node::Or(items) => self.balanced(items, "OR"),
            Node::Concat(items) => self.balanced(items, "||"),
            Node::Compare { op, text, sides } => {
                let left = self.ordered(&sides.0, *text && op.orders());
                format!("({left} {} {})", op.sql(), self.node(&sides.1))
            }
            Node::IsNull { value, negated } => {
                format!("({} IS {}NULL)", self.node(value), if *negated { "NOT " } else { "" })
            }
            Node::In { value, list, negated } => {
                let value = self.node(value);
                let list: Vec<String> = list.iter().map(|item| self.node(item)).collect();
                format!("({value} {}IN ({}))", not(*negated), list.join(", "))
            }
            Node::Between { text, parts, negated } => {
                let value = self.ordered(&parts.0, *text);
                let low = self.node(&parts.1);
                format!("({value} {}BETWEEN {low} AND {})", not(*negated), self.node(&parts.2))
            }
            Node::Like { value, pattern, negated } => {
                let value = self.node(value);
                match self.dialect {
                    Dialect::Sqlite => format!("({value} {}GLOB {})", not(*negated), self.text(&pattern.glob())),
                    Dialect::Postgres => {
                        format!("({value} {}LIKE {} ESCAPE '')", not(*negated), self.text(pattern.source()))
                    }
                }
            }
            Node::Negative(_) | Node::Arith(..) => self.checked(node),
            Node::Case { operand, branches, otherwise } => {
                self.case(operand.as_deref(), branches, otherwise.as_deref())
            }
            Node::Code { table, key, column } => self.code(table, key, *column),
            Node::Call(func, items) => sql_functions::call(self, *func, items),
            Node::Pad { value, left, width, fill } => sql_functions::pad(self, value, *left, *width, *fill),
            Node::Replace { value, from, to } => {
                let value = self.node(value);
                let from = self.text(from);
                format!("replace({value}, {from}, {})", self.text(to))
            }
        }
    }

    fn null(&self, ty: Type) -> String {
        match (self.dialect, ty) {
            (Dialect::Sqlite, _) => "NULL",
            (Dialect::Postgres, Type::Int) => "NULL::int8",
            (Dialect::Postgres, Type::Bool) => "NULL::bool",
            (Dialect::Postgres, Type::Text | Type::Date) => "NULL::text",
        }
        .to_owned()
    }

    /// An operand whose order matters: PostgreSQL would otherwise use the database's collation.
    fn ordered(&mut self, node: &Node, text: bool) -> String {
        let rendered = self.node(node);
        if text && self.dialect == Dialect::Postgres { format!("({rendered} COLLATE \"C\")") } else { rendered }
    }

    /// A chain as a balanced tree: the databases limit the depth, and a list may be long.
    fn balanced(&mut self, items: &[Node], operator: &str) -> String {
        match items {
            [] => String::new(),
            [only] => self.node(only),
            _ => {
                let (left, right) = items.split_at(items.len() / 2);
                let left = self.balanced(left, operator);
                format!("({left} {operator} {})", self.balanced(right, operator))
            }
        }
    }

    /// Arithmetic. PostgreSQL raises an error on overflow by itself; SQLite goes on with a float, which is turned into
    /// its error here (`abs` of the smallest integer), once for a whole chain because a float stays one.
    fn checked(&mut self, node: &Node) -> String {
        if self.dialect == Dialect::Postgres || !may_overflow(node) {
            return self.arithmetic(node);
        }
        let chain = self.arithmetic(node);
        self.checked_text(&chain)
    }

    fn arithmetic(&mut self, node: &Node) -> String {
        match node {
            Node::Negative(value) => format!("(- {})", self.arithmetic(value)),
            Node::Arith(first, rest) => {
                let mut chain = self.arithmetic(first);
                let mut risky = may_overflow(first);
                for (op, item) in rest {
                    let divides = matches!(op, ArithOp::Div | ArithOp::Rem);
                    // A float must not reach `/` or `%`, which could hide it.
                    if divides && risky && self.dialect == Dialect::Sqlite {
                        chain = self.checked_text(&chain);
                    }
                    risky = step_may_overflow(*op, item);
                    let item = match (divides, self.dialect) {
                        (false, _) => self.arithmetic(item),
                        (true, Dialect::Sqlite) => self.node(item),
                        (true, Dialect::Postgres) => format!("NULLIF({}, 0)", self.node(item)),
                    };
                    chain = format!("({chain} {} {item})", op.sql());
                }
                chain
            }
            other => self.node(other),
        }
    }

    /// As [`Renderer::checked`], for what is already rendered.
    fn checked_text(&mut self, chain: &str) -> String {
        let value = self.scope_name();
        format!(
            "(SELECT CASE typeof({value}) WHEN 'real' THEN abs(-9223372036854775807 - 1) ELSE {value} END \
             FROM (SELECT {chain} AS {value}))"
        )
    }

    fn case(&mut self, operand: Option<&Node>, branches: &[(Node, Node)], otherwise: Option<&Node>) -> String {
        let mut text = String::from("CASE");
        if let Some(operand) = operand {
            text = format!("{text} {}", self.node(operand));
        }
        for (when, then) in branches {
            let when = self.node(when);
            text = format!("{text} WHEN {when} THEN {}", self.node(then));
        }
        if let Some(otherwise) = otherwise {
            text = format!("{text} ELSE {}", self.node(otherwise));
        }
        format!("({text} END)")
    }

    /// A code table as a CASE, in the order of its keys so that the same table gives the same text.
    fn code(&mut self, table: &CodeTable, key: &Node, column: usize) -> String {
        let mut rows: Vec<(&str, &str)> =
            table.rows.iter().filter_map(|(key, texts)| Some((key.as_str(), texts.get(column)?.as_str()))).collect();
        rows.sort_unstable();
        if rows.is_empty() {
            return self.null(Type::Text);
        }
        let mut text = format!("(CASE {}", self.node(key));
        for (key, value) in rows {
            let key = self.text(key);
            let value = self.text(value);
            text.push_str(&format!(" WHEN {key} THEN {value}"));
        }
        text.push_str(" END)");
        text
    }

    fn scope_name(&mut self) -> String {
        self.scopes += 1;
        format!("renkei_v{}", self.scopes)
    }

    /// `body` over a short text for each operand: columns and whole numbers stand for themselves, computed ones get a
    /// name in a sub-select `(SELECT body FROM (SELECT x AS v))`. `body` is written first and its binds come first.
    pub(super) fn with_bound(
        &mut self,
        operands: &[&Node],
        body: impl FnOnce(&mut Self, &[String]) -> String,
    ) -> String {
        let mut computed: Vec<(&Node, String)> = Vec::new();
        let mut texts = Vec::with_capacity(operands.len());
        for node in operands {
            texts.push(match (node, self.dialect) {
                (Node::Slot(slot), _) => (self.name)(*slot),
                (Node::Int(n), Dialect::Sqlite) => format!("({n})"),
                (Node::Int(n), Dialect::Postgres) => format!("'{n}'::int8"),
                _ => {
                    let name = self.scope_name();
                    computed.push((node, name.clone()));
                    name
                }
            });
        }
        let body = body(self, &texts);
        if computed.is_empty() {
            return body;
        }
        let columns: Vec<String> =
            computed.iter().map(|(node, name)| format!("{} AS {name}", self.node(node))).collect();
        // OFFSET 0 keeps PostgreSQL from putting the computation back into every place it is used.
        match self.dialect {
            Dialect::Sqlite => format!("(SELECT {body} FROM (SELECT {}))", columns.join(", ")),
            Dialect::Postgres => format!("(SELECT {body} FROM (SELECT {} OFFSET 0) AS renkei_t)", columns.join(", ")),
        }
    }
}

fn not(negated: bool) -> &'static str {
    if negated { "NOT " } else { "" }
}

/// Can this arithmetic leave 64 bits?
fn may_overflow(node: &Node) -> bool {
    match node {
        Node::Negative(_) => true,
        Node::Arith(first, rest) => may_overflow(first) || rest.iter().any(|(op, item)| step_may_overflow(*op, item)),
        _ => false,
    }
}

/// Only `%`, and `/` by a literal other than -1, never leave 64 bits.
fn step_may_overflow(op: ArithOp, item: &Node) -> bool {
    match op {
        ArithOp::Rem => false,
        ArithOp::Div => !matches!(item, Node::Int(n) if *n != -1),
        _ => true,
    }
}
