//! The certificate: the one that was given, or one of an authority that the server makes for
//! itself.

use std::net::IpAddr;
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use zeroize::Zeroizing;

use super::config::Config;
use super::read_small;
use crate::cli::environment::clock;
use crate::cli::exit::Kind;
use crate::cli::output::Failure;
use crate::crypto::certificates_from_pem;
use crate::server::Tls;
use crate::storage::DataDirectory;

/// The certificate to serve with; and where the authority is, if it is our own.
pub(super) fn of(config: &Config, data: &DataDirectory) -> Result<(Tls, Option<PathBuf>), Failure> {
    if let Some(tls) = configured(config)? {
        return Ok((tls, None));
    }
    let now = clock();
    let known = stored_pair(data, AUTHORITY, now)?;
    let stands = known.is_some();
    let authority = match known {
        Some(pair) => pair,
        None => keep(data, AUTHORITY, new_authority(now))?,
    };
    let names = names(config);
    let named = data.read(NAMES)?.as_deref() == Some(names.join("\n").as_bytes());
    let server = match stored_pair(data, SERVER, now)? {
        Some(pair) if stands && named => pair,
        _ => {
            let pair = keep(data, SERVER, new_server(&authority, &names, now))?;
            data.write(NAMES, names.join("\n").as_bytes())?;
            pair
        }
    };
    let tls = Tls::from_pem(server.certificate.as_bytes(), server.key.as_bytes());
    let tls = tls.map_err(|problem| Failure::new(Kind::State, problem))?;
    Ok((tls, Some(data.path_of(AUTHORITY.certificate))))
}

/// The certificate that was given, if one was.
pub(super) fn configured(config: &Config) -> Result<Option<Tls>, Failure> {
    let Some(files) = &config.tls else { return Ok(None) };
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

/// A certificate and its key, as PEM.
struct Pair {
    certificate: String,
    key: Zeroizing<String>,
}

/// The files of a pair.
#[derive(Clone, Copy)]
pub(super) struct Files {
    pub(super) certificate: &'static str,
    key: &'static str,
}

fn stored_pair(
    data: &DataDirectory,
    files: Files,
    now: Timestamp,
) -> Result<Option<Pair>, Failure> {
    let (certificate, key) = (data.read(files.certificate)?, data.read(files.key)?);
    let text = |bytes: Option<Vec<u8>>| bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    let (Some(certificate), Some(key)) = (text(certificate), text(key)) else { return Ok(None) };
    let lasts = certificates_from_pem(certificate.as_bytes()).is_ok_and(|certificates| {
        certificates.iter().all(|one| one.not_after().duration_since(now) > RENEWED_BEFORE)
    });
    Ok(lasts.then_some(Pair { certificate, key: Zeroizing::new(key) }))
}

fn keep(
    data: &DataDirectory,
    files: Files,
    made: Result<Pair, rcgen::Error>,
) -> Result<Pair, Failure> {
    let pair = made.map_err(|error| {
        Failure::new(Kind::State, format!("cannot make a certificate: {error}"))
    })?;
    data.write(files.key, pair.key.as_bytes())?;
    data.write(files.certificate, pair.certificate.as_bytes())?;
    Ok(pair)
}

fn new_authority(now: Timestamp) -> Result<Pair, rcgen::Error> {
    let key = KeyPair::generate()?;
    let certificate = authority(now)?.self_signed(&key)?;
    Ok(Pair { certificate: certificate.pem(), key: Zeroizing::new(key.serialize_pem()) })
}

/// What the authority's certificate says; apart from the dates it is always the same, so that it
/// needs no reading.
fn authority(now: Timestamp) -> Result<CertificateParams, rcgen::Error> {
    let mut params = params("countersign trust server authority", now, AUTHORITY_LIFETIME)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    Ok(params)
}

fn new_server(issuer: &Pair, names: &[String], now: Timestamp) -> Result<Pair, rcgen::Error> {
    let issuer = Issuer::new(authority(now)?, KeyPair::from_pem(&issuer.key)?);
    let key = KeyPair::generate()?;
    let mut params = params("countersign trust server", now, SERVER_LIFETIME)?;
    for name in names {
        params.subject_alt_names.push(match name.parse::<IpAddr>() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName(name.as_str().try_into()?),
        });
    }
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, &issuer)?;
    Ok(Pair { certificate: certificate.pem(), key: Zeroizing::new(key.serialize_pem()) })
}

fn params(
    name: &str,
    now: Timestamp,
    lifetime: SignedDuration,
) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, name);
    let date = |at: Timestamp| {
        let date = at.to_zoned(jiff::tz::TimeZone::UTC).date();
        let part = |number: i8| u8::try_from(number).unwrap_or(1);
        rcgen::date_time_ymd(i32::from(date.year()), part(date.month()), part(date.day()))
    };
    params.not_before = date(now - SignedDuration::from_hours(24));
    params.not_after = date(now + lifetime);
    Ok(params)
}

/// What the server may be called: this host, and the address that it listens on.
fn names(config: &Config) -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let plain =
        |name: &String| name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
    names.extend(Some(host).filter(|host| !host.is_empty() && plain(host)));
    let address = config.listen.ip();
    if !address.is_unspecified() {
        names.push(address.to_string());
    }
    names.sort();
    names.dedup();
    names
}

const AUTHORITY: Files = Files { certificate: "ca.crt", key: "ca.key" };
/// What it shows if no certificate was given.
pub(super) const SERVER: Files = Files { certificate: "server.crt", key: "server.key" };
const NAMES: &str = "server.names";
const AUTHORITY_LIFETIME: SignedDuration = SignedDuration::from_hours(10 * 365 * 24);
const SERVER_LIFETIME: SignedDuration = SignedDuration::from_hours(800 * 24);
const RENEWED_BEFORE: SignedDuration = SignedDuration::from_hours(30 * 24);
