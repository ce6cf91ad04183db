//! The page for people: what a reader sees, and what he does not.

use std::sync::Arc;

use countersign::crypto::Sha256;
use countersign::server::{Access, Options, Passwords, Readers};

use super::access::Issuer;
use super::bench::{Answer, Bench, SnapshotBy};
use super::failing::Failing;
use super::repository::{Repository, TestKey};

#[tokio::test]
async fn the_page_tells_tags_signers_keys_and_history() {
    let bench = Bench::new();
    let mut team = bench.uploaded_team(SnapshotBy::Server).await;
    team.tag("targets/alice", "v9-waiting", "v9").publish();
    assert_eq!(bench.upload(&team, &["targets/alice"]).await.status, 200);
    let index = text(&bench.get("/").await);
    assert!(index.contains("<a href=\"/?repository=registry.test%2Fteam%2Fapp\">"), "{index}");
    let page = text(&bench.get("/?repository=registry.test%2Fteam%2Fapp").await);
    for expected in [
        "<h1>registry.test/team/app</h1>",
        "2 signed tags",
        "<bdi>v1</bdi></th>",
        &Sha256::of(b"v1").to_string(),
        "</code></td><td>alice</td>",
        "<span class=\"quiet\">repository key</span>",
        "<bdi>v9-waiting</bdi> <span class=\"mark\">not released</span>",
        "targets/alice/ci</th><td>ci-…</td>",
        "every tag",
        "<span><time datetime=\"2026-03-15T",
        ">in 14 days</time>",
        "timestamp 2</td>",
        "timestamp 1</td>",
    ] {
        assert!(page.contains(expected), "{expected}: {page}");
    }
    for key in ["root", "targets", "snapshot", "timestamp", "targets/alice"] {
        let id = team.keys(key)[0].id();
        assert!(page.contains(&id), "the key of {key}");
    }
    bench.ask("DELETE", "/v2/registry.test/team/app/_trust/tuf/", Vec::new()).await;
    assert_eq!(bench.get("/?repository=registry.test/team/app").await.status, 404);
    assert!(text(&bench.get("/").await).contains("No repository has trust data here yet"));
}

/// The snapshot goes on listing the file of a signer that was removed, as its server has it still.
#[tokio::test]
async fn nobody_is_told_to_have_signed_who_is_a_signer_no_more() {
    let bench = Bench::new();
    let mut team = bench.uploaded_team(SnapshotBy::Server).await;
    let path = "/?repository=registry.test%2Fteam%2Fapp";
    assert!(text(&bench.get(path).await).contains("</code></td><td>alice</td>"), "the honest twin");
    team.undelegate("targets/alice").publish();
    assert_eq!(bench.upload(&team, &["targets"]).await.status, 200);
    let page = text(&bench.get(path).await);
    assert!(!page.contains("alice"), "{page}");
    assert!(page.contains("2 signed tags"), "{page}");
}

#[tokio::test]
async fn a_role_that_clients_refuse_is_shown_as_such() {
    let bench = Bench::new();
    let mut team = bench.uploaded_team(SnapshotBy::Server).await;
    team.declare("targets/releases", 1, &[TestKey::p256()], &[""]).publish();
    assert_eq!(bench.upload(&team, &["targets"]).await.status, 200);
    let page = text(&bench.get("/?repository=registry.test%2Fteam%2Fapp").await);
    assert!(page.contains("so clients refuse every tag"), "{page}");
    assert!(page.contains("targets/releases</th><td>every tag</td>"), "{page}");
    assert!(page.contains("not signed by its keys</span></td>"), "{page}");
}

#[tokio::test]
async fn what_publishers_write_is_text_on_the_page() {
    let bench = Bench::new();
    let mut evil = bench.uploaded_team(SnapshotBy::Server).await;
    let tag = "<script>alert(1)</script>\"'&";
    evil.tag("targets/releases", tag, "x").publish();
    let answer = bench.upload(&evil, &["targets/releases"]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let gun = "registry.test%2Fteam%2Fapp";
    let search = "%3Cscript%3E%22%27";
    for path in [
        format!("/?repository={gun}"),
        format!("/?repository={gun}&tag={search}&from={search}"),
        format!("/?q={search}"),
        format!("/?repository={search}"),
    ] {
        let answer = bench.get(&path).await;
        let page = text(&answer);
        assert!(!page.contains("<script") && !page.contains('\u{202e}'), "{path}: {page}");
        let policy = answer.header("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'self';"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(!page.contains(" style=") && !page.contains("\" on"), "nothing inline: {page}");
    }
    let page = text(&bench.get(&format!("/?repository={gun}")).await);
    assert!(page.contains("<bdi>&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;</bdi>"));
}

#[tokio::test]
async fn nobody_sees_on_the_page_what_he_may_not_read() {
    let issuer = Issuer::new();
    let open = Bench::new();
    let one = founded(&open, "team/one").await;
    let other = founded(&open, "team/other").await;
    let bench = issuer.bench();
    for (name, repository) in [("team/one", &one), ("team/other", &other)] {
        let publisher = bench.bearing(&issuer.token(name, &["push", "pull"]));
        assert_eq!(publisher.upload(repository, &["root", "targets"]).await.status, 200);
    }
    let stranger = bench.get("/").await;
    assert_eq!(stranger.status, 401);
    let challenge = stranger.header("www-authenticate").expect("a challenge");
    assert!(challenge.starts_with("Bearer realm="), "{challenge}");
    assert!(text(&stranger).contains("<h1>You need to sign in</h1>"));
    assert!(!text(&stranger).contains("team/"));
    let reader = bench.bearing(&issuer.token("team/one", &["pull"]));
    let index = text(&reader.get("/").await);
    assert!(index.contains("team%2Fone") && !index.contains("other"), "{index}");
    assert_eq!(reader.get("/?repository=team/one").await.status, 200);
    let (hidden, missing) =
        (reader.get("/?repository=team/other").await, reader.get("/?repository=team/none").await);
    assert_eq!((hidden.status, &hidden.body), (404, &missing.body), "as if it were not there");
    let pusher = bench.bearing(&issuer.token("team/one", &["push"]));
    assert_eq!(pusher.get("/?repository=team/one").await.status, 404);
    let forged = bench.bearing("x.y.z").get("/").await;
    assert_eq!(forged.status, 401);
}

#[tokio::test]
async fn a_password_opens_the_page() {
    let hash = bcrypt::hash("right", 4).expect("a hash");
    for (readers, status) in [(Readers::Nobody, 401), (Readers::Anybody, 200)] {
        let passwords = Passwords::parse(&format!("alice:{hash}"), readers).expect("a file");
        let bench = Bench::with(Access::Passwords(passwords), Options::default());
        let stranger = bench.get("/").await;
        assert_eq!(stranger.status, status);
        if status == 401 {
            let challenge = stranger.header("www-authenticate").expect("a challenge");
            assert!(challenge.starts_with("Basic "), "browsers ask for a password: {challenge}");
        }
        let basic = |word: &str| bench.saying("authorization", &format!("Basic {word}"));
        assert_eq!(basic("YWxpY2U6cmlnaHQ=").get("/").await.status, 200);
        assert_eq!(basic("YWxpY2U6d3Jvbmc=").get("/").await.status, 401, "a wrong password");
    }
}

#[tokio::test]
async fn the_index_is_paged_and_searched() {
    let bench = Bench::new();
    for number in 0..30 {
        founded(&bench, &format!("team/{number:02}")).await;
    }
    let names = |page: &str| {
        let links = page.split("repository=team%2F").skip(1);
        links.map(|rest| rest[..2].to_owned()).collect::<Vec<_>>()
    };
    let first = text(&bench.get("/").await);
    assert_eq!(names(&first).len(), 25);
    assert!(
        first.contains("<a href=\"/?q=&amp;after=team%2F24\">More repositories</a>"),
        "{first}"
    );
    let second = text(&bench.get("/?q=&after=team%2F24").await);
    assert_eq!(names(&second), ["25", "26", "27", "28", "29"]);
    assert!(!second.contains("More repositories"));
    assert_eq!(names(&text(&bench.get("/?q=m/1").await)).len(), 10);
    assert!(text(&bench.get("/?q=nothing").await).contains("No repository has that in its name"));
}

#[tokio::test]
async fn tags_are_paged_and_searched_and_history_goes_back() {
    let bench = Bench::new();
    let mut many = founded(&bench, "team/many").await;
    for number in 0..250 {
        many.tag("targets", &format!("1.{number:03}"), "x");
    }
    many.publish();
    assert_eq!(bench.upload(&many, &["targets"]).await.status, 200);
    for round in 0..24 {
        many.tag("targets", "latest", &format!("{round}")).publish();
        assert_eq!(bench.upload(&many, &["targets"]).await.status, 200);
    }
    let rows = |page: &str| page.matches("<bdi>").count();
    let first = text(&bench.get("/?repository=team%2Fmany").await);
    assert_eq!(rows(&first), 100);
    assert!(first.contains("&amp;from=1.100#tags\">More tags"), "{first}");
    let last = text(&bench.get("/?repository=team/many&from=1.199").await);
    assert_eq!(rows(&last), 53, "also v1 and latest");
    assert_eq!(rows(&text(&bench.get("/?repository=team/many&tag=1.01").await)), 10);
    assert!(first.contains("timestamp 26<") && !first.contains("timestamp 6<"), "{first}");
    let before = first.split("&amp;before=").nth(1).expect("older ones").split('#').next();
    let path = format!("/?repository=team/many&before={}", before.expect("a number"));
    let older = text(&bench.get(&path).await);
    assert!(older.contains("timestamp 6<") && older.contains("timestamp 1<"), "{older}");
}

/// A collection with the tag `v1`, whose snapshots the server signs.
pub(crate) async fn founded(bench: &Bench, gun: &str) -> Repository {
    let mut new = Repository::bare(gun);
    for role in ["timestamp", "snapshot"] {
        new.grant(role, 1, &[bench.key(gun, role).await]);
    }
    new.tag("targets", "v1", gun).publish();
    let answer = bench.upload(&new, &["root", "targets"]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    new
}

pub(crate) fn text(answer: &Answer) -> String {
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    String::from_utf8(answer.body.clone()).expect("UTF-8")
}

#[tokio::test]
async fn however_many_ask_for_pages_few_are_made_at_once() {
    let store = Arc::new(Failing::default());
    let bench = Bench::on(store.clone(), 7, Access::Open, Options::default());
    let answers = futures_util::future::join_all((0..20).map(|_| bench.get("/"))).await;
    assert!(answers.iter().all(|answer| answer.status == 500), "each was made, or tried");
    let most = store.most.load(std::sync::atomic::Ordering::SeqCst);
    assert!((1..=2).contains(&most), "{most} at once");
}
