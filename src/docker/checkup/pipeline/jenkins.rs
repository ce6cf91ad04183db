//! Jenkinsfiles: what `sh` runs, and the `environment`, `parameters` and `agent` around it.
//!
//! Groovy is a language; of it only blocks, words and texts are read.

use super::step::{Belief, Scope, Step, Steps, What};

/// Reads the steps of a file.
pub(super) fn read(text: &str) -> Steps {
    let mut reader = Reader { blocks: vec![Block::default()], ..Reader::default() };
    let mut rest = Letters { text, at: 0, line: 1 };
    while let Some(token) = rest.next() {
        reader.take(token);
    }
    reader.steps()
}

/// A piece of the text.
#[derive(Debug)]
enum Token<'t> {
    /// Letters, digits, `_`, `.` and `$`, and its line.
    Word(&'t str, usize),
    /// Between quotes, and the line it begins in.
    Text(&'t str, usize),
    Sign(char),
    EndOfLine,
}

struct Letters<'t> {
    text: &'t str,
    at: usize,
    line: usize,
}

impl<'t> Letters<'t> {
    fn next(&mut self) -> Option<Token<'t>> {
        while self.skip_comment() {}
        let rest = self.text.get(self.at..)?;
        let first = rest.chars().next()?;
        for quote in ["'''", "\"\"\"", "'", "\""] {
            if let Some(inside) = rest.strip_prefix(quote) {
                let (line, length) = (self.line, end_of_text(inside, quote));
                self.skip(2 * quote.len() + length);
                return Some(Token::Text(inside.get(..length).unwrap_or(inside), line));
            }
        }
        let length = rest.find(|letter: char| !is_part(letter)).unwrap_or(rest.len());
        match (first, length) {
            ('\n', _) => {
                self.skip(1);
                Some(Token::EndOfLine)
            }
            (sign, 0) => {
                self.skip(sign.len_utf8());
                Some(Token::Sign(sign))
            }
            (_, length) => {
                let line = self.line;
                self.skip(length);
                rest.get(..length).map(|word| Token::Word(word, line))
            }
        }
    }

    fn skip_comment(&mut self) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default();
        for (begin, end) in [("//", "\n"), ("/*", "*/")] {
            if let Some(inside) = rest.strip_prefix(begin) {
                let length = inside.find(end).map_or(rest.len(), |at| begin.len() + at);
                // The end of a line counts.
                self.skip(length + if end == "\n" { 0 } else { end.len() });
                return true;
            }
        }
        false
    }

    fn skip(&mut self, bytes: usize) {
        let end = (self.at + bytes).min(self.text.len());
        let passed = self.text.get(self.at..end).unwrap_or_default();
        self.line += passed.matches('\n').count();
        self.at = end;
    }
}

/// Bytes up to a quote that is not escaped.
fn end_of_text(inside: &str, quote: &str) -> usize {
    let is_escaped = |at: usize| {
        inside.get(..at).is_some_and(|before| {
            before.chars().rev().take_while(|letter| *letter == '\\').count() % 2 == 1
        })
    };
    let mut ends = inside.match_indices(quote).map(|(at, _)| at);
    ends.find(|at| !is_escaped(*at)).unwrap_or(inside.len())
}

fn is_part(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '_' | '.' | '$')
}

/// What stands between braces.
#[derive(Default)]
struct Block {
    /// The block around it.
    parent: usize,
    /// The word before its brace.
    name: String,
    /// The innermost `agent` that it is, or is in.
    agent: Option<usize>,
    /// What is set in it: a name, its value, and the line.
    variables: Vec<(String, String, usize)>,
    image: Option<String>,
}

#[derive(Default)]
struct Reader {
    blocks: Vec<Block>,
    /// The block that is open.
    inside: usize,
    /// The last words of a line.
    words: Vec<String>,
    /// How many are open.
    brackets: usize,
    /// What `withEnv` sets, until its block begins.
    with: Vec<(String, String, usize)>,
    /// The name and the value of a parameter that is being read.
    parameter: (Option<String>, Option<(String, usize)>),
    /// Scripts and docker's own steps, and the block of each.
    found: Vec<(usize, What)>,
}

impl Reader {
    fn take(&mut self, token: Token<'_>) {
        match token {
            Token::Word(word, line) => self.word(word, line),
            Token::Text(text, line) => self.text(text, line),
            Token::Sign('{') => self.begin(),
            Token::Sign('}') => {
                self.inside = self.blocks.get(self.inside).map_or(0, |block| block.parent);
                self.words.clear();
            }
            Token::Sign(sign @ ('=' | ':')) => self.push(sign.to_string()),
            Token::Sign('(') => self.brackets += 1,
            Token::Sign(')') => {
                self.brackets = self.brackets.saturating_sub(1);
                self.parameter = (None, None);
            }
            // What is in brackets goes on in the next line.
            Token::EndOfLine if self.brackets > 0 => {}
            Token::EndOfLine | Token::Sign(';') => self.words.clear(),
            Token::Sign(_) => {}
        }
    }

    fn word(&mut self, word: &str, line: usize) {
        self.parameter(word, line);
        self.push(word.to_owned());
        // A value without quotes: a number, a parameter.
        if let [.., name, is, value] = self.words.as_slice()
            && is == "="
        {
            self.set(name.clone(), value.clone(), line);
        }
    }

    /// Of a long line the first words and the last ones count.
    fn push(&mut self, word: String) {
        if self.words.len() == MOST_WORDS {
            self.words.remove(MOST_WORDS / 2);
        }
        self.words.push(word);
    }

    fn text(&mut self, text: &str, line: usize) {
        if self.parameter(text, line) {
            // What is named next is named by another word.
            return self.push(String::new());
        }
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        match words.as_slice() {
            [.., name, "="] => self.set((*name).to_owned(), text.to_owned(), line),
            ["withEnv", ..] => self.with.extend(
                text.split_once('=').map(|(name, value)| (name.into(), value.into(), line)),
            ),
            [.., "image"] | [.., "docker"] => self.runs_in(text),
            words if is_script(words) => {
                let lines = text.lines().enumerate();
                let lines = lines.map(|(at, text)| (line + at, text.to_owned())).collect();
                self.found.push((self.inside, What::Shell(lines)));
            }
            [.., "docker.build"] => {
                let name = "docker.build".to_owned();
                self.found.push((self.inside, What::Action { line, name }));
            }
            _ => {}
        }
    }

    /// Steps find what a run is asked for in their environment: `booleanParam(name: …,
    /// defaultValue: …)`, `choice(name: …, choices: …)`. Of a choice the first counts. Whether this
    /// was a part of it.
    fn parameter(&mut self, value: &str, line: usize) -> bool {
        let [.., of, is] = self.words.as_slice() else { return false };
        let (name, default) = &mut self.parameter;
        match (of.as_str(), is.as_str()) {
            ("name", ":") => *name = Some(value.to_owned()),
            ("defaultValue" | "choices", ":") => *default = Some((value.to_owned(), line)),
            _ => return false,
        }
        if let (Some(name), Some((value, line))) = (name.clone(), default.clone()) {
            self.parameter = (None, None);
            self.ask_for(name, value, line);
        }
        true
    }

    /// `parameters` are those of the block that it is in, or of the script.
    fn ask_for(&mut self, name: String, value: String, line: usize) {
        let is_block = |block: &&Block| block.name == "parameters";
        let place = match self.blocks.get(self.inside).filter(is_block) {
            Some(block) => block.parent,
            None if self.words.iter().any(|word| word == "parameters") => self.inside,
            None => return,
        };
        if let Some(block) = self.blocks.get_mut(place) {
            block.variables.push((name, value, line));
        }
    }

    fn begin(&mut self) {
        let name = self.words.last().cloned().unwrap_or_default();
        let variables = std::mem::take(&mut self.with);
        let parent = self.inside;
        self.inside = self.blocks.len();
        let agent = match name == "agent" {
            true => Some(self.inside),
            false => self.blocks.get(parent).and_then(|block| block.agent),
        };
        self.blocks.push(Block { parent, name, agent, variables, image: None });
        self.words.clear();
    }

    /// `environment` sets for the block that it is in; `env.NAME = …` for the one where it stands.
    fn set(&mut self, name: String, value: String, line: usize) {
        let inside = self.blocks.get(self.inside);
        let (place, name) = match (inside, name.strip_prefix("env.")) {
            (Some(block), None) if block.name == "environment" => (block.parent, name),
            (_, Some(bare)) => (self.inside, bare.to_owned()),
            _ => return,
        };
        if let Some(block) = self.blocks.get_mut(place) {
            block.variables.push((name, value, line));
        }
    }

    /// The image of an `agent` is that of the block around it.
    fn runs_in(&mut self, image: &str) {
        let agent = self.blocks.get(self.inside).and_then(|block| block.agent);
        let around = agent.and_then(|agent| self.blocks.get(agent)).map(|agent| agent.parent);
        if let Some(block) = around.and_then(|around| self.blocks.get_mut(around)) {
            block.image = Some(image.to_owned());
        }
    }

    /// Every step with all that stands around it, also behind it.
    fn steps(self) -> Steps {
        let mut scopes: Vec<Scope> = Vec::new();
        let mut beliefs = Vec::new();
        for (at, block) in self.blocks.iter().enumerate() {
            let around = scopes.get(block.parent).filter(|_| at != 0).cloned().unwrap_or_default();
            let mut scope = around.clone();
            for (name, value, line) in &block.variables {
                scope.set(name, value, *line);
            }
            if let (Belief::Since(line), true) = (scope.trust, scope.trust != around.trust) {
                beliefs.push(line);
            }
            if let Some(image) = &block.image {
                scope.runs_in(image);
            }
            scopes.push(scope);
        }
        let step = |(block, what): (usize, What)| Step {
            job: 0,
            scope: scopes.get(block).cloned().unwrap_or_default(),
            what,
        };
        Steps { steps: self.found.into_iter().map(step).collect(), beliefs }
    }
}

/// `sh '…'`, `sh(script: '…', …)`.
fn is_script(words: &[&str]) -> bool {
    let calls = words.iter().any(|word| matches!(*word, "sh" | "bat" | "powershell" | "pwsh"));
    match words {
        [.., name, ":"] => calls && *name == "script",
        [.., last] => matches!(*last, "sh" | "bat" | "powershell" | "pwsh"),
        [] => false,
    }
}

const MOST_WORDS: usize = 64;
