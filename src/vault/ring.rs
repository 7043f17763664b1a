//! The key ring: 32-byte keys, one a line in Base64; the first is used for what is new.
//!
//! Owns: reading it, what is derived from a key. Never: writes a key file.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::VaultError;

/// Environment variable that holds the ring, lines separated by line ends or commas; it wins over the file.
pub const KEY_VARIABLE: &str = "RENKEI_VAULT_KEY";
/// Bytes of a nonce.
const NONCE: usize = 24;
/// Most keys of a ring.
const MAX_KEYS: usize = 100;
/// Largest key file, bytes.
const MAX_FILE: u64 = 64 * 1024;

/// One key, with what is derived from it. Its memory is wiped when it goes.
pub struct Key {
    id: String,
    seal: Zeroizing<[u8; 32]>,
    nonce: Zeroizing<[u8; 32]>,
    token: Zeroizing<[u8; 32]>,
}

/// All keys of a site.
pub struct Ring {
    keys: Vec<Key>,
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.keys.iter().map(Key::id)).finish()
    }
}

impl Ring {
    /// Reads a ring: one key a line; empty lines and those that begin with `#` say nothing.
    ///
    /// # Errors
    /// A line is no 32-byte key in Base64; there is none, or too many; one comes twice.
    pub fn parse(text: &str) -> Result<Ring, VaultError> {
        let mut keys: Vec<Key> = Vec::new();
        let lines = text.split(['\n', ',']).map(str::trim).enumerate();
        for (n, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            let bad = |why: &str| VaultError::BadKey(format!("{} 行目が{why}", n + 1));
            let bytes = Zeroizing::new(STANDARD.decode(line).map_err(|_| bad("Base64 ではありません"))?);
            let bytes = <&[u8; 32]>::try_from(&bytes[..]).map_err(|_| bad("32 バイトの鍵ではありません"))?;
            let key = Key::new(bytes);
            if keys.iter().any(|k| k.id == key.id) {
                return Err(bad("前の行と同じ鍵です"));
            }
            keys.push(key);
        }
        match keys.len() {
            0 => Err(VaultError::BadKey("鍵が 1 つもありません".into())),
            n if n > MAX_KEYS => Err(VaultError::BadKey(format!("鍵が多すぎます（{MAX_KEYS} 個まで）"))),
            _ => Ok(Ring { keys }),
        }
    }

    /// Reads a key file; one that others may read is refused. `None`: there is no such file.
    ///
    /// # Errors
    /// As [`Ring::parse`]; the file cannot be read or is open to others.
    pub fn read(path: &Path) -> Result<Option<Ring>, VaultError> {
        let bad = |why: String| VaultError::BadKey(format!("{}（{why}）", path.display()));
        let file = match fs::File::open(path) {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(bad(e.to_string())),
        };
        let meta = file.metadata().map_err(|e| bad(e.to_string()))?;
        if meta.permissions().mode() & 0o077 != 0 {
            return Err(bad("ほかの利用者も読めます。chmod 600 としてください".into()));
        }
        let mut text = Zeroizing::new(String::new());
        file.take(MAX_FILE).read_to_string(&mut text).map_err(|e| bad(e.to_string()))?;
        Ring::parse(&text).map(Some)
    }

    /// A ring that everybody knows: for example cases and tests, whose data are made up.
    pub fn example() -> Ring {
        Ring { keys: vec![Key::new(b"renkei: an example, not a secret")] }
    }

    /// The key that seals what is new.
    pub fn first(&self) -> &Key {
        // `parse` lets no empty ring through.
        &self.keys[0]
    }

    /// The key of that id.
    ///
    /// # Errors
    /// There is none.
    pub fn find(&self, id: &str) -> Result<&Key, VaultError> {
        self.keys.iter().find(|k| k.id == id).ok_or_else(|| VaultError::UnknownKey(id.to_owned()))
    }

    /// Ids in order; an id tells nothing of its key.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(Key::id)
    }
}

impl Key {
    fn new(bytes: &[u8; 32]) -> Key {
        let derived = |label: &[u8]| Zeroizing::new(hmac(bytes, &[label]));
        Key {
            id: hex(&hmac(bytes, &[b"renkei key id"])[..8]),
            seal: derived(b"renkei seal"),
            nonce: derived(b"renkei nonce"),
            token: derived(b"renkei token"),
        }
    }

    /// 16 hexadecimal digits that name the key.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The key of tokens that a new vault begins with.
    pub fn token_key(&self) -> Zeroizing<[u8; 32]> {
        self.token.clone()
    }

    /// Seals bytes, bound to a context: nonce and ciphertext in Base64. The nonce is a keyed hash of context and bytes, so
    /// no nonce serves two texts, and the same text is sealed the same way again.
    pub fn seal(&self, context: &str, bytes: &[u8]) -> String {
        let mac = hmac(&self.nonce[..], &[context.as_bytes(), &[0], bytes]);
        let mut nonce = [0; NONCE];
        nonce.copy_from_slice(&mac[..NONCE]);
        let mut out = nonce.to_vec();
        out.extend(encrypt(&self.seal, nonce, context.as_bytes(), bytes));
        STANDARD.encode(out)
    }

    /// Opens what [`Key::seal`] gave.
    ///
    /// # Errors
    /// It was changed, or belongs to another context or key.
    pub fn open(&self, context: &str, sealed: &str) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let bytes = STANDARD.decode(sealed).map_err(|_| VaultError::Broken)?;
        let (nonce, text) = bytes.split_first_chunk::<NONCE>().ok_or(VaultError::Broken)?;
        decrypt(&self.seal, *nonce, context.as_bytes(), text)
    }
}

/// A new random key as a line of a ring.
///
/// # Errors
/// The system gives no random bytes.
pub fn new_key() -> std::io::Result<Zeroizing<String>> {
    Ok(Zeroizing::new(STANDARD.encode(&random()?[..])))
}

/// 32 random bytes of the system.
pub(super) fn random() -> std::io::Result<Zeroizing<[u8; 32]>> {
    let mut bytes = Zeroizing::new([0; 32]);
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes[..])?;
    Ok(bytes)
}

pub(super) fn encrypt(key: &[u8; 32], nonce: [u8; NONCE], aad: &[u8], bytes: &[u8]) -> Vec<u8> {
    let cipher = XChaCha20Poly1305::new(&(*key).into());
    let sealed = cipher.encrypt(&XNonce::from(nonce), Payload { msg: bytes, aad });
    sealed.expect("texts are far shorter than the cipher's limit of 256 GB")
}

pub(super) fn decrypt(
    key: &[u8; 32],
    nonce: [u8; NONCE],
    aad: &[u8],
    bytes: &[u8],
) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let cipher = XChaCha20Poly1305::new(&(*key).into());
    let opened = cipher.decrypt(&XNonce::from(nonce), Payload { msg: bytes, aad });
    opened.map(Zeroizing::new).map_err(|_| VaultError::Broken)
}

/// HMAC-SHA256 over the parts, one after the other.
pub(super) fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, b| {
        // Writing into a String cannot fail.
        let _ = write!(out, "{b:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_is_read_line_by_line_and_mistakes_are_named_by_line() {
        let (one, two) = (new_key().unwrap(), new_key().unwrap());
        let ring = Ring::parse(&format!("# 2026\n{}\n\n{}\n", *one, *two)).unwrap();
        assert_eq!(ring.ids().count(), 2);
        assert_eq!(ring.first().id(), Ring::parse(&one).unwrap().first().id());
        let told = |text: &str| Ring::parse(text).unwrap_err().to_string();
        assert!(told("# none").contains("1 つもありません"));
        assert!(told("AAAA").contains("1 行目が32 バイト"));
        assert!(told(&format!("{}\n{}", *one, *one)).contains("2 行目が前の行と同じ"));
    }
}
