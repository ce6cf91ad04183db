//! Looking images up for a review, as `verify` does.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;

use crate::cli::args::Global;
use crate::cli::context::Context;
use crate::cli::guard::{in_context_of_its_own, told};
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
        let asked = images.clone();
        let looked_up = in_context_of_its_own(&self.global, patience, async move |context| {
            Ok(each(&asked, context).await)
        });
        looked_up.await.unwrap_or_else(|failure| {
            images.iter().map(|image| Err(told(image, &failure))).collect()
        })
    }
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

/// Collections of one review.
const AT_ONCE: usize = 8;
