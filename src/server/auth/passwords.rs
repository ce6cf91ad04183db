//! Names and passwords, in the file that `htpasswd -B` writes.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::HeaderMap;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::tickets::{self, Tickets};
use super::users::Users;
use super::{Caller, Permission, Visitor, credentials};
use crate::server::replaceable::Replaceable;
use crate::server::{Error, MasterSecret};

/// Names and passwords: whoever has one may do everything; others may at most read. Clones share the
/// names, so that they can be replaced.
#[derive(Clone)]
pub struct Passwords {
    users: Replaceable<Users>,
    readers: Readers,
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
    /// Which line is wrong, and in what.
    pub fn parse(text: &str, readers: Readers) -> Result<Self, String> {
        let users = Replaceable::new(Users::parse(text)?);
        Ok(Self { users, readers, tickets: None, turns: Arc::new(Semaphore::new(AT_ONCE)) })
    }

    /// Gives tickets to clients that show their password to a token service only, as notary does.
    #[must_use]
    pub fn with_tickets(self, master: &MasterSecret) -> Self {
        Self { tickets: Some(Tickets::under(master)), ..self }
    }

    /// Takes over the names and passwords of others.
    pub(super) fn replace(&self, other: &Self) {
        self.users.replace(&other.users);
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
        name.is_none_or(|name| self.users.current().knows(name))
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
            false => {
                visitor.guessed_wrong();
                Err(refusal(Some("a wrong name or password")))
            }
        }
    }

    async fn is_right(
        &self,
        name: &str,
        password: &str,
        visitor: Visitor<'_>,
    ) -> Result<bool, Error> {
        let users = self.users.current();
        if users.remembers(name, password) {
            return Ok(true);
        }
        visitor.may_guess()?;
        let Ok(_turn) = self.turns.acquire().await else { return Ok(false) };
        visitor.may_guess()?;
        let (name, password) = (name.to_owned(), Zeroizing::new(password.to_owned()));
        let right = tokio::task::spawn_blocking(move || users.check(&name, &password));
        Ok(right.await.unwrap_or(false))
    }
}

const BASIC: &str = "Basic realm=\"trust\"";
const AT_ONCE: usize = 2;
