//! The hand-off: docker's daemon pulls exactly the digest that was signed.
//!
//! - The program is found once, by an absolute path that only its owner can change.
//! - It is run by an argument vector; references were validated, so none is an option.
//! - Its output decides nothing, except what `image inspect` says about digests.
//! - Passphrases never reach its environment.

mod attached;
mod daemon;
mod endpoint;
mod error;
mod process;
mod program;

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::Mutex;

use daemon::Daemon;
pub use endpoint::Endpoint;
pub use error::Error;
use process::{Run, Signals, Stdout, Stream};
pub use program::{Ourselves, Program, first_on};

use crate::image::{ImageDigest, Name, Reference, Tag};

/// Docker's command line, talking to one daemon.
///
/// While it is there, the signals that would end this process end docker instead, and are told as
/// [`Error::Interrupted`].
#[derive(Debug)]
pub struct Engine {
    program: Program,
    patience: Option<Duration>,
    progress: Progress,
    socket: Option<PathBuf>,
    globals: Vec<OsString>,
    variables: Vec<(&'static str, &'static str)>,
    signals: Mutex<Signals>,
}

/// Whether docker's progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// On our stderr.
    Shown,
    /// Not at all.
    Hidden,
    /// On our stderr, without the name of what was pulled, which docker says last. What it writes
    /// goes through us, so it sees no terminal.
    ShownButName,
    /// On our stdout, as docker itself would show it.
    Answer,
    /// The same without the name.
    AnswerButName,
}

/// An image that docker has, and that is the one that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// What it was pulled as: `name@sha256:…`.
    pub reference: Reference,
    /// Docker's own id of it; which digest that is depends on docker's image store.
    pub image_id: String,
}

impl Engine {
    /// Uses this program. `patience` ends a call of it, however far it came.
    ///
    /// # Errors
    ///
    /// If signals cannot be waited for.
    pub fn new(
        program: Program,
        patience: Option<Duration>,
        progress: Progress,
    ) -> Result<Self, Error> {
        let signals = Signals::new().map_err(|source| Error::Signals { source })?;
        let (socket, globals, variables) = (None, Vec::new(), Vec::new());
        let signals = Mutex::new(signals);
        Ok(Self { program, patience, progress, socket, globals, variables, signals })
    }

    /// The same, with docker's options before every command.
    pub fn with_globals(self, globals: Vec<OsString>) -> Self {
        Self { globals, ..self }
    }

    /// The same, with a variable for what is [`attached`](Self::attached).
    pub fn with_variable(mut self, name: &'static str, value: &'static str) -> Self {
        self.variables.push((name, value));
        self
    }

    /// The same, with the socket of the daemon that this program talks to: what it has, and its
    /// tags, are then asked for there, and only pulls are the program's.
    pub fn with_socket(self, socket: Option<PathBuf>) -> Self {
        Self { socket, ..self }
    }

    /// Where the program is.
    pub fn path(&self) -> &Path {
        self.program.path()
    }

    /// Has docker pull exactly this digest, and checks that it has it.
    ///
    /// `options` are given to `docker pull` before the image.
    ///
    /// # Errors
    ///
    /// [`Error::DigestMismatch`] if docker has something else; otherwise as the program ends.
    pub async fn pull(
        &self,
        name: &Name,
        digest: &ImageDigest,
        options: &[OsString],
    ) -> Result<Pulled, Error> {
        check_options(options)?;
        let reference = Reference::new(name.clone(), None, Some(*digest));
        let mut arguments = vec![OsString::from("pull")];
        arguments.extend_from_slice(options);
        arguments.extend(["--".into(), OsString::from(reference.to_string())]);
        self.run("pull", arguments, self.shown(&reference)).await?;
        let image_id = self.check(&reference).await?;
        Ok(Pulled { reference, image_id })
    }

    /// Makes a tag of docker's point to a pulled image.
    ///
    /// # Errors
    ///
    /// [`Error::Tag`]; the tag then points to wherever it did before.
    pub async fn tag(&self, pulled: &Pulled, tag: &Tag) -> Result<Reference, Error> {
        self.retag(&pulled.reference, tag).await
    }

    /// The same for an image that is here by this digest.
    ///
    /// # Errors
    ///
    /// [`Error::Tag`].
    pub async fn retag(&self, digest: &Reference, tag: &Tag) -> Result<Reference, Error> {
        let tagged = Reference::new(digest.name().clone(), Some(tag.clone()), None);
        let set = self.set_tag(digest, &tagged).await;
        set.map_err(|source| Error::Tag { tag: tagged.to_string(), source: Box::new(source) })?;
        Ok(tagged)
    }

    /// Whether docker has this image.
    pub async fn has(&self, reference: &Reference) -> bool {
        self.check(reference).await.is_ok()
    }

    /// What docker answers to these words, and to this on its stdin.
    ///
    /// # Errors
    ///
    /// As docker ends.
    pub async fn answer(
        &self,
        action: &'static str,
        words: Vec<OsString>,
        input: Option<File>,
    ) -> Result<Vec<u8>, Error> {
        let (program, stdout) = (&self.program, Stdout::Read);
        let run = Run { program, action, arguments: words, stdout, stdin: input };
        run.until(self.patience, &mut *self.signals.lock().await).await
    }

    /// Has docker push its image under a tag, without signing it.
    ///
    /// `globals` are docker's own options before the command: which daemon, which configuration.
    ///
    /// # Errors
    ///
    /// As the program ends.
    pub async fn push(&self, name: &Name, tag: &Tag, globals: &[OsString]) -> Result<(), Error> {
        let reference = Reference::new(name.clone(), Some(tag.clone()), None);
        let words = ["push".into(), "--".into(), OsString::from(reference.to_string())];
        let arguments = globals.iter().cloned().chain(words).collect();
        self.run("push", arguments, self.shown(&reference)).await.map(drop)
    }

    /// Whether the image that docker has under a tag is this one in its repository.
    ///
    /// # Errors
    ///
    /// [`Error::DigestMismatch`] if docker knows it by other digests, or by none.
    pub async fn check_pushed(
        &self,
        name: &Name,
        tag: &Tag,
        digest: &ImageDigest,
    ) -> Result<(), Error> {
        let tagged = Reference::new(name.clone(), Some(tag.clone()), None);
        let pushed = Reference::new(name.clone(), None, Some(*digest));
        self.inspect(&tagged).await?.check(&pushed).map(drop)
    }

    async fn check(&self, reference: &Reference) -> Result<String, Error> {
        self.inspect(reference).await?.check(reference)
    }

    async fn inspect(&self, reference: &Reference) -> Result<Inspected, Error> {
        if let Some(daemon) = self.daemon().await {
            let signals = &mut *self.signals.lock().await;
            let answer = daemon.inspect(reference);
            match daemon::answered("image inspect", answer, self.patience, signals).await {
                // This program may pull into another place than that daemon's: it shall say.
                Err(Error::Failed { .. }) => {}
                decided => return decided,
            }
        }
        let arguments = ["image", "inspect", "--"].map(OsString::from).into_iter();
        let arguments = arguments.chain([OsString::from(reference.to_string())]).collect();
        let output = self.run("image inspect", arguments, Stdout::Read).await?;
        let mut images: Vec<Inspected> =
            serde_json::from_slice(&output).map_err(|source| Error::Inspect { source })?;
        match (images.len(), images.pop()) {
            (1, Some(image)) => Ok(image),
            (found, _) => Err(Error::NotOneImage { found }),
        }
    }

    async fn set_tag(&self, pulled: &Reference, tagged: &Reference) -> Result<(), Error> {
        if let Some(daemon) = self.daemon().await {
            let signals = &mut *self.signals.lock().await;
            let answer = daemon.tag(pulled, tagged);
            match daemon::answered("tag", answer, self.patience, signals).await {
                Err(Error::Failed { .. }) => {}
                decided => return decided,
            }
        }
        let names = [pulled.to_string(), tagged.to_string()].map(OsString::from);
        let arguments = ["tag".into(), "--".into()].into_iter().chain(names).collect();
        self.run("tag", arguments, Stdout::Hidden).await.map(drop)
    }

    async fn daemon(&self) -> Option<Daemon> {
        Daemon::at(self.socket.as_deref()?).await
    }

    async fn run(
        &self,
        action: &'static str,
        arguments: Vec<OsString>,
        stdout: Stdout,
    ) -> Result<Vec<u8>, Error> {
        let arguments = self.globals.iter().cloned().chain(arguments).collect();
        let run = Run { program: &self.program, action, arguments, stdout, stdin: None };
        run.until(self.patience, &mut *self.signals.lock().await).await
    }

    fn shown(&self, pulled: &Reference) -> Stdout {
        match self.progress {
            Progress::Shown => Stdout::Aside,
            Progress::Hidden => Stdout::Hidden,
            Progress::ShownButName => Stdout::Passed(Stream::Stderr, pulled.to_string()),
            Progress::Answer => Stdout::Ours,
            Progress::AnswerButName => Stdout::Passed(Stream::Stdout, pulled.to_string()),
        }
    }
}

/// Options that would make docker pull something else than the one image.
fn check_options(options: &[OsString]) -> Result<(), Error> {
    let mut value_follows = false;
    for option in options {
        let text = option.to_str().ok_or_else(|| refuse(option))?;
        let name = text.split('=').next().unwrap_or_default();
        value_follows = match (value_follows, name) {
            (true, _) => false,
            (false, "--platform") => !text.contains('='),
            (false, "-q" | "--quiet") => false,
            _ => return Err(refuse(option)),
        };
    }
    if value_follows { Err(Error::MissingValue) } else { Ok(()) }
}

fn refuse(option: &OsString) -> Error {
    Error::Option { option: option.to_string_lossy().chars().take(80).collect() }
}

#[derive(Deserialize)]
struct Inspected {
    #[serde(rename = "Id")]
    id: String,
    #[serde(rename = "RepoDigests")]
    repo_digests: Option<Vec<String>>,
}

impl Inspected {
    /// Compares what docker recorded with what was asked for. Its id is no digest to compare with:
    /// it is that of the configuration in one image store, and of the index in another.
    fn check(self, reference: &Reference) -> Result<String, Error> {
        let digests = self.repo_digests.iter().flatten();
        if digests.clone().any(|text| text.parse::<Reference>().is_ok_and(|it| it == *reference)) {
            return Ok(self.id);
        }
        let found = digests.cloned().collect::<Vec<_>>().join(", ");
        Err(Error::DigestMismatch { expected: reference.to_string(), found })
    }
}

#[cfg(test)]
#[path = "engine/tests.rs"]
mod tests;
