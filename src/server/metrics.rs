//! Numbers about the server's work, for Prometheus, and whether it can work at all. No names of
//! collections.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Response, StatusCode};
use serde_json::json;

use super::log::chain;
use super::{Error, Inner, Route, response};

#[derive(Default)]
pub(super) struct Metrics {
    operations: [Operation; OPERATIONS.len()],
    publications: AtomicU64,
    failed_renewals: AtomicU64,
    refusals: [AtomicU64; REASONS.len()],
}

#[derive(Default)]
struct Operation {
    /// By the first digit of the status.
    statuses: [AtomicU64; 6],
    /// Not above each bound; the rest is above all.
    durations: [AtomicU64; BOUNDS.len()],
    micros: AtomicU64,
}

impl Metrics {
    pub(super) fn note(&self, route: &Route, status: StatusCode, took: Duration) {
        let name = route.operation();
        let Some(place) = OPERATIONS.iter().position(|operation| *operation == name) else {
            return;
        };
        let operation = &self.operations[place];
        let class = usize::from(status.as_u16() / 100).min(5);
        operation.statuses[class].fetch_add(1, Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        operation.micros.fetch_add(micros, Relaxed);
        if let Some(bound) = BOUNDS.iter().position(|(bound, _)| micros <= *bound) {
            operation.durations[bound].fetch_add(1, Relaxed);
        }
    }

    pub(super) fn refused(&self, error: &Error) {
        let reason = error.reason();
        if let Some(place) = REASONS.iter().position(|known| *known == reason) {
            self.refusals[place].fetch_add(1, Relaxed);
        }
    }

    pub(super) fn published(&self) {
        self.publications.fetch_add(1, Relaxed);
    }

    pub(super) fn renewal_failed(&self) {
        self.failed_renewals.fetch_add(1, Relaxed);
    }

    fn text(&self) -> String {
        let mut out = String::new();
        counter(
            &mut out,
            "countersign_publications_total",
            "Updates that were stored.",
            &self.publications,
        );
        counter(
            &mut out,
            "countersign_failed_renewals_total",
            "Timestamps that were due and could not be renewed.",
            &self.failed_renewals,
        );
        let refusals = "countersign_refusals_total";
        head(&mut out, refusals, "counter", "Requests that were refused, by reason.");
        for (count, reason) in self.refusals.iter().zip(REASONS) {
            let _ = writeln!(out, "{refusals}{{reason=\"{reason}\"}} {}", count.load(Relaxed));
        }
        head(&mut out, "notary_server_http_requests_total", "counter", "Requests.");
        for (operation, name) in self.used() {
            for (class, count) in operation.statuses.iter().enumerate() {
                let count = count.load(Relaxed);
                if count > 0 {
                    let _ = writeln!(
                        out,
                        "notary_server_http_requests_total{{operation=\"{name}\",code=\"{class}xx\"}} {count}"
                    );
                }
            }
        }
        head(
            &mut out,
            "countersign_http_request_duration_seconds",
            "histogram",
            "Time until an answer was ready.",
        );
        for (operation, name) in self.used() {
            operation.histogram(name, &mut out);
        }
        out
    }

    fn used(&self) -> impl Iterator<Item = (&Operation, &'static str)> {
        let named = self.operations.iter().zip(OPERATIONS);
        named.filter(|(operation, _)| operation.total() > 0)
    }
}

impl Operation {
    fn total(&self) -> u64 {
        self.statuses.iter().map(|count| count.load(Relaxed)).sum()
    }

    fn histogram(&self, name: &str, out: &mut String) {
        let metric = "countersign_http_request_duration_seconds";
        let (total, mut below) = (self.total(), 0);
        for ((_, bound), count) in BOUNDS.iter().zip(&self.durations) {
            below += count.load(Relaxed);
            let _ = writeln!(out, "{metric}_bucket{{operation=\"{name}\",le=\"{bound}\"}} {below}");
        }
        let _ = writeln!(out, "{metric}_bucket{{operation=\"{name}\",le=\"+Inf\"}} {total}");
        let seconds = Duration::from_micros(self.micros.load(Relaxed)).as_secs_f64();
        let _ = writeln!(out, "{metric}_sum{{operation=\"{name}\"}} {seconds}");
        let _ = writeln!(out, "{metric}_count{{operation=\"{name}\"}} {total}");
    }
}

impl Inner {
    pub(super) fn metrics(&self) -> Response<Full<Bytes>> {
        let mut text = self.metrics.text();
        self.expiries.write(self.clock.now(), &mut text);
        let about = "Collections with a key that cannot be opened.";
        head(&mut text, "countersign_shut_keys", "gauge", about);
        let _ = writeln!(text, "countersign_shut_keys {}", self.keys.shut.count());
        let about =
            "Collections whose timestamp key is not this server's, and whose timestamp is due.";
        head(&mut text, "countersign_foreign_timestamps", "gauge", about);
        let _ = writeln!(text, "countersign_foreign_timestamps {}", self.foreign.count());
        let about = "Whether the last attempt to store something succeeded.";
        head(&mut text, "countersign_storing", "gauge", about);
        let _ =
            writeln!(text, "countersign_storing {}", u8::from(self.writing.problem().is_none()));
        response::plain(text)
    }

    /// Whether new requests should come here: not while the server ends, nor while it cannot sign.
    pub(super) async fn ready(&self) -> Response<Full<Bytes>> {
        if self.draining.load(Relaxed) {
            let body = json!({ "ready": "the server is ending" });
            return response::error(StatusCode::SERVICE_UNAVAILABLE, body.to_string());
        }
        if let Some(problem) = self.keys.problem().await {
            let body = json!({ "Trust operational": chain(&problem) });
            return response::error(StatusCode::SERVICE_UNAVAILABLE, body.to_string());
        }
        let mut answer = self.health().await;
        if let Some(problem) = self.writing.problem().filter(|_| answer.status() == StatusCode::OK)
        {
            // Readers are served: whoever is sent elsewhere for this finds nothing better there.
            let body = json!({ "storing": problem });
            *answer.body_mut() = Full::new(body.to_string().into());
        }
        answer
    }

    /// As notary-server tells it: nothing, or what does not work.
    pub(super) async fn health(&self) -> Response<Full<Bytes>> {
        match self.store.check().await {
            Ok(()) => response::json(b"{}".as_slice()),
            Err(error) => {
                let body = json!({ "DB operational": error.to_string() });
                self.log.trouble("health", None, &Error::Store(error));
                response::error(StatusCode::SERVICE_UNAVAILABLE, body.to_string())
            }
        }
    }
}

fn counter(out: &mut String, name: &str, help: &str, count: &AtomicU64) {
    head(out, name, "counter", help);
    let _ = writeln!(out, "{name} {}", count.load(Relaxed));
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

const OPERATIONS: [&str; 14] = [
    "Ping",
    "UpdateTUF",
    "DeleteTUF",
    "GetRole",
    "GetRoleByHash",
    "GetRoleByVersion",
    "GetKey",
    "RotateKey",
    "Changefeed",
    "Health",
    "Metrics",
    "Page",
    "Token",
    "Unknown",
];

/// What [`Error::reason`] says.
const REASONS: [&str; 20] = [
    "bad_root",
    "bad_targets",
    "bad_snapshot",
    "bad_update",
    "old_version",
    "version_jump",
    "malformed_json",
    "malformed_upload",
    "too_large",
    "too_slow",
    "busy",
    "too_often",
    "unauthorized",
    "prefix",
    "parameters",
    "not_found",
    "no_method",
    "shut_key",
    "no_token",
    "internal",
];

/// Microseconds, and the same in seconds.
const BOUNDS: [(u64, &str); 8] = [
    (100, "0.0001"),
    (500, "0.0005"),
    (1_000, "0.001"),
    (5_000, "0.005"),
    (25_000, "0.025"),
    (100_000, "0.1"),
    (1_000_000, "1"),
    (10_000_000, "10"),
];
