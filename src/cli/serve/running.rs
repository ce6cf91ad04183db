//! A server with its socket, from its first word to its last answer.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::Path;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::config::Config;
use super::reload::{Certificate, received};
use super::start::{Started, start};
use super::tls::{self, Shown};
use super::{access, descriptors, findings};
use crate::cli::environment::{Environment, clock};
use crate::cli::exit::Kind;
use crate::cli::output::{Failure, Output};
use crate::server::Listener;

/// Serves until a signal ends it.
pub(super) async fn serve(
    mut config: Config,
    environment: &Environment,
    output: Output,
) -> Result<(), Failure> {
    let (connections, fewer) = descriptors::raised(config.options().limits.connections);
    config.limits.connections = NonZeroUsize::new(connections);
    fewer.iter().for_each(|fewer| output.notice(fewer));
    let Started { server, data, access } = start(&config, environment, output).await?;
    let identity = config.identity();
    let Shown { tls, authority, news, .. } = tls::of(&identity, &data, clock())?;
    let listener = Listener::bind(config.listen, Some(tls.clone()));
    let listener = listener.await.map_err(|error| {
        Failure::new(Kind::Network, format!("cannot listen on {}: {error}", config.listen))
    })?;
    let (ended, hang_up) = (ended(), hang_up());
    let address = listener.address().unwrap_or(config.listen);
    output.answer(&format!("https://{address}"));
    news.iter().for_each(|news| output.notice(news));
    findings::warn_of_open_doors(config.data(), output);
    if let Some(authority) = authority {
        say_how_to_trust(output, address, &authority);
    }
    let renewing = server.clone();
    let renewal = tokio::spawn(async move { renewing.keep_renewing().await });
    let counting = server.clone();
    let counts = tokio::spawn(async move { counting.keep_counting().await });
    let (draining, pause) = (server.clone(), config.drain);
    let stop = async move {
        ended.await;
        draining.drain();
        tokio::time::sleep(pause).await;
    };
    let certificate = Certificate { identity, data, tls, output };
    let also = move || access::read_again(&access, config.auth.as_ref(), output);
    let reloading = tokio::spawn(certificate.keep(hang_up, also));
    listener.serve(server, stop).await;
    renewal.abort();
    counts.abort();
    reloading.abort();
    Ok(())
}

/// Ends at a signal that ends us. From now on, not only once somebody waits: whoever reads where we
/// listen may tell us to end at once.
pub(in crate::cli) fn ended() -> impl Future<Output = ()> {
    let kinds = [SignalKind::terminate(), SignalKind::interrupt()];
    let [mut terminate, mut interrupt] = kinds.map(|kind| signal(kind).ok());
    async move {
        tokio::select! {
            () = received(&mut terminate) => {}
            () = received(&mut interrupt) => {}
        }
    }
}

/// That files are to be read again, whenever we are told so from now on.
pub(in crate::cli) fn hang_up() -> Option<Signal> {
    signal(SignalKind::hangup()).ok()
}

fn say_how_to_trust(output: Output, address: SocketAddr, authority: &Path) {
    let host = match address.ip().is_unspecified() {
        true => format!("localhost:{}", address.port()),
        false => address.to_string(),
    };
    output.notice(
        "This server made its own certificate authority. To have docker on this host believe it:",
    );
    output.notice(&format!(
        "  install -D -m 644 {} ~/.docker/tls/{host}/ca.crt",
        authority.display()
    ));
    output.notice(&format!("  export DOCKER_CONTENT_TRUST_SERVER=https://{host}"));
}
