//! Keys on paper: an encrypted backup, or shares of which some bring the key back.
//!
//! - A backup is the key under a passphrase, stretched so that guessing is slow.
//! - Shares: the key is encrypted under a random secret, and the secret is shared (Shamir). Fewer
//!   than the threshold say nothing of it. Each share also carries a check value of the secret, so
//!   that a drill proves that shares belong together without opening the key.
//! - Both are a [`Sheet`]: text that can be printed, typed in again line by line, or scanned.

mod sheet;
#[cfg(test)]
mod tests;

use blahaj::{Share, Sharks};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::directory::{meant, until_one_fits};
use super::{Error, Passphrase, PassphraseRequest, PassphraseSource, Purpose, pbes2};
use crate::crypto::{PrivateKey, SecretBytes, Sha256, Signer};
use crate::tuf::{KeyId, canonical_key_id};

/// One printed sheet.
#[derive(Clone, PartialEq, Eq)]
pub struct Sheet {
    /// The key that it brings back, or helps to.
    pub id: KeyId,
    /// The role or the signer's name it was made for.
    pub role: Option<String>,
    /// The collection it was made for.
    pub gun: Option<String>,
    content: Content,
}

/// What is on a sheet.
#[derive(Clone, PartialEq, Eq)]
enum Content {
    /// An `EncryptedPrivateKeyInfo`.
    Backup(Vec<u8>),
    Share(Piece),
}

/// One share.
#[derive(Clone, PartialEq, Eq)]
struct Piece {
    threshold: u8,
    total: u8,
    /// Says whether the secret came together, and nothing else of it.
    check: [u8; CHECK_BYTES],
    /// The number of the share, and its value for each byte of the secret.
    share: Zeroizing<Vec<u8>>,
    /// The key under the secret; the same in each share.
    sealed: Vec<u8>,
}

/// Enough shares that belong together. The key is not open.
pub struct Joined {
    id: KeyId,
    secret: SecretBytes,
    sealed: Vec<u8>,
}

impl Sheet {
    /// Locks a key for a backup, more strongly than Notary's files are.
    ///
    /// # Errors
    ///
    /// [`Error::Sheet`] for an empty passphrase; [`Error::Sealing`].
    pub fn backup(
        key: &PrivateKey,
        role: Option<String>,
        gun: Option<String>,
        passphrase: &Passphrase,
    ) -> Result<Sheet, Error> {
        if passphrase.is_empty() {
            return Err(refuse("a backup without a passphrase is the key itself"));
        }
        let sealed = pbes2::seal_strongly(&key.to_notary_pkcs8(), passphrase)?;
        let id = canonical_key_id(key.public());
        Ok(Sheet { id, role, gun, content: Content::Backup(sealed) })
    }

    /// Splits a key into shares, of which any `threshold` bring it back.
    ///
    /// # Errors
    ///
    /// [`Error::Sheet`] unless 2 ≤ threshold ≤ total ≤ 255; [`Error::Sealing`].
    pub fn split(
        key: &PrivateKey,
        role: Option<String>,
        gun: Option<String>,
        (threshold, total): (u8, u8),
    ) -> Result<Vec<Sheet>, Error> {
        if threshold < 2 || total < threshold {
            return Err(refuse("2 shares at least must be needed, and not more than there are"));
        }
        let id = canonical_key_id(key.public());
        let mut secret = SecretBytes::zeroed(SECRET_BYTES);
        SystemRandom::new().fill(&mut secret).map_err(|_| Error::Sealing)?;
        let sealed = seal(&secret, &id, &key.to_notary_pkcs8())?;
        let check = check(&secret);
        let shares = Sharks(threshold).dealer(&secret).take(usize::from(total));
        let sheet = |share: Share| {
            let share = Zeroizing::new(Vec::from(&share));
            let piece = Piece { threshold, total, check, share, sealed: sealed.clone() };
            Sheet { id, role: role.clone(), gun: gun.clone(), content: Content::Share(piece) }
        };
        Ok(shares.map(sheet).collect())
    }

    /// Whether it is a share, and not a whole backup.
    pub fn is_share(&self) -> bool {
        matches!(self.content, Content::Share(_))
    }

    /// Opens a backup.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`], whether the passphrase is wrong or the sheet is damaged; [`Error::OtherKey`] if it
    /// holds another key than it says; [`Error::Sheet`] for a share.
    pub fn open(&self, passphrase: &Passphrase) -> Result<PrivateKey, Error> {
        match &self.content {
            Content::Backup(sealed) => {
                let key = read(&self.id, &pbes2::open(sealed, passphrase)?);
                // One wrong passphrase in 256 gives something, but no key.
                key.map_err(|error| match error {
                    Error::Key { .. } => Error::Locked,
                    other => other,
                })
            }
            Content::Share(_) => Err(refuse("a share alone opens nothing")),
        }
    }

    /// The same, asking until a passphrase fits.
    ///
    /// # Errors
    ///
    /// As [`open`](Sheet::open); [`Error::NoPassphrase`] if nobody knows one.
    pub fn unlock(&self, passphrases: &mut dyn PassphraseSource) -> Result<PrivateKey, Error> {
        let role = self.role.as_deref().unwrap_or_default();
        let (purpose, gun) = (Purpose::Unlock, self.gun.as_deref());
        let request = PassphraseRequest { purpose, role, gun, id: Some(&self.id), attempt: 0 };
        until_one_fits(request, passphrases, |it| self.open(it)).map(|(key, _)| key)
    }

    /// Brings shares together, and proves by their check value that the secret came out: what a
    /// drill wants to know. The key stays closed.
    ///
    /// # Errors
    ///
    /// [`Error::Sheet`] if there are too few, or they do not belong together.
    pub fn join(sheets: &[Sheet]) -> Result<Joined, Error> {
        let mut pieces = Vec::new();
        for sheet in sheets {
            match &sheet.content {
                Content::Share(piece) => pieces.push((sheet.id, piece)),
                Content::Backup(_) => return Err(refuse("a backup among shares")),
            }
        }
        let &(id, first) = pieces.first().ok_or_else(|| refuse("no share"))?;
        let belongs = |(other, piece): &(KeyId, &Piece)| {
            *other == id && piece.check == first.check && piece.sealed == first.sealed
        };
        if !pieces.iter().all(belongs) {
            return Err(refuse("the shares are not all of one splitting"));
        }
        // One that is there twice, typed in and scanned, is one.
        let mut shares: Vec<&[u8]> = pieces.iter().map(|(_, it)| it.share.as_slice()).collect();
        shares.sort_unstable();
        shares.dedup();
        if shares.len() < usize::from(first.threshold) {
            let problem =
                format!("{} of the {} shares that are needed", shares.len(), first.threshold);
            return Err(Error::Sheet { problem });
        }
        let shares = shares.into_iter().map(Share::try_from);
        let shares = shares.collect::<Result<Vec<_>, _>>().map_err(refuse)?;
        let sharks = Sharks(first.threshold);
        let secret = sharks.recover(&shares);
        let secret = secret.map_err(|_| refuse("the shares do not fit together"))?;
        let secret = SecretBytes::from(Zeroizing::new(secret).as_slice());
        match check(&secret) == first.check {
            true => Ok(Joined { id, secret, sealed: first.sealed.clone() }),
            false => Err(refuse("one of the shares is not what it was")),
        }
    }

    /// In words what it is.
    pub fn describe(&self) -> String {
        match &self.content {
            Content::Backup(_) => "backup: with its passphrase it is the key".to_owned(),
            Content::Share(piece) => format!(
                "share {} of {}: any {} bring the key back, fewer say nothing of it",
                piece.share.first().copied().unwrap_or_default(),
                piece.total,
                piece.threshold
            ),
        }
    }
}

impl Joined {
    /// The key that the shares bring back.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// Opens the key.
    ///
    /// # Errors
    ///
    /// [`Error::Sheet`] if what was sealed is damaged; [`Error::OtherKey`].
    pub fn open(self) -> Result<PrivateKey, Error> {
        let damaged = || refuse("the key on the shares is damaged");
        let (nonce, ciphertext) = self.sealed.split_at_checked(NONCE_BYTES).ok_or_else(damaged)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| damaged())?;
        let mut buffer = SecretBytes::from(ciphertext);
        let cipher = cipher(&self.secret)?;
        let aad = Aad::from(self.id.to_string());
        let plain = cipher.open_in_place(nonce, aad, &mut buffer).map_err(|_| damaged())?;
        read(&self.id, plain)
    }
}

fn read(id: &KeyId, pkcs8: &[u8]) -> Result<PrivateKey, Error> {
    let key = PrivateKey::from_pkcs8(pkcs8).map_err(|source| Error::Key { source })?;
    meant(key, id)
}

fn seal(secret: &[u8], id: &KeyId, plain: &[u8]) -> Result<Vec<u8>, Error> {
    let mut nonce = [0; NONCE_BYTES];
    SystemRandom::new().fill(&mut nonce).map_err(|_| Error::Sealing)?;
    let mut buffer = SecretBytes::from(plain);
    let aad = Aad::from(id.to_string());
    let tag = cipher(secret)?
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), aad, &mut buffer)
        .map_err(|_| Error::Sealing)?;
    Ok([nonce.as_slice(), &buffer, tag.as_ref()].concat())
}

fn cipher(secret: &[u8]) -> Result<LessSafeKey, Error> {
    let key = derived(b"countersign share: the key's cipher", secret);
    let key = UnboundKey::new(&AES_256_GCM, key.as_bytes()).map_err(|_| Error::Sealing)?;
    Ok(LessSafeKey::new(key))
}

fn check(secret: &[u8]) -> [u8; CHECK_BYTES] {
    let all = derived(b"countersign share: the check value", secret);
    std::array::from_fn(|place| all.as_bytes()[place])
}

/// The secret is as random as a key can be: one hash keeps its uses apart.
fn derived(purpose: &[u8], secret: &[u8]) -> Sha256 {
    Sha256::of(&SecretBytes::concat(&[purpose, secret]))
}

fn refuse(problem: impl Into<String>) -> Error {
    Error::Sheet { problem: problem.into() }
}

const SECRET_BYTES: usize = 32;
const CHECK_BYTES: usize = 16;
const NONCE_BYTES: usize = 12;
