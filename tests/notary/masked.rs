//! What is random, made comparable: ids get numbers in the order in which they are met, times and
//! signatures get stars.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::player::{Home, Said};

/// The names that one player's random values were given.
pub(crate) struct Mask {
    known: Vec<(String, String)>,
    ids: Vec<String>,
}

impl Mask {
    pub(crate) fn new(home: &Home<'_>) -> Self {
        let known = vec![
            (home.gun.clone(), "<gun>".to_owned()),
            (home.path().display().to_string(), "<home>".to_owned()),
            (home.server().to_owned(), "<server>".to_owned()),
        ];
        Self { known, ids: Vec::new() }
    }

    /// What was said, with its exit code. What is logged is not compared.
    pub(crate) fn said(&mut self, said: &Said) -> String {
        format!("{}[{:?}]", self.text(&said.stdout), said.code)
    }

    /// Every file of a home that a program wrote, with its mode. Files whose names are random stand
    /// under one name.
    pub(crate) fn files(&self, home: &Home<'_>) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        self.walk(home.path(), home, &mut files);
        let joined = |(name, mut contents): (String, Vec<String>)| {
            contents.sort();
            (name, contents.join("\n"))
        };
        files.into_iter().map(joined).collect()
    }

    fn walk(&self, folder: &Path, home: &Home<'_>, files: &mut BTreeMap<String, Vec<String>>) {
        let entries = std::fs::read_dir(folder).expect("a folder");
        let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
        paths.sort();
        for (place, path) in paths.iter().enumerate() {
            let name = path.strip_prefix(home.path()).expect("below").display().to_string();
            if PROVIDED.contains(&name.as_str()) {
                continue;
            }
            if path.is_dir() {
                self.walk(path, home, files);
                continue;
            }
            let mode = path.metadata().expect("a file").permissions().mode() & 0o777;
            let content = std::fs::read_to_string(path).expect("text");
            let name = match name.ends_with(".change") {
                true => format!("change {place}"),
                false => self.without_numbers(&name),
            };
            let content = format!("{mode:o} {}", self.content(&name, &content));
            files.entry(name).or_default().push(content);
        }
    }

    fn content(&self, name: &str, content: &str) -> String {
        if name.starts_with("change ") {
            let change: Value = serde_json::from_str(content).expect("a change");
            let data = change["data"].as_str().map(|data| STANDARD.decode(data).expect("base64"));
            let data = data.map(|data| String::from_utf8(data).expect("text"));
            return self.without_numbers(&format!("{content:.60} {data:?}"));
        }
        match serde_json::from_str::<Value>(content) {
            Ok(document) => self.document(&document, "").to_string(),
            Err(_) if content.starts_with("-----BEGIN") => {
                let notes =
                    content.lines().filter(|line| line.contains(": ") || line.contains("--"));
                self.without_numbers(&notes.collect::<Vec<_>>().join("|"))
            }
            Err(_) => content.to_owned(),
        }
    }

    /// Metadata without what is different each time.
    fn document(&self, value: &Value, at: &str) -> Value {
        match value {
            Value::Object(members) if at == "keys" => {
                let mut keys: Vec<String> =
                    members.values().map(|key| self.document(key, "").to_string()).collect();
                keys.sort();
                keys.into()
            }
            Value::Object(members) => {
                let shown = |(name, member): (&String, &Value)| {
                    let deep = if at == "meta" { "meta" } else { name };
                    (name.clone(), self.document(member, deep))
                };
                let is_served = ["Snapshot", "Timestamp"]
                    .iter()
                    .any(|kind| members.get("_type") == Some(&Value::from(*kind)));
                let kept = |(name, _): &(String, Value)| !(is_served && name == "version");
                Value::Object(members.iter().map(shown).filter(kept).collect())
            }
            Value::Array(items) => items.iter().map(|item| self.document(item, at)).collect(),
            Value::String(text) if at == "expires" => text.get(..10).unwrap_or_default().into(),
            Value::String(_) if ["sig", "public", "method", "meta"].contains(&at) => "*".into(),
            Value::Number(_) if at == "meta" => "*".into(),
            Value::String(text) => self.without_numbers(text).into(),
            // Go's word for an empty list.
            Value::Null if at == "roles" || at == "keyids" => Value::Array(Vec::new()),
            other => other.clone(),
        }
    }

    /// Ids by the numbers that they have here.
    fn text(&mut self, text: &str) -> String {
        let mut shown = self.known(text);
        for id in ids_in(text) {
            if !self.ids.contains(&id) {
                self.ids.push(id.clone());
            }
            let number = self.ids.iter().position(|known| *known == id).unwrap_or_default();
            shown = shown.replace(&id, &format!("<id {number:62}>"));
        }
        shown
    }

    /// Ids without numbers, where their order is random.
    fn without_numbers(&self, text: &str) -> String {
        ids_in(text).iter().fold(self.known(text), |shown, id| shown.replace(id, "<id>"))
    }

    fn known(&self, text: &str) -> String {
        self.known.iter().fold(text.to_owned(), |shown, (value, name)| shown.replace(value, name))
    }
}

/// Runs of 64 hexadecimal digits.
fn ids_in(text: &str) -> Vec<String> {
    let hex = |letter: char| letter.is_ascii_digit() || ('a'..='f').contains(&letter);
    let runs = text.split(|letter| !hex(letter)).filter(|run| run.len() == 64);
    runs.map(str::to_owned).collect()
}

/// What the player put there, and what is ours alone.
const PROVIDED: &[&str] = &[
    "alice.der",
    "config.toml",
    "config.yaml",
    "config.yml",
    "empty.txt",
    "legacy.key",
    "list.yaml",
    "locked2.key",
    "new.key",
    "rsa.crt",
    "rsa.key",
    "snapshot.key",
    "text.json",
    ".notary/config.json",
    ".notary/countersign",
    "alice.crt",
    "alice.key",
    "bob.der",
    "bob.key",
    "bob.pem",
    "both.key",
    "custom.json",
    "hello.txt",
    "locked.key",
    "notary",
    "other.txt",
    "root.crt",
    "root.key",
    ".cache",
];
