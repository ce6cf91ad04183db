//! Keys that are kept elsewhere: we ask, and believe no signature that the key does not bear out.

use std::fmt;

use super::signer::accepted;
use super::{Error, PublicKey, Scheme, Signature, Signer};

/// Whoever keeps a key and signs with it: a token, another program, a service.
pub trait Hand: Send + Sync {
    /// Who that is, for people.
    fn place(&self) -> &str;

    /// Signs, in a scheme of the key's own algorithm, the whole message.
    ///
    /// # Errors
    ///
    /// In words what went wrong; no secret is in them.
    fn sign(&self, scheme: Scheme, message: &[u8]) -> Result<Vec<u8>, String>;
}

/// A key in somebody else's hand.
pub struct RemoteKey {
    public: PublicKey,
    hand: Box<dyn Hand>,
}

impl RemoteKey {
    /// The key whose public half this is.
    pub fn new(public: PublicKey, hand: impl Hand + 'static) -> RemoteKey {
        RemoteKey { public, hand: Box::new(hand) }
    }
}

impl Signer for RemoteKey {
    fn public(&self) -> &PublicKey {
        &self.public
    }

    fn sign_with(&self, scheme: Scheme, message: &[u8]) -> Result<Signature, Error> {
        let algorithm = self.public.algorithm();
        if !algorithm.allows(scheme) {
            return Err(Error::WrongScheme { algorithm, scheme });
        }
        let elsewhere = |problem| Error::Elsewhere { place: self.hand.place().to_owned(), problem };
        let bytes = self.hand.sign(scheme, message).map_err(elsewhere)?;
        accepted(&self.public, message, Signature::new(scheme, bytes)).map_err(|_| {
            elsewhere("gave a signature that the public key refuses; it is thrown away".to_owned())
        })
    }
}

impl fmt::Debug for RemoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RemoteKey({:?}, {})", self.public, self.hand.place())
    }
}
