//! Which collections there are: what a trust server's changefeed and a registry's catalogue name.
//!
//! A list is whole or an error: one that goes on for longer than [`Bounds`] allow is not cut.

use std::collections::BTreeSet;

use serde::Deserialize;
use url::Url;

use super::{
    Access, Account, Deadline, Error, Http, ServerUrl,
    addresses::find_server,
    http::Request,
    response::Response,
    server_url::origin,
    session::{Kind, Scope, Session},
};

/// How long a list may be: whoever names more than anybody has would fill our memory, or keep us
/// asking for ever.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Names.
    pub names: usize,
    /// Pages, of up to 1000 entries.
    pub pages: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { names: 1_000_000, pages: 10_000 }
    }
}

/// The names of all collections of a trust server that were published and not deleted, as its
/// changefeed tells (Notary 0.7 `server/handlers/changefeed.go`).
///
/// # Errors
///
/// [`Error::Unavailable`] if the server has none; [`Error::Unauthorised`] if it is not for
/// everyone; [`Error::Malformed`] if it is longer than the bounds, or leads nowhere.
pub async fn collections(
    http: Http,
    server: &ServerUrl,
    account: Account,
    deadline: Deadline,
    bounds: Bounds,
) -> Result<BTreeSet<String>, Error> {
    let session = Session::new(http, Kind::TrustServer, account, Scope::Catalog);
    let mut names = BTreeSet::new();
    let mut last = "0".to_owned();
    for _ in 0..bounds.pages {
        let mut url = server.join("/v2/_trust/changefeed")?;
        let query = [("records", PAGE.to_string()), ("change_id", last.clone())];
        url.query_pairs_mut().extend_pairs(query);
        let response = session.send(&Request::get(url), Access::Pull, deadline).await?;
        let page: Changes = read(response).await?;
        let records = page.records.unwrap_or_default();
        // Only an empty page is the end: a server may give fewer than it is asked for.
        let Some(end) = records.last().map(|change| change.id.clone()) else { return Ok(names) };
        if end == last {
            return Err(malformed(server, "a page of a list that leads to itself"));
        }
        last = end;
        records.into_iter().for_each(|change| change.apply(&mut names));
        bounds.check(&names, server)?;
    }
    Err(malformed(server, ENDLESS))
}

/// The names of all repositories of a registry, without its host (OCI distribution specification
/// 1.1, "Listing Repositories" of docker's registry API).
///
/// # Errors
///
/// [`Error::Unavailable`] if the registry has no catalogue; [`Error::Unauthorised`] if it is not
/// for everyone; [`Error::Malformed`] if it is longer than the bounds, or leads nowhere.
pub async fn repositories(
    http: Http,
    domain: &str,
    account: Account,
    deadline: Deadline,
    bounds: Bounds,
) -> Result<BTreeSet<String>, Error> {
    let session = Session::new(http, Kind::Registry, account, Scope::Catalog);
    let server = find_server(&session, domain, deadline).await?;
    let mut url = server.join("/v2/_catalog")?;
    url.query_pairs_mut().append_pair("n", &PAGE.to_string());
    let mut names = BTreeSet::new();
    for _ in 0..bounds.pages {
        let response = session.send(&Request::get(url.clone()), Access::Pull, deadline).await?;
        let next = next_page(&response)?;
        let page: Catalogue = read(response).await?;
        names.extend(page.repositories.unwrap_or_default());
        bounds.check(&names, &server)?;
        match next {
            None => return Ok(names),
            Some(next) if next == url => {
                return Err(malformed(&server, "a page of a list that leads to itself"));
            }
            Some(next) => url = next,
        }
    }
    Err(malformed(&server, ENDLESS))
}

impl Bounds {
    fn check(&self, names: &BTreeSet<String>, server: &ServerUrl) -> Result<(), Error> {
        match names.len() <= self.names {
            true => Ok(()),
            false => Err(malformed(server, "more names than any server has")),
        }
    }
}

impl Change {
    fn apply(self, names: &mut BTreeSet<String>) {
        match self.category.as_str() {
            "deletion" => names.remove(&self.gun),
            _ => names.insert(self.gun),
        };
    }
}

fn malformed(server: &ServerUrl, problem: &'static str) -> Error {
    Error::Malformed { host: server.as_str().to_owned(), problem }
}

/// Where the rest of a list is, on the same server.
fn next_page(response: &Response) -> Result<Option<Url>, Error> {
    let Some(link) = response.header("link") else { return Ok(None) };
    let target = link.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    let Some((target, parameters)) = target else { return Ok(None) };
    if !parameters.contains("next") {
        return Ok(None);
    }
    let next = response.url().join(target).map_err(|_| response.malformed("no link to a page"))?;
    match origin(&next) == origin(response.url()) {
        true => Ok(Some(next)),
        false => Err(response.malformed("a link to a page on another server")),
    }
}

async fn read<T: for<'de> Deserialize<'de>>(response: Response) -> Result<T, Error> {
    let host = response.host().to_owned();
    match response.status() {
        200 => {}
        status => return Err(Error::Unavailable { host, status }),
    }
    let body = response.document(MAX_BODY).await?;
    serde_json::from_slice(&body).map_err(|_| Error::Malformed { host, problem: "no list" })
}

#[derive(Deserialize)]
struct Changes {
    records: Option<Vec<Change>>,
}

#[derive(Deserialize)]
struct Change {
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "GUN")]
    gun: String,
    #[serde(rename = "Category")]
    category: String,
}

#[derive(Deserialize)]
struct Catalogue {
    repositories: Option<Vec<String>>,
}

/// Entries of a page.
const PAGE: usize = 1000;
const ENDLESS: &str = "a list with more pages than any server has";
/// Bytes.
const MAX_BODY: u64 = 4 << 20;
