//! Someone who publishes, through the library, on real servers.
#![allow(dead_code, reason = "each test uses the part that it needs")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use countersign::docker::{
    Collection, Detail, Error, Resolution, RoleChoice, SignRequest, Signing,
};
use countersign::image::{Descriptor, Name, Tag};
use countersign::keys::{Environment, KeyDirectory, PassphraseSource};
use countersign::net::{
    Account, Anonymous, Deadline, Http, HttpOptions, NotaryServer, PlainHttp, Realms, ServerUrl,
    TlsDirectory,
};
use countersign::storage::{CollectionDirectory, TrustDirectory};
use countersign::tuf::{Dialect, Gun, Limits};
use countersign::verify::{Anchor, FirstUse, Policy};

use super::registry::TestRegistry;

/// Someone who shares docker's and notary's trust directory.
pub(crate) struct User<'s> {
    servers: &'s TestRegistry,
    pub(crate) gun: Gun,
    trust: PathBuf,
    cache: CollectionDirectory,
}

impl<'s> User<'s> {
    pub(crate) fn of(servers: &'s TestRegistry, repository: &str) -> Self {
        Self::at(servers, repository, servers.trust_directory())
    }

    /// Someone with a trust directory of their own.
    pub(crate) fn at(servers: &'s TestRegistry, repository: &str, trust: PathBuf) -> Self {
        let name = format!("{}/{repository}", servers.registry());
        let gun = Gun::from(&name.parse::<Name>().expect("a name"));
        let cache = TrustDirectory::new(&trust).collection(&gun);
        Self { servers, gun, trust, cache }
    }

    pub(crate) fn keys(&self) -> KeyDirectory {
        KeyDirectory::new(&self.trust)
    }

    pub(crate) fn passphrases(&self) -> impl PassphraseSource + use<'s> {
        let servers = self.servers;
        Environment::new(|name: &str| Some(servers.variable(name).to_owned()))
    }

    /// Does something with the collection.
    pub(crate) async fn with<T>(
        &self,
        act: impl AsyncFnOnce(Collection<'_, CollectionDirectory, NotaryServer>) -> T,
    ) -> T {
        let server = self.server();
        act(Collection::new(self.policy(), &self.cache, &server)).await
    }

    pub(crate) async fn sign(
        &self,
        tags: &[&str],
        digest: &str,
        size: u64,
    ) -> Result<Signing, Error> {
        let digest = digest.parse().expect("a digest");
        let descriptor = Descriptor { digest, size, media_type: None };
        let request = SignRequest {
            tags: tags
                .iter()
                .map(|tag| (tag.parse().expect("a tag"), descriptor.clone()))
                .collect(),
            roles: RoleChoice::AsDocker,
            custom: None,
            root_key: None,
            local_snapshot: false,
        };
        let (keys, mut passphrases) = (self.keys(), self.passphrases());
        self.with(async |it| it.sign(&request, &keys, &mut passphrases).await).await
    }

    pub(crate) async fn resolve(&self, tag: &str) -> Result<Resolution, Error> {
        let tag: Tag = tag.parse().expect("a tag");
        self.with(async |it| it.resolve(&tag, None, Detail::Signers).await).await
    }

    #[expect(clippy::disallowed_methods, reason = "the servers live in this very time")]
    pub(crate) fn policy(&self) -> Policy {
        Policy {
            dialect: Dialect::Notary,
            gun: self.gun.clone(),
            anchor: Anchor::unpinned(FirstUse::Allow),
            now: jiff::Timestamp::now(),
            limits: Limits::default(),
            max_age: None,
        }
    }

    pub(crate) fn server(&self) -> NotaryServer {
        let tls = std::path::Path::new(self.servers.variable("DOCKER_CONFIG")).join("tls");
        let http = Http::new(HttpOptions {
            tls_directories: vec![TlsDirectory::new(tls)],
            ..HttpOptions::default()
        });
        let url = ServerUrl::parse(self.servers.variable("TRUST_SERVER"), PlainHttp::Refused)
            .expect("a URL");
        let account =
            Account::at(self.servers.registry(), Arc::new(Anonymous), Arc::new(Realms::default()));
        NotaryServer::new(http, &url, &self.gun, account, Deadline::after(Duration::from_secs(60)))
            .expect("a server")
    }
}
