//! One command over many repositories: side by side, a line for each, and a journal with which a
//! second run goes on where the first one ended.
//!
//! A repository that fails stops no other. The highest exit code wins.

mod journal;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::RangedU64ValueParser;
use futures_util::StreamExt as _;
use serde_json::Value;

use super::context::{Context, Opened};
use super::exit::{Code, Kind};
use super::output::{Failure, Format};
use super::passphrases::Passphrases;
use super::source;
use super::subject::Subject;
use crate::keys::{self, Passphrase, PassphraseRequest, PassphraseSource};
use crate::net::Access;
use crate::tuf::Gun;
use journal::Journal;

// Which repositories. (A comment for documentation would become that of the command.)
#[derive(Args)]
pub(super) struct Fleet {
    /// Repositories, without tags
    #[arg(value_name = "REPO", required_unless_present = "from_file")]
    pub(super) repositories: Vec<String>,

    /// File with more repositories, one a line; - is stdin
    #[arg(long, value_name = "FILE")]
    from_file: Option<PathBuf>,

    /// File in which done repositories are noted; those that stand there are passed over
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,

    /// How many repositories at a time
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = RangedU64ValueParser::<usize>::new().range(1..=64))]
    jobs: usize,
}

/// One repository of a fleet, ready to be changed, or otherwise opened.
pub(super) struct Member<'f, O = Opened> {
    pub(super) subject: Subject,
    pub(super) opened: O,
    pub(super) passphrases: Shared<'f>,
}

/// What became of one repository.
pub(super) struct Told {
    /// In a line, after the repository's name.
    pub(super) line: String,
    /// What one should know besides.
    pub(super) notes: Vec<String>,
    /// The same as JSON.
    pub(super) json: Value,
    /// Its exit code.
    pub(super) code: Code,
}

impl Told {
    pub(super) fn done(line: impl Into<String>, json: Value) -> Self {
        Self { line: line.into(), notes: Vec::new(), json, code: Code::Done }
    }
}

impl Fleet {
    /// Whether the repositories come from a list, in which some may be none of this command's
    /// business.
    pub(super) fn is_list(&self) -> bool {
        self.from_file.is_some()
    }

    /// These repositories and those in a file, without a journal.
    #[cfg(feature = "export")]
    pub(super) fn of(repositories: Vec<String>, from_file: Option<PathBuf>, jobs: usize) -> Self {
        Self { repositories, from_file, journal: None, jobs }
    }

    /// Changes each repository. `task` names in the journal what it is: another task passes over
    /// nothing.
    ///
    /// # Errors
    ///
    /// If the list or the journal cannot be read, or a name is none; nothing is done then.
    pub(super) async fn each(
        &self,
        task: &str,
        context: &Context,
        act: impl AsyncFn(Member<'_>) -> Result<Told, Failure>,
    ) -> Result<Code, Failure> {
        let open = |subject: &Subject| context.open(subject, Access::PushPull);
        self.each_opened(open, task, context, act).await
    }

    /// The same, opened in that way.
    ///
    /// # Errors
    ///
    /// As [`Fleet::each`].
    pub(super) async fn each_opened<O>(
        &self,
        open: impl Fn(&Subject) -> Result<O, Failure>,
        task: &str,
        context: &Context,
        act: impl AsyncFn(Member<'_, O>) -> Result<Told, Failure>,
    ) -> Result<Code, Failure> {
        let subjects = self.subjects(context)?;
        let mut notes = Notes::open(self.journal.as_deref(), task)?;
        let mut passphrases = Passphrases::new(context)?;
        let chain = RefCell::new(passphrases.chain());
        let ask = |request: &PassphraseRequest<'_>| chain.borrow_mut().passphrase(request);
        let ask: &Ask<'_> = &ask;
        let (done, due): (Vec<Subject>, Vec<Subject>) =
            subjects.into_iter().partition(|subject| notes.have(&subject.gun));
        for subject in &done {
            context.output.detail(&format!("{}: done before, by the journal", subject.gun));
        }
        let (open, act) = (&open, &act);
        let run = |subject: Subject| async move {
            let gun = subject.gun.clone();
            let outcome = match open(&subject) {
                Ok(opened) => act(Member { subject, opened, passphrases: Shared(ask) }).await,
                Err(failure) => Err(failure),
            };
            (gun, outcome)
        };
        let mut finished = futures_util::stream::iter(due).map(run).buffer_unordered(self.jobs);
        let mut tally = Tally { before: done.len(), ..Tally::default() };
        while let Some((gun, outcome)) = finished.next().await {
            let code = tell(gun.as_str(), &outcome, context);
            tally.count(code);
            if code == Code::Done {
                tally.code = tally.code.max(notes.add(&gun, context));
            }
        }
        tally.tell(context);
        Ok(tally.code)
    }

    /// Each repository once, in the order given.
    fn subjects(&self, context: &Context) -> Result<Vec<Subject>, Failure> {
        let listed = self.from_file.as_deref().map(listed).transpose()?.unwrap_or_default();
        let mut seen = BTreeSet::new();
        let mut subjects = Vec::new();
        for name in self.repositories.iter().chain(&listed) {
            let subject = context.subject(name).and_then(Subject::bare);
            let subject = subject.map_err(|failure| failure.about(name))?;
            if seen.insert(subject.gun.clone()) {
                subjects.push(subject);
            }
        }
        if subjects.is_empty() {
            return Err(Failure::new(Kind::Usage, "no repositories are listed"));
        }
        Ok(subjects)
    }
}

/// The lines of a file that are neither blank nor begin with `#`.
fn listed(path: &Path) -> Result<Vec<String>, Failure> {
    let path = if path == Path::new("-") { Path::new("/dev/stdin") } else { path };
    let text = String::from_utf8(source::read(path)?)
        .map_err(|_| Failure::new(Kind::Usage, format!("{}: no text", path.display())))?;
    let lines = text.lines().map(str::trim);
    Ok(lines.filter(|it| !it.is_empty() && !it.starts_with('#')).map(str::to_owned).collect())
}

fn tell(gun: &str, outcome: &Result<Told, Failure>, context: &Context) -> Code {
    let told = match outcome {
        Ok(told) => told,
        Err(failure) => return context.output.refusal(Some(gun), failure),
    };
    match context.output.format {
        Format::Text => context.output.answer(&format!("{gun}: {}", told.line)),
        Format::Json => context.output.object(&told.json),
    }
    for note in &told.notes {
        context.output.notice(&format!("{gun}: {note}"));
    }
    told.code
}

/// What is done, if that is noted.
struct Notes(Option<Journal>);

impl Notes {
    fn open(path: Option<&Path>, task: &str) -> Result<Self, Failure> {
        path.map(|path| Journal::open(path, task)).transpose().map(Self)
    }

    fn have(&self, gun: &Gun) -> bool {
        self.0.as_ref().is_some_and(|journal| journal.has(gun.as_str()))
    }

    /// Notes one more. If that fails, what is under way elsewhere is not broken off for it, and what is
    /// done from then on is done again by a second run: behind half a line no other may stand.
    fn add(&mut self, gun: &Gun, context: &Context) -> Code {
        let Some(journal) = &self.0 else { return Code::Done };
        match journal.note(gun.as_str(), context.now) {
            Ok(()) => Code::Done,
            Err(failure) => {
                self.0 = None;
                context.output.refusal_aside(Some(gun.as_str()), &failure)
            }
        }
    }
}

/// How many did what.
#[derive(Default)]
struct Tally {
    before: usize,
    done: usize,
    failed: usize,
    code: Code,
}

impl Tally {
    fn count(&mut self, code: Code) {
        self.code = self.code.max(code);
        match code {
            Code::Done => self.done += 1,
            _ => self.failed += 1,
        }
    }

    /// One repository needs no sum.
    fn tell(&self, context: &Context) {
        let all = self.before + self.done + self.failed;
        if all > 1 {
            let Self { before, done, failed, .. } = self;
            let earlier = if *before > 0 { format!(", {before} before") } else { String::new() };
            context
                .output
                .notice(&format!("{all} repositories: {done} done{earlier}, {failed} not"));
        }
    }
}

/// One person to be asked, for all repositories.
pub(super) struct Shared<'f>(&'f Ask<'f>);

type Ask<'f> = dyn Fn(&PassphraseRequest<'_>) -> Result<Passphrase, keys::Error> + 'f;

impl PassphraseSource for Shared<'_> {
    fn passphrase(&mut self, request: &PassphraseRequest<'_>) -> Result<Passphrase, keys::Error> {
        (self.0)(request)
    }
}
