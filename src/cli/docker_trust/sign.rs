//! `docker trust sign`. No image on this machine and no daemon is needed: a tag that is signed
//! already is signed again as it is, any other as the registry has it.

use super::grammar::Call;
use super::session::{Announcing, Session, chain};
use super::signer::found_or_extend;
use super::words::{Refusal, inner, judged};
use crate::cli::output::Failure;
use crate::cli::process::{guard_memory, wait_for};
use crate::cli::subject::Subject;
use crate::cli::verify_pull::{engine, program};
use crate::client;
use crate::crypto::{Algorithm, PrivateKey, Signer};
use crate::docker::engine::Progress;
use crate::docker::{self, Inspection, RoleChoice, SignRequest, SignedTag, SignerName};
use crate::image::{Descriptor, Tag};
use crate::keys::KeyStore;
use crate::net::Access;
use crate::tuf::{Dialect, Key};

/// Signs the tag that was named.
pub(super) fn run(call: &Call, session: &Session) -> Result<(), Refusal> {
    guard_memory()?;
    let [typed] = call.arguments.as_slice() else { return Ok(()) };
    let subject = session.image(typed)?;
    let tag = tag_of(&subject, typed)?;
    let local = call.flags.is_set("local");
    let is_new = match look_up(&subject, &tag, session)? {
        Known::Signed(signed) if !local => {
            return sign_again(typed, &subject, &tag, &signed, session);
        }
        Known::Nothing => true,
        Known::Signed(_) | Known::Unsigned => false,
    };
    // Before anything is made: there may be nothing to sign.
    let what = match local {
        true => pushed(&subject, &tag, session)?,
        false => in_registry(&subject, &tag, session)?,
    };
    if is_new {
        found(typed, &subject, session)?;
    }
    session.say("Signing and pushing trust metadata");
    publish(&subject, &tag, what, None, session)
}

fn tag_of(subject: &Subject, typed: &str) -> Result<Tag, Refusal> {
    match (subject.given_tag(), subject.digest()) {
        (_, Some(_)) => Err(Refusal::new("cannot use a digest reference for IMAGE:TAG")),
        (None, None) => Err(Refusal::new(format!("no tag specified for {typed}"))),
        (Some(tag), None) => Ok(tag.clone()),
    }
}

/// What is known of a tag.
enum Known {
    /// Pulls find it.
    Signed(SignedTag),
    /// Pulls do not.
    Unsigned,
    /// Nothing was ever signed in this repository.
    Nothing,
}

fn look_up(subject: &Subject, tag: &Tag, session: &Session) -> Result<Known, Refusal> {
    let opened = session.context.open(subject, Access::PushPull)?;
    match wait_for(async { Ok(opened.collection().inspect(Some(tag)).await) })? {
        Ok(inspection) => Ok(entry(inspection, tag).map_or(Known::Unsigned, Known::Signed)),
        Err(docker::Error::Client(client::Error::NoTrustData { seen_before: false, .. })) => {
            Ok(Known::Nothing)
        }
        Err(error) => Err(judged(error, &subject.gun, &session.context.server_host(subject))),
    }
}

/// What a pull of the tag would find: nothing, where it would be refused.
fn entry(inspection: Inspection, tag: &Tag) -> Option<SignedTag> {
    let mut pulled = inspection.into_pulled().ok()?.tags.into_iter();
    let found = pulled.find(|signed| signed.tag == tag.as_str());
    found.filter(|signed| signed.digest.is_some())
}

/// What is released already, in every role that can be signed here.
fn sign_again(
    typed: &str,
    subject: &Subject,
    tag: &Tag,
    signed: &SignedTag,
    session: &Session,
) -> Result<(), Refusal> {
    let Some(digest) = signed.digest else { return Ok(()) };
    session.say(&format!("Signing and pushing trust metadata for {typed}"));
    let mut signers = signed.signers.clone();
    signers.sort();
    let existing = format!(
        "Existing signatures for tag {tag} digest {} from:\n{}\n",
        digest.sha256(),
        signers.join(", ")
    );
    let what = Descriptor { digest, size: signed.size, media_type: None };
    publish(subject, tag, what, Some(existing), session)
}

fn in_registry(subject: &Subject, tag: &Tag, session: &Session) -> Result<Descriptor, Refusal> {
    let registry = session.context.registry(subject, super::PATIENCE)?;
    Ok(wait_for(async { Ok(registry.resolve(tag).await?) })?)
}

/// Has docker push its image, and takes from the registry what arrived: docker's own word on it is
/// only compared with that.
fn pushed(subject: &Subject, tag: &Tag, session: &Session) -> Result<Descriptor, Refusal> {
    let (name, typed) = (subject.image_name()?, &subject.typed);
    session.complain(&format!(
        "Signing and pushing trust data for local image {typed}, may overwrite remote trust data"
    ));
    let program = program(None, &session.context)?;
    let globals: Vec<_> = session.globals.words().map(Into::into).collect();
    let registry = session.context.registry(subject, super::PATIENCE)?;
    let arrived = wait_for(async {
        let engine = engine(program, Progress::Answer, &session.context)?;
        engine.push(name, tag, &globals).await?;
        let arrived = registry.resolve(tag).await?;
        engine.check_pushed(name, tag, &arrived.digest).await?;
        Ok(arrived)
    });
    Ok(arrived?)
}

/// Founds the collection with a signer who is called as we are at the registry, as docker does. If
/// that is no name of a signer, where docker fails, the repository's own key signs.
fn found(typed: &str, subject: &Subject, session: &Session) -> Result<(), Refusal> {
    let user = session.context.user(subject);
    let Some(name) = user.and_then(|user| user.parse::<SignerName>().ok()) else { return Ok(()) };
    let key = signing_key(&name, session)?;
    found_or_extend(subject, name.as_str(), &[key], None, session)?;
    session.say(&format!("Created signer: {name}"));
    session.say(&format!("Finished initializing signed repository for {typed}"));
    Ok(())
}

/// The first key here that was made for this signer, or a new one.
fn signing_key(name: &SignerName, session: &Session) -> Result<Key, Refusal> {
    let store = session.context.key_set()?;
    let (mut passphrases, mut asker) = (session.passphrases()?, session.asker());
    let mut source = chain(&mut passphrases, &mut asker);
    let entries = store.list().map_err(Failure::from)?;
    let made_for = |role: &Option<String>| role.as_deref() == Some(name.as_str());
    if let Some(entry) = entries.iter().find(|entry| made_for(&entry.role)) {
        let key = store.signer(&entry.id, &mut source).map_err(Failure::from)?;
        return Ok(Dialect::Notary.key(key.public()));
    }
    let key = PrivateKey::generate(Algorithm::EcdsaP256);
    let key = key.map_err(|error| Refusal::new(error.to_string()))?;
    store.store(&key, name.as_str(), None, &mut source).map_err(Failure::from)?;
    Ok(Dialect::Notary.key(key.public()))
}

fn publish(
    subject: &Subject,
    tag: &Tag,
    what: Descriptor,
    existing: Option<String>,
    session: &Session,
) -> Result<(), Refusal> {
    let gun = &subject.gun;
    let opened = session.context.open(subject, Access::PushPull)?;
    let (mut passphrases, mut asker) = (session.passphrases()?, session.asker());
    let keys = session.context.key_set()?;
    let request = SignRequest {
        tags: vec![(tag.clone(), what)],
        roles: RoleChoice::AsDocker,
        custom: None,
        root_key: None,
        local_snapshot: false,
    };
    let mut source = Announcing::new(session, existing, chain(&mut passphrases, &mut asker));
    let signed =
        wait_for(async { Ok(opened.collection().sign(&request, &keys, &mut source).await) })?;
    let host = session.context.server_host(subject);
    let failed =
        |error| inner(error, gun, &host).while_doing(format!("failed to sign {gun}:{tag}"));
    let signing = signed.map_err(failed)?;
    source.announce();
    if signing.founded.is_some() {
        session.say(&format!("Finished initializing \"{gun}\""));
    }
    session.say(&format!("Successfully signed {gun}:{tag}"));
    Ok(())
}
