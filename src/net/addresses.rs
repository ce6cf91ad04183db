//! Where a registry is: https; on this machine also http, if https is not spoken there. As for
//! docker's `insecure-registries`, one that the user named may speak http, if https is not to be
//! had.
//!
//! It is found out with the first question, which is asked by https: no answer is remembered beyond
//! this process, so that none can ever lead away from TLS.

use super::http::Request;
use super::session::Session;
use super::{Deadline, Error, Http, PlainHttp, ServerUrl};

/// The addresses at which a registry may be.
pub(super) struct Addresses {
    https: ServerUrl,
    /// Only where TLS is not insisted on.
    http: Option<ServerUrl>,
    plain: PlainHttp,
}

impl Addresses {
    /// Those of the registry of that name, as it stands in names of images.
    pub(super) fn of(http: &Http, domain: &str) -> Result<Self, Error> {
        let domain = if domain == HUB { HUB_ENDPOINT } else { domain };
        let plain = http.plain_http(domain);
        Ok(Self {
            https: ServerUrl::parse(&format!("https://{domain}"), PlainHttp::Refused)?,
            http: ServerUrl::parse(&format!("http://{domain}"), plain).ok(),
            plain,
        })
    }

    /// The one to ask first.
    pub(super) fn first(&self) -> &ServerUrl {
        &self.https
    }

    /// The one to ask after [`Self::first`] was asked in vain; `None` if this failure is the
    /// answer.
    pub(super) fn second(&self, failure: &Error) -> Option<&ServerUrl> {
        let (Error::Unreachable { host, .. } | Error::Certificate { host, .. }) = failure else {
            return None;
        };
        // Whoever sent us on, to its token server or its store of blobs, speaks TLS.
        let is_its_own = host == self.https.as_str();
        let is_absent = failure.is_no_tls() || self.plain == PlainHttp::Named;
        self.http.as_ref().filter(|_| is_its_own && is_absent)
    }
}

/// Where a registry is, if nothing else is to be asked of it first.
pub(super) async fn find_server(
    session: &Session,
    domain: &str,
    deadline: Deadline,
) -> Result<ServerUrl, Error> {
    let addresses = Addresses::of(session.http(), domain)?;
    if addresses.http.is_none() {
        return Ok(addresses.https);
    }
    let ping = Request::get(addresses.https.join("/v2/")?);
    match session.http().send(&ping, deadline).await {
        Ok(response) => {
            response.discard().await;
            Ok(addresses.https)
        }
        Err(error) => addresses.second(&error).cloned().ok_or_else(|| session.blamed(error)),
    }
}

const HUB: &str = "docker.io";
const HUB_ENDPOINT: &str = "registry-1.docker.io";
