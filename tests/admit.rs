//! `admit` as a process, asked over HTTPS as Kubernetes' API server asks: reviews of the shape that it
//! sends (`tests/admit/`), by the name of a service.
#![cfg(all(feature = "server", feature = "cli"))]

#[path = "support/person.rs"]
mod person;
#[path = "support/registry.rs"]
mod registry;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use person::{Person, digest};
use registry::{COUNTERSIGN, TestRegistry, text};
use rustix::process::Signal;
use serde_json::{Value, json};

/// A running webhook.
struct Webhook {
    child: Child,
    port: u16,
    data: PathBuf,
    log: PathBuf,
}

impl Webhook {
    fn start(host: &Person<'_>, before: &[&str], after: &[&str]) -> Self {
        let (data, log) = (host.trust.with_extension("data"), host.trust.with_extension("log"));
        let place = data.to_str().expect("text").to_owned();
        let own = ["admit", "--listen", "127.0.0.1:0", "--service", SERVICE, "--data", &place];
        let mut command = host.command(&[before, &own, after].concat());
        command.stdout(Stdio::piped()).stderr(fs::File::create(&log).expect("a file"));
        let mut child = command.spawn().expect("countersign runs");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let port = line.trim().rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        let Some(port) = port else {
            panic!("{line}: {}", fs::read_to_string(&log).expect("text"))
        };
        Self { child, port, data, log }
    }

    /// curl, as the API server would ask.
    fn curl(&self, path: &str, words: &[&str]) -> Command {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--max-time", "30", "-w", "\n%{http_code}", "--cacert"]);
        curl.arg(self.data.join("ca.crt"));
        curl.arg("--connect-to").arg(format!("admit.trust.svc:443:127.0.0.1:{}", self.port));
        curl.args(words).arg(format!("https://admit.trust.svc:443{path}"));
        curl.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        curl
    }

    /// Posts a body: the status, and what was answered.
    fn post(&self, path: &str, body: &[u8]) -> (u16, String) {
        let json = ["--data-binary", "@-", "-H", "Content-Type: application/json"];
        self.send(self.curl(path, &json), body)
    }

    fn send(&self, mut curl: Command, body: &[u8]) -> (u16, String) {
        let mut child = curl.spawn().expect("curl runs");
        // Who is refused by the head of a request may leave the rest of it.
        let _ = child.stdin.take().expect("piped").write_all(body);
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8(output.stdout.clone()).expect("text");
        let (said, status) = said.rsplit_once('\n').unwrap_or_else(|| panic!("{}", text(&output)));
        (status.parse().expect("a status"), said.to_owned())
    }

    /// The answer to a review.
    fn asks(&self, path: &str, review: &Value) -> Value {
        let (status, said) = self.post(path, review.to_string().as_bytes());
        assert_eq!(status, 200, "{said}");
        let answer: Value = serde_json::from_str(&said).expect("JSON");
        assert_eq!(answer["apiVersion"], "admission.k8s.io/v1");
        assert_eq!(answer["kind"], "AdmissionReview");
        assert_eq!(answer["response"]["uid"], review["request"]["uid"]);
        answer["response"].clone()
    }

    /// Why a review is refused.
    fn refusal(&self, path: &str, review: &Value) -> String {
        let response = self.asks(path, review);
        assert_eq!(response["allowed"], false, "{response}");
        assert_eq!(response["status"]["code"], 403, "{response}");
        assert!(response["patch"].is_null(), "{response}");
        response["status"]["message"].as_str().expect("a reason").to_owned()
    }

    /// What becomes of an object that is let through by both, as a cluster asks them.
    fn admits(&self, review: &Value) -> Value {
        let response = self.asks("/mutate?timeout=10s", review);
        assert_eq!(response["allowed"], true, "{response}");
        let mut review = review.clone();
        if let Some(patch) = response["patch"].as_str() {
            assert_eq!(response["patchType"], "JSONPatch");
            let patch = STANDARD.decode(patch).expect("base64");
            let patch: Value = serde_json::from_slice(&patch).expect("JSON");
            for change in patch.as_array().expect("a list") {
                assert_eq!(change["op"], "replace");
                let pointer = change["path"].as_str().expect("a pointer");
                *review["request"]["object"].pointer_mut(pointer).expect("it is there") =
                    change["value"].clone();
            }
        }
        let response = self.asks("/validate?timeout=10s", &review);
        assert_eq!(response["allowed"], true, "{response}");
        assert!(response["patch"].is_null() && response["status"].is_null(), "{response}");
        review["request"]["object"].clone()
    }

    fn signal(&self, signal: Signal) {
        let process = i32::try_from(self.child.id()).expect("a process");
        let process = rustix::process::Pid::from_raw(process).expect("not zero");
        rustix::process::kill_process(process, signal).expect("told");
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("text")
    }

    /// Waits until the log says so.
    fn says(&self, wanted: &str) {
        for _ in 0..200 {
            if self.log().contains(wanted) {
                return;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        panic!("{wanted}: {}", self.log());
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const SERVICE: &str = "trust/admit";
const POD: &str = include_str!("admit/pod-create.json");
const DEBUG: &str = include_str!("admit/pod-ephemeral.json");
const CRONJOB: &str = include_str!("admit/cronjob-create.json");

/// A review in which all images are this one, or the named ones.
fn review(shape: &str, image: &str, others: &[(&str, &str)]) -> Value {
    let mut shape = shape.to_owned();
    for (place, other) in others {
        shape = shape.replace(place, other);
    }
    for place in ["IMAGE", "INIT", "VOLUME", "RUNNING"] {
        shape = shape.replace(place, image);
    }
    serde_json::from_str(&shape).expect("JSON")
}

fn servers() -> TestRegistry {
    TestRegistry::start(&["--no-docker", "--trust", COUNTERSIGN])
}

fn person<'s>(servers: &'s TestRegistry, name: &str) -> Person<'s> {
    Person::new(servers, name).at(servers.variable("TRUST_SERVER"))
}

#[test]
fn what_is_signed_gets_its_digest_and_is_let_through() {
    let servers = servers();
    let (publisher, host) = (person(&servers, "publisher"), person(&servers, "host"));
    let image = format!("{}/shop/web", servers.registry());
    let [web, init, model] =
        [format!("{image}:1"), format!("{image}:init"), image.replace("web", "model")];
    publisher.signs(&web, "a", &[]);
    publisher.signs(&init, "b", &[]);
    publisher.signs(&format!("{model}:latest"), "c", &[]);
    let webhook = Webhook::start(&host, &[], &["-v"]);
    let pinned = format!("{web}@{}", digest("a"));

    let pod = webhook.admits(&review(POD, &web, &[("INIT", &init), ("VOLUME", &model)]));
    let spec = &pod["spec"];
    assert_eq!(spec["containers"][0]["image"], pinned);
    assert_eq!(spec["initContainers"][0]["image"], format!("{init}@{}", digest("b")));
    let volume = &spec["volumes"][1]["image"]["reference"];
    assert_eq!(*volume, format!("{model}:latest@{}", digest("c")));

    let cronjob = webhook.admits(&review(CRONJOB, &web, &[]));
    let container = cronjob.pointer("/spec/jobTemplate/spec/template/spec/containers/0/image");
    assert_eq!(container, Some(&json!(pinned)));

    for given in [&pinned, &format!("{image}@{}", digest("a"))] {
        let pod = webhook.admits(&review(POD, given, &[]));
        assert_eq!(pod["spec"]["containers"][0]["image"], **given, "it stays as it is");
    }

    // Whoever debugs a pod adds a container; what runs is not asked about.
    let debug = review(DEBUG, &web, &[("RUNNING", "registry.example.com/unsigned:1")]);
    let pod = webhook.admits(&debug);
    assert_eq!(pod["spec"]["ephemeralContainers"][0]["image"], pinned);
    assert_eq!(pod["spec"]["containers"][0]["image"], "registry.example.com/unsigned:1");

    // The publisher moves the tag.
    publisher.signs(&web, "d", &[]);
    let pod = webhook.admits(&review(POD, &web, &[]));
    assert_eq!(pod["spec"]["containers"][0]["image"], format!("{web}@{}", digest("d")));
    let told = webhook.refusal("/validate", &review(POD, &pinned, &[]));
    assert!(told.contains("(mismatch)"), "{told}");
    webhook.says("\"allowed\":true");
}

#[test]
fn what_is_not_signed_is_refused_by_name_and_reason() {
    let servers = servers();
    let (publisher, host) = (person(&servers, "publisher"), person(&servers, "host"));
    let image = format!("{}/shop/web", servers.registry());
    let [web, other] = ["1", "2"].map(|tag| format!("{image}:{tag}"));
    publisher.signs(&web, "a", &[]);
    let webhook = Webhook::start(&host, &[], &[]);
    webhook.admits(&review(POD, &web, &[]));
    let none = image.replace("web", "none:1");
    let at = |digit: &str| format!("{image}@{}", digest(digit));
    for (bad, kind) in [
        (other.as_str(), "no-such-tag"),
        (&none, "no-trust-data"),
        (&at("b"), "no-such-tag"),
        (&format!("{web}@{}", digest("b")), "mismatch"),
        (&format!("{image}@sha512:{}", "0".repeat(128)), "bad-reference"),
        ("shop/WEB:1", "bad-reference"),
        ("--help", "bad-reference"),
    ] {
        let review = review(POD, &web, &[("INIT", bad)]);
        for path in ["/mutate", "/validate"] {
            let told = webhook.refusal(path, &review);
            assert!(told.contains(&format!("init container \"migrate\": {bad}")), "{path}: {told}");
            assert!(told.contains(&format!("({kind})")), "{path} {bad}: {told}");
        }
    }
    let told = webhook.refusal("/validate", &review(POD, &web, &[]));
    assert!(told.contains("has no digest") && told.contains("/mutate"), "{told}");
    let told = webhook.refusal("/mutate", &review(DEBUG, &other, &[("RUNNING", &web)]));
    assert!(told.starts_with("ephemeral container \"debugger-8xzrl\": "), "{told}");
    webhook.says("\"allowed\":false");
    let log = webhook.log();
    let lines = log.lines().filter(|line| line.starts_with('{'));
    for line in lines {
        let line: Value = serde_json::from_str(line).expect("a line of JSON");
        assert_eq!((&line["event"], &line["allowed"]), (&json!("admission"), &json!(false)));
        assert!(line["reason"].is_string() && line["namespace"] == "shop", "{line}");
    }
}

#[test]
fn what_cannot_be_read_is_refused_and_what_is_no_review_is_an_error() {
    let servers = servers();
    let host = person(&servers, "host");
    let webhook = Webhook::start(&host, &[], &[]);
    let mut scale = review(POD, "web:1", &[]);
    scale["request"]["kind"] = json!({"group": "autoscaling", "version": "v1", "kind": "Scale"});
    let mut empty = review(POD, "web:1", &[]);
    empty["request"]["object"] = Value::Null;
    let mut odd = review(POD, "web:1", &[]);
    odd["request"]["object"]["spec"]["containers"] = json!({"0": {"image": "web:1"}});
    for (review, expected) in [(&scale, "\"Scale\""), (&empty, "object"), (&odd, "no list")] {
        for path in ["/mutate", "/validate"] {
            let told = webhook.refusal(path, review);
            assert!(told.contains(expected), "{told}");
        }
    }
    let mut gone = review(POD, "web:1", &[]);
    gone["request"]["operation"] = json!("DELETE");
    gone["request"]["object"] = Value::Null;
    assert_eq!(webhook.asks("/validate", &gone)["allowed"], true, "nothing is pulled");

    let beta =
        review(&POD.replace("admission.k8s.io/v1", "admission.k8s.io/v1beta1"), "web:1", &[]);
    for body in [b"".as_slice(), b"{}", &POD.as_bytes()[..200], beta.to_string().as_bytes()] {
        assert_eq!(webhook.post("/validate", body).0, 400);
    }
    let large = format!("{}{}", POD, " ".repeat(9 << 20));
    assert_eq!(webhook.post("/validate", large.as_bytes()).0, 413);
    assert_eq!(webhook.post("/", POD.as_bytes()).0, 404);
    assert_eq!(webhook.send(webhook.curl("/validate", &[]), b"").0, 405);
    let form = webhook.curl("/validate", &["--data-binary", "@-"]);
    assert_eq!(webhook.send(form, POD.as_bytes()).0, 415);
    assert_eq!(webhook.send(webhook.curl("/healthz", &[]), b""), (200, "ok\n".to_owned()));
}

#[test]
fn a_trust_server_that_does_not_answer_refuses_in_time() {
    let servers = servers();
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("https://{}", silent.local_addr().expect("bound"));
    let host = Person::new(&servers, "host").at(&url);
    let webhook = Webhook::start(&host, &[], &[]);
    let image = format!("{}/shop/web:1", servers.registry());
    for seconds in [2, 3] {
        let began = Instant::now();
        let path = format!("/mutate?timeout={seconds}s");
        let told = webhook.refusal(&path, &review(POD, &image, &[]));
        assert!(told.contains("(network)"), "{told}");
        assert!(began.elapsed() < Duration::from_secs(seconds), "{:?}", began.elapsed());
    }
    // More than are looked up at the same time.
    std::thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| {
                let told = webhook.refusal("/mutate?timeout=4s", &review(POD, &image, &[]));
                assert!(told.contains("(network)"), "{told}");
            });
        }
    });
    drop(silent);
    let told = webhook.refusal("/mutate?timeout=5s", &review(POD, &image, &[]));
    assert!(told.contains("(network)"), "{told}");
}

#[test]
fn pins_and_the_cache_count_as_for_verify() {
    let servers = servers();
    let (publisher, host) = (person(&servers, "publisher"), person(&servers, "host"));
    let image = format!("{}/shop/web:1", servers.registry());
    publisher.signs(&image, "a", &[]);
    let pinned = Webhook::start(&person(&servers, "pinned"), &["--require-pin"], &[]);
    let told = pinned.refusal("/mutate", &review(POD, &image, &[]));
    assert!(told.contains("(first-use)"), "{told}");
    let config = servers.directory().join("lenient.toml");
    fs::write(&config, "when_unreachable = \"cache\"\n").expect("written");
    let strict = Webhook::start(&host, &[], &[]);
    let lenient = ["--config", config.to_str().expect("text")];
    let lenient = Webhook::start(&person(&servers, "lenient"), &lenient, &[]);
    for webhook in [&strict, &lenient] {
        webhook.admits(&review(POD, &image, &[]));
    }
    servers.end(COUNTERSIGN);
    let told = strict.refusal("/mutate", &review(POD, &image, &[]));
    assert!(told.contains("(network)"), "{told}");
    lenient.admits(&review(POD, &image, &[]));
    lenient.says("warning: ");
}

#[test]
fn many_reviews_at_once_are_all_answered() {
    let servers = servers();
    let (publisher, host) = (person(&servers, "publisher"), person(&servers, "host"));
    let images: Vec<String> =
        (0..4).map(|number| format!("{}/shop/web{number}:1", servers.registry())).collect();
    images.iter().for_each(|image| publisher.signs(image, "a", &[]));
    let webhook = Webhook::start(&host, &[], &[]);
    std::thread::scope(|scope| {
        for number in 0..40 {
            let (webhook, image) = (&webhook, &images[number % 4]);
            scope.spawn(move || {
                let pod = webhook.admits(&review(POD, image, &[]));
                let pinned = format!("{image}@{}", digest("a"));
                assert_eq!(pod["spec"]["containers"][0]["image"], pinned);
            });
        }
    });
}

#[test]
fn it_ends_when_it_is_told_to_after_those_that_come_were_answered() {
    let servers = servers();
    let (publisher, host) = (person(&servers, "publisher"), person(&servers, "host"));
    let image = format!("{}/shop/web:1", servers.registry());
    publisher.signs(&image, "a", &[]);
    let mut webhook = Webhook::start(&host, &[], &["--drain-seconds", "2"]);
    webhook.signal(Signal::HUP);
    webhook.says("the certificate was read again");
    webhook.admits(&review(POD, &image, &[]));
    webhook.signal(Signal::TERM);
    for _ in 0..40 {
        if webhook.send(webhook.curl("/healthz", &[]), b"").0 == 503 {
            break;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    assert_eq!(webhook.send(webhook.curl("/healthz", &[]), b"").0, 503);
    webhook.admits(&review(POD, &image, &[]));
    assert_eq!(webhook.child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn the_printed_configuration_leads_the_cluster_to_it() {
    let servers = servers();
    let host = person(&servers, "host");
    let data = servers.directory().join("host.data").display().to_string();
    let words = ["admit", "--data", &data, "--service", SERVICE, "--print-config"];
    let printed = host.does(&words);
    let bundles: Vec<&str> =
        printed.lines().filter_map(|line| line.trim().strip_prefix("caBundle: ")).collect();
    let [first, second] = bundles.as_slice() else { panic!("two webhooks: {printed}") };
    assert_eq!(first, second);
    let webhook = Webhook::start(&host, &[], &[]);
    let shown = fs::read(webhook.data.join("ca.crt")).expect("an authority");
    assert_eq!(STANDARD.decode(first).expect("base64"), shown, "made before the server");
    let health = webhook.send(webhook.curl("/healthz", &[]), b"");
    assert_eq!(health.0, 200, "by the name of the service");
    assert_eq!(host.does(&words), printed, "and while it runs");

    let given = ["--tls-cert", "server.crt", "--tls-key", "server.key"];
    let without = host.does(&[words.as_slice(), &given].concat());
    assert!(!without.contains("caBundle"), "{without}");
    let authority = webhook.data.join("ca.crt").display().to_string();
    let with = host.does(&[words.as_slice(), &given, &["--ca-bundle", &authority]].concat());
    assert_eq!(with, printed);
    for (words, code) in [
        (["admit", "--print-config"].as_slice(), 2),
        (&["admit", "--print-config", "--service", "admit"], 2),
        (&["admit", "--print-config", "--url", "http://admit.example.com"], 2),
        (&["admit", "--exempt", "kube-system"], 2),
        (&["admit", "--tls-cert", "server.crt"], 2),
        (&["admit", "--listen", "127.0.0.1:0", "--tls-cert", "none", "--tls-key", "none"], 2),
    ] {
        let output = host.run(words);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {}", text(&output));
    }
}
