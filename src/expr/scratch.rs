//! Where computed text lives while one row is evaluated.
//!
//! Owns: the texts that `||`, `lpad`, dates and the like make. Never: shrinks or moves a text that was lent out.
//!
//! Cells are set once and lent for as long as the scratch is borrowed, which needs no unsafe code; a row that computes
//! no text touches none of it. [`Scratch::clear`] between rows keeps it as small as one row.

use std::cell::{Cell, OnceCell};

const FIRST: usize = 8;

/// Holds the texts made while a row is evaluated; make one per worker, clear it per row.
#[derive(Debug, Default)]
pub struct Scratch {
    first: [OnceCell<String>; FIRST],
    used: Cell<usize>,
    /// The next, larger piece, for rows that compute many texts.
    more: OnceCell<Box<More>>,
}

/// A further piece; each is twice as long as the one before, so that the chain stays short.
#[derive(Debug)]
struct More {
    cells: Vec<OnceCell<String>>,
    used: Cell<usize>,
    more: OnceCell<Box<More>>,
}

impl Scratch {
    /// An empty scratch; allocates nothing.
    pub fn new() -> Self {
        Scratch::default()
    }

    /// Forgets every text; call it before each row.
    #[inline]
    pub fn clear(&mut self) {
        if self.used.get() > 0 {
            self.forget();
        }
    }

    fn forget(&mut self) {
        let used = self.used.replace(0);
        for cell in &mut self.first[..used] {
            cell.take();
        }
        if used == FIRST {
            self.more.take();
        }
    }

    /// Keeps `text` and lends it until the scratch is cleared.
    pub(super) fn keep(&self, text: String) -> &str {
        let at = self.used.get();
        if at < FIRST {
            self.used.set(at + 1);
            return self.first[at].get_or_init(|| text);
        }
        let mut piece = self.more.get_or_init(|| Box::new(More::new(FIRST * 2)));
        while piece.used.get() == piece.cells.len() {
            piece = piece.more.get_or_init(|| Box::new(More::new(piece.cells.len() * 2)));
        }
        let at = piece.used.get();
        piece.used.set(at + 1);
        piece.cells[at].get_or_init(|| text)
    }
}

impl More {
    fn new(len: usize) -> Self {
        More {
            cells: std::iter::repeat_with(OnceCell::new).take(len).collect(),
            used: Cell::new(0),
            more: OnceCell::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lends_every_text_until_it_is_cleared() {
        let mut scratch = Scratch::new();
        for _ in 0..2 {
            let kept: Vec<&str> = (0..200).map(|n| scratch.keep(n.to_string())).collect();
            assert!(kept.iter().enumerate().all(|(n, text)| *text == n.to_string()));
            scratch.clear();
        }
    }
}
