//! Tags, some at a time (OCI distribution specification 1.1, "Listing Tags").

use url::form_urlencoded;

use crate::image::{Name, Tag};

/// Which of the tags are wanted.
pub(super) struct Page {
    most: usize,
    after: Option<String>,
}

impl Page {
    /// What a query asks for: all, if it does not say so many.
    pub(super) fn of(query: Option<&str>) -> Self {
        let mut page = Self { most: usize::MAX, after: None };
        for (key, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            match &*key {
                "n" => page.most = value.parse().unwrap_or(usize::MAX),
                "last" => page.after = Some(value.into_owned()),
                _ => {}
            }
        }
        page
    }

    /// Those of the tags, which are in order, that stand on it; with the last of them if more follow.
    pub(super) fn cut<'t>(&self, tags: &'t [Tag]) -> (Vec<&'t str>, Option<&'t str>) {
        let after = self.after.as_deref();
        let mut rest = tags.iter().map(Tag::as_str).filter(|tag| after < Some(*tag));
        let page: Vec<&str> = rest.by_ref().take(self.most).collect();
        let last = page.last().copied().filter(|_| rest.next().is_some());
        (page, last)
    }
}

/// The link to the page after `last`, of as many.
pub(super) fn next(path: &str, name: &Name, last: &str, most: usize) -> String {
    let ns: String = form_urlencoded::byte_serialize(name.domain().as_bytes()).collect();
    format!("</v2/{path}/tags/list?last={last}&n={most}&ns={ns}>; rel=\"next\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_one_another() {
        let tags: Vec<Tag> = ["1", "10", "2"].map(|tag| tag.parse().expect("a tag")).into();
        for (query, expected, last) in [
            (None, &["1", "10", "2"][..], None),
            (Some("n=2"), &["1", "10"], Some("10")),
            (Some("n=2&last=10"), &["2"], None),
            (Some("n=3"), &["1", "10", "2"], None),
            (Some("last=1&x=y"), &["10", "2"], None),
            (Some("last=11"), &["2"], None),
            (Some("last=3&n=1"), &[], None),
            (Some("n=0"), &[], None),
            (Some("n=-1"), &["1", "10", "2"], None),
        ] {
            assert_eq!(Page::of(query).cut(&tags), (expected.to_vec(), last), "{query:?}");
        }
        let name = "h:5000/a/b".parse().expect("a name");
        let link = "</v2/a/b/tags/list?last=10&n=2&ns=h%3A5000>; rel=\"next\"";
        assert_eq!(next("a/b", &name, "10", 2), link);
    }
}
