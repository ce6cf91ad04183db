//! The program: one file for each command.
//!
//! - Commands translate: they bring arguments, environment and configuration together, call what
//!   decides, and say what came of it. A rule found here belongs into an earlier folder.
//! - `output` alone prints, and alone knows which error has which exit code.
//! - The environment and the clock are read once, into `context`.

#[cfg(feature = "server")]
mod admit;
mod args;
mod asking;
mod bundle;
mod config;
mod context;
mod delegation;
mod delete;
mod demo;
mod docker;
mod docker_trust;
mod doctor;
mod environment;
mod exit;
mod expiring;
mod explain;
#[cfg(feature = "export")]
mod export;
mod fleet;
mod go;
#[cfg(feature = "server")]
mod guard;
mod history;
mod image_verifier;
mod import;
mod init;
mod inspect;
mod key;
mod list;
mod manual;
mod new_file;
mod notary;
mod origin;
mod output;
mod passphrases;
mod pflag;
mod pin;
mod process;
mod prompt;
#[cfg(feature = "server")]
mod proxy;
mod publish;
mod publishing;
mod pull;
mod refresh;
mod rescue;
mod reset;
mod revoke;
mod root;
#[cfg(feature = "server")]
mod serve;
mod sign;
mod signer;
mod source;
mod span;
mod status;
mod subject;
mod table;
mod verify;
mod verify_pull;
mod witness;

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use args::{Cli, Command, FormatOption, Global};
use context::Context;
use environment::Environment;
use exit::{Code, Kind};
use output::{Failure, Format, Output, Verbosity};

/// Runs the program: everything it was told on the command line.
#[expect(clippy::disallowed_methods, reason = "the one place where the command line is read")]
pub fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    match words.as_slice() {
        [program, rest @ ..] if is_called(program, docker_trust::NAME) => {
            return docker_trust::run(rest, Global::default());
        }
        [_, command, rest @ ..] if command == docker_trust::NAME => {
            return docker_trust::run(rest, Global::default());
        }
        [_, rest @ ..] if image_verifier::is_call(rest) => {
            return image_verifier::answer(rest, Global::default()).into();
        }
        [program, rest @ ..] if is_called(program, notary::NAME) => return notary::run(rest),
        [_, command, rest @ ..] if command == notary::NAME => return notary::run(rest),
        _ => {}
    }
    if let Some(call) = docker::Call::of(&words) {
        return docker::run(call);
    }
    match Cli::try_parse_from(&words) {
        Ok(Cli { command: Command::DockerTrust(arguments), global }) => {
            docker_trust::run(&arguments.words, global)
        }
        Ok(Cli { command: Command::Notary(arguments), global }) if global == Global::default() => {
            notary::run(&arguments.words)
        }
        Ok(cli) => run(cli).into(),
        Err(error) => explained(&error, &words).into(),
    }
}

/// Whether the program was called by this name, wherever it lies.
fn is_called(program: &OsStr, name: &str) -> bool {
    Path::new(program).file_name().is_some_and(|called| called == name)
}

fn run(cli: Cli) -> Code {
    let output = context::output_of(&cli.global);
    if let Some(failure) = misplaced(&cli) {
        return output.refusal(None, &failure);
    }
    let outcome = match cli.command {
        Command::Completions(arguments) => manual::completions(&arguments, output),
        Command::Man(arguments) => manual::man(&arguments, output),
        Command::Demo(arguments) => demo::run(&arguments, output),
        Command::Doctor(arguments) => doctor::run(&arguments, cli.global),
        Command::ImageVerifier(arguments) => image_verifier::run(&arguments, cli.global),
        #[cfg(feature = "server")]
        Command::Admit(arguments) => admit::run(arguments, cli.global, output),
        #[cfg(feature = "server")]
        Command::Proxy(arguments) => proxy::run(arguments, cli.global, output),
        #[cfg(feature = "server")]
        Command::Serve(arguments) => serve::run(arguments, &cli.global, output),
        command => Environment::read()
            .and_then(|environment| Context::new(cli.global, environment))
            .and_then(|context| in_context(command, &context)),
    };
    outcome.unwrap_or_else(|failure| output.refusal(None, &failure))
}

/// What would be passed over without a word: our options before `notary`, which has a grammar and a
/// configuration of its own, and `--format tuf1`, which says what `export` writes and nothing else
/// does.
fn misplaced(cli: &Cli) -> Option<Failure> {
    if let Command::Notary(_) = cli.command {
        let failure = Failure::new(Kind::Usage, "no options of ours stand before notary");
        return Some(failure.advise("Write notary's own behind it: countersign notary --help"));
    }
    #[cfg(feature = "export")]
    if let Command::Export(_) = cli.command {
        return None;
    }
    let message = "--format tuf1 is for export; answers are text or json";
    (cli.global.format == FormatOption::Tuf1).then(|| Failure::new(Kind::Usage, message))
}

fn in_context(command: Command, context: &Context) -> Result<Code, Failure> {
    match command {
        Command::Sign(arguments) => sign::run(arguments, context),
        Command::Verify(arguments) => verify::run(&arguments, context),
        Command::VerifyPull(arguments) => verify_pull::run(&arguments, context),
        Command::Pull(arguments) => pull::run(&arguments, context),
        Command::Inspect(arguments) => inspect::run(&arguments, context),
        Command::List(arguments) => list::run(&arguments, context),
        Command::Revoke(arguments) => revoke::run(&arguments, context),
        Command::Init(arguments) => init::run(&arguments, context),
        Command::Signer(command) => signer::run(command, context),
        Command::Delegation(command) => delegation::run(command, context),
        Command::Refresh(arguments) => refresh::run(&arguments, context),
        Command::History(arguments) => history::history(&arguments, context),
        Command::Diff(arguments) => history::diff(&arguments, context),
        Command::Delete(arguments) => delete::run(&arguments, context),
        Command::Witness(arguments) => witness::run(&arguments, context),
        Command::Status(arguments) => status::run(&arguments, context),
        Command::Publish(arguments) => publish::run(&arguments, context),
        Command::Reset(arguments) => reset::run(&arguments, context),
        Command::Key(command) => key::run(command, context),
        Command::Pin(command) => pin::run(command, context),
        Command::Root(command) => root::run(command, context),
        Command::Explain(arguments) => explain::run(&arguments, context),
        Command::Docker(arguments) => docker::manage(&arguments, context),
        Command::Rescue(arguments) => rescue::run(&arguments, context),
        #[cfg(feature = "export")]
        Command::Export(arguments) => export::run(&arguments, context),
        Command::Bundle(arguments) => bundle::run(&arguments, context),
        Command::Import(arguments) => import::run(&arguments, context),
        Command::Completions(_)
        | Command::Man(_)
        | Command::Demo(_)
        | Command::DockerTrust(_)
        | Command::Notary(_)
        | Command::Doctor(_)
        | Command::ImageVerifier(_) => Ok(Code::Done),
        #[cfg(feature = "server")]
        Command::Admit(_) | Command::Proxy(_) | Command::Serve(_) => Ok(Code::Done),
    }
}

/// Help and version are answers; the rest is a mistake on the command line.
fn explained(error: &clap::Error, words: &[OsString]) -> Code {
    let wants_json = words.iter().any(|word| word == "--format=json")
        || words.windows(2).any(|pair| pair == ["--format", "json"]);
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            Output::new(Format::Text, Verbosity::Usual)
                .bytes(error.render().to_string().as_bytes());
            Code::Done
        }
        _ if wants_json => {
            let text = error.render().to_string();
            let first = text.lines().map(str::trim).take_while(|line| !line.is_empty());
            let message = first.collect::<Vec<_>>().join(" ");
            let message = message.trim_start_matches("error: ");
            let output = Output::new(Format::Json, Verbosity::Usual);
            output.refusal(None, &Failure::new(Kind::Usage, message))
        }
        _ => {
            // Nobody is left to be told that stderr cannot be written.
            let _ = error.print();
            Code::Usage
        }
    }
}
