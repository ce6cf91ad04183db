//! Variables, quotes and escapes in a word (buildkit `shell/lex.go`, as far as names of images need
//! it).

/// What a variable is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Set(String),
    Unset,
    /// Set by the builder, or made of something that is.
    Unknown,
}

/// Why a word has no known value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// It contains a variable that only the builder knows.
    Unknown(String),
    /// It has a form that is not understood.
    Form,
    /// It is longer than any name of an image.
    Long,
}

/// The value of a word.
pub(super) fn expand(
    word: &str,
    escape: char,
    lookup: &dyn Fn(&str) -> Value,
) -> Result<String, Problem> {
    let letters = word.chars().collect();
    let mut lexer = Lexer { letters, at: 0, escape, lookup, depth: 0, unknown: None };
    let value = lexer.until(None)?;
    lexer.unknown.map_or(Ok(value), |name| Err(Problem::Unknown(name)))
}

struct Lexer<'a> {
    letters: Vec<char>,
    at: usize,
    escape: char,
    lookup: &'a dyn Fn(&str) -> Value,
    depth: usize,
    /// A variable that only the builder knows and on which the value depends.
    unknown: Option<String>,
}

impl Lexer<'_> {
    /// Up to the end, or a character that is taken, too.
    fn until(&mut self, stop: Option<char>) -> Result<String, Problem> {
        let mut value = String::new();
        while let Some(letter) = self.next() {
            check_length(&value)?;
            match letter {
                _ if Some(letter) == stop => return Ok(value),
                '\'' => self.single_quoted(&mut value)?,
                '"' => self.double_quoted(&mut value)?,
                '$' => value.push_str(&self.variable()?),
                _ if letter == self.escape => value.push(self.next().ok_or(Problem::Form)?),
                _ => value.push(letter),
            }
        }
        check_length(&value)?;
        if stop.is_none() { Ok(value) } else { Err(Problem::Form) }
    }

    fn single_quoted(&mut self, value: &mut String) -> Result<(), Problem> {
        loop {
            match self.next().ok_or(Problem::Form)? {
                '\'' => return Ok(()),
                letter => value.push(letter),
            }
        }
    }

    fn double_quoted(&mut self, value: &mut String) -> Result<(), Problem> {
        loop {
            check_length(value)?;
            match self.next().ok_or(Problem::Form)? {
                '"' => return Ok(()),
                '$' => value.push_str(&self.variable()?),
                letter if letter == self.escape => {
                    let next = self.next().ok_or(Problem::Form)?;
                    if !matches!(next, '"' | '$') && next != self.escape {
                        value.push(letter);
                    }
                    value.push(next);
                }
                letter => value.push(letter),
            }
        }
    }

    /// What stands behind `$`: `NAME`, `{NAME}`, or one of `{NAME:-word}`, `:+`, `-`, `+`.
    fn variable(&mut self) -> Result<String, Problem> {
        if self.peek() != Some('{') {
            let name = self.name()?;
            return Ok(self.value_of(name).unwrap_or_default());
        }
        self.at += 1;
        let name = self.name()?;
        let value = self.value_of(name);
        match self.next().ok_or(Problem::Form)? {
            '}' => Ok(value.unwrap_or_default()),
            ':' => {
                let operator = self.next().ok_or(Problem::Form)?;
                self.alternative(operator, value.filter(|value| !value.is_empty()))
            }
            operator => self.alternative(operator, value),
        }
    }

    /// The word behind an operator, or the value. What is not taken does not matter, but must be
    /// understood to find its end.
    fn alternative(&mut self, operator: char, value: Option<String>) -> Result<String, Problem> {
        let before = self.unknown.clone();
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Problem::Form);
        }
        let word = self.until(Some('}'))?;
        self.depth -= 1;
        let (taken, is_word) = match (operator, value) {
            ('-', Some(value)) => (value, false),
            ('-', None) | ('+', Some(_)) => (word, true),
            ('+', None) => (String::new(), false),
            _ => return Err(Problem::Form),
        };
        if !is_word {
            self.unknown = before;
        }
        Ok(taken)
    }

    fn name(&mut self) -> Result<String, Problem> {
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let rest = self.letters.get(self.at..).unwrap_or_default();
        let name: String = rest.iter().copied().take_while(|letter| is_name(*letter)).collect();
        self.at += name.len();
        // Builders take other alphabets' letters and digits for part of the name.
        let goes_on = self.peek().is_some_and(char::is_alphanumeric);
        match name.chars().next() {
            Some(first) if !first.is_ascii_digit() && !goes_on => Ok(name),
            _ => Err(Problem::Form),
        }
    }

    fn value_of(&mut self, name: String) -> Option<String> {
        match (self.lookup)(&name) {
            Value::Set(value) => Some(value),
            Value::Unset => None,
            Value::Unknown => {
                self.unknown.get_or_insert(name);
                None
            }
        }
    }

    fn next(&mut self) -> Option<char> {
        let letter = self.peek();
        self.at += usize::from(letter.is_some());
        letter
    }

    fn peek(&self) -> Option<char> {
        self.letters.get(self.at).copied()
    }
}

/// Values of values grow without a bound otherwise.
fn check_length(value: &str) -> Result<(), Problem> {
    if value.len() > MAX_BYTES { Err(Problem::Long) } else { Ok(()) }
}

const MAX_DEPTH: usize = 16;
/// Far more than the name of an image has.
const MAX_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_those_of_the_builder() {
        let lookup = |name: &str| match name {
            "A" => Value::Set("alpine".into()),
            "E" => Value::Set(String::new()),
            "TARGETARCH" => Value::Unknown,
            _ => Value::Unset,
        };
        let expand = |word: &str| expand(word, '\\', &lookup);
        for (word, value) in [
            ("$A:3", "alpine:3"),
            ("${A}:3", "alpine:3"),
            ("x${N}y", "xy"),
            ("${N:-busybox}", "busybox"),
            ("${E:-busybox}", "busybox"),
            ("${E-busybox}", ""),
            ("${N:-${A}:3}", "alpine:3"),
            ("${A:+yes}", "yes"),
            ("${N+yes}", ""),
            ("\"$A\":'$A'", "alpine:$A"),
            ("\\$A", "$A"),
            ("${A:-$TARGETARCH}", "alpine"),
        ] {
            assert_eq!(expand(word).as_deref(), Ok(value), "{word}");
        }
        assert_eq!(expand("x-$TARGETARCH"), Err(Problem::Unknown("TARGETARCH".into())));
        let long = "a".repeat(MAX_BYTES);
        assert_eq!(expand(&long).as_ref(), Ok(&long));
        for word in [format!("{long}a"), format!("\"{long}a\""), format!("${{A:-{long}a}}")] {
            assert_eq!(expand(&word), Err(Problem::Long));
        }
        for word in [
            "${A", "$", "$1", "${A:?x}", "${A#x}", "${A/x/y}", "'a", "\"a", "a\\", "${}", "$Aé",
            "${Aé}", "$A٣",
        ] {
            assert_eq!(expand(word), Err(Problem::Form), "{word}");
        }
    }
}
