//! What commands that publish have in common.

pub(super) mod aftermath;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Map, Value};

use super::context::Context;
use super::exit::Kind;
use super::output::Failure;
use super::pin::cached_root_keys;
use super::source;
use crate::docker::{Amended, argument, public_key};
use crate::keys::{Kept, KeySet};
use crate::tuf::{Dialect, Gun, Key, KeyId, RoleName, Version};

/// Refuses `--offline` for a command that publishes.
///
/// # Errors
///
/// If the user asked for nothing but the cache.
pub(super) fn not_offline(context: &Context) -> Result<(), Failure> {
    context.not_offline("this command publishes")
}

/// Reads public keys, before anything is changed.
///
/// # Errors
///
/// If a file cannot be read, or holds no key that can sign.
pub(super) fn public_keys(files: &[PathBuf], context: &Context) -> Result<Vec<Key>, Failure> {
    let one = |file: &PathBuf| {
        let text = source::read(file)?;
        public_key(Dialect::Notary, &text, context.now).map_err(|error| {
            Failure::of(Kind::Usage, &error).about(file.display()).advise(
                "`countersign key generate NAME` writes NAME.pub; a certificate will do too.",
            )
        })
    };
    files.iter().map(one).collect()
}

/// Says that a collection is new, and where its root key is.
///
/// # Errors
///
/// If the keys cannot be looked at.
pub(super) fn tell_of_founding<T>(
    gun: &Gun,
    amended: &Amended<T>,
    keys: &KeySet,
    context: &Context,
) -> Result<(), Failure> {
    if let Some(root) = &amended.founded {
        tell_of_root(gun, root, keys, context)?;
        tell_of_pin(gun, context);
    }
    if amended.attempts > 1 {
        let faster = amended.attempts - 1;
        context.output.detail(&format!("{gun}: others were faster {faster} times"));
    }
    Ok(())
}

/// Says under which root key a collection is new.
///
/// # Errors
///
/// If the keys cannot be looked at.
pub(super) fn tell_of_root(
    gun: &Gun,
    root: &KeyId,
    keys: &KeySet,
    context: &Context,
) -> Result<(), Failure> {
    context.output.notice(&format!("{gun}: new trust data, under the root key {root}"));
    let held = keys.holdings()?.into_iter().find(|held| held.entry.id == *root);
    context.output.notice(&match held.map(|held| held.kept) {
        Some(Kept::Elsewhere(place)) => format!("  it is kept in: {place}"),
        _ => format!(
            "  keep a copy of it offline, nothing can replace it: {}",
            context.keys().path().join(format!("{root}.key")).display()
        ),
    });
    Ok(())
}

/// Says how hosts pin a root key under which there is new trust data: they know it by its certificate,
/// which has another id.
pub(super) fn tell_of_pin(gun: &Gun, context: &Context) {
    if let Ok([named]) = cached_root_keys(gun, context).as_deref() {
        let gun = argument(gun);
        let told = format!("  to pin it on hosts: countersign pin add {gun} --root-key {named}");
        context.output.notice(&told);
    }
}

/// Says what a new root means for those who pin it.
pub(super) fn tell_of_pins(gun: &Gun, context: &Context) {
    let pins = "hosts that pin a root key that left need the new pin: countersign pin add";
    context.output.notice(&format!("{gun}: {pins} {gun} --from-cache"));
}

/// Published versions as JSON.
pub(super) fn versions(versions: &BTreeMap<RoleName, Version>) -> Map<String, Value> {
    let number =
        |(role, version): (&RoleName, &Version)| (role.to_string(), Value::from(version.number()));
    versions.iter().map(number).collect()
}

/// A role as one writes it: `releases` and `alice` are `targets/releases` and `targets/alice`.
///
/// # Errors
///
/// If it is no name of a role.
pub(super) fn role(text: &str) -> Result<RoleName, Failure> {
    match text.parse::<RoleName>() {
        Err(_) if !text.starts_with("targets/") => Ok(format!("targets/{text}").parse()?),
        parsed => Ok(parsed?),
    }
}

/// A delegated role as one writes it.
///
/// # Errors
///
/// If it is one of the top level, or no name of a role.
pub(super) fn delegation(text: &str) -> Result<RoleName, Failure> {
    match role(text)? {
        role @ RoleName::Delegation(_) => Ok(role),
        role => {
            let message = format!("{role} is no delegation: write targets/NAME");
            Err(Failure::new(Kind::BadRole, message).role(role))
        }
    }
}
