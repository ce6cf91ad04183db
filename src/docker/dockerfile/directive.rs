//! The comments at the beginning that mean something: `# syntax=`, `# escape=`
//! (buildkit `parser/directives.go`).

use super::Error;
use super::stages::ImageUse;

/// What the directives say.
#[derive(Debug)]
pub(super) struct Directives {
    /// The character that continues a line.
    pub(super) escape: char,
    /// The image that reads the file instead of the builder.
    pub(super) syntax: Option<ImageUse>,
}

impl Directives {
    pub(super) fn read(text: &str) -> Result<Self, Error> {
        let begin = text.strip_prefix('\u{feff}').map_or(0, |_| '\u{feff}'.len_utf8());
        // BuildKit takes it even behind empty lines.
        if text[begin..].trim_start().starts_with('{') {
            return Err(Error::at(1, "only directives that begin with # are understood"));
        }
        let mut directives = Self { escape: '\\', syntax: None };
        let mut at = begin;
        let mut is_doubtful = false;
        for (index, line) in text[begin..].split_inclusive('\n').enumerate() {
            let (offset, number) = (at, index + 1);
            at += line.len();
            if number == 1 && line.starts_with("#!") {
                is_doubtful = true;
                continue;
            }
            check_form(line, number)?;
            let Some((key, value)) = directive(line, number)? else { break };
            match key.as_str() {
                "syntax" => directives.set_syntax(value, offset, line, number)?,
                "escape" if is_doubtful => {
                    let reason = "whether this escape directive still counts is not clear";
                    return Err(Error::at(number, reason));
                }
                "escape" => directives.set_escape(value, number)?,
                // For newer builders it ends the directives, for older ones it does not.
                key => is_doubtful |= key != "check",
            }
        }
        Ok(directives)
    }

    fn set_escape(&mut self, value: &str, line: usize) -> Result<(), Error> {
        self.escape = match value {
            "\\" => '\\',
            "`" => '`',
            _ => return Err(Error::at(line, "an escape character is \\ or `")),
        };
        Ok(())
    }

    fn set_syntax(
        &mut self,
        value: &str,
        offset: usize,
        line: &str,
        number: usize,
    ) -> Result<(), Error> {
        if self.syntax.is_some() {
            return Err(Error::at(number, "a second syntax directive"));
        }
        // Behind a blank stand words for the program in the image.
        let image = value.split(' ').next().unwrap_or_default();
        check_frontend(image, number)?;
        let start = offset + (value.as_ptr() as usize - line.as_ptr() as usize);
        self.syntax = Some(ImageUse::plain(number, image, start..start + image.len()));
        Ok(())
    }
}

/// A file that BuildKit may give to another program in a way of its own.
fn check_form(line: &str, number: usize) -> Result<(), Error> {
    match line.trim_start().starts_with("//") {
        true => Err(Error::at(number, "only directives that begin with # are understood")),
        false => Ok(()),
    }
}

/// Another language than that of Dockerfiles takes images in ways that are not known here.
fn check_frontend(image: &str, line: usize) -> Result<(), Error> {
    let path = image.split('@').next().unwrap_or_default();
    let last = path.rsplit('/').next().unwrap_or_default();
    match last.split(':').next().unwrap_or_default() {
        "dockerfile" | "dockerfile-upstream" => Ok(()),
        _ => Err(Error::at(line, format!("{image} may read the file in a way of its own"))),
    }
}

/// `# key = value`, the key in lower case. Builders differ on which blanks may stand around the two;
/// spaces and tabs are some to all of them.
fn directive(line: &str, number: usize) -> Result<Option<(String, &str)>, Error> {
    let line = line.trim_end_matches(['\r', '\n']);
    let found = parts(line, str::trim);
    if found.is_some() && found != parts(line, |text| text.trim_matches([' ', '\t'])) {
        return Err(Error::at(number, "a directive with other blanks than spaces and tabs"));
    }
    let named = found.filter(|(_, value)| !value.is_empty());
    Ok(named.map(|(key, value)| (key.to_ascii_lowercase(), value)))
}

fn parts<'l>(line: &'l str, trim: fn(&'l str) -> &'l str) -> Option<(&'l str, &'l str)> {
    let (key, value) = trim(line).strip_prefix('#')?.split_once('=')?;
    let (key, value) = (trim(key), trim(value));
    let mut letters = key.chars();
    let is_key = letters.next().is_some_and(|letter| letter.is_ascii_alphabetic())
        && letters.all(|letter| letter.is_ascii_alphanumeric());
    is_key.then_some((key, value))
}
