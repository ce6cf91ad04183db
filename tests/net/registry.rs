//! Images from registries (threats R-02, R-05, R-06, R-09).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use countersign::{
    image::{ImageDigest, Name, Tag},
    net::{Error, OciRepository, Registry, Remote, RemoteFile},
    storage::{Accepted, Cache as _, KeptManifest, TrustDirectory},
    tuf::{Gun, RoleName},
};

use crate::{
    BASIC, Client, Password,
    http::{Answer, Identity, Seen, TestServer},
};

const MANIFEST: &str = r#"{"schemaVersion":2,"config":{},"layers":[]}"#;
const TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

fn registry(client: &Client, server: &TestServer) -> Registry {
    let name: Name = format!("{}/team/web", server.authority()).parse().expect("a name");
    Registry::new(client.http(), name, client.account(&server.authority()), client.deadline())
}

fn manifest() -> Answer {
    Answer::ok(MANIFEST).with("Content-Type", TYPE)
}

async fn resolve(answer: Answer) -> Result<countersign::image::Descriptor, Error> {
    let server = TestServer::http(move |_| answer.clone()).await;
    registry(&Client::new().within_seconds(5), &server).resolve(&Tag::latest()).await
}

#[tokio::test]
async fn tag_resolves_to_the_digest_of_what_arrives() {
    let server = TestServer::http(|_| manifest()).await;
    let found = registry(&Client::new(), &server).resolve(&"1.2".parse().expect("a tag")).await;
    let found = found.expect("a manifest");
    assert_eq!(found.digest, ImageDigest::of(MANIFEST.as_bytes()));
    assert_eq!((found.size, found.media_type.as_deref()), (MANIFEST.len() as u64, Some(TYPE)));
    let seen = server.seen().pop().expect("a request");
    assert_eq!((&*seen.method, &*seen.path), ("GET", "/v2/team/web/manifests/1.2"));
    let accept = seen.header("accept").expect("types");
    for kind in ["manifest.v2+json", "manifest.list.v2+json", "image.manifest.v1", "image.index.v1"]
    {
        assert!(accept.contains(kind), "{accept}");
    }
}

#[tokio::test]
async fn digest_header_lies() {
    let other = ImageDigest::of(b"other").to_string();
    let error = resolve(manifest().with("Docker-Content-Digest", &other)).await.expect_err("a lie");
    assert!(matches!(error, Error::DigestMismatch { .. }), "{error:?}");
    let right = ImageDigest::of(MANIFEST.as_bytes()).to_string();
    assert!(resolve(manifest().with("Docker-Content-Digest", &right)).await.is_ok());
}

#[tokio::test]
async fn other_manifest_than_asked_for_is_refused() {
    let server = TestServer::http(|_| manifest()).await;
    let registry = registry(&Client::new(), &server);
    let (right, size) = (ImageDigest::of(MANIFEST.as_bytes()), MANIFEST.len() as u64);
    assert_eq!(registry.manifest(&right, size).await.expect("right").bytes, MANIFEST.as_bytes());
    let error = registry.manifest(&ImageDigest::of(b"x"), size).await.expect_err("wrong digest");
    assert!(matches!(error, Error::DigestMismatch { .. }), "{error:?}");
}

#[tokio::test]
async fn manifest_length_checked() {
    let server = TestServer::http(|_| manifest()).await;
    let registry = registry(&Client::new(), &server);
    let (right, size) = (ImageDigest::of(MANIFEST.as_bytes()), MANIFEST.len() as u64);
    assert!(registry.manifest(&right, size).await.is_ok());
    for signed in [size + 1, size * 2] {
        let error = registry.manifest(&right, signed).await.expect_err("signed as longer");
        assert!(matches!(error, Error::SizeMismatch { .. }), "{signed}: {error:?}");
    }
    for signed in [size - 1, 1, 0] {
        let error = registry.manifest(&right, signed).await.expect_err("signed as shorter");
        assert!(matches!(error, Error::Overlong { .. }), "{signed}: {error:?}");
    }
}

#[tokio::test]
async fn manifest_limits() {
    let huge = " ".repeat((4 << 20) + 1);
    for answer in [Answer::ok(huge), Answer::endless(), Answer::announcing(1 << 40, "")] {
        let error = resolve(answer.with("Content-Type", TYPE)).await.expect_err("too large");
        assert!(matches!(error, Error::TooLarge { limit: 4194304, .. }), "{error:?}");
    }
}

#[tokio::test]
async fn ambiguous_manifest() {
    let both = Answer::ok(r#"{"manifests":[],"layers":[]}"#).with("Content-Type", TYPE);
    for answer in [both, Answer::ok(MANIFEST).with("Content-Type", "text/html")] {
        let error = resolve(answer).await.expect_err("ambiguous");
        assert!(matches!(error, Error::Malformed { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn fail_open_table() {
    for status in [204, 400, 408, 429, 500, 502, 503, 504] {
        let error = resolve(Answer::status(status)).await.expect_err("no answer");
        assert!(matches!(error, Error::Unavailable { status: s, .. } if s == status), "{error:?}");
    }
    let error = resolve(Answer::status(404)).await.expect_err("not there");
    assert!(
        matches!(&error, Error::NotFound { reference, .. } if reference.ends_with("/web:latest"))
    );
}

async fn blob(answer: Answer, digest: &ImageDigest, size: u64) -> Result<Vec<u8>, Error> {
    let server = TestServer::http(move |_| answer.clone()).await;
    let mut bytes = Vec::new();
    let registry = registry(&Client::new().within_seconds(5), &server);
    registry.blob(digest, size, &mut bytes).await.map(|()| bytes)
}

#[tokio::test]
async fn blob_is_checked_at_its_end() {
    let body = vec![7; 100_000];
    let (digest, size) = (ImageDigest::of(&body), body.len() as u64);
    for honest in [Answer::ok(body.clone()), Answer::chunked(body.clone())] {
        assert_eq!(blob(honest, &digest, size).await.expect("the blob"), body);
    }
    for (answer, expected) in [
        (Answer::ok(vec![8; 100_000]), "DigestMismatch"),
        (Answer::chunked(vec![7; 99_999]), "DigestMismatch"),
        (Answer::endless(), "Overlong"),
        (Answer::announcing(100_000, vec![7; 10]), "Truncated"),
        (Answer::ok(body).with("Content-Encoding", "gzip"), "Malformed"),
    ] {
        let error = blob(answer, &digest, size).await.expect_err(expected);
        assert!(format!("{error:?}").starts_with(expected), "{error:?}");
    }
}

#[tokio::test]
async fn blob_that_is_another_is_never_complete() {
    let (right, wrong) = (vec![7; 100_000], vec![8; 100_000]);
    for (body, expected) in [(right.clone(), true), (wrong, false)] {
        for answer in [Answer::ok(body.clone()), Answer::chunked(body.clone())] {
            let server = TestServer::http(move |_| answer.clone()).await;
            let registry = registry(&Client::new(), &server);
            let blob = registry.open_blob(&ImageDigest::of(&right), 100_000).await;
            let (mut blob, mut passed) = (blob.expect("an answer"), 0);
            let end = loop {
                match blob.piece().await {
                    Ok(Some(piece)) => passed += piece.len(),
                    Ok(None) => break true,
                    Err(error) => {
                        assert!(matches!(error, Error::DigestMismatch { .. }), "{error:?}");
                        break false;
                    }
                }
            };
            assert_eq!((end, passed == 100_000), (expected, expected), "{passed} bytes");
            // Who asks again gets nothing more.
            assert!(matches!(blob.piece().await, Ok(None)));
        }
    }
}

/// Wants Basic for the first request, then sends it on.
fn redirecting(location: String) -> impl Fn(&Seen) -> Answer {
    move |seen| match (seen.path.as_str(), seen.header("authorization")) {
        ("/v2/", _) => Answer::ok("{}"),
        ("/sink", _) => Answer::ok("{}"),
        (_, Some(BASIC)) => Answer::redirect(307, &location),
        _ => Answer::challenge("Basic"),
    }
}

#[tokio::test]
async fn redirect_table() {
    let sink = TestServer::http(|_| Answer::ok("{}")).await;
    let elsewhere = sink.url();
    let (digest, size) = (ImageDigest::of(b"{}"), 2);
    for (location, expected) in [
        ("/sink".to_owned(), "Ok"),
        (format!("{elsewhere}/x"), "Ok"),
        ("/v2/team/web/blobs/loop".to_owned(), "Err(Malformed"),
        ("file:///etc/passwd".to_owned(), "Err(Malformed"),
        ("http://169.254.169.254/x".to_owned(), "Err(Malformed"),
        ("http://example.com/x".to_owned(), "Err(Malformed"),
        ("http://u:p@127.0.0.1/x".to_owned(), "Err(Malformed"),
        ("http://".to_owned(), "Err(Malformed"),
    ] {
        let shown = location.clone();
        let server = TestServer::http(redirecting(location)).await;
        let client = Client::new().with_credentials(Password);
        let result = registry(&client, &server).blob(&digest, size, &mut Vec::new()).await;
        assert!(format!("{result:?}").starts_with(expected), "{shown}: {result:?}");
        let hops = server.seen().iter().filter(|seen| seen.path.contains("blobs")).count();
        assert!(hops <= 5, "{shown}: {hops} requests");
    }
    assert_eq!(sink.seen().len(), 1);
    assert_eq!(sink.seen()[0].header("authorization"), None);
}

#[tokio::test]
async fn redirect_from_tls_to_plain_http_is_refused() {
    let sink = TestServer::http(|_| Answer::ok("{}")).await;
    let (identity, location) = (Identity::loopback(), sink.url());
    let server = TestServer::https(&identity, redirecting(location)).await;
    let client = Client::new().trusting(&identity, &server).with_credentials(Password);
    let error = registry(&client, &server).blob(&ImageDigest::of(b"{}"), 2, &mut Vec::new()).await;
    assert!(matches!(error, Err(Error::Malformed { .. })), "{error:?}");
    assert!(sink.seen().is_empty());
}

/// Has nothing, and has uploads sent on.
fn storing_elsewhere(location: String) -> impl Fn(&Seen) -> Answer {
    move |seen| match (seen.method.as_str(), seen.header("authorization")) {
        _ if seen.path == "/v2/" => Answer::ok("{}"),
        (_, None) => Answer::challenge("Basic"),
        ("GET", _) => Answer::status(404),
        ("POST", _) => Answer::status(202).with("Location", &location),
        _ => Answer::status(201),
    }
}

#[tokio::test]
async fn upload_elsewhere_table() {
    let sink = TestServer::http(|_| Answer::status(201)).await;
    let elsewhere = sink.url();
    for (location, expected) in [
        // Taken; then the manifest is not there, as if another publisher had been faster.
        ("/v2/team/web/blobs/uploads/1".to_owned(), "Err(Conflict"),
        (format!("{elsewhere}/x?state=1"), "Err(Conflict"),
        ("file:///etc/passwd".to_owned(), "Err(Malformed"),
        ("http://169.254.169.254/x".to_owned(), "Err(Malformed"),
        ("http://example.com/x".to_owned(), "Err(Malformed"),
        ("http://u:p@127.0.0.1/x".to_owned(), "Err(Malformed"),
    ] {
        let shown = location.clone();
        let server = TestServer::http(storing_elsewhere(location)).await;
        let client = Client::new().with_credentials(Password);
        let name: Name = format!("{}/team/web", server.authority()).parse().expect("a name");
        let repository = OciRepository::new(name, registry(&client, &server));
        let result = repository.publish(&[(RoleName::Timestamp, b"{}".to_vec())]).await;
        assert!(format!("{result:?}").starts_with(expected), "{shown}: {result:?}");
    }
    assert!(!sink.seen().is_empty());
    for seen in sink.seen() {
        assert_eq!(seen.header("authorization"), None, "{}", seen.path);
        assert!(seen.path.starts_with("/x?state=1&digest=sha256"), "{}", seen.path);
    }
}

/// A collection of one file, and a registry that sends it to who does not know it.
fn collection(timestamp: &'static str) -> impl Fn(&Seen) -> Answer + Clone {
    let (digest, size) = (ImageDigest::of(timestamp.as_bytes()), timestamp.len());
    let data = base64::engine::general_purpose::STANDARD.encode(timestamp);
    let layer = format!(
        r#"{{"mediaType":"application/vnd.tuf.metadata+json","digest":"{digest}","size":{size},
           "data":"{data}","annotations":{{"tuf.io/filename":"timestamp.json"}}}}"#
    );
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{TYPE}","config":{layer},"layers":[{layer}]}}"#
    );
    let tag = format!("\"{}\"", ImageDigest::of(manifest.as_bytes()));
    move |seen| match seen.header("if-none-match") == Some(&tag) {
        true => Answer::status(304),
        false => Answer::ok(manifest.clone()).with("Content-Type", TYPE),
    }
}

/// A trust directory in which the collection was accepted before, and what it has of its manifest.
fn believed(name: &Name) -> (tempfile::TempDir, KeptManifest) {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = TrustDirectory::new(folder.path()).repository(&Gun::from(name));
    let now = "2026-01-01T00:00:00Z".parse().expect("a time");
    let (root, begun, files, dropped) = (None, None, Vec::new(), Vec::new());
    let (behind, root_asked, confirmed) = (false, false, true);
    let accepted = Accepted { root, begun, files, behind, dropped, root_asked, confirmed, now };
    cache.keep(&accepted).expect("kept");
    (folder, cache.manifest())
}

#[tokio::test]
async fn a_manifest_that_is_known_is_not_sent_again() {
    let file = RemoteFile::Current(RoleName::Timestamp);
    let shown = Arc::new(AtomicBool::new(false));
    let (old, new) = (collection("old"), collection("new"));
    let switch = Arc::clone(&shown);
    let server = TestServer::http(move |seen| match switch.load(Ordering::Relaxed) {
        true => new(seen),
        false => old(seen),
    })
    .await;
    let client = Client::new();
    let name: Name = format!("{}/team/web", server.authority()).parse().expect("a name");
    let (_folder, kept) = believed(&name);
    for (is_new, is_true, expected, is_known) in [
        (false, false, "old", false),
        (false, true, "old", false),
        (false, true, "old", true),
        (true, true, "new", true),
        (true, true, "new", true),
    ] {
        shown.store(is_new, Ordering::Relaxed);
        let repository = OciRepository::new(name.clone(), registry(&client, &server));
        let repository = repository.keeping(kept.clone());
        let found = repository.fetch(&file, 99).await.expect("answered");
        assert_eq!(found.as_deref(), Some(expected.as_bytes()));
        let seen = server.seen().pop().expect("a request");
        assert_eq!(seen.header("if-none-match").is_some(), is_known);
        if is_true {
            repository.believed();
        }
    }
}

#[tokio::test]
async fn nothing_new_is_no_answer_where_nothing_is_known() {
    let server = TestServer::http(|_| Answer::status(304)).await;
    let client = Client::new();
    let name: Name = format!("{}/team/web", server.authority()).parse().expect("a name");
    let repository = OciRepository::new(name, registry(&client, &server));
    let file = RemoteFile::Current(RoleName::Timestamp);
    let refused = repository.fetch(&file, 99).await;
    assert!(matches!(refused, Err(Error::Unavailable { status: 304, .. })), "{refused:?}");
    let refused = registry(&client, &server).resolve(&Tag::latest()).await;
    assert!(matches!(refused, Err(Error::Unavailable { status: 304, .. })), "{refused:?}");
}

#[tokio::test]
async fn loopback_registry_speaks_tls_if_it_can() {
    let identity = Identity::loopback();
    let server = TestServer::https(&identity, |_| manifest()).await;
    let trusting = Client::new().trusting(&identity, &server);
    assert!(registry(&trusting, &server).resolve(&Tag::latest()).await.is_ok());
    let error =
        registry(&Client::new(), &server).resolve(&Tag::latest()).await.expect_err("unknown");
    assert!(matches!(error, Error::Certificate { .. }), "{error:?}");
}

#[tokio::test]
async fn the_first_question_is_a_real_one() {
    let identity = Identity::loopback();
    for server in
        [TestServer::https(&identity, |_| manifest()).await, TestServer::http(|_| manifest()).await]
    {
        let client = Client::new().trusting(&identity, &server);
        let registry = registry(&client, &server);
        for asked in 1..=2 {
            registry.resolve(&Tag::latest()).await.expect("a manifest");
            let paths: Vec<String> = server.seen().into_iter().map(|seen| seen.path).collect();
            assert_eq!(paths, vec!["/v2/team/web/manifests/latest"; asked]);
        }
    }
}

/// Whoever speaks TLS and sends us on to somebody who does not is not asked in plain HTTP.
#[tokio::test]
async fn a_token_server_without_tls_does_not_make_its_registry_one() {
    let (identity, sink) = (Identity::loopback(), TestServer::http(|_| Answer::ok("{}")).await);
    let realm = format!("Bearer realm=\"https://{}/token\",service=\"s\"", sink.authority());
    let server = TestServer::https(&identity, move |_| Answer::challenge(&realm)).await;
    let client = Client::new().trusting(&identity, &server).with_credentials(Password);
    let refused = registry(&client, &server).resolve(&Tag::latest()).await;
    assert!(refused.is_err(), "{refused:?}");
    assert_eq!(server.seen().len(), 1, "once, and not again");
}

#[tokio::test]
async fn registry_scope_is_the_path_alone() {
    let identity = Identity::loopback();
    let server = TestServer::https(&identity, |seen| {
        let realm = format!("https://{}/token", seen.header("host").expect("a host"));
        match (seen.header("authorization"), seen.path.starts_with("/token")) {
            (_, true) => Answer::ok(r#"{"token":"t"}"#),
            (Some("Bearer t"), _) => manifest(),
            _ => Answer::challenge(&format!("Bearer realm=\"{realm}\"")),
        }
    })
    .await;
    let client = Client::new().trusting(&identity, &server);
    registry(&client, &server).resolve(&Tag::latest()).await.expect("a manifest");
    let asked = server.seen().into_iter().find(|seen| seen.path.starts_with("/token"));
    assert_eq!(asked.expect("a token").path, "/token?scope=repository%3Ateam%2Fweb%3Apull");
}
