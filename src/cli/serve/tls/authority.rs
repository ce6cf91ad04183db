//! The server's own authority, and the certificates that it gives the server.
//!
//! Both are renewed in time. The authority keeps its key for ever: hosts that were told to believe it
//! go on believing what it signs, for as long as their copy of its certificate lasts.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData as _, SanType, SerialNumber,
};
use zeroize::Zeroizing;

use crate::cli::exit::Kind;
use crate::cli::output::Failure;
use crate::crypto::{Certificate, certificates_from_pem};
use crate::storage::DataDirectory;

/// What the server shows.
pub(super) struct Own {
    pub(super) server: Pair,
    /// Whether it is another one than before.
    pub(super) made: bool,
    /// What people have to know.
    pub(super) news: Vec<String>,
}

/// A certificate and its key, as PEM.
pub(super) struct Pair {
    pub(super) certificate: String,
    pub(super) key: Zeroizing<String>,
}

/// The files of a pair.
#[derive(Clone, Copy)]
pub(in crate::cli::serve) struct Files {
    pub(in crate::cli::serve) certificate: &'static str,
    key: &'static str,
}

/// The pair for a server of these names: the stored one, or a new one if that is due.
pub(super) fn own(data: &DataDirectory, names: &[String], now: Timestamp) -> Result<Own, Failure> {
    let mut news = Vec::new();
    let (authority, stands) = standing_authority(data, now, &mut news)?;
    let named = data.read(NAMES)?.as_deref() == Some(names.join("\n").as_bytes());
    match stored(data, SERVER)? {
        Some(server)
            if stands && named && server.is_one() && server.serves(now, SERVER_RENEWED_BEFORE) =>
        {
            Ok(Own { server, made: false, news })
        }
        old => {
            let server = keep(data, SERVER, new_server(&authority, names, now))?;
            data.write(NAMES, names.join("\n").as_bytes())?;
            news.extend(old.map(|_| "the server renewed its own certificate".to_owned()));
            Ok(Own { server, made: true, news })
        }
    }
}

/// The authority, made or renewed if that is due, and whether it stands as it was.
pub(super) fn standing_authority(
    data: &DataDirectory,
    now: Timestamp,
    news: &mut Vec<String>,
) -> Result<(Pair, bool), Failure> {
    Ok(match stored(data, AUTHORITY)? {
        Some(pair) if pair.serves(now, AUTHORITY_RENEWED_BEFORE) => (pair, true),
        Some(old) => {
            news.push(renewal(data, &old));
            (keep(data, AUTHORITY, renewed_authority(&old, now))?, false)
        }
        None => (keep(data, AUTHORITY, new_authority(now))?, false),
    })
}

impl Pair {
    /// Whether certificate and key belong together: a renewal may have ended between the two.
    fn is_one(&self) -> bool {
        let key = KeyPair::from_pem(&self.key).map(|key| key.subject_public_key_info());
        let certificates = certificates_from_pem(self.certificate.as_bytes()).unwrap_or_default();
        let certified = certificates.first().and_then(|first| first.public_key().ok());
        certified.zip(key.ok()).is_some_and(|(certified, key)| *certified.spki() == *key)
    }

    /// Whether it is good now, and for so long.
    fn serves(&self, now: Timestamp, long: SignedDuration) -> bool {
        let good = |one: &Certificate| {
            one.not_before() <= now && one.not_after().duration_since(now) > long
        };
        certificates_from_pem(self.certificate.as_bytes()).is_ok_and(|all| all.iter().all(good))
    }
}

/// Whom the renewal of the authority concerns, and until when.
fn renewal(data: &DataDirectory, old: &Pair) -> String {
    let file = data.path_of(AUTHORITY.certificate);
    let until = certificates_from_pem(old.certificate.as_bytes()).ok();
    let until = until.and_then(|all| all.first().map(Certificate::not_after));
    let until = until.map_or(String::new(), |end| format!(" at {end}"));
    format!(
        "{} was renewed with the same key; hosts need the new one before their copies end{until}",
        file.display()
    )
}

fn stored(data: &DataDirectory, files: Files) -> Result<Option<Pair>, Failure> {
    let (certificate, key) = (data.read(files.certificate)?, data.read(files.key)?);
    let text = |bytes: Option<Vec<u8>>| bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    let pair = text(certificate).zip(text(key));
    Ok(pair.map(|(certificate, key)| Pair { certificate, key: Zeroizing::new(key) }))
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
    authority_of(&KeyPair::generate()?, now)
}

/// With the same key, so that whoever believes the old certificate believes what the new one signs.
fn renewed_authority(old: &Pair, now: Timestamp) -> Result<Pair, rcgen::Error> {
    authority_of(&KeyPair::from_pem(&old.key)?, now)
}

fn authority_of(key: &KeyPair, now: Timestamp) -> Result<Pair, rcgen::Error> {
    let mut params = authority(now)?;
    // No two certificates of an authority may have the same number, and the usual one is the key's.
    params.serial_number = u64::try_from(now.as_nanosecond()).ok().map(SerialNumber::from);
    let certificate = params.self_signed(key)?;
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

pub(super) const AUTHORITY: Files = Files { certificate: "ca.crt", key: "ca.key" };
/// What it shows if no certificate was given.
pub(in crate::cli::serve) const SERVER: Files =
    Files { certificate: "server.crt", key: "server.key" };
const NAMES: &str = "server.names";
const AUTHORITY_LIFETIME: SignedDuration = SignedDuration::from_hours(10 * 365 * 24);
/// Time for all hosts to be told.
const AUTHORITY_RENEWED_BEFORE: SignedDuration = SignedDuration::from_hours(365 * 24);
const SERVER_LIFETIME: SignedDuration = SignedDuration::from_hours(800 * 24);
const SERVER_RENEWED_BEFORE: SignedDuration = SignedDuration::from_hours(30 * 24);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::CertificateBundle;

    fn certificates(pem: &str) -> Vec<Certificate> {
        certificates_from_pem(pem.as_bytes()).expect("certificates")
    }

    #[test]
    fn both_are_renewed_in_time_and_the_authority_keeps_its_key() {
        let home = tempfile::tempdir().expect("a directory");
        let data = DataDirectory::create(home.path()).expect("a directory");
        let names = ["localhost".to_owned()];
        let start: Timestamp = "2026-03-01T12:00:00Z".parse().expect("a time");
        let after = |days: i64| start + SignedDuration::from_hours(24 * days);
        let at = |days: i64| own(&data, &names, after(days)).expect("a pair");
        let authority = || data.read(AUTHORITY.certificate).expect("read").expect("there");
        let first = at(0);
        assert!(first.made && first.news.is_empty());
        let old = authority();
        let hosts = certificates(std::str::from_utf8(&old).expect("PEM"));
        for (days, made, news) in [
            (1, false, 0),
            (768, false, 0),
            (771, true, 1),
            // Set back before the certificate began: it is of no use then, nor is the authority's.
            (-10, true, 2),
            (771, true, 1),
            (2 * 771, true, 1),
            (9 * 365 + 10, true, 2),
            (9 * 365 + 11, false, 0),
        ] {
            let own = at(days);
            assert_eq!((own.made, own.news.len()), (made, news), "{days}: {:?}", own.news);
            let shown = CertificateBundle::from_pem(own.server.certificate.as_bytes());
            let shown = shown.expect("a certificate");
            let known = certificates(&String::from_utf8(authority()).expect("PEM"));
            assert!(shown.chains_to(&known, after(days)).is_ok(), "{days}");
            if days > 0 {
                assert!(shown.chains_to(&hosts, after(days)).is_ok(), "{days}: an old copy");
            }
        }
        assert_ne!(authority(), old);
        assert!(at(9 * 365 + 11).news.is_empty());
        assert!(own(&data, &["other".to_owned()], after(9 * 365 + 11)).expect("a pair").made);
    }

    #[test]
    fn a_renewal_that_ended_between_key_and_certificate_is_done_again() {
        let home = tempfile::tempdir().expect("a directory");
        let data = DataDirectory::create(home.path()).expect("a directory");
        let names = ["a".to_owned()];
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().expect("a time");
        let first = own(&data, &names, now).expect("a pair");
        assert!(first.server.is_one());
        assert!(!own(&data, &names, now).expect("a pair").made);
        let next = KeyPair::generate().expect("a key").serialize_pem();
        data.write(SERVER.key, next.as_bytes()).expect("written");
        let mended = own(&data, &names, now).expect("a pair");
        assert!(mended.made && mended.server.is_one());
        assert!(!own(&data, &names, now).expect("a pair").made);
    }

    #[test]
    fn an_authority_whose_key_is_damaged_is_never_replaced_unseen() {
        let home = tempfile::tempdir().expect("a directory");
        let data = DataDirectory::create(home.path()).expect("a directory");
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().expect("a time");
        own(&data, &["a".to_owned()], now).expect("a pair");
        let old = data.read(AUTHORITY.certificate).expect("read");
        data.write(AUTHORITY.key, b"damaged").expect("written");
        assert!(own(&data, &["b".to_owned()], now).is_err());
        assert_eq!(data.read(AUTHORITY.certificate).expect("read"), old);
        assert!(own(&data, &["a".to_owned()], now).is_ok(), "what needs no key goes on");
    }
}
