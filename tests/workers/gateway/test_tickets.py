"""A reserved slot is in the limits of one deployment: at another one it would be somebody else's."""

from hypothesis import given
from hypothesis import strategies as st

from headgate.routing.access.rules import unlimited
from headgate.routing.admission.rulebook import Rulebook
from headgate.routing.admission.taking import Bookkeeping
from headgate.routing.target import Plan, RetryPolicy
from headgate.routing.tokens.estimator import TokenEstimator
from headgate.schemas.deferral import Deferral
from headgate.schemas.reading import read_request
from headgate.schemas.request import Arrival, Defaults
from headgate.schemas.topics import Lane
from headgate.workers.admission.memory import MemoryAdmission
from headgate.workers.admission.memory_store import MemoryStore
from headgate.workers.bus.port import Delivery
from headgate.workers.gateway.job import Job
from headgate.workers.gateway.tolls import Tolls
from headgate.workers.journal.claims import Claim, Run
from headgate.workers.journal.in_memory import MemoryJournal
from support.gateways import chat, config_of, target

HOURLY = {"requests_per_hour": 60}
CLAIM = Claim("r1", "x/0", b"", Run("run", 1, ()))


def presented(at, *, reserved_for, limits, number=1):
    """Return the ticket that a request which comes back presents at a deployment of these limits."""
    deployments = [{"id": name, "model": "m", "provider": "openai", "limits": limits} for name in ("d1", "d2")]
    config = config_of(
        keys=[{"id": "k", "limits": HOURLY}],
        providers={"openai": {"base_url": "http://127.0.0.1:9/v1"}},
        models=[{"name": "small", "deployments": deployments}],
    )
    record = chat(1, key="k")
    request = read_request(record, Arrival("x/0", Lane.STANDARD, 0), Defaults())
    deferral = Deferral(Lane.STANDARD, "x/0", 0, 0, ticket_us=77, ticket_for=reserved_for)
    plan = Plan((target("d1"), target("d2")), RetryPolicy())
    job = Job(Delivery(record, "x/0", 0, None), request, unlimited("k"), plan, "x/0", deferral)
    admission = MemoryAdmission(MemoryStore(lambda: 0, runs={}), "w")
    tolls = Tolls(Rulebook.of(config), Bookkeeping(), TokenEstimator(), admission, MemoryJournal().mark)
    begun = tuple(tolls.notebook.begun(request, target(at)) for _ in range(number))
    return tolls.ask(job, CLAIM, target(at), begun).ticket_us


def test_a_slot_in_the_limits_of_a_deployment_is_presented_there_and_nowhere_else():
    assert presented("d1", reserved_for="d1", limits=HOURLY) == 77
    assert presented("d2", reserved_for="d1", limits=HOURLY) is None


def test_a_slot_in_the_limits_of_the_key_alone_is_good_at_any_deployment():
    assert presented("d2", reserved_for="d1", limits={}) == 77


def test_it_is_presented_once():
    assert presented("d1", reserved_for="d1", limits=HOURLY, number=2) is None


@given(st.permutations(["a", "b", "c"]), st.sampled_from([None, "a", "b", "c", "gone"]))
def test_a_request_that_comes_back_tries_the_deployment_of_its_slot_first_and_the_others_in_their_order(names, wanted):
    plan = Plan(tuple(target(name) for name in names), RetryPolicy())
    tried = [each.id for each in plan.beginning_with(wanted).targets]
    assert tried[0] == (wanted if wanted in names else names[0])
    assert [name for name in tried if name != wanted] == [name for name in names if name != wanted]
