//! `docker compose`: compose gets its own resolved project, in which every image is a digest.
//!
//! What is built on another service is built by bake: compose's own builder, as long as it had one
//! (2.33 to 2.40), takes for it whatever image has the name that the other's should have.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::Refusal;
use super::call::Next;
use super::dockerfile::Source;
use super::refusal::of_disk;
use super::scratch::{keep_stdin, scratch};
use super::session::Session;
use crate::docker::COMPOSE_FETCHES_NOTHING;
use crate::docker::command_line::{Guarded, Project};
use crate::docker::compose::{Error, Model};
use crate::docker::engine::{self, Engine, Progress};

/// Pins every image of the project, and has compose do what it was asked.
pub(super) async fn run(guarded: Guarded, session: &Session) -> Result<Next, Refusal> {
    let variable = |name: &str| session.context.environment.variable(name).map(str::to_owned);
    let project = guarded.project(&variable).map_err(|error| Refusal::of_words(&error))?;
    check_files(&project, &variable)?;
    let directory = scratch()?;
    let input = project.reads_stdin().then(|| keep_stdin(directory.path())).transpose()?;
    let compose = Compose { engine: session.engine(Progress::Hidden)?, input };
    let mut model = compose.model(&guarded, &project).await?;
    pin_images(&mut model, session).await?;
    pin_builds(&mut model, &project, directory.path(), session).await?;
    model.decide_pulls(project.pull_policy.as_deref()).map_err(of_model)?;
    let file = directory.path().join("compose.json");
    fs::write(&file, model.text()).map_err(of_disk)?;
    let words = guarded.words_for_model(&project, &file, &home(&project, &variable)?);
    let engine = match model.builds_on_services().map_err(of_model)? {
        true => compose.engine.with_variable("COMPOSE_BAKE", "true"),
        false => compose.engine,
    };
    let ended = engine.attached("compose", words, None).await;
    Ok(Next::End(ended.map_err(|error| Refusal::of(&error.into()))?))
}

/// Compose, to be asked about the project.
struct Compose {
    engine: Engine,
    /// What came from stdin, which is there only once.
    input: Option<PathBuf>,
}

impl Compose {
    /// The project, with nothing in the services that the command does not mean.
    async fn model(&self, guarded: &Guarded, project: &Project) -> Result<Model, Refusal> {
        let mut model = self.ask(guarded.model_words()).await?;
        let is_named = !project.services.is_empty();
        if is_named && !project.means_dependencies {
            let chosen = project.services.iter().cloned().collect();
            model.withhold_but(&chosen).map_err(of_model)?;
        } else if is_named || model.has_profiles().map_err(of_model)? {
            let chosen = self.ask(guarded.choice_words(&project.services)).await?;
            let chosen = chosen.names().map_err(of_model)?;
            model.withhold_but(&chosen).map_err(of_model)?;
        }
        if project.only_builds {
            model.withhold_what_runs().map_err(of_model)?;
        }
        Ok(model)
    }

    async fn ask(&self, words: Vec<OsString>) -> Result<Model, Refusal> {
        let input = self.input.as_ref().map(File::open).transpose().map_err(of_disk)?;
        let printed = self.engine.answer("compose config", words, input).await;
        Model::parse(&printed.map_err(|error| of_config(&error))?).map_err(of_model)
    }
}

/// A project that compose would fetch carries no signature, whatever its images do.
fn check_files(
    project: &Project,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<(), Refusal> {
    let listed = variable("COMPOSE_FILE").filter(|_| project.files.is_empty());
    match project.from_elsewhere(listed.as_deref()) {
        None => Ok(()),
        Some(file) => Err(Refusal::new(format!(
            "docker compose: {file}: a project from elsewhere carries no signature; fetch it first"
        ))),
    }
}

fn of_config(error: &engine::Error) -> Refusal {
    let said = error.to_string();
    let said = said.lines().next().unwrap_or_default();
    if COMPOSE_FETCHES_NOTHING.iter().any(|(name, _)| said.contains(name)) {
        let message = "docker compose: what the project includes or extends is elsewhere, and carries no signature; fetch it first";
        return Refusal::new(message).advise(said);
    }
    Refusal::new(said).advise("Is docker's compose plugin installed, and the project right?")
}

fn of_model(error: Error) -> Refusal {
    Refusal::new(error.to_string())
}

async fn pin_images(model: &mut Model, session: &Session) -> Result<(), Refusal> {
    let images = model.images().map_err(of_model)?;
    for (image, pinned) in session.pins_of(images, "service").await? {
        model.pin(&image, &pinned);
    }
    Ok(())
}

async fn pin_builds(
    model: &mut Model,
    project: &Project,
    directory: &Path,
    session: &Session,
) -> Result<(), Refusal> {
    for (number, build) in model.builds().map_err(of_model)?.iter().enumerate() {
        let place = format!("service {}", build.owner);
        let source = Source::of(build, &place).map_err(|refusal| refusal.at(&place))?;
        let mut settings = build.settings.clone();
        settings.arguments.extend(project.arguments.clone());
        let (text, _) = source.pinned(&settings, session).await?;
        let place = directory.join(number.to_string());
        fs::create_dir(&place).map_err(of_disk)?;
        model.set_dockerfile(build, &source.write(&text, &place)?);
    }
    Ok(())
}

/// Where compose says that the project is: as told, or where its first file is.
fn home(project: &Project, variable: &dyn Fn(&str) -> Option<String>) -> Result<PathBuf, Refusal> {
    if let Some(directory) = &project.directory {
        return Ok(PathBuf::from(directory));
    }
    let listed = variable("COMPOSE_FILE");
    let listed = listed.as_deref().and_then(|files| project.listed(files).next());
    if let Some(file) = project.files.first().map(String::as_str).or(listed) {
        let parent = Path::new(file).parent().filter(|parent| !parent.as_os_str().is_empty());
        return Ok(parent.unwrap_or(Path::new(".")).to_owned());
    }
    let here = std::path::absolute(".").map_err(of_disk)?;
    let found = here.ancestors().find(|it| FILES.iter().any(|name| it.join(name).is_file()));
    Ok(found.unwrap_or(&here).to_owned())
}

/// What compose looks for, in the working directory and above.
const FILES: [&str; 4] =
    ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
