//! The streets: the order in which a file passes, readable in one place.
//!
//! ```text
//! receive → archive → (decode, parse, check, map, stage) → settle (apply + ledger, one transaction) → report → clear
//! due → select → map → encode → draft → [an operator confirms] → prepare → deliver → report
//! due → derive (a view becomes rows of an entity, by the same stage and settle)
//! ```
//!
//! Owns: that order, and what is committed before what. Never: knows a data item, a file format or SQL.

pub mod anchor;
mod archive;
mod arrival;
mod breach;
pub mod clear;
pub mod day;
pub mod deliver;
pub mod derive;
mod derived;
pub mod draft_list;
pub mod due;
pub mod encode;
pub mod facts;
pub mod fill;
pub mod hold;
pub mod inbound;
mod interrupted;
pub mod key;
mod late_hold;
pub mod list;
pub mod load;
mod look_back;
mod looks;
mod manifest;
pub mod map;
pub mod outbound;
pub mod part;
pub mod receive;
pub mod row;
mod sentence;
pub mod settle;
pub mod snapshot;
pub mod source;
pub mod step;
pub mod tables;
pub mod timeline;
mod together;
mod unguarded;
pub mod vault;
mod veil;
pub mod waiting;
pub mod watch;
pub mod worker;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::area::Area;
use crate::clock::Clock;
use crate::inbox::Inbox;
use crate::inbox::stamp::Stamp;
use crate::mapping::site::Site;
use crate::store::ledger::{self, Exchange};
use crate::store::relation::{self, SiteFacts};
use crate::store::{Conn, Store, StoreError};
use crate::vault::{Vault, VaultError};

pub use step::{Step, Steps};

/// Connections kept for the next computations: two at a time, of which each reads over one and writes over another.
const IDLE: usize = 4;

/// The machine is in trouble, or work was stopped. Wrong data is never an error; it is a finding.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// The database.
    #[error("データベースの処理に失敗しました")]
    Store(#[from] StoreError),
    /// A file or folder.
    #[error("ファイルの処理に失敗しました（{what}）: {}", .path.display())]
    Io {
        /// What was being done, in Japanese.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The vault cannot be used: no key, the wrong one, or what it holds was changed.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// A bug ended the work; where it is stands in the log.
    #[error("プログラムの誤りにより処理を中断しました")]
    Bug,
    /// A stop was asked for; the next start goes on from here.
    #[error("停止の指示により {0:?} で中断しました。次の起動で続きから処理します")]
    Stopped(Step),
    /// What was asked for cannot be done in this state; Japanese reason.
    #[error("{0}")]
    Refused(String),
    /// The site's declarative files no longer match what the store holds (e.g. a column was dropped).
    #[error("定義ファイルに誤りがあります: {0}")]
    Rules(String),
}

impl HubError {
    /// Wraps an I/O error with what was being done.
    pub fn io(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> HubError {
        let path = path.to_owned();
        move |source| HubError::Io { what, path, source }
    }
}

/// Everything a worker needs: the compiled site, the store, the folders, the clock.
pub struct Hub {
    /// Compiled declarative files; immutable.
    pub site: Arc<Site>,
    /// The store.
    pub store: Store,
    /// The worker's connection.
    pub conn: Conn,
    /// Connections that computations left behind for the next ones: opening one costs as much as a small view.
    idle: Vec<Conn>,
    /// The folders.
    pub area: Area,
    /// The vault; `None` = the site has no keys, or needs none.
    pub vault: Option<Arc<Vault>>,
    /// The clock.
    pub clock: Clock,
    /// Steps and the wish to stop.
    pub steps: Steps,
    /// Remembers how arriving files looked.
    pub inbox: Inbox,
    /// Told how far long work is; for progress bars.
    pub progress: Progress,
    /// How claimed files looked when they were last looked at, by exchange; a later write shows against it.
    pub taken: std::collections::HashMap<i64, Stamp>,
    /// Files that had been arriving for too long at the last look.
    pub overdue: usize,
    /// Since when some file has been arriving.
    pub arriving_since: Option<std::time::Instant>,
    /// Derivations and drafts that failed: until when they are put off, and how often that was.
    pub put_off: std::collections::HashMap<String, (std::time::Instant, u32)>,
    /// Do `[[schedule]]` and `[[requires]]` hold? Else drafts and derivations are due after their sources on any day, as
    /// the demo and cases of one day want it.
    pub heeds_schedules: bool,
    /// UTC stamp of the next deadline of a file that is expected; `None` = not looked yet.
    pub next_deadline: Option<String>,
    /// Was anything done since the timeline was written?
    pub timeline_is_old: bool,
    /// The declared tables of the last day report that was written.
    day_tables: Option<tables::DayTables>,
}

/// How far long work is.
#[derive(Clone)]
pub struct Progress(Arc<Tell>);

/// `tell(label, done, total)`.
type Tell = dyn Fn(&str, u64, u64) + Send + Sync;

impl Progress {
    /// Calls `tell(label, done, total)` now and then; `total` 0 = unknown.
    pub fn new(tell: impl Fn(&str, u64, u64) + Send + Sync + 'static) -> Self {
        Progress(Arc::new(tell))
    }

    /// Tells nobody.
    pub fn silent() -> Self {
        Progress::new(|_, _, _| {})
    }

    /// Tells.
    pub fn tell(&self, label: &str, done: u64, total: u64) {
        (self.0)(label, done, total);
    }
}

impl Hub {
    /// Opens the store, makes missing folders and tables.
    pub fn open(site: Site, clock: Clock) -> Result<Self, HubError> {
        let config = &site.config;
        let area = Area {
            inbox: config.inbox.clone(),
            outbox: config.outbox.clone(),
            data: config.data.clone(),
            ring: vault::ring(&site)?,
        };
        area.create().map_err(HubError::io("フォルダーの作成", &area.data))?;
        for interface in site.feeds.keys() {
            let folder = area.inbox.join(interface);
            std::fs::create_dir_all(&folder).map_err(HubError::io("フォルダーの作成", &folder))?;
        }
        for interface in site.outbound.keys() {
            let folder = area.outbox.join(interface);
            std::fs::create_dir_all(&folder).map_err(HubError::io("フォルダーの作成", &folder))?;
        }
        let store = Store::open(&config.store_url, &site.root)?;
        let mut conn = store.connect()?;
        let refused = crate::store::ddl::ensure_entities(&mut conn, site.entities.values().map(|e| e.as_ref()))?;
        if !refused.is_empty() {
            let all: Vec<String> = refused.iter().map(ToString::to_string).collect();
            return Err(HubError::Rules(format!("保存済みのデータと合いません\n{}", all.join("\n"))));
        }
        let vault = vault::unlock(&site, &mut conn, area.ring.clone())?;
        let facts = SiteFacts { values: &site.values, calendars: &site.calendars, codes: &site.codes };
        relation::refresh(&mut conn, &config.municipality, &facts)?;
        Ok(Hub {
            vault,
            site: Arc::new(site),
            store,
            conn,
            idle: Vec::new(),
            area,
            clock,
            steps: Steps::default(),
            inbox: Inbox::default(),
            progress: Progress::silent(),
            taken: std::collections::HashMap::new(),
            overdue: 0,
            arriving_since: None,
            put_off: std::collections::HashMap::new(),
            heeds_schedules: true,
            next_deadline: None,
            timeline_is_old: true,
            day_tables: None,
        })
    }

    /// A connection beside the worker's own: one left behind, or a new one.
    fn spare(&mut self) -> Result<Conn, HubError> {
        match self.idle.pop() {
            Some(conn) => Ok(conn),
            None => Ok(self.store.connect()?),
        }
    }

    /// Leaves a connection whose work went well for the next computation. Idle connections hold no pages: several full
    /// caches beside the one that works would be most of the memory.
    fn leave(&mut self, mut conn: Conn) -> Result<(), HubError> {
        if self.idle.len() < IDLE {
            conn.bound_cache(Conn::CACHE_MIB)?;
            conn.shrink()?;
            self.idle.push(conn);
        }
        Ok(())
    }

    /// The exchange of a number; one of another municipality in the same store is none.
    ///
    /// # Errors
    /// The store's.
    pub fn exchange(&mut self, id: i64) -> Result<Option<Exchange>, HubError> {
        match ledger::get(&mut self.conn, id) {
            Ok(exchange) => Ok(Some(exchange).filter(|exchange| exchange.dantai == self.dantai())),
            Err(StoreError::Missing { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The municipality all rows of this site belong to.
    pub fn dantai(&self) -> &str {
        &self.site.config.municipality
    }
}

/// Does a piece of work; a bug in it is an error of this piece alone. The connection may be inside a transaction then,
/// so a new one takes its place.
fn guarded<T>(hub: &mut Hub, work: impl FnOnce(&mut Hub) -> Result<T, HubError>) -> Result<T, HubError> {
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(hub)));
    match done {
        Ok(done) => done,
        Err(_) => {
            hub.conn = hub.store.connect()?;
            Err(HubError::Bug)
        }
    }
}
