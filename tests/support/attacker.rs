//! A man in the middle of the trust server: `test-registry/attacker.py`.
#![allow(dead_code, reason = "each test uses the part that it needs")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::registry::TestRegistry;

/// A man in the middle of the trust server.
pub(crate) struct Attacker {
    process: Child,
    behaviour: PathBuf,
    pub(crate) url: String,
    pub(crate) authority: String,
}

impl Attacker {
    /// Between the programs and the trust server, and honest.
    pub(crate) fn start(servers: &TestRegistry) -> Self {
        let folder = Path::new(servers.variable("TEST_REGISTRY_DIR")).to_owned();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("test-registry/attacker.py");
        let (behaviour, url) = (folder.join("behaviour"), folder.join("attacker.url"));
        std::fs::write(&behaviour, "honest").expect("written");
        let process = Command::new(script)
            .args(["--upstream", servers.variable("TRUST_SERVER")])
            .args(["--ca", servers.variable("TEST_CA")])
            .arg("--tls-cert")
            .arg(folder.join("tls/server.crt"))
            .arg("--tls-key")
            .arg(folder.join("tls/server.key"))
            .arg("--behaviour")
            .arg(&behaviour)
            .arg("--log")
            .arg(folder.join("attacker.log"))
            .stdout(std::fs::File::create(&url).expect("a file"))
            .stderr(std::fs::File::create(folder.join("attacker.err")).expect("a file"))
            .spawn()
            .expect("the attacker starts");
        let authority = servers.variable("TEST_CA").to_owned();
        let mut attacker = Self { process, behaviour, url: String::new(), authority };
        let began = Instant::now();
        while attacker.url.is_empty() {
            assert!(began.elapsed() < Duration::from_secs(10), "the attacker says where it is");
            std::thread::sleep(Duration::from_millis(20));
            let said = std::fs::read_to_string(&url).expect("its URL");
            said.lines()
                .next()
                .filter(|_| said.ends_with('\n'))
                .unwrap_or_default()
                .clone_into(&mut attacker.url);
        }
        attacker
    }

    /// From now on it does this.
    pub(crate) fn behave(&self, behaviour: &str) {
        std::fs::write(&self.behaviour, behaviour).expect("written");
    }

    /// The options that lead to it.
    pub(crate) fn server(&self) -> [&str; 4] {
        ["--server", &self.url, "--tls-ca", &self.authority]
    }
}

impl Drop for Attacker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
