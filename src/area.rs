//! The folders renkei works in, and the archive of raw files: content-addressed, compressed, never changed.
//!
//! Owns: every path below `data/`. Never: builds a path from a name that somebody dropped.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use sha2::{Digest, Sha256};

use crate::vault::stream::{SealReader, SealWriter};
use crate::vault::{Ring, VaultError};

mod kept;

use kept::{Keeping, Kept};

/// Bytes moved at a time when a file is copied, hashed and compressed.
const BLOCK: usize = 1 << 20;
/// Bytes of one of the blocks that a file system says a file takes.
const BLOCK_UNIT: u64 = 512;
/// Blocks on their way to be compressed.
const BLOCKS: usize = 4;
/// zstd level: fast, and personal data compresses well enough.
const LEVEL: i32 = 1;

/// Endings of files in the work folder that are of no use once the work on them was interrupted.
const SCRATCH: [&str; 5] = ["draft", "zst", "unpack", "copy", "tmp"];

/// The folders of one site.
#[derive(Debug, Clone)]
pub struct Area {
    /// Where files are dropped: one folder an interface.
    pub inbox: PathBuf,
    /// Where files leave from: one folder an interface.
    pub outbox: PathBuf,
    /// Everything renkei keeps for itself.
    pub data: PathBuf,
    /// Keys under which files are kept that hold values of the vault.
    pub ring: Option<Arc<Ring>>,
}

/// What is known of a file once it is in the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archived {
    /// SHA-256 of the bytes as received, lower-case hex.
    pub sha256: String,
    /// Their number.
    pub bytes: u64,
}

/// A file compressed for the archive that has no name there yet.
#[derive(Debug)]
pub struct Packed {
    archived: Archived,
    scratch: PathBuf,
    sealed: bool,
}

impl AsRef<Archived> for Packed {
    fn as_ref(&self) -> &Archived {
        &self.archived
    }
}

impl AsRef<Archived> for Archived {
    fn as_ref(&self) -> &Archived {
        self
    }
}

impl Area {
    /// Makes the folders that are missing.
    pub fn create(&self) -> io::Result<()> {
        for folder in
            [self.inbox.clone(), self.outbox.clone(), self.work(), self.archive(), self.reports(), self.set_aside()]
        {
            fs::create_dir_all(folder)?;
        }
        // Archive, store and reports hold personal data: nobody but the service's own account looks in.
        fs::set_permissions(&self.data, fs::Permissions::from_mode(0o700))
    }

    /// Claimed files and drafts, by exchange number.
    pub fn work(&self) -> PathBuf {
        self.data.join("work")
    }

    /// Raw files by hash.
    pub fn archive(&self) -> PathBuf {
        self.data.join("archive")
    }

    /// Reports by day and exchange.
    pub fn reports(&self) -> PathBuf {
        self.data.join("report")
    }

    /// What was in an inbox and is no file that can be taken (folders, links, odd names), by exchange number.
    pub fn set_aside(&self) -> PathBuf {
        self.data.join("set-aside")
    }

    /// Entries and bytes set aside, looked at until one of the bounds is reached. What lies in a folder counts too, if its
    /// sender lets us look; bytes are those that take room, for a file of holes may claim any size.
    pub fn set_aside_size(&self, most_files: u64, most_bytes: u64) -> io::Result<(u64, u64)> {
        let (mut files, mut bytes) = (0, 0);
        let mut open = vec![self.set_aside()];
        while let Some(folder) = open.pop() {
            let entries = match fs::read_dir(&folder) {
                Err(_) if folder != self.set_aside() => continue,
                entries => entries?,
            };
            for entry in entries {
                let entry = entry?;
                let Ok(meta) = entry.metadata() else { continue };
                files += 1;
                bytes += meta.blocks() * BLOCK_UNIT;
                if files >= most_files || bytes >= most_bytes {
                    return Ok((files, bytes));
                }
                if meta.is_dir() {
                    open.push(entry.path());
                }
            }
        }
        Ok((files, bytes))
    }

    /// Removes what was half written into the work folder when a stop came; all of it is written anew. To be called only
    /// while nobody works here.
    pub fn sweep_scratch(&self) -> io::Result<()> {
        for entry in fs::read_dir(self.work())? {
            let path = entry?.path();
            if path.extension().and_then(|e| e.to_str()).is_some_and(|e| SCRATCH.contains(&e)) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// Where the bytes with this hash are kept.
    pub fn archived_path(&self, sha256: &str) -> PathBuf {
        self.archive().join(&sha256[..2]).join(format!("{sha256}.zst"))
    }

    /// Hashes and compresses `from` into the archive; the same bytes are kept once. The archived copy is durable when
    /// this returns.
    pub fn archive_file(&self, from: &mut impl Read, scratch_name: &str) -> io::Result<Archived> {
        let packed = self.pack(from, scratch_name)?;
        self.keep(packed)
    }

    /// [`Area::archive_file`] for a file that holds values of the vault: kept sealed, and no copy of it unsealed.
    pub fn archive_sealed(&self, from: &mut impl Read, scratch_name: &str) -> io::Result<Archived> {
        let no_key = || io::Error::new(io::ErrorKind::PermissionDenied, VaultError::NoKey);
        let ring = self.ring.as_deref().ok_or_else(no_key)?;
        let packed = self.pack_into(from, scratch_name, |file| Ok(Keeping::Sealed(SealWriter::new(ring, file)?)))?;
        let archived = self.keep(Packed { sealed: true, ..packed })?;
        let plain = self.archived_path(&archived.sha256);
        if plain.exists() {
            fs::remove_file(&plain)?;
        }
        Ok(archived)
    }

    fn keep(&self, packed: Packed) -> io::Result<Archived> {
        or_remove(&packed.scratch, File::open(&packed.scratch).and_then(|f| f.sync_all()))?;
        let archived = self.place(packed)?;
        sync_folder(&self.archive().join(&archived.sha256[..2]))?;
        sync_folder(&self.archive())?;
        Ok(archived)
    }

    /// Hashes and compresses `from` into a scratch file. It must be durable before it is placed: what bears a name in the
    /// archive is whole, whatever happened to the machine.
    pub fn pack(&self, from: &mut impl Read, scratch_name: &str) -> io::Result<Packed> {
        self.pack_into(from, scratch_name, |file| Ok(Keeping::Plain(file)))
    }

    fn pack_into(
        &self,
        from: &mut impl Read,
        scratch_name: &str,
        keeping: impl FnOnce(File) -> io::Result<Keeping>,
    ) -> io::Result<Packed> {
        let scratch = self.work().join(format!("{scratch_name}.zst"));
        let packed = File::create(&scratch).and_then(keeping).and_then(|into| hash_and_compress(from, into));
        let (sha256, bytes) = or_remove(&scratch, packed)?;
        Ok(Packed { archived: Archived { sha256, bytes }, scratch, sealed: false })
    }

    /// Gives a packed file its name in the archive; the caller makes the name durable.
    pub fn place(&self, packed: Packed) -> io::Result<Archived> {
        let sha256 = &packed.archived.sha256;
        let (plain, sealed) = (self.archived_path(sha256), self.sealed_path(sha256));
        let target = if packed.sealed { &sealed } else { &plain };
        if target.exists() || sealed.exists() {
            fs::remove_file(&packed.scratch)?;
        } else {
            let folder = target.parent().expect("an archived path has a folder");
            let placed = fs::create_dir_all(folder).and_then(|()| fs::rename(&packed.scratch, target));
            or_remove(&packed.scratch, placed)?;
        }
        Ok(packed.archived)
    }

    /// Waits until everything written on the file system of the data folder is on the disk: for many files cheaper than
    /// one by one.
    pub fn make_all_durable(&self) -> io::Result<()> {
        Ok(rustix::fs::syncfs(File::open(self.archive())?)?)
    }

    /// Where the bytes with this hash are kept if they are sealed.
    pub fn sealed_path(&self, sha256: &str) -> PathBuf {
        self.archived_path(sha256).with_extension("sealed")
    }

    /// Opens the archived bytes for reading, sealed or not.
    pub fn open_archived(&self, sha256: &str) -> io::Result<zstd::Decoder<'static, BufReader<Kept>>> {
        let kept = match File::open(self.sealed_path(sha256)) {
            Ok(file) => {
                let no_key = || io::Error::new(io::ErrorKind::PermissionDenied, VaultError::NoKey);
                let ring = self.ring.as_deref().ok_or_else(no_key)?;
                Kept::Sealed(SealReader::new(ring, BufReader::with_capacity(BLOCK, file))?)
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => Kept::Plain(File::open(self.archived_path(sha256))?),
            Err(e) => return Err(e),
        };
        zstd::Decoder::new(kept)
    }

    /// Writes the archived bytes out, unpacked on another thread; gives the hash of what was written.
    pub fn unpack_archived(&self, sha256: &str, out: &mut impl Write) -> io::Result<String> {
        let mut from = self.open_archived(sha256)?;
        let mut sha = Sha256::new();
        std::thread::scope(|scope| {
            let (full, to_write) = sync_channel::<Vec<u8>>(BLOCKS);
            let (empty, back) = sync_channel::<Vec<u8>>(BLOCKS * 2);
            let unpacking = scope.spawn(move || -> io::Result<()> {
                loop {
                    let mut block = back.try_recv().unwrap_or_default();
                    if next_block(&mut from, &mut block)? == 0 || full.send(block).is_err() {
                        return Ok(());
                    }
                }
            });
            let written = to_write.iter().try_for_each(|block| {
                sha.update(&block);
                out.write_all(&block)?;
                let _ = empty.try_send(block);
                Ok::<_, io::Error>(())
            });
            // Whoever unpacks for nobody must not wait.
            drop(to_write);
            let unpacked = unpacking.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            written.and(unpacked)
        })?;
        Ok(hex(&sha.finalize()))
    }
}

/// Hashes on this thread and compresses on another, once there is more than one block; gives hash and size.
fn hash_and_compress(from: &mut impl Read, into: Keeping) -> io::Result<(String, u64)> {
    let mut out = zstd::Encoder::new(into, LEVEL)?;
    let mut sha = Sha256::new();
    let mut block = Vec::new();
    let mut bytes = next_block(from, &mut block)? as u64;
    sha.update(&block);
    if bytes < BLOCK as u64 {
        out.write_all(&block)?;
        out.finish()?.finish()?;
        return Ok((hex(&sha.finalize()), bytes));
    }
    std::thread::scope(|scope| {
        let (full, to_compress) = sync_channel::<Vec<u8>>(BLOCKS);
        let (empty, back) = sync_channel::<Vec<u8>>(BLOCKS * 2);
        let compressing = scope.spawn(move || {
            for block in to_compress {
                out.write_all(&block)?;
                let _ = empty.try_send(block);
            }
            out.finish()?.finish()
        });
        loop {
            let next = back.try_recv().unwrap_or_default();
            if full.send(std::mem::replace(&mut block, next)).is_err() {
                break;
            }
            let read = next_block(from, &mut block)?;
            if read == 0 {
                break;
            }
            sha.update(&block);
            bytes += read as u64;
        }
        drop(full);
        compressing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })?;
    Ok((hex(&sha.finalize()), bytes))
}

/// Reads up to [`BLOCK`] bytes; fewer only at the end of the file.
fn next_block(from: &mut impl Read, block: &mut Vec<u8>) -> io::Result<usize> {
    block.clear();
    from.take(BLOCK as u64).read_to_end(block)
}

/// SHA-256 of a file, lower-case hex, and its size.
pub fn hash_file(path: &Path) -> io::Result<Archived> {
    let mut file = open_plain(path)?;
    let mut sha = Sha256::new();
    let mut block = vec![0; BLOCK];
    let mut bytes = 0;
    loop {
        let n = file.read(&mut block)?;
        if n == 0 {
            break;
        }
        sha.update(&block[..n]);
        bytes += n as u64;
    }
    Ok(Archived { sha256: hex(&sha.finalize()), bytes })
}

/// Opens an ordinary file without following a link and without waiting for a FIFO's other end. What is no ordinary file
/// is [`io::ErrorKind::InvalidInput`].
pub fn open_plain(path: &Path) -> io::Result<File> {
    let odd = || io::Error::new(io::ErrorKind::InvalidInput, "not an ordinary file");
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let opened = OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path);
    let file = match opened {
        // A link, or a socket.
        Err(e)
            if [rustix::io::Errno::LOOP, rustix::io::Errno::NXIO]
                .iter()
                .any(|odd| e.raw_os_error() == Some(odd.raw_os_error())) =>
        {
            return Err(odd());
        }
        opened => opened?,
    };
    if file.metadata()?.is_file() { Ok(file) } else { Err(odd()) }
}

/// Copies an ordinary file to where nothing lies yet, durably; it is there whole or not at all. A file that is written to
/// meanwhile is [`io::ErrorKind::WouldBlock`]; one that grows for ever is not followed.
pub fn copy_whole(from: &Path, to: &Path) -> io::Result<()> {
    let scratch = to.with_extension("copy");
    let copied = open_plain(from).and_then(|mut file| {
        let stat = |file: &File| file.metadata().and_then(|m| Ok((m.len(), m.modified()?)));
        let before = stat(&file)?;
        let mut out = File::create(&scratch)?;
        let bytes = io::copy(&mut (&mut file).take(before.0.saturating_add(1)), &mut out)?;
        if bytes != before.0 || stat(&file)? != before {
            return Err(io::Error::new(io::ErrorKind::WouldBlock, "the file is still being written"));
        }
        out.sync_all()?;
        fs::rename(&scratch, to)
    });
    or_remove(&scratch, copied)
}

/// Removes what was half written when writing it failed: on a full disk it would leave no room for anything else.
pub fn or_remove<T>(scratch: &Path, written: io::Result<T>) -> io::Result<T> {
    if written.is_err() {
        let _ = fs::remove_file(scratch);
    }
    written
}

/// Makes renames in a folder durable.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Writes a small file so that it is either there whole or not at all.
pub fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut scratch = path.as_os_str().to_owned();
    scratch.push(".tmp");
    let scratch = PathBuf::from(scratch);
    let mut file = File::create(&scratch)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&scratch, path)
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    })
}
