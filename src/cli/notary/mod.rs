//! The grammar of Notary 0.7's client, for scripts that speak it: called as `notary`, or as
//! `countersign notary` (Notary 0.7 `cmd/notary`).
//!
//! - Words, flags, tables, prompts and exit codes are the original's. So are the streams: all that
//!   is said stands on stdout, errors included; stderr has what the original logs, and a line where
//!   we do better than it did.
//! - One file holds one command and its table of words. What a command means is decided in
//!   `docker`, as for ours.

mod add;
mod addhash;
mod completion;
mod config;
mod credentials;
mod delegation;
mod delete;
mod files;
mod grammar;
mod help;
mod init;
mod key;
mod line;
mod list;
mod lookup;
mod prompt;
mod publish;
mod remove;
mod reset;
mod session;
mod staging;
mod status;
mod stop;
mod table;
mod target;
mod usage;
mod verify;
mod version;
mod witness;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Args;
use grammar::{Call, Command, Run};
use line::Line;
use stop::Stop;

use super::output::{Format, Output, Verbosity};
use super::pflag::Flag;

#[derive(Args)]
#[command(
    disable_help_flag = true,
    after_help = "\
Scripts that call notary need no change: ln -s \"$(command -v countersign)\" /usr/local/bin/notary

Examples:
  countersign notary list registry.example.com/team/web
  countersign notary help delegation"
)]
pub(super) struct Arguments {
    /// Commands, flags and arguments as notary takes them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENT")]
    pub(super) words: Vec<OsString>,
}

/// What the program is called.
pub(super) const NAME: &str = "notary";

/// What the original ends with, whatever is wrong.
const FAILED: u8 = 1;

/// Runs the program on the words behind its name.
pub(super) fn run(words: &[OsString]) -> ExitCode {
    let output = Output::new(Format::Text, Verbosity::Usual).ending_with(FAILED);
    let words: Option<Vec<String>> =
        words.iter().map(|word| word.to_str().map(str::to_owned)).collect();
    let outcome = match words {
        None => Err(Stop::fatal("the command line is no text")),
        Some(words) => asked(&words, output),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => refuse(&stop, output),
    }
}

fn asked(words: &[String], output: Output) -> Result<(), Stop> {
    match line::read(&NOTARY, GLOBALS, words).map_err(Stop::fatal)? {
        Line::Help(path) => output.page(&usage::help(&path, GLOBALS)),
        Line::Call(call) => match call.path.last().and_then(|command| command.run) {
            Some(Run(run)) => return run(&call),
            None => output.page(&usage::help(&call.path, GLOBALS)),
        },
    }
    Ok(())
}

/// As the original ends: perhaps the usage, an empty line, the reason.
fn refuse(stop: &Stop, output: Output) -> ExitCode {
    let usage = stop.usage.as_deref().unwrap_or_default();
    let gap = if stop.is_abrupt { "" } else { "\n" };
    output.page(&format!("{usage}{gap}* fatal: {}\n", stop.message));
    stop.advice.iter().for_each(|line| output.notice(&format!("notary: {line}")));
    ExitCode::FAILURE
}

/// `notary` alone shows its usage, `notary --version` its version.
fn bare(call: &Call) -> Result<(), Stop> {
    let output = session::output_of(call);
    match call.has("version") {
        true => output.page(&version::on_one_line()),
        false => output.page(&usage::usage(&call.path, GLOBALS)),
    }
    Ok(())
}

/// The program.
static NOTARY: Command = Command {
    name: NAME,
    arguments: "",
    summary: "Signs and verifies collections of content",
    about: "Makes, changes and verifies trusted collections: names that stand for signed content, whatever it is.",
    flags: &[Flag::switch("version", None, "Print the version")],
    commands: &[
        &add::COMMAND,
        &addhash::COMMAND,
        &completion::COMMAND,
        &delegation::COMMAND,
        &delete::COMMAND,
        &help::COMMAND,
        &init::COMMAND,
        &key::COMMAND,
        &list::COMMAND,
        &lookup::COMMAND,
        &publish::COMMAND,
        &remove::COMMAND,
        &reset::COMMAND,
        &status::COMMAND,
        &verify::COMMAND,
        &version::COMMAND,
        &witness::COMMAND,
    ],
    run: Some(Run(bare)),
};

/// The flags of every command.
static GLOBALS: &[Flag] = &[
    Flag::text("configFile", Some('c'), "Configuration to use instead of ~/.notary/config.json"),
    Flag::switch("debug", Some('D'), "Say all that is done"),
    Flag::text("server", Some('s'), "URL of the trust server"),
    Flag::text("tlscacert", None, "Believe servers on the word of this authority alone"),
    Flag::text("tlscert", None, "Certificate to show to the server"),
    Flag::text("tlskey", None, "Key of that certificate"),
    Flag::text("trustDir", Some('d'), "Directory of keys and trust data"),
    Flag::switch("verbose", Some('v'), "Say what is done"),
];
