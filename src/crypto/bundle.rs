//! Certificates in PEM: a leaf with its issuers, or the authorities of a pin.

use super::{Certificate, Error, pem};

/// A leaf certificate followed by its intermediates: the key of a Notary root role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateBundle {
    leaf: Certificate,
    intermediates: Vec<Certificate>,
}

impl CertificateBundle {
    /// A leaf that needs no intermediates.
    ///
    /// # Errors
    ///
    /// If the certificate is one of an authority.
    pub fn of_leaf(leaf: Certificate) -> Result<CertificateBundle, Error> {
        if leaf.is_ca() {
            return Err(Error::Bundle { problem: "the first certificate is an authority's" });
        }
        Ok(CertificateBundle { leaf, intermediates: Vec::new() })
    }

    /// Reads exactly one leaf, then only authorities.
    ///
    /// A Notary client hashes what it writes itself for these certificates, so the text must be
    /// byte for byte what Go's `encoding/pem` writes (`trustpinning/certs.go`).
    ///
    /// # Errors
    ///
    /// If it is any other text, or the certificates are others.
    pub fn from_pem(text: &[u8]) -> Result<CertificateBundle, Error> {
        let mut certificates = read(text)?.into_iter();
        let leaf = certificates.next().ok_or(Error::Bundle { problem: "no certificate" })?;
        let bundle =
            CertificateBundle { intermediates: certificates.collect(), ..Self::of_leaf(leaf)? };
        if bundle.intermediates.len() > INTERMEDIATES_MAX {
            return Err(Error::Bundle { problem: "too many certificates" });
        }
        if !bundle.intermediates.iter().all(Certificate::is_ca) {
            return Err(Error::Bundle { problem: "more than one leaf certificate" });
        }
        if bundle.to_pem() != text {
            return Err(Error::Pem { problem: "not in the one form that can be compared" });
        }
        Ok(bundle)
    }

    /// The text that [`from_pem`](CertificateBundle::from_pem) reads.
    pub fn to_pem(&self) -> Vec<u8> {
        std::iter::once(&self.leaf)
            .chain(&self.intermediates)
            .flat_map(Certificate::to_pem)
            .collect()
    }

    /// The certificate that names a GUN and holds the key.
    pub fn leaf(&self) -> &Certificate {
        &self.leaf
    }

    /// Its issuers, nearest first.
    pub fn intermediates(&self) -> &[Certificate] {
        &self.intermediates
    }
}

impl Certificate {
    /// The certificate in PEM, exactly as Go writes it.
    pub fn to_pem(&self) -> Vec<u8> {
        pem::encode(LABEL, &[], self.der()).as_bytes().to_vec()
    }
}

/// Reads the certificates of a file of authorities; text around them is passed over.
///
/// # Errors
///
/// If there is none, or a block is damaged or no certificate.
pub fn certificates_from_pem(text: &[u8]) -> Result<Vec<Certificate>, Error> {
    let certificates = read(text)?;
    if certificates.is_empty() {
        return Err(Error::Pem { problem: "no certificate" });
    }
    Ok(certificates)
}

fn read(text: &[u8]) -> Result<Vec<Certificate>, Error> {
    let one = |block: pem::Block| match block.label.as_str() {
        LABEL => Certificate::parse(&block.contents),
        _ => Err(Error::Pem { problem: "something else than a certificate" }),
    };
    pem::decode(text)?.into_iter().map(one).collect()
}

const LABEL: &str = "CERTIFICATE";
/// Longer paths are not followed.
const INTERMEDIATES_MAX: usize = 8;
