use super::*;

/// Ids and lines of what is found.
fn found(kind: FileKind, text: &str, host: &ContentTrust) -> Vec<String> {
    let source = Source { path: "f".into(), kind, text: text.into() };
    let now = "2026-06-01T00:00:00Z".parse().expect("a time");
    let findings = pipeline_findings(&[source], host, now);
    let mut told: Vec<String> = findings
        .into_iter()
        .map(|it| format!("{} {}", it.id, it.subject.trim_start_matches("f:")))
        .collect();
    told.sort();
    told
}

fn of(kind: FileKind, text: &str) -> Vec<String> {
    found(kind, text, &ContentTrust::Unset)
}

fn check(kind: FileKind, table: &[(&str, &[&str])]) {
    for (text, expected) in table {
        assert_eq!(of(kind, text), *expected, "{text}");
    }
}

#[test]
fn scripts_that_believe_are_found_and_their_honest_twins_are_not() {
    check(
        FileKind::Script,
        &[
            ("export DOCKER_CONTENT_TRUST=$ENABLED\ndocker pull x", &["ci-trust-ignored 1"]),
            (
                "export DOCKER_CONTENT_TRUST=1 # on\ncountersign docker --install-shim /s\ndocker pull x",
                &[],
            ),
            ("# DOCKER_CONTENT_TRUST=1\ndocker pull web", &[]),
            ("docker buildx build .", &[]),
            (
                "DOCKER_CONTENT_TRUST=1 docker compose up -d",
                &["ci-trust-ignored 1", "ci-unchecked-command 1"],
            ),
            (
                "export DOCKER_CONTENT_TRUST=1\ndocker buildx --builder b build .\ndocker -H x buildx -D bake",
                &["ci-trust-ignored 1", "ci-unchecked-command 2", "ci-unchecked-command 3"],
            ),
            ("DOCKER_CONTENT_TRUST=1 true\ndocker compose up", &[]),
            ("docker pull --disable-content-trust web", &["ci-trust-disabled 1"]),
            ("docker pull --disable-content-trust=false web", &[]),
            ("DOCKER_CONTENT_TRUST=0 docker pull web", &["ci-trust-disabled 1"]),
            ("docker trust sign web:1\ndocker trust sign web:2", &["ci-command-lost 1"]),
            ("countersign docker-trust --install\ndocker trust sign web:1", &[]),
            ("notary -s https://notary.docker.io list x", &["trust-server-ends 1"]),
            ("docker pull team.azurecr.io/web", &[]),
        ],
    );
}

#[test]
fn variables_hold_for_what_is_below_them() {
    let job = |env: &str, image: &str, run: &str| {
        format!("jobs:\n  a:\n{image}{env}    steps:\n      - run: |\n{run}\n")
    };
    let env = "    env:\n      DOCKER_CONTENT_TRUST: 1\n";
    let old = "    container: docker:28-git\n";
    check(
        FileKind::Workflow,
        &[
            (&job(env, "", "          docker pull web"), &["ci-trust-ignored 4"]),
            (&job(env, old, "          docker pull web"), &[]),
            (
                &job(env, "    container: docker:29\n", "          docker pull web"),
                &["ci-trust-ignored 5"],
            ),
            (
                &job(
                    env,
                    old,
                    "          true\n          docker buildx build .\n          docker-compose up",
                ),
                &["ci-unchecked-command 10", "ci-unchecked-command 9"],
            ),
            (&job(env, old, "          DOCKER_BUILDKIT=0 docker build ."), &[]),
            (&job(env, old, "          docker build ."), &["ci-unchecked-command 8"]),
            (&job(env, "", "          countersign verify web && docker run web"), &[]),
            (&job(env, "", "          make image"), &["ci-trust-ignored 4"]),
            (&job(env, "", "          echo 'docker build .'"), &["ci-trust-ignored 4"]),
        ],
    );
    // What one job believes is nothing to the other.
    let two = "jobs:\n  a:\n    env: {DOCKER_CONTENT_TRUST: '1'}\n    steps:\n      - run: countersign docker --install-shim /s\n      - run: docker buildx build .\n  b:\n    steps:\n      - run: docker buildx build .\n";
    assert_eq!(of(FileKind::Workflow, two), [""; 0]);
    // One for all of them, and one of them has the shim.
    let both = format!(
        "env: {{DOCKER_CONTENT_TRUST: '1'}}\n{}",
        two.replace("    env: {DOCKER_CONTENT_TRUST: '1'}\n", "")
    );
    assert_eq!(of(FileKind::Workflow, &both), ["ci-trust-ignored 1", "ci-unchecked-command 9"]);
    let step = "jobs: {a: {steps: [{run: docker pull x}, {env: {DOCKER_CONTENT_TRUST: 1}, run: docker stack deploy x}]}}";
    assert_eq!(of(FileKind::Workflow, step), ["ci-trust-ignored 1", "ci-unchecked-command 1"]);
}

#[test]
fn prepared_steps_and_what_steps_hand_on_are_known() {
    let steps = |steps: &str| format!("jobs:\n  a:\n    steps:\n{steps}\n");
    check(
        FileKind::Workflow,
        &[
            (
                &format!(
                    "env:\n  DOCKER_CONTENT_TRUST: 1\n{}",
                    steps("      - uses: docker/build-push-action@v6")
                ),
                &["ci-trust-ignored 2", "ci-unchecked-action 6"],
            ),
            (&steps("      - uses: docker/build-push-action@v6"), &[]),
            (
                &steps(
                    "      - run: echo \"DOCKER_CONTENT_TRUST=1\" >> \"$GITHUB_ENV\"\n      - run: docker compose pull",
                ),
                &["ci-trust-ignored 4", "ci-unchecked-command 5"],
            ),
            (
                "steps:\n- bash: echo \"##vso[task.setvariable variable=DOCKER_CONTENT_TRUST]1\"\n- task: Docker@2\n",
                &["ci-trust-ignored 2", "ci-unchecked-action 3"],
            ),
            (
                "variables:\n- name: DOCKER_CONTENT_TRUST\n  value: 1\nsteps:\n- script: docker run x\n",
                &["ci-trust-ignored 3"],
            ),
        ],
    );
}

#[test]
fn gitlab_jobs_have_what_stands_before_them() {
    let shim = "default:\n  before_script:\n    - countersign docker --install-shim /s\n";
    let job = "variables:\n  DOCKER_CONTENT_TRUST: \"1\"\nimage: {name: 'docker:27'}\nbuild:\n  script:\n    - docker build .\n";
    check(
        FileKind::Workflow,
        &[
            (job, &["ci-unchecked-command 6"]),
            (&format!("{shim}{job}"), &[]),
            (
                ".x: &x\n  variables: {DOCKER_CONTENT_TRUST: 1}\ntest:\n  <<: *x\n  script: [docker pull y]\n",
                &["ci-trust-ignored 2"],
            ),
        ],
    );
}

#[test]
fn jenkinsfiles_have_blocks() {
    let on = "environment {\n DOCKER_CONTENT_TRUST = '1'\n}\n";
    let stage = |inside: &str| format!("pipeline {{\n{inside}\n}}");
    check(
        FileKind::Jenkinsfile,
        &[
            (
                &stage(&format!(
                    "{on}stages {{ stage('x') {{ steps {{ sh 'docker pull y' }} }} }}"
                )),
                &["ci-trust-ignored 3"],
            ),
            (
                &stage(&format!(
                    "agent {{ docker {{ image 'docker:28' }} }}\n{on}steps {{\n sh '''\n  true\n  docker buildx build .\n '''\n}}"
                )),
                &["ci-unchecked-command 9"],
            ),
            (
                &stage(&format!(
                    "stage('a') {{\n{on}steps {{ sh 'countersign docker --install-shim /s' }} }}\nstage('b') {{ steps {{ sh(script: 'docker compose up', label: 'x') }} }}"
                )),
                &[],
            ),
            (
                "node {\n withEnv(['A=1',\n  'DOCKER_CONTENT_TRUST=1']) {\n  docker.build('x')\n }\n}",
                &["ci-trust-ignored 3", "ci-unchecked-action 4"],
            ),
            (
                &stage(
                    "parameters {\n booleanParam(name: 'DOCKER_CONTENT_TRUST', defaultValue: true)\n}\nsteps { sh 'docker pull y' }",
                ),
                &["ci-trust-ignored 3"],
            ),
            (
                "properties([parameters([choice(name: 'DOCKER_CONTENT_TRUST',\n choices: ['1', '0'])])])\nnode { sh 'docker pull y' }",
                &["ci-trust-ignored 2"],
            ),
            (
                &stage(
                    "parameters { string defaultValue: '1', name: 'DOCKER_CONTENT_TRUST' }\nsteps { sh 'countersign docker --install-shim /s'\nsh 'docker pull y' }",
                ),
                &[],
            ),
            (
                &stage(
                    "parameters { booleanParam(name: 'DOCKER_CONTENT_TRUST', defaultValue: false)\n booleanParam(name: 'OTHER', defaultValue: true) }\nsteps { sh 'docker pull y' }",
                ),
                &[],
            ),
            (
                &stage(
                    "steps { build(job: 'x', parameters: [name: 'DOCKER_CONTENT_TRUST', value: '1'])\nsh 'docker pull y' }",
                ),
                &[],
            ),
            ("// environment { DOCKER_CONTENT_TRUST = '1' }\nsh 'docker pull x'", &[]),
            ("env.DOCKER_CONTENT_TRUST = '1'\nsh \"docker run x\"", &["ci-trust-ignored 1"]),
        ],
    );
}

#[test]
fn what_stands_before_or_around_a_program_hides_it_not() {
    let job = |run: &str| {
        format!(
            "image: docker:24\nvariables: {{DOCKER_CONTENT_TRUST: 1}}\na:\n  script:\n    - |\n      {run}\n"
        )
    };
    for hidden in [
        "sudo -E docker compose up",
        "sudo -Eu root A=1 docker compose up",
        "sudo --user root -- /usr/bin/docker compose up",
        "timeout 600 docker compose up",
        "timeout -k 5 --signal=INT 600 nice -n 5 docker compose up",
        "env -u A B=1 docker compose up",
        "sh -c \"docker compose up\"",
        "exec /bin/bash -euo pipefail -c 'true && docker compose up'",
        "sh -c \"sh -ec 'docker compose up'\"",
        "(cd x; docker compose up) > log",
        "<<E sudo docker compose up\n      E",
        "env -S 'A=1 docker compose up'",
        "env -u -S docker compose up",
        "/usr/bin/env -i -S\"-u A docker compose up\"",
        "env --split-string='sh -c \"docker compose up\"'",
        "sudo env -iS 'env -S \"docker compose up\"'",
        "docker builder bake",
        "docker builder --builder x bake web",
    ] {
        assert_eq!(of(FileKind::Workflow, &job(hidden)), ["ci-unchecked-command 6"], "{hidden}");
    }
    for honest in [
        "sudo -u docker compose up",
        "sudo -E countersign docker compose up",
        "sh -c 'countersign verify x && docker compose up'",
        "sh -c 'countersign verify x'; docker compose up",
        "countersign verify x; sh -c 'docker compose up'",
        "sh -c 'echo docker compose up'",
        "sh up.sh -c 'docker compose up'",
        "command -v docker compose",
        "timeout 600 docker pull x",
        "env -S 'countersign docker compose up'",
        "env echo -S 'docker compose up'",
        "docker builder prune",
        "countersign docker builder bake",
    ] {
        assert_eq!(of(FileKind::Workflow, &job(honest)), [""; 0], "{honest}");
    }
    for (shell, found) in [
        ("bash <<EOF", true),
        ("sudo -E /bin/sh -eu <<'EOF' > log", true),
        ("bash -s -- x <<-EOF", true),
        ("bash -o pipefail <<EOF", true),
        ("sh <<EOF\n      sh <<E\n      true\n      E", true),
        ("bash up.sh <<EOF", false),
        ("bash -c true <<EOF", false),
        ("cat <<EOF", false),
        ("bash <<EOF\n      countersign verify x", false),
    ] {
        let text = job(&format!("{shell}\n      docker compose up\n      EOF"));
        let line = 6 + shell.lines().count();
        let expected = if found { vec![format!("ci-unchecked-command {line}")] } else { vec![] };
        assert_eq!(of(FileKind::Workflow, &text), expected, "{shell}");
    }
    // What a shell of its own sets is nothing to those after it.
    let own = "sh -c 'export DOCKER_CONTENT_TRUST=1; docker pull x'\ndocker compose up";
    assert_eq!(of(FileKind::Script, own), ["ci-trust-ignored 1"]);
    let two = "export DOCKER_CONTENT_TRUST=1\nsh -c 'true\ndocker compose up'";
    assert_eq!(of(FileKind::Script, two), ["ci-trust-ignored 1", "ci-unchecked-command 3"]);
}

#[test]
fn what_github_is_told_is_found_wherever_it_is_written() {
    let steps = |first: &str, next: &str| {
        let first = first.replace('\n', "\n          ");
        format!("jobs:\n  a:\n    steps:\n      - run: |\n          {first}\n      - run: {next}\n")
    };
    for told in [
        "{ echo DOCKER_CONTENT_TRUST=1; } >> \"$GITHUB_ENV\"",
        "( { echo DOCKER_CONTENT_TRUST=1; } && true ) >> $GITHUB_ENV; true",
        "echo 'DOCKER_CONTENT_TRUST=1' >> \"$GITHUB_ENV\"",
        "f() { echo DOCKER_CONTENT_TRUST=1; } >>$GITHUB_ENV",
        "echo DOCKER_CONTENT_TRUST=1 | tee -a \"$GITHUB_ENV\"",
        "echo DOCKER_CONTENT_TRUST=1 | sort |& sudo tee -a $GITHUB_ENV >/dev/null",
        "{ true; echo DOCKER_CONTENT_TRUST=1; }|tee -a $GITHUB_ENV",
        "for it in 1; do echo DOCKER_CONTENT_TRUST=$it; done >> $GITHUB_ENV",
        "if true; then case x in x) echo DOCKER_CONTENT_TRUST=1;; esac; fi >> $GITHUB_ENV",
        "while read it; do echo DOCKER_CONTENT_TRUST=$it; done < on | tee -a $GITHUB_ENV",
    ] {
        assert_eq!(of(FileKind::Workflow, &steps(told, "docker pull x")), ["ci-trust-ignored 5"]);
    }
    for told in [
        "cat >> \"$GITHUB_ENV\" <<EOF\nDOCKER_CONTENT_TRUST=1\nEOF",
        "cat <<EOF >> \"$GITHUB_ENV\" && true\nDOCKER_CONTENT_TRUST=1\nEOF",
        "{\n  echo DOCKER_CONTENT_TRUST=1\n} >> \"$GITHUB_ENV\"",
        "{ cat <<EOF\nDOCKER_CONTENT_TRUST=1\nEOF\n} >> \"$GITHUB_ENV\"",
        "cat <<EOF | tee -a \"$GITHUB_ENV\"\nDOCKER_CONTENT_TRUST=1\nEOF",
        "for it in 1; do\n  echo DOCKER_CONTENT_TRUST=$it\ndone >> $GITHUB_ENV",
        "true |\n  echo DOCKER_CONTENT_TRUST=1 |\n  tee -a $GITHUB_ENV",
    ] {
        let next = 7 + told.lines().count() - 2;
        assert_eq!(
            of(FileKind::Workflow, &steps(told, "docker compose up")),
            ["ci-trust-ignored 6", &format!("ci-unchecked-command {next}")],
            "{told}"
        );
    }
    for honest in [
        "{ echo DOCKER_CONTENT_TRUST=1; } >> notes",
        "{ true; } >> $GITHUB_ENV; echo DOCKER_CONTENT_TRUST=1",
        "cat >> notes <<EOF\nDOCKER_CONTENT_TRUST=1\nEOF\necho A=1 >> $GITHUB_ENV",
        "countersign docker --install-shim /s\n{ echo DOCKER_CONTENT_TRUST=1; } >> $GITHUB_ENV",
        "echo DOCKER_CONTENT_TRUST=1 | tee -a notes; true >> $GITHUB_ENV",
        "echo DOCKER_CONTENT_TRUST=1 || tee -a $GITHUB_ENV",
        "echo DOCKER_CONTENT_TRUST=1; echo A=1 | tee -a $GITHUB_ENV",
        "for it in 1; do echo DOCKER_CONTENT_TRUST=$it; done >> notes; true >> $GITHUB_ENV",
        "echo DOCKER_CONTENT_TRUST=1; for it in 1; do true; done >> $GITHUB_ENV",
        "countersign docker --install-shim /s\necho DOCKER_CONTENT_TRUST=1 | tee -a $GITHUB_ENV",
    ] {
        assert_eq!(
            of(FileKind::Workflow, &steps(honest, "docker compose up")),
            [""; 0],
            "{honest}"
        );
    }
}

#[test]
fn images_are_those_of_the_jobs_wherever_they_are_named() {
    let gitlab = |image: &str, job: &str| {
        format!(
            "default: {{image: '{image}'}}\nvariables: {{DOCKER_CONTENT_TRUST: 1}}\na: {{{job}script: [docker pull x]}}\n"
        )
    };
    let circle = |image: &str| {
        format!(
            "jobs:\n  a:\n    docker:\n      - image: {image}\n        environment: {{DOCKER_CONTENT_TRUST: 1}}\n      - image: db\n        environment: {{DOCKER_CONTENT_TRUST: 1}}\n    steps: [{{run: docker pull x}}]\n"
        )
    };
    check(
        FileKind::Workflow,
        &[
            (&gitlab("docker:24", ""), &[]),
            (&gitlab("docker:29", ""), &["ci-trust-ignored 2"]),
            (&gitlab("docker:24", "image: docker:29, "), &["ci-trust-ignored 2"]),
            (&circle("docker:24"), &[]),
            (&circle("docker:29"), &["ci-trust-ignored 5"]),
        ],
    );
}

#[test]
fn circlecis_executors_are_around_the_jobs_that_name_them() {
    let file = |executor: &str, job: &str, run: &str| {
        format!(
            "executors:\n  e:\n    docker: [{{image: '{executor}'}}]\n    environment: {{DOCKER_CONTENT_TRUST: 1}}\njobs:\n  a:\n    {job}\n    steps:\n      - run: {run}\n"
        )
    };
    check(
        FileKind::Workflow,
        &[
            (
                &file("docker:29", "executor: e", "docker compose up"),
                &["ci-trust-ignored 4", "ci-unchecked-command 9"],
            ),
            (
                &file("docker:24", "executor: {name: e}", "docker compose up"),
                &["ci-unchecked-command 9"],
            ),
            (&file("docker:24", "executor: e", "docker pull x"), &[]),
            (&file("docker:29", "executor: e", "countersign docker compose up"), &[]),
            (
                &file(
                    "docker:29",
                    "executor: e\n    environment: {DOCKER_CONTENT_TRUST: 0}",
                    "docker compose up",
                ),
                &["ci-trust-disabled 8", "ci-trust-ignored 4"],
            ),
            (&file("docker:29", "executor: f", "docker compose up"), &["ci-trust-ignored 4"]),
        ],
    );
}

#[test]
fn dockers_flag_is_read_as_docker_reads_it() {
    for off in ["", " x", "=true", "=T", "=1", "=false a; docker pull --disable-content-trust b"] {
        let text = format!("docker pull --disable-content-trust{off}");
        assert_eq!(of(FileKind::Script, &text), ["ci-trust-disabled 1"], "{off}");
    }
    for on in ["=false x", "=False", "=f", "=F", "=0", "=FALSE;", "=\"false\""] {
        let text = format!("docker pull --disable-content-trust{on}");
        assert_eq!(of(FileKind::Script, &text), [""; 0], "{on}");
    }
}

#[test]
fn passphrases_in_files_are_found_and_not_repeated() {
    let text = "DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: s3cret";
    assert_eq!(of(FileKind::Workflow, text), ["ci-passphrase-in-file 1"]);
    let source = Source { path: "f".into(), kind: FileKind::Workflow, text: text.into() };
    let now = "2026-06-01T00:00:00Z".parse().expect("a time");
    let told = format!("{:?}", pipeline_findings(&[source], &ContentTrust::Unset, now));
    assert!(!told.contains("s3cret"));
    for honest in [
        "DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: ${{ secrets.ROOT }}",
        "NOTARY_ROOT_PASSPHRASE=$ROOT",
        "NOTARY_ROOT_PASSPHRASE = credentials('root')",
        "export NOTARY_ROOT_PASSPHRASE=`vault read x`",
        "NOTARY_ROOT_PASSPHRASE: << pipeline.parameters.p >>",
        "echo DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE is needed",
    ] {
        assert_eq!(of(FileKind::Script, honest), [""; 0], "{honest}");
    }
}

#[test]
fn files_that_build_and_run_matter_where_somebody_believes() {
    let dockerfile = "FROM --platform=linux/amd64 golang:1.22 AS build\nFROM scratch\n\
         COPY --from=build /x /x\nCOPY --from=0 /y /y\nCOPY --from=tools:2 /z /z\nFROM base@sha256:aa";
    let compose =
        "services:\n  web:\n    image: \"web:1\"\n  db: {image: db@sha256:aa}\n  x: {image: $X}";
    assert_eq!(
        found(FileKind::Dockerfile, dockerfile, &ContentTrust::On),
        ["base-unchecked 1", "base-unchecked 5"]
    );
    assert_eq!(
        found(FileKind::Compose, compose, &ContentTrust::On),
        ["compose-unchecked 3", "compose-unchecked 5"]
    );
    assert_eq!(found(FileKind::Dockerfile, dockerfile, &ContentTrust::Unset), [""; 0]);
    for (text, expected) in [
        ("FROM node AS node\nFROM node", &["base-unchecked 1"] as &[&str]),
        ("FROM a@sha256:aa AS x\nRUN --mount=from=tools:2 x\nFROM x", &["base-unchecked 2"]),
        ("# syntax=docker/dockerfile:1\nFROM scratch", &["base-unchecked 1"]),
        (
            "FROM \\\n  a:1 \\\n  AS x\nCOPY \\\n  --from=b:1 / /",
            &["base-unchecked 1", "base-unchecked 4"],
        ),
        ("FROM scratch\nRUN <<EOF python\nfrom os import path\nEOF", &[]),
        ("ARG A=a@sha256:aa\nFROM $A", &["base-unchecked 2"]),
        // Not understood, and looked at all the same.
        ("ARG A\nFROM $A\nFROM a:1", &["base-unchecked 2", "base-unchecked 3"]),
    ] {
        assert_eq!(found(FileKind::Dockerfile, text, &ContentTrust::On), expected, "{text}");
    }
    assert_eq!(found(FileKind::Compose, compose, &ContentTrust::Off), [""; 0]);
}

/// Within the size of a file.
#[test]
fn files_that_are_made_to_last_end_soon() {
    let jobs: String = (0..20_000).map(|at| format!("j{at}: {{script: x}}\n")).collect();
    let text = format!("before_script:\n{}{jobs}", "- x\n".repeat(20_000));
    assert_eq!(of(FileKind::Workflow, &text), ["file-unreadable f"]);
    let few =
        text.replace("- x\n", "").replace("before_script:", "before_script: [docker trust x]");
    assert_eq!(of(FileKind::Workflow, &few), ["ci-command-lost 1"]);
    for (begin, piece, found) in [
        ("sh 'docker trust x'\n", "/**/", "ci-command-lost 1"),
        ("sh 'docker trust x'\n", "a{image''", "ci-command-lost 1"),
        ("sh (script: 'docker trust x', ", "a'',", "ci-command-lost 1"),
        ("if (", "a == 'b' || ", ""),
    ] {
        let text = format!("{begin}{}", piece.repeat((1 << 20) / piece.len()));
        assert_eq!(of(FileKind::Jenkinsfile, &text).join(""), found, "{piece}");
    }
    let half = |piece: &str| piece.repeat((1 << 19) / piece.len());
    let groups = [half("{ a;"), half("} >>$GITHUB_ENV;")].concat();
    for text in [groups, half("{ "), half("sudo "), half("sh -c "), half("<<E ")] {
        assert_eq!(of(FileKind::Script, &text), [""; 0]);
    }
    let shells: String = (0..20_000).map(|at| format!("bash <<E{at}\n")).collect();
    let ends: String = (0..20_000).rev().map(|at| format!("E{at}\n")).collect();
    for text in [
        half("a|tee $GITHUB_ENV|"),
        half("a |\n"),
        half("do a;done >>$GITHUB_ENV|"),
        half("if "),
        half("if { "),
        half("env -S "),
        half("env -S 'env "),
        format!("{shells}{ends}"),
    ] {
        assert_eq!(of(FileKind::Script, &text), [""; 0]);
    }
}

#[test]
fn what_cannot_be_read_is_told() {
    assert_eq!(of(FileKind::Workflow, "a: ["), ["file-unreadable f"]);
    assert_eq!(found(FileKind::Compose, "{", &ContentTrust::On), ["file-unreadable f"]);
    // Its lines are looked at all the same.
    let text = "a: [\nNOTARY_ROOT_PASSPHRASE: x";
    assert_eq!(of(FileKind::Workflow, text), ["ci-passphrase-in-file 2", "file-unreadable f"]);
}
