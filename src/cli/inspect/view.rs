//! The two forms in which docker shows trust data (docker/cli 28 `cli/command/trust/inspect.go`,
//! `inspect_pretty.go`). Everything here is text from data.

use std::cmp::Ordering;

use serde::Serialize;

use super::super::table::table;
use crate::docker::Inspection;

/// One image as docker shows it.
#[derive(Serialize)]
pub(in crate::cli) struct View {
    #[serde(rename = "Name", skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(rename = "SignedTags")]
    tags: Vec<TagView>,
    #[serde(rename = "Signers")]
    signers: Vec<KeysView>,
    #[serde(rename = "AdministrativeKeys")]
    administrative: Vec<KeysView>,
}

/// A signed tag.
#[derive(Serialize)]
struct TagView {
    #[serde(rename = "SignedTag")]
    tag: String,
    /// Hex alone, empty if the tag is signed without a SHA-256.
    #[serde(rename = "Digest")]
    digest: String,
    #[serde(rename = "Signers")]
    signers: Vec<String>,
}

/// A signer or a role, and its keys.
#[derive(Serialize)]
struct KeysView {
    #[serde(rename = "Name", skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(rename = "Keys", skip_serializing_if = "Vec::is_empty")]
    keys: Vec<KeyView>,
}

#[derive(Serialize)]
struct KeyView {
    #[serde(rename = "ID", skip_serializing_if = "String::is_empty")]
    id: String,
}

impl View {
    /// The view of a repository under the name that the user wrote.
    pub(in crate::cli) fn of(name: &str, inspection: &Inspection) -> Self {
        let mut tags: Vec<TagView> = inspection
            .tags
            .iter()
            .map(|signed| TagView {
                tag: signed.tag.clone(),
                digest: signed.digest.map(|digest| digest.sha256().to_string()).unwrap_or_default(),
                signers: signed.signers.clone(),
            })
            .collect();
        tags.sort_by(|left, right| natural(&left.tag, &right.tag));
        let signers = inspection.signers.iter();
        let mut signers: Vec<KeysView> =
            signers.map(|signer| KeysView::of(&signer.name, &signer.keys)).collect();
        signers.sort_by(|left, right| right.name.cmp(&left.name));
        let administrative = inspection.administrative.iter();
        let mut administrative: Vec<KeysView> =
            administrative.map(|role| KeysView::of(role.name, &role.keys)).collect();
        administrative.sort_by(|left, right| right.name.cmp(&left.name));
        Self { name: name.to_owned(), tags, signers, administrative }
    }

    /// Views as Go writes JSON with an indentation of four.
    pub(in crate::cli) fn json(views: &[Self]) -> String {
        let mut text = Vec::new();
        let layout = serde_json::ser::PrettyFormatter::with_indent(b"    ");
        let mut writer = serde_json::Serializer::with_formatter(&mut text, layout);
        let views: Vec<Self> = views.iter().map(Self::with_repo_admin).collect();
        views.serialize(&mut writer).expect("text and lists have a JSON form");
        let text = String::from_utf8(text).expect("JSON is UTF-8");
        let escaped = ESCAPED_BY_GO.iter().fold(text, |text, (from, to)| text.replace(*from, to));
        escaped + "\n"
    }

    /// The view for people.
    pub(in crate::cli) fn pretty(&self) -> String {
        let mut page = match self.tags.as_slice() {
            [] => format!("\nNo signatures for {}\n\n", self.name),
            tags => format!("\nSignatures for {}\n\n{}", self.name, signatures(tags)),
        };
        if !self.signers.is_empty() {
            page += &format!("\nList of signers and their keys for {}\n\n", self.name);
            page += &signers(&self.signers);
        }
        page += &format!("\nAdministrative keys for {}\n\n", self.name);
        let mut roles: Vec<&KeysView> = self.administrative.iter().collect();
        roles.sort_by(|left, right| left.name.cmp(&right.name));
        for role in roles {
            page += &format!("  {} Key:\t{}\n", role.name, role.sorted_ids(usize::MAX).join(", "));
        }
        page
    }

    /// In JSON a tag that nobody but the repository's own key signs is signed by this name.
    fn with_repo_admin(&self) -> Self {
        let signers = |tag: &TagView| match tag.signers.as_slice() {
            [] => vec![REPO_ADMIN.to_owned()],
            signers => signers.to_vec(),
        };
        let tag = |tag: &TagView| TagView {
            tag: tag.tag.clone(),
            digest: tag.digest.clone(),
            signers: signers(tag),
        };
        Self {
            name: self.name.clone(),
            tags: self.tags.iter().map(tag).collect(),
            signers: self.signers.iter().map(KeysView::copy).collect(),
            administrative: self.administrative.iter().map(KeysView::copy).collect(),
        }
    }
}

impl KeysView {
    fn of(name: &str, keys: &[crate::tuf::KeyId]) -> Self {
        let keys = keys.iter().map(|id| KeyView { id: id.to_string() }).collect();
        Self { name: name.to_owned(), keys }
    }

    fn copy(&self) -> Self {
        let keys = self.keys.iter().map(|key| KeyView { id: key.id.clone() }).collect();
        Self { name: self.name.clone(), keys }
    }

    /// The first digits of every id, in order.
    fn sorted_ids(&self, digits: usize) -> Vec<String> {
        let mut ids: Vec<String> =
            self.keys.iter().map(|key| key.id.chars().take(digits).collect()).collect();
        ids.sort();
        ids
    }
}

fn signatures(tags: &[TagView]) -> String {
    let row = |tag: &TagView| {
        let mut names = tag.signers.clone();
        names.sort();
        let names = if names.is_empty() { format!("({REPO_ADMIN})") } else { names.join(", ") };
        [tag.tag.clone(), tag.digest.clone(), names]
    };
    table(["SIGNED TAG", "DIGEST", "SIGNERS"], &tags.iter().map(row).collect::<Vec<_>>())
}

fn signers(signers: &[KeysView]) -> String {
    let mut sorted: Vec<&KeysView> = signers.iter().collect();
    sorted.sort_by(|left, right| natural(&left.name, &right.name));
    let row = |signer: &&KeysView| [signer.name.clone(), signer.sorted_ids(SHORT_ID).join(", ")];
    table(["SIGNER", "KEYS"], &sorted.iter().map(row).collect::<Vec<_>>())
}

/// Orders names so that numbers in them count as numbers: `1.9`, `1.10`, `latest`, `v2`, `v10`.
pub(in crate::cli) fn natural(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.as_bytes(), right.as_bytes());
    while let (Some(a), Some(b)) = (left.first(), right.first()) {
        let order = match (a.is_ascii_digit(), b.is_ascii_digit()) {
            (true, true) => {
                let (number, rest) = split_number(left);
                let (other, other_rest) = split_number(right);
                (left, right) = (rest, other_rest);
                number_order(number, other)
            }
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => {
                let order = a.cmp(b);
                (left, right) =
                    (left.get(1..).unwrap_or_default(), right.get(1..).unwrap_or_default());
                order
            }
        };
        if order.is_ne() {
            return order;
        }
    }
    left.len().cmp(&right.len())
}

fn split_number(text: &[u8]) -> (&[u8], &[u8]) {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    text.split_at(digits)
}

/// By value; of the same value the one with fewer zeros before it comes first.
fn number_order(left: &[u8], right: &[u8]) -> Ordering {
    let value = |digits: &'_ [u8]| {
        let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
        digits.get(zeros..).unwrap_or_default().to_vec()
    };
    let (a, b) = (value(left), value(right));
    a.len().cmp(&b.len()).then(a.cmp(&b)).then(left.len().cmp(&right.len()))
}

const REPO_ADMIN: &str = "Repo Admin";
/// Digits of a key id for people.
const SHORT_ID: usize = 12;
/// What Go's `encoding/json` escapes in strings besides.
const ESCAPED_BY_GO: [(char, &str); 5] = [
    ('<', "\\u003c"),
    ('>', "\\u003e"),
    ('&', "\\u0026"),
    ('\u{2028}', "\\u2028"),
    ('\u{2029}', "\\u2029"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(name: &str, ids: &[&str]) -> KeysView {
        let keys = ids.iter().map(|id| KeyView { id: (*id).to_owned() }).collect();
        KeysView { name: name.to_owned(), keys }
    }

    fn tag(tag: &str, signers: &[&str]) -> TagView {
        let signers = signers.iter().map(|name| (*name).to_owned()).collect();
        TagView { tag: tag.to_owned(), digest: "167fba6d".to_owned(), signers }
    }

    fn view() -> View {
        View {
            name: "localhost:15002/h2-a".into(),
            tags: vec![tag("1", &[]), tag("2", &["bob", "alice"])],
            signers: vec![
                keys("bob", &["847e716af4ae2f1c", "53f6d3b1ed410000"]),
                keys("alice", &["dcfb086a8aa2ffff"]),
            ],
            administrative: vec![keys("Root", &["a0fa"]), keys("Repository", &["1ef4"])],
        }
    }

    #[test]
    fn natural_order() {
        let mut tags = ["v10", "latest", "10", "1.10", "2", "v2", "1.9", "1.09"];
        tags.sort_by(|left, right| natural(left, right));
        assert_eq!(tags, ["1.9", "1.09", "1.10", "2", "10", "latest", "v2", "v10"]);
    }

    #[test]
    fn pretty_as_docker_lays_it_out() {
        let expected = "\n\
            Signatures for localhost:15002/h2-a\n\
            \n\
            SIGNED TAG   DIGEST     SIGNERS\n\
            1            167fba6d   (Repo Admin)\n\
            2            167fba6d   alice, bob\n\
            \n\
            List of signers and their keys for localhost:15002/h2-a\n\
            \n\
            SIGNER    KEYS\n\
            alice     dcfb086a8aa2\n\
            bob       53f6d3b1ed41, 847e716af4ae\n\
            \n\
            Administrative keys for localhost:15002/h2-a\n\
            \n\
            \u{20} Repository Key:\t1ef4\n\
            \u{20} Root Key:\ta0fa\n";
        assert_eq!(view().pretty(), expected);
        let empty = View { tags: vec![], signers: vec![], ..view() };
        assert!(empty.pretty().starts_with("\nNo signatures for localhost:15002/h2-a\n\n\nAdmin"));
    }

    #[test]
    fn json_as_go_writes_it() {
        let small = View {
            name: "<a&b>".into(),
            tags: vec![tag("1", &[])],
            signers: vec![],
            administrative: vec![keys("Root", &[])],
        };
        let expected = r#"[
    {
        "Name": "\u003ca\u0026b\u003e",
        "SignedTags": [
            {
                "SignedTag": "1",
                "Digest": "167fba6d",
                "Signers": [
                    "Repo Admin"
                ]
            }
        ],
        "Signers": [],
        "AdministrativeKeys": [
            {
                "Name": "Root"
            }
        ]
    }
]
"#;
        assert_eq!(View::json(&[small]), expected);
        assert_eq!(View::json(&[]), "[]\n");
    }
}
