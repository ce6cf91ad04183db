//! What holds for every document: reading and writing agree, and signed content cannot be changed
//! unseen.
#![cfg(feature = "registry")]

#[path = "support/repository.rs"]
mod repository;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::LazyLock;

use countersign::crypto::{Algorithm, PrivateKey, Sha256, Sha512, Signature, Signer as _};
use countersign::tuf::{
    Bin, Bins, Custom, Delegation, Delegations, Dialect, Envelope, Error, FileMeta, Hashes, Key,
    Limits, Message, Naming, Paths, Role, RoleName, Root, Snapshot, Target, Targets, Threshold,
    Timestamp, Unknown, Version,
};
use jiff::Timestamp as Instant;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use repository::{Repository, canonical};
use serde_json::Value;

const DIALECT: Dialect = Dialect::Notary;

/// Keys to choose from; making them is slow.
static SIGNERS: LazyLock<Vec<PrivateKey>> = LazyLock::new(|| {
    let kinds = [Algorithm::EcdsaP256, Algorithm::Ed25519, Algorithm::EcdsaP384];
    let make = |kind| PrivateKey::generate(kind).expect("random bytes");
    kinds.into_iter().cycle().take(6).map(make).collect()
});

static TEAM: LazyLock<Repository> = LazyLock::new(Repository::team);

const ROLES: [&str; 5] = ["root", "timestamp", "snapshot", "targets", "targets/releases"];

// ---- values
// ----------------------------------------------------------------------------------------------------

fn instant() -> impl Strategy<Value = Instant> {
    (-62_000_000_000_i64..253_000_000_000, 0..1_000_000_000_i32)
        .prop_map(|(second, nano)| Instant::new(second, nano).expect("in range"))
}

fn version() -> impl Strategy<Value = Version> {
    (1_u64..1 << 53).prop_map(|number| Version::new(number).expect("in range"))
}

fn hashes() -> impl Strategy<Value = Hashes> {
    any::<(Vec<u8>, bool)>().prop_map(|(bytes, both)| match both {
        true => Hashes::of(&bytes),
        false => Hashes::from(Sha256::of(&bytes)),
    })
}

fn file_meta() -> impl Strategy<Value = FileMeta> {
    vec(any::<u8>(), 0..100).prop_map(|bytes| FileMeta::of(&bytes))
}

fn delegated() -> impl Strategy<Value = RoleName> {
    "targets(/[-a-z0-9_]{1,8}){1,3}".prop_map(|name| name.parse().expect("a name"))
}

fn keys() -> impl Strategy<Value = Vec<Key>> {
    subsequence((0..6).collect::<Vec<usize>>(), 1..=6)
        .prop_map(|which| which.into_iter().map(|at| DIALECT.key(SIGNERS[at].public())).collect())
}

fn role_of(keys: Vec<Key>) -> impl Strategy<Value = Role> {
    let ids: Vec<_> = keys.iter().map(Key::id).collect();
    let count = ids.len();
    (subsequence(ids, 1..=count).prop_shuffle(), any::<Index>()).prop_map(|(ids, at)| {
        let threshold = u32::try_from(at.index(ids.len()) + 1).expect("few");
        Role::new(ids, Threshold::new(threshold).expect("not zero")).expect("distinct")
    })
}

fn root() -> impl Strategy<Value = Root> {
    let roles = |keys: Vec<Key>| {
        let role = || role_of(keys.clone());
        (Just(keys.clone()), role(), role(), role(), role(), version(), instant())
    };
    keys().prop_flat_map(roles).prop_map(
        |(keys, root, targets, snapshot, timestamp, version, expires)| Root {
            version,
            expires,
            keys: keys.into_iter().map(|key| (key.id(), key)).collect(),
            naming: Naming::ByHash,
            root,
            targets,
            snapshot,
            timestamp,
            unknown: Unknown::default(),
        },
    )
}

fn timestamp() -> impl Strategy<Value = Timestamp> {
    (version(), instant(), file_meta()).prop_map(|(version, expires, snapshot)| Timestamp {
        version,
        expires,
        snapshot,
        unknown: Unknown::default(),
    })
}

fn snapshot() -> impl Strategy<Value = Snapshot> {
    let listed = btree_map(delegated(), file_meta(), 0..6);
    (version(), instant(), listed, file_meta(), file_meta()).prop_map(
        |(version, expires, mut meta, root, targets)| {
            meta.insert(RoleName::Root, root);
            meta.insert(RoleName::Targets, targets);
            Snapshot { version, expires, meta, unknown: Unknown::default() }
        },
    )
}

/// JSON of the kind that can be signed.
fn json() -> impl Strategy<Value = Value> {
    let text = "[^<>&\u{2028}\u{2029}\\p{C}]{0,12}";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-(1_i64 << 53) + 1..1 << 53).prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            btree_map(text, inner, 0..6).prop_map(|it| Value::Object(it.into_iter().collect())),
        ]
    })
}

fn custom() -> impl Strategy<Value = Option<Custom>> {
    json().prop_map(|value| Custom::parse(value.to_string().as_bytes()).ok())
}

fn target() -> impl Strategy<Value = Target> {
    (0_u64..1 << 53, hashes(), custom()).prop_map(|(length, hashes, custom)| Target {
        length,
        hashes,
        custom,
    })
}

fn targets() -> impl Strategy<Value = Targets> {
    let paths = vec("[ -~]{0,6}", 0..3);
    let delegation = move |keys: Vec<Key>| {
        let one = ("[-a-z0-9_]{1,8}", role_of(keys.clone()), paths.clone());
        (Just(keys), vec(one, 0..4))
    };
    let delegations = keys().prop_flat_map(delegation).prop_map(|(keys, roles)| {
        let roles: BTreeMap<RoleName, (Role, Vec<String>)> = roles
            .into_iter()
            .map(|(name, role, paths)| (format!("targets/{name}"), role, paths))
            .map(|(name, role, paths)| (name.parse().expect("a name"), (role, paths)))
            .collect();
        let delegation = |(name, (role, paths)): (_, (_, Vec<String>))| Delegation {
            name,
            role,
            paths: Paths::Prefixes(paths.into()),
            terminating: false,
        };
        Delegations {
            keys: keys.into_iter().map(|key| (key.id(), key)).collect(),
            roles: roles.into_iter().map(delegation).collect(),
        }
    });
    (version(), instant(), btree_map("[ -~]{1,20}", target(), 0..8), delegations).prop_map(
        |(version, expires, targets, delegations)| Targets {
            version,
            expires,
            targets,
            delegations,
            unknown: Unknown::default(),
        },
    )
}

// ---- reading and writing
// ---------------------------------------------------------------------------------------

fn sealed(message: &Message) -> Vec<u8> {
    let signer = &SIGNERS[0];
    let signature = signer.sign(message.as_bytes()).expect("a signature");
    DIALECT.seal(message, &[(DIALECT.key(signer.public()).id(), signature)])
}

/// What was written is what is read, down to the signature over it; and writing that again changes
/// nothing.
fn comes_back<T: Clone + Debug + PartialEq>(
    model: &T,
    write: impl Fn(&T) -> Message,
    read: impl Fn(&[u8]) -> Result<Envelope<T>, Error>,
) -> Result<(), TestCaseError> {
    let message = write(model);
    let bytes = sealed(&message);
    let envelope = read(&bytes).map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert_eq!(envelope.unverified_content(), model);
    prop_assert_eq!(envelope.message(), message.as_bytes());
    let signature: &Signature = envelope.signatures()[0].signature.as_ref().expect("known");
    prop_assert!(SIGNERS[0].public().verify(envelope.message(), signature).is_ok());
    prop_assert!(write(envelope.unverified_content()) == message);
    let plain: Value = serde_json::from_slice(&bytes).expect("any reader reads it");
    prop_assert_eq!(canonical(&plain["signed"]), message.as_bytes(), "signed is what stands there");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn a_root_comes_back_as_it_was_written(model in root()) {
        let limits = Limits::default();
        comes_back(&model, |it| DIALECT.root_message(it), |it| DIALECT.open_root(it, &limits))?;
    }

    #[test]
    fn a_timestamp_comes_back_as_it_was_written(model in timestamp()) {
        let (limits, write) = (Limits::default(), |it: &_| DIALECT.timestamp_message(it));
        comes_back(&model, write, |it| DIALECT.open_timestamp(it, &limits))?;
    }

    #[test]
    fn a_snapshot_comes_back_as_it_was_written(model in snapshot()) {
        let (limits, write) = (Limits::default(), |it: &_| DIALECT.snapshot_message(it));
        comes_back(&model, write, |it| DIALECT.open_snapshot(it, &limits))?;
    }

    #[test]
    fn targets_come_back_as_they_were_written(model in targets()) {
        let (limits, role) = (Limits::default(), RoleName::Targets);
        let write = |it: &_| DIALECT.targets_message(it);
        comes_back(&model, write, |it| DIALECT.open_targets(&role, it, &limits))?;
    }

    #[test]
    fn a_glance_sees_what_reading_sees(model in targets(), wanted in any::<Vec<Index>>()) {
        let (limits, role) = (Limits::default(), RoleName::Targets);
        let bytes = sealed(&DIALECT.targets_message(&model));
        let names: Vec<&str> = model.targets.keys().map(String::as_str).collect();
        let mut asked = vec!["absent"];
        if !names.is_empty() {
            asked.extend(wanted.iter().map(|at| *at.get(&names)));
        }
        let seen = DIALECT.glance_at_targets(&role, &bytes, &asked, &limits).expect("it was written so");
        let mut expected = model.clone();
        expected.targets.retain(|name, _| asked.contains(&name.as_str()));
        prop_assert_eq!(seen, expected);
    }

    #[test]
    fn canonical_json_agrees_with_other_readers(value in json()) {
        prop_assume!(!value.is_null());
        let custom = Custom::parse(value.to_string().as_bytes()).expect("it can be signed");
        prop_assert_eq!(custom.as_str().as_bytes(), canonical(&value));
        let again: Value = serde_json::from_str(custom.as_str()).expect("JSON");
        prop_assert_eq!(again, value);
        prop_assert_eq!(&Custom::parse(custom.as_str().as_bytes()).expect("JSON"), &custom);
    }

    #[test]
    fn what_is_signed_is_the_canonical_form_of_what_stands_there(extra in json(), pretty: bool) {
        let mut file: Value = serde_json::from_slice(&TEAM.current["targets"]).expect("JSON");
        file["signed"]["x-extra"] = extra;
        let text = match pretty {
            true => serde_json::to_vec_pretty(&file),
            false => serde_json::to_vec(&file),
        };
        let (limits, role) = (Limits::default(), RoleName::Targets);
        let envelope = DIALECT.open_targets(&role, &text.expect("JSON"), &limits).expect("readable");
        prop_assert_eq!(envelope.message(), canonical(&file["signed"]));
    }
}

proptest! {
    #[test]
    fn every_name_is_in_exactly_one_bin_and_found_there(name in any::<String>(), bits in 1..8_u32) {
        let bins: Bins = 2_u32.pow(bits).to_string().parse().expect("a number of bins");
        let all: Vec<Bin> = bins.iter().collect();
        prop_assert_eq!(all.len(), bins.count() as usize);
        let holds = |it: &Bin| Paths::HashPrefixes(it.hash_prefixes().into()).allow(&name);
        let holding: Vec<&Bin> = all.iter().filter(|it| holds(it)).collect();
        let own = bins.bin(&name);
        prop_assert_eq!(holding, [&own]);
        prop_assert!(Paths::Bin(own).allow(&name));
        let role = own.role(&RoleName::Targets).expect("a short name");
        prop_assert!(Bin::may_hold(&role, &name));
        // As any reader of the specification reckons it.
        let digest = Sha256::of(name.as_bytes()).to_string();
        let leading = u32::from_str_radix(&digest[..2], 16).expect("hex");
        prop_assert_eq!(own.index, leading >> (8 - bits));
    }
}

// ---- strangers
// -------------------------------------------------------------------------------------------------

fn opened(role: &str, bytes: &[u8]) -> Option<(Vec<u8>, String)> {
    fn parts<T: Debug>(envelope: Envelope<T>) -> (Vec<u8>, String) {
        let content = format!("{:?}", envelope.unverified_content());
        (envelope.message().to_vec(), content)
    }
    let limits = Limits::default();
    match role {
        "root" => DIALECT.open_root(bytes, &limits).ok().map(parts),
        "timestamp" => DIALECT.open_timestamp(bytes, &limits).ok().map(parts),
        "snapshot" => DIALECT.open_snapshot(bytes, &limits).ok().map(parts),
        role => {
            let role = role.parse().expect("a role");
            DIALECT.open_targets(&role, bytes, &limits).ok().map(parts)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn changed_bytes_are_refused_or_seen(
        role in select(&ROLES[..]),
        changes in vec((any::<Index>(), any::<u8>(), 0..3_u8), 1..4),
    ) {
        let honest = &TEAM.current[role];
        let mut bytes = honest.clone();
        for (at, byte, what) in changes {
            let at = at.index(bytes.len());
            match what {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        let before = opened(role, honest).expect("honest");
        if let Some(after) = opened(role, &bytes) {
            prop_assert!(after.0 != before.0 || after.1 == before.1, "other content, same signature");
            let plain: Value = serde_json::from_slice(&bytes).expect("we are no laxer than others");
            prop_assert_eq!(canonical(&plain["signed"]), after.0);
        }
    }

    #[test]
    fn noise_is_refused(role in select(&ROLES[..]), bytes in vec(any::<u8>(), 0..300)) {
        prop_assert!(opened(role, &bytes).is_none());
    }

    #[test]
    fn unrelated_json_is_refused(role in select(&ROLES[..]), value in json()) {
        prop_assert!(opened(role, value.to_string().as_bytes()).is_none());
    }

    #[test]
    fn hashes_read_as_they_are_written(bytes in vec(any::<u8>(), 0..64)) {
        let (sha256, sha512) = (Sha256::of(&bytes), Sha512::of(&bytes));
        prop_assert_eq!(sha256.to_string().parse::<Sha256>().expect("hex"), sha256);
        prop_assert_eq!(sha512.to_string().len(), 128);
    }
}
