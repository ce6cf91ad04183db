//! `serve --recover`: after an older database was restored.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::failure::failure;
use crate::cli::exit::{Code, Kind};
use crate::cli::output::{Failure, Output};
use crate::server::{Recovered, Server};
use crate::storage::{Cache as _, TrustDirectory};
use crate::tuf::{Dialect, Gun, Limits, RoleName};

/// Brings every collection past what clients may have seen. Files that are newer than the stored
/// ones are taken from these trust directories.
pub(super) async fn all(
    server: &Server,
    directories: &[PathBuf],
    output: Output,
) -> Result<Code, Failure> {
    let (mut after, mut code): (Option<Gun>, Code) = (None, Code::Done);
    loop {
        let names = server.collections(after.as_ref(), AT_ONCE).await;
        let names = names.map_err(|error| failure(&error, Kind::State))?;
        let Some(last) = names.last().cloned() else { break };
        for gun in &names {
            match server.recover(gun, &seen(gun, directories, output), LEAP).await {
                Ok(recovered) => output.answer_as(&told(gun, &recovered), &object(gun, &recovered)),
                Err(error) => {
                    let failure = failure(&error, Kind::State);
                    code = code.max(output.refusal(Some(gun.as_str()), &failure));
                }
            }
        }
        after = Some(last);
    }
    Ok(code)
}

fn object(gun: &Gun, recovered: &Recovered) -> Value {
    let files = recovered.files.iter();
    let files = files.map(|(role, version)| (role.to_string(), Value::from(version.number())));
    json!({"name": gun.as_str(), "files": files.collect::<Map<_, _>>()})
}

fn told(gun: &Gun, recovered: &Recovered) -> String {
    let files = recovered.files.iter().map(|(role, version)| format!("{role} {version}"));
    format!("{gun}: {}", files.collect::<Vec<_>>().join(", "))
}

/// The newest file of each role that one of the directories has. What cannot be read is passed
/// over: it may be whole in another.
fn seen(gun: &Gun, directories: &[PathBuf], output: Output) -> BTreeMap<RoleName, Vec<u8>> {
    let mut newest: BTreeMap<RoleName, Vec<u8>> = BTreeMap::new();
    let mut newest_timestamp = None;
    for directory in directories {
        let cache = TrustDirectory::new(directory).collection(gun);
        let read = |role: &RoleName| {
            let read = cache.read(role, Limits::default().bytes(role));
            read.unwrap_or_else(|error| {
                output.notice(&format!("{gun}: {role} is passed over: {error}"));
                None
            })
        };
        let Some(timestamp) = read(&RoleName::Timestamp) else { continue };
        let opened = Dialect::Notary.open_timestamp(&timestamp, &Limits::default());
        let version = opened.ok().map(|envelope| envelope.unverified_content().version);
        // The files of one directory belong together, and those of the newest win.
        if version <= newest_timestamp {
            continue;
        }
        newest_timestamp = version;
        newest = BTreeMap::from([(RoleName::Timestamp, timestamp)]);
        let Some(snapshot) = read(&RoleName::Snapshot) else { continue };
        let listed = Dialect::Notary.open_snapshot(&snapshot, &Limits::default());
        let listed = listed.map(|envelope| envelope.into_unverified_content().meta);
        for role in listed.unwrap_or_default().into_keys().chain([RoleName::Root]) {
            newest.extend(read(&role).map(|bytes| (role, bytes)));
        }
        newest.insert(RoleName::Snapshot, snapshot);
    }
    newest
}

/// More publications than that between a backup and its use are not to be expected; versions are
/// numbers of 31 bits and may be spent so.
const LEAP: u64 = 100_000;
const AT_ONCE: usize = 200;
