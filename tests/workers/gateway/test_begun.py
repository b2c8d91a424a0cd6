"""What is written down of an attempt before it is made."""

from msgspec.structs import replace

from headgate.routing.dearest import Dearest
from headgate.schemas.reading import read_request
from headgate.schemas.request import Arrival, Defaults
from headgate.schemas.topics import Lane
from headgate.workers.gateway.begun import Notebook, target_of
from support.gateways import PRICE, chat, target

DEARER = replace(PRICE, version="test 2", request=10**15)


def asked(**body):
    return read_request(chat(1, **body), Arrival("x/0", Lane.STANDARD, 0), Defaults())


def test_an_attempt_is_written_down_with_what_its_price_may_come_to():
    begun = Notebook().begun(asked(), target("d1", price=PRICE))
    assert (begun.deployment, begun.provider, begun.calls) == ("d1", "openai", 1)
    assert begun.price == Dearest.of(PRICE, None)
    assert target_of(begun).price.version == "test 1"


def test_a_price_that_has_changed_is_not_mistaken_for_the_former_one():
    notebook = Notebook()
    notebook.begun(asked(), target("d1", price=PRICE))
    assert (
        notebook.begun(asked(), target("d1", price=DEARER)).price == Dearest.of(DEARER, None) != Dearest.of(PRICE, None)
    )
    assert notebook.begun(asked(), target("d1", price=None)).price is None


def test_two_deployments_of_two_prices_are_told_apart():
    notebook = Notebook()
    prices = [notebook.begun(asked(), target(name, price=price)).price for name, price in (("a", PRICE), ("b", DEARER))]
    assert [price.version for price in prices] == ["test 1", "test 2"]


def test_any_number_of_tiers_takes_no_more_room_than_some():
    notebook = Notebook()
    for number in range(3_000):
        body = {"model": "small", "messages": [{"role": "user", "content": "x"}], "service_tier": f"t{number}"}
        assert notebook.begun(asked(body=body), target("d1", price=PRICE)).price is not None
    assert len(notebook._dearest) <= 1_000
