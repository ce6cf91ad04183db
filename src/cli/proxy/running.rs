//! A proxy with its socket, from its first word to its last answer.

use std::net::SocketAddr;
use std::path::Path;

use super::Settings;
use super::images::SignedImages;
use crate::cli::args::Global;
use crate::cli::context::Context;
use crate::cli::environment::clock;
use crate::cli::exit::{Code, Kind};
use crate::cli::output::{Failure, Output};
use crate::cli::serve::log::log;
use crate::cli::serve::reload::Certificate;
use crate::cli::serve::running::{ended, hang_up};
use crate::cli::serve::tls::{self, Shown};
use crate::cli::serve::{descriptors, findings};
use crate::server::{Distribution, Listener};
use crate::storage::DataDirectory;

/// Serves until a signal ends it.
pub(super) fn serve(
    settings: Settings,
    global: Global,
    context: Context,
    output: Output,
) -> Result<Code, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(LOOK_UPS_AT_ONCE)
        .build()
        .map_err(|error| Failure::new(Kind::Other, format!("cannot serve: {error}")))?;
    let served = runtime.block_on(listening(settings, global, context, output));
    // A look-up that nobody waits for any more ends with us.
    runtime.shutdown_background();
    served.map(|()| Code::Done)
}

async fn listening(
    settings: Settings,
    global: Global,
    context: Context,
    output: Output,
) -> Result<(), Failure> {
    let Settings { listen, upstreams, identity, drain } = settings;
    // A blob has a connection to each side.
    let (descriptors, fewer) = descriptors::raised(2 * CONNECTIONS);
    fewer.iter().for_each(|fewer| output.notice(fewer));
    let certificate = identity.map(|(identity, data)| {
        findings::warn_of_open_doors(&data, output);
        let data = DataDirectory::create(&data)?;
        let shown = tls::of(&identity, &data, clock())?;
        Ok::<_, Failure>((Certificate { identity, data, tls: shown.tls.clone(), output }, shown))
    });
    let certificate = certificate.transpose()?;
    let tls = certificate.as_ref().map(|(_, shown)| shown.tls.clone());
    let scheme = if tls.is_some() { "https" } else { "http" };
    let listener = Listener::bind(listen, tls).await.map_err(|error| {
        Failure::new(Kind::Network, format!("cannot listen on {listen}: {error}"))
    })?;
    let (ended, hang_up) = (ended(), hang_up());
    let address = listener.address().unwrap_or(listen);
    output.answer(&format!("{scheme}://{address}"));
    if let Some((_, shown)) = &certificate {
        say(shown, address, output);
    }
    let images = SignedImages::new(global, context);
    let proxy = Distribution::new(images, upstreams, descriptors / 2, log(output));
    let draining = proxy.clone();
    let stop = async move {
        ended.await;
        draining.drain();
        tokio::time::sleep(drain).await;
    };
    let reloading = tokio::spawn(async move {
        match certificate {
            Some((certificate, _)) => certificate.keep(hang_up, || {}).await,
            // There is nothing to be read again, and no reason to end.
            None => {
                let _hang_up = hang_up;
                std::future::pending().await
            }
        }
    });
    listener.serve(proxy, stop).await;
    reloading.abort();
    Ok(())
}

fn say(shown: &Shown, address: SocketAddr, output: Output) {
    shown.news.iter().for_each(|news| output.notice(news));
    if let Some(authority) = &shown.authority {
        say_how_to_trust(address, authority, output);
    }
}

fn say_how_to_trust(address: SocketAddr, authority: &Path, output: Output) {
    let host = match address.ip().is_unspecified() {
        true => format!("HOST:{}", address.port()),
        false => address.to_string(),
    };
    output.notice(
        "This proxy made its own certificate authority. To have docker believe it, on each host:",
    );
    output.notice(&format!(
        "  install -D -m 644 {} /etc/docker/certs.d/{host}/ca.crt",
        authority.display()
    ));
}

/// Those that come beyond wait for their turn, or are refused when their time is up.
const LOOK_UPS_AT_ONCE: usize = 32;
const CONNECTIONS: usize = 2000;
