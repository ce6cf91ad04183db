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
