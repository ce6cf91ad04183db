//! Going through JSON text without making a tree of it.
//!
//! What is skipped is only measured: where its strings end, and which bracket closes it. So this is
//! for text that was accepted in full before, or that will be; in other text it may come to a value
//! that a strict reader would refuse, but never to a place outside.
//!
//! The program is compiled to be small; the steps that are taken for each of twenty thousand entries
//! are `#[inline]`, which makes all of it a quarter faster.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "places in a text that is in memory, and brackets counted in it"
)]

use std::borrow::Cow;

use super::json::{self, ParseError, Value};

/// A place in a text.
pub(super) struct Skim<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Skim<'t> {
    /// The beginning of a document.
    ///
    /// # Errors
    ///
    /// One that is not UTF-8.
    pub(super) fn of(document: &'t [u8]) -> Result<Self, ParseError> {
        Ok(Self { text: json::text(document)?, at: 0 })
    }

    /// Goes through the members of the object that comes next. For each, `take` must go past its
    /// value, with one of the other methods.
    pub(super) fn members(
        &mut self,
        mut take: impl FnMut(&mut Self, Cow<'t, str>) -> Result<(), ParseError>,
    ) -> Result<(), ParseError> {
        self.expect(b'{')?;
        if self.peek()? == b'}' {
            return self.expect(b'}');
        }
        loop {
            let name = self.name()?;
            self.expect(b':')?;
            take(self, name)?;
            match self.peek()? {
                b',' => self.at += 1,
                _ => return self.expect(b'}'),
            }
        }
    }

    /// The value that comes next, read strictly.
    pub(super) fn value(&mut self) -> Result<Value<'t>, ParseError> {
        self.peek()?;
        let start = self.at;
        self.skip()?;
        json::parse(self.since(start)?.as_bytes())
    }

    /// Goes past the value that comes next.
    pub(super) fn skip(&mut self) -> Result<(), ParseError> {
        match self.peek()? {
            b'"' => self.skip_string().map(|_| ()),
            b'{' | b'[' => self.skip_brackets(),
            _ => {
                let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
                let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']') || is_space(*byte);
                self.at += rest.iter().position(ends).unwrap_or(rest.len());
                Ok(())
            }
        }
    }

    /// How many bytes we went past.
    pub(super) fn place(&self) -> usize {
        self.at
    }

    /// Nothing but white space may come.
    pub(super) fn end(mut self) -> Result<(), ParseError> {
        match self.peek() {
            Ok(_) => Err(self.unexpected()),
            Err(_) => Ok(()),
        }
    }

    /// Goes past an object or array, at whose first bracket we are.
    fn skip_brackets(&mut self) -> Result<(), ParseError> {
        let (bytes, mut at, mut open) = (self.text.as_bytes(), self.at, 0_usize);
        while let Some(byte) = bytes.get(at) {
            at += 1;
            match byte {
                b'"' => at = string_end(bytes, at).0,
                b'{' | b'[' => open += 1,
                b'}' | b']' => {
                    open -= 1;
                    if open == 0 {
                        self.at = at;
                        return Ok(());
                    }
                }
                _ => {}
            }
        }
        self.at = bytes.len();
        Err(self.unexpected())
    }

    fn name(&mut self) -> Result<Cow<'t, str>, ParseError> {
        if self.peek()? != b'"' {
            return Err(self.unexpected());
        }
        let start = self.at;
        if self.skip_string()? {
            return Ok(Cow::Owned(serde_json::from_str(self.since(start)?)?));
        }
        let plain = self.text.get(start + 1..self.at - 1);
        plain.map(Cow::Borrowed).ok_or_else(|| self.unexpected())
    }

    /// What we went past since `start`.
    #[inline]
    fn since(&self, start: usize) -> Result<&'t str, ParseError> {
        self.text.get(start..self.at).ok_or_else(|| self.unexpected())
    }

    /// Goes past a string, at whose first quotation mark we are; whether it has escapes.
    #[inline]
    fn skip_string(&mut self) -> Result<bool, ParseError> {
        let bytes = self.text.as_bytes();
        let (end, escaped) = string_end(bytes, self.at + 1);
        self.at = end;
        match end <= bytes.len() {
            true => Ok(escaped),
            false => Err(self.unexpected()),
        }
    }

    #[inline]
    fn expect(&mut self, byte: u8) -> Result<(), ParseError> {
        if self.peek()? != byte {
            return Err(self.unexpected());
        }
        self.at += 1;
        Ok(())
    }

    /// The next byte that is not white space.
    #[inline]
    fn peek(&mut self) -> Result<u8, ParseError> {
        while is_space(self.byte()?) {
            self.at += 1;
        }
        self.byte()
    }

    #[inline]
    fn byte(&self) -> Result<u8, ParseError> {
        self.text.as_bytes().get(self.at).copied().ok_or_else(|| self.unexpected())
    }

    fn unexpected(&self) -> ParseError {
        let what = if self.at < self.text.len() { "something unexpected" } else { "an end" };
        ParseError::Other(format!("{what} at byte {}", self.at.min(self.text.len())))
    }
}

/// Where a string ends that begins before `at`, past its quotation mark, or beyond the text if it
/// does not; and whether it has escapes. Eight bytes at a time, for this is most of what there is
/// to skip.
#[inline]
fn string_end(bytes: &[u8], mut at: usize) -> (usize, bool) {
    let mut escaped = false;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        for eight in rest.as_chunks::<8>().0 {
            let word = u64::from_le_bytes(*eight);
            let marks = has_byte(word, b'"') | has_byte(word, b'\\');
            if marks != 0 {
                at += marks.trailing_zeros() as usize / 8;
                break;
            }
            at += 8;
        }
        match bytes.get(at) {
            Some(b'"') => return (at + 1, escaped),
            Some(b'\\') => (at, escaped) = (at + 2, true),
            Some(_) => at += 1,
            None => return (bytes.len() + 1, escaped),
        }
    }
}

/// Zero if the word has no such byte; else its lowest bit that is set is in the first such byte.
fn has_byte(word: u64, byte: u8) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    let zero_there = word ^ (ONES * u64::from(byte));
    zero_there.wrapping_sub(ONES) & !zero_there & (ONES << 7)
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The members of an object as text, those named `skip` left out.
    fn members(document: &str) -> Result<Vec<(String, String)>, ParseError> {
        let mut skim = Skim::of(document.as_bytes())?;
        let mut found = Vec::new();
        skim.members(|skim, name| {
            if name == "skip" {
                return skim.skip();
            }
            found.push((name.into_owned(), format!("{:?}", skim.value()?)));
            Ok(())
        })?;
        skim.end()?;
        Ok(found)
    }

    #[test]
    fn what_is_skipped_ends_where_it_ends() {
        for skipped in [
            r#"{}"#,
            r#"[]"#,
            r#""""#,
            r#""}\"]{""#,
            r#""\\""#,
            "12",
            "null",
            r#"{"a":[{"}":"]"},[1,"\""]],"b":"{"}"#,
            " [ 1 , { \"x\" : -2 } ] ",
        ] {
            let document = format!(r#" {{ "skip":{skipped},"b" : 1 , "skip":{skipped}}} "#);
            let found = members(&document).expect(skipped);
            assert_eq!(found, [("b".to_owned(), "Integer(1)".to_owned())], "{skipped}");
        }
    }

    #[test]
    fn names_are_read_with_their_escapes() {
        let found = members(r#"{"a\"\u0062":1,"s\u006bip":2}"#).expect("two members");
        assert_eq!(found, [("a\"b".to_owned(), "Integer(1)".to_owned())]);
    }

    #[test]
    fn a_document_that_ends_early_is_refused_wherever_it_ends() {
        let document = r#"{"skip":{"a":["\"",1]},"b":"c\\","skip":17}"#;
        for end in 0..document.len() {
            assert!(members(&document[..end]).is_err(), "{}", &document[..end]);
        }
        members(document).expect("the whole");
        for spoiled in ["{}{}", "{}x", "[]", "{1:2}", r#"{"a" 1}"#, r#"{"a":1;"b":2}"#, r#"{"a":}"#]
        {
            assert!(members(spoiled).is_err(), "{spoiled}");
        }
    }
}
