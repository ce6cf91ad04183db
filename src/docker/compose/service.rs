//! One service of a model: the images that compose would pull for it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::known::{BUILD, SERVICE};
use super::{Build, Error, Image, as_text, is_built, unescaped};
use crate::docker::build_source::{CacheImage, SYNTAX_ARGUMENT, cache_image, context_image};
use crate::docker::dockerfile::{Builder, Settings};
use crate::docker::document::{escaped, unknown_key};

pub(super) struct Service<'m> {
    name: &'m str,
    service: &'m Value,
    pointer: String,
}

impl<'m> Service<'m> {
    pub(super) fn new(name: &'m str, service: &'m Value) -> Self {
        Self { name, service, pointer: format!("/services/{}", escaped(name)) }
    }

    /// Every image that is pulled for it. What it runs is not, if it is one of the `built`.
    pub(super) fn images(&self, built: &BTreeSet<String>) -> Result<Vec<Image>, Error> {
        self.check()?;
        let mut images = self.running_images(built);
        images.extend(self.context_images()?);
        images.extend(self.cache_images()?);
        images.extend(self.frontend());
        Ok(images)
    }

    /// The images that its containers need, and its build does not.
    pub(super) fn running_images(&self, built: &BTreeSet<String>) -> Vec<Image> {
        let own = self.own_image().filter(|image| !built.contains(&image.text));
        let mut images: Vec<Image> = own.into_iter().collect();
        images.extend(self.mounted_images());
        images.extend(self.hook_images());
        images
    }

    /// The services whose images its build starts from.
    pub(super) fn builds_on(&self) -> impl Iterator<Item = &'m str> {
        let contexts = self.contexts().into_iter().flatten();
        contexts.filter_map(|(_, value)| value.as_str()?.strip_prefix("service:"))
    }

    fn check(&self) -> Result<(), Error> {
        let build = self.service.get("build");
        let unknown = unknown_key(self.service, SERVICE);
        if let Some(key) = unknown.or_else(|| unknown_key(build?, BUILD)) {
            let key = key.escape_debug();
            return Err(self.refuse(&format!("whether {key} brings an image is not known here")));
        }
        if self.service.get("provider").is_some_and(|provider| !provider.is_null()) {
            return Err(self.refuse("what its provider runs cannot be checked"));
        }
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
        Image::within(self.name, text, format!("{}/{path}", self.pointer), before)
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

    pub(super) fn build(&self) -> Option<Result<Build, Error>> {
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
            owner: self.name.to_owned(),
            context,
            file: text("dockerfile"),
            inline: text("dockerfile_inline"),
            settings: Settings {
                arguments,
                target: text("target"),
                contexts: Settings::found_contexts(names),
                builder: Builder::Either,
            },
            pointer: format!("{}/build", self.pointer),
        }))
    }
}
