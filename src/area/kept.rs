//! Files of the archive, plain or sealed.
//!
//! Owns: reading and writing either, and putting sealed ones under a new key. Never: decides which files are sealed.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use super::{Area, or_remove, sync_folder};
use crate::vault::Ring;
use crate::vault::stream::{self, SealReader, SealWriter};

impl Area {
    /// Every sealed file of the archive.
    pub fn sealed_files(&self) -> io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for folder in fs::read_dir(self.archive())? {
            let folder = folder?;
            if folder.file_type()?.is_dir() {
                for entry in fs::read_dir(folder.path())? {
                    let path = entry?.path();
                    if path.extension().is_some_and(|e| e == "sealed") {
                        found.push(path);
                    }
                }
            }
        }
        found.sort();
        Ok(found)
    }

    /// Id of the key that a sealed file is under.
    pub fn key_of(&self, path: &Path) -> io::Result<String> {
        let mut head = [0; stream::HEAD];
        File::open(path)?.read_exact(&mut head)?;
        let odd = || io::Error::new(io::ErrorKind::InvalidData, "not a sealed file");
        Ok(stream::key_of(&head).ok_or_else(odd)?.to_owned())
    }

    /// Puts a sealed file under the ring's first key; false when it is so already. The blocks stay as they are.
    pub fn reseal(&self, path: &Path, ring: &Ring) -> io::Result<bool> {
        let mut from = File::open(path)?;
        let mut old = [0; stream::HEAD];
        from.read_exact(&mut old)?;
        if stream::key_of(&old) == Some(ring.first().id()) {
            return Ok(false);
        }
        let head = stream::rehead(ring, &old)?;
        let scratch = self.work().join("reseal.unpack");
        let written = File::create(&scratch).and_then(|mut into| {
            into.write_all(&head)?;
            io::copy(&mut from, &mut into)?;
            into.sync_all()
        });
        or_remove(&scratch, written)?;
        fs::rename(&scratch, path)?;
        sync_folder(path.parent().unwrap_or(path))?;
        Ok(true)
    }
}

/// A file of the archive as it is read.
pub enum Kept {
    /// Compressed only.
    Plain(File),
    /// Compressed, then sealed.
    Sealed(SealReader<BufReader<File>>),
}

impl Read for Kept {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Kept::Plain(file) => file.read(into),
            Kept::Sealed(file) => file.read(into),
        }
    }
}

/// A file of the archive as it is written.
pub(super) enum Keeping {
    Plain(File),
    Sealed(SealWriter<File>),
}

impl Keeping {
    /// Ends the file and gives it back.
    pub(super) fn finish(self) -> io::Result<File> {
        match self {
            Keeping::Plain(file) => Ok(file),
            Keeping::Sealed(writer) => writer.finish(),
        }
    }
}

impl Write for Keeping {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Keeping::Plain(file) => file.write(bytes),
            Keeping::Sealed(writer) => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Keeping::Plain(file) => file.flush(),
            Keeping::Sealed(writer) => writer.flush(),
        }
    }
}
