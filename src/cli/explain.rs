//! `explain`: the chain from the root to a tag, or its broken link.

use clap::Args;
use serde_json::{Value, json};

use super::context::Context;
use super::exit::{Code, Kind};
use super::output::{Failure, Format};
use super::process::wait_for;
use super::subject::Subject;
use super::table::table;
use super::verify::{links, resolve};
use crate::docker::{Detail, Resolution};
use crate::tuf::{Key, KeyId, RoleName};

#[derive(Args)]
#[command(after_help = "\
Shows on which files and keys the answer of `verify` rests. If it refuses, the links that held are shown \
with the one that broke, and what can be done about it; the exit code is that of `verify`.

Example:
  countersign explain registry.example.com/team/web:1.4")]
pub(super) struct Arguments {
    /// Image reference; the tag is latest unless given
    #[arg(value_name = "REF")]
    reference: String,
}

/// Explains an answer or a refusal.
pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<Code, Failure> {
    let typed = arguments.reference.as_str();
    let subject = match context.subject(typed) {
        Ok(subject) => subject,
        Err(failure) => return Ok(context.output.refusal(Some(typed), &failure)),
    };
    match wait_for(resolve(&subject, Detail::Signers, context)) {
        Ok(resolution) => {
            explain(&subject, &resolution, context);
            Ok(Code::Done)
        }
        Err(failure) => {
            if context.output.format == Format::Text {
                context.output.page(&broken_chain(&subject, &failure));
            }
            Ok(context.output.refusal(Some(typed), &failure))
        }
    }
}

fn explain(subject: &Subject, resolution: &Resolution, context: &Context) {
    let steps = steps(resolution, context);
    match context.output.format {
        Format::Json => {
            steps.iter().for_each(|step| context.output.object(&step.object()));
            context.output.object(&answer_object(subject, resolution));
        }
        Format::Text => {
            let rows: Vec<_> = steps.iter().map(Step::row).collect();
            let columns = ["LINK", "VERSION", "EXPIRES", "KEYS", "TRUSTED BECAUSE"];
            context.output.page(&table(columns, &rows));
            let reference = &resolution.reference;
            let (size, role) = (reference.size(), reference.role());
            let line = format!("{} is {reference}, {size} bytes, by {role}", subject.typed);
            context.output.page(&format!("\n{line}\n"));
        }
    }
}

fn answer_object(subject: &Subject, resolution: &Resolution) -> Value {
    let reference = &resolution.reference;
    json!({
        "reference": subject.typed,
        "name": reference.name(),
        "digest": reference.digest().to_string(),
        "size": reference.size(),
        "role": reference.role().as_str(),
        "signers": resolution.signers,
    })
}

/// One file of the chain.
struct Step {
    role: RoleName,
    version: u64,
    expires: String,
    /// Canonical ids, but of the certificate for root keys: what a pin names.
    keys: Vec<String>,
    why: String,
}

impl Step {
    fn row(&self) -> [String; 5] {
        let keys = self.keys.iter().map(|key| key.chars().take(12).collect::<String>());
        let keys = keys.collect::<Vec<_>>().join(", ");
        let version = self.version.to_string();
        [self.role.to_string(), version, self.expires.clone(), keys, self.why.clone()]
    }

    fn object(&self) -> Value {
        json!({
            "role": self.role.as_str(),
            "version": self.version,
            "expires": self.expires,
            "keys": self.keys,
            "why": self.why,
        })
    }
}

fn steps(resolution: &Resolution, context: &Context) -> Vec<Step> {
    let collection = &resolution.collection;
    let step = |link: super::verify::Link| Step {
        version: link.version.number(),
        expires: format!("{:.0}", link.expires),
        keys: keys_of(&link.role, resolution),
        why: why(&link.role, resolution, context),
        role: link.role,
    };
    links(collection).into_iter().map(step).collect()
}

fn keys_of(role: &RoleName, resolution: &Resolution) -> Vec<String> {
    let targets = &resolution.collection.targets;
    let root = targets.root().content();
    let known = |key: &Key| key.known_as().to_string();
    match (role, root.role(role)) {
        (RoleName::Root, Some(keys)) => keys.keyids().iter().map(KeyId::to_string).collect(),
        (_, Some(keys)) => root.keys_of(keys).map(known).collect(),
        (_, None) => targets
            .delegation_to(role)
            .map(|(parent, it)| parent.content().delegations.keys_of(it).map(known).collect())
            .unwrap_or_default(),
    }
}

fn why(role: &RoleName, resolution: &Resolution, context: &Context) -> String {
    match role {
        RoleName::Root => why_root(resolution, context),
        RoleName::Timestamp => "signed by the key that root names, and current".to_owned(),
        RoleName::Snapshot => "is the file that timestamp names".to_owned(),
        RoleName::Targets => "is the file that snapshot names".to_owned(),
        RoleName::Delegation(_) if resolution.collection.targets.is_bin(role) => {
            let owner = resolution.collection.targets.owner(role);
            format!("is the file that snapshot names; {owner} keeps a share of its tags in it")
        }
        RoleName::Delegation(_) => match delegator(role, resolution) {
            Some(parent) => {
                format!("is the file that snapshot names; {parent} delegates to its keys")
            }
            None => String::new(),
        },
    }
}

/// Who delegates to a role. In TUF 1.0 its name need not say so.
fn delegator(role: &RoleName, resolution: &Resolution) -> Option<RoleName> {
    let loaded = resolution.collection.targets.role(role);
    loaded.and_then(|it| it.delegator().cloned()).or_else(|| role.parent())
}

fn why_root(resolution: &Resolution, context: &Context) -> String {
    let policy = resolution.collection.targets.root().policy();
    let pin = context.pins().ok().and_then(|pins| pins.rule(&policy.gun).cloned());
    match (pin, resolution.collection.first_use) {
        (Some(pin), _) => format!("pinned as {} in {}", pin.prefix, pin.source.display()),
        (None, true) => "believed on first use, just now".to_owned(),
        (None, false) => "follows the root that was believed on first use".to_owned(),
    }
}

/// The links up to the one that the failure is about; nothing, if it is about none.
fn broken_chain(subject: &Subject, failure: &Failure) -> String {
    let broken = match (failure.role.as_deref(), failure.kind) {
        (Some(role), _) => role,
        (None, Kind::NoTrustData) => "root",
        (None, Kind::NoSuchTag) => "tag",
        (None, _) => return String::new(),
    };
    let chain = ["root", "timestamp", "snapshot", "targets"];
    let held =
        chain.iter().take_while(|role| **role != broken).map(|role| format!("  {role}: held\n"));
    let held: String = held.collect();
    format!("{}\n{held}  {broken}: BROKEN: {}\n", subject.gun, failure.message)
}
