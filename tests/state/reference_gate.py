"""A gate written a second time, as plainly as it can be: lists that are searched, nothing cached.

It answers with words and numbers of its own, so that a test can hold the real gate against it. All
moments are whole seconds, so that no bucket width comes into play.
"""

from fractions import Fraction
from math import inf


class Held:
    """A permit as the reference remembers it."""

    def __init__(self, expires_at, epoch, probe):
        self.expires_at = expires_at
        self.epoch = epoch
        self.probe = probe
        self.given_back = False


class Place:
    """A ticket as the reference remembers it."""

    def __init__(self):
        self.called = False
        self.kept_until = None


class ReferenceGate:
    """One route's gate. Jitter is always one half: open times are exact."""

    def __init__(self, config, limit, retries):
        self.config = config
        self.limit = limit
        self.tokens = Fraction(min(retries, 10))
        self.not_before = 0
        self.state, self.epoch, self.until, self.opened = "closed", 0, 0, 0
        self.counted = []  # (moment, failed, slow) since the circuit was closed
        self.probing, self.reported = [], []  # permits on their way; (failed, slow) of those that are back
        self.flying, self.kept, self.queue = [], [], []
        self.changes = []

    # What is asked

    def ask(self, now, lease, place):
        """("permit", Held) or ("not before", moment, reason, Place or None)."""
        refusal = self.refusal_but_for_slots(now)
        if refusal is not None:
            if place is not None:
                self.leave(place)
            return ("not before", *refusal, None)
        if self.limit is not None and not self.has_slot(place):
            self.reclaim(now)
            if not self.has_slot(place):
                return ("not before", inf, "FULL", self.queue_up(place))
        if self.state == "open":
            self.go("half-open")
        held = Held(now + lease, self.epoch, self.state == "half-open")
        if held.probe:
            self.probing.append(held)
        if place in self.kept:
            self.kept.remove(place)
        self.flying.append(held)
        return ("permit", held)

    def refusal_but_for_slots(self, now):
        if now < self.not_before:
            return self.not_before, "ADVISED"
        if self.state == "open" and now < self.until:
            return self.until, "OPEN"
        if self.state == "half-open":
            self.probing = [held for held in self.probing if held.expires_at > now]
            if len(self.probing) + len(self.reported) >= self.config.probes:
                return min(now + self.config.open, *(held.expires_at for held in self.probing)), "OPEN"
        return None

    # What is reported

    def settle(self, held, verdict, now, elapsed, clean):
        """(old, new, until or None) if the state changed."""
        if held.given_back:
            return None
        self.give_back(held)
        if clean:
            self.tokens = min(Fraction(10), self.tokens + Fraction(1, 10))
        if verdict == "IGNORE":
            if held in self.probing:
                self.probing.remove(held)
            return None
        if self.config is None or held.epoch != self.epoch:
            return None
        failed = verdict == "FAILURE"
        slow = self.config.slow_after is not None and elapsed > self.config.slow_after
        if held.probe:
            return self.settle_probe(held, now, failed, slow)
        self.counted.append((now, failed, slow))
        return self.go_open(now) if self.trips(now) else None

    def settle_probe(self, held, now, failed, slow):
        if held not in self.probing:
            return None
        self.probing.remove(held)
        self.reported.append((failed, slow))
        if len(self.reported) < self.config.probes:
            return None
        if self.bad_share(self.reported) >= Fraction(str(self.config.failure_rate)):
            return self.go_open(now)
        return self.go("closed")

    def release(self, held):
        if not held.given_back:
            self.give_back(held)
            if held in self.probing:
                self.probing.remove(held)

    def give_back(self, held):
        held.given_back = True
        if held in self.flying:
            self.flying.remove(held)
        self.call_waiting()

    # The circuit

    def trips(self, now):
        recent = [
            (failed, slow) for moment, failed, slow in self.counted if now - moment < self.config.window
        ]
        run = 0
        while run < len(recent) and recent[-1 - run][0]:
            run += 1
        if run >= self.config.consecutive and 4 * run >= sum(failed for failed, _ in recent):
            return True
        if len(recent) < self.config.min_calls:
            return False
        return self.bad_share(recent) >= Fraction(str(self.config.failure_rate))

    @staticmethod
    def bad_share(outcomes):
        failures = sum(failed for failed, _ in outcomes)
        slow = sum(slow for _, slow in outcomes)
        return Fraction(max(failures, slow), len(outcomes))

    def go_open(self, now):
        self.until = now + min(self.config.max_open, self.config.open * 2**self.opened)
        self.opened += 1
        return self.go("open")

    def go(self, state):
        old, self.state = self.state, state
        self.epoch += 1
        self.probing, self.reported = [], []
        if state == "closed":
            self.counted, self.opened = [], 0
        if state != "open":
            self.until = 0
        if old == state:
            return None
        self.changes.append((old, state))
        return (old, state, self.until if state == "open" else None)

    def isolate(self):
        if self.config is not None:
            self.until = inf
            self.go("open")

    def restore(self):
        if self.state != "closed":
            self.go("closed")

    def postpone(self, moment):
        self.not_before = max(self.not_before, moment)

    # Slots

    def has_slot(self, place):
        return place in self.kept or len(self.flying) + len(self.kept) < self.limit

    def reclaim(self, now):
        self.flying = [held for held in self.flying if held.expires_at > now]
        self.kept = [place for place in self.kept if place.kept_until is None or place.kept_until > now]
        for place in self.kept:
            if place.kept_until is None:
                place.kept_until = now + 1
        self.call_waiting()

    def queue_up(self, place):
        if place in self.queue:
            return place
        if len(self.queue) == self.limit:
            return None
        self.queue.append(Place())
        return self.queue[-1]

    def leave(self, place):
        if place in self.kept:
            self.kept.remove(place)
        if place in self.queue:
            self.queue.remove(place)
        self.call_waiting()

    def call_waiting(self):
        while self.queue and len(self.flying) + len(self.kept) < self.limit:
            place = self.queue.pop(0)
            place.called = True
            self.kept.append(place)

    # Tokens

    def take_token(self):
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True

    def return_token(self):
        self.tokens = min(Fraction(10), self.tokens + 1)
