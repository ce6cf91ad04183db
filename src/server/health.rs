//! Whether those who distribute requests should send some here.

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Response, StatusCode};

use super::response::{plain, refused};

/// Well, until it is about to end.
#[derive(Default)]
pub(super) struct Health {
    draining: AtomicBool,
}

impl Health {
    /// From now on new requests should go elsewhere.
    pub(super) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// The answer to who asks.
    pub(super) fn answer(&self, method: &Method) -> Response<Full<Bytes>> {
        match (method, self.draining.load(Ordering::Relaxed)) {
            (&Method::GET | &Method::HEAD, false) => plain("ok\n"),
            (&Method::GET | &Method::HEAD, true) => {
                refused(StatusCode::SERVICE_UNAVAILABLE, "it is about to end")
            }
            _ => refused(StatusCode::METHOD_NOT_ALLOWED, "health is asked for by GET"),
        }
    }
}
