//! `docker pull` (docker/cli `cli/command/image/trust.go`, `trustedPull`).

use super::Refusal;
use super::bring::{bring, on_stdout};
use super::call::Next;
use super::session::{Pinned, Session};
use crate::cli::inspect::{inspection, natural};
use crate::docker::command_line::{Asked, Guarded};
use crate::docker::{Pulled, SignedTag};
use crate::image::{Name, Reference};

/// Pulls what is signed, by digest.
pub(super) async fn run(guarded: Guarded, session: &Session) -> Result<Next, Refusal> {
    let of_words = |error| Refusal::of_words(&error);
    let Some(used) = guarded.images().map_err(of_words)?.pop() else { return Ok(Next::End(1)) };
    let (quiet, all) = (guarded.switch("quiet"), guarded.switch("all-tags"));
    let (quiet, all) = (quiet.map_err(of_words)?, all.map_err(of_words)?);
    let asked = Asked::of(&used.text).map_err(of_words)?;
    let reference: Reference = match &asked {
        // The content is fixed; docker does not look further, either.
        Asked::Id | Asked::Digest(_) => return Ok(Next::Docker(guarded.words.into_vec())),
        Asked::Tag { name, .. } => {
            used.text.parse().unwrap_or(Reference::new(name.clone(), None, None))
        }
    };
    let platform = guarded.value("platform").map_err(of_words)?;
    let (images, left_out) = match (all, reference.tag()) {
        (true, Some(_)) => return Err(Refusal::new("tag can't be used with --all-tags/-a")),
        (true, None) => every_tag(reference.name(), &used.text, session).await?,
        (false, tag) => {
            if tag.is_none() && !quiet {
                session.context.output.answer("Using default tag: latest");
            }
            (session.pin(&used.text, &asked).await?.into_iter().collect(), 0)
        }
    };
    let engine = session.engine(on_stdout(quiet))?;
    for (index, pinned) in images.iter().enumerate() {
        session.context.output.answer(&line(index + 1, images.len(), pinned));
        bring(pinned, platform, &engine, session).await?;
    }
    let last = images.first().filter(|_| !all).map_or(reference.clone(), Pinned::by_tag);
    session.context.output.answer(&last.to_string());
    match left_out {
        0 => Ok(Next::End(0)),
        // Docker ends well here; but who asked for all of them has not got them.
        _ => Err(Refusal::new(format!("{left_out} of the signed tags could not be pulled"))),
    }
}

fn line(number: usize, of: usize, pinned: &Pinned) -> String {
    format!("Pull ({number} of {of}): {}", pinned.in_full().familiar())
}

/// The signed tags in their natural order, and how many more there are that were told and left out:
/// those that no image can have, that have no digest, that were signed for another collection, or
/// that not everybody signs who must.
async fn every_tag(
    name: &Name,
    typed: &str,
    session: &Session,
) -> Result<(Vec<Pinned>, usize), Refusal> {
    let latest = crate::image::Tag::latest();
    let failed = |failure| Refusal::of_image(name, &latest, typed, &failure);
    let subject = session.context.subject(typed).map_err(failed)?;
    let required = session.context.required_signers().map_err(failed)?;
    let inspection = inspection(&subject, &session.context).await.map_err(failed)?;
    let pulled = inspection.into_pulled().map_err(|error| failed(error.into()))?;
    let Pulled { mut tags, misplaced } = pulled;
    tags.sort_by(|left, right| natural(&left.tag, &right.tag));
    let lacks = |signed: &SignedTag| {
        required.iter().any(|signer| signed.signers.iter().all(|it| it != signer.as_str()))
    };
    let (mut images, count) = (Vec::new(), tags.len() + misplaced.len());
    for SignedTag { tag, signed_for, .. } in &misplaced {
        let other = signed_for.as_deref().unwrap_or_default();
        session.context.output.reply(&format!("Skipping target for {tag:?}: signed for {other}"));
    }
    for signed in tags {
        match (signed.tag.parse(), signed.digest) {
            (Ok(tag), Some(digest)) if !lacks(&signed) => {
                images.push(Pinned { name: name.clone(), tag, digest });
            }
            _ => {
                let skipped = format!("Skipping target for \"{}\"", signed.tag);
                session.context.output.reply(&skipped);
            }
        }
    }
    match images.is_empty() {
        true => Err(Refusal::new(format!("No trusted tags for {name}"))),
        false => {
            let left_out = count - images.len();
            Ok((images, left_out))
        }
    }
}
