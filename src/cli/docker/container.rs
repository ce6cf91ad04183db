//! `docker run`, `create`, `service`, `plugin`: the image in the command line becomes a digest
//! (docker/cli `cli/command/container/create.go`, `cli/command/service/trust.go`).

use super::Refusal;
use super::bring::{bring, on_stderr};
use super::call::Next;
use super::session::{Pinned, Session};
use crate::docker::command_line::{Asked, Error, Guarded, Place};
use crate::image::Reference;

/// Pins the image, brings it here if docker would, and has docker run it.
pub(super) async fn run(mut guarded: Guarded, session: &Session) -> Result<Next, Refusal> {
    let images = pin(&mut guarded, session, Asked::of_container, Pinned::by_digest).await?;
    let own = images.iter().find(|(place, _, _)| matches!(place, Place::Whole(_)));
    if let Some((_, typed, pinned)) = own {
        bring_if_missing(&guarded, typed, pinned, session).await?;
    }
    Ok(Next::Docker(guarded.words.into_vec()))
}

/// Pins the image and keeps its tag, which `docker service ls` shows.
pub(super) async fn service(mut guarded: Guarded, session: &Session) -> Result<Next, Refusal> {
    pin(&mut guarded, session, Asked::of_container, Pinned::in_full).await?;
    Ok(Next::Docker(guarded.words.into_vec()))
}

/// Pins the plugin; its tag is what it is called by.
pub(super) async fn plugin(mut guarded: Guarded, session: &Session) -> Result<Next, Refusal> {
    pin(&mut guarded, session, Asked::of, Pinned::in_full).await?;
    Ok(Next::Docker(guarded.words.into_vec()))
}

async fn pin(
    guarded: &mut Guarded,
    session: &Session,
    read: impl Fn(&str) -> Result<Asked, Error>,
    written: impl Fn(&Pinned) -> Reference,
) -> Result<Vec<(Place, String, Pinned)>, Refusal> {
    let of_words = |error| Refusal::of_words(&error);
    let mut pins = Vec::new();
    for used in guarded.images().map_err(of_words)? {
        let asked = match used.place {
            Place::Whole(_) => read(&used.text),
            _ => Asked::of(&used.text),
        };
        if let Some(pinned) = session.pin(&used.text, &asked.map_err(of_words)?).await? {
            guarded.pin(&used, &written(&pinned).familiar());
            pins.push((used.place, used.text, pinned));
        }
    }
    Ok(pins)
}

/// By itself docker would pull the digest and leave it without its tag.
async fn bring_if_missing(
    guarded: &Guarded,
    typed: &str,
    pinned: &Pinned,
    session: &Session,
) -> Result<(), Refusal> {
    let of_words = |error| Refusal::of_words(&error);
    let quiet = guarded.switch("quiet").map_err(of_words)?;
    let policy = guarded.value("pull").map_err(of_words)?.unwrap_or("missing");
    let engine = session.engine(on_stderr(quiet))?;
    match policy {
        "never" => return Ok(()),
        "always" => {}
        _ if engine.has(&pinned.by_digest()).await => return Ok(()),
        _ => {
            let familiar = typed.parse::<Reference>().map(|reference| reference.familiar());
            let familiar = familiar.unwrap_or_else(|_| typed.to_owned());
            let output = session.context.output;
            output.notice(&format!("Unable to find image '{familiar}' locally"));
        }
    }
    let platform = guarded.value("platform").map_err(of_words)?;
    bring(pinned, platform, &engine, session).await
}
