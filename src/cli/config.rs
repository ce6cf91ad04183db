//! Our own configuration file.
//!
//! ```toml
//! require_pin = true                    # refuse first use
//! require_signers = ["qa", "release"]   # refuse tags that these do not all sign alike
//! when_unreachable = "cache"            # "refuse" is the default
//! max_age = "36h"                       # of the newest timestamp
//! timeout = "2m"                        # of one command
//! insecure_http = ["registry.lan:5000"] # with --insecure-http these may speak plain HTTP, too
//! keyring = true                        # look for passphrases in the desktop's keyring
//!
//! [servers]                             # trust servers by registry or repository prefix
//! "registry.example.com" = "https://trust.example.com"
//!
//! [realms]                              # who else may be given credentials
//! "registry.example.com" = ["sso.example.com"]
//!
//! [[token]]                             # keys on a token
//! label = "release"
//! module = "/usr/lib/softhsm/libsofthsm2.so"
//! timeout = "30s"                       # of one operation
//!
//! [[signer]]                            # keys behind a program
//! name = "cloud"
//! command = ["/usr/local/bin/countersign-signer-cloud", "--profile", "release"]
//! ```

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::environment::absolute;
use super::exit::Kind;
use super::output::Failure;
use super::span::Span;
use crate::docker::{SignerName, toml};
use crate::keys::trusted_file;
use crate::storage::{read_named, read_regular};

/// What the file says.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// Refuse repositories that are neither pinned nor known.
    #[serde(default)]
    pub(super) require_pin: bool,
    /// Signers who must sign a tag alike.
    #[serde(default)]
    require_signers: Vec<String>,
    /// What to do when the trust server does not answer.
    #[serde(default)]
    pub(super) when_unreachable: WhenUnreachable,
    /// How old the newest timestamp may be.
    pub(super) max_age: Option<Span>,
    /// How long a command may take.
    pub(super) timeout: Option<Span>,
    /// Hosts that may speak plain HTTP, if the command line says so, too.
    #[serde(default)]
    pub(super) insecure_http: Vec<String>,
    /// Whether passphrases are looked for in the desktop's keyring.
    #[serde(default)]
    pub(super) keyring: bool,
    /// Trust servers, by registry or by the first components of repositories.
    #[serde(default)]
    servers: BTreeMap<String, String>,
    /// Who else may be given the credentials of a server.
    #[serde(default)]
    pub(super) realms: BTreeMap<String, Vec<String>>,
    /// Tokens with keys.
    #[serde(default, rename = "token")]
    tokens: Vec<TokenEntry>,
    /// Programs that sign.
    #[serde(default, rename = "signer")]
    signers: Vec<SignerEntry>,
    /// The file, if there is one.
    #[serde(skip)]
    path: Option<PathBuf>,
}

/// A token with keys.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenEntry {
    /// Its label.
    pub(super) label: String,
    /// The module of its maker.
    pub(super) module: PathBuf,
    /// How long one operation may take.
    pub(super) timeout: Option<Span>,
}

/// A program that signs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignerEntry {
    /// What it is called.
    pub(super) name: String,
    /// The program, and what it is told.
    pub(super) command: Vec<String>,
    /// How long one request may take.
    pub(super) timeout: Option<Span>,
}

/// What to do when the trust server does not answer.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum WhenUnreachable {
    /// Refuse.
    #[default]
    Refuse,
    /// Believe the cache while it is valid, as docker does.
    Cache,
}

impl Config {
    /// Reads the file; one that is not there says nothing.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or says something that is not known.
    pub(super) fn read_if_there(path: &Path) -> Result<Self, Failure> {
        match read_regular(path, MAX_BYTES).and_then(text) {
            Ok(text) => Self::parse(path, &text),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(unusable(path, &error.to_string())),
        }
    }

    /// Reads the file, which must be there.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or says something that is not known.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let text = read_named(path, MAX_BYTES).and_then(text);
        Self::parse(path, &text.map_err(|error| unusable(path, &error.to_string()))?)
    }

    /// The trust server of a collection: that of the longest prefix in whole components.
    pub(super) fn server(&self, gun: &str) -> Option<&str> {
        let covers = |prefix: &str| {
            let rest = gun.strip_prefix(prefix.trim_end_matches('/'));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let covering = self.servers.iter().filter(|(prefix, _)| covers(prefix));
        covering.max_by_key(|(prefix, _)| prefix.len()).map(|(_, server)| server.as_str())
    }

    /// The signers who must sign a tag alike.
    ///
    /// # Errors
    ///
    /// If it names one that is none.
    pub(super) fn required_signers(&self) -> Result<Vec<SignerName>, Failure> {
        let signers = self.require_signers.iter().map(|name| name.parse());
        Ok(signers.collect::<Result<Vec<SignerName>, _>>()?)
    }

    /// Tokens with keys, if nobody else could have named them.
    ///
    /// # Errors
    ///
    /// If the file could have been written by others: it names code that is run with our keys.
    pub(super) fn tokens(&self) -> Result<&[TokenEntry], Failure> {
        self.check_owner(!self.tokens.is_empty()).map(|()| self.tokens.as_slice())
    }

    /// Programs that sign, if nobody else could have named them.
    ///
    /// # Errors
    ///
    /// As [`tokens`](Self::tokens).
    pub(super) fn signers(&self) -> Result<&[SignerEntry], Failure> {
        self.check_owner(!self.signers.is_empty()).map(|()| self.signers.as_slice())
    }

    fn check_owner(&self, names_code: bool) -> Result<(), Failure> {
        match (&self.path, names_code) {
            (Some(path), true) => {
                let path = absolute(path)?;
                trusted_file(&path).map(drop).map_err(|error| {
                    Failure::from(error).about("configuration").advise(
                        "It names programs that are given your keys: only you or root may write it.",
                    )
                })
            }
            _ => Ok(()),
        }
    }

    fn parse(path: &Path, text: &str) -> Result<Self, Failure> {
        let read = toml::parsed(text).map_err(|problem| unusable(path, &problem));
        Ok(Self { path: Some(path.to_owned()), ..read? })
    }
}

/// Whether a file is Notary's configuration and not ours.
pub(super) fn is_notary(path: &Path) -> bool {
    let form = path.extension().and_then(|extension| extension.to_str());
    matches!(form, Some("json" | "yaml" | "yml"))
}

fn text(bytes: Vec<u8>) -> std::io::Result<String> {
    String::from_utf8(bytes).map_err(std::io::Error::other)
}

fn unusable(path: &Path, problem: &str) -> Failure {
    Failure::new(Kind::Usage, format!("configuration {}: {problem}", path.display()))
}

const MAX_BYTES: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Config, Failure> {
        Config::parse(Path::new("/c.toml"), text)
    }

    #[test]
    fn unknown_and_wrong_entries_are_refused_by_name() {
        for (text, named) in [
            ("require_pins = true", "require_pins"),
            ("when_unreachable = \"hope\"", "hope"),
            ("max_age = \"long\"", "long"),
            ("require_pin = \"yes\"", "line 1"),
            ("\n\n[realm]\n", "realm"),
        ] {
            let failure = parsed(text).expect_err(text);
            assert_eq!(failure.kind, Kind::Usage);
            assert!(failure.message.contains(named), "{}", failure.message);
        }
    }

    #[test]
    fn the_file_in_the_documentation_is_one() {
        let page = include_str!("../../docs/configuration.md");
        let (_, from) = page.split_once("```toml\n").expect("an example");
        let (example, _) = from.split_once("```").expect("its end");
        let config = parsed(example).expect("valid");
        assert_eq!(config.server("registry.example.com/team/web"), Some("oci"));
        assert_eq!((config.tokens.len(), config.signers.len(), config.realms.len()), (1, 1, 1));
    }

    #[test]
    fn server_of_the_longest_prefix_on_whole_components() {
        let config = parsed(
            "[servers]\n\"reg.io\" = \"https://a\"\n\"reg.io/team\" = \"https://b\"\n\"x.io/\" = \"https://c\"",
        )
        .expect("valid");
        for (gun, server) in [
            ("reg.io/x", Some("https://a")),
            ("reg.io/team/x", Some("https://b")),
            ("reg.io/team-evil/x", Some("https://a")),
            ("reg.io.evil/x", None),
            ("x.io/y", Some("https://c")),
        ] {
            assert_eq!(config.server(gun), server, "{gun}");
        }
    }
}
