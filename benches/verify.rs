//! The verifier alone, in process, on bytes in memory: how long one verification takes, and which
//! share of it is signature and hash arithmetic. The rest is reading: JSON, keys, certificates.
//!
//! `cargo bench --bench verify`; times are medians in microseconds.
#![expect(clippy::print_stdout, reason = "its table is its answer")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign::crypto::{Algorithm, PrivateKey, Sha256, Sha512, Signer};
use countersign::edit::{Founding, Signers, SnapshotKey, expiry};
use countersign::tuf::{
    Dialect, Envelope, FileMeta, Gun, Hashes, Key, Limits, RoleName, Target, Timestamp, Unknown,
    Version,
};
use countersign::verify::{
    Anchor, Baseline, FirstUse, Policy, TrustedRoot, TrustedTargets, Wanted,
};

fn main() {
    println!("{:<34} {:>10} {:>11} {:>6}", "", "verify µs", "arithmetic", "share");
    for count in [1, 20_000] {
        let collection = Collection::new(count);
        let first = collection.measure(&Baseline::default(), Wanted::Everything);
        print(&format!("{count} tags, seen for the first time"), first);
        let seen = collection.seen();
        let again = collection.measure(&seen, Wanted::Names(&["v1"]));
        print(&format!("{count} tags, targets seen before"), again);
    }
}

fn print(what: &str, (whole, arithmetic): (Duration, Duration)) {
    let share = 100.0 * arithmetic.as_secs_f64() / whole.as_secs_f64();
    let verdict = if share >= BAR { "ok" } else { "MISSED" };
    let (whole, arithmetic) = (whole.as_secs_f64() * 1e6, arithmetic.as_secs_f64() * 1e6);
    println!("{what:<34} {whole:>10.1} {arithmetic:>11.1} {share:>5.1}%  {verdict} (≥ {BAR:.0} %)");
}

/// One collection's files, its four keys all P-256 as a server with a signer has them.
struct Collection {
    policy: Arc<Policy>,
    root: Vec<u8>,
    timestamp: Vec<u8>,
    snapshot: Vec<u8>,
    targets: Vec<u8>,
}

impl Collection {
    fn new(tags: usize) -> Self {
        let gun = Gun::raw("registry.example.com/team/web").expect("a name");
        let now = "2026-11-22T00:00:00Z".parse().expect("a date");
        let [root, targets, snapshot, timestamp] =
            [(); 4].map(|()| PrivateKey::generate(Algorithm::EcdsaP256).expect("random bytes"));
        let founding = Founding {
            certificate: None,
            gun: &gun,
            root: &root,
            targets: &targets,
            snapshot: SnapshotKey::Local(&snapshot),
            timestamp: DIALECT.key(timestamp.public()),
            now,
        };
        let mut draft = founding.draft(DIALECT).expect("a draft");
        for number in 1..=tags {
            let name = format!("v{number}");
            let hashes = Hashes::from(Sha256::of(name.as_bytes()));
            let target = Target { length: 527, hashes, custom: None };
            draft.set_target(&RoleName::Targets, &name, target).expect("a tag");
        }
        let signers: Signers<'_> = [&targets as &dyn Signer, &snapshot].into_iter().collect();
        let update = draft.sign(now, &signers).expect("signed");
        let file = |role: RoleName| {
            let found = update.files().iter().find(|(name, _)| *name == role);
            found.map(|(_, bytes)| bytes.clone()).expect("one of the files")
        };
        let snapshot = file(RoleName::Snapshot);
        let policy = Policy {
            dialect: DIALECT,
            gun,
            anchor: Anchor::unpinned(FirstUse::Allow),
            now,
            limits: Limits::default(),
            max_age: None,
        };
        Self {
            timestamp: sealed_timestamp(&snapshot, &timestamp, now),
            root: file(RoleName::Root),
            targets: file(RoleName::Targets),
            snapshot,
            policy: Arc::new(policy),
        }
    }

    fn verify(&self, seen: &Baseline, wanted: Wanted<'_>) -> TrustedTargets {
        let root = TrustedRoot::restore(Arc::clone(&self.policy), &self.root).expect("a root");
        let root = root.current(seen).expect("current");
        let timestamp = root.timestamp(&self.timestamp, seen).expect("a timestamp");
        let snapshot = timestamp.snapshot(&self.snapshot, seen).expect("a snapshot");
        snapshot.targets(&self.targets, seen, wanted).expect("targets")
    }

    /// What one verification leaves behind for the next.
    fn seen(&self) -> Baseline {
        let targets = self.verify(&Baseline::default(), Wanted::Everything);
        let role = targets.role(&RoleName::Targets).expect("loaded");
        let mut seen = Baseline::default();
        seen.remember(RoleName::Targets, role.seen().clone());
        seen.remember(RoleName::Snapshot, targets.snapshot().seen().clone());
        seen.remember(RoleName::Timestamp, targets.snapshot().timestamp().seen().clone());
        seen
    }

    /// The time of a verification, and of the arithmetic in it.
    fn measure(&self, seen: &Baseline, wanted: Wanted<'_>) -> (Duration, Duration) {
        let whole = median(|| drop(black_box(self.verify(seen, wanted))));
        let targets_are_new = !seen.knows(&RoleName::Targets);
        let arithmetic = self.arithmetic(targets_are_new);
        (whole, median(|| arithmetic.iter().for_each(|step| step())))
    }

    /// Each signature that counts, and each hash that the specification asks for, once.
    fn arithmetic(&self, targets_are_new: bool) -> Vec<Box<dyn Fn() + '_>> {
        let limits = &self.policy.limits;
        let root = DIALECT.open_root(&self.root, limits).expect("a root");
        let keys: Vec<Key> = root.unverified_content().keys.values().cloned().collect();
        let timestamp = DIALECT.open_timestamp(&self.timestamp, limits).expect("a timestamp");
        let snapshot = DIALECT.open_snapshot(&self.snapshot, limits).expect("a snapshot");
        let mut steps = vec![
            signature(&root, &keys),
            signature(&timestamp, &keys),
            signature(&snapshot, &keys),
            sha256(&self.root),
            sha256(&self.timestamp),
            sha256(&self.snapshot),
            sha512(&self.snapshot),
            sha256(&self.targets),
        ];
        if targets_are_new {
            let targets = DIALECT.open_targets(&RoleName::Targets, &self.targets, limits);
            steps.push(signature(&targets.expect("targets"), &keys));
            steps.push(sha512(&self.targets));
        }
        steps
    }
}

fn sealed_timestamp(snapshot: &[u8], key: &PrivateKey, now: jiff::Timestamp) -> Vec<u8> {
    let expires = expiry(&RoleName::Timestamp, now);
    let (snapshot, unknown) = (FileMeta::of(snapshot), Unknown::default());
    let content = Timestamp { version: Version::ONE, expires, snapshot, unknown };
    let message = DIALECT.timestamp_message(&content);
    let signature = key.sign(message.as_bytes()).expect("a sound key");
    DIALECT.seal(&message, &[(DIALECT.key(key.public()).id(), signature)])
}

fn signature<T>(envelope: &Envelope<T>, keys: &[Key]) -> Box<dyn Fn()> {
    let [entry] = envelope.signatures() else { panic!("one signature") };
    let key = keys.iter().find(|key| Some(key.id()) == entry.keyid).expect("a key of the root");
    let public = key.public().expect("usable").clone();
    let (message, signature) = (envelope.message().to_vec(), entry.signature.clone());
    let signature = signature.expect("a known method");
    Box::new(move || public.verify(black_box(&message), &signature).expect("valid"))
}

fn sha256(bytes: &[u8]) -> Box<dyn Fn() + '_> {
    Box::new(|| {
        black_box(Sha256::of(black_box(bytes)));
    })
}

fn sha512(bytes: &[u8]) -> Box<dyn Fn() + '_> {
    Box::new(|| {
        black_box(Sha512::of(black_box(bytes)));
    })
}

/// Of as many runs as fit into a second.
fn median(run: impl Fn()) -> Duration {
    let (started, mut times) = (Instant::now(), Vec::new());
    while started.elapsed() < Duration::from_secs(1) || times.len() < 11 {
        let begun = Instant::now();
        run();
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    times[times.len() / 2]
}

const DIALECT: Dialect = Dialect::Notary;
/// Percent.
const BAR: f64 = 70.0;
