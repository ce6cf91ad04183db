//! `docker compose`: the words to ask for its model, and those to run it with another one.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use super::build::arguments;
use super::options::{Given, Order, read};
use super::{Error, Guarded, table};
use crate::docker::build_source::{SYNTAX_ARGUMENT, check_sources, is_remote, sbom};

/// What the command line says about the project.
#[derive(Debug)]
pub struct Project {
    /// `--file`, in order.
    pub files: Vec<String>,
    /// `--project-directory`.
    pub directory: Option<String>,
    /// `--build-arg` of `compose build`, for every service.
    pub arguments: BTreeMap<String, String>,
    /// What stands between the files of the environment's list, if not a colon.
    pub separator: Option<String>,
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
}

impl Guarded {
    /// Reads the options of compose and of its command.
    ///
    /// # Errors
    ///
    /// [`Error`] for options that decide what is built and are not understood.
    pub fn project(&self, variable: &dyn Fn(&str) -> Option<String>) -> Result<Project, Error> {
        let owned = |values: Vec<&str>| values.into_iter().map(str::to_owned).collect();
        let refuse = |reason| Error::Refused { command: table::COMPOSE.command, reason };
        check_sources(variable).map_err(refuse)?;
        Ok(Project {
            files: owned(self.values("file")?),
            directory: self.value("project-directory")?.map(str::to_owned),
            arguments: self.build_arguments(variable)?,
            separator: variable("COMPOSE_PATH_SEPARATOR").filter(|it| !it.is_empty()),
        })
    }

    /// The words that have compose print its model.
    pub fn model_words(&self) -> Vec<OsString> {
        let mut words = self.words.range(0..self.compose_command());
        words.extend(["config", "--format", "json"].map(OsString::from));
        words
    }

    /// The words that have compose do the same with the model in a file.
    pub fn words_for_model(mut self, model: &Path, directory: &Path) -> Vec<OsString> {
        let command = self.compose_command();
        let options: Vec<Given> = self.parsed.options.clone();
        for given in options.iter().filter(|it| matches!(it.name, "file" | "project-directory")) {
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

    fn build_arguments(
        &self,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<BTreeMap<String, String>, Error> {
        let command = self.compose_command();
        if self.words.text(command)? != "build" {
            return Ok(BTreeMap::new());
        }
        let parsed = read(&self.words, command + 1, &table::COMPOSE_BUILD, Order::Mixed)?;
        let refuse = |reason| Error::Refused { command: table::COMPOSE_BUILD.command, reason };
        let values = |option: &str| -> Result<Vec<&str>, Error> {
            let places = parsed.all(option).filter_map(|given| given.value);
            places.map(|place| self.words.value(place)).collect()
        };
        for value in values("sbom")? {
            sbom(value).map_err(refuse)?;
        }
        let arguments = arguments(&values("build-arg")?, variable);
        match arguments.contains_key(SYNTAX_ARGUMENT) {
            true => Err(refuse("BUILDKIT_SYNTAX belongs into the compose file")),
            false => Ok(arguments),
        }
    }
}
