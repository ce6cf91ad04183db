//! How fast a trust server takes in new collections: eight publishers at a time, everything signed
//! beforehand.
//!
//! `publish URL CA-FILE COUNT`; prints publishes per second, and the median and the 99th percentile
//! of one in milliseconds. The files are what docker's first publish sends, the snapshot left to
//! the server.
#![expect(clippy::print_stdout, reason = "its table is its answer")]
#![expect(
    clippy::disallowed_methods,
    reason = "a program of its own, with a command line and a clock"
)]

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign::client::{Foundation, initialise};
use countersign::crypto::{Algorithm, PrivateKey, Signer};
use countersign::edit::{Signers, Update};
use countersign::net::{
    Account, Anonymous, Deadline, Http, HttpOptions, NotaryServer, PlainHttp, Realms, Remote,
    ServerUrl,
};
use countersign::tuf::{Dialect, Gun, Limits};
use countersign::verify::{Anchor, FirstUse, Policy};

type Failed = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failed> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let [url, ca, count] = words.as_slice() else {
        println!("usage: publish URL CA-FILE COUNT");
        return Ok(());
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measure(url, ca, count.parse()?))
}

async fn measure(url: &str, ca: &str, count: usize) -> Result<(), Failed> {
    let options = HttpOptions { extra_authorities: Some(ca.into()), ..HttpOptions::default() };
    let http = Http::new(options);
    let url = ServerUrl::parse(url, PlainHttp::Refused)?;
    let keys = Keys { root: generate()?, targets: generate()? };
    let started = Instant::now();
    let mut waiting = Vec::new();
    for number in 0..count {
        waiting.push(prepared(&http, &url, &keys, number).await?);
    }
    let preparing = started.elapsed();
    let started = Instant::now();
    let mut times = publish_all(waiting).await?;
    let took = started.elapsed().as_secs_f64();
    times.sort_unstable();
    let at = |part: usize| times[(times.len() - 1) * part / 100].as_secs_f64() * 1e3;
    let rate = count as f64 / took;
    let prepared = count as f64 / preparing.as_secs_f64();
    println!(
        "{rate:.0} publishes/s, median {:.2} ms, p99 {:.2} ms ({prepared:.0} prepared/s)",
        at(50),
        at(99)
    );
    Ok(())
}

struct Keys {
    root: PrivateKey,
    targets: PrivateKey,
}

fn generate() -> Result<PrivateKey, Failed> {
    Ok(PrivateKey::generate(Algorithm::EcdsaP256)?)
}

/// A new collection, signed but not sent.
async fn prepared(
    http: &Http,
    url: &ServerUrl,
    keys: &Keys,
    number: usize,
) -> Result<(NotaryServer, Update), Failed> {
    let stamp = jiff::Timestamp::now();
    let gun = Gun::raw(&format!("bench.example.com/{}/{number}", stamp.as_nanosecond()))?;
    let account =
        Account::at("bench.example.com", Arc::new(Anonymous), Arc::new(Realms::default()));
    let until = Deadline::after(Duration::from_secs(600));
    let server = NotaryServer::new(http.clone(), url, &gun, account, until)?;
    let policy = Policy {
        dialect: Dialect::Notary,
        gun,
        anchor: Anchor::unpinned(FirstUse::Allow),
        now: stamp,
        limits: Limits::default(),
        max_age: None,
    };
    let foundation = Foundation::new(&keys.root, &keys.targets);
    let draft = initialise(&policy, &server, foundation).await?;
    let signers: Signers<'_> = [&keys.root as &dyn Signer, &keys.targets].into_iter().collect();
    Ok((server, draft.sign(stamp, &signers)?))
}

/// Sends them, eight at a time; how long each took.
async fn publish_all(waiting: Vec<(NotaryServer, Update)>) -> Result<Vec<Duration>, Failed> {
    let mut shares: Vec<Vec<(NotaryServer, Update)>> = (0..AT_ONCE).map(|_| Vec::new()).collect();
    for (number, one) in waiting.into_iter().enumerate() {
        shares[number % AT_ONCE].push(one);
    }
    let publisher = |share: Vec<(NotaryServer, Update)>| async move {
        let mut times = Vec::new();
        for (server, update) in share {
            let started = Instant::now();
            server.publish(update.files()).await?;
            times.push(started.elapsed());
        }
        Ok::<_, Failed>(times)
    };
    let publishers: Vec<_> =
        shares.into_iter().map(|share| tokio::spawn(publisher(share))).collect();
    let mut times = Vec::new();
    for publisher in publishers {
        times.extend(publisher.await??);
    }
    Ok(times)
}

const AT_ONCE: usize = 8;
