//! Where trust data comes from that is to be written anew: an archive, or a place of its own.

use std::path::Path;
use std::sync::Arc;

use super::context::{Announced, Context, Opened};
use super::environment::absolute;
use super::exit::Kind;
use super::output::Failure;
use super::subject::Subject;
use crate::client::{Refreshed, Wish};
use crate::docker::Collection;
use crate::docker::rescue::kept;
use crate::net::{Access, ArchiveShelf, Kept};
use crate::storage::MemoryCache;
use crate::storage::archive::{ArchiveReader, ArchivedCollection};
use crate::tuf::Gun;
use crate::verify::Policy;

/// What the user named.
pub(super) enum Origin {
    /// A file of `rescue` or `bundle`.
    Archive(Arc<ArchiveReader>),
    /// What `--server` could name.
    Place(String),
}

/// A collection where it is.
pub(super) enum Found {
    /// As its place shows it now.
    Live(Opened),
    /// As it was when the archive was made.
    Kept(Held),
}

/// A collection in an archive, by the rules of this machine at that time.
pub(super) struct Held {
    policy: Policy,
    cache: Announced<MemoryCache>,
    kept: Kept<ArchiveShelf>,
}

impl Origin {
    /// Reads what a user may write for it: a folder or an archive by its path, an address, `oci`.
    ///
    /// # Errors
    ///
    /// If it is an archive that cannot be read.
    pub(super) fn read(text: &str) -> Result<Self, Failure> {
        if text == "oci" || text.contains("://") {
            return Ok(Self::Place(text.to_owned()));
        }
        let path = Path::new(text.strip_prefix("bundle:").unwrap_or(text));
        match path.is_dir() {
            true => Ok(Self::Place(format!("file://{}", absolute(path)?.display()))),
            false => Ok(Self::Archive(Arc::new(ArchiveReader::open(path)?))),
        }
    }

    /// What is meant if nothing is named: all that an archive holds.
    ///
    /// # Errors
    ///
    /// Of a place, something must be named; an archive may be damaged.
    pub(super) fn names(&self) -> Result<Vec<String>, Failure> {
        match self {
            Self::Archive(archive) => {
                Ok(archive.collections()?.into_iter().map(|held| held.gun).collect())
            }
            Self::Place(_) => {
                let message = "no repository is named, and only an archive says what it holds";
                Err(Failure::new(Kind::Usage, message).advise("Name the repositories."))
            }
        }
    }

    /// Opens a collection, to be read.
    ///
    /// # Errors
    ///
    /// If the archive does not hold it, or it cannot be opened.
    pub(super) fn open(&self, subject: &Subject, context: &Context) -> Result<Found, Failure> {
        match self {
            Self::Archive(archive) => Held::of(archive, subject, context).map(Found::Kept),
            Self::Place(place) => context.open_at(subject, Access::Pull, place).map(Found::Live),
        }
    }
}

impl Found {
    /// All of it, verified.
    ///
    /// # Errors
    ///
    /// As [`Collection::refresh`].
    pub(super) async fn everything(&self) -> Result<Refreshed, Failure> {
        let wish = Wish::EVERYTHING;
        match self {
            Self::Live(opened) => Ok(opened.collection().refresh(wish).await?),
            Self::Kept(held) => Ok(held.collection().refresh(wish).await?),
        }
    }
}

impl Held {
    fn of(
        archive: &Arc<ArchiveReader>,
        subject: &Subject,
        context: &Context,
    ) -> Result<Self, Failure> {
        let absent = || {
            let message = format!("{} is not in the archive", subject.gun);
            Failure::new(Kind::NoTrustData, message)
        };
        let held = archive.collection(subject.gun.as_str())?.ok_or_else(absent)?;
        let (kept, policy) = (kept(archive, &held)?, as_of_then(&held, context)?);
        let cache = Announced::new(MemoryCache::new(), context.output);
        Ok(Self { policy, cache, kept })
    }

    /// The collection as of then.
    pub(super) fn collection(&self) -> Collection<'_, Announced<MemoryCache>, Kept<ArchiveShelf>> {
        Collection::new(self.policy.clone(), &self.cache, &self.kept)
    }

    /// When it was fetched.
    #[cfg(feature = "export")]
    pub(super) fn fetched_at(&self) -> jiff::Timestamp {
        self.policy.now
    }
}

/// The rules of this machine, when the archive was made.
fn as_of_then(held: &ArchivedCollection, context: &Context) -> Result<Policy, Failure> {
    let (dialect, now) = (held.dialect.into(), held.fetched_at);
    Ok(Policy { dialect, now, max_age: None, ..context.policy(&Gun::raw(&held.gun)?)? })
}
