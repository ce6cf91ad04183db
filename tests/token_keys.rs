//! Keys on tokens, with SoftHSM as the token: made there, copied there, used, and every way in which
//! a module can fail.

#[path = "support/registry.rs"]
mod registry;
#[path = "support/transcript.rs"]
mod transcript;

use std::fs;
use std::path::Path;
use std::process::Command;

use registry::TestRegistry;
use transcript::Stage;

#[test]
fn keys_are_made_and_copied_and_listed() {
    with_token().play(&script("keys.txt"));
}

#[test]
fn softhsm_faults() {
    let mut stage = with_token();
    let module = stage.home().join("faulty.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/token/faulty.c");
    let softhsm = format!("-DSOFTHSM=\"{}\"", softhsm());
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-Wall", "-Werror", "-O1", &softhsm, "-o"])
        .arg(&module)
        .args([source, "-ldl"])
        .status();
    assert!(compiled.is_ok_and(|status| status.success()), "cc makes the faulty module");
    configure(stage.home(), &module);
    let logins = stage.home().join("logins").display().to_string();
    stage.set("LOGINS", &logins);
    stage.play(&script("faults.txt"));
}

#[test]
fn collection_is_founded_and_signed_with_keys_of_a_token() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let mut stage = with_token();
    let image = format!("{}/token/web", servers.registry());
    let (digest, _) = servers.seed("token/web:1", &["--text", "on a token"]);
    for name in
        ["DOCKER_CONTENT_TRUST_SERVER", "DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE", "TEST_CA"]
    {
        stage.set(name, servers.variable(name));
    }
    let host = servers.variable("TRUST_SERVER").trim_start_matches("https://").to_owned();
    let tls = stage.home().join(".docker/tls").join(&host);
    fs::create_dir_all(&tls).expect("a directory");
    fs::copy(servers.variable("TEST_CA"), tls.join("ca.crt")).expect("copied");
    stage.set("IMAGE", &image);
    stage.show(&image, "IMAGE");
    stage.show(&digest, "DIGEST");
    stage.play(&script("sign.txt"));
}

#[test]
fn programs_and_the_secret_of_a_pipeline_sign() {
    let stage = Stage::new();
    let signer = stage.home().join("signer");
    fs::copy(
        concat!(env!("CARGO_MANIFEST_DIR"), "/docs/examples/countersign-signer-openssl"),
        &signer,
    )
    .expect("copied");
    let trust = stage.home().join(".docker/trust");
    fs::create_dir_all(&trust).expect("a directory");
    let (program, keys) = (signer.display(), stage.home().join("keys"));
    let text = format!(
        "[[signer]]\nname = \"files\"\ncommand = [\"{program}\", \"{}\"]\ntimeout = \"3s\"\n",
        keys.display()
    );
    fs::write(trust.join("countersign.toml"), text).expect("written");
    stage.play(&signers("programs.txt"));
    Stage::new().play(&signers("variable.txt"));
}

/// The bound is for a debug build on a busy machine.
#[test]
fn thousand_keys_are_listed_without_a_wait() {
    let stage = Stage::new();
    let private = stage.home().join(".docker/trust/private");
    fs::create_dir_all(&private).expect("a directory");
    let key = concat!(env!("CARGO_MANIFEST_DIR"), "/keys-example/openssl/p256-pkcs8.pem");
    let text = fs::read(key).expect("an example key");
    for number in 0..1000 {
        fs::write(private.join(format!("{number:064x}.key")), &text).expect("written");
    }
    let started = std::time::Instant::now();
    let listed = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["key", "list", "--format", "json"])
        .env("HOME", stage.home())
        .output()
        .expect("it runs");
    assert_eq!(String::from_utf8_lossy(&listed.stdout).lines().count(), 1000);
    assert!(started.elapsed() < std::time::Duration::from_secs(10), "{:?}", started.elapsed());
}

/// A home with a token of its own, PIN 1234, that the configuration names.
fn with_token() -> Stage {
    let mut stage = Stage::new();
    let (home, module) = (stage.home().to_owned(), softhsm());
    fs::create_dir_all(home.join("tokens")).expect("a directory");
    let configuration = home.join("softhsm.conf");
    let text =
        format!("directories.tokendir = {}\nlog.level = ERROR\n", home.join("tokens").display());
    fs::write(&configuration, text).expect("written");
    let made = Command::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", "release", "--so-pin", "5678", "--pin", "1234"])
        .env("SOFTHSM2_CONF", &configuration)
        .output()
        .expect("softhsm2-util: `make test` installs it");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    configure(&home, Path::new(module));
    stage.set("SOFTHSM2_CONF", &configuration.display().to_string());
    stage.set("MODULE", module);
    let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/keys-example");
    stage.set("KEYS", keys);
    stage
}

fn configure(home: &Path, module: &Path) {
    let trust = home.join(".docker/trust");
    fs::create_dir_all(&trust).expect("a directory");
    let text = format!(
        "[[token]]\nlabel = \"release\"\nmodule = {:?}\ntimeout = \"2s\"\n",
        module.display().to_string()
    );
    fs::write(trust.join("countersign.toml"), text).expect("written");
}

fn signers(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/signers").join(name)
}

fn script(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/tokens").join(name)
}

fn softhsm() -> &'static str {
    let places = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so"];
    let found = places.into_iter().find(|place| Path::new(place).exists());
    found.expect("SoftHSM's module: `make test` installs it")
}
