//! `docker trust signer add` and `remove`. docker 26 and later removes nobody in most cases, and
//! says nothing; this does.

use std::path::Path;

use super::grammar::Call;
use super::key::check_name;
use super::session::{Announcing, Session, chain};
use super::words::{Refusal, inner, judged};
use crate::cli::go;
use crate::cli::output::Failure;
use crate::cli::process::{guard_memory, wait_for};
use crate::cli::source;
use crate::cli::subject::Subject;
use crate::client;
use crate::docker::{self, Care, IfAbsent, PublicKeyError, SignerName, public_key};
use crate::net::Access;
use crate::tuf::{Dialect, Key};

/// Adds a signer, or keys to a signer, in each repository.
pub(super) fn add(call: &Call, session: &Session) -> Result<(), Refusal> {
    guard_memory()?;
    let [name, repositories @ ..] = call.arguments.as_slice() else { return Ok(()) };
    check_name("signer", name)?;
    if name == RELEASES {
        let text = "releases is a reserved keyword, use a different signer name";
        return Err(Refusal::new(text));
    }
    let keys = call.flags.all("key").map(|file| read_key(file, session));
    let keys = keys.collect::<Result<Vec<_>, _>>()?;
    if keys.is_empty() {
        let text = "path to a public key must be provided using the `--key` flag";
        return Err(Refusal::new(text));
    }
    in_each(repositories, "failed to add signer to", session, |repository| {
        session.say(&format!("Adding signer \"{name}\" to {repository}..."));
        add_to(repository, name, &keys, session)?;
        session.say(&format!("Successfully added signer: {name} to {repository}\n"));
        Ok(())
    })
}

fn read_key(file: &str, session: &Session) -> Result<Key, Refusal> {
    let path = Path::new(file);
    path.metadata().map_err(|error| {
        let why = go::why(&error);
        Refusal::new(format!("unable to read public key from file: open {file}: {why}"))
    })?;
    let key = public_key(Dialect::Notary, &source::read(path)?, session.context.now);
    key.map_err(|error| {
        let why = match error {
            PublicKeyError::Missing => "no valid public key found".to_owned(),
            PublicKeyError::OtherBlock { label } => {
                format!("unsupported PEM block type {label:?}, expected CERTIFICATE or PUBLIC KEY")
            }
            other => Failure::of(crate::cli::exit::Kind::BadKey, &other).message,
        };
        Refusal::new(format!("could not parse public key from file: {file}: {why}"))
    })
}

fn add_to(repository: &str, name: &str, keys: &[Key], session: &Session) -> Result<(), Refusal> {
    let subject = session.image(repository)?;
    let initialising = format!("Initializing signed repository for {repository}...\n");
    let founded = found_or_extend(&subject, name, keys, Some(initialising), session)?;
    if founded {
        session.say(&format!("Successfully initialized \"{repository}\""));
    }
    Ok(())
}

/// Adds a signer, founding the collection if there is none; whether there was none. `initialising`
/// is said before the root key is opened.
pub(super) fn found_or_extend(
    subject: &Subject,
    name: &str,
    keys: &[Key],
    initialising: Option<String>,
    session: &Session,
) -> Result<bool, Refusal> {
    let name: SignerName = name.parse().map_err(|error| Refusal::from(Failure::from(error)))?;
    let opened = session.context.open(subject, Access::PushPull)?;
    let (mut passphrases, mut asker) = (session.passphrases()?, session.asker());
    let store = session.context.key_set()?;
    let if_absent = IfAbsent::Found { root_key: None, local_snapshot: false };
    let mut source = Announcing::new(session, initialising, chain(&mut passphrases, &mut asker))
        .when(|request| request.role == "root");
    let added = wait_for(async {
        Ok(opened.collection().add_signer(&name, keys, if_absent, &store, &mut source).await)
    })?;
    let host = session.context.server_host(subject);
    let added = added.map_err(|error| match is_about_keys(&error) {
        true => inner(error, &subject.gun, &host),
        false => judged(error, &subject.gun, &host),
    })?;
    if added.founded.is_some() {
        source.announce();
    }
    Ok(added.founded.is_some())
}

fn is_about_keys(error: &docker::Error) -> bool {
    use docker::Error as E;
    matches!(error, E::Keys(_) | E::Edit(_) | E::NoSigningKey { .. })
}

/// Removes a signer from each repository.
pub(super) fn remove(call: &Call, session: &Session) -> Result<(), Refusal> {
    guard_memory()?;
    let [name, repositories @ ..] = call.arguments.as_slice() else { return Ok(()) };
    let care = if call.flags.is_set("force") { Care::Forced } else { Care::Careful };
    in_each(repositories, "error removing signer from", session, |repository| {
        session.say(&format!("Removing signer \"{name}\" from {repository}..."));
        match remove_from(repository, name, care, session)? {
            Removed::Yes => {
                session.say(&format!("Successfully removed {name} from {repository}\n"));
            }
            Removed::NotWanted => session.say("\nAborting action."),
        }
        Ok(())
    })
}

/// Whether a signer was removed.
enum Removed {
    Yes,
    /// The user was asked, and did not say yes.
    NotWanted,
}

/// Removes, after asking if that would make the repository unpullable.
fn remove_from(
    repository: &str,
    name: &str,
    care: Care,
    session: &Session,
) -> Result<Removed, Refusal> {
    if name == RELEASES {
        return Err(Refusal::new("releases is a reserved keyword and cannot be removed"));
    }
    let subject = session.image(repository)?;
    let signer: SignerName = name.parse().map_err(|_| no_signer(name, repository))?;
    let mut attempted = attempt(&subject, &signer, care, session)?;
    if let (Err(docker::Error::Breaks { .. }), Care::Careful) = (&attempted, care) {
        let question = format!(
            "The signer \"{name}\" signed the last released version of {repository}. Removing this signer will make {repository} unpullable. Are you sure you want to continue?"
        );
        if !session.confirm(&question)? {
            return Ok(Removed::NotWanted);
        }
        attempted = attempt(&subject, &signer, Care::Forced, session)?;
    }
    let refused = |error| not_removed(error, name, repository, &subject, session);
    attempted.map(|()| Removed::Yes).map_err(refused)
}

fn not_removed(
    error: docker::Error,
    name: &str,
    repository: &str,
    subject: &Subject,
    session: &Session,
) -> Refusal {
    let is_unknown = matches!(error, docker::Error::Client(client::Error::NoTrustData { .. }));
    match error {
        docker::Error::NoSuchSigner { .. } => no_signer(name, repository),
        error => {
            let refusal = inner(error, &subject.gun, &session.context.server_host(subject));
            match is_unknown {
                true => refusal.while_doing(format!("error retrieving signers for {repository}")),
                false => refusal,
            }
        }
    }
}

fn no_signer(name: &str, repository: &str) -> Refusal {
    Refusal::new(format!("no signer {name} for repository {repository}"))
}

fn attempt(
    subject: &Subject,
    signer: &SignerName,
    care: Care,
    session: &Session,
) -> Result<Result<(), docker::Error>, Refusal> {
    let opened = session.context.open(subject, Access::PushPull)?;
    let (mut passphrases, mut asker) = (session.passphrases()?, session.asker());
    let store = session.context.key_set()?;
    let mut source = chain(&mut passphrases, &mut asker);
    let removed = wait_for(async {
        Ok(opened.collection().remove_signer(signer, care, &store, &mut source).await)
    })?;
    Ok(removed.map(drop))
}

/// Every repository gets its turn; those that failed are named at the end.
fn in_each(
    repositories: &[String],
    verdict: &str,
    session: &Session,
    mut act: impl FnMut(&str) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let mut failed: Vec<&str> = Vec::new();
    for repository in repositories {
        if let Err(refusal) = act(repository) {
            refusal.tell(session.context.output);
            session.complain("");
            failed.push(repository);
        }
    }
    match failed.is_empty() {
        true => Ok(()),
        false => Err(Refusal::new(format!("{verdict}: {}", failed.join(", ")))),
    }
}

/// The role in which every signer signs.
const RELEASES: &str = "releases";
