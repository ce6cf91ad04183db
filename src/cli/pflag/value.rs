//! What flags are given, read as pflag and Go's library read it, and refused in their words.

use super::Takes;
use crate::docker::command_line::go_bool;

/// What a flag was given.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::cli) enum Value {
    Switch(bool),
    Text(String),
    Texts(Vec<String>),
    Number(i64),
    Numbers(Vec<i64>),
}

impl Value {
    /// Reads what a flag that takes this was given.
    ///
    /// # Errors
    ///
    /// The original's words for what is wrong with it.
    pub(in crate::cli) fn read(takes: Takes, text: &str) -> Result<Self, String> {
        Ok(match takes {
            Takes::Nothing => Self::Switch(switch(text)?),
            Takes::Text => Self::Text(text.to_owned()),
            Takes::Texts => Self::Texts(list(text)),
            Takes::Repeated => Self::Texts(vec![text.to_owned()]),
            Takes::Number => Self::Number(integer(text)?),
            Takes::Numbers => {
                Self::Numbers(text.split(',').map(plain_integer).collect::<Result<_, _>>()?)
            }
        })
    }

    /// The value of a flag that was given more than once: lists grow, of anything else the last one
    /// counts.
    pub(in crate::cli) fn after(self, before: Option<Self>) -> Self {
        match (before, self) {
            (Some(Self::Texts(mut list)), Self::Texts(more)) => {
                list.extend(more);
                Self::Texts(list)
            }
            (Some(Self::Numbers(mut list)), Self::Numbers(more)) => {
                list.extend(more);
                Self::Numbers(list)
            }
            (_, value) => value,
        }
    }
}

/// Go's `strconv.ParseBool`.
///
/// # Errors
///
/// Its own words.
pub(in crate::cli) fn switch(text: &str) -> Result<bool, String> {
    let invalid = || format!("strconv.ParseBool: parsing {}: invalid syntax", quoted(text));
    go_bool(text).ok_or_else(invalid)
}

/// Go's `strconv.ParseInt(text, 0, 64)`: decimal, `0x`, `0o` or a leading `0`, `0b`.
pub(in crate::cli) fn integer(text: &str) -> Result<i64, String> {
    let refuse = |problem| format!("strconv.ParseInt: parsing {}: {problem}", quoted(text));
    let (sign, digits) = match text.strip_prefix(['-', '+']) {
        Some(digits) if text.starts_with('-') => (-1, digits),
        Some(digits) => (1, digits),
        None => (1, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match (lower.get(..2), lower.as_str()) {
        (Some("0x"), _) => (16, lower.get(2..).unwrap_or_default()),
        (Some("0o"), _) => (8, lower.get(2..).unwrap_or_default()),
        (Some("0b"), _) => (2, lower.get(2..).unwrap_or_default()),
        (Some(_), octal) if octal.starts_with('0') => (8, octal),
        (_, decimal) => (10, decimal),
    };
    let valid = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
    if !valid {
        return Err(refuse("invalid syntax"));
    }
    let number = i128::from_str_radix(digits, radix).map_err(|_| refuse("value out of range"))?;
    i64::try_from(sign * number).map_err(|_| refuse("value out of range"))
}

/// Go's `strconv.Atoi`.
fn plain_integer(text: &str) -> Result<i64, String> {
    let valid = text.strip_prefix(['-', '+']).unwrap_or(text).bytes().all(|b| b.is_ascii_digit());
    let number = text.parse().ok().filter(|_| valid);
    number.ok_or_else(|| format!("strconv.Atoi: parsing {}: invalid syntax", quoted(text)))
}

/// One line of comma-separated values, where quotes keep commas together.
fn list(text: &str) -> Vec<String> {
    if text.is_empty() {
        return Vec::new();
    }
    let (mut values, mut value, mut inside) = (Vec::new(), String::new(), false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if inside && letters.peek() == Some(&'"') => {
                value.push('"');
                letters.next();
            }
            '"' if inside || value.is_empty() => inside = !inside,
            ',' if !inside => values.push(std::mem::take(&mut value)),
            other => value.push(other),
        }
    }
    values.push(value);
    values
}

/// Go's `%q` of a text.
pub(in crate::cli) fn quoted(text: &str) -> String {
    format!("{text:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_go_reads_them() {
        for (text, number) in [("10", 10), ("0x1F", 31), ("010", 8), ("-3", -3), ("0b11", 3)] {
            assert_eq!(integer(text), Ok(number), "{text}");
        }
        for text in ["1x", "", "0x", "08", "1.5", "9223372036854775808"] {
            assert!(integer(text).is_err(), "{text}");
        }
        let numbers = |text| Value::read(Takes::Numbers, text).expect(text);
        assert_eq!(numbers("3").after(Some(numbers("0,2"))), Value::Numbers(vec![0, 2, 3]));
    }

    #[test]
    fn quotes_keep_commas_together_and_nothing_is_an_empty_list() {
        assert_eq!(list("a,\"b,c\",d"), ["a", "b,c", "d"]);
        assert_eq!(list(","), ["", ""]);
        assert!(list("").is_empty());
    }
}
