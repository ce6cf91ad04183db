//! Keys on tokens, through the PKCS#11 module of their maker.
//!
//! - A module is code of somebody else in our process: it is loaded only from a path that nobody
//!   else can change, and only when its token is named in the configuration.
//! - It works in a thread of its own, and is not waited for longer than was said.
//! - A PIN is tried once. Tokens lock themselves after a few wrong ones.
//! - A key is what its public half is, never its label; and no signature is believed before the
//!   public half has accepted it.

mod desk;
mod make;
mod objects;
mod seat;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::{
    Error, KeyEntry, KeySource, Passphrase, PassphraseRequest, PassphraseSource, Purpose,
    trusted_file,
};
use crate::crypto::{self, Algorithm, Hand, PrivateKey, PublicKey, RemoteKey, Scheme, Signer};
use crate::tuf::{KeyId, canonical_key_id};
use desk::Desk;
use objects::TokenKey;

/// Which token, and how to reach it.
#[derive(Clone, Debug)]
pub struct TokenSetting {
    /// The maker's module, by its absolute path.
    pub module: PathBuf,
    /// The label of the token.
    pub label: String,
    /// How long one operation may take, and with it a person's touch.
    pub patience: Duration,
}

/// One token.
pub struct Token {
    setting: TokenSetting,
    desk: OnceLock<Arc<Desk>>,
    keys: OnceLock<Vec<TokenKey>>,
}

impl Token {
    /// Looks at the module; it is loaded when the token is first asked for something.
    ///
    /// # Errors
    ///
    /// [`Error::Untrusted`] if others could have put the module there.
    pub fn new(setting: TokenSetting) -> Result<Token, Error> {
        let module = trusted_file(Path::new(&setting.module))?;
        let setting = TokenSetting { module, ..setting };
        Ok(Token { setting, desk: OnceLock::new(), keys: OnceLock::new() })
    }

    /// Its label.
    pub fn label(&self) -> &str {
        &self.setting.label
    }

    /// Makes a key that never leaves the token, and proves that it signs.
    ///
    /// # Errors
    ///
    /// [`Error::Pin`]; [`Error::Elsewhere`] if there is no such token, or it makes no such keys.
    pub fn generate(
        &self,
        algorithm: Algorithm,
        label: &str,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<PublicKey, Error> {
        let label = label.to_owned();
        self.make(passphrases, move |seat| make::generate(seat, algorithm, &label))
    }

    /// Copies a key onto the token, and proves that it signs there.
    ///
    /// # Errors
    ///
    /// As [`generate`](Token::generate); only ECDSA keys can be copied.
    pub fn take_in(
        &self,
        key: &PrivateKey,
        label: &str,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<PublicKey, Error> {
        let parts = make::Parts::of(key).ok_or_else(|| {
            let algorithm = key.public().algorithm();
            self.says(format!("{algorithm} keys cannot be copied onto a token, only ECDSA keys"))
        })?;
        let label = label.to_owned();
        self.make(passphrases, move |seat| make::take_in(seat, &parts, &label))
    }

    fn make(
        &self,
        passphrases: &mut dyn PassphraseSource,
        job: impl FnOnce(&mut seat::Seat) -> Result<TokenKey, String> + Send + 'static,
    ) -> Result<PublicKey, Error> {
        let desk = self.desk()?;
        self.log_in(&desk, None, passphrases)?;
        let made = desk.ask(job).map_err(|problem| self.says(problem))?;
        let public = made.public.clone();
        let hand = TokenHand { place: self.place(), desk, key: made };
        // What cannot sign here must not become anybody's key.
        match RemoteKey::new(public.clone(), hand).sign(PROBE) {
            Ok(_) => Ok(public),
            Err(crypto::Error::Elsewhere { place, problem }) => {
                Err(Error::Elsewhere { place, problem })
            }
            Err(source) => Err(Error::Key { source }),
        }
    }

    fn desk(&self) -> Result<Arc<Desk>, Error> {
        if let Some(desk) = self.desk.get() {
            return Ok(Arc::clone(desk));
        }
        let opened = Desk::open(&self.setting).map_err(|problem| self.says(problem))?;
        Ok(Arc::clone(self.desk.get_or_init(|| Arc::new(opened))))
    }

    fn keys(&self) -> Result<&[TokenKey], Error> {
        if let Some(keys) = self.keys.get() {
            return Ok(keys);
        }
        let desk = self.desk()?;
        let found = desk.ask(|seat| match seat.is_present()? {
            true => objects::public_keys(seat),
            false => Ok(Vec::new()),
        });
        let found = found.map_err(|problem| self.says(problem))?;
        Ok(self.keys.get_or_init(|| found))
    }

    /// Logs in, unless that was done; with one PIN, once.
    fn log_in(
        &self,
        desk: &Desk,
        id: Option<&KeyId>,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<(), Error> {
        let need = desk.ask(|seat| seat.login_needed()).map_err(|problem| self.says(problem))?;
        let pin = match need {
            seat::Login::Done => return Ok(()),
            seat::Login::OnItsOwnPad => None,
            seat::Login::Pin => Some(self.pin(id, passphrases)?),
        };
        let outcome = desk.ask(move |seat| seat.log_in(pin.as_ref().map(Passphrase::as_str)));
        match outcome.map_err(|problem| self.says(problem))? {
            seat::Admission::Granted => Ok(()),
            seat::Admission::WrongPin => Err(Error::Pin { place: self.place() }),
        }
    }

    fn pin(
        &self,
        id: Option<&KeyId>,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<Passphrase, Error> {
        let request = PassphraseRequest {
            purpose: Purpose::Unlock,
            role: TOKEN_ROLE,
            gun: Some(&self.setting.label),
            id,
            attempt: 0,
        };
        passphrases.passphrase(&request)
    }

    fn says(&self, problem: String) -> Error {
        Error::Elsewhere { place: self.place(), problem }
    }
}

impl KeySource for Token {
    fn place(&self) -> String {
        format!("token {}", self.setting.label)
    }

    fn list(&self) -> Result<Vec<KeyEntry>, Error> {
        Ok(self.keys()?.iter().map(TokenKey::entry).collect())
    }

    fn signer(
        &self,
        id: &KeyId,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<Box<dyn Signer>, Error> {
        let key = self.keys()?.iter().find(|key| canonical_key_id(&key.public) == *id);
        let key = key.ok_or(Error::NoSuchKey { id: *id })?.clone();
        let desk = self.desk()?;
        self.log_in(&desk, Some(id), passphrases)?;
        let public = key.public.clone();
        Ok(Box::new(RemoteKey::new(public, TokenHand { place: self.place(), desk, key })))
    }
}

struct TokenHand {
    place: String,
    desk: Arc<Desk>,
    key: TokenKey,
}

impl Hand for TokenHand {
    fn place(&self) -> &str {
        &self.place
    }

    fn sign(&self, scheme: Scheme, message: &[u8]) -> Result<Vec<u8>, String> {
        let (key, message) = (self.key.clone(), message.to_vec());
        self.desk.ask(move |seat| seat.sign(&key, scheme, &message))
    }
}

/// As whose passphrase a PIN is asked for.
pub(super) const TOKEN_ROLE: &str = "token";
const PROBE: &[u8] = b"countersign: a new key on a token signs this to show that it can";

/// What a module said, for people.
fn words(refusal: &cryptoki::error::Error) -> String {
    use cryptoki::error::{Error as Refusal, RvError};
    match refusal {
        Refusal::Pkcs11(
            RvError::DeviceRemoved
            | RvError::TokenNotPresent
            | RvError::SessionHandleInvalid
            | RvError::SessionClosed
            | RvError::SlotIdInvalid,
            _,
        ) => "was taken out".to_owned(),
        Refusal::Pkcs11(RvError::PinLocked, _) => {
            "its PIN is locked: unlock it with its maker's program".to_owned()
        }
        Refusal::Pkcs11(RvError::UserNotLoggedIn, _) => "has logged us out".to_owned(),
        Refusal::Pkcs11(code, function) => format!("{function:?} failed: {code:?}"),
        other => other.to_string(),
    }
}
