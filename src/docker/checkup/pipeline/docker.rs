//! What commands and prepared steps do with images, as far as content trust goes.

use super::shell::Command;
use crate::docker::command_line::{behind_buildx, behind_globals};

/// What a command is to content trust.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Use {
    /// Docker checks it where it checks at all.
    Checked,
    /// No docker ever checked it.
    Unchecked {
        /// Its words.
        command: String,
        /// Only the classic builder does.
        is_build: bool,
    },
    /// `docker trust`.
    Trust,
    /// Ours, instead of docker.
    Ours,
    /// Our shim is put before docker.
    Shim,
    /// Our plugin is given to docker.
    Plugin,
}

/// What a command is to content trust, if anything.
pub(super) fn use_of(command: &Command) -> Option<Use> {
    let program = command.program()?.rsplit('/').next()?;
    let rest = command.words.get(1..).unwrap_or_default();
    let says = |word: &str| rest.iter().any(|it| it == word);
    match program {
        "countersign" if says("--install-shim") => Some(Use::Shim),
        "countersign" if says("docker-trust") && says("--install") => Some(Use::Plugin),
        "countersign" => {
            let guards = ["verify", "verify-pull", "pull", "docker"].into_iter().any(says);
            guards.then_some(Use::Ours)
        }
        "docker-trust" if says("--install") => Some(Use::Plugin),
        "docker-compose" => compose("docker-compose", rest),
        "docker" => docker(rest),
        _ => None,
    }
}

fn docker(words: &[String]) -> Option<Use> {
    let words = behind_globals(words);
    let group = words.iter().take(1);
    let rest = words.get(1..).unwrap_or_default();
    let rest = match words.first().map(String::as_str) {
        Some("buildx" | "builder") => behind_buildx(rest),
        _ => rest,
    };
    let verb: Vec<&str> = group.chain(rest.first()).map(String::as_str).collect();
    let unchecked = |command: &str, is_build| {
        Some(Use::Unchecked { command: format!("docker {command}"), is_build })
    };
    match verb.as_slice() {
        ["trust", ..] => Some(Use::Trust),
        ["compose", ..] => compose("docker compose", words.get(1..).unwrap_or_default()),
        ["buildx", "build" | "b"] => unchecked("buildx build", false),
        ["buildx", "bake" | "f"] => unchecked("buildx bake", false),
        ["builder", "bake" | "f"] => unchecked("builder bake", false),
        ["bake", ..] => unchecked("bake", false),
        ["stack", "deploy" | "up"] => unchecked("stack deploy", false),
        ["build", ..] | ["image" | "builder", "build"] => unchecked("build", true),
        ["pull" | "push" | "run" | "create", ..]
        | ["image", "pull" | "push"]
        | ["container", "run" | "create"] => Some(Use::Checked),
        _ => None,
    }
}

/// What pulls or builds.
fn compose(name: &str, words: &[String]) -> Option<Use> {
    let brings = ["up", "run", "create", "pull", "build", "watch", "scale"];
    let found = words.iter().find(|word| brings.contains(&word.as_str()))?;
    Some(Use::Unchecked { command: format!("{name} {found}"), is_build: false })
}

/// What to write instead of a command that nobody checks.
pub(super) fn instead_of(command: &str) -> String {
    match command {
        "docker stack deploy" => {
            "countersign verify IMAGE… prints the digests to write into the stack file".to_owned()
        }
        other => format!("countersign {} …", other.replace("docker-compose", "docker compose")),
    }
}

/// A prepared step that takes images unchecked: what it does.
pub(super) fn unchecked_action(name: &str) -> Option<&'static str> {
    let bare = name.split('@').next().unwrap_or_default().to_ascii_lowercase();
    match bare.as_str() {
        "docker/build-push-action" => Some("builds with BuildKit"),
        "docker/bake-action" => Some("builds with BuildKit"),
        "docker" => Some("builds with docker build"),
        "dockercompose" => Some("runs docker compose"),
        "docker.build" => Some("runs docker build"),
        image if image.starts_with("docker://") && !name.contains("@sha256:") => {
            Some("runs an image that the runner pulls by its tag")
        }
        _ => None,
    }
}
