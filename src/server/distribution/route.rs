//! The paths of the distribution API (OCI distribution specification 1.1, "Endpoints").

use crate::image::{ImageDigest, Tag};

/// What a path asks for. Names are as they were sent.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Route<'p> {
    /// `/v2/`: whether the API is spoken here.
    Base,
    Manifest {
        path: &'p str,
        reference: &'p str,
    },
    Blob {
        path: &'p str,
        digest: &'p str,
    },
    Tags {
        path: &'p str,
    },
    Referrers,
    /// What is no part of pulling an image.
    Other,
    /// What is no part of the API.
    Elsewhere,
}

impl<'p> Route<'p> {
    /// Reads a path. The name of a repository may have the words of the API in it; what follows them
    /// has no `/`.
    pub(super) fn of(path: &'p str) -> Self {
        let Some(rest) = path.strip_prefix("/v2") else { return Self::Elsewhere };
        let rest = match rest.strip_prefix('/') {
            None if rest.is_empty() => return Self::Base,
            None => return Self::Elsewhere,
            Some("") => return Self::Base,
            Some(rest) => rest,
        };
        let parts = rest.rsplit_once('/').and_then(|(before, last)| {
            let (path, kind) = before.rsplit_once('/')?;
            Some((path, kind, last))
        });
        match parts {
            Some((path, "manifests", reference)) => Self::Manifest { path, reference },
            Some((_, "blobs", "uploads")) => Self::Other,
            Some((path, "blobs", digest)) => Self::Blob { path, digest },
            Some((path, "tags", "list")) => Self::Tags { path },
            Some((_, "referrers", _)) => Self::Referrers,
            _ => Self::Other,
        }
    }
}

/// A manifest as clients ask for it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Which {
    /// The one that a tag means.
    Tag(Tag),
    /// The one with this digest.
    Digest(ImageDigest),
}

impl Which {
    /// Reads it; a tag has no colon.
    pub(super) fn read(text: &str) -> Result<Self, crate::image::Error> {
        match text.contains(':') {
            true => text.parse().map(Self::Digest),
            false => text.parse().map(Self::Tag),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_api() {
        for (path, expected) in [
            ("/v2", Route::Base),
            ("/v2/", Route::Base),
            ("/v2/web/manifests/1", Route::Manifest { path: "web", reference: "1" }),
            ("/v2/a/b/manifests/sha256:0", Route::Manifest { path: "a/b", reference: "sha256:0" }),
            (
                "/v2/a/manifests/b/manifests/1",
                Route::Manifest { path: "a/manifests/b", reference: "1" },
            ),
            ("/v2/a/blobs/sha256:0", Route::Blob { path: "a", digest: "sha256:0" }),
            ("/v2/a/tags/list", Route::Tags { path: "a" }),
            ("/v2/a/tags/blobs/x", Route::Blob { path: "a/tags", digest: "x" }),
            ("/v2/a/referrers/sha256:0", Route::Referrers),
            ("/v2/a/blobs/uploads/", Route::Other),
            ("/v2/a/blobs/uploads/1", Route::Other),
            ("/v2/a/blobs/uploads", Route::Other),
            ("/v2/_catalog", Route::Other),
            ("/v2/manifests/1", Route::Other),
            ("/v2/a/tags/list/", Route::Other),
            ("/v2/a/manifests/1/", Route::Other),
            ("/v2//manifests/1", Route::Manifest { path: "", reference: "1" }),
            ("/v1/a", Route::Elsewhere),
            ("/v2x", Route::Elsewhere),
            ("/", Route::Elsewhere),
            ("", Route::Elsewhere),
        ] {
            assert_eq!(Route::of(path), expected, "{path}");
        }
    }

    #[test]
    fn references_are_tags_or_digests() {
        let digest = ImageDigest::of(b"");
        assert_eq!(Which::read(&digest.to_string()), Ok(Which::Digest(digest)));
        assert!(matches!(Which::read("1.2"), Ok(Which::Tag(_))));
        for bad in ["", "a%2fb", "..", "sha256:00", "sha512:00", "a b", "a@b", "SHA256:00", ":"] {
            assert!(Which::read(bad).is_err(), "{bad}");
        }
    }
}
