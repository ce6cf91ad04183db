//! The collections by name.

use jiff::Timestamp as Instant;

use super::html::Html;
use super::view::View;
use super::{Wish, tags, words};
use crate::server::auth::Sight;
use crate::server::{Error, Inner};
use crate::tuf::Gun;

impl Inner {
    pub(super) async fn index(&self, sight: &Sight, wish: &Wish) -> Result<Html, Error> {
        let (names, more) = self.names(sight, wish).await?;
        let mut page = Html::page("Repositories", &wish.search);
        page.raw("<h1>Repositories</h1>\n");
        if !wish.search.is_empty() {
            page.raw("<p class=\"quiet\">with <q>")
                .text(&wish.search)
                .raw("</q> in their names · ");
            page.raw("<a href=\"/\">show all</a></p>\n");
        }
        if names.is_empty() {
            page.raw(if wish.search.is_empty() { NOTHING_YET } else { NOTHING_FOUND });
            return Ok(page);
        }
        page.raw(TABLE);
        let now = self.clock.now();
        for gun in &names {
            let view = self.view(gun).await;
            if let Err(error) = &view {
                self.log.trouble("page", Some(gun), error);
            }
            row(&mut page, gun, view, now);
        }
        page.raw("</tbody>\n</table>\n</div>\n");
        if let Some(last) = names.last().filter(|_| more) {
            page.raw("<p class=\"more\"><a href=\"/?q=").query(&wish.search).raw("&amp;after=");
            page.query(last).raw("\">More repositories</a></p>\n");
        }
        Ok(page)
    }

    /// One page of names, and whether there are more.
    async fn names(&self, sight: &Sight, wish: &Wish) -> Result<(Vec<Gun>, bool), Error> {
        let mut names: Vec<Gun> = Vec::new();
        let mut after = wish.after.clone();
        // Names that this reader may not see are passed over, however many there are.
        loop {
            let found = self.store.names(&wish.search, after.as_deref(), STRIDE).await?;
            let last = found.last().map(ToString::to_string);
            let whole = found.len() < STRIDE;
            names.extend(found.into_iter().filter(|gun| self.shows(sight, gun)));
            if names.len() > AT_ONCE {
                names.truncate(AT_ONCE);
                return Ok((names, true));
            }
            if whole || last.is_none() {
                return Ok((names, false));
            }
            after = last;
        }
    }
}

fn row(page: &mut Html, gun: &Gun, view: Result<Option<View>, Error>, now: Instant) {
    page.raw("<tr><th scope=\"row\" class=\"name\"><a href=\"/?repository=")
        .query(gun.as_str())
        .raw("\">");
    page.name(gun.as_str()).raw("</a></th>");
    match view {
        Ok(Some(view)) => {
            let (expires, role) = view.first_to_expire();
            page.raw("<td class=\"number\">").text(tags::released(&view)).raw("</td><td>");
            page.moment(view.changed, words::away(view.changed, now)).raw("</td><td>");
            super::collection::expiry(page, expires, now, words::SOON);
            page.raw(" <span class=\"quiet\">").text(role).raw("</span></td>");
        }
        // It was deleted while the page was being made, or is damaged; the others are shown.
        Ok(None) => drop(page.raw("<td></td><td colspan=\"2\" class=\"quiet\">gone</td>")),
        Err(_) => drop(page.raw("<td></td><td colspan=\"2\">cannot be read; see the log</td>")),
    }
    page.raw("</tr>\n");
}

const TABLE: &str = "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Repositories\">\n<table>\n\
     <thead><tr><th scope=\"col\">Repository</th><th scope=\"col\" class=\"number\">Tags</th>\
     <th scope=\"col\">Changed</th><th scope=\"col\">First to expire</th></tr></thead>\n<tbody>\n";
const NOTHING_YET: &str = "<p class=\"empty\">No repository has trust data here yet. The first <code>countersign sign</code> or \
     <code>docker push</code> with content trust makes it.</p>\n";
const NOTHING_FOUND: &str = "<p class=\"empty\">No repository has that in its name.</p>\n";
/// Rows of a page.
const AT_ONCE: usize = 25;
/// Names asked for at once.
const STRIDE: usize = 200;
