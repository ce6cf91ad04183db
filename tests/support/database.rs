//! A real PostgreSQL or MariaDB of its own, for as long as the value lives.
#![allow(dead_code, reason = "each test uses the part that it needs")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

/// A running database server; dropping the value ends it.
pub(crate) struct TestDatabase {
    kind: Kind,
    directory: PathBuf,
    settings: String,
}

/// Which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Postgres,
    MariaDb,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::MariaDb => "mariadb",
        }
    }
}

impl TestDatabase {
    /// Starts one that holds two empty databases, one for a trust server and one for a signer.
    ///
    /// # Panics
    ///
    /// When it does not start: `make test` installs what it needs.
    pub(crate) fn start(kind: Kind) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = kind.name();
        let directory = format!("/tmp/csd-{}-{name}-{number}", std::process::id());
        let (directory, us) = (PathBuf::from(directory), std::process::id().to_string());
        run(script().args(["start", name, "--no-sync", "--while", &us]).arg(&directory));
        let settings = std::fs::read_to_string(directory.join("env")).expect("the env file");
        Self { kind, directory, settings }
    }

    /// What it is.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Where it lies.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn stop(&self) {
        run(script().arg("stop").arg(&self.directory));
    }

    pub(crate) fn go_on(&self) {
        run(script().arg("go-on").arg(&self.directory));
    }

    /// A variable of its `env` file: `SERVER_URL`, `SIGNER_URL`; `…_DSN` for Go programs.
    pub(crate) fn variable(&self, name: &str) -> &str {
        let lines = self.settings.lines().filter_map(|line| line.strip_prefix("export "));
        let mut found = lines.filter_map(|line| line.split_once('='));
        let value = found.find(|(found, _)| *found == name).expect("a variable of the env file").1;
        value.trim_matches('\'')
    }

    /// One more empty database; its address.
    pub(crate) fn fresh(&self, name: &str) -> String {
        match self.kind {
            Kind::Postgres => self.sql("postgres", &format!("CREATE DATABASE {name} OWNER server")),
            Kind::MariaDb => self.sql(
                "mysql",
                &format!(
                    "CREATE DATABASE {name}; GRANT ALL ON {name}.* TO server@'127.0.0.1'; \
                     GRANT ALL ON {name}.* TO server@localhost"
                ),
            ),
        };
        self.variable("SERVER_URL").replace("notaryserver", name)
    }

    /// Has the administrator say something to a database; what it answers, a row a line, its
    /// columns apart by tabs.
    pub(crate) fn sql(&self, database: &str, statement: &str) -> String {
        let sockets = self.directory.join("run");
        let mut command = match self.kind {
            Kind::Postgres => {
                let mut command = Command::new("psql");
                command.args([
                    "-X",
                    "-q",
                    "-A",
                    "-t",
                    "-F",
                    "\t",
                    "-v",
                    "ON_ERROR_STOP=1",
                    "-U",
                    "postgres",
                ]);
                command.args(["-p", self.variable("DATABASE_PORT"), "-h"]).arg(sockets);
                command.args(["-c", statement, database]);
                command
            }
            Kind::MariaDb => {
                let mut command = Command::new("mariadb");
                command.args(["--no-defaults", "-N", "-B", "-u", "root", "-S"]);
                command.arg(sockets.join("sock")).args(["-e", statement, database]);
                command
            }
        };
        run(&mut command)
    }

    /// Makes the tables of a Notary installation, and nothing else: those that its own migrations
    /// make (`tests/vectors/sql`).
    pub(crate) fn make_notary_s_tables(&self) {
        for program in ["server", "signer"] {
            let kind = self.kind.name();
            let vector = format!("tests/vectors/sql/{kind}-{program}.sql");
            let vector = Path::new(env!("CARGO_MANIFEST_DIR")).join(vector);
            let shape = std::fs::read_to_string(vector).expect("a vector");
            let mut statements = match self.kind {
                Kind::Postgres => format!("SET ROLE {program}; {shape}"),
                // Each table's name stands before its statement.
                Kind::MariaDb => {
                    let lines = shape.lines().map(|line| {
                        line.split_once('\t').map_or_else(
                            || line.to_owned(),
                            |(_, statement)| format!("; {statement}"),
                        )
                    });
                    lines.collect::<Vec<_>>().join("\n").trim_start_matches(';').to_owned() + ";"
                }
            };
            if program == "server" {
                let version = if self.kind == Kind::Postgres { 2 } else { 5 };
                statements += &format!(
                    "INSERT INTO change_category VALUES ('update'), ('deletion'); \
                     INSERT INTO schema_migrations VALUES ({version}, false);"
                );
            }
            self.sql(&format!("notary{program}"), &statements);
        }
    }

    /// The tables of that name and their columns, as the database itself tells them.
    pub(crate) fn shape(&self, database: &str, tables: &[&str]) -> String {
        match self.kind {
            Kind::Postgres => {
                let mut command = Command::new("pg_dump");
                command.args(["--schema-only", "--no-owner", "-U", "postgres"]);
                command
                    .args(["-p", self.variable("DATABASE_PORT"), "-h"])
                    .arg(self.directory.join("run"));
                for table in tables {
                    command.args(["-t", table]);
                }
                let text = run(command.arg(database));
                let noise = ["--", "SET ", "SELECT ", "\\"];
                let lines = text.lines().filter(|line| {
                    !line.is_empty() && !noise.iter().any(|start| line.starts_with(start))
                });
                lines.map(|line| format!("{line}\n")).collect()
            }
            Kind::MariaDb => {
                let text = tables.iter().map(|table| {
                    let text = self.sql(database, &format!("SHOW CREATE TABLE {table}"));
                    text.replace("\\n", "\n")
                });
                let text: String = text.collect();
                let words = text.split(' ').filter(|word| !word.starts_with("AUTO_INCREMENT="));
                words.collect::<Vec<_>>().join(" ")
            }
        }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let _ = script().arg("stop").arg(&self.directory).output();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn script() -> Command {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("test-registry/database");
    Command::new(script)
}

fn run(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("the program is installed");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(status.success(), "{command:?}: {}{}", text(&stdout), text(&stderr));
    text(&stdout)
}
