//! What buildx wrote with `--metadata-file`: of `build` one image, of `bake` one for each target.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::super::exit::Kind;
use super::super::output::Failure;
use super::super::subject::Subject;
use super::{Listed, contradiction, json, unusable};
use crate::image::{Descriptor, ImageDigest, Reference, Tag};

/// What was built under a name.
#[derive(Debug)]
pub(super) enum Built {
    /// All that has to be known.
    Described(Descriptor),
    /// A digest alone, as older versions wrote it; the registry knows the size.
    Named(ImageDigest),
}

impl Built {
    /// Reads the file, and in what bake wrote the target of this name.
    ///
    /// # Errors
    ///
    /// If it names no image, several and none of that name, or two digests for one.
    pub(super) fn read(file: &Path, subject: &Subject, tag: &Tag) -> Result<Self, Failure> {
        let images = images(&json(file)?).map_err(|error| unusable(file, &error.to_string()))?;
        let named = |image: &&Image| images.len() == 1 || image.is_named(subject, tag);
        match images.iter().filter(named).collect::<Vec<_>>().as_slice() {
            [image] => image.built(),
            [] if images.is_empty() => Err(unusable(
                file,
                "no containerimage.digest: it is written when the build pushes or exports an image",
            )),
            found => Err(unusable(
                file,
                &format!("{} images have the name {}:{tag}", found.len(), subject.gun),
            )),
        }
    }
}

/// The members that are read (buildx `util/buildflags`, BuildKit
/// `exporter/containerimage/exptypes`).
#[derive(Deserialize)]
struct Image {
    #[serde(rename = "containerimage.descriptor")]
    descriptor: Option<Listed>,
    #[serde(rename = "containerimage.digest")]
    digest: Option<String>,
    #[serde(rename = "image.name", default)]
    names: String,
}

impl Image {
    fn is_named(&self, subject: &Subject, tag: &Tag) -> bool {
        let is_it = |name: &str| {
            name.trim().parse::<Reference>().is_ok_and(|name| {
                name.name().to_string() == subject.gun.as_str() && name.tag_or_latest() == *tag
            })
        };
        self.names.split(',').any(is_it)
    }

    fn built(&self) -> Result<Built, Failure> {
        let digest = self.digest.as_deref().map(str::parse::<ImageDigest>).transpose()?;
        match (&self.descriptor, digest) {
            (Some(listed), digest) => {
                let descriptor = listed.descriptor()?;
                match digest.filter(|digest| *digest != descriptor.digest) {
                    Some(digest) => Err(contradiction(&digest, &descriptor.digest)),
                    None => Ok(Built::Described(descriptor)),
                }
            }
            (None, Some(digest)) => Ok(Built::Named(digest)),
            (None, None) => Err(Failure::new(Kind::Usage, "an image without a digest")),
        }
    }
}

/// The image of a build, or those of bake's targets.
fn images(written: &Value) -> Result<Vec<Image>, serde_json::Error> {
    let is_image = |value: &&Value| {
        value.get("containerimage.descriptor").or(value.get("containerimage.digest")).is_some()
    };
    if is_image(&written) {
        return Ok(vec![Image::deserialize(written)?]);
    }
    let targets = written.as_object().into_iter().flat_map(serde_json::Map::values);
    targets.filter(is_image).map(Image::deserialize).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
    const TWO: &str = "sha256:2222222222222222222222222222222222222222222222222222222222222222";

    fn read(written: &Value) -> Result<Built, Failure> {
        let folder = tempfile::tempdir().expect("a directory");
        let file = folder.path().join("build.json");
        std::fs::write(&file, written.to_string()).expect("written");
        let subject = Subject::image("reg.io/web:1").expect("a reference");
        Built::read(&file, &subject, &"1".parse().expect("a tag"))
    }

    fn image(digest: &str, names: &str) -> Value {
        serde_json::json!({
            "buildx.build.provenance": {"materials": [{"digest": {"sha256": "ab"}}]},
            "containerimage.descriptor": {"digest": digest, "size": 7, "annotations": {"a": "b"}},
            "containerimage.digest": digest,
            "image.name": names,
        })
    }

    #[test]
    fn a_build_is_what_it_says_whatever_its_name() {
        for names in ["reg.io/web:1", "reg.io/other:2", ""] {
            let Ok(Built::Described(found)) = read(&image(ONE, names)) else { panic!("{names}") };
            assert_eq!((found.digest.to_string(), found.size), (ONE.to_owned(), 7));
        }
        let old = serde_json::json!({"containerimage.digest": TWO});
        assert!(matches!(read(&old), Ok(Built::Named(digest)) if digest.to_string() == TWO));
    }

    #[test]
    fn of_what_bake_built_the_target_of_the_name_is_taken() {
        let mut baked = serde_json::json!({
            "db": image(TWO, "reg.io/db:1"),
            "web": image(ONE, "reg.io/web:latest,reg.io/web:1"),
        });
        let Ok(Built::Described(found)) = read(&baked) else { panic!("one is named") };
        assert_eq!(found.digest.to_string(), ONE);
        baked["again"] = image(TWO, "reg.io/web:1");
        assert!(read(&baked).expect_err("two are").message.contains("2 images have the name"));
    }

    #[test]
    fn contradictions_and_nothing_are_refused() {
        let mut odd = image(ONE, "reg.io/web:1");
        odd["containerimage.digest"] = TWO.into();
        assert_eq!(read(&odd).err().map(|failure| failure.kind), Some(Kind::Usage));
        let mut empty = image(ONE, "reg.io/web:1");
        empty["containerimage.descriptor"]["size"] = 0.into();
        assert!(read(&empty).is_err());
        for nothing in ["{}", "[]", "null", r#"{"buildx.build.provenance":{}}"#] {
            let failure = read(&nothing.parse().expect("JSON")).expect_err(nothing);
            assert!(failure.message.contains("no containerimage.digest"), "{nothing}");
        }
    }
}
