//! Heredocs: which words of an instruction open one (buildkit `parser/parser.go`,
//! `heredocsFromLine`).

use super::Error;
use super::instruction::Instruction;

/// An open heredoc.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Heredoc {
    /// The line that ends it.
    pub(super) name: String,
    /// Whether tabs before the end are let go by.
    chomp: bool,
    /// Whether a blank stands before its name: older builders see no heredoc then.
    pub(super) is_new_form: bool,
}

impl Heredoc {
    pub(super) fn ends_with(&self, line: &str) -> bool {
        let line = if self.chomp { line.trim_start_matches('\t') } else { line };
        line == self.name
    }
}

/// The heredocs that an instruction opens, in order.
pub(super) fn of(instruction: &Instruction) -> Result<Vec<Heredoc>, Error> {
    let inner = instruction.inner()?;
    let subject = inner.as_ref().unwrap_or(instruction);
    let may_have = matches!(subject.keyword.as_str(), "add" | "copy" | "run");
    let rest: String = subject.rest().iter().map(|letter| letter.letter).collect();
    if !may_have || !rest.contains("<<") || is_json(&rest, instruction.line)? {
        return Ok(Vec::new());
    }
    let words = words(&rest).ok_or_else(|| {
        Error::at(instruction.line, "whether << opens a heredoc cannot be told beside such quotes")
    })?;
    let unclear = |Unclear| Error::at(instruction.line, "a heredoc's name that is not understood");
    words.iter().filter_map(|word| heredoc(word)).map(|found| found.map_err(unclear)).collect()
}

/// The form `["a", "b"]` is no shell's. Some builders ask only whether a text begins so, and take
/// halves of a surrogate pair.
fn is_json(rest: &str, line: usize) -> Result<bool, Error> {
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Vec<String>>();
    let is_list = matches!(values.next(), Some(Ok(_)));
    let is_all = rest[values.byte_offset()..].trim().is_empty();
    let is_odd = rest.trim_start().starts_with('[') && rest.contains("\\u");
    match is_list {
        true if !is_all => {
            Err(Error::at(line, "whether << behind a JSON list counts is not clear"))
        }
        false if is_odd => Err(Error::at(line, "whether this is a JSON list is not clear")),
        is_list => Ok(is_list),
    }
}

/// A heredoc whose name is not understood.
struct Unclear;

fn heredoc(word: &str) -> Option<Result<Heredoc, Unclear>> {
    let rest =
        word.trim_start_matches(|letter: char| letter.is_ascii_digit()).strip_prefix("<<")?;
    let is_new_form = rest.starts_with(char::is_whitespace);
    let (chomp, rest) = match rest.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let rest = rest.trim_start();
    if rest.is_empty() || rest.contains('<') {
        return None;
    }
    let quoted = |quote: char| rest.strip_prefix(quote)?.strip_suffix(quote);
    let name = quoted('"').or_else(|| quoted('\'')).unwrap_or(rest);
    let is_plain = |letter: char| letter.is_alphanumeric() || "_-.,+:/!=@%".contains(letter);
    Some(match !name.is_empty() && name.chars().all(is_plain) {
        true => Ok(Heredoc { name: name.to_owned(), chomp, is_new_form }),
        false => Err(Unclear),
    })
}

/// Words with their quotes. `None` if a quote does not end, or something stands there that the
/// builder's lexer may refuse, upon which it sees no heredoc at all.
fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            _ if letter.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                continue;
            }
            // Blanks behind it belong to it.
            '<' if letters.peek() == Some(&'<') => {
                word.push(letter);
                word.extend(letters.next());
                while let Some(blank) = letters.next_if(|next| next.is_whitespace()) {
                    word.push(blank);
                }
            }
            '\'' | '"' => {
                word.push(letter);
                quoted(letter, &mut letters, &mut word)?;
                continue;
            }
            '\\' => {
                word.push(letter);
                word.extend(letters.next());
                continue;
            }
            '$' if letters.peek() == Some(&'{') => {
                return braces_are_simple(line).then(|| plain(line));
            }
            _ => word.push(letter),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    Some(words)
}

fn quoted(
    quote: char,
    letters: &mut std::iter::Peekable<std::str::Chars<'_>>,
    word: &mut String,
) -> Option<()> {
    while let Some(letter) = letters.next() {
        word.push(letter);
        match letter {
            '\\' if quote == '"' => word.extend(letters.next()),
            '$' if quote == '"' && letters.peek() == Some(&'{') => return None,
            _ if letter == quote => return Some(()),
            _ => {}
        }
    }
    None
}

/// Nothing but `${NAME}` and no quotes: then blanks part the words.
fn braces_are_simple(line: &str) -> bool {
    let name = |text: &str| {
        let name = text.split('}').next().unwrap_or_default();
        text.contains('}')
            && !name.is_empty()
            && !name.starts_with(|first: char| first.is_ascii_digit())
            && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    };
    let is_plain = !line.contains(['\'', '"', '\\']) && !line.contains("<< ");
    is_plain && line.split("${").skip(1).all(name)
}

fn plain(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}
