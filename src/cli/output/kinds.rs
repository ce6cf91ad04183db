//! Every folder's errors, as kinds, exit codes and advice. The fact is theirs, the advice is ours.

use std::io::ErrorKind;

use super::{Failure, Kind};
use crate::cli::context::cache_of;
use crate::cli::environment::Environment;
use crate::docker::argument;
use crate::storage::{CollectionDirectory, TrustDirectory};
use crate::{client, crypto, edit, image, keys, net, storage, tuf, verify};

impl From<image::Error> for Failure {
    fn from(error: image::Error) -> Self {
        let failure = Self::of(Kind::BadReference, &error);
        match &error {
            image::Error::Domain { text } if matches!(text.as_str(), "https:" | "http:") => {
                failure.advise(format!("A reference is no URL: leave {text}// away."))
            }
            _ => failure,
        }
    }
}

impl From<tuf::Error> for Failure {
    fn from(error: tuf::Error) -> Self {
        use tuf::Error as E;
        let failure = |kind| Self::of(kind, &error);
        match &error {
            E::Malformed { role, .. } | E::NotJson { role, .. } => {
                failure(Kind::Malformed).role(role).advise(NO_METADATA)
            }
            E::WrongType { role, expected, found } => {
                failure(Kind::WrongType).role(role).expected(expected).found(found)
            }
            E::TooLarge { role, limit, found } => {
                failure(Kind::TooLarge).role(role).expected(limit).found(found)
            }
            E::TooMany { role, limit, .. } => failure(Kind::TooMany).role(role).expected(limit),
            E::KeyId { role, written, computed } => {
                failure(Kind::KeyId).role(role).expected(computed).found(written)
            }
            E::PrivateKey { role, .. } => failure(Kind::BadKey).role(role),
            E::RepeatedKeyId { .. } => failure(Kind::Malformed),
            E::RoleName { .. } => failure(Kind::BadRole),
            E::Gun { .. } => failure(Kind::BadReference),
            E::Bins { .. } | E::KeyIdText { .. } | E::Unsignable { .. } => failure(Kind::Usage),
        }
    }
}

impl From<verify::Error> for Failure {
    fn from(error: verify::Error) -> Self {
        let error = match error {
            verify::Error::Metadata(error) => return error.into(),
            other => other,
        };
        use verify::Error as E;
        let failure = |kind| Self::of(kind, &error);
        match &error {
            E::Threshold { role, valid, needed } => {
                let fact = failure(Kind::Threshold).role(role).expected(needed).found(valid);
                match role {
                    tuf::RoleName::Delegation(_) => fact.advise(SIGNED_AGAIN),
                    tuf::RoleName::Targets => fact.advise(BY_OTHER_KEYS),
                    _ => fact,
                }
            }
            E::RootChain { valid, needed, .. } => failure(Kind::Threshold)
                .role("root")
                .expected(needed)
                .found(valid)
                .advise("The collection may have been made anew by its owner, or by somebody else: ask the owner.")
                .advise("If it is right, remove the old root from the cache, and pin the new one."),
            E::Rollback { role, found, expected } => failure(Kind::Rollback)
                .role(role)
                .expected(expected)
                .found(found)
                .advise("Somebody serves old metadata, or the server was restored from a backup."),
            E::RootGap { found, expected } => {
                failure(Kind::Rollback).role("root").expected(expected).found(found)
            }
            E::Vanished { role } => failure(Kind::Rollback).role(role),
            E::Expired { role, at } => failure(Kind::Expired)
                .role(role)
                .found(at)
                .advise("Is the clock of this machine right? Else the publisher must sign again."),
            E::TooOld { age, allowed } => failure(Kind::Policy)
                .role("timestamp")
                .expected(allowed)
                .found(age)
                .advise("Where nothing is published, countersign serve signs a timestamp anew after a week, notary-server after two: \
                     max_age must allow that."),
            E::UnknownAge { expires, allowed } => failure(Kind::Policy)
                .role("timestamp")
                .expected(allowed)
                .found(expires)
                .advise("Only timestamps that are signed for 14 days can be held to --max-age."),
            E::Mismatch { role, expected, found, .. } => {
                failure(Kind::Mismatch).role(role).expected(expected).found(found)
            }
            E::NotListed { role, .. } => failure(Kind::Mismatch).role(role),
            E::Pin { .. } => failure(Kind::Pin)
                .role("root")
                .advise("`countersign pin list` shows what is pinned. Ask the owner which root keys are right."),
            E::Certificate { .. } => failure(Kind::Pin).role("root"),
            E::FirstUse { gun } => failure(Kind::FirstUse)
                .role("root")
                .advise(format!("Pin it first: countersign pin add {} --root-key ID", argument(gun))),
            E::RootChainTooLong { limit } => {
                failure(Kind::TooMany).role("root").expected(limit)
            }
            E::TooManyDelegations { limit } => failure(Kind::TooMany).expected(limit),
            _ => failure(Kind::Policy),
        }
    }
}

impl From<net::Error> for Failure {
    fn from(error: net::Error) -> Self {
        use net::Error as E;
        let error = match error {
            E::Storage(error) => return error.into(),
            other => other,
        };
        let failure = |kind| Self::of(kind, &error);
        match &error {
            E::ReadOnly { .. } => failure(Kind::Usage).advise(READ_ONLY),
            E::Url { url, .. } if url.starts_with("http://") => failure(Kind::Usage).advise(PLAIN_HTTP),
            E::Url { .. } => failure(Kind::Usage)
                .advise("Write https://HOST:PORT, oci, file:///FOLDER or bundle:FILE."),
            E::Proxy { .. } | E::TlsFile { .. } | E::TlsDenied { .. } => failure(Kind::Usage),
            E::Unreachable { registry: true, .. } => failure(Kind::Network).advise(WHICH_REGISTRY),
            E::Unreachable { host, .. } if host.starts_with("http") => {
                failure(Kind::Network).advise(WHICH_SERVER)
            }
            E::Unreachable { .. } => failure(Kind::Network),
            E::Certificate { host, fault, .. } => failure(Kind::Network).advise(match fault {
                net::Fault::Dates => DATES.to_owned(),
                net::Fault::Name => OTHER_NAME.to_owned(),
                _ => format!(
                    "Name its authority with --tls-ca FILE, or put it where docker looks: {}/tls/{}/ca.crt",
                    docker_directory(),
                    host.trim_start_matches("https://")
                ),
            }),
            E::NotTaken { .. } => failure(Kind::Network).advise(WHICH_SERVER).advise(MAY_COME_LATE),
            E::Unavailable { status: 404, .. } => failure(Kind::Network).advise(WHICH_SERVER),
            E::Unavailable { status: 413, .. } => failure(Kind::Network).advise(TOO_LARGE_THERE),
            E::TimedOut { .. } | E::Truncated { .. } | E::Unavailable { .. } => {
                failure(Kind::Network)
            }
            E::Unauthorised { .. } => failure(Kind::Auth)
                .advise("`docker login` to the registry gives us its credentials, too."),
            E::Challenge { .. } | E::Realm { .. } | E::Credentials { .. } => failure(Kind::Auth),
            E::Malformed { .. } => failure(Kind::Malformed),
            E::TooLarge { limit, .. } => failure(Kind::TooLarge).expected(limit),
            E::Refused { name, message, .. } if lacks_keys(name, message) => {
                failure(Kind::Other).advise(LACKS_KEYS)
            }
            E::Conflict { .. } | E::Refused { .. } => failure(Kind::Other),
            E::NotFound { .. } => failure(Kind::Other),
            E::DigestMismatch { expected, found, .. } => {
                failure(Kind::DigestMismatch).expected(expected).found(found)
            }
            E::SizeMismatch { expected, found, .. } => {
                failure(Kind::DigestMismatch).expected(expected).found(found)
            }
            E::Overlong { expected, .. } => failure(Kind::DigestMismatch).expected(expected),
            E::Write { .. } | E::Storage(_) => failure(Kind::Disk),
        }
    }
}

/// Docker's directory as a person would write it.
fn docker_directory() -> String {
    let environment = Environment::read().ok();
    let named = environment.filter(|environment| environment.place("DOCKER_CONFIG").is_some());
    let named = named.and_then(|environment| environment.docker_config().ok());
    named.map_or_else(|| "~/.docker".to_owned(), |directory| directory.display().to_string())
}

const OVERTAKEN: &str = "Try again. If nobody else publishes there, the server takes nothing, and does not say why: tell its owner.";
const NO_METADATA: &str = "A proxy or a login page may have answered in the place of what was asked. Otherwise what was published \
     there is damaged: tell its owner.";
const TOO_LARGE_THERE: &str = "Whatever stands before the server takes no upload of that size: its owner can raise the limit \
     (nginx: client_max_body_size).";
const PLAIN_HTTP: &str = "Plain HTTP is allowed by --insecure-http to this machine, and to other hosts if insecure_http in \
     the configuration names them, too.";
const DATES: &str =
    "Is the clock of this machine right? Else the server's owner must renew the certificate.";
const OTHER_NAME: &str = "Call the server as its certificate does, or have its owner get one for the name that is used here.";
const MAY_COME_LATE: &str = "If it is, what was published may only be late to be seen: look again before it is signed anew.";
const WHICH_SERVER: &str = "Is it the right trust server? It is the registry's own host, unless --server or \
     DOCKER_CONTENT_TRUST_SERVER names another.";
const WHICH_REGISTRY: &str = "Is it the right registry, and up? It is the one in the image's name; a proxy on the way stands in \
     HTTPS_PROXY or HTTP_PROXY.";
const READ_ONLY: &str = "Web servers hand out what lies in a folder: sign there, with --server file:///THE/FOLDER. \
     An archive stays as it is.";

/// Whether a trust server says that it does not have the keys with which it is to sign (Notary
/// `tuf/validation/errors.go`, `server/handlers/validation.go`).
fn lacks_keys(name: &str, message: &str) -> bool {
    name == "ErrBadHierarchy" || (name == "ErrBadRoot" && message.contains("timestamp keys exist"))
}

const SIGNED_AGAIN: &str =
    "Perhaps its keys were changed: who has them signs it again with countersign witness.";
const BY_OTHER_KEYS: &str = "Its keys may have been changed without signing it again with them, or somebody else signed what is served: \
     ask the owner of the repository. No tag counts until those who have the keys that its root names publish it.";
const WITH_OTHERS: &str =
    "Those who hold others sign a file, which --request FILE or `countersign root request` writes.";
const LACKS_KEYS: &str = "If it took the collection over from another server, or lost its keys, the owner gives it \
     new ones: countersign key rotate REPO timestamp snapshot --server-managed";

impl From<client::Error> for Failure {
    fn from(error: client::Error) -> Self {
        use client::Error as E;
        let error = match error {
            E::Verify(error) => return error.into(),
            E::Net(error) => return of_trust_data(error),
            E::Storage(error) => return error.into(),
            E::Edit(error) => return error.into(),
            other => other,
        };
        let failure = |kind| Self::of(kind, &error);
        match &error {
            E::NoTrustData { seen_before: true, .. } => failure(Kind::NoTrustData)
                .advise("It had trust data when it was last looked at from here: ask its owner."),
            E::NoTrustData { gun, .. } => failure(Kind::NoTrustData).advise(format!(
                "Its publisher can sign it: countersign sign {}:TAG",
                argument(gun)
            )),
            E::Missing { role, .. } => failure(Kind::Mismatch).role(role).found("nothing"),
            E::ServerKey(_) => failure(Kind::Malformed),
            E::Clock { gun, dialect, now, seen } => {
                failure(Kind::Clock).expected(seen).found(now).advise(format!(
                    "Set the clock. If it was ahead before, remove {} from the trust directory.",
                    kept(gun, *dialect).record_path().display()
                ))
            }
            E::RootLost { gun, dialect, .. } | E::RootDamaged { gun, dialect, .. } => {
                failure(Kind::State)
                    .role("root")
                    .advise("Put the root back, or ask its owner what became of it.")
                    .advise(how_to_forget(gun, *dialect))
            }
            E::NotStored { role, .. } => {
                failure(Kind::Network).role(role).advise("Ask the server once, without --offline.")
            }
            E::StoredDamaged { gun, dialect, role } => {
                let file = kept(gun, *dialect).role_path(role);
                failure(Kind::Network).role(role).advise(format!(
                    "It is {} in the trust directory. Ask the server once, without --offline: it is fetched again.",
                    file.display()
                ))
            }
            E::Contended { .. } => failure(Kind::Other).advise(OVERTAKEN),
            E::AlreadyKnown { gun, dialect } => failure(Kind::State)
                .advise("Is this the right trust server? Or was the data deleted on purpose?")
                .advise(how_to_forget(gun, *dialect)),
            _ => failure(Kind::Other),
        }
    }
}

/// Trust data that a registry keeps is not what docker would run: other bytes of it are not trusted.
fn of_trust_data(error: net::Error) -> Failure {
    let failure = Failure::from(error);
    match failure.kind {
        Kind::DigestMismatch => Failure { kind: Kind::Mismatch, ..failure },
        _ => failure,
    }
}

/// What has to go before a collection can be met for the first time again: its cache and our
/// record.
fn how_to_forget(gun: &tuf::Gun, dialect: tuf::Dialect) -> String {
    let kept = kept(gun, dialect);
    let (files, record) = (kept.metadata_path(), kept.record_path());
    let (files, record) = (files.display(), record.display());
    format!("To start anew, remove {files} and {record} from the trust directory.")
}

/// Where a collection lies in every trust directory.
fn kept(gun: &tuf::Gun, dialect: tuf::Dialect) -> CollectionDirectory {
    cache_of(&TrustDirectory::new(""), gun, dialect)
}

impl From<keys::Error> for Failure {
    fn from(error: keys::Error) -> Self {
        use keys::Error as E;
        let failure = |kind| Self::of(kind, &error);
        match &error {
            E::Locked => failure(Kind::Passphrase).advise(WHENCE),
            E::Unopened { source, .. } if matches!(**source, E::Locked) => {
                failure(Kind::Passphrase).advise(WHENCE)
            }
            E::Unreadable { .. } => failure(Kind::KeyStore).advise(
                "Repair or move the file away; with --root-key ID another root key is taken.",
            ),
            E::NoPassphrase { role, .. } => {
                failure(Kind::Passphrase).advise(passphrase_advice(role))
            }
            E::NoPin { .. } => failure(Kind::Passphrase).advise(PIN_WHENCE),
            E::Asking { .. } | E::PassphraseFile { .. } => failure(Kind::Passphrase),
            E::Elsewhere { .. } | E::Pin { .. } => failure(Kind::Token),
            E::Variable { .. } | E::Untrusted { .. } => failure(Kind::Usage),
            E::NoGun { .. } => failure(Kind::Usage).advise("Name it with --gun."),
            E::AlreadyHere { id, .. } => failure(Kind::KeyStore).advise(format!(
                "If that is meant, remove it first: countersign key remove {}",
                id.short()
            )),
            E::Noted { noted, .. } => failure(Kind::KeyStore)
                .advise(format!("If that is right, repeat it with --name {noted}.")),
            E::Disk { .. } => failure(Kind::Disk),
            _ => failure(Kind::KeyStore),
        }
    }
}

const WHENCE: &str = "Passphrases are taken from the environment, from the file that COUNTERSIGN_PASSPHRASE_FILE names, or \
     from a terminal.";

const PIN_WHENCE: &str = "Set COUNTERSIGN_TOKEN_PIN, name a file with a line token=PIN in COUNTERSIGN_PASSPHRASE_FILE, or use a terminal.";

fn passphrase_advice(role: &str) -> String {
    let variables = keys::Environment::<fn(&str) -> Option<String>>::variables(role);
    let variable = variables.first().unwrap_or(&"COUNTERSIGN_PASSPHRASE_FILE");
    format!("Set {variable}, name a file in COUNTERSIGN_PASSPHRASE_FILE, or use a terminal.")
}

impl From<edit::Error> for Failure {
    fn from(error: edit::Error) -> Self {
        use edit::Error as E;
        let error = match error {
            E::Metadata(error) => return error.into(),
            other => other,
        };
        let failure = |kind| Self::of(kind, &error);
        match &error {
            E::Keys { role, found, needed, .. } => {
                let fact = failure(Kind::KeyStore).role(role).expected(needed).found(found);
                let fact = fact.advise("`countersign key list` shows the keys that are here.");
                if *needed > tuf::Threshold::ONE { fact.advise(WITH_OTHERS) } else { fact }
            }
            E::Unsigned { role, found, needed, .. } => failure(Kind::Threshold)
                .role(role)
                .expected(needed)
                .found(found)
                .advise("Collect more signature files: `countersign root sign` makes them."),
            E::Overtaken { role } => failure(Kind::Rollback)
                .role(role)
                .advise("Make the request again, and have it signed anew."),
            E::Expired { role, at } => failure(Kind::Expired)
                .role(role)
                .found(at)
                .advise("Is the clock of this machine right? Else make the request again."),
            E::OtherContent { role } => failure(Kind::Mismatch).role(role),
            E::BadSignature { role, .. } => failure(Kind::Threshold).role(role),
            E::Ambiguous { role } => failure(Kind::Malformed).role(role),
            E::Scope { role, .. } => failure(Kind::Policy).role(role),
            E::Name { .. } | E::Length { .. } | E::Path { .. } => failure(Kind::Usage),
            E::ServersRole { role } | E::UnusableKey { role, .. } => {
                failure(Kind::Usage).role(role)
            }
            E::Paths { role, .. } | E::Bin { role } | E::NoBins { role } => {
                failure(Kind::Usage).role(role)
            }
            E::TooMany { role, .. } => failure(Kind::TooMany).role(role),
            E::Starved { role, found, needed } => {
                failure(Kind::Usage).role(role).expected(needed).found(found)
            }
            E::Role { role } => failure(Kind::BadRole).role(role).advise(
                "`countersign inspect` shows the signers; the repository's owner adds them.",
            ),
            E::Size { role, size, limit } => {
                failure(Kind::TooLarge).role(role).expected(limit).found(size)
            }
            E::Signing { role, source: crypto::Error::Elsewhere { .. } } => {
                failure(Kind::Token).role(role)
            }
            E::Signing { role, .. } => failure(Kind::KeyStore).role(role),
            _ => failure(Kind::Other),
        }
    }
}

impl From<storage::Error> for Failure {
    fn from(error: storage::Error) -> Self {
        use storage::Error as E;
        let failure = |kind| Self::of(kind, &error);
        match &error {
            E::Io { source, .. } if cannot_be_written(source.kind()) => failure(Kind::Disk)
                .advise("--trust-dir, or COUNTERSIGN_TRUST_DIR, names a directory of yours."),
            E::Io { .. } => failure(Kind::Disk),
            E::Locked { path, .. } => failure(Kind::Lock).advise(format!(
                "Wait for whoever has it, or find out with: fuser -v {}",
                path.display()
            )),
            E::Overtaken => failure(Kind::Lock).advise("Try again."),
            E::Damaged { path, .. } => failure(Kind::State).advise(format!(
                "To do without rollback protection from the past, remove {}.",
                path.display()
            )),
            _ => failure(Kind::State),
        }
    }
}

fn cannot_be_written(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tuf::{RoleName, Version};

    #[test]
    fn kinds_of_errors() {
        let version = |number| Version::new(number).expect("positive");
        let rollback = verify::Error::Rollback {
            role: RoleName::Snapshot,
            found: version(3),
            expected: version(5),
        };
        let failure = Failure::from(rollback);
        assert_eq!(failure.kind, Kind::Rollback);
        assert_eq!(failure.role.as_deref(), Some("snapshot"));
        assert_eq!((failure.expected.as_deref(), failure.found.as_deref()), (Some("5"), Some("3")));
        let failure = Failure::from(net::Error::TimedOut { host: "https://h".into() });
        assert_eq!(failure.kind, Kind::Network);
    }

    #[test]
    fn who_signs_again_is_told_with_a_threshold_that_is_missed() {
        let advice = |role: RoleName| {
            let needed = tuf::Threshold::ONE;
            Failure::from(verify::Error::Threshold { role, valid: 0, needed }).advice
        };
        assert_eq!(advice(RoleName::Targets), [BY_OTHER_KEYS]);
        assert_eq!(advice(RoleName::releases()), [SIGNED_AGAIN]);
    }

    #[test]
    fn other_bytes_of_an_image_and_of_trust_data_are_told_apart() {
        let error = || net::Error::DigestMismatch {
            host: "https://h".into(),
            expected: "sha256:0".into(),
            found: crate::image::ImageDigest::of(b""),
        };
        assert_eq!(Failure::from(error()).kind, Kind::DigestMismatch);
        assert_eq!(Failure::from(client::Error::Net(error())).kind, Kind::Mismatch);
    }

    #[test]
    fn causes_stand_behind_their_effect_once() {
        let source = "connection refused".into();
        let error = net::Error::Unreachable { host: "https://h".into(), registry: false, source };
        assert_eq!(Failure::from(error).message, "no answer from https://h: connection refused");
    }
}
