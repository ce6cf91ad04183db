//! What may happen to a trust server and its disk, clock and line; nothing that was acknowledged is
//! lost, nothing that does not verify is served, and it goes on when the trouble is over.
#![cfg(all(feature = "server", feature = "cli"))]
#![expect(clippy::disallowed_methods, reason = "real processes have a clock and an environment")]

#[path = "support/serve.rs"]
mod serve;

use std::collections::BTreeMap;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use countersign::client::{Error, Roles, Wish, refresh};
use countersign::storage::MemoryCache;
use countersign::tuf::Gun;
use countersign::verify::{Policy, Wanted};
use rustix::process::Signal;

use serve::{Acknowledged, Publisher, Serve, check, command, policy, ready, refused, trouble_free};

/// `COUNTERSIGN_KILLS` rounds, or a few; `make kills` asks for 200.
#[tokio::test(flavor = "multi_thread")]
async fn server_kill9_atomic() {
    let home = tempfile::tempdir().expect("a directory");
    let rounds = std::env::var("COUNTERSIGN_KILLS").ok().and_then(|text| text.parse().ok());
    let publisher = Arc::new(Publisher::new());
    let mut all = BTreeMap::new();
    let reads = Arc::new(AtomicUsize::new(0));
    for round in 0..rounds.unwrap_or(10_u64) {
        let serve = Arc::new(Serve::start(home.path()));
        let acknowledged = Acknowledged::default();
        let workers: Vec<_> = (0..6)
            .map(|worker| {
                let (publisher, serve) = (Arc::clone(&publisher), Arc::clone(&serve));
                let acknowledged = Arc::clone(&acknowledged);
                tokio::spawn(async move {
                    publisher.work(&serve, &format!("r{round}/w{worker}"), &acknowledged).await;
                })
            })
            .collect();
        let reader = tokio::spawn(read_all_the_time(
            Arc::clone(&serve),
            Arc::clone(&acknowledged),
            Arc::clone(&reads),
        ));
        // Every other one is killed while it works, however slow the machine is; the others may
        // be killed before they have done anything.
        if round % 2 == 0 {
            let before = reads.load(Ordering::Relaxed);
            at_work(&acknowledged, &reads, before).await;
        }
        // Spread over the time that a publication takes, and over several of them.
        tokio::time::sleep(Duration::from_micros(60_000 + (round * 37_337) % 240_000)).await;
        serve.signal(Signal::KILL);
        for worker in workers {
            worker.await.expect("no panic");
        }
        reader.await.expect("everything that is served verifies");
        Arc::into_inner(serve).expect("nobody else has it").kill();
        let acknowledged = acknowledged.lock().expect("a list").clone();
        let serve = Serve::start(home.path());
        check(&serve, &acknowledged).await;
        all.extend(acknowledged);
        everything_verifies(&serve).await;
    }
    let serve = Serve::start(home.path());
    check(&serve, &all).await;
    let total: usize = all.values().sum();
    let reads = reads.load(Ordering::Relaxed);
    assert!(total > 50 && reads > 20, "only {total} publications and {reads} reads");
}

/// Waits until publishers and the reader have got somewhere since there were that many reads.
async fn at_work(acknowledged: &Acknowledged, reads: &AtomicUsize, before: usize) {
    let began = Instant::now();
    let published = || acknowledged.lock().expect("a list").values().sum::<usize>();
    while published() < 12 || reads.load(Ordering::Relaxed) < before + 5 {
        assert!(began.elapsed() < Duration::from_secs(120), "only {} publications", published());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Reads whatever was acknowledged last, until the server is gone.
async fn read_all_the_time(serve: Arc<Serve>, acknowledged: Acknowledged, reads: Arc<AtomicUsize>) {
    loop {
        let last =
            acknowledged.lock().expect("a list").last_key_value().map(|(gun, _)| gun.clone());
        let Some(gun) = last else {
            if !is_there(&serve) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
            continue;
        };
        match read(&serve, &gun).await {
            Ok(_) => drop(reads.fetch_add(1, Ordering::Relaxed)),
            Err(Error::Net(_)) => return,
            Err(error) => panic!("{gun}: {error}"),
        }
    }
}

fn is_there(serve: &Serve) -> bool {
    TcpStream::connect(serve.address()).is_ok()
}

/// How many tags a collection has, after a client's whole walk.
async fn read(serve: &Serve, gun: &str) -> Result<usize, Error> {
    read_at(serve, gun, jiff::Timestamp::now()).await
}

async fn read_at(serve: &Serve, gun: &str, now: jiff::Timestamp) -> Result<usize, Error> {
    let gun = Gun::raw(gun).expect("a name");
    let server = serve.collection(&gun);
    let wish = Wish { roles: Roles::All, wanted: Wanted::Everything };
    let policy = Arc::new(Policy { now, ..(*policy(&gun)).clone() });
    let found = refresh(policy, &MemoryCache::new(), Some(&server), wish).await?;
    let targets = found.targets.role(&countersign::tuf::RoleName::Targets);
    Ok(targets.expect("targets").content().targets.len())
}

/// Whatever stands in the changefeed, acknowledged or not, is whole.
async fn everything_verifies(serve: &Serve) {
    let feed = Command::new("curl")
        .args(["-sS", "--max-time", "20", "--cacert"])
        .arg(serve.data.join("ca.crt"))
        .arg(format!("{}/v2/_trust/changefeed?records=-200", serve.url))
        .output()
        .expect("curl runs");
    let feed: serde_json::Value = serde_json::from_slice(&feed.stdout).expect("JSON");
    let records = feed["records"].as_array().expect("records");
    let guns: std::collections::BTreeSet<&str> =
        records.iter().filter_map(|record| record["GUN"].as_str()).collect();
    for gun in guns {
        read(serve, gun).await.unwrap_or_else(|error| panic!("{gun}: {error}"));
    }
}

/// A server whose data lie on a disk of their own that holds little.
struct SmallDisk {
    serve: Serve,
    /// As seen from here.
    mounted: PathBuf,
}

impl SmallDisk {
    fn start(home: &Path) -> Self {
        let data = home.join("data");
        drop(Serve::start(&data));
        let tls = |name: &str| data.join(name).display().to_string();
        std::fs::create_dir(home.join("disk")).expect("a directory");
        let disk = home.join("disk");
        let program = env!("CARGO_BIN_EXE_countersign");
        let script = format!(
            "mount -t tmpfs -o size=1500k none {0} && cp {1}/* {0}/ && exec {program} serve -q \
             --listen 127.0.0.1:0 --data {0} --tls-cert {2} --tls-key {3}",
            disk.display(),
            data.display(),
            tls("server.crt"),
            tls("server.key"),
        );
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", &script]).stdout(std::process::Stdio::piped());
        let serve = Serve::run(command, &data);
        let mounted = PathBuf::from(format!("/proc/{}/root{}", serve.child.id(), disk.display()));
        Self { serve, mounted }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_and_an_emptied_one_goes_on() {
    let home = tempfile::tempdir().expect("a directory");
    let disk = SmallDisk::start(home.path());
    let filler = disk.mounted.join("filler");
    std::fs::write(&filler, vec![0; 600 << 10]).expect("written");
    let (publisher, serve) = (Publisher::new(), &disk.serve);
    let mut stored = BTreeMap::new();
    let mut refused = 0;
    for number in 0..400 {
        let name = format!("full/{number}");
        match publisher.tries_to_found(serve, &Gun::raw(&name).expect("a name")).await {
            true => drop(stored.insert(name, 1)),
            false => refused += 1,
        }
        if refused == 3 {
            break;
        }
    }
    assert_eq!(refused, 3, "the disk is full after {} collections", stored.len());
    assert!(stored.len() > 3, "{} collections", stored.len());
    check(serve, &stored).await;
    let (code, told) = ready(serve, &[]);
    assert!(code == 0 && told.contains("is full, since "), "{code}: {told}");
    std::fs::remove_file(&filler).expect("removed");
    let began = Instant::now();
    let gun = Gun::raw("full/afterwards").expect("a name");
    while !publisher.tries_to_found(serve, &gun).await {
        assert!(began.elapsed() < Duration::from_secs(60), "it goes on without a restart");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(ready(serve, &[]), (0, String::new()));
    stored.insert(gun.to_string(), 1);
    check(serve, &stored).await;
    everything_verifies(serve).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_and_slow_uploads_store_nothing_and_delay_nobody() {
    let home = tempfile::tempdir().expect("a directory");
    let serve = Arc::new(Serve::start(home.path()));
    let publisher = Publisher::new();
    publisher.found(&serve, &Gun::raw("a/b").expect("a name")).await;
    let (dripping, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let slow: Vec<_> = (0..20)
        .map(|_| {
            let (serve, dripping, done) = (serve.clone(), dripping.clone(), done.clone());
            std::thread::spawn(move || drip(&serve, &dripping, &done))
        })
        .collect();
    while dripping.load(Ordering::Relaxed) < 20 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut slowest = Duration::ZERO;
    for number in 0..30 {
        let began = Instant::now();
        publisher.found(&serve, &Gun::raw(&format!("fast/{number}")).expect("a name")).await;
        slowest = slowest.max(began.elapsed());
    }
    done.store(true, Ordering::Relaxed);
    for one in slow {
        one.join().expect("no panic");
    }
    assert!(slowest < Duration::from_secs(30), "a publication took {slowest:?}");
    assert!(matches!(read(&serve, "slow").await, Err(Error::NoTrustData { .. })));
    everything_verifies(&serve).await;
}

/// An upload that comes byte by byte, and breaks off.
fn drip(serve: &Serve, dripping: &AtomicUsize, done: &AtomicBool) {
    let mut curl = Command::new("curl")
        .args(["-sS", "--max-time", "60", "-X", "POST", "-T", "-", "-H", "Expect:", "--cacert"])
        .arg(serve.data.join("ca.crt"))
        .args(["-H", "Content-Type: multipart/form-data; boundary=x"])
        .arg(format!("{}/v2/slow/_trust/tuf/", serve.url))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("curl runs");
    let mut body = curl.stdin.take().expect("piped");
    let text = b"--x\r\nContent-Disposition: form-data; name=\"files\"; filename=\"root\"\r\n\r\n{";
    for (place, byte) in text.iter().cycle().take(10_000).enumerate() {
        if done.load(Ordering::Relaxed) || body.write_all(&[*byte]).is_err() {
            break;
        }
        if place == 10 {
            dripping.fetch_add(1, Ordering::Relaxed);
        }
        std::thread::sleep(Duration::from_millis(3));
    }
    // Cut, not ended.
    curl.kill().expect("killed");
    curl.wait().expect("gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_forth_and_back_loses_nothing() {
    let home = tempfile::tempdir().expect("a directory");
    let data = home.path().join("data");
    drop(Serve::start(&data));
    let time = home.path().join("time");
    let set = |hours: i64| std::fs::write(&time, format!("{:+}h\n", hours)).expect("written");
    set(0);
    let mut faked = command(&data, &["-q"]);
    faked
        .env("LD_PRELOAD", "/usr/$LIB/faketime/libfaketimeMT.so.1")
        .env("FAKETIME_TIMESTAMP_FILE", &time)
        .env("FAKETIME_NO_CACHE", "1")
        .env("DONT_FAKE_MONOTONIC", "1");
    let serve = Serve::run(faked, &data);
    let publisher = Publisher::new();
    let gun = Gun::raw("a/b").expect("a name");
    publisher.found(&serve, &gun).await;
    let mut before = 0;
    let now = jiff::Timestamp::now();
    for hours in [0, 24 * 20, 0, 24 * 400, -24 * 3, 0] {
        set(hours);
        let then = now + jiff::SignedDuration::from_hours(hours.max(0));
        let tags = read_at(&serve, "a/b", then).await;
        assert_eq!(tags.unwrap_or_else(|error| panic!("{hours} hours: {error}")), 1);
        let version = version(&serve, "a/b");
        assert!(version >= before, "{hours} hours: version {version} after {before}");
        before = version;
    }
    assert!(before >= 3, "the timestamp was renewed each time that it had expired: {before}");
    let server = serve.collection(&gun);
    let draft = publisher.known(&server, &gun).await.expect("a draft");
    assert!(publisher.publish(draft, &server, 2).await, "and publishers go on");
    assert_eq!(read(&serve, "a/b").await.expect("it verifies"), 2);
}

/// The version of the timestamp that is served.
fn version(serve: &Serve, gun: &str) -> u64 {
    let file = Command::new("curl")
        .args(["-sS", "--max-time", "20", "--cacert"])
        .arg(serve.data.join("ca.crt"))
        .arg(format!("{}/v2/{gun}/_trust/tuf/timestamp.json", serve.url))
        .output()
        .expect("curl runs");
    let file: serde_json::Value = serde_json::from_slice(&file.stdout).expect("JSON");
    file["signed"]["version"].as_u64().expect("a version")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_database_is_named_or_serves_only_what_verifies() {
    let home = tempfile::tempdir().expect("a directory");
    let whole = home.path().join("whole");
    let serve = Serve::start(&whole);
    let publisher = Publisher::new();
    for number in 0..12 {
        publisher.found(&serve, &Gun::raw(&format!("a/{number}")).expect("a name")).await;
    }
    serve.kill();
    // All of it in one file, none in a log beside it.
    let compact = home.path().join("compact.db");
    let words = ["-q", "--backup", compact.to_str().expect("text")];
    assert!(command(&whole, &words).status().expect("it runs").success());
    std::fs::rename(&compact, whole.join("trust.db")).expect("put in place");
    // Whoever closed the store last may have taken its log along.
    for left in ["trust.db-wal", "trust.db-shm"] {
        match std::fs::remove_file(whole.join(left)) {
            Err(gone) if gone.kind() == std::io::ErrorKind::NotFound => {}
            removed => removed.expect("removed"),
        }
    }
    let size = std::fs::metadata(whole.join("trust.db")).expect("a database").len();
    let damages: Vec<(String, Damage)> = (0..16)
        .map(|part| (format!("page {part}"), Damage::Page(size * part / 16 / 4096 * 4096)))
        .chain([
            ("no header".to_owned(), Damage::Header),
            ("half of it".to_owned(), Damage::Length(size / 2)),
            ("not a page".to_owned(), Damage::Length(1_000)),
        ])
        .collect();
    let (mut started, mut not_started) = (0, 0);
    for (what, damage) in damages {
        let data = home.path().join(what.replace(' ', "-"));
        copy(&whole, &data);
        damage.to(&data.join("trust.db"));
        let Some(serve) = Serve::may_start(command(&data, &["-q"]), &data) else {
            let (code, told) = refused(command(&data, &["-q"]));
            assert!([6, 8].contains(&code), "{what}: {code} {told}");
            assert!(trouble_free(&told), "{what}: {told}");
            not_started += 1;
            continue;
        };
        started += 1;
        for number in 0..12 {
            match read(&serve, &format!("a/{number}")).await {
                Ok(tags) => assert_eq!(tags, 1, "{what}"),
                // Refused by the server, or by us.
                Err(Error::Net(_) | Error::NoTrustData { .. } | Error::Missing { .. }) => {}
                Err(Error::Verify(_)) => {}
                Err(other) => panic!("{what}: {other}"),
            }
        }
        publisher.tries_to_found(&serve, &Gun::raw("new").expect("a name")).await;
        assert!(is_there(&serve), "{what}: no panic");
    }
    assert!(started > 0 && not_started > 1, "{started} started, {not_started} did not");
}

enum Damage {
    Page(u64),
    Header,
    Length(u64),
}

impl Damage {
    fn to(&self, database: &Path) {
        let mut file = std::fs::OpenOptions::new().read(true).write(true).open(database);
        let file = file.as_mut().expect("a database");
        match self {
            Self::Length(bytes) => file.set_len(*bytes).expect("cut"),
            Self::Header => file.write_all(b"no database at all").expect("written"),
            Self::Page(at) => {
                // Beyond the header, so that it is the content that is damaged.
                let at = at + 200;
                let mut bytes = [0; 2_000];
                file.seek(SeekFrom::Start(at)).expect("there");
                let read = file.read(&mut bytes).expect("read");
                bytes[..read].iter_mut().for_each(|byte| *byte ^= 0x55);
                file.seek(SeekFrom::Start(at)).expect("there");
                file.write_all(&bytes[..read]).expect("written");
            }
        }
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        std::fs::copy(entry.path(), to.join(entry.file_name())).expect("copied");
    }
}
