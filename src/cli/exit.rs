//! What went wrong, in one word, and the exit code that scripts see.

use std::fmt;
use std::process::ExitCode;

/// In one word what went wrong: `error.kind` of JSON output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Arguments or configuration that make no sense.
    Usage,
    /// No image reference, no name of a collection.
    BadReference,
    /// No name of a role.
    BadRole,
    /// The server knows no such collection.
    NoTrustData,
    /// No trusted role signs this tag.
    NoSuchTag,
    /// Too few valid signatures.
    Threshold,
    /// A key stands under an id that is not its own.
    KeyId,
    /// A key or certificate that cannot speak for the collection.
    BadKey,
    /// Another role's file.
    WrongType,
    /// Something is older than what was seen before.
    Rollback,
    /// Something needed is past its expiry.
    Expired,
    /// Not what a trusted file promised, or not what was asked for.
    Mismatch,
    /// A pin is not met.
    Pin,
    /// Neither pinned nor seen before, and first use is refused.
    FirstUse,
    /// What came cannot be understood.
    Malformed,
    /// What came is longer than allowed.
    TooLarge,
    /// What came has more parts than allowed.
    TooMany,
    /// Valid, and against the rules of this machine or of the collection.
    Policy,
    /// No answer.
    Network,
    /// Not allowed in.
    Auth,
    /// A private key is missing or cannot be used.
    KeyStore,
    /// No passphrase, or the wrong one.
    Passphrase,
    /// A token or a signer program did not sign.
    Token,
    /// Docker could not be found, or failed.
    Docker,
    /// What docker has is not what was signed.
    DigestMismatch,
    /// Local files where a person must decide.
    State,
    /// Another process holds the lock.
    Lock,
    /// The clock went back.
    Clock,
    /// The file system said no.
    Disk,
    /// Anything else.
    Other,
}

impl Kind {
    /// The word.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::BadReference => "bad-reference",
            Self::BadRole => "bad-role",
            Self::NoTrustData => "no-trust-data",
            Self::NoSuchTag => "no-such-tag",
            Self::Threshold => "threshold",
            Self::KeyId => "key-id",
            Self::BadKey => "bad-key",
            Self::WrongType => "wrong-type",
            Self::Rollback => "rollback",
            Self::Expired => "expired",
            Self::Mismatch => "mismatch",
            Self::Pin => "pin",
            Self::FirstUse => "first-use",
            Self::Malformed => "malformed",
            Self::TooLarge => "too-large",
            Self::TooMany => "too-many",
            Self::Policy => "policy",
            Self::Network => "network",
            Self::Auth => "auth",
            Self::KeyStore => "key-store",
            Self::Passphrase => "passphrase",
            Self::Token => "token",
            Self::Docker => "docker",
            Self::DigestMismatch => "digest-mismatch",
            Self::State => "state",
            Self::Lock => "lock",
            Self::Clock => "clock",
            Self::Disk => "disk",
            Self::Other => "other",
        }
    }

    /// The group that scripts tell apart.
    pub(super) fn code(self) -> Code {
        match self {
            Self::Usage | Self::BadReference | Self::BadRole => Code::Usage,
            Self::NoTrustData | Self::NoSuchTag => Code::NotSigned,
            Self::Threshold
            | Self::KeyId
            | Self::BadKey
            | Self::WrongType
            | Self::Rollback
            | Self::Expired
            | Self::Mismatch
            | Self::Pin
            | Self::FirstUse
            | Self::Malformed
            | Self::TooLarge
            | Self::TooMany
            | Self::Policy => Code::NotTrusted,
            Self::Network | Self::Auth => Code::Unreachable,
            Self::KeyStore | Self::Passphrase | Self::Token => Code::Keys,
            Self::Docker | Self::DigestMismatch => Code::HandOff,
            Self::State | Self::Lock | Self::Clock | Self::Disk => Code::LocalState,
            Self::Other => Code::Other,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The exit code of a command. Of several the highest wins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Code {
    /// Done.
    #[default]
    Done = 0,
    /// Anything that has no code of its own.
    Other = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// Nobody signed it.
    NotSigned = 3,
    /// Signed, and not to be trusted.
    NotTrusted = 4,
    /// A server did not answer, or did not let us in.
    Unreachable = 5,
    /// Private keys and passphrases.
    Keys = 6,
    /// The hand-off to docker.
    HandOff = 7,
    /// Files, locks and the clock of this machine.
    LocalState = 8,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_the_documented_numbers() {
        for (kind, number) in [
            (Kind::Other, 1),
            (Kind::BadReference, 2),
            (Kind::NoSuchTag, 3),
            (Kind::Rollback, 4),
            (Kind::Policy, 4),
            (Kind::Auth, 5),
            (Kind::Passphrase, 6),
            (Kind::DigestMismatch, 7),
            (Kind::Disk, 8),
        ] {
            assert_eq!(kind.code() as u8, number, "{kind}");
        }
    }

    #[test]
    fn highest_code_wins() {
        assert_eq!(Code::NotSigned.max(Code::Unreachable), Code::Unreachable);
    }
}
