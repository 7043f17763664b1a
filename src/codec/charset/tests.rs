//! Exhaustive where the set is finite, by property elsewhere. The digests are of listings made with other
//! implementations (CPython's codecs, glibc's iconv), so an upstream change of a table cannot pass unseen.

use std::fmt::Write as _;

use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::DecodeErrorKind::{BadTrail, NotAllowed, TruncatedChar, Unassigned};
use super::*;

const BOTH: [Charset; 2] = [Charset::Windows31j, Charset::Windows31jExact];

fn read(charset: Charset, bytes: &[u8]) -> Result<String, DecodeError> {
    let mut out = String::from("前");
    let result = charset.decode(bytes, &mut out);
    let added = out.strip_prefix("前").expect("what was there stays");
    assert!(result.is_ok() || added.is_empty(), "nothing is left behind");
    result.map(|()| added.to_owned())
}

fn write(charset: Charset, text: &str) -> Result<Vec<u8>, EncodeError> {
    let mut out = vec![0x21];
    let result = charset.encode(text, &mut out);
    assert_eq!(out[0], 0x21);
    let added = out.split_off(1);
    assert!(result.is_ok() || added.is_empty(), "nothing is left behind");
    assert_eq!(charset.encoded_len(text), result.map(|()| added.len()));
    result.map(|()| added)
}

fn refusal(charset: Charset, bytes: &[u8]) -> (usize, usize, DecodeErrorKind) {
    let error = read(charset, bytes).expect_err("must be refused");
    assert_eq!(error.bytes[..error.len], bytes[error.offset..][..error.len]);
    (error.offset, error.len, error.kind)
}

/// Every byte string of one byte, then of two with a byte above 7F in front.
fn one_and_two_bytes() -> impl Iterator<Item = Vec<u8>> {
    let two = (0x80..=0xFF).flat_map(|lead| (0..=0xFF).map(move |trail| vec![lead, trail]));
    (0..=0xFF).map(|byte| vec![byte]).chain(two)
}

/// The codes of windows-31j: strings that are one character and not two of one byte.
fn windows_codes() -> Vec<(Vec<u8>, String)> {
    one_and_two_bytes()
        .filter_map(|code| Some((read(Charset::Windows31j, &code).ok()?, code)))
        .filter(|(text, _)| text.chars().count() == 1)
        .map(|(text, code)| (code, text))
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

fn digest(listing: &str) -> String {
    hex(&Sha256::digest(listing.as_bytes())).to_lowercase()
}

#[test]
fn windows_31j_reads_the_9800_codes_of_microsoft() {
    let codes = windows_codes();
    assert_eq!(codes.len(), 9_800);
    let mut listing = String::new();
    for (code, text) in &codes {
        let value = u32::from(text.chars().next().expect("one character"));
        writeln!(listing, "{} {value:04X}", hex(code)).expect("a string grows");
    }
    let cpython = "5ee83891657ccde8230adb666f95eaa52de4aa36b77d6d4de568b62e35280fa4";
    assert_eq!(digest(&listing), cpython);
}

#[test]
fn every_code_comes_back_but_the_398_and_those_as_microsoft_writes_them() {
    let mut listing = String::new();
    for (code, text) in windows_codes() {
        let back = write(Charset::Windows31j, &text).expect("what was read can be written");
        if back != code {
            writeln!(listing, "{}>{}", hex(&code), hex(&back)).expect("a string grows");
        }
    }
    assert_eq!(listing.lines().count(), 398);
    let glibc = "b91ce8aa00a3723d739a9924145fbc0026923eab858047403ce3cb9521b6c701";
    assert_eq!(digest(&listing), glibc);
}

#[test]
fn exact_brings_every_code_back_and_tags_only_the_398() {
    let mut tags = 0;
    for (code, text) in windows_codes() {
        let exact = read(Charset::Windows31jExact, &code).expect("the same codes");
        assert_eq!(plain(&exact), text);
        if exact != text {
            tags += 1;
            let value = 0xF_0000 + u32::from(u16::from_be_bytes([code[0], code[1]]));
            assert_eq!(exact.chars().map(u32::from).collect::<Vec<_>>(), [value]);
        }
        for charset in BOTH {
            assert_eq!(write(charset, &exact), Ok(code.clone()));
        }
    }
    assert_eq!(tags, 398);
}

#[test]
fn only_the_398_tags_of_plane_15_are_written() {
    let written = (0xF_0000..=0xF_FFFF).filter_map(char::from_u32).filter(|ch| {
        let own = &ch.to_string();
        let ok = write(Charset::Windows31j, own).is_ok();
        assert_eq!(ok, plain(own) != *own);
        ok
    });
    assert_eq!(written.count(), 398);
    assert!(matches!(plain("髙𠮷\u{E000}"), std::borrow::Cow::Borrowed(_)));
}

#[test]
fn every_scalar_value_is_written_as_bytes_that_read_as_itself_or_refused() {
    for charset in Charset::all() {
        for ch in (0..=0x10_FFFF).filter_map(char::from_u32) {
            let text = ch.encode_utf8(&mut [0; 4]).to_owned();
            match write(*charset, &text) {
                Ok(bytes) if plain(&text) == text => {
                    assert_eq!(read(*charset, &bytes).as_deref(), Ok(&*text));
                }
                Ok(bytes) if *charset == Charset::Windows31jExact => {
                    assert_eq!(read(*charset, &bytes).as_deref(), Ok(&*text));
                }
                Ok(_) => assert!(matches!(charset, Charset::Windows31j | Charset::Utf8)),
                Err(error) => assert_eq!(error, EncodeError { char_index: 0, ch }),
            }
        }
    }
}

#[test]
fn contested_characters_are_written_as_microsoft_does_without_best_fit() {
    let table = [
        ("\u{FF5E}", "8160"),
        ("\u{2225}", "8161"),
        ("\u{FF0D}", "817C"),
        ("\u{2015}", "815C"),
        ("\u{E000}", "F040"),
        ("\u{E757}", "F9FC"),
        ("髙", "FBFC"),
        ("\u{FA11}", "FAB1"),
        ("ⅰ", "FA40"),
        ("Ⅰ", "8754"),
        ("￢", "81CA"),
        ("∵", "81E6"),
        ("№", "8782"),
        ("\u{80}", "80"),
        ("\u{F8F0}", "A0"),
        ("\u{F8F3}", "FF"),
        ("\\~|", "5C7E7C"),
    ];
    for (text, code) in table {
        for charset in BOTH {
            assert_eq!(hex(&write(charset, text).expect(text)), code);
        }
    }
    for text in ["¥", "‾", "〜", "‖", "−", "—", "¢", "£", "¬", "ゔ", "𠮷", "á", "©", "\u{A0}"] {
        let ch = text.chars().next().expect("one character");
        for charset in BOTH {
            let refused = write(charset, &format!("山{text}"));
            assert_eq!(refused, Err(EncodeError { char_index: 1, ch }));
        }
    }
}

#[test]
fn a_broken_character_is_refused_where_it_stands_and_nothing_is_emitted() {
    for charset in BOTH {
        assert_eq!(refusal(charset, b"A\x82"), (1, 1, TruncatedChar));
        assert_eq!(refusal(charset, b"\x81\""), (0, 2, BadTrail));
        assert_eq!(refusal(charset, b"\x8E\x52\x81\"abc,\"x\""), (2, 2, BadTrail));
        assert_eq!(refusal(charset, b"\xB1\x85\x40"), (1, 2, Unassigned));
        assert_eq!(refusal(charset, b"\xEA\xA5"), (0, 2, Unassigned));
        assert_eq!(refusal(charset, b"\x82\x7F"), (0, 2, BadTrail));
    }
    let utf8 = Charset::Utf8;
    assert_eq!(refusal(utf8, b"a\xE3\x81"), (1, 2, TruncatedChar));
    assert_eq!(refusal(utf8, b"a\xE3\x81\""), (1, 3, BadTrail));
    assert_eq!(refusal(utf8, b"\xED\xA0\x80"), (0, 2, BadTrail));
    assert_eq!(refusal(utf8, b"\x8E\x52"), (0, 1, NotAllowed));
    assert_eq!(refusal(utf8, b"\xF0\x9F\x98\x41"), (0, 4, BadTrail));
    assert_eq!(refusal(Charset::Ascii, b"a\xB1"), (1, 1, NotAllowed));
    let jis = Charset::JisX0208;
    assert_eq!(refusal(jis, b"\x21\x21\x30"), (2, 1, TruncatedChar));
    assert_eq!(refusal(jis, b"\x1B\x24\x42"), (0, 1, NotAllowed));
    assert_eq!(refusal(jis, b"\x30\x20"), (0, 2, BadTrail));
    assert_eq!(refusal(jis, b"\x2D\x21"), (0, 2, Unassigned));
}

#[test]
fn a_trail_byte_that_looks_like_a_delimiter_stays_in_its_character() {
    let text = "表|ソ\\ポ,榎|能";
    let bytes = write(Charset::Windows31j, text).expect("all of windows-31j");
    assert_eq!(hex(&bytes), "955C7C835C5C837C2C897C7C945C");
    assert_eq!(read(Charset::Windows31jExact, &bytes).as_deref(), Ok("表|ソ\\ポ,榎|能"));
}

#[test]
fn jis_x_0208_is_the_6879_characters_with_the_values_of_windows_31j() {
    let (jis, mut listing) = (Charset::JisX0208, String::new());
    for code in (0..=0xFFFF_u16).map(u16::to_be_bytes) {
        if let Ok(text) = read(jis, &code) {
            assert_eq!(write(jis, &text), Ok(code.to_vec()));
            assert!(write(Charset::Windows31j, &text).is_ok());
            let value = u32::from(text.chars().next().expect("one character"));
            writeln!(listing, "{} {value:04X}", hex(&code)).expect("a string grows");
        }
    }
    assert_eq!(listing.lines().count(), 6_879);
    let cpython = "b9f46a609b865e1b2dc831b2c26dae0bca6e0e2f1c88185a1b9d41c9af12539a";
    assert_eq!(digest(&listing), cpython);
    assert_eq!(write(jis, "　～亜"), Ok(b"\x21\x21\x21\x41\x30\x21".to_vec()));
    for text in ["①", "髙", "ｱ", "A", " ", "\u{E000}", "\u{F8790}", "〜"] {
        assert!(write(jis, text).is_err(), "{text}");
    }
}

#[test]
fn jis_x_0201_is_printable_ascii_and_half_width_kana() {
    for byte in 0..=0xFF_u8 {
        let expected = match byte {
            0x20..=0x7E => Some(char::from(byte)),
            0xA1..=0xDF => char::from_u32(0xFF61 + u32::from(byte) - 0xA1),
            _ => None,
        };
        let found = read(Charset::JisX0201, &[byte]).ok();
        assert_eq!(found, expected.map(String::from));
        if let Some(text) = found {
            assert_eq!(write(Charset::JisX0201, &text), Ok(vec![byte]));
        }
    }
    assert!(write(Charset::JisX0201, "ア").is_err());
}

#[test]
fn utf_8_keeps_bom_controls_and_unnormalised_text() {
    let text = "\u{FEFF}か\u{3099}\u{FA19}\0\r\n葛\u{E0102}\u{100000}";
    assert_eq!(read(Charset::Utf8, text.as_bytes()).as_deref(), Ok(text));
    assert_eq!(write(Charset::Utf8, text), Ok(text.as_bytes().to_vec()));
}

#[test]
fn messages_name_the_bytes_or_the_code_point_in_japanese() {
    let error = read(Charset::Windows31j, b"AB\x81\"").expect_err("broken");
    assert!(error.message_ja().starts_with("3バイト目の 81 22(16進) は"));
    assert_eq!(error.to_string(), error.message_ja());
    let error = write(Charset::Windows31j, "吉𠮷").expect_err("not there");
    assert!(error.message_ja().starts_with("2文字目の U+20BB7 は"));
}

proptest! {
    #[test]
    fn any_bytes_either_come_back_exactly_or_are_refused_inside_the_slice(
        bytes in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        for &charset in Charset::all() {
            match read(charset, &bytes) {
                Ok(text) if charset == Charset::Windows31j => {
                    let back = write(charset, &text).expect("was read");
                    prop_assert_eq!(read(charset, &back), Ok(text));
                }
                Ok(text) => prop_assert_eq!(write(charset, &text), Ok(bytes.clone())),
                Err(error) => {
                    prop_assert!((1..=4).contains(&error.len));
                    prop_assert!(error.offset + error.len <= bytes.len());
                    prop_assert!(read(charset, &bytes[..error.offset]).is_ok());
                }
            }
        }
    }

    #[test]
    fn valid_text_of_each_charset_comes_back(
        picks in proptest::collection::vec(any::<prop::sample::Index>(), 0..60),
    ) {
        let codes = windows_codes_once();
        let text: String = picks.iter().map(|pick| pick.get(codes).as_str()).collect();
        for &charset in Charset::all() {
            let own: String = text
                .chars()
                .filter(|ch| charset.encoded_len(ch.encode_utf8(&mut [0; 4])).is_ok())
                .collect();
            let bytes = write(charset, &own).expect("only characters of the charset");
            prop_assert_eq!(read(charset, &bytes), Ok(own));
        }
    }
}

fn windows_codes_once() -> &'static [String] {
    static CODES: std::sync::LazyLock<Vec<String>> =
        std::sync::LazyLock::new(|| windows_codes().into_iter().map(|(_, text)| text).collect());
    &CODES
}

#[test]
fn what_is_said_to_be_wide_holds_nothing_half_width_or_odd() {
    let half = |ch: char| ch.is_ascii() || matches!(ch, '\u{FF61}'..='\u{FF9F}');
    let odd = |ch: char| matches!(ch, '\u{80}'..='\u{9F}' | '\u{FEFF}' | '\u{FFFD}'..='\u{FFFF}');
    for charset in BOTH {
        for (lead, trail) in table::pairs() {
            let mut text = String::new();
            if charset.decode_seeing(&[lead, trail], &mut text) == Ok(true) {
                assert!(!text.chars().any(|ch| half(ch) || odd(ch)), "{lead:02X}{trail:02X}");
            }
        }
        for byte in 0..=0xFF {
            assert!(charset.decode_seeing(&[byte], &mut String::new()) != Ok(true), "{byte:02X}");
        }
    }
}
