//! Typing of the leaves: names and literals.
//!
//! Owns: which literals there are, and the hint for an unknown name. Never: looks inside an operator or a call.

use super::ast::Node;
use super::types::{Builder, start};
use super::{date, nearest};
use crate::value::Type;
use sqlparser::ast::{Expr as Sql, Ident, Value as Literal};
use sqlparser::tokenizer::Location;

impl Builder<'_> {
    pub(super) fn name(&mut self, path: &[Ident], at: Location) -> Option<(Node, Option<Type>)> {
        let names: Vec<&str> = path.iter().map(|ident| ident.value.as_str()).collect();
        let found = if names.len() <= 2 { self.scope.resolve(&names) } else { None };
        if let Some((slot, ty)) = found {
            return Some((Node::Slot(slot), Some(ty)));
        }
        let written = names.join(".");
        let known = self.scope.names();
        let hint = match nearest(&written, known.iter().map(String::as_str)) {
            Some(near) => format!("「{near}」ではありませんか。"),
            None if path.iter().any(|ident| ident.quote_style.is_some()) => {
                "文字列なら「'」で囲んでください（「\"」は名前です）。".to_owned()
            }
            None => "レイアウトの項目名を確かめてください。".to_owned(),
        };
        self.wrong(at, format!("「{written}」という項目はありません。"), hint)
    }

    pub(super) fn literal(&mut self, value: &Literal, at: Location) -> Option<(Node, Option<Type>)> {
        match value {
            Literal::Null => Some((Node::Null(Type::Text), None)),
            Literal::Boolean(b) => Some((Node::Bool(*b), Some(Type::Bool))),
            Literal::SingleQuotedString(text) => Some((Node::Text(text.as_str().into()), Some(Type::Text))),
            Literal::Number(digits, false) => self.integer(digits, at),
            _ => self.wrong(at, "この形の定数は使えません。", "文字列は '…'、数は整数で書いてください。"),
        }
    }

    pub(super) fn integer(&mut self, digits: &str, at: Location) -> Option<(Node, Option<Type>)> {
        if !digits.strip_prefix('-').unwrap_or(digits).bytes().all(|b| b.is_ascii_digit()) {
            return self.wrong(at, "小数は使えません。", "金額は円の整数です。");
        }
        match digits.parse() {
            Ok(n) => Some((Node::Int(n), Some(Type::Int))),
            Err(_) => self.wrong(
                at,
                "数が大きすぎます（64ビットの整数まで）。",
                "番号なら '…' で囲んで文字列にしてください。",
            ),
        }
    }

    pub(super) fn date_literal(&mut self, text: &str, at: Location) -> Option<(Node, Option<Type>)> {
        if date::is_iso(text) {
            return Some((Node::Text(text.into()), Some(Type::Date)));
        }
        self.wrong(at, format!("「{text}」は日付ではありません。"), "'2024-04-01' の形で書いてください。")
    }

    /// The text of a literal that has to be one.
    pub(super) fn literal_text(&mut self, mut e: &Sql, place: &str) -> Option<String> {
        while let Sql::Nested(inner) = e {
            e = inner;
        }
        match e {
            Sql::Value(value) => match &value.value {
                Literal::SingleQuotedString(text) => Some(text.clone()),
                _ => self.wrong(start(e), format!("{place}は文字列の定数に限ります。"), "'…' で書いてください。"),
            },
            _ => self.wrong(start(e), format!("{place}は文字列の定数に限ります。"), "'…' で書いてください。"),
        }
    }
}
