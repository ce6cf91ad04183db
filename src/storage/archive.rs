//! Trust data kept for years: whole collections in one file, as a server served them.
//!
//! The file is a tar archive that any tar reads. Metadata stands in it byte for byte, each file once, under
//! the name of its hash (`blobs/sha256/HEX`); after the files of a collection comes the document that says
//! what they are (`collections/HEX.json`, the hash being that of the collection's name); last comes a table
//! of contents (`manifest.json`). What stands later counts.
//!
//! - An archive only grows, and a collection counts when its document is whole. So work that was broken off
//!   goes on where it stopped, and what was left half-written at the end is cut off.
//! - Nothing in it is trusted. Bytes are compared with their hash when they are read, and then go to
//!   `verify` like a server's.

mod document;
mod entries;
mod reader;
mod writer;

pub use document::{
    ArchivedCollection, ArchivedDialect, ArchivedFile, FORMAT, Failed, Listed, Manifest, Verdict,
};
pub use reader::ArchiveReader;
pub use writer::ArchiveWriter;

use crate::crypto::Sha256;

fn blob_name(sha256: &Sha256) -> String {
    format!("{BLOBS}{sha256}")
}

fn document_name(gun: &str) -> String {
    format!("{COLLECTIONS}{}.json", Sha256::of(gun.as_bytes()))
}

const BLOBS: &str = "blobs/sha256/";
const COLLECTIONS: &str = "collections/";
const MANIFEST: &str = "manifest.json";
/// Bytes of one document; a collection of a hundred thousand files has one of 20 MiB.
const MAX_DOCUMENT: u64 = 64 << 20;

#[cfg(test)]
mod tests;
