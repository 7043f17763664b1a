//! A feed: how files of one inbound interface arrive, from `schemas/feeds/<interface>.toml`.
//!
//! Owns: the types. Never: looks at folders (`inbox`).

use std::time::Duration;

use super::schedule::{Expect, Sequence};

/// Arrival rules of one interface.
#[derive(Debug, Clone)]
pub struct Feed {
    /// Interface id = inbox folder.
    pub interface: String,
    /// Forms in order; the first whose pattern matches the file name (without case) decides layout and profile.
    pub forms: Vec<Form>,
    /// What proves that a file is complete.
    pub complete: Completeness,
    /// Largest file taken, bytes.
    pub max_bytes: u64,
    /// How long a file may wait to be complete, seconds; then people are told, and nothing waits for it any more.
    pub overdue_seconds: u64,
    /// When files ought to come; empty = whenever they do.
    pub expect: Vec<Expect>,
    /// Running number of the files, if the sender gives one.
    pub sequence: Option<Sequence>,
}

/// File name pattern (`*` and `?`) → layout and profile. Nothing is ever guessed from content.
#[derive(Debug, Clone)]
pub struct Form {
    /// Pattern over the whole file name.
    pub pattern: String,
    /// Layout id.
    pub layout: String,
    /// Profile of the layout.
    pub profile: String,
}

/// Proof of completeness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Completeness {
    /// `stable`: size, mtime and hash unchanged for this many milliseconds.
    Stable {
        /// How long.
        millis: u64,
    },
    /// `trailer`: the bytes at the end already prove it: a record of this kind stands there as the layout says.
    /// Taken at once when proved, else after `Stable` millis (then the reader says what is missing).
    Trailer {
        /// Record kind that ends a complete file.
        record: String,
        /// Fallback.
        millis: u64,
    },
    /// `done-file`: a file `<name><suffix>` stands beside it (taken and archived with it).
    DoneFile {
        /// e.g. `.done`.
        suffix: String,
    },
    /// `manifest`: `<name><suffix>` (TOML-like `key=value` lines: 件数, SHA-256) stands beside it and agrees.
    Manifest {
        /// e.g. `.ctl`, replaces the extension.
        suffix: String,
    },
    /// `rename`: senders write `<name>.tmp`/`.part`/dot-files and rename; any other name is complete at once.
    Rename,
}

impl Completeness {
    /// How long a file must rest at most before it counts as whole; zero where something else proves it.
    pub fn rest(&self) -> Duration {
        match self {
            Completeness::Stable { millis } | Completeness::Trailer { millis, .. } => Duration::from_millis(*millis),
            Completeness::DoneFile { .. } | Completeness::Manifest { .. } | Completeness::Rename => Duration::ZERO,
        }
    }

    /// Takes away the waiting and keeps the proof: for files that are known to be whole (cases).
    pub fn at_once(&mut self) {
        if let Completeness::Stable { millis } | Completeness::Trailer { millis, .. } = self {
            *millis = 0;
        }
    }
}
