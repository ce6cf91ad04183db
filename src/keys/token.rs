//! Keys on tokens, through the PKCS#11 module of their maker.
//!
//! - A module is code of somebody else in our process: it is loaded only from a path that nobody
//!   else can change, and only when its token is named in the configuration.
//! - It works in a thread of its own, and is not waited for longer than was said.
//! - A token may come and go: each time it is asked, it is looked for if it is not there.
//! - A PIN is tried once. Tokens lock themselves after a few wrong ones, so one that was refused is
//!   not tried again by anybody in this process.
//! - A key is what its public half is, never its label; and no signature is believed before the
//!   public half has accepted it.

mod desk;
mod login;
mod make;
mod objects;
mod problem;
mod refused;
mod seat;
mod signing;

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
use login::{Admission, Need};
use objects::TokenKey;
use problem::Problem;
use seat::Seat;

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
        Ok(Token { setting, desk: OnceLock::new() })
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
        job: impl FnOnce(&mut Seat) -> Result<TokenKey, Problem> + Send + 'static,
    ) -> Result<PublicKey, Error> {
        let desk = self.desk()?;
        self.log_in(&desk, None, passphrases)?;
        let made = desk.ask(move |seat| job(seat).inspect(|_| seat.forget_keys()));
        let made = made.map_err(|problem| self.says(problem))?;
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

    fn keys(&self) -> Result<Vec<TokenKey>, Error> {
        self.desk()?.ask(Seat::keys).map_err(|problem| self.says(problem))
    }

    /// Logs in, unless that was done; with one PIN, once.
    fn log_in(
        &self,
        desk: &Desk,
        id: Option<&KeyId>,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<(), Error> {
        let need = desk.ask(Seat::login_needed).map_err(|problem| self.says(problem))?;
        let pin = match need {
            Need::Nothing => return Ok(()),
            Need::OnItsOwnPad => None,
            Need::Pin => Some(self.pin(id, passphrases)?),
        };
        let outcome = desk.ask(move |seat| seat.log_in(pin.as_ref().map(Passphrase::as_str)));
        match outcome.map_err(|problem| self.says(problem))? {
            Admission::Granted => Ok(()),
            Admission::WrongPin => Err(Error::Pin { place: self.place() }),
        }
    }

    fn pin(
        &self,
        id: Option<&KeyId>,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<Passphrase, Error> {
        let request = PassphraseRequest {
            purpose: Purpose::Pin,
            role: &self.setting.label,
            gun: None,
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
        let key = self.keys()?.into_iter().find(|key| canonical_key_id(&key.public) == *id);
        let key = key.ok_or(Error::NoSuchKey { id: *id })?;
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
        self.desk.ask(move |seat| signing::sign(seat, &key, scheme, &message))
    }
}

const PROBE: &[u8] = b"countersign: a new key on a token signs this to show that it can";
