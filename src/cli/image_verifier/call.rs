//! What containerd says: flags as Go's library reads them, and a descriptor on stdin.

use std::ffi::OsString;
use std::io::Read;

use serde::Deserialize;

use crate::cli::exit::Kind;
use crate::cli::output::Failure;
use crate::cli::subject::Subject;
use crate::docker::Query;
use crate::image::ImageDigest;

/// A pull that is to be judged.
#[derive(Debug)]
pub(super) struct Call {
    /// The image, as whoever pulls it called it.
    pub(super) name: String,
    digest: ImageDigest,
}

/// Whether words are containerd's, and not ours.
pub(in crate::cli) fn is_call(words: &[OsString]) -> bool {
    let flag = words.first().and_then(|word| word.to_str()).and_then(flag);
    flag.is_some_and(|(name, _)| FLAGS.contains(&name))
}

impl Call {
    /// Reads the flags: each once, and no other word.
    pub(super) fn read(words: &[OsString]) -> Result<Self, Failure> {
        let mut values: [Option<String>; 3] = [const { None }; 3];
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let word = text(word)?;
            let (name, value) = flag(word).ok_or_else(|| misused(format!("{word:?}: no flag")))?;
            let Some(place) = FLAGS.iter().position(|known| *known == name) else {
                return Err(misused(format!("{word:?}: no flag that is known")));
            };
            let value = match (value, &values[place]) {
                (_, Some(_)) => return Err(misused(format!("-{name} stands there twice"))),
                (Some(value), None) => value,
                (None, None) => match words.next() {
                    Some(next) => text(next)?,
                    None => return Err(misused(format!("-{name} has no value"))),
                },
            };
            values[place] = Some(value.to_owned());
        }
        let [name, digest, media_type] = values;
        let given = |value: Option<String>, flag| {
            let value = value.filter(|value| !value.is_empty());
            value.ok_or_else(|| misused(format!("-{flag} is missing")))
        };
        let [name, digest, media_type] =
            [given(name, FLAGS[0])?, given(digest, FLAGS[1])?, given(media_type, FLAGS[2])?];
        if media_type != DESCRIPTOR {
            let message = format!("stdin is {media_type:?}, which is not known here");
            return Err(Failure::new(Kind::Usage, message).expected(DESCRIPTOR).found(media_type));
        }
        Ok(Self { digest: digest.parse()?, name })
    }

    /// Reads what containerd is about to pull: it must be the digest that was named.
    pub(super) fn check_descriptor(&self, stdin: impl Read) -> Result<(), Failure> {
        let mut bytes = Vec::new();
        let read = stdin.take(MAX_BYTES + 1).read_to_end(&mut bytes);
        read.map_err(|error| malformed(format!("stdin cannot be read: {error}")))?;
        if bytes.len() as u64 > MAX_BYTES {
            let message = format!("the descriptor on stdin has more than {MAX_BYTES} bytes");
            return Err(Failure::new(Kind::TooLarge, message).expected(MAX_BYTES));
        }
        let descriptor: Descriptor = serde_json::from_slice(&bytes)
            .map_err(|error| malformed(format!("stdin is no descriptor: {error}")))?;
        self.check_digest(&descriptor.digest, "the descriptor on stdin")
    }

    /// What must be signed.
    pub(super) fn query(&self, subject: &Subject) -> Result<Query, Failure> {
        if let Some(given) = subject.digest() {
            self.check_digest(&given.to_string(), "the name")?;
        }
        let other = || Failure::new(Kind::Mismatch, "the name is one of another digest");
        subject.query().about(self.digest).ok_or_else(other)
    }

    fn check_digest(&self, found: &str, whose: &str) -> Result<(), Failure> {
        let expected = self.digest.to_string();
        match found == expected {
            true => Ok(()),
            false => {
                let message = format!("{whose} says {found}, and -digest {expected}");
                Err(Failure::new(Kind::Mismatch, message).expected(expected).found(found))
            }
        }
    }
}

/// An OCI descriptor (image-spec 1.1 `descriptor.md`), of which the digest alone decides: it fixes the
/// size as well.
#[derive(Deserialize)]
struct Descriptor {
    digest: String,
}

/// The name of a flag, and the value that stands in the same word (Go `flag`, "Command line flag
/// syntax").
fn flag(word: &str) -> Option<(&str, Option<&str>)> {
    let bare = word.strip_prefix("--").or_else(|| word.strip_prefix('-'))?;
    match bare.split_once('=') {
        _ if bare.is_empty() || bare.starts_with(['-', '=']) => None,
        Some((name, value)) => Some((name, Some(value))),
        None => Some((bare, None)),
    }
}

fn text(word: &OsString) -> Result<&str, Failure> {
    word.to_str().ok_or_else(|| misused("an argument is no text in UTF-8".to_owned()))
}

fn misused(message: String) -> Failure {
    Failure::new(Kind::Usage, message)
        .advise("containerd calls it with -name NAME -digest DIGEST -stdin-media-type TYPE")
}

fn malformed(message: String) -> Failure {
    Failure::new(Kind::Malformed, message)
}

const FLAGS: [&str; 3] = ["name", "digest", "stdin-media-type"];
const DESCRIPTOR: &str = "application/vnd.oci.descriptor.v1+json";
/// A descriptor has a few hundred bytes, or some more with annotations.
const MAX_BYTES: u64 = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn words(text: &str) -> Vec<OsString> {
        let text = text.replace("DIGEST", DIGEST).replace("TYPE", DESCRIPTOR);
        text.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn flags_are_read_as_go_reads_them() {
        for text in [
            "-name web:1 -digest DIGEST -stdin-media-type TYPE",
            "--name web:1 --digest DIGEST --stdin-media-type TYPE",
            "-stdin-media-type=TYPE -digest=DIGEST --name=web:1",
        ] {
            let call = Call::read(&words(text)).map_err(|it| it.message).expect(text);
            assert_eq!((call.name.as_str(), call.digest.to_string()), ("web:1", DIGEST.to_owned()));
            assert!(is_call(&words(text)));
        }
        for ours in ["verify web:1", "image-verifier -name web:1", "-v -name x", "--names x", ""] {
            assert!(!is_call(&words(ours)), "{ours}");
        }
    }

    #[test]
    fn a_line_that_is_not_understood_is_refused() {
        for (text, kind) in [
            ("-name web:1 -digest DIGEST", Kind::Usage),
            ("-digest DIGEST -stdin-media-type TYPE", Kind::Usage),
            ("-name= -digest DIGEST -stdin-media-type TYPE", Kind::Usage),
            ("-name web:1 -name web:2 -digest DIGEST -stdin-media-type TYPE", Kind::Usage),
            ("-name web:1 -digest DIGEST -stdin-media-type TYPE -new", Kind::Usage),
            ("-name web:1 -digest DIGEST -stdin-media-type TYPE more", Kind::Usage),
            ("-name web:1 -digest DIGEST -stdin-media-type", Kind::Usage),
            ("-name web:1 -digest DIGEST -stdin-media-type TYPE --", Kind::Usage),
            ("-name web:1 -digest DIGEST -stdin-media-type application/json", Kind::Usage),
            ("-name web:1 -digest sha512:DIGEST -stdin-media-type TYPE", Kind::BadReference),
            ("-name web:1 -digest e3b0 -stdin-media-type TYPE", Kind::BadReference),
        ] {
            let refused = Call::read(&words(text)).expect_err(text);
            assert_eq!(refused.kind, kind, "{text}: {}", refused.message);
        }
    }

    #[test]
    fn a_descriptor_must_be_that_of_the_digest() {
        let line = "-name web:1 -digest DIGEST -stdin-media-type TYPE";
        let call = Call::read(&words(line)).map_err(|it| it.message).expect("a call");
        let check = |text: &str| call.check_descriptor(text.as_bytes()).map_err(|it| it.kind);
        let honest = format!(r#"{{"mediaType": "a/b", "digest": "{DIGEST}", "size": 527}}"#);
        assert_eq!(check(&format!("{honest}\n")), Ok(()));
        let other = honest.replace("sha256:e3", "sha256:00");
        let long = format!("{honest}{}", " ".repeat(64 << 10));
        for (text, kind) in [
            (other.as_str(), Kind::Mismatch),
            (&long, Kind::TooLarge),
            ("", Kind::Malformed),
            ("{}", Kind::Malformed),
            (r#"{"digest": 1}"#, Kind::Malformed),
            (&format!("{honest}{honest}"), Kind::Malformed),
            (&honest.replace("{", r#"{"digest": "sha256:00", "#), Kind::Malformed),
            (&honest[..40], Kind::Malformed),
        ] {
            assert_eq!(check(text), Err(kind), "{text:.60}");
        }
    }

    #[test]
    fn a_name_with_a_digest_must_be_of_that_one() {
        let line = "-name web:1 -digest DIGEST -stdin-media-type TYPE";
        let call = Call::read(&words(line)).map_err(|it| it.message).expect("a call");
        let query = |text: &str| {
            let subject = Subject::image(&text.replace("DIGEST", DIGEST));
            call.query(&subject.map_err(|it| it.kind)?).map_err(|it| it.kind)
        };
        let digest: ImageDigest = DIGEST.parse().expect("a digest");
        let tag = |tag: &str| Ok(Query::Tag(tag.parse().expect("a tag"), Some(digest)));
        assert_eq!(query("web"), tag("latest"));
        assert_eq!(query("web:1"), tag("1"));
        assert_eq!(query("web:1@DIGEST"), tag("1"));
        assert_eq!(query("web@DIGEST"), Ok(Query::Digest(digest)));
        let zeros = format!("web:1@sha256:{}", "0".repeat(64));
        assert_eq!(query(&zeros), Err(Kind::Mismatch));
        assert_eq!(query("Web"), Err(Kind::BadReference));
    }
}
