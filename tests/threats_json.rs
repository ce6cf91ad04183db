//! Attacks that live in the gap between two readings of one document.
#![cfg(feature = "registry")]

#[path = "support/repository.rs"]
mod repository;

use std::time::{Duration, Instant};

use countersign::tuf::{Dialect, Error, Limits, RoleName};
use repository::*;
use serde_json::{Value, json};

const ROLES: [&str; 5] = ["root", "timestamp", "snapshot", "targets", "targets/releases"];

/// A team in which every member of every file has a value.
fn full_team() -> Repository {
    let mut team = Repository::team();
    let custom =
        json!({"build": {"number": 7, "flags": [true, null]}, "countersign": {"gun": GUN}});
    team.say("targets/releases", |signed| {
        signed["targets"]["v1"]["custom"] = custom;
        signed["targets"]["v1"]["hashes"]["sha512"] = json!(hashes_of(b"v1").1);
    });
    team.delegate("targets/releases/nightly", 1, &[TestKey::p256()], &["nightly-"]);
    team.publish();
    team
}

fn refused_as_malformed(team: &Repository, role: &'static str, change: fn(String) -> String) {
    Attack::on(team, role, "malformed").is_refused(|evil| {
        evil.spoil(role, move |file| file.rewrite(change));
    });
}

// ---- repeated members
// ------------------------------------------------------------------------------------------

/// How many objects there are in a value, itself included.
fn objects(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(objects).sum(),
        Value::Object(members) => 1 + members.values().map(objects).sum::<usize>(),
        _ => 0,
    }
}

/// JSON text in which the object of that number says its first member twice.
fn text_with_repetition(value: &Value, number: &mut isize, escaped: bool, last: bool) -> String {
    match value {
        Value::Array(items) => {
            let one = |item| text_with_repetition(item, number, escaped, last);
            format!("[{}]", items.iter().map(one).collect::<Vec<_>>().join(","))
        }
        Value::Object(members) => {
            let here = *number == 0;
            *number -= 1;
            let mut parts: Vec<String> = Vec::new();
            for (name, value) in members {
                let value = text_with_repetition(value, number, escaped, last);
                parts.push(format!("{}:{value}", Value::String(name.clone())));
            }
            if here && let Some((name, _)) = members.iter().next() {
                let name = match (escaped, name.chars().next()) {
                    (true, Some(first)) => {
                        format!("\\u{:04x}{}", u32::from(first), &name[first.len_utf8()..])
                    }
                    _ => name.clone(),
                };
                let again = format!("\"{name}\":7");
                parts.insert(if last { parts.len() } else { 0 }, again);
            }
            format!("{{{}}}", parts.join(","))
        }
        plain => plain.to_string(),
    }
}

#[test]
fn duplicate_key() {
    let team = full_team();
    for role in ROLES {
        let whole: Value = serde_json::from_slice(&team.current[role]).expect("JSON");
        let name: RoleName = role.parse().expect("a role");
        let mut tried = 0;
        for number in 0..objects(&whole) {
            for (escaped, last) in [(false, true), (false, false), (true, true), (true, false)] {
                let mut left = isize::try_from(number).expect("few");
                let text = text_with_repetition(&whole, &mut left, escaped, last);
                let refused = matches!(open(&name, text.as_bytes()), Err(Error::NotJson { .. }));
                let empty = text.len() == whole.to_string().len();
                assert!(refused || empty, "{role}: {text}");
                tried += usize::from(!empty);
            }
        }
        assert!(tried > 20, "{role}");
    }
    for role in ROLES {
        refused_as_malformed(&team, role, |text| {
            text.replacen("\"version\":", "\"version\":7,\"version\":", 1)
        });
    }
}

#[test]
fn duplicate_targets_object() {
    let team = Repository::team();
    let malware = format!(
        "{{\"v1\":{{\"hashes\":{{\"sha256\":\"{}\"}},\"length\":7}}}}",
        hashes_of(b"malware").0
    );
    for first in [false, true] {
        let malware = malware.clone();
        Attack::on(&team, "targets/releases", "malformed").is_refused(|evil| {
            let malware = malware.clone();
            evil.spoil("targets/releases", move |file| {
                file.rewrite(|text| {
                    let (own, end) = ("\"targets\":{\"v1\"", ",\"version\":");
                    match first {
                        true => text.replacen(own, &format!("\"targets\":{malware},{own}"), 1),
                        false => text.replacen(end, &format!(",\"targets\":{malware}{end}"), 1),
                    }
                });
            });
        });
    }
}

#[test]
fn duplicate_delegations_object() {
    let team = Repository::team();
    refused_as_malformed(&team, "targets", |text| {
        let other = "\"delegations\":{\"keys\":{},\"roles\":[]}";
        text.replacen(",\"version\":", &format!(",{other},\"version\":"), 1)
    });
    refused_as_malformed(&team, "targets/releases", |text| {
        text.replacen("\"hashes\":{", "\"hashes\":{\"sha256\":\"AAAA\"},\"hashes\":{", 1)
    });
    refused_as_malformed(&team, "targets", |text| {
        text.replacen("{\"signatures\":", "{\"signatures\":[],\"signatures\":", 1)
    });
    refused_as_malformed(&team, "targets", |text| {
        text.replacen("\"signed\":", "\"signed\":{},\"signed\":", 1)
    });
}

#[test]
fn field_case_variants() {
    let team = full_team();
    for role in ROLES {
        let whole: Value = serde_json::from_slice(&team.current[role]).expect("JSON");
        let name: RoleName = role.parse().expect("a role");
        let mut fields = 0;
        for (at, field) in known_fields(&whole) {
            for variant in [
                field.to_uppercase(),
                field.replacen('s', "\u{17f}", 1),
                field.replacen('k', "\u{212a}", 1),
            ] {
                let mut changed = whole.clone();
                if variant == field {
                    continue;
                }
                changed.pointer_mut(&at).expect("an object")[variant.clone()] = json!(9);
                let refused = open(&name, changed.to_string().as_bytes());
                assert!(matches!(refused, Err(Error::Malformed { .. })), "{role} {at} {variant}");
                fields += 1;
            }
        }
        assert!(fields > 15, "{role}: {fields}");
    }
    for role in ROLES {
        Attack::on(&team, role, "malformed").is_refused(|evil| {
            evil.spoil(role, |file| file.change(|signed| signed["Version"] = json!(9)));
        });
    }
}

/// Members that the form defines, with the pointers to their objects.
fn known_fields(whole: &Value) -> Vec<(String, String)> {
    const FIELDS: [&str; 24] = [
        "signed",
        "signatures",
        "keyid",
        "method",
        "sig",
        "_type",
        "expires",
        "version",
        "keys",
        "roles",
        "keyids",
        "threshold",
        "keytype",
        "keyval",
        "public",
        "private",
        "meta",
        "hashes",
        "sha256",
        "sha512",
        "length",
        "delegations",
        "paths",
        "targets",
    ];
    let mut found = Vec::new();
    let mut waiting = vec![(String::new(), whole)];
    while let Some((at, value)) = waiting.pop() {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    let map_of_names = at.ends_with("/keys") || at.ends_with("/targets");
                    if FIELDS.contains(&name.as_str()) && !map_of_names {
                        found.push((at.clone(), name.clone()));
                    }
                    if name != "custom" {
                        waiting.push((format!("{at}/{}", name.replace('/', "~1")), value));
                    }
                }
            }
            Value::Array(items) => {
                let items = items.iter().enumerate();
                waiting.extend(items.map(|(index, value)| (format!("{at}/{index}"), value)));
            }
            _ => {}
        }
    }
    found
}

// ---- numbers, text, encodings
// ----------------------------------------------------------------------------------

/// Refuses a number in place of a version, of a length, and inside the publisher's own JSON, each
/// properly signed.
fn number_is_refused(number: &str) {
    let team = full_team();
    for (role, own) in [
        ("timestamp", "\"version\":"),
        ("snapshot", "\"length\":"),
        ("targets", "\"threshold\":"),
        ("targets/releases", "\"number\":"),
    ] {
        let number = number.to_owned();
        Attack::on(&team, role, "malformed").is_refused_warm(|evil| {
            let number = number.clone();
            evil.spoil(role, move |file| {
                file.sign_text(|text| text.replacen(own, &format!("{own}{number},\"x\":"), 1));
            });
        });
    }
}

#[test]
fn number_table() {
    ["3.0", "3e0", "0.5", "-0", "1E400", "2.0e-1"].into_iter().for_each(number_is_refused);
}

#[test]
fn integer_bounds() {
    let digits = "9".repeat(60_000);
    for number in ["9007199254740992", "18446744073709551616", "01", "+1", "0x1", "1_0", "--1"] {
        number_is_refused(number);
    }
    number_is_refused(&digits);
    let mut team = Repository::team();
    team.say("targets/releases", |signed| {
        signed["targets"]["v1"]["length"] = json!((1_u64 << 53) - 1);
    });
    Client::new().resolve(&team.publish().server(), "v1").expect("the largest exact integer");
}

#[test]
fn nfc_collision_entry() {
    let team = Repository::team();
    for name in ["caf\u{e9}", "cafe\u{301}", "v1\u{200b}", "\u{430}", "v\u{ff11}"] {
        Attack::on(&team, "targets/releases", "malformed").is_refused(|evil| {
            evil.tag("targets/releases", name, "malware");
        });
    }
}

#[test]
fn surrogate_refused() {
    let team = full_team();
    refused_as_malformed(&team, "targets/releases", |text| {
        text.replacen("\"build\":", "\"\\ud800\":1,\"build\":", 1)
    });
    refused_as_malformed(&team, "targets/releases", |text| {
        text.replacen("\"build\":", "\"x\":\"\\udc00\",\"build\":", 1)
    });
}

#[test]
fn escapes_are_the_same_text() {
    let mut team = full_team();
    team.spoil("targets/releases", |file| {
        file.rewrite(|text| {
            let text = text.replacen("\"version\"", "\"\\u0076ersion\"", 1);
            text.replacen("\"v1\"", "\"\\u0076\\u0031\"", 1)
        });
    });
    Client::new().resolve(&team.publish().server(), "v1").expect("one reading, one canonical form");
}

#[test]
fn encoding_table() {
    let team = Repository::team();
    let changes: [fn(Vec<u8>) -> Vec<u8>; 5] = [
        |bytes| [b"\xef\xbb\xbf".to_vec(), bytes].concat(),
        |bytes| bytes.iter().flat_map(|byte| [*byte, 0]).collect(),
        |bytes| [b"\xff\xfe".to_vec(), bytes].concat(),
        |bytes| [&bytes[..20], b"\xff", &bytes[20..]].concat(),
        |bytes| String::from_utf8_lossy(&bytes).replace("\"v1\"", "\"v1\n\"").into_bytes(),
    ];
    for role in ROLES {
        for (number, change) in changes.into_iter().enumerate() {
            if number == 4 && role != "targets/releases" {
                continue;
            }
            Attack::on(&team, role, "malformed").is_refused_warm(|evil| {
                evil.spoil(role, move |file| file.rewrite_bytes(change));
            });
        }
    }
}

#[test]
fn trailing_data() {
    let team = Repository::team();
    for role in ROLES {
        for end in ["{}", "x", "\0", "{\"signed\":{}}", ",", "]"] {
            Attack::on(&team, role, "malformed").is_refused_warm(|evil| {
                evil.spoil(role, move |file| file.rewrite(|text| text + end));
            });
        }
        let mut honest = team.clone();
        honest.spoil(role, |file| file.rewrite(|text| format!(" \n{text}\t\n")));
        Client::new().resolve(&honest.publish().server(), "v1").expect("white space around it");
    }
}

#[test]
fn deep_nesting() {
    let team = full_team();
    for role in ROLES {
        for place in ["\"version\":", "\"signatures\":"] {
            for depth in [40, 5000] {
                let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
                Attack::on(&team, role, "too-many").is_refused_warm(|evil| {
                    let nested = nested.clone();
                    evil.spoil(role, move |file| {
                        file.rewrite(|text| {
                            text.replacen(place, &format!("\"x\":{nested},{place}"), 1)
                        });
                    });
                });
            }
        }
    }
    let started = Instant::now();
    let name = RoleName::Targets;
    for depth in [100_000, 5_000_000] {
        let bytes = "{\"a\":".repeat(depth);
        assert!(matches!(
            open(&name, bytes.as_bytes()),
            Err(Error::TooMany { .. } | Error::TooLarge { .. })
        ));
    }
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn lenient_json_refused() {
    let team = Repository::team();
    let changes: [fn(String) -> String; 6] = [
        |text| text.replacen("\"signed\"", "signed", 1),
        |text| text.replacen("\"signed\"", "'signed'", 1),
        |text| format!("/* */{text}"),
        |text| text.replacen("\"version\":", "\"x\":NaN,\"version\":", 1),
        |text| text.replacen("}]", "},]", 1),
        |text| text.trim_end_matches('}').to_owned() + ",}",
    ];
    for role in ROLES {
        changes.into_iter().for_each(|change| refused_as_malformed(&team, role, change));
    }
}

// ---- members that nobody defined
// -------------------------------------------------------------------------------

#[test]
fn unknown_signed_field_verifies() {
    for role in ROLES {
        let mut team = full_team();
        let strange = json!({"\u{1f600}": 1, "\u{ffff}": "<&>\u{2028}\"\\", "a": [null, -3, {}]});
        team.say(role, |signed| signed["x-strange"] = strange.clone());
        team.publish();
        let client = Client::new();
        client.resolve(&team.server(), "v1").expect("it means nothing and is signed");
        assert_eq!(client.metadata()[role], team.current[role], "stored as it came");
        team.spoil(role, |file| file.signed["x-strange"]["a"] = json!([null, -4, {}])).publish();
        let error = Client::new().resolve(&team.server(), "v1").expect_err("but it is signed");
        assert_eq!(kind(&error), "threshold");
    }
}

#[test]
fn canonical_key_order_astral() {
    let mut team = Repository::team();
    let custom = json!({"\u{1f600}": 1, "\u{ffff}": 2, "\u{e000}": 3, "z": 4});
    team.say("targets/releases", |signed| signed["targets"]["v1"]["custom"] = custom).publish();
    Client::new().resolve(&team.server(), "v1").expect("sorted by UTF-8 bytes");
}

#[test]
fn unsigned_sibling_field() {
    for role in ROLES {
        let mut team = Repository::team();
        team.spoil(role, |file| file.rewrite(|text| text.replacen('{', "{\"abc\":\"xyz\",", 1)));
        team.publish();
        let result = Client::new().resolve(&team.server(), "v1");
        match role {
            "root" | "timestamp" => {
                assert_eq!(kind(&result.expect_err("nothing covers it")), "malformed", "{role}");
            }
            _ => drop(result.expect("the parent's hash covers it")),
        }
    }
}

// ---- shapes
// ----------------------------------------------------------------------------------------------------

#[test]
fn shape_fuzz_every_field() {
    let team = full_team();
    for role in ["root", "timestamp", "snapshot", "targets", "targets/releases", "targets/alice"] {
        let name: RoleName = role.parse().expect("a role");
        let whole: Value = serde_json::from_slice(&team.current[role]).expect("JSON");
        let honest = open(&name, &team.current[role]).expect("honest");
        for at in pointers(&whole) {
            for other in shapes() {
                let mut changed = whole.clone();
                replace(&mut changed, &at, other);
                if changed != whole {
                    judge(&name, &at, &changed, &whole, &honest);
                }
            }
        }
    }
}

/// Whatever was changed, the file is refused, or its signed bytes differ, or nothing signed was
/// changed.
fn judge(role: &RoleName, at: &str, changed: &Value, whole: &Value, honest: &Opened) {
    if let Ok(opened) = open(role, changed.to_string().as_bytes()) {
        let signed_differs = changed["signed"] != whole["signed"];
        assert_eq!(opened.message != honest.message, signed_differs, "{role} {at}");
        assert_eq!(opened.message, canonical(&changed["signed"]), "{role} {at}");
        assert!(signed_differs || opened.content == honest.content, "{role} {at}");
    }
}

#[test]
fn a_field_changed_after_signing_is_never_believed() {
    let team = full_team();
    for role in ROLES {
        let whole: Value = serde_json::from_slice(&team.current[role]).expect("JSON");
        for at in pointers(&whole["signed"]) {
            let mut evil = team.clone();
            let place = at.clone();
            evil.spoil(role, move |file| replace(&mut file.signed, &place, Some(json!("7"))));
            evil.publish();
            let error = Client::new().resolve(&evil.server(), "v1").expect_err(&at);
            assert!(
                matches!(
                    kind(&error),
                    "threshold" | "malformed" | "wrong-type" | "key-id" | "bad-key" | "pin"
                ),
                "{role} {at}: {error}"
            );
        }
    }
}

struct Opened {
    message: Vec<u8>,
    content: String,
}

fn open(role: &RoleName, bytes: &[u8]) -> Result<Opened, Error> {
    let (dialect, limits) = (Dialect::Notary, Limits::default());
    fn opened<T: std::fmt::Debug>(envelope: countersign::tuf::Envelope<T>) -> Opened {
        let content = format!("{:?}", envelope.unverified_content());
        Opened { message: envelope.message().to_vec(), content }
    }
    match role {
        RoleName::Root => dialect.open_root(bytes, &limits).map(opened),
        RoleName::Timestamp => dialect.open_timestamp(bytes, &limits).map(opened),
        RoleName::Snapshot => dialect.open_snapshot(bytes, &limits).map(opened),
        _ => dialect.open_targets(role, bytes, &limits).map(opened),
    }
}

/// Every place in a document.
fn pointers(value: &Value) -> Vec<String> {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(members) => {
            let pointer = |name: &String| name.replace('~', "~0").replace('/', "~1");
            members.iter().map(|(name, value)| (pointer(name), value)).collect()
        }
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect()
        }
        _ => Vec::new(),
    };
    let below = |(name, value): (String, &Value)| {
        let inner = pointers(value).into_iter().map(|rest| format!("/{name}{rest}"));
        std::iter::once(format!("/{name}")).chain(inner).collect::<Vec<_>>()
    };
    children.into_iter().flat_map(below).collect()
}

/// What may stand in a field's place; nothing at all is one of it.
fn shapes() -> Vec<Option<Value>> {
    let values = [
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(1_u64 << 53),
        json!(1.5),
        json!(""),
        json!("x"),
        json!("\u{0}\u{e9}\u{1f600}"),
        json!("A".repeat(5000)),
        json!([]),
        json!([null]),
        json!([[], {}]),
        json!({}),
        json!({"": null}),
        json!({"signed": {}, "keyid": 1, "hashes": {}}),
    ];
    values.into_iter().map(Some).chain([None]).collect()
}

fn replace(document: &mut Value, at: &str, other: Option<Value>) {
    let (parent, name) = at.rsplit_once('/').expect("not the top");
    let name = name.replace("~1", "/").replace("~0", "~");
    let parent = document.pointer_mut(parent).expect("it is there");
    match (parent, other) {
        (Value::Object(members), Some(other)) => drop(members.insert(name, other)),
        (Value::Object(members), None) => drop(members.remove(&name)),
        (Value::Array(items), Some(other)) => items[name.parse::<usize>().expect("index")] = other,
        (Value::Array(items), None) => drop(items.remove(name.parse().expect("an index"))),
        _ => unreachable!("only objects and arrays have places"),
    }
}
