"""Token estimates before the call, and what is learned from the counts after it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from ...schemas.reply import Tokens
from ...schemas.request import Request
from ..estimate import Measure, TokenEstimate
from ..providers.body import as_sent
from ..target import Target
from ..twins import twins_at
from .bounds import Bounds, most_input, most_output
from .learned import Ratio, Remembered
from .vocabulary import Vocabulary, encoding_of
from .weigh import Weight, weigh

#: What is expected of text before anything was learned: 4 bytes per token, and a few tokens around each message.
_PER_BYTE: Final = 0.25
_PER_PIECE: Final = 4
_PER_IMAGE: Final = 1_024
_PER_AUDIO: Final = 1 / 1_024
#: Output tokens of a choice.
_OUTPUT: Final = 512
#: What was expected counts as much as so many tokens that were counted: a request or two.
_INPUT_WEIGHT: Final = 500
_OUTPUT_WEIGHT: Final = 2
#: Pairs of key and model, models, and deployments that are remembered.
_PAIRS, _MODELS = 8_192, 1_024
#: Bytes. A longer text is not counted exactly: that would hold up everybody else, and over its length errors even out.
_LONGEST_COUNTED: Final = 32_768
_FIRST_ERRORS: Final = 1.0

#: A target's overrides.
Params = tuple[tuple[str, bytes], ...]

_NOTHING: Final[Mapping[str, Bounds]] = MappingProxyType({})
_NO_VOCABULARIES: Final[Mapping[str, Vocabulary]] = MappingProxyType({})


class Missed(msgspec.Struct, frozen=True):
    """How far an estimate was off: the difference over the true count, positive where it was too high."""

    input: float
    output: float
    #: Whether it took more than the worst case, which a budget then did not hold.
    beyond_worst: bool


class _Lesson:
    """What was learned of a model, or of a key's requests to it."""

    __slots__ = ("cached", "counted", "guessed", "output")

    def __init__(self, model: "_Lesson | None" = None) -> None:
        #: Tokens per expected token, where texts were counted and where they were not.
        self.counted: Ratio = Ratio(1.0 if model is None else model.counted.value, _INPUT_WEIGHT)
        self.guessed: Ratio = Ratio(1.0 if model is None else model.guessed.value, _INPUT_WEIGHT)
        #: Output tokens per choice.
        self.output: Ratio = Ratio(float(_OUTPUT) if model is None else model.output.value, _OUTPUT_WEIGHT)
        #: Cached tokens per input token.
        self.cached: Ratio = Ratio(0.0 if model is None else model.cached.value, _INPUT_WEIGHT)

    def input(self, measure: Measure) -> Ratio:
        return self.guessed if measure.counted is None else self.counted


class _Beyond:
    """How far a deployment has gone beyond what should have been its worst case."""

    __slots__ = ("input", "output")

    def __init__(self) -> None:
        self.input = self.output = 0


class TokenEstimator:
    """Estimates; learns per key and model, so it belongs to one gateway. What a key is new to, its model teaches it."""

    def __init__(
        self,
        bounds: Bounds | None = None,
        deployments: Mapping[str, Bounds] = _NOTHING,
        vocabularies: Mapping[str, Vocabulary] = _NO_VOCABULARIES,
    ) -> None:
        """`deployments` are bounds by deployment, and `vocabularies` are those of `load_vocabularies`."""
        self._bounds = bounds or Bounds()
        self._deployments = deployments
        self._vocabularies = vocabularies
        self._pairs: Remembered[tuple[str, str, str], _Lesson] = Remembered(_PAIRS)
        self._models: Remembered[tuple[str, str], _Lesson] = Remembered(_MODELS)
        self._beyond: Remembered[str, _Beyond] = Remembered(_MODELS)
        self._measured: tuple[Request | None, dict[tuple[str | None, Params], Measure]] = None, {}
        self._most: tuple[Measure | None, Bounds, tuple[int, int]] = None, self._bounds, (0, 0)
        #: Of those of which nothing was learned.
        self._no_lesson = _Lesson()
        self._input_error = Ratio(0.0, _FIRST_ERRORS)
        self._output_error = Ratio(0.0, _FIRST_ERRORS)

    def __repr__(self) -> str:
        return f"<TokenEstimator {len(self._pairs)} keys and models, input off by {self.input_error:.1%}>"

    @property
    def input_error(self) -> float:
        """By how much of the true count input estimates are off: a moving mean, whatever the sign."""
        return self._input_error.value

    @property
    def output_error(self) -> float:
        """By how much of the true count output estimates are off: a moving mean, whatever the sign."""
        return self._output_error.value

    @property
    def errors(self) -> Mapping[str, float]:
        """Both, by what they are of; 0 until something was counted."""
        return {"input": self.input_error, "output": self.output_error}

    def estimate(self, request: Request, target: Target) -> TokenEstimate:
        """Return what an attempt is expected to take, and the most that it can take."""
        return self._estimate(self._measure(request, target), request, target)

    def observe(self, request: Request, target: Target, tokens: Tokens, measure: Measure | None = None) -> Missed:
        """Learn what an attempt took, as the provider counted it, and say how far its estimate was off.

        `measure` is that of the estimate, where somebody has kept it.
        """
        measure = measure or self._measure(request, target)
        estimate = self._estimate(measure, request, target)
        self._learn(measure, request, target, tokens)
        beyond = self._go_beyond(target, tokens, estimate)
        missed = Missed(_off(estimate.input, tokens.input), _off(estimate.output, tokens.output), beyond)
        self._input_error.add(abs(missed.input), 1.0)
        if measure.weight.limit != 0:  # an embedding has no output to be wrong about
            self._output_error.add(abs(missed.output), 1.0)
        return missed

    def _estimate(self, measure: Measure, request: Request, target: Target) -> TokenEstimate:
        lesson, weight = self._lesson(request, target), measure.weight
        twins = twins_at(target, request, weight.choices)
        worst_input, worst_output = self._worst(measure, self.bounds(target))
        worst_input *= twins
        beyond = self._beyond.get(target.id)
        if beyond is not None:
            worst_input, worst_output = worst_input + beyond.input, worst_output + beyond.output
        input_ = min(max(round(lesson.input(measure).value * measure.expected * twins), 1), worst_input)
        cached = lesson.cached.value
        return TokenEstimate(
            input=input_,
            output=min(max(round(lesson.output.value * weight.choices), 1), worst_output),
            worst_input=worst_input,
            worst_output=worst_output,
            cached=min(round(cached * input_), input_) if cached else 0,
            measure=measure,
            worst_units=weight.units,
            twins=twins,
        )

    def _worst(self, measure: Measure, bounds: Bounds) -> tuple[int, int]:
        """Return the most input and output of a body; the last ones are remembered, as its measure is."""
        of_measure, of_bounds, most = self._most
        if of_measure is not measure or of_bounds is not bounds:
            weight = measure.weight
            most = most_input(weight, bounds, counted=measure.counted), most_output(weight, bounds)
            self._most = measure, bounds, most
        return most

    def bounds(self, target: Target) -> Bounds:
        """Return a deployment's bounds."""
        return self._deployments.get(target.id, self._bounds)

    def _lesson(self, request: Request, target: Target) -> _Lesson:
        provider, model = target.provider, target.upstream_model
        return self._pairs.get((request.key, provider, model)) or self._models.get((provider, model)) or self._no_lesson

    def _learn(self, measure: Measure, request: Request, target: Target, tokens: Tokens) -> None:
        model = (target.provider, target.upstream_model)
        shared = self._models.used(model, _Lesson)
        own = self._pairs.used((request.key, *model), lambda: _Lesson(shared))
        expected = measure.expected * twins_at(target, request, measure.weight.choices)
        for lesson in (own, shared):
            lesson.input(measure).add(tokens.input, expected)
            lesson.output.add(tokens.output, measure.weight.choices)
            if tokens.input:
                lesson.cached.add(tokens.cached, tokens.input)

    def _go_beyond(self, target: Target, tokens: Tokens, estimate: TokenEstimate) -> bool:
        """Widen a deployment's worst case if it was not the worst."""
        over_input, over_output = tokens.input - estimate.worst_input, tokens.output - estimate.worst_output
        if max(over_input, over_output) <= 0:
            return False
        beyond = self._beyond.used(target.id, _Beyond)
        beyond.input += max(over_input, 0)
        beyond.output += max(over_output, 0)
        return True

    def _measure(self, request: Request, target: Target) -> Measure:
        """Measure a request; the last one is remembered, because all of its deployments are asked about in a row."""
        encoding = encoding_of(target.listed_as, target.upstream_model) if self._vocabularies else None
        measured, measures = self._measured
        if measured is not request:
            measures = {}
            self._measured = request, measures
        measure = measures.get((encoding, target.params))
        if measure is None:
            measure = measures[encoding, target.params] = self._measure_anew(as_sent(request, target), encoding)
        return measure

    def _measure_anew(self, request: Request, encoding: str | None) -> Measure:
        weight = weigh(request)
        counted = self._count(weight, encoding)
        text = weight.text_bytes * _PER_BYTE if counted is None else counted
        media = weight.images * _PER_IMAGE + weight.audio * _PER_AUDIO
        expected = text + weight.json_bytes * _PER_BYTE + weight.pieces * _PER_PIECE + weight.ids + media
        return Measure(msgspec.structs.replace(weight, texts=()), max(expected, 1.0), counted)

    def _count(self, weight: Weight, encoding: str | None) -> int | None:
        if encoding is None or not weight.texts or weight.text_bytes > _LONGEST_COUNTED:
            return None
        vocabulary = self._vocabularies.get(encoding)
        return None if vocabulary is None else sum(map(vocabulary.count, weight.texts))


def _off(estimate: int, true: int) -> float:
    return (estimate - true) / max(true, 1)
