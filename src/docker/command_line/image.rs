//! The images that stand in a command line, and what docker makes of such a word.

use super::words::ValuePlace;
use super::{Error, Guarded, Verb};
use crate::image::{ImageDigest, Name, Reference, Tag};

/// What a word for an image asks for (docker/cli `cli/command/container/create.go`,
/// `createContainer`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The id of an image that is here: content trust never looked at those.
    Id,
    /// A digest and nothing else: the content is fixed already.
    Digest(Reference),
    /// A tag, which must be signed; and be this digest, if one is given, too.
    Tag {
        /// The repository.
        name: Name,
        /// The tag.
        tag: Tag,
        /// The digest that it has to have.
        digest: Option<ImageDigest>,
    },
}

impl Asked {
    /// Reads a word where the ids of images that are here are taken, too: what a container is made
    /// of. Elsewhere `sha256:…` is a tag of a repository that is called `sha256`.
    ///
    /// # Errors
    ///
    /// [`Error::Reference`].
    pub fn of_container(text: &str) -> Result<Self, Error> {
        let hex = text.strip_prefix("sha256:").unwrap_or(text);
        match hex.len() == 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            true => Ok(Self::Id),
            false => Self::of(text),
        }
    }

    /// Reads a word.
    ///
    /// # Errors
    ///
    /// [`Error::Reference`].
    pub fn of(text: &str) -> Result<Self, Error> {
        let parsed = text.parse::<Reference>();
        let reference =
            parsed.map_err(|source| Error::Reference { text: text.to_owned(), source })?;
        Ok(match (reference.tag(), reference.digest()) {
            (None, Some(_)) => Self::Digest(reference),
            (_, digest) => Self::Tag {
                name: reference.name().clone(),
                tag: reference.tag_or_latest(),
                digest: digest.copied(),
            },
        })
    }
}

/// An image in a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    /// As it is written.
    pub text: String,
    /// Where it is written.
    pub place: Place,
}

/// Where an image is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It is the word, or the option's value.
    Whole(ValuePlace),
    /// It is the source of a mount.
    Mount(ValuePlace),
    /// It is the reference of a cache.
    Cache(ValuePlace),
}

impl Guarded {
    /// The images that docker would run or install. Those of builds and of compose stand in files.
    ///
    /// # Errors
    ///
    /// [`Error`] if they cannot be told.
    pub fn images(&self) -> Result<Vec<Used>, Error> {
        let mut images = Vec::new();
        if let Some(place) = self.own_image()? {
            images.push(Used {
                text: self.words.value(place)?.to_owned(),
                place: Place::Whole(place),
            });
        }
        for option in ["mount", "mount-add"] {
            for place in self.parsed.all(option).filter_map(|given| given.value) {
                if let Some(text) = mounted_image(self.words.value(place)?)? {
                    images.push(Used { text, place: Place::Mount(place) });
                }
            }
        }
        Ok(images)
    }

    /// Puts a reference in the place of an image.
    pub fn pin(&mut self, used: &Used, pinned: &str) {
        match used.place {
            Place::Whole(place) => self.words.set(place, pinned),
            Place::Mount(place) => self.pin_field(place, &["source", "src"], pinned),
            Place::Cache(place) => self.pin_field(place, &["ref"], pinned),
        }
    }

    /// Several fields of a name, of which docker takes the last, become one.
    fn pin_field(&mut self, place: ValuePlace, names: &[&str], pinned: &str) {
        let text = self.words.value(place).unwrap_or_default();
        let is_named = |field: &&str| {
            let key = field.split('=').next().unwrap_or_default().trim();
            names.iter().any(|name| key.eq_ignore_ascii_case(name))
        };
        let name = names.first().copied().unwrap_or_default();
        let others = text.split(',').filter(|field| !is_named(field)).map(str::to_owned);
        let fields: Vec<String> = others.chain([format!("{name}={pinned}")]).collect();
        self.words.set(place, &fields.join(","));
    }

    fn own_image(&self) -> Result<Option<ValuePlace>, Error> {
        let word = |word| ValuePlace { word, start: 0 };
        let operand = |index: usize| self.parsed.operands.get(index).copied().map(word);
        let expected = |reason| Error::Operands { command: self.verb.command(), reason };
        match self.verb {
            Verb::ServiceUpdate => Ok(self.parsed.last("image").and_then(|given| given.value)),
            Verb::PluginUpgrade => operand(1).map(Some).ok_or_else(|| {
                expected("name the plugin to upgrade to, too: what it was installed from is not known here")
            }),
            Verb::Build | Verb::BuildxBuild | Verb::Bake | Verb::Compose => Ok(None),
            Verb::Pull | Verb::Push | Verb::PluginPush if self.parsed.operands.len() != 1 => {
                Err(expected("requires exactly 1 argument"))
            }
            _ => operand(0).map(Some).ok_or_else(|| expected("requires at least 1 argument")),
        }
    }
}

/// The image of `type=image,source=…`; its keys are read without regard to case, as docker does.
fn mounted_image(text: &str) -> Result<Option<String>, Error> {
    let fields = text.split(',').map(|field| field.split_once('=').unwrap_or((field, "")));
    let last = |wanted: &[&str]| {
        let is_wanted = |key: &str| wanted.iter().any(|name| key.trim().eq_ignore_ascii_case(name));
        fields.clone().filter(|(key, _)| is_wanted(key)).map(|(_, value)| value).next_back()
    };
    let kind = last(&["type"]).unwrap_or("volume");
    // Docker reads the first line of CSV and no other.
    let is_odd = text.contains(['"', '\n']);
    let refuse = |reason| Err(Error::Mount { text: text.to_owned(), reason });
    match kind.trim().eq_ignore_ascii_case("image") {
        false if is_odd && text.to_ascii_lowercase().contains("image") => refuse(ODD),
        false => Ok(None),
        true if is_odd => refuse(ODD),
        true => match last(&["source", "src"]) {
            Some(source) if !source.is_empty() => Ok(Some(source.to_owned())),
            _ => refuse("it names no image"),
        },
    }
}

const ODD: &str = "quotes and line breaks are not understood";
