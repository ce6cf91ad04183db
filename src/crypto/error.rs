//! What can be wrong with a key, a signature or a certificate.

use super::{Algorithm, Scheme};

/// Why bytes are not a usable digest, key, signature or certificate.
///
/// No variant carries secret bytes.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A digest was not written as exactly so many lower-case hexadecimal digits.
    #[error("not a digest of {digits} lower-case hexadecimal digits")]
    NotHex {
        /// How many digits were expected.
        digits: usize,
    },
    /// The bytes do not follow the encoding of what they claim to be.
    #[error("{what}: not valid DER")]
    Der {
        /// The structure that was being read.
        what: &'static str,
        /// What the decoder met.
        source: der::Error,
    },
    /// The encoding is sound, and its content is not acceptable.
    #[error("{what}: {problem}")]
    Unacceptable {
        /// The structure that was being read.
        what: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A key of an algorithm or curve that is not supported.
    #[error("keys of type {oid} are not supported")]
    UnknownAlgorithm {
        /// The object identifier of the algorithm or of the curve.
        oid: der::oid::ObjectIdentifier,
    },
    /// Not an uncompressed point on the curve, or not a sound Ed25519 key.
    #[error("not a valid {algorithm} public key")]
    BadPoint {
        /// The algorithm whose point it should be.
        algorithm: Algorithm,
    },
    /// An RSA modulus that is too short or too long.
    #[error("RSA key of {bits} bits, outside 2048 to 8192")]
    RsaSize {
        /// Bits of the modulus.
        bits: usize,
    },
    /// An RSA public exponent that is even, too small or too large.
    #[error("RSA public exponent is not acceptable")]
    RsaExponent,
    /// A private key in a form that cannot be used.
    #[error("not a usable {algorithm} private key")]
    BadPrivateKey {
        /// The algorithm it claims.
        algorithm: Algorithm,
    },
    /// The public half stored with a private key is not its own.
    #[error("{algorithm} private key with the public half of another key")]
    HalvesDiffer {
        /// The algorithm of the key.
        algorithm: Algorithm,
    },
    /// Keys of this algorithm are used but not made.
    #[error("{algorithm} keys are not generated here")]
    NotGenerated {
        /// The algorithm asked for.
        algorithm: Algorithm,
    },
    /// The scheme does not belong to the key.
    #[error("{scheme} is no scheme of {algorithm} keys")]
    WrongScheme {
        /// The algorithm of the key.
        algorithm: Algorithm,
        /// The scheme asked for.
        scheme: Scheme,
    },
    /// The signature is not one of this key over this message.
    #[error("bad {algorithm} signature")]
    BadSignature {
        /// The algorithm of the key.
        algorithm: Algorithm,
    },
    /// The signer made no signature.
    #[error("signing with the {algorithm} key failed")]
    SigningFailed {
        /// The algorithm of the key.
        algorithm: Algorithm,
    },
    /// A key that is kept elsewhere did not sign.
    #[error("{place}: {problem}")]
    Elsewhere {
        /// Who keeps it.
        place: String,
        /// What went wrong there.
        problem: String,
    },
    /// A signature was made which its own public key refuses.
    #[error("the {algorithm} signature just made does not verify")]
    SelfCheck {
        /// The algorithm of the key.
        algorithm: Algorithm,
    },
    /// The system gave no random bytes.
    #[error("no random bytes from the system")]
    NoRandom,
    /// Text that is not the PEM expected.
    #[error("PEM: {problem}")]
    Pem {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Certificates that do not form a leaf followed by its issuers.
    #[error("certificate bundle: {problem}")]
    Bundle {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// No root certificate can be made with these values.
    #[error("certificate: {problem}")]
    NotCertifiable {
        /// Which value, and why.
        problem: &'static str,
    },
    /// None of the certificate authorities can vouch for anything now.
    #[error("no usable certificate authority is valid at this time")]
    NoAnchor,
    /// The leaf does not lead to any of the certificate authorities.
    #[error("certificate chain not trusted")]
    Chain {
        /// What path building met.
        source: webpki::Error,
    },
}
