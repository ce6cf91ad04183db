//! Keys of docker, notary and openssl open here; ours open there; odd ones do no harm.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::*;
use crate::crypto::tests::base64;
use crate::crypto::{Algorithm, Signer};
use crate::tuf::canonical_key_id;

mod directories;
mod exchanges;
mod formats;
mod originals;
mod passphrases;

/// A source that gives these passphrases and keeps what it was asked.
struct Say {
    answers: Vec<&'static str>,
    asked: Vec<(Purpose, String, u32)>,
}

fn say(answers: &[&'static str]) -> Say {
    Say { answers: answers.iter().rev().copied().collect(), asked: Vec::new() }
}

impl PassphraseSource for Say {
    fn passphrase(&mut self, request: &PassphraseRequest<'_>) -> Result<Passphrase, Error> {
        self.asked.push((request.purpose, request.role.to_owned(), request.attempt));
        self.answers.pop().map(pass).ok_or_else(|| request.refused())
    }
}

/// Whether the answer is that no passphrase fitted, and of which key.
fn stays_locked(answer: Result<PrivateKey, Error>) -> bool {
    matches!(answer, Err(Error::Unopened { source, .. }) if matches!(*source, Error::Locked))
}

fn pass(text: &str) -> Passphrase {
    Passphrase::new(text.to_owned())
}

fn new_key() -> PrivateKey {
    PrivateKey::generate(Algorithm::EcdsaP256).unwrap()
}

fn gun() -> Gun {
    Gun::raw("localhost:5000/team/app").unwrap()
}

fn trust() -> (TempDir, KeyDirectory) {
    let folder = TempDir::new().unwrap();
    let keys = KeyDirectory::new(folder.path());
    (folder, keys)
}

/// Puts a file below `private` as its owner would have it.
fn put(keys: &KeyDirectory, name: &str, text: &[u8]) -> PathBuf {
    let path = keys.path().join(name);
    let mut folder = fs::DirBuilder::new();
    folder.recursive(true).mode(0o700).create(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    chmod(&path, 0o600);
    path
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/keys")
}

/// Rows of a table of vectors.
fn table(name: &str) -> Vec<[String; 4]> {
    let text = fs::read_to_string(vectors().join(name)).unwrap();
    let row = |line: &str| line.split('\t').map(str::to_owned).collect::<Vec<_>>();
    let rows = text.lines().map(|line| row(line).try_into().unwrap()).collect::<Vec<_>>();
    assert!(rows.len() > 1);
    rows
}
