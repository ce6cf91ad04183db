//! Dockerfiles: which images does a build take, and where in the text do they stand.
//!
//! Read as BuildKit and the classic builder read them (moby/buildkit `frontend/dockerfile/parser`
//! and `instructions`). Rules:
//!
//! - The text is kept; an image that is pinned is exchanged in its place, and nothing else changes.
//! - Where the two builders disagree, or a builder does more than is understood here, the file is
//!   refused with the line and the reason.
//! - What a build adds from elsewhere (`ADD https://…`, `RUN curl …`) was never a matter of content
//!   trust.

mod directive;
mod error;
mod expand;
mod heredoc;
mod instruction;
mod lines;
mod stages;

pub use error::Error;
pub use stages::{ImageUse, Settings};

use directive::Directives;
use instruction::Instruction;

/// Which builder will read the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Builder {
    /// The one in docker's daemon, without BuildKit.
    Classic,
    /// BuildKit.
    BuildKit,
    /// Either of them; docker decides.
    Either,
}

/// A Dockerfile, taken apart.
#[derive(Debug)]
pub struct Dockerfile<'t> {
    text: &'t str,
    directives: Directives,
    instructions: Vec<Instruction>,
}

impl<'t> Dockerfile<'t> {
    /// Takes a text apart.
    ///
    /// # Errors
    ///
    /// [`Error`] for what the builders would read in different ways.
    pub fn parse(text: &'t str) -> Result<Self, Error> {
        if text.len() > MAX_BYTES {
            return Err(Error::TooLarge { limit: MAX_BYTES });
        }
        let directives = Directives::read(text)?;
        let instructions = lines::instructions(text, directives.escape)?;
        Ok(Self { text, directives, instructions })
    }

    /// The images that a build with these settings takes.
    ///
    /// # Errors
    ///
    /// [`Error`] if one of them cannot be told.
    pub fn images(&self, settings: &Settings) -> Result<Vec<ImageUse>, Error> {
        let syntax = self.directives.syntax.clone();
        let syntax = syntax.filter(|_| settings.builder != Builder::Classic);
        let mut images: Vec<ImageUse> = syntax.into_iter().collect();
        images.extend(stages::images(&self.instructions, self.directives.escape, settings)?);
        Ok(images)
    }

    /// The text with other images. Those that are not named stay.
    pub fn with(&self, changes: &[(&ImageUse, &str)]) -> String {
        let mut changes: Vec<_> = changes.to_vec();
        changes.sort_by_key(|(image, _)| image.range.start);
        let mut text = String::with_capacity(self.text.len() + 128);
        let mut done = 0;
        for (image, pinned) in changes {
            text.push_str(&self.text[done..image.range.start]);
            text.push_str(&image.written(pinned));
            done = image.range.end;
        }
        text.push_str(&self.text[done..]);
        text
    }
}

/// Bytes; far more than any builder is asked to read.
const MAX_BYTES: usize = 1 << 20;

#[cfg(test)]
mod tests;
