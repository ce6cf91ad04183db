//! What changed, in words and as JSON.

use serde_json::{Value, json};

use crate::cli::output::beside_role;
use crate::docker::{Difference, SignedRole};
use crate::image::ImageDigest;
use crate::tuf::KeyId;

/// In one line.
pub(super) fn line(difference: &Difference) -> String {
    use Difference as D;
    match difference {
        D::Added(role, name, now) => format!("+ {name} in {role}: {}", shown(now.as_ref())),
        D::Moved(role, name, before, now) => {
            format!("~ {name} in {role}: {}, was {}", shown(now.as_ref()), shown(before.as_ref()))
        }
        D::Removed(role, name, was) => format!("- {name} in {role}: was {}", shown(was.as_ref())),
        D::RoleAdded(role) => format!("+ {role} is delegated to"),
        D::RoleRemoved(role) => format!("- {role} is delegated to no longer"),
        D::KeyAdded(role, key) => format!("+ key {key} of {role}"),
        D::KeyRemoved(role, key) => format!("- key {key} of {role}"),
        D::Threshold(role, before, now) => {
            format!("~ {now} must sign {role}, before it was {before}")
        }
        D::PathAdded(role, path) => format!("+ {role} may sign {}", names(path)),
        D::PathRemoved(role, path) => format!("- {role} may no longer sign {}", names(path)),
        D::Broken(role, reason) => {
            format!("! {role} cannot be used: {}", beside_role(role, reason))
        }
    }
}

/// As JSON.
pub(super) fn json(difference: &Difference) -> Value {
    use Difference as D;
    let text = |digest: &Option<ImageDigest>| digest.map(|digest| digest.to_string());
    match difference {
        D::Added(role, name, now) => {
            json!({"change": "tag-added", "role": role.as_str(), "tag": name, "digest": text(now)})
        }
        D::Moved(role, name, before, now) => json!({
            "change": "tag-moved",
            "role": role.as_str(),
            "tag": name,
            "digest": text(now),
            "before": text(before),
        }),
        D::Removed(role, name, was) => json!({
            "change": "tag-removed",
            "role": role.as_str(),
            "tag": name,
            "before": text(was),
        }),
        D::RoleAdded(role) => json!({"change": "role-added", "role": role.as_str()}),
        D::RoleRemoved(role) => json!({"change": "role-removed", "role": role.as_str()}),
        D::KeyAdded(role, key) => {
            json!({"change": "key-added", "role": role.as_str(), "key": key.to_string()})
        }
        D::KeyRemoved(role, key) => {
            json!({"change": "key-removed", "role": role.as_str(), "key": key.to_string()})
        }
        D::Threshold(role, before, now) => json!({
            "change": "threshold",
            "role": role.as_str(),
            "threshold": now.count(),
            "before": before.count(),
        }),
        D::PathAdded(role, path) => {
            json!({"change": "path-added", "role": role.as_str(), "path": path})
        }
        D::PathRemoved(role, path) => {
            json!({"change": "path-removed", "role": role.as_str(), "path": path})
        }
        D::Broken(role, reason) => {
            json!({"change": "role-broken", "role": role.as_str(), "reason": reason})
        }
    }
}

/// A signed role as JSON.
pub(super) fn signed_json(it: &SignedRole) -> Value {
    json!({
        "role": it.role.as_str(),
        "version": it.version.number(),
        "by": it.by.iter().map(KeyId::to_string).collect::<Vec<_>>(),
    })
}

fn shown(digest: Option<&ImageDigest>) -> String {
    digest.map_or_else(|| "something without a sha256".to_owned(), ToString::to_string)
}

fn names(path: &str) -> String {
    match path {
        "" => "every name".to_owned(),
        path => format!("what begins with {path:?}"),
    }
}
