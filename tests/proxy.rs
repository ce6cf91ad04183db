//! `proxy` as a process between real clients and a real registry: docker's daemon, containerd,
//! skopeo, curl.
#![cfg(all(feature = "server", feature = "cli"))]

#[path = "support/attacker.rs"]
mod attacker;
#[path = "support/person.rs"]
mod person;
#[path = "support/registry.rs"]
mod registry;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use attacker::Attacker;
use person::Person;
use registry::{COUNTERSIGN, TestRegistry, text};
use rustix::process::Signal;
use serde_json::Value;

/// A running proxy.
struct Proxy<'s> {
    servers: &'s TestRegistry,
    child: Child,
    url: String,
    log: PathBuf,
}

impl<'s> Proxy<'s> {
    /// Before the registry, on a free port, with a trust directory of its own.
    fn start(servers: &'s TestRegistry, name: &str) -> Self {
        let host = Person::new(servers, name).at(servers.variable("TRUST_SERVER"));
        Self::run(servers, &host, &["-v"], &["--upstream", servers.registry()])
    }

    fn run(servers: &'s TestRegistry, host: &Person<'_>, before: &[&str], after: &[&str]) -> Self {
        let log = host.trust.with_extension("log");
        let listen =
            if after.contains(&"--listen") { &[][..] } else { &["--listen", "127.0.0.1:0"] };
        let mut command = host.command(&[before, &["proxy"], listen, after].concat());
        command.stdout(Stdio::piped()).stderr(fs::File::create(&log).expect("a file"));
        let mut child = command.spawn().expect("countersign runs");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let url = line.trim().to_owned();
        assert!(url.starts_with("http"), "{line}: {}", fs::read_to_string(&log).expect("text"));
        Self { servers, child, url, log }
    }

    /// Its `host:port`.
    fn address(&self) -> &str {
        self.url.split_once("://").expect("a URL").1
    }

    /// An image here.
    fn image(&self, rest: &str) -> String {
        format!("{}/{rest}", self.address())
    }

    fn docker(&self, words: &[&str]) -> Output {
        self.servers.command("docker").args(words).output().expect("docker runs")
    }

    /// Copies an image, and all that an index names, into a folder of this name.
    fn copies(&self, rest: &str, to: &str) -> Output {
        let from = format!("docker://{}", self.image(rest));
        let to = format!("dir:{}", self.servers.directory().join(to).display());
        let mut skopeo = self.servers.command("skopeo");
        skopeo.args(["copy", "--src-tls-verify=false", "--all", &from, &to]);
        skopeo.output().expect("skopeo runs")
    }

    fn curl(&self, path: &str, words: &[&str]) -> Output {
        let mut curl = self.servers.command("curl");
        curl.args(["-sS", "--max-time", "40"]).args(words).arg(format!("{}{path}", self.url));
        curl.output().expect("curl runs")
    }

    /// The status, and what is answered with it.
    fn ask(&self, path: &str, words: &[&str]) -> (u16, String) {
        let output = self.curl(path, &[&["-w", "\n%{http_code}"], words].concat());
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let (said, status) = said.rsplit_once('\n').unwrap_or_else(|| panic!("{}", text(&output)));
        (status.parse().expect("a status"), said.to_owned())
    }

    fn gets(&self, path: &str) -> (u16, String) {
        self.ask(path, &[])
    }

    /// The status of a refusal, its code and its words.
    fn refusal(&self, path: &str) -> (u16, String, String) {
        let (status, said) = self.gets(path);
        let answer: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}"));
        let field = |name: &str| answer["errors"][0][name].as_str().expect(name).to_owned();
        (status, field("code"), field("message"))
    }

    /// The headers of an answer, in lower case.
    fn headers(&self, path: &str) -> String {
        String::from_utf8_lossy(&self.curl(path, &["-I"]).stdout).to_lowercase()
    }

    fn signal(&self, signal: Signal) {
        let process = i32::try_from(self.child.id()).expect("a process");
        let process = rustix::process::Pid::from_raw(process).expect("not zero");
        rustix::process::kill_process(process, signal).expect("told");
    }

    /// Waits until the log says so.
    fn says(&self, wanted: &str) {
        let log = || fs::read_to_string(&self.log).expect("text");
        for _ in 0..200 {
            if log().contains(wanted) {
                return;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        panic!("{wanted}: {}", log());
    }
}

impl Drop for Proxy<'_> {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn servers() -> TestRegistry {
    TestRegistry::start(&["--no-docker", "--trust", COUNTERSIGN])
}

/// Pushes an image and signs it: its digest.
fn signed(servers: &TestRegistry, name: &str, options: &[&str]) -> String {
    let (digest, _) = servers.seed(name, options);
    servers.does(&["sign", &format!("{}/{name}", servers.registry())]);
    digest
}

fn json_of(servers: &TestRegistry, digest: &str) -> Value {
    let bytes = fs::read(servers.blob(digest)).expect("a manifest");
    serde_json::from_slice(&bytes).expect("JSON")
}

fn layer(servers: &TestRegistry, digest: &str) -> String {
    json_of(servers, digest)["layers"][0]["digest"].as_str().expect("a digest").to_owned()
}

fn child(servers: &TestRegistry, index: &str, architecture: &str) -> String {
    let index = json_of(servers, index);
    let mut children = index["manifests"].as_array().expect("manifests").iter();
    let found = children.find(|it| it["platform"]["architecture"] == architecture);
    found.expect(architecture)["digest"].as_str().expect("a digest").to_owned()
}

fn spoil(servers: &TestRegistry, digest: &str) {
    let path = servers.blob(digest);
    let mut bytes = fs::read(&path).expect("a blob");
    *bytes.last_mut().expect("a byte") ^= 1;
    fs::write(&path, bytes).expect("spoiled");
}

#[test]
fn docker_gets_what_is_signed_whatever_the_registry_says() {
    let servers = TestRegistry::start(&["--trust", COUNTERSIGN]);
    let good = signed(&servers, "team/web:1", &["--text", "good"]);
    // The attacker moves the tag in the registry, and pushes another one.
    let (evil, _) = servers.seed("team/web:1", &["--text", "evil"]);
    servers.seed("team/web:2", &["--text", "evil"]);
    let proxy = Proxy::start(&servers, "host");
    let image = proxy.image("team/web");
    let pull = |reference: &str| proxy.docker(&["pull", reference]);

    let pulled = pull(&format!("{image}:1"));
    assert!(text(&pulled).contains(&format!("Digest: {good}")), "{}", text(&pulled));
    let ran = proxy.docker(&["run", "--rm", "--network", "none", &format!("{image}:1")]);
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "good\n", "{}", text(&ran));
    for (reference, kind) in [(":2", "no-such-tag"), (&format!("@{evil}"), "no-such-tag")] {
        let refused = pull(&format!("{image}{reference}"));
        assert!(!refused.status.success(), "{}", text(&refused));
        assert!(text(&refused).contains(&format!("({kind})")), "{}", text(&refused));
    }
    // Whoever asks the registry itself gets the other one.
    let direct = pull(&format!("{}/team/web:1", servers.registry()));
    assert!(text(&direct).contains(&evil), "{}", text(&direct));
    let refused = pull(&proxy.image("team/none:1"));
    assert!(text(&refused).contains("(no-trust-data)"), "{}", text(&refused));
    assert!(pull(&format!("{image}@{good}")).status.success(), "it is what a tag means");

    // The publisher signs the other one, and then withdraws it.
    servers.does(&["sign", &format!("{}/team/web:2", servers.registry())]);
    assert!(text(&pull(&format!("{image}:2"))).contains(&evil));
    servers.does(&["revoke", &format!("{}/team/web:2", servers.registry())]);
    let refused = pull(&format!("{image}:2"));
    assert!(text(&refused).contains("(no-such-tag)"), "{}", text(&refused));
    // docker does not ask again for a digest that it has.
    let (status, _, told) = proxy.refusal(&format!("/v2/team/web/manifests/{evil}"));
    assert!(status == 403 && told.contains("(no-such-tag)"), "{told}");
}

#[test]
fn a_layer_that_was_changed_never_arrives() {
    let servers = servers();
    let digest = signed(&servers, "team/web:1", &["--text", "good"]);
    let proxy = Proxy::start(&servers, "host");
    let layer = layer(&servers, &digest);
    let path = format!("/v2/team/web/blobs/{layer}");
    assert_eq!(proxy.gets("/v2/team/web/manifests/1").0, 200);
    let honest = proxy.curl(&path, &[]);
    assert!(honest.status.success() && honest.stdout.len() > 100_000, "{}", honest.status);

    spoil(&servers, &layer);
    let cut = proxy.curl(&path, &[]);
    assert!(!cut.status.success(), "curl sees that it is not all of it");
    assert!(cut.stdout.len() < honest.stdout.len(), "{} bytes", cut.stdout.len());
    proxy.says("cut off: ");
    // docker fails, too, after five attempts in more than a minute.
    assert!(!proxy.copies("team/web:1", "spoiled").status.success());

    spoil(&servers, &layer);
    let copied = proxy.copies("team/web:1", "right");
    assert!(copied.status.success(), "the registry is right again: {}", text(&copied));

    spoil(&servers, &digest);
    let (status, code, told) = proxy.refusal("/v2/team/web/manifests/1");
    assert!(matches!(status, 502 | 503), "{status} {code}: {told}");
}

#[test]
fn an_index_is_let_through_with_all_that_it_names() {
    let servers = servers();
    let digest = signed(&servers, "team/multi:1", &["--index"]);
    let (other, _) = servers.seed("team/multi:2", &["--text", "evil"]);
    let arm = child(&servers, &digest, "arm64");
    let proxy = Proxy::start(&servers, "host");

    let path = format!("/v2/team/multi/manifests/{arm}");
    let (status, code, told) = proxy.refusal(&path);
    assert_eq!((status, &*code), (403, "DENIED"), "nobody signed it by itself: {told}");
    let blob = format!("/v2/team/multi/blobs/{}", layer(&servers, &arm));
    let (status, code, _) = proxy.refusal(&blob);
    assert_eq!((status, &*code), (404, "BLOB_UNKNOWN"));

    let copied = proxy.copies("team/multi:1", "multi");
    assert!(copied.status.success(), "{}", text(&copied));
    let copy = format!("dir:{}", servers.directory().join("multi").display());
    let raw = servers.run("skopeo", &["inspect", "--raw", &copy]);
    assert!(raw.contains(&arm), "{raw}");
    assert_eq!(proxy.gets(&path).0, 200, "now its index was let through");
    let output = proxy.curl(&blob, &["-H", "Range: bytes=0-9", "-w", "%{http_code}"]);
    assert!(output.stdout.ends_with(b"200") && output.stdout.len() > 1000, "all of it");
    let headers = proxy.headers(&blob);
    assert!(headers.starts_with("http/1.1 200") && headers.contains("content-length"), "{headers}");
    assert_eq!(
        proxy.gets(&path.replace("multi", "web")).0,
        403,
        "in another repository it is none"
    );

    let refused = text(&proxy.copies(&format!("team/multi@{other}"), "other"));
    assert!(refused.contains("denied: ") && refused.contains("(no-such-tag)"), "{refused}");
    for (asked, expected) in [(&digest, "index"), (&arm, "manifest")] {
        let headers = proxy.headers(&format!("/v2/team/multi/manifests/{asked}"));
        assert!(headers.contains(&format!("docker-content-digest: {asked}")), "{headers}");
        let size = fs::metadata(servers.blob(asked)).expect("a file").len();
        assert!(headers.contains(&format!("content-length: {size}\r\n")), "{headers}");
        assert!(headers.contains(&format!("content-type: application/vnd.oci.image.{expected}")));
    }
}

#[test]
fn only_pulls_are_understood_and_only_signed_tags_are_listed() {
    let servers = servers();
    for tag in ["1", "2", "10"] {
        signed(&servers, &format!("team/web:{tag}"), &["--text", tag]);
    }
    servers.seed("team/web:evil", &["--text", "evil"]);
    let proxy = Proxy::start(&servers, "host");
    assert_eq!(proxy.gets("/healthz"), (200, "ok\n".to_owned()));
    assert_eq!(proxy.gets("/v2/"), (200, "{}".to_owned()));
    let tags = |path: &str| -> Value {
        serde_json::from_str(&proxy.gets(path).1).expect("a list of tags")
    };
    let list = "/v2/team/web/tags/list";
    assert_eq!(tags(list), serde_json::json!({"name": "team/web", "tags": ["1", "10", "2"]}));
    assert_eq!(tags(&format!("{list}?n=2"))["tags"], serde_json::json!(["1", "10"]));
    assert!(proxy.headers(&format!("{list}?n=2")).contains("last=10&n=2&"));
    assert_eq!(tags(&format!("{list}?n=2&last=10"))["tags"], serde_json::json!(["2"]));
    assert!(!proxy.headers(&format!("{list}?n=2&last=10")).contains("link:"));
    assert_eq!(proxy.refusal("/v2/team/none/tags/list").0, 403);

    let zero = "0".repeat(64);
    for (path, expected) in [
        ("/v2/_catalog", (405, "UNSUPPORTED")),
        ("/v2/team/web/blobs/uploads/", (405, "UNSUPPORTED")),
        (&format!("/v2/team/web/referrers/sha256:{zero}"), (404, "UNSUPPORTED")),
        ("/v1/search", (404, "UNSUPPORTED")),
        ("/v2/team/WEB/manifests/1", (400, "NAME_INVALID")),
        ("/v2/team%2fweb/manifests/1", (400, "NAME_INVALID")),
        ("/v2/team/web/manifests/-1", (400, "TAG_INVALID")),
        ("/v2/team/web/manifests/sha512:00", (400, "DIGEST_INVALID")),
        ("/v2/team/web/blobs/1", (400, "DIGEST_INVALID")),
        ("/v2/team/web/manifests/1?ns=other.example.com", (403, "DENIED")),
        (&format!("/v2/team/web/blobs/sha256:{zero}"), (404, "BLOB_UNKNOWN")),
    ] {
        let (status, code, told) = proxy.refusal(path);
        assert_eq!((status, &*code), expected, "{path}: {told}");
    }
    for method in ["PUT", "POST", "PATCH", "DELETE"] {
        let path = "/v2/team/web/manifests/1";
        let (status, said) = proxy.ask(path, &["-X", method, "--data-binary", "{}"]);
        assert!(status == 405 && said.contains("UNSUPPORTED"), "{method}: {said}");
    }
    let (path, rebound) = ("/v2/team/web/manifests/1", ["-H", "Host: evil.example.com:5000"]);
    let (status, told) = proxy.ask(path, &rebound);
    assert!(status == 403 && told.contains("DENIED"), "a name that leads here: {told}");
    assert_eq!(proxy.ask(path, &["-H", "Host: localhost:5000"]).0, 200);
    let many = "a".repeat(100_000);
    assert!(matches!(proxy.gets(&format!("/v2/{many}/manifests/1")).0, 400 | 414 | 431));
    assert_eq!(proxy.gets("/v2/team/web/manifests/1").0, 200);
}

#[test]
fn nobody_answers_for_a_trust_server_that_is_gone() {
    let servers = servers();
    signed(&servers, "team/web:1", &[]);
    let attacker = Attacker::start(&servers);
    let host = Person::new(&servers, "host").at(&attacker.url);
    let upstream = ["--upstream", servers.registry()];
    let lenient = servers.directory().join("lenient.toml");
    fs::write(&lenient, "when_unreachable = \"cache\"\n").expect("written");
    let lenient = ["--tls-ca", &attacker.authority, "--config", lenient.to_str().expect("text")];
    let strict = Proxy::run(&servers, &host, &["--tls-ca", &attacker.authority], &upstream);
    let path = "/v2/team/web/manifests/1";
    assert_eq!(strict.gets(path).0, 200);
    for behaviour in ["status 503", "close"] {
        attacker.behave(behaviour);
        let (status, code, told) = strict.refusal(path);
        assert_eq!((status, &*code), (503, "UNAVAILABLE"), "{behaviour}: {told}");
        assert!(told.contains("(network)"), "{told}");
    }
    let cached = Proxy::run(&servers, &host, &lenient, &upstream);
    assert_eq!(cached.gets(path).0, 200, "as it was configured");
    cached.says("answered from the cache");
    attacker.behave("honest");
    assert_eq!(strict.gets(path).0, 200);
    servers.end("registry");
    let (status, code, told) = strict.refusal(path);
    assert_eq!((status, &*code), (503, "UNAVAILABLE"), "the registry is gone: {told}");
}

#[test]
fn whoever_waits_is_answered_in_time() {
    let servers = servers();
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("https://{}", silent.local_addr().expect("bound"));
    let host = Person::new(&servers, "host").at(&url);
    let proxy =
        Proxy::run(&servers, &host, &["--timeout", "3s"], &["--upstream", servers.registry()]);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for number in 0..60 {
            let proxy = &proxy;
            scope.spawn(move || {
                let (status, _, told) =
                    proxy.refusal(&format!("/v2/team/web/manifests/{}", number % 50));
                assert!(status == 503 && told.contains("(network)"), "{told}");
            });
        }
    });
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(proxy.gets("/healthz").0, 200);
}

#[test]
fn its_own_credentials_open_the_registry_and_nobody_elses_are_passed_on() {
    let servers =
        TestRegistry::start(&["--no-docker", "--trust", COUNTERSIGN, "--auth", "htpasswd"]);
    signed(&servers, "team/web:1", &[]);
    let proxy = Proxy::start(&servers, "host");
    let path = "/v2/team/web/manifests/1";
    assert_eq!(proxy.gets(path).0, 200);
    assert_eq!(proxy.ask(path, &["-u", "publisher:wrong"]).0, 200, "not even looked at");
    let stranger = Person::new(&servers, "stranger").at(servers.variable("TRUST_SERVER"));
    let mut command = stranger.command(&["proxy", "--upstream", servers.registry()]);
    command.args(["--listen", "127.0.0.1:0"]).env("DOCKER_CONFIG", servers.stranger());
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("countersign runs");
    let mut url = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut url).expect("a line");
    let log = servers.directory().join("nothing");
    fs::write(&log, "").expect("written");
    let locked = Proxy { servers: &servers, child, url: url.trim().to_owned(), log };
    let credentials =
        format!("{}:{}", servers.variable("REGISTRY_USER"), servers.variable("REGISTRY_PASSWORD"));
    let (status, said) = locked.ask(path, &["-u", &credentials]);
    assert!(matches!(status, 403 | 503) && said.contains("(auth)"), "{status} {said}");
}

#[test]
fn the_registry_is_meant_that_the_client_names() {
    let (one, two) = (servers(), servers());
    signed(&one, "team/web:1", &[]);
    let host = Person::new(&one, "host").at(one.variable("TRUST_SERVER"));
    let both = ["--upstream", one.registry(), "--upstream", two.registry()];
    let proxy = Proxy::run(&one, &host, &[], &both);
    let path = "/v2/team/web/manifests/1";
    let (status, code, told) = proxy.refusal(path);
    assert_eq!((status, &*code), (403, "DENIED"));
    assert!(told.contains(one.registry()) && told.contains(two.registry()), "{told}");
    let ns = |registry: &str| format!("{path}?ns={}", registry.replace(':', "%3A"));
    assert_eq!(proxy.gets(&ns(one.registry())).0, 200);
    let (status, _, told) = proxy.refusal(&ns(two.registry()));
    assert!(status == 403 && told.contains(two.registry()), "nothing is signed for it: {told}");
    assert_eq!(proxy.refusal(&ns("docker.io")).0, 403);
    let twice = ["--upstream", one.registry(), "--upstream", one.registry()];
    let again = Proxy::run(&one, &host, &[], &twice);
    assert_eq!(again.gets(path).0, 200, "it is one registry");
}

#[test]
fn off_this_host_it_speaks_tls_and_it_ends_when_told() {
    let servers = servers();
    signed(&servers, "team/web:1", &[]);
    let host = Person::new(&servers, "host").at(servers.variable("TRUST_SERVER"));
    let data = servers.directory().join("data");
    let place = data.to_str().expect("text");
    let own = ["--upstream", servers.registry(), "--listen", "0.0.0.0:0", "--data", place];
    let mut open = Proxy::run(&servers, &host, &[], &own);
    let port = open.url.rsplit_once(':').expect("a port").1.to_owned();
    open.says(&format!("/etc/docker/certs.d/HOST:{port}/ca.crt"));
    open.url = format!("https://localhost:{port}");
    let authority = data.join("ca.crt");
    let trusted = ["--cacert", authority.to_str().expect("text")];
    assert_eq!(open.ask("/v2/team/web/manifests/1", &trusted).0, 200);
    assert!(!open.curl("/v2/", &[]).status.success(), "a stranger's certificate");
    open.signal(Signal::HUP);
    open.says("the certificate was read again");

    let listen = ["--upstream", servers.registry(), "--drain-seconds", "1"];
    let mut plain = Proxy::run(&servers, &host, &[], &listen);
    assert!(plain.url.starts_with("http://127.0.0.1:"), "{}", plain.url);
    plain.signal(Signal::HUP);
    assert_eq!(plain.gets("/healthz").0, 200, "there is nothing to be read again");
    plain.signal(Signal::TERM);
    let until = Instant::now() + Duration::from_millis(900);
    let drained = (0..40).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        Instant::now() < until && plain.gets("/healthz").0 == 503
    });
    assert!(drained, "it says that it is about to end");
    assert!(plain.child.wait().expect("it ends").success());
}

/// containerd and skopeo ask the proxy for names of the registry, as docs/proxy.md has it.
#[test]
fn others_pull_by_the_registrys_own_names() {
    let servers = TestRegistry::start(&["--trust", COUNTERSIGN]);
    let good = signed(&servers, "team/web:1", &["--text", "good"]);
    let multi = signed(&servers, "team/multi:1", &["--index"]);
    servers.seed("team/web:1", &["--text", "evil"]);
    servers.seed("team/web:2", &["--text", "evil"]);
    let host = Person::new(&servers, "host").at(servers.variable("TRUST_SERVER"));
    let both = ["--upstream", servers.registry(), "--upstream", "other.example.com"];
    let containerds = Proxy::run(&servers, &host, &[], &both);
    let image = |rest: &str| format!("{}/team/{rest}", servers.registry());

    let folder = servers.directory().join("certs.d");
    fs::create_dir_all(folder.join(servers.registry())).expect("a folder");
    let url = &containerds.url;
    let hosts =
        format!("server = \"{url}\"\n[host.\"{url}\"]\n  capabilities = [\"pull\", \"resolve\"]\n");
    fs::write(folder.join(servers.registry()).join("hosts.toml"), hosts).expect("written");
    let ctr = |words: &[&str]| {
        let mut ctr = servers.command("ctr");
        ctr.arg("-a").arg(servers.directory().join("exec/containerd/containerd.sock"));
        ctr.args(["-n", "test", "images"]).args(words).output().expect("ctr runs")
    };
    let pull = |rest: &str| {
        let from = folder.to_str().expect("text");
        ctr(&["pull", "--snapshotter", "native", "--hosts-dir", from, &image(rest)])
    };
    for rest in ["web:1", "multi:1"] {
        let pulled = pull(rest);
        assert!(pulled.status.success(), "{}", text(&pulled));
    }
    for rest in ["web:2", "none:1"] {
        let refused = text(&pull(rest));
        assert!(refused.contains("403 Forbidden"), "{refused}");
    }
    let listed = text(&ctr(&["ls"]));
    assert!(listed.contains(&good) && listed.contains(&multi), "{listed}");
    assert_eq!(listed.matches("/team/").count(), 2, "{listed}");

    let skopeos = Proxy::start(&servers, "other");
    let conf = servers.directory().join("registries.conf");
    let place = format!(
        "[[registry]]\nprefix = \"{}\"\nlocation = \"{}\"\ninsecure = true\n",
        servers.registry(),
        skopeos.address()
    );
    fs::write(&conf, place).expect("written");
    let digest = |rest: &str| {
        let mut skopeo = servers.command("skopeo");
        skopeo.arg("--registries-conf").arg(&conf);
        skopeo.args(["inspect", "--format", "{{.Digest}}", &format!("docker://{}", image(rest))]);
        skopeo.output().expect("skopeo runs")
    };
    let found = text(&digest("web:1"));
    assert!(found.contains(&good), "{found}");
    let refused = text(&digest("web:2"));
    assert!(refused.contains("(no-such-tag)"), "{refused}");
}

#[test]
fn what_makes_no_sense_is_refused_at_once() {
    let servers = servers();
    let host = Person::new(&servers, "host").at(servers.variable("TRUST_SERVER"));
    for words in [
        &["proxy"][..],
        &["proxy", "--upstream", "registry"],
        &["proxy", "--upstream", "https://registry.example.com"],
        &["proxy", "--upstream", "registry.example.com", "--tls-cert", "a.pem"],
        &["--raw-gun", "proxy", "--upstream", "registry.example.com"],
    ] {
        let output = host.run(words);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {}", text(&output));
    }
}
