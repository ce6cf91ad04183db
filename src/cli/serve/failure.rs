//! What it means for the exit code that a server could not do what it was told.

use super::database;
use crate::cli::exit::Kind;
use crate::cli::output::Failure;
use crate::server::Error;
use crate::verify::submission::Refusal;

/// The failure; `refused` is what it is that a client would not believe the files.
pub(super) fn failure(error: &Error, refused: Kind) -> Failure {
    Failure::of(kind(error, refused), error)
}

fn kind(error: &Error, refused: Kind) -> Kind {
    match error {
        Error::Refused(Refusal::Apart { .. } | Refusal::Damaged(_)) => Kind::State,
        Error::Refused(_) => refused,
        Error::Prefix { .. } => Kind::Usage,
        Error::Store(error) | Error::Updating(error) => database::kind(error),
        Error::Held(_) => Kind::Token,
        Error::NoPassphrase { .. } | Error::Unopened { .. } => Kind::Passphrase,
        Error::Sealed { .. } | Error::Keys(_) | Error::Signing(_) => Kind::KeyStore,
        Error::LostKey(error) => kind(error, refused),
        _ => Kind::State,
    }
}
