//! Content models: `(ヘッダ データ* トレーラ)+ エンド` becomes a small deterministic automaton.
//!
//! Owns: the grammar (names, `( )`, `|`, `*`, `+`, `?`) and the construction (Glushkov, then subsets).
//! Never: looks at records (`codec`), decides whether kinds can be told apart (`lint`).

use std::collections::{BTreeMap, BTreeSet};

use super::layout::Order;

/// Most names in one model and most states of one automaton.
const LIMIT: usize = 256;
/// Deepest nesting of parentheses.
const MAX_DEPTH: usize = 16;

/// What is wrong with a content model; `at` is the 0-based character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderError {
    /// 0-based character of the source.
    pub at: usize,
    /// What is wrong, in Japanese.
    pub message: String,
    /// The name, when it is an unknown one.
    pub unknown: Option<String>,
}

impl Order {
    /// Compiles a content model over the record kinds `names`.
    ///
    /// # Errors
    /// Every unknown name, else the first mistake of syntax.
    pub fn parse(source: &str, names: &[&str]) -> Result<Order, Vec<OrderError>> {
        let tokens = tokens(source);
        let mut parser = Parser {
            tokens: &tokens,
            at: 0,
            depth: 0,
            end: source.chars().count(),
            names,
            symbols: Vec::new(),
            unknown: Vec::new(),
            follow: Vec::new(),
        };
        let whole = parser.whole().map_err(|e| vec![e])?;
        if !parser.unknown.is_empty() {
            return Err(parser.unknown);
        }
        subsets(source, &whole, &parser.symbols, &parser.follow)
    }

    /// Is a file with exactly these record kinds complete?
    pub fn accepts(&self, kinds: impl IntoIterator<Item = usize>) -> bool {
        let mut state = 0;
        for kind in kinds {
            match self.after(state, kind) {
                Some(next) => state = next,
                None => return false,
            }
        }
        self.accept.get(state).copied().unwrap_or(false)
    }

    /// State after a record of this kind; `None` when the kind may not stand here.
    pub fn after(&self, state: usize, kind: usize) -> Option<usize> {
        let (_, next) = self.next.get(state)?.iter().find(|(k, _)| *k == kind)?;
        Some(*next)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Name(String),
    Sign(char),
}

fn tokens(source: &str) -> Vec<(usize, Token)> {
    let mut tokens: Vec<(usize, Token)> = Vec::new();
    let mut inside = false;
    for (at, c) in source.chars().enumerate() {
        if c.is_whitespace() {
            inside = false;
        } else if "()|*+?".contains(c) {
            tokens.push((at, Token::Sign(c)));
            inside = false;
        } else {
            match tokens.last_mut() {
                Some((_, Token::Name(name))) if inside => name.push(c),
                _ => tokens.push((at, Token::Name(c.to_string()))),
            }
            inside = true;
        }
    }
    tokens
}

/// A part of the model: which positions may begin and end it, and may it be empty.
#[derive(Debug, Clone, Default)]
struct Part {
    first: BTreeSet<usize>,
    last: BTreeSet<usize>,
    empty: bool,
}

struct Parser<'a> {
    tokens: &'a [(usize, Token)],
    at: usize,
    depth: usize,
    end: usize,
    names: &'a [&'a str],
    /// Record kind of each position.
    symbols: Vec<usize>,
    unknown: Vec<OrderError>,
    follow: Vec<BTreeSet<usize>>,
}

impl Parser<'_> {
    fn whole(&mut self) -> Result<Part, OrderError> {
        let part = self.choice()?;
        match self.tokens.get(self.at) {
            Some(_) => Err(self.error("「)」が余っています")),
            None => Ok(part),
        }
    }

    fn error(&self, message: &str) -> OrderError {
        OrderError {
            at: self.tokens.get(self.at).map_or(self.end, |(at, _)| *at),
            message: message.to_owned(),
            unknown: None,
        }
    }

    fn sign(&mut self, signs: &str) -> Option<char> {
        match self.tokens.get(self.at) {
            Some((_, Token::Sign(c))) if signs.contains(*c) => {
                self.at += 1;
                Some(*c)
            }
            _ => None,
        }
    }

    fn choice(&mut self) -> Result<Part, OrderError> {
        let mut part = self.sequence()?;
        while self.sign("|").is_some() {
            let other = self.sequence()?;
            part.first.extend(other.first);
            part.last.extend(other.last);
            part.empty |= other.empty;
        }
        Ok(part)
    }

    fn sequence(&mut self) -> Result<Part, OrderError> {
        let mut whole: Option<Part> = None;
        while let Some((_, token)) = self.tokens.get(self.at) {
            if matches!(token, Token::Sign(')' | '|')) {
                break;
            }
            let next = self.repeated()?;
            whole = Some(match whole {
                None => next,
                Some(before) => self.join(before, next),
            });
        }
        whole.ok_or_else(|| self.error("ここにレコードの名前が要ります"))
    }

    fn join(&mut self, before: Part, next: Part) -> Part {
        for from in &before.last {
            self.follow[*from].extend(&next.first);
        }
        let mut first = before.first;
        if before.empty {
            first.extend(&next.first);
        }
        let mut last = next.last;
        if next.empty {
            last.extend(before.last);
        }
        Part { first, last, empty: before.empty && next.empty }
    }

    fn repeated(&mut self) -> Result<Part, OrderError> {
        let mut part = self.atom()?;
        while let Some(sign) = self.sign("*+?") {
            if sign != '?' {
                for from in &part.last {
                    self.follow[*from].extend(&part.first);
                }
            }
            part.empty |= sign != '+';
        }
        Ok(part)
    }

    fn atom(&mut self) -> Result<Part, OrderError> {
        if self.sign("(").is_some() {
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                return Err(self.error("かっこが深すぎます（16段まで）"));
            }
            let part = self.choice()?;
            if self.sign(")").is_none() {
                return Err(self.error("「)」が足りません"));
            }
            self.depth -= 1;
            return Ok(part);
        }
        let Some((at, Token::Name(name))) = self.tokens.get(self.at) else {
            return Err(self.error("ここにレコードの名前が要ります"));
        };
        if self.symbols.len() >= LIMIT {
            return Err(self.error("レコードの名前が多すぎます（256個まで）"));
        }
        let kind = self.names.iter().position(|n| n == name).unwrap_or_else(|| {
            self.unknown.push(OrderError {
                at: *at,
                message: format!("レコード「{name}」がありません"),
                unknown: Some(name.clone()),
            });
            0
        });
        self.at += 1;
        let position = self.symbols.len();
        self.symbols.push(kind);
        self.follow.push(BTreeSet::new());
        let here = BTreeSet::from([position]);
        Ok(Part { first: here.clone(), last: here, empty: false })
    }
}

/// Makes the automaton deterministic: a state is the set of positions the last record may have been.
fn subsets(
    source: &str,
    whole: &Part,
    symbols: &[usize],
    follow: &[BTreeSet<usize>],
) -> Result<Order, Vec<OrderError>> {
    let mut order = Order { source: source.to_owned(), ..Order::default() };
    let mut states: Vec<Option<BTreeSet<usize>>> = vec![None];
    let mut done = 0;
    while done < states.len() {
        let positions = states[done].clone();
        let reachable: BTreeSet<usize> = match &positions {
            None => whole.first.clone(),
            Some(here) => here.iter().flat_map(|p| follow[*p].iter().copied()).collect(),
        };
        order.accept.push(match &positions {
            None => whole.empty,
            Some(here) => here.iter().any(|p| whole.last.contains(p)),
        });
        let mut by_kind: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for position in reachable {
            by_kind.entry(symbols[position]).or_default().insert(position);
        }
        let mut next = Vec::new();
        for (kind, target) in by_kind {
            let target = Some(target);
            let state = states.iter().position(|s| *s == target).unwrap_or_else(|| {
                states.push(target);
                states.len() - 1
            });
            next.push((kind, state));
        }
        order.next.push(next);
        done += 1;
        if states.len() > LIMIT {
            let message = "並びが複雑すぎます".to_owned();
            return Err(vec![OrderError { at: 0, message, unknown: None }]);
        }
    }
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 4] = ["ヘッダ", "データ", "トレーラ", "エンド"];

    fn kinds(letters: &str) -> Vec<usize> {
        letters.chars().map(|c| "HDTE".find(c).unwrap()).collect()
    }

    #[test]
    fn a_zengin_file_may_have_several_groups_and_one_end() {
        let order = Order::parse("(ヘッダ データ* トレーラ)+ エンド", &NAMES).unwrap();
        for good in ["HTE", "HDDTE", "HDTHTHDDTE"] {
            assert!(order.accepts(kinds(good)), "{good}");
        }
        for bad in ["", "E", "HDE", "HDT", "HDTEE", "DTE", "HDTDE"] {
            assert!(!order.accepts(kinds(bad)), "{bad}");
        }
    }

    #[test]
    fn optional_parts_and_choices_work() {
        let order = Order::parse("ヘッダ? (データ | エンド)* トレーラ?", &NAMES).unwrap();
        for good in ["", "H", "T", "HDEDT", "EE"] {
            assert!(order.accepts(kinds(good)), "{good}");
        }
        assert!(!order.accepts(kinds("HH")));
    }

    #[test]
    fn mistakes_are_named_with_their_character() {
        let errors = Order::parse("(ヘッダ データー* おわり", &NAMES).unwrap_err();
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].at, 14);
        let errors = Order::parse("ヘッダ データー* おわり", &NAMES).unwrap_err();
        assert_eq!(errors.iter().map(|e| e.at).collect::<Vec<_>>(), [4, 10]);
        assert!(Order::parse("", &NAMES).is_err());
        assert!(Order::parse("ヘッダ)", &NAMES).is_err());
        assert!(Order::parse("* ヘッダ", &NAMES).is_err());
        assert!(Order::parse(&"(".repeat(5000), &NAMES).is_err());
    }
}
