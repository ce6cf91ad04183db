//! Logging in: a PIN is tried once, and not at all when the token has one try left.

use cryptoki::error::{Error as Refusal, RvError};
use cryptoki::session::UserType;
use cryptoki::slot::TokenInfo;
use cryptoki::types::AuthPin;

use super::problem::{PIN_LOCKED, Problem};
use super::refused::Attempt;
use super::seat::Open;

/// What the token wants before it signs.
pub(super) enum Need {
    /// Nothing more.
    Nothing,
    /// A PIN.
    Pin,
    /// A PIN on a pad of its own.
    OnItsOwnPad,
}

/// What the token said to a PIN.
pub(super) enum Admission {
    Granted,
    WrongPin,
}

/// What is to be done before signing.
pub(super) fn need(open: &Open, token: &TokenInfo) -> Result<Need, Problem> {
    if open.is_logged_in() || !token.login_required() {
        return Ok(Need::Nothing);
    }
    if token.user_pin_locked() {
        return Err(PIN_LOCKED.into());
    }
    if token.user_pin_final_try() {
        return Err(ONE_TRY_LEFT.into());
    }
    match token.protected_authentication_path() {
        true => Ok(Need::OnItsOwnPad),
        false => Ok(Need::Pin),
    }
}

/// Logs in, unless the token refused that PIN before.
pub(super) fn attempt(
    open: &mut Open,
    token: &TokenInfo,
    pin: Option<&str>,
) -> Result<Admission, Problem> {
    let admitted = match pin {
        Some(pin) => Attempt::new(token.label(), token.serial_number(), pin)
            .once(|| log_in(open, Some(AuthPin::from(pin.to_owned()))))?,
        // What a person types on the token's own pad nobody tries again.
        None => log_in(open, None)?,
    };
    Ok(admitted.map_or(Admission::WrongPin, |()| Admission::Granted))
}

/// `None` if the token refuses the PIN.
fn log_in(open: &mut Open, pin: Option<AuthPin>) -> Result<Option<()>, Problem> {
    match open.session.login(UserType::User, pin.as_ref()) {
        Ok(()) | Err(Refusal::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {
            (open.logged_in, open.pin) = (true, pin);
            Ok(Some(()))
        }
        Err(Refusal::Pkcs11(
            RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange,
            _,
        )) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

const ONE_TRY_LEFT: &str = "one try is left before its PIN locks: log in once with its maker's program, so that no mistake \
     here can lock it";
