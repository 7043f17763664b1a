//! Derivations that are due, in their order; while one is read, staged and made to stand, a second thread reads later ones.
//!
//! Owns: which derivation may be read before the earlier ones are done. Never: writes ahead; what is written, and which
//! numbers it gets, is the same as on one thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};

use super::worker::{Round, attempt};
use super::{Hub, HubError, derive, due};
use crate::mapping::plan::DerivePlan;
use crate::mapping::site::Site;
use crate::store::bulk::Rows;
use crate::store::{Conn, StoreError};
use crate::value::Value;

/// Rows, and bytes of their text, handed over at a time.
const BATCH_ROWS: usize = 1024;
/// See [`BATCH_ROWS`].
const BATCH_BYTES: usize = 1 << 20;
/// Batches of one derivation that wait to be staged.
const IN_FLIGHT: usize = 4;

/// What the reading thread hands over; the last piece is an end.
enum Piece {
    Rows(Rows),
    End(Result<(), HubError>),
}

/// A derivation whose rows another thread is to read, or is reading.
pub struct Reading {
    taken: Arc<AtomicBool>,
    pieces: Receiver<Piece>,
}

impl Reading {
    /// Keeps the other thread from beginning; false when it has begun.
    fn take_back(&self) -> bool {
        !self.taken.swap(true, Ordering::AcqRel)
    }

    /// Every row in order.
    pub fn each(self, mut f: impl FnMut(&[Value<'_>]) -> Result<(), StoreError>) -> Result<(), HubError> {
        loop {
            match self.pieces.recv() {
                Ok(Piece::Rows(rows)) => {
                    for row in 0..rows.len() {
                        let values: Vec<Value<'_>> = (0..rows.width()).map(|cell| rows.value(row, cell)).collect();
                        f(&values)?;
                    }
                }
                Ok(Piece::End(end)) => return end,
                // The other thread died of a bug: some rows are missing.
                Err(_) => return Err(HubError::Bug),
            }
        }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.take_back();
    }
}

/// What the reading thread is asked for.
struct Order {
    plan: Arc<DerivePlan>,
    today: String,
    taken: Arc<AtomicBool>,
    pieces: SyncSender<Piece>,
}

/// How far a derivation of this round is.
enum Turn {
    /// Nobody has asked yet whether it is due.
    Open,
    /// It is due, and read by another thread.
    Ahead(Reading),
    /// It is done or was not due.
    Over,
}

/// Computes the derivations that are due, each after those it waits for.
pub(super) fn derive_due(hub: &mut Hub, round: &mut Round) -> Result<(), HubError> {
    let site = hub.site.clone();
    let today = hub.clock.today().to_string();
    let order = site.derive_order();
    let left = std::thread::scope(|scope| {
        // Gone before the scope waits: the other thread may be waiting for somebody to take its rows.
        let mut turns: Vec<Turn> = order.iter().map(|_| Turn::Open).collect();
        let mut reader: Option<Reader<'_>> = None;
        for (i, plan) in order.iter().enumerate() {
            let ahead = match std::mem::replace(&mut turns[i], Turn::Over) {
                // What was put off since, or never begun, is read here.
                Turn::Ahead(reading) => (!reading.take_back()).then_some(reading),
                Turn::Open if due::derive_is_due(hub, plan)? => None,
                Turn::Open | Turn::Over => continue,
            };
            for later in next_to_read(&site, &order, &turns, i) {
                if hub.put_off.contains_key(&order[later].interface) {
                    continue;
                }
                turns[later] = if !due::derive_is_due(hub, &order[later])? {
                    Turn::Over
                } else {
                    if reader.is_none() {
                        reader = Some(Reader::start(scope, site.clone(), hub.spare()?, hub.dantai().to_owned()));
                    }
                    reader.as_ref().map_or(Turn::Open, |reader| Turn::Ahead(reader.read(&order[later], &today)))
                };
            }
            attempt(hub, &plan.interface, round, |hub| derive::derive(hub, plan, &today, ahead).map(|_| ()))?;
        }
        Ok::<_, HubError>(reader.and_then(Reader::finish))
    })?;
    left.map_or(Ok(()), |conn| hub.leave(conn))
}

/// Derivations after the `i`-th, which is about to be computed, that nobody has asked for and that depend on nothing still
/// to be done.
fn next_to_read(site: &Site, order: &[Arc<DerivePlan>], turns: &[Turn], i: usize) -> Vec<usize> {
    let free = |later: &usize| {
        let undone = (i..*later).filter(|k| *k == i || !matches!(turns[*k], Turn::Over));
        matches!(turns[*later], Turn::Open)
            && undone.into_iter().all(|k| site.are_independent(&order[*later], &order[k]))
    };
    (i + 1..order.len()).filter(free).collect()
}

/// The thread that reads, and its queue.
struct Reader<'scope> {
    orders: Sender<Order>,
    thread: ScopedJoinHandle<'scope, Option<Conn>>,
}

impl<'scope> Reader<'scope> {
    fn start<'env>(scope: &'scope Scope<'scope, 'env>, site: Arc<Site>, mut conn: Conn, dantai: String) -> Self {
        let (orders, queue) = channel::<Order>();
        let thread = scope.spawn(move || {
            for order in queue {
                if order.taken.swap(true, Ordering::AcqRel) {
                    continue;
                }
                let end = read(&site, &mut conn, &dantai, &order);
                let failed = end.is_err();
                let gone = order.pieces.send(Piece::End(end)).is_err();
                if failed || gone {
                    return None;
                }
            }
            Some(conn)
        });
        Reader { orders, thread }
    }

    /// Asks for a derivation's rows. When the thread is gone, nobody begins.
    fn read(&self, plan: &Arc<DerivePlan>, today: &str) -> Reading {
        let (full, pieces) = sync_channel(IN_FLIGHT);
        let taken = Arc::new(AtomicBool::new(false));
        let order = Order { plan: plan.clone(), today: today.to_owned(), taken: taken.clone(), pieces: full };
        let _ = self.orders.send(order);
        Reading { taken, pieces }
    }

    /// Ends the thread; its connection, if it is still good.
    fn finish(self) -> Option<Conn> {
        drop(self.orders);
        self.thread.join().ok().flatten()
    }
}

/// Hands the rows on in bounded batches. When nobody takes them any more, the one who took them knows why.
fn read(site: &Site, conn: &mut Conn, dantai: &str, order: &Order) -> Result<(), HubError> {
    let view = &order.plan.view;
    let width = view.columns.len() + view.lineage.len();
    let mut batch = Rows::new(width);
    let key = derive::order(&order.plan);
    derive::source(site, &order.plan, &key, dantai, &order.today).each(conn, |values| {
        batch.push_row(values);
        if batch.len() < BATCH_ROWS && batch.text_bytes() < BATCH_BYTES {
            return Ok(());
        }
        let full = std::mem::replace(&mut batch, Rows::new(width));
        order.pieces.send(Piece::Rows(full)).map_err(|_| StoreError::Stopped)
    })?;
    if !batch.is_empty() {
        let _ = order.pieces.send(Piece::Rows(batch));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading() -> (SyncSender<Piece>, Reading) {
        let (full, pieces) = sync_channel(IN_FLIGHT);
        (full, Reading { taken: Arc::new(AtomicBool::new(true)), pieces })
    }

    fn piece(values: &[i64]) -> Piece {
        let mut rows = Rows::new(1);
        values.iter().for_each(|n| rows.push_row(&[Value::Int(*n)]));
        Piece::Rows(rows)
    }

    #[test]
    fn rows_come_in_their_order_until_the_end() {
        let (full, reading) = reading();
        for piece in [piece(&[1, 2]), piece(&[3]), Piece::End(Ok(()))] {
            full.send(piece).unwrap();
        }
        let mut seen = Vec::new();
        reading
            .each(|values| {
                seen.extend(values[0].as_int());
                Ok(())
            })
            .unwrap();
        assert_eq!(seen, [1, 2, 3]);
    }

    #[test]
    fn rows_without_an_end_are_never_taken_for_all_rows() {
        let (full, reading) = reading();
        full.send(piece(&[1])).unwrap();
        drop(full);
        assert!(matches!(reading.each(|_| Ok(())), Err(HubError::Bug)));
    }

    #[test]
    fn what_is_given_up_is_not_begun() {
        let taken = Arc::new(AtomicBool::new(false));
        let (_full, pieces) = sync_channel(IN_FLIGHT);
        drop(Reading { taken: taken.clone(), pieces });
        assert!(taken.load(Ordering::Acquire));
    }
}
