//! `key audit`: what is wrong with the keys, and the one command for each.

use serde_json::json;

use super::super::context::Context;
use super::super::exit::{Code, Kind};
use super::super::output::{Failure, Format};
use crate::docker::{Finding, Survey, audit};
use crate::storage::TrustDirectory;

/// Looks at every key in every place; the exit code says whether something was found.
pub(super) fn run(context: &Context) -> Result<Code, Failure> {
    let holdings = context.key_set()?.holdings()?;
    let survey = Survey::of(&TrustDirectory::new(context.trust()))?;
    let findings = audit(&holdings, &survey, context.now);
    for finding in &findings {
        tell(finding, context);
    }
    match findings.len() {
        0 => {
            context.output.notice(&format!("{} keys, nothing found", holdings.len()));
            Ok(Code::Done)
        }
        _ => Ok(Kind::KeyStore.code()),
    }
}

fn tell(finding: &Finding, context: &Context) {
    match context.output.format {
        Format::Text => {
            let id = finding.id.short();
            context.output.answer(&format!("{}: key {id}: {}", finding.kind, finding.problem));
            context.output.answer(&format!("  {}", finding.remedy));
        }
        Format::Json => context.output.object(&json!({
            "id": finding.id.to_string(),
            "kind": finding.kind.to_string(),
            "problem": finding.problem,
            "command": finding.remedy,
        })),
    }
}
