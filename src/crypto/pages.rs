//! Pages for secrets: locked in memory, so that they are never written to swap, and left out of
//! core files.
//!
//! A page is locked once, before the first secret lies on it, and never unlocked. Locks do not
//! nest: unlocking the page of one secret would unlock those of its neighbours. So places on these
//! pages are lent, and lent again when they come back. Where the system locks no more
//! (`RLIMIT_MEMLOCK`), pages are used unlocked: a secret that may be swapped is better than a
//! publication that fails.

use std::sync::{Mutex, PoisonError};

use memmap2::MmapMut;

/// A place of at least so many bytes, all zero; `None` if it would be larger than those that are
/// lent, or there is no memory.
pub(super) fn take(length: usize) -> Option<&'static mut [u8]> {
    SHELVES.iter().find(|shelf| shelf.width >= length)?.take()
}

/// Takes back a place, wiped, for somebody else.
pub(super) fn give_back(place: &'static mut [u8]) {
    if let Some(shelf) = SHELVES.iter().find(|shelf| shelf.width == place.len()) {
        shelf.give_back(place);
    }
}

/// The places of one width that nobody has.
struct Shelf {
    width: usize,
    free: Mutex<Vec<&'static mut [u8]>>,
}

impl Shelf {
    const fn of(width: usize) -> Shelf {
        Shelf { width, free: Mutex::new(Vec::new()) }
    }

    fn take(&self) -> Option<&'static mut [u8]> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.is_empty() {
            free.extend(new_pages()?.chunks_exact_mut(self.width));
        }
        free.pop()
    }

    fn give_back(&self, place: &'static mut [u8]) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(place);
    }
}

/// Pages that live as long as the process.
fn new_pages() -> Option<&'static mut [u8]> {
    let pages = MmapMut::map_anon(NEW_PAGES).ok()?;
    #[cfg(target_os = "linux")]
    let _ = pages.advise(memmap2::Advice::DontDump);
    #[cfg(unix)]
    let _ = pages.lock();
    let pages: &mut MmapMut = Box::leak(Box::new(pages));
    Some(pages)
}

/// Passphrases, seeds, scalars, derived keys; and keys in DER, of which RSA's of 4096 bits takes
/// 2400 bytes.
static SHELVES: [Shelf; 2] = [Shelf::of(128), Shelf::of(4096)];
/// Bytes; a multiple of the size of a page on every machine, and a small part of what any user may
/// lock.
const NEW_PAGES: usize = 16 << 10;
