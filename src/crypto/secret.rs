//! Bytes that only their owner may know: wiped when dropped, out of swap and core files where the
//! system allows it.

#![cfg_attr(
    not(test),
    expect(clippy::indexing_slicing, reason = "`length` is never above that of the place")
)]

use std::fmt;
use std::ops::{Deref, DerefMut};

use zeroize::{Zeroize, Zeroizing};

use super::pages;

/// A secret: a private key that lies open, what a passphrase gave, the passphrase itself.
///
/// It lies where it was made until it is dropped, and moving it copies nothing: on a page that is
/// locked in memory and left out of core files, if the system does that. It cannot be printed or
/// cloned.
pub struct SecretBytes {
    place: Place,
    length: usize,
}

enum Place {
    /// Lent by `pages`.
    Page(&'static mut [u8]),
    /// Larger than what is lent, or nothing is.
    Heap(Zeroizing<Vec<u8>>),
}

impl SecretBytes {
    /// So many zeros, to be written over.
    pub fn zeroed(length: usize) -> SecretBytes {
        let place = match pages::take(length) {
            Some(place) => Place::Page(place),
            None => Place::Heap(Zeroizing::new(vec![0; length])),
        };
        SecretBytes { place, length }
    }

    /// The parts, one after the other.
    pub fn concat(parts: &[&[u8]]) -> SecretBytes {
        let mut secret = SecretBytes::zeroed(parts.iter().map(|part| part.len()).sum());
        let mut rest = secret.as_mut();
        for part in parts {
            let (place, after) = rest.split_at_mut(part.len());
            place.copy_from_slice(part);
            rest = after;
        }
        secret
    }

    /// Keeps the first `length` bytes; does nothing if there are no more.
    pub fn truncate(&mut self, length: usize) {
        if length < self.length {
            self[length..].zeroize();
            self.length = length;
        }
    }
}

impl From<&[u8]> for SecretBytes {
    fn from(bytes: &[u8]) -> SecretBytes {
        SecretBytes::concat(&[bytes])
    }
}

impl Deref for SecretBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.place {
            Place::Page(place) => &place[..self.length],
            Place::Heap(place) => &place[..self.length],
        }
    }
}

impl DerefMut for SecretBytes {
    fn deref_mut(&mut self) -> &mut [u8] {
        match &mut self.place {
            Place::Page(place) => &mut place[..self.length],
            Place::Heap(place) => &mut place[..self.length],
        }
    }
}

impl AsMut<[u8]> for SecretBytes {
    fn as_mut(&mut self) -> &mut [u8] {
        self
    }
}

impl Drop for SecretBytes {
    fn drop(&mut self) {
        self.zeroize();
        if let Place::Page(place) = &mut self.place {
            pages::give_back(std::mem::take(place));
        }
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretBytes(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stand_one_after_the_other_whatever_their_size() {
        for size in [0, 1, 127, 128, 129, 4096, 4097, 100_000] {
            let part = vec![0x5a; size];
            let secret = SecretBytes::concat(&[&part, &[1, 2], &part]);
            assert_eq!(*secret, [part.as_slice(), &[1, 2], &part].concat());
        }
    }

    #[test]
    fn a_place_is_wiped_before_it_is_lent_again() {
        for size in [32, 3000] {
            for _ in 0..1000 {
                let mut secret = SecretBytes::zeroed(size);
                assert!(secret.iter().all(|byte| *byte == 0));
                secret.fill(0xab);
                secret.truncate(size / 2);
                assert_eq!(secret.len(), size / 2);
            }
        }
    }

    #[test]
    fn secrets_that_live_at_once_do_not_share_a_place() {
        let mut all: Vec<SecretBytes> =
            (0..600_usize).map(|n| SecretBytes::zeroed(n % 200)).collect();
        for (number, secret) in all.iter_mut().enumerate() {
            secret.fill(number as u8);
        }
        for (number, secret) in all.iter().enumerate() {
            assert!(secret.iter().all(|byte| *byte == number as u8), "{number}");
        }
    }

    #[test]
    fn it_says_nothing_of_itself() {
        assert_eq!(format!("{:?}", SecretBytes::from(b"secret".as_slice())), "SecretBytes(…)");
    }
}
