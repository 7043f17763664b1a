//! States of an exchange and the two ways a file goes, with their words in the store.
//!
//! Owns: the words. Never: decides which state comes next (`pipeline` does).

/// Which way a file goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Received.
    In,
    /// Sent.
    Out,
}

/// State of an exchange. The first ten belong to files received, the others to files sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// In: about to be moved out of the inbox.
    Claiming,
    /// In: moved to the work folder.
    Claimed,
    /// In: hashed, and in the archive.
    Archived,
    /// In: its rows are being staged.
    Loading,
    /// In: its rows stand.
    Applied,
    /// In: report written; done.
    Reported,
    /// In: refused as a whole; done. A corrected file is a new exchange.
    Rejected,
    /// In: the bytes of an accepted file again; done.
    Duplicate,
    /// In or out: the machine failed so often that it is tried no more until an operator asks for it.
    Failed,
    /// In: taken back by its sender or an operator; done.
    Withdrawn,
    /// Out: being written.
    Drafting,
    /// Out: waits for an operator.
    Draft,
    /// Out: released.
    Confirmed,
    /// Out: being put into the outbox.
    Delivering,
    /// Out: in the outbox; done.
    Delivered,
    /// Out: an operator refused the draft; done.
    Returned,
    /// Out: newer data came before an operator confirmed it, and a new draft takes its place; done.
    Superseded,
}

const STATES: [(State, &str); 17] = [
    (State::Claiming, "claiming"),
    (State::Claimed, "claimed"),
    (State::Archived, "archived"),
    (State::Loading, "loading"),
    (State::Applied, "applied"),
    (State::Reported, "reported"),
    (State::Rejected, "rejected"),
    (State::Duplicate, "duplicate"),
    (State::Failed, "failed"),
    (State::Withdrawn, "withdrawn"),
    (State::Drafting, "drafting"),
    (State::Draft, "draft"),
    (State::Confirmed, "confirmed"),
    (State::Delivering, "delivering"),
    (State::Delivered, "delivered"),
    (State::Returned, "returned"),
    (State::Superseded, "superseded"),
];

impl State {
    /// The word in the store and in JSON.
    pub fn as_str(self) -> &'static str {
        STATES[self as usize].1
    }

    /// States that the hub itself moves on from, without anybody's word.
    pub const UNDER_WAY: [State; 8] = [
        State::Claiming,
        State::Claimed,
        State::Archived,
        State::Loading,
        State::Applied,
        State::Drafting,
        State::Confirmed,
        State::Delivering,
    ];

    /// Reads [`State::as_str`] back.
    pub fn parse(word: &str) -> Option<State> {
        STATES.iter().find(|(_, w)| *w == word).map(|(s, _)| *s)
    }
}

impl Direction {
    /// The word in the store and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Direction::In => "in",
            Direction::Out => "out",
        }
    }
}
