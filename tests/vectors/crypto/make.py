#!/usr/bin/env python3
"""Makes keys.tsv, ed25519.tsv, signatures.tsv, private.tsv and three certificates: keys and signatures that are sound, nearly
sound, or forged. Needs the Python package `cryptography` and the `openssl` program.

keys.tsv:       case, accept|refuse, SubjectPublicKeyInfo in hex
ed25519.tsv:    case, accept|refuse, key bytes in hex
signatures.tsv: case, accept|refuse, scheme, SubjectPublicKeyInfo, message, signature (all hex)
private.tsv:    case, form, accept|refuse, private key, SubjectPublicKeyInfo (hex; - if refused)
"""

import hashlib
import os
import subprocess
import tempfile

from cryptography.hazmat.primitives import hashes, serialization as ser
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

HERE = os.path.dirname(os.path.abspath(__file__))
MESSAGE = b"the message that is signed"
DER, SPKI = ser.Encoding.DER, ser.PublicFormat.SubjectPublicKeyInfo


def spki(key):
    return key.public_bytes(DER, SPKI)


def tlv(tag, *parts):
    body = b"".join(parts)
    n = len(body)
    if n < 128:
        length = bytes([n])
    else:
        digits = n.to_bytes((n.bit_length() + 7) // 8, "big")
        length = bytes([0x80 | len(digits)]) + digits
    return bytes([tag]) + length + body


def integer(n):
    return tlv(2, n.to_bytes(n.bit_length() // 8 + 1, "big"))


def openssl(*args, stdin=None):
    return subprocess.run(["openssl", *args], input=stdin, check=True, capture_output=True).stdout


RSA_ALGORITHM = bytes.fromhex("300d06092a864886f70d0101010500")
EC_OID = bytes.fromhex("06072a8648ce3d0201")
P256_OID = bytes.fromhex("06082a8648ce3d030107")


def rsa_spki(n, e, algorithm=RSA_ALGORITHM):
    return tlv(0x30, algorithm, tlv(3, b"\0", tlv(0x30, integer(n), integer(e))))


def ec_spki(point, parameters=P256_OID):
    return tlv(0x30, tlv(0x30, EC_OID, parameters), tlv(3, b"\0", point))


def write(name, rows):
    with open(os.path.join(HERE, name), "w") as out:
        for row in rows:
            out.write("\t".join(it.hex() if isinstance(it, bytes) else it for it in row) + "\n")


def keys(p256, rsa2048):
    nums = p256.public_key().public_numbers()
    x, y = nums.x.to_bytes(32, "big"), nums.y.to_bytes(32, "big")
    good = spki(p256.public_key())
    n, e = rsa2048.public_key().public_numbers().n, 65537
    odd_y = nums.y & 1
    yield "P-256", "accept", good
    yield "P-384", "accept", spki(ec.generate_private_key(ec.SECP384R1()).public_key())
    yield "P-521", "accept", spki(ec.generate_private_key(ec.SECP521R1()).public_key())
    yield "RSA 2048", "accept", rsa_spki(n, e)
    yield "RSA 2048, e = 3", "accept", rsa_spki(n, 3)
    yield "Ed25519", "accept", spki(ed25519.Ed25519PrivateKey.generate().public_key())
    yield "P-224", "refuse", spki(ec.generate_private_key(ec.SECP224R1()).public_key())
    yield "secp256k1", "refuse", spki(ec.generate_private_key(ec.SECP256K1()).public_key())
    yield "Brainpool P256r1", "refuse", spki(ec.generate_private_key(ec.BrainpoolP256R1()).public_key())
    explicit = openssl("ecparam", "-name", "prime256v1", "-genkey", "-param_enc", "explicit", "-noout")
    yield "explicit parameters", "refuse", openssl("ec", "-pubout", "-outform", "DER", "-param_enc", "explicit", stdin=explicit)
    yield "no parameters", "refuse", ec_spki(b"\4" + x + y, b"")
    yield "implicit curve", "refuse", ec_spki(b"\4" + x + y, b"\5\0")
    yield "compressed", "refuse", ec_spki(bytes([2 + odd_y]) + x)
    yield "hybrid", "refuse", ec_spki(bytes([6 + odd_y]) + x + y)
    yield "infinity", "refuse", ec_spki(b"\0")
    yield "infinity as zeros", "refuse", ec_spki(b"\4" + bytes(64))
    yield "off the curve", "refuse", ec_spki(b"\4" + x + (nums.y ^ 1).to_bytes(32, "big"))
    yield "x not reduced", "refuse", ec_spki(b"\4" + b"\xff" * 32 + y)
    yield "point cut short", "refuse", ec_spki(b"\4" + x + y[:-1])
    yield "point and a byte", "refuse", ec_spki(b"\4" + x + y + b"\0")
    yield "P-256 point called P-384", "refuse", ec_spki(b"\4" + x + y, bytes.fromhex("06052b81040022"))
    yield "trailing byte", "refuse", good + b"\0"
    yield "unused bits", "refuse", good.replace(b"\x03\x42\x00", b"\x03\x42\x01")
    yield "long-form length", "refuse", b"\x30\x81" + good[1:]
    yield "indefinite length", "refuse", b"\x30\x80" + good[2:] + b"\0\0"
    for bits in (1024, 2047, 8200):
        text = openssl("genrsa", str(bits)) if bits < 8000 else None
        if text:
            made = ser.load_pem_private_key(text, None).public_key().public_numbers().n
        else:
            made = (1 << bits - 1) | 1
        yield f"RSA {bits}", "refuse", rsa_spki(made, e)
    yield "RSA, e = 1", "refuse", rsa_spki(n, 1)
    yield "RSA, e = 0", "refuse", rsa_spki(n, 0)
    yield "RSA, e = 2", "refuse", rsa_spki(n, 2)
    yield "RSA, e even", "refuse", rsa_spki(n, 65536)
    yield "RSA, e of 40 bits", "refuse", rsa_spki(n, (1 << 39) | 1)
    yield "RSA, n even", "refuse", rsa_spki(n - 1, e)
    yield "RSA, n negative", "refuse", rsa_spki(n, e).replace(b"\x02\x82\x01\x01\x00", b"\x02\x82\x01\x01\x80")
    yield "RSA without NULL", "refuse", rsa_spki(n, e, bytes.fromhex("300b06092a864886f70d010101"))
    yield "RSA as RSASSA-PSS key", "refuse", rsa_spki(n, e, bytes.fromhex("300b06092a864886f70d01010a"))
    yield "Ed25519 with NULL", "refuse", tlv(0x30, bytes.fromhex("300706032b65700500"), tlv(3, b"\0", ED_KEY))
    yield "Ed25519 of 31 bytes", "refuse", tlv(0x30, bytes.fromhex("300506032b6570"), tlv(3, b"\0", ED_KEY[:-1]))
    yield "X25519", "refuse", tlv(0x30, bytes.fromhex("300506032b656e"), tlv(3, b"\0", ED_KEY))
    yield "nothing", "refuse", b""


P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
ED = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ED_KEY = ED.public_key().public_bytes(ser.Encoding.Raw, ser.PublicFormat.Raw)


def little(n):
    return n.to_bytes(32, "little")


def ed25519_keys():
    yield "honest", "accept", ED_KEY
    yield "31 bytes", "refuse", ED_KEY[:-1]
    yield "33 bytes", "refuse", ED_KEY + b"\0"
    order8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
    small = {"identity": 1, "order 2": P - 1, "order 4": 0, "order 8": order8, "order 8, other": P - order8}
    for name, y in small.items():
        yield name, "refuse", little(y)
        yield f"{name}, sign bit", "refuse", little(y | 1 << 255)
        if y + P < 2**255:
            yield f"{name}, not reduced", "refuse", little(y + P)
            yield f"{name}, not reduced, sign bit", "refuse", little((y + P) | 1 << 255)
    for y in range(2, 19):
        yield f"not reduced: p + {y}", "refuse", little(P + y)
    yield "not on the curve", "refuse", little(2)
    yield "all ones", "refuse", b"\xff" * 32


def ed25519_signatures():
    public = spki(ED.public_key())
    honest = ED.sign(MESSAGE)
    r, s = honest[:32], int.from_bytes(honest[32:], "little")
    digest = bytearray(hashlib.sha512(bytes(range(32))).digest()[:32])
    digest[0] &= 248
    digest[31] = digest[31] & 127 | 64
    a = int.from_bytes(digest, "little")

    def with_r(point):
        h = int.from_bytes(hashlib.sha512(point + ED_KEY + MESSAGE).digest(), "little")
        return point + little(h * a % L)

    def row(case, verdict, signature):
        return f"Ed25519: {case}", verdict, "ed25519", public, MESSAGE, signature

    yield row("honest", "accept", honest)
    yield row("S + L", "refuse", r + little(s + L))
    yield row("S = 0", "refuse", r + bytes(32))
    yield row("S = L", "refuse", r + little(L))
    yield row("all zero", "refuse", bytes(64))
    yield row("R is the identity, equation holds", "refuse", with_r(little(1)))
    yield row("R is the identity, not reduced", "refuse", with_r(little(1 + P)))
    yield row("R of order 2", "refuse", with_r(little(P - 1)))
    yield row("63 bytes", "refuse", honest[:-1])
    yield row("65 bytes", "refuse", honest + b"\0")
    yield row("empty", "refuse", b"")
    yield row("top bits of S", "refuse", honest[:-1] + bytes([honest[-1] | 0xE0]))


ORDERS = {
    32: 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    48: 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
    66: int("01FF" + "F" * 63 + "A51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409", 16),
}


def ecdsa_signatures(name, width, key):
    n, public = ORDERS[width], spki(key.public_key())
    der = key.sign(MESSAGE, ec.ECDSA(hashes.SHA256()))
    r, s = decode_dss_signature(der)
    low = min(s, n - s)

    def raw(r, s, width=width):
        return r.to_bytes(width, "big") + s.to_bytes(width, "big")

    def row(case, verdict, signature):
        return f"{name}: {case}", verdict, "ecdsa", public, MESSAGE, signature

    yield row("low s", "accept", raw(r, low))
    yield row("high s", "accept", raw(r, n - low))
    yield row("DER", "refuse", der)
    yield row("a byte short", "refuse", raw(r, s)[:-1])
    yield row("a byte long", "refuse", raw(r, s) + b"\0")
    yield row("a byte before", "refuse", b"\0" + raw(r, s))
    yield row("a byte more for each", "refuse", raw(r, s, width + 1))
    yield row("empty", "refuse", b"")
    yield row("r = 0", "refuse", raw(0, s))
    yield row("s = 0", "refuse", raw(r, 0))
    yield row("all zero", "refuse", raw(0, 0))
    yield row("r = n", "refuse", raw(n, s))
    yield row("s = n", "refuse", raw(r, n))
    yield row("r = 0, s = n", "refuse", raw(0, n))
    yield row("all ones", "refuse", b"\xff" * (2 * width))
    yield row("r and s swapped", "refuse", raw(s, r))
    yield row("r negated", "refuse", raw(n - r, s))
    if s + n < 256**width:
        yield row("s + n", "refuse", raw(r, s + n))
    if r + n < 256**width:
        yield row("r + n", "refuse", raw(r + n, s))
    for other, hash_ in (("SHA-384", hashes.SHA384()), ("SHA-512", hashes.SHA512())):
        made = decode_dss_signature(key.sign(MESSAGE, ec.ECDSA(hash_)))
        yield row(f"hashed with {other}", "refuse", raw(*made))


def mgf1(seed, length):
    blocks = (hashlib.sha256(seed + i.to_bytes(4, "big")).digest() for i in range(length // 32 + 1))
    return b"".join(blocks)[:length]


def rsa_signatures(key):
    public, private = key.public_key().public_numbers(), key.private_numbers()
    n, size = public.n, key.key_size // 8
    info = bytes.fromhex("3031300d060960864801650304020105000420")
    no_null = bytes.fromhex("302f300b0609608648016503040201" + "0420")
    digest = hashlib.sha256(MESSAGE).digest()

    def raw(block, size=size):
        return pow(int.from_bytes(block, "big"), private.d, n).to_bytes(size, "big")

    def v15(content, fill=None, start=b"\0\1"):
        pad = size - 3 - len(content) if fill is None else fill
        return start + b"\xff" * pad + b"\0" + content

    def pss(salt, hash_=hashes.SHA256(), mgf=hashes.SHA256()):
        return key.sign(MESSAGE, padding.PSS(padding.MGF1(mgf), salt), hash_)

    def row(scheme, case, verdict, signature):
        return f"{scheme}: {case}", verdict, scheme, spki(key.public_key()), MESSAGE, signature

    def pss_trailer(trailer):
        salt = bytes(range(32))
        h = hashlib.sha256(bytes(8) + digest + salt).digest()
        db = bytes(size - 32 - 32 - 2) + b"\1" + salt
        masked = bytearray(x ^ y for x, y in zip(db, mgf1(h, len(db))))
        masked[0] &= 0x7F
        return raw(bytes(masked) + h + trailer)

    good15 = key.sign(MESSAGE, padding.PKCS1v15(), hashes.SHA256())
    goodpss = pss(32)
    yield row("rsapss", "salt of 32 bytes", "accept", goodpss)
    yield row("rsapss", "put together here", "accept", pss_trailer(b"\xbc"))
    yield row("rsapss", "other trailer", "refuse", pss_trailer(b"\xcc"))
    for salt in (0, 20, 31, 33, 64, padding.PSS.MAX_LENGTH):
        yield row("rsapss", f"salt {salt if isinstance(salt, int) else 'as long as can be'}", "refuse", pss(salt))
    yield row("rsapss", "MGF1 with SHA-1", "refuse", pss(32, mgf=hashes.SHA1()))
    yield row("rsapss", "SHA-512", "refuse", pss(32, hashes.SHA512(), hashes.SHA512()))
    yield row("rsapss", "a v1.5 signature", "refuse", good15)
    yield row("rsapkcs1", "honest", "accept", good15)
    yield row("rsapkcs1", "a PSS signature", "refuse", goodpss)
    yield row("rsapkcs1", "SHA-512", "refuse", key.sign(MESSAGE, padding.PKCS1v15(), hashes.SHA512()))
    yield row("rsapkcs1", "put together here", "accept", raw(v15(info + digest)))
    yield row("rsapkcs1", "DigestInfo without NULL", "refuse", raw(v15(no_null + digest)))
    yield row("rsapkcs1", "no DigestInfo", "refuse", raw(v15(digest)))
    yield row("rsapkcs1", "block type 2", "refuse", raw(v15(info + digest, start=b"\0\2")))
    yield row("rsapkcs1", "short padding, garbage after", "refuse", raw(v15(info + digest, 8).ljust(size, b"\x55")))
    yield row("rsapkcs1", "no padding", "refuse", raw(v15(info + digest, 0).ljust(size, b"\0")))
    for scheme, good in (("rsapss", goodpss), ("rsapkcs1", good15)):
        yield row(scheme, "a byte short", "refuse", good[:-1])
        yield row(scheme, "a zero before", "refuse", b"\0" + good)
        yield row(scheme, "a zero after", "refuse", good + b"\0")
        yield row(scheme, "empty", "refuse", b"")
        yield row(scheme, "zero", "refuse", bytes(size))
        yield row(scheme, "one", "refuse", b"\1".rjust(size, b"\0"))
        more = int.from_bytes(good, "big") + n
        if more < 256**size:
            yield row(scheme, "signature + n", "refuse", more.to_bytes(size, "big"))
        yield row(scheme, "all ones", "refuse", b"\xff" * size)


def cube_forgery():
    """e = 3: a cube whose top looks like a padded block, garbage below."""
    while True:
        key = rsa.generate_private_key(3, 2048)
        n = key.public_key().public_numbers().n
        info = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(MESSAGE).digest()
        block = b"\0\1" + b"\xff" * 8 + b"\0" + info
        target = int.from_bytes(block.ljust(256, b"\xff"), "big")
        low, high = 0, 1 << 700
        while low < high:
            mid = (low + high + 1) // 2
            low, high = (mid, high) if mid**3 <= target else (low, mid - 1)
        made = (low**3).to_bytes(256, "big")
        if made.startswith(block):
            public = spki(key.public_key())
            signature = low.to_bytes(256, "big")
            return "rsapkcs1: e = 3, cube root", "refuse", "rsapkcs1", public, MESSAGE, signature


def compressed(name, key, sec1):
    """The same key as OpenSSL writes it with its point compressed, and with the other point of that x."""
    short = openssl("ec", "-inform", "DER", "-conv_form", "compressed", "-outform", "DER", stdin=sec1)
    yield f"{name}, compressed", "sec1", "accept", short, spki(key.public_key())
    at = len(short) - (key.key_size + 7) // 8 - 1
    yield f"{name}, compressed, other y", "sec1", "refuse", short[:at] + bytes([short[at] ^ 1]) + short[at + 1 :], "-"


def private_keys(p256, rsa2048):
    for name, key in (("P-256", p256), ("P-384", ec.generate_private_key(ec.SECP384R1())), ("P-521", ec.generate_private_key(ec.SECP521R1()))):
        sec1 = key.private_bytes(DER, ser.PrivateFormat.TraditionalOpenSSL, ser.NoEncryption())
        pkcs8 = key.private_bytes(DER, ser.PrivateFormat.PKCS8, ser.NoEncryption())
        yield name, "sec1", "accept", sec1, spki(key.public_key())
        yield name, "pkcs8", "accept", pkcs8, spki(key.public_key())
        yield from compressed(name, key, sec1)
    pkcs1 = rsa2048.private_bytes(DER, ser.PrivateFormat.TraditionalOpenSSL, ser.NoEncryption())
    yield "RSA", "pkcs1", "accept", pkcs1, spki(rsa2048.public_key())
    yield "RSA", "pkcs8", "accept", rsa2048.private_bytes(DER, ser.PrivateFormat.PKCS8, ser.NoEncryption()), spki(rsa2048.public_key())
    yield "RSA without NULL", "pkcs8", "accept", tlv(0x30, integer(0), bytes.fromhex("300b06092a864886f70d010101"), tlv(4, pkcs1)), spki(rsa2048.public_key())
    three = openssl("genrsa", "-primes", "3", "3072")
    yield "RSA of three primes", "pkcs1", "refuse", openssl("rsa", "-outform", "DER", "-traditional", stdin=three), "-"
    weak = openssl("genrsa", "1024")
    yield "RSA 1024", "pkcs1", "refuse", openssl("rsa", "-outform", "DER", "-traditional", stdin=weak), "-"
    nums = rsa2048.private_numbers()
    e, n = nums.public_numbers.e, nums.public_numbers.n
    crt = [nums.d, nums.p, nums.q, nums.dmp1, nums.dmq1, nums.iqmp]
    for at, name in enumerate(["p", "q", "dp", "dq", "qinv"], 1):
        spoiled = [value + 2 if i == at else value for i, value in enumerate(crt)]
        yield f"RSA, {name} changed", "pkcs1", "refuse", tlv(0x30, *map(integer, [0, n, e, *spoiled])), "-"
    scalar = p256.private_numbers().private_value.to_bytes(32, "big")
    point = p256.public_key().public_bytes(ser.Encoding.X962, ser.PublicFormat.UncompressedPoint)
    other = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(ser.Encoding.X962, ser.PublicFormat.UncompressedPoint)
    public = spki(p256.public_key())
    algorithm = tlv(0x30, EC_OID, P256_OID)

    def sec1(version=1, scalar=scalar, curve=P256_OID, point=point):
        parts = [integer(version), tlv(4, scalar)]
        parts += [tlv(0xA0, curve)] if curve else []
        parts += [tlv(0xA1, tlv(3, b"\0", point))] if point else []
        return tlv(0x30, *parts)

    yield "no public half", "sec1", "accept", sec1(point=None), public
    yield "scalar with a leading zero", "sec1", "accept", sec1(scalar=b"\0" + scalar), public
    yield "no curve", "sec1", "refuse", sec1(curve=None), "-"
    yield "version 2", "sec1", "refuse", sec1(version=2), "-"
    yield "other public half", "sec1", "refuse", sec1(point=other), "-"
    yield "scalar 0", "sec1", "refuse", sec1(scalar=bytes(32), point=None), "-"
    yield "scalar n", "sec1", "refuse", sec1(scalar=ORDERS[32].to_bytes(32, "big"), point=None), "-"
    yield "scalar too long", "sec1", "refuse", sec1(scalar=scalar + b"\0", point=None), "-"
    yield "trailing byte", "sec1", "refuse", sec1() + b"\0", "-"
    yield "version 1 without public half", "pkcs8", "accept", tlv(0x30, integer(1), algorithm, tlv(4, sec1())), public
    yield "version 1 with public half", "pkcs8", "accept", tlv(0x30, integer(1), algorithm, tlv(4, sec1()), tlv(0x81, b"\0", point)), public
    yield "version 1 with other public half", "pkcs8", "refuse", tlv(0x30, integer(1), algorithm, tlv(4, sec1()), tlv(0x81, b"\0", other)), "-"
    yield "version 0, curve outside only", "pkcs8", "accept", tlv(0x30, integer(0), algorithm, tlv(4, sec1(curve=None))), public
    yield "version 2", "pkcs8", "refuse", tlv(0x30, integer(2), algorithm, tlv(4, sec1())), "-"
    yield "two curves", "pkcs8", "refuse", tlv(0x30, integer(0), tlv(0x30, EC_OID, bytes.fromhex("06052b81040022")), tlv(4, sec1())), "-"
    secp256k1 = ec.generate_private_key(ec.SECP256K1())
    yield "secp256k1", "sec1", "refuse", secp256k1.private_bytes(DER, ser.PrivateFormat.TraditionalOpenSSL, ser.NoEncryption()), "-"
    seed = bytes(range(32))
    gnu = bytes.fromhex("300b06092b06010401da470f01")
    yield "Ed25519, RFC 8410", "pkcs8", "accept", ED.private_bytes(DER, ser.PrivateFormat.PKCS8, ser.NoEncryption()), spki(ED.public_key())
    yield "Ed25519, Notary", "pkcs8", "accept", tlv(0x30, integer(0), gnu, tlv(4, ED_KEY + seed + ED_KEY)), spki(ED.public_key())
    yield "Ed25519, Notary, first public half", "pkcs8", "refuse", tlv(0x30, integer(0), gnu, tlv(4, bytes(32) + seed + ED_KEY)), "-"
    yield "Ed25519, Notary, second public half", "pkcs8", "refuse", tlv(0x30, integer(0), gnu, tlv(4, ED_KEY + seed + bytes(32))), "-"
    yield "Ed25519, Notary, 64 bytes", "pkcs8", "refuse", tlv(0x30, integer(0), gnu, tlv(4, seed + ED_KEY)), "-"
    yield "DSA", "pkcs8", "refuse", tlv(0x30, integer(0), bytes.fromhex("300906072a8648ce380401"), tlv(4, integer(5))), "-"


def certificates():
    """sha1.pem: signed with SHA-1; rsa1024.pem: with a key too short to count; names.pem: two names."""
    cases = {
        "sha1.pem": ["-newkey", "rsa:2048", "-sha1", "-subj", "/CN=example.com"],
        "rsa1024.pem": ["-newkey", "rsa:1024", "-subj", "/CN=example.com"],
        "names.pem": ["-newkey", "rsa:2048", "-subj", "/CN=example.com/CN=example.org"],
    }
    for name, options in cases.items():
        with tempfile.TemporaryDirectory() as scratch:
            made = openssl(
                "req", "-x509", *options, "-nodes", "-keyout", f"{scratch}/key", "-days", "3650",
                "-addext", "basicConstraints=critical,CA:FALSE",
                "-config", "/dev/stdin", stdin=b"[req]\ndistinguished_name=dn\n[dn]\n",
            )
        with open(os.path.join(HERE, name), "wb") as out:
            out.write(made)


def main():
    certificates()
    p256 = ec.generate_private_key(ec.SECP256R1())
    rsa2048 = rsa.generate_private_key(65537, 2048)
    write("keys.tsv", keys(p256, rsa2048))
    write("ed25519.tsv", ed25519_keys())
    write("private.tsv", private_keys(p256, rsa2048))
    rows = [*ecdsa_signatures("P-256", 32, p256)]
    rows += ecdsa_signatures("P-384", 48, ec.generate_private_key(ec.SECP384R1()))
    rows += ecdsa_signatures("P-521", 66, ec.generate_private_key(ec.SECP521R1()))
    rows += [*ed25519_signatures(), *rsa_signatures(rsa2048), cube_forgery()]
    write("signatures.tsv", rows)


main()
