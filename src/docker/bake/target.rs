//! One target of a definition: the images that buildx would take for it.

use serde_json::{Map, Value};

use super::{Build, Error, Image};
use crate::docker::build_source::{
    CacheImage, SYNTAX_ARGUMENT, attestation, cache_image, context_image, is_remote,
};
use crate::docker::dockerfile::{Builder, Settings};
use crate::docker::document::{escaped, unknown_key};

pub(super) struct Target<'d> {
    pub(super) name: &'d str,
    pub(super) target: &'d Value,
    pub(super) pointer: String,
}

impl<'d> Target<'d> {
    pub(super) fn images(&self) -> Result<Vec<Image>, Error> {
        self.check()?;
        let mut images = self.context_images()?;
        images.extend(self.cache_images()?);
        images.extend(self.frontend());
        Ok(images)
    }

    pub(super) fn build(&self) -> Build {
        let text = |key: &str| self.text(key).map(str::to_owned);
        let arguments = self.members("args");
        let pairs = arguments.filter_map(|(name, value)| Some((name.clone(), value.as_str()?)));
        let contexts = self.members("contexts").map(|(name, _)| name);
        Build {
            owner: self.name.to_owned(),
            context: text("context").unwrap_or_else(|| ".".to_owned()),
            file: text("dockerfile").filter(|file| file != "Dockerfile"),
            inline: text("dockerfile-inline"),
            settings: Settings {
                arguments: pairs.map(|(name, value)| (name, value.to_owned())).collect(),
                target: text("target"),
                contexts: Settings::found_contexts(contexts),
                builder: Builder::BuildKit,
            },
            pointer: self.pointer.clone(),
        }
    }

    fn check(&self) -> Result<(), Error> {
        if let Some(key) = unknown_key(self.target, KNOWN) {
            let key = key.escape_debug();
            return Err(self.refuse(&format!("whether {key} brings an image is not known here")));
        }
        if self.text("context").is_some_and(is_remote) {
            let reason = "a build context from elsewhere carries no signature; fetch it first";
            return Err(self.refuse(reason));
        }
        let mut attestations =
            self.items("attest").map(|(_, value)| attestation(&as_options(value)));
        attestations.try_for_each(|judged| judged.map_err(|reason| self.refuse(reason)))
    }

    fn context_images(&self) -> Result<Vec<Image>, Error> {
        let mut images = Vec::new();
        for (name, value) in self.members("contexts") {
            let value = value.as_str().unwrap_or_default();
            if let Some(path) = value.strip_prefix("cwd://") {
                self.check_path(path)?;
                continue;
            }
            if let Some(offset) = context_image(value).map_err(|reason| self.refuse(reason))? {
                let place = format!("{}/contexts/{}", self.pointer, escaped(name));
                let (before, image) = value.split_at(offset);
                images.push(Image::within(self.name, image, place, before));
            }
        }
        Ok(images)
    }

    /// Behind `cwd://` stands a path from the working directory. Buildx shortens it, and only then
    /// looks whether it is one.
    fn check_path(&self, path: &str) -> Result<(), Error> {
        match context_image(&shortened(path)) {
            Ok(None) => Ok(()),
            Ok(Some(_)) => Err(self.refuse("a path that is an image")),
            Err(reason) => Err(self.refuse(reason)),
        }
    }

    /// Caches are texts in what older versions print, and objects in that of newer ones.
    fn cache_images(&self) -> Result<Vec<Image>, Error> {
        let mut images = Vec::new();
        for (index, cache) in self.items("cache-from") {
            let place = format!("{}/cache-from/{index}", self.pointer);
            let text = as_options(cache);
            match cache_image(&text).map_err(|reason| self.refuse(reason))? {
                CacheImage::None => {}
                CacheImage::Whole => images.push(Image::whole(self.name, &text, place)),
                CacheImage::Field(image) => {
                    images.push(Image::within(self.name, image, place, "type=registry,ref="));
                }
            }
        }
        Ok(images)
    }

    fn frontend(&self) -> Option<Image> {
        let (_, image) = self.members("args").find(|(name, _)| *name == SYNTAX_ARGUMENT)?;
        let place = format!("{}/args/{SYNTAX_ARGUMENT}", self.pointer);
        Some(Image::whole(self.name, image.as_str()?, place))
    }

    fn refuse(&self, reason: &str) -> Error {
        Error::Target { target: self.name.to_owned(), reason: reason.to_owned() }
    }

    fn text(&self, key: &str) -> Option<&'d str> {
        self.target.get(key).and_then(Value::as_str)
    }

    fn members(&self, key: &str) -> impl Iterator<Item = (&'d String, &'d Value)> + use<'d> {
        self.target.get(key).and_then(Value::as_object).into_iter().flatten()
    }

    fn items(&self, key: &str) -> impl Iterator<Item = (usize, &'d Value)> + use<'d> {
        let items = self.target.get(key).and_then(Value::as_array);
        items.into_iter().flatten().enumerate()
    }
}

/// A path as Go's `path.Clean` has it.
fn shortened(path: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    for name in path.split('/').filter(|name| !matches!(*name, "" | ".")) {
        match names.last() {
            Some(last) if name == ".." && *last != ".." => drop(names.pop()),
            None if name == ".." && path.starts_with('/') => {}
            _ => names.push(name),
        }
    }
    let root = if path.starts_with('/') { "/" } else { "" };
    format!("{root}{}", names.join("/"))
}

/// `type=…,ref=…`, also of what is an object. A comma in a value is within quotes, as in CSV.
fn as_options(value: &Value) -> String {
    let pair = |(key, value): (&String, &Value)| match format!("{key}={}", plain(value)) {
        pair if pair.contains([',', '"']) => format!("{pair:?}"),
        pair => pair,
    };
    let pairs =
        |members: &Map<String, Value>| members.iter().map(pair).collect::<Vec<_>>().join(",");
    value.as_object().map_or_else(|| plain(value), pairs)
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What a target may hold (buildx 0.13 to 0.29, `bake/bake.go`, `Target`).
const KNOWN: &str = "\
    annotations args attest cache-from cache-to call context contexts description dockerfile \
    dockerfile-inline entitlements extra-hosts labels network no-cache no-cache-filter output \
    platforms pull secret shm-size ssh tags target ulimits";
