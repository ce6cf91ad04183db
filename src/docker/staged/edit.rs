//! What a staged change means.

use super::form::{self, DelegationForm};
use crate::docker::Error;
use crate::edit::WithdrawnPaths;
use crate::storage::Change;
use crate::tuf::{Key, KeyId, RoleName, Target, Threshold};

/// What a staged change means.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum StagedEdit {
    /// Sign a name in a role.
    SetTarget {
        /// The role.
        role: RoleName,
        /// The name.
        name: String,
        /// What it stands for.
        target: Target,
    },
    /// Take a name out of a role; one that is not there is none.
    RemoveTarget {
        /// The role.
        role: RoleName,
        /// The name.
        name: String,
    },
    /// Make a delegated role, or give it more keys and paths.
    Delegate {
        /// The delegated role.
        role: RoleName,
        /// How many keys must sign, for a role that is new.
        threshold: Option<Threshold>,
        /// Keys to add.
        keys: Vec<Key>,
        /// Prefixes of names to add.
        paths: Vec<String>,
    },
    /// Take keys and paths from a delegated role.
    Narrow {
        /// The delegated role.
        role: RoleName,
        /// Canonical ids of keys to take away; unknown ones are none.
        keys: Vec<KeyId>,
        /// Prefixes to take away.
        paths: WithdrawnPaths,
    },
    /// Remove a delegated role.
    RemoveDelegation {
        /// The delegated role.
        role: RoleName,
    },
    /// Take keys from every delegated role below a role.
    Purge {
        /// The role whose delegations are meant, with those below them.
        below: RoleName,
        /// Canonical ids.
        keys: Vec<KeyId>,
    },
    /// Sign a role anew as it is.
    Witness {
        /// The role.
        role: RoleName,
    },
}

impl StagedEdit {
    /// What a staged change means.
    ///
    /// # Errors
    ///
    /// [`Error::Staged`] for a change that no program of ours or of Notary's makes.
    pub fn read(change: &Change) -> Result<Self, Error> {
        Self::understand(change).map_err(|problem| Error::Staged { problem })
    }

    fn understand(change: &Change) -> Result<Self, String> {
        let Change { action, scope, kind, path, data } = change;
        let data = data.as_deref().unwrap_or_default();
        if let Some(below) = scope.strip_suffix(EVERY_DELEGATION) {
            return Self::of_every_delegation(change, below, data);
        }
        let role = signing_role(scope)?;
        match (kind.as_str(), action.as_str()) {
            ("target", "create") => {
                let target = form::read_target(&role, data)?;
                Ok(Self::SetTarget { role, name: path.clone(), target })
            }
            ("target", "delete") => Ok(Self::RemoveTarget { role, name: path.clone() }),
            ("delegation", _) if role == RoleName::Targets => {
                Err("targets itself is no delegation".to_owned())
            }
            ("delegation", "create") => {
                let form = form::read_delegation(&role, data)?;
                let (threshold, keys) = (form.threshold()?, form.added_keys(&role)?);
                Ok(Self::Delegate { role, threshold, keys, paths: form.add_paths })
            }
            ("delegation", "update") => {
                let form = form::read_delegation(&role, data)?;
                form.refuse_additions()?;
                Ok(Self::Narrow { role, keys: form.removed_keys()?, paths: form.removed_paths() })
            }
            ("delegation", "delete") => Ok(Self::RemoveDelegation { role }),
            ("witness", _) => Ok(Self::Witness { role }),
            _ => Err(not_understood(change)),
        }
    }

    fn of_every_delegation(change: &Change, below: &str, data: &[u8]) -> Result<Self, String> {
        match (change.kind.as_str(), change.action.as_str()) {
            ("delegation", "update") => {
                let keys = form::read_delegation(&RoleName::Targets, data)?.removed_keys()?;
                Ok(Self::Purge { below: signing_role(below)?, keys })
            }
            _ => Err(not_understood(change)),
        }
    }

    /// The change to stage, as Notary stages it.
    pub fn to_change(&self) -> Change {
        let change = |action: &str, scope: &str, kind: &str, path: &str, data| Change {
            action: action.to_owned(),
            scope: scope.to_owned(),
            kind: kind.to_owned(),
            path: path.to_owned(),
            data,
        };
        match self {
            Self::SetTarget { role, name, target } => {
                let data = form::write_target(target);
                change("create", role.as_str(), "target", name, Some(data))
            }
            Self::RemoveTarget { role, name } => {
                change("delete", role.as_str(), "target", name, None)
            }
            Self::Delegate { role, threshold, keys, paths } => {
                let data = DelegationForm::adding(*threshold, keys, paths).write();
                change("create", role.as_str(), "delegation", "", Some(data))
            }
            Self::Narrow { role, keys, paths } => {
                let data = DelegationForm::taking(keys, paths).write();
                change("update", role.as_str(), "delegation", "", Some(data))
            }
            Self::RemoveDelegation { role } => {
                change("delete", role.as_str(), "delegation", "", None)
            }
            Self::Purge { below, keys } => {
                let data = DelegationForm::taking(keys, &WithdrawnPaths::default()).write();
                let scope = format!("{below}{EVERY_DELEGATION}");
                change("update", &scope, "delegation", "", Some(data))
            }
            Self::Witness { role } => change("update", role.as_str(), "witness", "", None),
        }
    }
}

fn not_understood(Change { action, scope, kind, .. }: &Change) -> String {
    format!("{action} of a {kind} in {scope} is not understood")
}

fn signing_role(name: &str) -> Result<RoleName, String> {
    let role: RoleName = name.parse().map_err(|error: crate::tuf::Error| error.to_string())?;
    match role.lists_targets() {
        true => Ok(role),
        false => Err(format!("scope not supported: {role}")),
    }
}

/// Behind the name of a role: all that it delegates to.
const EVERY_DELEGATION: &str = "/*";

#[cfg(test)]
mod tests {
    use super::*;

    fn change(action: &str, scope: &str, kind: &str, path: &str, data: Option<&str>) -> Change {
        let [action, scope, kind, path] = [action, scope, kind, path].map(str::to_owned);
        Change { action, scope, kind, path, data: data.map(|text| text.as_bytes().to_vec()) }
    }

    /// The data of changes that notary 0.7 staged.
    const CHANGES: [(&str, &str, &str, &str, Option<&str>); 9] = [
        (
            "create",
            "targets",
            "target",
            "v1",
            Some(
                r#"{"length":6,"hashes":{"sha256":"WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQgoai6Eb2vgM=","sha512":"58IrmUxZ2c8rSOVJseJGZmNgRZMNPafBrLKZ0cO3+TH5Sq5B7dosKyB6NuEPi8uNRSI+VIePWzFufOO2vAGWKQ=="},"custom":{"a":1,"b":"x"}}"#,
            ),
        ),
        ("delete", "targets/releases", "target", "v1", None),
        (
            "create",
            "targets/alice",
            "delegation",
            "",
            Some(
                r#"{"threshold":1,"add_keys":[{"keytype":"ed25519","keyval":{"public":"M/E8URXzon0iFE8oMMG6uR0p6yilfpShJ5MK4JBzB5g=","private":null}}]}"#,
            ),
        ),
        ("create", "targets/alice", "delegation", "", Some(r#"{"add_paths":["a/",""]}"#)),
        (
            "update",
            "targets/alice",
            "delegation",
            "",
            Some(
                r#"{"remove_keys":["849a1c96be7a87718bdcd6808f6c3864a2cb51991a09f5629b2405f91106cddb"]}"#,
            ),
        ),
        ("update", "targets/alice", "delegation", "", Some(r#"{"clear_paths":true}"#)),
        (
            "update",
            "targets/*",
            "delegation",
            "",
            Some(
                r#"{"remove_keys":["849a1c96be7a87718bdcd6808f6c3864a2cb51991a09f5629b2405f91106cddb"]}"#,
            ),
        ),
        ("delete", "targets/alice", "delegation", "", None),
        ("update", "targets/alice", "witness", "", None),
    ];

    #[test]
    fn every_change_of_notary_is_understood_and_written_as_it_came() {
        for (action, scope, kind, path, data) in CHANGES {
            let change = change(action, scope, kind, path, data);
            let edit = StagedEdit::read(&change).expect(action);
            assert_eq!(edit.to_change(), change);
        }
    }

    #[test]
    fn what_nobody_stages_is_refused_in_words() {
        for (action, scope, kind, data, problem) in [
            ("create", "root", "role", "{}", "scope not supported: root"),
            ("create", "snapshot", "target", "{}", "scope not supported: snapshot"),
            ("create", "../x", "target", "{}", "../x"),
            ("update", "targets", "target", "{}", "update of a target in targets"),
            ("create", "targets", "target", "{}", "length"),
            ("create", "targets", "target", r#"{"length":1,"hashes":{}}"#, "sha256"),
            ("create", "targets", "target", r#"{"length":-1,"hashes":{}}"#, "invalid value"),
            ("create", "targets", "delegation", "{}", "no delegation"),
            ("create", "targets/a", "delegation", r#"{"threshold":-1}"#, "threshold"),
            ("create", "targets/a", "delegation", r#"{"add_keys":[1]}"#, "targets/a"),
            ("update", "targets/a", "delegation", r#"{"remove_keys":["x"]}"#, "x"),
            ("update", "targets/a", "delegation", r#"{"add_paths":["x"]}"#, "adds"),
            ("create", "targets/*", "delegation", "{}", "targets/*"),
        ] {
            let error = StagedEdit::read(&change(action, scope, kind, "", Some(data)));
            let error = error.expect_err(problem).to_string();
            assert!(error.contains(problem), "{error}");
        }
    }
}
