//! Who can read and write what trust rests on.

use std::path::PathBuf;

use super::{Finding, Id, Severity};

/// A file or directory, as the file system describes it.
#[derive(Clone, Debug)]
pub struct Place {
    /// Where it is.
    pub path: PathBuf,
    /// What it is for.
    pub kind: PlaceKind,
    /// Permission bits.
    pub mode: u32,
    /// Its owner.
    pub owner: u32,
    /// Whether it is a link to somewhere else.
    pub is_link: bool,
}

/// What a place is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PlaceKind {
    /// What others may read, and only its owner may write: caches, pins, configuration.
    Trusted,
    /// What nobody else may even read: private keys.
    Secret,
    /// The directory of private keys.
    KeyDirectory,
}

/// A private key, as far as can be seen without a passphrase.
#[derive(Clone, Debug)]
pub struct KeyFact {
    /// Its id.
    pub id: String,
    /// Where it is.
    pub path: PathBuf,
    /// The role or signer it was made for.
    pub role: Option<String>,
    /// Whether it can be read as a key at all.
    pub is_readable: bool,
    /// Whether a passphrase protects it.
    pub is_encrypted: bool,
}

/// What is to be said of a place, for a user with this id.
pub fn place_findings(place: &Place, us: u32) -> Vec<Finding> {
    [foreign(place, us), writable(place), readable(place), link(place)]
        .into_iter()
        .flatten()
        .collect()
}

fn foreign(place: &Place, us: u32) -> Option<Finding> {
    if place.owner == us || place.owner == 0 {
        return None;
    }
    let message = format!("belongs to user {}, who decides what is trusted here", place.owner);
    let subject = place.path.display().to_string();
    Some(Finding::new(
        Id::OwnerForeign,
        Severity::Broken,
        &subject,
        message,
        format!("chown -R $(id -u) '{subject}'"),
    ))
}

fn writable(place: &Place) -> Option<Finding> {
    // A link's own bits mean nothing.
    if place.is_link || place.mode & OTHERS_WRITE == 0 {
        return None;
    }
    let message =
        format!("mode {:04o}: others can change what is trusted here", place.mode & 0o7777);
    let subject = place.path.display().to_string();
    Some(Finding::new(
        Id::WritableByOthers,
        Severity::Broken,
        &subject,
        message,
        format!("chmod go-w '{subject}'"),
    ))
}

fn readable(place: &Place) -> Option<Finding> {
    if place.is_link || place.kind == PlaceKind::Trusted || place.mode & OTHERS_ANYTHING == 0 {
        return None;
    }
    let message = format!("mode {:04o}: others can read private keys", place.mode & 0o7777);
    let subject = place.path.display().to_string();
    Some(Finding::new(
        Id::KeyExposed,
        Severity::Broken,
        &subject,
        message,
        format!("chmod go= '{subject}'"),
    ))
}

fn link(place: &Place) -> Option<Finding> {
    if !place.is_link || place.kind != PlaceKind::KeyDirectory {
        return None;
    }
    let message = "is a link: docker and notary see no keys in it".to_owned();
    let subject = place.path.display().to_string();
    let remedy = format!("d=$(readlink -f '{subject}') && rm '{subject}' && mv \"$d\" '{subject}'");
    Some(Finding::new(Id::KeyDirectoryLink, Severity::Warning, subject, message, remedy))
}

/// What is to be said of a private key.
pub fn key_findings(key: &KeyFact) -> Option<Finding> {
    let subject = key.path.display().to_string();
    if !key.is_readable {
        let message = "is no key file that can be read: the key may be lost".to_owned();
        let remedy = format!("put a copy of {} back, or move the file away", key.id);
        return Some(Finding::new(Id::KeyDamaged, Severity::Broken, subject, message, remedy));
    }
    if key.is_encrypted {
        return None;
    }
    let role = key.role.as_deref().unwrap_or("private");
    let message = format!("the {role} key has no passphrase: whoever reads the file signs with it");
    Some(Finding::new(
        Id::KeyUnencrypted,
        Severity::Warning,
        &subject,
        message,
        format!("countersign key passwd {}", key.id),
    ))
}

const OTHERS_WRITE: u32 = 0o022;
const OTHERS_ANYTHING: u32 = 0o077;

#[cfg(test)]
mod tests {
    use super::*;

    const US: u32 = 1000;

    fn place(kind: PlaceKind, mode: u32) -> Place {
        Place { path: "/t/x".into(), kind, mode, owner: US, is_link: false }
    }

    fn ids(place: &Place) -> Vec<&'static str> {
        place_findings(place, US).iter().map(|finding| finding.id.as_str()).collect()
    }

    #[test]
    fn places_as_docker_makes_them_are_fine() {
        for (kind, mode) in [
            (PlaceKind::Trusted, 0o755),
            (PlaceKind::Trusted, 0o600),
            (PlaceKind::Secret, 0o600),
            (PlaceKind::KeyDirectory, 0o700),
        ] {
            assert_eq!(ids(&place(kind, mode)), [] as [&str; 0], "{kind:?} {mode:o}");
        }
        let roots = Place { owner: 0, ..place(PlaceKind::Trusted, 0o644) };
        assert_eq!(ids(&roots), [] as [&str; 0]);
    }

    #[test]
    fn each_finding_of_a_place_is_provoked() {
        assert_eq!(ids(&place(PlaceKind::Trusted, 0o775)), ["writable-by-others"]);
        assert_eq!(ids(&place(PlaceKind::Secret, 0o640)), ["key-exposed"]);
        assert_eq!(ids(&place(PlaceKind::KeyDirectory, 0o755)), ["key-exposed"]);
        let foreign = Place { owner: 4, ..place(PlaceKind::Trusted, 0o600) };
        assert_eq!(ids(&foreign), ["owner-foreign"]);
        let link = Place { is_link: true, ..place(PlaceKind::KeyDirectory, 0o777) };
        assert_eq!(ids(&link), ["key-directory-link"]);
    }

    #[test]
    fn keys_without_passphrase_and_damaged_ones_are_found() {
        let key = KeyFact {
            id: "ab12".into(),
            path: "/t/ab12.key".into(),
            role: Some("alice".into()),
            is_readable: true,
            is_encrypted: true,
        };
        assert_eq!(key_findings(&key), None);
        let plain = key_findings(&KeyFact { is_encrypted: false, ..key.clone() });
        assert_eq!(plain.as_ref().map(|it| it.id), Some(Id::KeyUnencrypted));
        assert!(plain.is_some_and(|it| it.remedy == "countersign key passwd ab12"));
        let damaged = key_findings(&KeyFact { is_readable: false, ..key });
        assert_eq!(damaged.map(|it| it.id), Some(Id::KeyDamaged));
    }
}
