//! Secrets that are looked for in all that a program says, writes and hands on, however they are
//! spelt.
#![allow(dead_code, reason = "every test program uses a part of it")]

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// The spelling in which bytes hold a secret, if they do.
pub(crate) fn spelling_in(bytes: &[u8], secret: &[u8]) -> Option<&'static str> {
    let held = |(_, needle): &(&str, Vec<u8>)| !places(bytes, needle).is_empty();
    spellings(secret).into_iter().find(held).map(|(name, _)| name)
}

/// Where bytes hold a needle.
pub(crate) fn places(bytes: &[u8], needle: &[u8]) -> Vec<usize> {
    assert!(needle.len() >= 8, "too short to be nobody else's");
    memchr::memmem::find_iter(bytes, needle).collect()
}

/// As it is, from its end, in hexadecimal digits, and in base64 wherever it begins in what is
/// encoded.
pub(crate) fn spellings(secret: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut all = vec![
        ("plain", secret.to_vec()),
        ("reversed", secret.iter().rev().copied().collect()),
        ("in upper-case hex", hex.to_uppercase().into_bytes()),
        ("in hex", hex.into_bytes()),
    ];
    for before in 0..3 {
        let shifted = [&vec![0; before], secret].concat();
        // Letters that depend on a neighbour are left out.
        let (first, last) = ((before * 8).div_ceil(6), shifted.len() * 8 / 6);
        all.push(("in base64", STANDARD_NO_PAD.encode(&shifted).as_bytes()[first..last].to_vec()));
        let name = "in base64 for addresses";
        all.push((name, URL_SAFE_NO_PAD.encode(&shifted).as_bytes()[first..last].to_vec()));
    }
    all
}

/// Every file below a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found
}
