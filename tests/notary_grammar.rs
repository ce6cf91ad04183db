//! `notary` and `countersign notary` side by side: the same lines, in homes of their own, against
//! the same trust server, Notary's and ours. What scripts see must be the same: stdout, exit codes,
//! and the files that are left behind; and each must read what the other left.
//!
//! The lines stand in `tests/notary/lines.txt`; in `public.txt` those of Notary's own test.

#[path = "support/http.rs"]
mod http;
#[path = "notary/masked.rs"]
mod masked;
#[path = "notary/player.rs"]
mod player;
#[path = "support/registry.rs"]
mod registry;

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::crypto::{Algorithm, PrivateKey, Signer};
use http::{Answer, TestServer};
use masked::Mask;
use player::{Case, Compared, Home, Line, Program, Said};
use registry::TestRegistry;

#[test]
fn every_line_says_and_leaves_the_same() {
    play("lines.txt", &["--no-docker"]);
}

/// The original's own test, with either program and either server.
#[test]
fn scenarios_of_notarys_own_test_end_alike() {
    play("public.txt", &["--no-docker"]);
}

#[test]
fn credentials_are_asked_for_alike() {
    play("credentials.txt", &["--no-docker", "--auth", "token"]);
}

/// Plays a table against either trust server.
fn play(table: &str, options: &'static [&'static str]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/notary");
    let cases = Case::read(&folder.join(table));
    assert!(!cases.is_empty(), "the table is read");
    for servers in TestRegistry::each(options) {
        let differences: Vec<String> =
            cases.iter().flat_map(|case| differences(case, &servers)).collect();
        assert!(differences.is_empty(), "{}", differences.join("\n"));
    }
}

/// Plays a case twice at the same time, and compares.
fn differences(case: &Case, servers: &TestRegistry) -> Vec<String> {
    let play = |program| {
        let home = Home::new(program, case, servers);
        let said = home.play(case);
        let lists = lists(&home);
        (home, said, lists)
    };
    let ((original, theirs, their_lists), (ours, own, own_lists)) = std::thread::scope(|scope| {
        let original = scope.spawn(|| play(Program::Original));
        let ours = play(Program::Ours);
        (original.join().expect("played"), ours)
    });
    let (mut left, mut right) = (Mask::new(&original), Mask::new(&ours));
    let mut differences = Vec::new();
    let mut compare = |what: &str, theirs: &str, own: &str| {
        if theirs != own {
            let name = &case.name;
            differences.push(format!(
                "@ {name}\n{what}\n--- notary\n{theirs}\n--- countersign notary\n{own}\n"
            ));
        }
    };
    let both: Vec<(Line, Said, Said)> =
        theirs.into_iter().zip(own).map(|((line, theirs), (_, own))| (line, theirs, own)).collect();
    for (line, theirs, own) in both {
        let (their_code, own_code) = (format!("{:?}", theirs.code), format!("{:?}", own.code));
        let (theirs, own) = (left.said(&theirs), right.said(&own));
        match line.compared {
            Compared::All => compare(&line.text, &theirs, &own),
            Compared::Code => compare(&line.text, &their_code, &own_code),
            Compared::Nothing => {}
        }
    }
    for ((what, theirs), (_, own)) in their_lists.iter().zip(&own_lists) {
        compare(what, &left.said(theirs), &right.said(own));
    }
    let (theirs, own) = (left.files(&original), right.files(&ours));
    let names = theirs.keys().chain(own.keys().filter(|name| !theirs.contains_key(*name)));
    for name in names.filter(|name| !case.different.contains(name)) {
        let text = |of: Option<&String>| of.map_or("(none)", String::as_str).to_owned();
        compare(&format!("file {name}"), &text(theirs.get(name)), &text(own.get(name)));
    }
    differences
}

/// What is there in the end: by the other program, then by the one that made it.
fn lists(home: &Home<'_>) -> Vec<(String, Said)> {
    let mut said = Vec::new();
    for (who, program) in
        [("the other program", home.program.other()), ("the same program", home.program)]
    {
        for line in ["notary list $GUN", "notary delegation list $GUN"] {
            let words = home.words(line);
            said.push((format!("{line} by {who}"), home.run(program, &[], &words, "")));
        }
    }
    said
}

/// A server that fails is told in the same words, whatever is asked of it.
#[tokio::test(flavor = "multi_thread")]
async fn failures_of_a_server_are_told_alike() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let (timestamp, failures) = (timestamp_key(), failures());
    let answers = failures.clone();
    let server = TestServer::http(move |seen| {
        // /v2/KIND/NUMBER/_trust/tuf/FILE
        let mut parts = seen.path.split('/').skip(2);
        let (kind, number) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let failure = number.parse().ok().and_then(|number: usize| answers.get(number));
        let (status, body) = failure.map_or((200, "{}"), |(status, body)| (*status, body));
        match (seen.method.as_str(), seen.path.ends_with(".key")) {
            ("GET", true) if kind == "post" => Answer::ok(timestamp.clone()),
            ("GET", false) if failure.is_some() => Answer::status(404),
            ("POST", false) => Answer::new(status, body),
            _ => Answer::status(status),
        }
    })
    .await;
    let lines = [
        "init key/N",
        "init post/N",
        "publish post/N",
        "delete --remote post/N",
        "key rotate post/N snapshot -r",
    ];
    let [theirs, own] = [Program::Original, Program::Ours].map(|program| {
        let home = Home::new(program, &Case::of_one("failures", ""), &servers);
        let mut said = Vec::new();
        for (number, failure) in failures.iter().enumerate() {
            for line in lines {
                let line = line.replace('N', &number.to_string());
                let words = home.words(&format!("notary -s {} {line}", server.url()));
                let Said { stdout, code, .. } = home.run(program, &[], &words, "");
                let stdout = stdout.lines().filter(|line| !line.starts_with("Root key found"));
                said.push((line, failure, stdout.collect::<Vec<_>>().join("\n"), code));
            }
        }
        said
    });
    let differences: Vec<_> =
        theirs.iter().zip(&own).filter(|(theirs, own)| theirs != own).collect();
    assert!(differences.is_empty(), "{differences:#?}");
}

/// What a failed deletion left at the server is told as far as it is known.
#[tokio::test(flavor = "multi_thread")]
async fn deletion_that_failed_is_not_told_as_refused() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let answers = [
        (Answer::status(403), false),
        (Answer::status(404), false),
        (Answer::status(500), true),
        (Answer::status(504), true),
        (Answer::close(), true),
    ];
    for (answer, may_have_worked) in answers {
        let server = TestServer::http(move |_| answer.clone()).await;
        let home = Home::new(Program::Ours, &Case::of_one("failures", ""), &servers);
        let words = home.words(&format!("notary -s {} delete --remote a/b", server.url()));
        let said = home.run(Program::Ours, &[], &words, "");
        assert_eq!(said.stderr.contains("is not known"), may_have_worked, "{said:?}");
        assert_eq!(said.stderr.contains("is as it was"), !may_have_worked, "{said:?}");
    }
}

/// What no publication could bring to a server is not staged, where it would stop all others; nor
/// what a variable that is not set would have mean every name.
#[test]
fn what_cannot_be_published_or_meant_is_not_staged() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let home = Home::new(Program::Ours, &Case::of_one("refused", ""), &servers);
    let above = ((1_u64 << 53) + 1).to_string();
    let refused: [&[&str]; 4] = [
        &["addhash", "$GUN", "v1", &above, "--sha256", "$HASH"],
        &["delegation", "add", "$GUN", "targets/a", "bob.pem", "--paths", "a\tb"],
        &["delegation", "add", "$GUN", "targets/a", "bob.pem", "--paths", ""],
        &["delegation", "add", "$GUN", "targets/a", "--paths", ""],
    ];
    for line in refused {
        let mut words = home.words("notary");
        words.extend(line.iter().flat_map(|word| home.words(&format!("notary {word}"))));
        let said = home.run(Program::Ours, &[], &words, "");
        assert_eq!(said.code, Some(1), "{line:?}: {said:?}");
    }
    let status = home.run(Program::Ours, &[], &home.words("notary status $GUN"), "");
    assert!(status.stdout.starts_with("No unpublished changes"), "{status:?}");
}

/// The original leaves such a role without a word.
#[test]
fn a_role_that_loses_who_signed_it_is_named() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let home = Home::new(Program::Ours, &Case::of_one("removed", ""), &servers);
    let said = [
        "notary init -p $GUN",
        "notary delegation add -p $GUN targets/releases alice.crt bob.pem --all-paths",
        "notary key import alice.key -r targets/releases",
        "notary add -p $GUN v1 hello.txt -r targets/releases",
        "notary delegation remove -p $GUN targets/releases $ALICE",
    ]
    .map(|line| home.run(Program::Ours, &[], &home.words(line), ""));
    assert!(said.iter().all(|said| said.code == Some(0)), "{said:?}");
    let named = |said: &Said| said.stderr.contains("signatures of targets/releases do not count");
    assert_eq!(said.map(|said| named(&said)), [false, false, false, false, true]);
}

/// A key as a trust server gives it.
fn timestamp_key() -> Vec<u8> {
    let key = PrivateKey::generate(Algorithm::EcdsaP256).expect("random bytes");
    let public = STANDARD.encode(key.public().spki());
    let keyval = serde_json::json!({"public": public, "private": null});
    serde_json::json!({"keytype": "ecdsa", "keyval": keyval}).to_string().into_bytes()
}

/// What a trust server may answer that does not do what it is asked for.
fn failures() -> Vec<(u16, String)> {
    let statuses = [400, 403, 404, 405, 413, 429, 500, 503].map(|status| (status, String::new()));
    let judgements =
        ["BadRoot", "BadTargets", "BadSnapshot", "BadHierarchy", "Validation", "Other"];
    let judged = judgements.map(|name| {
        let detail = serde_json::json!({"Name": format!("Err{name}"), "Error": {"Msg": "why"}});
        serde_json::json!({"code": "INVALID_UPDATE", "detail": detail})
    });
    let unread =
        serde_json::json!({"code": "MALFORMED_JSON", "message": "no JSON", "detail": "why"});
    let refused = judged.into_iter().chain([unread]);
    let refused = refused.map(|error| (400, serde_json::json!({"errors": [error]}).to_string()));
    statuses.into_iter().chain(refused).collect()
}

/// Prompts, which scripts answer: what is asked, in which order, how often.
#[test]
fn prompts_are_those_of_the_original() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let (new_root, again) = ("passphrase for new root key", "Repeat passphrase for new root key");
    let dialogues: [(&[&str], &str); 7] = [
        (
            &[
                new_root,
                "short",
                new_root,
                "longenough1",
                again,
                "different1",
                new_root,
                "rootpass12",
                again,
                "rootpass12",
                "for new targets key",
                "targetpass",
                "Repeat passphrase for new targets",
                "targetpass",
                "for new snapshot key",
                "snappass12",
                "Repeat passphrase for new snapshot",
                "snappass12",
            ],
            "notary init $GUN",
        ),
        (
            &[
                "for targets key",
                "wrong",
                "for targets key",
                "wrong again",
                "for targets key",
                "targetpass",
                "for snapshot key",
                "snappass12",
            ],
            "notary publish $GUN",
        ),
        (
            &["for root key", "1", "for root key", "2", "for root key", "3", "for root key", "4"],
            "notary key passwd $ROOT_KEY",
        ),
        (
            &["for root key", "rootpass12", new_root, "newpass123", again, "newpass123"],
            "notary key passwd $ROOT_KEY",
        ),
        (
            &["new  key with ID", "newpass123", "Repeat passphrase for new  key", "newpass123"],
            "notary key generate -o made",
        ),
        (&["(yes/no)", "no"], "notary delegation remove $GUN targets/alice"),
        (&["(yes/no)", "y"], "notary key remove $ROOT_KEY"),
    ];
    let case = Case::of_one("prompts", "");
    let [theirs, own] = [Program::Original, Program::Ours].map(|program| {
        let home = Home::new(program, &case, &servers);
        let mut mask = Mask::new(&home);
        let said = dialogues.iter().map(|(answers, line)| {
            let said = home.run_on_a_terminal(answers, &home.words(line));
            mask.said(&said)
        });
        said.collect::<Vec<_>>()
    });
    for ((theirs, own), (_, line)) in theirs.iter().zip(&own).zip(&dialogues) {
        assert_eq!(questions(theirs), questions(own), "{line}\n{theirs}\n{own}");
    }
}

/// What is asked and answered, without the words of warning before a root key, which are our own,
/// and without our lines for people.
fn questions(shown: &str) -> Vec<String> {
    let of_warning = |line: &str| {
        ["You are", "will be", "choose", "key file", "password", "way to", "A new root", "restore"]
            .iter()
            .any(|begin| line.starts_with(begin))
            || line.starts_with("in a safe place")
    };
    let short = |line: &str| match line.split_once(" with ID ") {
        Some((before, id)) => format!("{before} with {} digits", id.trim_end().len() - 1),
        None => line.to_owned(),
    };
    let lines = shown.lines().filter(|line| !of_warning(line) && !line.starts_with("notary: "));
    lines.map(short).collect()
}
