//! Answers that are too long, too slow, too short or packed (threats T-31 to T-33, R-12).

use std::time::{Duration, Instant};

use countersign::net::Error;

use crate::{
    Client, fetch,
    http::{Answer, Identity, TestServer},
};

const LIMIT: u64 = 64 << 10;

async fn answered(answer: Answer) -> Result<Option<Vec<u8>>, Error> {
    let server = TestServer::http(move |_| answer.clone()).await;
    fetch(&Client::new().within_seconds(3).notary(&server), LIMIT).await
}

#[tokio::test]
async fn honest_bodies_are_read_whole() {
    let body = vec![b'x'; LIMIT as usize];
    for answer in [Answer::ok(body.clone()), Answer::chunked(body.clone())] {
        assert_eq!(answered(answer).await.expect("an answer"), Some(body.clone()));
    }
    assert_eq!(answered(Answer::ok("")).await.expect("an answer"), Some(Vec::new()));
}

#[tokio::test]
async fn endless_body() {
    let one_more = vec![b'x'; LIMIT as usize + 1];
    for answer in [
        Answer::endless(),
        Answer::announcing(1 << 40, "{}"),
        Answer::announcing(LIMIT + 1, ""),
        Answer::ok(one_more.clone()),
        Answer::chunked(one_more),
    ] {
        let error = answered(answer).await.expect_err("too long");
        assert!(matches!(error, Error::TooLarge { limit: LIMIT, .. }), "{error:?}");
    }
}

#[tokio::test]
async fn body_longer_than_announced_ends_where_it_was_announced() {
    let body = answered(Answer::announcing(2, "{}trailing")).await.expect("an answer");
    assert_eq!(body.as_deref(), Some(b"{}".as_slice()));
}

#[tokio::test]
async fn body_shorter_than_announced_is_an_error() {
    let cut_chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab";
    for answer in [Answer::announcing(100, "{}"), Answer::raw(cut_chunks)] {
        let error = answered(answer).await.expect_err("cut");
        assert!(matches!(error, Error::Truncated { found: 0..=2, .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_body_that_only_the_connection_ends_is_whole_if_its_json_is() {
    for (body, whole) in [
        ("{\"a\":[1]}\n", true),
        ("{\"a\":[1", false),
        ("{\"a\":\"", false),
        ("", false),
        ("<html>", true),
        ("{}}", true),
    ] {
        for version in ["1.0", "1.1"] {
            let answer = format!("HTTP/{version} 200 OK\r\nConnection: close\r\n\r\n{body}");
            match answered(Answer::raw(answer)).await {
                Ok(found) => assert_eq!((found.as_deref(), whole), (Some(body.as_bytes()), true)),
                Err(Error::Truncated { found, .. }) => {
                    assert_eq!((found, whole), (body.len() as u64, false));
                }
                Err(other) => panic!("{body}: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn two_lengths_are_not_an_answer() {
    let both = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x";
    let error = answered(Answer::raw(both)).await.expect_err("ambiguous");
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn slow_drip_times_out() {
    let (seconds, started) = (Duration::from_millis(3000), Instant::now());
    for answer in [
        Answer::drip("x".repeat(1000), Duration::from_millis(200)),
        Answer::drip("x".repeat(1000), Duration::from_secs(60)),
        Answer::silence(),
    ] {
        let error = answered(answer).await.expect_err("slow");
        assert!(matches!(error, Error::TimedOut { .. }), "{error:?}");
    }
    assert!(started.elapsed() < 3 * seconds + Duration::from_secs(2));
}

#[tokio::test]
async fn one_deadline_covers_all_requests() {
    let server = TestServer::http(|_| Answer::drip("{}", Duration::from_millis(400))).await;
    let notary = Client::new().within_seconds(2).notary(&server);
    let started = Instant::now();
    let mut answers = 0;
    while fetch(&notary, LIMIT).await.is_ok() {
        answers += 1;
    }
    assert!((1..=5).contains(&answers), "{answers}");
    assert!(started.elapsed() < Duration::from_secs(4));
}

#[tokio::test]
async fn gzip_bomb_metadata() {
    for encoding in ["gzip", "br", "zstd", "deflate", "identity, gzip", "x"] {
        let answer = Answer::ok(vec![0x1f; 1000]).with("Content-Encoding", encoding);
        let error = answered(answer).await.expect_err(encoding);
        assert!(matches!(error, Error::Malformed { .. }), "{error:?}");
    }
    assert!(answered(Answer::ok("{}").with("Content-Encoding", "identity")).await.is_ok());
}

#[tokio::test]
async fn no_encoding_is_offered() {
    let server = TestServer::http(|_| Answer::ok("{}")).await;
    fetch(&Client::new().notary(&server), LIMIT).await.expect("an answer");
    let seen = server.seen().remove(0);
    assert_eq!(seen.header("accept-encoding"), Some("identity"));
    assert!(seen.header("user-agent").is_some_and(|name| name.starts_with("countersign/")));
}

#[tokio::test]
async fn fail_open_table() {
    for status in [201, 204, 206, 301, 302, 304, 307, 400, 408, 429, 500, 502, 503, 504] {
        let error = answered(Answer::status(status)).await.expect_err("no answer");
        assert!(matches!(error, Error::Unavailable { status: s, .. } if s == status), "{error:?}");
    }
    assert!(matches!(answered(Answer::status(401)).await, Err(Error::Challenge { .. })));
    let denied = answered(Answer::status(403)).await;
    assert!(matches!(denied, Err(Error::Unauthorised { status: 403, .. })), "{denied:?}");
    assert!(matches!(answered(Answer::close()).await, Err(Error::Unreachable { .. })));
    assert!(matches!(answered(Answer::raw("junk\r\n\r\n")).await, Err(Error::Unreachable { .. })));
    assert!(matches!(answered(Answer::status(404)).await, Ok(None)));
}

#[tokio::test]
async fn not_found_leaves_the_connection_usable() {
    let identity = Identity::loopback();
    let server = TestServer::https(&identity, |_| Answer::new(404, "{\"errors\":[]}")).await;
    let client = Client::new().trusting(&identity, &server);
    let notary = client.notary(&server);
    for _ in 0..4 {
        assert!(fetch(&notary, LIMIT).await.expect("an answer").is_none());
    }
    assert_eq!(server.connections(), 1);
}
