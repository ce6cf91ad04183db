//! Names of images: references, digests and descriptors.
