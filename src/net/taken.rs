//! Whether a trust server has what it said that it took. It says no more than 200 (Notary
//! `server/handlers/default.go`), and so does many another program.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::{Error, NotaryServer, Remote, RemoteFile};
use crate::{crypto::Sha256, tuf::RoleName};

/// Looks for one of these files, under the name that no other has: all of them are stored together,
/// or none. What the server said counts as long as nothing speaks against it.
///
/// # Errors
///
/// [`Error::NotTaken`].
pub(super) async fn check(
    server: &NotaryServer,
    files: &[(RoleName, Vec<u8>)],
) -> Result<(), Error> {
    let smallest = files.iter().min_by_key(|(_, bytes)| bytes.len());
    let Some((role, bytes)) = smallest else { return Ok(()) };
    let sha256 = Sha256::of(bytes);
    if bytes.len() > SMALL && is_listed(server, &sha256).await {
        return Ok(());
    }
    let file = RemoteFile::ByHash(role.clone(), sha256);
    for pause in PAUSES {
        match server.fetch(&file, bytes.len() as u64).await {
            Ok(Some(found)) if found == *bytes => return Ok(()),
            Ok(_) | Err(Error::Malformed { .. } | Error::TooLarge { .. }) => {
                tokio::time::sleep(pause).await;
            }
            Err(_) => return Ok(()),
        }
    }
    Err(Error::NotTaken { host: server.name() })
}

/// Whether the server's snapshot lists a file, which then need not come back all the way. A mistake is
/// looked for here and no attack, so that nothing is verified.
async fn is_listed(server: &NotaryServer, file: &Sha256) -> bool {
    let snapshot = server.fetch(&RemoteFile::Current(RoleName::Snapshot), MAX_SNAPSHOT).await;
    let Ok(Some(snapshot)) = snapshot else { return false };
    let hash = BASE64_STANDARD.encode(file.as_bytes());
    snapshot.windows(hash.len()).any(|found| found == hash.as_bytes())
}

/// Bytes that may as well be fetched again.
const SMALL: usize = 64 << 10;
/// Bytes.
const MAX_SNAPSHOT: u64 = 4 << 20;
/// Between questions: replicas may need a moment. Almost two seconds.
const PAUSES: [Duration; 6] = [
    Duration::from_millis(30),
    Duration::from_millis(60),
    Duration::from_millis(120),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
];
