//! The outbox: puts a confirmed file where its partner takes it, once.
//!
//! Owns: the order prepare → data → manifest. Never: decides that a file may leave.
//!
//! The prepared copies are tokens: they are renamed into the outbox, so after a stop the absence of a token says that its
//! file has been handed over, and it is not handed over again even if the partner has taken it away meanwhile. That holds
//! while `data/` and `outbox/` are on one file system; across two the copy is made beside the target and the token removed
//! after the rename, and a stop between the two hands the same bytes over a second time under the same name.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::area::{Area, hash_file, or_remove, sync_folder, write_whole};

/// One file on its way out.
#[derive(Debug, Clone)]
pub struct Parcel<'a> {
    /// Number of the exchange; names the tokens.
    pub exchange: i64,
    /// SHA-256 of the archived bytes.
    pub sha256: &'a str,
    /// Folder of the interface in the outbox.
    pub folder: PathBuf,
    /// File name the partner expects.
    pub name: &'a str,
    /// Suffix and content of the manifest, where the partner waits for one.
    pub manifest: Option<(&'a str, String)>,
}

impl Parcel<'_> {
    fn token(&self, area: &Area, what: &str) -> PathBuf {
        area.work().join(format!("{}.{what}", self.exchange))
    }

    /// Does a file of this name that the partner has not taken yet lie there? It would be lost.
    pub fn is_blocked(&self) -> bool {
        let manifest = self.manifest.as_ref().map(|(suffix, _)| manifest_name(self.name, suffix));
        let names = [Some(self.name), manifest.as_deref()];
        names.into_iter().flatten().any(|name| fs::symlink_metadata(self.folder.join(name)).is_ok())
    }

    /// Makes the tokens: the archived bytes, unpacked, checked against their hash and durable; and the manifest.
    pub fn prepare(&self, area: &Area) -> io::Result<()> {
        let scratch = self.token(area, "unpack");
        or_remove(&scratch, self.unpack(area, &scratch))?;
        fs::rename(&scratch, self.token(area, "deliver"))?;
        if let Some((_, content)) = &self.manifest {
            write_whole(&self.token(area, "manifest"), content.as_bytes())?;
        }
        sync_folder(&area.work())
    }

    fn unpack(&self, area: &Area, scratch: &Path) -> io::Result<()> {
        let mut out = File::create(scratch)?;
        if area.unpack_archived(self.sha256, &mut out)? != self.sha256 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the archived bytes no longer have their hash"));
        }
        out.sync_all()
    }

    /// Hands the data over, if that is not done yet.
    pub fn place(&self, area: &Area) -> io::Result<()> {
        self.hand_over(&self.token(area, "deliver"), &self.folder.join(self.name))
    }

    /// Hands the manifest over, if there is one and that is not done yet; last of all, since partners wait for it.
    pub fn place_manifest(&self, area: &Area) -> io::Result<()> {
        match &self.manifest {
            Some((suffix, _)) => {
                self.hand_over(&self.token(area, "manifest"), &self.folder.join(manifest_name(self.name, suffix)))
            }
            None => Ok(()),
        }
    }

    /// Moves a token to its target, and never onto another file: what the partner has not taken yet would be lost.
    fn hand_over(&self, token: &Path, target: &Path) -> io::Result<()> {
        if !token.exists() {
            return Ok(());
        }
        match rename_new(token, target) {
            Err(e) if e.kind() == io::ErrorKind::CrossesDevices => {
                // A stop between rename and removal: the same bytes lie there already.
                if !is_same(token, target)? {
                    let scratch = self.folder.join(format!(".{}.tmp", self.exchange));
                    or_remove(&scratch, copy_durably(token, &scratch).and_then(|()| rename_new(&scratch, target)))?;
                }
                fs::remove_file(token)?;
            }
            other => other?,
        }
        sync_folder(&self.folder)
    }
}

/// Renames, unless something of that name is there: [`io::ErrorKind::AlreadyExists`].
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // A file system that cannot promise it; one worker works here, so a look before does.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) if fs::symlink_metadata(to).is_err() => {
            fs::rename(from, to)
        }
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => Err(io::ErrorKind::AlreadyExists.into()),
        renamed => Ok(renamed?),
    }
}

fn copy_durably(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to)?;
    File::open(to)?.sync_all()
}

/// Do both hold the same bytes? What is missing or no ordinary file holds none.
fn is_same(one: &Path, other: &Path) -> io::Result<bool> {
    match hash_file(other) {
        Ok(there) => Ok(hash_file(one)? == there),
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidInput) => Ok(false),
        Err(e) => Err(e),
    }
}

/// The manifest's name: the suffix in place of the file's extension.
pub fn manifest_name(name: &str, suffix: &str) -> String {
    let stem = Path::new(name).file_stem().and_then(|s| s.to_str()).unwrap_or(name);
    format!("{stem}{suffix}")
}
