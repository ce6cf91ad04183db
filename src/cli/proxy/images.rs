//! What is signed, from the registries that have it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::flights::Flights;
use super::refusal::{of_failure, of_pull, of_registry};
use super::registries::Registries;
use crate::cli::args::Global;
use crate::cli::context::Context;
use crate::cli::guard::{in_context_of_its_own, too_late};
use crate::cli::inspect::inspection;
use crate::cli::output::Failure;
use crate::cli::subject::Subject;
use crate::cli::verify::answered;
use crate::docker::pull::child;
use crate::docker::{Detail, Gate, TrustedReference, check_signed_by};
use crate::image::{Descriptor, ImageDigest, Name, Reference, Tag};
use crate::net::{Blob, Manifest, Registry};
use crate::server::{self, Refusal, Which};

/// What is signed, as `verify` says with these options.
pub(super) struct SignedImages {
    global: Global,
    registries: Registries,
    gate: Gate,
    flights: Flights<(Name, Which), Result<Arc<Manifest>, Refusal>>,
}

impl SignedImages {
    /// Looks up with these options, and pulls with what the context knows of registries.
    pub(super) fn new(global: Global, context: Context) -> Self {
        Self {
            global,
            registries: Registries::new(context),
            gate: Gate::new(LET_THROUGH_FOR, MOST_LET_THROUGH),
            flights: Flights::default(),
        }
    }

    async fn find(&self, name: &Name, which: &Which) -> Result<Arc<Manifest>, Refusal> {
        let reference = reference(name, which);
        let registry = self.registry(name, patience(&self.global), &reference)?;
        let found = match self.listed(name, which) {
            Some(listed) => {
                child(&registry, &listed).await.map_err(|error| of_pull(&reference, error))
            }
            None => self.signed(&registry, &reference).await,
        };
        let manifest = found.inspect_err(|_| self.registries.forget(name))?;
        let passed = self.gate.let_through(name, &manifest, Instant::now());
        passed.map_err(|error| of_pull(&reference, error))?;
        Ok(Arc::new(manifest))
    }

    /// What stands in an index that was let through needs no other word for it.
    fn listed(&self, name: &Name, which: &Which) -> Option<Descriptor> {
        match which {
            Which::Tag(_) => None,
            Which::Digest(digest) => self.gate.manifest(name, *digest, Instant::now()),
        }
    }

    async fn signed(
        &self,
        registry: &Registry,
        reference: &Reference,
    ) -> Result<Manifest, Refusal> {
        let asked = reference.to_string();
        let trusted = self.ask(reference, async move |context| trusted(&asked, context).await);
        let trusted = trusted.await?;
        let manifest = registry.manifest(&trusted.digest(), trusted.size()).await;
        manifest.map_err(|error| of_registry(reference, error))
    }

    async fn ask<T: Send + 'static>(
        &self,
        reference: &Reference,
        work: impl AsyncFnOnce(&Context) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Refusal> {
        let answer = in_context_of_its_own(&self.global, patience(&self.global), work).await;
        answer.map_err(|failure| of_failure(reference, &failure))
    }

    fn registry(
        &self,
        name: &Name,
        patience: Duration,
        reference: &Reference,
    ) -> Result<Registry, Refusal> {
        let registry = self.registries.repository(name, patience);
        registry.map_err(|failure| of_failure(reference, &failure))
    }
}

impl server::Images for SignedImages {
    async fn manifest(&self, name: &Name, which: &Which) -> Result<Arc<Manifest>, Refusal> {
        let finding = self.flights.join((name.clone(), which.clone()), self.find(name, which));
        match tokio::time::timeout(patience(&self.global), finding).await {
            Ok(found) => found,
            Err(_) => Err(of_failure(&reference(name, which), &too_late())),
        }
    }

    fn blob(&self, name: &Name, digest: ImageDigest) -> Result<Descriptor, Refusal> {
        let listed = self.gate.blob(name, digest, Instant::now());
        listed.ok_or_else(|| {
            let reference = Reference::new(name.clone(), None, Some(digest));
            Refusal::Absent(format!("{reference}: {NOT_LISTED}"))
        })
    }

    async fn open(&self, name: &Name, blob: &Descriptor) -> Result<Blob, Refusal> {
        let reference = Reference::new(name.clone(), None, Some(blob.digest));
        let registry = self.registry(name, BLOB_PATIENCE, &reference)?;
        registry.open_blob(&blob.digest, blob.size).await.map_err(|error| {
            self.registries.forget(name);
            of_registry(&reference, error)
        })
    }

    async fn tags(&self, name: &Name) -> Result<Vec<Tag>, Refusal> {
        let (reference, asked) = (Reference::new(name.clone(), None, None), name.to_string());
        self.ask(&reference, async move |context| signed_tags(&asked, context).await).await
    }
}

async fn trusted(asked: &str, context: &Context) -> Result<TrustedReference, Failure> {
    let subject = Subject::image(asked)?;
    let resolution = answered(&subject.query(), &subject, Detail::Answer, context).await?;
    Ok(resolution.reference)
}

/// The tags for which a pull would find a digest.
async fn signed_tags(asked: &str, context: &Context) -> Result<Vec<Tag>, Failure> {
    let required = context.required_signers()?;
    let inspection = inspection(&Subject::image(asked)?, context).await?;
    let pulled = inspection.pulled().into_iter().filter(|signed| signed.signed_for.is_none());
    let meant = pulled.filter_map(|signed| Some((signed.tag.parse::<Tag>().ok()?, signed.digest?)));
    let counts = |(tag, digest): &(Tag, ImageDigest)| {
        check_signed_by(&inspection.collection, tag, *digest, &required).is_ok()
    };
    Ok(meant.filter(counts).map(|(tag, _)| tag).collect())
}

fn reference(name: &Name, which: &Which) -> Reference {
    match which {
        Which::Tag(tag) => Reference::new(name.clone(), Some(tag.clone()), None),
        Which::Digest(digest) => Reference::new(name.clone(), None, Some(*digest)),
    }
}

/// For all that a manifest needs.
fn patience(global: &Global) -> Duration {
    global.timeout.map_or(PATIENCE, |span| span.duration().min(PATIENCE))
}

const NOT_LISTED: &str = "stands in no manifest that was let through here in the last hour. Ask for the manifest first, by its tag";
/// A connection on which nothing moves for longer is closed.
const PATIENCE: Duration = Duration::from_secs(25);
/// Layers are large; each piece of them must still come in time.
const BLOB_PATIENCE: Duration = Duration::from_secs(6 * 60 * 60);
/// For longer than clients take from a manifest to the last of its layers, as a rule.
const LET_THROUGH_FOR: Duration = Duration::from_secs(60 * 60);
/// Manifests and blobs that are remembered, of about 200 bytes each.
const MOST_LET_THROUGH: usize = 100_000;
