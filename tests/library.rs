//! The library against the real programs: collections made by us, read and maintained by notary and
//! docker, and back.

#[path = "support/registry.rs"]
mod registry;

use std::sync::Arc;
use std::time::Duration;

use countersign::crypto::Sha256;
use countersign::docker::{
    Collection, Detail, Error, Resolution, RoleChoice, SignRequest, Signing,
};
use countersign::image::{Descriptor, Name, Tag};
use countersign::keys::{Environment, KeyDirectory};
use countersign::net::{
    Account, Anonymous, Deadline, Http, HttpOptions, NotaryServer, PlainHttp, Realms, ServerUrl,
    TlsDirectory,
};
use countersign::storage::{CollectionDirectory, TrustDirectory};
use countersign::tuf::{Dialect, Gun, Limits};
use countersign::verify::{Anchor, FirstUse, Policy};
use registry::TestRegistry;

#[tokio::test]
async fn what_we_sign_notary_and_docker_read() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let user = User::of(&servers, "team/web");
    let (digest, size) = servers.seed("team/web:1", &[]);
    let signing = user.sign(&["1", "latest"], &digest, size).await.expect("signed");
    assert!(signing.founded.is_some());
    let listed = servers.run("notary", &["list", user.gun.as_str()]);
    assert!(listed.contains(digest.trim_start_matches("sha256:")), "{listed}");
    let inspected = servers.run("docker", &["trust", "inspect", &format!("{}:1", user.gun)]);
    assert!(inspected.contains(digest.trim_start_matches("sha256:")), "{inspected}");
    let again = user.sign(&["1"], &digest, size).await.expect("nothing to do");
    assert!(again.versions.is_empty(), "{again:?}");
    let resolution = user.resolve("latest").await.expect("resolved");
    assert_eq!(resolution.reference.to_string(), format!("{}@{digest}", user.gun));
}

#[tokio::test]
async fn what_notary_and_docker_sign_we_read_and_maintain() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let user = User::of(&servers, "team/app");
    let (digest, size) = servers.seed("team/app:1", &[]);
    let hex = digest.trim_start_matches("sha256:");
    let (gun, size_text) = (user.gun.as_str(), size.to_string());
    servers.run("notary", &["init", "-p", gun]);
    servers.run("notary", &["addhash", "-p", gun, "1", &size_text, "--sha256", hex]);
    let found = user.resolve("1").await.expect("resolved");
    assert_eq!(found.reference.digest().to_string(), digest);
    assert!(!found.collection.first_use, "notary left its root in the cache that we share");
    user.sign(&["2"], &digest, size).await.expect("signed with notary's keys");
    let listed = servers.run("notary", &["list", gun]);
    assert!(listed.contains("\n1 ") && listed.contains("\n2 "), "{listed}");

    servers.run("notary", &["key", "rotate", gun, "snapshot", "-r"]);
    servers.run("docker", &["trust", "key", "generate", "alice"]);
    servers.run("docker", &["trust", "signer", "add", "--key", "alice.pub", "alice", gun]);
    let noted = user.resolve("1").await.expect("releases is delegated but was never published");
    assert!(!noted.notes.is_empty());
    let (newer, newer_size) = servers.seed("team/app:3", &["--text", "newer"]);
    let signing = user.sign(&["3"], &newer, newer_size).await.expect("signed as alice");
    let roles: Vec<String> =
        signing.tags[0].roles.iter().map(|(role, _)| role.to_string()).collect();
    assert_eq!(roles, ["targets/alice", "targets/releases"]);
    let inspected = servers.run("docker", &["trust", "inspect", gun]);
    assert!(inspected.contains(newer.trim_start_matches("sha256:")), "{inspected}");
    let found = user.resolve("3").await.expect("resolved");
    assert_eq!(found.signers, ["alice"]);
}

#[tokio::test]
async fn a_warm_look_up_asks_one_question() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let user = User::of(&servers, "team/web");
    let (digest, size) = servers.seed("team/web:1", &[]);
    user.sign(&["1"], &digest, size).await.expect("signed");
    user.resolve("1").await.expect("resolved");
    let before = servers.requests().len();
    user.resolve("1").await.expect("resolved");
    let requests = servers.requests();
    let expected = format!("GET /v2/{}/_trust/tuf/timestamp.json", user.gun);
    assert_eq!(requests[before..], [expected]);
}

#[tokio::test]
async fn sixteen_signers_of_one_new_collection_all_succeed() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let user = User::of(&servers, "team/crowd");
    let (digest, size) = servers.seed("team/crowd:1", &[]);
    let tags: Vec<String> = (0..16).map(|number| format!("t{number}")).collect();
    let signings = tags.iter().map(|tag| async { user.sign(&[tag], &digest, size).await });
    for signing in futures_util::future::join_all(signings).await {
        signing.expect("signed");
    }
    let listed = servers.run("notary", &["list", user.gun.as_str()]);
    for tag in tags {
        assert!(listed.contains(&format!("\n{tag} ")), "{tag} in {listed}");
    }
}

/// Someone who shares docker's and notary's trust directory.
struct User<'s> {
    servers: &'s TestRegistry,
    gun: Gun,
    cache: CollectionDirectory,
}

impl<'s> User<'s> {
    fn of(servers: &'s TestRegistry, repository: &str) -> Self {
        let name = format!("{}/{repository}", servers.registry());
        let gun = Gun::from(&name.parse::<Name>().expect("a name"));
        let cache = TrustDirectory::new(servers.trust_directory()).collection(&gun);
        Self { servers, gun, cache }
    }

    async fn sign(&self, tags: &[&str], digest: &str, size: u64) -> Result<Signing, Error> {
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
        let keys = KeyDirectory::new(&self.servers.trust_directory());
        let mut passphrases =
            Environment::new(|name: &str| Some(self.servers.variable(name).to_owned()));
        let server = self.server();
        Collection::new(self.policy(), &self.cache, &server)
            .sign(&request, &keys, &mut passphrases)
            .await
    }

    async fn resolve(&self, tag: &str) -> Result<Resolution, Error> {
        let tag: Tag = tag.parse().expect("a tag");
        let server = self.server();
        Collection::new(self.policy(), &self.cache, &server)
            .resolve(&tag, None, Detail::Signers)
            .await
    }

    #[expect(clippy::disallowed_methods, reason = "the servers live in this very time")]
    fn policy(&self) -> Policy {
        Policy {
            dialect: Dialect::Notary,
            gun: self.gun.clone(),
            anchor: Anchor::unpinned(FirstUse::Allow),
            now: jiff::Timestamp::now(),
            limits: Limits::default(),
            max_age: None,
        }
    }

    fn server(&self) -> NotaryServer {
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

#[test]
fn the_record_of_versions_is_named_by_the_hash_of_the_collection() {
    let gun = Gun::raw("docker.io/library/alpine").expect("a name");
    let path = TrustDirectory::new("/t").collection(&gun).record_path();
    let name = format!("{}.json", Sha256::of(b"docker.io/library/alpine"));
    assert_eq!(path, std::path::Path::new("/t/countersign").join(name));
}
