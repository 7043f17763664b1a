//! What tells, without reading it, that a file was written to.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Size, time of change and identity of a file at one moment. A rename keeps it; a write changes it, unless the sender puts
/// the time back to the nanosecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Size.
    pub bytes: u64,
    /// Seconds and nanoseconds.
    pub modified: (i64, i64),
    /// Number of the file in its file system.
    pub inode: u64,
}

impl Stamp {
    /// Of a file's metadata.
    pub fn of(meta: &Metadata) -> Stamp {
        Stamp { bytes: meta.len(), modified: (meta.mtime(), meta.mtime_nsec()), inode: meta.ino() }
    }

    /// Of what lies at a path; a link itself is looked at, not what it points at.
    pub fn at(path: &Path) -> io::Result<Stamp> {
        fs::symlink_metadata(path).map(|meta| Stamp::of(&meta))
    }
}
