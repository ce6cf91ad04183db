//! An honest TUF 1.0 repository in memory, and everything that can be done to spoil it.
//!
//! Nothing here uses the product's reader or writer: metadata is plain JSON, so that wrong files
//! can be made as easily as right ones.

#![allow(dead_code, unreachable_pub, unused_imports, reason = "each test program uses a part")]

#[path = "repository/canonical.rs"]
mod canonical;
#[path = "tuf1/client.rs"]
mod client;
#[path = "repository/rsa.rs"]
pub mod rsa;

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use canonical::canonical;
pub use client::{Client, Site};
use countersign::crypto::{Algorithm, PrivateKey, Sha256, Signer};
use countersign::tuf::RoleName;
use serde_json::{Value, json};

pub const TOP: [&str; 4] = ["root", "timestamp", "snapshot", "targets"];

/// A repository: what each role says, and who signs it.
#[derive(Clone)]
pub struct Repository {
    pub roles: BTreeMap<String, Value>,
    pub keys: BTreeMap<String, Vec<Arc<PrivateKey>>>,
    pub files: BTreeMap<String, Vec<u8>>,
    /// Whether listings have lengths and hashes.
    pub hashes: bool,
    seed: u8,
}

impl Repository {
    /// One with the target `v1`, published.
    pub fn new() -> Self {
        let mut it = Self {
            roles: BTreeMap::new(),
            keys: BTreeMap::new(),
            files: BTreeMap::new(),
            hashes: false,
            seed: 0,
        };
        for role in TOP {
            let key = it.key();
            it.keys.insert(role.to_owned(), vec![key]);
        }
        let common = |role: &str| json!({"_type": role, "expires": EXPIRES, "spec_version": "1.0.34", "version": 1});
        for role in TOP {
            it.roles.insert(role.to_owned(), common(role));
        }
        it.roles.get_mut("root").expect("there")["consistent_snapshot"] = json!(true);
        it.roles.get_mut("targets").expect("there")["targets"] = json!({"v1": entry("v1")});
        it.publish();
        it
    }

    pub fn key(&mut self) -> Arc<PrivateKey> {
        self.seed += 1;
        Arc::new(PrivateKey::from_ed25519_seed(&[self.seed; 32]).expect("a seed"))
    }

    pub fn role(&mut self, role: &str) -> &mut Value {
        self.roles.get_mut(role).expect("a role")
    }

    /// Delegates from one role to another, new one; `how` holds `paths` and so on.
    pub fn delegate(&mut self, by: &str, to: &str, how: Value) -> &mut Self {
        let key = self.key();
        let mut role =
            json!({"keyids": [key_id(&key)], "name": to, "terminating": false, "threshold": 1});
        role.as_object_mut()
            .expect("an object")
            .extend(how.as_object().expect("an object").clone());
        let delegations = &mut self.role(by)["delegations"];
        if delegations.is_null() {
            *delegations = json!({"keys": {}, "roles": []});
        }
        delegations["keys"][key_id(&key)] = key_object(&key);
        delegations["roles"].as_array_mut().expect("an array").push(role);
        self.keys.entry(to.to_owned()).or_default().push(key);
        let empty = json!({"_type": "targets", "expires": EXPIRES, "spec_version": "1.0.34", "targets": {}, "version": 1});
        self.roles.entry(to.to_owned()).or_insert(empty);
        self
    }

    pub fn target(&mut self, role: &str, name: &str) -> &mut Self {
        self.role(role)["targets"][name] = entry(name);
        self
    }

    /// Raises the versions of these roles.
    pub fn touch(&mut self, roles: &[&str]) -> &mut Self {
        for role in roles {
            let version = self.role(role)["version"].as_u64().expect("a number") + 1;
            self.role(role)["version"] = json!(version);
        }
        self
    }

    /// Names the keys of the top-level roles, lists what there is, signs and puts out all of it.
    pub fn publish(&mut self) -> &mut Self {
        self.name_keys();
        for role in self.delegated_and_targets() {
            self.seal(&role);
        }
        self.list();
        self.seal("snapshot").list_snapshot();
        self.seal("timestamp").seal("root")
    }

    /// Gives a role another key in the place of those that it has.
    pub fn rotate(&mut self, role: &str) {
        let key = self.key();
        self.keys.insert(role.to_owned(), vec![key]);
    }

    /// Has a top-level role name a key as it is written here; returns its id.
    pub fn add_key_object(&mut self, role: &str, object: &Value) -> String {
        let id = Sha256::of(&canonical(object)).to_string();
        let root = self.role("root");
        root["keys"][&id] = object.clone();
        root["roles"][role]["keyids"].as_array_mut().expect("ids").push(json!(id));
        id
    }

    /// A role's signature under that id.
    pub fn sign_as(&self, id: &str, key: &PrivateKey, role: &str) -> Value {
        json!({"keyid": id, "sig": signature(key, &self.roles[role])})
    }

    pub fn name_keys(&mut self) {
        let keys = self.keys.clone();
        let root = self.role("root");
        for role in TOP {
            let ids: Vec<String> = keys[role].iter().map(|key| key_id(key)).collect();
            if root["roles"][role].is_null() {
                root["roles"][role] = json!({"threshold": 1});
            }
            root["roles"][role]["keyids"] = json!(ids);
            for key in &keys[role] {
                root["keys"][key_id(key)] = key_object(key);
            }
        }
    }

    /// Lists every role in the snapshot as it was sealed, and the snapshot in the timestamp.
    pub fn list(&mut self) {
        let roles = self.delegated_and_targets();
        let listed: serde_json::Map<String, Value> =
            roles.iter().map(|role| (format!("{role}.json"), self.listing(role))).collect();
        self.role("snapshot")["meta"] = Value::Object(listed);
        self.list_snapshot();
    }

    /// Lists the snapshot in the timestamp.
    pub fn list_snapshot(&mut self) -> &mut Self {
        let listing = self.listing("snapshot");
        self.role("timestamp")["meta"] = json!({"snapshot.json": listing});
        self
    }

    fn listing(&self, role: &str) -> Value {
        let mut listing = json!({"version": self.roles[role]["version"]});
        if let Some(file) = self.files.get(&self.file_name(role)).filter(|_| self.hashes) {
            listing["length"] = json!(file.len());
            listing["hashes"] = json!({"sha256": Sha256::of(file).to_string()});
        }
        listing
    }

    pub fn delegated_and_targets(&self) -> Vec<String> {
        self.roles
            .keys()
            .filter(|role| !["root", "timestamp", "snapshot"].contains(&role.as_str()))
            .cloned()
            .collect()
    }

    /// Signs a role as it stands and puts it out.
    pub fn seal(&mut self, role: &str) -> &mut Self {
        let signatures = self.keys[role].iter().map(|key| sign(key, &self.roles[role])).collect();
        self.put(role, signatures)
    }

    /// Puts a role out with these signatures.
    pub fn put(&mut self, role: &str, signatures: Vec<Value>) -> &mut Self {
        let signed = &self.roles[role];
        let file = json!({"signatures": signatures, "signed": signed}).to_string().into_bytes();
        let name = self.file_name(role);
        self.files.insert(name, file);
        self
    }

    /// What the file of a role's version is called.
    pub fn file_name(&self, role: &str) -> String {
        let name = RoleName::free(role).map_or_else(|_| role.to_owned(), |role| role.quoted());
        match role {
            "timestamp" => "timestamp.json".to_owned(),
            _ => format!("{}.{name}.json", self.roles[role]["version"]),
        }
    }
}

pub fn entry(name: &str) -> Value {
    json!({"hashes": {"sha256": Sha256::of(name.as_bytes()).to_string()}, "length": name.len()})
}

pub fn key_object(key: &PrivateKey) -> Value {
    if let Some(raw) = key.public().ed25519() {
        return json!({"keytype": "ed25519", "keyval": {"public": hex(raw)}, "scheme": "ed25519"});
    }
    let (keytype, scheme) = match key.public().algorithm() {
        Algorithm::Rsa => ("rsa", "rsassa-pss-sha256"),
        _ => ("ecdsa", "ecdsa-sha2-nistp256"),
    };
    json!({"keytype": keytype, "keyval": {"public": pem(key.public().spki())}, "scheme": scheme})
}

fn pem(spki: &[u8]) -> String {
    let text = STANDARD.encode(spki);
    let lines: Vec<String> =
        text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
}

pub fn key_id(key: &PrivateKey) -> String {
    Sha256::of(&canonical(&key_object(key))).to_string()
}

pub fn sign(key: &PrivateKey, signed: &Value) -> Value {
    json!({"keyid": key_id(key), "sig": signature(key, signed)})
}

pub fn signature(key: &PrivateKey, signed: &Value) -> String {
    let signature = key.sign(&canonical(signed)).expect("a signature");
    hex(&signature.to_der())
}

/// What is signed of a role.
pub fn canonical_bytes(signed: &Value) -> Vec<u8> {
    canonical(signed)
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub const EXPIRES: &str = "2056-01-01T00:00:00Z";
