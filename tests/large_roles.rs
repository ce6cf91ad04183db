//! Roles of many tags, of which a later look-up reads only parts: it finds what the whole says, and
//! notices whatever is not the file that was accepted in full.
#![cfg(feature = "registry")]

#[path = "support/repository.rs"]
mod repository;

use std::fs;

use countersign::crypto::Sha256;
use countersign::tuf::RoleName;
use repository::*;
use serde_json::{Value, json};

/// A team of which `role` signs so many tags that the client keeps landmarks of its file.
fn many(role: &str) -> Repository {
    let mut team = Repository::team();
    team.say(role, |signed| {
        for number in 0..9000 {
            let image = format!("image {number}");
            let hashes = json!({"sha256": hashes_of(image.as_bytes()).0});
            signed["targets"][tag(number)] = json!({"hashes": hashes, "length": image.len()});
        }
    });
    team.publish();
    team
}

fn tag(number: u32) -> String {
    format!("n{number:05}")
}

/// A tag's digest, and the role that it was found in.
fn found(client: &Client, server: &SimulatedServer, tag: &str) -> Result<(String, String), String> {
    let resolution = client.resolve(server, tag).map_err(|error| kind(&error).to_owned())?;
    let reference = resolution.reference;
    Ok((reference.digest().to_string(), reference.role().to_string()))
}

fn signed(image: &str) -> String {
    format!("sha256:{}", Sha256::of(image.as_bytes()))
}

fn landmarks(client: &Client, role: &str) -> Value {
    client.record()["roles"][role]["landmarks"].clone()
}

const LARGE: [&str; 2] = ["targets", "targets/releases"];

#[test]
fn a_part_says_what_the_whole_says() {
    for role in LARGE {
        let team = many(role);
        let client = Client::warm(&team.server());
        assert!(landmarks(&client, role)["at"].is_object(), "{role}: {}", client.record());
        let (record, server) = (client.record(), team.server());
        for number in (0..9000).step_by(333).chain([8999]) {
            let expected = (signed(&format!("image {number}")), role.to_owned());
            assert_eq!(found(&client, &server, &tag(number)), Ok(expected));
        }
        assert_eq!(found(&client, &server, "v1"), Ok((signed("v1"), "targets/releases".into())));
        assert_eq!(found(&client, &server, "old"), Ok((signed("old"), "targets".into())));
        for absent in ["n", "n04000x", "zzz"] {
            assert_eq!(found(&client, &server, absent), Err("no-such-tag".into()), "{absent}");
        }
        assert_eq!(client.record(), record, "nothing new was learnt");
        assert!(server.asked().iter().all(|file| file == "timestamp.json"), "nothing was fetched");
    }
}

#[test]
fn a_tag_that_moved_is_found_where_it_is_now() {
    for role in LARGE {
        let mut team = many(role);
        let client = Client::warm(&team.server());
        team.tag(role, &tag(4711), "another image").publish();
        let server = team.server();
        for _ in 0..2 {
            let expected = (signed("another image"), role.to_owned());
            assert_eq!(found(&client, &server, &tag(4711)), Ok(expected));
        }
        team.say(role, |signed| {
            drop(signed["targets"].as_object_mut().unwrap().remove(&tag(4711)))
        });
        assert_eq!(found(&client, &team.publish().server(), &tag(4711)), Err("no-such-tag".into()));
    }
}

#[test]
fn another_file_in_its_place_is_noticed_and_fetched_again() {
    for role in LARGE {
        let team = many(role);
        let client = Client::warm(&team.server());
        let whole = fs::read(client.path(role)).expect("stored");
        let [mine, other] = ["image 4711", "image 4712"].map(|it| hashes_of(it.as_bytes()).0);
        let swapped = String::from_utf8(whole.clone()).unwrap().replace(&mine, &other).into_bytes();
        assert_eq!(swapped.len(), whole.len());
        let late = [&whole[..whole.len() - 2], b"0}"].concat();
        for planted in [swapped, late, whole[..whole.len() / 2].to_vec()] {
            fs::write(client.path(role), &planted).expect("planted");
            let expected = (signed("image 4711"), role.to_owned());
            assert_eq!(found(&client, &team.server(), &tag(4711)), Ok(expected));
            assert!(fs::read(client.path(role)).expect("stored") == whole, "fetched again");
        }
    }
}

#[test]
fn landmarks_that_lead_astray_cost_nothing_but_time() {
    for role in LARGE {
        let team = many(role);
        let client = Client::warm(&team.server());
        let honest = client.record();
        type Damage = fn(&mut Value);
        let damages: [Damage; 6] = [
            |it| it["end"] = json!(u64::MAX),
            |it| it["end"] = json!(7),
            |it| it["at"].as_object_mut().unwrap().values_mut().for_each(|at| *at = json!(9)),
            |it| {
                let marks = it["at"].as_object_mut().unwrap();
                marks.values_mut().for_each(|at| *at = json!(at.as_u64().unwrap() + 11));
            },
            // One bit of a name, which would have the tag looked for where it is not.
            |it| {
                let marks = it["at"].as_object_mut().unwrap();
                let (last, at) =
                    marks.iter().next_back().map(|(k, v)| (k.clone(), v.clone())).unwrap();
                marks.remove(&last);
                marks.insert(last.replacen('n', "o", 1), at);
            },
            |it| it["check"] = json!(Sha256::of(b"").to_string()),
        ];
        for damage in damages {
            let mut record = honest.clone();
            damage(&mut record["roles"][role]["landmarks"]);
            fs::write(client.cache().record_path(), record.to_string()).expect("written");
            let expected = (signed("image 8999"), role.to_owned());
            assert_eq!(found(&client, &team.server(), &tag(8999)), Ok(expected));
            assert_eq!(client.record(), honest, "they are made again");
        }
    }
}

#[test]
fn landmarks_that_were_lost_are_made_again() {
    for role in LARGE {
        let team = many(role);
        let client = Client::warm(&team.server());
        let honest = client.record();
        let mut record = honest.clone();
        record["roles"][role].as_object_mut().unwrap().remove("landmarks");
        fs::write(client.cache().record_path(), record.to_string()).expect("written");
        let expected = (signed("image 17"), role.to_owned());
        assert_eq!(found(&client, &team.server(), &tag(17)), Ok(expected));
        assert_eq!(landmarks(&client, role), honest["roles"][role]["landmarks"]);
    }
}

/// The file is the one that was accepted; those who have to have signed it are others now.
#[test]
fn a_known_file_under_another_authority_is_looked_at_in_full() {
    let mut team = many("targets/releases");
    let client = Client::warm(&team.server());
    let alone = team.keys("targets/releases").to_vec();
    let both = [alone[0].clone(), TestKey::ed25519()];
    team.declare("targets/releases", 1, &both, &[""]).publish();
    let expected = (signed("image 4711"), "targets/releases".to_owned());
    assert_eq!(found(&client, &team.server(), &tag(4711)), Ok(expected), "one of two is enough");
    team.declare("targets/releases", 2, &both, &[""]).publish();
    let error = client.resolve(&team.server(), &tag(4711)).expect_err("one of two is too few");
    assert_eq!(kind(&error), "threshold");
    let mut stolen = many("targets");
    let client = Client::warm(&stolen.server());
    let file = stolen.current["targets"].clone();
    stolen.rotate("targets").publish();
    let version = stolen.version("targets");
    stolen.place("targets", version, file).touch("snapshot").publish();
    assert_eq!(found(&client, &stolen.server(), &tag(4711)), Err("threshold".into()));
}

#[test]
fn a_known_file_that_expires_is_refused() {
    for role in LARGE {
        let mut team = many(role);
        let soon = now().checked_add(jiff::SignedDuration::from_hours(1)).expect("in range");
        team.say(role, |signed| signed["expires"] = json!(soon.to_string())).publish();
        let mut client = Client::warm(&team.server());
        assert!(found(&client, &team.server(), &tag(4711)).is_ok(), "{role}");
        client.at(soon);
        assert_eq!(found(&client, &team.server(), &tag(4711)), Err("expired".into()), "{role}");
    }
}

#[test]
fn offline_finds_the_same() {
    for role in LARGE {
        let team = many(role);
        let client = Client::warm(&team.server());
        let resolution = client.resolve_offline(&tag(4711)).expect("from the cache");
        assert_eq!(resolution.reference.digest().to_string(), signed("image 4711"));
        assert_eq!(resolution.reference.role(), &RoleName::free(role).expect("a role"));
    }
}
