//! How often and how much callers may ask, what is remembered of it, and who is told what.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign::crypto::Sha256;
use countersign::server::{
    Access, ForwardedHeader, Limits, MasterSecret, Options, Passwords, Proxies, Rate, Readers,
};
use countersign::storage::metadata::{Error, MemoryStore, MetadataStore, SqliteStore};
use countersign::tuf::{Gun, RoleName};
use http_body_util::StreamBody;
use hyper::Request;
use hyper::body::Frame;
use serde_json::Value;

use super::access::Issuer;
use super::bench::{Bench, FILES, SnapshotBy, form, key_in};
use super::failing::{Meddled, Touched};
use super::page::founded;
use super::repository::after_hours;

fn limited(limits: Limits) -> Bench {
    Bench::with(Access::Open, Options { limits, ..Options::default() })
}

#[tokio::test]
async fn key_route_abuse() {
    let store: Arc<dyn MetadataStore> = Arc::new(MemoryStore::new());
    let bench = Bench::on(Arc::clone(&store), 7, Access::Open, Options::default());
    for number in 0..200 {
        bench.key(&format!("invented/{number}"), "timestamp").await;
        let gun = Gun::raw(&format!("invented/{number}")).expect("a name");
        assert!(
            store.keys(&gun).await.expect("read").is_empty(),
            "an invented name leaves nothing"
        );
    }
    let team = bench.uploaded_team(SnapshotBy::Server).await;
    let path = format!("/v2/{}/_trust/tuf/timestamp.key", team.gun);
    let mut next = std::collections::BTreeSet::new();
    for _ in 0..100 {
        next.insert(key_in(&bench.ask("POST", &path, Vec::new()).await).id());
    }
    assert_eq!(next.len(), 1, "rotating in a loop makes no more keys");
    assert_eq!(store.keys(&team.gun).await.expect("read").len(), 2, "only those that sign");
    for role in ["root", "targets", "targets/releases"] {
        for method in ["GET", "POST"] {
            let path = format!("/v2/{}/_trust/tuf/{role}.key", team.gun);
            assert_eq!(bench.ask(method, &path, Vec::new()).await.status, 404, "{method} {role}");
        }
    }
    let issuer = Issuer::new();
    let guarded = issuer.bench();
    let path = "/v2/a/b/_trust/tuf/timestamp.key";
    for (method, actions, status) in [
        ("GET", &["pull"][..], 401),
        ("GET", &["push", "pull"], 200),
        ("POST", &["push", "pull"], 401),
        ("POST", &["*"], 200),
    ] {
        let bench = guarded.bearing(&issuer.token("a/b", actions));
        assert_eq!(
            bench.ask(method, path, Vec::new()).await.status,
            status,
            "{method} {actions:?}"
        );
    }
    let rate = Rate { burst: 5, each: Duration::from_secs(30) };
    let slow = limited(Limits { requests_each: Some(rate), ..Limits::default() }).from("10.0.0.1");
    for _ in 0..5 {
        assert_eq!(slow.ask("POST", path, Vec::new()).await.status, 200);
    }
    let refused = slow.ask("POST", path, Vec::new()).await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "TOOMANYREQUESTS"));
    assert_eq!(refused.header("retry-after"), Some("30"));
}

#[tokio::test]
async fn a_full_disk_is_told_to_watchers_while_readers_are_served() {
    let full = Arc::new(AtomicBool::new(false));
    let is_full = Arc::clone(&full);
    let store = Meddled::by(move |touched| match touched {
        Touched::Publication if is_full.load(Relaxed) => {
            let source = "database or disk is full".into();
            Err(Error::Database { action: "write", source })
        }
        _ => Ok(()),
    });
    let bench = Bench::on(Arc::new(store), 7, Access::Open, Options::default());
    let mut team = bench.uploaded_team(SnapshotBy::Server).await;
    let ready = async || bench.get("/_notary_server/ready").await;
    let storing = async |number: u8| {
        let metrics = String::from_utf8(bench.get("/metrics").await.body).expect("text");
        assert!(metrics.contains(&format!("countersign_storing {number}\n")), "{metrics}");
    };
    assert_eq!(ready().await.body, b"{}");
    storing(1).await;
    full.store(true, Relaxed);
    team.touch("targets").publish();
    assert_eq!(bench.upload(&team, &["targets"]).await.status, 500);
    let told = ready().await;
    assert_eq!(told.status, 200, "there is no better place for readers");
    let problem = told.json()["storing"].as_str().expect("a reason").to_owned();
    assert!(problem.contains("disk is full, since "), "{problem}");
    storing(0).await;
    let health = bench.get("/_notary_server/health").await;
    assert_eq!((health.status, health.body.as_slice()), (200, b"{}".as_slice()), "as ever");
    assert_eq!(bench.file(team.gun.as_str(), "timestamp.json").await.status, 200);
    // Nothing was written there.
    bench.ask("DELETE", "/v2/no/such/_trust/tuf/", Vec::new()).await;
    storing(0).await;
    full.store(false, Relaxed);
    assert_eq!(bench.upload(&team, &["targets"]).await.status, 200);
    assert_eq!(ready().await.body, b"{}");
    storing(1).await;
}

#[tokio::test]
async fn a_count_of_expiries_blames_collections_for_nothing_but_themselves() {
    let what = Arc::new(Mutex::new("nothing"));
    let trouble = Arc::clone(&what);
    let store = Meddled::by(move |touched| {
        match (*trouble.lock().expect("a word"), touched) {
            ("outage", Touched::File(RoleName::Snapshot, _)) => {
                return Err(Error::Unreachable { source: "gone".into() });
            }
            ("damage", Touched::File(RoleName::Snapshot, Some(file))) => file.bytes = "x".into(),
            ("deletion", Touched::File(_, file)) => *file = None,
            _ => {}
        }
        Ok(())
    });
    let bench = Bench::on(Arc::new(store), 7, Access::Open, Options::default());
    bench.uploaded_team(SnapshotBy::Server).await;
    let counted = async |trouble| {
        *what.lock().expect("a word") = trouble;
        let done = bench.server.count_expiries().await.is_ok();
        let text = String::from_utf8(bench.get("/metrics").await.body).expect("text");
        let number = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.map(|rest| rest.trim().to_owned())
        };
        let unreadable = number("countersign_unreadable_collections ");
        (done, number("countersign_collections "), unreadable)
    };
    let numbers = |all: &str, unreadable: &str| (Some(all.to_owned()), Some(unreadable.to_owned()));
    let one = numbers("1", "0");
    assert_eq!(counted("nothing").await, (true, one.0.clone(), one.1.clone()));
    assert_eq!(counted("outage").await, (false, one.0, one.1), "the last count stands");
    let damaged = numbers("0", "1");
    assert_eq!(counted("damage").await, (true, damaged.0, damaged.1));
    let log = bench.log.lock().expect("a log").join("\n");
    assert!(log.contains("\"the stored snapshot cannot be read: "), "{log}");
    let none = numbers("0", "0");
    assert_eq!(counted("deletion").await, (true, none.0, none.1));
}

#[tokio::test]
async fn callers_are_limited_each_and_together_and_watchers_are_not() {
    let each = Rate { burst: 2, each: Duration::from_secs(60) };
    let all = Rate { burst: 3, each: Duration::from_secs(60) };
    let bench =
        limited(Limits { requests: Some(all), requests_each: Some(each), ..Limits::default() });
    let (one, two) = (bench.from("10.0.0.1"), bench.from("10.0.0.2"));
    let mut statuses = Vec::new();
    for caller in [&one, &one, &one, &two, &two] {
        statuses.push(caller.get("/v2/").await.status);
    }
    assert_eq!(statuses, [200, 200, 429, 200, 429]);
    for path in ["/_notary_server/health", "/_notary_server/ready", "/metrics"] {
        assert_eq!(one.get(path).await.status, 200, "{path}");
    }
    let metrics = String::from_utf8(one.get("/metrics").await.body).expect("text");
    assert!(metrics.contains("countersign_refusals_total{reason=\"too_often\"} 2\n"), "{metrics}");
    let page = one.get("/").await;
    assert_eq!((page.status, page.header("retry-after")), (429, Some("60")));
}

#[tokio::test]
async fn callers_behind_a_trusted_proxy_are_told_apart_and_nobody_else_is_believed() {
    let each = Rate { burst: 1, each: Duration::from_secs(60) };
    let limits = Limits { requests_each: Some(each), ..Limits::default() };
    let trusted = vec!["10.0.0.0/8".parse().expect("a network")];
    let proxies = Proxies { trusted, header: ForwardedHeader::XForwardedFor };
    let options = Options { limits, proxies, ..Options::default() };
    let bench = Bench::with(Access::Open, options);
    let asked = async |peer: &str, said: &str| {
        let answer = bench.from(peer).saying("x-forwarded-for", said).get("/v2/").await;
        let line = bench.log.lock().expect("a log").last().expect("a line").clone();
        let line: Value = serde_json::from_str(&line).expect("JSON");
        (answer.status, line["from"].to_string(), line["via"].to_string())
    };
    let entry = |status, from: &str, via: Option<&str>| {
        (status, format!("{from:?}"), via.map_or("null".to_owned(), |via| format!("{via:?}")))
    };
    let proxy = Some("10.0.0.1");
    assert_eq!(asked("10.0.0.1", "192.0.2.1").await, entry(200, "192.0.2.1", proxy));
    assert_eq!(asked("10.0.0.1", "192.0.2.2").await, entry(200, "192.0.2.2", proxy));
    let spoofed = asked("10.0.0.1", "203.0.113.1, 192.0.2.2").await;
    assert_eq!(spoofed, entry(429, "192.0.2.2", proxy), "what he wrote himself does not help him");
    assert_eq!(asked("192.0.2.3", "203.0.113.2").await, entry(200, "192.0.2.3", None));
    assert_eq!(asked("192.0.2.3", "203.0.113.3").await, entry(429, "192.0.2.3", None));
    assert_eq!(asked("10.0.0.1", "nonsense").await, entry(200, "10.0.0.1", None));
}

/// A server that knows alice and bob, whose passwords take so much to be looked at.
fn where_three_guesses_are_free(cost: u32) -> Bench {
    let hash = bcrypt::hash("right", cost).expect("a hash");
    let passwords = Passwords::parse(&format!("alice:{hash}\nbob:{hash}"), Readers::Nobody);
    let rate = Rate { burst: 3, each: Duration::from_secs(60) };
    let limits = Limits { failures_each: Some(rate), ..Limits::default() };
    let master = MasterSecret::new(zeroize::Zeroizing::new([7; 32]));
    let access = Access::Passwords(passwords.expect("a file").with_tickets(&master));
    Bench::with(access, Options { limits, ..Options::default() })
}

#[tokio::test]
async fn who_guesses_passwords_waits_and_others_do_not() {
    let bench = where_three_guesses_are_free(4);
    let (guesser, alice) = (bench.from("10.0.0.1"), bench.from("10.0.0.2"));
    let right = |bench: &Bench| bench.saying("authorization", "Basic YWxpY2U6cmlnaHQ=");
    let bob = |bench: &Bench| bench.saying("authorization", "Basic Ym9iOnJpZ2h0");
    assert_eq!(bob(&guesser).get("/v2/").await.status, 200);
    let ticket = bob(&guesser).get("/token").await.json()["token"].clone();
    for _ in 0..3 {
        assert_eq!(guesser.get("/v2/").await.status, 401, "a question is no guess");
        assert_eq!(guesser.bearing("x").get("/v2/").await.status, 401, "nobody guesses tickets");
        let wrong = guesser.saying("authorization", "Basic YWxpY2U6d3Jvbmc=");
        assert_eq!(wrong.get("/v2/").await.status, 401);
    }
    assert_eq!(right(&guesser).get("/v2/").await.status, 429, "even the right one has to wait");
    assert_eq!(right(&alice).get("/v2/").await.status, 200);
    // Others may share the guesser's address: a proxy that nobody named, a company's gateway.
    assert_eq!(guesser.get("/v2/").await.status, 401);
    assert_eq!(bob(&guesser).get("/v2/").await.status, 200, "found right before");
    let ticket = ticket.as_str().expect("a ticket");
    assert_eq!(guesser.bearing(ticket).get("/v2/").await.status, 200);
}

#[tokio::test]
async fn a_token_for_something_else_is_no_guess() {
    let issuer = Issuer::new();
    let bench = issuer.bench().from("10.0.0.1");
    let other = bench.bearing(&issuer.token("a/c", &["pull"]));
    for _ in 0..40 {
        assert_eq!(other.file("a/b", "timestamp.json").await.status, 401);
        assert_eq!(bench.bearing("x.y.z").file("a/b", "timestamp.json").await.status, 401);
    }
    let good = bench.bearing(&issuer.token("a/b", &["pull"]));
    assert_eq!(good.file("a/b", "timestamp.json").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_many_guesses_at_once_is_not_let_in_with_all_of_them() {
    let bench = where_three_guesses_are_free(6).from("10.0.0.1");
    let wrong = bench.saying("authorization", "Basic YWxpY2U6d3Jvbmc=");
    let guesses = (0..100).map(|_| wrong.get("/v2/"));
    let statuses = futures_util::future::join_all(guesses).await;
    let judged = statuses.iter().filter(|answer| answer.status == 401).count();
    // As many as are judged side by side may come on top.
    assert!((3..=5).contains(&judged), "{judged} of 100 guesses were judged");
    assert!(statuses.iter().all(|answer| [401, 429].contains(&answer.status)));
}

#[tokio::test]
async fn an_upload_takes_the_room_of_its_bytes_however_small_its_pieces() {
    let options = Options { upload_bytes: 64 << 10, uploads_bytes: 1, ..Options::default() };
    let bench = Bench::with(Access::Open, options);
    let team = bench.team(SnapshotBy::Server).await;
    let files = SnapshotBy::Server.roles(&FILES).iter();
    let body = form(&files.map(|role| (*role, &*team.current[*role])).collect::<Vec<_>>());
    assert!(2 * body.len() > 4 << 10, "more pieces than there are blocks");
    let pieces = body.into_iter().map(|byte| Ok::<_, Infallible>(Frame::data(vec![byte].into())));
    let request = Request::post(format!("/v2/{}/_trust/tuf/", team.gun))
        .header("content-type", "multipart/form-data; boundary=0123456789abcdef")
        .body(StreamBody::new(futures_util::stream::iter(pieces)))
        .expect("a request");
    assert_eq!(bench.server.respond(request).await.status(), 200);
}

#[tokio::test]
async fn replay_upload() {
    let bench = Bench::new();
    let mut team = bench.uploaded_team(SnapshotBy::Server).await;
    let old = team.clone();
    team.tag("targets/releases", "v1", "mended").publish();
    assert_eq!(bench.upload(&team, &["targets/releases"]).await.status, 200);
    let replayed = bench.upload(&old, &["targets/releases"]).await;
    assert_eq!((replayed.status, replayed.code().as_str()), (400, "VERSION"));
    let again = bench.upload(&team, &["targets/releases"]).await;
    assert_eq!((again.status, again.code().as_str()), (400, "VERSION"), "nor the current one");
    let served = bench.file(team.gun.as_str(), "targets/releases.json").await.body;
    assert_eq!(served, team.current["targets/releases"]);
}

#[tokio::test]
async fn version_jump_refused() {
    for (version, status) in
        [(1_000, 200), (1_001, 400), (1_000_001, 400), (2_147_483_646, 400), (2_147_483_647, 400)]
    {
        let bench = Bench::new();
        let mut team = bench.uploaded_team(SnapshotBy::Server).await;
        team.say("targets", |signed| signed["version"] = version.into()).publish();
        let answer = bench.upload(&team, &["targets"]).await;
        assert_eq!(answer.status, status, "{version}");
        let served = bench.file(team.gun.as_str(), "targets.json").await.json();
        let expected = if status == 200 { version + 1 } else { 1 };
        assert_eq!(served["signed"]["version"], expected, "{version}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sql_table() {
    let home = tempfile::tempdir().expect("a directory");
    let store = SqliteStore::open(&home.path().join("a.db")).await.expect("a database");
    let bench = Bench::on(Arc::new(store), 7, Access::Open, Options::default());
    let names = ["a/x", "A/x", "a/x'--", "a/x_", "a/xy", "a/';DROP-TABLE-tuf_files;--"];
    for name in names {
        founded(&bench, name).await;
    }
    let mut roots = std::collections::BTreeSet::new();
    for name in names {
        roots.insert(Sha256::of(&bench.file(name, "root.json").await.body).to_string());
    }
    assert_eq!(roots.len(), names.len(), "each name has its own collection");
    let long = format!("a/{}", "x".repeat(1 << 20));
    for hostile in ["a/x%20", "a/x%00", "a/%", "a/X", "a/x/", "a", "a/'OR'1'='1", &long] {
        let path = format!("/v2/{hostile}/_trust/tuf/root.json");
        // What is not even an address never arrives.
        if path.len() < 60_000 {
            assert_eq!(bench.get(&path).await.status, 404, "{hostile:.40}");
        }
    }
    for role in ["root'--", "targets/x'", "targets/%25", "targets/_", "TARGETS"] {
        assert_eq!(bench.file("a/x", &format!("{role}.json")).await.status, 404, "{role}");
    }
    let of = |gun: &str| format!("/v2/{gun}/_trust/changefeed?records=100");
    assert_eq!(bench.get(&of("a/x_")).await.json()["count"], 1, "`_` is a letter");
    assert_eq!(bench.ask("DELETE", "/v2/a/x_/_trust/tuf/", Vec::new()).await.status, 200);
    assert_eq!(bench.file("a/xy", "root.json").await.status, 200);
    assert_eq!(bench.file("a/x_", "root.json").await.status, 404);
}

#[tokio::test]
async fn the_log_says_who_published_what_with_which_keys() {
    let bench = Bench::new().from("192.0.2.7");
    let team = bench.uploaded_team(SnapshotBy::Server).await;
    let log = bench.log.lock().expect("a log").clone();
    let published = log.iter().find(|line| line.contains("\"published\"")).expect("a line");
    let said: Value = serde_json::from_str(published).expect("JSON");
    assert_eq!((&said["gun"], &said["from"]), (&team.gun.as_str().into(), &"192.0.2.7".into()));
    let files = said["files"].as_array().expect("files");
    assert_eq!(files.len(), 7, "{said}");
    for file in files {
        let role = file["role"].as_str().expect("a role");
        let served = bench.file(team.gun.as_str(), &format!("{role}.json")).await.body;
        assert_eq!(file["sha256"], Sha256::of(&served).to_string(), "{role}");
        assert_eq!(file["version"], 1, "{role}");
        let signed_by: Option<Vec<String>> = match role {
            "snapshot" | "timestamp" => None,
            role => Some(team.keys(role).iter().map(|key| key.id()).collect()),
        };
        assert_eq!(file["keys"], serde_json::json!(signed_by), "{role}: who really signed");
    }
}

#[tokio::test]
async fn a_signature_that_is_none_is_not_held_against_anybody_in_the_log() {
    let bench = Bench::new();
    let mut team = bench.uploaded_team(SnapshotBy::Server).await;
    let framed = team.keys("targets")[0].id();
    let forging = framed.clone();
    team.spoil("targets/releases", move |file| {
        let mut forged = file.signatures[0].clone();
        forged["keyid"] = forging.as_str().into();
        file.signatures.push(forged);
    });
    team.touch("targets/releases").publish();
    let answer = bench.upload(&team, &["targets/releases"]).await;
    let log = bench.log.lock().expect("a log").clone();
    let published: Vec<_> = log.iter().filter(|line| line.contains("\"published\"")).collect();
    assert_eq!(answer.status == 200, published.len() == 2);
    for line in published.iter().skip(1) {
        assert!(!line.contains(&framed), "{line}");
    }
}

#[tokio::test]
async fn health_truthful() {
    let bench = Bench::on(
        Arc::new(super::failing::Failing::default()),
        7,
        Access::Open,
        Options::default(),
    );
    for path in ["/_notary_server/health", "/_notary_server/ready"] {
        let healthy = Bench::new().get(path).await;
        assert_eq!((healthy.status, healthy.body.as_slice()), (200, b"{}".as_slice()));
        let ill = bench.get(path).await;
        assert_eq!((ill.status, ill.header("cache-control")), (503, Some("no-store")), "{path}");
    }
    let bench = Bench::new();
    bench.server.drain();
    assert_eq!(bench.get("/_notary_server/health").await.status, 200, "it works to its end");
    assert_eq!(bench.get("/_notary_server/ready").await.status, 503);
    assert_eq!(bench.get("/v2/").await.status, 200);
}

#[tokio::test]
async fn metrics_say_until_when_roles_are_valid() {
    let bench = Bench::new();
    let metrics = async || String::from_utf8(bench.get("/metrics").await.body).expect("text");
    assert!(!metrics().await.contains("countersign_collections"), "nothing was counted yet");
    bench.uploaded_team(SnapshotBy::Server).await;
    founded(&bench, "team/other").await;
    bench.server.count_expiries().await.expect("counted");
    bench.set_clock(after_hours(24));
    let text = metrics().await;
    for line in [
        "countersign_collections 2",
        "countersign_unreadable_collections 0",
        "countersign_expiry_count_age_seconds 86400",
        "countersign_first_expiry_seconds{role=\"timestamp\"} 1123200",
        "countersign_expiring_files{role=\"timestamp\",days=\"7\"} 0",
        "countersign_expiring_files{role=\"timestamp\",days=\"30\"} 2",
        "countersign_expiring_files{role=\"delegation\",days=\"90\"} 0",
    ] {
        assert!(text.contains(&format!("{line}\n")), "{line}: {text}");
    }
    assert!(!text.contains("team"), "no names: {text}");
    bench.set_clock(after_hours(24 * 400));
    let text = metrics().await;
    assert!(
        text.contains("countersign_expiring_files{role=\"timestamp\",days=\"0\"} 2\n"),
        "{text}"
    );
}
