//! Hashed bins: equal shares of a role's names, each in a delegated role of its own, so that a
//! change of one name touches one small file (TUF 1.0.34 §4.5, `path_hash_prefixes`; TAP 15).

use std::str::FromStr;

use super::{Delegation, Error, Paths, RoleName};
use crate::crypto::{Sha256, hex};

/// One of `2^bits` equal shares of all names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Bin {
    /// How many leading bits of a name's SHA-256 choose the bin: 1 to 32.
    pub bits: u8,
    /// Those bits as a number.
    pub index: u32,
}

/// How many bins a role is split into: a power of two from 2 to 128.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Bins {
    bits: u8,
}

impl Bin {
    /// The bin of a name among `2^bits`.
    #[expect(clippy::arithmetic_side_effects, reason = "at most 32 bits")]
    pub fn of(name: &str, bits: u8) -> Self {
        let [a, b, c, d, ..] = *Sha256::of(name.as_bytes()).as_bytes();
        let index = u32::from_be_bytes([a, b, c, d]) >> (32 - u32::from(bits.clamp(1, 32)));
        Self { bits, index }
    }

    /// The one with the highest number among `2^bits`.
    pub(super) fn last(bits: u8) -> Self {
        Self { bits, index: u32::MAX >> 32_u32.saturating_sub(u32::from(bits.max(1))) }
    }

    /// The same share as hash prefixes, which every client of TUF 1.0 reads: whole hexadecimal
    /// digits, so 1, 2, 4 or 8 of them.
    #[expect(clippy::arithmetic_side_effects, reason = "at most 32 bits, in 64")]
    pub fn hash_prefixes(self) -> Vec<String> {
        let bits = usize::from(self.bits.clamp(1, 32));
        let digits = bits.div_ceil(4);
        let first = u64::from(self.index) << (4 * digits - bits);
        (first..first + (1 << (4 * digits - bits))).map(|it| format!("{it:0digits$x}")).collect()
    }

    /// The role that is this bin of `owner`.
    ///
    /// # Errors
    ///
    /// [`Error::RoleName`] if the owner's name leaves no room for it.
    pub fn role(self, owner: &RoleName) -> Result<RoleName, Error> {
        format!("{owner}/{PREFIX}{:02x}", self.index).parse()
    }

    /// Whether a role, by its name alone, may be a bin that holds this name: of ours, or of the more
    /// that others may have under such names. Any that is no bin by its name may hold any name.
    pub fn may_hold(role: &RoleName, name: &str) -> bool {
        let holds = |index| (1..=NAMED_BITS).any(|bits| Self::of(name, bits).index == index);
        index(role).is_none_or(holds)
    }
}

impl Bins {
    /// What large collections are split into: with 100 000 tags a bin, the snapshot and the rest of
    /// what one more tag changes are together less than 150 kB, and with a few thousand less than
    /// 60 kB.
    pub const USUAL: Self = Self { bits: 7 };

    /// How many.
    pub fn count(self) -> u32 {
        1 << self.bits
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Bin> {
        (0..self.count()).map(move |index| Bin { bits: self.bits, index })
    }

    /// The bin of a name.
    pub fn bin(self, name: &str) -> Bin {
        Bin::of(name, self.bits)
    }

    fn all() -> impl Iterator<Item = Self> {
        (1..=MAX_BITS).map(|bits| Self { bits })
    }
}

impl FromStr for Bins {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let found = text.parse().ok();
        let bins = Self::all().find(|bins| Some(bins.count()) == found);
        bins.ok_or_else(|| Error::Bins { text: text.chars().take(20).collect() })
    }
}

impl RoleName {
    /// Whether the name is one that bins of ours have.
    pub fn is_named_like_a_bin(&self) -> bool {
        index(self).is_some()
    }
}

impl Delegation {
    /// Whether the hash of a name decides if the role may sign it: then it holds a share of the
    /// names of the role that delegates, and speaks for nobody of its own.
    pub fn is_bin(&self) -> bool {
        matches!(self.paths, Paths::HashPrefixes(_) | Paths::Bin(_))
    }

    /// Whether it is a bin as we make them.
    pub fn is_own_bin(&self) -> bool {
        self.is_bin() && self.name.is_named_like_a_bin()
    }
}

/// The number in the name of a bin of ours.
fn index(role: &RoleName) -> Option<u32> {
    let (_, own) = role.as_str().rsplit_once('/')?;
    let digits = own.strip_prefix(PREFIX)?;
    let [number] = *hex::read(digits)? else { return None };
    let is_ours = hex::write(&[number]) == digits;
    is_ours.then_some(number.into())
}

const PREFIX: &str = "bin-";
const MAX_BITS: u8 = 7;
/// As many as the two digits of a name can tell apart.
const NAMED_BITS: u8 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(bin: Bin, name: &str) -> bool {
        Paths::HashPrefixes(bin.hash_prefixes().into()).allow(name)
    }

    #[test]
    fn every_name_is_in_exactly_one_bin() {
        // printf %s v1 | sha256sum: 3bfc2695…
        assert_eq!(Bin::of("v1", 4), Bin { bits: 4, index: 3 });
        assert_eq!(Bin::of("v1", 32).index, 0x3bfc_2695);
        let bins = (0..8).map(|index| Paths::Bin(Bin { bits: 3, index }));
        assert_eq!(bins.filter(|bin| bin.allow("v1")).count(), 1);
        for bins in Bins::all() {
            for name in ["v1", "latest", "", "1.2.3-rc.4"] {
                let holding: Vec<Bin> = bins.iter().filter(|bin| holds(*bin, name)).collect();
                assert_eq!(holding, [bins.bin(name)], "{name:?} among {}", bins.count());
            }
        }
    }

    #[test]
    fn a_bin_is_written_in_whole_digits() {
        let written = |bits, index| Bin { bits, index }.hash_prefixes();
        assert_eq!(written(4, 10), ["a"]);
        assert_eq!(written(7, 1), ["02", "03"]);
        assert_eq!(written(1, 1), ["8", "9", "a", "b", "c", "d", "e", "f"]);
        assert_eq!(written(2, 0), ["0", "1", "2", "3"]);
        assert_eq!(written(9, 1).len(), 8);
        assert_eq!(written(32, u32::MAX), ["ffffffff"]);
        for bits in 1..=32 {
            assert!(holds(Bin::of("v1", bits), "v1"), "{bits}");
        }
    }

    #[test]
    fn a_bin_is_told_by_its_name() {
        let bin = Bins::USUAL.bin("v1");
        let role = bin.role(&RoleName::releases()).expect("a name");
        assert_eq!(role.as_str(), "targets/releases/bin-1d");
        assert_eq!(role.parent(), Some(RoleName::releases()));
        assert!(Bin::may_hold(&role, "v1") && Bin::may_hold(&RoleName::releases(), "v1"));
        let holding = Bins::USUAL
            .iter()
            .filter(|bin| Bin::may_hold(&bin.role(&RoleName::Targets).expect("a name"), "v1"));
        assert!(holding.count() <= usize::from(NAMED_BITS));
        // Of 256 that somebody else made.
        let theirs = Bin::of("v1", 8).role(&RoleName::Targets).expect("a name");
        assert_eq!(theirs.as_str(), "targets/bin-3b");
        assert!(Bin::may_hold(&theirs, "v1") && !Bin::may_hold(&theirs, "v2"));
        for other in ["x/bin-3B", "x/bin-+b", "x/bin-03b", "x/bin-"] {
            let role = RoleName::free(other).expect("a name");
            assert!(!role.is_named_like_a_bin() && Bin::may_hold(&role, "v2"), "{other}");
        }
        let long = format!("targets/{}", "a".repeat(245)).parse().expect("a role");
        assert!(bin.role(&long).is_err());
    }

    #[test]
    fn numbers_of_bins() {
        for (text, count) in [("2", Some(2)), ("64", Some(64)), ("128", Some(128))] {
            assert_eq!(text.parse::<Bins>().ok().map(Bins::count), count);
        }
        for bad in ["0", "1", "3", "256", "-2", "", "16 "] {
            assert!(bad.parse::<Bins>().is_err(), "{bad:?}");
        }
    }
}
