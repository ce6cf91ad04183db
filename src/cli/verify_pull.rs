//! `verify-pull`: docker gets exactly what was signed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::docker::ourselves;
use super::environment::absolute;
use super::exit::Code;
use super::output::{Failure, Format, Verbosity};
use super::process::wait_for;
use super::verify::resolve;
use crate::docker::Detail;
use crate::docker::engine::{Engine, Program, Progress};
use crate::image::Reference;

#[derive(Args)]
#[command(after_help = "\
Docker pulls NAME@sha256:…, its record of the digest is compared, then the tag is set. Without a \
trusted signature docker is not even started. Any docker version will do.

Examples:
  countersign verify-pull registry.example.com/team/web:1.4
  countersign verify-pull web -- --platform linux/arm64")]
pub(super) struct Arguments {
    /// Image reference; the tag is latest unless given
    #[arg(value_name = "REF")]
    reference: String,

    /// Docker's program [env: COUNTERSIGN_DOCKER] [default: the first docker in PATH]
    #[arg(long, value_name = "FILE")]
    docker_path: Option<PathBuf>,

    /// Options for docker pull: --platform, --quiet
    #[arg(last = true, value_name = "DOCKER-PULL-OPTIONS")]
    options: Vec<OsString>,
}

/// Verifies, has docker pull, checks, tags, and prints the tagged reference.
pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<Code, Failure> {
    wait_for(async {
        match pull(arguments, context).await {
            Ok(()) => Ok(Code::Done),
            Err(failure) => Ok(context.output.refusal(Some(&arguments.reference), &failure)),
        }
    })
}

async fn pull(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let subject = context.subject(&arguments.reference)?;
    let name = subject.image_name()?;
    let tag = subject.tag()?;
    let program = program(arguments.docker_path.as_deref(), context)?;
    let resolution = resolve(&subject, Detail::Answer, context).await?;
    let progress = match context.output.verbosity {
        Verbosity::Quiet => Progress::Hidden,
        _ => Progress::Shown,
    };
    let engine = engine(program, progress, context)?;
    context.output.detail(&format!("docker: {}", engine.path().display()));
    tell_of_daemon(context);
    let digest = resolution.reference.digest();
    let pulled = engine.pull(name, &digest, &arguments.options).await?;
    let tagged = engine.tag(&pulled, &tag).await?;
    match context.output.format {
        Format::Text => context.output.answer(&tagged.to_string()),
        Format::Json => context.output.object(&json!({
            "reference": arguments.reference,
            "name": name.as_str(),
            "tag": tag.as_str(),
            "digest": digest.to_string(),
            "image_id": pulled.image_id,
            "tagged": Reference::new(name.clone(), Some(tag), None).to_string(),
        })),
    }
    Ok(())
}

/// Docker, and its daemon if that is on this machine. Signals are waited for from now on.
pub(super) fn engine(
    program: Program,
    progress: Progress,
    context: &Context,
) -> Result<Engine, Failure> {
    Ok(Engine::new(program, context.timeout(), progress)?
        .with_socket(context.docker_endpoint().socket()))
}

/// Docker by an absolute path.
pub(super) fn program(named: Option<&Path>, context: &Context) -> Result<Program, Failure> {
    let variable = || context.environment.place("COUNTERSIGN_DOCKER");
    let ourselves = ourselves();
    match named.map(Path::to_owned).or_else(variable) {
        Some(path) => Ok(Program::named(&absolute(&path)?, ourselves.as_ref())?),
        None => Ok(Program::find(context.environment.path(), ourselves.as_ref())?),
    }
}

/// A daemon elsewhere pulls for itself, with its own clock and mirrors; the digest binds it all the
/// same.
fn tell_of_daemon(context: &Context) {
    let endpoint = context.docker_endpoint();
    if let Some(daemon) = endpoint.elsewhere() {
        context.output.notice(&format!("docker's daemon is {daemon}"));
    }
    if endpoint.unprotected().is_some() {
        context.output.notice("warning: nothing protects the connection to it");
    }
}
