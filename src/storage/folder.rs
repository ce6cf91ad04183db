//! A folder held by its handle.
//!
//! Every step down is taken from the handle of the folder above and follows no link, so that a name
//! is always a name in the folder we mean. Files are written beside their place, made durable, and
//! renamed into it.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{self, AtFlags, Dir, FileType, Mode, OFlags, RenameFlags};

use super::{Error, Unread};

/// An open folder.
#[derive(Debug)]
pub(super) struct Folder {
    handle: OwnedFd,
    path: PathBuf,
    audience: Audience,
}

/// For whom files and folders are made.
#[derive(Clone, Copy, Debug)]
pub(super) enum Audience {
    /// Their owner alone.
    Owner,
    /// Whoever the umask lets read.
    Everyone,
}

impl Audience {
    fn of_folders(self) -> Mode {
        match self {
            Self::Owner => Mode::RWXU,
            Self::Everyone => Mode::RWXU | Mode::RWXG | Mode::RWXO,
        }
    }

    fn of_files(self) -> Mode {
        let owner = Mode::RUSR | Mode::WUSR;
        match self {
            Self::Owner => owner,
            Self::Everyone => owner | Mode::RGRP | Mode::WGRP | Mode::ROTH | Mode::WOTH,
        }
    }
}

/// What is there under a name.
#[derive(Debug)]
pub(super) enum Found<F = Vec<u8>> {
    /// Nothing.
    Nothing,
    /// No file, or a larger one than wanted.
    Unfit,
    /// A file, and what is in it.
    File(F),
}

impl Folder {
    /// Opens the top folder, following links: it is where the user said. `None` if it does not
    /// exist.
    pub(super) fn open(path: &Path) -> Result<Option<Self>, Error> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        match fs::open(path, flags, Mode::empty()) {
            Ok(handle) => {
                Ok(Some(Self { handle, path: path.to_owned(), audience: Audience::Owner }))
            }
            Err(error) if error == rustix::io::Errno::NOENT => Ok(None),
            Err(error) => Err(failure("open", path, error)),
        }
    }

    /// Opens the top folder, making it and those above it if need be, for the owner alone.
    pub(super) fn create(path: &Path) -> Result<Self, Error> {
        Self::create_for(Audience::Owner, path)
    }

    /// The same; everything that is made in it is for this audience.
    pub(super) fn create_for(audience: Audience, path: &Path) -> Result<Self, Error> {
        use std::os::unix::fs::DirBuilderExt;
        let mode = audience.of_folders().as_raw_mode();
        let made = std::fs::DirBuilder::new().recursive(true).mode(mode).create(path);
        made.map_err(|source| Error::Io { action: "create", path: path.to_owned(), source })?;
        let opened = Self::open(path)?;
        let opened = opened.ok_or_else(|| failure("open", path, rustix::io::Errno::NOENT))?;
        Ok(Self { audience, ..opened })
    }

    /// A folder in this one; `None` if it does not exist.
    pub(super) fn child(&self, name: &str) -> Result<Option<Self>, Error> {
        let path = self.path.join(name);
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match fs::openat(&self.handle, name, flags, Mode::empty()) {
            Ok(handle) => Ok(Some(Self { handle, path, audience: self.audience })),
            Err(error) if error == rustix::io::Errno::NOENT => Ok(None),
            Err(error) if is_link(error) => Err(link(path)),
            Err(error) => Err(failure("open", &path, error)),
        }
    }

    /// A folder in this one, made if need be.
    pub(super) fn make_child(&self, name: &str) -> Result<Self, Error> {
        if let Some(child) = self.child(name)? {
            return Ok(child);
        }
        let path = self.path.join(name);
        match fs::mkdirat(&self.handle, name, self.audience.of_folders()) {
            Ok(()) => {}
            Err(error) if error == rustix::io::Errno::EXIST => {}
            Err(error) => return Err(failure("create", &path, error)),
        }
        self.child(name)?.ok_or_else(|| failure("open", &path, rustix::io::Errno::NOENT))
    }

    /// The names of everything in this folder that is no folder, in no order.
    pub(super) fn file_names(&self) -> Result<Vec<OsString>, Error> {
        self.names(|kind| kind != FileType::Directory)
    }

    /// The names of the folders in this one, in no order.
    pub(super) fn folder_names(&self) -> Result<Vec<OsString>, Error> {
        self.names(|kind| kind == FileType::Directory)
    }

    fn names(&self, wanted: impl Fn(FileType) -> bool) -> Result<Vec<OsString>, Error> {
        let failed = |error| failure("read", &self.path, error);
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.handle).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name != "." && name != ".." && wanted(self.kind_of(name, entry.file_type())) {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    /// Removes a folder in this one, if it is there and holds nothing.
    pub(super) fn remove_if_empty(&self, name: &str) -> Result<(), Error> {
        use rustix::io::Errno;
        match fs::unlinkat(&self.handle, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => Ok(()),
            Err(error) => Err(failure("remove", &self.path.join(name), error)),
        }
    }

    /// What a name stands for, where the listing does not say it.
    fn kind_of(&self, name: &OsStr, listed: FileType) -> FileType {
        match listed {
            FileType::Unknown => fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW)
                .map_or(FileType::Unknown, |stat| FileType::from_raw_mode(stat.st_mode)),
            known => known,
        }
    }

    /// Removes a file, if it is there.
    pub(super) fn remove(&self, name: &OsStr) -> Result<(), Error> {
        match fs::unlinkat(&self.handle, name, AtFlags::empty()) {
            Err(error) if error != rustix::io::Errno::NOENT => {
                Err(failure("remove", &self.path.join(name), error))
            }
            _ => Ok(()),
        }
    }

    /// A file of at most `limit` bytes.
    pub(super) fn read(&self, name: &str, limit: u64) -> Result<Found, Error> {
        self.read_named(name.as_ref(), limit)
    }

    /// The same for a name that need not be text.
    pub(super) fn read_named(&self, name: &OsStr, limit: u64) -> Result<Found, Error> {
        Ok(match self.look(name, limit)? {
            Found::Nothing => Found::Nothing,
            Found::Unfit => Found::Unfit,
            Found::File(unread) => unread.read()?.map_or(Found::Unfit, Found::File),
        })
    }

    /// Opens a file, to be read later.
    pub(super) fn look(&self, name: &OsStr, limit: u64) -> Result<Found<Unread>, Error> {
        let path = self.path.join(name);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        match fs::openat(&self.handle, name, flags, Mode::empty()) {
            Ok(handle) => {
                let unread = Unread::open(File::from(handle), path, limit)?;
                Ok(unread.map_or(Found::Unfit, Found::File))
            }
            Err(error) if error == rustix::io::Errno::NOENT => Ok(Found::Nothing),
            Err(error) if is_link(error) => Err(link(path)),
            Err(error) => Err(failure("open", &path, error)),
        }
    }

    /// Puts a file in place, whole or not at all. Its bytes are on the disk before its name is; the
    /// name is when [`Self::settle`] returns. Only for who holds the collection's lock: what a killed
    /// process left half-written has the same name, and is written anew.
    pub(super) fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let staged = self.stage(name, bytes)?;
        staged.sync()?;
        staged.place()
    }

    /// The same for a file that nobody will miss: after a power cut it may be anything.
    pub(super) fn replace_casually(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.stage(name, bytes)?.swap()
    }

    /// Writes a file beside its place. Several are staged, then synced, then placed: the first sync
    /// takes to the disk most of what the others wait for.
    pub(super) fn stage(&self, name: &str, bytes: &[u8]) -> Result<Staged, Error> {
        let failed = |source| self.failed_write(name, source);
        let handle = self.handle.try_clone().map_err(failed)?;
        let folder = Self { handle, path: self.path.clone(), audience: self.audience };
        let file = self.open_new(&temporary(name)).map_err(failed)?;
        let staged = Staged { folder, name: name.to_owned(), file };
        (&staged.file).write_all(bytes).map_err(failed)?;
        Ok(staged)
    }

    /// Writes a file here, and lets it appear in another folder of the same file system, whose
    /// readers take every file for theirs.
    pub(super) fn hand_over(&self, to: &Self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let staged = self.stage(name, bytes)?;
        staged.sync()?;
        let placed = fs::renameat(&self.handle, temporary(name), &to.handle, name);
        placed.map_err(|error| to.failed_write(name, error.into()))
    }

    /// Makes the names in this folder durable.
    pub(super) fn settle(&self) -> Result<(), Error> {
        fs::fsync(&self.handle).map_err(|error| failure("write", &self.path, error))
    }

    /// An open file to lock, if it is there.
    pub(super) fn existing_lock_file(&self, name: &str) -> Option<(File, PathBuf)> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let handle = fs::openat(&self.handle, name, flags, Mode::empty()).ok()?;
        Some((File::from(handle), self.path.join(name)))
    }

    /// An open file to lock, made if need be.
    pub(super) fn lock_file(&self, name: &str) -> Result<(File, PathBuf), Error> {
        let path = self.path.join(name);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match fs::openat(&self.handle, name, flags, Mode::RUSR | Mode::WUSR) {
            Ok(handle) => Ok((File::from(handle), path)),
            Err(error) if is_link(error) => Err(link(path)),
            Err(error) => Err(failure("open", &path, error)),
        }
    }

    fn open_new(&self, name: &str) -> io::Result<File> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = || fs::openat(&self.handle, name, flags, self.audience.of_files());
        match open() {
            Err(error) if error == rustix::io::Errno::EXIST => {
                // Left behind by a process that was killed.
                fs::unlinkat(&self.handle, name, AtFlags::empty())?;
                Ok(File::from(open()?))
            }
            other => Ok(File::from(other?)),
        }
    }

    fn failed_write(&self, name: &str, source: io::Error) -> Error {
        Error::Io { action: "write", path: self.path.join(name), source }
    }
}

/// A whole file beside its place. Unless it is placed, it goes away again.
#[derive(Debug)]
pub(super) struct Staged {
    folder: Folder,
    name: String,
    file: File,
}

impl Staged {
    /// Takes its bytes to the disk.
    pub(super) fn sync(&self) -> Result<(), Error> {
        self.file.sync_all().map_err(|source| self.folder.failed_write(&self.name, source))
    }

    /// Puts it in place.
    pub(super) fn place(self) -> Result<(), Error> {
        let (handle, from) = (&self.folder.handle, temporary(&self.name));
        let placed = fs::renameat(handle, from, handle, &self.name);
        placed.map_err(|error| self.folder.failed_write(&self.name, error.into()))
    }

    /// Puts it in the place of another, which takes its own and goes away. For bytes that were not
    /// synced: renamed over a file, ext4 would have them taken to the disk first.
    fn swap(self) -> Result<(), Error> {
        let (handle, from) = (&self.folder.handle, temporary(&self.name));
        match fs::renameat_with(handle, from, handle, &self.name, RenameFlags::EXCHANGE) {
            Ok(()) => Ok(()),
            // No other file, or a file system that cannot.
            Err(_) => self.place(),
        }
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        let _ = fs::unlinkat(&self.folder.handle, temporary(&self.name), AtFlags::empty());
    }
}

fn temporary(name: &str) -> String {
    format!(".{name}.new")
}

fn failure(action: &'static str, path: &Path, error: rustix::io::Errno) -> Error {
    Error::Io { action, path: path.to_owned(), source: error.into() }
}

/// What the kernel says when it would have to follow a link.
fn is_link(error: rustix::io::Errno) -> bool {
    error == rustix::io::Errno::LOOP || error == rustix::io::Errno::NOTDIR
}

fn link(path: PathBuf) -> Error {
    Error::Refused { path, reason: "is a link, or not the folder or file that belongs there" }
}
