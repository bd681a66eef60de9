"""What the name of a tool or an agent says of what it does, by the words in it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, TypeAlias

__all__ = [
    "Role",
    "aspect_of",
    "builds_on",
    "converses",
    "judges",
    "names_work",
    "prepares",
    "role_of",
    "runs_anything",
]

Role: TypeAlias = Literal["reads", "writes", "runs", "tells", "unknown"]
"""What a name says: it looks at things, changes them, runs something that may touch all, only says something, or none."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_RUNS = _words(
    """
    bash browser cell click console cursor drag exec execute goto grip hover keyboard mouse move navigate notebook press
    python repl run screenshot scroll sh shell sleep swipe terminal test tester testing tests type validate verifier verify
    wait
    """
)
_PROGRAMS = _words(
    "bash browser cell click console cursor drag exec execute goto grip hover keyboard mouse move navigate "
    "notebook press python repl run screenshot scroll sh shell sleep swipe terminal type wait"
)
_WRITES = _words(
    """
    accept add adjust alter amend append apply approve archive assign book build builder buy cancel change
    charge clean cleaner close coder coding commit complete configure confirm convert copy correct create
    creator delete deploy deployer deposit develop developer disable drop edit editor enable engineer enroll
    escalate fix fixer format formatter grant implement implementer import init insert install invite launch
    lock mark memorise memorize merge migrate migrator modify notify optimise optimize optimizer order patch pay post
    provision publish publisher purchase push put refactor refactorer refactoring refund register reject release
    remember remove rename repair replace reserve reset resolve restart restore restructure revert revoke rework rewrite
    rewriter rollback save schedule sell send set setup sign start stop store submit subscribe sync tag trade
    transfer transform unlock unsubscribe update updater upgrade upload withdraw
    """
)
_TELLS = _words(
    """
    answer answerer architect brainstorm choose combine combiner compose composer conclude decide decider design
    designer draft drafter generate generator merge merger outline plan planner planning prioritise prioritize
    propose rank reply respond responder route router select summarise summariser summarize summarizer summary
    synthesis synthesise synthesize synthesizer translate translator write writer writing
    """
)
_JUDGES = _words(
    """
    approve assess assessor audit auditor check checker compliance critic critique evaluate evaluation evaluator
    grade grader judge proofread rate review reviewer score scorer validate validator verifier verify
    """
)
_GATHERS = _words(
    """
    collect collector crawl extract extractor fetch find gather get load lookup read reader research researcher
    retrieve scrape search searcher
    """
)
_WORKS_OUT = _words(
    """
    analyse analyser analysis analyst analyze analyzer classifier classify compare describe estimate explain
    explainer interpret interpreter investigate
    """
)
_CONVERSES = _words(
    """
    ask bot chat chatbot chatter debate debater discuss game human interview interviewer moderator negotiate negotiator
    opponent player roleplay teacher tutor user
    """
)
_ADDRESSES = _words("announce append comment mail message notify post reply say send speak tell tweet")
_PREPARES = _words(
    """
    activate authenticate begin checkout commit connect disconnect enter init initialize login logout open prepare
    rollback select set setup start stop switch transaction use
    """
)
_ASPECTS = _words(
    """
    accessibility architecture concurrency cost docs documentation legal license memory naming performance privacy
    quality readability reliability safety security style tests usability ux
    """
)
_READS = _words(
    """
    analyse analyser analysis analyst analyze analyzer assess audit auditor browse cat check checker classifier
    classify compare compliance count critique describe estimate evaluate examine explain explore explorer
    extract extractor fetch find get glob grep inspect inspector investigate lint list look lookup ls
    performance profile query read reader research researcher retrieve review reviewer scan scanner search
    security show stat status study style survey view
    """
)
_WORK = _RUNS | _WRITES | _TELLS | _GATHERS | _WORKS_OUT | _JUDGES | _CONVERSES | _PREPARES
_AGENTS = frozenset(("agent", "agents", "assistant", "subagent", "subagents"))
_ENDINGS = ("s", "es", "ed", "d", "ing", "er", "r", "or", "ation", "ion", "ment")
_WORD = re.compile(r"[a-z]+|[A-Z][a-z]*|[A-Z]+(?![a-z])")
_FIRST_WORDS = 6


@lru_cache(maxsize=1024)
def role_of(name: str, described: str = "") -> Role:
    """What the name of a tool or agent says of what it does; else the first words with which it is described."""
    by_name = _role([word.lower() for word in _WORD.findall(name)])
    if by_name != "unknown":
        return by_name
    first = [word.lower() for word in _WORD.findall(described[:200])][:_FIRST_WORDS]
    if _AGENTS & set(first):
        # That an agent is launched says nothing of what it does.
        return "unknown"
    # A description says "Fixes", where a name says "fix".
    return _role([*first, *(word.removesuffix("s") for word in first), *(word.removesuffix("es") for word in first)])


def _role(words: list[str]) -> Role:
    if any(word in _RUNS for word in words):
        return "runs"
    is_told = any(word in _TELLS for word in words) and not (words[0] in _WRITES and words[0] not in _TELLS)
    if any(word in _WRITES for word in words) and not is_told:
        return "writes"
    if any(word in _TELLS for word in words):
        return "writes" if "file" in words or "files" in words else "tells"
    return "reads" if any(word in _READS for word in words) else "unknown"


def runs_anything(name: str) -> bool:
    """Whether what it runs is any program, and not only tests."""
    return bool(_PROGRAMS & set(_WORD.findall(name.lower())))


@lru_cache(maxsize=1024)
def converses(name: str) -> bool:
    """Whether the name says that it takes turns with somebody: what is said next answers what was said."""
    words = [word.lower() for word in _WORD.findall(name)]
    return any(word in _CONVERSES for word in words) and words[0] not in _GATHERS


@lru_cache(maxsize=1024)
def addresses(name: str) -> bool:
    """Whether the name says that something is said to somebody, who reads it in order."""
    return any(word.lower() in _ADDRESSES for word in _WORD.findall(name))


@lru_cache(maxsize=1024)
def prepares(name: str) -> bool:
    """Whether the name says that it puts something into a state that other tools then find."""
    return any(word.lower() in _PREPARES for word in _WORD.findall(name))


@lru_cache(maxsize=4096)
def names_work(word: str) -> bool:
    """Whether `word` names what is done, and not what it is done to: ``draft``, ``booking``, ``editor``."""
    stems = [word, *(word.removesuffix(suffix) for suffix in _ENDINGS if word.endswith(suffix))]
    return any(each in _WORK or f"{each}e" in _WORK for each in stems)


def aspect_of(name: str) -> str:
    """For one who looks at something under one aspect of several, what it is; empty for others."""
    words = [word.lower() for word in _WORD.findall(name) if word.lower() not in ("agent", "subagent")]
    return words[0] if words and words[0] in _ASPECTS else ""


def judges(name: str) -> bool:
    """Whether the name says that it judges what something else made."""
    return any(word.lower() in _JUDGES for word in _WORD.findall(name))


def builds_on(name: str, other: str) -> bool:
    """Whether, by their names, `name` works out what `other` gathers."""
    words, others = ({word.lower() for word in _WORD.findall(each)} for each in (name, other))
    return bool(words & _WORKS_OUT) and bool(others & _GATHERS)
