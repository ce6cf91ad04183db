//! Where the secret behind the online keys comes from: a passphrase, or a file of the data
//! directory. Servers that share a database must have the same one; what is not secret about it,
//! the salt and a mark, lies in the database, and each server compares.

use zeroize::Zeroizing;

use super::database::failure;
use crate::cli::exit::Kind;
use crate::cli::output::Failure;
use crate::crypto::hex;
use crate::server::MasterSecret;
use crate::storage::DataDirectory;
use crate::storage::metadata::{MetadataStore, Page};

/// The secret. A new one is made only where nothing was ever published, because no other could open
/// the stored keys.
pub(super) async fn master(
    data: &DataDirectory,
    passphrase: Option<&str>,
    store: &dyn MetadataStore,
) -> Result<MasterSecret, Failure> {
    let Some(shared) = store.shared() else { return alone(data, passphrase, store).await };
    let agree = async |name, proposed: Option<&[u8]>| {
        shared.agree(name, proposed).await.map_err(|error| failure(&error))
    };
    let by_file = agree(MARK, None).await?.is_some();
    let by_passphrase = agree(SALT, None).await?;
    match (passphrase, by_file, by_passphrase) {
        (Some(_), true, _) => Err(Failure::new(
            Kind::Passphrase,
            "the online keys of this database are kept under an online.key, not under a passphrase",
        )),
        (None, _, Some(_)) => Err(needs_passphrase()),
        (Some(passphrase), false, known) => {
            let known = match known {
                Some(known) => known,
                None => agree(SALT, Some(&salt_for(passphrase)?)).await?.unwrap_or_default(),
            };
            known_passphrase(data, passphrase, &known)
        }
        (None, true, None) if data.read(KEY)?.is_none() => {
            Err(Failure::new(Kind::KeyStore, format!("{} is missing", data.path_of(KEY).display()))
                .advise("Copy it from another server of this database."))
        }
        (None, _, None) => {
            let master = alone(data, None, store).await?;
            let mark = hex::write(&master.mark());
            match agree(MARK, Some(mark.as_bytes())).await? {
                Some(agreed) if agreed == mark.as_bytes() => Ok(master),
                _ => Err(Failure::new(
                    Kind::KeyStore,
                    format!(
                        "{} is not the one that the other servers of this database have",
                        data.path_of(KEY).display()
                    ),
                )
                .advise(
                    "Copy theirs: what one server has signed, every one must be able to sign.",
                )),
            }
        }
    }
}

/// The secret of tickets where online keys have passphrases of their own: the same for all servers of a
/// database that know this one. The salt is nobody's who sees a ticket, so none can be tried on it.
pub(super) async fn of_tickets(
    passphrase: Option<&str>,
    store: &dyn MetadataStore,
) -> Result<MasterSecret, Failure> {
    let (Some(shared), Some(passphrase)) = (store.shared(), passphrase) else {
        return generated();
    };
    let agreed = shared.agree(TICKETS, Some(generated()?.as_bytes())).await;
    let salt = agreed.map_err(|error| failure(&error))?.unwrap_or_default();
    let salt = salt.as_slice().try_into().map_err(|_| {
        let problem = format!("{TICKETS} in the database is damaged");
        Failure::new(Kind::KeyStore, problem)
    })?;
    Ok(MasterSecret::from_passphrase(passphrase, salt))
}

/// The secret of a server that has its database for itself.
async fn alone(
    data: &DataDirectory,
    passphrase: Option<&str>,
    store: &dyn MetadataStore,
) -> Result<MasterSecret, Failure> {
    match (passphrase, data.read(SALT)?, data.read(KEY)?) {
        (Some(passphrase), Some(known), _) => known_passphrase(data, passphrase, &known),
        (None, Some(_), _) => Err(needs_passphrase()),
        (Some(_), None, Some(_)) => Err(Failure::new(
            Kind::Passphrase,
            format!(
                "the online keys are kept under {}, not under a passphrase",
                data.path_of(KEY).display()
            ),
        )),
        (None, None, Some(text)) => read_key(data, &Zeroizing::new(text)),
        (_, None, None) if !is_new(store).await? => Err(Failure::new(
            Kind::KeyStore,
            format!(
                "collections were published under a secret that is gone: {} is missing",
                data.path_of(KEY).display()
            ),
        )),
        (Some(passphrase), None, None) => new_passphrase(data, passphrase),
        (None, None, None) => new_key(data),
    }
}

fn needs_passphrase() -> Failure {
    Failure::new(
        Kind::Passphrase,
        "the online keys are kept under a passphrase: set COUNTERSIGN_SERVER_PASSPHRASE",
    )
}

fn new_key(data: &DataDirectory) -> Result<MasterSecret, Failure> {
    let master = generated()?;
    let text = Zeroizing::new(hex::write(master.as_bytes()) + "\n");
    data.write(KEY, text.as_bytes())?;
    Ok(master)
}

fn read_key(data: &DataDirectory, text: &[u8]) -> Result<MasterSecret, Failure> {
    let digits = std::str::from_utf8(text).unwrap_or_default().trim_end();
    match bytes(digits) {
        Some(secret) => Ok(MasterSecret::new(Zeroizing::new(secret))),
        None => Err(damaged(data, KEY)),
    }
}

fn new_passphrase(data: &DataDirectory, passphrase: &str) -> Result<MasterSecret, Failure> {
    let known = salt_for(passphrase)?;
    data.write(SALT, &known)?;
    known_passphrase(data, passphrase, &known)
}

/// A new salt, and a mark by which a wrong passphrase is noticed at once.
fn salt_for(passphrase: &str) -> Result<Vec<u8>, Failure> {
    let salt = *generated()?.as_bytes();
    let master = MasterSecret::from_passphrase(passphrase, &salt);
    Ok(format!("{}\n{}\n", hex::write(&salt), hex::write(&master.mark())).into_bytes())
}

fn known_passphrase(
    data: &DataDirectory,
    passphrase: &str,
    known: &[u8],
) -> Result<MasterSecret, Failure> {
    let text = std::str::from_utf8(known).unwrap_or_default();
    let (salt, mark) = text.trim_end().split_once('\n').ok_or_else(|| damaged(data, SALT))?;
    let salt = bytes(salt).ok_or_else(|| damaged(data, SALT))?;
    let master = MasterSecret::from_passphrase(passphrase, &salt);
    if hex::write(&master.mark()) != mark {
        return Err(Failure::new(Kind::Passphrase, "not the passphrase of the online keys"));
    }
    Ok(master)
}

async fn is_new(store: &dyn MetadataStore) -> Result<bool, Failure> {
    let first = store.changes(None, Page::After { id: 0, limit: 1 }).await;
    Ok(first.map_err(|error| failure(&error))?.is_empty())
}

fn generated() -> Result<MasterSecret, Failure> {
    MasterSecret::generate().map_err(|error| Failure::of(Kind::KeyStore, &error))
}

fn damaged(data: &DataDirectory, name: &str) -> Failure {
    Failure::new(Kind::KeyStore, format!("{} is damaged", data.path_of(name).display()))
}

fn bytes(digits: &str) -> Option<[u8; 32]> {
    Zeroizing::new(hex::read(digits)?).as_slice().try_into().ok()
}

const KEY: &str = "online.key";
const SALT: &str = "online.salt";
const MARK: &str = "online.mark";
const TICKETS: &str = "tickets.salt";
