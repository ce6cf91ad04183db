//! What a build may take besides its Dockerfile: other contexts, caches, programs in images.

/// The argument that names the program which reads the Dockerfile.
pub(super) const SYNTAX_ARGUMENT: &str = "BUILDKIT_SYNTAX";

/// The variable that names a policy by which buildx takes other sources than are asked for.
pub(super) const SOURCE_POLICY: &str = "EXPERIMENTAL_BUILDKIT_SOURCE_POLICY";

/// Where in a context's value an image begins; `None` if it is none, but something of this machine.
pub(super) fn context_image(value: &str) -> Result<Option<usize>, &'static str> {
    const IMAGE: &str = "docker-image://";
    if value.starts_with(IMAGE) {
        return Ok(Some(IMAGE.len()));
    }
    match value.starts_with("oci-layout://") || !is_remote(value) {
        true => Ok(None),
        false => Err("a build context from elsewhere carries no signature; fetch it first"),
    }
}

/// Whether a context is fetched from somewhere (docker/cli `build/context.go`, buildx
/// `build/opt.go`).
pub(super) fn is_remote(context: &str) -> bool {
    context.contains("://") || context.starts_with("github.com/") || is_of_ssh(context)
}

/// `user@host:path`, as git and scp write it.
fn is_of_ssh(context: &str) -> bool {
    let plain = |text: &str| !text.is_empty() && !text.contains('/');
    let host = |rest: &str| rest.split_once(':').is_some_and(|(host, _)| plain(host));
    context.split_once('@').is_some_and(|(user, rest)| plain(user) && host(rest))
}

/// Refuses a policy by which buildx takes other sources than those that were asked for.
pub(super) fn check_sources(variable: &dyn Fn(&str) -> Option<String>) -> Result<(), &'static str> {
    match variable(SOURCE_POLICY).filter(|file| !file.is_empty()) {
        None => Ok(()),
        Some(_) => Err("EXPERIMENTAL_BUILDKIT_SOURCE_POLICY may put other images in the place of \
                        signed ones; unset it"),
    }
}

/// The image in a cache to read from.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum CacheImage<'t> {
    /// None; it is a directory.
    None,
    /// The whole text.
    Whole,
    /// The field `ref`.
    Field(&'t str),
}

/// Reads a cache. What is in it becomes part of the image, so it must be signed as well.
pub(super) fn cache_image(text: &str) -> Result<CacheImage<'_>, &'static str> {
    if !text.contains('=') {
        return match text.contains(',') {
            true => Err("give each --cache-from on its own"),
            false => Ok(CacheImage::Whole),
        };
    }
    if text.contains(ODD) {
        return Err("quotes and line breaks in --cache-from are not understood");
    }
    let fields = text.split(',').filter_map(|field| field.split_once('='));
    let last =
        |wanted: &str| fields.clone().rfind(|(key, _)| key.trim().eq_ignore_ascii_case(wanted));
    match (last("type").map(|(_, kind)| kind), last("ref")) {
        (Some("local"), None) => Ok(CacheImage::None),
        (Some("registry"), Some((_, image))) => Ok(CacheImage::Field(image)),
        _ => Err("what comes out of this cache is not signed; leave --cache-from out"),
    }
}

/// Refuses an attestation that is an inventory. Of a field that is given twice the last one counts
/// (buildx `util/buildflags/attests.go`).
pub(super) fn attestation(text: &str) -> Result<(), &'static str> {
    if text.contains(ODD) {
        return Err("quotes and line breaks in an attestation are not understood");
    }
    let text = text.to_ascii_lowercase();
    let mut fields = text.split(',').filter_map(|field| field.split_once('='));
    let last = |wanted: &str| fields.clone().rfind(|(key, _)| key.trim() == wanted);
    let is_off = last("disabled").is_some_and(|(_, value)| value == "true");
    let is_inventory = fields.any(|(key, kind)| key.trim() == "type" && kind.trim() == "sbom");
    sbom(if is_inventory && !is_off { "true" } else { "false" })
}

/// An inventory is made by the program in an image that docker chooses.
pub(super) fn sbom(value: &str) -> Result<(), &'static str> {
    match value {
        "false" => Ok(()),
        _ => Err("what makes the SBOM is an image that is not checked; make it afterwards"),
    }
}

/// What makes of a list of fields another one for who reads CSV: quotes, and a line's end, behind
/// which nothing is read.
const ODD: [char; 2] = ['"', '\n'];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_elsewhere_is_told_from_what_is_here() {
        assert_eq!(context_image("docker-image://a:1"), Ok(Some(15)));
        for here in [
            ".",
            "/x",
            "../x y",
            "oci-layout:///x@sha256:0",
            "service:web",
            "a@b",
            "./u@h:x",
            "@h:x",
        ] {
            assert_eq!(context_image(here), Ok(None), "{here}");
        }
        for there in
            ["https://x/y.git", "git@h:x", "github.com/x/y", "ssh://x", "git://x", "bob@h:x"]
        {
            assert!(context_image(there).is_err(), "{there}");
        }
    }

    #[test]
    fn caches_are_signed_or_of_this_machine() {
        assert_eq!(cache_image("reg.io/a:1"), Ok(CacheImage::Whole));
        assert_eq!(cache_image("type=local,src=/x"), Ok(CacheImage::None));
        assert_eq!(cache_image("type=registry,ref=a:1"), Ok(CacheImage::Field("a:1")));
        for refused in ["type=gha", "a,b", "type=s3,bucket=x", "ref=a", "type=registry", "\"a=b\""]
        {
            assert!(cache_image(refused).is_err(), "{refused}");
        }
        assert!(cache_image("type=registry,ref=evil\n,ref=a:1").is_err(), "only a line is read");
    }

    #[test]
    fn inventories_are_known_as_buildx_knows_them() {
        for allowed in [
            "type=provenance,mode=max",
            "type=sbom,disabled=true",
            "type=sbom,disabled=false,disabled=true",
        ] {
            assert_eq!(attestation(allowed), Ok(()), "{allowed}");
        }
        for refused in [
            "type=sbom",
            "Type=sbom,generator=evil",
            "type=sbom,disabled=true,disabled=false",
            "type=sbom\n,disabled=true",
            "\"type=sbom\"",
            "type=provenance,type=sbom",
        ] {
            assert!(attestation(refused).is_err(), "{refused}");
        }
    }
}
