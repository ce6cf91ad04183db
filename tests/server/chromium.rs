//! The page in a real browser: what it makes of it, and what one sees.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::bench::{Bench, SnapshotBy};
use super::page::founded;
use super::repository::TestKey;
use super::sockets::Site;

impl Site {
    /// What the browser has after loading: its document as text.
    async fn document(&self, path: &str) -> String {
        let printed = browse(&[&"--dump-dom", &format!("{}{path}", self.url()).as_str()]).await;
        String::from_utf8(printed).expect("UTF-8")
    }

    /// What one sees.
    async fn picture(&self, path: &str, name: &str, look: Look) -> Picture {
        let folder = pictures();
        let file = folder.join(format!("{name}.png"));
        let scheme = if look.dark { 0 } else { 1 };
        browse(&[
            &format!("--screenshot={}", file.display()).as_str(),
            &format!("--window-size={},{}", look.width, look.height).as_str(),
            &format!("--blink-settings=preferredColorScheme={scheme}").as_str(),
            &format!("{}{path}", self.url()).as_str(),
        ])
        .await;
        Picture::read(&file)
    }
}

#[derive(Clone, Copy)]
struct Look {
    dark: bool,
    width: u32,
    height: u32,
}

const LIGHT: Look = Look { dark: false, width: 1280, height: 1100 };
const DARK: Look = Look { dark: true, ..LIGHT };
/// Narrower windows a browser without a head does not make.
const NARROW: Look = Look { dark: false, width: 500, height: 1100 };

/// The dots of a screenshot.
struct Picture {
    width: u32,
    height: u32,
    dots: Vec<[u8; 3]>,
}

impl Picture {
    fn read(file: &Path) -> Self {
        let file = std::fs::File::open(file).expect("a screenshot");
        let mut decoder = png::Decoder::new(std::io::BufReader::new(file));
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info().expect("PNG");
        let mut bytes = vec![0; reader.output_buffer_size().expect("a size")];
        let frame = reader.next_frame(&mut bytes).expect("PNG");
        let dots = bytes[..frame.buffer_size()].chunks(frame.color_type.samples());
        let dots = dots.map(|dot| [dot[0], dot[1], dot[2]]).collect();
        Self { width: frame.width, height: frame.height, dots }
    }

    /// The colour that is seen most.
    fn ground(&self) -> [u8; 3] {
        let mut counts = std::collections::HashMap::new();
        for dot in &self.dots {
            *counts.entry(*dot).or_insert(0_usize) += 1;
        }
        counts.into_iter().max_by_key(|(_, count)| *count).expect("a dot").0
    }

    fn has(&self, colour: [u8; 3]) -> bool {
        self.dots.contains(&colour)
    }

    /// Whether anything but ground stands at the right edge: then the page is wider than the window.
    /// What the browser left unpainted below, as it sometimes does, is of one colour.
    fn is_cut_off(&self) -> bool {
        let ground = self.dots[self.width as usize - 1];
        let is_cut = |row: &&[[u8; 3]]| {
            let edge = row[row.len() - 1];
            edge != ground && row.iter().any(|dot| *dot != edge)
        };
        self.dots.chunks_exact(self.width as usize).filter(is_cut).count() > 8
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_shows_the_page_light_and_dark_and_runs_nothing_in_it() {
    let bench = Bench::new();
    let mut team = bench.uploaded_team(SnapshotBy::Server).await;
    let keys = [TestKey::p256(), TestKey::ed25519()];
    team.declare("targets/bob", 2, &keys, &["release-", "rc-"]);
    let evil = "<img src=x onerror=document.title='taken'><script>document.title='taken'</script>";
    for tag in ["1.0", "1.1", "2.0", "latest", evil] {
        team.tag("targets/releases", tag, tag).tag("targets/alice", tag, tag);
    }
    team.say("targets/alice", |signed| {
        signed["expires"] = super::repository::after_hours(24 * 9).to_string().into();
    });
    team.publish();
    let answer = bench.upload(&team, &["targets", "targets/alice", "targets/releases"]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    for name in ["registry.test/team/api", "registry.test/web", "docker.io/library/busybox"] {
        founded(&bench, name).await;
    }
    let site = Site::of(&bench).await;
    let path = "/?repository=registry.test%2Fteam%2Fapp";
    let document = site.document(path).await;
    assert!(
        document.contains("<title>registry.test/team/app · trust server</title>"),
        "{document}"
    );
    assert!(!document.contains("<img") && !document.contains("<script"), "{document}");
    assert!(
        document.contains("<th scope=\"row\" class=\"name\"><bdi>1.0</bdi></th>"),
        "{document}"
    );

    let light = site.picture(path, "collection-light", LIGHT).await;
    assert_eq!((light.width, light.height), (LIGHT.width, LIGHT.height));
    assert!(light.ground().iter().all(|part| *part > 0xf0), "{:?}", light.ground());
    assert!(light.has([0xff, 0xf3, 0xdc]), "what expires soon is marked");
    let dark = site.picture(path, "collection-dark", DARK).await;
    assert!(dark.ground().iter().all(|part| *part < 0x30), "{:?}", dark.ground());
    assert!(dark.has([0x3a, 0x2c, 0x10]), "here too");
    let narrow = site.picture(path, "collection-narrow", NARROW).await;
    assert!(!light.is_cut_off() && !narrow.is_cut_off(), "nothing is wider than the window");
    for (name, look) in [("index-light", LIGHT), ("index-dark", DARK), ("index-narrow", NARROW)] {
        assert!(!site.picture("/", name, look).await.is_cut_off(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_shows_pages_with_nothing_and_with_much() {
    let bench = Bench::new();
    let site = Site::of(&bench).await;
    assert!(site.document("/").await.contains("No repository has trust data here yet"));
    site.picture("/", "empty", LIGHT).await;
    let mut many = founded(&bench, "registry.test/team/with-a-rather-long-name/of-a-service").await;
    for number in 0..2_000 {
        many.tag("targets", &format!("2026.{number:04}-alpine"), "x");
    }
    many.publish();
    assert_eq!(bench.upload(&many, &["targets"]).await.status, 200);
    let path = "/?repository=registry.test/team/with-a-rather-long-name/of-a-service";
    let document = site.document(path).await;
    assert_eq!(document.matches("<bdi>").count(), 100);
    assert!(document.contains("placeholder=\"Search 2,001 tags\""), "{document}");
    for (name, look) in [("many-light", LIGHT), ("many-dark", DARK), ("many-narrow", NARROW)] {
        assert!(!site.picture(path, name, look).await.is_cut_off(), "{name}");
    }
    assert!(site.document("/?repository=none").await.contains("<h1>No such repository</h1>"));
    site.picture("/?repository=none", "missing", DARK).await;
}

/// Runs Chromium once, with a profile of its own and without a word to anybody.
async fn browse(words: &[&(dyn AsRef<str> + Sync)]) -> Vec<u8> {
    let words: Vec<String> = words.iter().map(|word| word.as_ref().to_owned()).collect();
    let run = move || {
        let profile = tempfile::tempdir().expect("a directory");
        let child = Command::new("chromium")
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"])
            .args(["--no-first-run", "--disable-background-networking", "--hide-scrollbars"])
            .args(["--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"])
            .args(["--force-device-scale-factor=1", "--virtual-time-budget=2000"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .args(words)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("chromium runs: `make deps` installs it");
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "chromium: {}", output.status);
        output.stdout
    };
    let browsing = tokio::task::spawn_blocking(run);
    let limit = std::time::Duration::from_secs(120);
    tokio::time::timeout(limit, browsing).await.expect("chromium ends in time").expect("no panic")
}

/// Where screenshots go, for those who want to look: below cargo's target directory.
fn pictures() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page");
    std::fs::create_dir_all(&folder).expect("a directory");
    folder
}
