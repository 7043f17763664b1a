//! `LIKE` with a literal pattern: `%` is any text, `_` is one character, nothing escapes, case matters.
//!
//! Owns: matching and the pattern's SQLite form. Never: sees rows.

/// A compiled pattern; the usual shapes are plain text searches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LikePattern {
    source: Box<str>,
    shape: Shape,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Shape {
    Exact,
    Prefix,
    Suffix,
    Contains,
    General(Box<[Piece]>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    AnyText,
    OneChar,
    Char(char),
}

impl LikePattern {
    pub(super) fn new(source: &str) -> Self {
        let inner = source.trim_matches('%');
        let plain = !inner.contains(['%', '_']);
        let shape = match (plain, source.starts_with('%'), source.ends_with('%')) {
            (true, false, false) => Shape::Exact,
            (true, false, true) => Shape::Prefix,
            (true, true, false) => Shape::Suffix,
            (true, true, true) => Shape::Contains,
            (false, ..) => Shape::General(
                source
                    .chars()
                    .map(|c| match c {
                        '%' => Piece::AnyText,
                        '_' => Piece::OneChar,
                        c => Piece::Char(c),
                    })
                    .collect(),
            ),
        };
        LikePattern { source: source.into(), shape }
    }

    /// The pattern as it was written.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// The same pattern for SQLite's `GLOB`, which, unlike its `LIKE`, never folds case.
    pub(super) fn glob(&self) -> String {
        let mut glob = String::with_capacity(self.source.len() + 8);
        for c in self.source.chars() {
            match c {
                '%' => glob.push('*'),
                '_' => glob.push('?'),
                '*' | '?' | '[' => glob.extend(['[', c, ']']),
                c => glob.push(c),
            }
        }
        glob
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        let inner = || self.source.trim_matches('%');
        match &self.shape {
            Shape::Exact => text == &*self.source,
            Shape::Prefix => text.starts_with(inner()),
            Shape::Suffix => text.ends_with(inner()),
            Shape::Contains => text.contains(inner()),
            Shape::General(pieces) => matches_pieces(pieces, text),
        }
    }
}

/// Greedy match that goes back to the last `%` only: at most pattern × text steps.
fn matches_pieces(pieces: &[Piece], text: &str) -> bool {
    let (mut at, mut rest) = (0, text.chars());
    let mut retry: Option<(usize, std::str::Chars<'_>)> = None;
    loop {
        if pieces.get(at) == Some(&Piece::AnyText) {
            at += 1;
            retry = Some((at, rest.clone()));
            continue;
        }
        let mut ahead = rest.clone();
        match (pieces.get(at), ahead.next()) {
            (None, None) => return true,
            (Some(Piece::OneChar), Some(_)) => (at, rest) = (at + 1, ahead),
            (Some(Piece::Char(want)), Some(c)) if *want == c => (at, rest) = (at + 1, ahead),
            // The text has ended before the pattern: no later start can help.
            (Some(_), None) => return false,
            // Go back to the last `%` and let it take one character more.
            _ => {
                let Some((piece, from)) = &mut retry else {
                    return false;
                };
                if from.next().is_none() {
                    return false;
                }
                (at, rest) = (*piece, from.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_is_any_text_and_underscore_is_one_character() {
        for (pattern, text, want) in [
            ("", "", true),
            ("%", "", true),
            ("宛名%", "宛名番号", true),
            ("%番号", "宛名番号", true),
            ("%名番%", "宛名番号", true),
            ("_名_号", "宛名番号", true),
            ("_", "髙", true),
            ("_", "", false),
            ("a%b%c", "a-b-b-c", true),
            ("a%b%c", "a-c-b", false),
            ("A%", "abc", false),
            ("%_x", "aaxx", true),
            ("%a_", "aab", true),
        ] {
            assert_eq!(LikePattern::new(pattern).matches(text), want, "{pattern} / {text}");
        }
        assert_eq!(LikePattern::new("a*[?_%").glob(), "a[*][[][?]?*");
    }
}
