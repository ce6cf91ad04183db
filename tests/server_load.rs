//! Much and for long: memory stays flat, many collections do not slow each other, large ones work.
//! `make soak` asks for ten minutes and ten thousand collections; otherwise it is a few seconds.
#![cfg(all(feature = "server", feature = "cli"))]
#![expect(clippy::disallowed_methods, reason = "real processes have a clock and an environment")]

#[path = "support/serve.rs"]
mod serve;

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use countersign::client::{Foundation, Roles, Wish, initialise, refresh};
use countersign::crypto::Signer;
use countersign::edit::Signers;
use countersign::net::{Remote as _, RemoteFile};
use countersign::storage::MemoryCache;
use countersign::tuf::{Gun, Hashes, RoleName, Target};
use countersign::verify::Wanted;

use serve::{Publisher, Serve, policy};

fn asked(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Bytes that the server has in memory now.
fn resident(serve: &Serve) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", serve.child.id()));
    let status = status.expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a line");
    let kilobytes: u64 = line.split_whitespace().nth(1).expect("a number").parse().expect("digits");
    kilobytes << 10
}

fn name(text: String) -> Gun {
    Gun::raw(&text).expect("a name")
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_flat_under_mixed_load() {
    let home = tempfile::tempdir().expect("a directory");
    let serve = Arc::new(Serve::start(home.path()));
    let publisher = Arc::new(Publisher::new());
    let time = Duration::from_secs(asked("COUNTERSIGN_SOAK_SECONDS", 12));
    let began = Instant::now();
    let done = Arc::new(AtomicUsize::new(0));
    let workers: Vec<_> = (0..6)
        .map(|worker| {
            let (serve, publisher, done) = (serve.clone(), publisher.clone(), done.clone());
            tokio::spawn(async move {
                for round in 0_usize.. {
                    if began.elapsed() >= time {
                        return;
                    }
                    work(&serve, &publisher, worker, round).await;
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let mut samples = Vec::new();
    while began.elapsed() < time {
        tokio::time::sleep(time / 60).await;
        samples.push(resident(&serve));
    }
    for worker in workers {
        worker.await.expect("everything is answered");
    }
    let most = |part: &[u64]| part.iter().max().copied().expect("samples");
    let third = samples.len() / 3;
    let (middle, last) = (most(&samples[third..2 * third]), most(&samples[2 * third..]));
    let rounds = done.load(Ordering::Relaxed);
    println!("{rounds} rounds in {time:?}; {} KiB, then {} KiB", middle >> 10, last >> 10);
    assert!(rounds > 60, "{rounds}");
    assert!(last <= middle + middle / 8 + (4 << 20), "{middle} bytes, then {last}: {samples:?}");
    assert!(last < 200 << 20, "{last} bytes");
}

/// A little of everything: founding, signing, reading all, a question to the page, nonsense.
async fn work(serve: &Serve, publisher: &Publisher, worker: usize, round: usize) {
    let gun = name(format!("soak/{worker}/{}", round % 40));
    let server = serve.collection(&gun);
    if round < 40 {
        publisher.found(serve, &gun).await;
    } else {
        let draft = publisher.known(&server, &gun).await.expect("it verifies");
        assert!(publisher.publish(draft, &server, round % 20 + 1).await, "{gun}");
    }
    for _ in 0..4 {
        let file = RemoteFile::Current(RoleName::Timestamp);
        assert!(server.fetch(&file, 1 << 16).await.expect("an answer").is_some());
    }
    if round.is_multiple_of(8) {
        let paths = ["/", "/?q=soak", "/metrics", "/v2/nonsense", "/v2/a/_trust/tuf/root.json"];
        let url = serve.url.clone();
        let ca = serve.data.join("ca.crt");
        let ask = move || {
            let mut curl = Command::new("curl");
            curl.args(["-sS", "-o", "/dev/null", "--max-time", "60", "--cacert"]).arg(ca);
            curl.args(paths.map(|path| format!("{url}{path}"))).output().expect("curl runs")
        };
        let output = tokio::task::spawn_blocking(ask).await.expect("no panic");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_collections_do_not_slow_each_other() {
    let home = tempfile::tempdir().expect("a directory");
    let serve = Arc::new(Serve::start(home.path()));
    let publisher = Arc::new(Publisher::new());
    let count = asked("COUNTERSIGN_COLLECTIONS", 400);
    let part = count / 8;
    let mut parts = Vec::new();
    for first in (0..count).step_by(usize::try_from(part).expect("small")) {
        let began = Instant::now();
        let workers: Vec<_> = (0..4)
            .map(|worker| {
                let (serve, publisher) = (serve.clone(), publisher.clone());
                tokio::spawn(async move {
                    for number in (first..first + part).filter(|number| number % 4 == worker) {
                        publisher.found(&serve, &name(format!("many/{number}"))).await;
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.await.expect("stored");
        }
        parts.push(began.elapsed());
    }
    let fastest = |parts: &[Duration]| parts.iter().min().copied().expect("parts");
    let (early, late) = (fastest(&parts[..3]), fastest(&parts[5..]));
    println!("{part} collections each: {parts:?}");
    assert!(late < early * 3, "the last ones are as fast as the first: {parts:?}");
    let reading = async |number: u64| {
        let server = serve.collection(&name(format!("many/{number}")));
        let began = Instant::now();
        for role in [RoleName::Root, RoleName::Targets, RoleName::Snapshot, RoleName::Timestamp] {
            let found = server.fetch(&RemoteFile::Current(role), 1 << 20).await;
            assert!(found.expect("an answer").is_some(), "many/{number}");
        }
        began.elapsed()
    };
    let mut times = Vec::new();
    for number in (0..count).step_by(usize::try_from(count / 50).expect("small")) {
        times.push(reading(number).await);
    }
    times.sort_unstable();
    println!("four files of one of {count}: {:?} in the middle", times[times.len() / 2]);
    assert!(times[times.len() / 2] < Duration::from_secs(1), "{times:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_of_twenty_thousand_tags_is_published_and_read_back() {
    let home = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(home.path());
    let publisher = Publisher::new();
    let gun = name("large/one".to_owned());
    let server = serve.collection(&gun);
    let foundation = Foundation::new(&publisher.root, &publisher.targets);
    let mut draft = initialise(&policy(&gun), &server, foundation).await.expect("keys");
    for number in 0..20_000_u32 {
        let hashes = Hashes::of(&number.to_be_bytes());
        let target = Target { length: 1, hashes, custom: None };
        draft.set_target(&RoleName::Targets, &format!("v{number}"), target).expect("a tag");
    }
    let signers: Signers<'_> =
        [&publisher.root as &dyn Signer, &publisher.targets].into_iter().collect();
    let update = draft.sign(jiff::Timestamp::now(), &signers).expect("signed");
    let began = Instant::now();
    server.publish(update.files()).await.expect("published");
    println!("published in {:?}", began.elapsed());
    let wish = Wish { roles: Roles::All, wanted: Wanted::Everything };
    let found = refresh(policy(&gun), &MemoryCache::new(), Some(&server), wish).await;
    let found = found.expect("it verifies");
    let targets = &found.targets.role(&RoleName::Targets).expect("targets").content().targets;
    assert_eq!(targets.len(), 20_000);
    let expected = Hashes::of(&7_u32.to_be_bytes());
    assert_eq!(targets.get("v7").map(|target| target.hashes), Some(expected));
    let draft = publisher.known(&server, &gun).await.expect("a draft");
    assert!(publisher.publish(draft, &server, 20_001).await, "one tag more");
    assert!(resident(&serve) < 200 << 20, "{} bytes", resident(&serve));
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_readers_of_a_large_file_share_it() {
    let home = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(home.path());
    let publisher = Publisher::new();
    let gun = name("large/two".to_owned());
    let server = serve.collection(&gun);
    let foundation = Foundation::new(&publisher.root, &publisher.targets);
    let mut draft = initialise(&policy(&gun), &server, foundation).await.expect("keys");
    for number in 0..32_000_u32 {
        let target = Target { length: 1, hashes: Hashes::of(b"x"), custom: None };
        let long = format!("{number:0200}");
        draft.set_target(&RoleName::Targets, &long, target).expect("a target");
    }
    assert!(publisher.publish(draft, &server, 1).await);
    let before = resident(&serve);
    let slow: Vec<_> = (0..30).map(|_| reads_nothing(&serve, "large/two")).collect();
    // All of them have their answer, and are within the time that a silent reader is given.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let grown = resident(&serve).saturating_sub(before);
    println!("{} KiB more for {} readers", grown >> 10, slow.len());
    // Thirty of these files are 282 MiB. One is lent; the rest was freed after they were read side by
    // side, and the allocator keeps it, more of it the busier the machine.
    assert!(grown < 160 << 20, "{grown} bytes more");
    let found = server.fetch(&RemoteFile::Current(RoleName::Targets), 16 << 20).await;
    assert!(found.expect("an answer").expect("there").len() > 9 << 20);
    for mut reader in slow {
        reader.kill().expect("killed");
        reader.wait().expect("gone");
    }
}

/// Asks for the targets of a collection, and leaves the answer where it is.
fn reads_nothing(serve: &Serve, gun: &str) -> std::process::Child {
    use std::io::Write as _;
    let mut reader = Command::new("openssl")
        .args(["s_client", "-quiet", "-connect", serve.address()])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("openssl runs");
    let request = format!("GET /v2/{gun}/_trust/tuf/targets.json HTTP/1.1\r\nHost: x\r\n\r\n");
    reader.stdin.as_mut().expect("piped").write_all(request.as_bytes()).expect("asked");
    reader
}
