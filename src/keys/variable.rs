//! Keys from the secret of a pipeline: PEM in an environment variable, used and never written.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::directory::unlock;
use super::exchange::origin;
use super::{Error, KeyEntry, KeyFile, KeySource, PassphraseSource};
use crate::crypto::Signer;
use crate::tuf::{KeyId, canonical_key_id};

/// The private keys in one variable, locked or not.
pub struct VariableKeys {
    name: &'static str,
    keys: Vec<(KeyEntry, KeyFile)>,
}

impl VariableKeys {
    /// Reads keys as `key export` and openssl write them, one after the other; or the base64 of
    /// that, for systems whose secrets have one line. Whoever owns the environment hands it in.
    ///
    /// # Errors
    ///
    /// If there is no private key in it, or a locked one that does not say which key it is.
    pub fn parse(name: &'static str, value: &str) -> Result<VariableKeys, Error> {
        let refuse = |problem: String| Error::Variable { name, problem };
        let files = KeyFile::parse_all(&pem(value)).map_err(|error| refuse(error.to_string()))?;
        if files.is_empty() {
            return Err(refuse("no private key in it".to_owned()));
        }
        let keys = files.into_iter().map(|file| Ok((describe(&file).map_err(refuse)?, file)));
        Ok(VariableKeys { name, keys: keys.collect::<Result<_, _>>()? })
    }
}

impl KeySource for VariableKeys {
    fn place(&self) -> String {
        format!("variable {}", self.name)
    }

    fn list(&self) -> Result<Vec<KeyEntry>, Error> {
        Ok(self.keys.iter().map(|(entry, _)| entry.clone()).collect())
    }

    fn no_file(&self, id: &KeyId) -> Error {
        Error::InVariable { id: *id, name: self.name }
    }

    fn signer(
        &self,
        id: &KeyId,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<Box<dyn Signer>, Error> {
        let found = self.keys.iter().find(|(entry, _)| entry.id == *id);
        let (entry, file) = found.ok_or(Error::NoSuchKey { id: *id })?;
        Ok(Box::new(unlock(entry, file, passphrases)?))
    }
}

fn pem(value: &str) -> Zeroizing<Vec<u8>> {
    let dense = || Zeroizing::new(value.split_whitespace().collect::<String>());
    match value.contains("-----BEGIN") {
        true => Zeroizing::new(value.as_bytes().to_vec()),
        false => Zeroizing::new(STANDARD.decode(dense().as_bytes()).unwrap_or_default()),
    }
}

/// What is known of a key without a passphrase.
fn describe(file: &KeyFile) -> Result<KeyEntry, String> {
    let origin = file.path.as_deref().and_then(origin);
    let id = match (file.is_encrypted(), &origin) {
        (false, _) => {
            let key = file.open_plain().map_err(|error| error.to_string())?;
            canonical_key_id(key.public())
        }
        (true, Some(origin)) => origin.id,
        (true, None) => {
            let problem = "a locked key that does not say which it is: give what \
                           `countersign key export` writes, or unlock it";
            return Err(problem.to_owned());
        }
    };
    let (role, gun) = file.notes(origin.as_ref());
    Ok(KeyEntry { id, role, gun, is_unreadable: false })
}
