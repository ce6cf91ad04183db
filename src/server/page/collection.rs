//! One collection: tags, signers, roles and keys, history.

use jiff::Timestamp as Instant;

use super::html::Html;
use super::view::View;
use super::{Wish, history, tags, words};
use crate::server::{Error, Inner};
use crate::tuf::{Delegation, Gun, Key, Role, RoleName, Targets, Version};

impl Inner {
    pub(super) async fn collection(&self, gun: &Gun, wish: &Wish) -> Result<Html, Error> {
        let view = self.view(gun).await?.ok_or(Error::NoFile)?;
        let changes = self.recent(gun, wish.before).await?;
        let now = self.clock.now();
        let mut page = Html::page(gun.as_str(), "");
        heading(&mut page, gun, &view, now);
        tags::section(&mut page, gun, &view, wish);
        signers(&mut page, &view, now);
        roles(&mut page, &view, now);
        history::section(&mut page, gun, &changes, now);
        Ok(page)
    }
}

fn heading(page: &mut Html, gun: &Gun, view: &View, now: Instant) {
    page.raw("<nav aria-label=\"Breadcrumb\"><a href=\"/\">Repositories</a></nav>\n<h1>");
    page.text(gun).raw("</h1>\n<p class=\"facts\"><span>");
    page.text(words::count(tags::released(view), "signed tag")).raw("</span> <span>changed ");
    page.moment(view.changed, words::away(view.changed, now)).raw("</span> <span>");
    let (expires, role) = view.first_to_expire();
    page.raw("first to expire: ").text(role).raw(" ");
    expiry(page, expires, now, words::SOON);
    page.raw("</span></p>\n");
    if view.unsigned.contains(&RoleName::releases()) {
        page.raw(NOTHING_TO_PULL);
    }
}

fn signers(page: &mut Html, view: &View, now: Instant) {
    page.raw("<section aria-labelledby=\"signers\">\n<h2 id=\"signers\">Signers</h2>\n");
    if view.delegations().next().is_none() {
        page.raw(
            "<p class=\"quiet\">Nobody but the holder of the repository key.</p>\n</section>\n",
        );
        return;
    }
    page.raw("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"signers\">\n<table>\n");
    page.raw("<thead><tr><th scope=\"col\">Role</th><th scope=\"col\">May sign</th>");
    page.raw("<th scope=\"col\">Keys</th><th scope=\"col\">Version</th>");
    page.raw("<th scope=\"col\">Expires</th></tr></thead>\n<tbody>\n");
    for (parent, delegation) in view.delegations() {
        let file = view.targets.get(&delegation.name);
        page.raw("<tr><th scope=\"row\">").text(&delegation.name).raw("</th><td>");
        paths(page, delegation);
        page.raw("</td><td>");
        keys(page, &delegation.role, parent.delegations.keys_of(delegation));
        page.raw("</td>");
        match view.unsigned.contains(&delegation.name) {
            true => drop(page.raw(NOT_SIGNED)),
            false => published(page, file, now),
        }
        page.raw("</tr>\n");
    }
    page.raw("</tbody>\n</table>\n</div>\n</section>\n");
}

fn paths(page: &mut Html, delegation: &Delegation) {
    match delegation.paths.prefixes() {
        [] => page.raw("<span class=\"quiet\">nothing</span>"),
        paths if paths.iter().any(String::is_empty) => page.raw("every tag"),
        paths => {
            page.text(paths.iter().map(|path| format!("{path}…")).collect::<Vec<_>>().join(", "))
        }
    };
}

fn published(page: &mut Html, file: Option<&Targets>, now: Instant) {
    match file {
        Some(file) => version_and_expiry(page, file.version, file.expires, now, words::SOON),
        None => drop(page.raw("<td class=\"quiet\" colspan=\"2\">nothing published yet</td>")),
    }
}

fn roles(page: &mut Html, view: &View, now: Instant) {
    page.raw("<section aria-labelledby=\"roles\">\n<h2 id=\"roles\">Roles and keys</h2>\n");
    page.raw("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"roles\">\n<table>\n");
    page.raw("<thead><tr><th scope=\"col\">Role</th><th scope=\"col\">Keys</th>");
    page.raw(
        "<th scope=\"col\">Version</th><th scope=\"col\">Expires</th></tr></thead>\n<tbody>\n",
    );
    let targets = view.targets.get(&RoleName::Targets);
    let root = &view.root;
    let files = [
        (RoleName::Root, &root.root, Some((root.version, root.expires))),
        (RoleName::Targets, &root.targets, targets.map(|file| (file.version, file.expires))),
        (RoleName::Snapshot, &root.snapshot, Some((view.snapshot.version, view.snapshot.expires))),
        (
            RoleName::Timestamp,
            &root.timestamp,
            Some((view.timestamp.version, view.timestamp.expires)),
        ),
    ];
    for (name, role, file) in files {
        page.raw("<tr><th scope=\"row\">").text(&name).raw("</th><td>");
        keys(page, role, view.keys(role));
        page.raw("</td>");
        match file {
            Some((version, expires)) if name == RoleName::Timestamp => {
                version_and_expiry(page, version, expires, now, words::RENEWED);
            }
            Some((version, expires)) => {
                version_and_expiry(page, version, expires, now, words::SOON);
            }
            None => drop(page.raw("<td colspan=\"2\"></td>")),
        }
        page.raw("</tr>\n");
    }
    page.raw("</tbody>\n</table>\n</div>\n</section>\n");
}

fn version_and_expiry(
    page: &mut Html,
    version: Version,
    expires: Instant,
    now: Instant,
    soon: i64,
) {
    page.raw("<td class=\"number\">").text(version).raw("</td><td>");
    expiry(page, expires, now, soon);
    page.raw(" <span class=\"quiet day\">").text(words::day(expires)).raw("</span></td>");
}

/// The ids whole, since they are there to be compared.
fn keys<'k>(page: &mut Html, role: &Role, keys: impl Iterator<Item = &'k Key>) {
    let (threshold, count) = (role.threshold().count(), role.keyids().len());
    if count > 1 || threshold > 1 {
        page.raw("<p class=\"quiet\">")
            .text(threshold)
            .raw(" of ")
            .text(count)
            .raw(" must sign</p>");
    }
    page.raw("<ul class=\"keys\">");
    for key in keys {
        page.raw("<li>").code(key.id()).raw(" <span class=\"quiet\">").text(key.keytype());
        page.raw("</span></li>");
    }
    page.raw("</ul>");
}

/// When something ends, and by colour and word how much that presses.
pub(super) fn expiry(page: &mut Html, expires: Instant, now: Instant, soon: i64) {
    let told = words::away(expires, now);
    match words::urgency(expires, now, soon) {
        "expired" => page.raw("<span class=\"expired\">expired "),
        "soon" => page.raw("<span class=\"soon\">"),
        _ => page.raw("<span>"),
    };
    page.moment(expires, told).raw("</span>");
}

const NOT_SIGNED: &str =
    "<td colspan=\"2\"><span class=\"expired\">not signed by its keys</span></td>";
const NOTHING_TO_PULL: &str = "<p class=\"expired\">targets/releases is not signed by its keys, so clients refuse every tag. \
     Whoever has one of them signs it again: <code>countersign witness REPOSITORY targets/releases</code></p>\n";
