//! A bake definition as buildx itself resolves it (`docker buildx bake --print`), and the images in
//! it.
//!
//! - Whatever a target takes is found, or the definition is refused.
//! - It goes back as a bake file, in whose texts `${` and `%{` begin a template. Newer versions of
//!   buildx double them in some of what they print and older ones in nothing, so a label of ours is
//!   printed, too, and shows which one it is.

mod target;
mod template;

use serde_json::{Map, Value, json};

use super::document::escaped;
use super::document::{Build, Image};
use target::Target;

/// A resolved definition, its texts as they are meant.
#[derive(Debug)]
pub struct Definition(Value);

/// What has buildx print our label with every target.
pub const PROBE: &str = "*.labels.countersign-probe=${";

/// Why a definition's images cannot be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What buildx printed is no definition.
    #[error("docker buildx bake --print: its answer is not understood")]
    Malformed {
        /// Where and why.
        source: serde_json::Error,
    },
    /// What buildx printed has another form than is known.
    #[error("docker buildx bake --print: no {expected}")]
    Form {
        /// What is missing.
        expected: &'static str,
    },
    /// A target takes something that cannot be checked.
    #[error("target {target}: {reason}")]
    Target {
        /// Its name.
        target: String,
        /// Why.
        reason: String,
    },
}

impl Definition {
    /// Reads what buildx printed.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`], [`Error::Form`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut value: Value =
            serde_json::from_slice(bytes).map_err(|source| Error::Malformed { source })?;
        let targets = value.get_mut("target").and_then(Value::as_object_mut);
        let targets = targets.ok_or(Error::Form { expected: "targets" })?;
        for target in targets.values_mut() {
            let probe = take_probe(target).ok_or(Error::Form { expected: "label of ours" })?;
            if probe != "${" {
                template::read(target);
            }
        }
        Ok(Self(value))
    }

    /// The images in it, those of contexts, caches and of what reads Dockerfiles.
    ///
    /// # Errors
    ///
    /// [`Error::Target`] for what nobody can check.
    pub fn images(&self) -> Result<Vec<Image>, Error> {
        let images: Result<Vec<_>, _> = self.targets().map(|target| target.images()).collect();
        Ok(images?.into_iter().flatten().collect())
    }

    /// The builds of all targets.
    pub fn builds(&self) -> Vec<Build> {
        self.targets().map(|target| target.build()).collect()
    }

    /// Puts a reference in the place of an image.
    pub fn pin(&mut self, image: &Image, pinned: &str) {
        image.exchange(&mut self.0, pinned);
    }

    /// Has a target built from this Dockerfile, in the context at an absolute path.
    pub fn set_dockerfile(&mut self, build: &Build, context: &str, text: &str) {
        if let Some(Value::Object(target)) = self.0.pointer_mut(&build.pointer) {
            target.remove("dockerfile");
            target.insert("dockerfile-inline".to_owned(), json!(text));
            target.insert("context".to_owned(), json!(context));
        }
    }

    /// The definition as a bake file.
    pub fn text(&self) -> String {
        let mut value = self.0.clone();
        if let Some(Value::Object(targets)) = value.get_mut("target") {
            targets.values_mut().for_each(template::write);
        }
        value.to_string()
    }

    fn targets(&self) -> impl Iterator<Item = Target<'_>> {
        let targets = self.0.get("target").and_then(Value::as_object).into_iter();
        targets.flatten().map(|(name, target)| Target {
            name,
            target,
            pointer: format!("/target/{}", escaped(name)),
        })
    }
}

fn take_probe(target: &mut Value) -> Option<String> {
    let labels = target.get_mut("labels")?.as_object_mut()?;
    let probe = labels.remove("countersign-probe")?.as_str()?.to_owned();
    if labels.is_empty() {
        target.as_object_mut().map(|target: &mut Map<_, _>| target.remove("labels"));
    }
    Some(probe)
}

#[cfg(test)]
#[path = "bake/tests.rs"]
mod tests;
