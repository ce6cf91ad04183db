//! A page in the making.
//!
//! Markup is `&'static str`, so it is this program's own. Everything else goes through
//! [`Html::text`] or [`Html::query`], which leave nothing of it that a browser would act upon.

use std::fmt::{Display, Write as _};

/// HTML, well-formed as far as its callers are.
pub(super) struct Html(String);

impl Html {
    /// A page of that title, up to where its content begins. What was searched for stands in the
    /// search field.
    pub(super) fn page(title: &str, searched: &str) -> Self {
        let mut page = Self(String::with_capacity(8 << 10));
        page.raw(HEAD).text(title).raw(" · trust server</title>\n</head>\n<body>\n");
        page.raw("<a class=\"skip\" href=\"#content\">To the content</a>\n<header>\n");
        page.raw("<a class=\"home\" href=\"/\">Trust server</a>\n");
        page.raw("<form role=\"search\" action=\"/\" method=\"get\">\n");
        page.raw("<label class=\"unseen\" for=\"q\">Search repositories</label>\n");
        page.raw("<input id=\"q\" name=\"q\" type=\"search\" placeholder=\"Search repositories\" ");
        page.raw("autocomplete=\"off\" maxlength=\"255\" value=\"").text(searched).raw("\">\n");
        page.raw("<button>Search</button>\n</form>\n</header>\n<main id=\"content\">\n");
        page
    }

    /// Markup of ours.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Text from anywhere. What would hide or turn around what follows it is written as an escape
    /// (CWE-79, CWE-150).
    pub(super) fn text(&mut self, text: impl Display) -> &mut Self {
        for letter in text.to_string().chars() {
            match letter {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                '\\' => self.0.push('\\'),
                _ => self.0.extend(letter.escape_debug()),
            }
        }
        self
    }

    /// A name of several parts, which may go on in the next line after each.
    pub(super) fn name(&mut self, name: &str) -> &mut Self {
        for (place, part) in name.split_inclusive('/').enumerate() {
            self.raw(if place == 0 { "" } else { "<wbr>" }).text(part);
        }
        self
    }

    /// A value in the query of an address.
    pub(super) fn query(&mut self, value: impl Display) -> &mut Self {
        self.0.extend(url::form_urlencoded::byte_serialize(value.to_string().as_bytes()));
        self
    }

    /// A moment: how far away it is, and on hovering when.
    pub(super) fn moment(&mut self, at: jiff::Timestamp, words: impl Display) -> &mut Self {
        self.raw("<time datetime=\"").text(at).raw("\" title=\"").text(super::words::full(at));
        self.raw("\">").text(words).raw("</time>")
    }

    /// A digest or key id, whole.
    pub(super) fn code(&mut self, text: impl Display) -> &mut Self {
        self.raw("<code>").text(text).raw("</code>")
    }

    /// The whole page.
    pub(super) fn end(mut self) -> String {
        self.raw("</main>\n<footer>countersign ");
        let _ = write!(self.0, "{}", env!("CARGO_PKG_VERSION"));
        self.raw(" · this page shows what the server keeps; only a client that verifies proves it</footer>\n");
        self.raw("</body>\n</html>\n");
        self.0
    }
}

const HEAD: &str = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
     <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
     <meta name=\"color-scheme\" content=\"light dark\">\n\
     <link rel=\"icon\" href=\"data:,\">\n\
     <link rel=\"stylesheet\" href=\"/style.css\">\n<title>";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_becomes_markup() {
        let mut html = Html(String::new());
        html.text("<script>'\"&\\</script>\n\u{202e}é\u{0}");
        html.name("a/<b>/c");
        html.raw("<a href=\"/?q=").query("a&b=<\">é").raw("\">");
        assert_eq!(
            html.0,
            "&lt;script&gt;&#39;&quot;&amp;\\&lt;/script&gt;\\n\\u{202e}é\\0\
             a/<wbr>&lt;b&gt;/<wbr>c\
             <a href=\"/?q=a%26b%3D%3C%22%3E%C3%A9\">"
        );
    }
}
