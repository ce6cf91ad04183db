//! An archive is whole up to its last whole entry, and believes nothing.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;

use super::*;
use crate::storage::Error;

struct Shelf {
    folder: tempfile::TempDir,
}

impl Shelf {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("trust.tar")
    }

    fn writer(&self) -> ArchiveWriter {
        ArchiveWriter::open(&self.path(), "2026-11-25T00:00:00Z".parse().unwrap()).unwrap()
    }

    fn reader(&self) -> ArchiveReader {
        ArchiveReader::open(&self.path()).unwrap()
    }

    fn put(writer: &mut ArchiveWriter, gun: &str, files: &[&[u8]]) {
        let files = files.iter().map(|bytes| ArchivedFile {
            role: "root".to_owned(),
            version: Some(1),
            sha256: writer.file(bytes).unwrap().to_string(),
            length: bytes.len() as u64,
            current: true,
        });
        let collection = ArchivedCollection {
            format: 1,
            gun: gun.to_owned(),
            server: "notary.example.com".to_owned(),
            dialect: ArchivedDialect::Notary,
            fetched_at: "2026-11-25T00:00:00Z".parse().unwrap(),
            files: files.collect(),
            problems: Vec::new(),
            verdict: Verdict::Refused { reason: "a test".to_owned() },
        };
        writer.collection(&collection).unwrap();
    }
}

#[test]
fn what_is_written_is_read_and_tar_reads_it_too() {
    let shelf = Shelf::new();
    let mut writer = shelf.writer();
    Shelf::put(&mut writer, "b", &[b"one", b""]);
    Shelf::put(&mut writer, "a", &[b"one", &[7; 512]]);
    let manifest = writer.finish("a test", Vec::new()).unwrap();
    let reader = shelf.reader();
    let names: Vec<String> = reader.collections().unwrap().into_iter().map(|it| it.gun).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(reader.manifest().unwrap().as_ref(), Some(&manifest));
    for bytes in [&b"one"[..], b"", &[7; 512]] {
        assert_eq!(reader.file(&Sha256::of(bytes), 512).unwrap().unwrap(), bytes);
    }
    assert!(reader.file(&Sha256::of(b"two"), 512).unwrap().is_none());
    assert!(matches!(reader.file(&Sha256::of(b"one"), 2), Err(Error::DamagedArchive { .. })));
    let listed = std::process::Command::new("tar").arg("tf").arg(shelf.path()).output().unwrap();
    assert!(listed.status.success(), "{listed:?}");
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert_eq!(listed.matches("blobs/sha256/").count(), 3, "each file once:\n{listed}");
}

#[test]
fn work_that_was_broken_off_anywhere_goes_on() {
    let whole = Shelf::new();
    let mut writer = whole.writer();
    Shelf::put(&mut writer, "a", &[b"one"]);
    let first = fs::metadata(whole.path()).unwrap().len();
    Shelf::put(&mut writer, "b", &[b"two"]);
    writer.finish("a test", Vec::new()).unwrap();
    let bytes = fs::read(whole.path()).unwrap();
    for length in (0..bytes.len()).step_by(100) {
        let shelf = Shelf::new();
        fs::write(shelf.path(), &bytes[..length]).unwrap();
        if length > 0 && length < 19 {
            continue;
        }
        let mut writer = shelf.writer();
        let held = writer.held("a").unwrap();
        assert_eq!(held.is_some(), length as u64 >= first, "{length} bytes");
        Shelf::put(&mut writer, "c", &[b"three"]);
        writer.finish("a test", Vec::new()).unwrap();
        let reader = shelf.reader();
        assert!(reader.collection("c").unwrap().is_some(), "{length} bytes");
        assert!(reader.file(&Sha256::of(b"three"), 9).unwrap().is_some(), "{length} bytes");
        reader.collections().unwrap();
    }
}

#[test]
fn what_is_no_archive_is_left_alone() {
    let shelf = Shelf::new();
    fs::write(shelf.path(), "a letter").unwrap();
    let now = "2026-11-25T00:00:00Z".parse().unwrap();
    assert!(matches!(ArchiveWriter::open(&shelf.path(), now), Err(Error::Refused { .. })));
    assert!(matches!(ArchiveReader::open(&shelf.path()), Err(Error::Refused { .. })));
    assert_eq!(fs::read(shelf.path()).unwrap(), b"a letter");
}

#[test]
fn one_process_writes_at_a_time() {
    let shelf = Shelf::new();
    let _writer = shelf.writer();
    let now = "2026-11-25T00:00:00Z".parse().unwrap();
    assert!(matches!(ArchiveWriter::open(&shelf.path(), now), Err(Error::Locked { .. })));
}

#[test]
fn bytes_that_changed_are_found_out() {
    let shelf = Shelf::new();
    let mut writer = shelf.writer();
    Shelf::put(&mut writer, "a", &[b"one"]);
    writer.finish("a test", Vec::new()).unwrap();
    let bytes = fs::read(shelf.path()).unwrap();
    let at = bytes.windows(3).position(|window| window == b"one").unwrap();
    let mut changed = bytes.clone();
    changed[at] = b'O';
    OpenOptions::new().write(true).open(shelf.path()).unwrap().write_all(&changed).unwrap();
    let read = shelf.reader().file(&Sha256::of(b"one"), 9);
    assert!(matches!(read, Err(Error::DamagedArchive { .. })), "{read:?}");

    let mut writer = shelf.writer();
    assert!(!writer.keeps(&Sha256::of(b"one"), 3));
    for _ in 0..2 {
        writer.file(b"one").unwrap();
        assert!(writer.keeps(&Sha256::of(b"one"), 3));
    }
    writer.finish("a test", Vec::new()).unwrap();
    assert_eq!(shelf.reader().file(&Sha256::of(b"one"), 9).unwrap().unwrap(), b"one");
    let whole = fs::read(shelf.path()).unwrap();
    assert_eq!(whole.windows(3).filter(|it| it == b"one").count(), 1, "replaced, and only once");
}

#[test]
fn what_follows_damage_in_a_finished_archive_is_not_cut_off() {
    let shelf = Shelf::new();
    let mut writer = shelf.writer();
    Shelf::put(&mut writer, "a", &[b"one"]);
    let first = fs::metadata(shelf.path()).unwrap().len();
    Shelf::put(&mut writer, "b", &[b"two"]);
    writer.finish("a test", Vec::new()).unwrap();
    shelf.writer().finish("a test", Vec::new()).unwrap();
    let mut bytes = fs::read(shelf.path()).unwrap();
    bytes[usize::try_from(first).unwrap()] ^= 1;
    fs::write(shelf.path(), &bytes).unwrap();
    let now = "2026-11-25T00:00:00Z".parse().unwrap();
    assert!(matches!(ArchiveWriter::open(&shelf.path(), now), Err(Error::DamagedArchive { .. })));
    assert_eq!(fs::read(shelf.path()).unwrap(), bytes);
}
