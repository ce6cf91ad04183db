//! One session with one token.

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error as Refusal, RvError};
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsPssParams};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::ObjectHandle;
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;

use super::objects::{self, TokenKey};
use super::{TokenSetting, words};
use crate::crypto::{Scheme, Sha256};

/// The module, and the session once the token was seen.
pub(in crate::keys) struct Seat {
    module: Pkcs11,
    label: String,
    open: Option<Open>,
}

struct Open {
    slot: Slot,
    session: Session,
    /// Kept for keys that want it before each signature.
    pin: Option<AuthPin>,
    logged_in: bool,
}

/// What the token wants before it signs.
pub(super) enum Login {
    /// Nothing more.
    Done,
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

impl Seat {
    /// Loads the module; the token may be missing.
    pub(super) fn take(setting: &TokenSetting) -> Result<Seat, String> {
        let module = Pkcs11::new(&setting.module).map_err(|error| {
            format!("{} is no PKCS#11 module: {}", setting.module.display(), words(&error))
        })?;
        let arguments = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
        match module.initialize(arguments) {
            // Another token of the same module came first.
            Ok(()) | Err(Refusal::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(error) => return Err(format!("its module does not start: {}", words(&error))),
        }
        Ok(Seat { module, label: setting.label.clone(), open: None })
    }

    /// Whether the token is plugged in; its session is opened then.
    pub(super) fn is_present(&mut self) -> Result<bool, String> {
        if self.open.is_some() {
            return Ok(true);
        }
        let mut found = Vec::new();
        for slot in self.module.get_slots_with_token().map_err(|error| words(&error))? {
            let token = self.module.get_token_info(slot).map_err(|error| words(&error))?;
            if token.label().trim_end() == self.label {
                found.push(slot);
            }
        }
        match found.as_slice() {
            [] => Ok(false),
            [slot] => {
                let session = self.module.open_rw_session(*slot).or_else(|_| {
                    // A token that is write-protected signs all the same.
                    self.module.open_ro_session(*slot)
                });
                let session = session.map_err(|error| words(&error))?;
                self.open = Some(Open { slot: *slot, session, pin: None, logged_in: false });
                Ok(true)
            }
            _ => Err(format!("{} tokens have this label", found.len())),
        }
    }

    pub(super) fn session(&mut self) -> Result<&Session, String> {
        Ok(&self.opened()?.session)
    }

    /// Whether the token has such an operation.
    pub(super) fn offers(&mut self, mechanism: MechanismType) -> Result<bool, String> {
        let slot = self.opened()?.slot;
        let offered = self.module.get_mechanism_list(slot).map_err(|error| words(&error))?;
        Ok(offered.contains(&mechanism))
    }

    /// What is to be done before signing.
    pub(super) fn login_needed(&mut self) -> Result<Login, String> {
        let open = self.opened()?;
        let (logged_in, slot) = (open.logged_in, open.slot);
        let token = self.module.get_token_info(slot).map_err(|error| words(&error))?;
        if logged_in || !token.login_required() {
            return Ok(Login::Done);
        }
        if token.user_pin_locked() {
            return Err("its PIN is locked: unlock it with its maker's program".to_owned());
        }
        if token.user_pin_final_try() {
            let advice = "one try is left before its PIN locks: log in once with its maker's \
                          program, so that no mistake here can lock it";
            return Err(advice.to_owned());
        }
        match token.protected_authentication_path() {
            true => Ok(Login::OnItsOwnPad),
            false => Ok(Login::Pin),
        }
    }

    /// Logs in, with one attempt.
    pub(super) fn log_in(&mut self, pin: Option<&str>) -> Result<Admission, String> {
        let pin = pin.map(|pin| AuthPin::from(pin.to_owned()));
        let open = self.opened()?;
        match open.session.login(UserType::User, pin.as_ref()) {
            Ok(()) | Err(Refusal::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {
                (open.logged_in, open.pin) = (true, pin);
                Ok(Admission::Granted)
            }
            Err(Refusal::Pkcs11(
                RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange,
                _,
            )) => Ok(Admission::WrongPin),
            Err(error) => Err(words(&error)),
        }
    }

    /// Signs the message with a key of this token.
    pub(super) fn sign(
        &mut self,
        key: &TokenKey,
        scheme: Scheme,
        message: &[u8],
    ) -> Result<Vec<u8>, String> {
        let digest = Sha256::of(message);
        let digest = digest.as_bytes().as_slice();
        let (mechanism, input) = match scheme {
            Scheme::EcdsaFixed => (Mechanism::Ecdsa, digest),
            Scheme::Ed25519 => {
                (Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Ed25519)), message)
            }
            Scheme::RsaPkcs1 => (Mechanism::Sha256RsaPkcs, message),
            Scheme::RsaPss if self.offers(MechanismType::SHA256_RSA_PKCS_PSS)? => {
                (Mechanism::Sha256RsaPkcsPss(pss()), message)
            }
            Scheme::RsaPss => (Mechanism::RsaPkcsPss(pss()), digest),
            Scheme::OfKey => return Err(format!("cannot sign with {scheme}")),
        };
        if !self.offers(mechanism.mechanism_type())? {
            return Err(format!("cannot sign with {scheme}"));
        }
        let open = self.opened()?;
        let private = objects::private_key(&open.session, key)?;
        let signed = match objects::wants_pin_each_time(&open.session, private) {
            false => open.session.sign(&mechanism, private, input),
            true => sign_with_pin(open, &mechanism, private, input),
        };
        signed.map_err(|error| words(&error))
    }

    fn opened(&mut self) -> Result<&mut Open, String> {
        match self.is_present()? {
            true => self.open.as_mut().ok_or_else(absent),
            false => Err(absent()),
        }
    }
}

/// For keys that ask for the PIN before every signature, as the YubiKey's slot 9c does.
fn sign_with_pin(
    open: &Open,
    mechanism: &Mechanism<'_>,
    key: ObjectHandle,
    input: &[u8],
) -> Result<Vec<u8>, Refusal> {
    open.session.sign_init(mechanism, key)?;
    open.session.login(UserType::ContextSpecific, open.pin.as_ref())?;
    open.session.sign_update(input)?;
    open.session.sign_final()
}

fn pss() -> PkcsPssParams {
    PkcsPssParams {
        hash_alg: MechanismType::SHA256,
        mgf: PkcsMgfType::MGF1_SHA256,
        s_len: PSS_SALT.into(),
    }
}

fn absent() -> String {
    "is not plugged in, or has another label".to_owned()
}

/// Bytes (Notary 0.7 `tuf/signed/verifiers.go`).
const PSS_SALT: u64 = 32;
