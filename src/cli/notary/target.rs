//! What a target is made of: content, hashes, and the publisher's own JSON.

use super::files;
use super::grammar::Call;
use super::stop::Stop;
use crate::cli::output::Failure;
use crate::cli::pflag::Flag;
use crate::docker::staged::StagedEdit;
use crate::edit;
use crate::tuf::{Custom, Hashes, RoleName, Target};

/// `--custom`.
pub(super) const CUSTOM: Flag =
    Flag::text("custom", None, "File with JSON of your own to be signed with the target");
/// `-r`.
pub(super) const ROLES: Flag =
    Flag::texts("roles", Some('r'), "Delegated roles to do it in [targets]");

/// A target in every role that is named.
pub(super) fn in_roles(name: &str, target: &Target, roles: Vec<RoleName>) -> Vec<StagedEdit> {
    let (name, target) = (name.to_owned(), target.clone());
    let edit = |role| StagedEdit::SetTarget { role, name: name.clone(), target: target.clone() };
    roles.into_iter().map(edit).collect()
}

/// The content of a file as a target.
///
/// # Errors
///
/// If it cannot be read.
pub(super) fn of_file(path: &str, custom: Option<Custom>) -> Result<Target, Stop> {
    let content = files::read(path)?;
    Ok(Target { length: content.len() as u64, hashes: Hashes::of(&content), custom })
}

/// The publisher's own JSON, if a file with it is named.
///
/// # Errors
///
/// If it cannot be read, or has no form that can be signed.
pub(super) fn custom(call: &Call) -> Result<Option<Custom>, Stop> {
    let Some(path) = call.text(CUSTOM.long) else { return Ok(None) };
    let text = files::read(path)?;
    match Custom::parse(&text) {
        Ok(custom) if custom.as_str() == "null" => Ok(None),
        Ok(custom) => Ok(Some(custom)),
        Err(error) => Err(Stop::from(error).about(&format!("{path}: "))),
    }
}

/// Refuses at once what could not be published later.
///
/// # Errors
///
/// If the name cannot stand in metadata.
pub(super) fn check_name(name: &str) -> Result<(), Stop> {
    edit::check_target_name(name).map_err(|error| Failure::from(error).into())
}

/// The same of a target and its name.
///
/// # Errors
///
/// If either cannot stand in metadata.
pub(super) fn check(name: &str, target: &Target) -> Result<(), Stop> {
    edit::check_target(name, target).map_err(|error| Failure::from(error).into())
}
