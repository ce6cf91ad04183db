//! What commands and prepared steps do with images, as far as content trust goes.

use super::shell::Command;

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
    let words = behind_options(words);
    let verb: Vec<&str> = words.iter().take(2).map(String::as_str).collect();
    let unchecked = |command: &str, is_build| {
        Some(Use::Unchecked { command: format!("docker {command}"), is_build })
    };
    match verb.as_slice() {
        ["trust", ..] => Some(Use::Trust),
        ["compose", ..] => compose("docker compose", words.get(1..).unwrap_or_default()),
        ["buildx", "build" | "b"] => unchecked("buildx build", false),
        ["buildx", "bake" | "f"] => unchecked("buildx bake", false),
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

/// Docker's words from its command on.
fn behind_options(words: &[String]) -> &[String] {
    let mut at = 0;
    while let Some(word) = words.get(at).filter(|word| word.starts_with('-')) {
        at += if WITH_VALUE.contains(&word.as_str()) { 2 } else { 1 };
    }
    words.get(at..).unwrap_or_default()
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

const WITH_VALUE: [&str; 10] = [
    "--config",
    "-c",
    "--context",
    "-H",
    "--host",
    "-l",
    "--log-level",
    "--tlscacert",
    "--tlscert",
    "--tlskey",
];

#[cfg(test)]
mod tests {
    use super::super::shell::commands;
    use super::*;

    fn of(text: &str) -> Option<Use> {
        use_of(&commands(&[(1, text.to_owned())]).remove(0))
    }

    #[test]
    fn commands_are_told_apart_by_what_docker_does_with_images() {
        let unchecked = |command: &str, is_build| {
            Some(Use::Unchecked { command: command.to_owned(), is_build })
        };
        for (text, expected) in [
            ("docker pull web", Some(Use::Checked)),
            ("/usr/bin/docker --config x run web", Some(Use::Checked)),
            ("docker -H tcp://x build .", unchecked("docker build", true)),
            ("docker image build .", unchecked("docker build", true)),
            ("docker buildx build .", unchecked("docker buildx build", false)),
            ("docker buildx ls", None),
            ("docker compose -f x.yml up", unchecked("docker compose up", false)),
            ("docker-compose pull", unchecked("docker-compose pull", false)),
            ("docker compose ps", None),
            ("docker stack deploy -c x y", unchecked("docker stack deploy", false)),
            ("docker trust sign x:1", Some(Use::Trust)),
            ("countersign docker --install-shim /s", Some(Use::Shim)),
            ("countersign docker-trust --install", Some(Use::Plugin)),
            ("countersign verify x", Some(Use::Ours)),
            ("countersign list x", None),
            ("echo docker pull web", None),
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
    }

    #[test]
    fn prepared_steps_that_take_images_are_known() {
        for name in
            ["docker/build-push-action@v6", "docker://alpine:3", "Docker@2", "DockerCompose@1"]
        {
            assert!(unchecked_action(name).is_some(), "{name}");
        }
        for name in ["actions/checkout@v4", "docker/login-action@v3", "docker://x@sha256:aa", "./a"]
        {
            assert!(unchecked_action(name).is_none(), "{name}");
        }
    }
}
