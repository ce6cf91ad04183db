//! What the command line says about a build.

use std::collections::{BTreeMap, BTreeSet};

use super::options::Given;
use super::trust::go_bool;
use super::words::ValuePlace;
use super::{Error, Guarded, Place, Used, Verb};
use crate::docker::build_source::{
    CacheImage, SYNTAX_ARGUMENT, attestation, cache_image, check_sources, context_image, sbom,
};
use crate::docker::config::BUILDX;
use crate::docker::dockerfile::{Builder, Settings};

/// A build as the command line has it.
#[derive(Debug)]
pub struct Build {
    /// `--file`.
    pub file: Option<String>,
    /// The build context.
    pub context: String,
    /// What decides which images the Dockerfile needs.
    pub settings: Settings,
    /// Images in the command line itself.
    pub images: Vec<Used>,
}

impl Guarded {
    /// Reads a build. `variable` is the environment, from which an argument without a value comes;
    /// `alias` the builder that docker's configuration names.
    ///
    /// # Errors
    ///
    /// [`Error`] for what would take content that nobody signed.
    pub fn build(
        &self,
        variable: &dyn Fn(&str) -> Option<String>,
        alias: Option<&str>,
    ) -> Result<Build, Error> {
        if self.verb == Verb::Build && alias.is_some_and(|alias| alias != BUILDX) {
            return Err(self.refuse("docker's config.json names another builder than buildx"));
        }
        let &[context] = self.parsed.operands.as_slice() else {
            let reason = "requires exactly 1 argument, the build context";
            return Err(Error::Operands { command: self.verb.command(), reason });
        };
        self.check_inventory()?;
        check_sources(variable).map_err(|reason| self.refuse(reason))?;
        let mut images = self.context_images()?;
        images.extend(self.cache_images()?);
        images.extend(self.frontend()?);
        Ok(Build {
            file: self.value("file")?.map(str::to_owned),
            context: self.words.text(context)?.to_owned(),
            settings: Settings {
                arguments: arguments(&self.values("build-arg")?, variable),
                target: self.value("target")?.map(str::to_owned),
                contexts: self.context_names()?,
                builder: builder(self.verb, variable("DOCKER_BUILDKIT").as_deref(), alias),
            },
            images,
        })
    }

    fn refuse(&self, reason: &'static str) -> Error {
        Error::Refused { command: self.verb.command(), reason }
    }

    /// The program that lists an image's contents is an image, too.
    fn check_inventory(&self) -> Result<(), Error> {
        for value in self.values("sbom")? {
            sbom(value).map_err(|reason| self.refuse(reason))?;
        }
        for value in self.values("attest")? {
            attestation(value).map_err(|reason| self.refuse(reason))?;
        }
        Ok(())
    }

    fn places(&self, option: &str) -> Vec<ValuePlace> {
        self.parsed.all(option).filter_map(|given: &Given| given.value).collect()
    }

    fn context_names(&self) -> Result<BTreeSet<String>, Error> {
        let contexts = self.values("build-context")?;
        let names = contexts.iter().map(|text| text.split('=').next().unwrap_or_default());
        Ok(names.map(Settings::context_name).collect())
    }

    fn context_images(&self) -> Result<Vec<Used>, Error> {
        let mut images = Vec::new();
        for place in self.places("build-context") {
            let text = self.words.value(place)?;
            let Some((name, value)) = text.split_once('=') else {
                return Err(self.refuse("--build-context wants NAME=VALUE"));
            };
            if let Some(offset) = context_image(value).map_err(|reason| self.refuse(reason))? {
                images.push(self.used(place, name.len() + 1 + offset)?);
            }
        }
        Ok(images)
    }

    fn cache_images(&self) -> Result<Vec<Used>, Error> {
        let mut images = Vec::new();
        for place in self.places("cache-from") {
            let text = self.words.value(place)?;
            match cache_image(text).map_err(|reason| self.refuse(reason))? {
                CacheImage::None => {}
                CacheImage::Whole => images.push(self.used(place, 0)?),
                CacheImage::Field(image) => {
                    images.push(Used { text: image.to_owned(), place: Place::Cache(place) });
                }
            }
        }
        Ok(images)
    }

    /// An argument that has the file read by the program in an image.
    fn frontend(&self) -> Result<Vec<Used>, Error> {
        let mut images = Vec::new();
        for place in self.places("build-arg") {
            let text = self.words.value(place)?;
            match text.strip_prefix(SYNTAX_ARGUMENT) {
                Some("") => return Err(self.refuse("BUILDKIT_SYNTAX needs its value here")),
                Some(rest) if rest.starts_with('=') => {
                    images.push(self.used(place, SYNTAX_ARGUMENT.len() + 1)?);
                }
                _ => {}
            }
        }
        Ok(images)
    }

    fn used(&self, place: ValuePlace, offset: usize) -> Result<Used, Error> {
        let place = ValuePlace { start: place.start + offset, ..place };
        Ok(Used { text: self.words.value(place)?.to_owned(), place: Place::Whole(place) })
    }
}

/// `NAME=value`, or `NAME` with the environment's value, if there is one. The last one counts.
pub(super) fn arguments(
    given: &[&str],
    variable: &dyn Fn(&str) -> Option<String>,
) -> BTreeMap<String, String> {
    let pairs = given.iter().filter_map(|text| match text.split_once('=') {
        Some((name, value)) => Some((name.to_owned(), value.to_owned())),
        None => Some(((*text).to_owned(), variable(text)?)),
    });
    pairs.collect()
}

/// Docker 20.10 builds with the alias whatever the variable says (docker/cli
/// `cmd/docker/aliases.go`).
fn builder(verb: Verb, variable: Option<&str>, alias: Option<&str>) -> Builder {
    match (verb, variable.and_then(go_bool)) {
        (Verb::BuildxBuild, _) | (_, Some(true)) => Builder::BuildKit,
        (_, Some(false)) if alias.is_none() => Builder::Classic,
        _ => Builder::Either,
    }
}
