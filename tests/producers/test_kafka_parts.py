"""The parts of the Kafka clients that need no broker."""

import ssl

import pytest
from aiokafka.partitioner import murmur2 as murmur2_of_aiokafka
from hypothesis import given
from hypothesis import strategies as st

from headgate.producers.kafka_client import client_options
from headgate.producers.kafka_cursor import read_cursor, write_cursor
from headgate.producers.kafka_partitioner import murmur2, partition_of
from headgate.schemas.config import KafkaBus


@given(st.binary(max_size=80))
def test_keys_hash_as_java_hashes_them(data):
    assert murmur2(data) == murmur2_of_aiokafka(data)


@pytest.mark.parametrize(("key", "of_ten"), [(b"21", 0x7FFFFFFF & -973932308), (b"foobar", 0x7FFFFFFF & -790332482)])
def test_keys_go_where_apache_kafkas_own_test_says(key, of_ten):
    """`UtilsTest.testMurmur2`."""
    assert partition_of(key, 10) == of_ten % 10


@given(st.dictionaries(st.integers(0, 500), st.integers(0, 2**62)))
def test_a_cursor_comes_back(offsets):
    assert read_cursor(write_cursor(offsets)) == offsets


@pytest.mark.parametrize("text", ["x", "1", "1:2:3", "1:x", "17-0"])
def test_a_text_that_is_no_cursor_says_what_one_looks_like(text):
    with pytest.raises(ValueError, match=r"expected a cursor like 0:17,1:4 .* got "):
        read_cursor(text)


def test_plain_text_is_the_default():
    options = client_options(KafkaBus(bootstrap_servers=["a:1", "b:2"]), "me")
    assert options["bootstrap_servers"] == ["a:1", "b:2"]
    assert (options["security_protocol"], options["ssl_context"]) == ("PLAINTEXT", None)


def test_sasl_over_tls():
    sasl = {"mechanism": "SCRAM-SHA-256", "username": "u", "password": "p"}
    options = client_options(KafkaBus(sasl=sasl, tls={"check_hostname": False}), "me")
    assert options["security_protocol"] == "SASL_SSL"
    assert (options["sasl_mechanism"], options["sasl_plain_username"]) == ("SCRAM-SHA-256", "u")
    assert options["sasl_plain_password"] == "p"
    assert isinstance(options["ssl_context"], ssl.SSLContext)
    assert not options["ssl_context"].check_hostname
    assert options["ssl_context"].verify_mode is ssl.CERT_REQUIRED


def test_sasl_without_tls():
    options = client_options(KafkaBus(sasl={"username": "u", "password": "p"}), "me")
    assert (options["security_protocol"], options["sasl_mechanism"]) == ("SASL_PLAINTEXT", "SCRAM-SHA-512")


def test_a_certificate_file_that_is_not_there_is_an_error_at_once(tmp_path):
    with pytest.raises(FileNotFoundError):
        client_options(KafkaBus(tls={"ca_file": str(tmp_path / "none.pem")}), "me")
