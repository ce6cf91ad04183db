//! What a client would refuse, and what breaks the history of a collection, is a 400 and changes
//! nothing.

use serde_json::json;

use super::bench::{Bench, FILES, SnapshotBy};
use super::repository::{File, Repository, TestKey, after_hours};

/// An attack: whose upload it is, what it does, and how it is refused.
type Row = (&'static str, &'static [&'static str], &'static str, fn(&mut Repository));

#[tokio::test]
async fn every_client_refusal_is_a_server_400() {
    refuses(ATTACKS).await;
}

/// A server that stored such a file would sign a timestamp that never fits it (TUF-01-001).
#[tokio::test]
async fn unsigned_sibling_field_upload() {
    refuses(UNSIGNED_SIBLINGS).await;
}

async fn refuses(attacks: &[Row]) {
    for (name, roles, expected, spoil) in attacks {
        let bench = Bench::new();
        let honest = bench.uploaded_team(SnapshotBy::Publisher).await;
        let before = bench.file(honest.gun.as_str(), "timestamp.json").await.body;
        let mut evil = honest.clone();
        spoil(&mut evil);
        evil.publish();
        let answer = bench.upload(&evil, roles).await;
        let told = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, 400, "{name}: {told}");
        let code = answer.code();
        let (verdict, message) = answer.verdict();
        let found = if code == "INVALID_UPDATE" { verdict } else { code };
        assert_eq!(found, *expected, "{name}: {told}");
        assert!(!found.starts_with("Err") || !message.is_empty(), "{name}");
        let after = bench.file(honest.gun.as_str(), "timestamp.json").await.body;
        assert_eq!(before, after, "{name}: nothing may change");
        for role in FILES {
            let served = bench.file(honest.gun.as_str(), &format!("{role}.json")).await.body;
            assert_eq!(served, honest.current[role], "{name}: {role}");
        }
    }
}

const T: &[&str] = &["targets", "snapshot"];
const D: &[&str] = &["targets/releases", "snapshot"];
const R: &[&str] = &["root", "snapshot"];

#[rustfmt::skip]
const ATTACKS: &[Row] = &[
    // Signatures and keys.
    ("no signature", T, "ErrBadTargets", |it| { it.spoil("targets", |file| file.signatures.clear()); }),
    ("another key", T, "ErrBadTargets", |it| { it.spoil("targets", |file| file.sign_with(&[TestKey::p256()])); }),
    ("changed after signing", T, "ErrBadTargets", |it| { it.spoil("targets", |file| file.signed["targets"]["x"] = json!({"hashes": {"sha256": "WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQgoai6Eb2vgM="}, "length": 1})); }),
    ("delegate without signature", D, "ErrBadTargets", |it| { it.spoil("targets/releases", |file| file.signatures.clear()); }),
    ("threshold of two, one key", T, "ErrBadTargets", |it| { it.declare("targets/bob", 2, &[TestKey::p256()], &[""]); it.spoil("targets", |file| file.sign_with(&[])); }),
    ("snapshot by another key", T, "ErrBadSnapshot", |it| { it.touch("targets"); it.spoil("snapshot", |file| file.sign_with(&[TestKey::p256()])); }),
    ("private key published", T, "ErrBadTargets", |it| { it.spoil("targets", |file| file.change(|signed| { let keys = signed["delegations"]["keys"].as_object_mut().expect("keys"); for key in keys.values_mut() { key["keyval"]["private"] = json!("AAAA"); } })); }),
    ("key under another id", T, "ErrBadTargets", |it| { it.spoil("targets", |file| file.change(|signed| { signed["delegations"]["keys"]["00".repeat(32)] = TestKey::p256().object(); })); }),
    // Dates, types, versions.
    ("expired", T, "ErrBadTargets", |it| { it.say("targets", |signed| signed["expires"] = json!(after_hours(-1).to_string())); }),
    ("expired delegate", D, "ErrBadTargets", |it| { it.say("targets/releases", |signed| signed["expires"] = json!(after_hours(-1).to_string())); }),
    ("expired snapshot", T, "ErrBadSnapshot", |it| { it.touch("targets"); it.say("snapshot", |signed| signed["expires"] = json!(after_hours(-1).to_string())); }),
    ("another type", T, "ErrBadTargets", |it| { it.say("targets", |signed| signed["_type"] = json!("Snapshot")); }),
    ("the same version again", T, "VERSION", |it| { it.touch("targets"); it.say("targets", |signed| signed["version"] = json!(0)); }),
    ("the same snapshot version again", T, "VERSION", |it| { it.touch("targets"); it.say("snapshot", |signed| signed["version"] = json!(0)); }),
    ("a jump", T, "ErrValidation", |it| { it.say("targets", |signed| signed["version"] = json!(1_001)); }),
    ("the last version of 32 bits", T, "ErrValidation", |it| { it.say("targets", |signed| signed["version"] = json!(2_147_483_646_u32)); }),
    // Lists.
    ("snapshot lists another targets", T, "ErrBadSnapshot", |it| { it.touch("targets"); it.spoil("snapshot", |file| file.change(|signed| signed["meta"]["targets"]["length"] = json!(1))); }),
    ("snapshot lists what is not there", T, "ErrBadSnapshot", |it| { it.touch("targets"); it.spoil("snapshot", |file| file.change(|signed| { let entry = signed["meta"]["targets"].clone(); signed["meta"]["targets/bob"] = entry; })); }),
    ("snapshot lists a stored file otherwise", T, "ErrBadSnapshot", |it| { it.touch("targets"); it.spoil("snapshot", |file| file.change(|signed| { let entry = signed["meta"]["targets"].clone(); signed["meta"]["targets/alice"] = entry; })); }),
    ("snapshot leaves out what was sent", D, "ErrBadSnapshot", |it| { it.touch("targets/releases"); it.spoil("snapshot", |file| file.change(|signed| { signed["meta"].as_object_mut().expect("meta").remove("targets/releases"); })); }),
    ("snapshot drops a delegated role", T, "ErrBadTargets", |it| { it.touch("targets"); it.spoil("snapshot", |file| file.change(|signed| { signed["meta"].as_object_mut().expect("meta").remove("targets/alice"); })); }),
    // Delegations.
    ("a role that nobody delegates to", &["targets", "targets/bob", "snapshot"], "ErrBadTargets", |it| { it.delegate("targets/bob", 1, &[TestKey::p256()], &[""]); it.say("targets", |signed| { let roles = signed["delegations"]["roles"].as_array_mut().expect("roles"); roles.retain(|role| role["name"] != "targets/bob"); }); }),
    ("delegation to no child", T, "ErrBadTargets", |it| { it.say("targets", |signed| signed["delegations"]["roles"][0]["name"] = json!("targets/a/b")); }),
    ("delegation to root", T, "ErrBadTargets", |it| { it.say("targets", |signed| signed["delegations"]["roles"][0]["name"] = json!("root")); }),
    // The root.
    ("root skips a version", R, "ErrBadRoot", |it| { it.say("root", |signed| signed["version"] = json!(2)); }),
    ("root of the same version", R, "VERSION", |it| { it.say("root", |signed| signed["version"] = json!(0)); }),
    ("root without the old key", R, "ErrBadRoot", |it| { it.rotate("root"); it.spoil("root", |file| { file.signatures.truncate(1); }); }),
    ("root without its own key", R, "ErrBadRoot", |it| { it.rotate("root"); it.spoil("root", |file| { file.signatures.remove(0); }); }),
    ("expired root", R, "ErrBadRoot", |it| { it.say("root", |signed| signed["expires"] = json!(after_hours(-1).to_string())); }),
    ("root certificate of another collection", R, "ErrBadRoot", |it| { it.grant("root", 1, &[TestKey::certified("registry.test/other")]); }),
    ("root takes targets' key away", R, "ErrBadTargets", |it| { let key = TestKey::p256(); it.say("root", |root| { root["keys"][key.id()] = key.object(); root["roles"]["targets"]["keyids"] = json!([key.id()]); }); }),
    ("timestamp key that the server has not", R, "ErrBadRoot", |it| { it.rotate("timestamp"); }),
    // JSON.
    ("not JSON", T, "MALFORMED_JSON", |it| { it.spoil("targets", |file| file.rewrite(|_| "{".into())); }),
    ("duplicate member", T, "MALFORMED_JSON", |it| { it.spoil("targets", |file| file.rewrite(|text| text.replacen("\"version\":2", "\"version\":2,\"version\":2", 1))); }),
    ("fraction", T, "MALFORMED_JSON", |it| { it.spoil("targets", |file| file.rewrite(|text| text.replacen("\"version\":2", "\"version\":2.0", 1))); }),
    ("trailing data", T, "MALFORMED_JSON", |it| { it.spoil("targets", |file| file.rewrite(|text| text + "{}")); }),
    ("field in other case", T, "ErrBadTargets", |it| { it.spoil("targets", |file| file.change(|signed| signed["Version"] = json!(9))); }),
];

#[rustfmt::skip]
const UNSIGNED_SIBLINGS: &[Row] = &[
    ("beside the signatures of targets", T, "ErrBadTargets", |it| { it.spoil("targets", unsigned_sibling); }),
    ("beside those of a snapshot", T, "ErrBadSnapshot", |it| { it.touch("targets"); it.spoil("snapshot", unsigned_sibling); }),
    ("in a signature", T, "ErrBadTargets", |it| { it.spoil("targets", |file| file.signatures[0]["abc"] = json!("xyz")); }),
];

fn unsigned_sibling(file: &mut File) {
    file.rewrite(|text| text.replacen('{', "{\"abc\":\"xyz\",", 1));
}

#[tokio::test]
async fn a_beginning_must_be_whole() {
    let bench = Bench::new();
    let team = bench.team(SnapshotBy::Publisher).await;
    for (roles, expected) in [
        (&["targets", "snapshot"][..], "no pre-existing root and no root provided in update."),
        (&["root"], "targets must be loaded first"),
        (&["root", "snapshot"], "neither sent nor is it stored"),
        (
            &["root", "targets"],
            "no snapshot was included in update and server does not hold current snapshot key for repository",
        ),
        (&[], "no pre-existing root"),
    ] {
        let answer = bench.upload(&team, roles).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "INVALID_UPDATE"), "{roles:?}");
        let (name, message) = answer.verdict();
        assert!(message.contains(expected), "{roles:?}: {name}: {message}");
        assert_eq!(name == "ErrBadHierarchy", roles == ["root", "targets"]);
        assert_eq!(bench.file(team.gun.as_str(), "root.json").await.status, 404);
    }
    let missing = bench.upload(&team, &["root", "targets"]).await.json();
    assert_eq!(missing["errors"][0]["detail"]["Error"]["Missing"], "snapshot");
}

#[tokio::test]
async fn a_first_root_is_version_one_or_two() {
    for (version, status) in [(1, 200), (2, 200), (3, 400)] {
        let bench = Bench::new();
        let mut team = bench.team(SnapshotBy::Server).await;
        team.say("root", |root| root["version"] = json!(version - 1)).publish();
        let answer = bench.upload(&team, SnapshotBy::Server.roles(&FILES)).await;
        assert_eq!(answer.status, status, "{version}");
        if status == 400 {
            let (name, message) = answer.verdict();
            assert_eq!(name, "ErrBadRoot");
            assert_eq!(message, "Root modifications must increment the version. Current 1, new 3");
        }
    }
}

#[tokio::test]
async fn an_upload_of_another_form_is_refused() {
    let bench = Bench::new();
    let team = bench.uploaded_team(SnapshotBy::Server).await;
    let gun = team.gun.as_str();
    let typed = bench.saying("content-type", "application/json");
    let answer = typed.ask("POST", &format!("/v2/{gun}/_trust/tuf/"), b"{}".to_vec()).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "MALFORMED_UPLOAD"));
    for (name, code) in
        [("", "NO_FILENAME"), ("targets/../root", "INVALID_ROLE"), ("x", "INVALID_ROLE")]
    {
        let answer = bench.post(gun, &[(name, b"{}")]).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, code), "{name}");
    }
    let answer = bench.post(gun, &[("timestamp", b"{}")]).await;
    assert_eq!(answer.status, 400, "a timestamp is read before it is ignored");
    let answer = bench.post(gun, &[]).await;
    assert_eq!(answer.status, 200, "an empty upload renews what the server signs");
    let huge = vec![b'x'; 33 << 20];
    let answer = bench.post(gun, &[("targets", &huge)]).await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "MALFORMED_UPLOAD"));
}

#[tokio::test]
async fn a_cut_upload_stores_nothing() {
    let bench = Bench::new();
    let team = bench.team(SnapshotBy::Server).await;
    let files: Vec<(&str, &[u8])> =
        ["root", "targets"].map(|role| (role, team.current[role].as_slice())).to_vec();
    let body = super::bench::form(&files);
    let path = format!("/v2/{}/_trust/tuf/", team.gun);
    let typed = bench.saying("content-type", "multipart/form-data; boundary=0123456789abcdef");
    for length in (0..body.len() - 2).step_by(97).chain(body.len() - 30..body.len() - 2) {
        let answer = typed.ask("POST", &path, body[..length].to_vec()).await;
        assert_eq!(answer.status, 400, "{length}");
        assert_eq!(bench.file(team.gun.as_str(), "root.json").await.status, 404);
    }
}
