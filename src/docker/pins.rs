//! Pins: which root keys or authorities may speak for which collections.
//!
//! They come from our own reviewable file, `pins.toml` in the trust directory, and from Notary's
//! `trust_pinning` (Notary 0.7 `trustpinning/trustpin.go`). Rules:
//!
//! - A prefix covers whole path components, in the case in which it is written, but for the registry's
//!   host; the longest one that covers a collection wins, ours over Notary's of the same length.
//! - What cannot be read or understood is an error. It never means that there is no pin.

mod error;
mod file;
mod notary;
mod prefix;

use std::path::{Path, PathBuf};

pub use error::Error;
pub use file::{PinFile, Written};
pub use prefix::{Prefix, Reach};

use crate::crypto::certificates_from_pem;
use crate::tuf::{Gun, KeyId};
use crate::verify::{Anchor, FirstUse, Pin};

/// One pin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The collections that it is for.
    pub prefix: Prefix,
    /// Who may speak for them.
    pub speakers: Speakers,
    /// The file that says so.
    pub source: PathBuf,
}

/// Who may speak for a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Speakers {
    /// One of these root keys, by their ids in root metadata or of the bare keys.
    Keys(Vec<KeyId>),
    /// Whomever the certificate authorities in this PEM file vouch for.
    Authorities(PathBuf),
}

/// All pins of this machine's user.
#[derive(Clone, Debug)]
pub struct Pins {
    own: Vec<Rule>,
    notary: Vec<notary::TrustPinning>,
    first_use: FirstUse,
}

impl Pins {
    /// Reads our file and Notary's; those that are not there say nothing.
    ///
    /// `first_use` is for collections without a pin, unless Notary's `disable_tofu` refuses it.
    ///
    /// # Errors
    ///
    /// [`Error`] if any file cannot be read or understood as a whole.
    pub fn read(own: &PinFile, notary: &[PathBuf], first_use: FirstUse) -> Result<Self, Error> {
        let notary = notary.iter().filter_map(|path| notary::read(path).transpose());
        let notary = notary.collect::<Result<Vec<_>, _>>()?;
        let refused = notary.iter().any(|file| file.disable_tofu);
        let first_use = if refused { FirstUse::Refuse } else { first_use };
        Ok(Self { own: own.rules()?, notary, first_use })
    }

    /// Where belief in a root of this collection begins.
    ///
    /// # Errors
    ///
    /// If the authorities of its pin cannot be read.
    pub fn anchor(&self, gun: &Gun) -> Result<Anchor, Error> {
        match self.rule(gun).map(|rule| &rule.speakers) {
            None => Ok(Anchor::unpinned(self.first_use)),
            Some(Speakers::Keys(ids)) => Ok(Anchor::pinned(Pin::Keys(ids.clone()))),
            Some(Speakers::Authorities(path)) => {
                let pem = file::read_bounded(path)
                    .map_err(|source| Error::Unreadable { path: path.clone(), source })?;
                let authorities = certificates_from_pem(&pem)
                    .map_err(|source| Error::Authorities { path: path.clone(), source })?;
                Ok(Anchor::pinned(Pin::Authorities(authorities)))
            }
        }
    }

    /// The pin of this collection.
    pub fn rule(&self, gun: &Gun) -> Option<&Rule> {
        let notary = self.notary.iter().filter_map(|file| file.rule(gun));
        // The last of equals is taken: ours.
        notary.rev().chain(longest(&self.own, gun)).max_by_key(|rule| rule.prefix.specificity())
    }

    /// Every pin, ours first.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.own.iter().chain(self.notary.iter().flat_map(notary::TrustPinning::rules))
    }

    /// What happens to collections without a pin.
    pub fn first_use(&self) -> FirstUse {
        self.first_use
    }
}

/// The rule with the longest prefix of those that cover a collection.
fn longest<'r>(rules: &'r [Rule], gun: &Gun) -> Option<&'r Rule> {
    let covering = rules.iter().filter(|rule| rule.prefix.covers(gun));
    covering.max_by_key(|rule| rule.prefix.specificity())
}

/// The name of our file in the trust directory.
pub const FILE_NAME: &str = "pins.toml";

impl PinFile {
    /// Our file in a trust directory.
    pub fn in_trust_directory(trust: &Path) -> Self {
        Self::new(trust.join(FILE_NAME))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    struct Home(tempfile::TempDir);

    impl Home {
        fn new() -> Self {
            Self(tempfile::tempdir().expect("a directory"))
        }

        fn write(&self, name: &str, text: &str) -> PathBuf {
            let path = self.0.path().join(name);
            std::fs::write(&path, text.replace("AA", A).replace("BB", B)).expect("written");
            path
        }

        fn read(&self) -> Result<Pins, Error> {
            let own = PinFile::in_trust_directory(self.0.path());
            let notary = ["config.json", "config.yaml"].map(|name| self.0.path().join(name));
            Pins::read(&own, &notary, FirstUse::Allow)
        }
    }

    fn pinned(pins: &Pins, gun: &str) -> Option<String> {
        let rule = pins.rule(&Gun::raw(gun).expect(gun))?;
        match &rule.speakers {
            Speakers::Keys(ids) => ids.first().map(|id| id.to_string()[..1].to_owned()),
            Speakers::Authorities(path) => Some(path.display().to_string()),
        }
    }

    #[test]
    fn pin_prefix_boundary() {
        let home = Home::new();
        home.write(
            "pins.toml",
            "[pins.\"reg.io/team\"]\nroot_keys = [\"AA\"]\n[pins.\"reg.io/team/web\"]\nroot_keys = [\"BB\"]",
        );
        let pins = home.read().expect("valid");
        for (gun, expected) in [
            ("reg.io/team", Some("a")),
            ("reg.io/team/app", Some("a")),
            ("reg.io/team/web", Some("b")),
            ("reg.io/team/web/deep", Some("b")),
            ("reg.io/team/webber", Some("a")),
            ("reg.io/team-evil/app", None),
            ("reg.io/Team/app", None),
            ("reg.io", None),
        ] {
            assert_eq!(pinned(&pins, gun).as_deref(), expected, "{gun}");
        }
    }

    #[test]
    fn notary_rules_in_notary_order() {
        let home = Home::new();
        home.write(
            "config.json",
            r#"{"trust_dir": "x", "trust_pinning": {
                "certs": {"reg.io/one": ["AA"], "reg.io/t*": ["AA"], "reg.io/team/*": ["BB"], "Reg.io/Up": ["BB"]},
                "ca": {"reg.io": "ca.pem", "other.io/": "/abs/other.pem"}}}"#,
        );
        let pins = home.read().expect("valid");
        let relative = home.0.path().join("ca.pem").display().to_string();
        for (gun, expected) in [
            ("reg.io/one", Some("a")),
            ("reg.io/one/more", Some(relative.as_str())),
            ("reg.io/t/x", Some("a")),
            ("reg.io/team/x", Some("b")),
            ("reg.io/team", Some(relative.as_str())),
            ("reg.io/two", Some(relative.as_str())),
            ("Reg.io/Up", Some("b")),
            ("reg.io/up", Some(relative.as_str())),
            ("other.io/x", Some("/abs/other.pem")),
            ("other.iox/x", None),
        ] {
            assert_eq!(pinned(&pins, gun).as_deref(), expected, "{gun}");
        }
        assert_eq!(pins.first_use(), FirstUse::Allow);
    }

    #[test]
    fn disable_tofu_refuses_first_use_in_any_case_of_its_name() {
        let home = Home::new();
        home.write("config.json", r#"{"Trust_Pinning": {"disable_TOFU": true}}"#);
        assert_eq!(home.read().expect("valid").first_use(), FirstUse::Refuse);
    }

    #[test]
    fn yaml_says_what_json_says() {
        let home = Home::new();
        home.write(
            "config.yaml",
            "trust_pinning:\n  disable_tofu: yes\n  certs:\n    reg.io/a*: [AA]\n",
        );
        let pins = home.read().expect("valid");
        assert_eq!(pins.first_use(), FirstUse::Refuse);
        assert_eq!(pinned(&pins, "reg.io/a/b").as_deref(), Some("a"));
    }

    #[test]
    fn longer_prefix_wins_whoever_wrote_it_and_ours_wins_a_tie() {
        let home = Home::new();
        home.write("pins.toml", "[pins.\"reg.io/a\"]\nroot_keys = [\"AA\"]");
        home.write(
            "config.json",
            r#"{"trust_pinning": {"certs": {"reg.io/a*": ["BB"], "reg.io/a/b": ["BB"]}}}"#,
        );
        let pins = home.read().expect("valid");
        assert_eq!(pinned(&pins, "reg.io/a").as_deref(), Some("a"));
        assert_eq!(pinned(&pins, "reg.io/a/b").as_deref(), Some("b"));
        assert_eq!(pinned(&pins, "reg.io/a/c").as_deref(), Some("a"));
    }

    #[test]
    fn broken_pin_config_fails_closed() {
        for (name, text) in [
            ("pins.toml", "[pins"),
            ("pins.toml", "[pin.\"a/b\"]\nroot_keys = [\"AA\"]"),
            ("pins.toml", "[pins.\"a/b\"]\nroot_keys = []"),
            ("pins.toml", "[pins.\"a/b\"]"),
            ("pins.toml", "[pins.\"a/b\"]\nroot_key = [\"AA\"]"),
            ("pins.toml", "[pins.\"a/b\"]\nroot_keys = [\"AA\"]\nca = \"/x\""),
            ("pins.toml", "[pins.\"a/b\"]\nroot_keys = [\"abc\"]"),
            ("pins.toml", "[pins.\"a/../b\"]\nroot_keys = [\"AA\"]"),
            ("pins.toml", "[pins.\"a b\"]\nroot_keys = [\"AA\"]"),
            ("config.json", "{"),
            ("config.json", "[]"),
            ("config.json", r#"{"trust_pinning": []}"#),
            ("config.json", r#"{"trust_pinning": {"cert": {}}}"#),
            ("config.json", r#"{"trust_pinning": {"certs": {"a": "AA"}}}"#),
            ("config.json", r#"{"trust_pinning": {"certs": {"a": []}}}"#),
            ("config.json", r#"{"trust_pinning": {"certs": {"a": ["xyz"]}}}"#),
            ("config.json", r#"{"trust_pinning": {"certs": {"a*b": ["AA"]}}}"#),
            ("config.json", r#"{"trust_pinning": {"ca": {"a": ""}}}"#),
            ("config.json", r#"{"trust_pinning": {"disable_tofu": "yes"}}"#),
            ("config.json", r#"{"trust_pinning": {"disable_tofu": false}, "TRUST_PINNING": {}}"#),
            ("config.yaml", "trust_pinning: {disable_tofu: maybe}"),
            ("config.yaml", "trust_pinning: {certs: {a: AA}}"),
            ("config.yaml", "trust_pinning: {}\ntrust_pinning: {}"),
            ("config.yaml", "trust_pinning: ["),
        ] {
            let home = Home::new();
            home.write(name, text);
            let error = home.read().expect_err(text);
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn authorities_that_cannot_be_used_fail_closed() {
        let home = Home::new();
        home.write(
            "config.json",
            r#"{"trust_pinning": {"ca": {"a": "none.pem", "b": "empty.pem"}}}"#,
        );
        home.write("empty.pem", "no certificate here");
        let pins = home.read().expect("valid");
        for gun in ["a/x", "b/x"] {
            assert!(pins.anchor(&Gun::raw(gun).expect(gun)).is_err(), "{gun}");
        }
        let free = pins.anchor(&Gun::raw("c/x").expect("a name")).expect("no pin");
        assert!(!free.is_pinned());
    }
}
