//! A release pipeline and a host, with the real programs: what `countersign` signs, docker and
//! notary take, and what was not signed is not pulled.

#[path = "support/registry.rs"]
mod registry;

use registry::{TestRegistry, assert_code, stderr, stdout, text};
use serde_json::Value;

#[test]
fn a_pipeline_signs_and_a_host_pulls_only_what_was_signed() {
    let servers = TestRegistry::start(&[]);
    let image = format!("{}/team/web", servers.registry());
    let (digest, _) = servers.seed("team/web:1", &[]);
    let signed = servers.countersign(&["sign", &format!("{image}:1")]);
    assert_code(&signed, 0);

    let verified = servers.countersign(&["verify", &format!("{image}:1")]);
    assert_code(&verified, 0);
    assert_eq!(stdout(&verified), format!("{image}@{digest}\n"));

    let pulled = servers.countersign(&["verify-pull", &format!("{image}:1")]);
    assert_code(&pulled, 0);
    assert!(stdout(&pulled).ends_with(&format!("{image}:1\n")), "{}", text(&pulled));
    let said = servers.run("docker", &["run", "--rm", "--network", "none", &format!("{image}:1")]);
    assert_eq!(said.trim(), "hello");

    servers.seed("team/web:1", &["--text", "evil"]);
    assert_code(&servers.countersign(&["verify-pull", &format!("{image}:1")]), 0);
    let said = servers.run("docker", &["run", "--rm", "--network", "none", &format!("{image}:1")]);
    assert_eq!(said.trim(), "hello", "the registry's tag was moved, the signed digest was pulled");

    servers.seed("team/web:2", &[]);
    let refused = servers.countersign(&["verify-pull", &format!("{image}:2")]);
    assert_code(&refused, 3);
    assert_eq!(stdout(&refused), "");

    for docker in ["/usr/bin/docker", "docker"] {
        let pull = servers
            .command(docker)
            .args(["pull", &format!("{image}:1")])
            .env("DOCKER_CONTENT_TRUST", "1")
            .output()
            .expect("docker runs");
        assert!(pull.status.success(), "{docker}: {}", text(&pull));
        assert!(stdout(&pull).contains(&digest), "{docker}: {}", text(&pull));
    }
}

#[test]
fn several_tags_are_published_at_once_and_every_reference_gets_its_line() {
    for servers in TestRegistry::each(&["--no-docker"]) {
        let image = format!("{}/team/web", servers.registry());
        let (one, _) = servers.seed("team/web:1", &[]);
        let (two, _) = servers.seed("team/web:2", &["--index"]);
        let signed = servers.countersign(&["sign", &format!("{image}:1"), &format!("{image}:2")]);
        assert_code(&signed, 0);
        let posts = servers.requests().iter().filter(|request| request.starts_with("POST")).count();
        assert_eq!(posts, 1, "one publish");

        let references = [format!("{image}:1"), format!("{image}:none"), format!("{image}:2")];
        let references: Vec<&str> = references.iter().map(String::as_str).collect();
        let verified = servers.countersign(&[&["verify"], &references[..]].concat());
        assert_code(&verified, 3);
        assert_eq!(stdout(&verified), format!("{image}@{one}\n{image}@{two}\n"));

        let json =
            servers.countersign(&[&["verify", "--format", "json"], &references[..]].concat());
        let lines: Vec<Value> =
            stdout(&json).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(lines.len(), 3, "{}", text(&json));
        assert_eq!(lines[0]["digest"], one);
        assert_eq!(lines[0]["tag"], "1");
        assert_eq!(lines[0]["role"], "targets");
        assert_eq!(lines[0]["root"]["version"], 1);
        assert_eq!(lines[0]["root"]["pinned"], false);
        assert_eq!(lines[0]["offline"], false);
        assert_eq!(lines[1]["error"]["kind"], "no-such-tag");
        assert_eq!(lines[2]["digest"], two);
    }
}

#[test]
fn sixteen_jobs_sign_sixteen_tags_of_a_new_collection() {
    for servers in TestRegistry::each(&["--no-docker"]) {
        let image = format!("{}/team/crowd", servers.registry());
        let (digest, size) = servers.seed("team/crowd:1", &[]);
        let jobs: Vec<_> = (0..16)
            .map(|job| {
                let (reference, size) = (format!("{image}:t{job}"), size.to_string());
                let mut sign = servers.command(env!("CARGO_BIN_EXE_countersign"));
                sign.args(["sign", &reference, "--digest", &digest, "--size", &size]);
                sign.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
                sign.spawn().expect("countersign runs")
            })
            .collect();
        for job in jobs {
            assert_code(&job.wait_with_output().expect("it ends"), 0);
        }
        let listed = servers.run("notary", &["list", &image]);
        for job in 0..16 {
            assert!(listed.contains(&format!("\nt{job} ")), "t{job} in {listed}");
        }
        let keys = servers.run("notary", &["key", "list"]);
        assert_eq!(keys.matches("targets").count(), 1, "no orphaned keys: {keys}");
    }
}

#[test]
fn an_unreachable_server_refuses_and_offline_states_its_age() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let reference = format!("{}/team/web:1", servers.registry());
    let (digest, _) = servers.seed("team/web:1", &[]);
    assert_code(&servers.countersign(&["sign", &reference]), 0);
    assert_code(&servers.countersign(&["verify", &reference]), 0);
    let elsewhere = ["--server", "https://127.0.0.1:1", "verify", &reference];
    let refused = servers.countersign(&elsewhere);
    assert_code(&refused, 5);
    assert_eq!(stdout(&refused), "");
    let offline = servers.countersign(&[&elsewhere[..], &["--offline"]].concat());
    assert_code(&offline, 0);
    assert!(stdout(&offline).trim_end().ends_with(&digest));
    assert!(stderr(&offline).contains("ago"), "{}", text(&offline));
}

#[test]
fn a_damaged_cache_is_named_where_the_server_may_not_be_asked() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let reference = format!("{}/team/web:1", servers.registry());
    servers.seed("team/web:1", &[]);
    assert_code(&servers.countersign(&["sign", &reference]), 0);
    let repository = reference.trim_end_matches(":1");
    for role in ["root", "timestamp", "snapshot", "targets"] {
        assert_code(&servers.countersign(&["verify", &reference]), 0);
        assert_code(&servers.countersign(&["verify", "--offline", &reference]), 0);
        let file = format!("tuf/{repository}/metadata/{role}.json");
        let path = servers.trust_directory().join(&file);
        let mut bytes = std::fs::read(&path).expect("a cached file");
        bytes.truncate(bytes.len() / 2);
        std::fs::write(&path, bytes).expect("damaged");
        let refused = servers.countersign(&["verify", "--offline", &reference]);
        assert_code(&refused, 5);
        let told = text(&refused);
        let said = format!("the stored {role} of {repository} is damaged or out of step");
        assert!(told.contains(&said) && told.contains(&file), "{told}");
        assert!(told.contains("Ask the server once, without --offline"), "{told}");
    }
    // As it says.
    assert_code(&servers.countersign(&["verify", &reference]), 0);
    assert_code(&servers.countersign(&["verify", "--offline", &reference]), 0);
    std::fs::remove_dir_all(servers.trust_directory().join("tuf")).expect("gone");
    let lost = servers.countersign(&["verify", "--offline", &reference]);
    assert_code(&lost, 5);
    assert!(text(&lost).contains("nothing is stored"), "{}", text(&lost));
}

#[test]
fn credentials_and_tokens_are_used_for_both_servers() {
    for servers in TestRegistry::each(&["--no-docker", "--auth", "token"]) {
        let reference = format!("{}/team/web:1", servers.registry());
        servers.seed("team/web:1", &[]);
        let authority = ["--tls-ca", servers.variable("TEST_CA")];
        assert_code(&servers.countersign(&[&authority[..], &["sign", &reference]].concat()), 0);
        assert_code(&servers.countersign(&["verify", &reference]), 0);
        let strangers = servers.stranger();
        let as_stranger = |command: &str| {
            let mut stranger = servers.command(env!("CARGO_BIN_EXE_countersign"));
            stranger.args(authority).args([command, &reference]).env("DOCKER_CONFIG", &strangers);
            stranger.env_remove("NOTARY_AUTH");
            stranger.output().expect("countersign runs")
        };
        assert_code(&as_stranger("verify"), 5);
        assert_code(&as_stranger("sign"), 5);
    }
}

#[test]
fn a_registry_with_a_password_is_read_with_dockers_credentials() {
    for servers in TestRegistry::each(&["--no-docker", "--auth", "htpasswd"]) {
        let reference = format!("{}/team/web:1", servers.registry());
        servers.seed("team/web:1", &[]);
        assert_code(&servers.countersign(&["sign", &reference]), 0);
        assert_code(&servers.countersign(&["verify", &reference]), 0);
    }
}

#[test]
fn a_revoked_tag_is_gone_from_every_role_that_the_user_can_sign() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let image = format!("{}/team/web", servers.registry());
    let reference = format!("{image}:1");
    servers.seed("team/web:1", &[]);
    assert_code(&servers.countersign(&["sign", &reference]), 0);
    servers.run("docker", &["trust", "key", "generate", "alice"]);
    servers.run("docker", &["trust", "signer", "add", "--key", "alice.pub", "alice", &image]);
    assert_code(&servers.countersign(&["sign", &reference]), 0);
    let inspected = servers.run("docker", &["trust", "inspect", &reference]);
    assert!(inspected.contains("alice"), "{inspected}");
    assert_code(&servers.countersign(&["revoke", "--yes", &reference]), 0);
    assert_code(&servers.countersign(&["verify", &reference]), 3);
    let inspected = servers.run("docker", &["trust", "inspect", &reference]);
    assert!(inspected.contains("\"SignedTags\": []"), "{inspected}");
}

#[test]
fn our_inspect_is_dockers_to_the_letter() {
    for servers in TestRegistry::each(&["--no-docker"]) {
        let image = format!("{}/team/web", servers.registry());
        for tag in ["1.10", "1.9", "latest"] {
            servers.seed(&format!("team/web:{tag}"), &["--text", tag]);
            assert_code(&servers.countersign(&["sign", &format!("{image}:{tag}")]), 0);
        }
        servers.run("docker", &["trust", "key", "generate", "alice"]);
        servers.run("docker", &["trust", "signer", "add", "--key", "alice.pub", "alice", &image]);
        assert_code(&servers.countersign(&["sign", &format!("{image}:1.9")]), 0);
        for arguments in [vec!["inspect", &image], vec!["inspect", "--pretty", &image]] {
            let ours = servers.countersign(&arguments);
            assert_code(&ours, 0);
            let theirs = servers.run("docker", &[&["trust"], &arguments[..]].concat());
            assert_eq!(stdout(&ours), theirs);
        }
    }
}

#[test]
fn a_verified_pull_without_docker_is_readable_by_skopeo() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let image = format!("{}/team/multi", servers.registry());
    let (digest, _) = servers.seed("team/multi:1", &["--index"]);
    assert_code(&servers.countersign(&["sign", &format!("{image}:1")]), 0);
    let layout = format!("{}/layout", servers.variable("HOME"));
    let pulled =
        servers.countersign(&["pull", &format!("{image}:1"), "--to", &format!("oci:{layout}")]);
    assert_code(&pulled, 0);
    let raw = servers.run("skopeo", &["inspect", "--raw", &format!("oci:{layout}")]);
    assert_eq!(format!("sha256:{}", countersign::crypto::Sha256::of(raw.as_bytes())), digest);
    let archive = format!("{}/image.tar", servers.variable("HOME"));
    let to = format!("docker-archive:{archive}");
    assert_code(&servers.countersign(&["pull", &format!("{image}:1"), "--to", &to]), 0);
    servers.run("skopeo", &["inspect", "--config", &to]);
}
