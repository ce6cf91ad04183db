//! What became of tags that were signed.

use serde_json::{Value, json};

use super::batch::Batch;
use crate::cli::context::Context;
use crate::cli::output::Format;
use crate::cli::publishing::versions;
use crate::cli::subject::Subject;
use crate::docker::{Signing, TagSigned};
use crate::edit::Change;
use crate::image::Descriptor;
use crate::tuf::Target;

/// Tells what became of each tag.
pub(super) fn tell(batch: &Batch, signing: &Signing, context: &Context) {
    for ((typed, _, descriptor), signed) in batch.tags.iter().zip(&signing.tags) {
        tell_of_changes(typed, signed, context);
        match context.output.format {
            Format::Text => {
                context.output.answer(&format!("{}@{}", batch.subject.gun, signed.digest));
            }
            Format::Json => {
                context.output.object(&as_json(typed, &batch.subject, descriptor, signed, signing));
            }
        }
    }
}

fn tell_of_changes(typed: &str, signed: &TagSigned, context: &Context) {
    for (role, change) in &signed.roles {
        match change {
            Change::Added => context.output.detail(&format!("{typed}: signed in {role}")),
            Change::Unchanged => {
                context.output.notice(&format!("{typed}: was signed so in {role} already"));
            }
            Change::Replaced(before) => context.output.notice(&match digest(before) {
                same if same == signed.digest.to_string() => {
                    format!(
                        "{typed}: the digest stays in {role}, its size or a note is another one"
                    )
                }
                other => format!("{typed}: replaces {other} in {role}"),
            }),
        }
    }
    for (role, before) in &signed.withdrawn {
        let before = digest(before);
        context.output.notice(&format!("{typed}: no longer {before} in {role}, asked before"));
    }
    if !signed.counts_for_pulls() {
        let roles: Vec<&str> = signed.roles.iter().map(|(role, _)| role.as_str()).collect();
        let found = match &signed.found {
            Some((role, found)) => format!("and pulls find {} in {role}", digest(found)),
            None => "where no pull looks".to_owned(),
        };
        let roles = roles.join(", ");
        context.output.notice(&format!("warning: {typed}: signed in {roles} only, {found}"));
    }
}

fn digest(target: &Target) -> String {
    let sha256 = target.hashes.sha256();
    sha256.map_or_else(|| "something without a sha256".to_owned(), |it| format!("sha256:{it}"))
}

fn as_json(
    typed: &str,
    subject: &Subject,
    descriptor: &Descriptor,
    signed: &TagSigned,
    signing: &Signing,
) -> Value {
    let roles = signed.roles.iter().map(|(role, change)| {
        let (change, before) = match change {
            Change::Added => ("added", None),
            Change::Unchanged => ("unchanged", None),
            Change::Replaced(before) => ("replaced", before.hashes.sha256()),
        };
        let replaced = before.map(|hash| format!("sha256:{hash}"));
        json!({"role": role.as_str(), "change": change, "replaced": replaced})
    });
    let withdrawn = signed
        .withdrawn
        .iter()
        .map(|(role, before)| json!({"role": role.as_str(), "digest": digest(before)}));
    json!({
        "reference": typed,
        "name": subject.gun.as_str(),
        "tag": signed.tag.as_str(),
        "digest": signed.digest.to_string(),
        "size": descriptor.size,
        "roles": roles.collect::<Vec<_>>(),
        "withdrawn": withdrawn.collect::<Vec<_>>(),
        "pulled": signed.counts_for_pulls(),
        "versions": versions(&signing.versions),
        "founded": signing.founded.map(|root| root.to_string()),
    })
}
