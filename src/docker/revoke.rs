//! Taking a tag's signatures back (docker/cli `trust revoke`, done thoroughly).

use super::found::{found, look_up, look_up_in};
use super::{Collection, Error, IfAbsent, Workbench};
use crate::client::{Roles, Wish};
use crate::edit::Draft;
use crate::image::Tag;
use crate::keys::{KeyStore, PassphraseSource};
use crate::net::Remote;
use crate::storage::Cache;
use crate::tuf::{Gun, RoleName};
use crate::verify::{TrustedTargets, Wanted};

/// What to take back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RevokeRequest {
    /// One tag.
    Tag(Tag),
    /// Every tag.
    All,
}

/// What revoking did.
#[derive(Debug)]
pub struct Revocation {
    /// Names and the roles that they were taken out of.
    pub removed: Vec<(String, RoleName)>,
    /// Names and the roles that still sign them, because no key of them is here.
    pub remaining: Vec<(String, RoleName)>,
    /// Names that a pull still finds.
    pub pullable: Vec<String>,
    /// Delegated roles that cannot be used now, so that nobody knows what they sign once they are
    /// signed again.
    pub unusable: Vec<RoleName>,
}

impl<C: Cache, R: Remote> Collection<'_, C, R> {
    /// Takes a tag, or all, out of every role that this user can sign, and looks again at what
    /// remains.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchTag`] if no role signs it, [`Error::NoSigningKey`] if none that does can be
    /// signed here.
    pub async fn revoke(
        &self,
        request: &RevokeRequest,
        store: &dyn KeyStore,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<Revocation, Error> {
        let mut removed = Vec::new();
        let take_back = |bench: &mut Workbench<'_>| {
            let found = self.to_take_back(&bench.draft, request, !removed.is_empty())?;
            removed = take_out(bench, self.gun(), request, found)?;
            Ok(())
        };
        let name = match request {
            RevokeRequest::Tag(tag) => Some([tag.as_str()]),
            RevokeRequest::All => None,
        };
        let roles = name.as_ref().map_or(Roles::All, |name| Roles::For(name));
        self.amend_roles(roles, IfAbsent::Refuse, store, passphrases, take_back).await?;
        let wish = Wish { roles, wanted: Wanted::Everything };
        let after = self.refresh(wish).await?;
        let (pullable, unusable) = (pullable(&after.targets, request), after.unusable);
        let remaining = occurrences(&Draft::of(after.targets), request);
        let unusable = unusable.into_keys().collect();
        Ok(Revocation { removed, remaining, pullable, unusable })
    }

    /// The names to take back; a tag that nobody signs can be taken back only by ourselves, a
    /// moment ago.
    fn to_take_back(
        &self,
        draft: &Draft,
        request: &RevokeRequest,
        took_back: bool,
    ) -> Result<Vec<(String, RoleName)>, Error> {
        let found = occurrences(draft, request);
        match request {
            RevokeRequest::Tag(tag) if found.is_empty() && !took_back => {
                Err(nowhere(self.gun(), draft, tag))
            }
            _ => Ok(found),
        }
    }
}

/// Why a tag that stands in no role of which the keys are known cannot be taken back.
pub(super) fn nowhere(gun: &Gun, draft: &Draft, tag: &Tag) -> Error {
    let (gun, tag) = (gun.clone(), tag.clone());
    match look_up_in(draft, tag.as_str()) {
        Ok(Some((role, _))) => Error::NoSigningKey { gun, tag, roles: vec![(role, Vec::new())] },
        _ => Error::NoSuchTag { gun, tag, elsewhere: Vec::new() },
    }
}

/// The names in question that a look-up finds.
fn pullable(targets: &TrustedTargets, request: &RevokeRequest) -> Vec<String> {
    match request {
        RevokeRequest::All => found(targets).into_keys().map(str::to_owned).collect(),
        RevokeRequest::Tag(tag) => {
            let found = look_up(targets, tag.as_str());
            found.map(|_| tag.to_string()).into_iter().collect()
        }
    }
}

/// Takes names out of the roles of which a key is here. Returns what was taken out.
fn take_out(
    bench: &mut Workbench<'_>,
    gun: &Gun,
    request: &RevokeRequest,
    found: Vec<(String, RoleName)>,
) -> Result<Vec<(String, RoleName)>, Error> {
    let (mut removed, mut locked) = (Vec::new(), Vec::new());
    for (name, role) in found {
        let (_, possible) = bench.draft.keys_of(&role)?;
        if possible.into_iter().any(|key| bench.holds(key)) {
            bench.draft.remove_target(&role, &name)?;
            removed.push((name, role));
        } else {
            let ids = bench.possible_keys(&role)?;
            locked.push((role, ids));
        }
    }
    match request {
        RevokeRequest::Tag(tag) if removed.is_empty() && !locked.is_empty() => {
            Err(Error::NoSigningKey { gun: gun.clone(), tag: tag.clone(), roles: locked })
        }
        _ => Ok(removed),
    }
}

/// Every name in question, with every role that signs it and may.
pub(super) fn occurrences(draft: &Draft, request: &RevokeRequest) -> Vec<(String, RoleName)> {
    let asked_for = |name: &str| match request {
        RevokeRequest::Tag(tag) => tag.as_str() == name,
        RevokeRequest::All => true,
    };
    let signed = draft.roles().flat_map(|(role, targets)| {
        let names = targets.targets.keys().filter(|name| asked_for(name));
        names.map(move |name| (name, role))
    });
    let signed = signed.filter(|(name, role)| draft.may_sign(role, name));
    signed.map(|(name, role)| (name.clone(), draft.owner(role))).collect()
}
