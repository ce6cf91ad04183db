//! `key`: private keys.

mod export;
mod generate;
mod import;
mod list;
mod passwd;
mod remove;
mod rotate;

use super::grammar::Command;
use super::stop::Stop;
use crate::tuf::KeyId;

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

fn key_id(text: &str) -> Result<KeyId, Stop> {
    text.parse().map_err(|_| Stop::fatal(format!("invalid key ID provided: {text}")))
}
