//! The repositories that are pulled from, with what was learned of them: addresses, tokens.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::cli::context::Context;
use crate::cli::output::Failure;
use crate::cli::subject::Subject;
use crate::image::Name;
use crate::net::{Deadline, Registry};

/// The repositories that are pulled from.
pub(super) struct Registries {
    context: Context,
    known: Mutex<HashMap<Name, (Instant, Registry)>>,
}

impl Registries {
    /// With the credentials, certificates and proxies of this context.
    pub(super) fn new(context: Context) -> Self {
        Self { context, known: Mutex::default() }
    }

    /// The repository of that name, of which everything that is asked must be over after this time.
    pub(super) fn repository(&self, name: &Name, patience: Duration) -> Result<Registry, Failure> {
        let (deadline, now) = (Deadline::after(patience), Instant::now());
        let mut known = self.known();
        known.retain(|_, (since, _)| now.duration_since(*since) < KEPT);
        if let Some((_, registry)) = known.get(name) {
            return Ok(registry.until(deadline));
        }
        let subject = Subject::image(name.as_str())?;
        let registry = self.context.registry(&subject, patience)?.until(deadline);
        if known.len() < MOST {
            known.insert(name.clone(), (now, registry.clone()));
        }
        Ok(registry)
    }

    /// Forgets what was learned: it was of no use.
    pub(super) fn forget(&self, name: &Name) {
        self.known().remove(name);
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Name, (Instant, Registry)>> {
        // Whatever a panic left there is one.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Credentials that were changed count after this time.
const KEPT: Duration = Duration::from_secs(300);
const MOST: usize = 1000;
