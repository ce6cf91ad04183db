//! Our own file of pins.
//!
//! ```toml
//! [pins."registry.example.com/team/web"]
//! root_keys = ["0123…"]
//!
//! [pins."registry.example.com/*"]
//! ca = "/etc/ssl/team-ca.pem"
//! ```
//!
//! It is written section by section, so that comments and order stay as people left them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Error, Prefix, Rule, Speakers};
use crate::docker::toml::parsed;
use crate::storage::lock::{self, Held};
use crate::storage::{LOCK_PATIENCE, read_regular};
use crate::tuf::KeyId;

/// Our file of pins; it need not be there.
#[derive(Clone, Debug)]
pub struct PinFile {
    path: PathBuf,
    patience: Duration,
}

/// What writing a pin did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// There was none for that name.
    Added,
    /// Another one stood there.
    Replaced,
    /// It stood there already.
    Unchanged,
}

impl PinFile {
    /// The file at this path.
    pub fn new(path: PathBuf) -> Self {
        Self { path, patience: LOCK_PATIENCE }
    }

    /// How long to wait for another process that is writing.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The pins in it.
    ///
    /// A name that docker would write longer (`web`) also covers what docker means by it.
    ///
    /// # Errors
    ///
    /// [`Error`] if it cannot be read or understood as a whole.
    pub fn rules(&self) -> Result<Vec<Rule>, Error> {
        let mut rules = Vec::new();
        for (name, entry) in self.parse(&self.text()?)?.pins {
            let speakers = self.speakers(&name, entry)?;
            let written = Prefix::written(&name).map_err(|error| self.malformed(&error))?;
            let meant = Prefix::of_images(&name).ok().filter(|prefix| *prefix != written);
            for prefix in [Some(written), meant].into_iter().flatten() {
                rules.push(Rule { prefix, speakers: speakers.clone(), source: self.path.clone() });
            }
        }
        Ok(rules)
    }

    /// Pins a name, in place of what is pinned for it.
    ///
    /// # Errors
    ///
    /// [`Error`]; the file is then as it was.
    pub fn add(&self, prefix: &Prefix, speakers: &Speakers) -> Result<Written, Error> {
        let _lock = self.lock()?;
        let text = self.text()?;
        let entry = Entry::of(speakers);
        let written = match self.parse(&text)?.pins.get(&prefix.to_string()) {
            Some(known) if *known == entry => return Ok(Written::Unchanged),
            Some(_) => Written::Replaced,
            None => Written::Added,
        };
        let mut text = if text.is_empty() { HEADER.to_owned() } else { without(&text, prefix) };
        if !text.ends_with("\n\n") {
            text.push_str(if text.ends_with('\n') { "\n" } else { "\n\n" });
        }
        let pins = BTreeMap::from([(prefix.to_string(), entry)]);
        let section = toml::to_string(&Pinned { pins }).map_err(|error| self.malformed(&error))?;
        self.write(&(text + &section), |pins| pins.contains_key(&prefix.to_string()))?;
        Ok(written)
    }

    /// Removes the pin of a name.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchPin`], or [`Error`]; the file is then as it was.
    pub fn remove(&self, prefix: &Prefix) -> Result<(), Error> {
        let _lock = self.lock()?;
        let text = self.text()?;
        let name = prefix.to_string();
        if !self.parse(&text)?.pins.contains_key(&name) {
            return Err(Error::NoSuchPin { path: self.path.clone(), prefix: name });
        }
        self.write(&without(&text, prefix), |pins| !pins.contains_key(&name))
    }

    fn text(&self) -> Result<String, Error> {
        let unreadable = |source| Error::Unreadable { path: self.path.clone(), source };
        let bytes = match read_bounded(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            other => other.map_err(unreadable)?,
        };
        String::from_utf8(bytes).map_err(|error| self.malformed(&error))
    }

    fn parse(&self, text: &str) -> Result<Pinned, Error> {
        parsed(text).map_err(|problem| self.malformed(&problem))
    }

    fn speakers(&self, name: &str, entry: Entry) -> Result<Speakers, Error> {
        let refuse = |problem: &str| self.malformed(&format!("{name:?}: {problem}"));
        match (entry.root_keys, entry.ca) {
            (Some(ids), None) if !ids.is_empty() => {
                let id =
                    |id: &String| id.parse::<KeyId>().map_err(|error| refuse(&error.to_string()));
                ids.iter().map(id).collect::<Result<_, _>>().map(Speakers::Keys)
            }
            (None, Some(path)) if path.is_absolute() => Ok(Speakers::Authorities(path)),
            (None, Some(_)) => Err(refuse("ca must be a path from the root")),
            _ => Err(refuse("needs either root_keys, not empty, or ca")),
        }
    }

    /// Writes the whole file, if it then says what it should.
    fn write(
        &self,
        text: &str,
        right: impl Fn(&BTreeMap<String, Entry>) -> bool,
    ) -> Result<(), Error> {
        if !right(&self.parse(text)?.pins) {
            return Err(self.malformed(&"its layout is beyond us; please edit it by hand"));
        }
        // A link, perhaps to where such files are managed, stays one.
        let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        replace(&path, text.as_bytes())
            .map_err(|source| Error::Unwritable { path: self.path.clone(), source })
    }

    /// Held while the file is read and written; the system frees it when we end.
    fn lock(&self) -> Result<Held, Error> {
        let folder = folder(&self.path);
        let open = || fs::create_dir_all(folder).and_then(|()| File::open(folder));
        let file =
            open().map_err(|source| Error::Unwritable { path: self.path.clone(), source })?;
        Ok(lock::wait(file, folder.to_owned(), self.patience, File::try_lock)?)
    }

    fn malformed(&self, problem: &dyn ToString) -> Error {
        Error::Malformed { path: self.path.clone(), problem: problem.to_string() }
    }
}

#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Pinned {
    #[serde(default)]
    pins: BTreeMap<String, Entry>,
}

#[derive(Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(skip_serializing_if = "Option::is_none")]
    root_keys: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ca: Option<PathBuf>,
}

impl Entry {
    fn of(speakers: &Speakers) -> Self {
        match speakers {
            Speakers::Keys(ids) => {
                Self { root_keys: Some(ids.iter().map(KeyId::to_string).collect()), ca: None }
            }
            Speakers::Authorities(path) => Self { root_keys: None, ca: Some(path.clone()) },
        }
    }
}

/// The text without the section of a name.
fn without(text: &str, prefix: &Prefix) -> String {
    let is_its = |section: &&str| {
        let pins = parsed::<Pinned>(section).map(|pinned| pinned.pins);
        pins.is_ok_and(|pins| pins.contains_key(&prefix.to_string()))
    };
    sections(text).into_iter().filter(|section| !is_its(section)).collect()
}

/// The parts of the text, each but the first beginning with the comments above a table's name.
fn sections(text: &str) -> Vec<&str> {
    let mut sections = Vec::new();
    // Where the section begins, where its last line with a word in it ends, and where we are.
    let (mut from, mut end, mut at) = (0, 0, 0);
    for line in text.split_inclusive('\n') {
        let start = line.trim_start();
        if start.starts_with('[') {
            let before = if sections.is_empty() && end == 0 { at } else { end };
            sections.push(&text[from..before]);
            from = before;
        }
        at += line.len();
        if !start.is_empty() && !start.starts_with('#') {
            end = at;
        }
    }
    sections.push(&text[from..]);
    sections
}

/// Reads a file of at most a mebibyte.
pub(super) fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    read_regular(path, MAX_BYTES)
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(folder(path))?;
    if let Ok(found) = path.metadata() {
        file.as_file().set_permissions(found.permissions())?;
    }
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(folder(path))?.sync_all()
}

fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

const MAX_BYTES: u64 = 1 << 20;
const HEADER: &str = "\
# Which root keys or certificate authorities may speak for which repositories.
# `countersign pin add` and `countersign pin remove` change single sections of this file.
";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::tuf::Gun;

    fn keys(digit: &str) -> Speakers {
        Speakers::Keys(vec![digit.repeat(64).parse().expect("an id")])
    }

    fn prefix(text: &str) -> Prefix {
        Prefix::of_images(text).expect(text)
    }

    #[test]
    fn adding_and_removing_leaves_the_rest_as_it_was() {
        let folder = tempfile::tempdir().expect("a directory");
        let file = PinFile::in_trust_directory(&folder.path().join("trust"));
        assert_eq!(file.add(&prefix("web"), &keys("a")).expect("added"), Written::Added);
        let text = file.text().expect("text");
        fs::write(
            file.path(),
            format!("{text}# reviewed by Ann\n\n[pins.\"x.io/y\"] # why\nca = \"/ca.pem\"\n"),
        )
        .expect("written");
        assert_eq!(file.add(&prefix("reg.io"), &keys("b")).expect("added"), Written::Added);
        assert_eq!(file.add(&prefix("reg.io"), &keys("b")).expect("again"), Written::Unchanged);
        assert_eq!(file.add(&prefix("reg.io"), &keys("c")).expect("other"), Written::Replaced);
        file.remove(&prefix("reg.io")).expect("removed");
        let text = file.text().expect("text");
        assert!(text.contains("# reviewed by Ann") && text.contains("# why"), "{text}");
        assert_eq!(file.rules().expect("valid").len(), 2);
        assert!(matches!(file.remove(&prefix("reg.io")), Err(Error::NoSuchPin { .. })));
        assert_eq!(fs::read_dir(folder.path().join("trust")).expect("folder").count(), 1);
    }

    #[test]
    fn a_comment_belongs_to_the_section_below_it() {
        let folder = tempfile::tempdir().expect("a directory");
        let file = PinFile::in_trust_directory(folder.path());
        let section = |name: &str| format!("[pins.\"reg.io/{name}\"]\nca = \"/ca.pem\"\n");
        let [a, b, c] = ["a", "b", "c"].map(section);
        let text = format!("# all\n\n{a}\n# of b\n{b}# of c\n\n# too\n{c}# last\n");
        fs::write(file.path(), text).expect("written");
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o644)).expect("set");
        file.remove(&prefix("reg.io/b")).expect("removed");
        let left = format!("# all\n\n{a}# of c\n\n# too\n{c}# last\n");
        assert_eq!(file.text().expect("text"), left);
        file.remove(&prefix("reg.io/a")).expect("removed");
        assert_eq!(file.text().expect("text"), format!("# all\n\n# of c\n\n# too\n{c}# last\n"));
        let mode = file.path().metadata().expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o644);
    }

    #[test]
    fn short_name_written_by_hand_covers_what_docker_means() {
        let folder = tempfile::tempdir().expect("a directory");
        let file = PinFile::in_trust_directory(folder.path());
        fs::write(file.path(), format!("[pins.web]\nroot_keys = [\"{}\"]", "a".repeat(64)))
            .expect("written");
        let gun = Gun::raw("docker.io/library/web").expect("a name");
        assert!(file.rules().expect("valid").iter().any(|rule| rule.prefix.covers(&gun)));
    }

    #[test]
    fn concurrent_additions_are_all_kept() {
        let folder = tempfile::tempdir().expect("a directory");
        let file = PinFile::in_trust_directory(folder.path());
        std::thread::scope(|scope| {
            for number in 0..8 {
                let file = &file;
                scope.spawn(move || {
                    file.add(&prefix(&format!("web{number}")), &keys("a")).expect("added")
                });
            }
        });
        assert_eq!(file.rules().expect("valid").len(), 8);
    }
}
