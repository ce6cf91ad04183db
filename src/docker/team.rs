//! Signers as docker means them: `alice` is the role `targets/alice`, and her keys also stand in
//! `targets/releases`, both for every tag (docker/cli `trust signer add` and `remove`).

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use super::delegations::{Aftermath, Care};
use super::{Amended, Collection, Error, IfAbsent, Workbench};
use crate::edit::{Draft, Edited, Grant, Withdrawal};
use crate::keys::{KeyStore, PassphraseSource};
use crate::net::Remote;
use crate::storage::Cache;
use crate::tuf::{Key, KeyId, RoleName};

/// The name of a signer: `a-z`, `0-9`, then also `-` and `_`; never `releases`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SignerName(String);

impl SignerName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The signer's own role.
    ///
    /// # Errors
    ///
    /// [`Error::SignerName`] for a name that is too long to be one of a role.
    pub fn role(&self) -> Result<RoleName, Error> {
        let bad = |_| Error::SignerName { name: self.0.clone(), reason: "is too long" };
        format!("targets/{}", self.0).parse().map_err(bad)
    }
}

impl FromStr for SignerName {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let starts_well = name.bytes().next().is_some_and(plain);
        let goes_on_well = name.bytes().all(|byte| plain(byte) || b"-_".contains(&byte));
        let reason = match (starts_well && goes_on_well, name) {
            (true, "releases") => "is reserved for what is released",
            (true, _) => return Ok(Self(name.to_owned())),
            (false, _) => {
                "must start with a lower-case letter or a digit, and may go on with - and _"
            }
        };
        Err(Error::SignerName { name: name.chars().take(80).collect(), reason })
    }
}

impl fmt::Display for SignerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What removing a signer did.
#[derive(Clone, Debug, Default)]
pub struct SignerRemoved {
    /// Roles that are gone, were changed or signed again.
    pub aftermath: Aftermath,
    /// Keys of the signer that stay in `targets/releases`, because another signer has them too, by
    /// their canonical ids.
    pub shared: Vec<KeyId>,
}

impl<C: Cache, R: Remote> Collection<'_, C, R> {
    /// Adds a signer, or keys to a signer.
    ///
    /// # Errors
    ///
    /// [`Error::Edit`] without the targets key, or for keys that cannot sign.
    pub async fn add_signer(
        &self,
        name: &SignerName,
        keys: &[Key],
        if_absent: IfAbsent,
        store: &dyn KeyStore,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<Amended<Edited>, Error> {
        let role = name.role()?;
        let grant = Grant { keys: keys.to_vec(), paths: vec![String::new()], threshold: None };
        let mut first = None;
        let add = |bench: &mut Workbench<'_>| {
            let edited = bench.draft.grant(&role, &grant)?;
            let releases = bench.draft.grant(&RoleName::releases(), &grant)?;
            let edited = match (edited, releases) {
                (Edited::Unchanged, Edited::Created | Edited::Changed) => Edited::Changed,
                (edited, _) => edited,
            };
            // Unchanged the second time: nobody told us that the server had taken it.
            Ok(*first.get_or_insert(edited))
        };
        self.amend(if_absent, store, passphrases, add).await
    }

    /// Removes a signer: takes the keys out of `targets/releases`, and removes the signer's own
    /// role. What the signer alone had signed for release is signed again by whom remains, if a key
    /// of that is here.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchSigner`]; [`Error::Breaks`] if nobody whose key is here could sign
    /// `targets/releases` again, so that pulls would be refused, unless it is forced.
    pub async fn remove_signer(
        &self,
        name: &SignerName,
        care: Care,
        store: &dyn KeyStore,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<Amended<SignerRemoved>, Error> {
        let role = name.role()?;
        let mut done: Option<SignerRemoved> = None;
        let remove = |bench: &mut Workbench<'_>| {
            if bench.draft.delegation(&role).is_none() {
                let (gun, name) = (self.gun().clone(), name.clone());
                return done.clone().ok_or(Error::NoSuchSigner { gun, name });
            }
            let removed = remove(bench, &role, care)?;
            done = Some(removed.clone());
            Ok(removed)
        };
        self.amend(IfAbsent::Refuse, store, passphrases, remove).await
    }
}

fn remove(bench: &mut Workbench<'_>, role: &RoleName, care: Care) -> Result<SignerRemoved, Error> {
    let mut removed = SignerRemoved::default();
    let releases = RoleName::releases();
    let draft = &mut bench.draft;
    let (shared, own): (Vec<KeyId>, Vec<KeyId>) =
        keys_of(draft, role).into_iter().partition(|id| is_of_another(draft, id, role));
    removed.shared = shared;
    if draft.delegation(&releases).is_some() {
        let taken = Withdrawal { keys: own, ..Withdrawal::default() };
        if draft.withdraw(&releases, &taken)? == Edited::Changed {
            removed.aftermath.changed.push(releases.clone());
        }
        if is_void(bench, &releases) {
            removed.aftermath.changed.clear();
            removed.aftermath.gone.extend(bench.draft.remove_delegation(&releases)?);
        }
    }
    removed.aftermath.gone.extend(bench.draft.remove_delegation(role)?);
    bench.settle(&mut removed.aftermath, care)?;
    Ok(removed)
}

/// The keys of a delegation, each once and in whatever form it is listed: bare or certified.
fn keys_of(draft: &Draft, role: &RoleName) -> BTreeSet<KeyId> {
    let keys = draft.delegation(role).map(|(all, it)| all.delegations.keys_of(it));
    keys.into_iter().flatten().map(Key::known_as).collect()
}

/// Whether a signer besides this one has a key. A role to which a signer delegates is none: else he
/// could give his key there, and keep it in `targets/releases`.
fn is_of_another(draft: &Draft, id: &KeyId, role: &RoleName) -> bool {
    let direct = draft.targets(&RoleName::Targets).into_iter();
    direct.flat_map(|targets| targets.delegations.each()).any(|(all, it)| {
        let other = it.name != *role && it.name != RoleName::releases() && !it.is_bin();
        other && all.keys_of(it).any(|key| key.known_as() == *id)
    })
}

/// Whether a delegation has no keys left, and nothing was ever published in it.
fn is_void(bench: &Workbench<'_>, role: &RoleName) -> bool {
    keys_of(&bench.draft, role).is_empty()
        && bench.draft.targets(role).is_none()
        && !bench.unusable.contains_key(role)
}
