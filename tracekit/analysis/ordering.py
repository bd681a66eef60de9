"""What a task, a system prompt or a tool's description says where steps are to be taken one at a time, or only if needed.

A task speaks of the steps that it asks for, so any word of order or condition in it counts. A system prompt speaks of
many things, and so does what describes a tool: only what says that one is asked for at a time counts there. That steps
are *not* to be taken one at a time says the contrary.
"""

from __future__ import annotations

import re
from functools import lru_cache

from tracekit.analysis.likeness import keeps_state

__all__ = ["is_one_at_a_time", "is_ordered"]

_ACT = (
    r"(?:tools?|(?:tool |function )?calls?|functions?|requests?|quer(?:y|ies)|search(?:es)?|look-?ups?|(?:sub-?)?agents?"
    r"|actions?|consultations?|specialists?|delegations?|commands?|questions?)"
)
_ONE_AT_A_TIME = re.compile(
    r"\b(?:one(?: [\w-]+){0,2} after (?:another|the other)|one(?: \w+){0,3} at a time|one by one|sequentially|strictly in (?:order|sequence|turn)"
    rf"|(?:one|single|1)(?: [\w-]+)? {_ACT} (?:per|in each|in (?:an|one|every)|for each|each|every|an?) "
    r"(?:\w+ )?(?:answer|turn|response|reply|message|second|minute)"
    rf"|(?:one|single|1) {_ACT} (?:per|an?|each|every) (?:answer|turn|response|reply|message|second|minute)"
    r"|wait(?:s|ing)? for (?:its|the|each|every|that|one)(?: \w+){0,2} (?:results?|answers?|responses?|reply|replies|outputs?|outcomes?)"
    r"|wait(?:s|ing)? for (?:each|every|one|it|that)(?: \w+)? to (?:finish|end|complete|come back|be done)"
    r"|nacheinander|hintereinander|ein(?:e[rs]?|s)? nach de[rm] ander(?:en|n)|der reihe nach|einzeln"
    r"|(?:immer|jeweils|stets) nur ein(?:e[nrs]?)?|warte\w*(?: auf)? (?:sein|ihr|das|dessen|jede[ns]?|die)\w*(?: \w+)? (?:ergebnis\w*|antwort)"
    r"|bevor (?:du|sie|ihr) d(?:en|ie|as) nächsten?|espera\w* (?:su|el|cada) (?:resultado|respuesta)|(?:un[oa]?|un seul|une seule) (?:\w+ )?(?:a la vez|à la fois)"
    r"|attend\w* (?:son|le|la|sa|chaque) (?:résultat|réponse)|(?:solo|soltanto) un[oa]? (?:\w+ )?(?:alla|per) volta"
    r"|uno a uno|una a una|un[oa] por un[oa]|un[oa] tras otr[oa]|de un[oa] en un[oa]|por orden|um por um|uma por uma|um de cada vez"
    r"|uma de cada vez|un par un|une par une|l'une? après l'autre|un[oa] alla volta|un[oa] per un[oa]|un[oa] dopo l'altr[oa]"
    r"|(?:één|een) voor (?:één|een)|na elkaar|één tegelijk|en i taget|en efter en|en ad gangen|en om gangen|yksi kerrallaan"
    r"|po kolei|jeden po drugim|po jednom|по одному|по одной|по очереди|друг за другом|tek tek|birer birer|s\u0131rayla)\b"
    r"|一つずつ|1つずつ|ひとつずつ|一件ずつ|一人ずつ|順番に|順に|逐个|逐個|逐一|逐次|依次|一个一个|一個一個|按顺序|按順序|하나씩|한 번에 하나|차례로|차례대로|순서대로",
)
_TOGETHER = re.compile(
    r"in parallel\b|at the same time\b|simultaneously\b|concurrently\b|gleichzeitig\b|a la vez\b|en paralelo\b|en même temps\b|en parallèle\b"
)
_BEFORE_THE_NEXT = re.compile(
    r"(?:not|never|n['\u2019]t) (?:ask for|call|send|make|use|run|start|request) (?:two|more than one|several)\b"
    r"|before (?:you )?(?:ask(?:ing)?|call(?:ing)?|start(?:ing)?|send(?:ing)?|mov\w+ (?:on )?to|go\w* (?:on )?to) (?:for )?the next\b"
    r"|the next(?: \w+){0,2} before (?:you|it|the)\b"
)
_NOT = re.compile(
    r"(?:\b(?:not?(?! (?:only|hesitate|forget))|never|instead of|rather than|avoid|without|stop|nicht|nie|niemals|nunca|jamais|pas)|n['\u2019]t)\b[^.;:!?]{0,60}$"
)
_IF_NEEDED = re.compile(
    r"\b(?:in (?:this |that |the given )?(?:order|sequence)\b(?! to)|in turn|builds? on|hand(?:s|ing)? over"
    r"|take the first|stop (?:when|once|as soon)|or else|if (?:needed|necessary|so|not)|failing that|otherwise|as a last resort"
    r"|in case (?:of|it|they|that|this|the|there|any|one|none|he|she|nobody)|prefer(?:red|ably|ence)?|favou?rite|ideally"
    r"|(?:first|second) choice|(?:like|want)s? (?:\w+ ){1,3}best|(?:need|want)s? (?:(?:just|only|but) one|one(?=[.,;!]|$))|must agree|majority|(?:one|that) is enough|(?:best|(?:cheap|near|clos|fast|quick|easi|simpl)est) first"
    r"|(?:the|our|your) (?:one|only|single) [\w-]+ (?:that )?(?:we|you|i|they)(?: have|'ve)|(?:is|there's|have|has) only one"
    r"|(?:pause|wait|break)s?(?: in)? between|(?:in|when in|if in) doubt|having (?:seen|heard|read|done)"
    r"|until (?:it|one|you|we|they|there|the|all|some\w+)|try (?!to\b)"
    r"|(?:nur|erst|und|aber) (?:falls|wenn)|falls (?:nicht|nein|ja|keine?\w*|nötig)|wenn (?:nicht|nötig|nein|keine?\w*)|sobald|notfalls|ansonsten"
    r"|bevorzug\w+|am liebsten|reihenfolge|zuerst|hör\w* auf"
    r"|s[oó]lo si|si (?:no|tampoco|hace falta)|en (?:este|ese|el) orden|hasta que|en cuanto|prefer\w+|de lo contrario|primero"
    r"|(?:só|somente|apenas) se|se não|caso contrário|até que|assim que|nesta ordem|(?:solo|soltanto) se|se non|altrimenti|finché|in quest'ordine"
    r"|(?:seulement|uniquement) si|sinon|si (?:ce n'est pas|non|besoin)|à défaut|dès que|jusqu'à|dans (?:cet|l)['\u2019 ]ordre|d'abord|de préférence|préf[éè]r\w+"
    r"|(?:alleen|pas) als|zo niet|zodra|bij voorkeur|liefst|eerst|только если|если нет|сначала|tylko jeśli|jeśli nie|najpierw)\b"
    r"|如果(?:没|不|沒)|若(?:不|没|無)|否则|否則|只有|直到|优先|優先|最初に|なければ|の場合のみ|だめなら|없으면|안 되면|먼저|우선",
)
_SHARED = re.compile(
    r"\b(?:(?:one|single|shared|common|overall|same) budget|budget of \W?\d|within (?:the|a|our|my) budget"
    r"|at most [^.?!]{1,40} (?:in total|altogether|together|in all)"
    r"|(?:allocat|distribut|divid|split|apportion|share)\w*\b[^.?!]{0,80} (?:among|between|across|to|over))\b"
)
"""What is shared out: who comes next gets of what is left."""
_LONGEST = 50_000
_SHOULD_IT = re.compile(
    r"(?:^|[.!?;:]\s+|,? (?:and|but) )(?:should (?!i\b|we\b|you\b)|were (?:it|they|he|she|this|that|there)\b|had (?:it|they|he|she|this|that)\b)"
    r"[^.!?;]{2,90}, [^.!?]*(?:[.!]|$)",
)
"""A condition without a word for it: ``Should it be low, look at the other``. A question ends otherwise."""


@lru_cache(maxsize=32)
def is_ordered(task: str) -> bool:
    """Whether `task`, which each request of its agent brings again, says that its steps have an order."""
    said = task[:_LONGEST].lower()
    return bool(
        _IF_NEEDED.search(said)
        or _says_one(said)
        or _SHARED.search(said)
        or _SHOULD_IT.search(said)
        or keeps_state(task)
    )


@lru_cache(maxsize=64)
def is_one_at_a_time(text: str) -> bool:
    """Whether `text` says that one thing is asked for at a time."""
    return _says_one(text[:_LONGEST].lower())


def _says_one(low: str) -> bool:
    return (
        _BEFORE_THE_NEXT.search(low) is not None
        or any(not _is_denied(low, found.start()) for found in _ONE_AT_A_TIME.finditer(low))
        or any(_is_denied(low, found.start()) for found in _TOGETHER.finditer(low))
    )


def _is_denied(low: str, at: int) -> bool:
    """Whether what stands at `at` is said not to be."""
    return _NOT.search(low, max(0, at - 80), at) is not None
