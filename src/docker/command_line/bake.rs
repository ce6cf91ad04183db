//! `docker buildx bake`: the words to ask for its definition, and those to build another one.

use std::ffi::OsString;
use std::path::Path;

use super::{Error, Guarded, Words};
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
        let switches = PRINTING.into_iter().filter(|name| *name != "list");
        let on: Result<Vec<bool>, Error> = switches.map(|it| self.switch(it)).collect();
        Ok(lists || on?.contains(&true))
    }

    /// The words that have buildx print the definition. Of a switch that is given twice the last
    /// one counts: with the user's `--print=false` buildx would build.
    pub fn definition_words(&self) -> Vec<OsString> {
        let mut words = self.words.clone();
        self.leave_out(&mut words, &PRINTING);
        let probe = ["--print", "--set", PROBE].map(OsString::from);
        words.insert(self.from, probe);
        words.into_vec()
    }

    /// The words that have buildx build the definition in a file. Its group `default` holds the
    /// targets that were asked for, with all that options set in them.
    pub fn words_for_definition(self, definition: &Path) -> Vec<OsString> {
        let mut words = self.words.clone();
        self.leave_out(&mut words, &RESOLVED);
        self.leave_out(&mut words, &PRINTING);
        self.parsed.operands.iter().for_each(|operand| words.remove(*operand));
        words.insert(self.from, ["--file".into(), definition.into()]);
        words.into_vec()
    }

    fn leave_out(&self, words: &mut Words, options: &[&str]) {
        for given in self.parsed.options.iter().filter(|it| options.contains(&it.name)) {
            words.remove(given.word);
            given.value.into_iter().for_each(|value| words.remove(value.word));
        }
    }
}

/// Options by which buildx prints something instead of building.
const PRINTING: [&str; 4] = ["print", "list", "list-targets", "list-variables"];
/// Options that are resolved in a printed definition.
const RESOLVED: [&str; 3] = ["file", "set", "var"];
