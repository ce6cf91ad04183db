//! A look at docker's directory of TLS material for trust servers.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::MAX_BYTES;
use super::trust::Places;
use crate::crypto::certificates_from_pem;
use crate::docker::checkup::{Finding, Id, Severity};
use crate::storage::read_regular;

/// What is to be said of it: a folder for each server, `*.crt` authorities, `X.cert` with `X.key`.
pub(super) fn findings(places: &Places, now: Timestamp) -> Vec<Finding> {
    let servers = fs::read_dir(places.docker.tls()).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = servers.flat_map(|server| files_in(&server.path())).collect();
    files.sort();
    files.iter().filter_map(|path| file(path, now)).collect()
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

fn file(path: &Path, now: Timestamp) -> Option<Finding> {
    match path.extension()?.to_str()? {
        "crt" => authorities(path, now),
        "cert" => partner(path, "key"),
        "key" => partner(path, "cert"),
        _ => None,
    }
}

fn authorities(path: &Path, now: Timestamp) -> Option<Finding> {
    let text = match read_regular(path, MAX_BYTES) {
        Ok(text) => text,
        Err(error) => return Some(finding(Id::TlsUnreadable, path, error.to_string(), AUTHORITY)),
    };
    let certificates = match certificates_from_pem(&text) {
        Ok(certificates) => certificates,
        Err(error) => return Some(finding(Id::TlsUnreadable, path, error.to_string(), AUTHORITY)),
    };
    let ended = certificates.iter().find(|certificate| certificate.not_after() <= now)?;
    let message = format!("an authority expired at {:.0}", ended.not_after());
    Some(finding(Id::TlsAuthorityExpired, path, message, AUTHORITY))
}

/// A client's certificate without its key, or the other way round, makes every look-up fail.
fn partner(path: &Path, extension: &str) -> Option<Finding> {
    let partner = path.with_extension(extension);
    if partner.exists() {
        return None;
    }
    let message = format!("{} is missing beside it: every look-up there fails", partner.display());
    let remedy = format!("put {0} there, or: rm {1}", partner.display(), path.display());
    Some(finding(Id::TlsPairIncomplete, path, message, &remedy))
}

fn finding(id: Id, path: &Path, message: String, remedy: &str) -> Finding {
    let subject = path.display().to_string();
    Finding::new(id, Severity::Warning, subject, message, remedy)
}

const AUTHORITY: &str = "put the authority of that trust server there, in PEM";
