//! Notary's client configuration: `~/.notary/config.json`, or the file that `-c` names
//! (Notary 0.7 `cmd/notary/main.go`, `docs/reference/client-config.md`).
//!
//! Names count in any case, as for viper, which reads it there. JSON, TOML and YAML are understood.
//! Paths of certificates are relative to the file, those of the command line to where one is.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::grammar::Call;
use super::stop::Stop;
use crate::cli::environment::{Environment, absolute};
use crate::cli::go;
use crate::docker::command_line::go_bool;
use crate::docker::yaml;
use crate::storage::read_named;

/// What file and flags say together.
#[derive(Debug, Default)]
pub(super) struct Settings {
    /// The trust directory.
    pub(super) trust: PathBuf,
    /// The trust server.
    pub(super) url: String,
    /// The only authorities to believe.
    pub(super) root_ca: Option<PathBuf>,
    /// The certificate to show to the server, and its key.
    pub(super) client: Option<(PathBuf, PathBuf)>,
    /// Whether the user would rather not have the server's certificate checked.
    pub(super) skips_tls: bool,
    /// The file, if there is one: it may hold pins.
    pub(super) file: Option<PathBuf>,
}

impl Settings {
    /// Reads the file, and sets what the flags say.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or makes no sense, or there is no place for keys.
    pub(super) fn read(call: &Call, environment: &Environment) -> Result<Self, Stop> {
        let home = environment.home();
        let named = call.text("configFile").map(PathBuf::from);
        let usual = home.as_ref().ok().map(|home| home.join(FOLDER).join("config.json"));
        let (path, document) = match (&named, usual) {
            (Some(path), _) => (Some(path.clone()), Some(document(path)?)),
            (None, Some(path)) => match document_if_there(&path)? {
                Some(found) => (Some(path), Some(found)),
                None => (None, None),
            },
            (None, None) => (None, None),
        };
        let file = File { path: path.as_deref(), document: document.unwrap_or(Value::Null) };
        let trust = call.text("trustDir").or_else(|| file.text(&["trust_dir"]));
        let trust = match trust {
            Some(text) => expanded(text, environment)?,
            None => home.map(|home| home.join(FOLDER)).map_err(no_home)?,
        };
        let flag = |name: &str| call.text(name).map(Path::new).map(absolute).transpose();
        Ok(Self {
            trust: absolute(&trust)?,
            url: call
                .text("server")
                .or_else(|| file.text(&["remote_server", "url"]))
                .unwrap_or(DEFAULT_SERVER)
                .to_owned(),
            root_ca: flag("tlscacert")?.or_else(|| file.beside(&["remote_server", "root_ca"])),
            client: pair(
                flag("tlscert")?.or_else(|| file.beside(&["remote_server", "tls_client_cert"])),
                flag("tlskey")?.or_else(|| file.beside(&["remote_server", "tls_client_key"])),
            )?,
            skips_tls: file.is_on(&["remote_server", "skiptlsverify"]),
            file: path.as_deref().map(absolute).transpose()?,
        })
    }
}

/// A configuration file that was read.
struct File<'p> {
    path: Option<&'p Path>,
    document: Value,
}

impl File<'_> {
    fn at(&self, names: &[&str]) -> Option<&Value> {
        names.iter().try_fold(&self.document, |value, name| {
            let members = value.as_object()?;
            members.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, it)| it)
        })
    }

    fn text(&self, names: &[&str]) -> Option<&str> {
        self.at(names)?.as_str().filter(|text| !text.is_empty())
    }

    fn is_on(&self, names: &[&str]) -> bool {
        match self.at(names) {
            Some(Value::Bool(on)) => *on,
            Some(Value::String(text)) => go_bool(text) == Some(true),
            _ => false,
        }
    }

    /// A path that is relative to the file.
    fn beside(&self, names: &[&str]) -> Option<PathBuf> {
        let folder = self.path?.parent().unwrap_or(Path::new("."));
        self.text(names).map(|text| folder.join(text))
    }
}

fn pair(
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
) -> Result<Option<(PathBuf, PathBuf)>, Stop> {
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(Some((certificate, key))),
        (None, None) => Ok(None),
        _ => Err(Stop::fatal("either pass both client key and cert, or neither")),
    }
}

/// `~` is the home directory, as shells have it.
fn expanded(text: &str, environment: &Environment) -> Result<PathBuf, Stop> {
    match text.strip_prefix('~') {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => {
            Ok(environment.home()?.join(rest.trim_start_matches('/')))
        }
        _ => Ok(PathBuf::from(text)),
    }
}

fn document_if_there(path: &Path) -> Result<Option<Value>, Stop> {
    match text(path) {
        Ok(text) => parsed(path, &text).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unopened(&go::unusable(path, &error))),
    }
}

fn document(path: &Path) -> Result<Value, Stop> {
    let format = form(path);
    if !FORMS.contains(&format) {
        let refusal = unopened(&format!("Unsupported Config Type {format:?}"));
        return Err(refusal.advise(
            "Configurations are written in JSON (.json), TOML (.toml) or YAML (.yaml, .yml).",
        ));
    }
    let text = text(path).map_err(|error| unopened(&go::unusable(path, &error)))?;
    parsed(path, &text)
}

fn parsed(path: &Path, text: &str) -> Result<Value, Stop> {
    let parsed = match form(path) {
        "toml" => toml::from_str(text).map_err(|error| error.message().to_owned()),
        "yaml" | "yml" => yaml::document(text).map_err(|error| error.to_string()),
        _ => serde_json::from_str(text).map_err(|error| error.to_string()),
    };
    match parsed {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(unopened("While parsing config: not an object")),
        Err(problem) => Err(unopened(&format!("While parsing config: {problem}"))),
    }
}

/// In which form a file is written, by the end of its name, as for the original.
fn form(path: &Path) -> &str {
    path.extension().and_then(|it| it.to_str()).unwrap_or_default()
}

fn text(path: &Path) -> std::io::Result<String> {
    String::from_utf8(read_named(path, MAX_BYTES)?).map_err(std::io::Error::other)
}

fn unopened(problem: &str) -> Stop {
    Stop::fatal(format!("error opening config file: {problem}"))
}

/// Notary would go on in `./.notary`: keys would lie wherever somebody happened to be.
fn no_home(failure: crate::cli::output::Failure) -> Stop {
    let stop = Stop::fatal(failure.message);
    stop.advise("Set HOME, or name the place of keys and trust data with -d DIR.")
}

const FOLDER: &str = ".notary";
const DEFAULT_SERVER: &str = "https://notary-server:4443";
const FORMS: [&str; 4] = ["json", "toml", "yaml", "yml"];
const MAX_BYTES: u64 = 1 << 20;
