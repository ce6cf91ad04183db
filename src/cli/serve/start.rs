//! From a configuration to a server.

use std::io::Write as _;

use super::config::Config;
use super::{access, database, secret, token};
use crate::cli::environment::{Environment, clock};
use crate::cli::exit::Kind;
use crate::cli::output::{Failure, Output};
use crate::crypto;
use crate::server::{Access, Clock, Log, MasterSecret, OnlineKeys, Server};
use crate::storage::DataDirectory;
use crate::storage::metadata::MetadataStore;

/// A server, apart from its socket.
pub(super) struct Started {
    pub(super) server: Server,
    pub(super) data: DataDirectory,
    pub(super) access: Access,
}

/// Opens what the server works with.
pub(super) async fn start(
    config: &Config,
    environment: &Environment,
    output: Output,
) -> Result<Started, Failure> {
    let data = DataDirectory::create(config.data())?;
    let store = database::open(config, &data).await?;
    let unusable = |error: crypto::Error| Failure::of(Kind::KeyStore, &error);
    let (keys, secret) = match &config.signer {
        // Its keys have passphrases of their own; what else is secret are tickets.
        Some(signer) => {
            let keys = signer.keys(config, environment, output).await?;
            (keys, secret::of_tickets(signer.passphrase(environment), &*store).await?)
        }
        None => {
            let secret = own_secret(environment, &data, &*store).await?;
            let algorithm = config.key_algorithm.algorithm();
            (OnlineKeys::new(&secret, algorithm).map_err(unusable)?, secret)
        }
    };
    let keys = match &config.token {
        Some(token) => keys.with_held(token::keys(token, environment)?),
        None => keys,
    };
    let access = access::of(config.auth.as_ref(), &secret)?;
    drop(secret);
    let log = Log::new(config.level, Clock::new(clock), |line| {
        // In one piece, that lines of several threads stay lines. Nobody is left to be told that
        // stderr cannot be written.
        let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
    });
    let options = config.options();
    let server = Server::new(store, keys, access.clone(), options, Clock::new(clock), log);
    Ok(Started { server, data, access })
}

/// The secret of the online keys that are the server's own.
async fn own_secret(
    environment: &Environment,
    data: &DataDirectory,
    store: &dyn MetadataStore,
) -> Result<MasterSecret, Failure> {
    let passphrase = environment.variable("COUNTERSIGN_SERVER_PASSPHRASE");
    secret::master(data, passphrase, store).await
}
