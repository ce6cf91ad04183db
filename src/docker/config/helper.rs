//! Credential helpers: programs `docker-credential-NAME` that keep passwords.
//!
//! Protocol: docker/docker-credential-helpers. The key goes to standard input, nothing to the
//! command line; no shell takes part.

use std::{
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde::Deserialize;
use zeroize::Zeroizing;

use super::Error;
use crate::keys::SECRET_VARIABLES;
use crate::net::{Credential, Secret};

/// A program that keeps credentials.
pub(super) struct Helper {
    program: PathBuf,
}

impl Helper {
    /// The helper of this name, from the absolute directories of `path`.
    pub(super) fn new(name: &str, path: Option<&str>) -> Result<Self, Error> {
        let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(inside) {
            return Err(Error::HelperName { name: name.chars().take(MAX_NAME).collect() });
        }
        let program = format!("docker-credential-{name}");
        let found = find(&program, path.unwrap_or_default());
        let absent = || Error::Helper { program, problem: "is not in PATH".to_owned() };
        Ok(Self { program: found.ok_or_else(absent)? })
    }

    /// The credential kept under `key`; `None` if the helper says that there is none. One that has not
    /// answered after `patience` is ended.
    pub(super) fn credential(
        &self,
        key: &str,
        patience: Duration,
    ) -> Result<Option<Credential>, Error> {
        let mut command = Command::new(&self.program);
        command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        for name in SECRET_VARIABLES.into_iter().chain(["DOCKER_AUTH_CONFIG"]) {
            command.env_remove(name);
        }
        let mut child = command.spawn().map_err(|source| self.unusable(source))?;
        let answer = self.talk(&mut child, key, Instant::now() + patience);
        if answer.is_err() {
            // It may have ended by itself meanwhile; either way nothing of it stays behind.
            let _ = child.kill();
            let _ = child.wait();
        }
        let (succeeded, output) = answer?;
        self.read(succeeded, &output)
    }

    fn talk(
        &self,
        child: &mut Child,
        key: &str,
        end: Instant,
    ) -> Result<(bool, Zeroizing<Vec<u8>>), Error> {
        let unusable = |source| self.unusable(source);
        let output = child.stdout.take().ok_or_else(|| self.failed("has no output"))?;
        let reader = thread::spawn(move || read_output(output));
        if let Some(mut input) = child.stdin.take() {
            // A helper that does not read its input answers for itself.
            let _ = input.write_all(key.as_bytes());
        }
        while !reader.is_finished() {
            if Instant::now() > end {
                return Err(self.failed("does not answer"));
            }
            thread::sleep(PAUSE);
        }
        let output = reader.join().map_err(|_| self.failed("has no output"))?.map_err(unusable)?;
        Ok((self.wait(child, end)?, output))
    }

    fn wait(&self, child: &mut Child, end: Instant) -> Result<bool, Error> {
        loop {
            match child.try_wait().map_err(|source| self.unusable(source))? {
                Some(status) => return Ok(status.success()),
                None if Instant::now() > end => return Err(self.failed("does not end")),
                None => thread::sleep(PAUSE),
            }
        }
    }

    fn read(&self, succeeded: bool, output: &[u8]) -> Result<Option<Credential>, Error> {
        if !succeeded {
            let absent = output.trim_ascii() == NOT_FOUND;
            return if absent { Ok(None) } else { Err(self.failed("failed")) };
        }
        if output.len() as u64 > MAX_OUTPUT {
            return Err(self.failed("gave more than a credential"));
        }
        let kept: Kept =
            serde_json::from_slice(output).map_err(|_| self.failed("gave no credential"))?;
        Ok(kept.into_credential())
    }

    fn failed(&self, problem: &str) -> Error {
        Error::Helper { program: self.name(), problem: problem.to_owned() }
    }

    fn unusable(&self, source: std::io::Error) -> Error {
        Error::HelperStart { program: self.name(), source }
    }

    fn name(&self) -> String {
        self.program.display().to_string()
    }
}

/// What `get` prints.
#[derive(Deserialize)]
struct Kept {
    #[serde(rename = "Username", default)]
    user: String,
    #[serde(rename = "Secret")]
    secret: Secret,
}

impl Kept {
    fn into_credential(self) -> Option<Credential> {
        match (&*self.user, self.secret.expose().is_empty()) {
            (_, true) => None,
            (IDENTITY, _) => Some(Credential::Identity(self.secret)),
            _ => Some(Credential::Password { user: self.user, password: self.secret }),
        }
    }
}

/// The first of the directories that has the program; relative ones do not count.
fn find(program: &str, path: &str) -> Option<PathBuf> {
    let directories = std::env::split_paths(path).filter(|directory| directory.is_absolute());
    directories.map(|directory| directory.join(program)).find(|file| is_program(file))
}

fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

fn read_output(output: impl Read) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    output.take(MAX_OUTPUT + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

const NOT_FOUND: &[u8] = b"credentials not found in native keychain";
/// The user name that marks an identity token.
const IDENTITY: &str = "<token>";
/// Bytes.
const MAX_NAME: usize = 64;
const MAX_OUTPUT: u64 = 64 << 10;
/// It may ask the user to unlock something.
pub(super) const PATIENCE: Duration = Duration::from_secs(45);
const PAUSE: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    /// Runs a helper that is this shell script.
    fn run(script: &str) -> Result<Option<Credential>, Error> {
        let directory = tempfile::tempdir().expect("a temporary folder");
        let file = directory.path().join("docker-credential-test");
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).expect("a file");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o700)).expect("own file");
        let path = format!("relative::{}", directory.path().display());
        Helper::new("test", Some(&path))?.credential("h:5000", PATIENCE)
    }

    #[test]
    fn helper_is_given_the_key_on_standard_input() {
        let script = r#"[ "$*" = get ] && printf '{"Username":"%s","Secret":"s"}' "$(cat)""#;
        match run(script).expect("an answer") {
            Some(Credential::Password { user, password }) => {
                assert_eq!((&*user, password.expose()), ("h:5000", "s"));
            }
            _ => panic!("no password"),
        }
    }

    #[test]
    fn token_user_means_an_identity_token() {
        let found = run(r#"echo '{"ServerURL":"x","Username":"<token>","Secret":"t"}'"#);
        assert!(matches!(found, Ok(Some(Credential::Identity(token))) if token.expose() == "t"));
    }

    #[test]
    fn absent_credential_is_none() {
        let found = run("echo credentials not found in native keychain; exit 1");
        assert!(matches!(found, Ok(None)));
    }

    #[test]
    fn failures_are_errors_without_what_the_helper_said() {
        for script in [
            "echo s3cret; exit 1",
            "exit 1",
            "echo s3cret",
            "echo '{\"Username\":\"s3cret\"}'",
            "head -c 100000 /dev/zero",
            "kill -9 $$",
        ] {
            let error = run(script).err().expect(script);
            assert!(matches!(error, Error::Helper { .. }), "{error:?}");
            assert!(!format!("{error} {error:?}").contains("s3cret"));
        }
    }

    #[test]
    fn cred_helper_names() {
        for name in ["", "../../evil", "a;b", "a b", "A", "a/b", "$(x)", "a\n", "ä", "a.b"] {
            let error = Helper::new(name, Some("/bin")).err().expect(name);
            assert!(matches!(error, Error::HelperName { .. }), "{name:?}");
        }
        let absent = Helper::new("no-such-helper", Some(".:/bin"));
        assert!(matches!(absent.err(), Some(Error::Helper { .. })));
    }
}
