//! Roles: their names, and which keys may speak for them.

use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::Arc;

use super::{Error, KeyId};

/// The name of a role.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum RoleName {
    /// Says which keys speak for the four top-level roles.
    Root,
    /// Lists what is signed, and delegates.
    Targets,
    /// Lists the current file of every role but itself and timestamp.
    Snapshot,
    /// Names the current snapshot; short-lived.
    Timestamp,
    /// A delegated targets role, such as `targets/releases`.
    Delegation(DelegationName),
}

impl RoleName {
    /// The name as written in metadata, without `.json`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Root => "root",
            Self::Targets => "targets",
            Self::Snapshot => "snapshot",
            Self::Timestamp => "timestamp",
            Self::Delegation(name) => &name.0,
        }
    }

    /// `targets/releases`, the delegation that docker asks first.
    pub fn releases() -> Self {
        Self::Delegation(DelegationName("targets/releases".to_owned()))
    }

    /// The role that delegates to this one by Notary's naming; `None` for the four top-level roles
    /// and for names that say nothing about it.
    pub fn parent(&self) -> Option<Self> {
        let Self::Delegation(name) = self else { return None };
        let (parent, _) = name.0.rsplit_once('/').filter(|_| self.is_plain())?;
        Some(match parent {
            "targets" => Self::Targets,
            deeper => Self::Delegation(DelegationName(deeper.to_owned())),
        })
    }

    /// Whether this is `targets` or a delegation.
    pub fn lists_targets(&self) -> bool {
        matches!(self, Self::Targets | Self::Delegation(_))
    }

    /// A role of that name by TUF 1.0's wider rule for delegations: 1 to 255 printable ASCII
    /// characters, but neither `.` nor `..`. Such a name says nothing about who delegates.
    ///
    /// # Errors
    ///
    /// [`Error::RoleName`].
    pub fn free(name: &str) -> Result<Self, Error> {
        if let Ok(known) = name.parse() {
            return Ok(known);
        }
        let printable = name.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if printable && (1..=MAX_NAME_BYTES).contains(&name.len()) && !matches!(name, "." | "..") {
            return Ok(Self::Delegation(DelegationName(name.to_owned())));
        }
        Err(Error::RoleName { name: name.chars().take(80).collect() })
    }

    /// The name as one component of a URL's path: all but letters, digits and `_.-~` as `%XX`
    /// (RFC 3986 §2.3).
    pub fn quoted(&self) -> String {
        self.as_str().bytes().fold(String::new(), |mut out, byte| {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' => {
                    out.push(char::from(byte));
                }
                other => out.push_str(&format!("%{other:02X}")),
            }
            out
        })
    }

    /// Whether the name keeps Notary's rule, so that it can stand in a path as it is.
    pub fn is_plain(&self) -> bool {
        self.as_str().parse::<Self>().is_ok()
    }

    /// The delegation's own part of the name: `alice` of `targets/alice`, `a/b` of `targets/a/b`.
    pub fn signer_name(&self) -> Option<&str> {
        match self {
            Self::Delegation(name) => name.0.strip_prefix("targets/"),
            _ => None,
        }
    }
}

impl FromStr for RoleName {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Ok(match name {
            "root" => Self::Root,
            "targets" => Self::Targets,
            "snapshot" => Self::Snapshot,
            "timestamp" => Self::Timestamp,
            _ => Self::Delegation(name.parse()?),
        })
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The name of a delegated role. Read from text it is `targets/` and one or more components of
/// `-a-z0-9_`, at most 255 bytes (Notary `tuf/data/roles.go`); for TUF 1.0 see [`RoleName::free`].
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct DelegationName(String);

impl FromStr for DelegationName {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let component = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
        };
        let good = name.len() <= MAX_NAME_BYTES
            && name.strip_prefix("targets/").is_some_and(|rest| rest.split('/').all(component));
        if good {
            Ok(Self(name.to_owned()))
        } else {
            Err(Error::RoleName { name: name.chars().take(80).collect() })
        }
    }
}

/// The keys that speak for a role, and how many of them must. Clones share the ids.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Role {
    keyids: Arc<[KeyId]>,
    threshold: Threshold,
}

impl Role {
    /// Keys in their written order.
    ///
    /// # Errors
    ///
    /// [`Error::RepeatedKeyId`] when one id stands twice.
    pub fn new(keyids: Vec<KeyId>, threshold: Threshold) -> Result<Self, Error> {
        let mut seen = BTreeSet::new();
        match keyids.iter().find(|id| !seen.insert(*id)) {
            Some(id) => Err(Error::RepeatedKeyId { id: *id }),
            None => Ok(Self { keyids: keyids.into(), threshold }),
        }
    }

    /// One key, which must sign.
    pub fn single(id: KeyId) -> Self {
        Self { keyids: [id].into(), threshold: Threshold::ONE }
    }

    /// The ids, in their written order.
    pub fn keyids(&self) -> &[KeyId] {
        &self.keyids
    }

    /// How many distinct keys must sign.
    pub fn threshold(&self) -> Threshold {
        self.threshold
    }
}

/// How many distinct keys must sign: at least one.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Threshold(NonZeroU32);

impl Threshold {
    /// One signature is enough.
    pub const ONE: Self = Self(NonZeroU32::MIN);

    /// `None` for zero.
    pub fn new(count: u32) -> Option<Self> {
        NonZeroU32::new(count).map(Self)
    }

    /// The number.
    pub fn count(self) -> usize {
        self.0.get() as usize
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The version of a metadata file: 1 to 2^53 - 1, the numbers that every JSON reader keeps whole.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Version(u64);

impl Version {
    /// The first version.
    pub const ONE: Self = Self(1);

    /// `None` for zero and above 2^53 - 1.
    pub fn new(number: u64) -> Option<Self> {
        (1..=MAX_EXACT_INTEGER).contains(&number).then_some(Self(number))
    }

    /// The next version; `None` after the last.
    pub fn next(self) -> Option<Self> {
        self.0.checked_add(1).and_then(Self::new)
    }

    /// The number.
    pub fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The largest integer that an IEEE double holds exactly, as do all integers below it.
pub(crate) const MAX_EXACT_INTEGER: u64 = (1 << 53) - 1;
const MAX_NAME_BYTES: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn role_name_table() {
        for good in ["targets/releases", "targets/a/b-c_d/0", "root", "targets"] {
            assert_eq!(good.parse::<RoleName>().expect(good).as_str(), good);
        }
        let long = format!("targets/{}", "a".repeat(248));
        for bad in [
            "targets/../root",
            "../x",
            "targets/",
            "targets//a",
            "targets/A",
            "targets/a b",
            "targets/ä",
            "root/x",
            "",
            "?",
            "#",
            "/x",
            "targets/a/",
            "Targets/a",
            "targets/.",
            &long,
        ] {
            assert!(bad.parse::<RoleName>().is_err(), "{bad:?} must be refused");
        }
    }

    #[test]
    fn parents_follow_the_name() {
        let parent =
            |name: &str| name.parse::<RoleName>().expect("valid").parent().map(|r| r.to_string());
        assert_eq!(parent("targets/a/b").as_deref(), Some("targets/a"));
        assert_eq!(parent("targets/a").as_deref(), Some("targets"));
        assert_eq!(parent("targets"), None);
    }

    #[test]
    fn name_check_is_linear() {
        let name = format!("targets/{}", "-".repeat(1 << 20));
        assert!(name.parse::<RoleName>().is_err());
    }

    #[test]
    fn a_key_id_may_stand_once_in_a_role() {
        let id: KeyId = "00".repeat(32).parse().expect("hex");
        assert!(Role::new(vec![id, id], Threshold::ONE).is_err());
    }
}
