//! What docker's side of things says, as kinds, exit codes and advice.

use super::{Failure, Kind};
use crate::docker::{self, argument, config, engine, pins, pull};
use crate::net;

impl From<docker::Error> for Failure {
    fn from(error: docker::Error) -> Self {
        use docker::Error as E;
        let error = match error {
            E::Client(error) => return error.into(),
            E::Keys(error) => return error.into(),
            E::Edit(error) => return error.into(),
            E::Custom(error) => return error.into(),
            E::StagedChange { number, source } => {
                return Self::from(*source).about(format!("staged change {number}")).advise(format!(
                    "It holds up all that is staged. To forget it: countersign reset -n {number} REPO"
                ));
            }
            other => other,
        };
        let failure = |kind| Self::of(kind, &error);
        match &error {
            E::NoSuchTag { gun, tag, .. } => failure(Kind::NoSuchTag)
                .advise(format!("`countersign list {}` shows what is signed.", argument(gun)))
                .found(tag),
            E::NoSuchDigest { gun, digest } => failure(Kind::NoSuchTag)
                .advise(format!(
                    "What a tag meant before does not count. `countersign list {}` shows what is signed.",
                    argument(gun)
                ))
                .found(digest),
            E::NoDigest { role, .. } => failure(Kind::Malformed).role(role),
            E::OtherDigest { given, signed, .. } => {
                failure(Kind::Mismatch).expected(signed).found(given)
            }
            E::SignedOtherwise { role, signed, offered, .. } => failure(Kind::Mismatch)
                .role(role)
                .expected(offered)
                .found(signed)
                .advise("Sign there what counts, or revoke the tag there and import again."),
            E::SignersDiffer { role, expected, found, .. } => {
                failure(Kind::Mismatch).role(role).expected(expected).found(found)
            }
            E::NotSignedBy { role, .. } => failure(Kind::Policy).role(role),
            E::OtherCollection { role, expected, found, .. } => {
                failure(Kind::Mismatch).role(role).expected(expected).found(found)
            }
            E::NoSigningKey { .. } => failure(Kind::KeyStore)
                .advise("`countersign key list` shows the keys that are here."),
            E::NoSuchKey { role, .. } => failure(Kind::Usage)
                .role(role)
                .advise("`countersign inspect REPO` shows the keys of each role."),
            E::Outranked { role, tag, .. } => failure(Kind::KeyStore).role(role).advise(format!(
                "Whoever has the keys of {role} takes {tag} out there: countersign revoke REPO:{tag}"
            )),
            E::Role { role, .. } => failure(Kind::BadRole).role(role),
            E::Unusable { role, .. } => failure(Kind::Policy).role(role).advise(format!(
                "Look over what it lists, and have it signed again as it is: countersign witness REPO {role}"
            )),
            E::Unpublished { role } => failure(Kind::BadRole).role(role).advise(
                "`countersign delegation list` shows which roles there are, and what they list.",
            ),
            E::Staged { .. } => failure(Kind::State),
            E::SignerName { .. } | E::NoSuchVersion { .. } => failure(Kind::Usage),
            E::NeedsServer { .. } => failure(Kind::Usage)
                .advise("Name one with --server URL, if the repository is on one as well."),
            E::NoForm { .. } => failure(Kind::Usage).advise(
                "Nothing was written. Change it in the repository itself, and export again.",
            ),
            E::Editor { role, .. } => failure(Kind::Usage).role(role).advise(
                "Other clients of TUF 1.0 read Ed25519, ECDSA P-256 and RSA-PSS keys, and SHA-256.",
            ),
            E::NoSuchSigner { gun, .. } => failure(Kind::BadRole)
                .advise(format!("`countersign signer list {}` shows the signers.", argument(gun))),
            E::Breaks { role } => failure(Kind::Policy)
                .role(role)
                .advise("Do it where a key that it keeps is at hand, so that it is signed again;")
                .advise("or add --force: pulls are then refused until somebody signs it again."),
            E::NothingToSign { .. } => failure(Kind::KeyStore)
                .advise("`countersign key list` shows the keys that are here."),
            E::OtherRequest { .. } => failure(Kind::Mismatch),
            E::FarAhead { gun, found, expected } => failure(Kind::State)
                .role("root")
                .expected(expected)
                .found(found)
                .advise(format!("Bring this machine up to date first: countersign list {gun}"))
                .advise("Without a network: from a file that `countersign bundle` wrote, with --server bundle:FILE."),
            E::RequestFile { .. } => failure(Kind::Malformed),
            E::Transcript { .. } => failure(Kind::Threshold),
            E::KeyGeneration(_) => failure(Kind::KeyStore),
            _ => failure(Kind::Other),
        }
    }
}

impl From<pins::Error> for Failure {
    fn from(error: pins::Error) -> Self {
        use pins::Error as E;
        let error = match error {
            E::Lock(error) => return error.into(),
            other => other,
        };
        let failure = |kind| Self::of(kind, &error);
        match &error {
            E::Authorities { .. } => failure(Kind::Pin),
            E::Unwritable { .. } => failure(Kind::Disk),
            E::Prefix { .. } => failure(Kind::BadReference),
            _ => failure(Kind::Usage),
        }
    }
}

impl From<engine::Error> for Failure {
    fn from(error: engine::Error) -> Self {
        use engine::Error as E;
        let failure = |kind| Self::of(kind, &error);
        match &error {
            E::DigestMismatch { expected, found } => {
                failure(Kind::DigestMismatch).expected(expected).found(found)
            }
            E::Option { .. } | E::MissingValue => failure(Kind::Usage),
            E::NotFound => failure(Kind::Docker).advise("Name it with --docker-path."),
            _ => failure(Kind::Docker),
        }
    }
}

impl From<pull::Error> for Failure {
    fn from(error: pull::Error) -> Self {
        use pull::Error as E;
        let error = match error {
            // It is signed, so that it was there.
            E::Net(error @ net::Error::NotFound { .. }) => {
                return Self::of(Kind::Network, &error).advise(PUSHED_AGAIN);
            }
            E::Net(error) => return error.into(),
            other => other,
        };
        let failure = |kind| Self::of(kind, &error);
        match &error {
            E::Manifest { .. } => failure(Kind::Malformed),
            E::Exists { .. } => failure(Kind::Usage),
            E::Disk { .. } => failure(Kind::Disk),
            _ => failure(Kind::Other),
        }
    }
}

const PUSHED_AGAIN: &str = "It is signed, but not in the registry, or not for who asks: whoever has the image can push it again.";

impl From<config::Error> for Failure {
    fn from(error: config::Error) -> Self {
        Self::of(Kind::Usage, &error)
    }
}
