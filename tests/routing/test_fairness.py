"""Which ready request goes next."""

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from headgate.routing import fairness
from headgate.routing.fairness import FLOOR, LIFT, NEAR_US, Fair
from headgate.schemas.topics import Lane

URGENT, STANDARD, BULK = Lane.URGENT, Lane.STANDARD, Lane.BULK
FAR = 10**15


class Backlog:
    """A fair queue, and keys that never run out of requests; counts what each was served."""

    def __init__(self):
        self.fair = Fair()
        self.numbers = itertools.count()
        self.known = {}
        self.served = {}

    def add(self, lane, key, weight=1.0, cost=100, deadline_us=FAR):
        item = next(self.numbers)
        self.known[item] = (lane, key, weight, cost, deadline_us)
        self.served.setdefault((lane, key), 0)
        self.fair.add(item, lane, key, weight, cost, deadline_us)
        return item

    def take(self, now_us=0):
        """Take one, end it at once, and say whose it was."""
        (item,) = self.fair.take(1, now_us)
        lane, key, _, cost, _ = self.known[item]
        self.served[lane, key] += cost
        self.fair.correct(lane, key, 0)
        return lane, key

    def keys(self, count):
        return [self.take()[1] for _ in range(count)]


def test_nothing_waits_at_first():
    fair = Fair()
    assert (len(fair), fair.take(5, 0), fair.remove("x"), fair.waiting(URGENT, "a")) == (0, [], False, 0)


def test_requests_of_one_key_go_in_the_order_of_their_deadlines_then_of_arrival():
    fair = Fair()
    for item, deadline in (("late", 300), ("first", 100), ("second", 100), ("middle", 200)):
        fair.add(item, STANDARD, "a", 1.0, 10, FAR + deadline)
    assert fair.waiting(STANDARD, "a") == 4
    assert fair.take(3, 0) == ["first", "second", "middle"]
    assert fair.take(3, 0) == ["late"]


def test_a_removed_request_does_not_go_and_is_not_charged():
    fair = Fair()
    fair.add("dear", STANDARD, "a", 1.0, 10**6, 0)
    fair.add("a", STANDARD, "a", 1.0, 10, FAR)
    fair.add("b1", STANDARD, "b", 1.0, 10, FAR)
    fair.add("b2", STANDARD, "b", 1.0, 10, FAR)
    assert fair.remove("dear")
    assert not fair.remove("dear")
    assert len(fair) == 3
    assert set(fair.take(2, 0)) == {"a", "b1"}  # the removed one would have put its key far behind
    assert not fair.remove("a")


def test_an_item_waits_once():
    fair = Fair()
    fair.add("x", STANDARD, "a", 1.0, 10, FAR)
    with pytest.raises(ValueError, match="does not wait yet, got 'x'"):
        fair.add("x", BULK, "b", 1.0, 10, FAR)


def test_an_end_that_nobody_waits_for_is_a_mistake():
    fair = Fair()
    fair.add("x", STANDARD, "a", 1.0, 10, FAR)
    with pytest.raises(ValueError, match="has not ended yet, got 'a'"):
        fair.correct(STANDARD, "a", 0)
    fair.take(1, 0)
    fair.correct(STANDARD, "a", 0)
    with pytest.raises(ValueError, match="has not ended yet"):
        fair.correct(STANDARD, "a", 0)


def test_keys_share_by_weight_in_tokens_however_long_their_requests_are():
    backlog, chance = Backlog(), random.Random(1)
    weights = {"a": 1.0, "b": 2.0, "c": 0.5, "d": 6.5}
    lengths = {"a": 10, "b": 5000, "c": 300, "d": 40}

    def add(key):
        backlog.add(STANDARD, key, weights[key], chance.randint(1, 2 * lengths[key]))

    for key in weights:
        add(key)
        add(key)
    for _ in range(40_000):
        add(backlog.take()[1])
    total = sum(backlog.served.values())
    for key, weight in weights.items():
        assert backlog.served[STANDARD, key] / total == pytest.approx(weight / 10, rel=0.02), key


#: The machine may be busy.
PATIENT = settings(deadline=None)
Weights = st.lists(st.sampled_from([0.25, 0.5, 1.0, 3.0, 10.0, 1000.0]), min_size=2, max_size=6)


@PATIENT
@given(
    weights=Weights, seed=st.integers(0, 2**32), longest=st.sampled_from([1, 50, 100_000]), urgent_share=st.floats(0, 1)
)
def test_no_two_keys_ever_drift_further_apart_than_a_request_each_and_the_lift(weights, seed, longest, urgent_share):
    chance, backlog, now = random.Random(seed), Backlog(), 10**9

    def add(key):
        deadline = now if chance.random() < urgent_share else FAR
        backlog.add(STANDARD, key, weights[key], chance.randint(1, longest), deadline)

    for key in range(len(weights)):
        add(key)
        add(key)
    seen = []
    for _ in range(150):
        add(backlog.take(now)[1])
        seen.append([backlog.served[STANDARD, key] / weight for key, weight in enumerate(weights)])
    lift = 2 * LIFT if urgent_share else 0
    for one, other in itertools.combinations(range(len(weights)), 2):
        apart = [row[one] - row[other] for row in seen]
        bound = longest / weights[one] + longest / weights[other] + lift
        assert max(apart) - min(apart) <= bound + 1e-3


def test_a_key_that_was_away_has_no_credit():
    backlog = Backlog()
    for _ in range(500):
        backlog.add(STANDARD, "busy")
    backlog.add(STANDARD, "back")
    assert "back" in backlog.keys(2)
    backlog.keys(300)
    for _ in range(100):
        backlog.add(STANDARD, "back")
    assert 19 <= backlog.keys(40).count("back") <= 21


def test_what_a_key_was_served_beyond_its_share_is_held_against_it_when_it_comes_back():
    backlog = Backlog()
    for _ in range(100):
        backlog.add(STANDARD, "other")
    backlog.add(STANDARD, "greedy", cost=2_000)
    assert "greedy" in backlog.keys(2)
    backlog.add(STANDARD, "greedy")
    order = backlog.keys(30)
    assert 18 <= order.index("greedy") <= 21


def test_estimates_that_are_wrong_are_made_good_when_the_truth_is_known():
    backlog, truth = Backlog(), {"too much": 1.0, "too little": 1.0}
    served = dict.fromkeys(truth, 0)
    estimates = {"too much": 4_000, "too little": 100}
    for key in (*truth, *truth):
        backlog.add(STANDARD, key, cost=estimates[key])
    for _ in range(2_000):
        (item,) = backlog.fair.take(1, 0)
        key = backlog.known[item][1]
        served[key] += 500
        backlog.fair.correct(STANDARD, key, 500 - estimates[key])
        backlog.add(STANDARD, key, cost=estimates[key])
    assert served["too much"] == pytest.approx(served["too little"], rel=0.02)


def test_what_was_given_back_for_requests_before_a_pause_is_no_credit_after_it():
    fair = Fair()
    fair.add("slow", STANDARD, "a", 1.0, 1_000_000, FAR)
    assert fair.take(1, 0) == ["slow"]
    for number in range(60):
        fair.add(f"b{number}", STANDARD, "b", 1.0, 100_000, FAR)
    fair.take(20, 0)
    for number in range(60):
        fair.add(f"a{number}", STANDARD, "a", 1.0, 100_000, FAR)
    fair.correct(STANDARD, "a", -1_000_000)
    following = fair.take(20, 0)
    assert 9 <= sum(item.startswith("a") for item in following) <= 11


def test_lanes_go_by_priority():
    fair = Fair()
    for lane in (BULK, STANDARD, URGENT):
        fair.add(lane, lane, "a", 1.0, 10, FAR)
    assert fair.take(3, 0) == [URGENT, STANDARD, BULK]


def test_a_waiting_lane_gets_its_floor_and_no_more():
    backlog = Backlog()
    for _ in range(4_000):
        for lane in Lane:
            backlog.add(lane, "a")
    taken = [backlog.take()[0] for _ in range(3_000)]
    for lane in (STANDARD, BULK):
        assert taken.count(lane) / 3_000 == pytest.approx(1 / (FLOOR + 1), rel=0.05)
    assert taken[:20].count(URGENT) >= 16


@PATIENT
@given(
    costs=st.lists(st.tuples(st.sampled_from(Lane), st.integers(1, 1000)), min_size=5, max_size=60),
    last=st.sampled_from([STANDARD, BULK]),
)
def test_no_lane_starves(costs, last):
    backlog, longest = Backlog(), max(cost for _, cost in costs)
    feed = itertools.cycle(costs)
    backlog.add(last, "a", cost=longest)
    others_since = own_since = 0
    for _ in range(400):
        for lane, cost in itertools.islice(feed, 2):
            backlog.add(lane, "a", cost=cost)
        while backlog.fair.waiting(last, "a") < 2:
            backlog.add(last, "a", cost=longest)
        (item,) = backlog.fair.take(1, 0)
        lane, _, _, cost, _ = backlog.known[item]
        backlog.fair.correct(lane, "a", 0)
        if lane is last:
            own_since += cost
        else:
            others_since += cost
        assert FLOOR * own_since + 19 * longest >= others_since


def test_a_lane_banks_nothing_while_it_has_nothing_to_do():
    backlog = Backlog()
    for _ in range(2_000):
        backlog.add(URGENT, "a")
    for _ in range(1_000):
        backlog.take()
    for _ in range(100):
        backlog.add(BULK, "a")
    assert [backlog.take()[0] for _ in range(34)].count(BULK) <= 3


def test_a_request_whose_deadline_nears_goes_before_other_keys_and_pays_it_back():
    backlog, now = Backlog(), 10**9
    for _ in range(300):
        backlog.add(STANDARD, "calm", cost=1_000)
    for _ in range(20):
        backlog.add(STANDARD, "pressed", cost=1_000, deadline_us=now + NEAR_US + 1)
    for _ in range(100):
        backlog.add(STANDARD, "pressed", cost=1_000)
    assert [backlog.take(now)[1] for _ in range(10)].count("pressed") == 5  # not near yet
    later = now + NEAR_US
    assert {backlog.take(later)[1] for _ in range(15)} == {"pressed"}
    assert [backlog.take(later)[1] for _ in range(14)].count("pressed") == 0
    assert 10 <= [backlog.take(later)[1] for _ in range(22)].count("pressed") <= 12


def test_a_key_that_comes_while_others_are_pressed_has_no_credit_either():
    backlog, now = Backlog(), 10**9
    for _ in range(600):
        backlog.add(STANDARD, "calm", cost=1_000)
    for _ in range(200):
        backlog.take(now)
    backlog.add(STANDARD, "pressed", cost=1_000, deadline_us=now)
    assert backlog.take(now)[1] == "pressed"
    for _ in range(100):
        backlog.add(STANDARD, "new", cost=1_000)
    assert [backlog.take(now)[1] for _ in range(40)].count("new") <= 21


def test_near_deadlines_cannot_starve_another_key():
    backlog, now = Backlog(), 10**9
    for _ in range(1_000):
        backlog.add(STANDARD, "pressed", cost=1_000, deadline_us=now)
    for _ in range(100):
        backlog.add(STANDARD, "calm", cost=1_000)
    before = [backlog.take(now)[1] for _ in range(200)]
    assert before.index("calm") <= LIFT // 1_000 + 1
    assert 60 <= before.count("calm") <= 100


def test_keys_that_come_once_are_forgotten(monkeypatch):
    monkeypatch.setattr(fairness, "_REMEMBERED", 50)
    backlog = Backlog()
    for number in range(2_000):
        backlog.add(STANDARD, f"key {number}")
        backlog.take()
    lane = backlog.fair._lanes[STANDARD]
    assert len(lane.flows) <= 52
    assert max(map(len, (lane._order, lane._deadlines, lane._idle))) <= 2 * 52 + 65


def test_requests_that_come_and_are_removed_leave_nothing_behind():
    backlog = Backlog()
    backlog.add(STANDARD, "a", deadline_us=1)
    for _ in range(3_000):
        backlog.fair.remove(backlog.add(STANDARD, "a"))
        backlog.fair.remove(backlog.add(STANDARD, "b"))
    lane = backlog.fair._lanes[STANDARD]
    assert max(map(len, (lane._order, lane._deadlines, lane.flows["a"].queue))) <= 100
    assert len(lane._idle) <= fairness._REMEMBERED


class Machine(RuleBasedStateMachine):
    """Any order of calls: what goes is what a search through everything that waits would find."""

    def __init__(self):
        super().__init__()
        self.fair = Fair()
        self.numbers = itertools.count()
        self.waiting = {}
        self.running = []
        self.now = 10**9

    @rule(
        lane=st.sampled_from(Lane),
        key=st.sampled_from("abc"),
        weight=st.sampled_from([0.1, 1.0, 7.0]),
        cost=st.integers(-1, 200_000),
        due=st.integers(-100, 200),
    )
    def add(self, lane, key, weight, cost, due):
        item = next(self.numbers)
        deadline = self.now + due * 1_000_000
        self.fair.add(item, lane, key, weight, cost, deadline)
        self.waiting[item] = (lane, key, deadline)

    @rule(count=st.integers(0, 4))
    def take(self, count):
        for _ in range(count):
            expected = min(len(self.waiting), 1)
            best = {lane: self._best(lane) for lane in Lane}
            taken = self.fair.take(1, self.now)
            assert len(taken) == expected
            for item in taken:
                lane, key, _ = self.waiting[item]
                assert item in best[lane]
                del self.waiting[item]
                self.running.append((lane, key))

    def _best(self, lane):
        """Return the first request of each key that has the lowest tag."""
        heads = {}
        for item, (where, key, deadline) in self.waiting.items():
            if where is lane and (key not in heads or (deadline, item) < heads[key]):
                heads[key] = (deadline, item)
        flows = self.fair._lanes[lane].flows
        tags = {
            key: flows[key].start() - (LIFT * fairness._SCALE if deadline <= self.now + NEAR_US else 0)
            for key, (deadline, _) in heads.items()
        }
        return {heads[key][1] for key, tag in tags.items() if tag == min(tags.values())}

    @precondition(lambda self: self.running)
    @rule(data=st.data(), delta=st.integers(-200_000, 200_000))
    def correct(self, data, delta):
        lane, key = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
        self.fair.correct(lane, key, delta)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def remove(self, data):
        item = data.draw(st.sampled_from(sorted(self.waiting)))
        assert self.fair.remove(item)
        del self.waiting[item]

    @rule(seconds=st.integers(0, 90))
    def wait(self, seconds):
        self.now += seconds * 1_000_000

    @invariant()
    def everything_is_counted(self):
        assert len(self.fair) == len(self.waiting)
        for lane in Lane:
            for key in "abc":
                there = [item for item, known in self.waiting.items() if known[:2] == (lane, key)]
                assert self.fair.waiting(lane, key) == len(there)


TestAnyOrderOfCalls = Machine.TestCase
TestAnyOrderOfCalls.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
