//! Which key is meant, by the first digits of its id, and whether it has a file here.

use super::super::context::Context;
use super::super::exit::Kind;
use super::super::output::Failure;
use crate::keys::{self, KeyEntry, KeyStore as _};
use crate::tuf::KeyId;

/// What is done with the file of a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Deed {
    Export,
    Relock,
    Remove,
    BackUp,
    Split,
    #[cfg(feature = "keyring")]
    Remember,
}

impl Deed {
    fn participle(self) -> &'static str {
        match self {
            Self::Export => "exported",
            Self::Relock => "given another passphrase",
            Self::Remove => "removed",
            Self::BackUp => "backed up",
            Self::Split => "split",
            #[cfg(feature = "keyring")]
            Self::Remember => "remembered",
        }
    }

    /// Why it cannot be done with a key of which only a variable knows, and what can.
    fn refused(self, error: &keys::Error, name: &str) -> Failure {
        let done = self.participle();
        let failure =
            Failure::new(Kind::KeyStore, format!("{error}: it cannot be {done} from there"));
        match self {
            Self::Remove => failure
                .advise(format!("Unset {name}, and delete it where the pipeline keeps its secrets.")),
            Self::Export => failure.advise(format!(
                "What `key export` would print is what {name} holds: give it on as it is."
            )),
            _ => failure.advise(format!(
                "Write what {name} holds into a file, and take that in first: countersign key import FILE"
            )),
        }
    }
}

/// The key whose id begins so, for what is done with its file.
///
/// # Errors
///
/// As [`find`], and for a key that only somebody else keeps.
pub(super) fn find_file(text: &str, deed: Deed, context: &Context) -> Result<KeyEntry, Failure> {
    let entry = find(text, context)?;
    check_file(&entry.id, deed, context)?;
    Ok(entry)
}

/// Checks that a key has a file.
///
/// # Errors
///
/// As [`find_file`].
pub(super) fn check_file(id: &KeyId, deed: Deed, context: &Context) -> Result<(), Failure> {
    context.key_set()?.check_file(id).map_err(|error| match error {
        keys::Error::InVariable { name, .. } => deed.refused(&error, name),
        other => other.into(),
    })
}

/// The key whose id begins so.
pub(in crate::cli) fn find(text: &str, context: &Context) -> Result<KeyEntry, Failure> {
    let entries = context.key_set()?.list()?;
    if let Ok(id) = text.parse::<KeyId>() {
        let found = entries.into_iter().find(|entry| entry.id == id);
        return Ok(found.ok_or(keys::Error::NoSuchKey { id })?);
    }
    if text.len() < SHORTEST_PREFIX || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let message =
            format!("{text:?} is no key id, nor the first {SHORTEST_PREFIX} or more digits of one");
        return Err(Failure::new(Kind::Usage, message));
    }
    let mut found = entries.into_iter().filter(|entry| entry.id.to_string().starts_with(text));
    match (found.next(), found.next()) {
        (Some(entry), None) => Ok(entry),
        (None, _) => Err(Failure::new(Kind::KeyStore, format!("no private key {text}…"))),
        (Some(_), Some(_)) => {
            Err(Failure::new(Kind::Usage, format!("more than one key begins with {text}")))
        }
    }
}

const SHORTEST_PREFIX: usize = 4;
