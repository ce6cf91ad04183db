//! What becomes of a review.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use serde_json::{Value, json};

use super::patch::Replace;
use super::review::{Operation, Review};
use super::workload::{Stands, new_images};
use super::{Judge, Task};
use crate::image::{ImageDigest, Reference, Tag};

/// What becomes of a review.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// It may be done, with these changes.
    Allowed(Vec<Replace>),
    /// It may not, and why.
    Refused(String),
}

/// What each image that was asked about is signed as, or why not.
type Known = BTreeMap<String, Result<ImageDigest, String>>;

impl Verdict {
    pub(super) async fn of(
        task: Task,
        review: &Review,
        judge: &impl Judge,
        until: Instant,
    ) -> Self {
        let images = match asked_about(review) {
            Ok(images) => images,
            Err(problem) => return Self::Refused(problem),
        };
        let once: BTreeSet<String> = images.iter().map(|it| it.image.clone()).collect();
        if once.len() > MOST_IMAGES {
            return Self::Refused(format!("more than {MOST_IMAGES} images in one object"));
        }
        let left = until.saturating_duration_since(Instant::now());
        let judged = match once.is_empty() {
            true => Vec::new(),
            false => judge.judge(once.iter().cloned().collect(), left).await,
        };
        decided(task, &images, &once.into_iter().zip(judged).collect())
    }

    pub(super) fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed(_))
    }

    /// What the log says of it.
    pub(super) fn told(&self, task: Task, review: &Review) -> Value {
        let (reason, pinned) = match self {
            Self::Allowed(changes) => (None, Some(changes.len()).filter(|count| *count > 0)),
            Self::Refused(message) => (Some(message), None),
        };
        json!({
            "task": format!("{task:?}").to_lowercase(),
            "uid": review.uid,
            "operation": format!("{:?}", review.operation).to_uppercase(),
            "kind": review.kind.kind,
            "namespace": review.namespace,
            "name": review.name,
            "allowed": self.is_allowed(),
            "pinned": pinned,
            "reason": reason,
        })
    }
}

/// The images that would be new.
fn asked_about(review: &Review) -> Result<Vec<Stands>, String> {
    let old = match review.operation {
        // Nothing is pulled for what goes.
        Operation::Delete => return Ok(Vec::new()),
        Operation::Update => review.old.as_ref(),
        Operation::Create | Operation::Connect => None,
    };
    match &review.object {
        Some(object) => new_images(&review.kind, object, old),
        None => Err(format!("{:?} without an object cannot be judged", review.kind.kind)),
    }
}

fn decided(task: Task, images: &[Stands], known: &Known) -> Verdict {
    let mut changes = Vec::new();
    let mut refusals: Vec<(String, Vec<&str>)> = Vec::new();
    for stands in images {
        match decide(task, stands, known) {
            Ok(change) => changes.extend(change),
            Err(why) => match refusals.iter_mut().find(|(known, _)| *known == why) {
                Some((_, owners)) => owners.push(&stands.owner),
                None => refusals.push((why, vec![&stands.owner])),
            },
        }
    }
    match refusals.is_empty() {
        true => Verdict::Allowed(changes),
        false => Verdict::Refused(told(&refusals)),
    }
}

/// Each reason once, behind all that it is about.
fn told(refusals: &[(String, Vec<&str>)]) -> String {
    let one = |(why, owners): &(String, Vec<&str>)| {
        let owners = few(owners.iter().map(ToString::to_string), owners.len()).join(", ");
        format!("{owners}: {}", why.trim_end_matches('.'))
    };
    few(refusals.iter().map(one), refusals.len()).join("; ")
}

/// The first of so many, and how many more there are.
fn few(told: impl Iterator<Item = String>, count: usize) -> Vec<String> {
    let more = Some(count.saturating_sub(MOST_TOLD)).filter(|more| *more > 0);
    told.take(MOST_TOLD).chain(more.map(|more| format!("and {more} more"))).collect()
}

/// What is to stand in the place of an image, if it may not stay as it is.
fn decide(task: Task, stands: &Stands, known: &Known) -> Result<Option<Replace>, String> {
    let Stands { image, pointer, .. } = stands;
    let signed = known.get(image).cloned().unwrap_or_else(|| Err("nobody was asked".to_owned()))?;
    let reference: Reference = image.parse().map_err(|error| format!("{image:?}: {error}"))?;
    match (task, reference.digest()) {
        (_, Some(given)) if *given == signed => Ok(None),
        (_, Some(given)) => Err(format!("{image}: {given} is signed as {signed}")),
        (Task::Mutate, None) => {
            let (pointer, image) = (pointer.clone(), with_digest(image, &reference, signed));
            Ok(Some(Replace { pointer, image }))
        }
        (Task::Validate, None) => Err(format!("{image}: {NO_DIGEST}")),
    }
}

/// As it was written, with its tag and what that is signed as.
fn with_digest(image: &str, reference: &Reference, digest: ImageDigest) -> String {
    match reference.tag() {
        Some(_) => format!("{image}@{digest}"),
        None => format!("{image}:{}@{digest}", Tag::latest()),
    }
}

const NO_DIGEST: &str = "has no digest, and its tag may have moved by the time it is pulled. Have the cluster ask \
     /mutate as well, which puts the signed digest there";
/// Of one object, apart from repetitions.
const MOST_IMAGES: usize = 100;
/// Refusals that are told, and what each is about; the message is read by people.
const MOST_TOLD: usize = 5;

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use super::*;

    /// Signs `web` and `data`, and knows what it was asked.
    #[derive(Default)]
    struct Publisher(Mutex<Vec<String>>);

    impl Judge for Publisher {
        async fn judge(
            &self,
            images: Vec<String>,
            _: Duration,
        ) -> Vec<Result<ImageDigest, String>> {
            let signed =
                |image: &String| match image.starts_with("web") || image.starts_with("data") {
                    true => Ok(digest("a")),
                    false => Err(format!("{image}: not signed")),
                };
            let judged = images.iter().map(signed).collect();
            self.0.lock().expect("no panic").extend(images);
            judged
        }
    }

    fn digest(digit: &str) -> ImageDigest {
        format!("sha256:{}", digit.repeat(64)).parse().expect("a digest")
    }

    fn review(operation: &str, object: Value, old: Value) -> Review {
        let request = json!({"uid": "u", "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "operation": operation, "object": object, "oldObject": old});
        let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request});
        Review::parse(review.to_string().as_bytes()).expect("a review")
    }

    fn pod(images: &[&str]) -> Value {
        let containers = images.iter().enumerate();
        let containers: Vec<Value> = containers
            .map(|(index, image)| json!({"name": format!("c{index}"), "image": image}))
            .collect();
        json!({"spec": {"containers": containers}})
    }

    fn verdict(task: Task, review: &Review) -> (Verdict, Vec<String>) {
        let judge = Publisher::default();
        let until = Instant::now() + Duration::from_secs(9);
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let verdict = runtime.block_on(Verdict::of(task, review, &judge, until));
        (verdict, judge.0.into_inner().expect("no panic"))
    }

    #[test]
    fn each_tag_gets_its_digest_and_each_image_is_looked_up_once() {
        let signed = digest("a");
        let given = format!("web@{signed}");
        let review = review(
            "CREATE",
            pod(&["web:1", "data", &given, "web:1", "localhost:5000/web"]),
            Value::Null,
        );
        let (refused, _) = verdict(Task::Mutate, &review);
        assert_eq!(
            refused,
            Verdict::Refused("container \"c4\": localhost:5000/web: not signed".to_owned())
        );
        let review =
            super::tests::review("CREATE", pod(&["web:1", "data", &given, "web:1"]), Value::Null);
        let (allowed, asked) = verdict(Task::Mutate, &review);
        let change = |index: u32, image: String| Replace {
            pointer: format!("/spec/containers/{index}/image"),
            image,
        };
        let pinned = format!("web:1@{signed}");
        assert_eq!(
            allowed,
            Verdict::Allowed(vec![
                change(0, pinned.clone()),
                change(1, format!("data:latest@{signed}")),
                change(3, pinned),
            ])
        );
        assert_eq!(asked, ["data", "web:1", &given]);
    }

    #[test]
    fn a_tag_alone_passes_only_where_its_digest_is_put_behind_it() {
        let signed = digest("a");
        let of = |image: &str| {
            let review = review("CREATE", pod(&[image]), Value::Null);
            verdict(Task::Validate, &review).0
        };
        assert_eq!(of(&format!("web:1@{signed}")), Verdict::Allowed(Vec::new()));
        for image in ["web:1", "web", "none:1"] {
            assert!(!of(image).is_allowed(), "{image}");
        }
        let Verdict::Refused(told) = of("web:1") else { panic!("refused") };
        assert!(told.contains("container \"c0\": web:1: ") && told.contains("/mutate"), "{told}");
        let lie = format!("web@{}", digest("b"));
        assert!(!of(&lie).is_allowed(), "the judge said another one");
    }

    #[test]
    fn what_stays_or_goes_is_not_asked_about() {
        let (old, new) = (pod(&["none:1", "web:1"]), pod(&["none:1", "web:2"]));
        let (allowed, asked) = verdict(Task::Mutate, &review("UPDATE", new.clone(), old.clone()));
        assert!(allowed.is_allowed());
        assert_eq!(asked, ["web:2"]);
        let (allowed, asked) = verdict(Task::Validate, &review("UPDATE", old.clone(), old.clone()));
        assert!(allowed.is_allowed() && asked.is_empty());
        assert!(
            verdict(Task::Validate, &review("DELETE", Value::Null, old.clone())).0.is_allowed()
        );
        assert!(!verdict(Task::Validate, &review("CREATE", old.clone(), old)).0.is_allowed());
        for operation in ["CREATE", "UPDATE", "CONNECT"] {
            let empty = review(operation, Value::Null, Value::Null);
            assert!(!verdict(Task::Validate, &empty).0.is_allowed(), "{operation}");
        }
    }

    #[test]
    fn refusals_are_bounded() {
        let many: Vec<String> = (0..20).map(|number| format!("none:{number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let (refused, _) = verdict(Task::Mutate, &review("CREATE", pod(&many), Value::Null));
        let Verdict::Refused(told) = refused else { panic!("refused") };
        assert!(told.ends_with("; and 15 more"), "{told}");
        let (refused, _) =
            verdict(Task::Mutate, &review("CREATE", pod(&["none:1"; 7]), Value::Null));
        let owners: Vec<String> = (0..5).map(|number| format!("container \"c{number}\"")).collect();
        let once = format!("{}, and 2 more: none:1: not signed", owners.join(", "));
        assert_eq!(refused, Verdict::Refused(once));
        let more: Vec<String> = (0..101).map(|number| format!("web:{number}")).collect();
        let more: Vec<&str> = more.iter().map(String::as_str).collect();
        let (refused, asked) = verdict(Task::Mutate, &review("CREATE", pod(&more), Value::Null));
        assert!(!refused.is_allowed() && asked.is_empty());
    }
}
