//! Stages, arguments, and the images that they need (buildkit `dockerfile2llb/convert.go`).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::expand::{Problem, Value, expand};
use super::instruction::{Instruction, Word};
use super::{Builder, Error};
use crate::image::Reference;

/// What the command line says about a build.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `--build-arg`.
    pub arguments: BTreeMap<String, String>,
    /// `--target`.
    pub target: Option<String>,
    /// The names of contexts, as builders ask for them: what is called so is not an image of that
    /// name.
    pub contexts: BTreeSet<String>,
    /// Who builds.
    pub builder: Builder,
}

impl Settings {
    /// A context's name in the form in which names are compared.
    pub fn context_name(text: &str) -> String {
        let familiar = match text.parse::<Reference>() {
            Ok(reference) => reference.familiar(),
            Err(_) => text.to_owned(),
        };
        familiar.strip_suffix(":latest").unwrap_or(&familiar).to_owned()
    }

    /// Those of the names under which builders find a context, where whoever hands them on does not
    /// bring them into that form: of `alpine:latest` builders never ask, and take the image.
    pub fn found_contexts<'n>(names: impl Iterator<Item = &'n String>) -> BTreeSet<String> {
        names.filter(|name| Self::context_name(name) == **name).cloned().collect()
    }

    fn is_context(&self, name: &str) -> bool {
        self.contexts.contains(&Self::context_name(name))
    }
}

/// An image that a build takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageUse {
    /// The line of the Dockerfile, from one.
    pub line: usize,
    /// The image, its variables filled in.
    pub image: String,
    /// The bytes of the file to exchange.
    pub range: Range<usize>,
    before: String,
    after: String,
}

impl ImageUse {
    /// An image that stands there by itself.
    pub(super) fn plain(line: usize, image: &str, range: Range<usize>) -> Self {
        Self::within(line, image, range, String::new(), String::new())
    }

    fn within(
        line: usize,
        image: &str,
        range: Range<usize>,
        before: String,
        after: String,
    ) -> Self {
        Self { line, image: image.to_owned(), range, before, after }
    }

    /// What to write in its place.
    pub(super) fn written(&self, pinned: &str) -> String {
        format!("{}{pinned}{}", self.before, self.after)
    }
}

/// The images of all stages that the target may need.
pub(super) fn images(
    instructions: &[Instruction],
    escape: char,
    settings: &Settings,
) -> Result<Vec<ImageUse>, Error> {
    let names = stage_names(instructions)?;
    let last = settings.target.as_deref().and_then(|target| position(&names, target));
    let mut walk = Walk {
        settings,
        escape,
        names: &names,
        stage: None,
        arguments: BTreeMap::new(),
        room: MAX_ARGUMENTS,
        images: Vec::new(),
    };
    for instruction in instructions {
        if instruction.keyword == "from" {
            walk.stage = Some(walk.stage.map_or(0, |stage| stage + 1));
            if last.is_some_and(|last| walk.stage > Some(last)) {
                break;
            }
        }
        walk.take(instruction)?;
    }
    Ok(walk.images)
}

/// The names of the stages, in lower case; a stage without one has an empty name.
fn stage_names(instructions: &[Instruction]) -> Result<Vec<String>, Error> {
    let froms = instructions.iter().filter(|instruction| instruction.keyword == "from");
    froms
        .map(|instruction| {
            let words = instruction.words();
            let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
            match texts.as_slice() {
                [_] => Ok(String::new()),
                [_, as_word, name] if as_word.eq_ignore_ascii_case("as") => Ok(name.to_lowercase()),
                _ => Err(Error::at(instruction.line, "FROM wants IMAGE, or IMAGE AS NAME")),
            }
        })
        .collect()
}

/// A target by its name, the last of that name, or by its number.
fn position(names: &[String], target: &str) -> Option<usize> {
    let by_name = names.iter().rposition(|name| !name.is_empty() && *name == target.to_lowercase());
    by_name.or_else(|| target.parse().ok().filter(|number| *number < names.len()))
}

struct Walk<'a> {
    settings: &'a Settings,
    escape: char,
    names: &'a [String],
    /// The current stage; before the first there is none.
    stage: Option<usize>,
    /// Those before the first stage, which are the only ones that `FROM` sees.
    arguments: BTreeMap<String, Value>,
    /// How many bytes may still come into arguments; of what a line repeats there is no end.
    room: usize,
    images: Vec<ImageUse>,
}

/// In which build an instruction runs.
#[derive(Clone, Copy)]
enum Runs {
    /// In this one.
    Here,
    /// In one that begins with the image of this one.
    Later,
}

impl Walk<'_> {
    fn take(&mut self, instruction: &Instruction) -> Result<(), Error> {
        match instruction.keyword.as_str() {
            "arg" if self.stage.is_none() => self.argument(instruction),
            "from" => self.base(instruction),
            "copy" => self.copy(instruction, Runs::Here),
            "run" => self.mounts(instruction, Runs::Here),
            "onbuild" => match instruction.inner()? {
                Some(inner) if inner.keyword == "copy" => self.copy(&inner, Runs::Later),
                Some(inner) if inner.keyword == "run" => self.mounts(&inner, Runs::Later),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// `ARG NAME`, `ARG NAME=default`, several in one line.
    fn argument(&mut self, instruction: &Instruction) -> Result<(), Error> {
        for word in quoted_words(instruction, self.escape) {
            let (name, default) = match word.split_once('=') {
                Some((name, default)) => (name.to_owned(), Some(default.to_owned())),
                None => (word, None),
            };
            let value = match (self.settings.arguments.get(&name), default) {
                _ if name == EPOCH => Value::Unknown,
                (Some(given), _) => Value::Set(given.clone()),
                _ if is_proxy(&name) => Value::Unknown,
                (None, Some(default)) => self.default_value(&default),
                // Newer builders keep what it was set to before, older ones forget it.
                (None, None) => match self.lookup(&name) {
                    Value::Unset => Value::Unset,
                    Value::Set(_) | Value::Unknown => Value::Unknown,
                },
            };
            self.arguments.insert(name, value);
        }
        Ok(())
    }

    /// Not an error before an image needs it.
    fn default_value(&mut self, text: &str) -> Value {
        let value = expand(text, self.escape, &|name| self.lookup(name)).ok();
        let left = value.as_ref().and_then(|value| self.room.checked_sub(value.len()));
        match (value, left) {
            (Some(value), Some(left)) => {
                self.room = left;
                Value::Set(value)
            }
            _ => Value::Unknown,
        }
    }

    fn lookup(&self, name: &str) -> Value {
        let unset = || if is_builtin(name) { Value::Unknown } else { Value::Unset };
        self.arguments.get(name).cloned().unwrap_or_else(unset)
    }

    fn base(&mut self, instruction: &Instruction) -> Result<(), Error> {
        let words = instruction.words();
        let Some(Word { text, range }) = words.first() else { return Ok(()) };
        let name = expand(text, self.escape, &|name| self.lookup(name));
        let name = name.map_err(|problem| problem.at(instruction.line, text))?;
        let stage = self.stage.unwrap_or_default();
        let is_stage = self.names[..stage].contains(&name.to_lowercase()) && !name.is_empty();
        if is_stage || name == SCRATCH || self.settings.is_context(&name) {
            return Ok(());
        }
        if name.is_empty() {
            return Err(Error::at(instruction.line, format!("{text} is empty")));
        }
        self.images.push(ImageUse::plain(instruction.line, &name, range.clone()));
        Ok(())
    }

    /// `COPY --from=`: a stage by name or number, or an image.
    fn copy(&mut self, instruction: &Instruction, runs: Runs) -> Result<(), Error> {
        for option in &instruction.options {
            let Some(source) = option.text.strip_prefix("--from=") else { continue };
            if self.is_numbered(source, instruction.line, runs)?
                || self.is_known(source, instruction.line, runs)?
            {
                continue;
            }
            let (before, after) = ("--from=".to_owned(), String::new());
            let (line, range) = (instruction.line, option.range.clone());
            self.images.push(ImageUse::within(line, source, range, before, after));
        }
        Ok(())
    }

    /// Whether a source is the number of a stage. A number that is too large for a builder is the
    /// name of an image.
    fn is_numbered(&self, source: &str, line: usize, runs: Runs) -> Result<bool, Error> {
        let is_number = !source.is_empty() && source.bytes().all(|byte| byte.is_ascii_digit());
        let count = match runs {
            Runs::Here => self.stage.unwrap_or_default(),
            Runs::Later => self.names.len(),
        };
        match source.parse::<usize>() {
            _ if !is_number => Ok(false),
            Ok(number) if number < count => Ok(true),
            _ => Err(Error::at(line, format!("from={source}: there is no such stage before it"))),
        }
    }

    /// `RUN --mount=…,from=`: a stage by name, or an image.
    fn mounts(&mut self, instruction: &Instruction, runs: Runs) -> Result<(), Error> {
        for option in &instruction.options {
            let Some(mount) = option.text.strip_prefix("--mount=") else { continue };
            let Some((before, source, after)) = mount_source(mount, instruction.line)? else {
                continue;
            };
            if source == SCRATCH || self.is_known(source, instruction.line, runs)? {
                continue;
            }
            let (before, after) = (format!("--mount={before}from="), after.to_owned());
            let (line, range) = (instruction.line, option.range.clone());
            self.images.push(ImageUse::within(line, source, range, before, after));
        }
        Ok(())
    }

    /// Whether a source is a stage or a context. A stage that comes later is one for BuildKit and
    /// an image for the classic builder.
    fn is_known(&self, source: &str, line: usize, runs: Runs) -> Result<bool, Error> {
        if source.contains(['$', '"', '\'', ' ']) || source.is_empty() {
            return Err(Error::at(line, format!("from={source}: only a plain name is understood")));
        }
        let name = source.to_lowercase();
        let stage = self.stage.unwrap_or_default();
        if self.names[..stage].contains(&name) || self.settings.is_context(source) {
            return Ok(true);
        }
        match (self.names[stage..].contains(&name), runs) {
            (false, _) => Ok(false),
            (true, Runs::Later) => Ok(true),
            (true, Runs::Here) => {
                let reason = format!("from={source}: the stage is not an earlier one");
                Err(Error::at(line, reason))
            }
        }
    }
}

impl Problem {
    fn at(self, line: usize, word: &str) -> Error {
        let reason = match self {
            Self::Unknown(name) => {
                format!(
                    "{word}: only the builder knows {name}, so which image it is cannot be told"
                )
            }
            Self::Form => format!("{word}: this form of a variable or quote is not understood"),
            Self::Long => "longer than any name of an image".to_owned(),
        };
        Error::at(line, reason)
    }
}

/// The parts of a mount around its `from`, whose key is read without regard to case. Builders read
/// CSV, where a quote may stand before the key or within the value.
fn mount_source(mount: &str, line: usize) -> Result<Option<(&str, &str, &str)>, Error> {
    if mount.contains('"') {
        return Err(Error::at(line, "a mount with quotes is not understood"));
    }
    let mut found = None;
    let mut at = 0;
    for field in mount.split(',') {
        if let Some((key, value)) = field.split_once('=')
            && key.trim().eq_ignore_ascii_case("from")
        {
            if found.is_some() {
                return Err(Error::at(line, "a mount with two sources"));
            }
            found = Some((&mount[..at], value, &mount[at + field.len()..]));
        }
        at += field.len() + 1;
    }
    match found.is_some() && mount.contains([' ', '\\']) {
        true => Err(Error::at(line, "a mount with blanks is not understood")),
        false => Ok(found),
    }
}

/// Words that quotes hold together, as they stand.
fn quoted_words(instruction: &Instruction, escape: char) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut letters = instruction.rest().iter().map(|letter| letter.letter);
    while let Some(letter) = letters.next() {
        if quote.is_none() && letter.is_whitespace() {
            words.push(std::mem::take(&mut word));
            continue;
        }
        word.push(letter);
        match (letter, quote) {
            ('\'' | '"', None) => quote = Some(letter),
            (_, Some(open)) if letter == open => quote = None,
            _ if letter == escape && quote != Some('\'') => word.extend(letters.next()),
            _ => {}
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

/// What BuildKit sets by itself.
fn is_builtin(name: &str) -> bool {
    matches!(
        name,
        "TARGETPLATFORM"
            | "TARGETOS"
            | "TARGETOSVERSION"
            | "TARGETARCH"
            | "TARGETVARIANT"
            | "TARGETSTAGE"
            | "BUILDPLATFORM"
            | "BUILDOS"
            | "BUILDOSVERSION"
            | "BUILDARCH"
            | "BUILDVARIANT"
    )
}

/// What docker gives to builds from its `config.json`, unless the command line does (docker/cli
/// `configfile/file.go`, `ParseProxyConfig`).
fn is_proxy(name: &str) -> bool {
    let kind = name.strip_suffix("_PROXY").or_else(|| name.strip_suffix("_proxy"));
    kind.is_some_and(|kind| {
        ["http", "https", "ftp", "no", "all"].iter().any(|known| kind.eq_ignore_ascii_case(known))
    })
}

/// Comes from the environment, and newer builders put a time in the place of what it names.
const EPOCH: &str = "SOURCE_DATE_EPOCH";
const SCRATCH: &str = "scratch";
/// Bytes; several times what a file can hold in itself.
const MAX_ARGUMENTS: usize = 4 << 20;
