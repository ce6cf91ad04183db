//! What a pipeline runs, and what its surroundings say to it.

use crate::docker::checkup::ContentTrust;

/// What a file runs, in its order.
#[derive(Debug, Default)]
pub(super) struct Steps {
    /// Each step.
    pub(super) steps: Vec<Step>,
    /// The lines in which content trust is turned on for what lies below them.
    pub(super) beliefs: Vec<usize>,
}

/// One step.
#[derive(Debug)]
pub(super) struct Step {
    /// Steps of one job follow one another on one machine.
    pub(super) job: usize,
    pub(super) scope: Scope,
    pub(super) what: What,
}

/// What a step does.
#[derive(Debug)]
pub(super) enum What {
    /// Lines of a shell, where they stand in the file.
    Shell(Vec<(usize, String)>),
    /// Somebody's prepared step.
    Action { line: usize, name: String },
}

/// What the surroundings of a step say: the innermost counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    pub(super) trust: Belief,
    /// `DOCKER_BUILDKIT=0`: the classic builder, which docker 23 to 28 let check.
    pub(super) classic: bool,
    /// The job runs in an image of docker before 29.
    pub(super) old_docker: bool,
}

/// Whether content trust is on, and since which line.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Belief {
    #[default]
    Unset,
    Off,
    Since(usize),
}

impl Scope {
    /// Takes a variable in that is set in this line; others do not matter.
    pub(super) fn set(&mut self, name: &str, value: &str, line: usize) {
        match name {
            TRUST => self.trust = Belief::of(value, line),
            "DOCKER_BUILDKIT" => self.classic = value == "0",
            _ => {}
        }
    }

    /// Takes in the image in which the steps run.
    pub(super) fn runs_in(&mut self, image: &str) {
        self.old_docker = is_old_docker(image);
    }
}

impl Belief {
    pub(super) fn of(value: &str, line: usize) -> Self {
        // A variable of the CI system counts as on.
        let is_filled_in = value.starts_with('$');
        match is_filled_in || ContentTrust::read(Some(value)).is_on() {
            true => Self::Since(line),
            false => Self::Off,
        }
    }
}

/// `docker:24`, `docker:28-dind`: an image whose docker still checks.
pub(super) fn is_old_docker(image: &str) -> bool {
    let name = image.rsplit_once('/').map_or(image, |(_, name)| name);
    let digits = name.strip_prefix("docker:").unwrap_or_default();
    let digits = digits.split(|it: char| !it.is_ascii_digit()).next().unwrap_or_default();
    digits.parse::<u32>().is_ok_and(|major| major < 29)
}

/// Docker's variable.
pub(super) const TRUST: &str = "DOCKER_CONTENT_TRUST";
