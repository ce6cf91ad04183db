//! Which names a delegated role may sign.

use std::sync::Arc;

use super::Bin;
use crate::crypto::Sha256;

/// The names that one delegation covers. Clones share what is written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Paths {
    /// Names that begin with one of these: `""` is every name, an empty list none (Notary).
    Prefixes(Arc<[String]>),
    /// Names that match one of these patterns: `*` and `?` do not cross a `/` (TUF 1.0.34 §4.5).
    Globs(Arc<[String]>),
    /// Names whose SHA-256, in lower-case hexadecimal, begins with one of these (TUF 1.0.34 §4.5).
    HashPrefixes(Arc<[String]>),
    /// Names that fall into one of equal bins by their hash (TAP 15; TUF 1.0.34 §4.5).
    Bin(Bin),
}

impl Paths {
    /// Whether the delegation covers a name.
    pub fn allow(&self, name: &str) -> bool {
        match self {
            Self::Prefixes(prefixes) => prefixes.iter().any(|prefix| name.starts_with(prefix)),
            Self::Globs(globs) => globs.iter().any(|glob| matches_glob(glob, name)),
            Self::HashPrefixes(prefixes) => {
                let hash = Sha256::of(name.as_bytes()).to_string();
                prefixes.iter().any(|prefix| hash.starts_with(prefix))
            }
            Self::Bin(bin) => Bin::of(name, bin.bits) == *bin,
        }
    }

    /// Notary's prefixes; none for the other kinds.
    pub fn prefixes(&self) -> &[String] {
        match self {
            Self::Prefixes(prefixes) => prefixes,
            _ => &[],
        }
    }

    /// The prefixes that cover the same names, of names without a `/`; `None` where there are none:
    /// for hashes, and for patterns that are more than a prefix.
    pub fn as_prefixes(&self) -> Option<Vec<String>> {
        let prefix = |glob: &String| {
            let prefix = glob.strip_suffix('*')?;
            (!prefix.contains(['*', '?'])).then(|| prefix.to_owned())
        };
        match self {
            Self::Prefixes(prefixes) => Some(prefixes.to_vec()),
            Self::Globs(globs) => globs.iter().map(prefix).collect(),
            Self::HashPrefixes(_) | Self::Bin(_) => None,
        }
    }

    /// The prefixes or patterns as they are written; `None` where hashes decide.
    pub fn written(&self) -> Option<&[String]> {
        match self {
            Self::Prefixes(written) | Self::Globs(written) => Some(written),
            Self::HashPrefixes(_) | Self::Bin(_) => None,
        }
    }
}

impl From<Vec<String>> for Paths {
    fn from(prefixes: Vec<String>) -> Self {
        Self::Prefixes(prefixes.into())
    }
}

/// Which names a role may sign after every delegation above it had its say.
///
/// Notary drops prefixes that its parent does not cover (`Restrict`); in TUF 1.0 every delegation
/// on the way must cover the name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Scope {
    prefixes: Vec<String>,
    narrowed: Vec<Paths>,
}

impl Scope {
    /// Every name: the scope of the top-level targets role.
    pub fn everything() -> Self {
        Self { prefixes: vec![String::new()], narrowed: Vec::new() }
    }

    /// Whether the name may be signed in this scope.
    pub fn allows(&self, name: &str) -> bool {
        self.prefixes.iter().any(|prefix| name.starts_with(prefix.as_str()))
            && self.narrowed.iter().all(|paths| paths.allow(name))
    }

    /// The scope of a role delegated inside this one. Of prefixes those that this scope covers: one
    /// broader than all of ours is dropped, not narrowed, as Notary does.
    pub fn restrict(&self, paths: &Paths) -> Self {
        match paths {
            Paths::Prefixes(prefixes) => Self {
                prefixes: prefixes.iter().filter(|path| self.allows(path)).cloned().collect(),
                narrowed: self.narrowed.clone(),
            },
            narrower => {
                let mut scope = self.clone();
                scope.narrowed.push(narrower.clone());
                scope
            }
        }
    }

    /// Notary's prefixes.
    pub fn prefixes(&self) -> &[String] {
        &self.prefixes
    }
}

/// Shell patterns of `*`, `?` and plain characters, `/` matched by itself alone. Component by
/// component, each in time of at most pattern times name.
fn matches_glob(pattern: &str, name: &str) -> bool {
    let (mut patterns, mut names) = (pattern.split('/'), name.split('/'));
    loop {
        match (patterns.next(), names.next()) {
            (None, None) => return true,
            (Some(pattern), Some(part)) if matches_part(pattern.as_bytes(), part.as_bytes()) => {}
            _ => return false,
        }
    }
}

/// Goes back to the last `*` alone: an earlier one could not match more.
#[expect(clippy::arithmetic_side_effects, reason = "places in the pattern and the name")]
fn matches_part(pattern: &[u8], part: &[u8]) -> bool {
    let (mut at, mut here) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while here < part.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, here));
                at += 1;
            }
            Some(byte) if *byte == b'?' || part.get(here) == Some(byte) => {
                at += 1;
                here += 1;
            }
            _ => {
                let Some((after, from)) = star else { return false };
                star = Some((after, from + 1));
                at = after + 1;
                here = from + 1;
            }
        }
    }
    pattern.iter().skip(at).all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(paths: &[&str]) -> Scope {
        let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
        Scope::everything().restrict(&paths.into())
    }

    #[test]
    fn path_scope_table() {
        assert!(scope(&[""]).allows("v1"));
        assert!(!scope(&[]).allows("v1"));
        assert!(scope(&["v1"]).allows("v10"), "a path is a plain prefix");
        assert!(!scope(&["v1"]).allows("v2"));
        let paths = vec!["".into(), "a/b".into(), "c".into()];
        let child = scope(&["a/"]).restrict(&paths.into());
        assert_eq!(child.prefixes(), ["a/b"], "broader and foreign prefixes are dropped");
    }

    #[test]
    fn a_scope_takes_no_copy_of_what_a_delegation_writes() {
        let written = Paths::Globs(["releases/*".into()].into());
        let below = Scope::everything().restrict(&written).restrict(&Paths::Globs([].into()));
        let shared = below.narrowed.first().and_then(Paths::written).expect("globs");
        assert!(std::ptr::eq(shared, written.written().expect("globs")));
    }

    #[test]
    fn every_delegation_on_the_way_must_cover_the_name() {
        let outer = Scope::everything().restrict(&Paths::Globs(["releases/*/*".into()].into()));
        let inner = outer.restrict(&Paths::Globs(["*/y/*".into()].into()));
        assert!(inner.allows("releases/y/z"));
        assert!(!inner.allows("other/y/z") && !inner.allows("releases/x/z"));
    }

    #[test]
    fn glob_table() {
        for (pattern, name, expected) in [
            ("*", "a", true),
            ("*", "", true),
            ("*", "a/b", false),
            ("*.md", "README.md", true),
            ("*.md", "README.MD", false),
            ("foo-?.tgz", "foo-1.tgz", true),
            ("foo-?.tgz", "foo-alpha.tgz", false),
            ("a?b", "a/b", false),
            ("releases/*/*", "releases/x/v1", true),
            ("releases/*", "releases/x/v1", false),
            ("*a*b*c*", "xaybzc", true),
            ("*a*b*c*", "xaybz", false),
            ("[a]", "a", false),
            ("[a]", "[a]", true),
            ("{a,b}", "a", false),
            ("**", "a", true),
            ("**", "a/b", false),
            ("", "", true),
            ("", "a", false),
            ("a", "a/", false),
        ] {
            assert_eq!(matches_glob(pattern, name), expected, "{pattern:?} {name:?}");
        }
        let (pattern, name) = ("*a".repeat(120), "a".repeat(250) + "b");
        assert!(!matches_glob(&pattern, &name), "and it ends");
    }

    #[test]
    fn hash_prefix_table() {
        // printf %s v1 | sha256sum: 3bfc2695…
        for (prefixes, expected) in
            [(&["3bf"][..], true), (&["3be"], false), (&["0", "3"], true), (&[], false)]
        {
            let paths = Paths::HashPrefixes(prefixes.iter().map(|it| (*it).to_owned()).collect());
            assert_eq!(paths.allow("v1"), expected, "{prefixes:?}");
        }
    }
}
