//! Typing of function calls and casts, and the words for what is refused.
//!
//! Owns: which arguments a call takes. Never: says what a function computes ([`super::functions`] does).

use super::ast::{Func, Node};
use super::functions::{self, MAX_PAD, Named};
use super::types::{Builder, Typed, start};
use crate::value::Type;
use sqlparser::ast::{
    CastKind, DataType, Expr as Sql, Function, FunctionArg, FunctionArgExpr, FunctionArguments, ObjectNamePart,
};
use sqlparser::tokenizer::Location;

type Built = Option<(Node, Option<Type>)>;

impl Builder<'_> {
    /// Types a function call, a cast, or refuses what is left.
    pub(super) fn call(&mut self, e: &Sql, at: Location, depth: usize) -> Option<Typed> {
        let (node, ty) = match e {
            Sql::Function(function) => match plain_call(function) {
                Some((name, arguments)) => self.function(name, &arguments, at, depth)?,
                None => return self.refuse(e, at),
            },
            // `sqlparser` has trees of their own for these two.
            Sql::Substring { expr, substring_from, substring_for, special, shorthand: true }
                if *special || (substring_from.is_none() && substring_for.is_none()) =>
            {
                let further = substring_from.iter().chain(substring_for).map(|e| &**e);
                let arguments: Vec<&Sql> = std::iter::once(&**expr).chain(further).collect();
                self.function("substr", &arguments, at, depth)?
            }
            Sql::Trim { expr, trim_where: None, trim_what: None, trim_characters: None } => {
                self.function("trim", &[expr], at, depth)?
            }
            Sql::Cast { kind: CastKind::Cast, expr, data_type, format: None } => {
                self.cast(expr, data_type, at, depth)?
            }
            _ => return self.refuse(e, at),
        };
        Some(Typed { node, ty, at })
    }

    fn function(&mut self, name: &str, arguments: &[&Sql], at: Location, depth: usize) -> Built {
        let Some((named, usage)) = functions::named(name) else {
            return self.wrong(at, format!("関数「{name}」はありません。"), functions::suggestion(name));
        };
        let (least, most) = match named {
            Named::Plain { arguments, optional, .. } => (arguments.len() - optional, arguments.len()),
            Named::Numbers(_) => (2, usize::MAX),
            Named::Coalesce => (1, usize::MAX),
            Named::Nullif => (2, 2),
            Named::Pad { .. } | Named::Replace | Named::Code => (3, 3),
        };
        if arguments.len() < least || arguments.len() > most {
            return self.wrong(
                at,
                format!("関数「{name}」の引数の数が違います（{}個）。", arguments.len()),
                format!("{usage} の形で書いてください。"),
            );
        }
        match named {
            Named::Plain { func, arguments: types, result, .. } => {
                let nodes: Vec<Option<Node>> =
                    arguments.iter().zip(types).map(|(e, ty)| self.build_as(e, depth, *ty)).collect();
                let nodes: Option<Box<[Node]>> = nodes.into_iter().collect();
                Some((Node::Call(func, nodes?), Some(result)))
            }
            Named::Numbers(func) => {
                let nodes: Vec<Option<Node>> = arguments.iter().map(|e| self.build_as(e, depth, Type::Int)).collect();
                let nodes: Option<Box<[Node]>> = nodes.into_iter().collect();
                Some((Node::Call(func, nodes?), Some(Type::Int)))
            }
            Named::Coalesce | Named::Nullif => {
                let items = self.build_all(arguments.iter().copied(), depth)?;
                self.refuse_all_null(&items, at)?;
                let (nodes, ty) = self.unified(items, named == Named::Coalesce)?;
                let func = if named == Named::Coalesce { Func::Coalesce } else { Func::Nullif };
                Some((Node::Call(func, nodes.into()), Some(ty)))
            }
            Named::Pad { left } => self.pad(arguments, left, depth),
            Named::Replace => self.replace(arguments, depth),
            Named::Code => self.code(arguments, depth),
        }
    }

    fn pad(&mut self, arguments: &[&Sql], left: bool, depth: usize) -> Built {
        let value = self.build_as(arguments[0], depth, Type::Text);
        let width = match self.build(arguments[1], depth + 1)?.node {
            Node::Int(n) if (0..=MAX_PAD).contains(&n) => Some(n as usize),
            _ => {
                let message = format!("そろえる文字数は 0〜{MAX_PAD} の定数に限ります。");
                self.wrong(start(arguments[1]), message, "例: lpad(番号, 10, '0')")
            }
        };
        let fill = self.literal_text(arguments[2], "埋める文字")?;
        let mut chars = fill.chars();
        let (Some(fill), None) = (chars.next(), chars.next()) else {
            return self.wrong(start(arguments[2]), "埋める文字は1文字です。", "例: lpad(番号, 10, '0')");
        };
        Some((Node::Pad { value: Box::new(value?), left, width: width?, fill }, Some(Type::Text)))
    }

    fn replace(&mut self, arguments: &[&Sql], depth: usize) -> Built {
        let value = self.build_as(arguments[0], depth, Type::Text);
        let from = self.literal_text(arguments[1], "置き換える文字列");
        let to = self.literal_text(arguments[2], "置き換えた後の文字列");
        let from = from?;
        if from.is_empty() {
            return self.wrong(start(arguments[1]), "置き換える文字列が空です。", "1文字以上にしてください。");
        }
        Some((Node::Replace { value: Box::new(value?), from: from.into(), to: to?.into() }, Some(Type::Text)))
    }

    fn code(&mut self, arguments: &[&Sql], depth: usize) -> Built {
        let key = self.build_as(arguments[1], depth, Type::Text);
        let name = self.literal_text(arguments[0], "コード表の名前");
        let wanted = self.literal_text(arguments[2], "コード表の列");
        let (name, wanted) = (name?, wanted?);
        let Some(table) = self.scope.code_table(&name) else {
            let hint = "コード表の名前を確かめてください。";
            return self.wrong(start(arguments[0]), format!("コード表「{name}」はありません。"), hint);
        };
        let Some(column) = table.columns.iter().position(|c| *c == wanted) else {
            let hint = format!("ある列: {}", table.columns.join(", "));
            return self.wrong(start(arguments[2]), format!("コード表「{name}」に列「{wanted}」はありません。"), hint);
        };
        Some((Node::Code { table, key: Box::new(key?), column }, Some(Type::Text)))
    }

    fn cast(&mut self, e: &Sql, to: &DataType, at: Location, depth: usize) -> Built {
        let want = match to {
            DataType::Text => Type::Text,
            DataType::Integer(None) | DataType::Int(None) => Type::Int,
            DataType::Date => Type::Date,
            _ => {
                let hint = "TEXT、INTEGER、DATE のどれかにしてください。";
                return self.wrong(at, format!("CAST で「{to}」にはできません。"), hint);
            }
        };
        let typed = self.build(e, depth + 1)?;
        let func = match (typed.ty, want) {
            (None, _) => return Some((Node::Null(want), Some(want))),
            (Some(have), _) if have == want => return Some((typed.node, Some(want))),
            (Some(Type::Date), Type::Text) => return Some((typed.node, Some(want))),
            (Some(Type::Int), Type::Text) => Func::IntToText,
            (Some(Type::Text), Type::Int) => Func::TextToInt,
            (Some(Type::Text), Type::Date) => Func::TextToDate,
            _ => return self.coerce(typed, want).map(|node| (node, Some(want))),
        };
        Some((Node::Call(func, Box::new([typed.node])), Some(want)))
    }

    /// Says what was written and what to write instead.
    pub(super) fn refuse<T>(&mut self, e: &Sql, at: Location) -> Option<T> {
        let (message, hint) = match e {
            Sql::Subquery(_) | Sql::InSubquery { .. } | Sql::Exists { .. } | Sql::AnyOp { .. } | Sql::AllOp { .. } => {
                ("副問い合わせは使えません。", "問い合わせはビューに書いてください。")
            }
            Sql::Function(f) if f.over.is_some() || f.filter.is_some() || !f.within_group.is_empty() => {
                ("ウィンドウ関数と集計は使えません。", "問い合わせはビューに書いてください。")
            }
            Sql::Function(f) if f.args == FunctionArguments::None => {
                ("時刻や利用者を表す語は使えません。", "日付は項目か定数で与えてください。")
            }
            Sql::Function(_) => ("この形の関数呼び出しは使えません。", "関数名(引数, …) の形で書いてください。"),
            Sql::Substring { .. } => {
                ("この形の substring は使えません。", "substr(文字列, 開始, 文字数) と書いてください。")
            }
            Sql::Trim { .. } => ("この形の trim は使えません。", "trim、ltrim、rtrim(文字列) と書いてください。"),
            Sql::Cast { .. } | Sql::Convert { .. } | Sql::TypedString(_) => (
                "この形の型変換は使えません。",
                "CAST(… AS TEXT)、CAST(… AS INTEGER)、CAST(… AS DATE) と書いてください。",
            ),
            Sql::Like { .. } | Sql::ILike { .. } | Sql::SimilarTo { .. } | Sql::RLike { .. } => {
                ("この形の文字列照合は使えません。", "LIKE '…' と書いてください（% は任意の文字列、_ は1文字）。")
            }
            Sql::IsTrue(_)
            | Sql::IsNotTrue(_)
            | Sql::IsFalse(_)
            | Sql::IsNotFalse(_)
            | Sql::IsUnknown(_)
            | Sql::IsNotUnknown(_)
            | Sql::IsDistinctFrom(..)
            | Sql::IsNotDistinctFrom(..) => {
                ("IS の後は NULL か NOT NULL に限ります。", "IS NULL、IS NOT NULL と書いてください。")
            }
            Sql::Extract { .. } => ("EXTRACT は使えません。", "year()、month()、day() を使ってください。"),
            Sql::Interval(_) => ("INTERVAL は使えません。", "add_days()、add_years() を使ってください。"),
            Sql::Position { .. } | Sql::Ceil { .. } | Sql::Floor { .. } | Sql::Overlay { .. } => {
                ("この関数はありません。", "使える関数は説明書の一覧にあります。")
            }
            Sql::Tuple(_) => ("値の組は使えません。", "値を一つだけ書いてください。"),
            _ => ("この書き方は式の中で使えません。", "使える書き方は説明書の一覧にあります。"),
        };
        self.wrong(at, message, hint)
    }
}

/// Name and arguments of `f(a, b)`; None for anything richer.
fn plain_call(function: &Function) -> Option<(&str, Vec<&Sql>)> {
    let [ObjectNamePart::Identifier(name)] = function.name.0.as_slice() else {
        return None;
    };
    let FunctionArguments::List(list) = &function.args else {
        return None;
    };
    let plain = name.quote_style.is_none()
        && !function.uses_odbc_syntax
        && function.parameters == FunctionArguments::None
        && function.within_group.is_empty()
        && function.filter.is_none()
        && function.null_treatment.is_none()
        && function.over.is_none()
        && list.duplicate_treatment.is_none()
        && list.clauses.is_empty();
    if !plain {
        return None;
    }
    let arguments = list.args.iter().map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => Some(e),
        _ => None,
    });
    Some((name.value.as_str(), arguments.collect::<Option<_>>()?))
}
