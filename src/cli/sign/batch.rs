//! What is to be signed, together for each repository.

use std::collections::BTreeMap;

use super::Arguments;
use crate::cli::context::Context;
use crate::cli::exit::{Code, Kind};
use crate::cli::output::Failure;
use crate::cli::subject::Subject;
use crate::docker::SignRequest;
use crate::image::{Descriptor, Tag};

/// The tags of one repository.
pub(super) struct Batch {
    pub(super) subject: Subject,
    /// As each was typed, and what it is to mean.
    pub(super) tags: Vec<(String, Tag, Descriptor)>,
}

impl Batch {
    /// The request with these tags in it.
    pub(super) fn requested(&self, request: &SignRequest) -> SignRequest {
        let tags = self.tags.iter().map(|(_, tag, what)| (tag.clone(), what.clone())).collect();
        SignRequest { tags, ..request.clone() }
    }

    /// Tells of each tag that it failed for this reason.
    pub(super) fn refusal(&self, failure: &Failure, context: &Context) -> Code {
        let refuse = |(typed, _, _): &(String, Tag, Descriptor)| {
            context.output.refusal(Some(typed), failure)
        };
        self.tags.iter().map(refuse).max().unwrap_or_default()
    }

    /// A tag means one thing: of two digests in one call, one is a mistake.
    pub(super) fn check_one_meaning(&self) -> Result<(), Failure> {
        let mut meanings = BTreeMap::new();
        for (typed, tag, what) in &self.tags {
            let first = *meanings.entry(tag).or_insert(what.digest);
            if first != what.digest {
                let message = format!("{typed}: one tag with two digests; nothing is signed");
                let failure = Failure::new(Kind::Usage, message);
                return Err(failure.expected(first).found(what.digest));
            }
        }
        Ok(())
    }
}

/// Finds out what to sign, before anything is signed. What cannot be found out is told and left
/// out.
pub(super) async fn batches(arguments: &Arguments, context: &Context) -> (Vec<Batch>, Code) {
    let mut batches: Vec<Batch> = Vec::new();
    let mut code = Code::Done;
    for reference in &arguments.references {
        match what(reference, arguments, context).await {
            Err(failure) => code = code.max(context.output.refusal(Some(reference), &failure)),
            Ok((subject, tag, descriptor)) => {
                let entry = (reference.clone(), tag, descriptor);
                match batches.iter_mut().find(|batch| batch.subject.gun == subject.gun) {
                    Some(batch) => batch.tags.push(entry),
                    None => batches.push(Batch { subject, tags: vec![entry] }),
                }
            }
        }
    }
    (batches, code)
}

async fn what(
    reference: &str,
    arguments: &Arguments,
    context: &Context,
) -> Result<(Subject, Tag, Descriptor), Failure> {
    let subject = context.subject(reference)?;
    let tag = subject.given_tag().cloned().ok_or_else(|| {
        Failure::new(Kind::BadReference, "no tag: write which tag to sign, such as :latest")
    })?;
    let descriptor = arguments.source.descriptor(&subject, &tag, context).await?;
    Ok((subject, tag, descriptor))
}
