//! A session with one token, begun when the token is there and begun again when it comes back.

use std::sync::atomic::{AtomicUsize, Ordering};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error as Refusal, RvError};
use cryptoki::mechanism::MechanismType;
use cryptoki::session::{Session, SessionState};
use cryptoki::slot::{Slot, TokenInfo};
use cryptoki::types::AuthPin;

use super::objects::{self, TokenKey};
use super::problem::Problem;
use super::{TokenSetting, login};

/// The module, and the session while the token is there.
pub(super) struct Seat {
    module: Pkcs11,
    label: String,
    open: Option<Open>,
}

/// A session, and what holds as long as it lasts.
pub(super) struct Open {
    pub(super) slot: Slot,
    pub(super) session: Session,
    /// Kept for keys that want it before each signature.
    pub(super) pin: Option<AuthPin>,
    pub(super) logged_in: bool,
    keys: Option<Vec<TokenKey>>,
}

impl Seat {
    /// Loads the module; the token may be missing.
    pub(super) fn take(setting: &TokenSetting) -> Result<Seat, String> {
        let module = Pkcs11::new(&setting.module).map_err(|error| {
            let problem = Problem::from(error);
            format!("{} is no PKCS#11 module: {problem}", setting.module.display())
        })?;
        initialize(&module)?;
        SEATS.fetch_add(1, Ordering::SeqCst);
        Ok(Seat { module, label: setting.label.clone(), open: None })
    }

    /// Whether the token is plugged in; a session with it is begun then.
    pub(super) fn is_present(&mut self) -> Result<bool, Problem> {
        if self.open.as_ref().is_some_and(|open| open.session.get_session_info().is_err()) {
            self.leave();
        }
        if self.open.is_none() {
            self.open = self.find()?;
        }
        Ok(self.open.is_some())
    }

    /// Ends the session. The token may be gone, or have forgotten us.
    pub(super) fn leave(&mut self) {
        self.open = None;
    }

    pub(super) fn opened(&mut self) -> Result<&mut Open, Problem> {
        match self.is_present()? {
            true => self.open.as_mut().ok_or_else(absent),
            false => Err(absent()),
        }
    }

    pub(super) fn session(&mut self) -> Result<&Session, Problem> {
        Ok(&self.opened()?.session)
    }

    /// Every public key on the token that we could use; none if it is not there.
    pub(super) fn keys(&mut self) -> Result<Vec<TokenKey>, Problem> {
        if !self.is_present()? {
            return Ok(Vec::new());
        }
        let open = self.opened()?;
        if open.keys.is_none() {
            open.keys = Some(objects::public_keys(&open.session)?);
        }
        Ok(open.keys.clone().unwrap_or_default())
    }

    /// Looks for its keys anew when they are next asked for: one was added.
    pub(super) fn forget_keys(&mut self) {
        if let Some(open) = &mut self.open {
            open.keys = None;
        }
    }

    /// Whether the token has such an operation.
    pub(super) fn offers(&mut self, mechanism: MechanismType) -> Result<bool, Problem> {
        let slot = self.opened()?.slot;
        Ok(self.module.get_mechanism_list(slot)?.contains(&mechanism))
    }

    /// What is to be done before signing.
    pub(super) fn login_needed(&mut self) -> Result<login::Need, Problem> {
        let token = self.token()?;
        login::need(self.opened()?, &token)
    }

    /// Logs in, with one attempt.
    pub(super) fn log_in(&mut self, pin: Option<&str>) -> Result<login::Admission, Problem> {
        let token = self.token()?;
        login::attempt(self.opened()?, &token, pin)
    }

    fn token(&mut self) -> Result<TokenInfo, Problem> {
        let slot = self.opened()?.slot;
        Ok(self.module.get_token_info(slot)?)
    }

    /// Looks for the token, and begins a session with it.
    fn find(&self) -> Result<Option<Open>, Problem> {
        let mut slots = self.slots()?;
        if slots.is_empty() && SEATS.load(Ordering::SeqCst) == 1 {
            // Some modules look for tokens only when they start; nobody else is using one now.
            self.module.clone().finalize()?;
            initialize(&self.module)?;
            slots = self.slots()?;
        }
        match slots.as_slice() {
            [] => Ok(None),
            [slot] => {
                let session = self.module.open_rw_session(*slot).or_else(|_| {
                    // A token that is write-protected signs all the same.
                    self.module.open_ro_session(*slot)
                })?;
                let slot = *slot;
                Ok(Some(Open { slot, session, pin: None, logged_in: false, keys: None }))
            }
            several => Err(format!("{} tokens have this label", several.len()).into()),
        }
    }

    /// Where tokens with its label are plugged in.
    fn slots(&self) -> Result<Vec<Slot>, Problem> {
        let mut slots = self.module.get_slots_with_token()?;
        slots.retain(|slot| {
            // One that was taken out just now is not the one that is looked for.
            let token = self.module.get_token_info(*slot);
            token.is_ok_and(|token| token.label().trim_end() == self.label)
        });
        Ok(slots)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.leave();
        SEATS.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Open {
    /// Whether the token still knows who we are.
    pub(super) fn is_logged_in(&self) -> bool {
        let state = self.session.get_session_info().map(|session| session.session_state());
        self.logged_in && matches!(state, Ok(SessionState::RoUser | SessionState::RwUser))
    }
}

fn initialize(module: &Pkcs11) -> Result<(), String> {
    match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        // Another token of the same module came first.
        Ok(()) | Err(Refusal::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(()),
        Err(error) => Err(format!("its module does not start: {}", Problem::from(error))),
    }
}

fn absent() -> Problem {
    "is not plugged in, or has another label".into()
}

/// How many seats are taken in this process: a module is not ended under others.
static SEATS: AtomicUsize = AtomicUsize::new(0);
