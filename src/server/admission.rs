//! The admission webhook of Kubernetes (`admission.k8s.io/v1`): what may run is what a judge believes.
//!
//! - `POST /mutate` puts the signed digest behind each tag, so that this and nothing else is pulled.
//!   `POST /validate` lets through what has a signed digest; a tag alone may have moved by the time it
//!   is pulled.
//! - What cannot be read or judged in time is refused. Only a body that is no review at all is an error
//!   of HTTP.
//! - What an update leaves as it was is not asked about: it was let in before, and runs.
//!
//! The reference is Kubernetes 1.34 (`staging/src/k8s.io/api/admission/v1/types.go`, and "Dynamic
//! Admission Control").

mod answer;
mod patch;
mod review;
mod verdict;
mod workload;

use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use serde_json::json;

use super::health::Health;
use super::listen::Answering;
use super::log::Level;
use super::response::{self, refused};
use super::upload::Budget;
use super::{Error, Limits, Log, Proxies};
use crate::image::ImageDigest;
use review::Review;
use verdict::Verdict;

/// Says what images are signed as.
pub trait Judge: Send + Sync + 'static {
    /// The signed digest of each image, in their order, or why there is none: in one line, fit for
    /// terminals. All of it takes at most this long.
    fn judge(
        &self,
        images: Vec<String>,
        patience: Duration,
    ) -> impl Future<Output = Vec<Result<ImageDigest, String>>> + Send;
}

/// A webhook, apart from its socket. Clones are the same one.
pub struct Admission<J>(Arc<Inner<J>>);

struct Inner<J> {
    judge: J,
    log: Log,
    limits: Limits,
    proxies: Proxies,
    budget: Budget,
    health: Health,
}

/// What is asked of a webhook.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Task {
    Mutate,
    Validate,
}

impl<J: Judge> Admission<J> {
    /// A webhook that asks this judge, with so many connections at most.
    pub fn new(judge: J, connections: usize, log: Log) -> Self {
        let limits = Limits { connections, connections_each: connections, ..Limits::default() };
        let (proxies, budget) = (Proxies::default(), Budget::new(BODIES_BYTES, BODY_BYTES));
        Self(Arc::new(Inner { judge, log, limits, proxies, budget, health: Health::default() }))
    }

    /// From now on new requests should go elsewhere; those that come are answered.
    pub fn drain(&self) {
        self.0.health.drain();
    }

    async fn answer<B>(&self, head: &Parts, body: B) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes> + Send,
        B::Error: Display,
    {
        let task = match head.uri.path() {
            "/healthz" => return self.0.health.answer(&head.method),
            "/mutate" => Task::Mutate,
            "/validate" => Task::Validate,
            _ => return refused(StatusCode::NOT_FOUND, "no such path"),
        };
        if head.method != Method::POST {
            return refused(StatusCode::METHOD_NOT_ALLOWED, "reviews come by POST");
        }
        let until = Instant::now() + patience(head.uri.query());
        match self.review(task, head, body, until).await {
            Ok(answer) => response::json(answer),
            Err(problem) => {
                let said = json!({ "path": head.uri.path(), "error": &problem.1 });
                self.0.log.asked(Level::Info, "not a review", said, head);
                refused(problem.0, &problem.1)
            }
        }
    }

    async fn review<B>(
        &self,
        task: Task,
        head: &Parts,
        body: B,
        until: Instant,
    ) -> Result<String, Problem>
    where
        B: Body<Data = Bytes> + Send,
        B::Error: Display,
    {
        let kind =
            head.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.to_ascii_lowercase().starts_with("application/json") {
            let told = "a review is application/json".to_owned();
            return Err(Problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, told));
        }
        let collecting = self.0.budget.collect(BODY_BYTES, body);
        let collected = tokio::time::timeout_at(until.into(), collecting).await;
        let (room, body) = collected.unwrap_or(Err(Error::TimedOut))?;
        let review = Review::parse(&body).map_err(|told| Problem(StatusCode::BAD_REQUEST, told))?;
        let verdict = Verdict::of(task, &review, &self.0.judge, until).await;
        drop((room, body));
        let level = if verdict.is_allowed() { Level::Debug } else { Level::Info };
        self.0.log.asked(level, "admission", verdict.told(task, &review), head);
        Ok(answer::of(&review, &verdict))
    }
}

impl<J> Clone for Admission<J> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<J: Judge> Answering for Admission<J> {
    type Body = Full<Bytes>;

    fn limits(&self) -> &Limits {
        &self.0.limits
    }

    fn proxies(&self) -> &Proxies {
        &self.0.proxies
    }

    fn body_bytes(&self) -> usize {
        BODY_BYTES
    }

    fn log(&self) -> &Log {
        &self.0.log
    }

    async fn respond(&self, request: Request<&mut Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        self.answer(&head, body).await
    }
}

/// A status, and what is said with it.
struct Problem(StatusCode, String);

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let status = match error {
            Error::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Error::TimedOut => StatusCode::REQUEST_TIMEOUT,
            Error::Busy => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        };
        Self(status, error.to_string())
    }
}

/// How long whoever asks is answered in: a little less than it waits, which stands in the query
/// (`timeout=10s`).
fn patience(query: Option<&str>) -> Duration {
    let given = query.unwrap_or_default().split('&').find_map(|it| it.strip_prefix("timeout="));
    let seconds = given.and_then(|text| text.strip_suffix('s')?.parse::<f64>().ok());
    let given = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let given = given.unwrap_or(USUAL).clamp(SHORTEST, LONGEST);
    given - (given / 10).max(Duration::from_millis(200)).min(Duration::from_secs(1))
}

/// Kubernetes' own, where a configuration has no `timeoutSeconds`.
const USUAL: Duration = Duration::from_secs(10);
const SHORTEST: Duration = Duration::from_secs(1);
/// The longest `timeoutSeconds`.
const LONGEST: Duration = Duration::from_secs(30);
/// A review holds an object twice, of which etcd takes 1.5 MiB.
const BODY_BYTES: usize = 8 << 20;
/// Of all reviews that are under way.
const BODIES_BYTES: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_before_nobody_waits_for_them() {
        for (query, millis) in [
            (None, 9000),
            (Some("timeout=10s"), 9000),
            (Some("timeout=1s"), 800),
            (Some("timeout=5s"), 4500),
            (Some("a=b&timeout=30s"), 29_000),
            (Some("timeout=1000000s"), 29_000),
            (Some("timeout=0s"), 800),
            (Some("timeout=-1s"), 9000),
            (Some("timeout=NaNs"), 9000),
            (Some("timeout="), 9000),
        ] {
            assert_eq!(patience(query), Duration::from_millis(millis), "{query:?}");
        }
    }
}
