//! Spans of time as one writes them: `90m`, `36h`, `7d`.

use std::str::FromStr;
use std::time::Duration;

/// A span of time, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span(Duration);

impl Span {
    /// A span of so many seconds.
    pub(super) const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// The span.
    pub(super) fn duration(self) -> Duration {
        self.0
    }
}

impl FromStr for Span {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
        let seconds: u64 = match &text[digits.len()..] {
            "s" => 1,
            "m" => 60,
            "h" => 60 * 60,
            "d" => 24 * 60 * 60,
            _ => return Err(FORM),
        };
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let number = if is_number { digits.parse::<u64>().ok() } else { None };
        let total = number.and_then(|number| number.checked_mul(seconds));
        match total {
            Some(0) => Err("must be longer than nothing"),
            Some(total) if total <= LONGEST => Ok(Self(Duration::from_secs(total))),
            Some(_) => Err("must not be longer than 36500d"),
            None => Err(FORM),
        }
    }
}

impl<'de> serde::Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|problem| {
            serde::de::Error::custom(format!("{text:?} is no span of time: {problem}"))
        })
    }
}

const FORM: &str = "write a number and one of s, m, h, d: 90m, 36h, 7d";
/// A hundred years, in seconds.
const LONGEST: u64 = 36_500 * 24 * 60 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn span_table() {
        for (text, seconds) in [("1s", 1), ("90m", 5400), ("36h", 129_600), ("7d", 604_800)] {
            assert_eq!(text.parse::<Span>().expect(text).duration().as_secs(), seconds);
        }
        for text in [
            "",
            "h",
            "1",
            "-1h",
            "+1h",
            "1.5h",
            "1 h",
            "1H",
            "1w",
            "0s",
            "1hh",
            "é",
            "99999999999999999999d",
            "36501d",
        ] {
            assert!(text.parse::<Span>().is_err(), "{text:?} was accepted");
        }
    }
}
