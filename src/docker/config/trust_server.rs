//! Which trust server speaks for an image.

use crate::{
    image::Name,
    net::{Error, PlainHttp, ServerUrl},
};

/// The trust server for `name`: the one that is `set` for all images
/// (`DOCKER_CONTENT_TRUST_SERVER`), Docker's own for its Hub, or else the registry's host itself,
/// over https.
///
/// # Errors
///
/// [`Error::Url`] if what is set is not https, nor what `plain` allows.
pub fn trust_server(name: &Name, set: Option<&str>, plain: PlainHttp) -> Result<ServerUrl, Error> {
    match set.filter(|text| !text.is_empty()) {
        Some(text) => ServerUrl::parse(text, plain),
        None if name.domain() == "docker.io" => ServerUrl::parse(HUB, PlainHttp::Refused),
        None => ServerUrl::parse(&format!("https://{}", name.domain()), PlainHttp::Refused),
    }
}

const HUB: &str = "https://notary.docker.io";

#[cfg(test)]
mod tests {
    use super::*;

    fn server(name: &str, set: Option<&str>) -> Option<String> {
        let name = name.parse().expect("a name");
        trust_server(&name, set, PlainHttp::Refused).ok().map(|url| url.to_string())
    }

    #[test]
    fn trust_server_table() {
        for (name, set, expected) in [
            ("alpine", None, Some("https://notary.docker.io")),
            ("index.docker.io/a/b", None, Some("https://notary.docker.io")),
            ("registry-1.docker.io/a/b", None, Some("https://registry-1.docker.io")),
            ("localhost:5000/x", None, Some("https://localhost:5000")),
            ("[::1]:5000/x", None, Some("https://[::1]:5000")),
            ("Reg.Example.com/x", None, Some("https://reg.example.com")),
            ("alpine", Some(""), Some("https://notary.docker.io")),
            ("alpine", Some("https://t:4443/"), Some("https://t:4443")),
            ("reg.com/x", Some("https://t/pfx"), Some("https://t/pfx")),
            ("alpine", Some("http://t"), None),
            ("alpine", Some("t:4443"), None),
        ] {
            assert_eq!(server(name, set).as_deref(), expected, "{name} {set:?}");
        }
    }
}
