//! Why an image could not be pulled into a file.

use std::io;
use std::path::PathBuf;

use crate::image::ImageDigest;
use crate::net;

/// Why an image could not be pulled into a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The registry did not give what was signed.
    #[error(transparent)]
    Net(#[from] net::Error),
    /// A manifest with the right digest that cannot be followed.
    #[error("manifest {digest}: {problem}")]
    Manifest {
        /// Its digest.
        digest: ImageDigest,
        /// What is wrong with it.
        problem: String,
    },
    /// The index has no image for the platform.
    #[error("no image for {wanted} (there is: {})", all(found))]
    Platform {
        /// The platform asked for.
        wanted: String,
        /// Those that there are.
        found: Vec<String>,
    },
    /// The destination is taken.
    #[error("{} exists already", path.display())]
    Exists {
        /// The destination.
        path: PathBuf,
    },
    /// The destination could not be written.
    #[error("cannot write {}", path.display())]
    Disk {
        /// What was being written.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

fn all(platforms: &[String]) -> String {
    match platforms {
        [] => "none that names its platform".to_owned(),
        platforms => platforms.join(", "),
    }
}
