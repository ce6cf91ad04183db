//! `docker trust inspect`.

use super::grammar::Call;
use super::session::Session;
use super::words::Refusal;
use crate::cli::inspect::{View, inspection, misplaced};
use crate::cli::output::{Failure, beside_role, for_json};
use crate::cli::process::wait_for;
use crate::cli::subject::Subject;

/// JSON shows every image that can be shown; for people it ends at the first that cannot.
pub(super) fn run(call: &Call, session: &Session) -> Result<(), Refusal> {
    let pretty = call.flags.is_set("pretty");
    let mut views = Vec::new();
    let mut refusals = Vec::new();
    for reference in &call.arguments {
        match view(reference, session) {
            Ok(view) => views.push(view),
            Err(refusal) => refusals.push(refusal),
        }
        if pretty && !refusals.is_empty() {
            break;
        }
    }
    let output = session.context.output;
    match pretty {
        true => {
            let mut page = views.iter().map(View::pretty).collect::<Vec<_>>().join(BETWEEN);
            // Another one was to follow.
            if !views.is_empty() && !refusals.is_empty() {
                page += BETWEEN;
            }
            output.page(&page);
        }
        false => output.bytes(for_json(&View::json(&views)).as_bytes()),
    }
    match refusals.is_empty() {
        true => Ok(()),
        false => Err(all(&refusals)),
    }
}

fn view(reference: &str, session: &Session) -> Result<View, Refusal> {
    let subject = session.image(reference)?;
    let found = wait_for(inspection(&without_tag_if_digest(subject), &session.context));
    // docker says the same whatever it was; the reason is told to whoever asks with --debug.
    let hidden = |failure: Failure| {
        session.context.output.detail(&format!("{reference}: {}", failure.message));
        Refusal::new(format!("no signatures or cannot access {reference}"))
    };
    let found = found.map_err(hidden)?;
    // Docker warns of them, too, and shows what is left.
    for (role, why) in &found.collection.unusable {
        let why = why.to_string();
        session.complain(&format!("warning: {role} cannot be used: {}", beside_role(role, &why)));
    }
    for told in misplaced(&found) {
        session.complain(&format!("warning: {told}"));
    }
    Ok(View::of(reference, &found))
}

/// With a digest docker takes the whole repository.
fn without_tag_if_digest(subject: Subject) -> Subject {
    match subject.digest() {
        Some(_) => subject.without_tag(),
        None => subject,
    }
}

fn all(refusals: &[Refusal]) -> Refusal {
    let texts: Vec<&str> = refusals.iter().map(Refusal::text).collect();
    Refusal::new(texts.join("\n"))
}

/// What docker puts between images.
const BETWEEN: &str = "\n\n";
