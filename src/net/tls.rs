//! Certificates and client keys on disk, in docker's layout: `<config>/tls/<host[:port]>/`.
//!
//! `*.crt` are certificate authorities, `X.cert` with `X.key` is a client certificate.

use std::{
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use super::{Error, server_url::parse_url, trust::Trust};
use crate::storage::read_named;

/// Docker's directory of TLS material, one folder for each server.
#[derive(Clone, Debug)]
pub struct TlsDirectory {
    path: PathBuf,
    owner: Owner,
}

/// Whose directory it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    User,
    /// What it alone may read is not for us.
    Daemon,
}

impl TlsDirectory {
    /// The directory `<config>/tls`; it need not exist.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), owner: Owner::User }
    }

    /// The directory of docker's daemon, whose client keys others may not read.
    pub fn of_the_daemon(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), owner: Owner::Daemon }
    }

    /// Reads what is there for `authority`, a host with its port if the URL names one: in the folder
    /// of that name, and in those that name the same server in another way. Docker takes the host
    /// as the user wrote it, with `:443` and capitals (docker/cli `cli/trust/trust.go`,
    /// `certificateDirectory`).
    pub(super) fn read(&self, authority: &str) -> Result<TlsFiles, Error> {
        let mut files = TlsFiles::default();
        // A redirect may name any host; `..` is one to a URL.
        if authority.is_empty() || authority.starts_with('.') || authority.contains(['/', '\\']) {
            return Ok(files);
        }
        let usual = self.path.join(authority);
        let others = self.readable(file_names(&self.path))?;
        let others = others.into_iter().filter(|it| *it != usual && names(it, authority));
        for folder in std::iter::once(usual.clone()).chain(others) {
            for path in self.readable(file_names(&folder))? {
                self.readable(files.add(&path))?;
            }
        }
        Ok(files)
    }

    /// What could be read, or nothing of what is the daemon's alone.
    fn readable<T: Default>(&self, read: Result<T, Error>) -> Result<T, Error> {
        match read {
            Err(Error::TlsDenied { .. }) if self.owner == Owner::Daemon => Ok(T::default()),
            read => read,
        }
    }
}

/// What one server needs beyond the system's certificate authorities.
#[derive(Default)]
pub(super) struct TlsFiles {
    authorities: Vec<CertificateDer<'static>>,
    client: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
}

impl TlsFiles {
    /// Adds the certificates of a PEM file as authorities.
    pub(super) fn add_authorities(&mut self, path: &Path) -> Result<(), Error> {
        let found = certificates(path)?;
        let mut roots = RootCertStore::empty();
        for (index, authority) in found.iter().enumerate() {
            let refuse = |error: rustls::Error| {
                let number = index.saturating_add(1);
                refusal(path, format!("certificate {number} in it cannot be used: {error}"))
            };
            roots.add(authority.clone()).map_err(refuse)?;
        }
        self.authorities.extend(found);
        Ok(())
    }

    /// Has a certificate, with its key, shown to a server that asks for one.
    pub(super) fn add_client(&mut self, certificate: &Path, key: &Path) -> Result<(), Error> {
        let pem = zeroize::Zeroizing::new(read(key)?);
        let key = PrivateKeyDer::from_pem_slice(&pem)
            .map_err(|_| refusal(key, "no unencrypted PEM private key"))?;
        self.client = Some((certificates(certificate)?, key));
        Ok(())
    }

    /// Adds what another directory has for the server; the first client certificate counts.
    pub(super) fn add_all(&mut self, other: Self) {
        self.authorities.extend(other.authorities);
        self.client = self.client.take().or(other.client);
    }

    /// Adds another server's authorities.
    pub(super) fn add_authorities_of(&mut self, other: Self) {
        self.authorities.extend(other.authorities);
    }

    /// The TLS configuration of one server: one provider, TLS 1.2 and later.
    pub(super) fn config(self, trust: &Trust) -> Result<ClientConfig, rustls::Error> {
        let verifier = trust.verifier(&self.authorities)?;
        let builder = ClientConfig::builder_with_provider(trust.provider())
            .with_safe_default_protocol_versions()?
            // Not a relaxation: `Trust` is rustls's own verifier over roots that are read when
            // needed.
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        match self.client {
            Some((chain, key)) => builder.with_client_auth_cert(chain, key),
            None => Ok(builder.with_no_client_auth()),
        }
    }

    fn add(&mut self, path: &Path) -> Result<(), Error> {
        match path.extension().and_then(OsStr::to_str) {
            // A pipe would keep us waiting.
            Some("crt" | "cert" | "key") if path.exists() && !path.is_file() => {
                Err(refusal(path, "not a regular file"))
            }
            Some("crt") => self.add_authorities(path),
            Some("cert") => self.add_client_in_folder(path),
            Some("key") if !path.with_extension("cert").is_file() => {
                Err(refusal(path, "its client certificate (.cert) is missing"))
            }
            _ => Ok(()),
        }
    }

    fn add_client_in_folder(&mut self, path: &Path) -> Result<(), Error> {
        let key = path.with_extension("key");
        if !key.is_file() {
            let problem = "its key (.key) is missing; certificate authorities end in .crt";
            return Err(refusal(path, problem));
        }
        self.add_client(path, &key)
    }
}

/// Whether a folder's name is that of a server, however it is written.
fn names(folder: &Path, authority: &str) -> bool {
    let name = folder.file_name().and_then(OsStr::to_str).unwrap_or_default();
    let named = parse_url(&format!("https://{name}")).ok().filter(|url| url.path() == "/");
    named.is_some_and(|url| super::http::authority(&url) == authority)
}

fn file_names(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(folder, &error)),
    };
    let names: Result<Vec<_>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut names = names.map_err(|error| refusal(folder, error))?;
    names.sort();
    Ok(names)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let pem = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(refusal(path, "no PEM certificates")),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    read_named(path, MAX_FILE).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::PermissionDenied => Error::TlsDenied { path: path.to_owned() },
        _ => refusal(path, error),
    }
}

fn refusal(path: &Path, problem: impl ToString) -> Error {
    Error::TlsFile { path: path.to_owned(), problem: problem.to_string() }
}

/// A system's whole bundle of authorities is about 250 KB.
const MAX_FILE: u64 = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn directory_with(files: &[(&str, &str)]) -> (tempfile::TempDir, TlsDirectory) {
        let directory = tempfile::tempdir().expect("temporary directory");
        let host = directory.path().join("h:4443");
        fs::create_dir(&host).expect("folder");
        for (name, text) in files {
            fs::write(host.join(name), text).expect("file");
        }
        let tls = TlsDirectory::new(directory.path());
        (directory, tls)
    }

    fn pair() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(vec!["h".into()]).expect("certificate");
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    #[test]
    fn authorities_and_client_certificates_are_read() {
        let (cert, key) = pair();
        let files = [("ca.crt", &*cert), ("me.cert", &*cert), ("me.key", &*key), ("README", "x")];
        let (_keep, tls) = directory_with(&files);
        let files = tls.read("h:4443").expect("valid");
        assert_eq!(files.authorities.len(), 1);
        assert!(files.client.is_some());
        assert!(files.config(&Trust::default()).is_ok());
    }

    #[test]
    fn a_certificate_that_is_none_is_named_with_its_file() {
        let (cert, _) = pair();
        let junk = "-----BEGIN CERTIFICATE-----\nanVuaw==\n-----END CERTIFICATE-----\n";
        for (text, number) in [(junk.to_owned(), 1), (format!("{cert}{junk}"), 2)] {
            let (_keep, tls) = directory_with(&[("ca.crt", &text)]);
            let error = tls.read("h:4443").err().expect("junk").to_string();
            assert!(error.contains("/h:4443/ca.crt: certificate "), "{error}");
            assert!(
                error.contains(&format!("certificate {number} in it cannot be used")),
                "{error}"
            );
        }
    }

    #[test]
    fn what_the_daemon_alone_may_read_is_not_for_us() {
        let denied = || {
            let error = io::Error::from(io::ErrorKind::PermissionDenied);
            Err::<Vec<PathBuf>, _>(unreadable(Path::new("/d/h/client.key"), &error))
        };
        let read = TlsDirectory::of_the_daemon("/d").readable(denied()).expect("passed over");
        assert!(read.is_empty());
        let error = TlsDirectory::new("/d").readable(denied()).expect_err("ours").to_string();
        assert_eq!(error, "/d/h/client.key: permission denied");
        let junk = Err::<(), _>(refusal(Path::new("/d/h/ca.crt"), "no PEM certificates"));
        assert!(TlsDirectory::of_the_daemon("/d").readable(junk).is_err());
    }

    #[test]
    fn absent_folder_means_nothing_special() {
        let (_keep, tls) = directory_with(&[]);
        assert!(tls.read("other").expect("absent").authorities.is_empty());
    }

    #[test]
    fn folders_are_found_as_docker_names_them() {
        let (cert, key) = pair();
        let (keep, tls) = directory_with(&[]);
        let add = |folder: &str, name: &str, text: &str| {
            fs::create_dir_all(keep.path().join(folder)).expect("a folder");
            fs::write(keep.path().join(folder).join(name), text).expect("written");
        };
        let count = |authority: &str| tls.read(authority).expect("valid").authorities.len();
        for (folder, authority) in [
            ("trust.example.com:443", "trust.example.com"),
            ("Trust.Example.com", "trust.example.com"),
            ("TRUST.example.com:443", "trust.example.com"),
            ("Trust.example.com:4443", "trust.example.com:4443"),
            ("[::1]:443", "[::1]"),
        ] {
            let before = count(authority);
            add(folder, "ca.crt", &cert);
            assert_eq!(count(authority), before + 1, "{folder}");
        }
        add("Trust.example.com:4443", "me.cert", &cert);
        add("Trust.example.com:4443", "me.key", &key);
        assert!(tls.read("trust.example.com:4443").expect("valid").client.is_some());
        // Other servers are not meant by them.
        for folder in ["h:80", "a.h", "x@h", "h?", "h#", "h\\x", "hh"] {
            add(folder, "ca.crt", "junk");
            assert_eq!(count("h"), 0, "{folder}");
        }
        fs::write(keep.path().join("H"), "no folder").expect("written");
        assert!(tls.read("other").is_ok());
    }

    #[test]
    fn host_cannot_name_another_folder() {
        let (keep, tls) = directory_with(&[]);
        fs::write(keep.path().join("a.crt"), "junk").expect("file");
        for authority in ["", "..", ".", "../x", "h:4443/.."] {
            assert!(
                tls.read(authority).is_ok_and(|files| files.authorities.is_empty()),
                "{authority}"
            );
        }
    }

    #[test]
    fn half_pairs_and_junk_are_refused() {
        let (cert, key) = pair();
        for (name, text) in [("a.cert", &*cert), ("a.key", &*key), ("a.crt", "junk"), ("b.crt", "")]
        {
            let (_keep, tls) = directory_with(&[(name, text)]);
            let error = tls.read("h:4443").err().expect(name).to_string();
            assert!(error.contains(name), "{error}");
        }
    }
}
