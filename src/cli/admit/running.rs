//! A webhook with its socket, from its first word to its last answer.

use std::net::SocketAddr;

use super::Settings;
use super::judge::Judge;
use crate::cli::args::Global;
use crate::cli::environment::clock;
use crate::cli::exit::{Code, Kind};
use crate::cli::output::{Failure, Output};
use crate::cli::serve::log::log;
use crate::cli::serve::reload::Certificate;
use crate::cli::serve::running::{ended, hang_up};
use crate::cli::serve::tls::{self, Shown};
use crate::cli::serve::{descriptors, findings};
use crate::server::{Admission, Limits, Listener};
use crate::storage::DataDirectory;

/// Serves until a signal ends it.
pub(super) fn serve(settings: Settings, global: Global, output: Output) -> Result<Code, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(REVIEWS_AT_ONCE)
        .build()
        .map_err(|error| Failure::new(Kind::Other, format!("cannot serve: {error}")))?;
    let served = runtime.block_on(listening(settings, global, output));
    // A look-up that nobody waits for any more ends with us.
    runtime.shutdown_background();
    served.map(|()| Code::Done)
}

async fn listening(settings: Settings, global: Global, output: Output) -> Result<(), Failure> {
    let Settings { listen, data, identity, drain } = settings;
    let (connections, fewer) = descriptors::raised(Limits::default().connections);
    fewer.iter().for_each(|fewer| output.notice(fewer));
    findings::warn_of_open_doors(&data, output);
    let data = DataDirectory::create(&data)?;
    let Shown { tls, news, .. } = tls::of(&identity, &data, clock())?;
    let listener = Listener::bind(listen, Some(tls.clone())).await.map_err(|error| {
        Failure::new(Kind::Network, format!("cannot listen on {listen}: {error}"))
    })?;
    let (ended, hang_up) = (ended(), hang_up());
    let address: SocketAddr = listener.address().unwrap_or(listen);
    output.answer(&format!("https://{address}"));
    news.iter().for_each(|news| output.notice(news));
    let webhook = Admission::new(Judge { global }, connections, log(output));
    let draining = webhook.clone();
    let stop = async move {
        ended.await;
        draining.drain();
        tokio::time::sleep(drain).await;
    };
    let certificate = Certificate { identity, data, tls, output };
    let reloading = tokio::spawn(certificate.keep(hang_up, || {}));
    listener.serve(webhook, stop).await;
    reloading.abort();
    Ok(())
}

/// Those that come beyond wait for their turn, or are refused when their time is up.
const REVIEWS_AT_ONCE: usize = 16;
