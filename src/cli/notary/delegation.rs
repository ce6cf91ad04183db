//! `delegation`: who else may sign.

mod add;
mod list;
mod purge;
mod remove;

use super::grammar::Command;

pub(super) static COMMAND: Command = Command {
    name: "delegation",
    arguments: "",
    summary: "Delegated roles",
    about: "Shows and changes who else may sign in a collection.",
    flags: &[],
    commands: &[&add::COMMAND, &list::COMMAND, &purge::COMMAND, &remove::COMMAND],
    run: None,
};

/// Prefixes of names as they are shown: in order, and the one of every name in words.
fn shown(paths: &[String]) -> Vec<String> {
    let mut paths = paths.to_vec();
    paths.sort();
    let words = |path: String| if path.is_empty() { ALL_PATHS.to_owned() } else { path };
    paths.into_iter().map(words).collect()
}

const ALL_PATHS: &str = "\"\" <all paths>";
