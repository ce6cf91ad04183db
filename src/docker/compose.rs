//! A compose project as compose itself resolves it (`docker compose config --format json`), and the
//! images in it.
//!
//! - Whatever compose would pull is found, or the project is refused.
//! - What a service builds is never pulled in its place: `pull_policy: build`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Map, Value, json};

use super::build_source::{CacheImage, SYNTAX_ARGUMENT, cache_image, context_image};
use super::dockerfile::{Builder, Settings};

/// A resolved project.
#[derive(Debug)]
pub struct Model(Value);

/// An image in a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The service.
    pub service: String,
    /// As it is written.
    pub text: String,
    pointer: String,
    before: String,
}

/// A service that is built.
#[derive(Debug)]
pub struct Build {
    /// Its name.
    pub service: String,
    /// The build context.
    pub context: String,
    /// The Dockerfile in the context, or by an absolute path.
    pub file: Option<String>,
    /// A Dockerfile in the model itself.
    pub inline: Option<String>,
    /// What decides which images the Dockerfile needs.
    pub settings: Settings,
    pointer: String,
}

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
            let at = Service { name, service, pointer: format!("/services/{}", escaped(name)) };
            at.check()?;
            images.extend(at.own_image().filter(|image| !built.contains(&image.text)));
            images.extend(at.mounted_images());
            images.extend(at.hook_images());
            images.extend(at.context_images()?);
            images.extend(at.cache_images()?);
            images.extend(at.frontend());
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
        let built = services.filter_map(|(name, service)| {
            let pointer = format!("/services/{}", escaped(name));
            Service { name, service, pointer }.build()
        });
        built.collect()
    }

    /// Puts a reference in the place of an image.
    pub fn pin(&mut self, image: &Image, pinned: &str) {
        if let Some(value) = self.0.pointer_mut(&image.pointer) {
            *value = Value::String(format!("{}{pinned}", image.before));
        }
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

    /// Has nothing pulled that is built here.
    ///
    /// # Errors
    ///
    /// [`Error::Form`].
    pub fn never_pull_what_is_built(&mut self) -> Result<(), Error> {
        let built = self.built_images()?;
        let Some(Value::Object(services)) = self.0.get_mut("services") else { return Ok(()) };
        for service in services.values_mut().filter_map(Value::as_object_mut) {
            let takes = service.get("image").and_then(Value::as_str);
            let is_built = service.get("build").is_some_and(|build| !build.is_null());
            let policy = match is_built {
                true if service.get("pull_policy") == Some(&json!("never")) => continue,
                true => "build",
                false if takes.is_some_and(|image| built.contains(image)) => "never",
                false => continue,
            };
            service.insert("pull_policy".to_owned(), json!(policy));
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

struct Service<'m> {
    name: &'m str,
    service: &'m Value,
    pointer: String,
}

impl<'m> Service<'m> {
    fn check(&self) -> Result<(), Error> {
        if self.service.get("provider").is_some_and(|provider| !provider.is_null()) {
            return Err(self.refuse("what its provider runs cannot be checked"));
        }
        let build = self.service.get("build");
        let sbom = build.and_then(|build| build.get("sbom")).and_then(as_text);
        match sbom.as_deref() {
            None | Some("false") => Ok(()),
            Some(_) => Err(self.refuse("what makes the SBOM is an image that is not checked")),
        }
    }

    fn refuse(&self, reason: &str) -> Error {
        Error::Service { service: self.name.to_owned(), reason: reason.to_owned() }
    }

    fn image(&self, text: &str, path: &str) -> Image {
        self.image_within(text, path, "")
    }

    fn image_within(&self, text: &str, path: &str, before: &str) -> Image {
        Image {
            service: self.name.to_owned(),
            text: text.to_owned(),
            pointer: format!("{}/{path}", self.pointer),
            before: before.to_owned(),
        }
    }

    fn own_image(&self) -> Option<Image> {
        let image = self.service.get("image").and_then(Value::as_str);
        let image = image.filter(|_| !is_built(self.service))?;
        Some(self.image(image, "image"))
    }

    fn mounted_images(&self) -> Vec<Image> {
        let volumes = self.service.get("volumes").and_then(Value::as_array);
        let volumes = volumes.into_iter().flatten().enumerate();
        let of_image = volumes.filter(|(_, volume)| volume.get("type") == Some(&json!("image")));
        let image = |(index, volume): (usize, &Value)| {
            let source = volume.get("source").and_then(Value::as_str)?;
            Some(self.image(source, &format!("volumes/{index}/source")))
        };
        of_image.filter_map(image).collect()
    }

    /// Hooks, and whatever else in a service has an image of its own.
    fn hook_images(&self) -> Vec<Image> {
        let members = self.service.as_object().into_iter().flatten();
        let lists = members.filter_map(|(key, value)| Some((key, value.as_array()?)));
        let items = lists.flat_map(|(key, list)| {
            list.iter().enumerate().map(move |(index, item)| (key, index, item))
        });
        let image = |(key, index, item): (&String, usize, &Value)| {
            let text = item.get("image").and_then(Value::as_str)?;
            Some(self.image(text, &format!("{}/{index}/image", escaped(key))))
        };
        items.filter_map(image).collect()
    }

    fn context_images(&self) -> Result<Vec<Image>, Error> {
        let contexts = self.contexts().into_iter().flatten();
        let mut images = Vec::new();
        for (name, value) in contexts {
            let value = value.as_str().unwrap_or_default();
            if let Some(offset) = context_image(value).map_err(|reason| self.refuse(reason))? {
                let path = format!("build/additional_contexts/{}", escaped(name));
                images.push(self.image_within(&value[offset..], &path, &value[..offset]));
            }
        }
        Ok(images)
    }

    fn cache_images(&self) -> Result<Vec<Image>, Error> {
        let caches = self.service.pointer("/build/cache_from").and_then(Value::as_array);
        let mut images = Vec::new();
        for (index, value) in caches.into_iter().flatten().enumerate() {
            let text = value.as_str().unwrap_or_default();
            let path = format!("build/cache_from/{index}");
            match cache_image(text).map_err(|reason| self.refuse(reason))? {
                CacheImage::None => {}
                CacheImage::Whole => images.push(self.image(text, &path)),
                CacheImage::Field(image) => {
                    images.push(self.image_within(image, &path, "type=registry,ref="));
                }
            }
        }
        Ok(images)
    }

    fn frontend(&self) -> Option<Image> {
        let path = format!("build/args/{SYNTAX_ARGUMENT}");
        let image = self.service.pointer(&format!("/{path}")).and_then(Value::as_str)?;
        Some(self.image(image, &path))
    }

    fn contexts(&self) -> Option<&'m Map<String, Value>> {
        self.service.pointer("/build/additional_contexts").and_then(Value::as_object)
    }

    fn build(&self) -> Option<Result<Build, Error>> {
        let build = self.service.get("build").filter(|build| !build.is_null())?;
        let text = |name: &str| build.get(name).and_then(Value::as_str).map(unescaped);
        let missing = || Error::Form { expected: "build context" };
        let context = match text("context") {
            Some(context) => context,
            None => return Some(Err(missing())),
        };
        let arguments = build.get("args").and_then(Value::as_object);
        let arguments: BTreeMap<String, String> = arguments
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some((name.clone(), as_text(value)?)))
            .collect();
        let names = self.contexts().into_iter().flatten().map(|(name, _)| name);
        Some(Ok(Build {
            service: self.name.to_owned(),
            context,
            file: text("dockerfile"),
            inline: text("dockerfile_inline"),
            settings: Settings {
                arguments,
                target: text("target"),
                contexts: names.map(|name| Settings::context_name(name)).collect(),
                builder: Builder::Either,
            },
            pointer: format!("{}/build", self.pointer),
        }))
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

/// A name in a JSON pointer (RFC 6901 §3).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
#[path = "compose/tests.rs"]
mod tests;
