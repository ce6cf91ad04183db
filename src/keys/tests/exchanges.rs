//! Export and import, and the keys that docker imports into nothing.

use super::*;

#[test]
fn exported_keys_are_imported_as_they_are_without_a_question() {
    let (_one, from) = trust();
    let root = from.store(&new_key(), "root", None, &mut say(&["a"])).unwrap();
    let targets = from.store(&new_key(), "targets", Some(&gun()), &mut say(&["b"])).unwrap();
    let stream = from.export(&[root, targets]).unwrap();
    let (_two, to) = trust();
    let mut nobody = say(&[]);
    let ids = to.import(&stream, ImportDefaults::default(), &mut nobody).unwrap();
    assert_eq!(ids, [root, targets]);
    assert!(nobody.asked.is_empty());
    assert_eq!(to.list().unwrap(), from.list().unwrap());
    for id in [root, targets] {
        let name = format!("{id}.key");
        let file = |keys: &KeyDirectory| fs::read(keys.path().join(&name)).unwrap();
        assert_eq!(file(&to), file(&from));
    }
}

#[test]
fn encrypted_keys_without_a_path_are_opened_and_kept_under_their_passphrase() {
    for [name, verdict, passphrase, _] in table("files.tsv") {
        if verdict != "open" || passphrase != "secret" {
            continue;
        }
        let text = fs::read(vectors().join("files").join(&name)).unwrap();
        let (_folder, keys) = trust();
        let mut source = say(&["wrong", "secret"]);
        let defaults = ImportDefaults { role: Some("alice"), gun: None };
        let ids = keys.import(&text, defaults, &mut source).unwrap();
        assert_eq!(keys.list().unwrap()[0].role.as_deref(), Some("alice"), "{name}");
        let written = fs::read_to_string(keys.path().join(format!("{}.key", ids[0]))).unwrap();
        assert!(written.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\nrole: alice\n\n"));
        keys.unlock(&ids[0], &mut say(&["secret"])).unwrap();
        let (_other, empty) = trust();
        assert!(empty.import(&text, defaults, &mut say(&["wrong"])).is_err(), "{name}");
        assert_eq!(empty.list().unwrap(), []);
    }
}

#[test]
fn plain_keys_get_a_new_passphrase() {
    let text = fs::read(vectors().join("files/p256-traditional.pem")).unwrap();
    let (_folder, keys) = trust();
    let mut source = say(&["new"]);
    let ids = keys.import(&text, ImportDefaults::default(), &mut source).unwrap();
    assert_eq!(source.asked, [(Purpose::Create, "delegation".to_owned(), 0)]);
    keys.unlock(&ids[0], &mut say(&["new"])).unwrap();
}

#[test]
fn a_stream_is_imported_whole_or_not_at_all() {
    let (_one, from) = trust();
    let root = from.store(&new_key(), "root", None, &mut say(&["a"])).unwrap();
    let mut stream = from.export(&[root]).unwrap().to_vec();
    stream.extend(fs::read(vectors().join("files/scrypt.pem")).unwrap());
    let (_two, to) = trust();
    assert!(to.import(&stream, ImportDefaults::default(), &mut say(&["secret"])).is_err());
    assert_eq!(to.list().unwrap(), []);

    let mut plain = from.export(&[root]).unwrap().to_vec();
    plain.extend(fs::read(vectors().join("files/p256-plain.pem")).unwrap());
    plain.extend(fs::read(vectors().join("files/rsa-plain.pem")).unwrap());
    let answer = to.import(&plain, ImportDefaults::default(), &mut say(&["only one"]));
    assert!(matches!(answer, Err(Error::NoPassphrase { .. })));
    assert_eq!(to.list().unwrap(), []);
}

#[test]
fn a_text_without_keys_is_an_error() {
    let (_folder, keys) = trust();
    for text in [&b""[..], b"hello", &fs::read(vectors().join("files/public.pem")).unwrap()] {
        let answer = keys.import(text, ImportDefaults::default(), &mut say(&["x"]));
        assert!(matches!(answer, Err(Error::NothingToImport)));
    }
}

#[test]
fn keys_of_a_collection_need_one() {
    let (_folder, keys) = trust();
    let text = fs::read(vectors().join("files/p256-plain.pem")).unwrap();
    let defaults = ImportDefaults { role: Some("targets"), gun: None };
    let answer = keys.import(&text, defaults, &mut say(&["x"]));
    assert!(matches!(answer, Err(Error::NoGun { .. })));
    let gun = gun();
    let defaults = ImportDefaults { role: Some("targets"), gun: Some(&gun) };
    keys.import(&text, defaults, &mut say(&["x"])).unwrap();
    assert_eq!(keys.list().unwrap()[0].gun.as_deref(), Some(gun.as_str()));
}

#[test]
fn old_paths_tell_role_and_collection_and_never_lead_outside() {
    let key = new_key();
    let id = canonical_key_id(key.public());
    let sealed = |path: String| {
        KeyFile::seal(&key, &pass("x")).unwrap().noted(None, None, Some(path)).to_pem().unwrap()
    };
    let (_folder, keys) = trust();
    let text = sealed(format!("tuf_keys/docker.io/library/alpine/{id}_targets"));
    keys.import(text.as_bytes(), ImportDefaults::default(), &mut say(&[])).unwrap();
    let entry = &keys.list().unwrap()[0];
    assert_eq!(entry.role.as_deref(), Some("targets"));
    assert_eq!(entry.gun.as_deref(), Some("docker.io/library/alpine"));

    for path in [format!("../../{id}"), format!("/etc/{id}"), "../../evil".to_owned()] {
        let (folder, keys) = trust();
        keys.import(sealed(path.clone()).as_bytes(), ImportDefaults::default(), &mut say(&["x"]))
            .unwrap();
        assert_eq!(keys.list().unwrap()[0].id, id, "{path}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "{path}");
    }
}

#[test]
fn a_plain_key_under_anothers_path_is_refused() {
    let other = canonical_key_id(new_key().public());
    let file = KeyFile::seal(&new_key(), &pass("")).unwrap();
    let text = file.noted(None, None, Some(other.to_string())).to_pem().unwrap();
    let (_folder, keys) = trust();
    let answer = keys.import(text.as_bytes(), ImportDefaults::default(), &mut say(&["x"]));
    assert!(matches!(answer, Err(Error::OtherKey { .. })));
}

#[test]
fn a_locked_key_takes_no_other_keys_place() {
    let (_folder, keys) = trust();
    let root = keys.store(&new_key(), "root", None, &mut say(&["mine"])).unwrap();
    let export = keys.export(&[root]).unwrap();
    let evil = KeyFile::seal(&new_key(), &pass("theirs")).unwrap();
    let evil = evil.noted(Some("root".to_owned()), None, Some(root.to_string())).to_pem().unwrap();
    let take = |text: &[u8], answers: &[&'static str]| {
        keys.import(text, ImportDefaults::default(), &mut say(answers))
    };
    assert!(matches!(take(evil.as_bytes(), &[]), Err(Error::NoPassphrase { .. })));
    assert!(matches!(take(evil.as_bytes(), &["mine"]), Err(Error::Unopened { .. })));
    assert!(matches!(take(evil.as_bytes(), &["theirs"]), Err(Error::OtherKey { .. })));
    keys.unlock(&root, &mut say(&["mine"])).unwrap();

    // What is here comes again without a question, and over a damaged file with one.
    assert_eq!(take(&export, &[]).unwrap(), [root]);
    put(&keys, &format!("{root}.key"), b"damaged");
    assert!(take(&export, &[]).is_err());
    assert_eq!(take(&export, &["mine"]).unwrap(), [root]);
    keys.unlock(&root, &mut say(&["mine"])).unwrap();
}

#[test]
fn an_old_export_puts_its_passphrase_back_only_for_who_knows_it() {
    let (_folder, keys) = trust();
    let alice = keys.store(&new_key(), "alice", None, &mut say(&["old"])).unwrap();
    let export = keys.export(&[alice]).unwrap();
    keys.change_passphrase(&alice, &mut say(&["old", "new"])).unwrap();
    let take = |answers: &[&'static str]| {
        keys.import(&export, ImportDefaults::default(), &mut say(answers))
    };
    assert!(take(&["new"]).is_err());
    keys.unlock(&alice, &mut say(&["new"])).unwrap();
    take(&["old"]).unwrap();
    keys.unlock(&alice, &mut say(&["old"])).unwrap();
}

#[test]
fn a_key_that_comes_again_stays_what_it_is_for() {
    let (_folder, keys) = trust();
    let gun = gun();
    for (role, gun, other) in [
        ("root", None, "alice"),
        ("alice", None, "root"),
        ("targets", Some(&gun), "alice"),
        ("targets", Some(&gun), "root"),
    ] {
        let id = keys.store(&new_key(), role, gun, &mut say(&["x"])).unwrap();
        let export = String::from_utf8(keys.export(&[id]).unwrap().to_vec()).unwrap();
        let noted = export.replace(&format!("role: {role}"), &format!("role: {other}"));
        let refused =
            keys.import(noted.as_bytes(), ImportDefaults::default(), &mut say(&["x", "x"]));
        assert!(matches!(refused, Err(Error::AlreadyHere { .. })), "{role}, {other}: {refused:?}");
        assert!(
            keys.list().unwrap().iter().any(|it| it.id == id && it.role.as_deref() == Some(role))
        );
        keys.import(export.as_bytes(), ImportDefaults::default(), &mut say(&[])).unwrap();
    }
    let id = keys.store(&new_key(), "targets", Some(&gun), &mut say(&["x"])).unwrap();
    let export = String::from_utf8(keys.export(&[id]).unwrap().to_vec()).unwrap();
    let noted = export.replace("team/app", "team/other");
    let refused = keys.import(noted.as_bytes(), ImportDefaults::default(), &mut say(&["x"]));
    assert!(matches!(refused, Err(Error::AlreadyHere { .. })), "{refused:?}");
}

#[test]
fn a_signers_key_is_loaded_under_no_name_that_its_file_contradicts() {
    let noted = |role: &str| {
        let file = KeyFile::seal(&new_key(), &pass("x")).unwrap();
        file.noted(Some(role.to_owned()), None, None).to_pem().unwrap()
    };
    for (role, name, kept) in [
        ("root", Some("alice"), None),
        ("root", None, None),
        ("bob", Some("alice"), None),
        ("targets/bob", Some("alice"), None),
        ("delegation", Some("root"), None),
        ("root", Some("root"), Some("root")),
        ("alice", Some("alice"), Some("alice")),
        ("targets/alice", Some("alice"), Some("targets/alice")),
        ("delegation", Some("alice"), Some("delegation")),
        ("alice", None, Some("alice")),
        ("", Some("alice"), Some("alice")),
        ("", None, Some("signer")),
    ] {
        let (_folder, keys) = trust();
        let loaded = keys.load(noted(role).as_bytes(), name, &mut say(&["x"]));
        let list = keys.list().unwrap();
        assert_eq!(list.first().and_then(|it| it.role.as_deref()), kept, "{role}, {name:?}");
        let refused = matches!(loaded, Err(Error::Noted { .. }));
        assert_eq!(refused, kept.is_none(), "{role}, {name:?}: {loaded:?}");
    }
    let (_folder, keys) = trust();
    let id = canonical_key_id(new_key().public());
    let old = KeyFile::seal(&new_key(), &pass("x")).unwrap();
    let old = old.noted(None, None, Some(format!("root_keys/{id}_root"))).to_pem().unwrap();
    let loaded = keys.load(old.as_bytes(), Some("alice"), &mut say(&["x"]));
    assert!(matches!(loaded, Err(Error::Noted { .. })), "{loaded:?}");
}
