//! Files sealed block by block: each under a random key of its own, which the ring seals in the head.
//!
//! ```text
//! "RENKEIV1" · id of the ring's key (16) · sealed file key, Base64 (96) · blocks
//! ```
//! A block is up to [`BLOCK`] bytes and its tag. Its nonce holds its number and whether it is the last, so that blocks
//! cannot be exchanged, and a file that was cut off does not open to its end. A new ring key needs a new head only.
//!
//! Owns: that form. Never: opens a file itself.

use std::io::{self, BufRead, Read, Write};

use zeroize::Zeroizing;

use super::VaultError;
use super::ring::{Ring, decrypt, encrypt, random};

/// First bytes of a sealed file.
pub const MAGIC: &[u8; 8] = b"RENKEIV1";
/// Bytes of a block before sealing.
pub const BLOCK: usize = 64 * 1024;
/// Bytes the cipher adds to a block.
const TAG: usize = 16;
/// Digits of a key's id.
const ID: usize = 16;
/// Base64 of nonce, file key and tag: 24 + 32 + 16 bytes.
const SEALED_KEY: usize = 96;
/// Bytes before the first block.
pub const HEAD: usize = MAGIC.len() + ID + SEALED_KEY;
/// What a file key is bound to.
const CONTEXT: &str = "renkei file";

/// Seals what is written to it; [`SealWriter::finish`] ends the file.
pub struct SealWriter<W: Write> {
    into: W,
    key: Zeroizing<[u8; 32]>,
    number: u64,
    block: Zeroizing<Vec<u8>>,
}

impl<W: Write> SealWriter<W> {
    /// Begins a file under a new random key.
    ///
    /// # Errors
    /// The system gives no random bytes; writing fails.
    pub fn new(ring: &Ring, mut into: W) -> io::Result<Self> {
        let key = random()?;
        into.write_all(&head(ring, &key))?;
        Ok(SealWriter { into, key, number: 0, block: Zeroizing::new(Vec::with_capacity(BLOCK)) })
    }

    /// Writes the last block; gives the file back.
    ///
    /// # Errors
    /// Writing fails.
    pub fn finish(mut self) -> io::Result<W> {
        self.put(true)?;
        self.into.flush()?;
        Ok(self.into)
    }

    fn put(&mut self, last: bool) -> io::Result<()> {
        self.into.write_all(&encrypt(&self.key, nonce(self.number, last), b"", &self.block))?;
        self.number += 1;
        self.block.clear();
        Ok(())
    }
}

impl<W: Write> Write for SealWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full block waits until it is known not to be the last.
        if self.block.len() == BLOCK && !bytes.is_empty() {
            self.put(false)?;
        }
        let taken = bytes.len().min(BLOCK - self.block.len());
        self.block.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.into.flush()
    }
}

/// Opens a sealed file as it is read. What was changed or cut off is [`io::ErrorKind::InvalidData`].
pub struct SealReader<R: BufRead> {
    from: R,
    key: Zeroizing<[u8; 32]>,
    number: u64,
    block: Zeroizing<Vec<u8>>,
    at: usize,
    done: bool,
}

impl<R: BufRead> SealReader<R> {
    /// Reads the head.
    ///
    /// # Errors
    /// It is no sealed file, or its key is not in the ring.
    pub fn new(ring: &Ring, mut from: R) -> io::Result<Self> {
        let mut head = [0; HEAD];
        from.read_exact(&mut head)?;
        let key = file_key(ring, &head)?;
        Ok(SealReader { from, key, number: 0, block: Zeroizing::new(Vec::new()), at: 0, done: false })
    }

    fn next(&mut self) -> io::Result<()> {
        let mut sealed = Vec::with_capacity(BLOCK + TAG);
        (&mut self.from).take((BLOCK + TAG) as u64).read_to_end(&mut sealed)?;
        let last = self.from.fill_buf()?.is_empty();
        self.block = decrypt(&self.key, nonce(self.number, last), b"", &sealed).map_err(invalid)?;
        (self.number, self.at, self.done) = (self.number + 1, 0, last);
        Ok(())
    }
}

impl<R: BufRead> Read for SealReader<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at == self.block.len() && !self.done {
            self.next()?;
        }
        let taken = into.len().min(self.block.len() - self.at);
        into[..taken].copy_from_slice(&self.block[self.at..self.at + taken]);
        self.at += taken;
        Ok(taken)
    }
}

/// Id of the ring's key that a sealed file's head names; `None`: it is no such head.
pub fn key_of(head: &[u8]) -> Option<&str> {
    let rest = head.strip_prefix(MAGIC)?;
    std::str::from_utf8(rest.get(..ID)?).ok()
}

/// The same file's head under the ring's first key.
///
/// # Errors
/// As [`SealReader::new`].
pub fn rehead(ring: &Ring, old: &[u8; HEAD]) -> io::Result<Vec<u8>> {
    Ok(head(ring, &*file_key(ring, old)?))
}

fn head(ring: &Ring, key: &[u8; 32]) -> Vec<u8> {
    let first = ring.first();
    let mut head = MAGIC.to_vec();
    head.extend_from_slice(first.id().as_bytes());
    head.extend_from_slice(first.seal(CONTEXT, key).as_bytes());
    head
}

fn file_key(ring: &Ring, head: &[u8; HEAD]) -> io::Result<Zeroizing<[u8; 32]>> {
    let id = key_of(head).ok_or_else(|| invalid(VaultError::Broken))?;
    let sealed = std::str::from_utf8(&head[HEAD - SEALED_KEY..]).map_err(|_| invalid(VaultError::Broken))?;
    let bytes = ring.find(id).and_then(|key| key.open(CONTEXT, sealed)).map_err(invalid)?;
    let key = <[u8; 32]>::try_from(&bytes[..]).map_err(|_| invalid(VaultError::Broken))?;
    Ok(Zeroizing::new(key))
}

/// Number of the block, and whether it is the last.
fn nonce(number: u64, last: bool) -> [u8; 24] {
    let mut nonce = [0; 24];
    nonce[..8].copy_from_slice(&number.to_be_bytes());
    nonce[8] = u8::from(last);
    nonce
}

fn invalid(error: VaultError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(bytes: &[u8]) -> Vec<u8> {
        let mut writer = SealWriter::new(&Ring::example(), Vec::new()).unwrap();
        writer.write_all(bytes).unwrap();
        writer.finish().unwrap()
    }

    fn opened(sealed: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        SealReader::new(&Ring::example(), sealed)?.read_to_end(&mut out)?;
        Ok(out)
    }

    #[test]
    fn what_is_sealed_opens_whole_and_what_was_cut_or_changed_does_not() {
        for size in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK] {
            let bytes: Vec<u8> = (0..size).map(|i| (i % 251) as u8).collect();
            let file = sealed(&bytes);
            assert_eq!(opened(&file).unwrap(), bytes, "{size}");
            assert!(opened(&file[..file.len() - 1]).is_err(), "{size}");
            if size > BLOCK {
                assert!(opened(&file[..HEAD + BLOCK + TAG]).is_err(), "whole blocks are gone: {size}");
            }
            let mut other = file.clone();
            let at = other.len() - 1;
            other[at] ^= 1;
            assert!(opened(&other).is_err(), "{size}");
        }
    }

    #[test]
    fn a_new_head_serves_the_same_blocks() {
        let old = super::super::ring::new_key().unwrap();
        let new = super::super::ring::new_key().unwrap();
        let mut writer = SealWriter::new(&Ring::parse(&old).unwrap(), Vec::new()).unwrap();
        writer.write_all(b"text").unwrap();
        let file = writer.finish().unwrap();
        let both = Ring::parse(&format!("{}\n{}", *new, *old)).unwrap();
        let mut moved = rehead(&both, file[..HEAD].try_into().unwrap()).unwrap();
        moved.extend_from_slice(&file[HEAD..]);
        let mut out = String::new();
        SealReader::new(&Ring::parse(&new).unwrap(), &moved[..]).unwrap().read_to_string(&mut out).unwrap();
        assert_eq!(out, "text");
    }
}
