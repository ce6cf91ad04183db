//! What was done already: a line of JSON for each repository and task, durable before the next one
//! is begun.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp as Instant;
use serde::{Deserialize, Serialize};

use super::super::exit::Kind;
use super::super::output::Failure;
use crate::storage::lock::Held;

/// The journal of one task.
pub(super) struct Journal {
    path: PathBuf,
    file: Held,
    task: String,
    done: BTreeSet<String>,
}

#[derive(Deserialize, Serialize)]
struct Line {
    task: String,
    repository: String,
    at: String,
}

impl Journal {
    /// Reads what is there, or begins.
    ///
    /// # Errors
    ///
    /// If it cannot be read or written, another process writes it, or it is no journal.
    pub(super) fn open(path: &Path, task: &str) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| {
            Failure::new(Kind::Disk, format!("journal {}: {error}", path.display()))
        };
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
            .map_err(failed)?;
        let Ok(mut file) = Held::now(file) else {
            let message = format!("journal {}: another run writes it", path.display());
            return Err(Failure::new(Kind::Lock, message));
        };
        let mut text = String::new();
        (&mut *file).take(MAX_BYTES).read_to_string(&mut text).map_err(failed)?;
        let done = done_in(&text, task).ok_or_else(|| {
            let message = format!("{} is no journal of ours", path.display());
            Failure::new(Kind::State, message).advise("Name another file with --journal.")
        })?;
        if !text.is_empty() && !text.ends_with('\n') {
            // The last run was cut short within a line.
            file.write_all(b"\n").map_err(failed)?;
        }
        Ok(Self { path: path.to_owned(), file, task: task.to_owned(), done })
    }

    /// Whether the repository is done.
    pub(super) fn has(&self, repository: &str) -> bool {
        self.done.contains(repository)
    }

    /// Notes that it is.
    ///
    /// # Errors
    ///
    /// If that cannot be written.
    pub(super) fn note(&self, repository: &str, at: Instant) -> Result<(), Failure> {
        let (task, repository) = (self.task.clone(), repository.to_owned());
        let line = Line { task, repository, at: format!("{at:.0}") };
        let text = serde_json::to_string(&line).expect("text has a JSON form");
        let mut file: &File = &self.file;
        file.write_all(format!("{text}\n").as_bytes()).and_then(|()| file.sync_data()).map_err(
            |error| Failure::new(Kind::Disk, format!("journal {}: {error}", self.path.display())),
        )
    }
}

/// The repositories that are done; `None` if a whole line is not one of a journal.
fn done_in(text: &str, task: &str) -> Option<BTreeSet<String>> {
    let mut done = BTreeSet::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        match serde_json::from_str::<Line>(line) {
            Ok(line) if line.task == task => done.insert(line.repository),
            Ok(_) => continue,
            // Cut short when the machine stopped; the repository is done again.
            Err(error) if error.is_eof() => continue,
            Err(_) => return None,
        };
    }
    Some(done)
}

const MAX_BYTES: u64 = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_knows_its_own_task_and_forgives_a_line_cut_short() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal");
        let now = "2026-11-25T00:00:00Z".parse().expect("a time");
        let open = |task: &str| Journal::open(&path, task).map_err(|failure| failure.message);
        let journal = open("signer remove alice").expect("begun");
        journal.note("reg/a", now).expect("noted");
        assert_eq!(open("x").err().map(|it| it.contains("another run")), Some(true));
        drop(journal);
        let text = std::fs::read_to_string(&path).expect("there");
        std::fs::write(&path, format!("{text}{{\"task\":\"signer rem")).expect("cut short");
        let journal = open("signer remove alice").expect("forgiven");
        journal.note("reg/b", now).expect("noted");
        drop(journal);
        let journal = open("signer remove alice").expect("read again");
        assert!(journal.has("reg/a") && journal.has("reg/b") && !journal.has("reg/c"));
        drop(journal);
        assert!(!open("signer remove bob").expect("another task").has("reg/a"));
        std::fs::write(&path, "reg/a\n").expect("written");
        assert_eq!(open("x").err().map(|it| it.contains("no journal")), Some(true));
    }
}
