//! Whatever can sign: a key file, a token, a remote service.

use super::{Error, PublicKey, Scheme, Signature};

/// The private half of a key, wherever it lives.
pub trait Signer: Send + Sync {
    /// The public half.
    fn public(&self) -> &PublicKey;

    /// The scheme of [`sign`](Signer::sign).
    fn scheme(&self) -> Scheme {
        self.public().algorithm().default_scheme()
    }

    /// Signs in a scheme that belongs to the key's algorithm.
    ///
    /// # Errors
    ///
    /// If the scheme belongs to another algorithm, if no signature was made, or if the public
    /// half refuses the one that was.
    fn sign_with(&self, scheme: Scheme, message: &[u8]) -> Result<Signature, Error>;

    /// Signs in the usual scheme of the key.
    ///
    /// # Errors
    ///
    /// As [`sign_with`](Signer::sign_with).
    fn sign(&self, message: &[u8]) -> Result<Signature, Error> {
        self.sign_with(self.scheme(), message)
    }
}

/// A signature that its own public key accepts.
///
/// A fault while signing can give the key away; such a signature must not get out.
pub(super) fn accepted(
    public: &PublicKey,
    message: &[u8],
    signature: Signature,
) -> Result<Signature, Error> {
    let algorithm = public.algorithm();
    public.verify(message, &signature).map_err(|_| Error::SelfCheck { algorithm })?;
    Ok(signature)
}
