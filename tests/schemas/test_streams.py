"""How records lie in streams: ids, and the form in which scripts read records."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from headgate.schemas.record import Record
from headgate.schemas.streams import Form, at_ms, fields_of, id_after, id_before, order_of, record_of, stream_key

LAST = 2**64 - 1
MS, NUMBER = st.integers(1, 2**48), st.integers(0, LAST)
IDS = st.builds("{}-{}".format, MS, NUMBER | st.just(0) | st.just(LAST))
RECORDS = st.builds(
    Record,
    st.sampled_from(["a", "b", "headgate.usage"]),
    st.none() | st.binary(max_size=40),
    st.none() | st.binary(max_size=8),
    st.lists(st.tuples(st.text("abc", max_size=3), st.none() | st.binary(max_size=5)), max_size=3).map(tuple),
)


@given(IDS)
def test_the_neighbours_of_an_id_are_the_nearest(entry):
    assert id_before(id_after(entry)) == entry == id_after(id_before(entry))
    assert order_of(id_before(entry)) < order_of(entry) < order_of(id_after(entry))


@given(MS)
def test_ids_pass_to_the_next_millisecond_when_its_numbers_are_used_up(ms):
    assert id_after(f"{ms}-{LAST}") == f"{ms + 1}-0"
    assert id_before(f"{ms}-0") == f"{ms - 1}-{LAST}"


@given(MS, NUMBER)
def test_an_id_tells_its_time(ms, number):
    assert at_ms(f"{ms}-{number}") == ms
    assert order_of(f"{ms}") == (ms, 0)


@given(st.lists(st.lists(RECORDS, max_size=4), max_size=4))
def test_what_is_written_in_a_form_can_be_read_from_it_in_its_order(parts):
    form = Form("p.", "first")
    lengths = msgspec.msgpack.decode(msgspec.msgpack.encode([form.write(part) for part in parts]))
    blob, at, read = form.fields, 0, []
    for place, *sizes in (record for part in lengths for record in part):
        fields = []
        for size in sizes:
            fields.append(blob[at : at + size])
            at += size
        read.append((form.keys[place - 1], fields))
    written = [record for part in parts for record in part]
    assert at == len(blob)
    assert read == [(stream_key("p.", record.topic), fields_of(record)) for record in written]
    assert [record_of(r.topic, fields) for r, (_, fields) in zip(written, read, strict=True)] == written
    assert len(set(form.keys)) == len(form.keys), "each key once"
    assert form.keys[0] == "first"
