//! From a request to its answer: the limits, the permission, and then what the route says.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Body;
use hyper::header::{HOST, HeaderName, ORIGIN};
use hyper::{HeaderMap, Request, Response, Uri};

use super::auth::{Caller, Peer};
use super::metadata::to_the_end;
use super::{Error, Route, Server, page, response};

impl Server {
    /// Answers a request, from wherever it came.
    pub async fn respond<B>(&self, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes> + Send,
        B::Error: std::fmt::Display,
    {
        let started = Instant::now();
        let (head, body) = request.into_parts();
        let route = Route::of(&head.method, head.uri.path());
        let peer = head.extensions.get::<Peer>().cloned().unwrap_or_default();
        let peer = self.inner.options.proxies.behind(peer, &head.headers);
        let mut caller = Caller::from(&peer);
        let answer = match self.enter(&route, &peer, started) {
            Ok(()) => self.answer(&route, &head.headers, &head.uri, body, &mut caller).await,
            Err(error) => Err(error),
        };
        let (response, refusal) = match answer {
            Ok(response) => (response, None),
            Err(error) if route == Route::Page => (page::refusal(&error), Some(error)),
            Err(error) => (error.response(), Some(error)),
        };
        let inner = &self.inner;
        inner.metrics.note(&route, response.status(), started.elapsed());
        if let Some(error) = &refusal {
            inner.metrics.refused(error);
        }
        inner.log.access(&head, &response, started.elapsed(), &caller, refusal.as_ref());
        response
    }

    /// Health and metrics are always told: who watches must see that much is going on.
    fn enter(&self, route: &Route, peer: &Peer, now: Instant) -> Result<(), Error> {
        match route {
            Route::Health | Route::Ready | Route::Metrics => Ok(()),
            _ => self.inner.gates.enter(peer.address, now),
        }
    }

    async fn answer<B>(
        &self,
        route: &Route,
        headers: &HeaderMap,
        uri: &Uri,
        body: B,
        caller: &mut Caller,
    ) -> Result<Response<Full<Bytes>>, Error>
    where
        B: Body<Data = Bytes> + Send,
        B::Error: std::fmt::Display,
    {
        let inner = &self.inner;
        one_host(headers)?;
        if route.changes() {
            of_its_own_accord(headers)?;
        }
        self.check_prefix(route)?;
        if let Some(permission) = route.permission() {
            let visitor = inner.visitor(headers, caller);
            caller.named(inner.access.admit(&permission, visitor).await?);
        }
        match route {
            Route::Ping => Ok(response::json(b"{}".as_slice())),
            Route::File(gun, role, which) => inner.file(gun, role, *which, headers).await,
            Route::Publish(gun) => {
                let files = inner.receive(headers, body).await?;
                let (inner, gun, caller) = (Arc::clone(inner), gun.clone(), caller.clone());
                to_the_end(async move { inner.publish(&gun, files, &caller).await }).await
            }
            Route::Delete(gun) => {
                let (inner, gun, caller) = (Arc::clone(inner), gun.clone(), caller.clone());
                to_the_end(async move { inner.delete(&gun, &caller).await }).await
            }
            Route::Key(gun, role) => inner.key(gun, role).await,
            Route::RotateKey(gun, role) => inner.rotate_key(gun, role, caller).await,
            Route::Changefeed(gun) => inner.changefeed(gun.as_ref(), uri.query()).await,
            Route::Health => Ok(inner.health().await),
            Route::Ready => Ok(inner.ready().await),
            Route::Metrics => Ok(inner.metrics()),
            Route::Token => {
                let ticket = inner.access.ticket(inner.visitor(headers, caller)).await?;
                Ok(response::json(ticket.to_string()))
            }
            Route::Page => inner.page(headers, uri.query(), caller).await,
            Route::Style => Ok(page::style()),
            Route::Unknown => Err(Error::NoRoute),
            Route::NoMethod => Err(Error::NoMethod),
        }
    }

    fn check_prefix(&self, route: &Route) -> Result<(), Error> {
        let options = &self.inner.options;
        match route {
            _ if route.gun().is_none_or(|gun| options.serves(gun)) => Ok(()),
            Route::Publish(_) => Err(Error::Prefix { prefixes: options.gun_prefixes.clone() }),
            _ => Err(Error::NoFile),
        }
    }
}

/// Of two names of the server, a proxy in front of it may have read the other one (RFC 9112 §3.2).
fn one_host(headers: &HeaderMap) -> Result<(), Error> {
    match headers.get_all(HOST).iter().nth(1) {
        None => Ok(()),
        Some(_) => Err(Error::Request { problem: "a request with two Host headers".to_owned() }),
    }
}

/// Refuses what another site had a browser send: it adds the password that its user gave to the page.
fn of_its_own_accord(headers: &HeaderMap) -> Result<(), Error> {
    let text = |name: HeaderName| headers.get(name).map(|it| it.to_str().unwrap_or_default());
    let own = |origin: &str| {
        let host = text(HOST).unwrap_or_default();
        origin.strip_prefix("https://").is_some_and(|origin| origin == host)
    };
    let forged = match (text(HeaderName::from_static("sec-fetch-site")), text(ORIGIN)) {
        (Some(site), _) => !matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => !own(origin),
        (None, None) => false,
    };
    match forged {
        false => Ok(()),
        true => Err(Error::Request { problem: "a request that another site made".to_owned() }),
    }
}
