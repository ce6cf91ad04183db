//! Where the secret behind the online keys comes from: a passphrase, or a file of the data
//! directory.

use zeroize::Zeroizing;

use crate::cli::exit::Kind;
use crate::cli::output::Failure;
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
    match (passphrase, data.read(SALT)?, data.read(KEY)?) {
        (Some(passphrase), Some(known), _) => known_passphrase(data, passphrase, &known),
        (None, Some(_), _) => Err(Failure::new(
            Kind::Passphrase,
            "the online keys are kept under a passphrase: set COUNTERSIGN_SERVER_PASSPHRASE",
        )),
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

fn new_key(data: &DataDirectory) -> Result<MasterSecret, Failure> {
    let master = generated()?;
    let text = Zeroizing::new(hex(master.as_bytes()) + "\n");
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

/// The salt, and a mark by which a wrong passphrase is noticed at once.
fn new_passphrase(data: &DataDirectory, passphrase: &str) -> Result<MasterSecret, Failure> {
    let salt = *generated()?.as_bytes();
    let master = MasterSecret::from_passphrase(passphrase, &salt);
    let text = format!("{}\n{}\n", hex(&salt), hex(&master.mark()));
    data.write(SALT, text.as_bytes())?;
    Ok(master)
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
    if hex(&master.mark()) != mark {
        return Err(Failure::new(Kind::Passphrase, "not the passphrase of the online keys"));
    }
    Ok(master)
}

async fn is_new(store: &dyn MetadataStore) -> Result<bool, Failure> {
    let first = store.changes(None, Page::After { id: 0, limit: 1 }).await;
    Ok(first.map_err(|error| Failure::of(Kind::Disk, &error))?.is_empty())
}

fn generated() -> Result<MasterSecret, Failure> {
    MasterSecret::generate().map_err(|error| Failure::of(Kind::KeyStore, &error))
}

fn damaged(data: &DataDirectory, name: &str) -> Failure {
    Failure::new(Kind::KeyStore, format!("{} is damaged", data.path_of(name).display()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(digits: &str) -> Option<[u8; 32]> {
    digits.parse().ok().map(|digest: crate::crypto::Sha256| *digest.as_bytes())
}

const KEY: &str = "online.key";
const SALT: &str = "online.salt";
