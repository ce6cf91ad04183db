//! The words of a command line, of which some are changed.

use std::ffi::{OsStr, OsString};
use std::ops::Range;

use super::Error;

/// The words of a command line. A word that is not text stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words(Vec<Option<OsString>>);

/// Where an option's value stands: it goes on to the end of its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValuePlace {
    /// The index of the word.
    pub word: usize,
    /// The byte at which it begins.
    pub start: usize,
}

impl Words {
    pub(super) fn new(words: Vec<OsString>) -> Self {
        Self(words.into_iter().map(Some).collect())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// A word that has to be text.
    ///
    /// # Errors
    ///
    /// [`Error::NotText`].
    pub fn text(&self, index: usize) -> Result<&str, Error> {
        let word = self.0.get(index).and_then(Option::as_deref).unwrap_or(OsStr::new(""));
        word.to_str().ok_or_else(|| Error::NotText { word: word.to_string_lossy().into_owned() })
    }

    /// The value at a place.
    ///
    /// # Errors
    ///
    /// [`Error::NotText`].
    pub fn value(&self, place: ValuePlace) -> Result<&str, Error> {
        self.text(place.word).map(|text| text.get(place.start..).unwrap_or_default())
    }

    /// Puts a text in the place of a value.
    pub fn set(&mut self, place: ValuePlace, text: &str) {
        let before = self.text(place.word).ok().and_then(|word| word.get(..place.start));
        let changed = format!("{}{text}", before.unwrap_or_default());
        self.0[place.word] = Some(changed.into());
    }

    /// Puts words in the place of one.
    pub fn replace(&mut self, index: usize, words: impl IntoIterator<Item = OsString>) {
        self.0.splice(index..=index, words.into_iter().map(Some));
    }

    /// Puts words before one.
    pub fn insert(&mut self, index: usize, words: impl IntoIterator<Item = OsString>) {
        self.0.splice(index..index, words.into_iter().map(Some));
    }

    /// Leaves a word out. The indices of the others stay.
    pub fn remove(&mut self, index: usize) {
        self.0[index] = None;
    }

    /// The words of a range, without those left out.
    pub fn range(&self, range: Range<usize>) -> Vec<OsString> {
        self.0[range].iter().flatten().cloned().collect()
    }

    /// All words, without those left out.
    pub fn into_vec(self) -> Vec<OsString> {
        self.0.into_iter().flatten().collect()
    }
}
