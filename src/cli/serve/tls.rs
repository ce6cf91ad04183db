//! The certificate: the one that was given, or one of an authority that the server makes for
//! itself.

mod authority;

use std::net::SocketAddr;
use std::path::PathBuf;

use jiff::Timestamp;
use zeroize::Zeroizing;

use super::config::Tls as Files;
use super::files::read_small;
use crate::cli::exit::Kind;
use crate::cli::output::Failure;
use crate::server::Tls;
use crate::storage::DataDirectory;
use authority::Own;
pub(super) use authority::SERVER;

/// Whom a server is to show itself as.
pub(in crate::cli) struct Identity {
    /// The certificate that was given.
    pub(in crate::cli) given: Option<Files>,
    /// Else what one of its own says it is called.
    pub(in crate::cli) names: Vec<String>,
}

/// What the server shows.
pub(in crate::cli) struct Shown {
    pub(in crate::cli) tls: Tls,
    /// Where the authority is, if it is our own.
    pub(in crate::cli) authority: Option<PathBuf>,
    /// Whether it was made just now.
    made: bool,
    /// What people have to know.
    pub(in crate::cli) news: Vec<String>,
}

/// The certificate to serve with, made if need be.
pub(in crate::cli) fn of(
    identity: &Identity,
    data: &DataDirectory,
    now: Timestamp,
) -> Result<Shown, Failure> {
    if let Some(tls) = configured(identity.given.as_ref())? {
        return Ok(Shown { tls, authority: None, made: false, news: Vec::new() });
    }
    let Own { server, made, news } = authority::own(data, &identity.names, now)?;
    let tls = Tls::from_pem(server.certificate.as_bytes(), server.key.as_bytes());
    let tls = tls.map_err(|problem| Failure::new(Kind::State, problem))?;
    let authority = Some(data.path_of(authority::AUTHORITY.certificate));
    Ok(Shown { tls, authority, made, news })
}

/// The certificate of a server's own authority (PEM), made or renewed if need be, and what people have
/// to know.
pub(in crate::cli) fn authority(
    data: &DataDirectory,
    now: Timestamp,
) -> Result<(String, Vec<String>), Failure> {
    let mut news = Vec::new();
    let (authority, _) = authority::standing_authority(data, now, &mut news)?;
    Ok((authority.certificate, news))
}

/// The server's own certificate, if it was due and is another one now.
pub(super) fn renewed(
    identity: &Identity,
    data: &DataDirectory,
    now: Timestamp,
) -> Result<Option<Shown>, Failure> {
    if identity.given.is_some() {
        return Ok(None);
    }
    of(identity, data, now).map(|shown| Some(shown).filter(|shown| shown.made))
}

/// The certificate that was given, if one was.
pub(super) fn configured(given: Option<&Files>) -> Result<Option<Tls>, Failure> {
    let Some(files) = given else { return Ok(None) };
    let certificate = read_small(&files.certificate)?;
    let key = Zeroizing::new(read_small(&files.key)?);
    let tls = match &files.client_authorities {
        None => Tls::from_pem(&certificate, &key),
        Some(clients) => Tls::for_clients_of(&read_small(clients)?, &certificate, &key),
    };
    let named = |problem| {
        let place = files.certificate.display();
        Failure::new(Kind::Usage, format!("{place}: {problem}"))
    };
    tls.map(Some).map_err(named)
}

/// What a server may be called: this host, and the address that it listens on.
pub(in crate::cli) fn names(listen: SocketAddr) -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let plain =
        |name: &String| name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
    names.extend(Some(host).filter(|host| !host.is_empty() && plain(host)));
    let address = listen.ip();
    if !address.is_unspecified() {
        names.push(address.to_string());
    }
    names.sort();
    names.dedup();
    names
}
