//! What a command is about: an image, or a collection that is none.

use super::exit::Kind;
use super::output::Failure;
use crate::docker::Query;
use crate::image::{ImageDigest, Name, Reference, Tag};
use crate::tuf::Gun;

/// An image, or a collection that is none, with a tag and digest if given.
pub(super) struct Subject {
    /// As the user wrote it.
    pub(super) typed: String,
    /// Its collection.
    pub(super) gun: Gun,
    /// The image, unless it is none.
    pub(super) image: Option<Reference>,
    tag: Option<Tag>,
    digest: Option<ImageDigest>,
}

impl Subject {
    /// Reads a docker reference.
    pub(super) fn image(text: &str) -> Result<Self, Failure> {
        let image: Reference = text.parse()?;
        Ok(Self {
            typed: text.to_owned(),
            gun: Gun::from(image.name()),
            tag: image.tag().cloned(),
            digest: image.digest().copied(),
            image: Some(image),
        })
    }

    /// A collection that is known here: the image of that name, if it can be one.
    pub(super) fn of(gun: &Gun) -> Result<Self, Failure> {
        match Self::image(gun.as_str()) {
            Ok(image) if image.gun == *gun => Ok(image),
            _ => Self::raw(gun.as_str()),
        }
    }

    /// Reads `NAME[:TAG][@DIGEST]` with any collection's name.
    pub(super) fn raw(text: &str) -> Result<Self, Failure> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse::<ImageDigest>()?)),
            None => (text, None),
        };
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag.parse::<Tag>()?)),
            _ => (rest, None),
        };
        Ok(Self { typed: text.to_owned(), gun: Gun::raw(name)?, image: None, tag, digest })
    }

    /// The tag, if one is given.
    pub(super) fn given_tag(&self) -> Option<&Tag> {
        self.tag.as_ref()
    }

    /// The repository of it.
    pub(super) fn without_tag(self) -> Self {
        Self { tag: None, digest: None, ..self }
    }

    /// The digest, if one is given.
    pub(super) fn digest(&self) -> Option<ImageDigest> {
        self.digest
    }

    /// The tag to look up: `latest` if neither tag nor digest is given.
    ///
    /// # Errors
    ///
    /// If only a digest is given: what is signed is what a tag means.
    pub(super) fn tag(&self) -> Result<Tag, Failure> {
        match (&self.tag, self.digest) {
            (Some(tag), _) => Ok(tag.clone()),
            (None, None) => Ok(Tag::latest()),
            (None, Some(_)) => {
                let message = "a digest without a tag: signatures say what a tag means";
                let advice = "Write NAME:TAG@sha256:… to have both compared.";
                Err(Failure::new(Kind::BadReference, message).advise(advice))
            }
        }
    }

    /// What it asks of its collection.
    pub(super) fn query(&self) -> Query {
        Query::of(self.tag.as_ref(), self.digest)
    }

    /// Takes it as a repository.
    ///
    /// # Errors
    ///
    /// If a tag or digest is given.
    pub(super) fn bare(self) -> Result<Self, Failure> {
        match (&self.tag, self.digest) {
            (None, None) => Ok(self),
            _ => {
                let message = "has a tag or digest, a repository is expected";
                Err(Failure::new(Kind::BadReference, message).about(&self.typed))
            }
        }
    }

    /// The image's repository.
    ///
    /// # Errors
    ///
    /// If it is no image.
    pub(super) fn image_name(&self) -> Result<&Name, Failure> {
        let no_image = || {
            let message = format!("{} is taken as it is (--raw-gun), not as an image", self.gun);
            Failure::new(Kind::Usage, message)
        };
        self.image.as_ref().map(Reference::name).ok_or_else(no_image)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_names_keep_their_ports_and_lose_their_tags() {
        for (text, gun, tag) in [
            ("any/name", "any/name", None),
            ("any/name:v1", "any/name", Some("v1")),
            ("h:5000/name", "h:5000/name", None),
            ("h:5000/name:v1", "h:5000/name", Some("v1")),
        ] {
            let subject = Subject::raw(text).map_err(|failure| failure.message).expect(text);
            assert_eq!(subject.gun.as_str(), gun);
            assert_eq!(subject.given_tag().map(Tag::as_str), tag);
        }
        for text in ["../x", "a b", "x:", "x:a b", "x@sha256:00"] {
            assert!(Subject::raw(text).is_err(), "{text}");
        }
    }

    #[test]
    fn reference_never_option() {
        for text in ["--config=/x", "-v", "@file"] {
            assert_eq!(Subject::image(text).err().map(|it| it.kind), Some(Kind::BadReference));
        }
    }
}
