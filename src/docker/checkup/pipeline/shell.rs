//! Lines of a shell as simple commands: good enough to know which program is called with which
//! words, and in which line. Nothing is filled in.

mod reader;

use std::collections::BTreeMap;

use self::reader::Reader;
use super::before::{passed_over, split_string};

/// One simple command.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Command {
    /// Where it stands in the file.
    pub(super) line: usize,
    /// `NAME=VALUE` before its words.
    pub(super) variables: Vec<(String, String)>,
    /// Its words without quotes, redirections among them.
    pub(super) words: Vec<String>,
    /// The lines of its here-documents.
    pub(super) texts: Vec<(usize, String)>,
    /// Whether GitHub gives what it writes, or the group around it, to the steps after this one.
    pub(super) writes_environment: bool,
    /// What it has a shell of its own run: `sh -c SCRIPT`, or a here-document.
    pub(super) script: Vec<Command>,
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

    /// Takes away what stands before the program.
    fn uncover(&mut self) {
        let (mut count, mut splits) = (0, 0);
        while let Some((word, rest)) = self.words.get(count..).and_then(<[_]>::split_first) {
            let more = match word.split_once('=') {
                Some((name, value)) if is_name(name) => {
                    self.variables.push((name.to_owned(), value.to_owned()));
                    Some(0)
                }
                // A here-document may stand there, too.
                _ if word.starts_with("<<") => Some(0),
                _ => match split_string(word, rest) {
                    Some((length, words)) if splits < MOST_SPLITS => {
                        splits += 1;
                        self.words.splice(count + 1..count + 1 + length, words);
                        continue;
                    }
                    _ => passed_over(word, rest),
                },
            };
            let Some(more) = more else { break };
            count += 1 + more;
        }
        self.words.drain(..count);
    }

    /// The lines of SCRIPT in `sh -c SCRIPT`, or of the here-document that a shell reads.
    fn script(&self, depth: usize) -> Option<Vec<(usize, String)>> {
        let (program, rest) = self.words.split_first()?;
        if !SHELLS.contains(&program.rsplit('/').next()?) {
            return None;
        }
        match script_of(rest) {
            Some(script) => {
                let lines = script.lines().enumerate();
                Some(lines.map(|(at, text)| (self.line + at, text.to_owned())).collect())
            }
            None if depth < MOST_SHELLS && reads_its_script(rest) => Some(self.texts.clone()),
            None => None,
        }
    }
}

/// The word that `-c` has a shell run, of those after its name.
fn script_of(words: &[String]) -> Option<&String> {
    let mut words = words.iter();
    let mut is_script = false;
    while let Some(word) = words.next() {
        let Some(letters) = word.strip_prefix(['-', '+']) else {
            return is_script.then_some(word);
        };
        let is_short = !letters.starts_with('-');
        is_script |= is_short && letters.contains('c');
        // `-o pipefail`.
        if is_short && letters.ends_with('o') {
            words.next();
        }
    }
    None
}

/// Whether a shell with these words runs what it reads: no file is named, or `-s` says so.
fn reads_its_script(words: &[String]) -> bool {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if let Some(letters) = word.strip_prefix(['-', '+']) {
            match letters {
                "s" => return true,
                letters if !letters.starts_with('-') && letters.ends_with('o') => {
                    words.next();
                }
                _ => {}
            }
        } else if word
            .trim_start_matches(|letter: char| letter.is_ascii_digit())
            .starts_with(['<', '>'])
        {
            // `> log`
            if word.ends_with('>') {
                words.next();
            }
        } else {
            return false;
        }
    }
    true
}

/// Reads lines, which may go on in the next one.
pub(super) fn commands(lines: &[(usize, String)]) -> Vec<Command> {
    commands_in(lines, 0)
}

/// Those of a shell that others stand around.
fn commands_in(lines: &[(usize, String)], depth: usize) -> Vec<Command> {
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
        for (end, command) in std::mem::take(&mut reader.heredocs) {
            // Without its end it is none, and what follows are commands.
            if last.get(&*end).is_some_and(|last| *last >= at) {
                let body = lines[at..].iter().take_while(|(_, text)| text.trim() != end);
                let body: Vec<_> = body.cloned().collect();
                at += body.len() + 1;
                reader.command_at(command).texts.extend(body);
            }
        }
    }
    reader.end_command();
    for command in &mut reader.commands {
        // Each goes one level of quotes deeper, of which a file has room for few; here-documents are
        // counted.
        let script = command.script(depth);
        command.script = script.map_or_else(Vec::new, |lines| commands_in(&lines, depth + 1));
    }
    reader.commands
}

fn is_name(text: &str) -> bool {
    let inside = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    !text.is_empty() && text.chars().all(inside)
}

/// Shells in one another of which here-documents are read.
const MOST_SHELLS: usize = 4;
/// How often one command is split by `env -S`.
const MOST_SPLITS: usize = 8;
const SHELLS: [&str; 6] = ["ash", "bash", "dash", "ksh", "sh", "zsh"];

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
