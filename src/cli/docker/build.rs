//! `docker build`: docker gets a Dockerfile in which every image is a digest.

use std::fs::File;
use std::path::Path;

use super::Refusal;
use super::call::Next;
use super::dockerfile::Source;
use super::scratch::scratch;
use super::session::{Pinned, Session};
use crate::docker::command_line::{Asked, Build, Guarded, Verb};
use crate::docker::config::builder_alias;
use crate::docker::engine::{Engine, Progress};

/// Pins every image of the build, and has docker build.
pub(super) async fn run(mut guarded: Guarded, session: &Session) -> Result<Next, Refusal> {
    let variable = |name: &str| session.context.environment.variable(name).map(str::to_owned);
    let alias = builder_alias(session.context.docker_config());
    let build =
        guarded.build(&variable, alias.as_deref()).map_err(|error| Refusal::of_words(&error))?;
    let source = source(&build)?;
    pin_words(&mut guarded, &build, session).await?;
    let (text, pins) = source.pinned(&build.settings, session).await?;
    let directory = scratch()?;
    let file = source.write(&text, directory.path())?;
    let input = match build.context.as_str() {
        // The Dockerfile is all there is.
        "-" => Some(File::open(&file).map_err(|error| Refusal::new(error.to_string()))?),
        _ => {
            guarded.set("file", &file.to_string_lossy());
            None
        }
    };
    let verb = guarded.verb;
    let engine = session.engine(Progress::Hidden)?;
    let ended = engine.attached("build", guarded.words.into_vec(), input).await;
    let code = ended.map_err(|error| Refusal::of(&error.into()))?;
    if code == 0 && verb == Verb::Build {
        tag_bases(&pins, &engine, session).await;
    }
    Ok(Next::End(code))
}

fn source(build: &Build) -> Result<Source, Refusal> {
    let named = build.file.as_deref();
    match (build.context.as_str(), named) {
        ("-", None) => Source::stdin(),
        ("-", Some(_)) => {
            Err(Refusal::new("an archive as build context cannot be checked; unpack it first"))
        }
        (context, _) if !Path::new(context).is_dir() => Err(Refusal::new(format!(
            "{context}: not a directory of this machine; fetch the build context first"
        ))),
        (_, Some("-")) => Source::stdin(),
        (context, named) => Source::read(named.map(Path::new), Path::new(context)),
    }
}

/// Contexts, caches and the like that stand in the command line.
async fn pin_words(guarded: &mut Guarded, build: &Build, session: &Session) -> Result<(), Refusal> {
    for used in &build.images {
        let asked = Asked::of(&used.text).map_err(|error| Refusal::of_words(&error))?;
        let found = session.pin(&used.text, &asked).await;
        if let Some(pinned) = found.map_err(|refusal| refusal.at(&used.text))? {
            guarded.pin(used, &pinned.by_digest().familiar());
        }
    }
    Ok(())
}

/// As docker does after a trusted build. BuildKit's images are not docker's, and have no tags.
async fn tag_bases(pins: &[Pinned], engine: &Engine, session: &Session) {
    for pinned in pins {
        let (digest, tag) = (pinned.by_digest(), pinned.by_tag());
        if !engine.has(&digest).await {
            continue;
        }
        let output = session.context.output;
        output.reply(&format!("Tagging {} as {}", digest.familiar(), tag.familiar()));
        if let Err(error) = engine.retag(&digest, &pinned.tag).await {
            output.reply(&error.to_string());
        }
    }
}
