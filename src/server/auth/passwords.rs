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

use super::{Caller, Permission, credentials};
use crate::server::Error;

/// Names and passwords: whoever has one may do everything; others may at most read.
pub struct Passwords {
    hashes: HashMap<String, String>,
    readers: Readers,
    /// Passwords that were found right, as codes under a key that is made at each start.
    known: Mutex<HashMap<String, hmac::Tag>>,
    secret: hmac::Key,
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
        Ok(Self { hashes, readers, known: Mutex::default(), secret, turns })
    }

    pub(super) async fn admit(
        &self,
        permission: &Permission<'_>,
        headers: &HeaderMap,
    ) -> Result<Caller, Error> {
        let refusal = |problem| Error::Unauthorised {
            problem,
            challenge: "Basic realm=\"trust\"".to_owned(),
            needed: permission.needed(),
        };
        let Some(given) = credentials(headers, "basic") else {
            let reads = matches!(permission, Permission::Pull(_) | Permission::Browse);
            return match self.readers {
                Readers::Anybody if reads => Ok(Caller::default()),
                _ => Err(refusal(None)),
            };
        };
        let given = STANDARD.decode(given).ok().map(Zeroizing::new);
        let given = given.as_deref().and_then(|bytes| std::str::from_utf8(bytes).ok());
        let (name, password) = given
            .and_then(|given| given.split_once(':'))
            .ok_or_else(|| refusal(Some("credentials that cannot be read")))?;
        match self.is_right(name, password).await {
            true => Ok(Caller::of(Some(name.to_owned()))),
            false => Err(refusal(Some("a wrong name or password"))),
        }
    }

    async fn is_right(&self, name: &str, password: &str) -> bool {
        let code = hmac::sign(&self.secret, password.as_bytes());
        {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            let same = |tag: &hmac::Tag| {
                hmac::verify(&self.secret, password.as_bytes(), tag.as_ref()).is_ok()
            };
            if known.get(name).is_some_and(same) {
                return true;
            }
        }
        // An unknown name takes as long as a wrong password.
        let exists = self.hashes.contains_key(name);
        let any = || self.hashes.values().next();
        let Some(hash) = self.hashes.get(name).or_else(any).cloned() else { return false };
        let password = Zeroizing::new(password.to_owned());
        let Ok(_turn) = self.turns.acquire().await else { return false };
        let right = tokio::task::spawn_blocking(move || {
            bcrypt::verify(password.as_bytes(), &hash).unwrap_or(false)
        });
        let right = right.await.unwrap_or(false) && exists;
        if right {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert(name.to_owned(), code);
        }
        right
    }
}

const AT_ONCE: usize = 2;
