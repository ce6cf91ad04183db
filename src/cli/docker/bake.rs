//! `docker buildx bake`: buildx gets its own resolved definition, in which every image is a digest.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::Refusal;
use super::call::Next;
use super::dockerfile::Source;
use super::refusal::of_disk;
use super::scratch::{keep_stdin, scratch};
use super::session::Session;
use crate::docker::bake::{Definition, Error};
use crate::docker::command_line::Guarded;
use crate::docker::document::Build;
use crate::docker::engine::{Engine, Progress};

/// Pins every image of the targets, and has buildx build them.
pub(super) async fn run(guarded: Guarded, session: &Session) -> Result<Next, Refusal> {
    let variable = |name: &str| session.context.environment.variable(name).map(str::to_owned);
    let bake = guarded.bake(&variable).map_err(|error| Refusal::of_words(&error))?;
    if bake.only_prints {
        return Ok(Next::Docker(guarded.words.into_vec()));
    }
    let directory = scratch()?;
    let input = bake.reads_stdin.then(|| keep_stdin(directory.path())).transpose()?;
    let engine = session.engine(Progress::Hidden)?;
    let mut definition = ask(&engine, guarded.definition_words(), input).await?;
    pin_images(&mut definition, session).await?;
    pin_builds(&mut definition, session).await?;
    let file = directory.path().join("docker-bake.json");
    fs::write(&file, definition.text()).map_err(of_disk)?;
    let words = guarded.words_for_definition(&file);
    let ended = engine.attached("bake", words, None).await;
    Ok(Next::End(ended.map_err(|error| Refusal::of(&error.into()))?))
}

async fn ask(
    engine: &Engine,
    words: Vec<OsString>,
    input: Option<PathBuf>,
) -> Result<Definition, Refusal> {
    let input = input.map(File::open).transpose().map_err(of_disk)?;
    let printed = engine.answer("bake --print", words, input).await;
    let printed = printed.map_err(|error| {
        let advice = "Is docker's buildx plugin installed, and the definition right?";
        Refusal::new(error.to_string()).advise(advice)
    })?;
    Definition::parse(&printed).map_err(of_definition)
}

async fn pin_images(definition: &mut Definition, session: &Session) -> Result<(), Refusal> {
    let images = definition.images().map_err(of_definition)?;
    for (image, pinned) in session.pins_of(images, "target").await? {
        definition.pin(&image, &pinned);
    }
    Ok(())
}

async fn pin_builds(definition: &mut Definition, session: &Session) -> Result<(), Refusal> {
    for build in definition.builds() {
        let place = format!("target {}", build.owner);
        let source = Source::of(&build, &place).map_err(|refusal| refusal.at(&place))?;
        if source.has_ignore_file() {
            let reason = format!(
                "{}.dockerignore: bake cannot be given it; docker buildx build can",
                source.shown
            );
            return Err(Refusal::new(reason).at(&place));
        }
        let (text, _) = source.pinned(&build.settings, session).await?;
        definition.set_dockerfile(&build, &context(&build)?, &text);
    }
    Ok(())
}

/// Buildx may take a relative path to begin where the definition is.
fn context(build: &Build) -> Result<String, Refusal> {
    let path = std::path::absolute(Path::new(&build.context)).map_err(of_disk)?;
    let text = path.into_os_string().into_string();
    text.map_err(|path| Refusal::new(format!("{}: not UTF-8", path.display())))
}

fn of_definition(error: Error) -> Refusal {
    Refusal::new(error.to_string())
}
