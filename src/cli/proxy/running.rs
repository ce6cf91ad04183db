//! A proxy, from its first word to its last answer.

use std::path::Path;

use super::Settings;
use super::images::SignedImages;
use crate::cli::args::Global;
use crate::cli::context::Context;
use crate::cli::exit::Code;
use crate::cli::guard::{Post, looking_up};
use crate::cli::output::{Failure, Output};
use crate::cli::serve::descriptors;
use crate::cli::serve::log::log;
use crate::server::{Distribution, Hosts};

/// Serves until a signal ends it.
pub(super) fn serve(
    settings: Settings,
    global: Global,
    context: Context,
    output: Output,
) -> Result<Code, Failure> {
    looking_up(LOOK_UPS_AT_ONCE, async move {
        let Settings { listen, upstreams, identity, drain } = settings;
        // A blob has a connection to each side.
        let (descriptors, fewer) = descriptors::raised(2 * CONNECTIONS);
        fewer.iter().for_each(|fewer| output.notice(fewer));
        // With a certificate, nobody reaches it by a name that is not in there.
        let hosts = if identity.is_some() { Hosts::Any } else { Hosts::Local };
        let post = Post::take(listen, identity, output).await?;
        if let Some(authority) = &post.authority {
            say_how_to_trust(&post, authority, output);
        }
        let images = SignedImages::new(global, context);
        let proxy = Distribution::new(images, upstreams, hosts, descriptors / 2, log(output));
        post.hold(proxy, Distribution::drain, drain).await;
        Ok(())
    })
}

fn say_how_to_trust(post: &Post, authority: &Path, output: Output) {
    let host = match post.address.ip().is_unspecified() {
        true => format!("HOST:{}", post.address.port()),
        false => post.address.to_string(),
    };
    output.notice(
        "This proxy made its own certificate authority. To have docker believe it, on each host:",
    );
    output.notice(&format!(
        "  install -D -m 644 {} /etc/docker/certs.d/{host}/ca.crt",
        authority.display()
    ));
}

const LOOK_UPS_AT_ONCE: usize = 32;
const CONNECTIONS: usize = 2000;
