use super::*;

fn words(line: &str) -> Vec<OsString> {
    line.split_whitespace().map(OsString::from).collect()
}

fn reading(line: &str, trust: Trust) -> Result<Reading, Error> {
    Reading::of(words(line), trust)
}

/// The line with every image in brackets; `None` if it passes through.
fn pinned(line: &str) -> Option<String> {
    match reading(line, Trust::On).unwrap_or_else(|error| panic!("{line}: {error}")) {
        Reading::PassThrough => None,
        Reading::Guarded(guarded) => {
            let mut guarded = guarded.without_trust_option();
            for used in guarded.images().unwrap_or_else(|error| panic!("{line}: {error}")) {
                guarded.pin(&used, &format!("[{}]", used.text));
            }
            let words = guarded.words.into_vec();
            Some(words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" "))
        }
    }
}

#[test]
fn images_are_found_behind_options() {
    for (line, expected) in [
        ("run a", "run [a]"),
        ("run -it a sh -c x", "run -it [a] sh -c x"),
        ("run -itv /x:/y a b", "run -itv /x:/y [a] b"),
        ("run -v=/x:/y -v/x:/y -h h -hh a", "run -v=/x:/y -v/x:/y -h h -hh [a]"),
        ("run --rm=false --name a b", "run --rm=false --name a [b]"),
        ("run --name=a -- b --c", "run --name=a -- [b] --c"),
        ("-H tcp://x --tls -lwarn container run a", "-H tcp://x --tls -lwarn container run [a]"),
        ("run --mount type=image,src=a,dst=/x b", "run --mount type=image,dst=/x,source=[a] [b]"),
        ("run --mount type=bind,src=a,dst=/x b", "run --mount type=bind,src=a,dst=/x [b]"),
        ("run --disable-content-trust=false a", "run [a]"),
        ("create --disable-content-trust=f --entrypoint a b", "create --entrypoint a [b]"),
        ("pull a -q", "pull [a] -q"),
        ("image pull --platform x a", "image pull --platform x [a]"),
        ("service create --name s a b", "service create --name s [a] b"),
        ("service update --image a s", "service update --image [a] s"),
        ("service update --image=a s", "service update --image=[a] s"),
        ("service update s --force", "service update s --force"),
        ("plugin install a K=V", "plugin install [a] K=V"),
        ("plugin upgrade p a", "plugin upgrade p [a]"),
        ("compose -f x up", "compose -f x up"),
        ("-- run a", "-- run [a]"),
        ("compose -f - up", "compose -f - up"),
        ("-H -x run a", "-H -x run [a]"),
        ("compose --parallel=-1 up", "compose --parallel=-1 up"),
    ] {
        assert_eq!(pinned(line).as_deref(), Some(expected));
    }
}

#[test]
fn other_commands_pass_through() {
    for line in [
        "",
        "ps -a",
        "--version",
        "-D info",
        "run --help",
        "--help",
        "--version",
        "--help info",
        "image --help ls",
        "compose up --help",
        "compose up -h",
        "compose up -d --help",
        "compose run --rm -h web",
        "compose run -Th",
        "compose build web --help",
        "compose up --help=false -h",
        "compose frobnicate --help",
        "run --name x --help a",
        "image ls --frobnicate",
        "compose ps --frobnicate",
        "compose exec -- a pull",
        "image ls -- x",
        "compose --version",
        "buildx ls",
        "stack ls",
        "stack deploy -c x y",
        "trust sign x",
        "exec a pull b",
        "run --disable-content-trust a",
        "run --disable-content-trust=true a",
        "pull --disable-content-trust=false --disable-content-trust a",
        "frobnicate run a",
    ] {
        assert_eq!(pinned(line), None, "{line}");
    }
    assert!(reading("run --new-option a", Trust::Off).is_err(), "for the caller to judge");
    assert!(matches!(reading("run a", Trust::Off), Ok(Reading::PassThrough)));
    let forced = reading("run --disable-content-trust=false a", Trust::Off);
    assert!(matches!(forced, Ok(Reading::Guarded(_))));
}

/// A switch is what its last word says; behind a container's service it is the container's.
#[test]
fn what_compose_runs_is_not_taken_for_help() {
    for line in [
        "compose up --help -h=false",
        "compose up -h -dh=false",
        "compose up --help --help=0",
        "compose up --help=true",
        "compose up -- --help",
        "compose up --scale --help",
        "compose run web --help",
        "compose run --name -h web",
    ] {
        assert!(matches!(reading(line, Trust::On), Ok(Reading::Guarded(_))), "{line}");
    }
}

#[test]
fn what_is_not_understood_is_refused() {
    for line in [
        "--frobnicate run a",
        "--help run a",
        "--version run a",
        "-v pull a",
        "--version=false run a",
        "--help run --help=false a",
        "-D --version=0 image pull a",
        "image --help pull a",
        "container --help run a",
        "container -h create a",
        "service --help=false create a",
        "compose --version up",
        "compose --version=false up",
        "compose --help up",
        "compose frobnicate x --help",
        "compose frobnicate --help -h=false",
        "buildx --help build .",
        "builder --help build .",
        "run --frobnicate a",
        "run -x a",
        "run -itx a",
        "run --name",
        "run --pull",
        "run --disable-content-trust=maybe a",
        "pull",
        "pull a b",
        "run",
        "run --help=false",
        "image --frobnicate pull a",
        "buildx bake --policy=x",
        "buildx debug build .",
        "buildx --frobnicate build .",
        "compose --frobnicate up",
        "compose alpha watch",
        "plugin upgrade p",
        "run --mount type=image,dst=/x a",
        "run --mount type=\"image\",src=b,dst=/x a",
        "-- -- ls run a",
        "-- --help run a",
        "image -- ls pull a",
        "container -- ls run a",
        "plugin -- ls install a",
        "builder -- prune build .",
        "buildx -- version build .",
        "buildx --builder -x version build .",
        "compose -- ps up",
        "compose --parallel -1 ps up",
        "compose -f --x ps up",
        "compose --parallel -1",
        "run ---x a",
        "run --=x a",
    ] {
        let refused = reading(line, Trust::On).and_then(|reading| match reading {
            Reading::PassThrough => Ok(()),
            Reading::Guarded(guarded) => guarded.images().map(drop),
        });
        assert!(refused.is_err(), "{line}");
    }
}

/// Docker's readers of CSV take the first line and no other.
#[test]
fn what_stands_behind_a_line_break_hides_nothing() {
    let images = |mount: &str| {
        let words = ["run", "--mount", mount, "a"].map(OsString::from).to_vec();
        match Reading::of(words, Trust::On) {
            Ok(Reading::Guarded(guarded)) => guarded.images().map(|images| images.len()),
            other => panic!("{other:?}"),
        }
    };
    assert!(images("type=image,source=evil,target=/x\n,type=volume").is_err());
    assert!(images("type=image,source=evil\n,source=b,target=/x").is_err());
    assert_eq!(images("type=image,source=b,target=/x"), Ok(2));
    assert_eq!(images("type=bind,source=/a\nb,target=/x"), Ok(1));
}

#[test]
fn words_for_images_mean_what_docker_means() {
    let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(Asked::of_container(hex), Ok(Asked::Id));
    assert_eq!(Asked::of_container(&format!("sha256:{hex}")), Ok(Asked::Id));
    assert!(matches!(Asked::of(hex), Err(Error::Reference { .. })));
    assert!(matches!(Asked::of(&format!("a@sha256:{hex}")), Ok(Asked::Digest(_))));
    let tag = |text: &str| match Asked::of(text) {
        Ok(Asked::Tag { name, tag, digest }) => format!("{name} {tag} {}", digest.is_some()),
        other => format!("{other:?}"),
    };
    assert_eq!(tag("a"), "docker.io/library/a latest false");
    assert_eq!(tag(&format!("sha256:{hex}")), format!("docker.io/library/sha256 {hex} false"));
    assert_eq!(tag("f658df24d2af"), "docker.io/library/f658df24d2af latest false");
    assert_eq!(tag(&format!("a:1@sha256:{hex}")), "docker.io/library/a 1 true");
    for wrong in ["", "A", "-v", "a b", "a:b:c"] {
        assert!(matches!(Asked::of(wrong), Err(Error::Reference { .. })), "{wrong}");
    }
}

#[test]
fn words_that_are_no_text_reach_the_container() {
    use std::os::unix::ffi::OsStringExt;
    let bytes = OsString::from_vec(vec![0xff]);
    let line = |before: &str| words(before).into_iter().chain([bytes.clone()]).collect();
    assert!(matches!(Reading::of(line("run a"), Trust::On), Ok(Reading::Guarded(_))));
    let image = Reading::of(line("run"), Trust::On);
    let Ok(Reading::Guarded(guarded)) = image else { panic!("{image:?}") };
    assert!(matches!(guarded.images(), Err(Error::NotText { .. })));
    assert!(matches!(Reading::of(line("pull"), Trust::On), Err(Error::NotText { .. })));
}

proptest::proptest! {
    #[test]
    fn any_words_are_read_or_refused_and_stay_the_same(
        line in proptest::collection::vec(
            "run|pull|build|compose|up|image|--|-|-it|-v|-v=|--name|--name=x|--help|--image|\
             --mount|type=image,src=a|a|--disable-content-trust|\\PC{0,6}",
            0..8,
        ),
    ) {
        let words: Vec<OsString> = line.iter().map(OsString::from).collect();
        if let Ok(Reading::Guarded(guarded)) = Reading::of(words.clone(), Trust::On) {
            let _ = guarded.images();
            proptest::prop_assert_eq!(guarded.words.clone().into_vec(), words);
        }
    }
}

#[test]
fn a_script_s_command_is_found_behind_docker_s_options() {
    for (line, command) in [
        ("pull a", "pull a"),
        ("-H tcp://x -D --config c pull a", "pull a"),
        ("--host=tcp://x -lwarn --tls pull a", "pull a"),
        ("--new-switch pull a", "pull a"),
        ("--context", ""),
    ] {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        assert_eq!(behind_globals(&words).join(" "), command, "{line}");
    }
}
