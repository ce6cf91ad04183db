//! Which collections there are: what a trust server's changefeed and a registry's catalogue name.

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

/// The names of all collections of a trust server that were published and not deleted, as its changefeed
/// tells (Notary 0.7 `server/handlers/changefeed.go`).
///
/// # Errors
///
/// [`Error::Unavailable`] if the server has none; [`Error::Unauthorised`] if it is not for everyone.
pub async fn collections(
    http: Http,
    server: &ServerUrl,
    account: Account,
    deadline: Deadline,
) -> Result<BTreeSet<String>, Error> {
    let session = Session::new(http, Kind::TrustServer, account, Scope::Catalog);
    let mut names = BTreeSet::new();
    let mut last = "0".to_owned();
    for _ in 0..MAX_PAGES {
        let mut url = server.join("/v2/_trust/changefeed")?;
        let query = [("records", PAGE.to_string()), ("change_id", last.clone())];
        url.query_pairs_mut().extend_pairs(query);
        let response = session.send(&Request::get(url), Access::Pull, deadline).await?;
        let page: Changes = read(response).await?;
        let records = page.records.unwrap_or_default();
        let whole = records.len() >= PAGE;
        for change in records {
            match change.category.as_str() {
                "deletion" => names.remove(&change.gun),
                _ => names.insert(change.gun),
            };
            last = change.id;
        }
        check_number(&names, server.as_str())?;
        if !whole {
            break;
        }
    }
    Ok(names)
}

/// The names of all repositories of a registry, without its host (OCI distribution specification 1.1,
/// "Listing Repositories" of docker's registry API).
///
/// # Errors
///
/// [`Error::Unavailable`] if the registry has no catalogue; [`Error::Unauthorised`] if it is not for
/// everyone.
pub async fn repositories(
    http: Http,
    domain: &str,
    account: Account,
    deadline: Deadline,
) -> Result<BTreeSet<String>, Error> {
    let session = Session::new(http, Kind::Registry, account, Scope::Catalog);
    let server = find_server(&session, domain, deadline).await?;
    let mut url = server.join("/v2/_catalog")?;
    url.query_pairs_mut().append_pair("n", &PAGE.to_string());
    let mut names = BTreeSet::new();
    for _ in 0..MAX_PAGES {
        let response = session.send(&Request::get(url.clone()), Access::Pull, deadline).await?;
        let next = next_page(&response)?;
        let page: Catalogue = read(response).await?;
        names.extend(page.repositories.unwrap_or_default());
        check_number(&names, server.as_str())?;
        match next {
            Some(next) if next != url => url = next,
            _ => break,
        }
    }
    Ok(names)
}

/// Whoever names more than anybody has would fill our memory.
fn check_number(names: &BTreeSet<String>, host: &str) -> Result<(), Error> {
    let problem = "more names than any server has";
    match names.len() <= MAX_NAMES {
        true => Ok(()),
        false => Err(Error::Malformed { host: host.to_owned(), problem }),
    }
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
    let body = response.body(MAX_BODY).await?;
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
const MAX_NAMES: usize = 1_000_000;
/// Ten million entries.
const MAX_PAGES: usize = 10_000;
/// Bytes.
const MAX_BODY: u64 = 4 << 20;
