//! Names and passwords, in the file that `htpasswd -B` writes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::HeaderMap;
use ring::hmac;
use ring::rand::SystemRandom;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::tickets::{self, Tickets};
use super::{Caller, Permission, Visitor, credentials};
use crate::server::{Error, MasterSecret};

/// Names and passwords: whoever has one may do everything; others may at most read.
pub struct Passwords {
    hashes: HashMap<String, String>,
    readers: Readers,
    /// Passwords that were found right, as codes under a key that is made at each start.
    known: Mutex<HashMap<String, hmac::Tag>>,
    secret: hmac::Key,
    tickets: Option<Tickets>,
    /// bcrypt is slow on purpose; it must not occupy every processor.
    turns: Arc<Semaphore>,
}

/// Who may read without a password.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Readers {
    /// Anybody.
    Anybody,
    /// Nobody.
    Nobody,
}

impl Passwords {
    /// Reads lines of `name:hash`, with bcrypt hashes.
    ///
    /// # Errors
    ///
    /// The number of the first line that is none.
    pub fn parse(text: &str, readers: Readers) -> Result<Self, usize> {
        let mut hashes = HashMap::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match line.split_once(':') {
                Some((name, hash)) if !name.is_empty() && hash.starts_with("$2") => {
                    hashes.insert(name.to_owned(), hash.to_owned());
                }
                _ => return Err(number + 1),
            }
        }
        let secret =
            hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).map_err(|_| 0_usize)?;
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        Ok(Self { hashes, readers, known: Mutex::default(), secret, tickets: None, turns })
    }

    /// Gives tickets to clients that show their password to a token service only, as notary does.
    #[must_use]
    pub fn with_tickets(self, master: &MasterSecret) -> Self {
        Self { tickets: Some(Tickets::under(master)), ..self }
    }

    pub(super) async fn admit(
        &self,
        permission: &Permission<'_>,
        visitor: Visitor<'_>,
    ) -> Result<Caller, Error> {
        let refusal = |problem| self.refusal(permission, visitor.headers, problem);
        let name = match credentials(visitor.headers, "bearer").zip(self.tickets.as_ref()) {
            None => self.proved(visitor, refusal).await?,
            Some((ticket, tickets)) => {
                let bearer = tickets.bearer(ticket, visitor.now);
                // Who was taken out of the file meanwhile is nobody any more.
                let bearer = bearer.filter(|name| self.knows(name.as_deref()));
                bearer.ok_or_else(|| refusal(Some("a token that is not good here")))?
            }
        };
        let reads = matches!(permission, Permission::Pull(_) | Permission::Browse);
        match name {
            None if self.readers == Readers::Anybody && reads => Ok(Caller::default()),
            None => Err(refusal(None)),
            Some(name) => Ok(Caller::of(Some(name))),
        }
    }

    /// A ticket for whoever shows his password, or no password; and for how many seconds it is good.
    /// `None` if there are none to be had. One without a name opens what is open to anybody, if only
    /// to be refused: notary shows a password once that has happened.
    pub(super) async fn ticket(
        &self,
        visitor: Visitor<'_>,
    ) -> Result<Option<(String, u32)>, Error> {
        let Some(tickets) = &self.tickets else { return Ok(None) };
        let refusal = |problem| Error::Unauthorised {
            problem,
            challenge: BASIC.to_owned(),
            needed: Permission::Browse.needed(),
        };
        let name = self.proved(visitor, refusal).await?;
        Ok(Some((tickets.give(name, visitor.now), tickets::SECONDS)))
    }

    fn knows(&self, name: Option<&str>) -> bool {
        name.is_none_or(|name| self.hashes.contains_key(name))
    }

    /// The page is for browsers, which know passwords; everything else is for clients, which all
    /// know token services.
    fn refusal(
        &self,
        permission: &Permission<'_>,
        headers: &HeaderMap,
        problem: Option<&'static str>,
    ) -> Error {
        let page = matches!(permission, Permission::Browse);
        let realm = tickets::realm(headers).filter(|_| self.tickets.is_some() && !page);
        let challenge = match realm {
            None => BASIC.to_owned(),
            Some(realm) => {
                let scope = permission.scope();
                format!("Bearer realm=\"{realm}\",service=\"trust\",scope=\"{scope}\"")
            }
        };
        Error::Unauthorised { problem, challenge, needed: permission.needed() }
    }

    /// The name whose password was shown; `None` if none was.
    async fn proved(
        &self,
        visitor: Visitor<'_>,
        refusal: impl Fn(Option<&'static str>) -> Error,
    ) -> Result<Option<String>, Error> {
        let Some(given) = credentials(visitor.headers, "basic") else { return Ok(None) };
        let given = STANDARD.decode(given).ok().map(Zeroizing::new);
        let given = given.as_deref().and_then(|bytes| std::str::from_utf8(bytes).ok());
        let (name, password) = given
            .and_then(|given| given.split_once(':'))
            .ok_or_else(|| refusal(Some("credentials that cannot be read")))?;
        match self.is_right(name, password, visitor).await? {
            true => Ok(Some(name.to_owned())),
            false => Err(refusal(Some("a wrong name or password"))),
        }
    }

    async fn is_right(
        &self,
        name: &str,
        password: &str,
        visitor: Visitor<'_>,
    ) -> Result<bool, Error> {
        let code = hmac::sign(&self.secret, password.as_bytes());
        {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            let same = |tag: &hmac::Tag| {
                hmac::verify(&self.secret, password.as_bytes(), tag.as_ref()).is_ok()
            };
            if known.get(name).is_some_and(same) {
                return Ok(true);
            }
        }
        // An unknown name takes as long as a wrong password.
        let exists = self.hashes.contains_key(name);
        let any = || self.hashes.values().next();
        let Some(hash) = self.hashes.get(name).or_else(any).cloned() else { return Ok(false) };
        let password = Zeroizing::new(password.to_owned());
        let Ok(_turn) = self.turns.acquire().await else { return Ok(false) };
        visitor.may_guess()?;
        let right = tokio::task::spawn_blocking(move || {
            bcrypt::verify(password.as_bytes(), &hash).unwrap_or(false)
        });
        let right = right.await.unwrap_or(false) && exists;
        if right {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert(name.to_owned(), code);
        }
        Ok(right)
    }
}

const BASIC: &str = "Basic realm=\"trust\"";
const AT_ONCE: usize = 2;
