//! `refresh`: what ends soon is signed again.

use clap::Args;
use jiff::{SignedDuration, Timestamp as Instant};
use serde_json::{Value, json};

use super::context::Context;
use super::exit::Code;
use super::fleet::{Fleet, Member, Told};
use super::output::Failure;
use super::process::{guard_memory, wait_for};
use super::publishing::{self, not_offline, versions};
use super::span::Span;
use crate::docker::{Amended, Renewal, When};
use crate::tuf::RoleName;

#[derive(Args)]
#[command(after_help = "\
Root, targets, delegations and a snapshot whose key is here get new dates, if they end within the time; \
also those that expired already. The server renews its own. What ends soon and cannot be signed here is \
told, and the exit code is 6. Where no server signs timestamps (--server oci), those are signed here, too, \
once half of their life is over; --timestamp signs nothing else, as a scheduled job wants. Certificates are renewed with `countersign key rotate REPO root`.

Examples:
  countersign refresh registry.example.com/team/web
  countersign refresh --within 365d --from-file repositories.txt
  countersign refresh --server oci --timestamp registry.example.com/team/web")]
pub(super) struct Arguments {
    /// How soon is soon: 90d
    #[arg(long, value_name = "DURATION", default_value = "180d")]
    within: Span,

    /// Sign the timestamp again, and nothing else, if less than half of its life is left: where no
    /// server does it
    #[arg(long, conflicts_with = "within")]
    timestamp: bool,

    /// Sign the timestamp again however long it lives
    #[arg(long, requires = "timestamp")]
    force: bool,

    #[command(flatten)]
    fleet: Fleet,
}

/// Signs again.
pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<Code, Failure> {
    not_offline(context)?;
    guard_memory()?;
    let within =
        SignedDuration::try_from(arguments.within.duration()).unwrap_or(SignedDuration::MAX);
    let when = if arguments.force { When::Now } else { When::Due };
    let store = context.key_set()?;
    let one = async |member: Member<'_>| {
        let Member { subject, opened, mut passphrases } = member;
        let collection = opened.collection();
        let renewed = match arguments.timestamp {
            true => collection.renew_timestamp(when, &store, &mut passphrases).await?,
            false => collection.renew(within, &store, &mut passphrases).await?,
        };
        publishing::tell_of_founding(&subject.gun, &renewed, &store, context)?;
        Ok(told(subject.gun.as_str(), &renewed))
    };
    let task = match arguments.timestamp {
        true => "refresh timestamp".to_owned(),
        false => format!("refresh {}s", arguments.within.duration().as_secs()),
    };
    wait_for(arguments.fleet.each(&task, context, one))
}

fn told(gun: &str, amended: &Amended<Renewal>) -> Told {
    let Renewal { renewed, left } = &amended.value;
    let names: Vec<&str> = renewed.iter().map(|(role, _)| role.as_str()).collect();
    let line = match names.as_slice() {
        [] if left.is_empty() => "nothing ends soon".to_owned(),
        [] => "nothing that ends soon can be signed here".to_owned(),
        names => format!("signed again: {}", names.join(", ")),
    };
    let note = |(role, at): &(RoleName, Instant)| {
        format!("warning: {role} ends {at:.0}, and its keys are not here")
    };
    let json = json!({
        "name": gun,
        "renewed": ends(renewed),
        "left": ends(left),
        "versions": versions(&amended.versions),
    });
    let code = if left.is_empty() { Code::Done } else { Code::Keys };
    Told { line, notes: left.iter().map(note).collect(), json, code }
}

fn ends(roles: &[(RoleName, Instant)]) -> Vec<Value> {
    let one = |(role, at): &(RoleName, Instant)| json!({"role": role.as_str(), "ended": format!("{at:.0}")});
    roles.iter().map(one).collect()
}
