//! tough's editor, with our signers.
//!
//! What a role says is given to it as our writer writes it, without signatures: so a tag, a path or
//! a key that tough would read otherwise than we do is found out before anything is signed.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tough::editor::signed::SignedRole;
use tough::editor::targets::TargetsEditor;
use tough::key_source::KeySource;
use tough::schema::{
    self, DelegatedRole, Delegations, KeyHolder, PathSet, RoleKeys, RoleType, Signed, key,
};
use tough::sign::Sign;

use super::FORM;
use crate::crypto::{self, Signer};
use crate::docker::Error;
use crate::edit;
use crate::tuf::{Message, RoleName, Root, Snapshot, Targets, Timestamp};

/// Signs roles under one root.
pub(super) struct Editor {
    root: schema::Root,
    keys: Vec<Box<dyn KeySource>>,
}

impl Editor {
    /// An editor with these keys at hand.
    ///
    /// # Errors
    ///
    /// [`Error::Editor`] if tough has no form for the root or a key.
    pub(super) fn new(root: &Root, signers: Vec<Arc<dyn Signer>>) -> Result<Self, Error> {
        let root = in_schema(&RoleName::Root, &FORM.root_message(root))?;
        let source = |signer| Ok(Box::new(Held::new(signer)?) as Box<dyn KeySource>);
        let keys = signers.into_iter().map(source).collect::<Result<_, Error>>()?;
        Ok(Self { root, keys })
    }

    /// The signed file of `targets` or of a role below it. All of them are signed with the keys of
    /// `targets`.
    ///
    /// # Errors
    ///
    /// [`Error::Editor`]; [`edit::Error::Signing`] if a key does not sign.
    pub(super) async fn targets(&self, role: &RoleName, says: &Targets) -> Result<Vec<u8>, Error> {
        let targets: schema::Targets = in_schema(role, &FORM.targets_message(says))?;
        let (version, expires) = (targets.version, targets.expires);
        let holder = self.holder(role)?;
        let mut editor = TargetsEditor::from_targets(role.as_str(), targets, holder);
        editor.version(version).expires(expires);
        let signed = editor.sign(&self.keys).await.map_err(|error| failed(role, error))?;
        let [sealed] = <[_; 1]>::try_from(signed.roles()).map_err(|_| failed_unknown(role))?;
        Ok(sealed.buffer().clone())
    }

    /// The signed snapshot.
    ///
    /// # Errors
    ///
    /// As [`Editor::targets`].
    pub(super) async fn snapshot(&self, says: &Snapshot) -> Result<Vec<u8>, Error> {
        let role = RoleName::Snapshot;
        let snapshot: schema::Snapshot = in_schema(&role, &FORM.snapshot_message(says))?;
        self.top(&role, schema::Snapshot { spec_version: SPEC_VERSION.to_owned(), ..snapshot })
            .await
    }

    /// The signed timestamp.
    ///
    /// # Errors
    ///
    /// As [`Editor::targets`].
    pub(super) async fn timestamp(&self, says: &Timestamp) -> Result<Vec<u8>, Error> {
        let role = RoleName::Timestamp;
        let timestamp: schema::Timestamp = in_schema(&role, &FORM.timestamp_message(says))?;
        let timestamp = schema::Timestamp { spec_version: SPEC_VERSION.to_owned(), ..timestamp };
        self.top(&role, timestamp).await
    }

    async fn top<T: schema::Role>(&self, role: &RoleName, says: T) -> Result<Vec<u8>, Error> {
        let holder = KeyHolder::Root(self.root.clone());
        let signed = SignedRole::new(says, &holder, &self.keys, &SystemRandom::new()).await;
        Ok(signed.map_err(|error| failed(role, error))?.buffer().clone())
    }

    /// Who speaks for a role.
    fn holder(&self, role: &RoleName) -> Result<KeyHolder, Error> {
        if *role == RoleName::Targets {
            return Ok(KeyHolder::Root(self.root.clone()));
        }
        let authority = self.root.roles.get(&RoleType::Targets).cloned();
        let RoleKeys { keyids, threshold, .. } = authority.ok_or_else(|| failed_unknown(role))?;
        let keys = self.root.keys.iter().filter(|(id, _)| keyids.contains(id));
        let keys = keys.map(|(id, key)| (id.clone(), key.clone())).collect();
        let (name, paths) = (role.as_str().to_owned(), PathSet::Paths(Vec::new()));
        let role =
            DelegatedRole { name, keyids, threshold, paths, terminating: false, targets: None };
        Ok(KeyHolder::Delegations(Delegations { keys, roles: vec![role] }))
    }
}

/// One of our keys, as tough wants it.
#[derive(Clone)]
struct Held {
    public: key::Key,
    signer: Arc<dyn Signer>,
}

impl Held {
    fn new(signer: Arc<dyn Signer>) -> Result<Self, Error> {
        let written = FORM.write_key(&FORM.key(signer.public()));
        let public = serde_json::from_slice(&written)
            .map_err(|source| Error::Editor { role: RoleName::Root, source: source.into() })?;
        Ok(Self { public, signer })
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("public", &self.public).finish_non_exhaustive()
    }
}

type Failed = Box<dyn std::error::Error + Send + Sync>;

#[async_trait]
impl Sign for Held {
    fn tuf_key(&self) -> key::Key {
        self.public.clone()
    }

    /// On a thread of its own: a token waits for a finger, a program for its network.
    async fn sign(&self, message: &[u8], _: &(dyn SecureRandom + Sync)) -> Result<Vec<u8>, Failed> {
        let (signer, message) = (Arc::clone(&self.signer), message.to_vec());
        let signed = tokio::task::spawn_blocking(move || signer.sign(&message)).await?;
        Ok(signed?.to_der())
    }
}

#[async_trait]
impl KeySource for Held {
    async fn as_sign(&self) -> Result<Box<dyn Sign>, Failed> {
        Ok(Box::new(self.clone()))
    }

    async fn write(&self, _: &str, _: &str) -> Result<(), Failed> {
        Err("keys are kept where they are".into())
    }
}

/// What our writer would sign, as tough reads it.
fn in_schema<T: DeserializeOwned + Serialize>(
    role: &RoleName,
    message: &Message,
) -> Result<T, Error> {
    let file: Signed<T> = serde_json::from_slice(&FORM.seal(message, &[]))
        .map_err(|source| Error::Editor { role: role.clone(), source: source.into() })?;
    Ok(file.signed)
}

/// A failure of one of our keys keeps its name, wherever tough puts it.
fn failed(role: &RoleName, error: tough::error::Error) -> Error {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(at) = cause {
        if let Some(source) = at.downcast_ref::<crypto::Error>() {
            let (role, source) = (role.clone(), source.clone());
            return edit::Error::Signing { role, source }.into();
        }
        cause = at.source();
    }
    Error::Editor { role: role.clone(), source: error.into() }
}

fn failed_unknown(role: &RoleName) -> Error {
    Error::Editor { role: role.clone(), source: "it was signed by nobody".into() }
}

/// The only version that tough's own editor takes up again.
const SPEC_VERSION: &str = "1.0.0";
