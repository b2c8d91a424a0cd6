"""Whose each partition is, through rebalances: no I/O."""

from collections.abc import Collection, Iterable, Iterator, Mapping

from aiokafka import TopicPartition

from .tracker import Commit, Standing, Tracker


class Partitions:
    """The trackers of the partitions that are ours, or were until a moment ago."""

    def __init__(self) -> None:
        self._trackers: dict[tuple[str, int], Tracker] = {}
        #: False from the moment that a rebalance begins until it is known what is ours.
        self.admitting = False
        #: Counts the times that something was taken late.
        self.turn = 0

    def __repr__(self) -> str:
        return f"<Partitions {self._trackers!r}>"

    def __iter__(self) -> Iterator[Tracker]:
        return iter(self._trackers.values())

    def get(self, topic: str, partition: int) -> Tracker | None:
        """Return the tracker of a partition of ours."""
        return self._trackers.get((topic, partition))  # equal to a TopicPartition, and made in a third of the time

    def of(self, partitions: Iterable[TopicPartition]) -> list[Tracker]:
        """Return the trackers of those `partitions` that have one."""
        return [self._trackers[tp] for tp in partitions if tp in self._trackers]

    def suspend(self) -> None:
        """Stop admitting and committing: a rebalance decides anew whose everything is."""
        self.admitting = False
        for tracker in self._trackers.values():
            tracker.standing = Standing.SUSPENDED

    def keep(self, assigned: Collection[TopicPartition]) -> None:
        """Lose what is not in `assigned`."""
        for tp in self._trackers.keys() - set(assigned):
            self._trackers.pop(tp).standing = Standing.LOST

    def take(self, committed: Mapping[TopicPartition, Commit | None], *, late: bool = False) -> None:
        """Own these partitions, each as it was committed, and admit again.

        Where the commit is our own latest one, nobody has worked on the partition meanwhile: what is under way here
        stays ours. Otherwise it is somebody else's work by now, and ours begins at the commit. What is taken `late`,
        when records may have been fetched and thrown away already, has to be fetched again from its commit on.
        """
        self.turn += late
        for tp, commit in committed.items():
            tracker = self._trackers.get(tp)
            if tracker is not None and tracker.committed == commit:
                tracker.standing = Standing.OWNED
                tracker.rewind()
            else:
                if tracker is not None:
                    tracker.standing = Standing.LOST
                tracker = self._trackers[tp] = Tracker(tp, commit)
            tracker.since = self.turn if late else 0
        self.admitting = True

    def out(self) -> int:
        """Return how many deliveries are not completed."""
        return sum(tracker.out for tracker in self._trackers.values())

    def uncommitted(self) -> int:
        """Return how many deliveries are not committed."""
        return sum(tracker.uncommitted for tracker in self._trackers.values())

    def oldest_ms(self) -> int | None:
        """Return the time of the oldest record that is out, unix milliseconds."""
        times = [at for tracker in self._trackers.values() if (at := tracker.oldest_ms()) is not None]
        return min(times, default=None)
