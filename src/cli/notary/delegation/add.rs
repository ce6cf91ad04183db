//! `delegation add`: stages a delegated role, or more keys and paths for one.

use std::path::Path;

use super::super::grammar::{Call, Command, Run};
use super::super::session::{self, Session};
use super::super::staging::{self, PUBLISH};
use super::super::stop::Stop;
use super::shown;
use crate::cli::output::Failure;
use crate::cli::pflag::Flag;
use crate::docker::staged::StagedEdit;
use crate::docker::{PublicKeyError, public_key};
use crate::edit::check_path;
use crate::tuf::{Dialect, Key, RoleName, Threshold};

pub(super) static COMMAND: Command = Command {
    name: "add",
    arguments: " [ GUN ] [ Role ] <X509 file path 1> ...",
    summary: "Stage a delegated role, or more keys and paths for it",
    about: "Stages a delegated role with the public keys or certificates in PEM files, or gives more keys and paths to one that is there.",
    flags: &[
        Flag::switch("all-paths", None, "Let it sign every name"),
        Flag::texts("paths", None, "Let it sign names that begin so"),
        PUBLISH,
    ],
    commands: &[],
    run: Some(Run(run)),
};

const MISSING: &str = "must specify the Global Unique Name and the role of the delegation along with the public key certificate paths and/or a list of paths to add";

fn run(call: &Call) -> Result<(), Stop> {
    let [gun, role] = call.first(MISSING)?;
    let files = call.rest(2);
    if files.is_empty() && call.texts("paths").is_none() && !call.has("all-paths") {
        return Err(Stop::usage(call, MISSING));
    }
    let session = Session::open(call)?;
    let collection = session::gun(gun)?;
    let keys: Vec<Key> = files.iter().map(|file| key(file, &session)).collect::<Result<_, _>>()?;
    let paths = paths(call)?;
    paths.iter().try_for_each(|path| check_path(path)).map_err(Failure::from)?;
    let name =
        staging::delegation(role).map_err(|stop| stop.about("failed to create delegation: "))?;
    staging::stage(&edits(&name, &keys, &paths), &collection, &session)?;
    session.say(&format!("\n{}\n", sentence(gun, role, &keys, &paths, call)));
    staging::publish_if_wanted(call, &collection, &session)
}

/// The paths to add. `--paths ""` is no path to the original; it is refused, because a variable that
/// is not set looks the same, and elsewhere the empty path is every name.
fn paths(call: &Call) -> Result<Vec<String>, Stop> {
    let given = call.texts("paths");
    if call.has("all-paths") {
        return Ok(vec![String::new()]);
    }
    match given {
        Some([]) => Err(Stop::fatal("--paths names no path")
            .advise("--all-paths lets the role sign every name.")),
        Some(paths) if paths.iter().any(String::is_empty) => Ok(vec![String::new()]),
        given => Ok(given.unwrap_or_default().to_vec()),
    }
}

/// As the original stages it: keys first, so that a new role has some.
fn edits(role: &RoleName, keys: &[Key], paths: &[String]) -> Vec<StagedEdit> {
    let edit = |threshold, keys: &[Key], paths: &[String]| StagedEdit::Delegate {
        role: role.clone(),
        threshold,
        keys: keys.to_vec(),
        paths: paths.to_vec(),
    };
    let keys = (!keys.is_empty()).then(|| edit(Some(Threshold::ONE), keys, &[]));
    let paths = (!paths.is_empty()).then(|| edit(None, &[], paths));
    keys.into_iter().chain(paths).collect()
}

fn sentence(gun: &str, role: &str, keys: &[Key], paths: &[String], call: &Call) -> String {
    let mut with = String::new();
    if !keys.is_empty() {
        let ids = keys.iter().filter_map(Key::canonical_id);
        let ids = ids.map(|id| id.to_string()).collect::<Vec<_>>().join(" ");
        with.push_str(&format!("with keys [{ids}], "));
    }
    if call.texts("paths").is_some() || call.has("all-paths") {
        with.push_str(&format!("with paths [{}], ", shown(paths).join("\n")));
    }
    format!(
        "Addition of delegation role {role} {with}to repository \"{gun}\" staged for next publish.\n"
    )
}

/// The key in a PEM file: a certificate's, or a bare one.
fn key(file: &str, session: &Session) -> Result<Key, Stop> {
    let text = match std::fs::read(Path::new(file)) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Stop::fatal(format!("file for public key does not exist: {file}")));
        }
        Err(_) => {
            return Err(Stop::fatal(format!("unable to read public key from file: {file}")));
        }
    };
    public_key(Dialect::Notary, &text, session.now).map_err(|error| {
        let problem = match error {
            PublicKeyError::Missing => "no valid public key found".to_owned(),
            other => other.to_string(),
        };
        Stop::fatal(format!(
            "unable to parse valid public key certificate from PEM file {file}: {problem}"
        ))
    })
}
