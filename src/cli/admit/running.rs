//! A webhook, from its first word to its last answer.

use super::Settings;
use super::judge::Judge;
use crate::cli::args::Global;
use crate::cli::exit::Code;
use crate::cli::guard::{Post, looking_up};
use crate::cli::output::{Failure, Output};
use crate::cli::serve::descriptors;
use crate::cli::serve::log::log;
use crate::server::{Admission, Limits};

/// Serves until a signal ends it.
pub(super) fn serve(settings: Settings, global: Global, output: Output) -> Result<Code, Failure> {
    looking_up(REVIEWS_AT_ONCE, async move {
        let Settings { listen, data, identity, drain } = settings;
        let (connections, fewer) = descriptors::raised(Limits::default().connections);
        fewer.iter().for_each(|fewer| output.notice(fewer));
        let post = Post::take(listen, Some((identity, data)), output).await?;
        let webhook = Admission::new(Judge { global }, connections, log(output));
        post.hold(webhook, Admission::drain, drain).await;
        Ok(())
    })
}

const REVIEWS_AT_ONCE: usize = 16;
