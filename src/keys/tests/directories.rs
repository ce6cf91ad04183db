//! Threats L-01, L-02, L-03, L-11, and the older layouts.

use super::*;

#[test]
fn keys_made_by_docker_and_notary_are_listed_and_opened() {
    let (_folder, keys) = trust();
    for [id, ..] in table("private.tsv") {
        let name = format!("{id}.key");
        put(&keys, &name, &fs::read(vectors().join("private").join(&name)).unwrap());
    }
    let listed = keys.list().unwrap();
    assert_eq!(listed.len(), table("private.tsv").len());
    for [id, role, gun, passphrase] in table("private.tsv") {
        let id = id.parse().unwrap();
        let entry = listed.iter().find(|entry| entry.id == id).unwrap();
        assert_eq!(entry.role.as_deref(), Some(role.as_str()));
        assert_eq!(entry.gun.as_deref(), Some(gun.as_str()).filter(|gun| *gun != "-"));
        let passphrase = Box::leak(passphrase.into_boxed_str());
        let key = keys.unlock(&id, &mut say(&["wrong", passphrase])).unwrap();
        assert_eq!(canonical_key_id(key.public()), id);
        key.sign(b"m").unwrap();
    }
}

#[test]
fn stored_key_is_listed_opened_and_removed() {
    let (_folder, keys) = trust();
    assert_eq!(keys.list().unwrap(), []);
    let key = new_key();
    let id = keys.store(&key, "targets", Some(&gun()), &mut say(&["secret"])).unwrap();
    let entry = KeyEntry {
        id,
        role: Some("targets".to_owned()),
        gun: Some("localhost:5000/team/app".to_owned()),
        is_unreadable: false,
    };
    assert_eq!(keys.list().unwrap(), [entry]);
    assert_eq!(keys.unlock(&id, &mut say(&["secret"])).unwrap().public(), key.public());
    keys.remove(&id).unwrap();
    assert_eq!(keys.list().unwrap(), []);
    assert!(matches!(keys.remove(&id), Err(Error::NoSuchKey { .. })));
    assert!(matches!(keys.unlock(&id, &mut say(&[])), Err(Error::NoSuchKey { .. })));
}

#[test]
fn only_keys_of_a_collection_note_it() {
    let (_folder, keys) = trust();
    for role in ["root", "targets/releases", "alice", ""] {
        let id = keys.store(&new_key(), role, Some(&gun()), &mut say(&["x"])).unwrap();
        let entry = keys.list().unwrap().into_iter().find(|it| it.id == id).unwrap();
        assert_eq!(entry.gun, None, "{role}");
        assert_eq!(entry.role.unwrap_or_default(), role);
    }
}

#[test]
fn files_are_private_from_the_first_moment() {
    let (folder, keys) = trust();
    let id = keys.store(&new_key(), "root", None, &mut say(&["x"])).unwrap();
    assert_eq!(mode(keys.path()), 0o700);
    assert_eq!(mode(&keys.path().join(format!("{id}.key"))), 0o600);
    let names = fs::read_dir(folder.path().join("private")).unwrap().count();
    assert_eq!(names, 1, "no temporary file stays");
}

#[test]
fn keys_that_others_can_read_are_refused_with_the_remedy() {
    let (_folder, keys) = trust();
    let id = keys.store(&new_key(), "root", None, &mut say(&["x"])).unwrap();
    let path = keys.path().join(format!("{id}.key"));
    for loose in [0o640, 0o604, 0o660, 0o666, 0o610, 0o602] {
        chmod(&path, loose);
        let error = keys.unlock(&id, &mut say(&["x"])).unwrap_err();
        assert!(error.to_string().contains(&format!("chmod 600 '{}'", path.display())), "{error}");
        assert!(keys.export(&[id]).is_err());
        assert_eq!(keys.list().unwrap()[0].role.as_deref(), Some("root"));
    }
    chmod(&path, 0o400);
    keys.unlock(&id, &mut say(&["x"])).unwrap();
}

#[test]
fn a_directory_that_others_can_write_is_refused_with_the_remedy() {
    let (_folder, keys) = trust();
    let id = keys.store(&new_key(), "root", None, &mut say(&["x"])).unwrap();
    for loose in [0o777, 0o770, 0o707] {
        chmod(keys.path(), loose);
        let error = keys.unlock(&id, &mut say(&["x"])).unwrap_err();
        assert!(error.to_string().contains("chmod 700"), "{error}");
        assert!(keys.list().is_err());
        assert!(keys.store(&new_key(), "root", None, &mut say(&["x"])).is_err());
    }
    chmod(keys.path(), 0o755);
    keys.unlock(&id, &mut say(&["x"])).unwrap();
}

#[test]
fn links_are_neither_listed_nor_followed() {
    let (folder, keys) = trust();
    let id = keys.store(&new_key(), "root", None, &mut say(&["x"])).unwrap();
    let path = keys.path().join(format!("{id}.key"));
    let elsewhere = folder.path().join("elsewhere");
    fs::rename(&path, &elsewhere).unwrap();
    symlink(&elsewhere, &path).unwrap();
    assert_eq!(keys.list().unwrap(), []);
    assert!(keys.unlock(&id, &mut say(&["x"])).is_err());
    assert!(matches!(files::read_private(&path), Err(Error::NotAFile { .. })));

    // Writing replaces the link and leaves alone what it led to.
    let before = fs::read(&elsewhere).unwrap();
    let (other, bashrc) = (new_key(), folder.path().join("bashrc"));
    fs::write(&bashrc, "mine").unwrap();
    let target = keys.path().join(format!("{}.key", canonical_key_id(other.public())));
    symlink(&bashrc, &target).unwrap();
    keys.store(&other, "root", None, &mut say(&["x"])).unwrap();
    assert!(!fs::symlink_metadata(&target).unwrap().is_symlink());
    assert_eq!(fs::read(&bashrc).unwrap(), b"mine");
    assert_eq!(fs::read(&elsewhere).unwrap(), before);
}

#[test]
fn a_linked_key_directory_is_refused() {
    let (folder, keys) = trust();
    let elsewhere = folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    symlink(&elsewhere, keys.path()).unwrap();
    assert!(matches!(keys.list(), Err(Error::NotAFile { .. })));
    assert!(keys.store(&new_key(), "root", None, &mut say(&["x"])).is_err());
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
}

#[test]
fn the_file_of_another_key_is_refused() {
    let (_folder, keys) = trust();
    let id = keys.store(&new_key(), "root", None, &mut say(&["x"])).unwrap();
    let other = canonical_key_id(new_key().public());
    let (from, to) = (format!("{id}.key"), format!("{other}.key"));
    fs::rename(keys.path().join(from), keys.path().join(to)).unwrap();
    let error = keys.unlock(&other, &mut say(&["x"])).unwrap_err();
    let Error::OtherKey { expected, found } = error else { panic!("{error}") };
    assert_eq!((expected, found), (other, id));
}

#[test]
fn files_that_are_no_keys_do_not_disturb() {
    let (_folder, keys) = trust();
    let id = keys.store(&new_key(), "root", None, &mut say(&["x"])).unwrap();
    put(&keys, "notes.txt", b"x");
    put(&keys, "short.key", b"x");
    put(&keys, &format!("{id}"), b"x");
    let damaged = canonical_key_id(new_key().public());
    put(&keys, &format!("{damaged}.key"), b"damaged");
    fs::create_dir(keys.path().join(format!("{}.key", canonical_key_id(new_key().public()))))
        .unwrap();
    let listed = keys.list().unwrap();
    assert_eq!(listed.len(), 2);
    let entry = listed.iter().find(|entry| entry.id == damaged).unwrap();
    assert_eq!((entry.role.clone(), entry.gun.clone()), (None, None));
    assert!(entry.is_unreadable);
    let refused = keys.unlock(&damaged, &mut say(&["x"])).unwrap_err();
    assert_eq!(refused.to_string(), format!("key {}", damaged.short()), "it is named");
    keys.unlock(&id, &mut say(&["x"])).unwrap();
}

#[test]
fn files_of_any_size_and_kind_are_read_within_bounds() {
    let (_folder, keys) = trust();
    let id = canonical_key_id(new_key().public());
    let path = put(&keys, &format!("{id}.key"), &vec![b'a'; 1 << 20]);
    assert!(matches!(keys.unlock(&id, &mut say(&["x"])), Err(Error::NotAFile { .. })));
    fs::remove_file(&path).unwrap();
    std::os::unix::net::UnixListener::bind(&path).unwrap();
    assert!(keys.unlock(&id, &mut say(&["x"])).is_err());
}

#[test]
fn unencrypted_keys_need_no_passphrase() {
    let (_folder, keys) = trust();
    let key = new_key();
    let id = keys.store(&key, "root", None, &mut say(&[""])).unwrap();
    let mut nobody = say(&[]);
    assert_eq!(keys.unlock(&id, &mut nobody).unwrap().public(), key.public());
    assert!(nobody.asked.is_empty());
}

#[test]
fn passphrases_are_asked_for_until_one_fits_and_not_for_ever() {
    let (_folder, keys) = trust();
    let id = keys.store(&new_key(), "root", None, &mut say(&["x"])).unwrap();
    let mut source = say(&["a", "b", "x"]);
    keys.unlock(&id, &mut source).unwrap();
    let asked = [0, 1, 2].map(|attempt| (Purpose::Unlock, "root".to_owned(), attempt));
    assert_eq!(source.asked, asked);
    assert!(stays_locked(keys.unlock(&id, &mut say(&["a"]))));
    assert!(matches!(keys.unlock(&id, &mut say(&[])), Err(Error::NoPassphrase { .. })));
    let mut patient = say(&["wrong"; 50]);
    assert!(stays_locked(keys.unlock(&id, &mut patient)));
    assert_eq!(patient.asked.len(), 10);
}

#[test]
fn passphrase_changes_and_notes_stay() {
    let (_folder, keys) = trust();
    let key = new_key();
    let id = keys.store(&key, "targets", Some(&gun()), &mut say(&["old"])).unwrap();
    let before = keys.list().unwrap();
    assert!(keys.change_passphrase(&id, &mut say(&["wrong"])).is_err());
    assert!(keys.change_passphrase(&id, &mut say(&["old"])).is_err(), "no new one given");
    keys.unlock(&id, &mut say(&["old"])).unwrap();
    keys.change_passphrase(&id, &mut say(&["old", "new"])).unwrap();
    assert_eq!(keys.list().unwrap(), before);
    assert!(keys.unlock(&id, &mut say(&["old"])).is_err());
    assert_eq!(keys.unlock(&id, &mut say(&["new"])).unwrap().public(), key.public());
}

#[test]
fn keys_in_the_older_layout_are_read_where_they_are() {
    let (_folder, keys) = trust();
    let sealed = || {
        let key = new_key();
        let text = KeyFile::seal(&key, &pass("x")).unwrap().to_pem().unwrap();
        (canonical_key_id(key.public()), text)
    };
    let cases = [
        ("root_keys/ID.key", "root", None),
        ("root_keys/ID_root.key", "root", None),
        (
            "tuf_keys/docker.io/library/alpine/ID_targets.key",
            "targets",
            Some("docker.io/library/alpine"),
        ),
        ("tuf_keys/localhost:5000/a/ID_snapshot.key", "snapshot", Some("localhost:5000/a")),
    ];
    for (place, role, gun) in cases {
        let (id, text) = sealed();
        put(&keys, &place.replace("ID", &id.to_string()), text.as_bytes());
        let entry = keys.list().unwrap().into_iter().find(|entry| entry.id == id).unwrap();
        assert_eq!((entry.role.as_deref(), entry.gun.as_deref()), (Some(role), gun), "{place}");
        keys.unlock(&id, &mut say(&["x"])).unwrap();
        keys.change_passphrase(&id, &mut say(&["x", "y"])).unwrap();
        assert!(keys.path().join(format!("{id}.key")).exists(), "moved to today's layout");
        assert_eq!(keys.list().unwrap().into_iter().filter(|it| it.id == id).count(), 1);
        assert_eq!(keys.list().unwrap().into_iter().find(|it| it.id == id).unwrap(), entry);
        keys.unlock(&id, &mut say(&["y"])).unwrap();
        keys.remove(&id).unwrap();
        assert!(keys.list().unwrap().iter().all(|it| it.id != id), "{place}");
    }
}

#[test]
fn memory_keeps_what_it_is_given() {
    let keys = MemoryKeys::new();
    let key = new_key();
    let id = keys.store(&key, "root", None, &mut say(&[])).unwrap();
    assert_eq!(keys.list().unwrap()[0].role.as_deref(), Some("root"));
    assert_eq!(keys.signer(&id, &mut say(&[])).unwrap().public(), key.public());
    keys.remove(&id).unwrap();
    assert!(matches!(keys.signer(&id, &mut say(&[])), Err(Error::NoSuchKey { .. })));
    assert!(matches!(keys.remove(&id), Err(Error::NoSuchKey { .. })));
}
