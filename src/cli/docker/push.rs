//! `docker push`: docker pushes, then the registry's digest is signed (docker/cli
//! `cli/command/image/trust.go`, `PushTrustedReference`).

use std::time::Duration;

use super::Refusal;
use super::call::Next;
use super::session::Session;
use crate::cli::output::Failure;
use crate::cli::process::guard_memory;
use crate::cli::sign::publish;
use crate::cli::subject::Subject;
use crate::docker::command_line::{Asked, Guarded, Verb};
use crate::docker::engine::{Engine, Progress};
use crate::docker::{RoleChoice, SignRequest};
use crate::image::{Descriptor, Name, Reference, Tag};

/// Pushes and signs.
pub(super) async fn run(guarded: Guarded, session: &Session) -> Result<Next, Refusal> {
    let of_words = |error| Refusal::of_words(&error);
    let Some(used) = guarded.images().map_err(of_words)?.pop() else { return Ok(Next::End(1)) };
    let asked = Asked::of(&used.text).map_err(of_words)?;
    let Asked::Tag { name, tag, digest: None } = asked else {
        return Err(Refusal::new("cannot push a digest reference"));
    };
    small_host(&used.text, &name)?;
    let verb = guarded.verb;
    let all = verb == Verb::Push && guarded.switch("all-tags").map_err(of_words)?;
    // Of an index docker pushes the one image then, and remembers it under no name.
    let one_platform = guarded.parsed.last("platform").is_some();
    let engine = session.engine(Progress::Hidden)?;
    let pushed = engine.attached("push", guarded.words.into_vec(), None).await;
    match pushed.map_err(|error| Refusal::of(&error.into()))? {
        0 if all => {
            let output = session.context.output;
            output.reply("No tag specified, skipping trust metadata push");
            return Ok(Next::End(0));
        }
        0 => {}
        code => return Ok(Next::End(code)),
    }
    session.context.output.answer("Signing and pushing trust metadata");
    let reference = Reference::new(name, Some(tag), None);
    let compare = (verb == Verb::Push && !one_platform).then_some(&engine);
    let signed = sign(&reference, compare, session).await;
    signed.map_err(|failure| Refusal::of(&failure).at(&format!("failed to sign {reference}")))?;
    session.context.output.answer(&format!("Successfully signed {reference}"));
    Ok(Next::End(0))
}

/// Docker keeps capitals in a host, and so would have the image under another name than the signed one.
fn small_host(typed: &str, name: &Name) -> Result<(), Refusal> {
    match typed.split_once('/') {
        Some((host, rest)) if host != name.domain() && host.eq_ignore_ascii_case(name.domain()) => {
            let small = format!("{}/{rest}", name.domain());
            let said = format!("its registry in small letters is what is signed: {small}");
            Err(Refusal::new(said).advise(format!("docker tag {typed} {small}, and push that.")))
        }
        _ => Ok(()),
    }
}

/// Signs what the tag means at the registry. That docker has it under the same name shows that it
/// is what was pushed, and not what somebody else pushed just then.
async fn sign(
    reference: &Reference,
    engine: Option<&Engine>,
    session: &Session,
) -> Result<(), Failure> {
    guard_memory()?;
    let context = &session.context;
    let subject = Subject::image(&reference.to_string())?;
    let tag = reference.tag_or_latest();
    let descriptor = context.registry(&subject, PATIENCE)?.resolve(&tag).await?;
    if let Some(engine) = engine {
        engine.check_pushed(reference.name(), &tag, &descriptor.digest).await?;
    }
    let signing = publish(&subject, &request(tag, descriptor), context).await?;
    if signing.founded.is_some() {
        context.output.answer(&format!("Finished initializing \"{}\"", subject.gun));
    }
    Ok(())
}

fn request(tag: Tag, descriptor: Descriptor) -> SignRequest {
    SignRequest {
        tags: vec![(tag, descriptor)],
        roles: RoleChoice::AsDocker,
        custom: None,
        root_key: None,
        local_snapshot: false,
    }
}

const PATIENCE: Duration = Duration::from_secs(120);
