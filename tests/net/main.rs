//! The wire, against servers that answer as a test says.
#![cfg(feature = "client")]

#[path = "../support/http.rs"]
mod http;

mod access;
mod bodies;
mod connection;
mod listing;
mod publish;
mod registry;

use std::{sync::Arc, time::Duration};

use countersign::{
    net::{
        Account, Anonymous, Credential, Credentials, Deadline, Error, Http, HttpOptions,
        NotaryServer, PlainHttp, Realms, Remote, RemoteFile, Secret, ServerUrl, Timeouts,
        TlsDirectory,
    },
    tuf::{Gun, RoleName},
};
use http::{Identity, TestServer};

/// A client that knows the authorities it is given, in docker's folder for each server.
struct Client {
    folder: tempfile::TempDir,
    timeouts: Timeouts,
    credentials: Arc<dyn Credentials>,
    realms: Realms,
    seconds: u64,
}

impl Client {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            timeouts: Timeouts {
                connect: Duration::from_millis(500),
                progress: Duration::from_millis(700),
            },
            credentials: Arc::new(Anonymous),
            realms: Realms::default(),
            seconds: 20,
        }
    }

    fn trusting(self, identity: &Identity, server: &TestServer) -> Self {
        self.trusting_at(identity, &server.authority())
    }

    fn trusting_at(self, identity: &Identity, authority: &str) -> Self {
        identity.write_authority(&self.folder.path().join(authority).join("ca.crt"));
        self
    }

    fn with_credentials(self, credentials: impl Credentials + 'static) -> Self {
        Self { credentials: Arc::new(credentials), ..self }
    }

    fn within_seconds(self, seconds: u64) -> Self {
        Self { seconds, ..self }
    }

    fn http(&self) -> Http {
        let tls_directories = vec![TlsDirectory::new(self.folder.path())];
        Http::new(HttpOptions {
            tls_directories,
            timeouts: self.timeouts,
            ..HttpOptions::default()
        })
    }

    fn deadline(&self) -> Deadline {
        Deadline::after(Duration::from_secs(self.seconds))
    }

    fn account(&self, host: &str) -> Account {
        Account::at(host, Arc::clone(&self.credentials), Arc::new(self.realms.clone()))
    }

    /// The collection [`GUN`] at `server`.
    fn notary(&self, server: &TestServer) -> NotaryServer {
        self.notary_at(&server.url(), &server.authority())
    }

    fn notary_at(&self, url: &str, account: &str) -> NotaryServer {
        let url = ServerUrl::parse(url, PlainHttp::Loopback).expect(url);
        let gun = Gun::raw(GUN).expect("a valid name");
        let account = self.account(account);
        NotaryServer::new(self.http(), &url, &gun, account, self.deadline()).expect("a valid URL")
    }
}

/// One password for everyone.
struct Password;

impl Credentials for Password {
    fn for_host(&self, _key: &str) -> Result<Option<Credential>, Error> {
        let password = Secret::new("s3cret".to_owned());
        Ok(Some(Credential::Password { user: "alice".to_owned(), password }))
    }
}

async fn fetch(notary: &NotaryServer, limit: u64) -> Result<Option<Vec<u8>>, Error> {
    notary.fetch(&timestamp(), limit).await
}

fn timestamp() -> RemoteFile {
    RemoteFile::Current(RoleName::Timestamp)
}

const GUN: &str = "docker.io/library/web";
const BASIC: &str = "Basic YWxpY2U6czNjcmV0";
