//! Walking the content model record by record.
//!
//! Owns: the state of the walk and which kind a record is by its place. Never: builds the automaton (`schema`).

use crate::schema::layout::Layout;

/// Where a file stands in its content model. A layout without one (no states) takes any order.
#[derive(Debug, Clone, Default)]
pub(super) struct OrderWalk {
    state: usize,
}

/// Which kind of record this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recognised {
    /// One that may stand here.
    Allowed(usize),
    /// One that may not.
    Misplaced(usize),
    /// None; the kind that was expected here, for want of a better one.
    Unknown(usize),
}

impl OrderWalk {
    /// Finds the kind: by its discriminator among those allowed here, then by its place, then by discriminator among
    /// all. `matches` says whether a kind's discriminator holds, `None` for a kind without one.
    #[inline]
    pub fn recognise(&self, layout: &Layout, matches: impl Fn(usize) -> Option<bool>) -> Recognised {
        let Some(allowed) = layout.order.next.get(self.state) else {
            return Self::among_all(layout, matches);
        };
        let mut by_place = None;
        for (kind, _) in allowed {
            match matches(*kind) {
                Some(true) => return Recognised::Allowed(*kind),
                Some(false) => {}
                None => by_place = by_place.or(Some(*kind)),
            }
        }
        if let Some(kind) = by_place {
            return Recognised::Allowed(kind);
        }
        let known = (0..layout.records.len()).find(|kind| matches(*kind) == Some(true));
        match known {
            Some(kind) => Recognised::Misplaced(kind),
            None => Recognised::Unknown(allowed.first().map_or(0, |(kind, _)| *kind)),
        }
    }

    fn among_all(layout: &Layout, matches: impl Fn(usize) -> Option<bool>) -> Recognised {
        let kinds = 0..layout.records.len();
        let known = kinds.clone().find(|kind| matches(*kind) == Some(true));
        match known.or_else(|| kinds.clone().find(|kind| matches(*kind).is_none())) {
            Some(kind) => Recognised::Allowed(kind),
            None => Recognised::Unknown(0),
        }
    }

    /// May this kind stand here?
    pub fn allows(&self, layout: &Layout, kind: usize) -> bool {
        match layout.order.next.get(self.state) {
            Some(next) => next.iter().any(|(k, _)| *k == kind),
            None => true,
        }
    }

    /// Goes on after a record of this kind. After a misplaced one the walk resumes at the first place where the kind
    /// may stand, so that one missing record is one finding.
    #[inline]
    pub fn step(&mut self, layout: &Layout, kind: usize) {
        let next = &layout.order.next;
        let after = |moves: &Vec<(usize, usize)>| {
            let found = moves.iter().find(|(k, _)| *k == kind);
            found.map(|(_, to)| *to)
        };
        let here = next.get(self.state).and_then(after);
        if let Some(to) = here.or_else(|| next.iter().find_map(after)) {
            self.state = to;
        }
    }

    /// May the file end here?
    pub fn may_end(&self, layout: &Layout) -> bool {
        layout.order.next.is_empty() || layout.order.accept.get(self.state).copied().unwrap_or(false)
    }

    /// May nothing follow any more?
    pub fn is_final(&self, layout: &Layout) -> bool {
        layout.order.next.get(self.state).is_some_and(Vec::is_empty)
    }

    /// Names of the kinds that may stand here, for messages.
    pub fn expected(&self, layout: &Layout) -> String {
        let allowed = layout.order.next.get(self.state);
        let mut names: Vec<&str> = allowed
            .into_iter()
            .flatten()
            .filter_map(|(kind, _)| Some(layout.records.get(*kind)?.name.as_str()))
            .collect();
        if self.may_end(layout) {
            names.push("ファイルの終わり");
        }
        names.join("、")
    }
}
