"""What the name of a tool or an agent says of what it does, by the words in it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, TypeAlias

__all__ = [
    "Role",
    "acts",
    "asks_people",
    "aspect_of",
    "builds_on",
    "changes_things",
    "converses",
    "describes_things",
    "invents",
    "judges",
    "looks",
    "makes_report",
    "names_work",
    "prepares",
    "processes",
    "puts_in_place",
    "reckons",
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
    accept add adjust alter amend append apply approve archive assign book build builder bump buy cancel change
    charge clean cleaner close coder coding commit complete configure confirm convert copy correct create
    creator delete deploy deployer deposit develop developer disable drop edit editor enable engineer enroll
    escalate fix fixer format formatter grant implement implementer import init insert install invite launch
    lock mark memorise memorize merge migrate migrator modify notify optimise optimize optimizer order patch pay post
    provision publish publisher purchase push put rebase refactor refactorer refactoring refund register reject release
    remember remove rename repair replace reserve reset resolve restart restore restructure revert revoke rework rewrite
    rewriter rollback save schedule sell send set setup sign squash start stop store submit subscribe sync tag trade
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
    ask bot chat chatbot chatter coach companion debate debater discuss game human interrogate interrogator interview
    interviewer moderator negotiate negotiator opponent player roleplay teacher therapist tutor user
    """
)
_ADDRESSES = _words("announce append comment mail message notify post reply say send speak tell tweet")
_PUTS = _words(
    """
    answer archive assign build calc calculate calculator cancel clean close compile compose compute convert correct create
    delete disable draft edit email enable explain fix format generate grant implement invite label lock mark modify notify
    outline patch plan propose put rank refactor register remove rename render replace resize restructure revoke rewrite
    save send set subscribe summarise summarize synthesise synthesize tag translate unlock unsubscribe update upload write
    """
)
_RECKONS = _words("add average calc calculate calculator compute divide mean multiply power sqrt subtract sum total")
_PEOPLE = _words("client clients customer customers guest human operator owner owners people person team user users")
_PREPARES = _words(
    """
    activate authenticate begin checkout commit connect disconnect enter init initialize login logout open prepare
    rollback select set setup start stop switch transaction use
    """
)
_INVENTS = _words(
    """
    brainstorm coin compose craft create design devise draft draw dream generate ideate illustrate imagine invent make
    name paint pen pitch propose script sketch suggest think write
    """
)
_LOOKS = _words(
    """
    anonymise anonymize are answer answerer can check compile condense convert count detect determine did dig distil do
    does extract for forecast given go has have how identify is label list locate look map mark note predict pull quantify
    rate read report screen screener see should spot summarise summariser summarize summarizer summary tag tell test trace
    track transcribe transcriber translate translator triage verify was were what when where which who whose why will
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
    analyse analyser analysis analyst analyze analyzer assess audit auditor browse calculate calculator cat check checker
    classifier classify compare compliance compute count critique describe estimate evaluate examine explain explore explorer
    extract extractor fetch find forecast get glob grep inspect inspector investigate lint list look lookup ls
    performance profile query read reader research researcher retrieve review reviewer scan scanner search
    security show simulate simulator stat status study style survey view
    """
)
_LOOKS_UP = _words("browse count describe fetch find get inspect list load lookup query read retrieve search show view")
_LIVE = _words("device end live machine next now play session sing take turn")
"""What a description speaks of that is another thing after each use."""
_NAMED_THING = re.compile(
    r"\W*(?:(?:the|an?|all) )?(?!\w+ (?:the|an?|all|some|one|your|this)\b)(?:[\w-]+ ){1,5}(?:of|by|for|in|at|about|on|de|del|des|du|von|von der|d[io]) ",
    re.IGNORECASE,
)
_AND = _words("and or then")
_WORK = _RUNS | _WRITES | _TELLS | _GATHERS | _WORKS_OUT | _JUDGES | _CONVERSES | _PREPARES
_AGENTS = frozenset(("agent", "agents", "assistant", "subagent", "subagents"))
_REPORTS = _words("brief briefing description docstring docstrings documentation note overview profile report summary")
_ENDINGS = ("s", "es", "ed", "d", "ing", "er", "r", "or", "ation", "ion", "ment")
_LOOKS_ABROAD = re.compile(
    r"\W*(?:anal[iy]|bewert|busca|cherch|class?ific|klassifi|compar|[eé]valu|exam|extrae|extrah|extrai|fass|identif|investig|onderzoek"
    r"|pr[uü]f|qu(?:[eé]|i[eé]n|[aá]l|and|el|elles?|els)\b|recherch|r[eé]sum|revi|such|tradu|[uü]bersetz|untersuch|vergelijk|vergleich"
    r"|v[eé]rifi|vertaal|wann\b|was\b|wat\b|welch|welke?\b|wer\b|wie\b|wo\b|zoek|zusammenfass)"
    r"|.*(?:要約|翻訳|調べ|調査|検索|分類|抽出|説明し|教えて|確認して|分析|比較|查一|查询|查找|搜索|总结|總結|翻译|翻譯|比较|比較|评估|提取|分类|分類"
    r"|조사|알려|검색|요약|번역|분석|분류|비교|찾아|확인해)",
    re.IGNORECASE,
)
"""The same in other languages, by how the words begin."""
_ROLE = re.compile(
    r"\W*(?:(?:can|could|would|will) you|you(?:'re| are| will| must| have)?|your (?:task|job|role) is|vous|tu)?"
    r"(?: ?(?:please|kindly|to|here to|only))*\b\W*",
    re.IGNORECASE,
)
"""What stands before the verb where somebody is told what it does."""
_ASKS_ANYBODY = re.compile(r"\W*(?:can|could|would|will|please)\b", re.IGNORECASE)
_TALKS = _words(
    "advise answer are ask chat describe do explain give go have help know narrate reply respond say speak tell will"
)
_ACTS = _words(
    """
    argue attack attempt bid brew carry comment cook cool cut debate defend discuss drill drive drop dry fill fly grab guess haggle heat lift mill
    mix move negotiate offer paint park pick place play pour print pump put raise react rebut respond rinse rotate solve spray stir turn try vote
    walk wash weld
    """
)
"""What is done with one's hands, or against somebody: what one does next is for what the last came to."""
_WORD = re.compile(r"[a-z]+|[A-Z][a-z]*|[A-Z]+(?![a-z])")
_FIRST_WORDS = 6
_LONGEST_DESCRIPTION = 400


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
    if words[:1] and words[0] in _LOOKS_UP and not _AND & set(words[1:]):
        # What is looked up may be named like a deed: an order, a post, a booking.
        return "reads"
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
def reckons(name: str) -> bool:
    """Whether the name says that numbers are reckoned with."""
    return any(word.lower() in _RECKONS for word in _WORD.findall(name)[:1])


@lru_cache(maxsize=1024)
def asks_people(name: str) -> bool:
    """Whether the name says that a person is asked, who is asked one thing after another."""
    return any(word.lower() in _PEOPLE for word in _WORD.findall(name))


@lru_cache(maxsize=1024)
def puts_in_place(name: str) -> bool:
    """Whether the name begins with a word for what is done to one thing and leaves others as they are: ``update_ticket``."""
    return any(word.lower() in _PUTS for word in _WORD.findall(name)[:1])


@lru_cache(maxsize=1024)
def describes_things(described: str) -> bool:
    """Whether a description names what there is, and nothing that is done: ``Coordinates of an address``."""
    said = described[:_LONGEST_DESCRIPTION]
    words = [word.lower() for word in _WORD.findall(said)]
    deeds = (_RUNS | _WRITES | _PREPARES | _ADDRESSES | _TELLS | _LIVE) - _REPORTS
    is_done = any(stem in deeds for word in words for stem in (word, word.removesuffix("s")))
    return bool(_NAMED_THING.match(said)) and not is_done


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
    return any(each in _WORK or f"{each}e" in _WORK for each in _stems(word))


def aspect_of(name: str) -> str:
    """For one who looks at something under one aspect of several, what it is; empty for others."""
    words = [word.lower() for word in _WORD.findall(name) if word.lower() not in ("agent", "subagent")]
    return words[0] if words and words[0] in _ASPECTS else ""


@lru_cache(maxsize=4096)
def invents(task: str) -> bool:
    """Whether something of its own is to be made, rather than a report of what is there."""
    words = begins(task)
    return words[:1] != [] and words[0] in _INVENTS and not makes_report(task)


@lru_cache(maxsize=4096)
def looks(name: str, task: str) -> bool:
    """Whether, by the name or else by how the task begins, it looks at something and says what there is."""
    told = _ROLE.sub("", task[:200], count=1)
    first = _WORD.findall(told)[:1]
    if any(_is_looking(word.lower()) for word in (*_WORD.findall(name), *first)) or _LOOKS_ABROAD.match(told):
        return True
    return task.rstrip().endswith(("?", "\uff1f")) and not _ASKS_ANYBODY.match(task)


@lru_cache(maxsize=4096)
def processes(role: str) -> bool:
    """Whether a system prompt says that something is told of each thing that is handed over, and nobody is talked to."""
    first = begins(role)[:1]
    return looks("", role) and not any(stem in _TALKS for word in first for stem in _stems(word))


@lru_cache(maxsize=4096)
def acts(name: str, task: str) -> bool:
    """Whether something is done with one's hands, or against somebody, of which the next step depends."""
    first = begins(task)[:1]
    return any(
        stem in _ACTS | _PREPARES for word in (*first, *map(str.lower, _WORD.findall(name))) for stem in _stems(word)
    )


def begins(task: str) -> list[str]:
    """The first words of `task` from its verb on, in lower case."""
    return [word.lower() for word in _WORD.findall(_ROLE.sub("", task[:200], count=1))][:_FIRST_WORDS]


def _is_looking(word: str) -> bool:
    return word in _LOOKS or word in _READS | _GATHERS | _WORKS_OUT | _JUDGES


@lru_cache(maxsize=4096)
def changes_things(name: str, task: str) -> bool:
    """Whether `task` begins with a word that changes something, or a name says so: ``booking_agent``."""
    first = begins(task)[:1]
    named = [stem for word in _WORD.findall(name) for stem in _stems(word.lower()) if word.lower().endswith("ing")]
    return not makes_report(task) and any(word in (_WRITES - _TELLS) | {"run", "execute"} for word in (*first, *named))


@lru_cache(maxsize=4096)
def makes_report(task: str) -> bool:
    """Whether what is to be made is a report of what is there."""
    words = begins(task)
    return words[:1] != [] and words[0] in _INVENTS | {"give", "prepare"} and any(map(_names_report, words[1:]))


def _names_report(word: str) -> bool:
    return word in _REPORTS or (names_work(word) and any(stem in _JUDGES | _WORKS_OUT for stem in _stems(word)))


def _stems(word: str) -> list[str]:
    return [word, *(word.removesuffix(suffix) for suffix in _ENDINGS if word.endswith(suffix))]


def judges(name: str) -> bool:
    """Whether the name says that it judges what something else made."""
    return any(word.lower() in _JUDGES for word in _WORD.findall(name))


def builds_on(name: str, other: str) -> bool:
    """Whether, by their names, `name` works out what `other` gathers."""
    words, others = ({word.lower() for word in _WORD.findall(each)} for each in (name, other))
    return bool(words & _WORKS_OUT) and bool(others & _GATHERS)
