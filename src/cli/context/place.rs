//! Where a collection's trust data is, by the address that the user gave.

use std::path::PathBuf;

use super::super::exit::Kind;
use super::super::output::Failure;
use crate::docker::config::trust_server;
use crate::image::Name;
use crate::net::{PlainHttp, ServerUrl};
use crate::tuf::Gun;

/// A place of trust data.
#[derive(Debug, Eq, PartialEq)]
pub(in crate::cli) enum Place {
    /// A server with Notary's API.
    Notary(ServerUrl),
    /// The metadata of one TUF 1.0 repository behind a web server: an address that ends in
    /// `/metadata`.
    Web(ServerUrl),
    /// The same in a folder: `file:///…`.
    Folder(PathBuf),
    /// The image's own repository in its registry: `oci`.
    Registry,
    /// A file that `bundle` or `rescue` wrote: `bundle:FILE`.
    Bundle(PathBuf),
}

impl Place {
    /// Reads what is set; for images nothing set means docker's default.
    ///
    /// # Errors
    ///
    /// If it is no address, or there is none.
    pub(super) fn of(
        image: Option<&Name>,
        gun: &Gun,
        set: Option<&str>,
        plain: PlainHttp,
    ) -> Result<Self, Failure> {
        if let Some(path) = set.and_then(|set| set.strip_prefix("file://")) {
            return match path.starts_with('/') {
                true => Ok(Self::Folder(PathBuf::from(path))),
                false => {
                    let message = format!("file://{path}: not the whole path of a folder");
                    Err(Failure::new(Kind::Usage, message).advise("Write file:///the/whole/path."))
                }
            };
        }
        if let Some(path) = set.and_then(|set| set.strip_prefix("bundle:")) {
            return match path {
                "" => {
                    Err(Failure::new(Kind::Usage, "bundle: names no file")
                        .advise("Write bundle:FILE."))
                }
                path => Ok(Self::Bundle(PathBuf::from(path))),
            };
        }
        if set == Some("oci") {
            return match image {
                Some(_) => Ok(Self::Registry),
                None => {
                    let message = format!("{gun}: no image, so no registry has its trust data");
                    Err(Failure::new(Kind::Usage, message).advise("Leave --raw-gun away."))
                }
            };
        }
        let url = match (image, set) {
            (Some(image), set) => trust_server(image, set, plain)?,
            (None, Some(set)) => ServerUrl::parse(set, plain)?,
            (None, None) => {
                let message = format!("{gun}: no trust server is named for it");
                return Err(
                    Failure::new(Kind::Usage, message).advise("Name one with --server URL.")
                );
            }
        };
        Ok(match url.as_str().ends_with("/metadata") {
            true => Self::Web(url),
            false => Self::Notary(url),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_table() {
        let image: Name = "reg.example.com/team/web".parse().expect("a name");
        let gun = Gun::from(&image);
        let of = |set: Option<&str>| Place::of(Some(&image), &gun, set, PlainHttp::Refused).ok();
        let url = |text: &str| ServerUrl::parse(text, PlainHttp::Refused).expect(text);
        for (set, expected) in [
            (None, Some(Place::Notary(url("https://reg.example.com")))),
            (Some("https://t:4443"), Some(Place::Notary(url("https://t:4443")))),
            (Some("https://t/web/metadata/"), Some(Place::Web(url("https://t/web/metadata")))),
            (Some("https://t/metadata/x"), Some(Place::Notary(url("https://t/metadata/x")))),
            (Some("file:///srv/web/metadata"), Some(Place::Folder("/srv/web/metadata".into()))),
            (Some("file://srv/web"), None),
            (Some("oci"), Some(Place::Registry)),
            (Some("bundle:../web.tar"), Some(Place::Bundle("../web.tar".into()))),
        ] {
            assert_eq!(of(set), expected, "{set:?}");
        }
        for set in [None, Some("oci")] {
            assert!(Place::of(None, &gun, set, PlainHttp::Refused).is_err());
        }
    }
}
