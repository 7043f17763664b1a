//! One portable SELECT: what a view may say so that it runs unchanged on SQLite and PostgreSQL.
//!
//! Owns: the subset, the tables a SELECT names, its output columns, and the check of names against a catalogue.
//! Never: runs or rewrites SQL, infers types.
//!
//! # What may be written
//! `WITH` (not recursive), joins, sub-selects, `UNION [ALL]`, `EXCEPT`, `INTERSECT`, `GROUP BY`, `HAVING`, windows,
//! `CASE`, `CAST(… AS TEXT | INTEGER | BIGINT)` and the functions of [`FUNCTIONS`]. No `LIKE` (case differs), no `*`
//! but in `count(*)`, no comments, no binds. A name with an ASCII capital or a sign goes in `"…"`: PostgreSQL folds it.

use sqlparser::ast::Query as Sql;
use sqlparser::dialect::Dialect;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer, Whitespace};

use super::parse::{blamed, deeper_than, mistake};
use super::query_scope::Walk;
use super::{ExprError, nearest};

/// Longest SELECT, in characters.
pub const MAX_SQL: usize = 20_000;
/// Deepest nesting of parentheses and sub-selects.
pub const MAX_SQL_DEPTH: usize = 40;
/// Functions that mean the same on both databases.
pub const FUNCTIONS: [&str; 20] = [
    "abs",
    "coalesce",
    "count",
    "dense_rank",
    "first_value",
    "lag",
    "last_value",
    "lead",
    "length",
    "ltrim",
    "max",
    "min",
    "nullif",
    "rank",
    "replace",
    "row_number",
    "rtrim",
    "substr",
    "sum",
    "trim",
];

/// What to look at where a SELECT cannot be read.
const BROKEN: &str = "その前のカンマの抜け、語のつづり、括弧の数、ON・AND、CASE … END の形を確かめてください";
/// Words of the language that are mistyped easily.
const WORDS: [&str; 29] = [
    "SELECT",
    "DISTINCT",
    "FROM",
    "WHERE",
    "AND",
    "JOIN",
    "LEFT",
    "INNER",
    "CROSS",
    "GROUP",
    "ORDER",
    "HAVING",
    "UNION",
    "EXCEPT",
    "INTERSECT",
    "EXISTS",
    "BETWEEN",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "CAST",
    "OVER",
    "PARTITION",
    "MATERIALIZED",
    "INTEGER",
    "BIGINT",
    "TEXT",
    "NULL",
];

/// Answers for the tables a SELECT may name.
pub trait Catalogue {
    /// Columns of the table; `Some(None)` when the table exists and its columns are not known.
    fn columns(&self, table: &str) -> Option<Option<Vec<String>>>;

    /// Every table, for a did-you-mean hint.
    fn tables(&self) -> Vec<String>;
}

/// What a SELECT was found to say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// Tables it names directly (no names of its own `WITH`), in order of first use.
    pub tables: Vec<String>,
    /// Names of its output columns.
    pub columns: Vec<String>,
}

/// Reads one SELECT and checks every name.
///
/// # Errors
/// Of mistakes of form the first one, else every mistake of names and of the subset.
pub fn read(sql: &str, catalogue: &dyn Catalogue) -> Result<Query, Vec<ExprError>> {
    let parsed = parse(sql).map_err(|e| vec![e])?;
    let mut walk = Walk::new(catalogue);
    let columns = walk.query(&parsed, true);
    let mut names = Vec::new();
    for (name, at) in columns {
        match name {
            Some(name) if names.contains(&name) => {
                walk.mistake(at, format!("列「{name}」が2つあります"), "AS で別の名前を付けてください");
            }
            Some(name) => names.push(name),
            None => walk.mistake(at, "列に名前がありません", "AS で名前を付けてください"),
        }
    }
    if walk.errors.is_empty() { Ok(Query { tables: walk.tables, columns: names }) } else { Err(walk.errors) }
}

/// Tables a SELECT names directly, in order of first use; nothing is checked against a catalogue.
///
/// # Errors
/// As [`read`], but for unknown names.
pub fn table_names(sql: &str) -> Result<Vec<String>, Vec<ExprError>> {
    struct Anything;
    impl Catalogue for Anything {
        fn columns(&self, _: &str) -> Option<Option<Vec<String>>> {
            Some(None)
        }
        fn tables(&self) -> Vec<String> {
            Vec::new()
        }
    }
    read(sql, &Anything).map(|query| query.tables)
}

/// Names as both databases read them: anything beyond ASCII but spaces is a letter.
#[derive(Debug)]
struct Portable;

impl Dialect for Portable {
    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        ch == '"'
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        ch.is_ascii_alphabetic() || ch == '_' || (!ch.is_ascii() && !ch.is_whitespace())
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        self.is_identifier_start(ch) || ch.is_ascii_digit()
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }
}

pub(super) fn parse(sql: &str) -> Result<Sql, ExprError> {
    let start = Location::new(1, 1);
    if sql.chars().nth(MAX_SQL).is_some() {
        return Err(mistake(start, format!("SQL が長すぎます（上限{MAX_SQL}文字）"), "ビューを分けてください"));
    }
    let tokens = Tokenizer::new(&Portable, sql).tokenize_with_location().map_err(|e| {
        mistake(e.location, "ここから先を読み取れません", "引用符の閉じ忘れ、全角の記号がないか見てください")
    })?;
    tokens.iter().try_for_each(refuse_token)?;
    refuse_folded(&tokens)?;
    refuse_depth(&tokens)?;
    let first = tokens.iter().find(|t| !matches!(t.token, Token::Whitespace(_)));
    let leading = first.map(|t| (t.token.to_string().to_ascii_uppercase(), t.span.start));
    if !leading.as_ref().is_some_and(|(word, _)| word == "SELECT" || word == "WITH") {
        let at = leading.map_or(start, |(_, at)| at);
        return Err(mistake(at, "SELECT だけを書けます", "SELECT か WITH で始めてください"));
    }
    let mut parser =
        Parser::new(&Portable).with_recursion_limit(MAX_SQL_DEPTH * 8).with_tokens_with_locations(unfenced(&tokens));
    let query = parser.parse_query().map_err(|e| syntax_mistake(&e, &tokens))?;
    let rest = parser.peek_token_ref();
    if rest.token != Token::EOF {
        let message = format!("「{}」の所で SELECT の形が崩れています", rest.token);
        let second =
            matches!(&rest.token, Token::Word(word) if matches!(word.keyword, Keyword::SELECT | Keyword::WITH));
        let hint = if second { "SELECT は一つだけ書いてください" } else { BROKEN };
        return Err(mistake(rest.span.start, message, hint));
    }
    Ok(*query)
}

/// The tokens but for `MATERIALIZED` in `AS MATERIALIZED (`: it means the same on both databases (compute this once, and join
/// with what came out), and the parser knows it of one of them alone.
fn unfenced(tokens: &[TokenWithSpan]) -> Vec<TokenWithSpan> {
    let keyword = |token: &TokenWithSpan| match &token.token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.keyword),
        _ => None,
    };
    let mut before = None;
    let mut kept = Vec::with_capacity(tokens.len());
    for token in tokens {
        let own = keyword(token);
        if own == Some(Keyword::MATERIALIZED) && before == Some(Keyword::AS) {
            continue;
        }
        if !matches!(token.token, Token::Whitespace(_)) {
            before = own;
        }
        kept.push(token.clone());
    }
    kept
}

fn refuse_token(token: &TokenWithSpan) -> Result<(), ExprError> {
    let (message, hint) = match &token.token {
        Token::Whitespace(Whitespace::SingleLineComment { .. } | Whitespace::MultiLineComment(_)) => {
            ("SQL の中に注釈は書けません", "TOML の # の注釈を使ってください")
        }
        Token::SemiColon => ("「;」は使えません", "SELECT は一つだけ書いてください"),
        Token::Placeholder(_) => ("置き換え記号（?、$1 など）は使えません", "実行 の列か値を書いてください"),
        Token::DoubleEq => ("「==」は使えません", "「=」と書いてください"),
        Token::Char(c) => {
            let hint = "空白・括弧・カンマ・演算子は半角で書いてください";
            return Err(mistake(token.span.start, format!("文字「{c}」は使えません"), hint));
        }
        _ => return Ok(()),
    };
    Err(mistake(token.span.start, message, hint))
}

/// Refuses names with ASCII capitals outside `"…"`: PostgreSQL folds them, SQLite keeps them.
fn refuse_folded(tokens: &[TokenWithSpan]) -> Result<(), ExprError> {
    let mut words = tokens.iter().filter(|t| !matches!(t.token, Token::Whitespace(_))).peekable();
    while let Some(token) = words.next() {
        let Token::Word(word) = &token.token else { continue };
        let function = words.peek().is_some_and(|next| next.token == Token::LParen);
        let plain = word.quote_style.is_some() || word.keyword != Keyword::NoKeyword || function;
        if !plain && word.value.contains(|c: char| c.is_ascii_uppercase()) {
            let quoted = format!("英大文字を含む名前は \"{}\" と書いてください", word.value);
            // WEHRE is more often a slip than a name.
            let (message, hint) = match nearest(&word.value, WORDS.into_iter()) {
                Some(meant) => (
                    format!("「{}」という語はありません", word.value),
                    format!("「{meant}」ではありませんか。{quoted}"),
                ),
                None => (format!("名前「{}」に引用符がありません", word.value), quoted),
            };
            return Err(mistake(token.span.start, message, hint));
        }
    }
    Ok(())
}

fn refuse_depth(tokens: &[TokenWithSpan]) -> Result<(), ExprError> {
    deeper_than(MAX_SQL_DEPTH, tokens).map_or(Ok(()), |at| {
        Err(mistake(at, format!("入れ子が深すぎます（上限{MAX_SQL_DEPTH}段）"), "ビューを分けてください"))
    })
}

fn syntax_mistake(error: &ParserError, tokens: &[TokenWithSpan]) -> ExprError {
    match blamed(error, tokens) {
        Some(token) if token.token != Token::EOF => {
            mistake(token.span.start, format!("「{}」の所で SELECT の形が崩れています", token.token), BROKEN)
        }
        _ => {
            let end = tokens.iter().rev().find(|t| !matches!(t.token, Token::Whitespace(_) | Token::EOF));
            let at = end.map_or(Location::new(1, 1), |t| t.span.start);
            mistake(at, "SELECT が途中で終わっています", BROKEN)
        }
    }
}

#[cfg(test)]
mod tests;
