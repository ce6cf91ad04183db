//! The library against the real programs: collections made by us, read and maintained by notary and
//! docker, and back.

#[path = "support/registry.rs"]
mod registry;
#[path = "support/user.rs"]
mod user;

use countersign::crypto::Sha256;
use countersign::storage::TrustDirectory;
use countersign::tuf::Gun;
use registry::TestRegistry;
use user::User;

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

#[test]
fn the_record_of_versions_is_named_by_the_hash_of_the_collection() {
    let gun = Gun::raw("docker.io/library/alpine").expect("a name");
    let path = TrustDirectory::new("/t").collection(&gun).record_path();
    let name = format!("{}.json", Sha256::of(b"docker.io/library/alpine"));
    assert_eq!(path, std::path::Path::new("/t/countersign").join(name));
}
