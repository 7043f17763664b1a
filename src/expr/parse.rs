//! From text to `sqlparser`'s tree: tokens, limits, and mistakes of form in Japanese.
//!
//! Owns: the dialect's words and the source's limits. Never: looks at names or types ([`super::types`] does).

use super::{ExprError, MAX_DEPTH, MAX_SOURCE};
use sqlparser::ast::Expr as Sql;
use sqlparser::dialect::Dialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer, Whitespace};

/// Plain SQL with Japanese names: letters of any script, full-width digits and `・` need no quotes.
///
/// A dialect of its own, because the generic one of `sqlparser` knows far more grammar than is wanted here.
#[derive(Debug)]
struct Words;

impl Dialect for Words {
    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        ch == '"'
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        ch.is_alphabetic() || ch == '_' || (!ch.is_ascii() && ch.is_numeric())
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        ch.is_alphanumeric() || ch == '_' || ch == '・'
    }
}

/// A mistake at a place; an unknown place is the beginning.
pub(super) fn mistake(at: Location, message: impl Into<String>, hint: impl Into<String>) -> ExprError {
    let count = |n: u64| u32::try_from(n).unwrap_or(u32::MAX).max(1);
    ExprError { line: count(at.line), column: count(at.column), message: message.into(), hint: hint.into() }
}

/// Reads one expression to its end.
pub(super) fn parse(source: &str) -> Result<Sql, ExprError> {
    let start = Location::new(1, 1);
    if source.trim().is_empty() {
        return Err(mistake(start, "式が空です。", "値が要らないときは NULL と書いてください。"));
    }
    if source.chars().nth(MAX_SOURCE).is_some() {
        return Err(mistake(
            start,
            format!("式が長すぎます（上限{MAX_SOURCE}文字）。"),
            "ビューかコード表に分けてください。",
        ));
    }
    if let Some(at) = source.chars().position(|c| c == '\0') {
        return Err(mistake(place_of(source, at), "文字 U+0000 は使えません。", "取り除いてください。"));
    }
    let tokens = Tokenizer::new(&Words, source)
        .tokenize_with_location()
        .map_err(|e| mistake(e.location, tokenizer_message(&e.message), TOKEN_HINT))?;
    tokens.iter().try_for_each(refuse_token)?;
    refuse_depth(&tokens)?;
    // Each level of parentheses takes a few levels of the parser; the tree itself is measured again when it is typed.
    let mut parser = Parser::new(&Words).with_recursion_limit(MAX_DEPTH * 8).with_tokens_with_locations(tokens.clone());
    let parsed = parser.parse_expr().map_err(|e| syntax_mistake(&e, source, &tokens))?;
    let rest = parser.peek_token_ref();
    if rest.token != Token::EOF {
        return Err(unexpected(&rest.token, rest.span.start, source));
    }
    Ok(parsed)
}

const TOKEN_HINT: &str = "演算子・括弧・カンマ・引用符は半角で書いてください。記号を含む名前は \"…\" で囲みます。";

/// Line and column of the character at `index`.
fn place_of(source: &str, index: usize) -> Location {
    let (mut line, mut column) = (1, 1);
    for c in source.chars().take(index) {
        (line, column) = if c == '\n' { (line + 1, 1) } else { (line, column + 1) };
    }
    Location::new(line, column)
}

fn tokenizer_message(message: &str) -> String {
    if message.contains("Unterminated string") {
        "文字列が「'」で閉じられていません。".to_owned()
    } else if message.contains("close delimiter") {
        "名前が「\"」で閉じられていません。".to_owned()
    } else {
        "ここから先を読み取れません。".to_owned()
    }
}

/// Refuses what would parse but has no place in a scalar expression.
fn refuse_token(token: &TokenWithSpan) -> Result<(), ExprError> {
    let (message, hint) = match &token.token {
        Token::Whitespace(Whitespace::SingleLineComment { .. } | Whitespace::MultiLineComment(_)) => {
            ("式の中に注釈は書けません。", "TOMLの # の注釈を使ってください。")
        }
        Token::SemiColon => ("「;」は使えません。", "式は一つだけ書いてください。"),
        Token::Placeholder(_) => ("置き換え記号（?、$1 など）は使えません。", "項目名か値を書いてください。"),
        Token::DoubleEq => ("「==」は使えません。", "「=」と書いてください。"),
        Token::Char(c) => {
            return Err(mistake(token.span.start, format!("文字「{c}」は使えません。"), TOKEN_HINT));
        }
        _ => return Ok(()),
    };
    Err(mistake(token.span.start, message, hint))
}

/// Parentheses that only group are free later on, so twice the depth is let through here.
fn refuse_depth(tokens: &[TokenWithSpan]) -> Result<(), ExprError> {
    deeper_than(MAX_DEPTH * 2, tokens).map_or(Ok(()), |at| Err(too_deep(at)))
}

/// Where open parentheses, `CASE` and prefix operators are more than `most`, so that the parser never recurses beyond it.
pub(super) fn deeper_than(most: usize, tokens: &[TokenWithSpan]) -> Option<Location> {
    let (mut open, mut prefixes) = (0usize, 0usize);
    for token in tokens {
        match &token.token {
            Token::LParen => (open, prefixes) = (open + 1, 0),
            Token::RParen => (open, prefixes) = (open.saturating_sub(1), 0),
            Token::Minus | Token::Plus => prefixes += 1,
            Token::Word(word) if word.quote_style.is_none() => match word.value.to_ascii_uppercase().as_str() {
                "CASE" => (open, prefixes) = (open + 1, 0),
                "END" => (open, prefixes) = (open.saturating_sub(1), 0),
                "NOT" => prefixes += 1,
                _ => prefixes = 0,
            },
            Token::Whitespace(_) => {}
            _ => prefixes = 0,
        }
        if open + prefixes > most {
            return Some(token.span.start);
        }
    }
    None
}

pub(super) fn too_deep(at: Location) -> ExprError {
    mistake(at, format!("入れ子が深すぎます（上限{MAX_DEPTH}段）。"), "ビューか別の項目に分けてください。")
}

/// Turns the parser's complaint into a place and a sentence; its own wording is English and not for operators.
fn syntax_mistake(error: &ParserError, source: &str, tokens: &[TokenWithSpan]) -> ExprError {
    if matches!(error, ParserError::RecursionLimitExceeded) {
        return too_deep(Location::new(1, 1));
    }
    match blamed(error, tokens) {
        Some(token) => unexpected(&token.token, token.span.start, source),
        None => unexpected(&Token::EOF, Location::empty(), source),
    }
}

/// The token at the place that the parser's complaint ends with.
pub(super) fn blamed<'t>(error: &ParserError, tokens: &'t [TokenWithSpan]) -> Option<&'t TokenWithSpan> {
    let (ParserError::ParserError(text) | ParserError::TokenizerError(text)) = error else {
        return None;
    };
    let (line, column) = text.rsplit_once(" at Line: ")?.1.split_once(", Column: ")?;
    let at = Location::new(line.trim().parse().ok()?, column.trim().parse().ok()?);
    tokens.iter().find(|token| token.span.start == at)
}

fn unexpected(token: &Token, at: Location, source: &str) -> ExprError {
    let hint = "括弧の数、カンマ、AND・OR、CASE … END の形を確かめてください。";
    if *token == Token::EOF {
        let end = place_of(source, source.trim_end().chars().count());
        return mistake(end, "式が途中で終わっています。", hint);
    }
    if let Token::Word(word) = token {
        let upper = word.value.to_ascii_uppercase();
        if word.quote_style.is_none() && ["SELECT", "WITH", "FROM", "WHERE", "OVER"].contains(&upper.as_str()) {
            return mistake(at, format!("{upper} は式の中で使えません。"), "問い合わせはビューに書いてください。");
        }
    }
    mistake(at, format!("「{token}」の所で式の形が崩れています。"), hint)
}
