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
    /// What is open of `{`, `(`, `do`, `if` and `case`, and the first command in it.
    groups: Vec<(char, usize)>,
    /// The first command of a group that was closed just now: redirections may follow.
    closed: Option<usize>,
    /// The first command of a pipeline that goes on.
    piped: Option<usize>,
    /// How many commands were found to be read by somebody behind them.
    handed_on: usize,
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
                (None, '|') => self.pipe(&mut letters),
                (None, ';' | '&' | '`') => self.end_command(),
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

    /// `|` and `|&`; `||` is none.
    fn pipe(&mut self, letters: &mut Peekable<Chars<'_>>) {
        if letters.next_if_eq(&'|').is_some() {
            self.end_command();
            return;
        }
        letters.next_if_eq(&'&');
        self.end_word();
        let first = self.piped.or(self.closed).unwrap_or(self.commands.len());
        self.end_command();
        self.piped = Some(first);
    }

    fn begin_group(&mut self, kind: char) {
        self.groups.push((kind, self.commands.len()));
    }

    /// What was opened since and not closed was meant for another shell.
    fn end_group(&mut self, kind: char) {
        let most = if kind == '(' { 1 } else { MOST_GROUPS };
        let back = self.groups.iter().rev().take(most).position(|(open, _)| *open == kind);
        let group = back.map(|back| self.groups.len() - 1 - back);
        let first = group.and_then(|at| self.groups.get(at)).map(|(_, first)| *first);
        self.closed = first.filter(|_| self.groups.len() <= MOST_GROUPS);
        self.groups.truncate(group.unwrap_or(self.groups.len()));
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
        match (group_begun_by(&word), group_ended_by(&word)) {
            (Some(kind), _) if begins => self.begin_group(kind),
            (_, Some(kind)) if begins => self.end_group(kind),
            _ => {}
        }
        self.command.words.push(word);
    }

    pub(super) fn end_command(&mut self) {
        self.end_word();
        let mut command = std::mem::take(&mut self.command);
        command.uncover();
        command.writes_environment = command.words.iter().any(|it| it.contains(GITHUB));
        let (is_none, closed) =
            (command.words.is_empty() && command.variables.is_empty(), self.closed.take());
        if is_none && closed.is_none() {
            // A pipeline goes on in the next line.
            return;
        }
        let before = self.piped.take().into_iter().chain(closed).min();
        if command.writes_environment {
            self.hand_on(before.unwrap_or(self.commands.len()));
        }
        if !is_none {
            self.commands.push(command);
        }
    }

    /// What the commands from this one on write goes where the last one writes.
    fn hand_on(&mut self, first: usize) {
        let before = self.commands.get_mut(first..).unwrap_or_default();
        self.handed_on += before.len();
        if self.handed_on <= MOST_HANDED_ON {
            before.iter_mut().for_each(|command| command.writes_environment = true);
        }
    }
}

fn group_begun_by(word: &str) -> Option<char> {
    let kinds = [("{", '{'), ("do", 'd'), ("if", 'i'), ("case", 'c')];
    kinds.into_iter().find(|(begin, _)| *begin == word).map(|(_, kind)| kind)
}

fn group_ended_by(word: &str) -> Option<char> {
    let kinds = [("}", '{'), ("done", 'd'), ("fi", 'i'), ("esac", 'c')];
    kinds.into_iter().find(|(end, _)| *end == word).map(|(_, kind)| kind)
}

/// The file in which GitHub looks for variables.
const GITHUB: &str = "GITHUB_ENV";
/// Groups in one another of which redirections are known.
const MOST_GROUPS: usize = 16;
/// Far more than stand in any pipeline.
const MOST_HANDED_ON: usize = 1 << 20;
