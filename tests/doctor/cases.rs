//! What each finding is provoked by: one edit of an honest host, or one file of a directory.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use crate::host::{GUN, Host, mode, write};

/// One edit of an honest host, what is found then, and the exit code.
pub(crate) type Case = (&'static str, i32, fn(&mut Host));

pub(crate) const CASES: [Case; 31] = [
    ("docker-ignores-trust", 4, |host| host.has_docker("29.1.0")),
    ("trust-variable-odd", 1, |host| host.set("DOCKER_CONTENT_TRUST", "off")),
    ("trust-off", 0, |host| host.set("DOCKER_CONTENT_TRUST", "0")),
    ("shim-behind", 4, |host| {
        fs::create_dir_all(host.path("shim")).expect("a folder");
        symlink(env!("CARGO_BIN_EXE_countersign"), host.path("shim/docker")).expect("a link");
        let path = format!("{}:{}", host.path("bin").display(), host.path("shim").display());
        host.set("PATH", &path);
    }),
    ("build-unchecked", 4, |host| {
        fs::create_dir_all(host.path(".docker/cli-plugins")).expect("a folder");
        write(&host.path(".docker/cli-plugins/docker-buildx"), "", 0o755);
    }),
    ("plugin-broken", 1, |host| {
        fs::create_dir_all(host.path(".docker/cli-plugins")).expect("a folder");
        symlink("/nowhere/at/all", host.path(".docker/cli-plugins/docker-trust")).expect("a link");
    }),
    ("plugin-foreign", 0, |host| {
        fs::create_dir_all(host.path(".docker/cli-plugins")).expect("a folder");
        write(&host.path(".docker/cli-plugins/docker-trust"), "#!/bin/sh\n", 0o755);
    }),
    ("trust-server-plain", 8, |host| host.set("DOCKER_CONTENT_TRUST_SERVER", "http://t:1")),
    ("trust-server-ends", 1, |host| {
        host.set("DOCKER_CONTENT_TRUST_SERVER", "https://team.azurecr.io");
    }),
    ("daemon-plain", 4, |host| host.set("DOCKER_HOST", "tcp://h:2375")),
    ("daemon-plain", 4, |host| {
        let id = countersign::crypto::Sha256::of(b"far");
        let folder = host.path(".docker/contexts/meta").join(id.to_string());
        fs::create_dir_all(&folder).expect("a folder");
        let meta = r#"{"Name":"far","Endpoints":{"docker":{"Host":"tcp://h:2375"}}}"#;
        fs::write(folder.join("meta.json"), meta).expect("written");
        host.set("DOCKER_CONTEXT", "far");
    }),
    ("trusted-on-first-use", 0, |host| {
        fs::remove_file(host.trust().join("pins.toml")).expect("gone")
    }),
    ("cache-damaged", 8, |host| fs::write(host.metadata("root.json"), "{").expect("written")),
    ("cache-damaged", 1, |host| fs::write(host.metadata("targets.json"), "{").expect("written")),
    ("record-damaged", 8, |host| {
        fs::create_dir_all(host.trust().join("countersign")).expect("a folder");
        fs::write(host.trust().join("countersign").join(RECORD), "{").expect("written");
    }),
    ("changes-pending", 1, |host| {
        let changes = host.trust().join("tuf").join(GUN).join("changelist");
        fs::create_dir_all(&changes).expect("a folder");
        fs::write(changes.join("00000000000000000001_a.change"), "{}").expect("written");
    }),
    ("key-exposed", 8, |host| mode(&host.key(), 0o640)),
    ("writable-by-others", 8, |host| mode(&host.trust(), 0o777)),
    ("key-damaged", 8, |host| write(&host.key(), "junk", 0o600)),
    ("key-unencrypted", 1, |host| {
        let text = openssl_key();
        write(&host.key(), &text, 0o600);
    }),
    ("configuration-broken", 8, |host| {
        fs::write(host.trust().join("countersign.toml"), "nonsense = 1").expect("written");
    }),
    ("cache-when-unreachable", 0, |host| {
        let text = "when_unreachable = \"cache\"";
        fs::write(host.trust().join("countersign.toml"), text).expect("written");
    }),
    ("pins-broken", 8, |host| fs::write(host.trust().join("pins.toml"), "[[").expect("written")),
    ("credential-helper-missing", 1, |host| {
        fs::write(host.path(".docker/config.json"), r#"{"credsStore":"nowhere"}"#)
            .expect("written");
    }),
    ("tls-pair-incomplete", 1, |host| host.has_tls("client.cert", "")),
    ("tls-unreadable", 1, |host| {
        host.has_tls("ca.crt", "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n");
    }),
    ("tls-authority-expired", 1, |host| host.has_tls("ca.crt", &expired_authority())),
    ("no-home", 8, |host| host.set("HOME", "")),
    ("plugin-missing", 4, |host| host.has_docker("29.0.0")),
    ("key-directory-link", 1, |host| {
        fs::rename(host.trust().join("private"), host.path("keys")).expect("moved");
        symlink(host.path("keys"), host.trust().join("private")).expect("a link");
    }),
    ("docker-configuration-broken", 8, |host| {
        fs::write(host.path(".docker/config.json"), "{").expect("written");
    }),
];

/// A file of a directory, what is found in it where content trust is on, and the exit code.
pub(crate) const FILES: [(&str, i32, &str, &str); 11] = [
    ("ci-trust-ignored", 4, ".github/workflows/a.yml", "env: {DOCKER_CONTENT_TRUST: 1}"),
    (
        "ci-unchecked-command",
        4,
        ".gitlab-ci.yml",
        "a:\n  image: docker:28\n  variables: {DOCKER_CONTENT_TRUST: 1}\n  script: [docker build .]",
    ),
    (
        "ci-unchecked-action",
        4,
        ".github/workflows/a.yml",
        "jobs:\n  a:\n    container: docker:28\n    env: {DOCKER_CONTENT_TRUST: 1}\n    steps: [{uses: docker/build-push-action@v6}]",
    ),
    ("ci-passphrase-in-file", 8, "Jenkinsfile", "NOTARY_ROOT_PASSPHRASE = 'x'"),
    ("ci-trust-disabled", 1, "azure-pipelines.yml", "variables: {DOCKER_CONTENT_TRUST: 0}"),
    ("ci-command-lost", 1, "sign.sh", "docker trust sign web:1"),
    (
        "trust-server-ends",
        1,
        "list.sh",
        "notary -s https://trust.azurecr.io list DOCKER_CONTENT_TRUST=1",
    ),
    ("base-unchecked", 4, "Dockerfile", "FROM web:1"),
    ("compose-unchecked", 4, "compose.yaml", "services: {a: {image: web}}"),
    ("file-unreadable", 1, "docker-compose.yml", "services: {"),
    ("directory-too-large", 1, "1/2/3/4/5/6/7/8/9/10/11/12/13/a", ""),
];

/// Found by a host's own files or clock, which no test may change; provoked beside the code.
pub(crate) const OTHERS: [&str; 5] =
    ["insecure-registry", "containerd-falls-back", "owner-foreign", "expired", "clock-behind"];

fn expired_authority() -> String {
    let made = Command::new("faketime")
        .args(["2020-01-01", "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"])
        .args([
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-keyout",
            "/dev/null",
            "-subj",
            "/CN=old",
        ])
        .output()
        .expect("faketime runs");
    String::from_utf8(made.stdout).expect("PEM")
}

fn openssl_key() -> String {
    let made = Command::new("openssl")
        .args(["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"])
        .output()
        .expect("openssl runs");
    String::from_utf8(made.stdout).expect("PEM")
}

/// The name of the collection's record: the SHA-256 of its own.
const RECORD: &str = "b2f4aa9a6a756d8579103b287167e356b84121bdaa59c5089063c248539f8584.json";
