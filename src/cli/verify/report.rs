//! What `verify` found, in the forms that CI systems show: SARIF 2.1.0 (code scanning) and JUnit
//! XML (test results). One finding, or one test case, for each reference.

use std::time::Duration;

use clap::ValueEnum;
use serde_json::{Value, json};

use crate::cli::exit::Code;
use crate::cli::output::{Failure, for_terminal};

/// A form of report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ReportForm {
    /// SARIF 2.1.0
    Sarif,
    /// JUnit XML
    Junit,
}

/// What became of one reference.
pub(super) struct Outcome {
    /// As the user wrote it.
    pub(super) reference: String,
    /// `NAME@sha256:…`, or why not.
    pub(super) answer: Result<String, Failure>,
    /// How long it took.
    pub(super) took: Duration,
}

impl ReportForm {
    /// The report.
    pub(super) fn write(self, outcomes: &[Outcome]) -> String {
        match self {
            Self::Sarif => sarif(outcomes),
            Self::Junit => junit(outcomes),
        }
    }
}

fn sarif(outcomes: &[Outcome]) -> String {
    let rules = kinds(outcomes);
    let results: Vec<Value> = outcomes.iter().map(|outcome| result(outcome, &rules)).collect();
    let rule = |kind: &&str| json!({"id": kind, "shortDescription": {"text": words(kind)}});
    let driver = json!({
        "name": "countersign",
        "version": env!("CARGO_PKG_VERSION"),
        "rules": rules.iter().map(rule).collect::<Vec<_>>(),
    });
    let run = json!({"tool": {"driver": driver}, "results": results});
    let report = json!({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]});
    format!("{}\n", serde_json::to_string_pretty(&report).expect("text and lists have a JSON form"))
}

/// The kinds of answers that are in the report, each once, in order.
fn kinds(outcomes: &[Outcome]) -> Vec<&'static str> {
    let mut kinds: Vec<&str> = outcomes.iter().map(kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

fn kind(outcome: &Outcome) -> &'static str {
    match &outcome.answer {
        Ok(_) => SIGNED,
        Err(failure) => failure.kind.as_str(),
    }
}

fn words(kind: &str) -> String {
    match kind {
        SIGNED => "The tag is signed and trusted".to_owned(),
        kind => format!("The tag could not be verified: {}", kind.replace('-', " ")),
    }
}

fn result(outcome: &Outcome, rules: &[&str]) -> Value {
    let kind = kind(outcome);
    let (verdict, level, text) = match &outcome.answer {
        Ok(digest) => ("pass", "none", digest.clone()),
        Err(failure) => ("fail", "error", told(failure)),
    };
    // A name with a port is no relative reference: the scheme says what it is.
    let uri = format!("docker://{}", in_uri(&outcome.reference));
    json!({
        "ruleId": kind,
        "ruleIndex": rules.iter().position(|rule| *rule == kind),
        "kind": verdict,
        "level": level,
        "message": {"text": text},
        "locations": [{
            "physicalLocation": {"artifactLocation": {"uri": uri}},
            "logicalLocations": [{"fullyQualifiedName": outcome.reference, "kind": "resource"}],
        }],
        "partialFingerprints": {"reference/v1": format!("{}:{kind}", outcome.reference)},
    })
}

/// The failure and what to do about it.
fn told(failure: &Failure) -> String {
    let sentences = std::iter::once(&failure.message).chain(&failure.advice);
    sentences.map(String::as_str).collect::<Vec<_>>().join("\n")
}

/// RFC 3986: everything that is no part of a name is written in percent.
fn in_uri(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/@".contains(&byte);
    let written = |byte: u8| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(written).collect()
}

fn junit(outcomes: &[Outcome]) -> String {
    let count = |wanted: fn(&Failure) -> bool| {
        outcomes.iter().filter(|it| it.answer.as_ref().is_err_and(wanted)).count()
    };
    let (failures, errors) = (count(is_verdict), count(|failure| !is_verdict(failure)));
    let took: Duration = outcomes.iter().map(|outcome| outcome.took).sum();
    let numbers = format!(
        "tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" time=\"{:.3}\"",
        outcomes.len(),
        took.as_secs_f64()
    );
    let cases: String = outcomes.iter().map(case).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuites name=\"countersign\" {numbers}>\n  \
         <testsuite name=\"countersign verify\" {numbers} skipped=\"0\">\n\
         {cases}  </testsuite>\n</testsuites>\n"
    )
}

/// Whether it was decided that the image is not to be trusted; otherwise nothing could be decided.
fn is_verdict(failure: &Failure) -> bool {
    matches!(failure.kind.code(), Code::NotSigned | Code::NotTrusted)
}

fn case(outcome: &Outcome) -> String {
    let inside = match &outcome.answer {
        Ok(digest) => format!("      <system-out>{}</system-out>\n", in_xml(digest)),
        Err(failure) => {
            let element = if is_verdict(failure) { "failure" } else { "error" };
            let advice: Vec<String> = failure.advice.iter().map(|line| in_xml(line)).collect();
            format!(
                "      <{element} type=\"{}\" message=\"{}\">{}</{element}>\n",
                failure.kind,
                in_xml(&failure.message),
                advice.join("\n")
            )
        }
    };
    format!(
        "    <testcase classname=\"countersign.verify\" name=\"{}\" time=\"{:.3}\">\n{inside}    </testcase>\n",
        in_xml(&outcome.reference),
        outcome.took.as_secs_f64()
    )
}

/// XML has no way to write control characters; here they are escapes already.
fn in_xml(text: &str) -> String {
    for_terminal(text).chars().fold(String::with_capacity(text.len()), |mut xml, letter| {
        match letter {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\t' => xml.push_str("&#9;"),
            _ => xml.push(letter),
        }
        xml
    })
}

const SARIF_SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// The rule of what is as it should be.
const SIGNED: &str = "signed";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::exit::Kind;

    fn outcomes() -> Vec<Outcome> {
        let outcome = |reference: &str, answer| Outcome {
            reference: reference.to_owned(),
            answer,
            took: Duration::from_millis(12),
        };
        let unsigned = Failure::new(Kind::NoSuchTag, "no role signs <2> & \"3\"\u{1b}");
        vec![
            outcome("h:1/web:1", Ok("h:1/web@sha256:aa".to_owned())),
            outcome("h:1/web:2", Err(unsigned.advise("Sign it."))),
            outcome("h:1/web:%", Err(Failure::new(Kind::Network, "no answer"))),
        ]
    }

    #[test]
    fn sarif_has_one_result_for_each_reference() {
        let report: Value =
            serde_json::from_str(&ReportForm::Sarif.write(&outcomes())).expect("JSON");
        assert_eq!(report["version"], "2.1.0");
        let run = &report["runs"][0];
        let results = run["results"].as_array().expect("results");
        let of = |field: &str| results.iter().map(|it| it[field].clone()).collect::<Vec<_>>();
        assert_eq!(of("ruleId"), ["signed", "no-such-tag", "network"]);
        assert_eq!(of("kind"), ["pass", "fail", "fail"]);
        assert_eq!(of("level"), ["none", "error", "error"]);
        for result in results {
            let index = result["ruleIndex"].as_u64().expect("a number") as usize;
            assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
        }
        let uri = &results[2]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
        assert_eq!(uri, "docker://h:1/web:%25");
        assert_eq!(results[1]["message"]["text"], "no role signs <2> & \"3\"\u{1b}\nSign it.");
    }

    #[test]
    fn junit_tells_verdicts_from_what_could_not_be_decided() {
        let report = ReportForm::Junit.write(&outcomes());
        assert!(
            report.contains("tests=\"3\" failures=\"1\" errors=\"1\" time=\"0.036\""),
            "{report}"
        );
        assert!(report.contains("<system-out>h:1/web@sha256:aa</system-out>"));
        let failure = "<failure type=\"no-such-tag\" message=\"no role signs &lt;2&gt; &amp; \
             &quot;3&quot;\\u{1b}\">Sign it.</failure>";
        assert!(report.contains(failure), "{report}");
        assert!(report.contains("<error type=\"network\" message=\"no answer\"></error>"));
    }
}
