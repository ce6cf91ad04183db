//! Whatever k of n shares there are bring the key back, fewer never, and paper may be read badly.

use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::{Index, subsequence};

use super::sheet::{BEGIN, END, SCANNED};
use super::*;
use crate::crypto::Algorithm;

static KEY: LazyLock<PrivateKey> =
    LazyLock::new(|| PrivateKey::generate(Algorithm::EcdsaP256).expect("random bytes"));

fn split(threshold: u8, total: u8) -> Vec<Sheet> {
    let names = (Some("root".to_owned()), Some("registry.example.com/team/web".to_owned()));
    Sheet::split(&KEY, names.0, names.1, (threshold, total)).expect("shares")
}

fn text(sheet: &Sheet) -> String {
    sheet.to_text("2026-03-01").expect("a sheet").to_string()
}

fn problem(answer: Result<Sheet, Error>) -> String {
    answer.err().expect("refused").to_string()
}

/// A splitting, and some of its shares in some order.
fn some_of_a_splitting() -> impl Strategy<Value = (u8, u8, Vec<usize>)> {
    (2..=6_u8, 0..=4_u8).prop_flat_map(|(threshold, more)| {
        let total = threshold + more;
        let all: Vec<usize> = (0..usize::from(total)).collect();
        let some = subsequence(all, 1..=usize::from(total)).prop_shuffle();
        (Just(threshold), Just(total), some)
    })
}

#[test]
fn a_splitting_that_makes_no_sense_is_refused() {
    for (threshold, total) in [(0, 0), (0, 3), (1, 3), (3, 2)] {
        assert!(Sheet::split(&KEY, None, None, (threshold, total)).is_err(), "{threshold}/{total}");
    }
    assert_eq!(split(2, 255).len(), 255);
}

#[test]
fn shares_of_two_splittings_and_backups_do_not_mix() {
    let (mut shares, other) = (split(2, 2), split(2, 2));
    shares[1] = other[1].clone();
    assert!(Sheet::join(&shares).is_err());
    let backup = Sheet::backup(&KEY, None, None, &Passphrase::new("paper".to_owned()));
    shares[1] = backup.expect("a backup");
    assert!(Sheet::join(&shares).is_err());
    assert!(Sheet::join(&[]).is_err());
}

#[test]
fn a_share_that_is_there_twice_counts_once() {
    let shares = split(2, 3);
    let [one, other] = [shares[0].clone(), shares[2].clone()];
    let told = Sheet::join(&[one.clone(), one.clone()]).err().expect("refused").to_string();
    assert!(told.contains("1 of the 2 shares"), "{told}");
    for some in [vec![one.clone(), other.clone(), one.clone()], vec![one.clone(), one, other]] {
        let joined = Sheet::join(&some).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(joined.open().expect("the key").public(), KEY.public());
    }
}

#[test]
fn a_backup_opens_with_its_passphrase_alone() {
    let right = Passphrase::new("paper".to_owned());
    let sheet = Sheet::backup(&KEY, None, None, &right).expect("a backup");
    let opened = sheet.open(&right).expect("the key");
    assert_eq!(opened.public(), KEY.public());
    let wrong = sheet.open(&Passphrase::new("papers".to_owned()));
    assert!(matches!(wrong, Err(Error::Locked)), "{wrong:?}");
    // A wrong passphrase may seem to fit, and open something that is no key.
    let junk = pbes2::seal_strongly(b"no key", &right).expect("sealed");
    let junk = Sheet { content: Content::Backup(junk), ..sheet };
    let wrong = junk.open(&right);
    assert!(matches!(wrong, Err(Error::Locked)), "{wrong:?}");
    assert!(Sheet::backup(&KEY, None, None, &Passphrase::new(String::new())).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn enough_shares_bring_the_key_back_and_fewer_do_not(
        (threshold, total, some) in some_of_a_splitting(),
    ) {
        let shares = split(threshold, total);
        let some: Vec<Sheet> = some.into_iter().map(|which| shares[which].clone()).collect();
        match Sheet::join(&some) {
            Ok(joined) => {
                prop_assert!(some.len() >= usize::from(threshold));
                let key = joined.open().expect("the key");
                prop_assert_eq!(key.public(), KEY.public());
            }
            Err(_) => prop_assert!(some.len() < usize::from(threshold)),
        }
    }

    #[test]
    fn what_is_printed_is_read_however_it_is_typed(
        (threshold, total, which) in some_of_a_splitting(),
    ) {
        let sheet = &split(threshold, total)[which[0]];
        let printed = text(sheet);
        prop_assert!(Sheet::parse(&printed)? == *sheet);
        let lines = printed.split_once(BEGIN).expect("its lines").1;
        let lines = lines.split_once(END).expect("its lines").0;
        let typed = lines.to_ascii_lowercase().replace('o', "0").replace('b', "8").replace("  ", "\t");
        prop_assert!(Sheet::parse(&typed)? == *sheet);
    }

    /// Two letters guard each line: of a thousand mistakes in one, one reaches the check of the
    /// whole, which none passes.
    #[test]
    fn one_letter_that_is_wrong_is_noticed(place: Index, letter in "[A-Z2-7]") {
        let sheet = &split(2, 3)[0];
        let printed = text(sheet);
        let start = printed.find(BEGIN).expect("its lines") + BEGIN.len();
        let end = printed.find(END).expect("its lines");
        let letters: Vec<usize> = printed[start..end]
            .char_indices()
            .filter(|(_, letter)| letter.is_ascii_uppercase())
            .map(|(at, _)| start + at)
            .collect();
        let at = *place.get(&letters);
        prop_assume!(printed[at..=at] != letter);
        let mut wrong = printed[..end].to_owned();
        wrong.replace_range(at..=at, &letter);
        let told = problem(Sheet::parse(&wrong));
        prop_assert!(told.starts_with("line ") || told.contains("another's place"), "{}", told);
    }

    #[test]
    fn lines_that_are_missing_or_swapped_are_noticed(first: Index, second: Index) {
        let printed = text(&split(2, 3)[0]);
        let lines = printed.split_once(BEGIN).expect("its lines").1;
        let mut lines: Vec<&str> = lines.split_once(END).expect("its lines").0.trim().lines().collect();
        let (one, other) = (first.index(lines.len()), second.index(lines.len()));
        match one == other {
            true => drop(lines.remove(one)),
            false => lines.swap(one, other),
        }
        prop_assert!(Sheet::parse(&lines.join("\n")).is_err());
    }

    #[test]
    fn papers_of_strangers_do_no_harm(text: String, lines in "([0-9]{2} [A-Z2-7 ]{0,40}\n){0,4}") {
        prop_assert!(Sheet::parse(&text).is_err());
        prop_assert!(Sheet::parse(&lines).is_err());
        let scanned = format!("{SCANNED}{lines}");
        prop_assert!(Sheet::parse(&scanned).is_err());
    }
}
