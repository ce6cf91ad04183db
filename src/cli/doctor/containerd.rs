//! A look at where containerd pulls from.

use std::fs;
use std::path::{Path, PathBuf};

use super::MAX_BYTES;
use crate::docker::checkup::{Finding, containerd_finding};
use crate::storage::read_regular;

/// What is to be said of containerd's registries, a folder for each.
pub(super) fn findings() -> Vec<Finding> {
    findings_in(Path::new(REGISTRIES))
}

fn findings_in(registries: &Path) -> Vec<Finding> {
    let folders = fs::read_dir(registries).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = folders.map(|it| it.path().join("hosts.toml")).collect();
    files.sort();
    files.iter().filter_map(|path| file(path)).collect()
}

/// None where we may not look.
fn file(path: &Path) -> Option<Finding> {
    let text = read_regular(path, MAX_BYTES).ok()?;
    containerd_finding(&path.display().to_string(), &String::from_utf8_lossy(&text))
}

/// The usual `config_path`.
const REGISTRIES: &str = "/etc/containerd/certs.d";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_registry_is_looked_at() {
        let registries = tempfile::tempdir().expect("a folder");
        assert!(findings_in(&registries.path().join("none")).is_empty());
        let host = "[host.\"http://127.0.0.1:5000\"]\n";
        for (name, text) in [
            ("a.example.com", host.to_owned()),
            ("b.example.com", format!("server = \"http://127.0.0.1:5000\"\n{host}")),
            ("_default", host.to_owned()),
        ] {
            let folder = registries.path().join(name);
            fs::create_dir(&folder).expect("a folder");
            fs::write(folder.join("hosts.toml"), text).expect("written");
        }
        fs::create_dir(registries.path().join("empty")).expect("a folder");
        let subjects = findings_in(registries.path()).into_iter().map(|finding| finding.subject);
        let of = |name: &str| registries.path().join(name).join("hosts.toml").display().to_string();
        assert_eq!(subjects.collect::<Vec<_>>(), [of("_default"), of("a.example.com")]);
    }
}
