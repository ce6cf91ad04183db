//! Where passphrases come from when nobody is at a terminal.

use super::{Error, Passphrase, PassphraseRequest, PassphraseSource};

/// The variables of docker and notary.
///
/// Whoever owns the environment hands in the look-up; an empty variable counts as unset, as it
/// does there.
pub struct Environment<F> {
    lookup: F,
}

impl<F: Fn(&str) -> Option<String>> Environment<F> {
    /// Reads variables through `lookup`.
    pub fn new(lookup: F) -> Environment<F> {
        Environment { lookup }
    }

    /// The variables that hold the passphrase for keys of a role: docker's, then notary's
    /// (docker `cli/trust`, notary `cmd/notary/main.go`).
    pub fn variables(role: &str) -> &'static [&'static str] {
        match role {
            "root" => &["DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE", "NOTARY_ROOT_PASSPHRASE"],
            "targets" => &[REPOSITORY, "NOTARY_TARGETS_PASSPHRASE"],
            "snapshot" => &[REPOSITORY, "NOTARY_SNAPSHOT_PASSPHRASE"],
            "timestamp" => &[REPOSITORY],
            _ => &[REPOSITORY, "NOTARY_DELEGATION_PASSPHRASE"],
        }
    }
}

impl<F: Fn(&str) -> Option<String>> PassphraseSource for Environment<F> {
    fn passphrase(&mut self, request: &PassphraseRequest<'_>) -> Result<Passphrase, Error> {
        let set = |name: &&str| (self.lookup)(name).filter(|value| !value.is_empty());
        let names = match request.token() {
            Some(_) => &[PIN_VARIABLE][..],
            None => Self::variables(request.role),
        };
        let mut values = names.iter().filter_map(set);
        let value = values.nth(usize::try_from(request.attempt).unwrap_or(usize::MAX));
        value.map(Passphrase::new).ok_or_else(|| request.refused())
    }
}

/// A file that holds one passphrase, or lines of `role=passphrase`.
///
/// The roles are `root`, `targets`, `snapshot`, `timestamp`, delegations by their full name,
/// `delegation` for every other key, and `token` for PINs. A single line that starts with none of
/// these is the passphrase of every key, and no PIN.
pub struct PassphraseFile {
    lines: Vec<(Option<String>, Passphrase)>,
}

impl PassphraseFile {
    /// Reads the content of such a file.
    ///
    /// # Errors
    ///
    /// If it is empty or no text, if one of several lines names no role, or if a line that names one
    /// gives no passphrase: a key must not be left unencrypted because a variable was not set.
    pub fn parse(text: &[u8]) -> Result<PassphraseFile, Error> {
        let refuse = |problem: &str| Error::PassphraseFile { problem: problem.to_owned() };
        let text = std::str::from_utf8(text).map_err(|_| refuse("not text"))?;
        let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.is_empty());
        let lines = lines.map(read_line).collect::<Result<Vec<_>, _>>()?;
        match lines.len() {
            0 => Err(refuse("empty")),
            1 => Ok(PassphraseFile { lines }),
            _ if lines.iter().all(|(role, _)| role.is_some()) => Ok(PassphraseFile { lines }),
            _ => Err(refuse(NOT_ROLES)),
        }
    }

    /// Reads the content of a file that holds nothing but a PIN, bare or as `token=PIN`.
    ///
    /// # Errors
    ///
    /// As [`parse`](PassphraseFile::parse).
    pub fn parse_pin(text: &[u8]) -> Result<PassphraseFile, Error> {
        let mut file = Self::parse(text)?;
        for (role, _) in &mut file.lines {
            role.get_or_insert_with(|| PIN.to_owned());
        }
        Ok(file)
    }

    fn pin(&self) -> Option<&str> {
        let line = self.lines.iter().find(|(role, _)| role.as_deref() == Some(PIN));
        line.map(|(_, pin)| pin.as_str())
    }

    fn find(&self, role: &str) -> Option<&str> {
        let lines = self.lines.iter().filter(|(role, _)| role.as_deref() != Some(PIN));
        let named = |name: &str| {
            lines.clone().find(|(role, _)| role.as_deref().is_none_or(|role| role == name))
        };
        let line = match BASE_ROLES.contains(&role) {
            true => named(role),
            // Docker's keys have the signer's name, Notary's the role's.
            false => named(role)
                .or_else(|| named(&format!("targets/{role}")))
                .or_else(|| named(DELEGATION)),
        };
        line.map(|(_, value)| value.as_str())
    }
}

impl PassphraseSource for PassphraseFile {
    fn passphrase(&mut self, request: &PassphraseRequest<'_>) -> Result<Passphrase, Error> {
        (&*self).passphrase(request)
    }
}

impl PassphraseSource for &PassphraseFile {
    fn passphrase(&mut self, request: &PassphraseRequest<'_>) -> Result<Passphrase, Error> {
        let value = match request.token() {
            Some(_) => self.pin(),
            None => self.find(request.role),
        };
        match value {
            Some(value) if request.attempt == 0 => Ok(Passphrase::copy_of(value)),
            _ => Err(request.refused()),
        }
    }
}

/// Several sources, asked one after the other until one fits.
#[derive(Default)]
pub struct Chain<'a> {
    sources: Vec<Box<dyn PassphraseSource + 'a>>,
    current: usize,
    attempt: u32,
}

impl<'a> Chain<'a> {
    /// No sources.
    pub fn new() -> Chain<'a> {
        Chain::default()
    }

    /// Adds a source to be asked after those before it.
    #[must_use]
    pub fn then(mut self, source: impl PassphraseSource + 'a) -> Chain<'a> {
        self.sources.push(Box::new(source));
        self
    }
}

impl PassphraseSource for Chain<'_> {
    fn passphrase(&mut self, request: &PassphraseRequest<'_>) -> Result<Passphrase, Error> {
        if request.attempt == 0 {
            (self.current, self.attempt) = (0, 0);
        }
        while let Some(source) = self.sources.get_mut(self.current) {
            let asked = PassphraseRequest { attempt: self.attempt, ..*request };
            match source.passphrase(&asked) {
                Err(Error::NoPassphrase { .. } | Error::NoPin { .. }) => {
                    (self.current, self.attempt) = (self.current + 1, 0);
                }
                answer => {
                    self.attempt += 1;
                    return answer;
                }
            }
        }
        Err(request.refused())
    }
}

fn read_line((number, line): (usize, &str)) -> Result<(Option<String>, Passphrase), Error> {
    match line.split_once('=') {
        Some((role, "")) if is_role(role) => Err(Error::PassphraseFile {
            problem: format!(
                "line {number} gives no passphrase: write it after the =, or leave the line out"
            ),
        }),
        Some((role, value)) if is_role(role) => {
            Ok((Some(role.to_owned()), Passphrase::copy_of(value)))
        }
        _ => Ok((None, Passphrase::copy_of(line))),
    }
}

fn is_role(name: &str) -> bool {
    BASE_ROLES.contains(&name) || [DELEGATION, PIN].contains(&name) || name.starts_with("targets/")
}

const NOT_ROLES: &str = "several lines, and not all of them are ROLE=PASSPHRASE, where ROLE is root, targets, snapshot, \
     timestamp, token, targets/NAME of a signer, or delegation for all others";
const REPOSITORY: &str = "DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE";
const BASE_ROLES: [&str; 4] = ["root", "targets", "snapshot", "timestamp"];
const DELEGATION: &str = "delegation";
const PIN: &str = "token";
const PIN_VARIABLE: &str = "COUNTERSIGN_TOKEN_PIN";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signers_line_is_found_by_the_name_that_docker_gives_his_key() {
        let text = b"root=r\ntargets/alice=a\ndelegation=d\n";
        let file = PassphraseFile::parse(text).expect("lines with roles");
        for (role, expected) in [
            ("alice", Some("a")),
            ("targets/alice", Some("a")),
            ("bob", Some("d")),
            ("root", Some("r")),
            ("targets", None),
        ] {
            assert_eq!(file.find(role), expected, "{role}");
        }
        let mixed = PassphraseFile::parse(b"root=r\nalice=a\n").map(drop);
        let told = mixed.expect_err("alice is no role").to_string();
        assert!(told.contains("targets/NAME"), "{told}");
    }
}
