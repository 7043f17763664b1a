//! The inbox: looks at a folder and says which entries are complete files, which must be set aside, which must wait.
//!
//! Owns: the proof of completeness and the refusal of what is no plain file. Never: moves anything or reads a file's
//! content beyond its two ends; the scan is the truth, notifications are only a reason to scan sooner.

pub mod left;
pub mod stamp;

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use stamp::Stamp;

use crate::area::open_plain;
use crate::schema::feed::{Completeness, Feed};
use crate::schema::layout::{Layout, LineEnd};

/// Most entries taken from one folder in one scan; the rest waits for the next.
pub const SCAN_LIMIT: usize = 20_000;
/// Longest file name taken, bytes.
const NAME_LIMIT: usize = 200;
/// Bytes looked at on either end of a file to see whether it still changes.
const END_BYTES: u64 = 64 * 1024;
/// Endings of files that are still being sent; they are left alone.
const UNFINISHED: [&str; 5] = [".tmp", ".part", ".filepart", ".crdownload", ".writing"];

/// First pause after an entry could not be read or moved; doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(10);
/// See [`FIRST_PAUSE`].
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);
/// Most entries remembered as left alone.
const LEFT_ALONE_LIMIT: usize = 100_000;

/// What a scan found in one entry.
#[derive(Debug, PartialEq, Eq)]
pub enum Entry {
    /// A complete file.
    Ready {
        /// As it is on disk.
        path: PathBuf,
        /// Its name; safe to show.
        name: String,
        /// The done-file or manifest that goes with it.
        companion: Option<PathBuf>,
        /// How it looked: a later write shows against it.
        stamp: Stamp,
    },
    /// Not a file that can be taken; to be set aside.
    Odd {
        /// As it is on disk.
        path: PathBuf,
        /// Its name with odd bytes escaped; safe to show.
        name: String,
        /// Finding code of the catalogue.
        code: &'static str,
        /// What is wrong, in Japanese.
        message: String,
    },
    /// Still arriving, or its companion is missing.
    Waiting {
        /// Its name; safe to show.
        name: String,
        /// Longer than its feed allows.
        overdue: bool,
    },
}

/// Size, time and ends of a file at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    stamp: Stamp,
    ends: u64,
}

/// Remembers what each file looked like, to see that it has stopped changing.
#[derive(Debug, Default)]
pub struct Inbox {
    seen: HashMap<PathBuf, (Look, Duration)>,
    /// Since when files have waited to be complete.
    waiting: HashMap<PathBuf, Duration>,
    /// Entries that could not be read or moved: until when they are left alone, and how often it failed.
    left_alone: HashMap<PathBuf, (Duration, u32)>,
    /// Where the next scan goes on in a folder that holds more than [`SCAN_LIMIT`] entries.
    next: HashMap<PathBuf, usize>,
}

impl Inbox {
    /// Looks at every entry of `folder`, in name order. `now` is any monotonic time. `layout` answers for a file name
    /// (by the feed's forms); a file that no form names is ready at once, so that it can be refused by name.
    pub fn scan(
        &mut self,
        folder: &Path,
        feed: &Feed,
        layout: &dyn Fn(&str) -> Option<std::sync::Arc<Layout>>,
        now: Duration,
    ) -> io::Result<Vec<Entry>> {
        let (mut entries, whole) = self.names(folder, feed)?;
        entries.sort();
        let mut found = Vec::new();
        for name in &entries {
            let path = folder.join(name);
            if self.left_alone.get(&path).is_some_and(|(until, _)| now < *until) {
                continue;
            }
            match self.look_at(&path, name, feed, layout, now) {
                Ok(entry) => found.extend(entry),
                // One entry that cannot be looked at stops no other.
                Err(error) => {
                    if self.leave_alone(&path, now) == 0 {
                        tracing::warn!(%error, "an inbox entry cannot be looked at, left alone for a while");
                    }
                }
            }
        }
        if whole {
            let names: HashSet<&OsStr> = entries.iter().map(OsString::as_os_str).collect();
            let there =
                |path: &PathBuf| path.parent() != Some(folder) || path.file_name().is_some_and(|n| names.contains(n));
            self.seen.retain(|path, _| there(path));
            self.waiting.retain(|path, _| there(path));
            self.left_alone.retain(|path, _| there(path));
        } else if self.seen.len() > LEFT_ALONE_LIMIT {
            self.seen.clear();
            self.waiting.clear();
        }
        Ok(found)
    }

    /// Leaves an entry alone for a while, longer each time. Says how often that was done before.
    pub fn leave_alone(&mut self, path: &Path, now: Duration) -> u32 {
        let tries = self.left_alone.get(path).map_or(0, |(_, tries)| *tries);
        if tries > 0 || self.left_alone.len() < LEFT_ALONE_LIMIT {
            let pause = FIRST_PAUSE.saturating_mul(1 << tries.min(16)).min(LONGEST_PAUSE);
            self.left_alone.insert(path.to_owned(), (now + pause, tries + 1));
        }
        tries
    }

    /// Names in the folder that are not somebody else's, at most [`SCAN_LIMIT`], and whether that is all of them. What
    /// was beyond the limit comes first at the next scan, so that no heap of entries hides a file for ever.
    fn names(&mut self, folder: &Path, feed: &Feed) -> io::Result<(Vec<OsString>, bool)> {
        let skip = self.next.remove(folder).unwrap_or(0);
        let mut names = Vec::new();
        let mut at = 0;
        for entry in fs::read_dir(folder)? {
            let name = entry?.file_name();
            if is_left_to_others(feed, &name) {
                continue;
            }
            if names.len() == SCAN_LIMIT {
                self.next.insert(folder.to_owned(), at);
                return Ok((names, false));
            }
            at += 1;
            if at > skip {
                names.push(name);
            }
        }
        Ok((names, skip == 0))
    }

    fn look_at(
        &mut self,
        path: &Path,
        name: &OsStr,
        feed: &Feed,
        layout: &dyn Fn(&str) -> Option<std::sync::Arc<Layout>>,
        now: Duration,
    ) -> io::Result<Option<Entry>> {
        let path = path.to_owned();
        let Some(shown) = plain_name(name) else {
            let message =
                "ファイル名に使えない文字（制御文字、「..」、UTF-8 でない文字など）があるか、長すぎます".to_owned();
            return Ok(Some(Entry::Odd { path, name: escaped(name), code: "bad-file-name", message }));
        };
        let meta = match fs::symlink_metadata(&path) {
            Ok(meta) => meta,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        if let Some(what) = not_a_file(&meta) {
            let message = format!("{what}が置かれています。ファイルだけを取り込みます");
            return Ok(Some(Entry::Odd { path, name: shown, code: "not-a-file", message }));
        }
        if meta.len() > feed.max_bytes {
            let message = format!("ファイルが大きすぎます（{} バイト、上限 {} バイト）", meta.len(), feed.max_bytes);
            return Ok(Some(Entry::Odd { path, name: shown, code: "file-too-big", message }));
        }
        let companion = path.parent().and_then(|folder| companion(feed, folder, &shown));
        // What lies there may be no file; whoever reads it refuses it then.
        if companion.as_ref().is_some_and(|c| fs::symlink_metadata(c).is_err()) {
            return Ok(Some(self.waits(path, shown, feed, now)));
        }
        let ready = match &feed.complete {
            Completeness::DoneFile { .. } | Completeness::Manifest { .. } | Completeness::Rename => true,
            Completeness::Stable { millis } => self.is_stable(&path, &meta, *millis, now)?,
            Completeness::Trailer { record, millis } => match layout(&shown) {
                Some(layout) => {
                    ends_with_record(&path, &layout, record)? || self.is_stable(&path, &meta, *millis, now)?
                }
                None => true,
            },
        };
        Ok(Some(match ready {
            true => Entry::Ready { path, name: shown, companion, stamp: Stamp::of(&meta) },
            false => self.waits(path, shown, feed, now),
        }))
    }

    fn waits(&mut self, path: PathBuf, name: String, feed: &Feed, now: Duration) -> Entry {
        let since = *self.waiting.entry(path).or_insert(now);
        Entry::Waiting { name, overdue: now.saturating_sub(since) >= Duration::from_secs(feed.overdue_seconds) }
    }

    fn is_stable(&mut self, path: &Path, meta: &Metadata, millis: u64, now: Duration) -> io::Result<bool> {
        let look = match look(path, meta) {
            Ok(look) => look,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(e) => return Err(e),
        };
        match self.seen.get(path) {
            Some((before, since)) if *before == look => Ok(now.saturating_sub(*since) >= Duration::from_millis(millis)),
            _ => {
                self.seen.insert(path.to_owned(), (look, now));
                Ok(millis == 0)
            }
        }
    }
}

/// The name as text, if it is one that can be shown and kept.
fn plain_name(name: &OsStr) -> Option<String> {
    let text = name.to_str()?;
    let odd = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\\')
    };
    (text.len() <= NAME_LIMIT && !text.contains("..") && !text.contains(odd)).then(|| text.to_owned())
}

/// A name for people when the name itself cannot be shown: odd bytes as `\xNN`, cut to a readable length.
fn escaped(name: &OsStr) -> String {
    name.as_bytes().iter().take(NAME_LIMIT).flat_map(|b| std::ascii::escape_default(*b)).map(char::from).collect()
}

fn not_a_file(meta: &Metadata) -> Option<&'static str> {
    let kind = meta.file_type();
    match () {
        () if kind.is_file() => None,
        () if kind.is_dir() => Some("フォルダー"),
        () if kind.is_symlink() => Some("シンボリックリンク"),
        () if kind.is_fifo() => Some("名前付きパイプ（FIFO）"),
        () => Some("ファイルでないもの（ソケット、デバイスなど）"),
    }
}

/// Path of the done-file or manifest that must lie beside a file of this name, where the feed wants one.
pub fn companion(feed: &Feed, folder: &Path, name: &str) -> Option<PathBuf> {
    companion_name(feed, name).map(|c| folder.join(c))
}

fn companion_name(feed: &Feed, name: &str) -> Option<String> {
    match &feed.complete {
        Completeness::DoneFile { suffix } => Some(format!("{name}{suffix}")),
        Completeness::Manifest { suffix } => {
            Some(format!("{}{suffix}", name.rsplit_once('.').map_or(name, |(stem, _)| stem)))
        }
        _ => None,
    }
}

/// Hidden, unfinished, or the companion of some other file? An orphan of these waits for its file; it is never taken as data.
fn is_left_to_others(feed: &Feed, name: &OsStr) -> bool {
    let Some(name) = plain_name(name) else { return false };
    name.starts_with('.') || is_unfinished(&name) || is_companion(feed, &name)
}

/// Does the name say that the file is still being sent?
pub fn is_unfinished(name: &str) -> bool {
    let lower = name.to_lowercase();
    UNFINISHED.iter().any(|end| lower.ends_with(end))
}

fn is_companion(feed: &Feed, name: &str) -> bool {
    match &feed.complete {
        Completeness::DoneFile { suffix } | Completeness::Manifest { suffix } => name.ends_with(suffix.as_str()),
        _ => false,
    }
}

fn look(path: &Path, meta: &Metadata) -> io::Result<Look> {
    let mut ends = Vec::new();
    match open_plain(path) {
        Ok(mut file) => {
            (&mut file).take(END_BYTES).read_to_end(&mut ends)?;
            if meta.len() > END_BYTES {
                file.seek(SeekFrom::Start(meta.len().saturating_sub(END_BYTES)))?;
                file.take(END_BYTES).read_to_end(&mut ends)?;
            }
        }
        // Its sender may still give the permission; if not, it is refused once it no longer changes.
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {}
        Err(e) => return Err(e),
    }
    Ok(Look { stamp: Stamp::of(meta), ends: twox_hash::XxHash3_64::oneshot(&ends) })
}

/// Does a record of this kind stand at the very end, as the layout says?
fn ends_with_record(path: &Path, layout: &Layout, record: &str) -> io::Result<bool> {
    let Some(kind) = layout.record(record).map(|i| &layout.records[i]) else { return Ok(false) };
    let Some(when) = &kind.when else { return Ok(false) };
    let field = &kind.fields[when.field];
    let mut file: File = match open_plain(path) {
        Ok(file) => file,
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => return Ok(false),
        Err(e) => return Err(e),
    };
    let bytes = file.metadata()?.len();
    let most = kind.length as u64 + 3;
    file.seek(SeekFrom::Start(bytes.saturating_sub(most)))?;
    let mut tail = Vec::new();
    file.take(most).read_to_end(&mut tail)?;
    let mut end = tail.len();
    if tail.ends_with(&[0x1A]) {
        end -= 1;
    }
    if layout.physical.line_end != LineEnd::None && tail[..end].ends_with(b"\r\n") {
        end -= 2;
    }
    let Some(start) = end.checked_sub(kind.length) else { return Ok(false) };
    let whole = layout.physical.line_end != LineEnd::None || is_whole(layout, bytes - (tail.len() - end) as u64);
    let bytes = &tail[start..end][field.offset..field.offset + field.len];
    Ok(whole && when.values.iter().any(|v| v.as_bytes() == bytes))
}

/// Without line ends a byte that looks like a trailer may stand anywhere; the size must fit as well, if all records but
/// those that occur once are of one length.
fn is_whole(layout: &Layout, bytes: u64) -> bool {
    let longest = layout.records.iter().map(|r| r.length as u64).max().unwrap_or(1).max(1);
    let once: u64 = layout.records.iter().filter(|r| r.when.is_none()).map(|r| r.length as u64).sum();
    let uniform = layout.records.iter().filter(|r| r.when.is_some()).all(|r| r.length as u64 == longest);
    !uniform || bytes.checked_sub(once).is_some_and(|rest| rest % longest == 0)
}
