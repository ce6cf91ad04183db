//! Where secrets may not be: in what is said, in arguments, in the environment and the input of
//! programs that are started, in files that are not theirs.
#![cfg(all(feature = "cli", feature = "pkcs11"))]

#[path = "support/canary.rs"]
mod canary;
#[path = "support/token.rs"]
mod token;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use canary::{files, spelling_in};
use token::{TestToken, softhsm};

const PIN: &str = "canary-pin-4711";
const PASSPHRASE: &str = "canary-passphrase-4712";

/// A home where every program that is started writes down all that it is given.
struct Home {
    folder: tempfile::TempDir,
    /// The key of a pipeline, and the line of it that must not be seen.
    key: String,
    secret: String,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a home");
        let home = Self { folder, key: String::new(), secret: String::new() };
        let token = TestToken::make_with_pin(home.path(), PIN);
        home.spy("bin/docker", "exit 1");
        home.spy("bin/docker-credential-spy", "exit 1");
        home.spy("signer", "echo '{\"keys\": []}'");
        home.write(".docker/config.json", r#"{"credsStore":"spy"}"#);
        let signer = home.path().join("signer");
        home.write(
            ".docker/trust/countersign.toml",
            &format!(
                "[[token]]\nlabel = \"release\"\nmodule = {:?}\n\n[[signer]]\nname = \"spy\"\ncommand = [{:?}]\n",
                softhsm(),
                signer.display().to_string(),
            ),
        );
        home.write("softhsm", &token.configuration().display().to_string());
        let key = concat!(env!("CARGO_MANIFEST_DIR"), "/keys-example/openssl/p256-pkcs8.pem");
        let key = fs::read_to_string(key).expect("an example key");
        let secret = key.lines().find(|line| line.len() == 64).expect("base64").to_owned();
        Self { key, secret, ..home }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A program that tells all it is given, and then does something.
    fn spy(&self, name: &str, then: &str) {
        let told = self.path().join("told");
        let text = format!(
            "#!/bin/sh\n{{ env; tr '\\0' ' ' </proc/$$/cmdline; cat; }} >>{}\n{then}\n",
            told.display()
        );
        self.write(name, &text);
        let mode = fs::Permissions::from_mode(0o700);
        fs::set_permissions(self.path().join(name), mode).expect("set");
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("written");
    }

    #[expect(clippy::disallowed_methods, reason = "the search path is that of whoever tests")]
    fn command(&self, words: &[&str]) -> Command {
        let usual = std::env::var("PATH").unwrap_or_default();
        let softhsm = fs::read_to_string(self.path().join("softhsm")).expect("its configuration");
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.args(words).current_dir(self.path()).stdin(Stdio::null()).env_clear();
        command.env("HOME", self.path()).env("SOFTHSM2_CONF", softhsm);
        command.env("PATH", format!("{}:{usual}", self.path().join("bin").display()));
        command.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "1");
        command.env("COUNTERSIGN_TOKEN_PIN", PIN).env("COUNTERSIGN_KEY", &self.key);
        for role in ["ROOT", "REPOSITORY"] {
            command.env(format!("DOCKER_CONTENT_TRUST_{role}_PASSPHRASE"), PASSPHRASE);
        }
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().expect("it runs")
    }

    fn succeeds(&self, words: &[&str]) -> String {
        let output = self.run(words);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(output.status.success(), "{words:?}: {said}");
        said
    }
}

#[test]
fn pins_and_keys_of_a_pipeline_are_told_to_nobody() {
    let home = Home::new();
    let digest = format!("sha256:{}", "a".repeat(64));
    let tag = ["127.0.0.1:1/web:1", "--digest", &digest, "--size", "1"];
    let mut said = Vec::new();
    for words in [
        &["key", "generate", "root", "--token", "release", "-v"][..],
        &["key", "list", "-v"],
        &["key", "audit", "-v"],
        &["key", "generate", "alice", "-v"],
        &[&["sign", "-v"][..], &tag].concat(),
        &["sign", "--format", "json", "127.0.0.1:1/web:1"],
        &["verify-pull", "127.0.0.1:1/web:1"],
        &["docker", "pull", "127.0.0.1:1/web:1"],
        &["root", "certify", "127.0.0.1:1/web", "--key", "none", "--out", "none.pem"],
        &["key", "list", "--format", "nonsense"],
    ] {
        // Without content trust docker runs in our place, as it was called.
        let output = home.command(words).env("DOCKER_CONTENT_TRUST", "1").output();
        let output = output.expect("it runs");
        let told = fs::read(home.path().join("told")).unwrap_or_default();
        for secret in [PIN, PASSPHRASE, &home.secret] {
            let spelling = spelling_in(&told, secret.as_bytes());
            assert_eq!(spelling, None, "{words:?} tells a program {secret}");
        }
        said.extend([output.stdout, output.stderr].concat());
    }
    let told = fs::read(home.path().join("told")).expect("programs were started");
    let told = String::from_utf8_lossy(&told);
    assert!(told.contains("HOME=") && told.contains("\"request\":\"list\""), "a spy tells all");
    for secret in [PIN, PASSPHRASE, &home.secret] {
        assert_eq!(spelling_in(&said, secret.as_bytes()), None, "{secret} was said");
        for path in files(home.path()) {
            let bytes = fs::read(&path).expect("readable");
            let spelling = spelling_in(&bytes, secret.as_bytes());
            assert_eq!(spelling, None, "{} holds {secret}", path.display());
        }
    }
}

#[test]
fn what_is_on_recovery_sheets_is_on_them_alone() {
    let home = Home::new();
    let id = home.succeeds(&["key", "generate", "root", "-q"]);
    let id = id.trim();
    fs::write(home.path().join("paper"), "canary-paper-4713\n").expect("written");
    let mut said = home.succeeds(&[
        "key",
        "backup",
        id,
        "--out",
        "sheet.txt",
        "--new-passphrase-file",
        "paper",
    ]);
    said += &home.succeeds(&[
        "key",
        "split",
        id,
        "--threshold",
        "2",
        "--shares",
        "3",
        "--dir",
        "shares",
    ]);
    said += &home.succeeds(&["key", "drill", "-v", "shares/share-1.txt", "shares/share-3.txt"]);
    said += &home.succeeds(&["key", "recover", "-v", "shares/share-2.txt", "shares/share-3.txt"]);
    assert!(!said.contains("canary-paper-4713"), "{said}");
    for sheet in ["sheet.txt", "shares/share-1.txt", "shares/share-2.txt", "shares/share-3.txt"] {
        let sheet = home.path().join(sheet);
        assert_eq!(fs::metadata(&sheet).expect("a sheet").permissions().mode() & 0o777, 0o600);
        let text = fs::read_to_string(&sheet).expect("a sheet");
        // The first lines hold the id of the key and its role; then comes what is secret.
        let lines = text.split_once("-----BEGIN").expect("its lines").1;
        let letters = lines.lines().nth(4).and_then(|line| line.get(4..43)).expect("letters");
        assert!(!said.contains(letters), "{letters} was said");
        for path in files(home.path()).into_iter().filter(|path| *path != sheet) {
            let bytes = fs::read(&path).expect("readable");
            let spelling = spelling_in(&bytes, letters.as_bytes());
            assert_eq!(spelling, None, "{} holds it, too", path.display());
        }
    }
}
