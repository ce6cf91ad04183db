//! What a module said, and whether it means that the token is gone.

use std::fmt;

use cryptoki::error::{Error as Refusal, RvError};

/// Why a token did not do what was asked.
#[derive(Debug)]
pub(super) enum Problem {
    /// Its module said no.
    Module(Refusal),
    /// We did, in words.
    Ours(String),
}

impl Problem {
    /// Whether the session has ended, with the token or without it: what is asked next must begin
    /// anew.
    pub(super) fn is_gone(&self) -> bool {
        use RvError::{
            CryptokiNotInitialized, DeviceError, DeviceRemoved, SessionClosed,
            SessionHandleInvalid, SlotIdInvalid, TokenNotPresent, TokenNotRecognized,
            UserNotLoggedIn,
        };
        let Self::Module(Refusal::Pkcs11(code, _)) = self else { return false };
        matches!(
            code,
            CryptokiNotInitialized
                | DeviceError
                | DeviceRemoved
                | SessionClosed
                | SessionHandleInvalid
                | SlotIdInvalid
                | TokenNotPresent
                | TokenNotRecognized
                | UserNotLoggedIn
        )
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::Module(refusal)
    }
}

impl From<String> for Problem {
    fn from(words: String) -> Self {
        Self::Ours(words)
    }
}

impl From<&str> for Problem {
    fn from(words: &str) -> Self {
        Self::Ours(words.to_owned())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ours(words) => f.write_str(words),
            Self::Module(Refusal::Pkcs11(
                RvError::DeviceRemoved
                | RvError::TokenNotPresent
                | RvError::SessionHandleInvalid
                | RvError::SessionClosed
                | RvError::SlotIdInvalid,
                _,
            )) => f.write_str("was taken out"),
            Self::Module(Refusal::Pkcs11(RvError::PinLocked, _)) => f.write_str(PIN_LOCKED),
            Self::Module(Refusal::Pkcs11(RvError::UserNotLoggedIn, _)) => {
                f.write_str("has logged us out")
            }
            Self::Module(Refusal::Pkcs11(code, function)) => {
                write!(f, "{function:?} failed: {code:?}")
            }
            Self::Module(other) => other.fmt(f),
        }
    }
}

pub(super) const PIN_LOCKED: &str = "its PIN is locked: unlock it with its maker's program";
