//! Where a guard listens, from its first word to its last answer.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use tokio::signal::unix::Signal;

use crate::cli::environment::clock;
use crate::cli::exit::{Code, Kind};
use crate::cli::output::{Failure, Output};
use crate::cli::serve::findings::warn_of_open_doors;
use crate::cli::serve::reload::Certificate;
use crate::cli::serve::running::{ended, hang_up};
use crate::cli::serve::tls::{self, Identity};
use crate::server::{Answering, Listener};
use crate::storage::DataDirectory;

/// Does what a guard does until it ends, with so many look-ups at once. Those that come beyond wait for
/// their turn, or are refused when their time is up.
pub(in crate::cli) fn looking_up(
    at_once: usize,
    guarding: impl Future<Output = Result<(), Failure>>,
) -> Result<Code, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(at_once)
        .build()
        .map_err(|error| Failure::new(Kind::Other, format!("cannot serve: {error}")))?;
    let ended = runtime.block_on(guarding);
    // A look-up that nobody waits for any more ends with us.
    runtime.shutdown_background();
    ended.map(|()| Code::Done)
}

/// A socket that listens, and signals that are listened to.
pub(in crate::cli) struct Post {
    listener: Listener,
    certificate: Option<Certificate>,
    ended: Pin<Box<dyn Future<Output = ()> + Send>>,
    hang_up: Option<Signal>,
    /// Where it listens.
    pub(in crate::cli) address: SocketAddr,
    /// The authority that people have to trust, if it is one of our own.
    pub(in crate::cli) authority: Option<PathBuf>,
}

impl Post {
    /// Listens, and says where: with TLS if there is a certificate, or one of its own to be kept in a
    /// folder.
    pub(in crate::cli) async fn take(
        listen: SocketAddr,
        identity: Option<(Identity, PathBuf)>,
        output: Output,
    ) -> Result<Self, Failure> {
        let shown = identity.map(|(identity, data)| {
            warn_of_open_doors(&data, output);
            let data = DataDirectory::create(&data)?;
            let shown = tls::of(&identity, &data, clock())?;
            Ok::<_, Failure>((
                Certificate { identity, data, tls: shown.tls.clone(), output },
                shown,
            ))
        });
        let (certificate, shown) = shown.transpose()?.unzip();
        let tls = shown.as_ref().map(|shown| shown.tls.clone());
        let scheme = if tls.is_some() { "https" } else { "http" };
        let listener = Listener::bind(listen, tls).await.map_err(|error| {
            Failure::new(Kind::Network, format!("cannot listen on {listen}: {error}"))
        })?;
        // Whoever reads where we listen may tell us to end at once.
        let (ended, hang_up) = (Box::pin(ended()), hang_up());
        let address = listener.address().unwrap_or(listen);
        output.answer(&format!("{scheme}://{address}"));
        shown.iter().flat_map(|shown| &shown.news).for_each(|news| output.notice(news));
        let authority = shown.and_then(|shown| shown.authority);
        Ok(Self { listener, certificate, ended, hang_up, address, authority })
    }

    /// Answers until a signal ends it; for so long after that, it has been told to `drain`.
    pub(in crate::cli) async fn hold<G: Answering>(
        self,
        guard: G,
        drain: fn(&G),
        draining: Duration,
    ) {
        let Self { listener, certificate, ended, hang_up, .. } = self;
        let drained = guard.clone();
        let stop = async move {
            ended.await;
            drain(&drained);
            tokio::time::sleep(draining).await;
        };
        let kept = tokio::spawn(async move {
            match certificate {
                Some(certificate) => certificate.keep(hang_up, || {}).await,
                // There is nothing to be read again, and no reason to end.
                None => {
                    let _hang_up = hang_up;
                    std::future::pending().await
                }
            }
        });
        listener.serve(guard, stop).await;
        kept.abort();
    }
}
