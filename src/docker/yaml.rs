//! YAML, as configurations and pipelines are written in it: texts, lists and maps that know their
//! lines.
//!
//! What a plain word means (`yes`, `1`, `~`) is up to whoever reads it. An alias is read as what it
//! stands for, a merge (`<<`) as the entries that it brings. Tags are passed over.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::Value;

/// A piece of a document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Node {
    /// The line it begins in, from 1.
    pub(crate) line: usize,
    pub(crate) content: Content,
}

/// What a piece is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Content {
    Text(String, Style),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

/// How a text is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Style {
    /// As a word, which may stand for something else.
    Plain,
    /// In quotes, or over several lines that are joined.
    Quoted,
    /// Behind `|`: its lines are lines of the document, and it begins with the first of them.
    Block,
}

/// Why a text is no such document.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Error {
    line: usize,
    problem: Cow<'static, str>,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.problem)
    }
}

/// Reads every document of a text.
///
/// # Errors
///
/// If it is no YAML, or larger than any configuration once its aliases are read.
pub(crate) fn read(text: &str) -> Result<Vec<Node>, Error> {
    let mut loader = Loader::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| Error {
            line: error.marker().line(),
            problem: Cow::Owned(error.info().to_owned()),
        })?;
        loader.take(event, span.start.line())?;
    }
    Ok(loader.documents)
}

/// The one document of a configuration, as JSON.
///
/// # Errors
///
/// As [`read`] and [`Node::to_json`].
pub(crate) fn document(text: &str) -> Result<Value, Error> {
    let documents = read(text)?;
    let first = documents
        .first()
        .map_or_else(|| Ok(Value::Object(serde_json::Map::new())), Node::to_json)?;
    match documents.get(1) {
        None => Ok(first),
        Some(second) => Err(second.refuse("a second document")),
    }
}

impl Node {
    /// Its text, if it is one.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text, _) => Some(text),
            _ => None,
        }
    }

    /// The entries of a map; none of anything else.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&Node, &Node)> {
        let entries = match &self.content {
            Content::Map(entries) => entries.as_slice(),
            _ => &[],
        };
        entries.iter().map(|(name, value)| (name, value))
    }

    /// The pieces of a list; none of anything else.
    pub(crate) fn items(&self) -> &[Node] {
        match &self.content {
            Content::List(items) => items,
            _ => &[],
        }
    }

    /// The value of a map under this name.
    pub(crate) fn at(&self, name: &str) -> Option<&Node> {
        self.entries().find(|(known, _)| known.text() == Some(name)).map(|(_, value)| value)
    }

    /// The lines of a text, and where each stands in the document.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let step = usize::from(matches!(self.content, Content::Text(_, Style::Block)));
        let lines = self.text().unwrap_or_default().lines().enumerate();
        lines.map(move |(at, line)| (self.line + at * step, line))
    }

    /// The same as JSON, with plain words read as Go's `yaml.v2` does; numbers stay texts.
    ///
    /// # Errors
    ///
    /// If a name comes twice in a map, or is no text.
    pub(crate) fn to_json(&self) -> Result<Value, Error> {
        match &self.content {
            Content::Text(text, Style::Plain) => Ok(plain(text)),
            Content::Text(text, _) => Ok(Value::String(text.clone())),
            Content::List(items) => items.iter().map(Node::to_json).collect(),
            Content::Map(entries) => {
                let mut map = serde_json::Map::new();
                for (name, value) in entries {
                    let Some(text) = name.text() else {
                        return Err(name.refuse("a name that is no text"));
                    };
                    if map.insert(text.to_owned(), value.to_json()?).is_some() {
                        return Err(name.refuse(format!("{text:?} stands there twice")));
                    }
                }
                Ok(Value::Object(map))
            }
        }
    }

    /// An error in its line.
    pub(crate) fn refuse(&self, problem: impl Into<Cow<'static, str>>) -> Error {
        Error { line: self.line, problem: problem.into() }
    }

    /// How many pieces it has, itself included; a long text counts as many.
    fn size(&self) -> usize {
        let inside = match &self.content {
            Content::Text(text, _) => text.len() / A_PIECE,
            Content::List(items) => items.iter().map(Node::size).sum(),
            Content::Map(entries) => entries.iter().map(|(a, b)| a.size() + b.size()).sum(),
        };
        1 + inside
    }
}

/// `yaml.v2`'s `resolve.go`, as far as a configuration of Notary's can hold it.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Value::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Value::Bool(false)
        }
        other => Value::String(other.to_owned()),
    }
}

/// Puts together what the parser tells piece by piece.
#[derive(Default)]
struct Loader {
    documents: Vec<Node>,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
}

/// A list or map that has not ended.
struct Open {
    node: Node,
    anchor: usize,
    /// The name whose value comes next.
    name: Option<Node>,
}

impl Loader {
    fn take(&mut self, event: Event<'_>, line: usize) -> Result<(), Error> {
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::Literal => Style::Block,
                    _ => Style::Quoted,
                };
                let node = Node { line, content: Content::Text(text.into_owned(), style) };
                self.count(node.size(), line)?;
                self.place(node, anchor)
            }
            Event::SequenceStart(anchor, _) => self.begin(line, Content::List(Vec::new()), anchor),
            Event::MappingStart(anchor, _) => self.begin(line, Content::Map(Vec::new()), anchor),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open { node, anchor, .. }) => self.place(with_merged(node), anchor),
                None => Ok(()),
            },
            Event::Alias(anchor) => {
                let unknown = || Error { line, problem: "an alias of what contains it".into() };
                let node = self.anchors.get(&anchor).cloned().ok_or_else(unknown)?;
                self.count(node.size(), line)?;
                self.place(node, 0)
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, line: usize, content: Content, anchor: usize) -> Result<(), Error> {
        self.count(1, line)?;
        if self.open.len() == DEEPEST {
            return Err(Error { line, problem: "too deep".into() });
        }
        self.open.push(Open { node: Node { line, content }, anchor, name: None });
        Ok(())
    }

    fn place(&mut self, node: Node, anchor: usize) -> Result<(), Error> {
        if anchor != 0 {
            self.count(node.size(), node.line)?;
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.documents.push(node);
            return Ok(());
        };
        match (&mut open.node.content, open.name.take()) {
            (Content::List(items), _) => items.push(node),
            (Content::Map(_), None) => open.name = Some(node),
            (Content::Map(entries), Some(name)) => entries.push((name, node)),
            (Content::Text(..), _) => {}
        }
        Ok(())
    }

    /// Aliases of aliases grow without a bound otherwise.
    fn count(&mut self, more: usize, line: usize) -> Result<(), Error> {
        self.nodes += more;
        match self.nodes <= MOST_NODES {
            true => Ok(()),
            false => Err(Error { line, problem: "larger than any configuration".into() }),
        }
    }
}

/// A map with the entries that its merges bring, which give way to its own and to those before.
fn with_merged(node: Node) -> Node {
    let Content::Map(entries) = node.content else { return node };
    let (merges, mut own): (Vec<_>, Vec<_>) =
        entries.into_iter().partition(|(name, _)| name.text() == Some("<<"));
    let sources = merges.into_iter().flat_map(|(_, value)| match value.content {
        Content::List(items) => items,
        _ => vec![value],
    });
    for source in sources {
        let Content::Map(merged) = source.content else { continue };
        for (name, value) in merged {
            if !own.iter().any(|(known, _)| known.text() == name.text()) {
                own.push((name, value));
            }
        }
    }
    Node { line: node.line, content: Content::Map(own) }
}

/// Lists and maps in one another.
const DEEPEST: usize = 64;
const MOST_NODES: usize = 100_000;
/// Bytes of a text.
const A_PIECE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Node {
        let mut documents = read(text).expect(text);
        assert_eq!(documents.len(), 1, "{text}");
        documents.remove(0)
    }

    #[test]
    fn pieces_know_their_lines() {
        let document = one("a:\n  - b\n  - run: |\n      x\n\n      y\nc: 'd\n  e'\n");
        let list = document.at("a").expect("a");
        assert_eq!(list.items().iter().map(|item| item.line).collect::<Vec<_>>(), [2, 3]);
        let run = list.items()[1].at("run").expect("run");
        assert_eq!(run.lines().collect::<Vec<_>>(), [(4, "x"), (5, ""), (6, "y")]);
        assert_eq!(document.at("c").map(Node::lines).map(Iterator::count), Some(1));
        assert_eq!(document.at("c").and_then(Node::text), Some("d e"));
    }

    #[test]
    fn aliases_and_merges_are_what_they_stand_for() {
        let text = "base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  y: 3\nsame: *b\n";
        let document = one(text);
        let used = document.at("use").expect("use");
        let value = |name: &str| used.at(name).and_then(Node::text).map(str::to_owned);
        assert_eq!((value("x"), value("y")), (Some("1".into()), Some("3".into())));
        assert_eq!(document.at("same"), document.at("base"));
    }

    #[test]
    fn what_grows_without_a_bound_is_refused() {
        let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..9 {
            let below = format!("*a{}, ", level - 1).repeat(10);
            laughs += &format!("a{level}: &a{level} [{below}]\n");
        }
        let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
        let long = format!("a: &a {}\nb: [{}]", "x".repeat(100_000), "*a, ".repeat(1000));
        for text in [laughs.as_str(), &deep, &long, "a: &a [*a]", "a: [", "a: b: c", "\t- x: {"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn plain_words_are_what_notary_takes_them_for() {
        let json = |text: &str| one(text).to_json();
        for (text, expected) in [
            ("a: yes", serde_json::json!({"a": true})),
            ("a: \"yes\"", serde_json::json!({"a": "yes"})),
            ("a: off\nb: ~", serde_json::json!({"a": false, "b": null})),
            ("a: [1, x]", serde_json::json!({"a": ["1", "x"]})),
        ] {
            assert_eq!(json(text), Ok(expected), "{text}");
        }
        let twice = json("a: 1\na: 2").expect_err("refused");
        assert_eq!(twice.to_string(), "line 2: \"a\" stands there twice");
        assert!(json("[a]: 1").is_err());
    }
}
