//! Where things are kept, if nothing else is said.

use std::path::PathBuf;

use super::super::args::Global;
use super::super::environment::{Environment, absolute};
use super::super::output::Failure;
use crate::docker::config::Location;

/// Docker's directory is needed for its TLS files and credentials, but not if the user keeps all
/// trust elsewhere and there is no home.
pub(in crate::cli) fn docker_location(
    global: &Global,
    environment: &Environment,
) -> Result<PathBuf, Failure> {
    let named = global.trust_dir.is_some() || environment.place("COUNTERSIGN_TRUST_DIR").is_some();
    match environment.docker_config() {
        Err(_) if named => Ok(PathBuf::from("/nonexistent")),
        other => other,
    }
}

pub(in crate::cli) fn trust_directory(
    global: &Global,
    environment: &Environment,
    location: &Location,
) -> Result<PathBuf, Failure> {
    let variable = || environment.place("COUNTERSIGN_TRUST_DIR");
    match global.trust_dir.clone().or_else(variable) {
        Some(directory) => absolute(&directory),
        None => Ok(location.trust()),
    }
}
