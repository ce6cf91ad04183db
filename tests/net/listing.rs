//! Lists of names: whole, or refused.

use std::collections::BTreeSet;

use countersign::net::{Error, PlainHttp, ServerUrl, listing, listing::Bounds};
use serde_json::json;

use crate::{
    Client,
    http::{Answer, Seen, TestServer},
};

const LOW: Bounds = Bounds { names: 6, pages: 4 };

async fn collections(server: &TestServer, bounds: Bounds) -> Result<BTreeSet<String>, Error> {
    let client = Client::new();
    let url = ServerUrl::parse(&server.url(), PlainHttp::Loopback).expect("a URL");
    let account = client.account(&server.authority());
    listing::collections(client.http(), &url, account, client.deadline(), bounds).await
}

async fn repositories(server: &TestServer, bounds: Bounds) -> Result<BTreeSet<String>, Error> {
    let client = Client::new();
    let (domain, account) = (server.authority(), client.account(&server.authority()));
    listing::repositories(client.http(), &domain, account, client.deadline(), bounds).await
}

fn query(seen: &Seen, name: &str) -> Option<usize> {
    let (_, query) = seen.path.split_once('?')?;
    let pair = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    pair.parse().ok()
}

/// A changefeed of so many updates of collections of their own, in pages of at most that many.
fn feed(changes: usize, most: usize) -> impl Fn(&Seen) -> Answer {
    move |seen| {
        let after = query(seen, "change_id").expect("an id");
        let records: Vec<_> = (after + 1..=changes)
            .take(most.min(query(seen, "records").expect("a number")))
            .map(|id| json!({"ID": id.to_string(), "GUN": format!("a/{id:07}"), "Category": "update"}))
            .collect();
        Answer::ok(json!({"count": records.len(), "records": records}).to_string())
    }
}

/// A catalogue of so many names, in pages of that many.
fn catalogue(names: usize, each: usize) -> impl Fn(&Seen) -> Answer {
    move |seen| {
        let from = query(seen, "from").unwrap_or(0);
        let to = names.min(from + each);
        let page: Vec<_> = (from..to).map(|name| format!("a/{name:07}")).collect();
        let answer = Answer::ok(json!({ "repositories": page }).to_string());
        match to < names {
            true => answer.with("Link", &format!("</v2/_catalog?from={to}>; rel=\"next\"")),
            false => answer,
        }
    }
}

fn malformed(result: Result<BTreeSet<String>, Error>) -> &'static str {
    match result {
        Err(Error::Malformed { problem, .. }) => problem,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_list_is_read_to_its_end_however_long_its_pages_are() {
    for (length, each) in [(0, 1), (1, 1), (3, 1), (6, 2), (6, 3), (6, 6)] {
        let server = TestServer::http(feed(length, each)).await;
        assert_eq!(collections(&server, LOW).await.expect("a list").len(), length, "{each}");
        let server = TestServer::http(catalogue(length, each)).await;
        assert_eq!(repositories(&server, LOW).await.expect("a list").len(), length, "{each}");
    }
    let deleted = |seen: &Seen| {
        let change = |id: &str, gun: &str, category: &str| json!({"ID": id, "GUN": gun, "Category": category});
        let records = match query(seen, "change_id") {
            Some(0) => vec![change("5", "a", "update"), change("6", "b", "update")],
            Some(6) => vec![change("9", "a", "deletion")],
            _ => return Answer::ok(r#"{"count":0,"records":null}"#),
        };
        Answer::ok(json!({ "records": records }).to_string())
    };
    let server = TestServer::http(deleted).await;
    let names = collections(&server, LOW).await.expect("a list");
    assert_eq!(names, ["b".to_owned()].into());
}

#[tokio::test]
async fn a_list_that_is_too_long_is_refused_and_never_cut() {
    let more = "more names than any server has";
    let server = TestServer::http(feed(7, 7)).await;
    assert_eq!(malformed(collections(&server, LOW).await), more);
    let server = TestServer::http(catalogue(7, 7)).await;
    assert_eq!(malformed(repositories(&server, LOW).await), more);

    let pages = "a list with more pages than any server has";
    let server = TestServer::http(feed(5, 1)).await;
    assert_eq!(malformed(collections(&server, LOW).await), pages);
    assert_eq!(server.seen().len(), LOW.pages);
    let server = TestServer::http(catalogue(5, 1)).await;
    assert_eq!(malformed(repositories(&server, LOW).await), pages);

    let itself = "a page of a list that leads to itself";
    let server = TestServer::http(|_| {
        feed(3, 3)(&Seen {
            path: "?records=3&change_id=0".to_owned(),
            method: String::new(),
            headers: Vec::new(),
            body: Vec::new(),
        })
    })
    .await;
    assert_eq!(malformed(collections(&server, LOW).await), itself);
    let server = TestServer::http(|seen| {
        let (_, query) = seen.path.split_once('?').unwrap_or_default();
        let link = format!("</v2/_catalog?{query}>; rel=\"next\"");
        Answer::ok(r#"{"repositories":["a"]}"#).with("Link", &link)
    })
    .await;
    assert_eq!(malformed(repositories(&server, LOW).await), itself);
}

#[tokio::test]
async fn nobody_has_more_than_a_million_names() {
    let server = TestServer::http(catalogue(1_000_001, 250_000)).await;
    let problem = malformed(repositories(&server, Bounds::default()).await);
    assert_eq!(problem, "more names than any server has");
    assert_eq!(server.seen().iter().filter(|seen| seen.path.contains("_catalog")).count(), 5);
}
