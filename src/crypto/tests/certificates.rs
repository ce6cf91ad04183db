//! Threats K-20, K-21, K-25 and Notary's profile.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};

use super::*;

#[test]
fn self_signed_certificate_reads_back_as_a_bundle() {
    for key in one_key_of_each_kind() {
        let (from, to) = (at("2026-11-21T10:00:00Z"), at("2051-11-18T10:00:00Z"));
        let made = Certificate::self_signed("example.com/a_b", &key, from, to);
        if key.public().algorithm() == Algorithm::Ed25519 {
            assert!(matches!(made, Err(Error::NotCertifiable { .. })));
            continue;
        }
        let made = made.unwrap();
        let bundle = CertificateBundle::of_leaf(made.clone()).unwrap();
        assert_eq!(CertificateBundle::from_pem(&bundle.to_pem()).unwrap(), bundle);
        assert_eq!(made.common_name(), Some("example.com/a_b"));
        assert_eq!(made.public_key().unwrap(), key.public());
        assert_eq!((made.not_before(), made.not_after()), (from, to));
        assert!(!made.is_ca() && !made.signed_with_sha1());
    }
}

#[test]
fn certificate_made_by_notary_reads() {
    let bundle = CertificateBundle::from_pem(&base64(NOTARY_CERTIFICATE)).unwrap();
    let leaf = bundle.leaf();
    assert_eq!(leaf.common_name(), Some("example.com/col1"));
    assert_eq!(leaf.not_before(), at("2026-11-21T21:18:54Z"));
    assert_eq!(leaf.not_after(), at("2036-11-18T21:18:54Z"));
    assert_eq!(leaf.public_key().unwrap().algorithm(), Algorithm::EcdsaP256);
    assert_eq!(bundle.to_pem(), base64(NOTARY_CERTIFICATE));
    assert!(bundle.intermediates().is_empty());
}

#[test]
fn what_is_signed_is_byte_for_byte_what_notary_signs() {
    let bundle = CertificateBundle::from_pem(&base64(NOTARY_CERTIFICATE)).unwrap();
    let leaf = bundle.leaf();
    let read = <x509_cert::Certificate as der::Decode>::from_der(leaf.der()).unwrap();
    let serial = read.tbs_certificate().serial_number().as_bytes();
    let signed = der::Encode::to_der(read.tbs_certificate()).unwrap();
    assert_eq!(issue::body_of(leaf, serial), signed);
}

#[test]
fn names_that_cannot_stand_in_a_certificate_are_refused() {
    let key = PrivateKey::generate(Algorithm::EcdsaP256).unwrap();
    let (from, to) = (at("2026-11-21T10:00:00Z"), at("2036-11-18T10:00:00Z"));
    for name in ["", "a\0b", "a\nb"] {
        assert!(Certificate::self_signed(name, &key, from, to).is_err(), "{name:?}");
    }
    assert!(Certificate::self_signed("a", &key, at("1969-12-31T23:59:59Z"), to).is_err());
}

#[test]
fn dates_are_inclusive_to_the_second() {
    let key = PrivateKey::generate(Algorithm::EcdsaP256).unwrap();
    let (from, to) = (at("2026-11-21T10:00:00Z"), at("2036-11-18T10:00:00Z"));
    let made = Certificate::self_signed("a", &key, from, to).unwrap();
    for (now, valid) in [
        ("2026-11-21T09:59:59.999Z", false),
        ("2026-11-21T10:00:00Z", true),
        ("2036-11-18T10:00:00.5Z", true),
        ("2036-11-18T10:00:01Z", false),
    ] {
        assert_eq!(made.is_valid_at(at(now)), valid, "{now}");
    }
}

#[test]
fn only_the_one_text_of_a_bundle_is_accepted() {
    let good = String::from_utf8(base64(NOTARY_CERTIFICATE)).unwrap();
    CertificateBundle::from_pem(good.as_bytes()).unwrap();
    let body = good.lines().nth(1).unwrap();
    for (case, text) in [
        ("nothing", String::new()),
        ("CRLF", good.replace('\n', "\r\n")),
        ("no final newline", good.trim_end().to_owned()),
        ("text before", format!("x\n{good}")),
        ("text after", format!("{good}x\n")),
        ("empty line", good.replacen('\n', "\n\n", 2)),
        ("header", good.replacen('\n', "\nrole: root\n\n", 1)),
        ("blank at a line's end", good.replacen(body, &format!("{body} "), 1)),
        ("lines joined", good.replacen(&format!("{body}\n"), body, 1)),
        ("other name", good.replace("CERTIFICATE", "X509 CERTIFICATE")),
        ("end under other name", good.replace("END CERTIFICATE", "END CERT")),
        ("no end", good.replace("-----END CERTIFICATE-----\n", "")),
        ("twice", format!("{good}{good}")),
        ("cut", good.replacen(body, &body[4..], 1)),
        ("not base64", good.replacen(body, &body.replace('M', "*"), 1)),
    ] {
        assert!(CertificateBundle::from_pem(text.as_bytes()).is_err(), "{case}");
    }
    assert!(CertificateBundle::from_pem(&[0xff, 0xfe]).is_err());
}

#[test]
fn a_file_of_authorities_may_have_text_around_them() {
    let good = String::from_utf8(base64(NOTARY_CERTIFICATE)).unwrap();
    let text = format!("# ours\r\n{}\r\nand another\n{good}", good.replace('\n', "\r\n"));
    assert_eq!(certificates_from_pem(text.as_bytes()).unwrap().len(), 2);
    assert!(certificates_from_pem(b"").is_err());
    assert!(certificates_from_pem(good.replace("CERTIFICATE", "PRIVATE KEY").as_bytes()).is_err());
}

#[test]
fn bundles_are_one_leaf_and_then_authorities() {
    let chain = Chain::new(|_| {});
    let bundle = |parts: &[&Certificate]| {
        let text = parts
            .iter()
            .map(|it| pem::encode("CERTIFICATE", &[], it.der()).to_string())
            .collect::<String>();
        CertificateBundle::from_pem(text.as_bytes())
    };
    let (leaf, middle) = (&chain.leaf, &chain.middle);
    bundle(&[leaf]).unwrap();
    bundle(&[leaf, middle]).unwrap();
    bundle(&[leaf, middle, &chain.root]).unwrap();
    assert!(bundle(&[]).is_err(), "none");
    assert!(bundle(&[middle]).is_err(), "no leaf");
    assert!(bundle(&[middle, leaf]).is_err(), "authority first");
    assert!(bundle(&[leaf, leaf]).is_err(), "two leaves");
    assert!(bundle(&[leaf, middle, leaf]).is_err(), "leaf at the end");
    assert!(bundle(&[&[leaf][..], &[middle; 9]].concat()).is_err(), "too many");
}

#[test]
fn a_leaf_leads_to_its_authority_while_all_of_them_are_valid() {
    let chain = Chain::new(|_| {});
    chain.check(NOW).unwrap();
    let bundle = chain.bundle();
    assert!(bundle.chains_to(&[], at(NOW)).is_err(), "no authority");
    let other = Chain::new(|_| {});
    assert!(bundle.chains_to(&[other.root], at(NOW)).is_err(), "another authority");
    assert!(
        bundle.chains_to(std::slice::from_ref(&chain.leaf), at(NOW)).is_err(),
        "leaf as authority"
    );
    let alone = CertificateBundle::of_leaf(chain.leaf.clone()).unwrap();
    assert!(
        alone.chains_to(std::slice::from_ref(&chain.root), at(NOW)).is_err(),
        "no intermediate"
    );
    alone.chains_to(std::slice::from_ref(&chain.middle), at(NOW)).unwrap();
}

#[test]
fn every_certificate_on_the_way_must_be_valid_now() {
    type Spoil = fn(&mut Plan);
    let cases: [(&str, Spoil); 6] = [
        ("leaf expired", |it| expire(&mut it.leaf)),
        ("intermediate expired", |it| expire(&mut it.middle)),
        ("authority expired", |it| expire(&mut it.root)),
        ("leaf not yet valid", |it| postpone(&mut it.leaf)),
        ("intermediate not yet valid", |it| postpone(&mut it.middle)),
        ("authority not yet valid", |it| postpone(&mut it.root)),
    ];
    for (case, spoil) in cases {
        assert!(Chain::new(spoil).check(NOW).is_err(), "{case}");
    }
}

#[test]
fn extensions_limit_what_a_chain_is_good_for() {
    type Change = fn(&mut Plan);
    let cases: [(&str, bool, Change); 8] = [
        ("codeSigning", true, |it| usage(&mut it.leaf, ExtendedKeyUsagePurpose::CodeSigning)),
        ("serverAuth", true, |it| usage(&mut it.leaf, ExtendedKeyUsagePurpose::ServerAuth)),
        ("clientAuth", false, |it| usage(&mut it.leaf, ExtendedKeyUsagePurpose::ClientAuth)),
        ("intermediate for clientAuth", false, |it| {
            usage(&mut it.middle, ExtendedKeyUsagePurpose::ClientAuth);
        }),
        ("path length 0 above an intermediate", false, |it| {
            it.root.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        }),
        ("path length 1", true, |it| it.root.is_ca = IsCa::Ca(BasicConstraints::Constrained(1))),
        ("unknown critical extension", false, |it| unknown_extension(&mut it.leaf, true)),
        ("unknown extension", true, |it| unknown_extension(&mut it.leaf, false)),
    ];
    for (case, good, change) in cases {
        let answer = Chain::new(change).check(NOW);
        assert_eq!(answer.is_ok(), good, "{case}: {answer:?}");
    }
}

#[test]
fn intermediates_stand_in_order() {
    let chain = Chain::new(|_| {});
    let other = Chain::new(|plan| name(&mut plan.middle, "another"));
    let text = [&chain.leaf, &other.middle, &chain.middle]
        .map(|it| pem::encode("CERTIFICATE", &[], it.der()).to_string())
        .concat();
    let bundle = CertificateBundle::from_pem(text.as_bytes()).unwrap();
    let answer = bundle.chains_to(std::slice::from_ref(&chain.root), at(NOW));
    assert!(matches!(answer, Err(Error::Bundle { .. })), "{answer:?}");
}

#[test]
fn a_self_signed_leaf_meets_no_authority() {
    let key = PrivateKey::generate(Algorithm::EcdsaP256).unwrap();
    let made =
        Certificate::self_signed("a", &key, at("2026-01-01T00:00:00Z"), at("2036-01-01T00:00:00Z"));
    let bundle = CertificateBundle::of_leaf(made.unwrap()).unwrap();
    let anchors = [bundle.leaf().clone(), Chain::new(|_| {}).root];
    assert!(bundle.chains_to(&anchors, at(NOW)).is_err());
}

#[test]
fn old_hashes_are_named() {
    let weak =
        CertificateBundle::from_pem(include_bytes!("../../../tests/vectors/crypto/sha1.pem"));
    assert!(weak.unwrap().leaf().signed_with_sha1());
    let small =
        CertificateBundle::from_pem(include_bytes!("../../../tests/vectors/crypto/rsa1024.pem"));
    let answer = small.unwrap().leaf().public_key().cloned();
    assert!(matches!(answer, Err(Error::RsaSize { bits: 1024 })), "{answer:?}");
}

#[test]
fn a_subject_of_two_names_has_none() {
    let two =
        CertificateBundle::from_pem(include_bytes!("../../../tests/vectors/crypto/names.pem"));
    assert_eq!(two.unwrap().leaf().common_name(), None);
}

#[test]
fn names_come_back_as_they_are_in_either_kind_of_string() {
    for common_name in ["localhost:5000/a-b.c", "a_b", "prefix/*", "ü", &"long/".repeat(50)] {
        let chain = Chain::new(|plan| name(&mut plan.leaf, common_name));
        assert_eq!(chain.leaf.common_name(), Some(common_name));
        let key = PrivateKey::generate(Algorithm::EcdsaP256).unwrap();
        let to = at("2036-01-01T00:00:00Z");
        let made = Certificate::self_signed(common_name, &key, at(NOW), to).unwrap();
        assert_eq!(made.common_name(), Some(common_name));
    }
}

struct Plan {
    root: CertificateParams,
    middle: CertificateParams,
    leaf: CertificateParams,
}

struct Chain {
    root: Certificate,
    middle: Certificate,
    leaf: Certificate,
}

impl Chain {
    fn new(change: impl FnOnce(&mut Plan)) -> Chain {
        let mut plan =
            Plan { root: params("root"), middle: params("middle"), leaf: params("leaf") };
        plan.root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        plan.middle.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        plan.leaf.is_ca = IsCa::ExplicitNoCa;
        change(&mut plan);
        let key = || KeyPair::generate().unwrap();
        let root = CertifiedIssuer::self_signed(plan.root, key()).unwrap();
        let middle = CertifiedIssuer::signed_by(plan.middle, key(), &root).unwrap();
        let leaf = plan.leaf.signed_by(&key(), &middle).unwrap();
        let parse = |der: &[u8]| Certificate::parse(der).unwrap();
        Chain { root: parse(root.der()), middle: parse(middle.der()), leaf: parse(leaf.der()) }
    }

    fn bundle(&self) -> CertificateBundle {
        let text = [&self.leaf, &self.middle]
            .map(|it| pem::encode("CERTIFICATE", &[], it.der()).to_string());
        CertificateBundle::from_pem(text.concat().as_bytes()).unwrap()
    }

    fn check(&self, now: &str) -> Result<(), Error> {
        self.bundle().chains_to(std::slice::from_ref(&self.root), at(now))
    }
}

fn params(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2036, 1, 1);
    name(&mut params, common_name);
    params
}

fn name(params: &mut CertificateParams, common_name: &str) {
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
}

fn expire(params: &mut CertificateParams) {
    params.not_after = rcgen::date_time_ymd(2026, 2, 1);
}

fn postpone(params: &mut CertificateParams) {
    params.not_before = rcgen::date_time_ymd(2027, 1, 1);
}

fn usage(params: &mut CertificateParams, purpose: ExtendedKeyUsagePurpose) {
    params.extended_key_usages = vec![purpose];
}

fn unknown_extension(params: &mut CertificateParams, critical: bool) {
    let mut extension = CustomExtension::from_oid_content(&[1, 2, 3, 4, 5], vec![5, 0]);
    extension.set_criticality(critical);
    params.custom_extensions.push(extension);
}

const NOW: &str = "2026-06-01T00:00:00Z";

const NOTARY_CERTIFICATE: &str = "
LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUJhakNDQVJDZ0F3SUJBZ0lSQVBFNlQveEpJUXBDTy84ZURsUng5dkF3
Q2dZSUtvWkl6ajBFQXdJd0d6RVoKTUJjR0ExVUVBeE1RWlhoaGJYQnNaUzVqYjIwdlkyOXNNVEFlRncweU5qRXhNakV5TVRF
NE5UUmFGdzB6TmpFeApNVGd5TVRFNE5UUmFNQnN4R1RBWEJnTlZCQU1URUdWNFlXMXdiR1V1WTI5dEwyTnZiREV3V1RBVEJn
Y3Foa2pPClBRSUJCZ2dxaGtqT1BRTUJCd05DQUFUVlVtQXhnYnZXUDdhTXhpTVZlVzdGQW9KWkdobytWcldLY05UdXZJUVQK
d0VrUHNWNTFUbWRFRzVpanluWXBoaUF0MTFtK3ltNFZDTk5hTkxSc3JTNVJvelV3TXpBT0JnTlZIUThCQWY4RQpCQU1DQmFB
d0V3WURWUjBsQkF3d0NnWUlLd1lCQlFVSEF3TXdEQVlEVlIwVEFRSC9CQUl3QURBS0JnZ3Foa2pPClBRUURBZ05JQURCRkFp
QXlPeitBellaNy9MdnFiVzcyUmRKS08vbXo2MHp4TUc3Sk56elQ2cUZ5eXdJaEFPd2QKQnNKTDhYVnFnVnNQdDFNckV0azFJ
RHo0KytVWjBiNS9Fd21VNU01eQotLS0tLUVORCBDRVJUSUZJQ0FURS0tLS0tCg==";
