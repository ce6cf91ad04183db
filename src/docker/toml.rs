//! Files in TOML that people write.

use serde::de::DeserializeOwned;

/// Reads one; or says what is wrong and in which line. What stands there is not repeated: it may be
/// a password, and what is said here ends in logs.
pub(crate) fn parsed<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.map(|text| format!("line {}: ", text.matches('\n').count() + 1));
        format!("{}{}", line.unwrap_or_default(), without_text(error.message()))
    })
}

/// What serde says of a text where none belongs, without that text.
fn without_text(message: &str) -> String {
    let rest = ["invalid type: string ", "invalid value: string "]
        .iter()
        .find_map(|kind| message.strip_prefix(kind).map(|rest| (kind.trim_end(), rest)));
    match rest.map(|(kind, rest)| (kind, rest.rsplit_once(", expected "))) {
        Some((kind, Some((_, expected)))) => format!("{kind}, expected {expected}"),
        Some((kind, None)) => kind.to_owned(),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_problem_has_a_line_and_never_the_text_that_stands_there() {
        for (text, told) in [
            ("\na = \"secret", "line 2: "),
            ("a = \"secret\"", "line 1: invalid type: string, expected u32"),
            ("a = \"x, expected secret\"", "line 1: invalid type: string, expected u32"),
            ("a = 1\nb = -1", "line 2: invalid value: integer `-1`, expected u32"),
        ] {
            let problem = parsed::<BTreeMap<String, u32>>(text).expect_err(text);
            assert!(problem.starts_with(told) && !problem.contains("secret"), "{problem}");
        }
        let unknown = parsed::<Known>("b = 1").expect_err("unknown");
        assert!(unknown.contains("`b`"), "{unknown}");
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Known {
        #[serde(rename = "a")]
        _a: u32,
    }
}
