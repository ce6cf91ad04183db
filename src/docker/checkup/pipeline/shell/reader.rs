//! Letters of a shell's lines, one after the other, as commands.

use std::iter::Peekable;
use std::str::Chars;

use super::super::before::is_keyword;
use super::Command;

/// What was read so far.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) commands: Vec<Command>,
    command: Command,
    word: Option<String>,
    /// What is open, also over several lines: quotes, and `(` for the commands in `$(…)`.
    open: Vec<char>,
    /// The lines that end texts which are no commands, and the command that each is for.
    pub(super) heredocs: Vec<(String, usize)>,
    /// What is open of `{` and `(`, and the first command in it.
    groups: Vec<(char, usize)>,
    /// The first command of a group that was closed just now: redirections may follow.
    closed: Option<usize>,
    /// Whether the last line goes on.
    continued: bool,
}

impl Reader {
    pub(super) fn line(&mut self, number: usize, text: &str) {
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
                (None, '(') => {
                    self.end_command();
                    self.begin_group('(');
                }
                (None, ';' | '&' | '|' | '`') => self.end_command(),
                (None, _) => self.push(letter),
            }
        }
        match self.quote() {
            Some(_) => self.push('\n'),
            None => self.end_word(),
        }
    }

    /// Whether the next line belongs to this one.
    pub(super) fn goes_on(&self) -> bool {
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
        self.command.words.push(format!("<<{end}"));
        self.heredocs.push((end, self.commands.len()));
    }

    /// A command by its number; the last may not have ended yet.
    pub(super) fn command_at(&mut self, number: usize) -> &mut Command {
        self.commands.get_mut(number).unwrap_or(&mut self.command)
    }

    fn end_commands(&mut self) {
        self.end_command();
        if self.open.pop_if(|open| *open == '(').is_none() {
            self.end_group('(');
        }
    }

    fn begin_group(&mut self, kind: char) {
        self.groups.push((kind, self.commands.len()));
    }

    fn end_group(&mut self, kind: char) {
        let depth = self.groups.len();
        let group = self.groups.pop_if(|(open, _)| *open == kind);
        self.closed = group.map(|(_, first)| first).filter(|_| depth <= MOST_GROUPS);
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
        let begins = self.command.words.last().is_none_or(|last| is_keyword(last));
        match word.as_str() {
            "{" if begins => self.begin_group('{'),
            "}" if begins => self.end_group('{'),
            _ => {}
        }
        self.command.words.push(word);
    }

    pub(super) fn end_command(&mut self) {
        self.end_word();
        let mut command = std::mem::take(&mut self.command);
        command.uncover();
        command.writes_environment = command.words.iter().any(|it| it.contains(GITHUB));
        let group = self.closed.take().filter(|_| command.writes_environment);
        for inside in group.and_then(|first| self.commands.get_mut(first..)).unwrap_or_default() {
            inside.writes_environment = true;
        }
        if !command.words.is_empty() || !command.variables.is_empty() {
            self.commands.push(command);
        }
    }
}

/// The file in which GitHub looks for variables.
const GITHUB: &str = "GITHUB_ENV";
/// Groups in one another of which redirections are known.
const MOST_GROUPS: usize = 16;
