//! Where registries send us: they keep blobs elsewhere.
//!
//! Credentials stay at home: a hop to another scheme, host or port goes without them, for good.
//! Metadata of trust servers is never redirected.

use reqwest::Method;
use url::Url;

use super::{
    Access, Deadline, Error,
    http::Request,
    response::Response,
    server_url::{is_local, is_loopback},
    session::Session,
};

/// Reads `request` from a registry, wherever it sends us, within [`MAX_HOPS`].
pub(super) async fn follow(
    session: &Session,
    request: Request,
    deadline: Deadline,
) -> Result<Response, Error> {
    debug_assert_eq!(request.method, Method::GET, "only reading is repeated elsewhere");
    let home = request.url.clone();
    let (mut request, mut is_home) = (request, true);
    for _ in 0..=MAX_HOPS {
        let response = match is_home {
            true => session.send(&request, Access::Pull, deadline).await?,
            false => session.http().send(&request, deadline).await?,
        };
        if !REDIRECTS.contains(&response.status()) {
            return Ok(response);
        }
        let next = target(&response, &home)?;
        is_home &= next.origin() == home.origin();
        response.discard().await;
        request.url = next;
    }
    Err(Error::Malformed { host: super::server_url::origin(&home), problem: "too many redirects" })
}

/// Where the answer sends us, if we may go there from `home`.
pub(super) fn target(response: &Response, home: &Url) -> Result<Url, Error> {
    let refuse = |problem| response.malformed(problem);
    let location = response.header("location").ok_or_else(|| refuse("a redirect to nowhere"))?;
    let next = response.url().join(location).map_err(|_| refuse("a redirect to no URL"))?;
    if !next.username().is_empty() || next.password().is_some() {
        return Err(refuse("a redirect with a user"));
    }
    if is_local(&next) && !(is_loopback(&next) && is_loopback(home)) && next.host() != home.host() {
        return Err(refuse("a redirect to a local address"));
    }
    let plain_allowed = next.scheme() == "http" && is_loopback(&next) && home.scheme() == "http";
    match next.scheme() == "https" || plain_allowed {
        true => Ok(next),
        false => Err(refuse("a redirect away from https")),
    }
}

const REDIRECTS: [u16; 5] = [301, 302, 303, 307, 308];
const MAX_HOPS: usize = 3;
