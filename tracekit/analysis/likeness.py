"""How far two tasks are one task, asked of two things; and which words in a task say that what came before matters.

Tasks of *one form* begin alike and share at least half of their words, each with some of its own: ``Review payments/ for
security`` and ``Review payments/ for style``. A task that differs from the one
before only in a number is a step in a *series*: the number was named before, or is the next one, or it may have been
chosen by what came of the last, as in a search by halves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import repeat, takewhile
from typing import Any

__all__ = [
    "begins_alike",
    "begins_otherwise",
    "chooses",
    "differs_in_numbers",
    "has_one_form",
    "has_order",
    "is_made_alike",
    "is_mended",
    "is_next_in_list",
    "is_put_after",
    "is_wide",
    "is_within",
    "keeps_record",
    "keeps_state",
    "own_pieces",
    "ranges_in",
    "refers_back",
    "says_more",
    "stands_in",
    "stray_number",
    "tells_a_story",
    "template_of",
    "tokens",
]

_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_VERB_LAST = re.compile(r"[\u3040-\u30ff\uac00-\ud7af]")
"""Japanese and Korean."""
_TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|(?:(?![\u3040-\u30ff\u3400-\u9fff])\w)+")
_PIECE = re.compile(r"[^\s,;:!?'\"()]*[^\s,;:!?'\"().]")
_PRONOUNS = frozenset(("it", "its", "them", "they", "him", "his", "she", "these", "those", "that"))
_TASKS = frozenset(("task", "prompt", "instruction", "instructions", "message", "request", "goal"))
"""Names under which an agent is told in words what to do, and not what to do it to."""
_FEW = 3
_LEAST_TEXT = 5
_LABEL = re.compile(r"([^:.!?\n]{1,40}):\s")
_DIGITS = re.compile(r"\d+")
_RESPELLED = 0.7
_NAME = re.compile(r"(?<=[\w,;] )[A-Z]\w+")
_LONGEST_ASK = 200
_LONGEST_ENTRY = 120
_ALTERNATIVE = frozenset(("or", "oder", "ou", "o", "of", "eller", "lub"))
_ENDING = 3
_SPELLED = {
    word: str(number)
    for number, word in enumerate(["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"], 1)
}
_NUMBER = re.compile(rf"[\w./-]*\d(?:[\w./-]*\w)?|\b(?:{'|'.join(_SPELLED)})\b", re.IGNORECASE)
_FILE = re.compile(r"/|\.[A-Za-z]\w*$")
_RANGE = re.compile(r"(\d+) ?(?:[-\u2013]|\.\.|to|through|until|bis|à|a) ?[A-Za-z]?(\d+)")
_COUNT = re.compile(r"(\D*)(\d+)(\D*)")
_NARRATIVE = re.compile(
    r"(?<![a-z])(?:chapter|scene|episode|act|stanza|verse|story|stories|novel|novella|tale|saga|ballad|play|screenplay)s?(?![a-z])",
    re.IGNORECASE,
)
_MAKES = re.compile(
    r"(?<![a-z])(?:author|compos|continu|creat|draft|generat|invent|narrat|novelist|tell|writ)[a-z]*", re.IGNORECASE
)
_RECORD = r"glossary|scratchpad|blackboard|changelog|running (?:summary|total|list|notes?)|so far"
_CHOOSES = re.compile(
    r"(?<![a-z])(?:better|best|choose|prefer|winner|wins|stronger|observations?|narrowed|which way|what (?:do|will|would) you"
    r"|what happens|where to|you are (?:at|in|on)|(?:your|next|a|the) (?:move|action|guess|turn))(?![a-z])",
    re.IGNORECASE,
)
_ORDER = re.compile(r"\b(?:if|then|after(?:wards)?|before|once|until|unless|when|next|finally)\b|->|\u2192")
_INFLECTED = re.compile(r"(?:s|es|d|ed|ing)?\b")
_IN_CASE = re.compile(r"\w+ (?:if|unless|once|when|after)\b")
_OTHERS = (
    r"(?:with|like|from|as|than|of) the (?:others?|rest|ones? before)|ones? before|in the (?:style|look|tone|voice) of the"
    r"|look alike|look the same|go(?:es)? (?:well )?together|collide|clash|relative to (?:those|each|the (?:others|ones))|(?:those|ones|others) already|running (?:joke|gag|theme)|(?:in)?to the next"
    r"|(?:not|n[o']t|never|avoid\w*|without|nor) (?:be )?(?:overlap|repeat|duplicat|contradict)\w*"
    r"|(?:not|n[o']t|never|no \w+ (?:may|must|should|can)) (?:\w+ ){0,2}(?:twice|yet)|already (?:have|had|been|said|used|asked|covered|taken)"
)
"""What several things have to do with each other that are made to go together, or to differ."""
_KEPT = re.compile(rf"(?<![a-z])(?:{_RECORD})(?![a-z])")
_STATE = re.compile(
    rf"(?<![a-z])(?:{_RECORD}|{_OTHERS}|as you go|continuity|left off|(?:has|have|is|are|'s) left|consisten\w+ with|(?:stay|keep|remain)\w*(?: \w+)? consistent"
    r"|(?:current|latest|updated|existing|last|previous) (?:version|state|draft|text|document|plan|summary|list|board"
    r"|position|score|balance|total))(?![a-z])",
)


@lru_cache(maxsize=1024)
def tokens(text: str) -> tuple[str, ...]:
    """The words and numbers of `text`, or its characters where no spaces part words, in order, without those that only say whose message it is."""
    return tuple(word for word in _TOKEN.findall(text.lower()) if word not in ("user", "text"))


def is_wide(word: str) -> bool:
    """Whether `word` is a character of a language without spaces."""
    return bool(_WIDE.fullmatch(word))


def is_within(given: str, before: str) -> bool:
    """Whether one of two tasks says nothing that the other does not say, too."""
    words, others = set(_PIECE.findall(given.lower())), set(_PIECE.findall(before.lower()))
    return bool(words and others) and (words <= others or others <= words)


def has_one_form(given: Any, before: Any) -> bool:
    """Whether two tasks, as texts or as what tools were given, are worded alike and ask the same of two things."""
    if isinstance(given, Mapping) and isinstance(before, Mapping):
        pairs = [(given.get(key), before.get(key)) for key in {*given, *before} if given.get(key) != before.get(key)]
        return bool(pairs) and all(has_one_form(*pair) for pair in pairs)
    return isinstance(given, str) and isinstance(before, str) and _is_worded_alike(given, before)


def begins_otherwise(given: Any, before: Any) -> bool:
    """Whether two tasks in words begin with another word, or end so where the verb comes last: another thing is to be done."""
    if isinstance(given, Mapping) and isinstance(before, Mapping):
        return any(begins_otherwise(given[key], before[key]) for key in _TASKS & given.keys() & before.keys())
    if not (isinstance(given, str) and isinstance(before, str)):
        return False
    words, others = _PIECE.findall(given.lower()), _PIECE.findall(before.lower())
    if _VERB_LAST.search(given):
        return min(len(words), len(others)) > 1 and words[-1] != others[-1]
    return min(len(words), len(others)) > 1 and words[0] != others[0]


def _is_worded_alike(given: str, before: str) -> bool:
    words, others = tokens(given), tokens(before)
    own, foreign = set(words), set(others)
    if words[:1] != others[:1] or not own - foreign or not foreign - own:
        return False
    return 2 * len(own & foreign) >= max(len(own), len(foreign))


def is_mended(given: str, before: str) -> bool:
    """Whether two texts differ in the spelling of some words, or in signs: one may be the other, corrected."""
    words, others = tokens(given), tokens(before)
    if len(words) != len(others) or given == before:
        return False
    if words == others:
        return True
    if len(words) < _LEAST_TEXT:
        return False
    pairs = [(word, other) for word, other in zip(words, others, strict=True) if word != other]
    return len(pairs) <= len(words) // 2 and all(map(_is_respelled, pairs, repeat(_names_in(given))))


def _names_in(text: str) -> frozenset[str]:
    """Words with a capital within a sentence: two names are two things, however near they are spelled."""
    return frozenset(name.lower() for name in _NAME.findall(text))


def _is_respelled(pair: tuple[str, str], names: frozenset[str]) -> bool:
    word, other = pair
    if word in names or not (word.isalpha() and other.isalpha()) or min(len(word), len(other)) < _FEW:
        return False
    return word[0] == other[0] and SequenceMatcher(None, word, other, autojunk=False).ratio() >= _RESPELLED


def begins_alike(given: str, before: str) -> bool:
    """Whether two prompts begin with the same words, as those that a program fills in do."""
    return tokens(given)[:_FEW] == tokens(before)[:_FEW] and given != before


def is_made_alike(given: str, before: str, is_known: Callable[[str], bool]) -> bool:
    """Whether `given` is `before` with other names in it, each of which was known; endings such as ``com`` may differ."""
    words, others = tokens(given), tokens(before)
    begin = _shared(words, others)
    end = _shared(words[begin:][::-1], others[begin:][::-1])
    named = [word for word in words[begin : len(words) - end] if len(word) > _ENDING]
    return begin + end > 0 and bool(named) and all(map(is_known, named))


def differs_in_numbers(given: str, before: str) -> bool:
    """Whether two tasks are the same but for numbers in them, or for ids that hold some."""
    return given != before and _NUMBER.sub("#", given) == _NUMBER.sub("#", before)


def stray_number(given: str, before: str, is_known: Callable[[str], bool], has_range: Callable[[int], bool]) -> str:
    """The number by which alone `given` differs from `before`, if nobody named it; else empty.

    It was named by itself, or is the next one of a range that was; an id that counts on, such as ``f4`` after ``f3``,
    is of a series that exists, and so is a file.
    """
    if not differs_in_numbers(given, before):
        return ""
    pairs = [pair for pair in zip(_numbers(before), _numbers(given), strict=True) if len(set(pair)) > 1]
    unknown = [number for _, number in pairs if not _FILE.search(number) and not is_known(number)]
    if not unknown or (len(pairs) == 1 and _is_next(*pairs[0], has_range)):
        return ""
    return unknown[0]


def _is_next(before: str, number: str, has_range: Callable[[int], bool]) -> bool:
    last, this = _COUNT.fullmatch(before), _COUNT.fullmatch(number)
    if last is None or this is None or last.group(1, 3) != this.group(1, 3) or int(this[2]) != int(last[2]) + 1:
        return False
    return bool(this[1]) or has_range(int(this[2]))


def _numbers(text: str) -> list[str]:
    return [_SPELLED.get(number.lower(), number) for number in _NUMBER.findall(text)]


def stands_in(word: str, text: str) -> bool:
    """Whether `word`, or a number, stands in `text` by itself."""
    if is_wide(word):
        return word in text
    at = text.find(word)
    while at >= 0:
        before, after = text[max(0, at - 1) : at], text[at + len(word) : at + len(word) + 2]
        is_begin = not (before.isalnum() or before in ("_", "."))
        is_end = not (after[:1].isalnum() or after[:1] == "_" or (after[:1] == "." and after[1:].isdigit()))
        if is_begin and is_end:
            return True
        at = text.find(word, at + 1)
    return False


def ranges_in(text: str) -> list[tuple[int, int]]:
    """The ranges of numbers in `text`: ``chapters 1 to 12``, ``k1-k6``."""
    return [(int(low), int(high)) for low, high in _RANGE.findall(text)]


def tells_a_story(name: str, given: str) -> bool:
    """Whether a part of a story is to be written: each goes on from the one before."""
    about = f"{name} {given}".replace("_", " ")
    return bool(_NARRATIVE.search(about)) and bool(
        _MAKES.search(f"{name} {' '.join(tokens(given)[:3])}".replace("_", " "))
    )


def template_of(given: str, before: str) -> str:
    """What two prompts that begin alike have in common, with the word in which they part; else where `given` begins."""
    begin = _shared(given, before)
    if not begins_alike(given, before):
        return given[:_LONGEST_ASK] + "\n" + given[_LONGEST_ASK:][-_LONGEST_ASK:]
    end = _shared(given[begin:][::-1], before[begin:][::-1])
    return given[: begin + _ENDING] + "\n" + given[len(given) - end :]


def says_more(given: str, before: str) -> bool:
    """Whether `given` ends with a phrase where `before`, which begins alike, ends with a name of a word or two."""
    words, others = tokens(given), tokens(before)
    begin = _shared(words, others)
    ends_alike = words[-1:] == others[-1:]
    return begin >= _FEW and not ends_alike and 0 < len(others) - begin < _FEW < len(words) - begin - 1


def _shared(these: Sequence[str], those: Sequence[str]) -> int:
    """With how many characters, or words, both begin."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(these, those, strict=False)))


def refers_back(given: str, before: str) -> str:
    """A pronoun in the one line of `given` for what `before` does not speak of so; empty where there is none.

    What a text says that both were given after one label speaks of itself.
    """
    lines = [line for line in given.splitlines() if line not in ("", "user", "text")]
    label = _label(lines[0]) if len(lines) == 1 else ""
    if len(lines) != 1 or (label and any(_label(line) == label for line in before.splitlines())):
        return ""
    return min((set(tokens(given)) - set(tokens(before))) & _PRONOUNS, default="")


def _label(line: str) -> str:
    """What stands before the text in ``call 2: Where is it?``, without its number."""
    found = _LABEL.match(line)
    return "" if found is None else _DIGITS.sub("", found[1])


def has_order(text: str) -> bool:
    """Whether `text`, in lower case, tells an order of anything."""
    return bool(_ORDER.search(text))


def is_put_after(given: str, before: str, text: str) -> bool:
    """Whether `text` names what is own to `given` after what is own to `before`, with a word of order or a condition."""
    if not _may_order(text):
        return False
    words, others = tokens(given), tokens(before)
    firsts = [_first(text, set(these) - set(those)) for these, those in ((others, words), (words, others))]
    if -1 in firsts or firsts[0] >= firsts[1]:
        return False
    between = text[firsts[0] : firsts[1]]
    is_near = len(between) <= _LONGEST_ASK
    return is_near and bool(_ORDER.search(between) or _IN_CASE.match(text, firsts[1]))


def own_pieces(given: str, before: str) -> list[str]:
    """What `given` says and `before` does not, in lower case: words, names such as ``web-2``, or characters where no spaces part words."""
    low, others = given.lower(), before.lower()
    if _WIDE.search(given):
        return [word for word in tokens(given) if word not in tokens(before)]
    known = set(_PIECE.findall(others))
    return [word for word in _PIECE.findall(low) if word not in known]


def is_next_in_list(given: str, before: str, text: str) -> bool:
    """Whether `text`, in lower case, names what is own to `given` right after what is own to `before`, as in a list."""
    start = _first(text, own_pieces(before, given))
    if start < 0:
        return False
    # Of several words each, the list has them side by side.
    near = text[start : start + _LONGEST_ENTRY]
    at = _first(near, own_pieces(given, before))
    between = near[:at].split()[1:] if at > 0 else []
    return at > 0 and len(between) <= _FEW and not _ALTERNATIVE.intersection(between)


@lru_cache(maxsize=16)
def _may_order(text: str) -> bool:
    """Whether `text`, a task that is asked for all that an agent does, has any word of order or condition."""
    return bool(_ORDER.search(text) or _IN_CASE.search(text))


def _first(text: str, words: Iterable[str]) -> int:
    """Where the first of `words`, as it is or inflected, stands in `text`; -1 where none does."""
    places = (_place(text, word) for word in words if len(word) > 1 or is_wide(word))
    return min((at for at in places if at >= 0), default=-1)


def _place(text: str, word: str) -> int:
    at = text.find(word)
    while at >= 0:
        is_begin = not (text[at - 1 : at].isalnum() or text[at - 1 : at] == "_")
        if is_begin and _INFLECTED.match(text, at + len(word)):
            return at
        at = text.find(word, at + 1)
    return -1


def chooses(task: str) -> bool:
    """Whether one of several is to be chosen, or a move to be made."""
    return bool(_CHOOSES.search(task))


def keeps_state(task: str) -> str:
    """The words in a task that mean what grows or changes from step to step; empty where there are none."""
    found = _STATE.search(task.lower())
    return "" if found is None else found[0]


def keeps_record(system: str) -> str:
    """The same for a system prompt, which speaks of many things: only what is kept for the next."""
    found = _KEPT.search(system.lower())
    return "" if found is None else found[0]
