//! `docker trust` as docker has it: called as `docker-trust`, by docker as a plugin, or as
//! `countersign docker-trust`.
//!
//! - Grammar, output, questions and exit codes are docker's, for scripts that know them. What is
//!   believed and what is written is ours: see `docs/differences-from-notary.md`.
//! - Talk of ours that docker does not have (first use, advice) is for people: it is left out when
//!   stderr is no terminal. Warnings are not: docker warns scripts, too.
//! - docker/cli 28.2 is the reference for the words, 29 for the protocol of plugins
//!   (`cli-plugins/plugin`, `cli-plugins/manager`, `cli-plugins/socket`).

mod grammar;
mod help;
mod hooks;
mod inspect;
mod install;
mod key;
mod passphrases;
mod revoke;
mod session;
mod sign;
mod signer;
mod socket;
mod words;

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::args::{FormatOption, Global};
use super::context::Context;
use super::environment::Environment;
use super::output::{Format, Output, Verbosity};
use grammar::{Action, Call, Caller, Given, Misuse, Parsed, Wish};
use session::Session;
use words::Refusal;

#[derive(Args)]
#[command(
    disable_help_flag = true,
    after_help = "\
Under its other name, docker-trust, this program is docker's plugin. --install puts it there, as a link.

Examples:
  countersign docker-trust --install
  docker trust inspect --pretty registry.example.com/team/web
  countersign docker-trust sign registry.example.com/team/web:1.4"
)]
pub(super) struct Arguments {
    /// inspect, key, revoke, sign, signer and their arguments as docker takes them; --install [DIR]
    /// or --uninstall [DIR]
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENT")]
    pub(super) words: Vec<OsString>,
}

/// Does what the words after the program's name say.
pub(super) fn run(words: &[OsString], global: Global) -> ExitCode {
    let output = Output::new(Format::Text, Verbosity::Quiet).ending_with(FAILED);
    let environment = match Environment::read() {
        Ok(environment) => environment,
        Err(failure) => return Refusal::from(failure).tell(output),
    };
    let caller = match environment.variable(CALLED_BY_DOCKER) {
        Some(_) => Caller::Docker,
        None => Caller::Person,
    };
    let Some(words) = words.iter().map(|word| word.to_str().map(str::to_owned)).collect() else {
        let text = "an argument is no text in UTF-8".to_owned();
        return misused(&Misuse { text, code: 1 }, output);
    };
    let words: Vec<String> = words;
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [METADATA] => tell(output, &metadata()),
        [install::INSTALL | install::UNINSTALL, ..] => install::run(&words, &environment, output),
        [COMPLETE, ..] => tell(output, &help::complete(&words[1..], true)),
        [COMPLETE_PLAIN, ..] => tell(output, &help::complete(&words[1..], false)),
        [_, hooks::HOOKS, request] => tell(output, &hooks::answer(request)),
        _ => match grammar::parse(&words, caller) {
            Ok(parsed) => parsed_as(parsed, caller, environment, global, output),
            Err(misuse) => misused(&misuse, output),
        },
    }
}

fn parsed_as(
    parsed: Parsed,
    caller: Caller,
    environment: Environment,
    global: Global,
    output: Output,
) -> ExitCode {
    match parsed.wish {
        Wish::Help { deprecated } => {
            let deprecation = if deprecated { DEPRECATED_H } else { "" };
            tell(output, &format!("{deprecation}{}", help::of(&parsed.path, caller)))
        }
        Wish::Nothing => {
            help::of(&parsed.path, caller).lines().for_each(|line| output.reply(line));
            ExitCode::SUCCESS
        }
        Wish::Do(call) => {
            socket::heed(&environment);
            let done = session(parsed.globals, environment, global)
                .and_then(|session| perform(&call, &session));
            match done {
                Ok(()) => ExitCode::SUCCESS,
                Err(refusal) => refusal.tell(output),
            }
        }
    }
}

/// What docker's own flags and the environment say, brought together as every command of ours needs
/// it.
fn session(
    globals: Given,
    mut environment: Environment,
    global: Global,
) -> Result<Session, Refusal> {
    for (flag, variable) in
        [("config", "DOCKER_CONFIG"), ("host", "DOCKER_HOST"), ("context", "DOCKER_CONTEXT")]
    {
        if let Some(value) = globals.last(flag) {
            environment.set(variable, value);
        }
    }
    let verbose = global.verbose || globals.is_set("debug");
    let quiet = !verbose && global.quiet;
    let global = Global { format: FormatOption::Text, verbose, quiet, ..global };
    let mut context = Context::new(global, environment)?;
    context.output = context.output.ending_with(FAILED);
    if !verbose && !io::stderr().is_terminal() {
        let verbosity = &mut context.output.verbosity;
        *verbosity = Verbosity::Warnings.min(*verbosity);
    }
    Ok(Session { context, globals })
}

fn perform(call: &Call, session: &Session) -> Result<(), Refusal> {
    match call.action {
        Action::Inspect => inspect::run(call, session),
        Action::KeyGenerate => key::generate(call, session),
        Action::KeyLoad => key::load(call, session),
        Action::Revoke => revoke::run(call, session),
        Action::Sign => sign::run(call, session),
        Action::SignerAdd => signer::add(call, session),
        Action::SignerRemove => signer::remove(call, session),
    }
}

/// What docker asks every plugin before it uses it.
fn metadata() -> String {
    let metadata = json!({
        "SchemaVersion": "0.1.0",
        "Vendor": "countersign",
        "Version": env!("CARGO_PKG_VERSION"),
        "ShortDescription": grammar::TRUST.about,
    });
    format!("{metadata}\n")
}

fn tell(output: Output, text: &str) -> ExitCode {
    output.page(text);
    ExitCode::SUCCESS
}

fn misused(misuse: &Misuse, output: Output) -> ExitCode {
    misuse.text.lines().for_each(|line| output.reply(line));
    ExitCode::from(misuse.code)
}

/// What docker ends with, whatever is wrong.
const FAILED: u8 = 1;
/// For what a registry is asked.
const PATIENCE: Duration = Duration::from_secs(120);
/// The program's name when it is docker's plugin.
pub(super) const NAME: &str = "docker-trust";
const METADATA: &str = "docker-cli-plugin-metadata";
/// Set by docker when it calls a plugin.
const CALLED_BY_DOCKER: &str = "DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND";
const COMPLETE: &str = "__complete";
const COMPLETE_PLAIN: &str = "__completeNoDesc";
const DEPRECATED_H: &str = "Flag shorthand -h has been deprecated, use --help\n";
