//! Who may be at the other end (threat R-10), and how it is reached.

use countersign::net::{
    Error, Fault, Http, HttpOptions, Proxies, Remote, RemoteFile, SystemAuthorities,
};
use countersign::tuf::RoleName;

use crate::{
    Client, fetch,
    http::{Answer, Identity, TestServer, Validity},
};

fn is_unreachable(result: &Result<Option<Vec<u8>>, Error>) -> bool {
    matches!(result, Err(Error::Unreachable { .. }))
}

#[tokio::test]
async fn tls_table() {
    let loopback = ["127.0.0.1"].as_slice();
    let (current, past) = (Validity::Current, Validity::Past);
    for (name, identity, trusted, refused) in [
        ("good", Identity::new(loopback, current), true, None),
        ("unknown authority", Identity::new(loopback, current), false, Some(Fault::Authority)),
        ("other host", Identity::new(&["example.com"], current), true, Some(Fault::Name)),
        ("expired", Identity::new(loopback, past), true, Some(Fault::Dates)),
        ("self-signed", Identity::self_signed(loopback, current), true, None),
        ("not known", Identity::self_signed(loopback, current), false, Some(Fault::Other)),
        ("of another", Identity::self_signed(&["h"], current), true, Some(Fault::Name)),
        ("over", Identity::self_signed(loopback, past), true, Some(Fault::Dates)),
    ] {
        let server = TestServer::https(&identity, |_| Answer::ok("{}")).await;
        let client = Client::new();
        let client = if trusted { client.trusting(&identity, &server) } else { client };
        let result = fetch(&client.notary(&server), 100).await;
        let found = match &result {
            Ok(_) => None,
            Err(Error::Certificate { fault, source, .. }) => {
                let told = source.to_string();
                assert!(!told.contains("UNIX"), "no time that people would have to count: {told}");
                Some(*fault)
            }
            Err(other) => panic!("{name}: {other:?}"),
        };
        assert_eq!(found, refused, "{name}: {result:?}");
        assert_eq!(server.seen().is_empty(), refused.is_some(), "{name}");
    }
}

#[tokio::test]
async fn plain_http_on_the_https_port_is_refused() {
    let server = TestServer::http(|_| Answer::ok("{}")).await;
    let url = server.url().replace("http:", "https:");
    let result = fetch(&Client::new().notary_at(&url, "h"), 100).await;
    assert!(is_unreachable(&result), "{result:?}");
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn authority_of_one_server_is_not_that_of_another() {
    let identity = Identity::loopback();
    let server = TestServer::https(&identity, |_| Answer::ok("{}")).await;
    let client = Client::new().trusting_at(&identity, "127.0.0.1:1");
    let result = fetch(&client.notary(&server), 100).await;
    assert!(matches!(result, Err(Error::Certificate { .. })), "{result:?}");
}

#[tokio::test]
async fn extra_authorities_are_believed_everywhere() {
    let identity = Identity::loopback();
    let server = TestServer::https(&identity, |_| Answer::ok("{}")).await;
    let client = Client::new();
    let path = client.folder.path().join("extra.pem");
    identity.write_authority(&path);
    let http = Http::new(HttpOptions { extra_authorities: Some(path), ..HttpOptions::default() });
    let notary = crate::NotaryServer::new(
        http,
        &crate::ServerUrl::parse(&server.url(), crate::PlainHttp::Refused).expect("valid"),
        &crate::Gun::raw(crate::GUN).expect("valid"),
        client.account("h"),
        client.deadline(),
    );
    assert!(fetch(&notary.expect("a valid URL"), 100).await.is_ok());
}

#[tokio::test]
async fn without_the_systems_authorities_only_named_ones_are_believed() {
    let (ours, other) = (Identity::loopback(), Identity::loopback());
    let server = TestServer::https(&ours, |_| Answer::ok("{}")).await;
    let client = Client::new();
    for (identity, believed) in [(&ours, true), (&other, false)] {
        let path = client.folder.path().join("only.pem");
        identity.write_authority(&path);
        let http = Http::new(HttpOptions {
            extra_authorities: Some(path),
            system_authorities: SystemAuthorities::Ignored,
            ..HttpOptions::default()
        });
        let url = crate::ServerUrl::parse(&server.url(), crate::PlainHttp::Refused);
        let gun = crate::Gun::raw(crate::GUN).expect("valid");
        let (account, deadline) = (client.account("h"), client.deadline());
        let notary = crate::NotaryServer::new(http, &url.expect("valid"), &gun, account, deadline);
        let result = fetch(&notary.expect("a valid URL"), 100).await;
        assert_eq!(result.is_ok(), believed, "{result:?}");
    }
}

#[tokio::test]
async fn unusable_authority_file_is_an_error() {
    let identity = Identity::loopback();
    let server = TestServer::https(&identity, |_| Answer::ok("{}")).await;
    let client = Client::new().trusting(&identity, &server);
    let path = client.folder.path().join(server.authority()).join("other.crt");
    std::fs::write(&path, "junk").expect("a file");
    let error = fetch(&client.notary(&server), 100).await.expect_err("unusable");
    assert!(matches!(error, Error::TlsFile { path: found, .. } if found == path));
}

#[tokio::test]
async fn nobody_listening_is_unreachable() {
    let server = TestServer::http(|_| Answer::ok("{}")).await;
    let url = server.url();
    drop(server);
    tokio::task::yield_now().await;
    assert!(is_unreachable(&fetch(&Client::new().notary_at(&url, "h"), 100).await));
}

#[tokio::test]
async fn localhost_is_this_machine() {
    let identity = Identity::loopback();
    let server = TestServer::https(&identity, |_| Answer::ok("{}")).await;
    let authority = format!("localhost:{}", server.port());
    let client = Client::new().trusting_at(&identity, &authority);
    let notary = client.notary_at(&format!("https://{authority}"), "h");
    assert!(fetch(&notary, 100).await.is_ok());
}

#[tokio::test]
async fn requests_share_a_connection() {
    let identity = Identity::loopback();
    let server = TestServer::https(&identity, |_| Answer::ok("{}")).await;
    let client = Client::new().trusting(&identity, &server);
    let notary = client.notary(&server);
    for _ in 0..3 {
        fetch(&notary, 100).await.expect("an answer");
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn files_are_asked_for_by_notarys_names() {
    let server = TestServer::http(|_| Answer::ok("{}")).await;
    let url = format!("{}/prefix/", server.url());
    let notary = Client::new().notary_at(&url, "h");
    let hash = countersign::crypto::Sha256::of(b"");
    let releases: RoleName = "targets/releases".parse().expect("a role");
    let two = countersign::tuf::Version::new(2).expect("not zero");
    for (file, name) in [
        (RemoteFile::Current(RoleName::Root), "root.json".to_owned()),
        (RemoteFile::ByVersion(RoleName::Root, two), "2.root.json".to_owned()),
        (RemoteFile::ByHash(releases, hash), format!("targets/releases.{hash}.json")),
    ] {
        notary.fetch(&file, 100).await.expect("an answer");
        let path = format!("/prefix/v2/docker.io/library/web/_trust/tuf/{name}");
        assert_eq!(server.seen().pop().expect("a request").path, path);
    }
    notary.public_key(&RoleName::Snapshot).await.expect("an answer");
    assert!(server.seen().pop().expect("a request").path.ends_with("/_trust/tuf/snapshot.key"));
}

#[tokio::test]
async fn proxy_is_asked_to_connect() {
    let proxy = TestServer::http(|_| Answer::status(407)).await;
    let address = format!("http://user:s3cret@{}", proxy.authority());
    let proxies =
        Proxies::from_environment(|name| (name == "HTTPS_PROXY").then(|| address.clone()));
    let client = Client::new();
    let http = Http::new(HttpOptions { proxies, ..HttpOptions::default() });
    let url =
        crate::ServerUrl::parse("https://trust.test", crate::PlainHttp::Refused).expect("valid");
    let gun = crate::Gun::raw(crate::GUN).expect("valid");
    let notary = crate::NotaryServer::new(http, &url, &gun, client.account("h"), client.deadline());
    let result = fetch(&notary.expect("a valid URL"), 100).await;
    assert!(is_unreachable(&result), "{result:?}");
    assert!(!format!("{result:?}").contains("s3cret"));
    let seen = proxy.seen().remove(0);
    assert_eq!((&*seen.method, &*seen.path), ("CONNECT", "trust.test:443"));
    assert_eq!(seen.header("proxy-authorization"), Some("Basic dXNlcjpzM2NyZXQ="));
}
