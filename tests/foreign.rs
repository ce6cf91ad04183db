//! Repositories of TUF 1.0 that others made, with roles and delegations as nobody has them who
//! comes from docker: all commands say the same of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

const IMAGE: &str = "registry.example.com/team/web";

/// Somebody who knows nothing yet, and has no network.
struct Host(tempfile::TempDir);

impl Host {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.env_clear().env("HOME", self.0.path()).args(arguments);
        command.output().expect("countersign runs")
    }

    fn does(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        String::from_utf8(output.stdout).expect("text")
    }
}

/// A repository of the vectors: where it is, the names that are signed, with their digests, and one
/// that is not.
struct Case {
    metadata: PathBuf,
    signed: Vec<(String, String)>,
    absent: String,
}

fn cases() -> Vec<Case> {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/tuf1");
    let names =
        ["bins", "ecdsa", "exported", "globs", "hash-prefixes", "not-consistent", "rsa", "tags"];
    let case = |name: &str| {
        let text = fs::read(vectors.join(name).join("case.json")).expect("a case");
        let says: Value = serde_json::from_slice(&text).expect("JSON");
        let found = says["found"].as_object().expect("names");
        let digest = |file: &Value| Some(format!("sha256:{}", file["hashes"]["sha256"].as_str()?));
        let signed = found.iter().filter_map(|(name, file)| Some((name.clone(), digest(file)?)));
        let absent = found.iter().find(|(name, file)| file.is_null() && !name.contains('/'));
        Case {
            metadata: vectors.join(name).join("metadata"),
            signed: signed.collect(),
            absent: absent.map_or("absent", |(name, _)| name).to_owned(),
        }
    };
    names.into_iter().map(case).collect()
}

#[test]
fn what_is_listed_is_what_is_found_and_a_bundle_says_the_same() {
    for Case { metadata, signed, absent } in cases() {
        let (host, shown) = (Host::new(), metadata.display().to_string());
        let place = format!("file://{shown}");
        let archive = host.0.path().join("bundle.tar").display().to_string();
        let told = host.does(&["bundle", "--to", &archive, "--server", &place, IMAGE]);
        let bundled = format!("bundle:{archive}");
        for place in [&place, &bundled] {
            let host = Host::new();
            let listed = host.does(&["list", "--format", "json", "--server", place, IMAGE]);
            let listed: BTreeSet<(String, String)> = listed
                .lines()
                .map(|line| {
                    let said: Value = serde_json::from_str(line).expect("JSON");
                    let text = |name: &str| said[name].as_str().unwrap_or_default().to_owned();
                    (text("tag"), text("digest"))
                })
                .collect();
            let known: BTreeSet<(String, String)> = signed.iter().cloned().collect();
            assert!(known.is_subset(&listed), "{shown}: {listed:?}");
            assert!(!listed.iter().any(|(tag, _)| *tag == absent), "{shown}: {listed:?}");
            for (tag, digest) in signed.iter().filter(|(tag, _)| !tag.contains('/')) {
                let reference = format!("{IMAGE}:{tag}");
                let said = host.does(&["verify", "--server", place, &reference]);
                assert_eq!(said, format!("{IMAGE}@{digest}\n"), "{shown}");
                let explained = host.does(&["explain", "--server", place, &reference]);
                let chain = explained.lines().skip(1).take_while(|line| !line.is_empty());
                let reasons = chain.filter(|line| line.ends_with(' ')).count();
                assert_eq!(reasons, 0, "each link has its reason: {explained}");
            }
            let refused = host.run(&["verify", "--server", place, &format!("{IMAGE}:{absent}")]);
            assert_eq!(refused.status.code(), Some(3), "{shown}: {absent}");
            let count = format!("{IMAGE}: {} tags, ", listed.len());
            assert!(told.starts_with(&count), "{shown}: {told}");
        }
    }
}

/// A folder of links to the files of an honest repository, as some who mount it lay it out.
fn linked(case: &Case, home: &Path) -> PathBuf {
    let folder = home.join("metadata");
    fs::create_dir(&folder).expect("a folder");
    for entry in fs::read_dir(&case.metadata).expect("a folder") {
        let entry = entry.expect("an entry");
        std::os::unix::fs::symlink(entry.path(), folder.join(entry.file_name())).expect("a link");
    }
    folder
}

#[test]
fn a_folder_that_is_not_what_it_seems_keeps_nobody_waiting() {
    let case = cases().into_iter().find(|case| case.metadata.ends_with("tags/metadata"));
    let case = case.expect("a case");
    let verify = |spoil: &dyn Fn(&Path)| {
        let host = Host::new();
        let folder = linked(&case, host.0.path());
        spoil(&folder.join("timestamp.json"));
        let place = format!("file://{}", folder.display());
        host.run(&["verify", "--server", &place, &format!("{IMAGE}:1.4")]).status.code()
    };
    assert_eq!(verify(&|_| {}), Some(0), "links are followed");
    let instead = |make: fn(&Path)| {
        verify(&move |file| {
            fs::remove_file(file).expect("removed");
            make(file);
        })
    };
    let pipe = |file: &Path| {
        let made = Command::new("mkfifo").arg(file).status().expect("mkfifo runs");
        assert!(made.success());
    };
    assert_eq!(instead(pipe), Some(4), "a pipe to which nobody writes");
    assert_eq!(instead(|file| fs::create_dir(file).expect("a folder")), Some(4));
    let endless = |file: &Path| {
        let file = fs::File::create(file).expect("a file");
        file.set_len(1 << 40).expect("a terabyte of nothing");
    };
    assert_eq!(instead(endless), Some(4), "more than anybody reads");
    let link = |file: &Path| std::os::unix::fs::symlink("/dev/zero", file).expect("a link");
    assert_eq!(instead(link), Some(4), "no file at all");
}
