//! The outbox: puts a confirmed file where its partner takes it, once.
//!
//! Owns: the order copy → rename → manifest. Never: decides that a file may leave.
//!
//! The prepared copy is a token: it is renamed into the outbox, so after a stop its absence says that the file has been
//! handed over, and it is not handed over again even if the partner has taken it away meanwhile. That holds while `data/`
//! and `outbox/` are on one file system; across two the copy is made beside the target and the token removed after the
//! rename, and a stop between the two hands the same bytes over a second time under the same name.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::area::{Area, sync_folder, write_whole};

/// One file on its way out.
#[derive(Debug, Clone)]
pub struct Parcel<'a> {
    /// Number of the exchange; names the token.
    pub exchange: i64,
    /// SHA-256 of the archived bytes.
    pub sha256: &'a str,
    /// Folder of the interface in the outbox.
    pub folder: PathBuf,
    /// File name the partner expects.
    pub name: &'a str,
}

impl Parcel<'_> {
    fn token(&self, area: &Area) -> PathBuf {
        area.work().join(format!("{}.deliver", self.exchange))
    }

    /// Makes the token: the archived bytes, unpacked and durable.
    pub fn prepare(&self, area: &Area) -> io::Result<()> {
        let token = self.token(area);
        let scratch = token.with_extension("deliver.tmp");
        let mut out = File::create(&scratch)?;
        io::copy(&mut area.open_archived(self.sha256)?, &mut out)?;
        out.sync_all()?;
        let unpacked = crate::area::hash_file(&scratch)?;
        if unpacked.sha256 != self.sha256 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the archived bytes no longer have their hash"));
        }
        fs::rename(&scratch, &token)?;
        sync_folder(&area.work())
    }

    /// Hands the file over if the token is still here. Says whether it was.
    pub fn place(&self, area: &Area) -> io::Result<bool> {
        let token = self.token(area);
        let target = self.folder.join(self.name);
        if !token.exists() {
            return Ok(false);
        }
        match fs::rename(&token, &target) {
            Err(e) if e.kind() == io::ErrorKind::CrossesDevices => {
                let scratch = self.folder.join(format!(".{}.tmp", self.exchange));
                fs::copy(&token, &scratch)?;
                File::open(&scratch)?.sync_all()?;
                fs::rename(&scratch, &target)?;
                fs::remove_file(&token)?;
            }
            other => other?,
        }
        sync_folder(&self.folder)?;
        Ok(true)
    }

    /// Writes the manifest beside the file; last of all, since partners wait for it.
    pub fn write_manifest(&self, suffix: &str, lines: &str) -> io::Result<PathBuf> {
        let path = self.folder.join(manifest_name(self.name, suffix));
        write_whole(&path, lines.as_bytes())?;
        sync_folder(&self.folder)?;
        Ok(path)
    }
}

/// The manifest's name: the suffix in place of the file's extension.
pub fn manifest_name(name: &str, suffix: &str) -> String {
    let stem = Path::new(name).file_stem().and_then(|s| s.to_str()).unwrap_or(name);
    format!("{stem}{suffix}")
}
