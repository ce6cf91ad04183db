//! Staging changes, and publishing them at once if that is wanted.

use super::grammar::Call;
use super::publish;
use super::session::Session;
use super::stop::Stop;
use crate::cli::pflag::Flag;
use crate::docker::staged::StagedEdit;
use crate::tuf::{Gun, RoleName};

/// `-p`.
pub(super) const PUBLISH: Flag =
    Flag::switch("publish", Some('p'), "Publish at once, with all that was staged before");

/// Stages edits in order.
///
/// # Errors
///
/// If they cannot be written.
pub(super) fn stage(edits: &[StagedEdit], gun: &Gun, session: &Session) -> Result<(), Stop> {
    let changes: Vec<_> = edits.iter().map(StagedEdit::to_change).collect();
    Ok(session.directory(gun).changelist().add(&changes, session.now)?)
}

/// Publishes what is staged, if `-p` is given.
///
/// # Errors
///
/// As `publish`.
pub(super) fn publish_if_wanted(call: &Call, gun: &Gun, session: &Session) -> Result<(), Stop> {
    if !call.has(PUBLISH.long) {
        return Ok(());
    }
    session.say(&format!("Auto-publishing changes to {gun}\n"));
    publish::publish(gun, session)
}

/// The roles of `-r`; `targets` if none is named.
///
/// # Errors
///
/// If one of them signs no targets.
pub(super) fn roles(call: &Call) -> Result<Vec<RoleName>, Stop> {
    let named = call.texts("roles").unwrap_or_default();
    if named.is_empty() {
        return Ok(vec![RoleName::Targets]);
    }
    named.iter().map(|name| signing_role(name)).collect()
}

fn signing_role(name: &str) -> Result<RoleName, Stop> {
    let role = name.parse::<RoleName>().ok().filter(RoleName::lists_targets);
    role.ok_or_else(|| {
        Stop::fatal(format!("tuf: invalid role {name}. cannot add targets to this role"))
    })
}

/// A delegated role.
///
/// # Errors
///
/// If the name is none of a delegation.
pub(super) fn delegation(name: &str) -> Result<RoleName, Stop> {
    let role = name.parse::<RoleName>().ok().filter(|role| role.parent().is_some());
    role.ok_or_else(|| {
        Stop::fatal(format!("tuf: invalid role {name}. invalid delegation role name"))
    })
}
