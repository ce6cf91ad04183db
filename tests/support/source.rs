//! Rust source read far enough to know which paths it names: `a::b::c`, written out or in a `use`
//! tree.
//!
//! Comments, strings and characters are passed over, names that a `use` gives are followed to what
//! they stand for.

use std::collections::BTreeMap;

/// The paths that a source names, as lists of identifiers, with the line each begins at.
pub(crate) fn paths(source: &str) -> Vec<Path> {
    let tokens = tokens(source);
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        at = read_path(&tokens, at, &[], &mut found);
    }
    let aliases: BTreeMap<String, Vec<String>> =
        found.iter().filter_map(|path| Some((path.alias.clone()?, path.names.clone()))).collect();
    for path in &mut found {
        follow(path, &aliases);
    }
    found
}

/// A path as it was written, but for a first name that a `use` explains.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Path {
    pub(crate) line: usize,
    pub(crate) names: Vec<String>,
    /// The name by which a `use` makes it known.
    alias: Option<String>,
}

/// The part of a source that is there without tests: up to the `#[cfg(test)]` before a module with
/// a body.
pub(crate) fn without_tests(source: &str) -> &str {
    let tests = source
        .find("\n#[cfg(test)]\nmod tests {")
        .or_else(|| source.find("\n#[cfg(test)]\npub(crate) mod"));
    tests.map_or(source, |at| &source[..at])
}

/// Whether every brace is closed: a string taken for code, or the other way round, would leave some
/// open.
pub(crate) fn is_balanced(source: &str) -> bool {
    let tokens = tokens(source);
    let count = |mark| tokens.iter().filter(|(_, token)| *token == Token::Mark(mark)).count();
    count('{') == count('}') && count('(') == count(')')
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Name(String),
    DoubleColon,
    Mark(char),
}

/// Reads a path that begins at a token, or a whole `use` tree; returns where it ends.
fn read_path(
    tokens: &[(usize, Token)],
    start: usize,
    prefix: &[String],
    found: &mut Vec<Path>,
) -> usize {
    let Some((line, Token::Name(first))) = tokens.get(start) else { return start + 1 };
    let mut names = prefix.to_owned();
    names.push(first.clone());
    let mut at = start + 1;
    let in_use = !prefix.is_empty()
        || matches!(before(tokens, start), Some(Token::Name(word)) if word == "use");
    while tokens.get(at).map(|(_, token)| token) == Some(&Token::DoubleColon) {
        match tokens.get(at + 1).map(|(_, token)| token) {
            Some(Token::Name(name)) => {
                names.push(name.clone());
                at += 2;
            }
            Some(Token::Mark('*')) if in_use => {
                names.push("*".to_owned());
                at += 2;
            }
            Some(Token::Mark('{')) if in_use => {
                return read_tree(tokens, at + 2, &names, found);
            }
            _ => break,
        }
    }
    let mut alias = in_use.then(|| names.last().cloned()).flatten();
    if let [(_, Token::Name(word)), (_, Token::Name(name)), ..] = &tokens[at..]
        && in_use
        && word == "as"
    {
        alias = Some(name.clone());
        at += 2;
    }
    if alias.as_deref() == Some("self") {
        names.pop();
        alias = names.last().cloned();
    }
    found.push(Path { line: *line, names, alias });
    at
}

/// Reads what stands between the braces of a `use` tree.
fn read_tree(
    tokens: &[(usize, Token)],
    start: usize,
    prefix: &[String],
    found: &mut Vec<Path>,
) -> usize {
    let mut at = start;
    while let Some((_, token)) = tokens.get(at) {
        match token {
            Token::Mark('}') => return at + 1,
            Token::Name(_) => at = read_path(tokens, at, prefix, found),
            _ => at += 1,
        }
    }
    at
}

fn before(tokens: &[(usize, Token)], at: usize) -> Option<&Token> {
    tokens.get(at.checked_sub(1)?).map(|(_, token)| token)
}

fn follow(path: &mut Path, aliases: &BTreeMap<String, Vec<String>>) {
    if path.alias.is_some() {
        return;
    }
    if let Some(target) = path.names.first().and_then(|first| aliases.get(first)) {
        let rest = path.names.split_off(1);
        path.names = target.iter().cloned().chain(rest).collect();
    }
}

fn tokens(source: &str) -> Vec<(usize, Token)> {
    let mut reader = Reader { rest: source, line: 1 };
    let mut tokens = Vec::new();
    while let Some(first) = reader.rest.chars().next() {
        let line = reader.line;
        if let Some(length) = skipped(reader.rest) {
            reader.advance(length);
        } else if first.is_alphabetic() || first == '_' {
            tokens.push((line, Token::Name(reader.name())));
        } else if reader.rest.starts_with("::") {
            tokens.push((line, Token::DoubleColon));
            reader.advance(2);
        } else {
            if !first.is_whitespace() {
                tokens.push((line, Token::Mark(first)));
            }
            reader.advance(first.len_utf8());
        }
    }
    tokens
}

struct Reader<'s> {
    rest: &'s str,
    line: usize,
}

impl Reader<'_> {
    fn advance(&mut self, length: usize) {
        let (passed, rest) = self.rest.split_at(length);
        self.line += passed.matches('\n').count();
        self.rest = rest;
    }

    fn name(&mut self) -> String {
        let length = self.rest.find(|c: char| !c.is_alphanumeric() && c != '_');
        let name = self.rest[..length.unwrap_or(self.rest.len())].to_owned();
        self.advance(name.len());
        name
    }
}

/// The length of the comment, string or character that stands here.
fn skipped(text: &str) -> Option<usize> {
    let to = |end: &str, from: usize| {
        text[from..].find(end).map_or(text.len(), |at| from + at + end.len())
    };
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return Some(to("*/", 2));
    }
    let plain = text.strip_prefix('b').unwrap_or(text);
    let marked = text.len() - plain.len();
    if let Some(raw) = plain.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            return Some(to(&format!("\"{}", "#".repeat(hashes)), marked + hashes + 2));
        }
    }
    match plain.chars().next()? {
        '"' => Some(marked + quoted(plain)),
        '\'' => character(plain).map(|length| marked + length),
        _ => None,
    }
}

fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        match letter {
            '"' if !escaped => return at + 1,
            _ => escaped = letter == '\\' && !escaped,
        }
    }
    text.len()
}

/// A character's length; `None` for the name of a lifetime.
fn character(text: &str) -> Option<usize> {
    let mut letters = text.char_indices().skip(1);
    match letters.next()?.1 {
        '\\' => text[3..].find('\'').map(|at| at + 4),
        _ => letters.next().filter(|(_, letter)| *letter == '\'').map(|(at, _)| at + 1),
    }
}
