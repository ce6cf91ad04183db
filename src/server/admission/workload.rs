//! Where images stand in an object: in a pod, or in the template of pods that it holds (Kubernetes
//! `core/v1`, `PodSpec`).

use std::collections::BTreeSet;

use serde_json::Value;

use super::review::Kind;

/// An image, and where it stands.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Stands {
    /// What has it: `container "web"`.
    pub(super) owner: String,
    /// The reference, as it stands there.
    pub(super) image: String,
    /// Where, as a JSON pointer (RFC 6901).
    pub(super) pointer: String,
}

/// The images of an object.
///
/// # Errors
///
/// Why they cannot be told: a kind that is not known, or not the form that its kind has.
pub(super) fn images(kind: &Kind, object: &Value) -> Result<Vec<Stands>, String> {
    let path = path_to_pod(kind)?;
    let unreadable = || format!("{}: no pod is to be found at {path}", kind.kind);
    let pod = object.pointer(path).filter(|pod| pod.is_object()).ok_or_else(unreadable)?;
    let mut found = Vec::new();
    for (list, what, image) in LISTS {
        let entries = match pod.get(list) {
            None | Some(Value::Null) => continue,
            Some(Value::Array(entries)) => entries,
            Some(_) => return Err(format!("{path}/{list} is no list")),
        };
        for (index, entry) in entries.iter().enumerate() {
            let pointer = format!("{path}/{list}/{index}{image}");
            if !entry.is_object() {
                return Err(format!("{path}/{list}/{index} is no object"));
            }
            match entry.pointer(image) {
                // Whoever fills in a template may leave it out; nothing is pulled for it.
                None | Some(Value::Null) => {}
                Some(Value::String(text)) if text.is_empty() => {}
                Some(Value::String(text)) if text.len() > LONGEST_IMAGE => {
                    return Err(format!("{pointer} is longer than any image's name"));
                }
                Some(Value::String(text)) => found.push(Stands {
                    owner: format!("{what} {}", name(entry)),
                    image: text.clone(),
                    pointer,
                }),
                Some(_) => return Err(format!("{pointer} is no text")),
            }
        }
    }
    Ok(found)
}

/// The same without those that the object had before, in the same place.
pub(super) fn new_images(
    kind: &Kind,
    object: &Value,
    old: Option<&Value>,
) -> Result<Vec<Stands>, String> {
    let before = old.and_then(|old| images(kind, old).ok()).unwrap_or_default();
    let before: BTreeSet<(&str, &str)> = before.iter().map(Stands::what).collect();
    let mut found = images(kind, object)?;
    found.retain(|it| !before.contains(&it.what()));
    Ok(found)
}

impl Stands {
    fn what(&self) -> (&str, &str) {
        (&self.owner, &self.image)
    }
}

/// Names are not checked yet when webhooks are asked.
fn name(entry: &Value) -> String {
    excerpt(entry.get("name").and_then(Value::as_str).unwrap_or_default())
}

fn excerpt(name: &str) -> String {
    format!("{:?}", name.chars().take(LONGEST_NAME).collect::<String>())
}

fn path_to_pod(kind: &Kind) -> Result<&'static str, String> {
    match (kind.group.as_str(), kind.kind.as_str()) {
        ("", "Pod") => Ok("/spec"),
        ("", "PodTemplate") => Ok("/template/spec"),
        ("", "ReplicationController")
        | ("apps", "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet")
        | ("batch", "Job") => Ok("/spec/template/spec"),
        ("batch", "CronJob") => Ok("/spec/jobTemplate/spec/template/spec"),
        (group, kind) => {
            let (group, kind) =
                (excerpt(if group.is_empty() { "v1" } else { group }), excerpt(kind));
            Err(format!("{kind} of {group} is not known here, so its images are not, either"))
        }
    }
}

/// Lists in a pod, what an entry of each is, and where an entry has its image.
const LISTS: [(&str, &str, &str); 4] = [
    ("initContainers", "init container", "/image"),
    ("containers", "container", "/image"),
    ("ephemeralContainers", "ephemeral container", "/image"),
    ("volumes", "volume", "/image/reference"),
];
/// Of a label of DNS, which they have to be.
const LONGEST_NAME: usize = 63;
/// Of a reference with host, path, tag and digest.
const LONGEST_IMAGE: usize = 1024;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kind(group: &str, kind: &str) -> Kind {
        Kind { group: group.to_owned(), kind: kind.to_owned() }
    }

    fn pod() -> Value {
        json!({
            "containers": [{"name": "web", "image": "web:1"}, {"name": "a/b~c", "image": "other:2"}],
            "initContainers": [{"name": "init", "image": "init:1"}, {"name": "later"}],
            "ephemeralContainers": [{"name": "debug", "image": "busybox"}],
            "volumes": [{"name": "none", "emptyDir": {}}, {"name": "data", "image": {"reference": "data:1"}}],
        })
    }

    #[test]
    fn every_kind_with_pods_is_read_in_full() {
        for (group, name, path) in [
            ("", "Pod", "/spec"),
            ("", "PodTemplate", "/template/spec"),
            ("", "ReplicationController", "/spec/template/spec"),
            ("apps", "Deployment", "/spec/template/spec"),
            ("apps", "ReplicaSet", "/spec/template/spec"),
            ("apps", "StatefulSet", "/spec/template/spec"),
            ("apps", "DaemonSet", "/spec/template/spec"),
            ("batch", "Job", "/spec/template/spec"),
            ("batch", "CronJob", "/spec/jobTemplate/spec/template/spec"),
        ] {
            let mut steps: Vec<&str> = path.split('/').skip(1).collect();
            steps.reverse();
            let object = steps.iter().fold(pod(), |inner, step| json!({*step: inner}));
            let found = images(&kind(group, name), &object).expect(name);
            let told: Vec<_> =
                found.iter().map(|it| (it.owner.as_str(), it.image.as_str())).collect();
            assert_eq!(
                told,
                [
                    ("init container \"init\"", "init:1"),
                    ("container \"web\"", "web:1"),
                    ("container \"a/b~c\"", "other:2"),
                    ("ephemeral container \"debug\"", "busybox"),
                    ("volume \"data\"", "data:1"),
                ],
                "{name}"
            );
            for it in &found {
                let there = object.pointer(&it.pointer);
                assert_eq!(there, Some(&json!(it.image)), "names are no part of a pointer");
            }
        }
    }

    #[test]
    fn what_cannot_be_read_is_no_object_without_images() {
        let of = |object: &Value| images(&kind("", "Pod"), object);
        assert_eq!(of(&json!({"spec": {}})), Ok(Vec::new()));
        assert_eq!(of(&json!({"spec": {"containers": null}})), Ok(Vec::new()));
        for spec in [
            json!(null),
            json!([]),
            json!({"containers": {}}),
            json!({"containers": ["web:1"]}),
            json!({"containers": [{"image": 1}]}),
            json!({"containers": [{"image": "x".repeat(1025)}]}),
            json!({"containers": [{"image": {}}]}),
            json!({"volumes": [{"image": {"reference": ["x"]}}]}),
        ] {
            assert!(of(&json!({ "spec": spec })).is_err(), "{spec}");
        }
        for (group, name) in [
            ("", "Binding"),
            ("autoscaling", "Scale"),
            ("policy", "Eviction"),
            ("apps", "Pod"),
            ("other.example.com", "Deployment"),
        ] {
            assert!(images(&kind(group, name), &json!({"spec": pod()})).is_err(), "{group} {name}");
        }
        assert!(images(&kind("apps", "Deployment"), &json!({"spec": pod()})).is_err());
    }

    #[test]
    fn what_was_there_before_is_not_new_but_elsewhere_it_is() {
        let (old, mut new) = (json!({"spec": pod()}), json!({"spec": pod()}));
        let pods = kind("", "Pod");
        assert_eq!(new_images(&pods, &new, Some(&old)), Ok(Vec::new()));
        assert_eq!(new_images(&pods, &new, None).map(|it| it.len()), Ok(5));
        assert_eq!(new_images(&pods, &new, Some(&json!({}))).map(|it| it.len()), Ok(5));
        new["spec"]["containers"][0]["image"] = json!("web:2");
        new["spec"]["ephemeralContainers"][0]["image"] = json!("web:1");
        let found = new_images(&pods, &new, Some(&old)).expect("readable");
        let pointers: Vec<_> = found.iter().map(|it| it.pointer.as_str()).collect();
        assert_eq!(pointers, ["/spec/containers/0/image", "/spec/ephemeralContainers/0/image"]);
    }
}
