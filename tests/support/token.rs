//! A token of SoftHSM's, PIN 1234, and a module with faults that leads to it.
#![allow(dead_code, reason = "each test uses the part that it needs")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A token labelled `release` in a folder.
pub(crate) struct TestToken {
    folder: PathBuf,
}

impl TestToken {
    /// Makes it in `folder`, which is there.
    pub(crate) fn make(folder: &Path) -> Self {
        Self::make_with_pin(folder, "1234")
    }

    /// The same with another PIN.
    pub(crate) fn make_with_pin(folder: &Path, pin: &str) -> Self {
        fs::create_dir_all(folder.join("tokens")).expect("a directory");
        let token = Self { folder: folder.to_owned() };
        let tokens = folder.join("tokens");
        let text = format!("directories.tokendir = {}\nlog.level = ERROR\n", tokens.display());
        fs::write(token.configuration(), text).expect("written");
        let words = ["--init-token", "--free", "--label", "release", "--so-pin", "5678"];
        let made = Command::new("softhsm2-util")
            .args(words)
            .args(["--pin", pin])
            .env("SOFTHSM2_CONF", token.configuration())
            .output()
            .expect("softhsm2-util: `make test` installs it");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        token
    }

    /// What SOFTHSM2_CONF has to name.
    pub(crate) fn configuration(&self) -> PathBuf {
        self.folder.join("softhsm.conf")
    }

    /// Each C_Login adds a line, if the module with faults is used.
    pub(crate) fn logins(&self) -> PathBuf {
        self.folder.join("logins")
    }

    /// How often somebody tried to log in.
    pub(crate) fn login_count(&self) -> usize {
        fs::read_to_string(self.logins()).unwrap_or_default().lines().count()
    }

    /// A module with faults, compiled for this token. It has SoftHSM for itself, so that several
    /// may be used in one process.
    pub(crate) fn faulty_module(&self) -> PathBuf {
        let (module, own) = (self.folder.join("faulty.so"), self.folder.join("softhsm.so"));
        if module.exists() {
            return module;
        }
        fs::copy(softhsm(), &own).expect("copied");
        let define = |name: &str, value: &Path| format!("-D{name}=\"{}\"", value.display());
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-Wall", "-Werror", "-O1"])
            .arg(define("SOFTHSM", &own))
            .arg(define("CONFIGURATION", &self.configuration()))
            .arg(define("LOGINS", &self.logins()))
            .arg(define("CONTROL", &self.control()))
            .arg("-o")
            .arg(&module)
            .args([concat!(env!("CARGO_MANIFEST_DIR"), "/tests/token/faulty.c"), "-ldl"])
            .status();
        assert!(compiled.is_ok_and(|status| status.success()), "cc makes the faulty module");
        module
    }

    /// From now on the module has this fault; `none` for none.
    pub(crate) fn fail(&self, fault: &str) {
        let beside = self.folder.join("control.new");
        fs::write(&beside, fault).expect("written");
        fs::rename(beside, self.control()).expect("renamed");
    }

    /// Makes a key with another program than ours.
    pub(crate) fn make_key(&self, kind: &str, label: &str, id: &str) {
        let made = Command::new("pkcs11-tool")
            .args(["--module", softhsm(), "--login", "--pin", "1234", "--keypairgen"])
            .args(["--key-type", kind, "--label", label, "--id", id])
            .env("SOFTHSM2_CONF", self.configuration())
            .output()
            .expect("pkcs11-tool: `make test` installs it");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    fn control(&self) -> PathBuf {
        self.folder.join("control")
    }
}

/// SoftHSM's own module.
pub(crate) fn softhsm() -> &'static str {
    let places = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so"];
    let found = places.into_iter().find(|place| Path::new(place).exists());
    found.expect("SoftHSM's module: `make test` installs it")
}
