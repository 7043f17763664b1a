//! Steps: the enumerated points between two durable changes. After a stop at any of them the next start finishes the
//! work; a test stops at each in turn.
//!
//! Owns: the names of the steps and the wish to stop. Never: does work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::HubError;

/// Every durable step, in the order in which a file passes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Step {
    InAnnounced,
    InMoved,
    InClaimed,
    InArchivedFile,
    InArchived,
    InStaging,
    InStaged,
    InSettled,
    InReported,
    InCleared,
    DeriveStaging,
    DeriveSettled,
    OutAnnounced,
    OutWriting,
    OutWritten,
    OutDrafted,
    OutReported,
    OutPrepared,
    OutDelivering,
    OutMoved,
    OutManifest,
    OutDelivered,
}

/// Asks at every step whether to go on.
#[derive(Clone, Default)]
pub struct Steps {
    stop: Arc<AtomicBool>,
    hook: Option<Arc<dyn Fn(Step) -> bool + Send + Sync>>,
}

impl Steps {
    /// Stops where `hook` says false; for tests.
    pub fn with_hook(hook: impl Fn(Step) -> bool + Send + Sync + 'static) -> Self {
        Steps { stop: Arc::default(), hook: Some(Arc::new(hook)) }
    }

    /// The flag a signal handler sets; work ends at the next step or batch.
    pub fn stop_flag(&self) -> Arc<AtomicBool> {
        self.stop.clone()
    }

    /// Passes a step, or stops before what follows it.
    pub fn pass(&self, step: Step) -> Result<(), HubError> {
        match &self.hook {
            Some(hook) if !hook(step) => Err(HubError::Stopped(step)),
            _ => Ok(()),
        }
    }

    /// Has a stop been asked for? Looked at between batches of long work.
    pub fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Ends long work when a stop was asked for.
    pub fn go_on(&self, step: Step) -> Result<(), HubError> {
        if self.stopping() { Err(HubError::Stopped(step)) } else { Ok(()) }
    }
}
