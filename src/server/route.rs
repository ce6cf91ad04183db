//! The API on one page.
//!
//! | method and path | [`Route`] | permission |
//! |---|---|---|
//! | `GET /v2/` | `Ping` | catalog |
//! | `POST /v2/<gun>/_trust/tuf/` | `Publish` | push and pull |
//! | `DELETE /v2/<gun>/_trust/tuf/` | `Delete` | all |
//! | `GET /v2/<gun>/_trust/tuf/<role>.json` | `File` | pull |
//! | `GET /v2/<gun>/_trust/tuf/<role>.<sha256>.json` | `File` | pull |
//! | `GET /v2/<gun>/_trust/tuf/<version>.<role>.json` | `File` | pull |
//! | `GET /v2/<gun>/_trust/tuf/<snapshot or timestamp>.key` | `Key` | push and pull |
//! | `POST /v2/<gun>/_trust/tuf/<snapshot or timestamp>.key` | `RotateKey` | all |
//! | `GET /v2/<gun>/_trust/changefeed` | `Changefeed` | pull |
//! | `GET /v2/_trust/changefeed` | `Changefeed` | catalog |
//! | `GET /_notary_server/health` | `Health` | none |
//! | `GET /_notary_server/ready` | `Ready` | none |
//! | `GET /metrics` | `Metrics` | none |
//! | `GET /token` | `Token` | none, where passwords are kept |
//! | `GET /` | `Page` | those of what it shows |
//! | `GET /style.css` | `Style` | none |
//!
//! A path has one spelling: what is percent-encoded, has empty or dotted components, or a number
//! with leading zeros, is not there. So who may do what is decided about the very name that is then
//! used.

use std::str::FromStr;

use hyper::Method;

use super::auth::Permission;
use crate::crypto::Sha256;
use crate::storage::metadata::Which;
use crate::tuf::{Gun, RoleName, Version};

/// What a request asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Route {
    /// Whether a trust server is here, and how to be let in.
    Ping,
    /// To publish an update.
    Publish(Gun),
    /// To delete a collection.
    Delete(Gun),
    /// A metadata file.
    File(Gun, RoleName, Which),
    /// The public key that the server would sign a role with.
    Key(Gun, RoleName),
    /// A new such key.
    RotateKey(Gun, RoleName),
    /// What happened, to one collection or to all.
    Changefeed(Option<Gun>),
    /// Whether the server can work.
    Health,
    /// Whether new requests should be sent to it.
    Ready,
    /// Numbers about its work.
    Metrics,
    /// A token of the server's own.
    Token,
    /// The page for people.
    Page,
    /// How it looks.
    Style,
    /// Nothing that is here.
    Unknown,
    /// A method that nothing has.
    NoMethod,
}

impl Route {
    /// Reads a request line.
    pub fn of(method: &Method, path: &str) -> Self {
        if ![Method::GET, Method::HEAD, Method::POST, Method::DELETE, Method::PUT].contains(method)
        {
            return Self::NoMethod;
        }
        let reads = matches!(*method, Method::GET | Method::HEAD);
        let found = match path {
            "/v2/" if reads => Some(Self::Ping),
            "/v2/_trust/changefeed" if reads => Some(Self::Changefeed(None)),
            "/_notary_server/health" if reads => Some(Self::Health),
            "/_notary_server/ready" if reads => Some(Self::Ready),
            "/metrics" if reads => Some(Self::Metrics),
            "/token" if reads => Some(Self::Token),
            "/" if reads => Some(Self::Page),
            "/style.css" if reads => Some(Self::Style),
            _ => Self::of_collection(method, path),
        };
        found.unwrap_or(Self::Unknown)
    }

    fn of_collection(method: &Method, path: &str) -> Option<Self> {
        let (gun, rest) = path.strip_prefix("/v2/")?.split_once("/_trust/")?;
        let gun = Gun::raw(gun).ok()?;
        let reads = matches!(*method, Method::GET | Method::HEAD);
        if rest == "changefeed" {
            return reads.then_some(Self::Changefeed(Some(gun)));
        }
        let file = rest.strip_prefix("tuf/")?;
        match *method {
            Method::POST if file.is_empty() => Some(Self::Publish(gun)),
            Method::DELETE if file.is_empty() => Some(Self::Delete(gun)),
            Method::POST => Some(Self::RotateKey(gun, online_role(file)?)),
            _ if !reads => None,
            _ => match online_role(file) {
                Some(role) => Some(Self::Key(gun, role)),
                None => file_named(file).map(|(role, which)| Self::File(gun, role, which)),
            },
        }
    }

    /// The collection that it is about.
    pub fn gun(&self) -> Option<&Gun> {
        match self {
            Self::Publish(gun)
            | Self::Delete(gun)
            | Self::File(gun, ..)
            | Self::Key(gun, _)
            | Self::RotateKey(gun, _)
            | Self::Changefeed(Some(gun)) => Some(gun),
            _ => None,
        }
    }

    /// What it is called in metrics, as notary-server calls it.
    pub fn operation(&self) -> &'static str {
        match self {
            Self::Ping => "Ping",
            Self::Publish(_) => "UpdateTUF",
            Self::Delete(_) => "DeleteTUF",
            Self::File(_, _, Which::Current) => "GetRole",
            Self::File(_, _, Which::Hash(_)) => "GetRoleByHash",
            Self::File(_, _, Which::Version(_)) => "GetRoleByVersion",
            Self::Key(..) => "GetKey",
            Self::RotateKey(..) => "RotateKey",
            Self::Changefeed(_) => "Changefeed",
            Self::Health | Self::Ready => "Health",
            Self::Metrics => "Metrics",
            Self::Token => "Token",
            Self::Page | Self::Style => "Page",
            Self::Unknown | Self::NoMethod => "Unknown",
        }
    }

    /// Whether something is another way afterwards.
    pub(super) fn changes(&self) -> bool {
        matches!(self, Self::Publish(_) | Self::Delete(_) | Self::RotateKey(..))
    }

    /// What a caller must be allowed; `None` where anybody may.
    pub(super) fn permission(&self) -> Option<Permission<'_>> {
        Some(match self {
            Self::Health | Self::Ready | Self::Metrics | Self::NoMethod => return None,
            // The page asks itself, for each collection that it would show.
            Self::Token | Self::Page | Self::Style => return None,
            Self::Publish(gun) | Self::Key(gun, _) => Permission::Push(gun),
            Self::Delete(gun) | Self::RotateKey(gun, _) => Permission::All(gun),
            Self::File(gun, ..) | Self::Changefeed(Some(gun)) => Permission::Pull(gun),
            Self::Ping | Self::Changefeed(None) | Self::Unknown => Permission::Catalog,
        })
    }
}

/// `timestamp.key`, `snapshot.key`.
fn online_role(file: &str) -> Option<RoleName> {
    match file {
        "timestamp.key" => Some(RoleName::Timestamp),
        "snapshot.key" => Some(RoleName::Snapshot),
        _ => None,
    }
}

/// `role.json`, `role.<sha256>.json`, `<version>.role.json`.
fn file_named(file: &str) -> Option<(RoleName, Which)> {
    let name = file.strip_suffix(".json")?;
    let role = |text: &str| RoleName::from_str(text).ok();
    match name.split_once('.') {
        None => Some((role(name)?, Which::Current)),
        Some((left, right)) if left.starts_with(|c: char| c.is_ascii_digit()) => {
            Some((role(right)?, Which::Version(version(left)?)))
        }
        Some((left, right)) => Some((role(left)?, Which::Hash(Sha256::from_str(right).ok()?))),
    }
}

fn version(text: &str) -> Option<Version> {
    let number = Version::new(text.parse().ok()?)?;
    (number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn route_table() {
        let hash = "0".repeat(64);
        for (path, operation) in [
            ("/v2/", "Ping"),
            ("/v2/a/_trust/tuf/root.json", "GetRole"),
            ("/v2/reg:5000/a/b/_trust/tuf/targets/releases.json", "GetRole"),
            ("/v2/a/_trust/tuf/1.root.json", "GetRoleByVersion"),
            (&format!("/v2/a/_trust/tuf/targets/x.{hash}.json"), "GetRoleByHash"),
            ("/v2/a/_trust/tuf/timestamp.key", "GetKey"),
            ("/v2/a/_trust/changefeed", "Changefeed"),
            ("/v2/_trust/changefeed", "Changefeed"),
            ("/_notary_server/health", "Health"),
            ("/_notary_server/ready", "Health"),
            ("/metrics", "Metrics"),
            ("/v2", "Unknown"),
            ("/", "Page"),
            ("//", "Unknown"),
            ("/token", "Token"),
            ("/style.css", "Page"),
            ("/v2/a/_trust/tuf/", "Unknown"),
            ("/v2/a/_trust/tuf/root.key", "Unknown"),
            ("/v2/a/_trust/tuf/targets.key", "Unknown"),
            ("/v2/a/_trust/tuf/other.json", "Unknown"),
            ("/v2/a/_trust/tuf/targets/../root.json", "Unknown"),
            ("/v2/a/_trust/tuf/0.root.json", "Unknown"),
            ("/v2/a/_trust/tuf/01.root.json", "Unknown"),
            ("/v2/a/_trust/tuf/-1.root.json", "Unknown"),
            ("/v2/a/_trust/tuf/99999999999999999999.root.json", "Unknown"),
            (&format!("/v2/a/_trust/tuf/root.{}.json", &hash[1..]), "Unknown"),
            (&format!("/v2/a/_trust/tuf/root.{hash}0.json"), "Unknown"),
            (&format!("/v2/a/_trust/tuf/root.{}.json", "A".repeat(64)), "Unknown"),
            ("/v2/a//b/_trust/tuf/root.json", "Unknown"),
            ("/v2/a/../b/_trust/tuf/root.json", "Unknown"),
            ("/v2/a%2fb/_trust/tuf/root.json", "Unknown"),
            ("/v2/%2e%2e/_trust/tuf/root.json", "Unknown"),
            ("/v2/a/..;/b/_trust/tuf/root.json", "GetRole"),
            ("/v2/a*/_trust/tuf/root.json", "Unknown"),
            ("/v2/a/_trust/b/_trust/tuf/root.json", "Unknown"),
            (&format!("/v2/{}/_trust/tuf/root.json", "a".repeat(8192)), "Unknown"),
        ] {
            assert_eq!(Route::of(&Method::GET, path).operation(), operation, "{path}");
            assert_eq!(Route::of(&Method::HEAD, path), Route::of(&Method::GET, path), "{path}");
        }
        for (method, path, operation) in [
            (Method::POST, "/v2/a/_trust/tuf/", "UpdateTUF"),
            (Method::DELETE, "/v2/a/_trust/tuf/", "DeleteTUF"),
            (Method::POST, "/v2/a/_trust/tuf/snapshot.key", "RotateKey"),
            (Method::POST, "/v2/a/_trust/tuf/root.json", "Unknown"),
            (Method::POST, "/v2/a/_trust/tuf", "Unknown"),
            (Method::DELETE, "/v2/a/_trust/tuf/root.json", "Unknown"),
            (Method::PUT, "/v2/a/_trust/tuf/", "Unknown"),
            (Method::POST, "/v2/a/_trust/changefeed", "Unknown"),
        ] {
            assert_eq!(Route::of(&method, path).operation(), operation, "{method} {path}");
        }
        assert_eq!(Route::of(&Method::PATCH, "/v2/"), Route::NoMethod);
    }
}
