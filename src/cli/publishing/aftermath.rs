//! What taking keys away did to roles, in words and as JSON.

use serde_json::{Value, json};

use crate::docker::{Aftermath, argument};
use crate::tuf::{Gun, RoleName};

/// What one should know.
pub(in crate::cli) fn notes(gun: &Gun, after: &Aftermath) -> Vec<String> {
    let (gun, mut notes) = (argument(gun), Vec::new());
    for role in &after.resigned {
        notes.push(format!(
            "{role}: signed again with a key that it keeps; look over what it lists, it is vouched \
             for by whoever holds that key"
        ));
    }
    for role in after.weakened.iter().filter(|role| !after.starved.contains(role)) {
        notes.push(format!(
            "warning: {role}: the signatures that it has do not count any more; whoever has a key \
             of it: countersign witness {gun} {role}"
        ));
    }
    for role in &after.starved {
        notes.push(format!(
            "warning: {role}: has fewer keys than must sign it, and cannot be read until it gets \
             more and is signed again: countersign delegation add {gun} {role} --key FILE, then \
             countersign witness {gun} {role}"
        ));
    }
    for role in &after.beyond {
        notes.push(format!("warning: {role}: still has the key; who delegates to it is not here"));
    }
    notes
}

/// The same as JSON.
pub(in crate::cli) fn json(after: &Aftermath) -> Value {
    let names = |roles: &[RoleName]| roles.iter().map(ToString::to_string).collect::<Vec<_>>();
    json!({
        "changed": names(&after.changed),
        "removed": names(&after.gone),
        "signed_again": names(&after.resigned),
        "to_be_signed": names(&after.weakened),
        "too_few_keys": names(&after.starved),
        "still_with_key": names(&after.beyond),
    })
}
