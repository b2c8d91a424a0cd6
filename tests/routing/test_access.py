"""Who may what: proofs are believed when they hold and never otherwise, and refusals give nothing away."""

import datetime as dt
import hashlib
import json
from fnmatch import fnmatchcase

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from nacl.bindings import crypto_core_ed25519_is_valid_point

from headgate.routing.access import lock
from headgate.routing.access.ed25519 import verifier
from headgate.routing.access.keyring import Keyring
from headgate.routing.access.lock import NOBODYS_PUBLIC_KEY
from headgate.routing.access.patterns import Patterns
from headgate.routing.access.rules import KeyRules
from headgate.schemas.failures import Code, Failure
from headgate.schemas.record import Record
from headgate.schemas.request import Rejected
from headgate.schemas.topics import Lane, Topics
from support.keys import (
    NOW_MS,
    OTHER_PAIR,
    OTHER_PUBLIC_KEY,
    OTHER_SECRET,
    PAIR,
    PUBLIC_KEY,
    SECRET,
    config,
    hashed,
    pair,
    read,
    record,
    signature_headers,
)

BEARER = {"id": "rag", "secret": hashed(SECRET)}
SIGNED = {"id": "rag", "public_key": PUBLIC_KEY}
TRUSTED = {"id": "rag"}
DEFAULT = "headgate.replies.default"
WITH_SECRET = (("headgate-secret", SECRET.encode()),)


def check(config_, record_, *, at_ms=NOW_MS, now_ms=NOW_MS, lane=Lane.STANDARD):
    return Keyring.of(config_).check(read(record_, at_ms=at_ms, lane=lane), record_, now_ms)


def code_of(outcome):
    return outcome.code if isinstance(outcome, Failure) else None


def signed(record_, *args, **kwargs):
    headers = signature_headers(record_.value, *args, **kwargs)
    return msgspec.structs.replace(record_, headers=(*record_.headers, *headers))


# No keys


@pytest.mark.parametrize("name", ["rag", "anything at all", "hg-x"])
def test_without_keys_every_name_is_an_unlimited_key(name):
    rules = check(config(), record(key=name))
    assert (rules.id, rules.workspace, rules.org, rules.weight, rules.expires_ms) == (name, None, None, 1.0, None)
    assert rules.lane(Lane.URGENT) is Lane.URGENT


def test_without_keys_reply_topics_are_the_file_s_even_where_a_workspace_names_its_own():
    keyless = config(workspaces=[{"id": "w", "reply_topics": ["headgate.replies.w*"]}])
    assert code_of(check(keyless, record(reply_to="headgate.replies.w1"))) is None
    assert code_of(check(keyless, record(reply_to="elsewhere"))) is Code.UNKNOWN_REPLY_TOPIC


# Bearer secrets


@pytest.mark.parametrize("header", [("headgate-secret", SECRET), ("authorization", f"Bearer {SECRET}")])
def test_a_bearer_secret_proves_its_key(header):
    rules = check(config(BEARER), record(headers=[(header[0], header[1].encode())]))
    assert rules.id == "rag"


def test_a_former_secret_still_proves_it():
    both = {**BEARER, "former": [hashed(OTHER_SECRET)]}
    for secret in (SECRET, OTHER_SECRET):
        assert check(config(both), record(headers=[("headgate-secret", secret.encode())])).id == "rag"
    only_former = {"id": "rag", "former": [hashed(OTHER_SECRET)]}
    assert code_of(check(config(only_former), record(headers=WITH_SECRET))) is Code.UNAUTHENTICATED


@given(st.binary(min_size=1, max_size=60).filter(lambda secret: secret.strip() != SECRET.encode()))
@example(SECRET.encode()[:-1])
@example(SECRET.encode() + b"x")
@example(hashed(SECRET)["sha256"].encode())
@example(SECRET.upper().encode())
@example(bytes(32))
def test_no_other_secret_proves_it(secret):
    assert code_of(check(config(BEARER), record(headers=[("headgate-secret", secret)]))) is Code.UNAUTHENTICATED


def test_a_secret_in_the_value_proves_nothing():
    fields = {"secret": SECRET, "authorization": f"Bearer {SECRET}", "headgate-secret": SECRET}
    assert code_of(check(config(BEARER), record(**fields))) is Code.UNAUTHENTICATED


# Signatures


def test_a_signature_proves_its_key():
    assert check(config(SIGNED), signed(record())).id == "rag"


def test_a_signature_by_a_former_key_still_proves_it():
    both = {"id": "rag", "public_key": OTHER_PUBLIC_KEY, "former_public_keys": [PUBLIC_KEY]}
    assert check(config(both), signed(record())).id == "rag"
    assert check(config(both), signed(record(), OTHER_PAIR)).id == "rag"


def test_what_the_value_and_what_headers_say_is_signed_alike():
    said = ("rag", "r-1", "headgate.replies.mine", "b-1", "60")
    headers = [
        ("headgate-key", b"rag"),
        ("headgate-request-id", b"r-1"),
        ("kafka_replyTopic", b"headgate.replies.mine"),
        ("headgate-batch", b"b-1"),
        ("headgate-deadline", b"60"),
    ]
    assert check(config(SIGNED), signed(record(id=None, key=None, headers=headers), said=said)).id == "rag"


#: Every field that is signed, and another value for it, by which the gateway would read something else.
OTHERS = {
    "key": {"key": "eve"},
    "id": {"id": "r-2"},
    "reply_to": {"reply_to": "headgate.replies.eve"},
    "batch": {"batch": "b-2"},
    "body": {"body": {"model": "small", "messages": [{"role": "user", "content": "Ho"}]}},
}
SAID = ("rag", "r-1", "headgate.replies.mine", "b-1", "60")
HEADER_OF = {
    "key": "headgate-key",
    "id": "headgate-request-id",
    "reply_to": "reply_to",
    "batch": "headgate-batch",
    "deadline": "headgate-deadline",
    "signed_at": "headgate-signed-at",
}
IN_HEADERS = signed(
    record(
        id=None,
        key=None,
        headers=[(HEADER_OF[name], value.encode()) for name, value in zip(list(HEADER_OF)[:5], SAID, strict=True)],
    ),
    said=SAID,
)
ANY_KEYS = config(SIGNED, {"id": "eve", "public_key": PUBLIC_KEY})  # the same key twice: only the text differs


@pytest.mark.parametrize("name", OTHERS)
def test_a_signature_holds_for_no_other_field_in_the_value(name):
    fields = {"id": "r-1", "key": "rag", "reply_to": "headgate.replies.mine", "batch": "b-1"}
    headers = [("headgate-deadline", b"60")]
    original = signed(record(**fields, headers=headers), said=SAID)
    assert check(ANY_KEYS, original).id == "rag"
    moved = record(**{**fields, **OTHERS[name]}, headers=original.headers)
    assert code_of(check(ANY_KEYS, moved)) is Code.UNAUTHENTICATED


@given(
    st.sampled_from(list(HEADER_OF)),
    st.binary(min_size=1, max_size=30) | st.sampled_from([b"eve", b"1800000001", b"headgate.replies.eve"]),
    st.booleans(),
)
def test_a_signature_holds_for_no_other_field_in_a_header(name, value, in_front):
    header, original = HEADER_OF[name], IN_HEADERS.headers
    kept = original if in_front else tuple(pair for pair in original if pair[0] != header)
    moved = msgspec.structs.replace(IN_HEADERS, headers=((header, value), *kept))
    outcome = check(ANY_KEYS, moved)
    if dict(original)[header] == value:
        assert outcome.id == "rag"
    else:
        assert code_of(outcome) in {Code.UNAUTHENTICATED, Code.UNKNOWN_REPLY_TOPIC}


@given(st.integers(0, 511), st.booleans())
def test_a_signature_with_one_bit_changed_does_not_hold(bit, in_the_value):
    text = b"the text"
    signature = PAIR.sign(text).signature
    verify = verifier(PUBLIC_KEY)
    assert verify(signature, text)
    if in_the_value:
        assert not verify(signature, _flipped(text, bit % (8 * len(text))))
    else:
        assert not verify(_flipped(signature, bit), text)


def _flipped(raw, bit):
    number = int.from_bytes(raw, "big") ^ (1 << bit)
    return number.to_bytes(len(raw), "big")


@given(st.integers(0, 10_000), st.data())
def test_a_value_with_one_byte_changed_is_not_the_one_that_was_signed(place, data):
    original = signed(record())
    raw = bytearray(original.value)
    raw[place % len(raw)] = data.draw(st.integers(0, 255).filter(lambda byte: byte != raw[place % len(raw)]))
    moved = msgspec.structs.replace(original, value=bytes(raw))
    if hasattr(read(moved), "reply_to"):  # else it is a dead letter
        assert code_of(check(config(SIGNED), moved)) in {Code.UNAUTHENTICATED, Code.UNKNOWN_REPLY_TOPIC}


@given(st.text("abc:,1", min_size=2, max_size=8), st.data())
def test_a_signature_holds_for_no_other_cut_between_two_fields(text, data):
    """Both keys sign with the same pair, and the value is the same: only where the id begins is not."""
    cuts = st.integers(1, len(text) - 1)
    cut, other = data.draw(cuts), data.draw(cuts)
    keys = [{"id": name, "public_key": PUBLIC_KEY} for name in {text[:cut], text[:other]}]
    original = signed(_cut(text, cut), said=(text[:cut], text[cut:], DEFAULT, "", ""))
    moved = msgspec.structs.replace(original, headers=(*_cut(text, other).headers, *original.headers))
    assert check(config(*keys), original).id == text[:cut]
    assert code_of(check(config(*keys), moved)) is (None if cut == other else Code.UNAUTHENTICATED)


def _cut(text, place):
    headers = [("headgate-key", text[:place].encode()), ("headgate-request-id", text[place:].encode())]
    return record(key=None, id=None, headers=headers)


@pytest.mark.parametrize(("seconds", "fine"), [(-300, True), (300, True), (-301, False), (301, False), (0, True)])
def test_a_signature_is_of_the_time_of_its_arrival(seconds, fine):
    proven = signed(record(), signed_at=str(NOW_MS // 1000 + seconds))
    outcome = check(config(SIGNED), proven)
    assert code_of(outcome) is (None if fine else Code.UNAUTHENTICATED)
    if not fine:
        assert (
            outcome.given
            == f"a signature made 301 s {'before' if seconds < 0 else 'after'} it arrived, where 300 s are accepted"
        )


def test_hours_in_the_queue_do_not_matter():
    assert check(config(SIGNED), signed(record()), now_ms=NOW_MS + 86_400_000).id == "rag"


def test_an_old_signature_that_is_appended_again_is_refused():
    again = check(config(SIGNED), signed(record()), at_ms=NOW_MS + 300_001, now_ms=NOW_MS + 300_001)
    assert code_of(again) is Code.UNAUTHENTICATED


def test_how_old_is_configured():
    wider = config(SIGNED, authentication={"max_age": "1h"}, admission={"keep_answers": "26h"})
    assert check(wider, signed(record(), signed_at=str(NOW_MS // 1000 - 3600))).id == "rag"


@pytest.mark.parametrize("signed_at", ["", "yesterday", "2027-01-15T08:00:00"])
def test_a_signature_without_a_time_does_not_hold(signed_at):
    outcome = check(config(SIGNED), signed(record(), signed_at=signed_at))
    assert (outcome.code, outcome.given) == (
        Code.UNAUTHENTICATED,
        "a signature without a time that can be read in headgate-signed-at",
    )


@pytest.mark.parametrize("signed_at", ["2027-01-15T08:00:00Z", "2027-01-15T09:00:00.123456789+01:00", "1800000000.25"])
def test_the_time_may_be_spelt_in_either_way(signed_at):
    assert check(config(SIGNED), signed(record(), signed_at=signed_at)).id == "rag"


# Which proofs


@pytest.mark.parametrize("kind", ["bearer", "signature", "trusted"])
def test_only_what_is_accepted_proves_anything(kind):
    keys = {"bearer": BEARER, "signature": SIGNED, "trusted": TRUSTED}
    proofs = {"bearer": record(headers=WITH_SECRET), "signature": signed(record()), "trusted": record()}
    assert code_of(check(config(keys[kind], authentication={"accept": [kind]}), proofs[kind])) is None
    double = {**BEARER, **SIGNED}
    others = [each for each in ("bearer", "signature") if each != kind]
    outcome = check(config(double, authentication={"accept": others}), proofs[kind])
    assert code_of(outcome) is Code.UNAUTHENTICATED
    assert outcome.expected.endswith("of the key that it names")


def test_a_trusted_key_needs_no_proof_and_minds_none():
    for headers in ((), WITH_SECRET, signature_headers(b"something else")):
        assert check(config(TRUSTED), record(headers=headers)).id == "rag"


def test_a_key_with_a_secret_is_never_trusted():
    assert code_of(check(config(BEARER), record())) is Code.UNAUTHENTICATED
    assert code_of(check(config({"id": "rag", "former": [hashed(SECRET)]}), record())) is Code.UNAUTHENTICATED
    assert code_of(check(config({"id": "rag", "former_public_keys": [PUBLIC_KEY]}), record())) is Code.UNAUTHENTICATED


def test_either_proof_will_do_where_a_key_has_both():
    double = config({**BEARER, **SIGNED})
    assert check(double, record(headers=WITH_SECRET)).id == "rag"
    assert check(double, signed(record())).id == "rag"
    assert check(double, signed(record(headers=[("headgate-secret", b"wrong")]))).id == "rag"


KEYS = {
    "bearer": {"id": "bearer", "secret": hashed(SECRET)},
    "bearer-2": {"id": "bearer-2", "secret": hashed(OTHER_SECRET)},
    "signed": {"id": "signed", "public_key": PUBLIC_KEY},
    "signed-2": {"id": "signed-2", "public_key": OTHER_PUBLIC_KEY},
}
ALL = config(*KEYS.values())


@given(st.sampled_from([*KEYS, "unknown"]), st.sampled_from(list(KEYS)), st.text(max_size=5))
def test_a_key_never_passes_with_another_key_s_proof(named, owner, id_):
    """The proof is made for the key that is named, by whoever has the secrets of another."""
    asked = record(key=named, id=f"r{id_}")
    if owner.startswith("bearer"):
        secret = SECRET if owner == "bearer" else OTHER_SECRET
        asked = record(key=named, id=f"r{id_}", headers=[("headgate-secret", secret.encode())])
    else:
        asked = signed(asked, PAIR if owner == "signed" else OTHER_PAIR, said=(named, f"r{id_}", DEFAULT, "", ""))
    outcome = check(ALL, asked)
    assert (outcome.id if isinstance(outcome, KeyRules) else outcome.code) == (
        owner if named == owner else Code.UNAUTHENTICATED
    )


# What a refusal gives away


@given(
    st.sampled_from([*KEYS, "unknown", "another"]),
    st.lists(
        st.sampled_from(
            [
                ("headgate-secret", b"hg-guessed"),
                ("authorization", b"Bearer hg-guessed"),
                *signature_headers(b"", said=("x", "x", "x", "x", "x")),
            ]
        ),
        max_size=3,
    ),
)
def test_a_refusal_is_the_same_whether_there_is_such_a_key_or_not(named, headers):
    outcome = check(ALL, record(key=named, headers=headers))
    assert outcome == check(ALL, record(key="no such key", headers=headers))
    assert outcome.code is Code.UNAUTHENTICATED


@given(
    st.sampled_from([*KEYS, "unknown"]),
    st.sampled_from(["headgate-secret", "authorization", "headgate-signature", "headgate-signed-at"]),
    st.sampled_from([b"", b"Bearer ", b"ed25519="]),
    st.sampled_from(["headgate.replies.default", "elsewhere", "headgate.usage"]),
)
def test_no_refusal_repeats_what_was_sent_to_prove_it(named, header, scheme, reply_to):
    secret = "c2VjcmV0c2VjcmV0c2VjcmV0"
    asked = record(key=named, reply_to=reply_to, headers=[(header, scheme + secret.encode())])
    outcome = check(ALL, asked)
    assert isinstance(outcome, Failure)
    assert secret not in repr(outcome) + json.dumps(msgspec.to_builtins(outcome))
    assert secret not in repr(Keyring.of(ALL))


def test_a_refusal_takes_the_same_steps_whether_there_is_such_a_key_or_not(monkeypatch):
    steps = []
    compare = lock.hmac.compare_digest
    monkeypatch.setattr(lock.hmac, "compare_digest", lambda one, other: steps.append("hash") or compare(one, other))

    def counting(public_key):
        verify = verifier(public_key)
        return lambda signature, text: steps.append("signature") or verify(signature, text)

    monkeypatch.setattr(lock, "verifier", counting)
    keyring = Keyring.of(ALL)
    wrong = signed(record(headers=[("headgate-secret", b"wrong")]), pair(99))
    taken = []
    for name in (*KEYS, "unknown"):
        asked = msgspec.structs.replace(read(wrong), key=name)
        assert code_of(keyring.check(asked, wrong, NOW_MS)) is Code.UNAUTHENTICATED
        taken.append(tuple(steps))
        steps.clear()
    assert set(taken) == {("hash", "signature")}


def test_nobody_has_nobody_s_private_key():
    digest = hashlib.sha256(b"nobody's key 14").digest()
    assert crypto_core_ed25519_is_valid_point(digest)
    assert verifier(NOBODYS_PUBLIC_KEY)  # a point, chosen by a hash function


# Expiry

EXPIRES = dt.datetime.fromtimestamp(NOW_MS / 1000, dt.UTC)


@pytest.mark.parametrize(
    ("at_ms", "now_ms", "fine"),
    [
        (NOW_MS - 2, NOW_MS - 1, True),
        (NOW_MS - 2, NOW_MS, False),
        (NOW_MS, NOW_MS - 1, False),  # the broker's clock is ahead
        (NOW_MS - 86_400_000, NOW_MS + 1, False),  # asked for in time, and not run in time
    ],
)
def test_a_key_is_good_for_what_arrived_and_is_run_before_it_expires(at_ms, now_ms, fine):
    outcome = check(config({**TRUSTED, "expires": EXPIRES}), record(), at_ms=at_ms, now_ms=now_ms)
    assert code_of(outcome) is (None if fine else Code.KEY_EXPIRED)
    if not fine:
        assert outcome.given == "one that expired at 2027-01-15T08:00:00Z"


def test_that_a_key_has_expired_is_told_to_those_who_have_it_only():
    expired = config({**BEARER, "expires": EXPIRES})
    assert code_of(check(expired, record(headers=WITH_SECRET))) is Code.KEY_EXPIRED
    assert code_of(check(expired, record())) is Code.UNAUTHENTICATED


# What it may


@pytest.mark.parametrize(
    ("models", "fine"),
    [(["*"], True), (["small"], True), (["large", "sm*"], True), (["Small"], False), (["sm"], False), ([], False)],
)
def test_a_key_asks_for_its_models_only(models, fine):
    outcome = check(config({**TRUSTED, "models": models}), record())
    assert code_of(outcome) is (None if fine else Code.FORBIDDEN)
    if not fine:
        assert outcome.expected == f"a model that matches {' or '.join(models) or 'nothing'}"
        assert outcome.given == "small"


def test_a_wrong_request_is_checked_too_and_then_its_own_failure_is_told():
    wrong = record(body={"model": "small"}, headers=WITH_SECRET)
    assert isinstance(read(wrong), Rejected)
    assert check(config({**BEARER, "models": []}), wrong).id == "rag"
    assert code_of(check(config(BEARER), record(body={"model": "small"}))) is Code.UNAUTHENTICATED


@pytest.mark.parametrize("lane", list(Lane))
@pytest.mark.parametrize("ceiling", [None, *Lane])
def test_a_key_s_lane_is_no_more_urgent_than_its_ceiling(lane, ceiling):
    rules = check(config({**TRUSTED, **({"lane": ceiling} if ceiling else {})}), record())
    order = list(Lane)
    assert order.index(rules.lane(lane)) == max(order.index(lane), order.index(ceiling or Lane.URGENT))
    asked = read(record(), lane=lane)
    assert rules.applied(asked).lane is rules.lane(lane)


def test_a_key_s_metadata_is_added_and_is_stronger():
    rules = check(config({**TRUSTED, "metadata": {"team": "rag", "site": "b"}}), record())
    asked = read(record(metadata={"team": "mine", "run": "7"}))
    assert rules.applied(asked).metadata == {"team": "rag", "site": "b", "run": "7"}
    assert asked.metadata == {"team": "mine", "run": "7"}


def test_where_nothing_changes_the_request_is_the_same():
    asked = read(record())
    assert check(config(TRUSTED), record()).applied(asked) is asked


def test_rules_say_what_reports_and_limits_need():
    parts = {"workspaces": [{"id": "research", "org": "acme"}], "orgs": [{"id": "acme"}]}
    rules = check(config({**TRUSTED, "workspace": "research", "weight": 3}, **parts), record())
    assert (rules.workspace, rules.org, rules.weight) == ("research", "acme", 3.0)
    alone = check(config({**TRUSTED, "workspace": "only-for-reports"}), record())
    assert (alone.workspace, alone.org) == ("only-for-reports", None)


# Reply topics

TENANTS = config(
    {"id": "rag", "workspace": "research"},
    {"id": "own", "workspace": "research", "reply_topics": ["headgate.replies.own"]},
    {"id": "shop", "workspace": "shop"},
    {"id": "free"},
    BEARER | {"id": "locked"},
    workspaces=[
        {"id": "research", "reply_topics": ["{prefix}replies.rag*", "answers"]},
        {"id": "shop", "reply_topics": ["{prefix}replies.shop"]},
    ],
)


@pytest.mark.parametrize(
    ("key", "topic", "fine"),
    [
        ("rag", "headgate.replies.rag-1", True),
        ("rag", "answers", True),  # beyond the file's own patterns
        ("rag", "headgate.replies.default", False),
        ("rag", "headgate.replies.shop", False),
        ("own", "headgate.replies.own", True),
        ("own", "headgate.replies.rag-1", False),
        ("shop", "headgate.replies.shop", True),
        ("shop", "headgate.replies.rag-1", False),
        ("free", "headgate.replies.default", True),
        ("free", "headgate.replies.shop", False),  # that is somebody's
        ("free", "elsewhere", False),
    ],
)
def test_a_key_is_answered_where_its_workspace_is_and_nowhere_else(key, topic, fine):
    outcome = check(TENANTS, record(key=key, reply_to=topic))
    assert code_of(outcome) is (None if fine else Code.UNKNOWN_REPLY_TOPIC)


@pytest.mark.parametrize("key", ["locked", "unknown"])
@pytest.mark.parametrize(
    ("topic", "code"),
    [
        ("headgate.replies.default", Code.UNAUTHENTICATED),
        ("headgate.replies.rag-1", Code.UNKNOWN_REPLY_TOPIC),  # else anybody could answer there for the gateway
        ("headgate.replies.shop", Code.UNKNOWN_REPLY_TOPIC),
        ("elsewhere", Code.UNKNOWN_REPLY_TOPIC),
    ],
)
def test_who_proves_nothing_is_answered_where_nobody_is(key, topic, code):
    assert code_of(check(TENANTS, record(key=key, reply_to=topic))) is code


@pytest.mark.parametrize("proof", [(), WITH_SECRET])
def test_nobody_is_answered_on_a_topic_that_headgate_reads_itself(proof):
    topics = Topics()
    everywhere = config(BEARER, reply_topics=["*"])
    its_own = config({**BEARER, "reply_topics": ["*"]})
    for wide in (everywhere, its_own):
        assert code_of(check(wide, record(reply_to="anywhere", headers=WITH_SECRET))) is None
    for topic in (*topics.lanes, *topics.deferrals, topics.usage, topics.dead_letters, topics.control, topics.alerts):
        for wide in (everywhere, its_own, config(reply_topics=["*"])):
            outcome = check(wide, record(reply_to=topic, headers=proof))
            assert code_of(outcome) is Code.UNKNOWN_REPLY_TOPIC, topic


# A second look


def test_what_was_admitted_once_is_looked_at_again_without_its_proof():
    keyring = Keyring.of(config({**SIGNED, "expires": EXPIRES, "models": ["small"]}))
    asked = read(record(), at_ms=NOW_MS - 5)
    assert keyring.recheck(asked, NOW_MS - 1).id == "rag"
    assert code_of(keyring.recheck(asked, NOW_MS)) is Code.KEY_EXPIRED
    assert code_of(keyring.recheck(msgspec.structs.replace(asked, model="large"), NOW_MS - 1)) is Code.FORBIDDEN
    elsewhere = msgspec.structs.replace(asked, reply_to="elsewhere")
    assert code_of(keyring.recheck(elsewhere, NOW_MS - 1)) is Code.UNKNOWN_REPLY_TOPIC


def test_a_key_that_was_removed_meanwhile_is_unknown():
    assert code_of(Keyring.of(config({"id": "other"})).recheck(read(record()), NOW_MS)) is Code.UNAUTHENTICATED
    assert Keyring.of(config()).recheck(read(record()), NOW_MS).id == "rag"


# Patterns


@given(
    st.lists(st.text("ab*?[]!.-\n", max_size=6), max_size=3),
    st.text("ab*?[]!.-\n", max_size=6),
)
def test_patterns_are_those_of_file_names_with_case(patterns, name):
    assert Patterns(patterns).match(name) == any(fnmatchcase(name, pattern) for pattern in patterns)


@given(st.text(min_size=1, max_size=400))
def test_any_name_of_a_key_is_answered(name):
    assert code_of(check(ALL, record(key=name))) is Code.UNAUTHENTICATED


def test_records_without_headers_are_records():
    assert check(config(), Record("t", record().value)).id == "rag"
