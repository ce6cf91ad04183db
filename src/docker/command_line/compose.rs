//! `docker compose`: the words to ask for its model, and those to run it with another one.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use super::build::arguments;
use super::options::{Given, Parsed, read};
use super::verb::order_of_compose;
use super::{Error, Guarded, switch, table};
use crate::docker::build_source::{SYNTAX_ARGUMENT, check_sources, is_remote, sbom};

/// What the command line says about the project.
#[derive(Debug)]
pub struct Project {
    /// `--file`, in order.
    pub files: Vec<String>,
    /// `--project-directory`, or its older name.
    pub directory: Option<String>,
    /// `--build-arg` of `compose build`, for every service.
    pub arguments: BTreeMap<String, String>,
    /// The services that the command names. Without any it means those whose profile is on.
    pub services: Vec<String>,
    /// Whether it means what those depend on, too.
    pub means_dependencies: bool,
    /// Whether it builds, and neither pulls nor runs.
    pub only_builds: bool,
    /// When images are pulled, if the command decides it for all services.
    pub pull_policy: Option<String>,
    /// What stands between the files of the environment's list, if not a colon.
    pub separator: Option<String>,
    /// The options that the model takes the place of.
    replaced: Vec<Given>,
}

impl Project {
    /// The file that compose would fetch from a registry or a repository, if there is one; `listed`
    /// is the environment's list of files.
    pub fn from_elsewhere<'p>(&'p self, listed: Option<&'p str>) -> Option<&'p str> {
        let named = self.files.iter().map(String::as_str).find(|file| is_remote(file));
        named.or(listed.filter(|list| is_remote(list) || self.listed(list).any(is_remote)))
    }

    /// The files of the environment's list.
    pub fn listed<'l>(&'l self, list: &'l str) -> impl Iterator<Item = &'l str> {
        list.split(self.separator.as_deref().unwrap_or(":"))
    }

    /// Whether the project, or a part of it, comes from stdin.
    pub fn reads_stdin(&self) -> bool {
        self.files.iter().any(|file| file == "-")
    }
}

impl Guarded {
    /// Reads the options of compose and of its command.
    ///
    /// # Errors
    ///
    /// [`Error`] for options that are not understood, or by which others would decide what is
    /// built.
    pub fn project(&self, variable: &dyn Fn(&str) -> Option<String>) -> Result<Project, Error> {
        let refuse = |reason| Error::Refused { command: table::COMPOSE.command, reason };
        check_sources(variable).map_err(refuse)?;
        let command = Command::of(self)?;
        let own = self.parsed.options.iter().filter(|it| REPLACED.contains(&it.name));
        let replaced = own.chain(command.pulling()).copied().collect();
        let directory = self.value("project-directory")?.or(self.value("workdir")?);
        Ok(Project {
            files: owned(self.values("file")?),
            directory: directory.map(str::to_owned),
            arguments: command.build_arguments(variable)?,
            services: command.services()?,
            means_dependencies: command.means_dependencies()?,
            only_builds: command.name == "build",
            pull_policy: command.pull_policy()?,
            separator: variable("COMPOSE_PATH_SEPARATOR").filter(|it| !it.is_empty()),
            replaced,
        })
    }

    /// The words that have compose print its model, with the services of every profile.
    pub fn model_words(&self) -> Vec<OsString> {
        let mut words = self.words.range(0..self.compose_command());
        words.extend(["--profile", "*", "config", "--format", "json"].map(OsString::from));
        words
    }

    /// The words that have compose print what it would take of the model: the services that are
    /// named, or those whose profile is on, and what they depend on.
    pub fn choice_words(&self, services: &[String]) -> Vec<OsString> {
        let mut words = self.words.range(0..self.compose_command());
        words.extend(["config", "--format", "json", "--"].map(OsString::from));
        words.extend(services.iter().map(OsString::from));
        words
    }

    /// The words that have compose do the same with the model in a file.
    pub fn words_for_model(
        mut self,
        project: &Project,
        model: &Path,
        directory: &Path,
    ) -> Vec<OsString> {
        let command = self.compose_command();
        for given in &project.replaced {
            self.words.remove(given.word);
            given.value.into_iter().for_each(|value| self.words.remove(value.word));
        }
        let file = ["--project-directory".into(), directory.into(), "--file".into(), model.into()];
        self.words.insert(command, file);
        self.words.into_vec()
    }

    /// The index of compose's own command.
    fn compose_command(&self) -> usize {
        self.parsed.operands.first().copied().unwrap_or(self.command + 1)
    }
}

/// Compose's own command.
struct Command<'g> {
    guarded: &'g Guarded,
    name: &'g str,
    parsed: Parsed,
}

impl<'g> Command<'g> {
    fn of(guarded: &'g Guarded) -> Result<Self, Error> {
        let at = guarded.compose_command();
        let name = guarded.words.text(at)?;
        let flags = table::of_compose(name).unwrap_or(&table::COMPOSE);
        let parsed = read(&guarded.words, at + 1, flags, order_of_compose(name))?;
        Ok(Self { guarded, name, parsed })
    }

    fn values(&self, option: &str) -> Result<Vec<&'g str>, Error> {
        let places = self.parsed.all(option).filter_map(|given| given.value);
        places.map(|place| self.guarded.words.value(place)).collect()
    }

    /// What stands behind a container's service belongs to the container, and behind `=` a number.
    fn services(&self) -> Result<Vec<String>, Error> {
        let count = if self.name == "run" { 1 } else { usize::MAX };
        let words = self.parsed.operands.iter().take(count);
        let name = |text: &str| match self.name {
            "scale" => text.split('=').next().unwrap_or_default().to_owned(),
            _ => text.to_owned(),
        };
        words.map(|word| self.guarded.words.text(*word).map(name)).collect()
    }

    fn means_dependencies(&self) -> Result<bool, Error> {
        match self.name {
            "pull" => self.switch("include-deps"),
            _ => Ok(!self.switch("no-deps")?),
        }
    }

    fn switch(&self, option: &str) -> Result<bool, Error> {
        let (words, verb) = (&self.guarded.words, self.guarded.verb);
        Ok(switch(words, &self.parsed, verb, option)?.unwrap_or_default())
    }

    /// The option that goes before what the services say about pulling. That of `build` is a switch
    /// for the images it builds from.
    fn pulling(&self) -> impl Iterator<Item = &Given> {
        let option = match self.name {
            "build" => "",
            "pull" => "policy",
            _ => "pull",
        };
        self.parsed.options.iter().filter(move |given| given.name == option)
    }

    fn pull_policy(&self) -> Result<Option<String>, Error> {
        let place = self.pulling().last().and_then(|given| given.value);
        let text = place.map(|place| self.guarded.words.value(place)).transpose()?;
        Ok(text.map(str::to_owned))
    }

    fn build_arguments(
        &self,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<BTreeMap<String, String>, Error> {
        let refuse = |reason| Error::Refused { command: table::COMPOSE_BUILD.command, reason };
        for value in self.values("sbom")? {
            sbom(value).map_err(refuse)?;
        }
        let given = self.values("build-arg")?;
        for text in &given {
            match text.split_once('=') {
                None if variable(text).is_none() => {
                    return Err(refuse("--build-arg needs its value here, as .env may have one"));
                }
                Some((SYNTAX_ARGUMENT, _)) | None if text.starts_with(SYNTAX_ARGUMENT) => {
                    return Err(refuse("BUILDKIT_SYNTAX belongs into the compose file"));
                }
                _ => {}
            }
        }
        Ok(arguments(&given, variable))
    }
}

fn owned(values: Vec<&str>) -> Vec<String> {
    values.into_iter().map(str::to_owned).collect()
}

/// Compose's own options that say which project it is.
const REPLACED: [&str; 3] = ["file", "project-directory", "workdir"];
