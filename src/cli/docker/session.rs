//! One checked command: what it stands on, and the look-ups that it has made.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::process::ExitCode;

use super::place::Docker;
use super::refusal::{Refusal, failed};
use crate::cli::context::Context;
use crate::cli::output::Failure;
use crate::cli::verify::resolve;
use crate::docker::command_line::{Asked, Guarded};
use crate::docker::document::Image;
use crate::docker::engine::{Engine, Program, Progress};
use crate::docker::{Detail, withheld_variables};
use crate::image::{ImageDigest, Name, Reference, Tag};

/// What a checked command stands on.
pub(super) struct Session {
    pub(super) context: Context,
    pub(super) globals: Vec<OsString>,
    program: Program,
    speaks_to_default: bool,
    resolved: RefCell<BTreeMap<String, Pinned>>,
}

/// A tag and the digest that is signed for it.
#[derive(Clone, Debug)]
pub(super) struct Pinned {
    pub(super) name: Name,
    pub(super) tag: Tag,
    pub(super) digest: ImageDigest,
}

impl Pinned {
    /// `web@sha256:…`
    pub(super) fn by_digest(&self) -> Reference {
        Reference::new(self.name.clone(), None, Some(self.digest))
    }

    /// `web:1.2`
    pub(super) fn by_tag(&self) -> Reference {
        Reference::new(self.name.clone(), Some(self.tag.clone()), None)
    }

    /// `web:1.2@sha256:…`
    pub(super) fn in_full(&self) -> Reference {
        Reference::new(self.name.clone(), Some(self.tag.clone()), Some(self.digest))
    }
}

impl Session {
    pub(super) fn new(
        mut context: Context,
        program: Program,
        guarded: &Guarded,
    ) -> Result<Self, Failure> {
        context.output = context.output.ending_with(failed(guarded.verb));
        context.output.detail(&format!("docker: {}", program.path().display()));
        Ok(Self {
            context,
            globals: guarded.global_words(),
            program,
            speaks_to_default: guarded.speaks_to_default_daemon(),
            resolved: RefCell::default(),
        })
    }

    /// The signed digest of what a word asks for; `None` if the word fixes the content already.
    pub(super) async fn pin(&self, text: &str, asked: &Asked) -> Result<Option<Pinned>, Refusal> {
        let Asked::Tag { name, tag, .. } = asked else { return Ok(None) };
        if let Some(pinned) = self.resolved.borrow().get(text) {
            return Ok(Some(pinned.clone()));
        }
        let found = async {
            let subject = self.context.subject(text)?;
            resolve(&subject, Detail::Answer, &self.context).await
        };
        let resolution =
            found.await.map_err(|failure| Refusal::of_image(name, tag, text, &failure))?;
        let digest = resolution.reference.digest();
        let pinned = Pinned { name: name.clone(), tag: tag.clone(), digest };
        self.resolved.borrow_mut().insert(text.to_owned(), pinned.clone());
        Ok(Some(pinned))
    }

    /// The same of an image that stands in a file, at a place that is told with every refusal.
    pub(super) async fn pin_at(&self, text: &str, place: &str) -> Result<Option<Pinned>, Refusal> {
        let asked = Asked::of(text).map_err(|error| Refusal::new(error.to_string()).at(place))?;
        self.pin(text, &asked).await.map_err(|refusal| refusal.at(place))
    }

    /// What is to stand in the place of each image of a document; `kind` is what owns them there.
    pub(super) async fn pins_of(
        &self,
        images: Vec<Image>,
        kind: &str,
    ) -> Result<Vec<(Image, String)>, Refusal> {
        let mut pins = Vec::new();
        for image in images {
            let place = format!("{kind} {}: {}", image.owner, image.text);
            if let Some(pinned) = self.pin_at(&image.text, &place).await? {
                pins.push((image, pinned.by_digest().familiar()));
            }
        }
        Ok(pins)
    }

    /// Docker for what goes on around the command.
    pub(super) fn engine(&self, progress: Progress) -> Result<Engine, Refusal> {
        let socket = self.context.docker_endpoint().socket();
        let engine = Engine::new(self.program.clone(), self.context.timeout(), progress);
        Ok(engine
            .map_err(|error| Refusal::of(&error.into()))?
            .with_socket(socket.filter(|_| self.speaks_to_default))
            .with_globals(self.globals.clone()))
    }

    /// Docker in our place. It inherits no passphrases, and has no content trust of its own to do.
    pub(super) fn become_docker(&self, words: &[OsString]) -> ExitCode {
        let variables: Vec<&str> = withheld_variables().collect();
        let failure = Docker::at(self.program.path()).become_it_without(words, &variables);
        Refusal::of(&failure).told(self.context.output)
    }
}
