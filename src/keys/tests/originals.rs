//! What we write, as the formats of the originals have it byte for byte.

use super::*;

/// `notary` 0.7 wrote this with the passphrase `rootpass123`.
#[test]
fn the_published_key_opens() {
    let id = "fe2a5f637b8d830089eafe23bbde060825156e63f81909659d3befb084a5ed01".parse().unwrap();
    let (_folder, keys) = trust();
    put(&keys, &format!("{id}.key"), PUBLISHED.as_bytes());
    keys.unlock(&id, &mut say(&["rootpass123"])).unwrap();
}

#[test]
fn a_key_written_again_has_the_form_and_length_of_the_original() {
    for [id, role, gun, passphrase] in table("private.tsv") {
        let text = fs::read_to_string(vectors().join(format!("private/{id}.key"))).unwrap();
        let passphrase = pass(&passphrase);
        let original = KeyFile::parse(text.as_bytes()).unwrap();
        let key = original.open(&passphrase).unwrap();
        let gun = Some(gun).filter(|gun| gun != "-");
        let ours = KeyFile::seal(&key, &passphrase).unwrap().noted(Some(role), gun, None);
        let ours = ours.to_pem().unwrap();
        assert_eq!(shape(&ours), shape(&text), "{id}");
        let plain = |text: &str| {
            let der =
                base64(&text.lines().filter(|it| !it.contains([':', '-'])).collect::<String>());
            pbes2::open(&der, &passphrase).unwrap()
        };
        assert_eq!(*plain(&ours), *plain(&text), "{id}: the key inside");
    }
}

#[test]
fn notary_lists_and_opens_and_rewrites_what_we_write() {
    let (folder, keys) = trust();
    let mut ids = Vec::new();
    for key in crate::crypto::tests::one_key_of_each_kind() {
        for (role, gun) in [("root", None), ("targets", Some(gun())), ("targets/releases", None)] {
            let id = keys.store(&key, role, gun.as_ref(), &mut say(&["secret-1"])).unwrap();
            ids.push((id, role));
            let listed = notary(folder.path(), &["key", "list"]);
            let line = listed.lines().find(|it| it.contains(&id.to_string())).unwrap();
            assert!(line.starts_with(role), "{line}");
        }
    }
    let (_other, back) = trust();
    let exported = folder.path().join("exported.pem");
    notary(folder.path(), &["key", "export", "-o", exported.to_str().unwrap()]);
    let imported = back
        .import(&fs::read(exported).unwrap(), ImportDefaults::default(), &mut say(&[]))
        .unwrap();
    for id in imported {
        back.unlock(&id, &mut say(&["secret-1"])).unwrap();
    }
}

fn notary(trust: &Path, arguments: &[&str]) -> String {
    let mut command = std::process::Command::new("notary");
    command.arg("-d").arg(trust).args(arguments);
    for role in ["ROOT", "TARGETS", "SNAPSHOT", "DELEGATION"] {
        command.env(format!("NOTARY_{role}_PASSPHRASE"), "secret-1");
    }
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// The text, with what is random left out: salt, initialisation vector and ciphertext.
fn shape(text: &str) -> Vec<String> {
    text.lines()
        .map(
            |line| if line.contains([':', '-']) { line.to_owned() } else { "x".repeat(line.len()) },
        )
        .collect()
}

const PUBLISHED: &str = "\
-----BEGIN ENCRYPTED PRIVATE KEY-----
role: root

MIHuMEkGCSqGSIb3DQEFDTA8MBsGCSqGSIb3DQEFDDAOBAjJOTKsxntRTQICCAAw
HQYJYIZIAWUDBAEqBBDSNrwA5tEdW3ztuhta7+qLBIGgm84/lxrvTqHSPsAkZAx7
tBZXAd4h4odihDb/1HTBQpRabyi5pAHse7jJKdA75ABUduVOpzGIUfMv2n7kR+dk
Y15ObcIQ0V+nJCRRBGgUBQvf3uW1WaGE/wy70VpFWa0aG/D1YTxeuFxaGFI5F5BL
ubiq8WRxZAFamsjpTV3NpY6O0ME4ukBchadRX09RXUIDhQEQgZb0Ar96GTJrpsoZ
dA==
-----END ENCRYPTED PRIVATE KEY-----
";
