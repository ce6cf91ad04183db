//! What the steps of a pipeline believe, and what nobody checks for them.

use std::collections::BTreeMap;

use super::docker::{Use, instead_of, unchecked_action, use_of};
use super::shell::{Command, commands};
use super::step::{Belief, Scope, Step, Steps, TRUST, What};
use super::{Finding, Id, Severity, Source};

/// What is to be said of the steps of a file.
pub(super) fn findings(source: &Source, steps: &Steps) -> Vec<Finding> {
    let mut judge = Judge {
        source,
        beliefs: steps.beliefs.iter().map(|line| (*line, Guard::default())).collect(),
        jobs: BTreeMap::new(),
        findings: Vec::new(),
        command_is_lost: false,
    };
    for step in &steps.steps {
        judge.step(step);
    }
    judge.tell()
}

struct Judge<'s> {
    source: &'s Source,
    /// Where content trust is turned on, and who looks at what is done under it.
    beliefs: BTreeMap<usize, Guard>,
    jobs: BTreeMap<usize, Job>,
    findings: Vec<Finding>,
    command_is_lost: bool,
}

/// Who looks at what is done where content trust is on.
#[derive(Default)]
struct Guard {
    /// Somebody who checks.
    somebody: bool,
    /// An image comes to docker, and nobody checks it.
    nobody: bool,
}

/// What the steps of a job leave to those after them.
#[derive(Default)]
struct Job {
    shim: bool,
    plugin: bool,
    trust: Option<Belief>,
}

impl Judge<'_> {
    fn step(&mut self, step: &Step) {
        let job = self.jobs.entry(step.job).or_default();
        let mut scope = step.scope.clone();
        if let (Some(trust), Belief::Unset | Belief::Off) = (job.trust, scope.trust) {
            scope.trust = trust;
        }
        match &step.what {
            What::Action { line, name } => self.action(*line, name, &scope, step.job),
            What::Shell(lines) => self.shell(&commands(lines), scope, step.job, false),
        }
    }

    fn action(&mut self, line: usize, name: &str, scope: &Scope, job: usize) {
        let Some(what) = unchecked_action(name) else { return };
        let guarded = self.jobs.get(&job).is_some_and(|job| job.shim);
        if let (Belief::Since(since), false) = (scope.trust, guarded) {
            let guard = self.beliefs.entry(since).or_default();
            guard.somebody |= scope.old_docker;
            guard.nobody |= !scope.old_docker;
            let message =
                format!("{name} {what}: unsigned images are taken, whatever {TRUST} says");
            self.say(
                Id::CiUncheckedAction,
                Severity::Unverified,
                line,
                message,
                "run: countersign docker buildx build --push … in its place",
            );
        }
    }

    fn shell(&mut self, commands: &[Command], mut scope: Scope, job: usize, ours: bool) {
        // Who calls us beside docker knows what he does.
        let ours = ours || commands.iter().any(is_ours);
        for command in commands {
            for (name, value) in command.settings() {
                scope.set(name, value, command.line);
            }
            if command.program() == Some("unset") && command.words.iter().any(|it| it == TRUST) {
                scope.trust = Belief::Off;
            }
            self.hand_on(command, job);
            let mut own = scope.clone();
            for (name, value) in &command.variables {
                own.set(name, value, command.line);
            }
            self.command(command, &own, job, ours);
            if !command.script.is_empty() {
                self.shell(&command.script, own, job, ours);
            }
        }
        self.somebody(&scope, job, ours);
    }

    /// A step that says nothing of docker is guarded if its job is.
    fn somebody(&mut self, scope: &Scope, job: usize, ours: bool) {
        let guarded = ours || self.jobs.get(&job).is_some_and(|job| job.shim) || scope.old_docker;
        if let Belief::Since(line) = scope.trust {
            self.beliefs.entry(line).or_default().somebody |= guarded;
        }
    }

    /// What GitHub and Azure give to the steps after this one.
    fn hand_on(&mut self, command: &Command, job: usize) {
        for (line, name, value) in handed_on(command) {
            let mut scope = Scope::default();
            scope.set(name, value, line);
            if scope.trust != Belief::Unset {
                self.jobs.entry(job).or_default().trust = Some(scope.trust);
                self.somebody(&scope, job, false);
            }
        }
    }

    fn command(&mut self, command: &Command, scope: &Scope, job: usize, ours: bool) {
        let state = self.jobs.entry(job).or_default();
        let Some(found) = use_of(command) else { return };
        let guarded = state.shim || ours;
        match (&found, scope.trust) {
            (Use::Shim, _) => state.shim = true,
            (Use::Plugin, _) => state.plugin = true,
            (Use::Trust, _) if !state.plugin && !scope.old_docker => self.lost(command.line),
            (Use::Checked | Use::Unchecked { .. }, Belief::Since(since)) => {
                let guard = self.beliefs.entry(since).or_default();
                guard.somebody |= guarded;
                guard.nobody |= !guarded && !scope.old_docker;
                if let (Use::Unchecked { command: words, is_build }, false) = (&found, guarded)
                    && !(*is_build && scope.classic)
                {
                    self.unchecked(command.line, words);
                }
            }
            _ => {}
        }
    }

    fn unchecked(&mut self, line: usize, command: &str) {
        let message = format!("`{command}` takes unsigned images, whatever {TRUST} says");
        let remedy = instead_of(command);
        self.say(Id::CiUncheckedCommand, Severity::Unverified, line, message, &remedy);
    }

    fn lost(&mut self, line: usize) {
        if std::mem::replace(&mut self.command_is_lost, true) {
            return;
        }
        let message = "docker 29 and later have no `docker trust`".to_owned();
        let remedy = "countersign docker-trust --install";
        self.say(Id::CiCommandLost, Severity::Warning, line, message, remedy);
    }

    fn say(&mut self, id: Id, severity: Severity, line: usize, message: String, remedy: &str) {
        let finding = Finding::new(id, severity, self.source.at(line), message, remedy);
        self.findings.push(finding);
    }

    /// A belief is idle where somebody who does not check is called, or nobody who does.
    fn tell(mut self) -> Vec<Finding> {
        let idle = |guard: &Guard| guard.nobody || !guard.somebody;
        let lines = self.beliefs.iter().filter(|(_, guard)| idle(guard)).map(|(line, _)| *line);
        for line in lines.collect::<Vec<_>>() {
            let message =
                format!("turns {TRUST} on, which docker 29 and later ignore without a word");
            self.say(
                Id::CiTrustIgnored,
                Severity::Unverified,
                line,
                message,
                "countersign docker --install-shim DIR as the first step, DIR first in PATH",
            );
        }
        self.findings
    }
}

fn is_ours(command: &Command) -> bool {
    use_of(command) == Some(Use::Ours) || command.script.iter().any(is_ours)
}

/// Variables for later steps that a command writes, and the lines in which they stand.
fn handed_on(command: &Command) -> impl Iterator<Item = (usize, &str, &str)> {
    let words = command.words.iter().flat_map(|word| word.lines());
    let texts = command.texts.iter().map(|(line, text)| (*line, text.trim()));
    let said = words.map(|text| (command.line, text)).chain(texts);
    said.filter_map(|(line, text)| {
        let azure = text.split_once("task.setvariable variable=");
        let azure = azure.and_then(|(_, rest)| rest.split_once(']'));
        let github = || text.split_once('=').filter(|_| command.writes_environment);
        let (name, value) = azure.or_else(github)?;
        Some((line, name.split(';').next().unwrap_or_default(), value))
    })
}
