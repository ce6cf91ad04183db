//! What a command of `docker trust` stands on, and how it speaks.

use std::io::{self, Write};

use super::grammar::Given;
use super::passphrases::Asker;
use super::words::Refusal;
use crate::cli::context::Context;
use crate::cli::output::for_terminal;
use crate::cli::passphrases::Passphrases;
use crate::cli::prompt::read_answer;
use crate::cli::subject::Subject;
use crate::keys::{Chain, Error, Passphrase, PassphraseRequest, PassphraseSource};

/// What a command stands on.
pub(super) struct Session {
    pub(super) context: Context,
    /// docker's own flags, to call it as we were called.
    pub(super) globals: Given,
}

impl Session {
    /// Reads an image's name.
    pub(super) fn image(&self, text: &str) -> Result<Subject, Refusal> {
        Ok(self.context.subject(text)?)
    }

    /// Lines on stdout.
    pub(super) fn say(&self, lines: &str) {
        self.context.output.page(&format!("{lines}\n"));
    }

    /// A line on stderr.
    pub(super) fn complain(&self, line: &str) {
        self.context.output.reply(line);
    }

    /// Asks on stdout; everything but `y` is no, also that nobody answers.
    pub(super) fn confirm(&self, question: &str) -> Result<bool, Refusal> {
        let mut stdout = io::stdout();
        let asked =
            write!(stdout, "{} [y/N] ", for_terminal(question)).and_then(|()| stdout.flush());
        let answer = asked.and_then(|()| read_answer());
        let answer = answer.map_err(|error| Refusal::new(format!("asking failed: {error}")))?;
        Ok(answer.is_some_and(|answer| answer.trim().eq_ignore_ascii_case("y")))
    }

    /// Where passphrases may come from: as for every command of ours, and at last from stdin, be it
    /// a terminal or not.
    pub(super) fn passphrases(&self) -> Result<Passphrases<'_>, Refusal> {
        Ok(Passphrases::new(&self.context)?)
    }

    /// Whoever is at stdin.
    pub(super) fn asker(&self) -> Asker {
        Asker::new(&self.context.environment)
    }
}

/// The sources of a session, with docker's way of asking at their end.
pub(super) fn chain<'a>(passphrases: &'a mut Passphrases<'_>, asker: &'a mut Asker) -> Chain<'a> {
    passphrases.without_asking().then(asker)
}

/// Says something before a passphrase is asked for: then it is known what will be done, and with
/// which keys.
pub(super) struct Announcing<'a, S> {
    session: &'a Session,
    words: Option<String>,
    when: fn(&PassphraseRequest<'_>) -> bool,
    source: S,
}

impl<'a, S> Announcing<'a, S> {
    /// Says these lines before the first passphrase.
    pub(super) fn new(session: &'a Session, words: Option<String>, source: S) -> Self {
        Self { session, words, when: |_| true, source }
    }

    /// Says them before the first passphrase of this kind.
    pub(super) fn when(self, when: fn(&PassphraseRequest<'_>) -> bool) -> Self {
        Self { when, ..self }
    }

    /// Says them, if they were not said yet.
    pub(super) fn announce(&mut self) {
        if let Some(words) = self.words.take() {
            self.session.context.output.page(&words);
        }
    }
}

impl<S: PassphraseSource> PassphraseSource for Announcing<'_, S> {
    fn passphrase(&mut self, request: &PassphraseRequest<'_>) -> Result<Passphrase, Error> {
        if (self.when)(request) {
            self.announce();
        }
        self.source.passphrase(request)
    }
}
