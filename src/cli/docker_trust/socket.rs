//! The socket by which docker tells a plugin to end (docker/cli `cli-plugins/socket`): docker keeps
//! it open while it lives, and closes it when it was told to end itself.

use std::io::Read;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};

use crate::cli::environment::Environment;
use crate::cli::process::end_as_by_signal;

/// Ends this process when docker closes the socket that it named. Without one, or if it cannot be
/// reached, nobody will.
pub(super) fn heed(environment: &Environment) {
    let Some(name) = environment.variable(VARIABLE) else { return };
    let Some(mut connection) = connect(name) else { return };
    std::thread::spawn(move || {
        let mut byte = [0];
        loop {
            match connection.read(&mut byte) {
                Ok(0) => end_as_by_signal(TERMINATED),
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                // Whatever it is, docker did not ask us to end.
                Err(_) => return,
            }
        }
    });
}

/// A name that begins with `@` is abstract, as Go writes it.
fn connect(name: &str) -> Option<UnixStream> {
    match name.strip_prefix('@') {
        Some(name) => {
            let address = SocketAddr::from_abstract_name(name.as_bytes()).ok()?;
            UnixStream::connect_addr(&address).ok()
        }
        None => UnixStream::connect(name).ok(),
    }
}

const VARIABLE: &str = "DOCKER_CLI_PLUGIN_SOCKET";
/// SIGTERM.
const TERMINATED: i32 = 15;
