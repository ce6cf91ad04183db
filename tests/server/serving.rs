//! What readers get.

use countersign::crypto::Sha256;
use countersign::server::{Access, Options};

use super::bench::{Bench, FILES, SnapshotBy};
use super::repository::Client;

#[tokio::test]
async fn what_was_uploaded_is_served_and_verifies() {
    for snapshot in [SnapshotBy::Publisher, SnapshotBy::Server] {
        let bench = Bench::new();
        let team = bench.uploaded_team(snapshot).await;
        for role in snapshot.roles(&FILES) {
            let served = bench.file(team.gun.as_str(), &format!("{role}.json")).await;
            assert_eq!(served.body, team.current[*role], "{role}: the very bytes");
        }
        let client = Client::of(team.gun.as_str());
        client.refresh(&bench.shown(&team).await).expect("a client is content");
    }
}

#[tokio::test]
async fn a_publication_is_seen_at_once() {
    let bench = Bench::new();
    let mut team = bench.uploaded_team(SnapshotBy::Server).await;
    let client = Client::of(team.gun.as_str());
    for round in 0..5 {
        let before = bench.file(team.gun.as_str(), "timestamp.json").await.body;
        team.tag("targets/releases", "v2", &format!("image {round}")).publish();
        assert_eq!(bench.upload(&team, &["targets/releases"]).await.status, 200);
        let after = bench.file(team.gun.as_str(), "timestamp.json").await.body;
        assert_ne!(before, after);
        client.refresh(&bench.shown(&team).await).expect("a client is content");
    }
}

#[tokio::test]
async fn timestamp_hashes_stored_bytes() {
    let bench = Bench::new();
    let mut team = bench.team(SnapshotBy::Server).await;
    team.spoil("targets", |file| file.rewrite(|text| text.replace("\":", "\" : ") + "\n"))
        .publish();
    let answer = bench.upload(&team, SnapshotBy::Server.roles(&FILES)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let client = Client::of(team.gun.as_str());
    client.refresh(&bench.shown(&team).await).expect("hashes are of what is served");
}

#[tokio::test]
async fn files_are_found_by_role_hash_and_version_in_their_own_collection() {
    let bench = Bench::new();
    let team = bench.uploaded_team(SnapshotBy::Server).await;
    let gun = team.gun.as_str();
    let hash = Sha256::of(&team.current["targets"]).to_string();
    for (file, status) in [
        ("1.root.json", 200),
        ("2.root.json", 404),
        ("01.root.json", 404),
        (&format!("targets.{hash}.json"), 200),
        (&format!("root.{hash}.json"), 404),
        (&format!("targets.{}.json", hash.to_uppercase()), 404),
        ("targets/nobody.json", 404),
        ("root.key", 404),
        ("other.json", 404),
    ] {
        let answer = bench.file(gun, file).await;
        assert_eq!(answer.status, status, "{file}");
        if status == 404 {
            assert_eq!(answer.code(), "METADATA_NOT_FOUND");
        }
    }
    let other = bench.file("registry.test/team", &format!("targets.{hash}.json")).await;
    assert_eq!(other.status, 404);
}

#[tokio::test]
async fn cache_headers() {
    let bench = Bench::new();
    let team = bench.uploaded_team(SnapshotBy::Server).await;
    let gun = team.gun.as_str();
    let kept = "public, max-age=300, s-maxage=300, must-revalidate";
    let for_ever = "public, max-age=2592000, s-maxage=2592000, immutable";
    let named = format!("targets.{}.json", Sha256::of(&team.current["targets"]));
    for (file, expected) in [
        ("timestamp.json", "no-store"),
        ("root.json", "no-store"),
        ("targets.json", kept),
        ("snapshot.json", kept),
        ("1.root.json", for_ever),
        (named.as_str(), for_ever),
        ("2.root.json", "no-store"),
    ] {
        let answer = bench.file(gun, file).await;
        assert_eq!(answer.header("cache-control"), Some(expected), "{file}");
    }
}

#[tokio::test]
async fn conditional_requests_spare_the_body() {
    let bench = Bench::new();
    let team = bench.uploaded_team(SnapshotBy::Server).await;
    let gun = team.gun.as_str();
    let first = bench.file(gun, "timestamp.json").await;
    let (tag, date) = (first.header("etag").expect("a tag"), first.header("last-modified"));
    assert_eq!(date, Some("Sun, 01 Mar 2026 12:00:00 GMT"));
    for (name, value, status) in [
        ("if-none-match", tag, 304),
        ("if-none-match", &format!("\"x\", W/{tag}"), 304),
        ("if-none-match", "*", 304),
        ("if-none-match", "\"x\"", 200),
        ("if-modified-since", "Sun, 01 Mar 2026 12:00:00 GMT", 200),
        ("if-modified-since", "Sun, 01 Mar 2036 12:00:00 GMT", 200),
    ] {
        let answer = bench.saying(name, value).file(gun, "timestamp.json").await;
        assert_eq!(answer.status, status, "{name}: {value}");
        assert_eq!(answer.body.is_empty(), status == 304);
    }
    let named = format!("timestamp.{}.json", tag.trim_matches('"'));
    for (value, status) in [
        ("Sun, 01 Mar 2026 12:00:00 GMT", 304),
        ("Sun, 01 Mar 2026 11:59:59 GMT", 200),
        ("yesterday", 200),
    ] {
        let answer = bench.saying("if-modified-since", value).file(gun, &named).await;
        assert_eq!(answer.status, status, "{value}");
    }
    let head = bench.ask("HEAD", &format!("/v2/{gun}/_trust/tuf/timestamp.json"), Vec::new()).await;
    assert_eq!((head.status, head.header("etag")), (200, Some(tag)));
}

#[tokio::test]
async fn two_publications_in_one_second_are_two_for_who_asks_by_date() {
    let bench = Bench::new();
    let mut team = bench.uploaded_team(SnapshotBy::Server).await;
    let gun = team.gun.to_string();
    let first = bench.file(&gun, "targets.json").await;
    team.tag("targets", "v9", "new").publish();
    assert_eq!(bench.upload(&team, &["targets"]).await.status, 200);
    let since = first.header("last-modified").expect("a date");
    let second = bench.saying("if-modified-since", since).file(&gun, "targets.json").await;
    assert_eq!((second.status, second.header("last-modified")), (200, Some(since)));
    assert_ne!(second.body, first.body);
}

#[tokio::test]
async fn errors_are_notarys_byte_for_byte() {
    let bench = Bench::new();
    let text = |answer: &super::bench::Answer| String::from_utf8_lossy(&answer.body).into_owned();
    let not_there = r#"{"errors":[{"code":"METADATA_NOT_FOUND","message":"You have requested metadata that does not exist."#;
    assert_eq!(text(&bench.get("/v2").await), format!("{not_there}\"}}]}}\n"));
    let none = bench.file("a/b", "root.json").await;
    assert_eq!(text(&none), format!("{not_there}\",\"detail\":{{}}}}]}}\n"));
    let unsigned = bench.post("a/b", &[]).await;
    assert_eq!(
        text(&unsigned),
        "{\"errors\":[{\"code\":\"INVALID_UPDATE\",\"message\":\"Update sent by the client is invalid.\",\
         \"detail\":{\"Name\":\"ErrValidation\",\"Error\":{\"Msg\":\
         \"no pre-existing root and no root provided in update.\"}}}]}\n"
    );
    let guarded = super::access::Issuer::new().bench().file("a/b", "timestamp.key").await;
    assert_eq!(
        text(&guarded),
        "{\"errors\":[{\"code\":\"UNAUTHORIZED\",\"message\":\"authentication required\",\"detail\":[\
         {\"Type\":\"repository\",\"Class\":\"\",\"Name\":\"a/b\",\"Action\":\"push\"},\
         {\"Type\":\"repository\",\"Class\":\"\",\"Name\":\"a/b\",\"Action\":\"pull\"}]}]}\n"
    );
}

#[tokio::test]
async fn a_request_has_one_host() {
    let one = Bench::new().saying("host", "trust.example.com");
    assert_eq!(one.get("/v2/").await.status, 200);
    let two = one.saying("host", "other.example.com").get("/v2/").await;
    assert_eq!((two.status, two.code().as_str()), (400, "INVALID_PARAMETERS"));
}

#[tokio::test]
async fn other_paths_and_methods_are_answered_as_notary_does() {
    let bench = Bench::new();
    let ping = bench.get("/v2/").await;
    assert_eq!((ping.status, ping.body.as_slice()), (200, b"{}".as_slice()));
    for path in ["/x", "/v2", "/v2/x", "/v2/a/_trust/tuf/", "/v2/a/_trust/tuf/root.key"] {
        let answer = bench.get(path).await;
        assert_eq!((answer.status, answer.code().as_str()), (404, "METADATA_NOT_FOUND"), "{path}");
    }
    let patch = bench.ask("PATCH", "/v2/", Vec::new()).await;
    assert_eq!((patch.status, patch.body.as_slice()), (405, b"".as_slice()));
    let health = bench.get("/_notary_server/health").await;
    assert_eq!((health.status, health.body.as_slice()), (200, b"{}".as_slice()));
}

#[tokio::test]
async fn metrics_count_requests_and_name_no_collection() {
    let bench = Bench::new();
    let team = bench.uploaded_team(SnapshotBy::Server).await;
    bench.file(team.gun.as_str(), "timestamp.json").await;
    let text = String::from_utf8(bench.get("/metrics").await.body).expect("text");
    assert!(
        text.contains("notary_server_http_requests_total{operation=\"GetRole\",code=\"2xx\"} 1\n"),
        "{text}"
    );
    assert!(text.contains("countersign_publications_total 1\n"), "{text}");
    assert!(!text.contains("team"), "{text}");
}

#[tokio::test]
async fn changefeed_lists_updates_and_deletions() {
    let bench = Bench::new();
    let team = bench.uploaded_team(SnapshotBy::Server).await;
    let gun = team.gun.as_str();
    let timestamp = bench.file(gun, "timestamp.json").await.body;
    bench.ask("DELETE", &format!("/v2/{gun}/_trust/tuf/"), Vec::new()).await;
    let feed = bench.get("/v2/_trust/changefeed?records=10").await.json();
    assert_eq!(feed["count"], 2);
    let first = &feed["records"][0];
    assert_eq!((first["GUN"].as_str(), first["Category"].as_str()), (Some(gun), Some("update")));
    assert_eq!(first["SHA256"], Sha256::of(&timestamp).to_string());
    assert_eq!(first["CreatedAt"], "2026-03-01T12:00:00Z");
    assert_eq!(feed["records"][1]["Category"], "deletion");
    let own = bench.get(&format!("/v2/{gun}/_trust/changefeed?records=-1")).await.json();
    assert_eq!((&own["count"], &own["records"][0]["ID"]), (&1.into(), &feed["records"][1]["ID"]));
    let empty = bench.get("/v2/other/_trust/changefeed?records=5").await.json();
    assert_eq!(empty, serde_json::json!({"count": 0, "records": []}));
    let bad = bench.get("/v2/_trust/changefeed").await;
    assert_eq!((bad.status, bad.code().as_str()), (400, "INVALID_PARAMETERS"));
}

#[tokio::test]
async fn only_collections_with_the_right_beginning_are_served() {
    let gun_prefixes = vec!["registry.test/team/".to_owned()];
    let bench = Bench::with(Access::Open, Options { gun_prefixes, ..Options::default() });
    bench.uploaded_team(SnapshotBy::Server).await;
    let other = bench.post("registry.test/teams", &[]).await;
    assert_eq!((other.status, other.code().as_str()), (400, "INVALID_GUN"));
    assert_eq!(
        other.json()["errors"][0]["detail"],
        "Require GUNs with prefix: [registry.test/team/]"
    );
    assert_eq!(bench.file("registry.test/x", "timestamp.key").await.status, 404);
}

#[tokio::test]
async fn delete_recreate_is_not_silent() {
    let bench = Bench::new();
    let team = bench.uploaded_team(SnapshotBy::Server).await;
    let gun = team.gun.as_str();
    let client = Client::of(gun);
    client.refresh(&bench.shown(&team).await).expect("honest");
    let deletion = bench.ask("DELETE", &format!("/v2/{gun}/_trust/tuf/"), Vec::new()).await;
    assert_eq!((deletion.status, deletion.body.as_slice()), (200, b"".as_slice()));
    assert_eq!(bench.file(gun, "timestamp.json").await.status, 404);
    assert_eq!(bench.file(gun, "1.root.json").await.status, 404);
    let again = bench.uploaded_team(SnapshotBy::Server).await;
    let timestamp = bench.file(gun, "timestamp.json").await.json();
    assert_eq!(timestamp["signed"]["version"], 2, "above what was served before");
    client.refresh(&bench.shown(&again).await).expect_err("another root");
    Client::of(gun).refresh(&bench.shown(&again).await).expect("for who never saw the old one");
}
