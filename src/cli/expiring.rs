//! `status --within`: what ends soon, of repositories that are named or known here.

use futures_util::StreamExt as _;
use jiff::{SignedDuration, Timestamp as Instant};
use serde_json::json;

use super::context::Context;
use super::exit::{Code, Kind};
use super::output::{Failure, Format};
use super::process::wait_for;
use super::span::Span;
use super::subject::Subject;
use super::table::table;
use super::verify::tell_of_age;
use crate::docker::{Ending, Keeper, Lifetime, argument};
use crate::net::Access;
use crate::storage::TrustDirectory;
use crate::tuf::KeyId;

/// Tells what ends within a time. The exit code is 4 when something does that the server will not
/// renew by itself.
///
/// # Errors
///
/// If a name is none.
pub(super) fn run(
    repositories: &[String],
    within: Span,
    context: &Context,
) -> Result<Code, Failure> {
    let within = SignedDuration::try_from(within.duration()).unwrap_or(SignedDuration::MAX);
    let limit = context.now.checked_add(within).unwrap_or(Instant::MAX);
    let subjects = subjects(repositories, context)?;
    if subjects.is_empty() {
        context.output.notice("no repository is known here");
    }
    wait_for(async {
        let look = |subject: Subject| async move {
            let outcome = lifetimes(&subject, context).await;
            (subject, outcome)
        };
        let mut answers = futures_util::stream::iter(subjects).map(look).buffered(AT_ONCE);
        let (mut code, mut rows) = (Code::Done, Vec::new());
        while let Some((subject, outcome)) = answers.next().await {
            match outcome {
                Err(failure) => {
                    code = code.max(context.output.refusal(Some(&subject.typed), &failure));
                }
                Ok(lifetimes) => {
                    let due = lifetimes.into_iter().filter(|it| it.at <= limit);
                    for it in due.filter(|it| it.keeper != Keeper::Server) {
                        code = code.max(Code::NotTrusted);
                        tell(&subject, &it, context, &mut rows);
                    }
                }
            }
        }
        if !rows.is_empty() {
            let heading = ["ENDS", "REPOSITORY", "WHAT", "WHAT TO DO"];
            context.output.page(&table(heading, &rows));
        }
        Ok(code)
    })
}

fn subjects(repositories: &[String], context: &Context) -> Result<Vec<Subject>, Failure> {
    if !repositories.is_empty() {
        return repositories.iter().map(|name| context.subject(name)?.bare()).collect();
    }
    let known = TrustDirectory::new(context.trust()).collections();
    let known = known.map_err(|error| Failure::of(Kind::Disk, &error))?;
    known.iter().map(Subject::of).collect()
}

async fn lifetimes(subject: &Subject, context: &Context) -> Result<Vec<Lifetime>, Failure> {
    let opened = context.open(subject, Access::Pull)?;
    let lifetimes = opened.collection().lifetimes(&context.key_set()?).await?;
    tell_of_age(subject, opened.freshness()?, context);
    Ok(lifetimes)
}

fn tell(subject: &Subject, it: &Lifetime, context: &Context, rows: &mut Vec<[String; 4]>) {
    let gun = subject.gun.as_str();
    let (what, role, key) = match &it.what {
        Ending::Role(role) => (role.to_string(), role, None),
        Ending::Certificate(role, key) => {
            (format!("certificate of {role}, key {}", key.short()), role, Some(key))
        }
    };
    let remedy = match (&it.what, it.keeper) {
        (Ending::Role(_), Keeper::Elsewhere) => "whoever has its key signs it again".to_owned(),
        (Ending::Role(_), _) => format!("countersign refresh {}", argument(&subject.gun)),
        (Ending::Certificate(role, _), _) if role.parent().is_none() => {
            format!("countersign key rotate {} root", argument(&subject.gun))
        }
        (Ending::Certificate(..), _) => "none: its dates are looked at by nobody".to_owned(),
    };
    match context.output.format {
        Format::Text => {
            rows.push([format!("{:.0}", it.at), gun.to_owned(), what, remedy]);
        }
        Format::Json => context.output.object(&json!({
            "name": gun,
            "kind": if key.is_some() { "certificate" } else { "role" },
            "role": role.as_str(),
            "key": key.map(KeyId::to_string),
            "ends": format!("{:.0}", it.at),
            "days_left": it.at.duration_since(context.now).as_hours().div_euclid(24),
            "signable_here": it.keeper == Keeper::Here,
        })),
    }
}

/// Repositories at a time.
const AT_ONCE: usize = 8;
