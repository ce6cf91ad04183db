//! `docker trust revoke`, which really does: what is still pulled afterwards is told as a failure.

use super::grammar::Call;
use super::session::{Session, chain};
use super::words::{Refusal, inner};
use crate::cli::process::{guard_memory, wait_for};
use crate::cli::subject::Subject;
use crate::docker::{Revocation, RevokeRequest};
use crate::net::Access;

/// Asks if nobody said yes, and revokes.
pub(super) fn run(call: &Call, session: &Session) -> Result<(), Refusal> {
    guard_memory()?;
    let [typed] = call.arguments.as_slice() else { return Ok(()) };
    let subject = session.image(typed)?;
    if subject.digest().is_some() {
        return Err(Refusal::new("cannot use a digest reference for IMAGE:TAG"));
    }
    let request = match subject.given_tag() {
        Some(tag) => RevokeRequest::Tag(tag.clone()),
        None => RevokeRequest::All,
    };
    if request == RevokeRequest::All && !call.flags.is_set("yes") {
        let question = format!("Confirm you would like to delete all signature data for {typed}?");
        if !session.confirm(&question)? {
            return Ok(());
        }
    }
    let failed =
        |refusal: Refusal| refusal.while_doing(format!("could not remove signature for {typed}"));
    let revocation = revoke(&subject, &request, session).map_err(failed)?;
    check(&revocation, &request).map_err(failed)?;
    session.say(&format!("Successfully deleted signature for {typed}"));
    Ok(())
}

fn revoke(
    subject: &Subject,
    request: &RevokeRequest,
    session: &Session,
) -> Result<Revocation, Refusal> {
    let opened = session.context.open(subject, Access::PushPull)?;
    let (mut passphrases, mut asker) = (session.passphrases()?, session.asker());
    let keys = session.context.key_set()?;
    let host = session.context.server_host(subject);
    wait_for(async {
        let mut chain = chain(&mut passphrases, &mut asker);
        Ok(opened.collection().revoke(request, &keys, &mut chain).await)
    })?
    .map_err(|error| inner(error, &subject.gun, &host))
}

/// Whether the tags are out of every role in which pulls look.
fn check(revocation: &Revocation, request: &RevokeRequest) -> Result<(), Refusal> {
    if !revocation.pullable.is_empty() {
        let tags = revocation.pullable.join(", ");
        return Err(Refusal::new(format!(
            "{tags} can still be pulled: the key of the role that signs it is not here"
        )));
    }
    if *request == RevokeRequest::All && revocation.removed.is_empty() {
        return Err(Refusal::new("no signed tags to remove"));
    }
    Ok(())
}
