//! What the API server asks: as much of an `AdmissionReview` as decides.

use serde::Deserialize;
use serde_json::Value;

/// A review.
#[derive(Debug)]
pub(super) struct Review {
    /// Whose answer it is to be.
    pub(super) uid: String,
    pub(super) kind: Kind,
    pub(super) operation: Operation,
    pub(super) namespace: Option<String>,
    pub(super) name: Option<String>,
    /// What would be stored.
    pub(super) object: Option<Value>,
    /// What it would take the place of.
    pub(super) old: Option<Value>,
}

/// What an object is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub(super) struct Kind {
    #[serde(default)]
    pub(super) group: String,
    pub(super) kind: String,
}

/// What would be done with it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Operation {
    Create,
    Update,
    Delete,
    Connect,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    api_version: String,
    kind: String,
    request: WireRequest,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireRequest {
    uid: String,
    kind: Kind,
    operation: Operation,
    namespace: Option<String>,
    name: Option<String>,
    object: Option<Value>,
    old_object: Option<Value>,
}

impl Review {
    /// Reads a review of the one version that there is.
    ///
    /// # Errors
    ///
    /// Why it is none, in not too many words: what is wrong may be long.
    pub(super) fn parse(body: &[u8]) -> Result<Self, String> {
        Self::read(body).map_err(|told| told.chars().take(MOST_TOLD).collect())
    }

    fn read(body: &[u8]) -> Result<Self, String> {
        let wire: Wire = serde_json::from_slice(body)
            .map_err(|error| format!("no review of {API_VERSION}: {error}"))?;
        if (wire.api_version.as_str(), wire.kind.as_str()) != (API_VERSION, KIND) {
            let (version, kind) = (&wire.api_version, &wire.kind);
            return Err(format!("{kind:?} of {version:?} is no {KIND} of {API_VERSION}"));
        }
        let WireRequest { uid, kind, operation, namespace, name, object, old_object } =
            wire.request;
        if uid.is_empty() {
            return Err("a review without a uid cannot be answered".to_owned());
        }
        let names =
            [Some(&uid), Some(&kind.group), Some(&kind.kind), namespace.as_ref(), name.as_ref()];
        if names.into_iter().flatten().any(|name| name.len() > LONGEST_NAME) {
            return Err("a name in the request is longer than names are".to_owned());
        }
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        let (namespace, name) = (filled(namespace), filled(name));
        Ok(Self { uid, kind, operation, namespace, name, object, old: old_object })
    }
}

/// Characters.
const MOST_TOLD: usize = 512;
/// Bytes; of objects 253, of a uid 36.
const LONGEST_NAME: usize = 256;
pub(super) const API_VERSION: &str = "admission.k8s.io/v1";
pub(super) const KIND: &str = "AdmissionReview";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_no_review_is_refused() {
        let honest = json!({"apiVersion": API_VERSION, "kind": KIND, "request": {
            "uid": "u", "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "operation": "CREATE", "object": {}, "oldObject": null, "new": {"member": 1},
        }});
        let read = |review: &Value| Review::parse(review.to_string().as_bytes());
        let review = read(&honest).expect("a review");
        assert_eq!((review.uid.as_str(), review.kind.kind.as_str()), ("u", "Pod"));
        assert!(review.object.is_some() && review.old.is_none());
        for (pointer, value) in [
            ("/apiVersion", json!("admission.k8s.io/v1beta1")),
            ("/kind", json!("Pod")),
            ("/request", Value::Null),
            ("/request/uid", json!("")),
            ("/request/uid", json!(1)),
            ("/request/uid", json!("u".repeat(257))),
            ("/request/kind/kind", json!("K".repeat(257))),
            ("/request/kind", json!("Pod")),
            ("/request/operation", json!("CREATE_OR_SO")),
            ("/request/operation", Value::Null),
        ] {
            let mut spoiled = honest.clone();
            *spoiled.pointer_mut(pointer).expect("a member") = value;
            assert!(read(&spoiled).is_err(), "{pointer}");
        }
        let mut long = honest.clone();
        long["request"]["operation"] = json!("X".repeat(1 << 20));
        assert!(read(&long).is_err_and(|told| told.len() <= 512));
        assert!(Review::parse(b"").is_err() && Review::parse(b"{}{}").is_err());
    }
}
