//! The configuration of the webhooks for a cluster (`admissionregistration.k8s.io/v1`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::service::Label;
use super::{Arguments, Settings};
use crate::cli::environment::clock;
use crate::cli::exit::Kind;
use crate::cli::output::{Failure, Output};
use crate::cli::serve::files::{read_small, unusable};
use crate::cli::serve::tls;
use crate::crypto::certificates_from_pem;
use crate::storage::DataDirectory;

/// Prints it.
pub(super) fn configuration(
    arguments: &Arguments,
    settings: &Settings,
    output: Output,
) -> Result<(), Failure> {
    let place = place(arguments)?;
    let bundle = bundle(arguments, settings, output)?;
    if bundle.is_none() {
        output.notice(NO_BUNDLE);
    }
    output.bytes(both(arguments, place, bundle.as_deref()).as_bytes());
    Ok(())
}

fn both(arguments: &Arguments, place: impl Fn(&str) -> String, bundle: Option<&[u8]>) -> String {
    let bundle = bundle.map(|pem| format!("      caBundle: {}\n", STANDARD.encode(pem)));
    let (bundle, exempt) = (bundle.unwrap_or_default(), exempt(arguments));
    let hook = |kind: &str, task: &str, more: &str| {
        format!(
            "apiVersion: admissionregistration.k8s.io/v1\n\
             kind: {kind}WebhookConfiguration\n\
             metadata:\n  \
               name: countersign\n\
             webhooks:\n  \
               - name: {task}.images.countersign\n    \
                 admissionReviewVersions: [v1]\n    \
                 clientConfig:\n{}{bundle}    \
                 failurePolicy: Fail\n    \
                 matchPolicy: Equivalent\n{more}    \
                 sideEffects: None\n    \
                 timeoutSeconds: 10\n{exempt}    \
                 rules:\n{}",
            place(task),
            rules(arguments.workloads),
        )
    };
    let again = "    reinvocationPolicy: IfNeeded\n";
    [hook("Mutating", "mutate", again), hook("Validating", "validate", "")].join("---\n")
}

/// Where the cluster reaches it, for each task.
fn place(arguments: &Arguments) -> Result<impl Fn(&str) -> String, Failure> {
    let lines = match (&arguments.service, &arguments.url) {
        (Some(it), _) => format!(
            "      service:\n        namespace: \"{}\"\n        name: \"{}\"\n        port: {}\n        path: /",
            it.namespace, it.name, it.port
        ),
        (None, Some(url)) => format!("      url: {url}/"),
        (None, None) => {
            let message = "--print-config needs to know how the cluster reaches the webhook";
            return Err(Failure::new(Kind::Usage, message).advise(
                "Name its service with --service NAMESPACE/NAME, or its address with --url.",
            ));
        }
    };
    Ok(move |task: &str| format!("{lines}{task}\n"))
}

/// The authority that the cluster is to believe; `None` if that is up to the cluster.
fn bundle(
    arguments: &Arguments,
    settings: &Settings,
    output: Output,
) -> Result<Option<Vec<u8>>, Failure> {
    if let Some(path) = &arguments.ca_bundle {
        let pem = read_small(path)?;
        return match certificates_from_pem(&pem) {
            Ok(found) if !found.is_empty() => Ok(Some(pem)),
            Ok(_) => Err(unusable(path, "holds no certificate")),
            Err(error) => Err(unusable(path, &error.to_string())),
        };
    }
    if settings.identity.given.is_some() {
        return Ok(None);
    }
    let data = DataDirectory::create(&settings.data)?;
    let (pem, news) = tls::authority(&data, clock())?;
    news.iter().for_each(|news| output.notice(news));
    Ok(Some(pem.into_bytes()))
}

/// The webhook's own namespace is left alone: it could not start if it had to ask itself.
fn exempt(arguments: &Arguments) -> String {
    let own = arguments.service.iter().map(|it| &it.namespace);
    let mut all: Vec<String> = own.chain(&arguments.exempt).map(Label::to_string).collect();
    all.sort();
    all.dedup();
    if all.is_empty() {
        return String::new();
    }
    let values: String = all.iter().map(|name| format!("            - \"{name}\"\n")).collect();
    format!(
        "    namespaceSelector:\n      matchExpressions:\n        \
         - key: kubernetes.io/metadata.name\n          operator: NotIn\n          values:\n{values}"
    )
}

fn rules(workloads: bool) -> String {
    let rules = &RULES[..if workloads { RULES.len() } else { 1 }];
    let rule = |(group, resources): &(&str, &str)| {
        format!(
            "      - apiGroups: [\"{group}\"]\n        \
             apiVersions: [v1]\n        \
             operations: [CREATE, UPDATE]\n        \
             resources: [{resources}]\n        \
             scope: Namespaced\n"
        )
    };
    rules.iter().map(rule).collect()
}

const NO_BUNDLE: &str = "No caBundle is set: the cluster's own authorities have to know the certificate. \
     --ca-bundle names another one.";
/// Pods, and what makes them. Replica sets are left out: a deployment compares theirs with its own
/// template, and would make new ones for ever if a webhook changed them.
const RULES: [(&str, &str); 4] = [
    ("", "pods, pods/ephemeralcontainers"),
    ("", "podtemplates, replicationcontrollers"),
    ("apps", "deployments, statefulsets, daemonsets"),
    ("batch", "jobs, cronjobs"),
];

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use serde_json::{Value, json};

    use super::*;
    use crate::cli::args::{Cli, Command};
    use crate::docker::yaml::{Content, Node, read};

    fn printed(words: &str) -> Vec<Value> {
        let words = ["countersign", "admit", "--print-config"].into_iter().chain(words.split(' '));
        let Ok(Cli { command: Command::Admit(arguments), .. }) = Cli::try_parse_from(words) else {
            panic!("a command line")
        };
        let place = place(&arguments).map_err(|failure| failure.message).expect("a place");
        let text = both(&arguments, place, Some(b"PEM"));
        let documents: Vec<Node> = read(&text).expect("YAML");
        assert!(documents.iter().all(|it| matches!(it.content, Content::Map(_))), "{text}");
        documents.iter().map(|it| it.to_json().expect("JSON")).collect()
    }

    #[test]
    fn both_webhooks_fail_closed_and_ask_about_pods() {
        let found = printed("--service trust/admit --exempt kube-system --exempt trust");
        let [mutating, validating] = found.as_slice() else { panic!("two documents: {found:?}") };
        for (document, kind, task) in
            [(mutating, "Mutating", "mutate"), (validating, "Validating", "validate")]
        {
            assert_eq!(document["apiVersion"], "admissionregistration.k8s.io/v1");
            assert_eq!(document["kind"], format!("{kind}WebhookConfiguration"));
            let hook = &document["webhooks"][0];
            assert_eq!(hook["name"], format!("{task}.images.countersign"));
            for (member, value) in [
                ("failurePolicy", json!("Fail")),
                ("matchPolicy", json!("Equivalent")),
                ("sideEffects", json!("None")),
                // Our reader leaves it open that plain words are numbers.
                ("timeoutSeconds", json!("10")),
                ("admissionReviewVersions", json!(["v1"])),
            ] {
                assert_eq!(hook[member], value, "{member}");
            }
            let client = &hook["clientConfig"];
            assert_eq!(client["caBundle"], "UEVN");
            let service = json!({"namespace": "trust", "name": "admit", "port": "443", "path": format!("/{task}")});
            assert_eq!(client["service"], service);
            let selector = &hook["namespaceSelector"]["matchExpressions"][0];
            assert_eq!(selector["operator"], "NotIn");
            assert_eq!(selector["values"], json!(["kube-system", "trust"]));
            assert_eq!(hook["rules"].as_array().map(Vec::len), Some(1));
            assert_eq!(hook["rules"][0]["resources"], json!(["pods", "pods/ephemeralcontainers"]));
            assert_eq!(hook["rules"][0]["operations"], json!(["CREATE", "UPDATE"]));
        }
        assert_eq!(mutating["webhooks"][0]["reinvocationPolicy"], "IfNeeded");
        assert!(validating["webhooks"][0]["reinvocationPolicy"].is_null());
    }

    #[test]
    fn a_server_elsewhere_is_named_by_its_address() {
        let found = printed("--url https://admit.example.com:8443 --workloads");
        for (document, task) in found.iter().zip(["mutate", "validate"]) {
            let hook = &document["webhooks"][0];
            let url = format!("https://admit.example.com:8443/{task}");
            assert_eq!(hook["clientConfig"]["url"], url);
            assert!(hook["namespaceSelector"].is_null());
            let resources = hook["rules"].to_string();
            assert!(resources.contains("deployments") && resources.contains("cronjobs"));
            assert!(!resources.contains("replicasets"), "they would be made for ever");
        }
    }
}
