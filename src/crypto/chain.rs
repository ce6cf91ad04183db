//! From a leaf to a certificate authority that somebody pinned (RFC 5280 §6).

use std::time::Duration;

use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use webpki::{EndEntityCert, KeyUsage, VerifiedPath, ring};

use super::{Certificate, CertificateBundle, Error};

impl CertificateBundle {
    /// Checks that the leaf leads to one of `anchors`, and that everything on the way,
    /// the authority included, is valid at `now` and may sign code or speak for servers.
    ///
    /// # Errors
    ///
    /// [`Error::NoAnchor`] if no authority is usable now, [`Error::Chain`] if none is reached.
    pub fn chains_to(&self, anchors: &[Certificate], now: Timestamp) -> Result<(), Error> {
        let usable =
            |it: &&Certificate| it.is_ca() && it.is_valid_at(now) && !it.signed_with_sha1();
        self.check_order()?;
        let mut answer = Err(Error::NoAnchor);
        for anchor in anchors.iter().filter(usable) {
            answer = self.leads_to(anchor, now).map_err(|source| Error::Chain { source });
            if answer.is_ok() {
                break;
            }
        }
        answer
    }

    fn leads_to(&self, anchor: &Certificate, now: Timestamp) -> Result<(), webpki::Error> {
        // Notary asks for serverAuth, its own certificates say codeSigning.
        self.build_path(anchor, now, KeyUsage::required_if_present(CODE_SIGNING))
            .or_else(|_| self.build_path(anchor, now, KeyUsage::server_auth()))
    }

    /// Each certificate is issued by the one after it.
    fn check_order(&self) -> Result<(), Error> {
        let all = std::iter::once(self.leaf()).chain(self.intermediates());
        let in_order = all.zip(self.intermediates()).all(|(it, next)| it.is_issued_by(next));
        match in_order {
            true => Ok(()),
            false => Err(Error::Bundle { problem: "a certificate is not followed by its issuer" }),
        }
    }

    fn build_path(
        &self,
        anchor: &Certificate,
        now: Timestamp,
        usage: KeyUsage,
    ) -> Result<(), webpki::Error> {
        let now = u64::try_from(now.as_second()).map_err(|_| webpki::Error::InvalidCertValidity)?;
        let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
        let intermediates = self.intermediates().iter().map(der).collect::<Vec<_>>();
        let (leaf, root) = (der(self.leaf()), der(anchor));
        let root = [webpki::anchor_from_trusted_cert(&root)?];
        // Path building takes a name and a key from an authority, and nothing else.
        let short_enough = |path: &VerifiedPath<'_>| match anchor
            .allows_below(path.intermediate_certificates().count())
        {
            true => Ok(()),
            false => Err(webpki::Error::PathLenConstraintViolated),
        };
        EndEntityCert::try_from(&leaf)?
            .verify_for_usage(
                ALGORITHMS,
                &root,
                &intermediates,
                now,
                usage,
                None,
                Some(&short_enough),
            )
            .map(|_| ())
    }
}

fn der(certificate: &Certificate) -> CertificateDer<'_> {
    CertificateDer::from(certificate.der())
}

/// `id-kp-codeSigning`, 1.3.6.1.5.5.7.3.3.
const CODE_SIGNING: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 3];

/// No SHA-1, no RSA below 2048 bits.
const ALGORITHMS: &[&dyn SignatureVerificationAlgorithm] = &[
    ring::ECDSA_P256_SHA256,
    ring::ECDSA_P256_SHA384,
    ring::ECDSA_P384_SHA256,
    ring::ECDSA_P384_SHA384,
    ring::ED25519,
    ring::RSA_PKCS1_2048_8192_SHA256,
    ring::RSA_PKCS1_2048_8192_SHA384,
    ring::RSA_PKCS1_2048_8192_SHA512,
    ring::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
    ring::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
    ring::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
];
