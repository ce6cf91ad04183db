//! Brings a signed image to docker: pulled by digest, compared, tagged.

use std::ffi::OsString;
use std::io::{IsTerminal, stderr, stdout};

use super::refusal::Refusal;
use super::session::{Pinned, Session};
use crate::docker::engine::{Engine, Progress};

/// Where the progress of a pull goes that is the command itself.
pub(super) fn on_stdout(quiet: bool) -> Progress {
    match (quiet, stdout().is_terminal()) {
        (true, _) => Progress::Hidden,
        (false, true) => Progress::Answer,
        (false, false) => Progress::AnswerButName,
    }
}

/// Where it goes before a container is made.
pub(super) fn on_stderr(quiet: bool) -> Progress {
    match (quiet, stderr().is_terminal()) {
        (true, _) => Progress::Hidden,
        (false, true) => Progress::Shown,
        (false, false) => Progress::ShownButName,
    }
}

/// Pulls a digest and has the tag point to it.
pub(super) async fn bring(
    pinned: &Pinned,
    platform: Option<&str>,
    engine: &Engine,
    session: &Session,
) -> Result<(), Refusal> {
    let options: Vec<OsString> =
        platform.iter().flat_map(|it| ["--platform".into(), OsString::from(it)]).collect();
    let failed = |error: crate::docker::engine::Error| Refusal::of(&error.into());
    let pulled = engine.pull(&pinned.name, &pinned.digest, &options).await.map_err(failed)?;
    let (digest, tag) = (pinned.by_digest().familiar(), pinned.by_tag().familiar());
    session.context.output.reply(&format!("Tagging {digest} as {tag}"));
    engine.tag(&pulled, &pinned.tag).await.map_err(failed)?;
    Ok(())
}
