//! Who may do what.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countersign::crypto::{Algorithm, PrivateKey, Scheme, Signer};
use countersign::server::{Access, MasterSecret, Options, Passwords, Readers, Tokens};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::bench::Bench;
use super::repository::{TestKey, now};

/// A token service.
pub(crate) struct Issuer {
    key: std::sync::Arc<TestKey>,
}

impl Issuer {
    pub(crate) fn new() -> Self {
        Self { key: TestKey::p256().in_certificate("token service") }
    }

    pub(crate) fn bench(&self) -> Bench {
        Bench::with(self.access(), Options::default())
    }

    fn access(&self) -> Access {
        let realm = "https://auth.test/token".to_owned();
        let (issuer, service) = ("auth.test".to_owned(), "notary-server".to_owned());
        let tokens = Tokens::new(realm, issuer, service, &self.key.written);
        Access::Tokens(tokens.expect("a certificate"))
    }

    pub(crate) fn token(&self, name: &str, actions: &[&str]) -> String {
        self.sign(&header(), &claims(name, actions))
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        signed(header, claims, &self.key.signer)
    }
}

fn signed(header: &Value, claims: &Value, key: &PrivateKey) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let signature = key.sign_with(Scheme::EcdsaFixed, message.as_bytes()).expect("a signature");
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_bytes()))
}

fn header() -> Value {
    json!({"alg": "ES256", "typ": "JWT"})
}

fn claims(name: &str, actions: &[&str]) -> Value {
    let at = |minutes: i64| (now() + SignedDuration::from_mins(minutes)).as_second();
    json!({
        "iss": "auth.test", "aud": "notary-server", "sub": "alice", "exp": at(5), "nbf": at(-5),
        "access": [{"type": "repository", "name": name, "actions": actions}],
    })
}

#[tokio::test]
async fn authz_matrix() {
    let issuer = Issuer::new();
    let bench = issuer.bench();
    let (pull, push, all) = (&["pull"][..], &["pull", "push"][..], &["*"][..]);
    for (method, file, enough, too_little) in [
        ("GET", "timestamp.json", pull, &["push"][..]),
        ("GET", "timestamp.key", push, pull),
        ("POST", "timestamp.key", all, push),
        ("POST", "", push, pull),
        ("DELETE", "", all, push),
    ] {
        let path = format!("/v2/a/b/_trust/tuf/{file}");
        let ask = async |token: Option<String>| {
            let bench = match token {
                Some(token) => bench.saying("authorization", &format!("Bearer {token}")),
                None => bench.clone(),
            };
            bench.ask(method, &path, Vec::new()).await
        };
        assert_ne!(ask(Some(issuer.token("a/b", enough))).await.status, 401, "{method} {file}");
        assert_ne!(
            ask(Some(issuer.token("a/b", &["*"]))).await.status,
            401,
            "who may do all may do this"
        );
        let refused = ask(None).await;
        assert_eq!((refused.status, refused.code().as_str()), (401, "UNAUTHORIZED"));
        let challenge = refused.header("www-authenticate").expect("a challenge");
        assert!(challenge.starts_with("Bearer realm=\"https://auth.test/token\",service=\"notary-server\",scope=\"repository:a/b:"), "{challenge}");
        assert!(!challenge.contains("error="));
        for (name, actions) in [
            ("a/b", too_little),
            ("a/bc", enough),
            ("a", enough),
            ("A/b", enough),
            ("a/b/", enough),
        ] {
            let refused = ask(Some(issuer.token(name, actions))).await;
            assert_eq!(refused.status, 401, "{method} {file} {name}");
            let challenge = refused.header("www-authenticate").expect("a challenge");
            assert!(challenge.ends_with(",error=\"insufficient_scope\""), "{challenge}");
        }
    }
    assert_eq!(bench.get("/v2/").await.status, 401);
    assert_eq!(bench.get("/v2/_trust/changefeed?records=1").await.status, 401);
    assert_eq!(bench.get("/other").await.status, 401);
    assert_eq!(bench.get("/_notary_server/health").await.status, 200);
}

#[tokio::test]
async fn token_faults() {
    let issuer = Issuer::new();
    let bench = issuer.bench();
    let good = claims("a/b", &["pull"]);
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        issuer.sign(&header(), &claims)
    };
    let at = |minutes: i64| json!((now() + SignedDuration::from_mins(minutes)).as_second());
    let stranger = PrivateKey::generate(Algorithm::EcdsaP256).expect("a key");
    let claimed = TestKey::p256().in_certificate("token service");
    let pem = String::from_utf8(claimed.written.clone()).expect("PEM");
    let der: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let valid = issuer.token("a/b", &["pull"]);
    let unsigned = format!(
        "{}.{}.",
        URL_SAFE_NO_PAD.encode(json!({"alg": "none"}).to_string()),
        URL_SAFE_NO_PAD.encode(good.to_string())
    );
    for (what, token) in [
        ("not a token", "x".to_owned()),
        ("two parts", "x.y".to_owned()),
        ("too long", "x".repeat(20_000)),
        ("alg none", unsigned),
        ("no signature", valid.rsplit_once('.').expect("parts").0.to_owned() + "."),
        ("another issuer", with("iss", json!("evil.test"))),
        ("another audience", with("aud", json!("registry"))),
        ("expired", with("exp", at(-2))),
        ("not valid yet", with("nbf", at(2))),
        (
            "no end",
            issuer.sign(&header(), &{
                let mut c = good.clone();
                c.as_object_mut().expect("claims").remove("exp");
                c
            }),
        ),
        ("end that overflows", with("exp", json!(i64::MAX))),
        ("a fractional end", with("exp", json!(1e300))),
        ("a stranger's key", signed(&header(), &good, &stranger)),
        (
            "a stranger's key that says whose it is",
            signed(&json!({"alg": "ES256", "kid": "x", "jwk": {"kty": "EC"}}), &good, &stranger),
        ),
        (
            "a stranger's certificate",
            signed(&json!({"alg": "ES256", "x5c": [der]}), &good, &claimed.signer),
        ),
        ("HMAC", issuer.sign(&json!({"alg": "HS256"}), &good)),
        (
            "an extension that must be understood",
            issuer.sign(&json!({"alg": "ES256", "crit": ["b64"], "b64": true}), &good),
        ),
        ("another curve", issuer.sign(&json!({"alg": "ES384"}), &good)),
        ("RSA", issuer.sign(&json!({"alg": "RS256"}), &good)),
    ] {
        let bench = bench.saying("authorization", &format!("Bearer {token}"));
        let answer = bench.file("a/b", "timestamp.json").await;
        assert_eq!(answer.status, 401, "{what}");
        let challenge = answer.header("www-authenticate").expect("a challenge");
        assert!(challenge.contains("error=\"invalid_token\""), "{what}: {challenge}");
        let log = bench.log.lock().expect("a log").join("\n");
        assert!(!log.contains(&token) || token.len() < 4, "{what}: tokens stay out of the log");
    }
    let nothing_more = json!([
        {"type": "repository", "name": "a/b", "actions": ["pull"]},
        {"type": "repository", "name": "a/c", "actions": null},
    ]);
    for (what, token) in [
        ("it", valid),
        ("a grant of nothing, as Go writes it", with("access", nothing_more)),
        ("several audiences", with("aud", json!(["x", "notary-server"]))),
        (
            "within the leeway",
            with("exp", json!((now() - SignedDuration::from_secs(30)).as_second())),
        ),
    ] {
        let bench = bench.saying("authorization", &format!("bearer {token}"));
        assert_eq!(bench.file("a/b", "timestamp.json").await.status, 404, "{what}");
    }
}

#[tokio::test]
async fn who_is_known_is_replaced_while_the_server_runs() {
    let (old, new) = (Issuer::new(), Issuer::new());
    let access = old.access();
    let bench = Bench::with(access.clone(), Options::default());
    let asking = async |issuer: &Issuer| {
        let bearing = bench.bearing(&issuer.token("a/b", &["pull"]));
        bearing.file("a/b", "timestamp.json").await.status
    };
    assert_eq!((asking(&old).await, asking(&new).await), (404, 401));
    access.replace(&Access::Open);
    assert_eq!((asking(&old).await, asking(&new).await), (404, 401), "not the way to be let in");
    access.replace(&new.access());
    assert_eq!((asking(&old).await, asking(&new).await), (401, 404));
}

#[tokio::test]
async fn passwords_let_in_and_others_may_read_if_so_configured() {
    let hash = bcrypt::hash("right", 4).expect("a hash");
    let text = format!("# team\n\nalice:{hash}\n");
    for readers in [Readers::Anybody, Readers::Nobody] {
        let passwords = Passwords::parse(&text, readers).expect("a file");
        let bench = Bench::with(Access::Passwords(passwords), Options::default());
        let as_user = |user: &str, password: &str| {
            let basic = STANDARD.encode(format!("{user}:{password}"));
            bench.saying("authorization", &format!("Basic {basic}"))
        };
        for _ in 0..2 {
            let key = as_user("alice", "right").file("a/b", "timestamp.key").await;
            assert_eq!(key.status, 200, "asked twice, the second time from memory");
        }
        for (user, password) in [("alice", "wrong"), ("bob", "right"), ("alice", ""), ("", "right")]
        {
            let refused = as_user(user, password).file("a/b", "timestamp.json").await;
            assert_eq!(refused.status, 401, "{user} {password}");
            assert_eq!(refused.header("www-authenticate"), Some("Basic realm=\"trust\""));
        }
        let expected = if readers == Readers::Anybody { 404 } else { 401 };
        assert_eq!(bench.file("a/b", "timestamp.json").await.status, expected);
        assert_eq!(bench.file("a/b", "timestamp.key").await.status, 401);
        assert_eq!(bench.get("/v2/").await.status, 401, "by which clients learn how to be let in");
    }
    let damaged = Passwords::parse(&format!("alice:{hash}\nbob:{{SHA}}x\n"), Readers::Nobody).err();
    assert!(damaged.expect("refused").starts_with("line 2 is no `name:$2y$"));
}

#[tokio::test]
async fn tickets_stand_for_passwords_and_for_nothing_more() {
    let hash = bcrypt::hash("right", 4).expect("a hash");
    let master = MasterSecret::new(zeroize::Zeroizing::new([7; 32]));
    for readers in [Readers::Anybody, Readers::Nobody] {
        let passwords = Passwords::parse(&format!("alice:{hash}"), readers).expect("a file");
        let passwords = Access::Passwords(passwords.with_tickets(&master));
        let bench = Bench::with(passwords, Options::default()).saying("host", "trust.test:4443");
        let challenged = bench.file("a/b", "timestamp.key").await;
        assert_eq!(challenged.status, 401);
        let challenge = challenged.header("www-authenticate").expect("a challenge");
        assert_eq!(
            challenge,
            "Bearer realm=\"https://trust.test:4443/token\",service=\"trust\",\
             scope=\"repository:a/b:push,pull\""
        );
        let alice = bench.saying("authorization", "Basic YWxpY2U6cmlnaHQ=");
        let guesser = bench.saying("authorization", "Basic YWxpY2U6d3Jvbmc=");
        let refused = guesser.get("/token?scope=repository:a/b:pull").await;
        assert_eq!(
            (refused.status, refused.header("www-authenticate")),
            (401, Some("Basic realm=\"trust\""))
        );
        let ticket = async |bench: &Bench| {
            let answer = bench.get("/token?service=trust").await;
            assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
            answer.json()["token"].as_str().expect("a token").to_owned()
        };
        let named = bench.bearing(&ticket(&alice).await);
        let anybody = bench.bearing(&ticket(&bench).await);
        assert_eq!(named.file("a/b", "timestamp.key").await.status, 200);
        assert_eq!(anybody.file("a/b", "timestamp.key").await.status, 401, "{readers:?}");
        let read = if readers == Readers::Anybody { 404 } else { 401 };
        assert_eq!(anybody.file("a/b", "timestamp.json").await.status, read, "{readers:?}");
        assert_eq!(named.file("a/b", "timestamp.json").await.status, 404);
        named.set_clock(super::repository::after_hours(1));
        assert_eq!(named.file("a/b", "timestamp.key").await.status, 401, "its time is over");
    }
    let known = |name: &str| {
        let passwords = Passwords::parse(&format!("{name}:{hash}"), Readers::Nobody);
        let passwords = passwords.expect("a file").with_tickets(&master);
        Bench::with(Access::Passwords(passwords), Options::default())
    };
    let alice = known("alice").saying("authorization", "Basic YWxpY2U6cmlnaHQ=");
    let ticket = alice.get("/token").await.json()["token"].as_str().expect("a token").to_owned();
    assert_eq!(known("alice").bearing(&ticket).get("/v2/").await.status, 200);
    assert_eq!(
        known("bob").bearing(&ticket).get("/v2/").await.status,
        401,
        "she is not known here"
    );
    assert_eq!(Bench::new().get("/token").await.status, 404, "where there are no passwords");
    assert_eq!(Issuer::new().bench().get("/token").await.status, 404);
}

#[tokio::test]
async fn no_other_site_has_a_browser_publish_or_delete() {
    let hash = bcrypt::hash("right", 4).expect("a hash");
    let passwords = Passwords::parse(&format!("alice:{hash}"), Readers::Nobody).expect("a file");
    let alice = Bench::with(Access::Passwords(passwords), Options::default())
        .saying("authorization", "Basic YWxpY2U6cmlnaHQ=")
        .saying("host", "trust.test:4443");
    let (tuf, key) = ("/v2/a/b/_trust/tuf/", "/v2/a/b/_trust/tuf/timestamp.key");
    for (header, value, refused) in [
        ("user-agent", "notary", false),
        ("sec-fetch-site", "none", false),
        ("sec-fetch-site", "same-origin", false),
        ("origin", "https://trust.test:4443", false),
        ("sec-fetch-site", "cross-site", true),
        ("sec-fetch-site", "same-site", true),
        ("origin", "https://evil.test", true),
        ("origin", "https://trust.test:4443.evil.test", true),
        ("origin", "null", true),
    ] {
        let browser = alice.saying(header, value);
        for (method, path) in [("DELETE", tuf), ("POST", key)] {
            let status = browser.ask(method, path, Vec::new()).await.status;
            let expected = if refused { 400 } else { 200 };
            assert_eq!(status, expected, "{method} {header}: {value}");
        }
        let code = browser.post("a/b", &[]).await.code();
        assert_eq!(code == "INVALID_PARAMETERS", refused, "{header}: {value}");
        assert_eq!(browser.get("/").await.status, 200, "links lead to the page");
    }
}

#[tokio::test]
async fn log_hygiene() {
    let bench = Bench::new();
    bench.get("/v2/a%22%7d,%0a%1b{b/_trust/tuf/root.json").await;
    let agent = bench.saying("user-agent", "x\",\"event\":\"published\",\"y\":\"");
    agent.saying("authorization", "Basic c2VjcmV0").get("/v2/a/_trust/tuf/root.json").await;
    bench.get(&format!("/v2/_trust/changefeed?records={}", "9".repeat(60_000))).await;
    bench.get(&format!("/v2/{}", "x".repeat(60_000))).await;
    let log = bench.log.lock().expect("a log").clone();
    assert_eq!(log.len(), 4);
    for line in &log {
        assert!(line.len() < 2000, "nobody fills the disk with a few requests");
        let event: Value = serde_json::from_str(line).expect("one object on a line");
        assert_eq!(event["event"], "request");
        assert!(!line.contains("c2VjcmV0") && !line.contains('\u{1b}') && !line.contains('\n'));
    }
}
