//! One line of JSON for each event; what strangers sent is text in it and nothing more.
//!
//! No tokens, no keys, no metadata; of a publication the roles, versions and digests.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::header::USER_AGENT;
use hyper::http::request::Parts;
use serde_json::{Map, Value, json};

use super::auth::Caller;
use super::{Clock, Error, Peer};
use crate::tuf::{Gun, Key, RoleName};
use crate::verify::submission::Publication;

/// How much is said.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Level {
    /// What needs somebody.
    Error,
    /// Also what changed, and what was refused.
    Info,
    /// Also every request.
    Debug,
}

/// Where events are told.
pub struct Log {
    level: Level,
    clock: Clock,
    write: Box<dyn Fn(&str) + Send + Sync>,
}

impl Log {
    /// Hands lines, without their end, to this function.
    pub fn new(level: Level, clock: Clock, write: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { level, clock, write: Box::new(write) }
    }

    pub(super) fn published(&self, publication: &Publication, caller: &Caller) {
        let file = |file: &crate::verify::submission::PublishedFile| {
            let (role, version) = (file.role.as_str(), file.version.number());
            let keys: Vec<String> = file.signers.iter().map(ToString::to_string).collect();
            let sha256 = file.sha256.to_string();
            let keys = Some(keys).filter(|keys| !keys.is_empty());
            json!({ "role": role, "version": version, "sha256": sha256, "keys": keys })
        };
        let files: Vec<Value> = publication.files().iter().map(file).collect();
        let gun = publication.gun().as_str();
        let said = json!({ "gun": gun, "files": files });
        self.say(Level::Info, "published", by(caller, said));
    }

    pub(super) fn deleted(&self, gun: &Gun, caller: &Caller) {
        self.say(Level::Info, "deleted", by(caller, json!({ "gun": gun.as_str() })));
    }

    pub(super) fn rotating(&self, gun: &Gun, role: &RoleName, key: &Key, caller: &Caller) {
        let (role, key) = (role.as_str(), key.id().to_string());
        let said = json!({ "gun": gun.as_str(), "role": role, "key": key });
        self.say(Level::Info, "key to rotate to", by(caller, said));
    }

    /// Something that needs somebody.
    pub(super) fn trouble(&self, what: &str, gun: Option<&Gun>, error: &Error) {
        let said = json!({ "what": what, "gun": gun.map(Gun::as_str), "error": chain(error) });
        self.say(Level::Error, "trouble", said);
    }

    /// A collection whose timestamp is due, and that only its owner can give a new one.
    pub(super) fn foreign(&self, gun: &Gun) {
        let gun = gun.as_str();
        let said = json!({ "what": "renewal", "gun": gun, "error": format!(
            "its timestamp key is not this server's; its owner moves it here with: countersign key \
             rotate {gun} timestamp snapshot --server-managed"
        ) });
        self.say(Level::Error, "trouble", said);
    }

    /// What became of a request that decides about an image: a review of admission, a pull.
    pub(super) fn asked(&self, level: Level, event: &str, said: Value, head: &Parts) {
        let mut said = said;
        if let Some(members) = said.as_object_mut() {
            let address = head.extensions.get::<Peer>().and_then(|peer| peer.address);
            members.insert("from".to_owned(), json!(address));
        }
        self.say(level, event, said);
    }

    /// A connection or the listener itself.
    pub(super) fn connection(&self, level: Level, what: &str, error: &dyn std::fmt::Display) {
        self.say(level, what, json!({ "error": error.to_string() }));
    }

    pub(super) fn access(
        &self,
        head: &Parts,
        response: &Response<Full<Bytes>>,
        took: Duration,
        caller: &Caller,
        refusal: Option<&Error>,
    ) {
        let level = match refusal {
            Some(error) if error.is_ours() => Level::Error,
            None | Some(Error::NoFile | Error::NoRoute | Error::NoMethod) => Level::Debug,
            // How every client begins, to learn what is wanted.
            Some(Error::Unauthorised { problem: None, .. }) => Level::Debug,
            Some(_) => Level::Info,
        };
        if level > self.level {
            return;
        }
        let mut said = json!({
            "method": head.method.as_str(),
            "path": cut(head.uri.path()),
            "status": response.status().as_u16(),
            "ms": took.as_secs_f64() * 1000.0,
            "agent": head.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).map(cut),
        });
        if let (Some(error), Some(said)) = (refusal, said.as_object_mut()) {
            said.insert("code".to_owned(), json!(error.code()));
            said.insert("error".to_owned(), json!(cut(&chain(error))));
        }
        self.say(level, "request", by(caller, said));
    }

    fn say(&self, level: Level, event: &str, said: Value) {
        if level > self.level {
            return;
        }
        let mut line = Map::new();
        line.insert("time".to_owned(), json!(self.clock.now().to_string()));
        line.insert("level".to_owned(), json!(format!("{level:?}").to_lowercase()));
        line.insert("event".to_owned(), json!(event));
        if let Value::Object(said) = said {
            line.extend(said.into_iter().filter(|(_, value)| !value.is_null()));
        }
        (self.write)(&Value::Object(line).to_string());
    }
}

/// What is said of a caller: the name that was proved, the certificate that was shown, the address,
/// and the proxy that vouches for it.
fn by(caller: &Caller, mut said: Value) -> Value {
    if let Some(members) = said.as_object_mut() {
        members.insert("by".to_owned(), json!(caller.name));
        members.insert("certificate".to_owned(), json!(caller.peer.certificate));
        members.insert("from".to_owned(), json!(caller.peer.address));
        members.insert("via".to_owned(), json!(caller.peer.via));
    }
    said
}

/// What strangers send may be long, and logs would fill with it.
fn cut(text: &str) -> String {
    text.chars().take(MOST_OF_STRANGERS).collect()
}

/// Characters; no honest path is longer.
const MOST_OF_STRANGERS: usize = 512;

/// An error with its causes.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        let told = deeper.to_string();
        if !text.ends_with(&told) {
            text.push_str(": ");
            text.push_str(&told);
        }
        cause = deeper.source();
    }
    text
}
