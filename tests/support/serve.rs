//! `countersign serve` as a process, and publishers that work on it.
#![allow(dead_code, reason = "each test uses the part that it needs")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign::client::{Foundation, Roles, Wish, initialise, refresh};
use countersign::crypto::{Algorithm, PrivateKey, Signer};
use countersign::edit::{Draft, Signers};
use countersign::net::{
    Account, Anonymous, Deadline, Http, HttpOptions, NotaryServer, PlainHttp, Realms, Remote as _,
    ServerUrl,
};
use countersign::storage::MemoryCache;
use countersign::tuf::{Dialect, Gun, Hashes, Limits, RoleName, Target};
use countersign::verify::{Anchor, FirstUse, Policy, Wanted};

/// A running server.
pub(crate) struct Serve {
    pub(crate) child: Child,
    pub(crate) url: String,
    pub(crate) data: PathBuf,
}

pub(crate) fn command(data: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.arg("serve").args(["--listen", "127.0.0.1:0", "--data"]).arg(data).args(words);
    command.env_remove("COUNTERSIGN_SERVER_PASSPHRASE").env_remove("COUNTERSIGN_CONFIG");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Serve {
    pub(crate) fn start(data: &Path) -> Self {
        Self::run(command(data, &["-q"]), data)
    }

    pub(crate) fn run(command: Command, data: &Path) -> Self {
        Self::logging(command, data, Stdio::null())
    }

    pub(crate) fn logging(mut command: Command, data: &Path, log: Stdio) -> Self {
        command.stderr(log);
        Self::said(command, data)
            .unwrap_or_else(|said| panic!("it says where it listens: {said:?}"))
    }

    /// A server that may not be able to start.
    pub(crate) fn may_start(mut command: Command, data: &Path) -> Option<Self> {
        command.stderr(Stdio::null());
        Self::said(command, data).ok()
    }

    fn said(mut command: Command, data: &Path) -> Result<Self, String> {
        let mut child = command.spawn().expect("the program starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let serve = Self { child, url: line.trim().to_owned(), data: data.to_owned() };
        if serve.url.starts_with("https://") { Ok(serve) } else { Err(line) }
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let process = i32::try_from(self.child.id()).expect("a process");
        let process = rustix::process::Pid::from_raw(process).expect("not zero");
        rustix::process::kill_process(process, signal).expect("told");
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }

    pub(crate) fn address(&self) -> &str {
        self.url.trim_start_matches("https://")
    }

    pub(crate) fn collection(&self, gun: &Gun) -> NotaryServer {
        let extra_authorities = Some(self.data.join("ca.crt"));
        let http = Http::new(HttpOptions { extra_authorities, ..HttpOptions::default() });
        let url = ServerUrl::parse(&self.url, PlainHttp::Refused).expect("a URL");
        let account = Account::at("test", Arc::new(Anonymous), Arc::new(Realms::default()));
        let until = Deadline::after(Duration::from_secs(60));
        NotaryServer::new(http, &url, gun, account, until).expect("a server")
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a server that is expected not to start.
pub(crate) fn refused(command: Command) -> (i32, String) {
    let mut command = command;
    let child = command.spawn().expect("the program starts");
    let Output { status, stderr, .. } = child.wait_with_output().expect("it ends");
    (status.code().expect("no signal"), String::from_utf8_lossy(&stderr).into_owned())
}

/// An authority, and a certificate of that common name by it: both as PEM, and the key.
pub(crate) fn certified(name: &str) -> (String, String, String) {
    let key = || rcgen::KeyPair::generate().expect("a key");
    let mut authority = rcgen::CertificateParams::default();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca_key = key();
    let ca = authority.self_signed(&ca_key).expect("an authority").pem();
    let issuer = rcgen::Issuer::new(authority, ca_key);
    let mut leaf = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("a name");
    leaf.distinguished_name = rcgen::DistinguishedName::new();
    leaf.distinguished_name.push(rcgen::DnType::CommonName, name);
    let leaf_key = key();
    let leaf = leaf.signed_by(&leaf_key, &issuer).expect("a certificate").pem();
    (ca, leaf, leaf_key.serialize_pem())
}

/// Has the program ask whether a server is ready; its exit code and what it said.
pub(crate) fn ready(serve: &Serve, words: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.args(["serve", "--ready", "--listen", serve.address(), "--data"]).arg(&serve.data);
    let output = command.args(words).output().expect("the program runs");
    assert!(output.stdout.is_empty(), "{output:?}");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().expect("no signal"), told)
}

/// Asks for the ping with these words more; curl's exit code and what it got.
pub(crate) fn curl(serve: &Serve, words: &[&str]) -> (i32, String) {
    let output = pinging(serve).args(words).output().expect("curl runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code().expect("no signal"), text)
}

/// Asks for the ping.
pub(crate) fn pinging(serve: &Serve) -> Command {
    let mut curl = Command::new("curl");
    curl.args(["-sSi", "--max-time", "20", "--cacert"]).arg(serve.data.join("ca.crt"));
    curl.arg(format!("{}/v2/", serve.url));
    curl
}

pub(crate) fn policy(gun: &Gun) -> Arc<Policy> {
    Arc::new(Policy {
        dialect: Dialect::Notary,
        gun: gun.clone(),
        anchor: Anchor::unpinned(FirstUse::Allow),
        now: jiff::Timestamp::now(),
        limits: Limits::default(),
        max_age: None,
    })
}

/// A publisher of one collection after the other, and the tags of each that were acknowledged.
pub(crate) struct Publisher {
    pub(crate) root: PrivateKey,
    pub(crate) targets: PrivateKey,
}

pub(crate) type Acknowledged = Arc<Mutex<BTreeMap<String, usize>>>;

impl Publisher {
    pub(crate) fn new() -> Self {
        let key = || PrivateKey::generate(Algorithm::EcdsaP256).expect("a key");
        Self { root: key(), targets: key() }
    }

    /// Founds a collection with one tag.
    pub(crate) async fn found(&self, serve: &Serve, gun: &Gun) {
        assert!(self.tries_to_found(serve, gun).await, "{gun}");
    }

    /// Whether it succeeded.
    pub(crate) async fn tries_to_found(&self, serve: &Serve, gun: &Gun) -> bool {
        let server = serve.collection(gun);
        let foundation = Foundation::new(&self.root, &self.targets);
        match initialise(&policy(gun), &server, foundation).await {
            Ok(draft) => self.publish(draft, &server, 1).await,
            Err(_) => false,
        }
    }

    /// Founds collections and signs tags in them until the server is gone.
    pub(crate) async fn work(&self, serve: &Serve, name: &str, acknowledged: &Acknowledged) {
        for number in 0.. {
            let gun = Gun::raw(&format!("{name}/{number}")).expect("a name");
            let server = serve.collection(&gun);
            let foundation = Foundation::new(&self.root, &self.targets);
            let Ok(draft) = initialise(&policy(&gun), &server, foundation).await else { return };
            let mut draft = Some(draft);
            for tags in 1..=5 {
                let next = match draft.take() {
                    Some(draft) => draft,
                    None => match self.known(&server, &gun).await {
                        Some(draft) => draft,
                        None => return,
                    },
                };
                if !self.publish(next, &server, tags).await {
                    return;
                }
                acknowledged.lock().expect("a list").insert(gun.to_string(), tags);
            }
        }
    }

    pub(crate) async fn known(&self, server: &NotaryServer, gun: &Gun) -> Option<Draft> {
        let wish = Wish { roles: Roles::All, wanted: Wanted::Everything };
        let known = refresh(policy(gun), &MemoryCache::new(), Some(server), wish).await;
        known.ok().map(|known| Draft::of(known.targets))
    }

    pub(crate) async fn publish(
        &self,
        mut draft: Draft,
        server: &NotaryServer,
        tags: usize,
    ) -> bool {
        let text = format!("image {tags}");
        let target = Target { length: 1, hashes: Hashes::of(text.as_bytes()), custom: None };
        draft.set_target(&RoleName::Targets, &format!("v{tags}"), target).expect("a tag");
        let signers: Signers<'_> = [&self.root as &dyn Signer, &self.targets].into_iter().collect();
        let update = draft.sign(jiff::Timestamp::now(), &signers).expect("signed");
        server.publish(update.files()).await.is_ok()
    }
}

/// Every acknowledged tag is there, and everything that is served verifies.
pub(crate) async fn check(serve: &Serve, acknowledged: &BTreeMap<String, usize>) {
    for (name, tags) in acknowledged {
        let gun = Gun::raw(name).expect("a name");
        let server = serve.collection(&gun);
        let wish = Wish { roles: Roles::All, wanted: Wanted::Everything };
        let found = refresh(policy(&gun), &MemoryCache::new(), Some(&server), wish).await;
        let found = found.unwrap_or_else(|error| panic!("{name}: {error}"));
        let role = found.targets.role(&RoleName::Targets).expect("targets");
        assert!(role.content().targets.len() >= *tags, "{name}: {tags} tags were acknowledged");
    }
}

/// Whether a message is one for people: no panic, no trace.
pub(crate) fn trouble_free(told: &str) -> bool {
    !told.is_empty() && !told.contains("panicked") && !told.contains("RUST_BACKTRACE")
}
