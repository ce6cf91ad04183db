//! `lookup`: what a name stands for.

use super::grammar::{Call, Command, Run};
use super::session::{self, Session};
use super::stop::Stop;
use crate::cli::process::wait_for;
use crate::client::Refreshed;
use crate::docker::{SignerName, check_signed_by};
use crate::image::ImageDigest;
use crate::tuf::{Gun, Target};
use crate::verify::Lookup;

pub(super) static COMMAND: Command = Command {
    name: "lookup",
    arguments: " [ GUN ] <target>",
    summary: "Show what a target stands for",
    about: "Shows digest and size of a target, as the server has it now.",
    flags: &[],
    commands: &[],
    run: Some(Run(run)),
};

fn run(call: &Call) -> Result<(), Stop> {
    let [gun, name] = call.first("Must specify a GUN and target")?;
    let session = Session::open(call)?;
    let collection = session::gun(gun)?;
    let target = wait_for(async { Ok(find(name, &collection, &session).await) })??;
    let digest = target.hashes.sha256().map(|hash| hash.to_string()).unwrap_or_default();
    session.say(&format!("{name} sha256:{digest} {}\n", target.length));
    Ok(())
}

/// What a name stands for: in `targets`, or the first role below it that signs the name.
///
/// # Errors
///
/// If no role does, or one that is asked before cannot be used.
pub(super) async fn find(name: &str, gun: &Gun, session: &Session) -> Result<Target, Stop> {
    let signers = session.required_signers()?;
    let mut refreshed = session.refresh(gun).await?;
    let found = refreshed.targets.find(name).map_err(crate::client::Error::from)?;
    let unusable = match found {
        Lookup::Found { target, .. } => {
            check_signers(name, target, &signers, &refreshed)?;
            return Ok(target.clone());
        }
        Lookup::Needs { role, .. } => refreshed.unusable.remove(&role),
        Lookup::Absent => None,
    };
    match unusable {
        Some(error) => Err(error.into()),
        None => Err(Stop::fatal(format!("No valid trust data for {name}"))),
    }
}

/// Refuses a target that the signers whom the configuration wants do not all sign alike.
fn check_signers(
    name: &str,
    target: &Target,
    signers: &[SignerName],
    refreshed: &Refreshed,
) -> Result<(), Stop> {
    if signers.is_empty() {
        return Ok(());
    }
    let digest = target.hashes.sha256().map(ImageDigest::from);
    match (name.parse(), digest) {
        (Ok(tag), Some(digest)) => Ok(check_signed_by(refreshed, &tag, digest, signers)?),
        _ => Err(Stop::fatal(format!("require_signers: {name} is no tag with a sha256"))),
    }
}
