//! What a trust server says to an upload.

use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine as _;
use countersign::{
    crypto::Sha256,
    net::{Error, NotaryServer, Remote},
    tuf::RoleName,
};

use crate::{
    Client,
    http::{Answer, TestServer},
};

async fn publish(answer: Answer) -> Result<(), Error> {
    let server = TestServer::http(move |_| answer.clone()).await;
    let notary: NotaryServer = Client::new().within_seconds(3).notary(&server);
    notary.publish(&[(RoleName::Targets, b"{}".to_vec())]).await
}

fn error_body(code: &str, detail: &str) -> Answer {
    let body =
        format!(r#"{{"errors":[{{"code":"{code}","message":"some words","detail":{detail}}}]}}"#);
    Answer::new(400, body)
}

#[tokio::test]
async fn upload_is_one_form() {
    let server = TestServer::http(|_| Answer::status(200)).await;
    let notary = Client::new().notary(&server);
    let sent = notary.publish(&[(RoleName::Targets, b"{\"a\":1}".to_vec())]).await;
    assert!(matches!(sent, Err(Error::NotTaken { .. })), "it does not keep it: {sent:?}");
    let seen = server.seen().remove(0);
    assert_eq!((&*seen.method, &*seen.path), ("POST", "/v2/docker.io/library/web/_trust/tuf/"));
    let content_type = seen.header("content-type").expect("a type");
    let boundary = content_type.strip_prefix("multipart/form-data; boundary=").expect("a boundary");
    let end = format!("\r\n\r\n{{\"a\":1}}\r\n--{boundary}--\r\n");
    assert!(String::from_utf8_lossy(&seen.body).ends_with(&end));
}

#[tokio::test]
async fn newer_version_is_a_conflict() {
    let error = publish(error_body("VERSION", "{}")).await.expect_err("refused");
    assert!(matches!(error, Error::Conflict { .. }), "{error:?}");
}

#[tokio::test]
async fn reasons_of_the_server_are_told() {
    let invalid = r#"{"Name":"ErrBadTargets","Error":{"Msg":"no\u001b[2J threshold"}}"#;
    for (answer, expected_name, expected_message) in [
        (error_body("INVALID_UPDATE", invalid), "ErrBadTargets", "no\\u{1b}[2J threshold"),
        (error_body("INVALID_UPDATE", "null"), "INVALID_UPDATE", "some words"),
        (error_body("INVALID_GUN", "\"a/ b/\""), "INVALID_GUN", "some words (a/ b/)"),
        (error_body("MALFORMED_UPLOAD", "{}"), "MALFORMED_UPLOAD", "some words"),
        (Answer::new(400, "<html>"), "status 400", ""),
        (Answer::new(400, r#"{"errors":[]}"#), "status 400", ""),
    ] {
        match publish(answer).await.expect_err("refused") {
            Error::Refused { name, message, .. } => {
                assert_eq!((&*name, &*message), (expected_name, expected_message));
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Trust servers say no more than 200, and so does many another program.
#[tokio::test]
async fn what_is_said_to_be_taken_must_be_there() {
    let hash = Sha256::of(b"{}");
    let file = format!("/v2/docker.io/library/web/_trust/tuf/targets.{hash}.json");
    // How many questions go by until a replica has it.
    for (late, taken) in [(0, true), (3, true), (u32::MAX, false)] {
        let (asked, file) = (AtomicU32::new(0), file.clone());
        let server = TestServer::http(move |request| match &*request.method {
            "GET" if request.path == file && asked.fetch_add(1, Ordering::SeqCst) >= late => {
                Answer::ok("{}")
            }
            "GET" => Answer::status(404),
            _ => Answer::status(200),
        })
        .await;
        let notary = Client::new().within_seconds(5).notary(&server);
        let files = [(RoleName::Root, b"larger".to_vec()), (RoleName::Targets, b"{}".to_vec())];
        let told = notary.publish(&files).await;
        assert_eq!(told.is_ok(), taken, "{told:?}");
        assert!(taken || matches!(told, Err(Error::NotTaken { .. })), "{told:?}");
    }
}

/// Of a large collection only the snapshot is fetched, as long as it lists what was published.
#[tokio::test]
async fn a_large_file_that_is_listed_does_not_come_back() {
    let large = vec![b' '; 70 << 10];
    let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::of(&large).as_bytes());
    for listed in [true, false] {
        let (snapshot, body) = (if listed { hash.clone() } else { String::new() }, large.clone());
        let server = TestServer::http(move |request| match &*request.method {
            "GET" if request.path.ends_with("/snapshot.json") => Answer::ok(snapshot.clone()),
            "GET" => Answer::ok(body.clone()),
            _ => Answer::status(200),
        })
        .await;
        let notary = Client::new().within_seconds(5).notary(&server);
        notary.publish(&[(RoleName::Targets, large.clone())]).await.expect("taken");
        assert_eq!(server.seen().len(), if listed { 2 } else { 3 });
    }
}

/// A login page, say: whoever answers so has stored nothing.
#[tokio::test]
async fn page_is_no_answer_of_a_trust_server() {
    for (body, taken) in [("", true), ("{}", true), ("ok", true), ("\n <html>Log in", false)] {
        let server = TestServer::http(move |request| match &*request.method {
            "GET" => Answer::ok("{}"),
            _ => Answer::ok(body),
        })
        .await;
        let notary = Client::new().within_seconds(3).notary(&server);
        let told = notary.publish(&[(RoleName::Targets, b"{}".to_vec())]).await;
        assert_eq!(told.is_ok(), taken, "{body}: {told:?}");
        assert!(taken || matches!(told, Err(Error::Malformed { .. })), "{told:?}");
        let server = TestServer::http(move |_| Answer::ok(body)).await;
        let deleted = Client::new().within_seconds(3).notary(&server).delete().await;
        assert_eq!(deleted.is_ok(), taken, "{body}: {deleted:?}");
    }
}

#[tokio::test]
async fn endless_reason_is_not_read() {
    let body = " ".repeat(65 << 10);
    let error = publish(Answer::new(400, body)).await.expect_err("refused");
    assert!(matches!(error, Error::TooLarge { .. }), "{error:?}");
}

#[tokio::test]
async fn other_answers_leave_it_unknown() {
    for status in [204, 301, 404, 413, 500, 503] {
        let error = publish(Answer::status(status)).await.expect_err("no answer");
        assert!(matches!(error, Error::Unavailable { status: s, .. } if s == status), "{error:?}");
    }
    assert!(matches!(publish(Answer::close()).await, Err(Error::Unreachable { .. })));
}
