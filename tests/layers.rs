//! The direction of imports, and what the deciding folders never touch. A folder may name only
//! folders that stand before it in [`ORDER`]; what decides knows no disk, network, clock or
//! environment.

#[path = "support/source.rs"]
mod source;

use std::fs;
use std::path::{Path, PathBuf};

/// Top to bottom: decide, carry, mean, face.
const ORDER: [&str; 12] = [
    "crypto", "image", "tuf", "verify", "edit", "keys", "storage", "net", "client", "docker",
    "server", "cli",
];
/// The folders whose answers depend on their arguments alone.
const DECIDING: [&str; 5] = ["crypto", "image", "tuf", "verify", "edit"];
/// The folders that may read the clock and the environment.
const FACES: [&str; 2] = ["server", "cli"];

/// Outside of the deciding folders' world.
const WORLD: [&str; 15] = [
    "reqwest",
    "rustls",
    "std::env",
    "std::fs",
    "std::net",
    "std::os",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "tempfile",
    "tokio",
    "jiff::Timestamp::now",
    "jiff::Zoned::now",
    "keyring",
];
/// Addresses are only read there, as parts of names.
const HARMLESS: [&str; 3] = ["std::net::IpAddr", "std::net::Ipv4Addr", "std::net::Ipv6Addr"];
/// What only a face asks; everyone else is told.
const CLOCK_AND_ENVIRONMENT: [&str; 12] = [
    "jiff::Timestamp::now",
    "jiff::Zoned::now",
    "std::env::args",
    "std::env::args_os",
    "std::env::current_dir",
    "std::env::home_dir",
    "std::env::temp_dir",
    "std::env::var",
    "std::env::var_os",
    "std::env::vars",
    "std::env::vars_os",
    "std::time::SystemTime::now",
];
/// Where written forms are read and made among the deciding folders.
const WRITTEN_FORMS: &str = "tuf/dialect/";

#[test]
fn every_folder_imports_only_from_folders_before_it() {
    let faults: Vec<String> = sources().iter().flat_map(SourceFile::import_faults).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn what_decides_knows_no_disk_network_clock_or_environment() {
    let faults: Vec<String> = sources().iter().flat_map(SourceFile::world_faults).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn only_faces_read_the_clock_and_the_environment() {
    let faults: Vec<String> = sources().iter().flat_map(SourceFile::clock_faults).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn written_forms_stay_in_the_dialects() {
    let faults: Vec<String> = sources().iter().flat_map(SourceFile::form_faults).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_source_is_read_to_its_end() {
    for file in sources() {
        assert!(source::is_balanced(&file.text), "src/{}: braces", file.path);
    }
}

#[test]
fn planted_imports_are_found() {
    for (path, line) in [
        ("crypto/key.rs", "use crate::tuf::KeyId;"),
        ("tuf/gun.rs", "fn f() { crate::verify::decide() }"),
        ("tuf/dialect/notary/read.rs", "use crate::{crypto::Sha256, net::Error};"),
        ("tuf/dialect/notary/read.rs", "use super::super::super::super::verify::Policy;"),
        ("keys/format.rs", "use crate::storage::{self, Cache};"),
        ("storage/mod.rs", "use super::client;"),
        ("crypto/mod.rs", "use crate::*;"),
        ("storage/folder.rs", "use super::super::net::{Http};"),
        ("docker/sign.rs", "type A = crate::cli::Output;"),
        ("edit/mod.rs", "#[cfg(test)]\nmod tests {\n    use super::super::docker::Error;\n}"),
    ] {
        assert!(!planted(path, line).import_faults().is_empty(), "{path}: {line}");
    }
}

#[test]
fn planted_touches_of_the_world_are_found() {
    for line in [
        "use std::fs;",
        "use std::{fmt, env::{self, VarError}};",
        "use std::net::TcpStream;",
        "use tokio::time::sleep;",
        "fn f() { let _ = std::time::SystemTime::now(); }",
        "use jiff::Timestamp as Instant;\nfn f() -> Instant { Instant::now() }",
        "use jiff::Timestamp;\nfn f() -> Timestamp { Timestamp::now() }",
    ] {
        assert!(!planted("verify/policy.rs", line).world_faults().is_empty(), "{line}");
    }
    for line in ["use std::env;\nfn f() { env::var(\"HOME\"); }", "fn f() { jiff::Zoned::now(); }"]
    {
        assert!(!planted("docker/sign.rs", line).clock_faults().is_empty(), "{line}");
        assert!(planted("cli/sign.rs", line).clock_faults().is_empty(), "{line}");
    }
    let form = "#[derive(serde::Serialize)]\nstruct Written;";
    assert_eq!(planted("verify/root.rs", form).form_faults().len(), 1);
    assert!(planted("tuf/dialect/notary/read.rs", form).form_faults().is_empty());
}

#[test]
fn what_is_lawful_is_let_be() {
    for (path, line) in [
        ("docker/sign.rs", "use crate::{client, docker::Error, tuf::{Gun, KeyId}};"),
        ("verify/mod.rs", "//! See [`crate::client`].\nuse super::tuf::Gun;"),
        ("tuf/gun.rs", "const TEXT: &str = \"use crate::cli; // \\\" crate::net\";"),
        ("tuf/gun.rs", "const RAW: &str = r#\"\"crate::net\"\"#; const C: char = '\"';"),
        ("image/name.rs", "/* use crate::cli; */ use std::{fmt, net::Ipv6Addr};"),
        ("tuf/dialect/notary/read.rs", "use super::super::json::Value;"),
    ] {
        let file = planted(path, line);
        let faults = [file.import_faults(), file.world_faults(), file.clock_faults()].concat();
        assert!(faults.is_empty(), "{faults:?}");
    }
}

/// One file below `src`.
struct SourceFile {
    /// Below `src`, with `/`.
    path: String,
    text: String,
}

impl SourceFile {
    fn folder(&self) -> Option<usize> {
        let (folder, _) = self.path.split_once('/')?;
        Some(
            rank(folder)
                .unwrap_or_else(|| panic!("{}: a folder that is not in the order", self.path)),
        )
    }

    fn is(&self, folders: &[&str]) -> bool {
        self.folder().is_some_and(|rank| folders.contains(&ORDER[rank]))
    }

    /// Names of folders that stand below this file's own.
    fn import_faults(&self) -> Vec<String> {
        let Some(own) = self.folder() else { return Vec::new() };
        let below = |path: &source::Path| {
            let named = self.folder_named(&path.names)?;
            (named == "*" || rank(named)? > own).then(|| self.fault(path))
        };
        source::paths(&self.text).iter().filter_map(below).collect()
    }

    fn world_faults(&self) -> Vec<String> {
        if !self.is(&DECIDING) {
            return Vec::new();
        }
        self.named(&WORLD, &HARMLESS)
    }

    fn clock_faults(&self) -> Vec<String> {
        if self.folder().is_none() || self.is(&FACES) {
            return Vec::new();
        }
        self.named(&CLOCK_AND_ENVIRONMENT, &[])
    }

    fn form_faults(&self) -> Vec<String> {
        if !self.is(&DECIDING) || self.path.starts_with(WRITTEN_FORMS) {
            return Vec::new();
        }
        self.named(&["serde", "serde_json"], &[])
    }

    /// Where the file, tests aside, names one of these or something below it.
    fn named(&self, refused: &[&str], except: &[&str]) -> Vec<String> {
        if self.path.contains("/tests/") || self.path.ends_with("/tests.rs") {
            return Vec::new();
        }
        let found = source::paths(source::without_tests(&self.text)).into_iter().filter(|path| {
            let is_one = |of: &&str| starts_with(&path.names, of);
            refused.iter().any(is_one) && !except.iter().any(is_one)
        });
        found.map(|path| self.fault(&path)).collect()
    }

    /// The top-level folder that a path names, through `crate` or out of its own by `super`.
    fn folder_named<'p>(&self, names: &'p [String]) -> Option<&'p str> {
        let ups = names.iter().take_while(|name| *name == "super").count();
        match names {
            [first, folder, ..] if first == "crate" => Some(folder),
            _ if ups > 0 && (ups == self.depth() || ups == self.depth() + 1) => {
                names.get(ups).map(String::as_str)
            }
            _ => None,
        }
    }

    /// How many times `super` leads out to the crate itself; once more from the tests inside a
    /// file.
    fn depth(&self) -> usize {
        let module = self.path.trim_end_matches(".rs").trim_end_matches("/mod");
        module.split('/').count()
    }

    fn fault(&self, path: &source::Path) -> String {
        format!("src/{}:{}: {}", self.path, path.line, path.names.join("::"))
    }
}

fn rank(folder: &str) -> Option<usize> {
    ORDER.iter().position(|known| *known == folder)
}

fn starts_with(names: &[String], path: &str) -> bool {
    let mut names = names.iter();
    path.split("::").all(|part| names.next().is_some_and(|name| name == part))
}

fn planted(path: &str, text: &str) -> SourceFile {
    SourceFile { path: path.to_owned(), text: text.to_owned() }
}

fn sources() -> Vec<SourceFile> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&top, &mut files);
    assert!(files.len() > 100, "the sources are all there");
    let read = |path: PathBuf| SourceFile {
        path: path.strip_prefix(&top).expect("below src").display().to_string(),
        text: fs::read_to_string(&path).expect("a source"),
    };
    files.into_iter().map(read).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
