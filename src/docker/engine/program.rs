//! Which program is docker (CWE-426).

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::Error;

/// A program that nobody but its owner, this user or root, can have put there.
#[derive(Clone, Debug)]
pub struct Program {
    path: PathBuf,
}

impl Program {
    /// Finds `docker` in the directories of `PATH`. Ourselves, under that name, are passed over.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Unsafe`] for an entry before it that anybody could answer for:
    /// a relative or empty one, or the directory or program that others can write.
    pub fn find(path_variable: &OsStr, ourselves: Option<&Ourselves>) -> Result<Self, Error> {
        for directory in std::env::split_paths(path_variable) {
            if !directory.is_absolute() {
                let problem =
                    "a relative entry of PATH: clean it, or name docker in COUNTERSIGN_DOCKER";
                let problem = problem.into();
                return Err(Error::Unsafe { path: directory, problem });
            }
            if let Some(candidate) = docker_in(&directory, ourselves) {
                return Self::at(&candidate);
            }
        }
        Err(Error::NotFound)
    }

    /// Takes the program at this absolute path.
    ///
    /// # Errors
    ///
    /// [`Error::Unsafe`] if it is no program or others can write it or its directory.
    pub fn at(path: &Path) -> Result<Self, Error> {
        let refuse = |problem: String| Error::Unsafe { path: path.to_owned(), problem };
        if !path.is_absolute() {
            return Err(refuse("not an absolute path".into()));
        }
        // Links are followed here and now, so that they can be changed no more.
        let real = fs::canonicalize(path).map_err(|error| refuse(error.to_string()))?;
        let found = fs::metadata(&real).map_err(|error| refuse(error.to_string()))?;
        if !is_program(&found) {
            return Err(refuse("no program".into()));
        }
        check_owner(&real, &found)?;
        for directory in [real.parent(), path.parent()].into_iter().flatten() {
            let found = fs::metadata(directory).map_err(|error| refuse(error.to_string()))?;
            check_owner(directory, &found)?;
        }
        Ok(Self { path: real })
    }

    /// Takes the program at this absolute path for docker.
    ///
    /// # Errors
    ///
    /// As [`Program::at`], and [`Error::Unsafe`] for ourselves.
    pub fn named(path: &Path, ourselves: Option<&Ourselves>) -> Result<Self, Error> {
        match ourselves.is_some_and(|ourselves| ourselves.are_at(path)) {
            true => Err(Error::Unsafe { path: path.to_owned(), problem: ITSELF.into() }),
            false => Self::at(path),
        }
    }

    /// Checks that nobody else can put programs into a directory.
    ///
    /// # Errors
    ///
    /// [`Error::Unsafe`].
    pub fn check_directory(directory: &Path) -> Result<(), Error> {
        let unknown = |error: std::io::Error| Error::Unsafe {
            path: directory.to_owned(),
            problem: error.to_string(),
        };
        let real = fs::canonicalize(directory).map_err(unknown)?;
        check_owner(&real, &fs::metadata(&real).map_err(unknown)?)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The first `docker` on `PATH` that is not ourselves, whoever may have put it there: for what a
/// shell would have run without us. Relative entries are passed over.
pub fn first_on(path_variable: &OsStr, ourselves: Option<&Ourselves>) -> Option<PathBuf> {
    let directories = std::env::split_paths(path_variable);
    directories.filter(|it| it.is_absolute()).find_map(|it| docker_in(&it, ourselves))
}

fn docker_in(directory: &Path, ourselves: Option<&Ourselves>) -> Option<PathBuf> {
    let candidate = directory.join("docker");
    let found = fs::metadata(&candidate).ok().filter(is_program)?;
    let is_us = ourselves.is_some_and(|ourselves| ourselves.is(&candidate, &found));
    (!is_us).then_some(candidate)
}

/// This program, which may stand in `PATH` under docker's name.
#[derive(Debug)]
pub struct Ourselves {
    path: PathBuf,
    found: Metadata,
}

impl Ourselves {
    /// The program at this path; `None` if there is none any more.
    pub fn at(path: PathBuf) -> Option<Self> {
        let found = fs::metadata(&path).ok()?;
        Some(Self { path, found })
    }

    /// Whether we stand at this path.
    pub fn are_at(&self, path: &Path) -> bool {
        fs::metadata(path).is_ok_and(|found| self.is(path, &found))
    }

    /// A link to us, or a copy. Copies that call each other would never end.
    fn is(&self, candidate: &Path, found: &Metadata) -> bool {
        let same = |metadata: &Metadata| (metadata.dev(), metadata.ino());
        same(&self.found) == same(found)
            || (self.found.len() == found.len()
                && matches!((fs::read(&self.path), fs::read(candidate)), (Ok(us), Ok(it)) if us == it))
    }
}

fn is_program(found: &Metadata) -> bool {
    found.is_file() && found.permissions().mode() & 0o111 != 0
}

fn check_owner(path: &Path, found: &Metadata) -> Result<(), Error> {
    let refuse = |problem: String| Err(Error::Unsafe { path: path.to_owned(), problem });
    if found.mode() & 0o002 != 0 {
        return refuse("everybody can write it".into());
    }
    let us = rustix::process::geteuid().as_raw();
    if found.uid() != 0 && found.uid() != us {
        return refuse(format!("belongs to user {}, not to root or to us", found.uid()));
    }
    Ok(())
}

const ITSELF: &str = "this is countersign itself, and not docker";
