//! Looking images up for a review, as `verify` does.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream;

use crate::cli::args::Global;
use crate::cli::context::Context;
use crate::cli::environment::Environment;
use crate::cli::exit::Kind;
use crate::cli::output::{Failure, for_terminal, in_one_line};
use crate::cli::process::wait_for;
use crate::cli::span::Span;
use crate::cli::subject::Subject;
use crate::cli::verify::answered;
use crate::docker::Detail;
use crate::image::ImageDigest;
use crate::server;
use crate::tuf::Gun;

/// One who looks images up with these options.
pub(super) struct Judge {
    pub(super) global: Global,
}

type Judged = Result<ImageDigest, String>;

impl server::Judge for Judge {
    async fn judge(&self, images: Vec<String>, patience: Duration) -> Vec<Judged> {
        let (global, asked, until) =
            (self.global.clone(), images.clone(), Instant::now() + patience);
        // Files are read and locked on the way, and helpers waited for; that is not for those threads
        // that answer.
        let work = tokio::task::spawn_blocking(move || look_up(global, &asked, until));
        let failure = match tokio::time::timeout(patience, work).await {
            Ok(Ok(judged)) => return judged,
            Ok(Err(_)) => Failure::new(Kind::Other, "the look-up broke off"),
            Err(_) => too_late(),
        };
        images.iter().map(|image| Err(told(image, &failure))).collect()
    }
}

/// What each image is signed as. Every review has a context, and with it a reading of the clock, of its
/// own.
fn look_up(global: Global, images: &[String], until: Instant) -> Vec<Judged> {
    let left = until.saturating_duration_since(Instant::now());
    let timeout = Some(Span::seconds(left.as_secs().max(1)));
    // Where many had to wait for a turn, nobody waits for the oldest of them any more.
    let in_time = if left.is_zero() { Err(too_late()) } else { Ok(()) };
    let looked_up = in_time
        .and_then(|()| Environment::read())
        .and_then(|environment| Context::new(Global { timeout, ..global }, environment))
        .and_then(|context| wait_for(async { Ok(each(images, &context).await) }));
    looked_up
        .unwrap_or_else(|failure| images.iter().map(|image| Err(told(image, &failure))).collect())
}

/// Collections side by side, and images of one after the other: they have one cache.
async fn each(images: &[String], context: &Context) -> Vec<Judged> {
    let mut judged: Vec<Judged> = Vec::new();
    let mut collections: BTreeMap<Gun, Vec<(usize, Subject)>> = BTreeMap::new();
    for (index, image) in images.iter().enumerate() {
        let subject = context.subject(image);
        judged.push(Err(subject.as_ref().err().map_or(String::new(), |it| told(image, it))));
        if let Ok(subject) = subject {
            collections.entry(subject.gun.clone()).or_default().push((index, subject));
        }
    }
    let found = stream::iter(collections.into_values())
        .map(|subjects| all_of_one(subjects, context))
        .buffer_unordered(AT_ONCE);
    for (index, answer) in found.collect::<Vec<_>>().await.into_iter().flatten() {
        judged[index] = answer;
    }
    judged
}

async fn all_of_one(subjects: Vec<(usize, Subject)>, context: &Context) -> Vec<(usize, Judged)> {
    let mut found = Vec::new();
    for (index, subject) in subjects {
        let answer = answered(&subject.query(), &subject, Detail::Answer, context).await;
        let digest = answer.map(|resolution| resolution.reference.digest());
        found.push((index, digest.map_err(|failure| told(&subject.typed, &failure))));
    }
    found
}

fn too_late() -> Failure {
    Failure::new(Kind::Network, "not known before the cluster would lose patience")
}

/// In one line, with the image before it.
fn told(image: &str, failure: &Failure) -> String {
    for_terminal(&in_one_line(&failure.clone().about(image)))
}

/// Collections of one review.
const AT_ONCE: usize = 8;
