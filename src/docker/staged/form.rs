//! The JSON inside staged changes, in the order of Notary's structures (Notary 0.7
//! `client/changelist/change.go`, `tuf/data/types.go`).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::crypto::{Sha256, Sha512};
use crate::edit::WithdrawnPaths;
use crate::tuf::{Custom, Dialect, Hashes, Key, KeyId, RoleName, Target, Threshold};

/// A change to a delegation; what is empty is not written.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct DelegationForm {
    #[serde(skip_serializing_if = "is_zero")]
    threshold: i64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    add_keys: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    remove_keys: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) add_paths: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    remove_paths: Vec<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    clear_paths: bool,
}

impl DelegationForm {
    pub(super) fn taking(keys: &[KeyId], paths: &WithdrawnPaths) -> Self {
        let remove_keys = keys.iter().map(ToString::to_string).collect();
        match paths {
            WithdrawnPaths::All => Self { remove_keys, clear_paths: true, ..Self::default() },
            WithdrawnPaths::These(these) => {
                Self { remove_keys, remove_paths: these.clone(), ..Self::default() }
            }
        }
    }

    pub(super) fn adding(
        threshold: Option<Threshold>,
        keys: &[Key],
        paths: &[String],
    ) -> AddingForm {
        AddingForm {
            threshold: threshold.map_or(0, |threshold| threshold.count()),
            add_keys: keys.iter().map(KeyForm::of).collect(),
            add_paths: paths.to_vec(),
        }
    }

    pub(super) fn write(&self) -> Vec<u8> {
        written(self)
    }

    /// The threshold of a role that is new; none is said of one that is there.
    pub(super) fn threshold(&self) -> Result<Option<Threshold>, String> {
        match u32::try_from(self.threshold) {
            Ok(0) => Ok(None),
            Ok(count) => Ok(Threshold::new(count)),
            Err(_) => Err(format!("{} is no threshold", self.threshold)),
        }
    }

    pub(super) fn added_keys(&self, role: &RoleName) -> Result<Vec<Key>, String> {
        let key = |value: &Value| Dialect::Notary.read_key(role, value.to_string().as_bytes());
        let keys: Result<_, _> = self.add_keys.iter().map(key).collect();
        keys.map_err(|error| error.to_string())
    }

    pub(super) fn removed_keys(&self) -> Result<Vec<KeyId>, String> {
        let ids: Result<_, _> = self.remove_keys.iter().map(|id| id.parse()).collect();
        ids.map_err(|error: crate::tuf::Error| error.to_string())
    }

    pub(super) fn removed_paths(self) -> WithdrawnPaths {
        match self.clear_paths {
            true => WithdrawnPaths::All,
            false => WithdrawnPaths::These(self.remove_paths),
        }
    }

    /// Nobody stages additions as updates; to pass them over would lose them.
    pub(super) fn refuse_additions(&self) -> Result<(), String> {
        match self.add_keys.is_empty() && self.add_paths.is_empty() && self.threshold == 0 {
            true => Ok(()),
            false => Err("an update of a delegation that adds is not understood".to_owned()),
        }
    }
}

/// The additions, whose keys have an order of members.
#[derive(Serialize)]
pub(super) struct AddingForm {
    #[serde(skip_serializing_if = "is_none")]
    threshold: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    add_keys: Vec<KeyForm>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    add_paths: Vec<String>,
}

impl AddingForm {
    pub(super) fn write(&self) -> Vec<u8> {
        written(self)
    }
}

#[derive(Serialize)]
struct KeyForm {
    keytype: String,
    keyval: KeyValueForm,
}

#[derive(Serialize)]
struct KeyValueForm {
    public: String,
    private: Option<()>,
}

impl KeyForm {
    fn of(key: &Key) -> Self {
        let public = STANDARD.encode(key.written());
        let keyval = KeyValueForm { public, private: None };
        Self { keytype: key.keytype().to_owned(), keyval }
    }
}

#[derive(Deserialize, Serialize)]
struct TargetForm {
    length: u64,
    hashes: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    custom: Value,
}

/// Reads a change to a delegation.
pub(super) fn read_delegation(role: &RoleName, data: &[u8]) -> Result<DelegationForm, String> {
    object(role, data)
}

/// Reads what a name is to stand for.
pub(super) fn read_target(role: &RoleName, data: &[u8]) -> Result<Target, String> {
    let form: TargetForm = object(role, data)?;
    let hash = |name: &str| form.hashes.get(name);
    let refuse = |name| move |_| format!("{role}: a {name} that is none");
    let sha256 = hash("sha256").map(|text| digest(text)).transpose().map_err(refuse("sha256"))?;
    let sha512 = hash("sha512").map(|text| digest(text)).transpose().map_err(refuse("sha512"))?;
    let hashes = Hashes::new(sha256.map(Sha256::from_bytes), sha512.map(Sha512::from_bytes));
    let custom = match form.custom {
        Value::Null => None,
        value => {
            let custom = Custom::parse(value.to_string().as_bytes());
            Some(custom.map_err(|error| error.to_string())?)
        }
    };
    let hashes = hashes.ok_or_else(|| format!("{role}: neither a sha256 nor a sha512"))?;
    Ok(Target { length: form.length, hashes, custom })
}

/// A form, which must be an object.
fn object<F: DeserializeOwned>(role: &RoleName, data: &[u8]) -> Result<F, String> {
    let wrong = |error: serde_json::Error| format!("{role}: {error}");
    let members: Map<String, Value> = serde_json::from_slice(data).map_err(wrong)?;
    F::deserialize(Value::Object(members)).map_err(wrong)
}

/// Writes what a name is to stand for.
pub(super) fn write_target(target: &Target) -> Vec<u8> {
    let sha256 = target.hashes.sha256().map(|hash| ("sha256", STANDARD.encode(hash.as_bytes())));
    let sha512 = target.hashes.sha512().map(|hash| ("sha512", STANDARD.encode(hash.as_bytes())));
    let hashes = [sha256, sha512].into_iter().flatten();
    let custom = target.custom.as_ref().map(|custom| serde_json::from_str(custom.as_str()));
    written(&TargetForm {
        length: target.length,
        hashes: hashes.map(|(name, hash)| (name.to_owned(), hash)).collect(),
        custom: custom.and_then(Result::ok).unwrap_or_default(),
    })
}

fn digest<const N: usize>(text: &str) -> Result<[u8; N], ()> {
    STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(())
}

/// JSON with the escapes of Go's encoder, which spares HTML. Such letters stand in strings only.
fn written(form: &impl Serialize) -> Vec<u8> {
    let text = serde_json::to_string(form).expect("strings, numbers and lists have a JSON form");
    let spared = text.chars().map(|letter| match letter {
        '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => format!("\\u{:04x}", u32::from(letter)),
        other => other.to_string(),
    });
    spared.collect::<String>().into_bytes()
}

fn is_zero(number: &i64) -> bool {
    *number == 0
}

fn is_none(number: &usize) -> bool {
    *number == 0
}
