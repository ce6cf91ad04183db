//! `docker`: docker's own command line, with content trust where docker has it no more.
//!
//! - Content trust off: docker is executed in our place at once; nothing is read but two variables.
//! - On: the images are found, looked up and pinned by digest, and docker gets a command line in
//!   which no tag decides any more. What it does for content trust by itself is switched off.
//! - Docker's messages and exit codes, since scripts know them.

mod bake;
mod bring;
mod build;
mod call;
mod compose;
mod container;
mod dockerfile;
mod place;
mod pull;
mod push;
mod refusal;
mod scratch;
mod session;
mod shim;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Args;

pub(super) use call::Call;
use call::{Next, default_trust};
use place::Docker;
pub(super) use place::ourselves;
use refusal::Refusal;
use session::Session;
pub(super) use shim::own_path;

use super::context::{Context, output_of};
use super::environment::Environment;
use super::exit::Code;
use super::output::{Failure, Output};
use super::process::wait_for;
use crate::docker::command_line::{Guarded, Reading, Trust, Verb};

#[derive(Args)]
#[command(after_help = "\
With DOCKER_CONTENT_TRUST=1, or --disable-content-trust=false, docker pull, push, run, create, build, \
bake, service create and update, plugin install and compose take only what is signed, with every version of \
docker; a command line that is not understood is refused. Otherwise docker runs as if we were not there.

The shim makes `docker` mean this, for scripts and people that cannot be changed.

Examples:
  DOCKER_CONTENT_TRUST=1 countersign docker run --rm registry.example.com/team/web:1.4
  countersign docker --install-shim /opt/countersign/bin")]
pub(super) struct Arguments {
    /// Put a program called docker into this directory, which does the same
    #[arg(long, value_name = "DIR", conflicts_with = "remove_shim")]
    install_shim: Option<std::path::PathBuf>,

    /// Take it away again
    #[arg(long, value_name = "DIR")]
    remove_shim: Option<std::path::PathBuf>,

    /// Docker's command line
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "DOCKER-ARGUMENTS")]
    words: Vec<OsString>,
}

/// Puts the shim in its place, or takes it away. Command lines come to [`run`].
pub(super) fn manage(arguments: &Arguments, context: &Context) -> Result<Code, Failure> {
    match (&arguments.install_shim, &arguments.remove_shim) {
        (Some(directory), _) => shim::install(directory, context),
        (None, Some(directory)) => shim::remove(directory, context),
        (None, None) => Err(shim::nothing_to_do()),
    }
}

/// Runs docker's command line.
pub(super) fn run(call: Call) -> ExitCode {
    let trust = default_trust();
    if trust == Trust::Off && !call.may_turn_trust_on() {
        return call.pass_through();
    }
    let output = output_of(&call.global);
    match Reading::of(call.words.clone(), trust) {
        Ok(Reading::PassThrough) if trust.is_on() => call.pass_through_carefully(),
        Ok(Reading::PassThrough) => call.pass_through(),
        Ok(Reading::Guarded(guarded)) => guard(*guarded, call, output),
        Err(error) => Refusal::of_words(&error).told(output),
    }
}

fn guard(guarded: Guarded, call: Call, output: Output) -> ExitCode {
    let verb = guarded.verb;
    let told = |refusal: Refusal| refusal.under(verb).told(output);
    let directory = match guarded.config_directory() {
        Ok(directory) => directory,
        Err(error) => return told(Refusal::of_words(&error)),
    };
    let session = Environment::read().and_then(|environment| {
        let environment = match directory {
            Some(directory) => environment.with("DOCKER_CONFIG", directory),
            None => environment,
        };
        let docker = Docker::careful(&environment)?;
        Session::new(Context::new(call.global, environment)?, docker, &guarded)
    });
    let session = match session {
        Ok(session) => session,
        Err(failure) => return told(Refusal::of(&failure)),
    };
    // A refusal is a value, and what fails below it is one as well.
    let next = wait_for(async { Ok(handle(guarded.without_trust_option(), &session).await) });
    match next.unwrap_or_else(|failure| Err(Refusal::of(&failure))) {
        Ok(Next::End(code)) => ExitCode::from(code),
        Ok(Next::Docker(words)) => session.become_docker(&words),
        Err(refusal) => told(refusal),
    }
}

async fn handle(guarded: Guarded, session: &Session) -> Result<Next, Refusal> {
    match guarded.verb {
        Verb::Pull => pull::run(guarded, session).await,
        Verb::Push | Verb::PluginPush => push::run(guarded, session).await,
        Verb::Run | Verb::Create => container::run(guarded, session).await,
        Verb::ServiceCreate | Verb::ServiceUpdate => container::service(guarded, session).await,
        Verb::PluginInstall | Verb::PluginUpgrade => container::plugin(guarded, session).await,
        Verb::Build | Verb::BuildxBuild => build::run(guarded, session).await,
        Verb::Bake => bake::run(guarded, session).await,
        Verb::Compose => compose::run(guarded, session).await,
    }
}
