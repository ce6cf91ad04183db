//! `demo`: the story in the terminal, with everything real but the wire: the trust server lives in
//! this process.

mod server;

use clap::Args;
use jiff::Timestamp;

use super::environment::clock;
use super::exit::{Code, Kind};
use super::output::{Failure, Output};
use super::process::wait_for;
use crate::docker::{Collection, Detail, RoleChoice, SignRequest};
use crate::image::{Descriptor, ImageDigest, Name, Tag};
use crate::keys::{self, MemoryKeys, Passphrase, PassphraseRequest, PassphraseSource};
use crate::storage::MemoryCache;
use crate::tuf::{Dialect, Gun, Limits};
use crate::verify::{Anchor, FirstUse, Policy};
use server::{Behaviour, DemoServer};

#[derive(Args)]
#[command(after_help = "\
Nothing is read from disk or sent anywhere, and nothing stays. `make demo` in the source tree tells the same story \
with a real registry, trust server and docker.")]
pub(super) struct Arguments {}

/// Tells the story. Every refusal in it is made by the same code as those of `verify`.
pub(super) fn run(_: &Arguments, output: Output) -> Result<Code, Failure> {
    wait_for(Stage::new(output)?.play())?;
    Ok(Code::Done)
}

/// A publisher, a host, and a trust server that may be an attacker's.
struct Stage {
    output: Output,
    now: Timestamp,
    gun: Gun,
    tag: Tag,
    server: DemoServer,
    keys: MemoryKeys,
    publisher: MemoryCache,
    host: MemoryCache,
}

impl Stage {
    fn new(output: Output) -> Result<Self, Failure> {
        let name: Name = "registry.example.com/team/web".parse()?;
        let now = clock();
        Ok(Self {
            output,
            now,
            gun: Gun::from(&name),
            tag: "1.4".parse()?,
            server: DemoServer::new(Dialect::Notary, now)?,
            keys: MemoryKeys::new(),
            publisher: MemoryCache::new(),
            host: MemoryCache::new(),
        })
    }

    async fn play(self) -> Result<(), Failure> {
        let (good, better, evil) = (b"an image", b"it, mended", b"EVIL WAS HERE");
        self.title("The publisher signs what a tag means: this digest, now");
        self.sign(good).await?;
        self.title("A host asks what the tag means");
        self.is_answered(good).await?;

        self.title("Attack 1: somebody moves the tag in the registry");
        self.say("The registry now says that the tag is another image. The signature does not:");
        self.is_refused(Some(ImageDigest::of(evil)), Kind::Mismatch).await?;

        self.title("Attack 2: the past returns");
        let past = self.server.files();
        self.say("The publisher mends the image and signs it again. The host sees that:");
        self.sign(better).await?;
        self.is_answered(better).await?;
        self.say("The attacker kept the old metadata, every byte of it properly signed, and serves it again:");
        self.server.become_one_who(Behaviour::Replays(past.clone()));
        self.is_refused(None, Kind::Rollback).await?;

        self.title("Attack 3: a genuine signature under something else");
        self.say("New timestamp, old timestamp's signature, by the very same key:");
        self.server.become_one_who(Behaviour::Swaps(past));
        self.is_refused(None, Kind::Threshold).await?;

        self.title("And if nobody answers?");
        self.server.become_one_who(Behaviour::IsSilent);
        self.is_refused(None, Kind::Network).await?;

        self.title("The attacker gives up");
        self.server.become_one_who(Behaviour::IsHonest);
        self.is_answered(better).await?;
        self.say("Whenever the host asked, it got what was signed, or nothing.");
        Ok(())
    }

    async fn sign(&self, image: &[u8]) -> Result<(), Failure> {
        let digest = ImageDigest::of(image);
        let descriptor = Descriptor { digest, size: image.len() as u64, media_type: None };
        let request = SignRequest {
            tags: vec![(self.tag.clone(), descriptor)],
            roles: RoleChoice::AsDocker,
            custom: None,
            root_key: None,
            local_snapshot: false,
        };
        self.command("sign", None);
        let collection = Collection::new(self.policy(), &self.publisher, &self.server);
        collection.sign(&request, &self.keys, &mut Unlocked).await?;
        self.output.answer(&format!("{}@{digest}", self.gun));
        Ok(())
    }

    async fn is_answered(&self, image: &[u8]) -> Result<(), Failure> {
        let answer = self.verify(None).await?;
        self.output.answer(&answer);
        let expected = format!("{}@{}", self.gun, ImageDigest::of(image));
        if answer == expected { Ok(()) } else { Err(off_script().expected(expected).found(answer)) }
    }

    async fn is_refused(&self, given: Option<ImageDigest>, kind: Kind) -> Result<(), Failure> {
        match self.verify(given).await {
            Ok(answer) => Err(off_script().expected(kind).found(answer)),
            Err(failure) => {
                let code = failure.kind.code() as u8;
                self.output.answer(&format!(
                    "refused: {} ({}, exit {code})",
                    failure.message, failure.kind
                ));
                let as_told = failure.kind == kind;
                if as_told { Ok(()) } else { Err(off_script().expected(kind).found(failure.kind)) }
            }
        }
    }

    async fn verify(&self, given: Option<ImageDigest>) -> Result<String, Failure> {
        self.command("verify", given);
        let collection = Collection::new(self.policy(), &self.host, &self.server);
        let resolution = collection.resolve(&self.tag, given, Detail::Answer).await?;
        Ok(resolution.reference.to_string())
    }

    fn policy(&self) -> Policy {
        Policy {
            dialect: Dialect::Notary,
            gun: self.gun.clone(),
            anchor: Anchor::unpinned(FirstUse::Allow),
            now: self.now,
            limits: Limits::default(),
            max_age: None,
        }
    }

    fn title(&self, line: &str) {
        self.output.page(&format!("\n== {line}\n"));
    }

    fn say(&self, line: &str) {
        self.output.answer(line);
    }

    fn command(&self, name: &str, given: Option<ImageDigest>) {
        let digest = given.map(|digest| format!("@{digest}")).unwrap_or_default();
        self.output.answer(&format!("$ countersign {name} {}:{}{digest}", self.gun, self.tag));
    }
}

fn off_script() -> Failure {
    Failure::new(Kind::Other, "the story did not go as told: this is a bug")
}

/// Keys in memory have no passphrases.
struct Unlocked;

impl PassphraseSource for Unlocked {
    fn passphrase(&mut self, _: &PassphraseRequest<'_>) -> Result<Passphrase, keys::Error> {
        Ok(Passphrase::new(String::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::{Format, Verbosity};

    #[test]
    fn story_goes_as_told() {
        let output = Output::new(Format::Text, Verbosity::Quiet);
        let told = run(&Arguments {}, output).map_err(|failure| failure.message);
        assert_eq!(told, Ok(Code::Done));
    }
}
