//! Asking ahead, for Notary's servers.
//!
//! Files that do not depend on each other are fetched side by side: on first contact root and
//! timestamp, then the next root and the snapshot. What is fetched on the word of a file that is
//! not verified yet is only ever used after that file was. A collection that did not change costs
//! one question.

use futures_util::future::join;
use jiff::SignedDuration;

use super::Error;
use super::files::Files;
use super::rooting::Start;
use super::update::{Opening, Update};
use crate::net::{Pace, Remote};
use crate::storage::Memory;
use crate::tuf::{Naming, RoleName};
use crate::verify::{CurrentRoot, Policy, TrustedRoot};

/// How many connections to the server are open after its first answers. Opening another one takes
/// longer than asking twice over one.
#[derive(Clone, Copy)]
enum Connections {
    One,
    Two,
}

impl Update<'_> {
    /// The timestamp first, with the root beside it if none is stored; then newer roots, unless
    /// nothing changed.
    pub(super) async fn ahead<R: Remote>(
        &mut self,
        start: Start,
        files: &Files<'_, R>,
        remote: &R,
        memory: &Memory,
    ) -> Result<Opening, Error> {
        let (first, timestamp, connections) = match start.file(Pace::Ahead) {
            None => (None, self.current_timestamp(remote).await, Connections::One),
            Some(file) => {
                let root = remote.fetch(&file, self.policy.limits.root_bytes);
                let (root, timestamp) = join(root, self.current_timestamp(remote)).await;
                (root?, timestamp, Connections::Two)
            }
        };
        let root = self.first_root(start, first, remote)?;
        let timestamp = timestamp?.ok_or_else(|| self.absent(remote))?;
        let before = root.content().version;
        let (root, ahead) =
            self.newest_root_ahead(root, &timestamp, files, remote, memory, connections).await?;
        if root.content().version == before {
            return Ok(Opening { root, timestamp, ahead });
        }
        // The timestamp that we have may be of before the new root.
        let timestamp = self.current_timestamp(remote).await?.unwrap_or(timestamp);
        Ok(Opening { root, timestamp, ahead: None })
    }

    /// Asks for newer roots, unless nothing changed since we last did and that was not long ago. If
    /// two connections are open, the snapshot that the timestamp names is fetched meanwhile.
    ///
    /// An unchanged timestamp carries nothing new that a retired key could have signed, so it can
    /// do no harm before it expires; a changed one is judged only under the newest root.
    async fn newest_root_ahead<R: Remote>(
        &mut self,
        root: TrustedRoot,
        timestamp: &[u8],
        files: &Files<'_, R>,
        remote: &R,
        memory: &Memory,
        connections: Connections,
    ) -> Result<(CurrentRoot, Option<Vec<u8>>), Error> {
        let asked_lately = memory
            .root_asked
            .is_some_and(|at| self.policy.now.duration_since(at).abs() < ROOT_QUESTION_EVERY);
        let unchanged = files.stored(&RoleName::Timestamp) == Some(timestamp);
        if let (Ok(current), true, true) = (root.current(&self.baseline), unchanged, asked_lately) {
            return Ok((current, None));
        }
        let policy = self.policy;
        match connections {
            Connections::One => Ok((self.newest_root(root, remote).await?, None)),
            Connections::Two => {
                let newest = self.newest_root(root, remote);
                let (root, ahead) = join(newest, snapshot_ahead(policy, timestamp, files)).await;
                Ok((root?, ahead))
            }
        }
    }
}

/// The snapshot that an unverified timestamp names, if it is not stored. Failures show when it is
/// needed.
async fn snapshot_ahead<R: Remote>(
    policy: &Policy,
    timestamp: &[u8],
    files: &Files<'_, R>,
) -> Option<Vec<u8>> {
    let role = RoleName::Snapshot;
    let listed = policy.unverified_snapshot_file(timestamp)?;
    match files.stored(&role) {
        Some(stored) if policy.is_listed(&role, &listed, &stored.into()) => None,
        _ => files.fetch(&role, &listed, Naming::ByHash).await.ok(),
    }
}

const ROOT_QUESTION_EVERY: SignedDuration = SignedDuration::from_hours(1);
