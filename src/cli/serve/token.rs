//! Online keys on a token.
//!
//! The PIN stands in a file, which is read each time the token wants it, or in the variable
//! `COUNTERSIGN_TOKEN_PIN`; a PIN that was refused is not tried again.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::cli::config::TokenEntry;
use crate::cli::span::Span;

/// Which keys of which token sign for the server.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct TokenFile {
    label: String,
    module: PathBuf,
    #[serde(default = "usual_keys")]
    keys: Vec<String>,
    pin_file: Option<PathBuf>,
    timeout: Option<Span>,
    /// The configuration that names the module.
    #[serde(skip)]
    named_in: PathBuf,
}

impl TokenFile {
    pub(super) fn named_in(self, path: &Path) -> Result<Self, String> {
        match self.keys.is_empty() {
            true => Err("token.keys: name a key".to_owned()),
            false => Ok(Self { named_in: path.to_owned(), ..self }),
        }
    }

    pub(super) fn describe(&self) -> String {
        let pin = match &self.pin_file {
            Some(path) => format!("the PIN in {}", path.display()),
            None => format!("the PIN in {PIN_VARIABLE}"),
        };
        let (first, label) = (self.keys.first().map_or("", String::as_str), &self.label);
        format!("sign for new collections with key {first} of token {label}, with {pin}")
    }

    fn entry(&self) -> TokenEntry {
        let (label, module) = (self.label.clone(), self.module.clone());
        TokenEntry { label, module, timeout: self.timeout.or(Some(PATIENCE)) }
    }
}

fn usual_keys() -> Vec<String> {
    vec!["online".to_owned()]
}

const PIN_VARIABLE: &str = "COUNTERSIGN_TOKEN_PIN";
/// Nobody is there to touch it.
const PATIENCE: Span = Span::seconds(10);

#[cfg(feature = "pkcs11")]
pub(super) use with_tokens::{keys, outlook};
#[cfg(not(feature = "pkcs11"))]
pub(super) use without_tokens::{keys, outlook};

#[cfg(feature = "pkcs11")]
mod with_tokens {
    use std::io::Read as _;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::{Path, PathBuf};

    use zeroize::Zeroizing;

    use super::{PIN_VARIABLE, TokenFile};
    use crate::cli::context::token;
    use crate::cli::environment::{Environment, absolute};
    use crate::cli::output::Failure;
    use crate::keys::{
        Chain, Environment as Variables, Error, KeySource as _, Passphrase, PassphraseFile,
        PassphraseRequest, PassphraseSource, Token, trusted_file,
    };
    use crate::server::HeldKeys;

    /// The keys; the token is looked for when one is needed.
    pub(in crate::cli::serve) fn keys(
        file: &TokenFile,
        environment: &Environment,
    ) -> Result<HeldKeys, Failure> {
        let token = opened(file)?;
        let path = file.pin_file.clone();
        let variable = environment.variable(PIN_VARIABLE).map(|pin| Zeroizing::new(pin.to_owned()));
        Ok(HeldKeys::new(token, file.keys.clone(), move || {
            let variable = variable.clone();
            let known = Variables::new(move |_| variable.as_ref().map(|pin| pin.to_string()));
            match path.clone() {
                Some(path) => Box::new(PinFile(path)),
                None => Box::new(Chain::new().then(known)),
            }
        }))
    }

    /// What is on the token, without its PIN.
    pub(in crate::cli::serve) fn outlook(file: &TokenFile) -> Result<String, Failure> {
        let token = opened(file)?;
        let (label, listed) = (token.label(), token.list());
        let labels: Vec<String> = match listed {
            Ok(entries) => entries.into_iter().filter_map(|entry| entry.role).collect(),
            Err(error) => return Ok(format!("{error}\n")),
        };
        let one = |key: &String| {
            let state = match labels.iter().filter(|label| *label == key).count() {
                0 if labels.is_empty() => "is not plugged in, or has no keys",
                0 => "has no such key",
                1 => "has it",
                _ => "has several of this label",
            };
            format!("key {key}: token {label} {state}\n")
        };
        Ok(file.keys.iter().map(one).collect())
    }

    fn opened(file: &TokenFile) -> Result<Token, Failure> {
        let path = absolute(&file.named_in)?;
        trusted_file(&path).map_err(|error| {
            let advice = "It names a module that is given the server's keys: only its user or root may write it.";
            Failure::from(error).about("configuration").advise(advice)
        })?;
        token(&file.entry())
    }

    /// A PIN in a file.
    struct PinFile(PathBuf);

    impl PassphraseSource for PinFile {
        fn passphrase(&mut self, request: &PassphraseRequest<'_>) -> Result<Passphrase, Error> {
            let failed = |source| Error::Disk { action: "reading", path: self.0.clone(), source };
            let text = read_pin(&self.0).map_err(failed)??;
            PassphraseFile::parse_pin(&text)?.passphrase(request)
        }
    }

    fn read_pin(path: &Path) -> std::io::Result<Result<Zeroizing<Vec<u8>>, Error>> {
        let file = std::fs::File::open(path)?;
        let mode = file.metadata()?.permissions().mode() & 0o7777;
        if mode & OTHERS != 0 {
            let fix = mode & !OTHERS;
            return Ok(Err(Error::Exposed { path: path.to_owned(), mode, fix }));
        }
        let mut text = Zeroizing::new(Vec::with_capacity(MAX_BYTES));
        file.take(MAX_BYTES as u64).read_to_end(&mut text)?;
        Ok(Ok(text))
    }

    /// A secret that is handed to a service may belong to a group of its own.
    const OTHERS: u32 = 0o007;
    const MAX_BYTES: usize = 4096;
}

#[cfg(not(feature = "pkcs11"))]
mod without_tokens {
    use super::TokenFile;
    use crate::cli::environment::Environment;
    use crate::cli::exit::Kind;
    use crate::cli::output::Failure;
    use crate::server::HeldKeys;

    pub(in crate::cli::serve) fn keys(_: &TokenFile, _: &Environment) -> Result<HeldKeys, Failure> {
        Err(missing())
    }

    pub(in crate::cli::serve) fn outlook(_: &TokenFile) -> Result<String, Failure> {
        Err(missing())
    }

    fn missing() -> Failure {
        Failure::new(Kind::Usage, "token: this program was built without feature pkcs11")
    }
}
