//! Signed tags, as docker finds them: `targets/releases` decides where it lists a tag, otherwise
//! `targets`; a signer's own role says who stands behind a digest.

use std::collections::BTreeMap;

use super::html::Html;
use super::view::View;
use super::{Wish, words};
use crate::tuf::{Gun, RoleName, Target};

/// One tag and who signed it.
struct Signed<'v> {
    target: &'v Target,
    /// Whether docker pulls it: a tag that only a signer's own role lists waits for its release.
    released: bool,
    signers: Vec<&'v str>,
}

/// The tags of a collection, those that the wish asks for.
pub(super) fn section(page: &mut Html, gun: &Gun, view: &View, wish: &Wish) {
    let tags = signed(view);
    page.raw("<section aria-labelledby=\"tags\">\n<div class=\"bar\"><h2 id=\"tags\">Tags</h2>\n");
    search(page, gun, wish, tags.len());
    page.raw("</div>\n");
    let found = |tag: &&&str| tag.contains(&wish.tag);
    let from = wish.from.as_deref().unwrap_or_default();
    let mut shown: Vec<_> = tags.keys().filter(found).skip_while(|tag| **tag < from).collect();
    let next = (shown.len() > AT_ONCE).then(|| *shown[AT_ONCE]);
    shown.truncate(AT_ONCE);
    if shown.is_empty() {
        let none =
            if tags.is_empty() { "Nothing is signed yet." } else { "No tag has that in its name." };
        page.raw("<p class=\"quiet\">").text(none).raw("</p>\n");
    } else {
        page.raw(TABLE);
        for tag in shown {
            row(page, tag, &tags[tag]);
        }
        page.raw("</tbody>\n</table>\n</div>\n");
    }
    if let Some(next) = next {
        page.raw("<p class=\"more\"><a href=\"/?repository=").query(gun.as_str()).raw("&amp;tag=");
        page.query(&wish.tag).raw("&amp;from=").query(next).raw("#tags\">More tags</a></p>\n");
    }
    page.raw("</section>\n");
}

/// How many tags have a digest that docker would pull.
pub(super) fn released(view: &View) -> usize {
    signed(view).values().filter(|signed| signed.released).count()
}

fn search(page: &mut Html, gun: &Gun, wish: &Wish, count: usize) {
    if count < FEW && wish.tag.is_empty() {
        return;
    }
    page.raw("<form role=\"search\" action=\"/\" method=\"get\">\n");
    page.raw("<input type=\"hidden\" name=\"repository\" value=\"").text(gun).raw("\">\n");
    page.raw("<label class=\"unseen\" for=\"tag\">Search tags</label>\n");
    page.raw(
        "<input id=\"tag\" name=\"tag\" type=\"search\" autocomplete=\"off\" placeholder=\"Search ",
    );
    page.text(words::count(count, "tag")).raw("\" value=\"").text(&wish.tag).raw("\">\n");
    page.raw("<button>Search</button>\n</form>\n");
}

fn row(page: &mut Html, tag: &str, signed: &Signed<'_>) {
    page.raw("<tr><th scope=\"row\" class=\"name\"><bdi>").text(tag).raw("</bdi>");
    if !signed.released {
        page.raw(" <span class=\"mark\">not released</span>");
    }
    page.raw("</th><td>");
    match signed.target.hashes.sha256() {
        Some(sha256) => {
            page.raw("<code><span class=\"quiet\">sha256:</span>").text(sha256).raw("</code>")
        }
        None => page.raw("<span class=\"quiet\">no SHA-256</span>"),
    };
    page.raw("</td><td>");
    match signed.signers.as_slice() {
        [] => page.raw("<span class=\"quiet\">repository key</span>"),
        signers => page.text(signers.join(", ")),
    };
    page.raw("</td></tr>\n");
}

fn signed(view: &View) -> BTreeMap<&str, Signed<'_>> {
    let mut tags = BTreeMap::new();
    // The decisive roles first: what they list stays.
    for role in [RoleName::releases(), RoleName::Targets] {
        for (tag, target) in view.targets.get(&role).into_iter().flat_map(|file| &file.targets) {
            tags.entry(tag.as_str()).or_insert(Signed {
                target,
                released: true,
                signers: Vec::new(),
            });
        }
    }
    for (role, file) in &view.targets {
        let Some(signer) = role.signer_name().filter(|_| *role != RoleName::releases()) else {
            continue;
        };
        for (tag, target) in &file.targets {
            let waiting = Signed { target, released: false, signers: Vec::new() };
            let signed = tags.entry(tag.as_str()).or_insert(waiting);
            if signed.target.hashes.sha256() == target.hashes.sha256() {
                signed.signers.push(signer);
            }
        }
    }
    tags
}

const TABLE: &str = "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"tags\">\n<table>\n\
     <thead><tr><th scope=\"col\">Tag</th><th scope=\"col\">Digest</th><th scope=\"col\">Signed by</th></tr></thead>\n<tbody>\n";
const AT_ONCE: usize = 100;
/// Among these one finds a tag without a search.
const FEW: usize = 12;
