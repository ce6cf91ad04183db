//! Challenges, tokens, and where credentials go (threats R-06 to R-08).

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use countersign::{
    net::{Access, Credential, Credentials, Error, Remote, Secret},
    tuf::RoleName,
};

use crate::{
    BASIC, Client, Password, fetch,
    http::{Answer, Identity, Seen, TestServer},
};

/// Wants a token, gives one, and takes it.
fn token_server(seen: &Seen) -> Answer {
    let realm = format!("https://{}/token", seen.header("host").expect("a host"));
    match (seen.header("authorization"), seen.path.starts_with("/token")) {
        (_, true) => Answer::ok(r#"{"token":"t0ken","expires_in":300}"#),
        (Some("Bearer t0ken"), _) => Answer::ok("{}"),
        _ => Answer::challenge(&format!(r#"Bearer realm="{realm}",service="notary""#)),
    }
}

async fn serve_tokens() -> (TestServer, Client) {
    let identity = Identity::loopback();
    let server = TestServer::https(&identity, token_server).await;
    let client = Client::new().trusting(&identity, &server);
    (server, client)
}

#[tokio::test]
async fn token_is_asked_for_once_and_with_the_least_scope() {
    let (server, client) = serve_tokens().await;
    let client = client.with_credentials(Password);
    let notary = client.notary(&server);
    for _ in 0..3 {
        fetch(&notary, 100).await.expect("an answer");
    }
    let seen = server.seen();
    let paths: Vec<_> = seen.iter().map(|seen| seen.path.split('?').next()).collect();
    let file = Some("/v2/docker.io/library/web/_trust/tuf/timestamp.json");
    assert_eq!(paths, [file, Some("/token"), file, file, file]);
    assert_eq!(
        seen[1].path,
        "/token?account=alice&scope=repository%3Adocker.io%2Flibrary%2Fweb%3Apull&service=notary"
    );
    assert_eq!(seen[1].header("authorization"), Some(BASIC));
    assert_eq!(seen[0].header("authorization"), None);
}

#[tokio::test]
async fn writing_asks_for_more() {
    let (server, client) = serve_tokens().await;
    let notary = client.notary(&server).for_access(Access::PushPull);
    fetch(&notary, 100).await.expect("an answer");
    notary.publish(&[]).await.expect("taken");
    notary.rotate_key(&RoleName::Snapshot).await.expect("a key");
    let asked: Vec<_> =
        server.seen().into_iter().filter(|seen| seen.path.starts_with("/token")).collect();
    assert_eq!(asked.len(), 2);
    assert!(asked[0].path.ends_with("web%3Apush%2Cpull&service=notary"), "{}", asked[0].path);
    assert!(asked[1].path.ends_with("web%3A*&service=notary"), "{}", asked[1].path);
    assert!(asked.iter().all(|seen| seen.header("authorization").is_none()));
}

#[tokio::test]
async fn parallel_requests_ask_for_one_token() {
    let (server, client) = serve_tokens().await;
    let client = client.with_credentials(Password);
    let notary = client.notary(&server);
    let all = futures_util::future::join_all((0..5).map(|_| fetch(&notary, 100))).await;
    assert!(all.iter().all(Result::is_ok));
    let asked = server.seen().iter().filter(|seen| seen.path.starts_with("/token")).count();
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn identity_token_is_exchanged() {
    struct Identified;
    impl Credentials for Identified {
        fn for_host(&self, _key: &str) -> Result<Option<Credential>, Error> {
            Ok(Some(Credential::Identity(Secret::new("1d+".to_owned()))))
        }
    }
    let (server, client) = serve_tokens().await;
    let client = client.with_credentials(Identified);
    fetch(&client.notary(&server), 100).await.expect("an answer");
    let asked = &server.seen()[1];
    assert_eq!((&*asked.method, &*asked.path), ("POST", "/token"));
    assert_eq!(asked.header("authorization"), None);
    assert_eq!(
        String::from_utf8_lossy(&asked.body),
        "client_id=docker&grant_type=refresh_token&refresh_token=1d%2B&\
         scope=repository%3Adocker.io%2Flibrary%2Fweb%3Apull&service=notary"
    );
}

#[tokio::test]
async fn basic_is_answered_only_when_asked() {
    let server = TestServer::http(|seen| match seen.header("authorization") {
        Some(BASIC) => Answer::ok("{}"),
        _ => Answer::challenge("Basic realm=\"r\""),
    })
    .await;
    let notary = Client::new().with_credentials(Password).notary(&server);
    fetch(&notary, 100).await.expect("an answer");
    fetch(&notary, 100).await.expect("an answer");
    let sent: Vec<_> =
        server.seen().iter().map(|seen| seen.header("authorization").is_some()).collect();
    assert_eq!(sent, [false, true, true]);
}

#[tokio::test]
async fn basic_without_credentials_is_refused() {
    let server = TestServer::http(|_| Answer::challenge("Basic")).await;
    let error = fetch(&Client::new().notary(&server), 100).await.expect_err("refused");
    assert!(matches!(error, Error::Unauthorised { status: 401, .. }), "{error:?}");
}

#[tokio::test]
async fn source_of_credentials_is_asked_after_a_401_and_once() {
    struct Counted(Arc<AtomicUsize>);
    impl Credentials for Counted {
        fn for_host(&self, key: &str) -> Result<Option<Credential>, Error> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Password.for_host(key)
        }
    }
    let asked = Arc::new(AtomicUsize::new(0));
    let open = TestServer::http(|_| Answer::ok("{}")).await;
    let client = Client::new().with_credentials(Counted(Arc::clone(&asked)));
    fetch(&client.notary(&open), 100).await.expect("an answer");
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    let closed = TestServer::http(|_| Answer::challenge("Basic")).await;
    let notary = client.notary(&closed);
    for _ in 0..2 {
        assert!(fetch(&notary, 100).await.is_err());
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_server_that_repeats_what_it_was_sent_is_not_quoted() {
    for (repeated, quoted) in
        [(BASIC, false), ("password s3cret", false), ("alice is unknown", true)]
    {
        let said = format!(r#"{{"errors":[{{"code":"DENIED","message":"{repeated}"}}]}}"#);
        let server = TestServer::http(move |seen| match seen.header("authorization") {
            Some(_) => Answer::new(403, said.clone()),
            None => Answer::challenge("Basic"),
        })
        .await;
        let notary = Client::new().with_credentials(Password).notary(&server);
        let error = fetch(&notary, 100).await.expect_err("refused");
        let told = format!("{error} {error:?}");
        assert!(matches!(error, Error::Unauthorised { status: 403, .. }), "{told}");
        assert_eq!(told.contains(repeated), quoted, "{told}");
        assert_eq!(told.contains("in confidence"), !quoted, "{told}");
    }
}

#[tokio::test]
async fn token_hygiene() {
    // A token that is refused is not asked for again and again.
    let identity = Identity::loopback();
    let server = TestServer::https(&identity, |seen| match seen.path.starts_with("/token") {
        true => Answer::ok(r#"{"token":"useless","expires_in":0}"#),
        false => token_server(seen),
    })
    .await;
    let client = Client::new().trusting(&identity, &server).with_credentials(Password);
    let error = fetch(&client.notary(&server), 100).await.expect_err("refused");
    assert!(matches!(error, Error::Unauthorised { status: 401, .. }), "{error:?}");
    assert_eq!(server.seen().len(), 3);
    assert!(!format!("{error:?} {error}").contains("s3cret"));
}

#[tokio::test]
async fn token_replies_are_bounded_and_checked() {
    for (reply, expected) in [
        (Answer::endless(), "TooLarge"),
        (Answer::ok("{}"), "Malformed"),
        (Answer::ok("<html>"), "Malformed"),
        (Answer::new(401, r#"{"errors":[{"message":"no\u001b[2J"}]}"#), "Unauthorised"),
        (Answer::status(403), "Unauthorised"),
        (Answer::status(429), "Unavailable"),
        (Answer::status(500), "Unavailable"),
        (Answer::redirect(307, "https://evil.example/"), "Unavailable"),
    ] {
        let identity = Identity::loopback();
        let server =
            TestServer::https(&identity, move |seen| match seen.path.starts_with("/token") {
                true => reply.clone(),
                false => token_server(seen),
            })
            .await;
        let client = Client::new().trusting(&identity, &server).with_credentials(Password);
        let error = fetch(&client.notary(&server), 100).await.expect_err(expected);
        assert!(format!("{error:?}").starts_with(expected), "{error:?}");
        assert!(!error.to_string().contains('\u{1b}'));
    }
}

/// The credentials of loopback servers stay there, whatever realm they name.
#[tokio::test]
async fn auth_realm_table() {
    let sink = TestServer::http(|_| Answer::ok(r#"{"token":"t"}"#)).await;
    let sink_as_localhost = format!("http://localhost:{}/t", sink.port());
    let long = format!("Bearer realm=\"{}\"", "x".repeat(1 << 14));
    for (challenge, expected) in [
        (r#"Bearer realm="https://auth.example/t""#.to_owned(), "Realm"),
        (r#"Bearer realm="https://auth.docker.io/t""#.to_owned(), "Realm"),
        (format!(r#"Bearer realm="{sink_as_localhost}""#), "Realm"),
        (r#"Bearer realm="http://auth.example/t""#.to_owned(), "Challenge"),
        (r#"Bearer realm="http://169.254.169.254/t""#.to_owned(), "Challenge"),
        (r#"Bearer realm="https://u:p@127.0.0.1/t""#.to_owned(), "Challenge"),
        (r#"Bearer realm="x"#.to_owned(), "Challenge"),
        (r#"Bearer service="s""#.to_owned(), "Challenge"),
        (long, "Challenge"),
    ] {
        let shown = challenge.clone();
        let server = TestServer::http(move |_| Answer::challenge(&challenge)).await;
        let client = Client::new().with_credentials(Password);
        let error = fetch(&client.notary(&server), 100).await.expect_err(expected);
        assert!(format!("{error:?}").starts_with(expected), "{shown}: {error:?}");
        assert_eq!(server.seen().len(), 1);
    }
    assert!(sink.seen().is_empty(), "something was sent to a realm that is not allowed");
}

#[tokio::test]
async fn realm_that_the_user_names_is_asked() {
    let tokens = TestServer::http(|_| Answer::ok(r#"{"access_token":"t0ken"}"#)).await;
    let realm = format!("http://localhost:{}/t", tokens.port());
    let server = TestServer::http(move |seen| match seen.header("authorization") {
        Some("Bearer t0ken") => Answer::ok("{}"),
        _ => Answer::challenge(&format!("Bearer realm=\"{realm}\"")),
    })
    .await;
    let mut client = Client::new().with_credentials(Password);
    client.realms.allow("127.0.0.1", "localhost");
    fetch(&client.notary(&server), 100).await.expect("an answer");
    assert_eq!(tokens.seen()[0].header("authorization"), Some(BASIC));
}

#[tokio::test]
async fn metadata_is_never_redirected() {
    let sink = TestServer::http(|_| Answer::ok("{}")).await;
    for status in [301, 302, 303, 307, 308] {
        let location = sink.url();
        let server = TestServer::http(move |_| Answer::redirect(status, &location)).await;
        let error = fetch(&Client::new().notary(&server), 100).await.expect_err("redirected");
        assert!(matches!(error, Error::Unavailable { status: s, .. } if s == status));
    }
    assert!(sink.seen().is_empty());
}
