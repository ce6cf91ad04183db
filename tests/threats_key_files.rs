//! Threats L-11, L-12: key files of others, odd ones, and what they give away.
#![cfg(feature = "client")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::crypto::Signer as _;
use countersign::keys::{
    Error, ImportDefaults, KeyDirectory, KeyFile, KeyStore as _, Passphrase, PassphraseRequest,
    PassphraseSource, Purpose,
};
use countersign::tuf::{KeyId, canonical_key_id};
use serde_json::Value;

/// One who says the same each time, and counts.
struct Parrot {
    word: &'static str,
    asked: Vec<Purpose>,
}

impl Parrot {
    fn saying(word: &'static str) -> Self {
        Self { word, asked: Vec::new() }
    }
}

impl PassphraseSource for Parrot {
    fn passphrase(&mut self, request: &PassphraseRequest<'_>) -> Result<Passphrase, Error> {
        self.asked.push(request.purpose);
        Ok(Passphrase::copy_of(self.word))
    }
}

/// What comes of a key file under a name, for one who says `word`.
fn used(text: &str, name: &KeyId, word: &'static str) -> (Result<KeyId, Error>, Parrot) {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = KeyDirectory::new(folder.path());
    fs::create_dir(keys.path()).expect("a folder");
    fs::set_permissions(keys.path(), fs::Permissions::from_mode(0o700)).expect("set");
    let path = keys.path().join(format!("{name}.key"));
    fs::write(&path, text).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("set");
    let mut parrot = Parrot::saying(word);
    let opened = keys.unlock(name, &mut parrot);
    (opened.map(|key| canonical_key_id(key.public())), parrot)
}

/// The last error of a chain in words, which is what people read.
fn words(error: &Error) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

#[test]
fn key_file_table() {
    files_of_the_originals_open();
    let text = openssl("p256-sha256.pem");
    let id = id_of(&text);
    for (what, text, word, expected) in [
        ("as it is", text.clone(), "secret", OPENS),
        ("wrong passphrase", text.clone(), "Secret", LOCKED),
        ("one iteration", openssl("one-iteration.pem"), "secret", OPENS),
        ("10^9 iterations", renumbered("sha1.pem", 2048, 1_000_000_000), "secret", "iterations"),
        ("no iteration", renumbered("sha1.pem", 2048, 0), "secret", "iterations"),
        ("scrypt", openssl("scrypt.pem"), "secret", "not derived by PBKDF2"),
        ("N = 2^30", renumbered("scrypt.pem", 16384, 1 << 30), "secret", "not derived by PBKDF2"),
        ("DEK-Info", openssl("ec-dek-aes256.pem"), "secret", OPENS),
        ("DEK-Info, wrong passphrase", openssl("ec-dek-aes256.pem"), "Secret", LOCKED),
        ("DEK-Info, triple DES", openssl("rsa-dek-des3.pem"), "secret", "not AES-CBC"),
        (
            "another's role and GUN",
            noted(&text, "role: root\ngun: reg.example.com/x"),
            "secret",
            OPENS,
        ),
        ("two roles", noted(&text, "role: root\nrole: targets"), "secret", "stands twice"),
        ("unencrypted", openssl("p256-plain.pem"), "never asked", OPENS),
        ("two keys", openssl("two.pem"), "secret", "more than one private key"),
        ("a public key", openssl("public.pem"), "secret", "no private key"),
        ("nothing", String::new(), "secret", "no private key"),
    ] {
        let started = Instant::now();
        let (answer, parrot) = used(&text, &id, word);
        assert!(started.elapsed() < COST, "{what}: {:?}", started.elapsed());
        let said = answer.map_or_else(|error| words(&error), |found| found.to_string());
        let wanted = if expected == OPENS { id.to_string() } else { expected.to_owned() };
        assert!(said.contains(&wanted), "{what}: {said}");
        let asked = match expected {
            OPENS => usize::from(what != "unencrypted"),
            LOCKED => 10,
            // What cannot be opened is not asked for.
            _ => 0,
        };
        assert_eq!(parrot.asked.len(), asked, "{what}");
    }
}

/// Keys that notary 0.7, docker and notary 0.1 made, and ours.
fn files_of_the_originals_open() {
    let index = fs::read(root().join("keys-example/index.json")).expect("the index");
    let entries: Vec<Value> = serde_json::from_slice(&index).expect("JSON");
    let mut opened = 0;
    for entry in
        entries.iter().filter(|entry| entry["file"].as_str().expect("a name").contains("/private/"))
    {
        let text = fs::read_to_string(
            root().join("keys-example").join(entry["file"].as_str().expect("a name")),
        );
        let id: KeyId = entry["keyid"].as_str().and_then(|id| id.parse().ok()).expect("an id");
        let word = entry["passphrase"].as_str().unwrap_or("never asked").to_owned();
        let (answer, _) = used(&text.expect("an example"), &id, word.leak());
        assert_eq!(answer.expect("it opens"), id);
        opened += 1;
    }
    assert!(opened >= 12, "{opened} keys");
}

#[test]
fn a_file_is_no_other_key_than_its_name_says() {
    let text = openssl("p256-sha256.pem");
    let other: KeyId = "00".repeat(32).parse().expect("an id");
    let (answer, _) = used(&text, &other, "secret");
    assert!(matches!(answer, Err(Error::OtherKey { expected, .. }) if expected == other));
}

#[test]
fn cut_files_are_refused_wherever_they_end() {
    let text = openssl("p256-sha256.pem");
    let id = id_of(&text);
    for length in (0..text.trim_end().len()).step_by(3) {
        assert!(used(&text[..length], &id, "secret").0.is_err(), "{length}");
    }
}

/// Notes in a file choose words and tables: role and collection may be anybody's, and it is the
/// same key.
#[test]
fn notes_decide_nothing() {
    let text = noted(&openssl("p256-sha256.pem"), "gun: reg.example.com/other\nrole: targets");
    let file = KeyFile::parse(text.as_bytes()).expect("a key file");
    assert_eq!(file.gun.as_deref(), Some("reg.example.com/other"));
    let key = file.open(&Passphrase::copy_of("secret")).expect("it opens");
    assert_eq!(canonical_key_id(key.public()), id_of(&text));
}

#[test]
fn whoever_imports_an_open_key_is_asked_what_shall_lock_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = KeyDirectory::new(folder.path());
    let mut parrot = Parrot::saying("a new one");
    let text = openssl("p256-plain.pem");
    let ids = keys.import(text.as_bytes(), ImportDefaults::default(), &mut parrot).expect("taken");
    assert_eq!(parrot.asked, [Purpose::Create]);
    assert!(keys.unlock(&ids[0], &mut Parrot::saying("a new one")).is_ok());
    assert!(keys.signer(&ids[0], &mut Parrot::saying("")).is_err());
}

/// One answer, in about one time: neither words nor a clock tell whether the passphrase was right.
#[test]
fn wrong_passphrase_vs_damage() {
    for name in ["sha1.pem", "p256-sha256.pem", "ec-dek-aes256.pem"] {
        let text = openssl(name);
        let file = |text: &str| KeyFile::parse(text.as_bytes()).expect("its form is good");
        // The padding at the end of what is encrypted, and the number that is the key.
        let damages = [1, 110].map(|from_end| file(&damaged(&text, from_end)));
        let wrong = ("Secret", &file(&text));
        for damage in damages.iter().map(|file| ("secret", file)) {
            let said = |(word, file): (&str, &KeyFile)| {
                let error = file.open(&Passphrase::copy_of(word)).expect_err("no key");
                (format!("{error:?}"), error.to_string())
            };
            assert_eq!(said(wrong), said(damage), "{name}");
            assert_eq!(said(wrong), ("Locked".to_owned(), LOCKED.to_owned()), "{name}");
            let [one, other] = shortest([wrong, damage]);
            let most = one.min(other) * 2 + Duration::from_millis(1);
            assert!(one < most && other < most, "{name}: {one:?} and {other:?}");
        }
    }
}

/// Of several runs, in turn: what each takes when nobody disturbs it.
fn shortest(cases: [(&str, &KeyFile); 2]) -> [Duration; 2] {
    let mut best = [Duration::MAX; 2];
    for _ in 0..25 {
        for ((word, file), best) in cases.iter().zip(&mut best) {
            let passphrase = Passphrase::copy_of(word);
            // Whoever has slept is not interrupted at once.
            std::thread::sleep(Duration::from_millis(1));
            let started = Instant::now();
            let _ = file.open(&passphrase);
            *best = started.elapsed().min(*best);
        }
    }
    best
}

/// With one bit of a byte changed, so many bytes from the end.
fn damaged(text: &str, from_end: usize) -> String {
    rewritten(text, |der| {
        let at = der.len() - from_end;
        der[at] ^= 1;
    })
}

/// The file with another number in the derivation of its key, where both files have their lengths
/// in the same places.
fn renumbered(name: &str, from: u32, to: u32) -> String {
    let (from, to) = (integer(from), integer(to));
    rewritten(&openssl(name), |der| {
        let at = der.windows(from.len()).position(|bytes| bytes == from).expect("the number");
        for place in [2, 4, 17, 19, 32] {
            der[place] = der[place] + to.len() as u8 - from.len() as u8;
        }
        der.splice(at..at + from.len(), to.iter().copied());
    })
}

/// A positive INTEGER in DER.
fn integer(number: u32) -> Vec<u8> {
    let bytes = [&[0][..], &number.to_be_bytes()].concat();
    let spare = |pair: &[u8]| pair[0] == 0 && pair[1] < 0x80;
    let start = bytes.windows(2).take_while(|pair| spare(pair)).count();
    [&[2, (bytes.len() - start) as u8], &bytes[start..]].concat()
}

/// The PEM with its content changed, and its headers as they were.
fn rewritten(text: &str, change: impl Fn(&mut Vec<u8>)) -> String {
    let (heads, body): (Vec<&str>, Vec<&str>) =
        text.trim_end().lines().partition(|line| line.contains(['-', ':']) || line.is_empty());
    let mut der = STANDARD.decode(body.concat()).expect("base64");
    change(&mut der);
    let (end, heads) = heads.split_last().expect("its lines");
    format!("{}\n{}\n{end}\n", heads.join("\n"), STANDARD.encode(der))
}

/// The PEM with these headers.
fn noted(text: &str, headers: &str) -> String {
    text.replacen("KEY-----\n", &format!("KEY-----\n{headers}\n\n"), 1)
}

/// The key of an OpenSSL file that its passphrase opens.
fn id_of(text: &str) -> KeyId {
    let file = KeyFile::parse(text.as_bytes()).expect("a key file");
    canonical_key_id(file.open(&Passphrase::copy_of("secret")).expect("it opens").public())
}

fn openssl(name: &str) -> String {
    fs::read_to_string(root().join("tests/vectors/keys/files").join(name)).expect("a vector")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

const OPENS: &str = "the key";
const LOCKED: &str = "wrong passphrase, or a damaged private key";
/// Of ten tries, in a debug build on a busy machine; a derivation that nobody bounds takes minutes.
const COST: Duration = Duration::from_secs(10);
