//! Playing lines of the table in a home of their own.

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use countersign::crypto::{PublicKey, Sha256, Sha512};
use countersign::tuf::canonical_key_id;

use crate::registry::TestRegistry;

/// Who plays.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Program {
    /// Debian's notary.
    Original,
    /// Ours, called by a link of that name.
    Ours,
}

impl Program {
    /// The first component of its collections: of one length, so that tables are alike.
    pub(crate) fn collections(self) -> &'static str {
        match self {
            Self::Original => "real",
            Self::Ours => "ours",
        }
    }

    /// The other one.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Original => Self::Ours,
            Self::Ours => Self::Original,
        }
    }
}

/// Lines that belong together.
pub(crate) struct Case {
    pub(crate) name: String,
    number: usize,
    pub(crate) lines: Vec<Line>,
    /// Files that differ, on purpose.
    pub(crate) different: Vec<String>,
}

/// One line of the table.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) text: String,
    stdin: String,
    /// What is compared.
    pub(crate) compared: Compared,
}

/// What is compared of two runs of a line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Compared {
    /// What is said, and the exit code.
    All,
    /// The exit code.
    Code,
    Nothing,
}

impl Case {
    /// A case of one line.
    pub(crate) fn of_one(name: &str, line: &str) -> Self {
        let line = Line { text: line.to_owned(), stdin: String::new(), compared: Compared::All };
        Self { name: name.to_owned(), number: 0, lines: vec![line], different: Vec::new() }
    }

    /// The table.
    pub(crate) fn read(path: &Path) -> Vec<Self> {
        let text = std::fs::read_to_string(path).expect("the table");
        let mut cases: Vec<Self> = Vec::new();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if let Some(name) = line.strip_prefix("@ ") {
                let (name, number) = (name.to_owned(), cases.len());
                cases.push(Self { name, number, lines: Vec::new(), different: Vec::new() });
                continue;
            }
            if let Some(file) = line.strip_prefix("~ ") {
                let case = cases.last_mut().expect("a case before its files");
                case.different.push(file.to_owned());
                continue;
            }
            let lines = &mut cases.last_mut().expect("a case before its lines").lines;
            if let Some(input) = line.strip_prefix("< ") {
                let last = lines.last_mut().expect("a line before its input");
                last.stdin.push_str(&format!("{input}\n"));
                continue;
            }
            let (text, compared) = match (line.strip_prefix("- "), line.strip_prefix("= ")) {
                (Some(text), _) => (text, Compared::Nothing),
                (_, Some(text)) => (text, Compared::Code),
                _ => (line, Compared::All),
            };
            let (text, stdin) = (text.to_owned(), String::new());
            lines.push(Line { text, stdin, compared });
        }
        cases
    }
}

/// What a program said, and its exit code.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Said {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: Option<i32>,
}

/// A home directory with a configuration, and files to sign.
pub(crate) struct Home<'s> {
    servers: &'s TestRegistry,
    directory: tempfile::TempDir,
    pub(crate) program: Program,
    pub(crate) gun: String,
    variables: Vec<(&'static str, String)>,
}

impl<'s> Home<'s> {
    pub(crate) fn new(program: Program, case: &Case, servers: &'s TestRegistry) -> Self {
        let directory = tempfile::Builder::new()
            .prefix(&format!("{}-", program.collections()))
            .tempdir()
            .expect("a temporary directory");
        let gun = format!("{}/{}/web", program.collections(), case.number);
        let mut home = Self { servers, directory, program, gun, variables: Vec::new() };
        home.furnish();
        home
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The trust directory.
    pub(crate) fn trust(&self) -> PathBuf {
        self.path().join(".notary")
    }

    /// The trust server's `host:port`.
    pub(crate) fn server(&self) -> &str {
        self.servers.variable("TRUST_SERVER").trim_start_matches("https://")
    }

    /// Plays every line.
    pub(crate) fn play(&self, case: &Case) -> Vec<(Line, Said)> {
        let play = |line: &Line| {
            let (variables, command) = assignments(&line.text);
            let words = self.words(command);
            let stdin = self.filled(&line.stdin);
            (line.clone(), self.run(self.program, &variables, &words, &stdin))
        };
        case.lines.iter().map(play).collect()
    }

    /// Runs one of the programs here.
    pub(crate) fn run(
        &self,
        program: Program,
        variables: &[(&str, &str)],
        words: &[String],
        stdin: &str,
    ) -> Said {
        let mut command = self.command(program);
        command
            .envs(variables.iter().copied())
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let mut input = child.stdin.take().expect("piped");
        // One that does not read its input is no failure of ours.
        let _ = input.write_all(stdin.as_bytes());
        drop(input);
        let output = child.wait_with_output().expect("the program ends");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said {
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
            code: output.status.code(),
        }
    }

    /// Runs the program on a terminal, without passphrases in its environment, and answers its
    /// prompts: prompt, answer, prompt, answer.
    pub(crate) fn run_on_a_terminal(&self, answers: &[&str], words: &[String]) -> Said {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/notary/terminal.py");
        let program = self.command(self.program).get_program().to_owned();
        let mut terminal = self.servers.command("python3");
        terminal.env("HOME", self.path()).current_dir(self.path());
        for role in ["ROOT", "TARGETS", "SNAPSHOT", "DELEGATION"] {
            terminal.env_remove(format!("NOTARY_{role}_PASSPHRASE"));
        }
        terminal.arg(script).args(answers).arg("--").arg(program).args(words);
        let output = terminal.output().expect("python3 runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said {
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
            code: output.status.code(),
        }
    }

    /// One of the programs, here and in no other environment.
    pub(crate) fn command(&self, program: Program) -> Command {
        let mut command = match program {
            Program::Original => self.servers.command("notary"),
            Program::Ours => self.servers.command(self.path().join("notary")),
        };
        command.env("HOME", self.path()).env_remove("DOCKER_CONFIG").current_dir(self.path());
        command
    }

    /// The words of a line, without the name of the program.
    pub(crate) fn words(&self, text: &str) -> Vec<String> {
        let key_of = |role: &str| {
            let keys = std::fs::read_dir(self.trust().join("private")).expect("keys");
            let mut paths = keys.map(|key| key.expect("a key").path());
            let found = paths.find(|path| {
                let text = std::fs::read_to_string(path).expect("a key file");
                text.contains(&format!("role: {role}\n"))
            });
            let found = found.expect(role);
            found.file_stem().and_then(|id| id.to_str()).expect("an id").to_owned()
        };
        let words = text.split(' ').skip(1).map(|word| match word {
            "$ROOT_KEY" => key_of("root"),
            "$TARGETS_KEY" => key_of("targets"),
            word => self.filled(word),
        });
        words.collect()
    }

    /// The values in place of their names.
    fn filled(&self, text: &str) -> String {
        let fill = |text: String, (name, value): &(&str, String)| text.replace(name, value);
        self.variables.iter().fold(text.to_owned(), fill)
    }

    fn furnish(&mut self) {
        let trust = self.trust();
        std::fs::DirBuilder::new().mode(0o700).create(&trust).expect("a directory");
        symlink(env!("CARGO_BIN_EXE_countersign"), self.path().join("notary")).expect("a link");
        let server = self.servers.variable("TRUST_SERVER").to_owned();
        let authority = self.servers.variable("TEST_CA").to_owned();
        let config = serde_json::json!({"remote_server": {"url": &server, "root_ca": &authority}});
        std::fs::write(trust.join("config.json"), config.to_string()).expect("written");
        let yaml = format!(
            "# As people write it.\nremote_server: &server\n  url: {server}\n  root_ca: '{authority}'\n"
        );
        let toml = format!("[remote_server]\nurl = \"{server}\"\nroot_ca = \"{authority}\"\n");
        for (name, content) in [
            ("config.yaml", yaml.as_str()),
            ("config.yml", &yaml.replace("remote_server", "Remote_Server").replace("url", "URL")),
            ("config.toml", &toml),
            ("list.yaml", "- a\n- b\n"),
        ] {
            std::fs::write(self.path().join(name), content).expect("written");
        }
        for (name, content) in [
            ("hello.txt", "hello\n"),
            ("other.txt", "other\n"),
            ("custom.json", "{\"a\":1,\"b\":[\"x\"]}\n"),
            ("text.json", "\"Lorem ipsum dolor sit amet, consectetur adipiscing elit\""),
            ("empty.txt", ""),
        ] {
            std::fs::write(self.path().join(name), content).expect("written");
        }
        self.make_signers();
        let id_of = |name: &str| {
            let spki = std::fs::read(self.path().join(name)).expect("a public key");
            canonical_key_id(&PublicKey::from_spki(&spki).expect("a key")).to_string()
        };
        let (alice, bob) = (id_of("alice.der"), id_of("bob.der"));
        // The longer names first: one is the beginning of the other.
        self.variables = vec![
            ("$HASH512", Sha512::of(b"hello\n").to_string()),
            ("$HASH", Sha256::of(b"hello\n").to_string()),
            ("$GUN", self.gun.clone()),
            ("$SERVER", server),
            ("$CA", authority),
            ("$ALICE", alice),
            ("$BOB", bob),
        ];
        let users =
            [("$PASSWORD", "REGISTRY_PASSWORD"), ("$READER_PASSWORD", "REGISTRY_READER_PASSWORD")];
        for (name, variable) in users {
            if let Some(password) = self.servers.optional(variable) {
                self.variables.push((name, password.to_owned()));
            }
        }
    }

    /// alice has a certificate, bob a bare key.
    fn make_signers(&self) {
        let openssl = |words: &str| {
            let output = self
                .servers
                .command("openssl")
                .args(words.split(' '))
                .current_dir(self.path())
                .output()
                .expect("openssl runs");
            assert!(output.status.success(), "{}", crate::registry::text(&output));
        };
        openssl(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -sha256 -days 3650 -subj /CN=alice -keyout alice.key -out alice.crt",
        );
        openssl("ec -in alice.key -pubout -outform DER -out alice.der");
        openssl(
            "req -x509 -newkey rsa:2048 -nodes -sha256 -days 3650 -subj /CN=rsa -keyout rsa.key -out rsa.crt",
        );
        openssl("ecparam -name prime256v1 -genkey -noout -out bob.key");
        openssl("ec -in bob.key -pubout -out bob.pem");
        let both = ["bob.key", "rsa.key"]
            .map(|name| std::fs::read_to_string(self.path().join(name)).expect("a key"));
        std::fs::write(self.path().join("both.key"), both.concat()).expect("written");
        openssl("ec -in bob.key -pubout -outform DER -out bob.der");
        openssl(&format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -sha256 -days 3650 -subj /CN={} -addext basicConstraints=critical,CA:FALSE -keyout root.key -out root.crt",
            self.gun.replace('/', "\\/")
        ));
        let passphrase = self.servers.variable("NOTARY_ROOT_PASSPHRASE");
        openssl(&format!(
            "pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA1 -in root.key -out locked.key -passout pass:{passphrase}"
        ));
        // As OpenSSL and docker locked keys long ago.
        openssl(&format!("ec -in root.key -aes256 -out legacy.key -passout pass:{passphrase}"));
        for (name, role, passphrase) in
            [("locked2.key", "root", Some(passphrase)), ("snapshot.key", "snapshot", None)]
        {
            let lock = passphrase.map_or("-nocrypt".to_owned(), |passphrase| {
                format!("-v2 aes-256-cbc -v2prf hmacWithSHA1 -passout pass:{passphrase}")
            });
            openssl("ecparam -name prime256v1 -genkey -noout -out new.key");
            openssl(&format!("pkcs8 -topk8 {lock} -in new.key -out {name}"));
            let path = self.path().join(name);
            let text = std::fs::read_to_string(&path).expect("a key");
            let noted = text.replacen("KEY-----\n", &format!("KEY-----\nrole: {role}\n\n"), 1);
            std::fs::write(path, noted).expect("written");
        }
    }
}

/// `NAME=value` before a command, and the command.
fn assignments(line: &str) -> (Vec<(&str, &str)>, &str) {
    match line.split_once(' ') {
        Some((first, rest)) if first.contains('=') => {
            let (mut found, command) = assignments(rest);
            found.extend(first.split_once('='));
            (found, command)
        }
        _ => (Vec::new(), line),
    }
}
