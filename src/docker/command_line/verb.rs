//! Which command a line is.

use super::options::{Flags, Order, read};
use super::{Error, Words, table};

/// A command that content trust looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// `docker pull`
    Pull,
    /// `docker push`
    Push,
    /// `docker run`
    Run,
    /// `docker create`
    Create,
    /// `docker build`, by whichever builder docker takes
    Build,
    /// `docker buildx build`
    BuildxBuild,
    /// `docker buildx bake`
    Bake,
    /// `docker service create`
    ServiceCreate,
    /// `docker service update`
    ServiceUpdate,
    /// `docker compose` with a command that pulls, runs or builds
    Compose,
    /// `docker plugin install`
    PluginInstall,
    /// `docker plugin upgrade`
    PluginUpgrade,
    /// `docker plugin push`
    PluginPush,
}

impl Verb {
    /// Its words, for messages.
    pub fn command(self) -> &'static str {
        self.flags().command
    }

    pub(super) fn flags(self) -> &'static Flags {
        match self {
            Self::Pull => &table::PULL,
            Self::Push => &table::PUSH,
            Self::Run => &table::RUN,
            Self::Create => &table::CREATE,
            Self::Build => &table::BUILD,
            Self::BuildxBuild => &table::BUILDX_BUILD,
            Self::Bake => &table::BAKE,
            Self::ServiceCreate => &table::SERVICE_CREATE,
            Self::ServiceUpdate => &table::SERVICE_UPDATE,
            Self::Compose => &table::COMPOSE,
            Self::PluginInstall => &table::PLUGIN_INSTALL,
            Self::PluginUpgrade => &table::PLUGIN_UPGRADE,
            Self::PluginPush => &table::PLUGIN_PUSH,
        }
    }

    /// Behind a container's image stands its command, behind compose that of compose.
    pub(super) fn order(self) -> Order {
        match self {
            Self::Run | Self::Create | Self::ServiceCreate | Self::Compose => Order::CommandFirst,
            _ => Order::Mixed,
        }
    }
}

pub(super) enum Found {
    /// A command that content trust never looked at.
    Other,
    Verb {
        verb: Verb,
        /// The first word behind the command's.
        from: usize,
    },
}

/// Finds the command in the word at an index, or in the next if that names a group.
pub(super) fn find(words: &Words, at: usize) -> Result<Found, Error> {
    let found = |verb| Ok(Found::Verb { verb, from: at + 1 });
    match words.text(at)? {
        text if text.len() > 1 && text.starts_with('-') => {
            Err(Error::CommandUnclear { command: table::GLOBAL.command })
        }
        "pull" => found(Verb::Pull),
        "push" => found(Verb::Push),
        "run" => found(Verb::Run),
        "create" => found(Verb::Create),
        "build" => found(Verb::Build),
        "compose" => compose(words, at + 1),
        "builder" | "buildx" => buildx(words, at),
        "bake" => found(Verb::Bake),
        group @ ("image" | "container" | "service" | "plugin") => in_group(words, at + 1, group),
        _ => Ok(Found::Other),
    }
}

fn in_group(words: &Words, at: usize, group: &str) -> Result<Found, Error> {
    let Some(at) = next(words, at, &table::GROUP)? else { return Ok(Found::Other) };
    let verb = match (group, words.text(at)?) {
        ("image", "pull") => Verb::Pull,
        ("image", "push") => Verb::Push,
        ("image", "build") => Verb::Build,
        ("container", "run") => Verb::Run,
        ("container", "create") => Verb::Create,
        ("service", "create") => Verb::ServiceCreate,
        ("service", "update") => Verb::ServiceUpdate,
        ("plugin", "install") => Verb::PluginInstall,
        ("plugin", "upgrade") => Verb::PluginUpgrade,
        ("plugin", "push") => Verb::PluginPush,
        _ => return Ok(Found::Other),
    };
    Ok(Found::Verb { verb, from: at + 1 })
}

/// `builder` is an alias of `buildx` where that is installed.
fn buildx(words: &Words, group: usize) -> Result<Found, Error> {
    let Some(at) = next(words, group + 1, &table::BUILDX)? else { return Ok(Found::Other) };
    match words.text(at)? {
        "build" | "b" => {
            let verb = match words.text(group)? {
                "builder" => Verb::Build,
                _ => Verb::BuildxBuild,
            };
            Ok(Found::Verb { verb, from: at + 1 })
        }
        "bake" | "f" => Ok(Found::Verb { verb: Verb::Bake, from: at + 1 }),
        "create" | "dial-stdio" | "du" | "help" | "history" | "imagetools" | "inspect"
        | "install" | "ls" | "policy" | "prune" | "rm" | "stop" | "uninstall" | "use"
        | "version" => Ok(Found::Other),
        _ => Err(Error::Refused {
            command: "docker buildx",
            reason: "whether this command of it builds, and from what, is not known; use build",
        }),
    }
}

fn compose(words: &Words, at: usize) -> Result<Found, Error> {
    let Some(command) = next(words, at, &table::COMPOSE)? else { return Ok(Found::Other) };
    let name = words.text(command)?;
    match name {
        _ if asks_for_help(words, command, name) => Ok(Found::Other),
        _ if table::of_compose(name).is_some() => Ok(Found::Verb { verb: Verb::Compose, from: at }),
        "attach" | "commit" | "completion" | "config" | "convert" | "cp" | "down" | "events"
        | "exec" | "export" | "help" | "images" | "kill" | "logs" | "ls" | "pause" | "port"
        | "ps" | "publish" | "push" | "restart" | "rm" | "start" | "stats" | "stop" | "top"
        | "unpause" | "version" | "volumes" | "wait" => Ok(Found::Other),
        _ => Err(Error::Refused {
            command: "docker compose",
            reason: "whether this command of it pulls or runs images is not known",
        }),
    }
}

/// The first word behind a group's own options.
fn next(words: &Words, at: usize, flags: &Flags) -> Result<Option<usize>, Error> {
    let parsed = read(words, at, flags, Order::CommandFirst)?;
    let command = parsed.operands.first().copied();
    let is_option = |word| parsed.options.iter().any(|given| given.word == word);
    match (at..command.unwrap_or(words.len()))
        .find(|word| looks_like_option(words, *word) && !is_option(*word))
    {
        None => Ok(command),
        Some(_) => Err(Error::CommandUnclear { command: flags.command }),
    }
}

fn looks_like_option(words: &Words, word: usize) -> bool {
    words.text(word).is_ok_and(|text| text.len() > 1 && text.starts_with('-'))
}

/// Whether compose only prints the help of its command. One that is not known may take `--help` for
/// a value, so it has to stand alone.
fn asks_for_help(words: &Words, command: usize, name: &str) -> bool {
    match table::of_compose(name) {
        Some(flags) => read(words, command + 1, flags, order_of_compose(name))
            .is_ok_and(|parsed| parsed.asks_for_help()),
        None => {
            let is_help = |word| words.text(word).is_ok_and(|it| matches!(it, "--help" | "-h"));
            command + 2 == words.len() && is_help(command + 1)
        }
    }
}

/// Whether options of compose's own command may stand behind operands.
pub(super) fn order_of_compose(name: &str) -> Order {
    if name == "run" { Order::CommandFirst } else { Order::Mixed }
}

/// Whether `--help` or `--version` stands between the name of a group and that of its command.
pub(super) fn mention_printing(words: &Words, group: usize, from: usize) -> bool {
    let is_one = |text: &str| {
        let name = text.split('=').next().unwrap_or_default();
        matches!(name, "--help" | "-h" | "--version" | "-v")
    };
    (group + 1..from.saturating_sub(1)).any(|word| words.text(word).is_ok_and(is_one))
}
