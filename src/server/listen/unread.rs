//! What is left of a request's body when its answer is ready.

use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use hyper::header::{EXPECT, HeaderMap};

/// Whether a client sends its body without waiting to be told.
pub(super) fn comes_unasked(headers: &HeaderMap) -> bool {
    !headers.contains_key(EXPECT)
}

/// Reads what is left and throws it away, as much of it as an upload may have, while the answer goes
/// out. A connection that is closed while data comes in is reset: the client, which is still
/// sending, would never read why it was refused (RFC 9112 §9.6).
pub(super) fn discard(mut body: Incoming, limit: u64) {
    if body.is_end_stream() {
        return;
    }
    tokio::spawn(async move {
        let reading = async {
            let mut left = limit;
            while let Some(Ok(frame)) = body.frame().await {
                let read = frame.data_ref().map_or(0, |data| data.len() as u64);
                let Some(less) = left.checked_sub(read) else { return };
                left = less;
            }
        };
        // Who is slower than that is not waited for.
        let _ = tokio::time::timeout(PATIENCE, reading).await;
    });
}

const PATIENCE: Duration = Duration::from_secs(10);
