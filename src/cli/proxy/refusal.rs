//! Why something is not handed out, as whoever pulls is told.

use crate::cli::exit::{Code, Kind};
use crate::cli::guard::told;
use crate::cli::output::Failure;
use crate::docker::pull;
use crate::image::Reference;
use crate::net;
use crate::server::Refusal;

/// That nobody vouches for it, or that nobody knows whether.
pub(super) fn of_failure(reference: &Reference, failure: &Failure) -> Refusal {
    let told = told(&reference.to_string(), failure);
    match failure.kind.code() {
        Code::NotSigned | Code::NotTrusted | Code::Usage => Refusal::Denied(told),
        _ => Refusal::Unanswered(told),
    }
}

/// That the registry does not have it, or something else in its place.
pub(super) fn of_registry(reference: &Reference, error: net::Error) -> Refusal {
    let is_absent = matches!(error, net::Error::NotFound { .. });
    let failure = Failure::from(error);
    let told = told(&reference.to_string(), &failure);
    match failure.kind {
        _ if is_absent => Refusal::Absent(told),
        Kind::Auth => Refusal::Denied(told),
        Kind::Malformed | Kind::TooLarge | Kind::DigestMismatch => Refusal::Spoiled(told),
        _ => Refusal::Unanswered(told),
    }
}

/// The same of a manifest, and that what is signed cannot be followed.
pub(super) fn of_pull(reference: &Reference, error: pull::Error) -> Refusal {
    match error {
        pull::Error::Net(error) => of_registry(reference, error),
        other => Refusal::Denied(told(&reference.to_string(), &other.into())),
    }
}
