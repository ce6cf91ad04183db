//! What the API server is answered.

use serde::Serialize;

use super::patch::encoded;
use super::review::{API_VERSION, KIND, Review};
use super::verdict::Verdict;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    api_version: &'static str,
    kind: &'static str,
    response: Response<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response<'a> {
    uid: &'a str,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<String>,
}

#[derive(Serialize)]
struct Status<'a> {
    code: u16,
    reason: &'static str,
    message: &'a str,
}

/// The answer to a review.
pub(super) fn of(review: &Review, verdict: &Verdict) -> String {
    let (status, patch) = match verdict {
        Verdict::Refused(message) => {
            (Some(Status { code: 403, reason: "Forbidden", message }), None)
        }
        Verdict::Allowed(changes) => (None, encoded(changes)),
    };
    let response = Response {
        uid: &review.uid,
        allowed: verdict.is_allowed(),
        status,
        patch_type: patch.as_ref().map(|_| "JSONPatch"),
        patch,
    };
    let answer = Answer { api_version: API_VERSION, kind: KIND, response };
    serde_json::to_string(&answer).expect("text and numbers have a JSON form")
}
