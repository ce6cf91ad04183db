//! Pushing to a registry (OCI distribution specification 1.1, "Push").

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderValue, IF_MATCH, IF_NONE_MATCH};

use crate::image::ImageDigest;
use crate::net::http::Request;
use crate::net::registry::entity_tag;
use crate::net::response::Response;
use crate::net::{Access, Error, Registry, redirect};

impl Registry {
    /// Pushes a blob; one that is there already is pushed again.
    ///
    /// # Errors
    ///
    /// [`Error`]; the blob may be there all the same.
    pub(super) async fn push_blob(&self, bytes: &[u8]) -> Result<(), Error> {
        let begin = Request::new(Method::POST, self.url("blobs/uploads/").await?);
        let begun = self.session.send(&begin, Access::PushPull, self.deadline).await?;
        let begun = expect(begun, 202)?;
        let mut place = redirect::target(&begun, &begin.url)?;
        let at_home = place.origin() == begin.url.origin();
        begun.discard().await;
        place.query_pairs_mut().append_pair("digest", &ImageDigest::of(bytes).to_string());
        let upload = Request::new(Method::PUT, place)
            .with_header(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"))
            .with_body(bytes.to_vec());
        // As with redirects, credentials stay at home.
        let done = match at_home {
            true => self.session.send(&upload, Access::PushPull, self.deadline).await?,
            false => self.session.http().send(&upload, self.deadline).await?,
        };
        expect(done, 201)?.discard().await;
        Ok(())
    }

    /// Puts a manifest under a tag, in the place of the one that it follows. Few registries heed
    /// that.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] where the registry says that another one is there; [`Error`]. After any
    /// other error the manifest may be there all the same.
    pub(super) async fn put_manifest(
        &self,
        tag: &str,
        media_type: &'static str,
        bytes: &[u8],
        follows: Option<ImageDigest>,
    ) -> Result<(), Error> {
        let (condition, value) = match follows {
            Some(digest) => (IF_MATCH, entity_tag(&digest)),
            None => (IF_NONE_MATCH, HeaderValue::from_static("*")),
        };
        let request = Request::new(Method::PUT, self.url(&format!("manifests/{tag}")).await?)
            .with_header(CONTENT_TYPE, HeaderValue::from_static(media_type))
            .with_header(condition, value)
            .with_body(bytes.to_vec());
        let response = self.session.send(&request, Access::PushPull, self.deadline).await?;
        if matches!(response.status(), 409 | 412) {
            return Err(Error::Conflict { host: response.host().to_owned() });
        }
        expect(response, 201)?.discard().await;
        Ok(())
    }
}

fn expect(response: Response, status: u16) -> Result<Response, Error> {
    match response.status() {
        found if found == status => Ok(response),
        status => Err(Error::Unavailable { host: response.host().to_owned(), status }),
    }
}
