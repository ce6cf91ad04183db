//! One who keeps trust data in the registry itself, with a trust directory of their own.
#![allow(dead_code, reason = "each test uses the part that it needs")]

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::registry::{TestRegistry, text};

/// One with a trust directory, and so with keys and a memory, of their own.
pub(crate) struct Person<'s> {
    servers: &'s TestRegistry,
    place: String,
    pub(crate) trust: PathBuf,
}

impl<'s> Person<'s> {
    pub(crate) fn new(servers: &'s TestRegistry, name: &str) -> Self {
        Self { servers, place: "oci".to_owned(), trust: servers.directory().join(name) }
    }

    /// The same one, who looks for trust data elsewhere.
    pub(crate) fn at(&self, place: &str) -> Self {
        Self { place: place.to_owned(), trust: self.trust.clone(), ..*self }
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.servers.command(env!("CARGO_BIN_EXE_countersign"));
        command.args(["--server", &self.place, "--trust-dir"]).arg(&self.trust).args(arguments);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("countersign runs")
    }

    /// What a run that must succeed prints.
    pub(crate) fn does(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output));
        String::from_utf8(output.stdout).expect("text")
    }

    /// The same, as JSON of one line.
    pub(crate) fn answers(&self, arguments: &[&str]) -> Value {
        let line = self.does(arguments);
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// The kind of refusal of a verification that must fail.
    pub(crate) fn refusal(&self, reference: &str) -> String {
        let output = self.run(&["verify", "--format", "json", reference]);
        assert!(!output.status.success(), "{reference}: {}", text(&output));
        let line: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        line["error"]["kind"].as_str().expect("a kind").to_owned()
    }

    /// Signs a digest that is this digit, again and again.
    pub(crate) fn signs(&self, reference: &str, digit: &str, more: &[&str]) {
        let digest = digest(digit);
        self.does(&[&["sign", "--size", "527", "--digest", &digest, reference], more].concat());
    }

    /// Runs several commands at the same time, all of which must succeed.
    pub(crate) fn does_at_once(&self, lines: impl Iterator<Item = Vec<String>>) {
        let jobs: Vec<_> = lines
            .map(|line| {
                let words: Vec<&str> = line.iter().map(String::as_str).collect();
                let mut command = self.command(&words);
                command.stdout(Stdio::piped()).stderr(Stdio::piped());
                command.spawn().expect("countersign runs")
            })
            .collect();
        for job in jobs {
            let output = job.wait_with_output().expect("it ends");
            assert!(output.status.success(), "{}", text(&output));
        }
    }
}

/// A digest that is this digit, again and again.
pub(crate) fn digest(digit: &str) -> String {
    format!("sha256:{}", digit.repeat(64))
}
