"""History: whatever is done to a repo, what its refs reach is there and nothing else is."""

import threading

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from resilient_infer.testing.sandbox.hub.repo import Repo

BRANCHES = st.sampled_from(("main", "dev", "feat/x"))
TAGS = st.sampled_from(("v1", "v2"))
WORDS = st.sampled_from(("one", "two", "three"))


class Rewriting(RuleBasedStateMachine):
    """A repo under every operation, beside a plain record of who is whose parent."""

    @initialize()
    def begin(self) -> None:
        self.repo = Repo("acme/m", "ab12", {"a.txt": "a"}, threading.RLock())
        self.twin = Repo("acme/m", "ab12", {"a.txt": "a"}, threading.RLock())
        self.parents: dict[str, str | None] = {self.repo.head: None}
        self.refs = {"main": self.repo.head}
        assert self.twin.head == self.repo.head

    def _made(self, commit: str, twin: str, parent: str | None) -> None:
        assert commit == twin, "the same history has the same names"
        self.parents[commit] = parent

    @rule(branch=BRANCHES, word=WORDS)
    def push(self, branch: str, word: str) -> None:
        if branch in self.refs:
            made, twin = (repo.push({"w.txt": word}, branch=branch) for repo in (self.repo, self.twin))
            self._made(made, twin, self.refs[branch])
            self.refs[branch] = made

    @rule(name=BRANCHES, at=st.sampled_from(("main", "dev", "v1", "refs/pr/1")))
    def branch(self, name: str, at: str) -> None:
        if at in self.refs:
            for repo in (self.repo, self.twin):
                repo.branch(name, at)
            self.refs[name] = self.refs[at]

    @rule(name=TAGS, at=BRANCHES)
    def tag(self, name: str, at: str) -> None:
        if at in self.refs:
            for repo in (self.repo, self.twin):
                repo.tag(name, at)
            self.refs[name] = self.refs[at]

    @rule(branch=BRANCHES)
    def squash(self, branch: str) -> None:
        if branch in self.refs:
            made, twin = (repo.squash(branch) for repo in (self.repo, self.twin))
            self._made(made, twin, None)
            self.refs[branch] = made

    @rule(branch=BRANCHES, steps=st.integers(0, 3), word=st.none() | WORDS, stale=st.booleans())
    def force_push(self, branch: str, steps: int, word: str | None, stale: bool) -> None:
        if branch in self.refs:
            log = self.repo.log(branch)
            to = log[min(steps, len(log) - 1)]
            contents = None if word is None else {"w.txt": word}
            made, twin = (
                repo.force_push(to, contents, branch=branch, stale=stale) for repo in (self.repo, self.twin)
            )
            if contents is not None:
                self._made(made, twin, to)
            self.refs[branch] = made

    @rule(word=WORDS)
    def open_pull_request(self, word: str) -> None:
        pull, twin = (repo.open_pull_request({"p.txt": word}) for repo in (self.repo, self.twin))
        self._made(pull.commit, twin.commit, self.refs["main"])
        self.refs[pull.ref] = pull.commit

    @precondition(lambda self: len(self.refs) > 1)
    @rule(choice=st.data())
    def delete_ref(self, choice: st.DataObject) -> None:
        name = choice.draw(st.sampled_from(sorted(set(self.refs) - {"main"})))
        for repo in (self.repo, self.twin):
            repo.delete_ref(name)
        del self.refs[name]

    @invariant()
    def every_ref_names_its_commit(self) -> None:
        for ref, commit in self.refs.items():
            assert self.repo.at(ref).id == commit

    @invariant()
    def a_commit_is_there_exactly_if_a_ref_reaches_it(self) -> None:
        reached: set[str] = set()
        for head in self.refs.values():
            current: str | None = head
            while current is not None:
                reached.add(current)
                current = self.parents[current]
        found = {commit for commit in self.parents if self.repo.history.find(commit) is not None}
        assert found == reached

    @invariant()
    def a_log_is_the_chain_of_parents(self) -> None:
        for ref, head in self.refs.items():
            log = self.repo.log(ref)
            assert log[0] == head
            assert [self.parents[commit] for commit in log] == [*log[1:], None]


Rewriting.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestRewriting = Rewriting.TestCase
