//! Signatures come from anybody, in any order, as often as somebody sends them.

use proptest::prelude::*;
use proptest::sample::{Index, subsequence};

use super::*;
use crate::edit::Proposal;

/// A change of the root's keys, one of which must go, to two of three; and who may sign it.
fn change() -> (Shelf, Proposal, [&'static str; 4]) {
    let mut shelf = Shelf::founded();
    for name in ["ada", "bob", "eve"] {
        shelf.add_key(name);
    }
    let keys = ["ada", "bob", "eve"].map(|name| shelf.certified(name)).to_vec();
    let mut draft = Draft::of(shelf.read_from(0).expect("trusted"));
    draft.rotate(&RoleName::Root, keys, Threshold::new(2).expect("two")).expect("rotated");
    let proposal = draft.propose(shelf.now).expect("a proposal");
    (shelf, proposal, ["root", "ada", "bob", "eve"])
}

/// A copy that those have signed.
fn signed(shelf: &Shelf, proposal: &Proposal, by: &[&str]) -> Proposal {
    let mut copy = proposal.clone();
    let signers: Signers<'_> = by.iter().map(|name| &shelf.keys[name] as &dyn Signer).collect();
    copy.sign(&signers).expect("signed");
    copy
}

fn collect(into: &mut Proposal, from: &Proposal) {
    for (role, bytes) in from.files() {
        into.collect(&role, &bytes).expect("good signatures");
    }
}

/// What is to be signed, whoever has signed it.
fn digests(proposal: &Proposal) -> Vec<crate::crypto::Sha256> {
    proposal.parts().map(|(_, part)| part.digest()).collect()
}

fn is_met(proposal: &Proposal) -> bool {
    proposal.needs().expect("needs").iter().all(|need| need.is_met())
}

/// Ways to sign: groups of people who sign one copy each.
fn groups() -> impl Strategy<Value = Vec<Vec<usize>>> {
    let group = subsequence(vec![0, 1, 2, 3], 0..=4);
    proptest::collection::vec(group, 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_order_and_the_number_of_copies_do_not_matter(groups in groups()) {
        let (shelf, proposal, names) = change();
        let copies: Vec<Proposal> = groups
            .iter()
            .map(|group| group.iter().map(|who| names[*who]).collect::<Vec<_>>())
            .map(|by| signed(&shelf, &proposal, &by))
            .collect();
        let (mut forth, mut back) = (proposal.clone(), proposal.clone());
        copies.iter().for_each(|copy| collect(&mut forth, copy));
        copies.iter().rev().chain(&copies).for_each(|copy| collect(&mut back, copy));
        prop_assert_eq!(digests(&forth), digests(&proposal));
        // Signatures are random; who signed is not.
        let people = |proposal: &Proposal| {
            let needs = proposal.needs().expect("needs");
            needs.into_iter().map(|need| need.signed).collect::<Vec<_>>()
        };
        prop_assert_eq!(people(&forth), people(&back));
        let all: std::collections::BTreeSet<usize> = groups.concat().into_iter().collect();
        let enough = all.contains(&0) && all.iter().filter(|who| **who > 0).count() >= 2;
        prop_assert_eq!(is_met(&forth), enough);
    }

    #[test]
    fn no_byte_of_a_signed_copy_can_be_changed(place: Index, bit in 0..8_u32) {
        let (shelf, proposal, _) = change();
        let copy = signed(&shelf, &proposal, &["root", "ada"]);
        for (role, bytes) in copy.files() {
            let mut changed = bytes.clone();
            changed[place.index(bytes.len())] ^= 1 << bit;
            let mut target = proposal.clone();
            if target.collect(&role, &changed).is_ok() {
                let by = |proposal: &Proposal| proposal.needs().expect("needs")[0].signed.clone();
                // What is left out was not by a key that signs.
                prop_assert!(by(&target).is_subset(&by(&copy)));
            }
        }
    }
}
