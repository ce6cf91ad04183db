//! A compose project as compose itself resolves it (`docker compose config --format json`), and the
//! images in it.
//!
//! - Whatever compose would pull is found, or the project is refused.
//! - What a service builds is never pulled in its place: `pull_policy: build`.
//! - What the command does not mean stays there by its name, with nothing in it that could run.

mod known;
mod service;

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Map, Value, json};

use known::WITHHELD;
use service::Service;

use super::document::{Build, Image};

/// A resolved project.
#[derive(Debug)]
pub struct Model(Value);

/// Why a project's images cannot be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What compose printed is no model.
    #[error("docker compose config: its answer is not understood")]
    Malformed {
        /// Where and why.
        source: serde_json::Error,
    },
    /// What compose printed has another form than is known.
    #[error("docker compose config: no {expected}")]
    Form {
        /// What is missing.
        expected: &'static str,
    },
    /// A service takes something that cannot be checked.
    #[error("service {service}: {reason}")]
    Service {
        /// Its name.
        service: String,
        /// Why.
        reason: String,
    },
}

impl Model {
    /// Reads what compose printed.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`], [`Error::Form`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let value: Value =
            serde_json::from_slice(bytes).map_err(|source| Error::Malformed { source })?;
        let model = Self(value);
        model.services()?;
        Ok(model)
    }

    /// The images that are pulled, the images of contexts and caches included.
    ///
    /// # Errors
    ///
    /// [`Error::Service`] for what nobody can check.
    pub fn images(&self) -> Result<Vec<Image>, Error> {
        self.check_models()?;
        let built = self.built_images()?;
        let mut images = Vec::new();
        for (name, service) in self.services()? {
            images.extend(Service::new(name, service).images(&built)?);
        }
        Ok(images)
    }

    /// The services that are built.
    ///
    /// # Errors
    ///
    /// [`Error::Form`].
    pub fn builds(&self) -> Result<Vec<Build>, Error> {
        let services = self.services()?.iter();
        services.filter_map(|(name, service)| Service::new(name, service).build()).collect()
    }

    /// The names of the services.
    ///
    /// # Errors
    ///
    /// [`Error::Form`].
    pub fn names(&self) -> Result<BTreeSet<String>, Error> {
        Ok(self.services()?.keys().cloned().collect())
    }

    /// Whether some services are there only if their profile is on.
    ///
    /// # Errors
    ///
    /// [`Error::Form`].
    pub fn has_profiles(&self) -> Result<bool, Error> {
        Ok(self.services()?.values().any(|service| service.get("profiles").is_some()))
    }

    /// Whether a service is built on another one.
    ///
    /// # Errors
    ///
    /// [`Error::Form`].
    pub fn builds_on_services(&self) -> Result<bool, Error> {
        let mut services = self.services()?.iter();
        Ok(services.any(|(name, service)| Service::new(name, service).builds_on().next().is_some()))
    }

    /// Takes out what services hold that are neither chosen nor built upon. Without their names
    /// compose would take their containers for orphans.
    ///
    /// # Errors
    ///
    /// [`Error::Form`].
    pub fn withhold_but(&mut self, chosen: &BTreeSet<String>) -> Result<(), Error> {
        let needed = self.with_bases(chosen)?;
        let Some(Value::Object(services)) = self.0.get_mut("services") else { return Ok(()) };
        for (_, service) in services.iter_mut().filter(|(name, _)| !needed.contains(*name)) {
            let profiles = service.get("profiles").cloned().unwrap_or_else(|| json!([]));
            *service = json!({ "image": WITHHELD, "profiles": profiles });
        }
        Ok(())
    }

    /// Takes out the images that no build takes: those that services run, mount and have hooks in.
    /// A build may start from what another service runs.
    ///
    /// # Errors
    ///
    /// [`Error::Form`].
    pub fn withhold_what_runs(&mut self) -> Result<(), Error> {
        let (services, built) = (self.services()?, self.built_images()?);
        let mut bases = BTreeSet::new();
        for (name, service) in services {
            bases.extend(Service::new(name, service).builds_on());
        }
        let mut images = Vec::new();
        for (name, service) in services.iter().filter(|(name, _)| !bases.contains(name.as_str())) {
            images.extend(Service::new(name, service).running_images(&built));
        }
        images.iter().for_each(|image| self.pin(image, WITHHELD));
        Ok(())
    }

    /// Puts a reference in the place of an image.
    pub fn pin(&mut self, image: &Image, pinned: &str) {
        image.exchange(&mut self.0, pinned);
    }

    /// Has a service built from another Dockerfile.
    pub fn set_dockerfile(&mut self, build: &Build, file: &Path) {
        if let Some(Value::Object(build)) = self.0.pointer_mut(&build.pointer) {
            build.remove("dockerfile_inline");
            // Compose reads the model as a file, in which a dollar begins a variable.
            let file = file.to_string_lossy().replace('$', "$$");
            build.insert("dockerfile".to_owned(), json!(file));
        }
    }

    /// Has nothing pulled that is built here, whatever the command or the service says; the command
    /// goes before the service.
    ///
    /// # Errors
    ///
    /// [`Error::Form`].
    pub fn decide_pulls(&mut self, asked: Option<&str>) -> Result<(), Error> {
        let built = self.built_images()?;
        let Some(Value::Object(services)) = self.0.get_mut("services") else { return Ok(()) };
        for service in services.values_mut().filter_map(Value::as_object_mut) {
            let takes = service.get("image").and_then(Value::as_str);
            let is_built = service.get("build").is_some_and(|build| !build.is_null());
            let own = service.get("pull_policy").and_then(Value::as_str);
            let policy = match asked.or(own) {
                Some("never") => "never",
                _ if is_built => "build",
                _ if takes.is_some_and(|image| built.contains(image)) => "never",
                Some(policy) => policy,
                None => continue,
            };
            let policy = json!(policy);
            service.insert("pull_policy".to_owned(), policy);
        }
        Ok(())
    }

    /// The model as a compose file.
    pub fn text(&self) -> String {
        self.0.to_string()
    }

    fn services(&self) -> Result<&Map<String, Value>, Error> {
        let services = self.0.get("services").and_then(Value::as_object);
        services.ok_or(Error::Form { expected: "services" })
    }

    /// What services with a build section call their images.
    fn built_images(&self) -> Result<BTreeSet<String>, Error> {
        let built = self.services()?.values().filter(|service| is_built(service));
        let names = built.filter_map(|service| service.get("image").and_then(Value::as_str));
        Ok(names.map(str::to_owned).collect())
    }

    /// Services, and those whose images their builds start from, however far.
    fn with_bases(&self, chosen: &BTreeSet<String>) -> Result<BTreeSet<String>, Error> {
        let services = self.services()?;
        let mut open: Vec<&str> = chosen.iter().map(String::as_str).collect();
        let mut needed = BTreeSet::new();
        while let Some(name) = open.pop() {
            if let Some(service) = services.get(name)
                && needed.insert(name.to_owned())
            {
                open.extend(Service::new(name, service).builds_on());
            }
        }
        Ok(needed)
    }

    /// Models of language are fetched from registries as well, by nobody's signature.
    fn check_models(&self) -> Result<(), Error> {
        let models = self.0.get("models").and_then(Value::as_object);
        match models.and_then(|models| models.keys().next()) {
            None => Ok(()),
            Some(name) => Err(Error::Service {
                service: name.clone(),
                reason: "a model cannot be checked".to_owned(),
            }),
        }
    }
}

fn is_built(service: &Value) -> bool {
    service.get("build").is_some_and(|build| !build.is_null())
}

/// Compose writes a model so that it can be read again, with every dollar doubled.
fn unescaped(text: &str) -> String {
    text.replace("$$", "$")
}

/// A scalar as compose passes it on.
fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(unescaped(text)),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    }
}

#[cfg(test)]
#[path = "compose/tests.rs"]
mod tests;
