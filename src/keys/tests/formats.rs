//! Threats L-11 and L-12.

use super::*;

#[test]
fn key_files_of_openssl_open_or_are_refused() {
    for [name, verdict, passphrase, public] in table("files.tsv") {
        let text = fs::read(vectors().join("files").join(&name)).unwrap();
        let opened = KeyFile::parse(&text).and_then(|file| file.open(&pass(&passphrase)));
        match verdict.as_str() {
            "open" => {
                let key = opened.unwrap_or_else(|error| panic!("{name}: {error}"));
                assert_eq!(key.public().spki(), base64(&public), "{name}");
            }
            _ => assert!(!matches!(opened.err().unwrap(), Error::Locked), "{name}"),
        }
    }
}

#[test]
fn wrong_passphrase_and_damage_give_one_answer() {
    for [name, verdict, passphrase, _] in table("files.tsv") {
        if verdict != "open" || passphrase == "-" {
            continue;
        }
        let text = fs::read_to_string(vectors().join("files").join(&name)).unwrap();
        let file = KeyFile::parse(text.as_bytes()).unwrap();
        assert!(file.is_encrypted(), "{name}");
        for wrong in ["", "secret ", "Secret", "wrong"] {
            assert_eq!(locked(file.open(&pass(wrong))), LOCKED, "{name}: {wrong}");
        }
        assert!(matches!(file.open_plain(), Err(Error::Locked)), "{name}");
    }
}

#[test]
fn damaged_ciphertext_gives_the_answer_of_a_wrong_passphrase() {
    let file = KeyFile::seal(&new_key(), &pass("secret")).unwrap();
    let text = file.to_pem().unwrap();
    let contents = base64(&text.lines().filter(|line| !line.contains('-')).collect::<String>());
    for place in contents.len() - 160..contents.len() {
        let mut damaged = contents.clone();
        damaged[place] ^= 1;
        let text = crate::crypto::pem::encode("ENCRYPTED PRIVATE KEY", &[], &damaged);
        let answer = KeyFile::parse(text.as_bytes()).unwrap().open(&pass("secret"));
        // A bit of a block's padding or of an unused part may go unnoticed in the key itself.
        match answer {
            Err(error) => assert_eq!(error.to_string(), LOCKED, "{place}"),
            Ok(key) => panic!("damage at {place} gave {key:?}"),
        }
    }
}

#[test]
fn what_is_sealed_opens_again_and_only_with_its_passphrase() {
    for key in crate::crypto::tests::one_key_of_each_kind() {
        for passphrase in ["secret", "ü 密", "x", &"long ".repeat(100)] {
            let file = KeyFile::seal(&key, &pass(passphrase)).unwrap();
            let file = KeyFile::parse(file.to_pem().unwrap().as_bytes()).unwrap();
            assert_eq!(file.open(&pass(passphrase)).unwrap().public(), key.public());
            assert!(matches!(file.open(&pass("other")), Err(Error::Locked)));
        }
    }
}

#[test]
fn an_empty_passphrase_leaves_the_key_open() {
    let key = new_key();
    let file = KeyFile::seal(&key, &pass("")).unwrap();
    let text = file.to_pem().unwrap();
    assert!(text.starts_with("-----BEGIN PRIVATE KEY-----\nM"));
    let file = KeyFile::parse(text.as_bytes()).unwrap();
    assert!(!file.is_encrypted());
    assert_eq!(file.open_plain().unwrap().public(), key.public());
}

#[test]
fn headers_are_written_in_order_and_read_back() {
    let some = |text: &str| Some(text.to_owned());
    let file = KeyFile::seal(&new_key(), &pass("x")).unwrap();
    let file = file.noted(some("targets"), some("localhost:5000/a"), some("ab"));
    let text = file.to_pem().unwrap();
    let start = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n\
                 gun: localhost:5000/a\npath: ab\nrole: targets\n\nM";
    assert!(text.starts_with(start), "{}", &text[..200]);
    let back = KeyFile::parse(text.as_bytes()).unwrap();
    assert_eq!((back.role, back.gun, back.path), (file.role, file.gun, file.path));
}

#[test]
fn roles_that_would_break_the_header_are_refused() {
    for role in ["a\nb", "a\r", " a", "a ", "\u{7f}"] {
        let file = KeyFile::seal(&new_key(), &pass("x")).unwrap();
        let file = file.noted(Some(role.to_owned()), None, None);
        assert!(matches!(file.to_pem(), Err(Error::Header { .. })), "{role:?}");
    }
}

#[test]
fn derivation_that_costs_too_much_is_refused_before_it_starts() {
    let plain = KeyFile::seal(&new_key(), &pass("x")).unwrap().to_pem().unwrap();
    let der = base64(&plain.lines().filter(|line| !line.contains('-')).collect::<String>());
    let count = der.windows(4).position(|it| it == [2, 2, 8, 0]).unwrap();
    let refused = |it: &Result<KeyFile, Error>| matches!(it, Err(Error::Encryption { .. }));
    for (bytes, cheap) in [
        (&[2, 2, 8, 0][..], true),
        (&[2, 4, 0x00, 0x98, 0x96, 0x80], true),
        (&[2, 4, 0x00, 0x98, 0x96, 0x81], false),
        (&[2, 4, 0x3b, 0x9a, 0xca, 0x00], false),
        (&[2, 1, 0], false),
    ] {
        let mut changed = der.clone();
        changed.splice(count..count + 4, bytes.iter().copied());
        // The lengths around the count: outermost, algorithm, parameters, derivation, its own.
        let grown = bytes.len() as i16 - 4;
        for place in [2, 4, 17, 19, 32] {
            changed[place] = (i16::from(changed[place]) + grown) as u8;
        }
        let text = crate::crypto::pem::encode("ENCRYPTED PRIVATE KEY", &[], &changed);
        let read = KeyFile::parse(text.as_bytes());
        assert_eq!((read.is_ok(), refused(&read)), (cheap, !cheap), "{bytes:?}");
    }
}

#[test]
fn odd_texts_are_refused_without_harm() {
    let good = KeyFile::seal(&new_key(), &pass("x")).unwrap().to_pem().unwrap().to_string();
    for length in 0..good.len() - 26 {
        assert!(KeyFile::parse(&good.as_bytes()[..length]).is_err(), "{length}");
    }
    for text in [
        good.replace("ENCRYPTED PRIVATE KEY", "OPENSSH PRIVATE KEY"),
        good.replace(
            "KEY-----\nM",
            "KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nM",
        ),
        good.replace("ENCRYPTED PRIVATE KEY", "EC PRIVATE KEY").replacen(
            '\n',
            "\nDEK-Info: AES-256-CBC,zz\n\n",
            1,
        ),
        good.replace("ENCRYPTED PRIVATE KEY", "EC PRIVATE KEY").replacen(
            '\n',
            "\nDEK-Info: RC2,00000000000000000000000000000000\n\n",
            1,
        ),
    ] {
        assert!(KeyFile::parse(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn errors_and_debug_say_nothing_of_the_secret() {
    let file = KeyFile::seal(&new_key(), &pass("canary-passphrase")).unwrap();
    let error = file.open(&pass("canary-wrong")).unwrap_err();
    assert!(!format!("{error:?} {error}").contains("canary"));
}

fn locked(answer: Result<PrivateKey, Error>) -> String {
    answer.expect_err("no key without the passphrase").to_string()
}

const LOCKED: &str = "wrong passphrase, or a damaged private key";
