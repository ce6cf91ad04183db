//! `docker buildx bake`: the words to ask for its definition, and those to build another one.

use std::ffi::OsString;
use std::path::Path;

use super::options::Given;
use super::{Error, Guarded};
use crate::docker::bake::PROBE;
use crate::docker::build_source::{check_sources, is_remote, sbom};

/// What the command line says about a definition.
#[derive(Debug)]
pub struct Bake {
    /// Whether something is only printed.
    pub only_prints: bool,
    /// Whether a part of the definition comes from stdin.
    pub reads_stdin: bool,
}

impl Guarded {
    /// Reads the options of bake.
    ///
    /// # Errors
    ///
    /// [`Error`] for definitions that buildx would fetch, and for what nobody can check.
    pub fn bake(&self, variable: &dyn Fn(&str) -> Option<String>) -> Result<Bake, Error> {
        let refuse = |reason| Error::Refused { command: self.verb.command(), reason };
        check_sources(variable).map_err(refuse)?;
        for value in self.values("sbom")? {
            sbom(value).map_err(refuse)?;
        }
        for operand in &self.parsed.operands {
            if is_remote(self.words.text(*operand)?) {
                return Err(refuse(
                    "a definition from elsewhere carries no signature; fetch it first",
                ));
            }
        }
        Ok(Bake {
            only_prints: self.only_prints()?,
            reads_stdin: self.values("file")?.contains(&"-"),
        })
    }

    fn only_prints(&self) -> Result<bool, Error> {
        let lists = self.value("list")?.is_some_and(|list| !list.is_empty());
        let switches = ["print", "list-targets", "list-variables"];
        let on: Result<Vec<bool>, Error> = switches.map(|it| self.switch(it)).into_iter().collect();
        Ok(lists || on?.contains(&true))
    }

    /// The words that have buildx print the definition.
    pub fn definition_words(&self) -> Vec<OsString> {
        let mut words = self.words.range(0..self.from);
        words.extend(["--print", "--set", PROBE].map(OsString::from));
        words.extend(self.words.range(self.from..self.words.len()));
        words
    }

    /// The words that have buildx build the definition in a file. Its group `default` holds the
    /// targets that were asked for, with all that options set in them.
    pub fn words_for_definition(mut self, definition: &Path) -> Vec<OsString> {
        let is_resolved = |given: &&Given| matches!(given.name, "file" | "set" | "var" | "print");
        let resolved: Vec<Given> =
            self.parsed.options.iter().filter(is_resolved).copied().collect();
        for given in resolved {
            self.words.remove(given.word);
            given.value.into_iter().for_each(|value| self.words.remove(value.word));
        }
        self.parsed.operands.iter().for_each(|operand| self.words.remove(*operand));
        self.words.insert(self.from, ["--file".into(), definition.into()]);
        self.words.into_vec()
    }
}
