//! The page for people: what is signed here, by whom, and for how long.
//!
//! - Made here whole, on each request: nothing in it needs a script, and none would run.
//! - Nobody sees the name of a collection that the API would not let him read.
//! - What strangers wrote is text in it and nothing more: [`html::Html`] takes markup only from this
//!   program.
//!
//! | query of `GET /` | shows |
//! |---|---|
//! | none, `q=PART`, `after=NAME` | collections by name |
//! | `repository=NAME` | one of them; `tag=PART` and `from=TAG` its tags, `before=ID` its history |

mod collection;
mod history;
mod html;
mod index;
mod tags;
mod view;
mod words;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{HeaderMap, Response, StatusCode};

use super::auth::{Caller, Sight};
use super::{Error, Inner};
use crate::tuf::Gun;
use html::Html;

/// What the query asks for.
#[derive(Debug, Default, Eq, PartialEq)]
struct Wish {
    repository: Option<String>,
    search: String,
    after: Option<String>,
    tag: String,
    from: Option<String>,
    before: Option<u64>,
}

impl Wish {
    /// What is not understood is not asked for.
    fn parse(query: &str) -> Self {
        let mut wish = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()).take(MAX_PARAMETERS) {
            let value: String = value.chars().take(MAX_VALUE).collect();
            let given = Some(value.clone()).filter(|value| !value.is_empty());
            match &*name {
                "repository" => wish.repository = given,
                "q" => value.trim().clone_into(&mut wish.search),
                "after" => wish.after = given,
                "tag" => value.trim().clone_into(&mut wish.tag),
                "from" => wish.from = given,
                "before" => wish.before = value.parse().ok(),
                _ => {}
            }
        }
        wish
    }
}

impl Inner {
    /// The page that the query asks for, and who asked.
    pub(super) async fn page(
        &self,
        headers: &HeaderMap,
        query: Option<&str>,
        caller: &mut Caller,
    ) -> Result<Response<Full<Bytes>>, Error> {
        let (admitted, sight) = self.access.sight(self.visitor(headers, caller)).await?;
        caller.named(admitted);
        let wish = Wish::parse(query.unwrap_or_default());
        // Each page reads whole collections: those who wait for theirs take no memory, and nothing from
        // those who publish.
        let turn = self.pages.acquire().await;
        let _turn = turn.map_err(|_| Error::Internal("pages are over"))?;
        let page = match &wish.repository {
            None => self.index(&sight, &wish).await?,
            Some(name) => {
                let gun = Gun::raw(name).map_err(|_| Error::NoFile)?;
                if !self.shows(&sight, &gun) {
                    return Err(Error::NoFile);
                }
                self.collection(&gun, &wish).await?
            }
        };
        Ok(answer(StatusCode::OK, page))
    }

    /// Whether a collection is served here, and to this reader.
    fn shows(&self, sight: &Sight, gun: &Gun) -> bool {
        self.options.serves(gun) && sight.allows(gun)
    }
}

/// The page that says why there is none. The status is the error's own.
pub(super) fn refusal(error: &Error) -> Response<Full<Bytes>> {
    let plain = error.response();
    let status = plain.status();
    let (title, advice) = match status {
        StatusCode::UNAUTHORIZED => ("You need to sign in", UNAUTHORISED),
        StatusCode::NOT_FOUND => ("No such repository", MISSING),
        StatusCode::TOO_MANY_REQUESTS => ("Too many requests", LATER),
        StatusCode::SERVICE_UNAVAILABLE => ("Too much is going on", LATER),
        _ => ("This did not work", BROKEN),
    };
    let mut page = Html::page(title, "");
    page.raw("<h1>").text(title).raw("</h1>\n<p>").text(advice).raw("</p>\n");
    page.raw("<p><a href=\"/\">All repositories</a></p>\n");
    let mut response = answer(status, page);
    for name in [WWW_AUTHENTICATE, hyper::header::RETRY_AFTER] {
        if let Some(value) = plain.headers().get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

/// How the page looks.
pub(super) fn style() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(STYLE.as_bytes())));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/css; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn answer(status: StatusCode, page: Html) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(page.end())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

const HEADERS: [(HeaderName, &str); 6] = [
    (CONTENT_TYPE, "text/html; charset=utf-8"),
    (CACHE_CONTROL, "no-store"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'",
    ),
    (hyper::header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];
const UNAUTHORISED: &str = "This server shows its repositories to those who may read them. Sign in \
     with the name and password that docker login takes, or send a token of the token service that \
     this server believes.";
const MISSING: &str = "There is no trust data of that name here, or you may not read it.";
const LATER: &str = "Please try again in a moment.";
const BROKEN: &str = "The server could not make this page. Its log says why.";
const STYLE: &str = include_str!("style.css");
const MAX_PARAMETERS: usize = 16;
const MAX_VALUE: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_read_once_and_bounded() {
        let wish = Wish::parse("repository=a%2Fb&tag=+v1+&before=7&from=&x=y&before=z");
        let expected = Wish {
            repository: Some("a/b".to_owned()),
            tag: "v1".to_owned(),
            before: None,
            ..Wish::default()
        };
        assert_eq!(wish, expected);
        assert_eq!(Wish::parse(&format!("q={}", "é".repeat(9_000))).search.chars().count(), 256);
        assert_eq!(Wish::parse("%ff=%ff&&=&q"), Wish::default());
    }
}
