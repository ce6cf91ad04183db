//! Tokens: how they are asked for and what comes back.
//!
//! Protocol: `distribution` "Token Authentication Specification" and "OAuth2"; forms as docker
//! sends them.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use reqwest::{
    Method,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use serde::Deserialize;
use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

use super::{
    Credential, Deadline, Error, Http, Secret,
    http::Request,
    response::Response,
    secret::{basic, bearer},
};

/// What is asked of a token server.
pub(super) struct TokenRequest<'a> {
    pub(super) realm: Url,
    /// The server that named the realm.
    pub(super) server: &'a Url,
    pub(super) service: Option<&'a str>,
    pub(super) scope: &'a str,
    pub(super) credential: Option<&'a Credential>,
}

/// A value for `Authorization`, and how long it is good for.
#[derive(Clone)]
pub(super) struct Authorization {
    pub(super) header: HeaderValue,
    good_until: Option<Instant>,
}

impl Authorization {
    /// One without an end.
    pub(super) fn lasting(header: HeaderValue) -> Self {
        Self { header, good_until: None }
    }

    pub(super) fn is_good(&self) -> bool {
        self.good_until.is_none_or(|end| Instant::now() < end)
    }
}

impl TokenRequest<'_> {
    /// Asks for a token. Redirects are not followed: they would carry the password elsewhere.
    pub(super) async fn send(
        self,
        http: &Http,
        deadline: Deadline,
    ) -> Result<Authorization, Error> {
        let request = self.to_request().named_by(self.server);
        let response = http.send(&request, deadline).await?;
        let response = accepted(response).await?;
        let unusable = response.malformed("the token server's answer has no usable token");
        let body = Zeroizing::new(response.document(MAX_REPLY).await?);
        read(&body).ok_or(unusable)
    }

    fn to_request(&self) -> Request {
        match self.credential {
            Some(Credential::Identity(token)) => self.exchange(token),
            Some(Credential::Password { user, password }) => self.ask(user, password),
            Some(Credential::Registry(_)) | None => self.ask("", &Secret::new(String::new())),
        }
    }

    /// `GET` with the user in the query, and the password only beside a user.
    fn ask(&self, user: &str, password: &Secret) -> Request {
        let mut query: BTreeMap<_, _> = self.realm.query_pairs().into_owned().collect();
        query.insert("scope".to_owned(), self.scope.to_owned());
        query.extend(self.service.map(|service| ("service".to_owned(), service.to_owned())));
        let named = !user.is_empty() && !password.is_empty();
        query.extend(named.then(|| ("account".to_owned(), user.to_owned())));
        let mut url = self.realm.clone();
        url.query_pairs_mut().clear().extend_pairs(query);
        let request = Request::get(url);
        if named { request.with_header(AUTHORIZATION, basic(user, password)) } else { request }
    }

    /// `POST` of the identity token, which is in the body alone.
    fn exchange(&self, token: &Secret) -> Request {
        let service = self.service.map(|service| ("service", service));
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("client_id", CLIENT_ID)
            .append_pair("grant_type", "refresh_token")
            .append_pair("refresh_token", token.expose())
            .append_pair("scope", self.scope)
            .extend_pairs(service)
            .finish();
        Request::new(Method::POST, self.realm.clone())
            .with_header(CONTENT_TYPE, FORM)
            .with_body(form)
            .confiding(token)
    }
}

/// The answer to `GET` or `POST`; either name of the token is in use.
#[derive(Deserialize)]
struct Reply {
    access_token: Option<Secret>,
    token: Option<Secret>,
    expires_in: Option<u64>,
}

fn read(body: &[u8]) -> Option<Authorization> {
    let reply: Reply = serde_json::from_slice(body).ok()?;
    let tokens = [reply.access_token, reply.token];
    let token = tokens.into_iter().flatten().find(|token| !token.is_empty())?;
    // Counted from now, not from `issued_at`: clocks differ, and an early 401 costs one request.
    let lifetime = Duration::from_secs(reply.expires_in.unwrap_or(0)).clamp(SHORTEST, LONGEST);
    let good_until = Instant::now().checked_add(lifetime);
    Some(Authorization { header: bearer(&token)?, good_until })
}

async fn accepted(response: Response) -> Result<Response, Error> {
    let (host, status) = (response.host().to_owned(), response.status());
    match status {
        200 => Ok(response),
        400..=499 if ![408, 425, 429].contains(&status) => {
            let message = super::session::server_message(response).await;
            Err(Error::Unauthorised { host, status, message })
        }
        _ => Err(Error::Unavailable { host, status }),
    }
}

/// Bytes.
const MAX_REPLY: u64 = 1 << 20;
/// `distribution`: a token without a time, or with a shorter one, is good for a minute.
const SHORTEST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// Some token servers know this client only.
const CLIENT_ID: &str = "docker";
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

#[cfg(test)]
mod tests {
    use super::*;

    fn request(credential: Option<&Credential>) -> Request {
        let realm = Url::parse("https://h/token?tenant=t").expect("valid");
        let scope = "repository:docker.io/library/alpine:push,pull";
        let server = &Url::parse("https://trust.example").expect("a URL");
        TokenRequest { realm, server, service: Some("notary"), scope, credential }.to_request()
    }

    #[test]
    fn query_is_in_alphabetical_order() {
        let password = Secret::new("p".into());
        let request = request(Some(&Credential::Password { user: "al ice".into(), password }));
        assert_eq!(
            request.url.as_str(),
            "https://h/token?account=al+ice&\
             scope=repository%3Adocker.io%2Flibrary%2Falpine%3Apush%2Cpull&service=notary&tenant=t"
        );
    }

    #[test]
    fn anonymous_request_names_no_account() {
        let password =
            Credential::Password { user: "a".into(), password: Secret::new(String::new()) };
        for credential in [None, Some(&password)] {
            assert!(!request(credential).url.as_str().contains("account"));
        }
    }

    #[test]
    fn identity_token_is_not_in_the_url() {
        let request = request(Some(&Credential::Identity(Secret::new("t0ken".into()))));
        assert_eq!((request.method, request.url.query()), (Method::POST, Some("tenant=t")));
    }

    #[test]
    fn token_reply_table() {
        for (reply, usable) in [
            (r#"{"token":"a"}"#, true),
            (r#"{"access_token":"a","expires_in":300,"issued_at":"2026-01-01T00:00:00Z"}"#, true),
            (r#"{"access_token":"","token":"a"}"#, true),
            (r#"{"token":null,"access_token":"a"}"#, true),
            (r#"{"token":"a","expires_in":18446744073709551615}"#, true),
            (r#"{}"#, false),
            (r#"{"token":""}"#, false),
            (r#"{"token":"a b"}"#, false),
            (r#"{"token":"a\r\nX: y"}"#, false),
            (r#"{"token":1}"#, false),
            (r#"["a"]"#, false),
            ("<html>", false),
        ] {
            assert_eq!(read(reply.as_bytes()).is_some(), usable, "{reply}");
        }
    }

    #[test]
    fn token_is_kept_for_a_minute_at_least() {
        let token = read(br#"{"token":"a","expires_in":0}"#).expect("usable");
        assert!(token.is_good());
        assert!(token.good_until.expect("an end") <= Instant::now() + SHORTEST);
    }
}
