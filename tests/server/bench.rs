//! A server in memory with a clock that tests set, and requests to it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use countersign::crypto::{Algorithm, PrivateKey, Sha256};
use countersign::server::{
    Access, Clock, Level, Log, MasterSecret, OnlineKeys, Options, Peer, Server,
};
use countersign::storage::metadata::{MemoryStore, MetadataStore};
use http_body_util::{BodyExt as _, Full};
use hyper::{HeaderMap, Request};
use jiff::Timestamp as Instant;
use serde_json::Value;
use zeroize::Zeroizing;

use super::repository::{Repository, SimulatedServer, TestKey, now};

/// A server and what it runs on.
#[derive(Clone)]
pub(crate) struct Bench {
    pub(crate) server: Server,
    pub(crate) log: Arc<Mutex<Vec<String>>>,
    clock: Arc<Mutex<Instant>>,
    headers: Vec<(String, String)>,
    peer: Peer,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// The code of the one error in it.
    pub(crate) fn code(&self) -> String {
        let json = self.json();
        let errors = json["errors"].as_array().expect("errors");
        assert_eq!(errors.len(), 1, "{json}");
        assert!(self.body.len() <= 1024, "clients read no more: {json}");
        assert_eq!(self.header("cache-control"), Some("no-store"), "no error may be kept");
        errors[0]["code"].as_str().expect("a code").to_owned()
    }

    /// The name and message of a refusal, as clients take them apart.
    pub(crate) fn verdict(&self) -> (String, String) {
        let json = self.json();
        let detail = &json["errors"][0]["detail"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&detail["Name"]), text(&detail["Error"]["Msg"]))
    }
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::on(Arc::new(MemoryStore::new()), 7, Access::Open, Options::default())
    }

    pub(crate) fn with(access: Access, options: Options) -> Self {
        Self::on(Arc::new(MemoryStore::new()), 7, access, options)
    }

    /// A server on that store, with online keys under that secret.
    pub(crate) fn on(
        store: Arc<dyn MetadataStore>,
        secret: u8,
        access: Access,
        options: Options,
    ) -> Self {
        let time = Arc::new(Mutex::new(now()));
        let reading = Arc::clone(&time);
        let clock = Clock::new(move || *reading.lock().expect("a clock"));
        let master = MasterSecret::new(Zeroizing::new([secret; 32]));
        let keys = OnlineKeys::new(&master, Algorithm::EcdsaP256).expect("keys");
        let lines = Arc::new(Mutex::new(Vec::new()));
        let writing = Arc::clone(&lines);
        let log = Log::new(Level::Debug, clock.clone(), move |line| {
            writing.lock().expect("a log").push(line.to_owned());
        });
        let server = Server::new(store, keys, access, options, clock, log);
        Self { server, log: lines, clock: time, headers: Vec::new(), peer: Peer::default() }
    }

    pub(crate) fn set_clock(&self, at: Instant) {
        *self.clock.lock().expect("a clock") = at;
    }

    /// The same server, asked with one more header.
    pub(crate) fn saying(&self, name: &str, value: &str) -> Self {
        let mut other = self.clone();
        other.headers.push((name.to_owned(), value.to_owned()));
        other
    }

    /// The same server, asked from that address.
    pub(crate) fn from(&self, address: &str) -> Self {
        let address = address.parse().expect("an address");
        Self { peer: Peer { address: Some(address), ..Peer::default() }, ..self.clone() }
    }

    /// The same server, asked with that token.
    pub(crate) fn bearing(&self, token: &str) -> Self {
        self.saying("authorization", &format!("Bearer {token}"))
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, body: Vec<u8>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request = request.extension(self.peer.clone());
        let request = request.body(Full::new(Bytes::from(body))).expect("a request");
        let (head, body) = self.server.respond(request).await.into_parts();
        let body = body.collect().await.expect("a body").to_bytes().to_vec();
        Answer { status: head.status.as_u16(), headers: head.headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, Vec::new()).await
    }

    /// A metadata file of a collection.
    pub(crate) async fn file(&self, gun: &str, file: &str) -> Answer {
        self.get(&format!("/v2/{gun}/_trust/tuf/{file}")).await
    }

    /// Uploads files as notary frames them.
    pub(crate) async fn post(&self, gun: &str, files: &[(&str, &[u8])]) -> Answer {
        let typed = self.saying("content-type", "multipart/form-data; boundary=0123456789abcdef");
        typed.ask("POST", &format!("/v2/{gun}/_trust/tuf/"), form(files)).await
    }

    /// Uploads the current files of these roles.
    pub(crate) async fn upload(&self, repository: &Repository, roles: &[&str]) -> Answer {
        let files: Vec<(&str, &[u8])> =
            roles.iter().map(|role| (*role, repository.current[*role].as_slice())).collect();
        self.post(repository.gun.as_str(), &files).await
    }

    /// The server's key for a role, to be named in a root; its private half is another one.
    pub(crate) async fn key(&self, gun: &str, role: &str) -> Arc<TestKey> {
        let answer = self.file(gun, &format!("{role}.key")).await;
        assert_eq!(answer.status, 200);
        key_in(&answer)
    }

    /// A team's collection whose timestamp is the server's to sign, and its snapshot too if so
    /// wished; not uploaded.
    pub(crate) async fn team(&self, snapshot: SnapshotBy) -> Repository {
        let mut team = Repository::team();
        let gun = team.gun.to_string();
        let mut fresh = Repository::bare(&gun);
        fresh.signed = team.signed.clone();
        fresh.signers = team.signers.clone();
        let roles: Vec<String> = fresh.signed.keys().cloned().collect();
        for role in &roles {
            fresh.say(role, |signed| signed["version"] = 1.into());
        }
        fresh.grant("timestamp", 1, &[self.key(&gun, "timestamp").await]);
        if snapshot == SnapshotBy::Server {
            fresh.grant("snapshot", 1, &[self.key(&gun, "snapshot").await]);
        }
        team = fresh;
        team.publish();
        team
    }

    /// The same, uploaded.
    pub(crate) async fn uploaded_team(&self, snapshot: SnapshotBy) -> Repository {
        let team = self.team(snapshot).await;
        let answer = self.upload(&team, snapshot.roles(&FILES)).await;
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        team
    }

    /// Everything that a client can ask for, as a server of its own.
    pub(crate) async fn shown(&self, repository: &Repository) -> SimulatedServer {
        let gun = repository.gun.as_str();
        let mut files = BTreeMap::new();
        for role in FILES.iter().chain(&["timestamp"]) {
            let current = self.file(gun, &format!("{role}.json")).await;
            assert_eq!(current.status, 200, "{role}");
            let named = format!("{role}.{}.json", Sha256::of(&current.body));
            let same = self.file(gun, &named).await;
            assert_eq!((same.status, &same.body), (200, &current.body));
            files.insert(format!("{role}.json"), current.body);
            files.insert(named, same.body);
        }
        for version in 1..=repository.version("root") {
            let name = format!("{version}.root.json");
            files.insert(name.clone(), self.file(gun, &name).await.body);
        }
        SimulatedServer::new(files)
    }
}

/// Who signs snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SnapshotBy {
    Publisher,
    Server,
}

impl SnapshotBy {
    /// Those of the roles that are the publisher's to upload.
    pub(crate) fn roles<'r>(self, roles: &'r [&'r str]) -> &'r [&'r str] {
        match (self, roles.split_last()) {
            (Self::Server, Some((&"snapshot", others))) => others,
            _ => roles,
        }
    }
}

/// The files of a team's collection, snapshot last.
pub(crate) const FILES: [&str; 6] =
    ["root", "targets", "targets/alice", "targets/alice/ci", "targets/releases", "snapshot"];

pub(crate) fn form(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (role, bytes) in files {
        let head = format!(
            "--0123456789abcdef\r\nContent-Disposition: form-data; name=\"files\"; \
             filename=\"{role}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--0123456789abcdef--\r\n");
    body
}

pub(crate) fn key_in(answer: &Answer) -> Arc<TestKey> {
    let json = answer.json();
    let public = json["keyval"]["public"].as_str().expect("a key");
    assert!(json["keyval"]["private"].is_null());
    let other = TestKey::bare(PrivateKey::generate(Algorithm::EcdsaP256).expect("a key"));
    let keytype = json["keytype"].as_str().expect("a type");
    other.written_as(keytype, STANDARD.decode(public).expect("base64"))
}
