//! What an error says in its body, member by member as Notary writes it: there are scripts that read it
//! so, and clients read no more than 1024 bytes of it.

use serde::Serialize;

use super::Error;
use crate::storage::metadata as storage;
use crate::verify::submission::Refusal;

impl Error {
    /// The body that goes with that code and message.
    pub(super) fn body(&self, code: &str, message: &str) -> String {
        let told = Told { errors: [One { code, message, detail: self.detail() }] };
        // Text and numbers are always JSON.
        serde_json::to_string(&told).unwrap_or_default() + "\n"
    }

    fn detail(&self) -> Option<Detail<'_>> {
        let text = |error: &dyn std::fmt::Display| Detail::Text(shortened(&error.to_string()));
        Some(match self {
            Self::NoFile | Self::Refused(Refusal::Version { .. }) => Detail::Nothing {},
            Self::Prefix { prefixes } => {
                Detail::Text(format!("Require GUNs with prefix: [{}]", prefixes.join(" ")))
            }
            Self::Request { problem } => text(problem),
            Self::Upload { problem } => text(problem),
            Self::TooLarge { .. } | Self::TimedOut => text(self),
            Self::Role { role } => Detail::Text(role.clone()),
            Self::Updating(error @ storage::Error::Taken { .. }) => text(error),
            Self::Refused(Refusal::Json(error)) => text(error),
            Self::Refused(Refusal::Damaged(_)) => return None,
            Self::Refused(refusal) => verdict(refusal),
            Self::Unauthorised { needed, .. } => Detail::Needed(needed),
            Self::LostKey(_) => bad("ErrBadRoot", SHUT_KEY.to_owned()),
            _ if self.is_shut_key() => text(&SHUT_KEY),
            _ if self.is_out_of_reach() => text(&OUT_OF_REACH),
            _ => return None,
        })
    }
}

#[derive(Serialize)]
struct Told<'e> {
    errors: [One<'e>; 1],
}

#[derive(Serialize)]
struct One<'e> {
    code: &'e str,
    message: &'e str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<Detail<'e>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Detail<'e> {
    Nothing {},
    Text(String),
    Verdict(Verdict),
    Needed(&'e [Needed]),
}

/// What clients take apart to say what is wrong (Notary `tuf/validation/errors.go`).
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Verdict {
    name: &'static str,
    error: Flaw,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Flaw {
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<String>,
    msg: String,
}

/// One action that a caller must be allowed, as Notary tells it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Needed {
    /// `repository` or `registry`.
    #[serde(rename = "Type")]
    pub kind: &'static str,
    /// Always empty.
    pub class: &'static str,
    /// The collection, or `catalog`.
    pub name: String,
    /// `push`, `pull` or `*`.
    pub action: &'static str,
}

fn verdict(refusal: &Refusal) -> Detail<'static> {
    let msg = shortened(&refusal.to_string());
    match refusal {
        Refusal::Hierarchy { missing } => Detail::Verdict(Verdict {
            name: "ErrBadHierarchy",
            error: Flaw { missing: Some(missing.as_str().to_owned()), msg },
        }),
        Refusal::Root(_) | Refusal::RootVersion { .. } | Refusal::TimestampKey => {
            bad("ErrBadRoot", msg)
        }
        Refusal::Targets(_) => bad("ErrBadTargets", msg),
        Refusal::Snapshot(_) => bad("ErrBadSnapshot", msg),
        _ => bad("ErrValidation", msg),
    }
}

fn bad(name: &'static str, msg: String) -> Detail<'static> {
    Detail::Verdict(Verdict { name, error: Flaw { missing: None, msg } })
}

/// Clients read at most 1024 bytes of an error.
fn shortened(text: &str) -> String {
    let mut short: String = text.chars().filter(|c| !c.is_control()).take(500).collect();
    while short.len() > 500 {
        short.pop();
    }
    short
}

const SHUT_KEY: &str = "The server cannot open its own key of this collection. Its administrators have to put the key's secret back, or \
     the collection's owner rotates the key.";
const OUT_OF_REACH: &str =
    "The server cannot reach its own keys now. Nothing was changed; try again later.";
