//! A Notary installation taken over with its history, and handed back: notary-server, notary-signer
//! and `countersign serve` after each other on one database, on one address, under the eyes of
//! notary and docker.
#![cfg(all(feature = "server", feature = "cli", feature = "registry"))]

#[path = "support/database.rs"]
mod database;
#[path = "support/registry.rs"]
mod registry;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use database::{Kind, TestDatabase};
use registry::{TestRegistry, text};

#[test]
fn an_installation_on_postgresql_is_taken_over_and_handed_back() {
    let database = TestDatabase::start(Kind::Postgres);
    database.make_notary_s_tables();
    let options = ["--database", path(&database)];
    let registry = TestRegistry::start(&options);
    Takeover { database: &database, registry: &registry, docker: true }.run();
}

#[test]
fn an_installation_on_mariadb_is_taken_over_and_handed_back() {
    let database = TestDatabase::start(Kind::MariaDb);
    database.make_notary_s_tables();
    let options = ["--no-docker", "--database", path(&database)];
    let registry = TestRegistry::start(&options);
    Takeover { database: &database, registry: &registry, docker: false }.run();
}

fn path(database: &TestDatabase) -> &str {
    database.directory().to_str().expect("a path in UTF-8")
}

struct Takeover<'a> {
    database: &'a TestDatabase,
    registry: &'a TestRegistry,
    docker: bool,
}

/// A process that ends with its value.
struct Running(Child);

impl Running {
    /// Has it end as an operator would.
    fn end(mut self) {
        let process = i32::try_from(self.0.id()).expect("a process");
        let process = rustix::process::Pid::from_raw(process).expect("not zero");
        rustix::process::kill_process(process, rustix::process::Signal::TERM).expect("told to end");
        self.0.wait().expect("it ends");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Takeover<'_> {
    fn run(&self) {
        self.make_history();
        let (files, feed) = (self.files(), self.feed());
        let current = self.current();
        assert!(files.len() > 20, "a history of {} files", files.len());
        self.registry.end("notary_server");
        self.registry.end("notary_signer");

        self.check_touches_nothing();
        self.make_timestamps_old("a");
        self.make_odd_names();
        self.check_names_what_is_not_served();
        let ours = self.serve();
        self.renews("a");
        self.database.sql("notaryserver", "DELETE FROM tuf_files WHERE gun LIKE 'odd name %'");
        self.serves(&files);
        assert!(self.feed().starts_with(&feed[..feed.len() - 1]), "the changefeed goes on");
        let renewed = self.current();
        assert_eq!(without_timestamps(&renewed), without_timestamps(&current));
        self.work("ours");
        self.hands_out_keys_until_they_are_used();
        let (files, feed) = (self.files(), self.feed());
        let current = self.current();
        ours.end();

        let originals = self.start_originals();
        self.serves(&files);
        assert_eq!(self.feed(), feed);
        assert_eq!(self.current(), current);
        self.work("theirs");
        let files = self.files();
        drop(originals);

        let ours = self.serve();
        self.serves(&files);
        self.work("again");
        ours.end();
    }

    /// Collections with every kind of history, made by notary and docker on the originals.
    fn make_history(&self) {
        let delegate = self.certificate("delegate");
        self.notary(&["init", "-p", "example.com/a"]);
        self.sign("example.com/a", "v1");
        self.notary(&[
            "delegation",
            "add",
            "-p",
            "example.com/a",
            "targets/releases",
            &delegate,
            "--all-paths",
        ]);
        self.sign("example.com/a", "v2");
        self.notary(&["key", "rotate", "example.com/a", "snapshot", "-r"]);
        self.sign("example.com/a", "v3");
        self.notary(&["key", "rotate", "example.com/a", "timestamp", "-r"]);
        self.notary(&["init", "-p", "example.com/deleted"]);
        self.notary(&["delete", "--remote", "example.com/deleted"]);
        self.notary(&["init", "-p", "example.com/deleted"]);
        self.notary(&["init", "-p", "example.com/b"]);
        self.sign("example.com/b", "v1");
        self.notary(&["init", "-p", "other.example.org:5000/deep/ly/c"]);
        self.notary(&["init", "-p", "example.com/gone"]);
        self.notary(&["delete", "--remote", "example.com/gone"]);
        self.make_a_long_life("other.example.org:5000/deep/ly/c", &delegate);
        if self.docker {
            self.push("1");
        }
    }

    /// Each role's key replaced, some of them twice and there and back, and delegations of delegations.
    fn make_a_long_life(&self, gun: &str, delegate: &str) {
        for role in ["root", "root", "targets"] {
            self.notary(&["key", "rotate", gun, role]);
        }
        for managed in ["-r", "-r"] {
            self.notary(&["key", "rotate", gun, "timestamp", managed]);
            self.notary(&["key", "rotate", gun, "snapshot", managed]);
        }
        self.notary(&["key", "rotate", gun, "snapshot"]);
        for role in ["targets/releases", "targets/team", "targets/gone"] {
            self.notary(&["delegation", "add", "-p", gun, role, delegate, "--all-paths"]);
        }
        self.sign(gun, "v1");
        self.notary(&["delegation", "remove", "-y", "-p", gun, "targets/gone"]);
        self.notary(&["key", "rotate", gun, "snapshot", "-r"]);
        self.sign(gun, "v2");
    }

    /// Names that notary-server took and we do not, older than all others, and more of them than are
    /// looked at in one go.
    fn make_odd_names(&self) {
        let week = match self.database.kind() {
            Kind::Postgres => "interval '9 days'",
            Kind::MariaDb => "INTERVAL 9 DAY",
        };
        self.database.sql(
            "notaryserver",
            &format!(
                "INSERT INTO tuf_files (created_at, updated_at, gun, role, version, sha256, data) \
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250) \
                 SELECT created_at - {week}, updated_at, concat('odd name ', i), role, version, sha256, data \
                 FROM tuf_files, n WHERE gun = 'example.com/b' AND role = 'timestamp' AND version = 1"
            ),
        );
    }

    fn check_names_what_is_not_served(&self) {
        let output = self.command().arg("--check").output().expect("the program runs");
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(told.contains("names that are not served here: 250, \"odd name 1\""), "{told}");
    }

    /// What publishers and readers do, whoever serves.
    fn work(&self, name: &str) {
        self.sign("example.com/a", name);
        self.sign("example.com/b", name);
        let aged = "other.example.org:5000/deep/ly/c";
        self.sign(aged, name);
        self.notary(&["key", "rotate", aged, "timestamp", "-r"]);
        self.notary(&["key", "rotate", aged, "root"]);
        self.notary(&["init", "-p", "example.com/gone"]);
        self.notary(&["delete", "--remote", "example.com/gone"]);
        self.notary(&["key", "rotate", "example.com/b", "timestamp", "-r"]);
        self.sign("example.com/b", &format!("{name}-rotated"));
        self.notary(&["key", "rotate", "example.com/a", "snapshot", "-r"]);
        let own = format!("example.com/{name}");
        self.notary(&["init", "-p", &own]);
        self.sign(&own, "v1");
        self.notary(&["delete", "--remote", "example.com/deleted"]);
        self.notary(&["init", "-p", "example.com/deleted"]);
        for (gun, tag) in [
            ("example.com/a", "v1"),
            ("example.com/a", name),
            ("example.com/b", name),
            (aged, name),
        ] {
            let listed = self.notary(&["list", gun]);
            assert!(listed.lines().any(|line| line.starts_with(tag)), "{gun} {tag}: {listed}");
        }
        if self.docker {
            self.push(name);
            for tag in ["1", name] {
                let image = format!("{}/image:{tag}", self.registry.registry());
                let trusted = ["trust", "inspect", &image];
                let said = self.registry.run("docker", &trusted);
                assert!(said.contains(&format!("\"SignedTag\": \"{tag}\"")), "{said}");
            }
        }
    }

    fn notary(&self, arguments: &[&str]) -> String {
        self.registry.run("notary", arguments)
    }

    fn sign(&self, gun: &str, tag: &str) {
        let file = self.registry.directory().join("content");
        std::fs::write(&file, format!("{gun} {tag}")).expect("written");
        self.notary(&["add", "-p", gun, tag, file.to_str().expect("a path in UTF-8")]);
    }

    fn push(&self, tag: &str) {
        self.registry.seed(&format!("image:{tag}"), &[]);
        let image = format!("{}/image:{tag}", self.registry.registry());
        self.registry.run("docker", &["pull", "--disable-content-trust", &image]);
        self.registry.run("docker", &["push", "--disable-content-trust=false", &image]);
    }

    /// A certificate for a delegation.
    fn certificate(&self, name: &str) -> String {
        let place = |suffix: &str| {
            let path = self.registry.directory().join(format!("{name}.{suffix}"));
            path.to_str().expect("a path in UTF-8").to_owned()
        };
        let subject = format!("/CN={name}");
        self.registry.run(
            "openssl",
            &[
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
                "-days",
                "365",
                "-subj",
                &subject,
                "-keyout",
                &place("key"),
                "-out",
                &place("crt"),
            ],
        );
        place("crt")
    }

    /// Our server in the place of both originals, with nothing but their configuration.
    fn command(&self) -> Command {
        let mut command = self.registry.command(env!("CARGO_BIN_EXE_countersign"));
        command.args(["-q", "serve", "--notary-config", "notary-server.json"]);
        command.args(["--signer-config", "notary-signer.json", "--data", "ours"]);
        command.env("NOTARY_SIGNER_ALIAS1", "throw-away-signer");
        command.stdin(Stdio::null());
        command
    }

    fn serve(&self) -> Running {
        let mut command = self.command();
        let log = std::fs::File::create(self.registry.directory().join("log/ours.log"));
        command.stdout(Stdio::piped()).stderr(log.expect("a log"));
        let mut child = command.spawn().expect("the program starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let log = std::fs::read_to_string(self.registry.directory().join("log/ours.log"));
        assert_eq!(line.trim(), self.server(), "{}", log.unwrap_or_default());
        Running(child)
    }

    fn check_touches_nothing(&self) {
        let before = self.tables();
        let output = self.command().arg("--check").output().expect("the program runs");
        let said = text(&output);
        assert!(output.status.success(), "{said}");
        for expected in [
            "notary-server: its tables stand",
            "countersign: make its tables",
            "notary-signer: its tables stand",
            "under alias alias1: NOTARY_SIGNER_ALIAS1 opens them",
            "the timestamp keys of all ",
        ] {
            assert!(said.contains(expected), "{expected}: {said}");
        }
        let wrong = self.command().arg("--check").env("NOTARY_SIGNER_ALIAS1", "wrong").output();
        let said = text(&wrong.expect("the program runs"));
        assert!(said.contains("not under the passphrase of alias alias1"), "{said}");
        let absent = self.command().env_remove("NOTARY_SIGNER_ALIAS1").arg("--check").output();
        let said = text(&absent.expect("the program runs"));
        assert!(said.contains("no passphrase for alias alias1"), "{said}");
        assert_eq!(self.tables(), before);
        let refused = self.command().env("NOTARY_SIGNER_ALIAS1", "wrong").output();
        let refused = refused.expect("the program runs");
        assert_eq!(refused.status.code(), Some(6), "{}", text(&refused));
    }

    fn tables(&self) -> String {
        let place = match self.database.kind() {
            Kind::Postgres => "current_schema()",
            Kind::MariaDb => "database()",
        };
        self.database.sql(
            "notaryserver",
            &format!("SELECT table_name FROM information_schema.tables WHERE table_schema = {place} ORDER BY 1"),
        )
    }

    fn start_originals(&self) -> [Running; 2] {
        let start = |program: &str| {
            let mut command = self.registry.command(program);
            command.env("NOTARY_SIGNER_ALIAS1", "throw-away-signer").arg("-config");
            command.arg(format!("{program}.json"));
            let log = self.registry.directory().join(format!("log/{program}-again.log"));
            let log = std::fs::File::create(log).expect("a log");
            let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
            Running(child.expect("the program starts"))
        };
        let signer = start("notary-signer");
        // notary-server waits a second before it asks again where nobody answered.
        self.wait_for_the_signer();
        let originals = [signer, start("notary-server")];
        for _ in 0..200 {
            if self.ask("/_notary_server/health").trim() == "{}" {
                return originals;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the originals do not start again");
    }

    fn wait_for_the_signer(&self) {
        let settings = std::fs::read(self.registry.directory().join("notary-signer.json"));
        let settings: serde_json::Value =
            serde_json::from_slice(&settings.expect("its settings")).expect("JSON");
        let address = settings["server"]["grpc_addr"].as_str().expect("an address");
        for _ in 0..200 {
            if std::net::TcpStream::connect(address).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the signer does not start again");
    }

    fn server(&self) -> &str {
        self.registry.variable("TRUST_SERVER")
    }

    fn ask(&self, path: &str) -> String {
        let url = format!("{}{path}", self.server());
        let mut command = self.registry.command("curl");
        command.args([
            "-s",
            "--max-time",
            "10",
            "--cacert",
            self.registry.variable("TEST_CA"),
            &url,
        ]);
        String::from_utf8_lossy(&command.output().expect("curl runs").stdout).into_owned()
    }

    /// Every stored file: collection, role, version, digest, and its bytes.
    fn files(&self) -> Vec<[String; 5]> {
        let bytes = match self.database.kind() {
            Kind::Postgres => "encode(data, 'hex')",
            Kind::MariaDb => "lower(hex(data))",
        };
        let rows = self.database.sql(
            "notaryserver",
            &format!("SELECT gun, role, version, sha256, {bytes} FROM tuf_files ORDER BY id"),
        );
        let row = |line: &str| {
            let columns: Vec<String> = line.split('\t').map(str::to_owned).collect();
            columns.try_into().expect("five columns")
        };
        rows.lines().map(row).collect()
    }

    /// Everything is served byte for byte, by version and by digest.
    fn serves(&self, files: &[[String; 5]]) {
        let names = files.iter().flat_map(|[gun, role, version, sha256, bytes]| {
            let path = |name: String| format!("/v2/{gun}/_trust/tuf/{name}.json");
            [(path(format!("{version}.{role}")), bytes), (path(format!("{role}.{sha256}")), bytes)]
        });
        let (paths, expected): (Vec<String>, Vec<&String>) = names.unzip();
        for ((path, expected), answer) in paths.iter().zip(expected).zip(self.ask_all(&paths)) {
            assert_eq!(&hex(&answer), expected, "{path}");
        }
    }

    /// The current files of all collections, by collection and role.
    fn current(&self) -> Vec<(String, Vec<u8>)> {
        let names = self.files().into_iter().map(|[gun, role, ..]| (gun, role));
        let names: std::collections::BTreeSet<(String, String)> = names.collect();
        let path = |(gun, role): &(String, String)| format!("/v2/{gun}/_trust/tuf/{role}.json");
        let paths: Vec<String> = names.iter().map(path).collect();
        let answers = self.ask_all(&paths);
        names.iter().map(|(gun, role)| format!("{gun} {role}")).zip(answers).collect()
    }

    /// Many answers through one connection.
    fn ask_all(&self, paths: &[String]) -> Vec<Vec<u8>> {
        let place = self.registry.directory().join("answers");
        let _ = std::fs::remove_dir_all(&place);
        std::fs::create_dir(&place).expect("a directory");
        let wishes = paths.iter().enumerate().map(|(number, path)| {
            let output = place.join(number.to_string());
            format!("url = \"{}{path}\"\noutput = \"{}\"\n", self.server(), output.display())
        });
        let list = place.join("list");
        std::fs::write(&list, wishes.collect::<String>()).expect("written");
        let list = list.to_str().expect("a path in UTF-8");
        let authority = self.registry.variable("TEST_CA");
        self.registry.run("curl", &["-sS", "--max-time", "60", "--cacert", authority, "-K", list]);
        let answer =
            |number: usize| std::fs::read(place.join(number.to_string())).expect("an answer");
        (0..paths.len()).map(answer).collect()
    }

    /// What happened, each change as collection, version and category.
    fn feed(&self) -> Vec<String> {
        let body = self.ask("/v2/_trust/changefeed?records=1000");
        let feed: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        let records = feed["records"].as_array().expect("records");
        let line = |record: &serde_json::Value| {
            let digest = record["SHA256"].as_str().unwrap_or_default().trim().to_owned();
            let [id, gun, version, category] =
                ["ID", "GUN", "Version", "Category"].map(|name| record[name].to_string());
            format!("{id} {gun} {version} {digest} {category}")
        };
        records.iter().map(line).collect()
    }

    fn make_timestamps_old(&self, name: &str) {
        let week = match self.database.kind() {
            Kind::Postgres => "interval '8 days'",
            Kind::MariaDb => "INTERVAL 8 DAY",
        };
        self.database.sql(
            "notaryserver",
            &format!(
                "UPDATE tuf_files SET created_at = created_at - {week} \
                 WHERE gun = 'example.com/{name}' AND role = 'timestamp'"
            ),
        );
    }

    /// The old timestamp is renewed without anybody asking.
    fn renews(&self, name: &str) {
        let young = match self.database.kind() {
            Kind::Postgres => "now() AT TIME ZONE 'UTC' - interval '1 hour'",
            Kind::MariaDb => "UTC_TIMESTAMP() - INTERVAL 1 HOUR",
        };
        let query = format!(
            "SELECT count(*) FROM tuf_files WHERE gun = 'example.com/{name}' AND role = 'timestamp' \
             AND created_at > {young}"
        );
        for _ in 0..200 {
            if self.database.sql("notaryserver", &query).trim() == "1" {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("it is not renewed");
    }

    /// As notary-signer does.
    fn hands_out_keys_until_they_are_used(&self) {
        let used = "SELECT count(*) FROM private_keys WHERE last_used IS NULL";
        let before = self.database.sql("notarysigner", used);
        let other = self.ask("/v2/example.com/never/_trust/tuf/timestamp.key");
        let again = self.ask("/v2/example.com/never/_trust/tuf/timestamp.key");
        assert_eq!(other, again, "asked twice, the same key");
        assert!(other.contains("\"keytype\":\"ecdsa\""), "{other}");
        assert_ne!(self.database.sql("notarysigner", used), before, "it is kept until it is used");
        let named = self.ask("/v2/example.com/a/_trust/tuf/timestamp.key");
        assert_ne!(named, other);
    }
}

/// Everything but timestamps, which may have been renewed.
fn without_timestamps(files: &[(String, Vec<u8>)]) -> Vec<&(String, Vec<u8>)> {
    files.iter().filter(|(name, _)| !name.ends_with(" timestamp")).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
