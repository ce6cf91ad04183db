//! What happened to a collection, newest first.

use jiff::Timestamp as Instant;

use super::html::Html;
use super::words;
use crate::server::{Error, Inner};
use crate::storage::metadata::{Change, Event, Page};
use crate::tuf::Gun;

impl Inner {
    /// The changes before that one, or the last ones; the oldest first, and one more than is shown.
    pub(super) async fn recent(
        &self,
        gun: &Gun,
        before: Option<u64>,
    ) -> Result<Vec<Change>, Error> {
        Ok(self.store.changes(Some(gun), Page::Before { id: before, limit: AT_ONCE + 1 }).await?)
    }
}

pub(super) fn section(page: &mut Html, gun: &Gun, changes: &[Change], now: Instant) {
    page.raw("<section aria-labelledby=\"history\">\n<h2 id=\"history\">History</h2>\n");
    if changes.is_empty() {
        page.raw("<p class=\"quiet\">Nothing older is known.</p>\n</section>\n");
        return;
    }
    let older = changes.len() > AT_ONCE;
    let shown = &changes[changes.len().saturating_sub(AT_ONCE)..];
    page.raw("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"history\">\n<table>\n");
    page.raw("<thead><tr><th scope=\"col\">When</th><th scope=\"col\">What</th>");
    page.raw("<th scope=\"col\">Digest of the timestamp</th></tr></thead>\n<tbody>\n");
    for change in shown.iter().rev() {
        page.raw("<tr><td>").moment(change.at, words::away(change.at, now)).raw("</td>");
        match change.event {
            Event::Update { version, sha256 } => page
                .raw("<td>timestamp ")
                .text(version)
                .raw("</td><td><code>")
                .text(sha256)
                .raw("</code></td>"),
            Event::Deletion => page.raw("<td>deleted</td><td></td>"),
        };
        page.raw("</tr>\n");
    }
    page.raw("</tbody>\n</table>\n</div>\n");
    if let Some(oldest) = shown.first().filter(|_| older) {
        page.raw("<p class=\"more\"><a href=\"/?repository=").query(gun.as_str());
        page.raw("&amp;before=").query(oldest.id).raw("#history\">Older</a></p>\n");
    }
    page.raw("</section>\n");
}

const AT_ONCE: usize = 20;
