//! Values and files kept apart: the key ring, tokens that stand for values, sealing and opening.
//!
//! Owns: which algorithms are used, and how. XChaCha20-Poly1305 seals; HMAC-SHA256 makes tokens and derives keys; both
//! from RustCrypto. Never: touches the store or a folder; never logs or shows a value or a key.
//!
//! - [`ring`]: the site's keys. The first seals what is new, the others open what is old.
//! - [`stream`]: files, sealed block by block under a key of their own.
//!
//! A token is the same for the same value, so that rows can be joined and compared without opening anything. It tells
//! nothing to who has not the key; with the key the values of a small set (all 12-digit numbers) can be tried out, so a
//! key that became known is more than a key to be rotated: see README.

pub mod ring;
pub mod stream;

use std::sync::Arc;

use zeroize::Zeroizing;

pub use ring::{Key, Ring};

/// Begins every token.
pub const TOKEN: &str = "vault:";
/// Bytes of the keyed hash in a token; 32 hexadecimal digits.
const TOKEN_BYTES: usize = 16;

/// Why something could not be opened or used. No message names a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// No key is configured.
    #[error(
        "個人番号などを暗号化する鍵（vault.key）がありません。これまで使っていた鍵があれば、そのファイルを元の場所に戻してください\
         （新しい鍵では、今ある値を開けません）。はじめて使うときだけ、renkei vault new-key で作り、[vault] key_file の場所か環境変数 {} に置いてください",
        ring::KEY_VARIABLE
    )]
    NoKey,
    /// The key file cannot be used; the reason in Japanese.
    #[error("金庫の鍵を読めません: {0}")]
    BadKey(String),
    /// It was sealed by a key that the ring does not hold.
    #[error("金庫の鍵 {0} が鍵の一覧にありません。以前の鍵も残してください")]
    UnknownKey(String),
    /// It was changed, or sealed by another key of the same name.
    #[error("金庫の中身が壊れているか、書き換えられています")]
    Broken,
    /// A token that stands for nothing.
    #[error("金庫にない値です")]
    Missing,
}

/// The open vault of a site: keys and the key of tokens.
pub struct Vault {
    /// The site's keys.
    pub ring: Arc<Ring>,
    token_key: Zeroizing<[u8; 32]>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault")
    }
}

impl Vault {
    /// A vault whose tokens are made with `token_key`.
    pub fn new(ring: Arc<Ring>, token_key: Zeroizing<[u8; 32]>) -> Self {
        Vault { ring, token_key }
    }

    /// What stands for a value: `vault:` and 32 hexadecimal digits.
    pub fn token(&self, value: &str) -> String {
        let mac = ring::hmac(&self.token_key[..], &[value.as_bytes()]);
        format!("{TOKEN}{}", ring::hex(&mac[..TOKEN_BYTES]))
    }

    /// Seals a value under the first key, bound to its token: the key's id and Base64.
    pub fn seal(&self, token: &str, value: &str) -> (String, String) {
        let key = self.ring.first();
        (key.id().to_owned(), key.seal(token, value.as_bytes()))
    }

    /// Opens what [`Vault::seal`] gave.
    ///
    /// # Errors
    /// The key is not in the ring; the text was changed.
    pub fn open(&self, token: &str, key_id: &str, sealed: &str) -> Result<Zeroizing<String>, VaultError> {
        let mut bytes = self.ring.find(key_id)?.open(token, sealed)?;
        let text = String::from_utf8(std::mem::take(&mut *bytes)).map_err(|_| VaultError::Broken)?;
        Ok(Zeroizing::new(text))
    }
}

/// Has a text the form of a token?
pub fn is_token(text: &str) -> bool {
    text.strip_prefix(TOKEN).is_some_and(|hex| {
        hex.len() == TOKEN_BYTES * 2 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault() -> Vault {
        let ring = Arc::new(Ring::example());
        let token_key = ring.first().token_key();
        Vault::new(ring, token_key)
    }

    #[test]
    fn equal_values_have_equal_tokens_and_a_token_shows_no_value() {
        let vault = vault();
        let token = vault.token("123456789018");
        assert_eq!(token, vault.token("123456789018"));
        assert_ne!(token, vault.token("123456789019"));
        assert!(is_token(&token) && !token.contains("123456789018"));
        assert!(!is_token("vault:xyz"));
    }

    #[test]
    fn what_is_sealed_opens_for_its_token_and_key_alone() {
        let vault = vault();
        let token = vault.token("123456789018");
        let (key, sealed) = vault.seal(&token, "123456789018");
        assert!(!sealed.contains("123456789018"));
        assert_eq!(*vault.open(&token, &key, &sealed).unwrap(), "123456789018");
        assert_eq!(vault.open("vault:0", &key, &sealed), Err(VaultError::Broken));
        assert_eq!(vault.open(&token, "ffff", &sealed), Err(VaultError::UnknownKey("ffff".into())));
        let mut other = sealed.clone().into_bytes();
        other[40] ^= 1;
        assert!(vault.open(&token, &key, &String::from_utf8(other).unwrap()).is_err());
    }
}
