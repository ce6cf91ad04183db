//! Who may do what.
//!
//! The name that permission is asked for is the parsed name that is then used; there is no second
//! reading of the path.

mod passwords;
mod tickets;
mod tokens;
mod users;

pub use passwords::{Passwords, Readers};
pub use tokens::Tokens;

use std::collections::BTreeSet;
use std::net::IpAddr;

use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use jiff::Timestamp as Instant;
use serde_json::{Value, json};

use super::error::Needed;
use super::limits::Gates;
use super::{Error, Inner};
use crate::tuf::Gun;

/// How callers are let in. Clones share who is known, so that it can be replaced.
#[derive(Clone)]
pub enum Access {
    /// Anybody may do anything: for a network that one trusts.
    Open,
    /// Tokens of a token service, as docker registries use them (Notary `auth.type` = `token`).
    Tokens(Tokens),
    /// Names and passwords.
    Passwords(Passwords),
}

/// Who called, as far as that was asked.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Caller {
    /// The name that a password or token proved.
    pub(super) name: Option<String>,
    /// The other end of the connection.
    pub(super) peer: Peer,
}

/// The other end of a connection. Whoever takes connections puts it among the extensions of each
/// request.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Peer {
    /// Where it is.
    pub address: Option<IpAddr>,
    /// The trusted proxy that the connection came through and that says so.
    pub via: Option<IpAddr>,
    /// The common name in the certificate that it showed, if one was asked for.
    pub certificate: Option<String>,
}

impl Caller {
    /// Somebody of that name, if a name was asked for.
    pub(super) fn of(name: Option<String>) -> Self {
        Self { name: name.filter(|name| !name.is_empty()), peer: Peer::default() }
    }

    /// Takes over the name of whoever was let in.
    pub(super) fn named(&mut self, admitted: Self) {
        self.name = admitted.name;
    }
}

impl From<&Peer> for Caller {
    fn from(peer: &Peer) -> Self {
        Self { name: None, peer: peer.clone() }
    }
}

/// Somebody at the door: what he shows, and when.
#[derive(Clone, Copy)]
pub(super) struct Visitor<'v> {
    headers: &'v HeaderMap,
    now: Instant,
    gates: &'v Gates,
    address: Option<IpAddr>,
}

impl Visitor<'_> {
    /// Refuses whoever has guessed too often by now: whoever sends many guesses at once was let in
    /// with all of them.
    fn may_guess(&self) -> Result<(), Error> {
        self.gates.may_guess(self.address, std::time::Instant::now())
    }

    /// Notes that a guess was wrong.
    fn guessed_wrong(&self) {
        self.gates.failed(self.address, std::time::Instant::now());
    }
}

impl Inner {
    pub(super) fn visitor<'v>(&'v self, headers: &'v HeaderMap, caller: &Caller) -> Visitor<'v> {
        let (now, address) = (self.clock.now(), caller.peer.address);
        Visitor { headers, now, gates: &self.gates, address }
    }
}

/// What a caller must be allowed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Permission<'g> {
    /// To read a collection.
    Pull(&'g Gun),
    /// To publish to a collection.
    Push(&'g Gun),
    /// To delete a collection, or to change its online keys.
    All(&'g Gun),
    /// To see what collections there are.
    Catalog,
    /// To look at whatever one may read.
    Browse,
}

/// Which collections a caller may read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Sight {
    /// All of them.
    All,
    /// Those of these names.
    These(BTreeSet<String>),
}

impl Sight {
    pub(super) fn allows(&self, gun: &Gun) -> bool {
        match self {
            Self::All => true,
            Self::These(names) => names.contains(gun.as_str()),
        }
    }
}

impl Access {
    /// From now on knows whom the other one knows, if both let in in the same way: the names and
    /// passwords, or the certificates of the token service. Tickets that were given stay good for
    /// names that are still known.
    pub fn replace(&self, other: &Self) {
        match (self, other) {
            (Self::Tokens(mine), Self::Tokens(others)) => mine.replace(others),
            (Self::Passwords(mine), Self::Passwords(others)) => mine.replace(others),
            _ => {}
        }
    }

    pub(super) async fn admit(
        &self,
        permission: &Permission<'_>,
        visitor: Visitor<'_>,
    ) -> Result<Caller, Error> {
        match self {
            Self::Open => Ok(Caller::default()),
            Self::Tokens(tokens) => tokens.admit(permission, visitor.headers, visitor.now),
            Self::Passwords(passwords) => passwords.admit(permission, visitor).await,
        }
    }

    /// A ticket, where the server gives some, as clients of token services expect it.
    pub(super) async fn ticket(&self, visitor: Visitor<'_>) -> Result<Value, Error> {
        let given = match self {
            Self::Passwords(passwords) => passwords.ticket(visitor).await?,
            _ => None,
        };
        let (ticket, seconds) = given.ok_or(Error::NoRoute)?;
        Ok(json!({
            "token": ticket,
            "access_token": ticket,
            "expires_in": seconds,
            "issued_at": visitor.now.to_string(),
        }))
    }

    /// Who looks around, and what there is for him to see.
    pub(super) async fn sight(&self, visitor: Visitor<'_>) -> Result<(Caller, Sight), Error> {
        match self {
            Self::Tokens(tokens) => tokens.sight(visitor.headers, visitor.now),
            _ => Ok((self.admit(&Permission::Browse, visitor).await?, Sight::All)),
        }
    }
}

impl Permission<'_> {
    fn kind(&self) -> &'static str {
        if matches!(self, Self::Catalog | Self::Browse) { "registry" } else { "repository" }
    }

    fn name(&self) -> &str {
        match self {
            Self::Pull(gun) | Self::Push(gun) | Self::All(gun) => gun.as_str(),
            Self::Catalog | Self::Browse => "catalog",
        }
    }

    fn actions(&self) -> &'static [&'static str] {
        match self {
            Self::Pull(_) => &["pull"],
            Self::Push(_) => &["push", "pull"],
            Self::All(_) | Self::Catalog | Self::Browse => &["*"],
        }
    }

    /// `repository:a/b:push,pull`
    fn scope(&self) -> String {
        format!("{}:{}:{}", self.kind(), self.name(), self.actions().join(","))
    }

    fn needed(&self) -> Vec<Needed> {
        let (kind, name) = (self.kind(), self.name());
        let one = |action: &&'static str| Needed { kind, class: "", name: name.to_owned(), action };
        self.actions().iter().map(one).collect()
    }
}

/// The rest of an `Authorization` header of that scheme.
fn credentials<'h>(headers: &'h HeaderMap, scheme: &str) -> Option<&'h str> {
    let (found, rest) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    found.eq_ignore_ascii_case(scheme).then(|| rest.trim())
}
