//! The server behind a socket.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use countersign::server::{Access, Listener, Options, Passwords, Readers};

use super::bench::Bench;

/// A server that is reached through a socket, for as long as the value lives.
pub(crate) struct Site {
    address: SocketAddr,
    serving: tokio::task::JoinHandle<()>,
}

impl Site {
    pub(crate) async fn of(bench: &Bench) -> Self {
        let listener = Listener::bind(([127, 0, 0, 1], 0).into(), None).await.expect("an address");
        let address = listener.address().expect("an address");
        let serving = listener.serve(bench.server.clone(), std::future::pending());
        Self { address, serving: tokio::spawn(serving) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A client that reads no answer before it has sent all that it has to say.
struct Sender(TcpStream);

impl Sender {
    fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("a connection");
        let patience = Some(Duration::from_secs(20));
        stream.set_read_timeout(patience).expect("set");
        stream.set_write_timeout(patience).expect("set");
        Self(stream)
    }

    /// The head of the answer, or how the connection ended.
    fn ask(&mut self, method: &str, head: &str, body: &[u8]) -> std::io::Result<String> {
        let path = "/v2/a/b/_trust/tuf/";
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\n{head}content-length: {length}\r\n\r\n"
        );
        self.0.write_all(head.as_bytes())?;
        // In pieces, so that the server can be faster.
        for piece in body.chunks(64 << 10) {
            self.0.write_all(piece)?;
            std::thread::sleep(Duration::from_millis(1));
        }
        self.answer()
    }

    fn answer(&mut self) -> std::io::Result<String> {
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.0.read_exact(&mut byte)?;
            answer.extend(byte);
        }
        let head = String::from_utf8(answer).expect("text").to_ascii_lowercase();
        let length = head.split("content-length: ").nth(1).expect("a length");
        let length = length.lines().next().and_then(|it| it.parse().ok()).expect("a number");
        self.0.read_exact(&mut vec![0; length])?;
        Ok(head)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_ends_who_came_is_answered_and_nobody_else_is_let_in() {
    let bench = Bench::new();
    let listener = Listener::bind(([127, 0, 0, 1], 0).into(), None).await.expect("an address");
    let address = listener.address().expect("an address");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let until = async { stopped.await.unwrap_or_default() };
    let serving = tokio::spawn(listener.serve(bench.server.clone(), until));
    let mut slow = tokio::task::spawn_blocking(move || {
        let mut slow = Sender::to(address);
        let head = format!(
            "POST /v2/a/b/_trust/tuf/ HTTP/1.1\r\nhost: x\r\n{FORM}content-length: 9\r\n\r\n"
        );
        slow.0.write_all(head.as_bytes()).expect("sent");
        slow
    })
    .await
    .expect("asked");
    tokio::time::sleep(Duration::from_millis(200)).await;
    stop.send(()).expect("it serves");
    let refused = async {
        while TcpStream::connect(address).is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), refused).await.expect("it listens no more");
    let answer = tokio::task::spawn_blocking(move || {
        slow.0.write_all(b"malformed").expect("sent");
        slow.answer()
    });
    let answer = answer.await.expect("asked").expect("an answer");
    assert!(answer.starts_with("http/1.1 400 "), "{answer}");
    serving.await.expect("it ended");
}

const FORM: &str = "content-type: multipart/form-data; boundary=x\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn who_still_sends_hears_why_it_is_refused() {
    let hash = bcrypt::hash("right", 4).expect("a hash");
    let passwords = Passwords::parse(&format!("alice:{hash}"), Readers::Nobody).expect("a file");
    let closed = Bench::with(Access::Passwords(passwords), Options::default());
    let small = Bench::with(Access::Open, Options { upload_bytes: 1 << 20, ..Options::default() });
    for (bench, head, bytes, status) in [
        (&closed, FORM, 100, "401"),
        (&closed, FORM, 4 << 20, "401"),
        (&small, "content-type: text/plain\r\n", 1 << 20, "400"),
        (&small, FORM, (1 << 20) + 1, "413"),
    ] {
        let site = Site::of(bench).await;
        let address = site.address;
        let said = tokio::task::spawn_blocking(move || {
            let mut sender = Sender::to(address);
            (sender.ask("POST", head, &vec![b'x'; bytes]), sender.ask("GET", "", b""))
        });
        let (refused, next) = said.await.expect("asked");
        let refused = refused.unwrap_or_else(|error| panic!("{status} for {bytes} bytes: {error}"));
        assert!(refused.starts_with(&format!("http/1.1 {status} ")), "{refused}");
        let next = next.unwrap_or_else(|error| panic!("after {status}: {error}"));
        assert!(next.starts_with("http/1.1 4"), "{next}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_without_end_is_not_listened_to() {
    let small = Bench::with(Access::Open, Options { upload_bytes: 1 << 20, ..Options::default() });
    let site = Site::of(&small).await;
    let address = site.address;
    let cut = tokio::task::spawn_blocking(move || {
        let mut sender = Sender::to(address);
        sender.ask("POST", FORM, &vec![b'x'; 64 << 20])
    });
    let error = cut.await.expect("asked").expect_err("cut off");
    assert!(
        matches!(
            error.kind(),
            std::io::ErrorKind::BrokenPipe | std::io::ErrorKind::ConnectionReset
        ),
        "{error}"
    );
}
