//! Lines of a shell as simple commands: good enough to know which program is called with which
//! words, and in which line. Nothing is filled in.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

/// One simple command.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Command {
    /// Where it stands in the file.
    pub(super) line: usize,
    /// `NAME=VALUE` before its words.
    pub(super) variables: Vec<(String, String)>,
    /// Its words without quotes, redirections among them.
    pub(super) words: Vec<String>,
}

impl Command {
    /// What it sets for the commands after it: alone, or with `export`.
    pub(super) fn settings(&self) -> Vec<(&str, &str)> {
        match self.program() {
            None => self.variables.iter().map(|(name, value)| (&**name, &**value)).collect(),
            Some("export" | "declare" | "typeset" | "readonly" | "set") => {
                self.words.iter().filter_map(|word| word.split_once('=')).collect()
            }
            // PowerShell.
            Some(program) => match (program.strip_prefix("$env:"), self.words.get(1..)) {
                (Some(name), Some([is, value])) if is == "=" => vec![(name, value)],
                _ => Vec::new(),
            },
        }
    }

    /// The program's name.
    pub(super) fn program(&self) -> Option<&str> {
        self.words.first().map(String::as_str)
    }
}

/// Reads lines, which may go on in the next one.
pub(super) fn commands(lines: &[(usize, String)]) -> Vec<Command> {
    let mut reader = Reader::default();
    let last: BTreeMap<&str, usize> =
        lines.iter().enumerate().map(|(at, (_, text))| (text.trim(), at)).collect();
    let mut at = 0;
    while let Some((line, text)) = lines.get(at) {
        at += 1;
        reader.line(*line, text);
        if reader.goes_on() {
            continue;
        }
        for end in std::mem::take(&mut reader.heredocs) {
            // Without its end it is none, and what follows are commands.
            if last.get(&*end).is_some_and(|last| *last >= at) {
                let body = lines[at..].iter().take_while(|(_, text)| text.trim() != end);
                at += body.count() + 1;
            }
        }
    }
    reader.end_command();
    reader.commands
}

#[derive(Default)]
struct Reader {
    commands: Vec<Command>,
    command: Command,
    word: Option<String>,
    /// What is open, also over several lines: quotes, and `(` for the commands in `$(…)`.
    open: Vec<char>,
    /// The lines that end texts which are no commands.
    heredocs: Vec<String>,
    /// Whether the last line goes on.
    continued: bool,
}

impl Reader {
    fn line(&mut self, number: usize, text: &str) {
        if !self.goes_on() {
            self.end_command();
        }
        self.continued = false;
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            self.begin(number);
            match (self.quote(), letter) {
                (Some(quote), _) if letter == quote => drop(self.open.pop()),
                (Some('\''), _) => self.push(letter),
                (_, '\\') => match letters.next() {
                    Some(next) => self.push(next),
                    None => self.continued = true,
                },
                (_, '$') if letters.peek() == Some(&'(') => self.begin_commands(&mut letters),
                (Some(_), _) => self.push(letter),
                (None, '\'' | '"') => {
                    self.word.get_or_insert_default();
                    self.open.push(letter);
                }
                (None, '#') if self.word.is_none() => break,
                (None, ' ' | '\t') => self.end_word(),
                (None, '<') if letters.peek() == Some(&'<') => self.begin_heredoc(&mut letters),
                (None, ')') => self.end_commands(),
                (None, ';' | '&' | '|' | '(' | '`') => self.end_command(),
                (None, _) => self.push(letter),
            }
        }
        match self.quote() {
            Some(_) => self.push('\n'),
            None => self.end_word(),
        }
    }

    /// Whether the next line belongs to this one.
    fn goes_on(&self) -> bool {
        self.continued || self.quote().is_some()
    }

    fn quote(&self) -> Option<char> {
        self.open.last().copied().filter(|open| *open != '(')
    }

    /// `$(`: what is in it is run, in quotes, too.
    fn begin_commands(&mut self, letters: &mut Peekable<Chars<'_>>) {
        letters.next();
        self.end_command();
        self.open.push('(');
    }

    /// `<<WORD`, `<<- 'WORD'`; `<<<` is none.
    fn begin_heredoc(&mut self, letters: &mut Peekable<Chars<'_>>) {
        letters.next();
        if letters.next_if_eq(&'<').is_some() {
            "<<<".chars().for_each(|letter| self.push(letter));
            return;
        }
        self.end_word();
        letters.next_if_eq(&'-');
        while letters.next_if(|letter| matches!(letter, ' ' | '\t')).is_some() {}
        let mut end = String::new();
        while let Some(letter) = letters.next_if(|letter| !" \t;&|<>()".contains(*letter)) {
            match letter {
                '\'' | '"' => end.extend(letters.take_while(|it| *it != letter)),
                '\\' => end.extend(letters.next()),
                _ => end.push(letter),
            }
        }
        if end.is_empty() {
            return;
        }
        // Before the program it would be taken for that.
        if !self.command.words.is_empty() {
            self.command.words.push(format!("<<{end}"));
        }
        self.heredocs.push(end);
    }

    fn end_commands(&mut self) {
        self.end_command();
        self.open.pop_if(|open| *open == '(');
    }

    fn begin(&mut self, line: usize) {
        if self.command.words.is_empty() && self.command.variables.is_empty() {
            self.command.line = line;
        }
    }

    fn push(&mut self, letter: char) {
        self.word.get_or_insert_default().push(letter);
    }

    fn end_word(&mut self) {
        let Some(word) = self.word.take() else { return };
        let is_first = self.command.words.is_empty();
        match word.split_once('=') {
            Some((name, value)) if is_first && is_name(name) => {
                self.command.variables.push((name.to_owned(), value.to_owned()));
            }
            _ if is_first && PASSED_OVER.contains(&word.as_str()) => {}
            _ => self.command.words.push(word),
        }
    }

    fn end_command(&mut self) {
        self.end_word();
        let command = std::mem::take(&mut self.command);
        if !command.words.is_empty() || !command.variables.is_empty() {
            self.commands.push(command);
        }
    }
}

fn is_name(text: &str) -> bool {
    let inside = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    !text.is_empty() && text.chars().all(inside)
}

/// What may stand before a program.
const PASSED_OVER: [&str; 17] = [
    "if", "then", "elif", "else", "do", "while", "until", "!", "{", "}", "time", "sudo", "exec",
    "env", "command", "nice", "nohup",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(usize, Vec<String>)> {
        let lines: Vec<_> =
            text.lines().enumerate().map(|(at, line)| (at + 1, line.to_owned())).collect();
        commands(&lines).into_iter().map(|command| (command.line, command.words)).collect()
    }

    #[test]
    fn programs_and_their_words_are_found() {
        for (text, expected) in [
            ("docker pull \"a b\" # web", vec![(1, vec!["docker", "pull", "a b"])]),
            (
                "x && sudo docker \\\n  run y; z",
                vec![(1, vec!["x"]), (1, vec!["docker", "run", "y"]), (2, vec!["z"])],
            ),
            (
                "if ! docker pull x; then exit 1; fi",
                vec![(1, vec!["docker", "pull", "x"]), (1, vec!["exit", "1"]), (1, vec!["fi"])],
            ),
            ("echo 'docker build .'", vec![(1, vec!["echo", "docker build ."])]),
            ("id=$(docker create x)", vec![(1, vec![]), (1, vec!["docker", "create", "x"])]),
            (
                "cat <<EOF\ndocker build .\nEOF\ntrue",
                vec![(1, vec!["cat", "<<EOF"]), (4, vec!["true"])],
            ),
            (
                "x=\"$(docker create x)\"\ny",
                vec![(1, vec![]), (1, vec!["docker", "create", "x"]), (2, vec!["y"])],
            ),
            ("# docker build .", vec![]),
            (
                "cat <<EOF>/x && cat <<-'A B' <<C\nx\nEOF\ny\n\tA B\nz\nC\ntrue",
                vec![
                    (1, vec!["cat", "<<EOF", ">/x"]),
                    (1, vec!["cat", "<<A B", "<<C"]),
                    (8, vec!["true"]),
                ],
            ),
            ("cat << EOF\nx\nEOF\ntrue", vec![(1, vec!["cat", "<<EOF"]), (4, vec!["true"])]),
            (
                "cat <<EOF \\\n  >x\nx\nEOF\ny",
                vec![(1, vec!["cat", "<<EOF", ">x"]), (5, vec!["y"])],
            ),
            ("echo \"<< note\"\ntrue", vec![(1, vec!["echo", "<< note"]), (2, vec!["true"])]),
            ("<<E cat\nx\nE\ntrue", vec![(1, vec!["cat"]), (4, vec!["true"])]),
            ("cat <<<x\ntrue", vec![(1, vec!["cat", "<<<x"]), (2, vec!["true"])]),
            ("cat <<EOF\ntrue", vec![(1, vec!["cat", "<<EOF"]), (2, vec!["true"])]),
            (
                "x=\"$(cat <<EOF\nx\nEOF\n)\"\ny",
                vec![(1, vec![]), (1, vec!["cat", "<<EOF"]), (5, vec!["y"])],
            ),
        ] {
            let expected: Vec<_> = expected
                .into_iter()
                .map(|(line, words)| (line, words.into_iter().map(str::to_owned).collect()))
                .collect();
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn variables_are_for_one_command_or_for_those_after_it() {
        let of = |text: &str| {
            let command = commands(&[(1, text.to_owned())]).remove(0);
            let settings = command.settings().into_iter().map(|(a, b)| format!("{a}={b}"));
            (settings.collect::<Vec<_>>(), command.variables.len())
        };
        assert_eq!(of("A=1 docker pull x"), (vec![], 1));
        assert_eq!(of("A=1"), (vec!["A=1".to_owned()], 1));
        assert_eq!(of("export A=1 B='2'"), (vec!["A=1".to_owned(), "B=2".to_owned()], 0));
        assert_eq!(of("$env:A = \"1\""), (vec!["A=1".to_owned()], 0));
    }
}
