//! From a leaf to a certificate authority that somebody pinned (RFC 5280 §6).

use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, KeyUsage, ring};

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
        let anchors = anchors.iter().filter(usable).map(der).collect::<Vec<_>>();
        let anchors = anchors
            .iter()
            .filter_map(|it| webpki::anchor_from_trusted_cert(it).ok())
            .collect::<Vec<_>>();
        if anchors.is_empty() {
            return Err(Error::NoAnchor);
        }
        self.check_order()?;
        // Notary asks for serverAuth, its own certificates say codeSigning.
        self.build_path(&anchors, now, KeyUsage::required_if_present(CODE_SIGNING))
            .or_else(|_| self.build_path(&anchors, now, KeyUsage::server_auth()))
            .map_err(|source| Error::Chain { source })
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
        anchors: &[TrustAnchor<'_>],
        now: Timestamp,
        usage: KeyUsage,
    ) -> Result<(), webpki::Error> {
        let now = u64::try_from(now.as_second()).map_err(|_| webpki::Error::BadDerTime)?;
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(now));
        let intermediates = self.intermediates().iter().map(der).collect::<Vec<_>>();
        let leaf = der(self.leaf());
        let leaf = EndEntityCert::try_from(&leaf)?;
        leaf.verify_for_usage(ALGORITHMS, anchors, &intermediates, now, usage, None, None)?;
        Ok(())
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
