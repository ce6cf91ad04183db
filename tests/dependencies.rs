//! What is built in, read from `Cargo.lock`: the crates that `deny.toml` bans are not there, and
//! those that it lets in by few are let in by no others. `make deny` asks cargo-deny for the rest:
//! licences, sources, versions that stand twice.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use toml::{Table, Value};

#[test]
fn deny_check() {
    let faults = faults(&packages(&read("Cargo.lock")), &bans(&read("deny.toml")));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// RUSTSEC-2023-0071: its signatures give away the key by their timing.
#[test]
fn nothing_signs_with_the_crate_rsa() {
    assert!(packages(&read("Cargo.lock")).iter().all(|package| package.name != "rsa"));
}

#[test]
fn planted_crates_are_found() {
    let lock = r#"
        package = [
            { name = "tough", version = "0.21.9", dependencies = ["aws-lc-rs"] },
            { name = "openssl", version = "0.10.0" },
            { name = "aws-lc-rs", version = "1.0.0" },
            { name = "other", version = "1.0.0", dependencies = ["aws-lc-rs 1.0.0"] },
        ]
    "#;
    let found = faults(&packages(&lock.parse().expect("TOML")), &bans(&read("deny.toml")));
    let expected =
        ["aws-lc-rs is used by other", "openssl 0.10.0 is banned", "tough 0.21.9 is banned"];
    assert_eq!(found, expected);
}

struct Package {
    name: String,
    version: String,
    uses: BTreeSet<String>,
}

struct Ban {
    name: String,
    /// Versions from this one on are let be.
    below: Option<String>,
    /// Who may use it all the same.
    wrappers: Option<Vec<String>>,
}

impl Ban {
    fn hits(&self, package: &Package) -> bool {
        self.wrappers.is_none()
            && self.name == package.name
            && self.below.as_deref().is_none_or(|below| numbers(&package.version) < numbers(below))
    }
}

fn faults(packages: &[Package], bans: &[Ban]) -> Vec<String> {
    let pairs = bans.iter().flat_map(|ban| packages.iter().map(move |package| (ban, package)));
    let mut faults: Vec<String> = pairs.filter_map(|(ban, package)| fault(ban, package)).collect();
    faults.sort();
    faults
}

fn fault(ban: &Ban, package: &Package) -> Option<String> {
    if ban.hits(package) {
        return Some(format!("{} {} is banned", package.name, package.version));
    }
    let few = ban.wrappers.as_ref()?;
    let misused = package.uses.contains(&ban.name) && !few.contains(&package.name);
    misused.then(|| format!("{} is used by {}", ban.name, package.name))
}

fn packages(lock: &Table) -> Vec<Package> {
    let listed = lock["package"].as_array().expect("packages");
    listed.iter().map(Package::of).collect()
}

impl Package {
    fn of(package: &Value) -> Self {
        // A name, and its version where there are several.
        let name = |used: &Value| text(used).split(' ').next().unwrap_or_default().to_owned();
        let uses = package.get("dependencies").and_then(Value::as_array);
        let uses = uses.into_iter().flatten().map(name).collect();
        Self { name: text(&package["name"]), version: text(&package["version"]), uses }
    }
}

fn bans(deny: &Table) -> Vec<Ban> {
    let listed = deny["bans"]["deny"].as_array().expect("bans");
    assert!(!listed.is_empty(), "nothing is banned");
    listed.iter().map(ban).collect()
}

fn ban(listed: &Value) -> Ban {
    let krate = text(&listed["crate"]);
    let (name, below) = match krate.split_once(":<") {
        Some((name, below)) => (name.to_owned(), Some(below.to_owned())),
        None => (krate, None),
    };
    let wrappers = listed.get("wrappers").and_then(Value::as_array);
    Ban { name, below, wrappers: wrappers.map(|few| few.iter().map(text).collect()) }
}

fn numbers(version: &str) -> Vec<u64> {
    version.split('.').map_while(|part| part.parse().ok()).collect()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}

fn read(name: &str) -> Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(path).expect(name).parse().expect(name)
}
