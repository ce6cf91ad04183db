//! `NOTARY_AUTH`: one user and password for every server (Notary `cmd/notary/tuf.go`).

use super::{Environment, Error, keychain::decode};
use crate::net::{Credential, Credentials};

/// The credential of `NOTARY_AUTH`, which the `notary` program gives to any server.
#[derive(Clone)]
pub struct NotaryAuth(Credential);

impl NotaryAuth {
    /// Reads the variable; `None` if it is not set.
    ///
    /// # Errors
    ///
    /// [`Error::Entry`] if it is not base64 of `user:password`.
    pub fn from_environment(environment: &Environment<'_>) -> Result<Option<Self>, Error> {
        let Some(text) = environment.variable(VARIABLE) else { return Ok(None) };
        let malformed =
            || Error::Entry { place: VARIABLE.to_owned(), key: "every server".to_owned() };
        let credential = decode(text.trim()).ok_or_else(malformed)?;
        Ok(Some(Self(credential)))
    }
}

impl Credentials for NotaryAuth {
    fn for_host(&self, _key: &str) -> Result<Option<Credential>, crate::net::Error> {
        Ok(Some(self.0.clone()))
    }
}

const VARIABLE: &str = "NOTARY_AUTH";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notary_auth_is_base64_of_user_and_password() {
        let read = |text: &str| {
            let lookup = |_: &str| Some(text.to_owned());
            NotaryAuth::from_environment(&Environment::new(&lookup)).map(|auth| auth.is_some())
        };
        assert!(matches!(read("YTpi"), Ok(true)));
        assert!(matches!(read(""), Ok(false)));
        assert!(matches!(read("YTpi!"), Err(Error::Entry { .. })));
        assert!(matches!(read("YQ=="), Err(Error::Entry { .. })));
    }
}
