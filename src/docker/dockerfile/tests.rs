use std::collections::BTreeMap;

use super::*;

fn settings(arguments: &[(&str, &str)], target: Option<&str>, contexts: &[&str]) -> Settings {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Settings {
        arguments: arguments.iter().map(owned).collect::<BTreeMap<_, _>>(),
        target: target.map(str::to_owned),
        contexts: contexts.iter().map(|name| Settings::context_name(name)).collect(),
        builder: Builder::Either,
    }
}

/// Every image exchanged by `[image]`.
fn pinned(text: &str, settings: &Settings) -> Result<String, Error> {
    let file = Dockerfile::parse(text)?;
    let images = file.images(settings)?;
    let pinned: Vec<String> = images.iter().map(|image| format!("[{}]", image.image)).collect();
    let changes: Vec<_> = images.iter().zip(pinned.iter().map(String::as_str)).collect();
    Ok(file.with(&changes))
}

fn plain(text: &str) -> String {
    pinned(text, &settings(&[], None, &[])).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refusal(text: &str) -> String {
    let refused = pinned(text, &settings(&[], None, &[]));
    refused.expect_err(text).to_string()
}

#[test]
fn images_are_exchanged_in_their_places() {
    for (text, expected) in [
        ("FROM a\n", "FROM [a]\n"),
        ("from\ta:1  as  x", "from\t[a:1]  as  x"),
        ("\u{feff}FROM a", "\u{feff}FROM [a]"),
        ("FROM a\r\nRUN x\r\n", "FROM [a]\r\nRUN x\r\n"),
        ("FROM --platform=$BUILDPLATFORM a", "FROM --platform=$BUILDPLATFORM [a]"),
        (
            "FROM \\\n  # why\n\n  a \\\n  AS b\nFROM b",
            "FROM \\\n  # why\n\n  [a] \\\n  AS b\nFROM b",
        ),
        ("FROM al\\\npine", "FROM [alpine]"),
        ("FROM scratch\nCOPY --from=x / /", "FROM scratch\nCOPY --from=[x] / /"),
        ("FROM a AS B\nFROM b\nCOPY --from=B / /", "FROM [a] AS B\nFROM b\nCOPY --from=B / /"),
        ("FROM a\nCOPY --chown=1 --from=\"x:1\" / /", "FROM [a]\nCOPY --chown=1 --from=[x:1] / /"),
        ("FROM a\nFROM b\nCOPY --from=0 / /", "FROM [a]\nFROM [b]\nCOPY --from=0 / /"),
        ("FROM a\nONBU\u{130}LD COPY --from=x / /", "FROM [a]\nONBU\u{130}LD COPY --from=[x] / /"),
        ("FROM a\nONBUILD COPY --from=0 / /", "FROM [a]\nONBUILD COPY --from=0 / /"),
        (
            "FROM a\nRUN [ -e à ] && cat <<EOF\nFROM b\nEOF",
            "FROM [a]\nRUN [ -e à ] && cat <<EOF\nFROM b\nEOF",
        ),
        ("FROM a\nRUN [\"<<EOF\"]\nFROM b", "FROM [a]\nRUN [\"<<EOF\"]\nFROM [b]"),
        (
            "FROM a\nRUN <<EOF python\nfrom os import path\nEOF\nFROM c",
            "FROM [a]\nRUN <<EOF python\nfrom os import path\nEOF\nFROM [c]",
        ),
        (
            "FROM a\nRUN <<EOF\necho --à \"\nFROM b\nEOF\nFROM c",
            "FROM [a]\nRUN <<EOF\necho --à \"\nFROM b\nEOF\nFROM [c]",
        ),
        ("FROM a\nRUN <<CMD\nRUN x\nCMD", "FROM [a]\nRUN <<CMD\nRUN x\nCMD"),
        ("FROM a\nCOPY x --from=y /", "FROM [a]\nCOPY x --from=y /"),
        ("FROM a AS a\nFROM a", "FROM [a] AS a\nFROM a"),
        (
            "FROM a\nRUN --mount=type=bind,from=x:1,target=/x --mount=type=cache,target=/c ls",
            "FROM [a]\nRUN --mount=type=bind,from=[x:1],target=/x --mount=type=cache,target=/c ls",
        ),
        (
            "FROM a\nRUN --mount=\"type=secret,id=x\" \"y\"",
            "FROM [a]\nRUN --mount=\"type=secret,id=x\" \"y\"",
        ),
        ("FROM a\nRUN --mount=FROM=x y", "FROM [a]\nRUN --mount=from=[x] y"),
        ("FROM a\nRUN --mount=from=scratch y", "FROM [a]\nRUN --mount=from=scratch y"),
        ("FROM a\nONBUILD COPY --from=x / /", "FROM [a]\nONBUILD COPY --from=[x] / /"),
        ("# syntax=docker/dockerfile:1\nFROM a", "# syntax=[docker/dockerfile:1]\nFROM [a]"),
        (
            " #\tescape = `\t\r\nFROM `\na\n# a\u{a0}= b",
            " #\tescape = `\t\r\nFROM `\n[a]\n# a\u{a0}= b",
        ),
        ("# a\u{a0}b = c\nFROM a", "# a\u{a0}b = c\nFROM [a]"),
        ("#syntax = docker/dockerfile:1 x\nFROM a", "#syntax = [docker/dockerfile:1] x\nFROM [a]"),
        (
            "#!/x\n# syntax=docker/dockerfile\nFROM a",
            "#!/x\n# syntax=[docker/dockerfile]\nFROM [a]",
        ),
        (
            "# a\n# syntax=docker/dockerfile:1\nFROM a",
            "# a\n# syntax=docker/dockerfile:1\nFROM [a]",
        ),
        ("# escape=`\nFROM `\na\nRUN c:\\\nRUN x", "# escape=`\nFROM `\n[a]\nRUN c:\\\nRUN x"),
        (
            "# escape=`\nFROM a\nCOPY --from=x:1 `\n  C:\\a C:\\b",
            "# escape=`\nFROM [a]\nCOPY --from=[x:1] `\n  C:\\a C:\\b",
        ),
        ("FROM a\nCOPY --fr\\om=x / /", "FROM [a]\nCOPY --from=[x] / /"),
        ("ARG V=3\nFROM a:$V", "ARG V=3\nFROM [a:3]"),
        ("ARG A=a B=\"$A:1\"\nFROM ${B}", "ARG A=a B=\"$A:1\"\nFROM [a:1]"),
        ("ARG A\nFROM ${A:-busybox:1} AS x", "ARG A\nFROM [busybox:1] AS x"),
        (
            "ARG A\nARG A=x\nARG B=y\nARG B\nARG B=z\nFROM $A:$B",
            "ARG A\nARG A=x\nARG B=y\nARG B\nARG B=z\nFROM [x:z]",
        ),
        ("ARG S=x\nFROM a AS x\nFROM $S", "ARG S=x\nFROM [a] AS x\nFROM $S"),
        (
            "FROM a\nRUN <<EOF\nFROMAGE b\nEOF\nFROM c",
            "FROM [a]\nRUN <<EOF\nFROMAGE b\nEOF\nFROM [c]",
        ),
        (
            "FROM a\nRUN cat <<-'X' && cat <<Y\n1\n\tX\n2\nY\nFROM c",
            "FROM [a]\nRUN cat <<-'X' && cat <<Y\n1\n\tX\n2\nY\nFROM [c]",
        ),
        ("FROM a\nRUN cat << X\n1\nX\nFROM c", "FROM [a]\nRUN cat << X\n1\nX\nFROM [c]"),
        (
            "#foo=bar\n#syntax=docker/dockerfile\nFROM a",
            "#foo=bar\n#syntax=[docker/dockerfile]\nFROM [a]",
        ),
        ("# check=skip=all\n# escape=`\nFROM `\na", "# check=skip=all\n# escape=`\nFROM `\n[a]"),
        ("FROM a\nRUN x <<< y\nFROM b", "FROM [a]\nRUN x <<< y\nFROM [b]"),
        ("FROM a\nRUN \"<<EOF\"\nFROM b", "FROM [a]\nRUN \"<<EOF\"\nFROM [b]"),
        ("FROM a\nENV x <<EOF\nFROM b", "FROM [a]\nENV x <<EOF\nFROM [b]"),
    ] {
        assert_eq!(plain(text), expected);
    }
}

#[test]
fn what_is_not_understood_is_refused_with_its_line() {
    for (text, line, reason) in [
        ("FROM a b", 1, "IMAGE AS NAME"),
        ("FROM a # no comment", 1, "IMAGE AS NAME"),
        ("FROM", 1, "IMAGE AS NAME"),
        ("ARG A\nFROM $A", 2, "empty"),
        ("FROM a-$TARGETARCH", 1, "TARGETARCH"),
        ("ARG A=x-$BUILDOS\nFROM $A", 2, "only the builder knows A"),
        (
            "ARG HTTP_PROXY\nARG B=${HTTP_PROXY:+x:1}\nFROM a AS b\nFROM ${B:-b}",
            4,
            "the builder knows B",
        ),
        ("ARG no_proxy=b\nFROM a AS b\nFROM ${no_proxy}", 3, "the builder knows no_proxy"),
        (
            "ARG SOURCE_DATE_EPOCH=b\nFROM a AS b\nFROM ${SOURCE_DATE_EPOCH:-x:1}",
            3,
            "the builder knows",
        ),
        ("ARG B=x:1\nARG B\nFROM a AS b\nFROM ${B:-b}", 4, "the builder knows B"),
        ("FROM ${A#x}", 1, "not understood"),
        ("FROM 'a", 1, "not understood"),
        ("FROM a\nCOPY --from=$A / /", 2, "plain name"),
        ("FROM a\nCOPY --from=b / /\nFROM x AS b", 2, "not an earlier one"),
        ("FROM a\nRUN --mount=from=x,from=y z", 2, "two sources"),
        ("FROM a\nRUN --mount=from=$X z", 2, "plain name"),
        ("FROM a\nRUN --mount='type=bind,\"from=x:1\",target=/x' y", 2, "quotes"),
        ("FROM a\nRUN --mount=type=bind,\\\"FROM=x:1\\\",target=/x y", 2, "quotes"),
        ("FROM a\nONBUILD RUN --mount=\\\"from=x:1\\\" y", 2, "quotes"),
        ("# escape=`\nFROM a\nCOPY --fr`om=x / /", 3, "escape"),
        ("# escape=`\nFROM a\nCOPY --fr\\om=x / /", 3, "escape"),
        ("# escape=`\nFROM a\nCOPY --chown=1`\n` --from=x / /", 3, "escape"),
        ("# escape=`\nFROM a\nONBUILD COPY --fr`om=x / /", 3, "escape"),
        ("#escape\u{a0}=`\nFROM a\nRUN x `\nFROM b", 1, "blanks"),
        ("#escape\u{b}=`\nFROM a\nRUN x `\nFROM b", 1, "blanks"),
        ("#\u{a0}escape=`\nFROM a\nRUN x `\nFROM b", 1, "blanks"),
        ("#x=\u{2003}\n#escape=`\nFROM a\nRUN x \\\nFROM b", 1, "blanks"),
        ("// syntax=evil\nFROM a", 1, "#"),
        ("{\"syntax\":\"evil\"}", 1, "#"),
        ("# syntax=evil/frontend\nFROM a", 1, "way of its own"),
        ("#syntax=docker/dockerfile\n#syntax=docker/dockerfile\nFROM a", 2, "second"),
        ("# escape=x\nFROM a", 1, "escape"),
        ("\n \n{\"syntax\":\"evil\"}", 1, "#"),
        ("\u{feff}{\"syntax\":\"evil\"}", 1, "#"),
        ("#!/x\n// syntax=evil\nFROM a", 2, "#"),
        ("#foo=bar\n#escape=`\nFROM a", 2, "not clear"),
        ("#!/x\n#escape=`\nFROM a", 2, "not clear"),
        ("FROM a\nRUN << CMD\nFROM b\nCMD", 3, "call the end EOF"),
        ("FROM a\nRUN << X << Y\nX\nY", 2, "without a blank"),
        ("FROM a\nRUN << E ${X}\nFROM b\nE", 2, "quotes"),
        ("FROM a\\\\\nb", 1, "continues"),
        ("FROM a\nRUN <<CMD\nFROM b\nCMD", 3, "older builders"),
        ("FROM a\nRUN <<CMD\nLABEL a=b\nCOPY --from=b / /\nCMD", 4, "older builders"),
        ("FROM a\nRUN <<CMD\nCO\\\nPY --from=b / /\nCMD", 3, "older builders"),
        ("FROM a\nRUN <<CMD\nCOPY \\\n--from=b / /\nCMD", 3, "older builders"),
        ("FROM a\nRUN <<CMD\nONBUILD COPY --from=b / /\nCMD", 3, "older builders"),
        ("FROM a\nRUN <<EOF\nFROM b\nLABEL a \\\nEOF", 3, "older builders"),
        ("FROM a\nRUN [\"a\"] <<CMD\nFROM b\nCMD", 2, "JSON"),
        ("FROM a\nRUN [\"\\ud800\"] <<CMD\nFROM b\nCMD", 2, "JSON"),
        ("FROM a\nRUN --mount=target='/a\\' <<X ' y\nFROM b AS c\nX\nFROM c", 2, "<<"),
        ("FROM a\nRUN --mount=type=tmpfs,target=/à--mount=from=b,target=/ x", 2, "ASCII"),
        ("FROM a\nCOPY --from=18446744073709551615 / /", 2, "no such stage"),
        ("FROM a\nCOPY --from=0 / /", 2, "no such stage"),
        ("ARG X=$Aé\nFROM a AS bx\nFROM b${X:+x}", 3, "only the builder"),
        ("FROM a\nRUN <<EOF\nx", 2, "EOF"),
        ("FROM a\nRUN 'x <<EOF\nFROM b\nEOF", 2, "quotes"),
        ("FROM a\nRUN <<$X\nFROM b\nEOF", 2, "name"),
        ("FROM a\nCOPY --from=\"b / /", 2, "quote"),
    ] {
        let refusal = refusal(text);
        assert!(refusal.starts_with(&format!("line {line}: ")), "{text}: {refusal}");
        assert!(refusal.contains(reason), "{text}: {refusal}");
    }
}

#[test]
fn arguments_targets_and_contexts_decide() {
    let text = "ARG A=a:1\nFROM $A AS one\nFROM b AS two\nFROM c";
    let with = |arguments: &[(&str, &str)], target, contexts: &[&str]| {
        pinned(text, &settings(arguments, target, contexts)).expect("understood")
    };
    assert!(with(&[("A", "evil")], None, &[]).contains("FROM [evil] AS one"));
    let text =
        "ARG HTTP_PROXY\nARG SOURCE_DATE_EPOCH\nARG MY_PROXY=c\nFROM b/$HTTP_PROXY:$MY_PROXY";
    let given = [("HTTP_PROXY", "a"), ("SOURCE_DATE_EPOCH", "1")];
    let proxied = pinned(text, &settings(&given, None, &[])).expect("understood");
    assert!(proxied.ends_with("\nFROM [b/a:c]"), "{proxied}");
    let again = pinned("ARG A=a\nARG A\nFROM $A", &settings(&[("A", "b")], None, &[]));
    assert_eq!(again.as_deref(), Ok("ARG A=a\nARG A\nFROM [b]"));
    assert!(with(&[("Z", "evil")], None, &[]).contains("FROM [a:1] AS one"));
    assert!(with(&[], Some("ONE"), &[]).ends_with("[a:1] AS one\nFROM b AS two\nFROM c"));
    assert!(with(&[], Some("1"), &[]).ends_with("FROM [b] AS two\nFROM c"));
    assert!(with(&[], Some("none"), &[]).ends_with("FROM [c]"), "then all are checked");
    let replaced = with(&[], None, &["docker.io/library/b:latest", "c"]);
    assert!(replaced.ends_with("[a:1] AS one\nFROM b AS two\nFROM c"), "{replaced}");
}

#[test]
fn builders_that_are_known_are_believed() {
    let of = |text, builder| pinned(text, &Settings { builder, ..settings(&[], None, &[]) });
    let syntax = "# syntax=docker/dockerfile:1\nFROM a";
    let expected = Ok("# syntax=docker/dockerfile:1\nFROM [a]".to_owned());
    assert_eq!(of(syntax, Builder::Classic), expected);
}

#[test]
fn large_files_are_refused() {
    let text = "#".repeat(MAX_BYTES + 1);
    let refused = Dockerfile::parse(&text);
    assert!(matches!(refused, Err(Error::TooLarge { .. })));
}

#[test]
fn arguments_that_grow_are_not_known() {
    let doubled: String = (1..64).map(|at| format!("ARG A{at}=$A{0}$A{0}\n", at - 1)).collect();
    let grown = format!("ARG A0=x\n{doubled}FROM $A");
    assert!(plain(&format!("{grown}3")).ends_with("\nFROM [xxxxxxxx]"));
    assert!(refusal(&format!("{grown}63")).contains("the builder knows A63"));
    let many: String = (0..100_000).map(|at| format!(" A{at}=$A")).collect();
    let wide = format!("ARG A={}\nARG{many}\nFROM $A", "x".repeat(4000));
    assert!(plain(&format!("{wide}9")).contains("FROM [xxx"));
    assert!(refusal(&format!("{wide}99999")).contains("the builder knows A99999"));
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused_and_stays_the_same(
        text in "\\PC{0,200}",
        near in "((FROM|ARG|COPY|RUN|ONBUILD|#|# syntax=|# escape=`|--from=|--mount=from=|<<E|E|\\$\\{A:-|\\}|'|\"|\\\\|`|a|:1| |\n){1,30}\n?){1,6}",
    ) {
        for text in [text, near] {
            for builder in [Builder::Classic, Builder::BuildKit, Builder::Either] {
                let Ok(file) = Dockerfile::parse(&text) else { continue };
                proptest::prop_assert_eq!(file.with(&[]), text.as_str());
                let settings = Settings { builder, ..settings(&[], None, &[]) };
                let Ok(images) = file.images(&settings) else { continue };
                for image in &images {
                    proptest::prop_assert!(text.get(image.range.clone()).is_some());
                }
                let changes: Vec<_> = images.iter().map(|image| (image, "p@sha256:0")).collect();
                file.with(&changes);
            }
        }
    }
}
