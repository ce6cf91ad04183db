//! A Dockerfile with its images pinned, beside the user's.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::Refusal;
use super::session::{Pinned, Session};
use crate::docker::dockerfile::{Dockerfile, Settings};
use crate::docker::document::Build;

/// The text of a Dockerfile and where it comes from.
pub(super) struct Source {
    /// What it is called in messages.
    pub(super) shown: String,
    /// Its text.
    pub(super) text: String,
    /// Its file, unless it has none.
    pub(super) path: Option<PathBuf>,
}

impl Source {
    /// Reads a file: as named, or as docker finds it in a context.
    pub(super) fn read(named: Option<&Path>, context: &Path) -> Result<Self, Refusal> {
        let path = named.map_or_else(|| default_in(context), Path::to_owned);
        let shown = path.display().to_string();
        let unreadable = |reason: String| Refusal::new(format!("{shown}: {reason}"));
        let found = fs::metadata(&path).map_err(|error| unreadable(error.to_string()))?;
        if !found.is_file() {
            return Err(unreadable("not a regular file".into()));
        }
        let file = fs::File::open(&path).map_err(|error| unreadable(error.to_string()))?;
        let text = read(file).map_err(unreadable)?;
        check_policy(&path)?;
        Ok(Self { shown, text, path: Some(path) })
    }

    /// Reads that of a service or a target; `place` is what it is called if it has no file.
    pub(super) fn of(build: &Build, place: &str) -> Result<Self, Refusal> {
        let context = Path::new(&build.context);
        if !context.is_dir() {
            let context = &build.context;
            return Err(Refusal::new(format!("{context}: not a directory of this machine")));
        }
        match (&build.inline, &build.file) {
            (Some(text), _) => Ok(Self { shown: place.to_owned(), text: text.clone(), path: None }),
            (None, file) => {
                let file = file.as_ref().map(|file| context.join(file));
                Self::read(file.as_deref(), context)
            }
        }
    }

    /// Whether a list of files to leave out belongs to it alone.
    pub(super) fn has_ignore_file(&self) -> bool {
        self.path.as_deref().is_some_and(|path| ignore_file(path).is_file())
    }

    /// Reads stdin.
    pub(super) fn stdin() -> Result<Self, Refusal> {
        let text = read(std::io::stdin().lock())
            .map_err(|reason| Refusal::new(format!("stdin: {reason}")))?;
        Ok(Self { shown: "stdin".into(), text, path: None })
    }

    /// The text with every image pinned, and those images.
    pub(super) async fn pinned(
        &self,
        settings: &Settings,
        session: &Session,
    ) -> Result<(String, Vec<Pinned>), Refusal> {
        let refuse = |error: crate::docker::dockerfile::Error| {
            Refusal::new(error.to_string()).at(&self.shown)
        };
        let file = Dockerfile::parse(&self.text).map_err(refuse)?;
        let mut pins = Vec::new();
        let images = file.images(settings).map_err(refuse)?;
        for image in &images {
            let place = format!("{}:{}: {}", self.shown, image.line, image.image);
            if let Some(pinned) = session.pin_at(&image.image, &place).await? {
                pins.push((image, pinned));
            }
        }
        let texts: Vec<String> =
            pins.iter().map(|(_, pinned)| pinned.by_digest().familiar()).collect();
        let changes: Vec<_> =
            pins.iter().zip(&texts).map(|((image, _), text)| (*image, text.as_str())).collect();
        let text = file.with(&changes);
        Ok((text, pins.into_iter().map(|(_, pinned)| pinned).collect()))
    }

    /// Writes a text under the same name into a directory, with the list of files that belongs to
    /// it.
    pub(super) fn write(&self, text: &str, directory: &Path) -> Result<PathBuf, Refusal> {
        let name = self.path.as_deref().and_then(Path::file_name);
        let path = directory.join(name.unwrap_or("Dockerfile".as_ref()));
        let written = fs::write(&path, text).and_then(|()| match &self.path {
            Some(own) if self.has_ignore_file() => {
                fs::copy(ignore_file(own), ignore_file(&path)).map(drop)
            }
            _ => Ok(()),
        });
        match written {
            Ok(()) => Ok(path),
            Err(error) => Err(Refusal::new(format!("{}: {error}", path.display()))),
        }
    }
}

fn ignore_file(dockerfile: &Path) -> PathBuf {
    beside(dockerfile, ".dockerignore")
}

/// Buildx from 0.31 on takes a policy from beside the Dockerfile. It may put other images in the
/// place of signed ones, and without it what it forbids would be built.
fn check_policy(dockerfile: &Path) -> Result<(), Refusal> {
    let policy = beside(dockerfile, ".rego");
    match fs::symlink_metadata(&policy) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(Refusal::new(format!(
            "{}: a policy beside the Dockerfile is not understood, and would be left out",
            policy.display()
        ))),
    }
}

fn beside(dockerfile: &Path, ending: &str) -> PathBuf {
    let mut name = dockerfile.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// `Dockerfile`, or `dockerfile` where that is the only one.
fn default_in(context: &Path) -> PathBuf {
    let upper = context.join("Dockerfile");
    let lower = context.join("dockerfile");
    if !upper.exists() && lower.exists() { lower } else { upper }
}

fn read(from: impl Read) -> Result<String, String> {
    let mut bytes = Vec::new();
    from.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if is_archive(&bytes) {
        return Err("an archive as build context cannot be checked; unpack it first".into());
    }
    if bytes.len() as u64 > MAX_BYTES {
        return Err("larger than 1 MiB".into());
    }
    String::from_utf8(bytes).map_err(|_| "not UTF-8".into())
}

/// A tar archive, or what one may be packed in (docker/cli `build/context.go`).
fn is_archive(bytes: &[u8]) -> bool {
    const PACKED: [&[u8]; 4] = [
        b"BZh",
        &[0x1f, 0x8b, 0x08],
        &[0xfd, b'7', b'z', b'X', b'Z', 0],
        &[0x28, 0xb5, 0x2f, 0xfd],
    ];
    PACKED.iter().any(|magic| bytes.starts_with(magic))
        || bytes.get(257..262).is_some_and(|magic| magic == b"ustar")
        || bytes.contains(&0)
}

const MAX_BYTES: u64 = 1 << 20;
