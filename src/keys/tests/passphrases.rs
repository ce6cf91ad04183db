//! Threat L-09 and the sources of passphrases.

use super::*;

#[test]
fn variables_of_docker_and_notary_are_found_by_role() {
    let ask = |role, set: &[&str], attempt| {
        let lookup = |name: &str| set.contains(&name).then(|| name.to_owned());
        text(Environment::new(lookup).passphrase(&request(role, attempt)))
    };
    let (docker_root, docker) =
        ("DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE", "DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE");
    let all = [
        docker_root,
        docker,
        "NOTARY_ROOT_PASSPHRASE",
        "NOTARY_TARGETS_PASSPHRASE",
        "NOTARY_SNAPSHOT_PASSPHRASE",
        "NOTARY_DELEGATION_PASSPHRASE",
    ];
    for (role, first, second) in [
        ("root", docker_root, Some("NOTARY_ROOT_PASSPHRASE")),
        ("targets", docker, Some("NOTARY_TARGETS_PASSPHRASE")),
        ("snapshot", docker, Some("NOTARY_SNAPSHOT_PASSPHRASE")),
        ("timestamp", docker, None),
        ("targets/releases", docker, Some("NOTARY_DELEGATION_PASSPHRASE")),
        ("alice", docker, Some("NOTARY_DELEGATION_PASSPHRASE")),
        ("", docker, Some("NOTARY_DELEGATION_PASSPHRASE")),
    ] {
        assert_eq!(ask(role, &all, 0).as_deref(), Some(first), "{role}");
        assert_eq!(ask(role, &all, 1).as_deref(), second, "{role}");
        assert_eq!(ask(role, &all, 2), None, "{role}");
        assert_eq!(ask(role, &all[2..], 0).as_deref(), second, "{role}");
        assert_eq!(ask(role, &[], 0), None, "{role}");
    }
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let lookup = |name: &str| Some(if name.starts_with("NOTARY") { "x" } else { "" }.to_owned());
    assert_eq!(
        text(Environment::new(lookup).passphrase(&request("root", 0))).as_deref(),
        Some("x")
    );
}

#[test]
fn a_file_holds_one_passphrase_or_one_for_each_role() {
    let ask = |content: &str, role| {
        let mut file = PassphraseFile::parse(content.as_bytes()).unwrap();
        assert!(file.passphrase(&request(role, 1)).is_err());
        text(file.passphrase(&request(role, 0)))
    };
    for content in ["secret", "secret\n", "secret\r\n"] {
        assert_eq!(ask(content, "root").as_deref(), Some("secret"));
        assert_eq!(ask(content, "alice").as_deref(), Some("secret"));
    }
    assert_eq!(ask("ab=c d= ", "root").as_deref(), Some("ab=c d= "));
    let several = "root=a=b\ntargets=t\ndelegation=d\ntargets/qa=q\n";
    assert_eq!(ask(several, "root").as_deref(), Some("a=b"));
    assert_eq!(ask(several, "targets").as_deref(), Some("t"));
    assert_eq!(ask(several, "targets/qa").as_deref(), Some("q"));
    assert_eq!(ask(several, "targets/releases").as_deref(), Some("d"));
    assert_eq!(ask(several, "alice").as_deref(), Some("d"));
    assert_eq!(ask(several, "snapshot"), None);
    assert_eq!(ask("root=x", "targets"), None);
}

#[test]
fn other_files_of_passphrases_are_refused_without_quoting_them() {
    for content in [&b""[..], b"\n\n", b"canary\nother", b"root=a\ncanary", b"\xff"] {
        let error = PassphraseFile::parse(content).err().unwrap();
        assert!(!format!("{error} {error:?}").contains("canary"));
    }
}

#[test]
fn a_line_without_its_passphrase_is_refused_by_its_number() {
    for (content, line) in [
        ("root=", 1),
        ("root=\r\n", 1),
        ("token=\n", 1),
        ("root=canary\n\ntargets=\n", 3),
        ("targets/alice=\ndelegation=canary\n", 1),
    ] {
        let told = PassphraseFile::parse(content.as_bytes()).err().unwrap().to_string();
        assert!(told.contains(&format!("line {line} ")) && !told.contains("canary"), "{told}");
    }
    // Whatever is no role may end with the sign.
    assert!(PassphraseFile::parse(b"c2VjcmV0=").is_ok());
}

#[test]
fn a_pin_is_what_was_given_as_one_and_no_keys_passphrase() {
    let pin = |label| PassphraseRequest { purpose: Purpose::Pin, ..request(label, 0) };
    let keys = ["token", "targets/token", "alice", "root"];
    for (content, expected, of_keys) in [
        ("passphrase", None, [Some("passphrase"); 4]),
        ("token=1234", Some("1234"), [None; 4]),
        ("token=1234\ntargets/token=t", Some("1234"), [Some("t"), Some("t"), None, None]),
        ("delegation=d\ntoken=1234", Some("1234"), [Some("d"), Some("d"), Some("d"), None]),
        ("root=r\ndelegation=d", None, [Some("d"), Some("d"), Some("d"), Some("r")]),
    ] {
        let mut file = PassphraseFile::parse(content.as_bytes()).unwrap();
        for label in ["release", "token", "root", "targets/token"] {
            assert_eq!(text(file.passphrase(&pin(label))).as_deref(), expected, "{content}");
        }
        let found = keys.map(|role| text(file.passphrase(&request(role, 0))));
        assert_eq!(found.each_ref().map(Option::as_deref), of_keys, "{content}");
    }
    for content in ["1234\n", "token=1234\n"] {
        let mut file = PassphraseFile::parse_pin(content.as_bytes()).unwrap();
        assert_eq!(text(file.passphrase(&pin("release"))).as_deref(), Some("1234"));
    }
    let mut variables = Environment::new(|name: &str| Some(name.to_owned()));
    let mut ask = |request: &PassphraseRequest<'_>| text(variables.passphrase(request));
    assert_eq!(ask(&pin("root")).as_deref(), Some("COUNTERSIGN_TOKEN_PIN"));
    assert_eq!(
        ask(&request("token", 0)).as_deref(),
        Some("DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE")
    );
}

#[test]
fn sources_are_asked_in_turn_until_one_fits() {
    let (_folder, keys) = trust();
    let id = keys.store(&new_key(), "root", None, &mut say(&["x"])).unwrap();
    let environment = || Environment::new(|_: &str| Some("wrong".to_owned()));
    let file = || PassphraseFile::parse(b"x").unwrap();
    let mut chain = Chain::new().then(environment()).then(file());
    keys.unlock(&id, &mut chain).unwrap();
    keys.unlock(&id, &mut chain).unwrap();
    let mut wrong = Chain::new().then(environment()).then(PassphraseFile::parse(b"y").unwrap());
    assert!(stays_locked(keys.unlock(&id, &mut wrong)));
    let mut none = Chain::new();
    assert!(matches!(keys.unlock(&id, &mut none), Err(Error::NoPassphrase { .. })));
}

#[test]
fn a_source_that_breaks_ends_the_search() {
    struct Broken;
    impl PassphraseSource for Broken {
        fn passphrase(&mut self, _: &PassphraseRequest<'_>) -> Result<Passphrase, Error> {
            Err(Error::Asking { source: std::io::ErrorKind::Interrupted.into() })
        }
    }
    let mut chain = Chain::new().then(Broken).then(PassphraseFile::parse(b"x").unwrap());
    assert!(matches!(chain.passphrase(&request("root", 0)), Err(Error::Asking { .. })));
}

#[test]
fn passphrases_have_no_debug_no_clone_and_no_display() {
    // Whatever implements one of the traits has two candidates here and does not compile.
    trait NotImplemented<A> {
        fn check() {}
    }
    impl<T> NotImplemented<()> for T {}
    impl<T: Clone> NotImplemented<u8> for T {}
    impl<T: std::fmt::Debug> NotImplemented<u16> for T {}
    impl<T: std::fmt::Display> NotImplemented<u32> for T {}
    impl<T: PartialEq> NotImplemented<u64> for T {}
    <Passphrase as NotImplemented<_>>::check();
}

#[cfg(feature = "keyring")]
#[test]
fn the_keyring_is_asked_once_and_only_to_unlock_a_known_key() {
    let mut keyring = Keyring::new();
    let id = canonical_key_id(new_key().public());
    let create =
        PassphraseRequest { purpose: Purpose::Create, id: Some(&id), ..request("root", 0) };
    let again = PassphraseRequest { id: Some(&id), ..request("root", 1) };
    for request in [request("root", 0), create, again] {
        assert!(matches!(keyring.passphrase(&request), Err(Error::NoPassphrase { .. })));
    }
    let pin = PassphraseRequest { purpose: Purpose::Pin, id: Some(&id), ..request("release", 0) };
    assert!(matches!(keyring.passphrase(&pin), Err(Error::NoPin { .. })));
}

fn request(role: &str, attempt: u32) -> PassphraseRequest<'_> {
    PassphraseRequest { purpose: Purpose::Unlock, role, gun: None, id: None, attempt }
}

fn text(answer: Result<Passphrase, Error>) -> Option<String> {
    answer.ok().map(|it| it.as_str().to_owned())
}
