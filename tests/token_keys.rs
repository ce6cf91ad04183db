//! Keys on tokens, with SoftHSM as the token: made there, copied there, used, and every way in
//! which a module can fail.

#[path = "support/registry.rs"]
mod registry;
#[path = "support/token.rs"]
mod token;
#[path = "support/transcript.rs"]
mod transcript;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use std::time::Duration;

use countersign::keys::{
    Error, KeyDirectory, KeySet, KeySource as _, KeyStore as _, PassphraseFile, Token, TokenSetting,
};
use registry::TestRegistry;
use token::{TestToken, softhsm};
use transcript::Stage;

#[test]
fn keys_are_made_and_copied_and_listed() {
    with_token().0.play(&script("keys.txt"));
}

#[test]
fn softhsm_faults() {
    let (mut stage, token) = with_token();
    configure(stage.home(), &token.faulty_module());
    stage.set("LOGINS", &token.logins().display().to_string());
    stage.play(&script("faults.txt"));
}

#[test]
fn signature_selfcheck_catches_bad_token() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let (mut stage, token, _) = with_token_and_image(&servers);
    configure(stage.home(), &token.faulty_module());
    let signer = stage.home().join("signer");
    fs::copy(EXAMPLE_SIGNER, &signer).expect("copied");
    let keys = stage.home().join("keys");
    let command = [signer.display().to_string(), keys.display().to_string()];
    let configuration = stage.home().join(".docker/trust/countersign.toml");
    let tokens = fs::read_to_string(&configuration).expect("a configuration");
    let text = format!("{tokens}\n[[signer]]\nname = \"files\"\ncommand = {command:?}\n");
    fs::write(configuration, text).expect("written");
    let other = format!("sha256:{}", "ab".repeat(32));
    stage.set("OTHER", &other);
    stage.show(&other, "OTHER");
    stage.set("COUNTERSIGN_TOKEN_PIN", "1234");
    stage.play(&script("selfcheck.txt"));
}

#[test]
fn collection_is_founded_and_signed_with_keys_of_a_token() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let (stage, ..) = with_token_and_image(&servers);
    stage.play(&script("sign.txt"));
}

#[test]
fn grammars_of_notary_and_docker_sign_with_keys_of_a_token_and_of_a_variable() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let (mut stage, _, image) = with_token_and_image(&servers);
    // Docker calls the first signer as its login says.
    let login = format!(r#"{{"auths":{{"{}":{{"auth":"YWxpY2U6eA=="}}}}}}"#, servers.registry());
    fs::write(stage.home().join(".docker/config.json"), login).expect("written");
    stage.set("GUN", &image);
    servers.seed("token/new:1", &[]);
    stage.set("NEW", &format!("{}/token/new", servers.registry()));
    stage.set("HASH", &"ab".repeat(32));
    for role in ["TARGETS", "SNAPSHOT"] {
        stage.set(&format!("NOTARY_{role}_PASSPHRASE"), "throw-away");
    }
    stage.play(&script("faces.txt"));
}

/// A token, and an image in a registry with a trust server beside it.
fn with_token_and_image(servers: &TestRegistry) -> (Stage, TestToken, String) {
    let (mut stage, token) = with_token();
    let image = format!("{}/token/web", servers.registry());
    let (digest, _) = servers.seed("token/web:1", &["--text", "on a token"]);
    stage.set("IMAGE", &image);
    stage.show(&image, "IMAGE");
    stage.show(&digest, "DIGEST");
    let names =
        ["DOCKER_CONTENT_TRUST_SERVER", "DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE", "TEST_CA"];
    stage.turn_to(servers, &names);
    (stage, token, image)
}

#[test]
fn programs_and_the_secret_of_a_pipeline_sign() {
    let stage = Stage::new();
    let signer = stage.home().join("signer");
    fs::copy(EXAMPLE_SIGNER, &signer).expect("copied");
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

/// Nothing that was seen of a token is believed for ever: it comes, goes and comes back.
#[test]
fn a_token_that_was_out_is_found_again_and_asks_for_its_pin_again() {
    let (folder, token) = bare_token();
    token.make_key("EC:prime256v1", "root", "01");
    token.fail("absent");
    let held = open(&token);
    assert_eq!(held.list().expect("an answer"), [], "not there yet");
    token.fail("none");
    let id = held.list().expect("an answer").first().expect("its key").id;
    let signer = held.signer(&id, &mut pin("1234")).expect("a signer");
    signer.sign(b"before").expect("a signature");
    token.fail("absent");
    let refused = signer.sign(b"meanwhile").expect_err("nobody signs");
    assert!(refused.to_string().contains("token release"), "{refused}");
    assert_eq!(held.list().expect("an answer"), []);
    token.fail("none");
    let logins = token.login_count();
    let signer = held.signer(&id, &mut pin("1234")).expect("a signer again");
    signer.sign(b"after").expect("a signature");
    assert_eq!(token.login_count(), logins + 1);
    drop(folder);
}

/// Whoever asks, and through whichever handle: tokens lock themselves after a few wrong PINs.
#[test]
fn a_refused_pin_is_tried_once_in_a_process() {
    let (_folder, token) = bare_token();
    token.make_key("EC:prime256v1", "root", "01");
    let tokens = [open(&token), open(&token)];
    let id = tokens[0].list().expect("an answer")[0].id;
    for held in tokens.iter().chain(&tokens) {
        let refused = held.signer(&id, &mut pin("4321")).err();
        assert!(matches!(refused, Some(Error::Pin { .. })), "{refused:?}");
    }
    assert_eq!(token.login_count(), 1);
    tokens[1].signer(&id, &mut pin("1234")).expect("the right one is tried");
    assert_eq!(token.login_count(), 2);
}

/// A module that hangs costs the limit once, not again for each caller, and answers when it can.
#[test]
fn whoever_asks_a_hanging_module_is_told_at_once() {
    let (_folder, token) = bare_token();
    token.make_key("EC:prime256v1", "root", "01");
    let held = open(&token);
    let id = held.list().expect("an answer")[0].id;
    let signer = held.signer(&id, &mut pin("1234")).expect("a signer");
    token.fail("hang-sign");
    signer.sign(b"first").expect_err("no answer in time");
    let started = std::time::Instant::now();
    let refused = signer.sign(b"second").expect_err("no answer");
    assert!(refused.to_string().contains("no answer from its module within 2 s"), "{refused}");
    assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
    token.fail("none");
    let answered = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        signer.sign(b"third").is_ok()
    });
    assert!(answered, "it works again");
}

#[test]
fn a_key_whose_file_is_damaged_signs_on_its_token() {
    let (folder, token) = bare_token();
    token.make_key("EC:prime256v1", "root", "01");
    let trust = folder.path().join("trust");
    let id = open(&token).list().expect("an answer")[0].id;
    let mut keys = KeySet::new(KeyDirectory::new(&trust));
    keys.add(open(&token));
    let file = trust.join("private").join(format!("{id}.key"));
    write_private(&file, b"nonsense");
    let signer = keys.signer(&id, &mut pin("1234")).expect("the token's copy");
    signer.sign(b"message").expect("a signature");
    token.fail("absent");
    let told = keys.signer(&id, &mut pin("1234")).err().expect("no copy is left").to_string();
    assert!(told.starts_with("key "), "the file is what can be mended: {told}");
}

/// A token in a folder of its own, which is removed with it.
fn bare_token() -> (Place, TestToken) {
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().expect("a directory");
    let token = TestToken::make(folder.path());
    (Place { folder, _alone: alone }, token)
}

/// A folder, and the turn of those who load modules into this process: a module finds its token by
/// a variable of the whole process.
struct Place {
    folder: tempfile::TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl Place {
    fn path(&self) -> &Path {
        self.folder.path()
    }
}

static ALONE: Mutex<()> = Mutex::new(());

/// The token, through the module with faults.
fn open(token: &TestToken) -> Token {
    let setting = TokenSetting {
        module: token.faulty_module(),
        label: "release".to_owned(),
        patience: PATIENCE,
    };
    Token::new(setting).expect("a module that nobody else can change")
}

fn pin(pin: &str) -> PassphraseFile {
    PassphraseFile::parse(format!("token={pin}\n").as_bytes()).expect("a PIN")
}

fn write_private(path: &Path, text: &[u8]) {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = path.parent().expect("a folder");
    fs::create_dir_all(folder).expect("a directory");
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).expect("closed");
    fs::write(path, text).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("closed");
}

/// A home with a token of its own, PIN 1234, that the configuration names.
fn with_token() -> (Stage, TestToken) {
    let mut stage = Stage::new();
    let token = TestToken::make(stage.home());
    configure(stage.home(), Path::new(softhsm()));
    stage.set("SOFTHSM2_CONF", &token.configuration().display().to_string());
    stage.set("MODULE", softhsm());
    let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/keys-example");
    stage.set("KEYS", keys);
    (stage, token)
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

const EXAMPLE_SIGNER: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/docs/examples/countersign-signer-openssl");
/// How long one operation of a token may take.
const PATIENCE: Duration = Duration::from_secs(2);
