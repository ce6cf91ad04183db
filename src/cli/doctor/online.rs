//! A look over the network, on request: whether what is cached here is still served and believed.

use super::trust::{Places, guns};
use crate::cli::args::Global;
use crate::cli::context::Context;
use crate::cli::environment::Environment;
use crate::cli::exit::{Code, Kind};
use crate::cli::output::Failure;
use crate::cli::process::wait_for;
use crate::cli::subject::Subject;
use crate::client::Wish;
use crate::docker::argument;
use crate::docker::checkup::{Finding, Id, Severity};
use crate::net::Access;

/// Brings every cached collection up to date, and tells which could not be.
pub(super) fn findings(global: Global, environment: Environment) -> Vec<Finding> {
    let places = Places::of(&global, &environment);
    // Why not is told already.
    let (Ok(places), Ok(context)) = (places, Context::new(global, environment)) else {
        return Vec::new();
    };
    let asked = wait_for(async {
        let mut findings = Vec::new();
        for gun in guns(&places.trust) {
            let Ok(subject) = Subject::of(&gun) else { continue };
            findings.extend(refresh(&subject, &context).await.err().map(|it| tell(&subject, it)));
        }
        Ok(findings)
    });
    asked.unwrap_or_default()
}

async fn refresh(subject: &Subject, context: &Context) -> Result<(), Failure> {
    let opened = context.open(subject, Access::Pull)?;
    Ok(opened.collection().refresh(Wish::EVERYTHING).await.map(drop)?)
}

fn tell(subject: &Subject, failure: Failure) -> Finding {
    let severity = match failure.kind.code() {
        Code::NotSigned | Code::NotTrusted => Severity::Unverified,
        Code::LocalState => Severity::Broken,
        _ => Severity::Warning,
    };
    let id = match failure.kind {
        Kind::Network | Kind::Auth => Id::ServerUnreachable,
        _ => Id::ServerNotBelieved,
    };
    let gun = subject.gun.as_str();
    let remedy = failure.advice.into_iter().next();
    let remedy =
        remedy.unwrap_or_else(|| format!("countersign list {} -v", argument(&subject.gun)));
    Finding::new(id, severity, gun, failure.message, remedy)
}
