//! Check digits of the numbers that Japanese offices use.
//!
//! Owns: the arithmetic. Never: decides how bad a wrong one is.

use super::layout::CheckDigit;

impl CheckDigit {
    /// Words of TOML files and the rule each names.
    pub const WORDS: [(&'static str, CheckDigit); 6] = [
        ("kojin-bango", CheckDigit::MyNumber),
        ("juminhyo-code", CheckDigit::ResidentCode),
        ("dantai-code", CheckDigit::Municipality),
        ("hojin-bango", CheckDigit::Corporate),
        ("luhn", CheckDigit::Luhn),
        ("gs1", CheckDigit::Gs1),
    ];

    /// The check digit for a number without it; `None` when `body` is no run of digits of the rule's length.
    pub fn digit(self, body: &str) -> Option<char> {
        if body.is_empty() || !body.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        if self.body_len().is_some_and(|len| len != body.len()) {
            return None;
        }
        let from_right = || body.bytes().rev().map(|b| u32::from(b - b'0'));
        let digit = match self {
            CheckDigit::MyNumber | CheckDigit::ResidentCode => {
                let weight = |n: u32| if n <= 6 { n + 1 } else { n - 5 };
                let sum: u32 = from_right().zip(1..).map(|(p, n)| p * weight(n)).sum();
                if sum % 11 <= 1 { 0 } else { 11 - sum % 11 }
            }
            CheckDigit::Municipality => {
                let sum: u32 = from_right().zip(2..).map(|(p, weight)| p * weight).sum();
                (11 - sum % 11) % 10
            }
            CheckDigit::Corporate => {
                let sum: u32 = from_right().zip([1, 2].into_iter().cycle()).map(|(p, q)| p * q).sum();
                9 - sum % 9
            }
            CheckDigit::Luhn => {
                let digits = |n: u32| n / 10 + n % 10;
                let sum: u32 = from_right().zip([2, 1].into_iter().cycle()).map(|(p, q)| digits(p * q)).sum();
                (10 - sum % 10) % 10
            }
            CheckDigit::Gs1 => {
                let sum: u32 = from_right().zip([3, 1].into_iter().cycle()).map(|(p, q)| p * q).sum();
                (10 - sum % 10) % 10
            }
        };
        char::from_digit(digit, 10)
    }

    /// Is the whole number, check digit included, right? Anything but digits of the right length is not.
    pub fn holds(self, number: &str) -> bool {
        if !number.is_ascii() || number.len() < 2 {
            return false;
        }
        let (body, digit) = match self {
            CheckDigit::Corporate => (&number[1..], number.chars().next()),
            _ => (&number[..number.len() - 1], number.chars().next_back()),
        };
        self.digit(body).is_some_and(|right| Some(right) == digit)
    }

    /// Digits with the check digit, where the rule fixes their number.
    pub fn digits(self) -> Option<usize> {
        self.body_len().map(|body| body + 1)
    }

    /// Digits without the check digit, where the rule fixes their number.
    fn body_len(self) -> Option<usize> {
        match self {
            CheckDigit::MyNumber => Some(11),
            CheckDigit::ResidentCode => Some(10),
            CheckDigit::Municipality => Some(5),
            CheckDigit::Corporate => Some(12),
            CheckDigit::Luhn | CheckDigit::Gs1 => None,
        }
    }

    /// What the number is called in messages.
    pub fn japanese(self) -> &'static str {
        match self {
            CheckDigit::MyNumber => "個人番号",
            CheckDigit::ResidentCode => "住民票コード",
            CheckDigit::Municipality => "全国地方公共団体コード",
            CheckDigit::Corporate => "法人番号",
            CheckDigit::Luhn => "検証番号（モジュラス10ウェイト2-1）",
            CheckDigit::Gs1 => "チェックデジット（モジュラス10ウェイト3-1）",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_examples_hold() {
        for (rule, body, digit) in [
            (CheckDigit::MyNumber, "98320567321", '4'),
            (CheckDigit::MyNumber, "12345678901", '8'),
            (CheckDigit::ResidentCode, "1234567890", '3'),
            (CheckDigit::Municipality, "01100", '2'),
            (CheckDigit::Municipality, "13104", '1'),
            (CheckDigit::Municipality, "40130", '7'),
            (CheckDigit::Municipality, "47201", '8'),
            (CheckDigit::Municipality, "13000", '1'),
            (CheckDigit::Corporate, "123456789012", '7'),
            (CheckDigit::Corporate, "011001098993", '4'),
            (CheckDigit::Corporate, "000012050002", '7'),
            (CheckDigit::Luhn, "3312001", '5'),
            (CheckDigit::Luhn, "3913101", '6'),
            (CheckDigit::Luhn, "1234567", '4'),
            (CheckDigit::Gs1, "9191234501234567890123456789010103310123000", '3'),
            (CheckDigit::Gs1, "9194238617895391785393569273010307311031290", '3'),
        ] {
            assert_eq!(rule.digit(body), Some(digit), "{rule:?} {body}");
        }
        assert!(CheckDigit::MyNumber.holds("123456789018"));
        assert!(CheckDigit::Corporate.holds("7000012050002"));
        assert!(CheckDigit::Gs1.holds("91929023252070000010123499900199999900106050"));
    }

    #[test]
    fn what_is_no_number_never_holds() {
        for text in ["", "1", "12345678901８", "1234567890", "abc"] {
            assert!(!CheckDigit::MyNumber.holds(text), "{text}");
        }
    }
}
