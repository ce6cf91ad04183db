//! Whether content trust is on (docker/cli `cli/command/trust.go`).

/// Whether content trust is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Images must be signed.
    On,
    /// Nobody asks.
    Off,
}

impl Trust {
    /// What `DOCKER_CONTENT_TRUST` says. What is no boolean is on: a typing error must not open a
    /// host.
    pub fn of_variable(value: Option<&[u8]>) -> Self {
        let value = value.filter(|value| !value.is_empty());
        let is_false = |value| std::str::from_utf8(value).ok().and_then(go_bool) == Some(false);
        if value.is_none_or(is_false) { Self::Off } else { Self::On }
    }

    /// Whether it is on.
    pub fn is_on(self) -> bool {
        self == Self::On
    }
}

/// A boolean as Go's `strconv.ParseBool` reads it.
pub(crate) fn go_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_not_no_is_yes() {
        for off in [None, Some(""), Some("0"), Some("f"), Some("F"), Some("false"), Some("False")] {
            assert_eq!(Trust::of_variable(off.map(str::as_bytes)), Trust::Off, "{off:?}");
        }
        for on in ["1", "true", "T", "yes", "no", "off", "2", " ", "fALSE"] {
            assert_eq!(Trust::of_variable(Some(on.as_bytes())), Trust::On, "{on:?}");
        }
        assert_eq!(Trust::of_variable(Some(&[0xff])), Trust::On);
    }
}
