//! `pull --to`: what was signed, into files.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::exit::Code;
use super::output::{Failure, Format};
use super::process::{cleaning_up, wait_for};
use super::verify::resolve;
use crate::docker::Detail;
use crate::docker::pull::{Destination, Platform, PullRequest, pull};
use crate::image::Reference;

#[derive(Args)]
#[command(after_help = "\
Every manifest and layer is compared with its digest; the destination appears whole, or not at all.

Examples:
  countersign pull registry.example.com/team/web:1.4 --to oci:web
  countersign pull web --to docker-archive:web.tar --platform linux/arm64 && docker load <web.tar")]
pub(super) struct Arguments {
    /// Image reference; the tag is latest unless given
    #[arg(value_name = "REF")]
    reference: String,

    /// Where to: oci:DIRECTORY or docker-archive:FILE, which must not exist
    #[arg(long, value_name = "DESTINATION")]
    to: Destination,

    /// One platform of an index, such as linux/arm64 [default: all of them, or this machine's for
    /// an archive]
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<Platform>,
}

/// Verifies, then pulls, and prints what was pulled.
pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<Code, Failure> {
    wait_for(cleaning_up(async {
        match pull_to(arguments, context).await {
            Ok(()) => Ok(Code::Done),
            Err(failure) => Ok(context.output.refusal(Some(&arguments.reference), &failure)),
        }
    }))
}

async fn pull_to(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let subject = context.subject(&arguments.reference)?;
    let name = subject.image_name()?.clone();
    let resolution = resolve(&subject, Detail::Answer, context).await?;
    let trusted = &resolution.reference;
    let request = PullRequest {
        reference: Reference::new(name, Some(trusted.tag().clone()), None),
        digest: trusted.digest(),
        size: trusted.size(),
        platform: arguments.platform.clone(),
    };
    let registry = context.registry(&subject, PATIENCE)?;
    let kept = pull(&registry, &request, &arguments.to).await?;
    if kept.digest != trusted.digest() {
        context.output.notice(&format!("of the signed index: {}", kept.digest));
    }
    match context.output.format {
        Format::Text => context.output.answer(&trusted.to_string()),
        Format::Json => context.output.object(&json!({
            "reference": arguments.reference,
            "name": trusted.name(),
            "tag": trusted.tag().as_str(),
            "digest": trusted.digest().to_string(),
            "kept": kept.digest.to_string(),
            "path": arguments.to.path().display().to_string(),
        })),
    }
    Ok(())
}

/// Layers are large; each piece of them must still come in time.
const PATIENCE: Duration = Duration::from_secs(6 * 60 * 60);
