//! `key`: private keys.

mod export;
mod generate;
mod import;
mod list;
mod passwd;
mod remove;
mod rotate;

use super::grammar::Command;

pub(super) static COMMAND: Command = Command {
    name: "key",
    arguments: "",
    summary: "Private keys",
    about: "Makes, moves, rotates and removes private keys.",
    flags: &[],
    commands: &[
        &export::COMMAND,
        &generate::COMMAND,
        &import::COMMAND,
        &list::COMMAND,
        &passwd::COMMAND,
        &remove::COMMAND,
        &rotate::COMMAND,
    ],
    run: None,
};
