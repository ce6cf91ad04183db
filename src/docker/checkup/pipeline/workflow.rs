//! Pipelines in YAML: GitHub's workflows and actions, GitLab, Azure, Bitbucket, CircleCI.
//!
//! They have one shape in common: variables and an image stand beside steps, and hold for all that
//! is below. What a template or an include brings is not here, and not seen.

use std::collections::BTreeMap;

use super::step::{Belief, Scope, Step, Steps, What};
use crate::docker::yaml::{self, Content, Node};

/// Reads the steps of a file.
///
/// # Errors
///
/// If it is no YAML.
pub(super) fn read(text: &str) -> Result<Steps, yaml::Error> {
    let mut walk = Walk { room: Some(MOST_REPEATED), ..Walk::default() };
    for document in yaml::read(text)? {
        let executors = document.at("executors").into_iter().flat_map(Node::entries);
        let named = |(name, node): (&Node, &Node)| Some((name.text()?.to_owned(), Said::by(node)));
        walk.executors = executors.filter_map(named).collect();
        walk.before = [Some(&document), document.at("default")]
            .into_iter()
            .flatten()
            .filter_map(|it| it.at("before_script"))
            .flat_map(lines)
            .collect();
        // GitLab's image of every job that names none.
        let mut around = Scope::default();
        if let Some(image) = document.at("default").and_then(image) {
            around.runs_in(image);
        }
        walk.node(&document, &around, 0);
        if walk.room.is_none() {
            return Err(
                document.refuse("larger than any pipeline, with before_script in every job")
            );
        }
    }
    Ok(walk.steps)
}

#[derive(Default)]
struct Walk {
    steps: Steps,
    jobs: usize,
    /// CircleCI's surroundings of jobs, by their names.
    executors: BTreeMap<String, Said>,
    /// GitLab's lines before those of every job.
    before: Vec<(usize, String)>,
    /// How much of them may still be repeated; none if it was too much.
    room: Option<usize>,
}

impl Walk {
    fn node(&mut self, node: &Node, around: &Scope, job: usize) {
        node.items().iter().for_each(|item| self.node(item, around, job));
        let Content::Map(entries) = &node.content else { return };
        let scope = self.scope(node, around);
        let job = if is_job(node) { self.next_job() } else { job };
        self.shells(node, &scope, job);
        for (name, value) in entries {
            match name.text().unwrap_or_default() {
                "uses" | "task" => {
                    let name = value.text().unwrap_or_default().to_owned();
                    self.push(What::Action { line: value.line, name }, &scope, job);
                }
                name if VARIABLES.contains(&name) => {}
                "docker" if !value.items().is_empty() => {}
                _ => self.node(value, &scope, job),
            }
        }
    }

    fn next_job(&mut self) -> usize {
        self.jobs += 1;
        self.jobs
    }

    fn push(&mut self, what: What, scope: &Scope, job: usize) {
        self.steps.steps.push(Step { job, scope: scope.clone(), what });
    }

    /// The shells of one map: what is before and in a script is one, what comes after it another.
    fn shells(&mut self, node: &Node, scope: &Scope, job: usize) {
        let of = |name: &str| node.at(name).into_iter().flat_map(lines);
        let script: Vec<_> = of("script").collect();
        let before = match (node.at("before_script"), script.is_empty()) {
            (None, false) => self.repeated(),
            (None, true) => Vec::new(),
            (Some(own), _) => lines(own).collect(),
        };
        let scripts = [[before, script].concat()];
        let others = SHELLS.iter().map(|name| of(name).collect::<Vec<_>>());
        for lines in scripts.into_iter().chain(others).filter(|lines| !lines.is_empty()) {
            self.push(What::Shell(lines), scope, job);
        }
    }

    fn repeated(&mut self) -> Vec<(usize, String)> {
        let size: usize = self.before.iter().map(|(_, line)| A_LINE + line.len()).sum();
        self.room = self.room.and_then(|room| room.checked_sub(size));
        if self.room.is_some() { self.before.clone() } else { Vec::new() }
    }

    fn scope(&mut self, node: &Node, around: &Scope) -> Scope {
        let mut scope = around.clone();
        if let Some(executor) = executor(node).and_then(|name| self.executors.get(name)) {
            executor.to(&mut scope);
        }
        Said::by(node).to(&mut scope);
        if let (Belief::Since(line), true) = (scope.trust, scope.trust != around.trust) {
            self.steps.beliefs.push(line);
        }
        scope
    }
}

/// What a map says to the steps below it.
struct Said {
    variables: Vec<(String, String, usize)>,
    image: Option<String>,
}

impl Said {
    fn by(node: &Node) -> Self {
        let around_steps = container(node).into_iter().chain([node]);
        let sets = around_steps.flat_map(|it| VARIABLES.iter().filter_map(|name| it.at(name)));
        let variables = sets.flat_map(variables).collect();
        Self { variables, image: image(node).map(str::to_owned) }
    }

    fn to(&self, scope: &mut Scope) {
        for (name, value, line) in &self.variables {
            scope.set(name, value, *line);
        }
        if let Some(image) = &self.image {
            scope.runs_in(image);
        }
    }
}

/// The executor of a job, by its name.
fn executor(node: &Node) -> Option<&str> {
    let executor = node.at("executor")?;
    executor.text().or_else(|| executor.at("name")?.text())
}

/// Whether what is in this map runs on a machine of its own.
fn is_job(node: &Node) -> bool {
    ["steps", "script", "before_script"].iter().any(|name| node.at(name).is_some())
}

/// The lines of a script, which is a text or a list of them.
fn lines(node: &Node) -> impl Iterator<Item = (usize, String)> {
    let texts = node.items().iter().chain(std::iter::once(node));
    texts.flat_map(|text| text.lines().map(|(line, text)| (line, text.to_owned())))
}

/// Variables, as a map, or as Azure's and Bitbucket's lists.
fn variables(node: &Node) -> Vec<(String, String, usize)> {
    let of = |name: &Node, value: &Node| {
        // GitLab may describe a variable.
        let text = value.text().or_else(|| value.at("value")?.text())?;
        Some((name.text()?.to_owned(), text.to_owned(), value.line))
    };
    let in_list = |item: &Node| match item.text() {
        Some(text) => {
            text.split_once('=').map(|(name, value)| (name.into(), value.into(), item.line))
        }
        None => of(item.at("name")?, item.at("value")?),
    };
    let in_map = node.entries().filter_map(|(name, value)| of(name, value));
    in_map.chain(node.items().iter().filter_map(in_list)).collect()
}

/// CircleCI's images: the steps run in the first, beside the others.
fn container(node: &Node) -> Option<&Node> {
    node.at("docker")?.items().first()
}

/// The image in which the steps run.
fn image(node: &Node) -> Option<&str> {
    let named = ["image", "container"].iter().find_map(|name| node.at(name));
    let listed = || container(node)?.at("image");
    let image = named.or_else(listed)?;
    image.text().or_else(|| image.at("name").or_else(|| image.at("image"))?.text())
}

/// Bytes.
const MOST_REPEATED: usize = 8 << 20;
/// What a line takes besides its text, in bytes.
const A_LINE: usize = 64;

const VARIABLES: [&str; 3] = ["env", "variables", "environment"];
/// Each is a shell of its own, when it is a text.
const SHELLS: [&str; 8] =
    ["run", "bash", "sh", "command", "inlineScript", "pwsh", "powershell", "after_script"];
