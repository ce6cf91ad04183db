//! notary-signer's keys, taken over: its table, and the passphrases of its aliases.
//!
//! A passphrase stands in the environment as `NOTARY_SIGNER_` and the alias in capitals, as with
//! notary-signer itself.

use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;

use super::config::Config;
use super::database::failure;
use super::files::unusable;
use super::notary;
use crate::cli::environment::{Environment, clock};
use crate::cli::exit::Kind;
use crate::cli::output::{Failure, Output};
use crate::keys::Passphrase;
use crate::server::{Clock, Error, OnlineKeys, Passphrases};
use crate::storage::metadata::{Address, MetadataStore, Which};
use crate::storage::signer::{self, SignerTable};
use crate::tuf::{Dialect, Gun, Limits, RoleName};

/// Where notary-signer's keys are.
#[derive(Clone, Debug)]
pub(super) struct Signer {
    pub(super) address: Address,
    pub(super) default_alias: String,
}

/// The same in our own configuration.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct SignerFile {
    database: String,
    default_alias: String,
}

impl SignerFile {
    pub(super) fn signer(self, path: &Path) -> Result<Signer, Failure> {
        let address = self.database.parse();
        let address =
            address.map_err(|error| unusable(path, &format!("signer.database: {error}")))?;
        Ok(Signer { address, default_alias: self.default_alias })
    }
}

/// Reads notary-signer's own configuration (Notary 0.7.0 `cmd/notary-signer/config.go`); its
/// variables stand above it.
pub(super) fn read(path: &Path, environment: &Environment) -> Result<Signer, Failure> {
    let value = notary::document(path)?;
    let said = |name: &str| {
        let variable = format!("NOTARY_SIGNER_STORAGE_{}", name.to_uppercase());
        let in_file = value["storage"][name].as_str();
        environment.variable(&variable).or(in_file).unwrap_or_default().to_owned()
    };
    let refuse = |key: &str, problem: &str| unusable(path, &format!("storage.{key}: {problem}"));
    let url = said("db_url");
    let address = match said("backend").as_str() {
        "postgres" => Address::from_lib_pq(&url),
        "mysql" => Address::from_go_mysql(&url),
        _ => return Err(refuse("backend", "use postgres or mysql: other signers leave no keys")),
    };
    let address = address.map_err(|error| refuse("db_url", &error.to_string()))?;
    let alias = environment.variable("NOTARY_SIGNER_DEFAULT_ALIAS").map(str::to_owned);
    let default_alias = alias.unwrap_or_else(|| said("default_alias"));
    match default_alias.is_empty() {
        true => Err(refuse("default_alias", "missing")),
        false => Ok(Signer { address, default_alias }),
    }
}

impl Signer {
    /// The online keys, once it is known that they open.
    pub(super) async fn keys(
        &self,
        config: &Config,
        environment: &Environment,
        output: Output,
    ) -> Result<OnlineKeys, Failure> {
        let table = signer::open(&self.address).await.map_err(|error| failure(&error))?;
        let passphrases = self.passphrases(environment);
        if self.passphrase(environment).is_none() {
            let missing = Error::NoPassphrase { alias: self.default_alias.clone() };
            return Err(refused(&missing));
        }
        for (key, count) in table.aliases().await.map_err(|error| failure(&error))? {
            match passphrases.open(&key) {
                Ok(_) => {}
                Err(error @ Error::NoPassphrase { .. }) => {
                    output.notice(&format!("{count} keys cannot be used: {error}"));
                }
                Err(error) => return Err(refused(&error)),
            }
        }
        let algorithm = config.key_algorithm.algorithm();
        OnlineKeys::of_signer(table, passphrases, algorithm, Clock::new(clock))
            .map_err(|error| Failure::of(Kind::KeyStore, &error))
    }

    /// What taking it over would do and find; nothing is touched.
    pub(super) async fn outlook(
        &self,
        config: &Config,
        environment: &Environment,
    ) -> Result<String, Failure> {
        let looked = signer::look(&self.address).await;
        let (line, table) = looked.map_err(|error| failure(&error))?;
        let mut text = format!("use the keys of notary-signer in {}\n{line}\n", self.address);
        let Some(table) = table else { return Ok(text) };
        let passphrases = self.passphrases(environment);
        for (key, count) in table.aliases().await.map_err(|error| failure(&error))? {
            let (alias, name) = (&key.alias, variable(&key.alias));
            let verdict = match passphrases.open(&key) {
                Ok(_) => format!("{name} opens them"),
                Err(error) => error.to_string(),
            };
            text += &format!("{count} keys under alias {alias}: {verdict}\n");
        }
        if let Some(store) = unprepared(config).await? {
            text += &missing(&*store, &*table).await?;
        }
        Ok(text)
    }

    /// The passphrase of new keys.
    pub(super) fn passphrase<'e>(&self, environment: &'e Environment) -> Option<&'e str> {
        environment.variable(&variable(&self.default_alias))
    }

    fn passphrases(&self, environment: &Environment) -> Passphrases {
        let known = environment.starting_with("NOTARY_SIGNER_");
        Passphrases::new(self.default_alias.clone(), move |alias| {
            known.get(&variable(alias)).map(|text| Passphrase::copy_of(text))
        })
    }
}

/// The variable that holds an alias's passphrase.
fn variable(alias: &str) -> String {
    format!("NOTARY_SIGNER_{}", alias.to_uppercase())
}

fn refused(error: &Error) -> Failure {
    let advice = match error {
        Error::NoPassphrase { alias } => format!("Set {}.", variable(alias)),
        _ => "Set the variables that notary-signer had.".to_owned(),
    };
    Failure::of(Kind::Passphrase, error).advise(advice)
}

/// The collections as they are, if their tables are there.
async fn unprepared(config: &Config) -> Result<Option<Arc<dyn MetadataStore>>, Failure> {
    match &config.database {
        Some(super::database::Database::Server(address)) => {
            address.as_it_is().await.map_err(|error| failure(&error))
        }
        _ => Ok(None),
    }
}

/// Which collections have a timestamp key that the table lacks: they could not be published to.
async fn missing(store: &dyn MetadataStore, table: &dyn SignerTable) -> Result<String, Failure> {
    let (mut after, mut checked, mut lacking) = (None::<String>, 0_usize, Vec::new());
    loop {
        let names = store.names("", after.as_deref(), AT_ONCE).await;
        let names = names.map_err(|error| failure(&error))?;
        let Some(last) = names.last() else { break };
        after = Some(last.to_string());
        for gun in &names {
            checked += 1;
            if lacks_timestamp_key(store, table, gun).await? {
                lacking.push(gun.to_string());
            }
        }
    }
    let named = lacking.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    Ok(match lacking.len() {
        0 => format!("the timestamp keys of all {checked} collections are there\n"),
        count => {
            let more = if count > NAMED { ", …" } else { "" };
            format!(
                "{count} of {checked} collections have a timestamp key that is not there: {named}{more}\n"
            )
        }
    })
}

async fn lacks_timestamp_key(
    store: &dyn MetadataStore,
    table: &dyn SignerTable,
    gun: &Gun,
) -> Result<bool, Failure> {
    let root = store.file(gun, &RoleName::Root, Which::Current).await;
    let Some(root) = root.map_err(|error| failure(&error))? else { return Ok(false) };
    let Ok(root) = Dialect::Notary.open_root(&root.bytes, &Limits::default()) else {
        return Ok(true);
    };
    let root = root.into_unverified_content();
    let ids = root.role(&RoleName::Timestamp).map(|role| role.keyids()).unwrap_or_default();
    let found = table.find(ids).await.map_err(|error| failure(&error))?;
    Ok(found.is_empty())
}

const AT_ONCE: usize = 500;
/// How many collections are named one by one.
const NAMED: usize = 10;
