//! What a pull may have beside the manifest that is signed: whatever that names.
//!
//! A client asks for the manifest that a tag means, and then by their digests for what stands in it.
//! Nobody signed those digests. They are known from manifests that were let through a while ago.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::pull::{Error, named_by};
use crate::image::{Descriptor, ImageDigest, Name};
use crate::net::Manifest;

/// Remembers what manifests name that were let through: each for as long, and all of them so many.
pub struct Gate {
    lasting: Duration,
    most: usize,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    listed: HashMap<Key, Listed>,
    /// In the order in which they will be forgotten. What was listed again stands here again.
    order: VecDeque<(Instant, Key)>,
}

type Key = (Arc<Name>, ImageDigest);

/// How something stands in a manifest that was let through.
#[derive(Clone)]
struct Listed {
    descriptor: Descriptor,
    kind: Kind,
    until: Instant,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Manifest,
    Blob,
}

impl Gate {
    /// One that remembers for so long, and so much.
    pub fn new(lasting: Duration, most: usize) -> Self {
        Self { lasting, most, memory: Mutex::default() }
    }

    /// Lets a manifest of a repository through, and with it what it names. The caller has found it to
    /// be signed, or to be a [`Self::manifest`] of this gate.
    ///
    /// # Errors
    ///
    /// [`Error::Manifest`] if nobody can tell what it names.
    pub fn let_through(&self, name: &Name, manifest: &Manifest, now: Instant) -> Result<(), Error> {
        let (manifests, blobs) = named_by(manifest)?;
        let (name, until) = (Arc::new(name.clone()), now + self.lasting);
        let mut memory = self.memory();
        memory.forget(now);
        let manifests = manifests.into_iter().map(|descriptor| (descriptor, Kind::Manifest));
        let blobs = blobs.into_iter().map(|descriptor| (descriptor, Kind::Blob));
        for (descriptor, kind) in manifests.chain(blobs) {
            memory.list(&name, Listed { descriptor, kind, until }, self.most);
        }
        Ok(())
    }

    /// The manifest with this digest, if an index that was let through lists it.
    pub fn manifest(&self, name: &Name, digest: ImageDigest, now: Instant) -> Option<Descriptor> {
        self.listed(name, digest, Kind::Manifest, now)
    }

    /// The blob with this digest, if a manifest that was let through lists it.
    pub fn blob(&self, name: &Name, digest: ImageDigest, now: Instant) -> Option<Descriptor> {
        self.listed(name, digest, Kind::Blob, now)
    }

    fn listed(
        &self,
        name: &Name,
        digest: ImageDigest,
        kind: Kind,
        now: Instant,
    ) -> Option<Descriptor> {
        let memory = self.memory();
        let found = memory.listed.get(&(Arc::new(name.clone()), digest))?;
        (found.kind == kind && now < found.until).then(|| found.descriptor.clone())
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // Whatever a panic left there was let through.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn list(&mut self, name: &Arc<Name>, listed: Listed, most: usize) {
        let key = (Arc::clone(name), listed.descriptor.digest);
        self.order.push_back((listed.until, key.clone()));
        self.listed.insert(key, listed);
        while self.order.len() > most {
            self.forget_first();
        }
    }

    fn forget(&mut self, now: Instant) {
        while self.order.front().is_some_and(|(until, _)| *until <= now) {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        let Some((until, key)) = self.order.pop_front() else { return };
        if self.listed.get(&key).is_some_and(|listed| listed.until == until) {
            self.listed.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
    const INDEX: &str = "application/vnd.oci.image.index.v1+json";

    fn digest(number: u8) -> ImageDigest {
        ImageDigest::of(&[number])
    }

    fn descriptor(number: u8, media_type: &str) -> serde_json::Value {
        json!({"digest": digest(number).to_string(), "size": number, "mediaType": media_type})
    }

    fn manifest(media_type: &str, document: &serde_json::Value) -> Manifest {
        let bytes = document.to_string().into_bytes();
        let (digest, size) = (ImageDigest::of(&bytes), bytes.len() as u64);
        let descriptor = Descriptor { digest, size, media_type: Some(media_type.to_owned()) };
        Manifest { descriptor, bytes }
    }

    fn image(config: u8, layer: u8) -> Manifest {
        let (config, layer) = (descriptor(config, "x"), descriptor(layer, "y"));
        manifest(IMAGE, &json!({"config": config, "layers": [layer]}))
    }

    fn name(text: &str) -> Name {
        text.parse().expect("a name")
    }

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn what_was_not_let_through_is_not_known() {
        let (gate, now) = (Gate::new(HOUR, 100), Instant::now());
        let (web, other) = (name("a.com/web"), name("a.com/other"));
        assert!(gate.blob(&web, digest(1), now).is_none());
        gate.let_through(&web, &image(1, 2), now).expect("an image");
        for blob in [1, 2] {
            let found = gate.blob(&web, digest(blob), now).expect("a blob of it");
            assert_eq!(found.size, u64::from(blob));
            assert!(gate.manifest(&web, digest(blob), now).is_none(), "it is no manifest");
            assert!(gate.blob(&other, digest(blob), now).is_none(), "of another repository");
        }
        assert!(gate.blob(&web, digest(3), now).is_none());
        let index = manifest(INDEX, &json!({"manifests": [descriptor(9, IMAGE)]}));
        gate.let_through(&web, &index, now).expect("an index");
        let found = gate.manifest(&web, digest(9), now).expect("a manifest of it");
        assert_eq!(found.media_type.as_deref(), Some(IMAGE));
        assert!(gate.blob(&web, digest(9), now).is_none(), "it is no blob");
        let odd = manifest(IMAGE, &json!({"config": 1, "layers": []}));
        assert!(gate.let_through(&web, &odd, now).is_err());
    }

    #[test]
    fn it_is_forgotten_unless_it_is_let_through_again() {
        let (gate, now) = (Gate::new(HOUR, 100), Instant::now());
        let web = name("a.com/web");
        gate.let_through(&web, &image(1, 2), now).expect("an image");
        gate.let_through(&web, &image(1, 3), now + HOUR / 2).expect("an image");
        let known = |blob, after| gate.blob(&web, digest(blob), now + after).is_some();
        let last = HOUR - Duration::from_secs(1);
        assert!(known(1, last) && known(2, last) && known(3, last));
        assert!(known(1, HOUR) && !known(2, HOUR) && known(3, HOUR));
        gate.let_through(&web, &image(4, 5), now + HOUR).expect("an image");
        assert!(known(1, HOUR), "the older mention is gone, the newer one counts");
        assert!(!known(1, HOUR * 2) && !known(3, HOUR * 2));
    }

    #[test]
    fn only_so_much_is_remembered() {
        let (gate, now) = (Gate::new(HOUR, 4), Instant::now());
        let web = name("a.com/web");
        for number in 0..200 {
            gate.let_through(&web, &image(number, number + 1), now).expect("an image");
        }
        let memory = gate.memory();
        assert!(memory.listed.len() <= 4 && memory.order.len() <= 4);
        drop(memory);
        assert!(gate.blob(&web, digest(200), now).is_some(), "the newest");
        assert!(gate.blob(&web, digest(0), now).is_none());
    }
}
