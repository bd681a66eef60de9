"""One content block of a message, as a block of the detail pane."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracekit_viewer.door import blocks_of, count, counted, size, text_of
from tracekit_viewer.render.block import Block, Body, Line, Style
from tracekit_viewer.render.bodies import Json, SideBySide, Text
from tracekit_viewer.render.outline import parsed

__all__ = ["ROLES", "body_of", "length_of", "said_block", "tool_block", "without_data"]

ROLES: dict[str, Style] = {"system": "system", "user": "user", "assistant": "assistant"}

_LONGEST_DATA = 256
_MEDIA = ("image", "document", "container_upload", "audio", "video")


def said_block(key: str, role: str, block: Any, *, headed: bool, tool: str = "") -> Block:
    """Return the text of a content block, below its role if `headed`; `tool` names a result's tool."""
    style = ROLES.get(role, "dim")
    kind = str(block.get("type", "")) if isinstance(block, Mapping) else ""
    if kind == "text":
        text = str(block.get("text", ""))
        citations = block.get("citations")
        aside = counted(len(citations), "citation") if isinstance(citations, list) and citations else length_of(text)
        return Block(key, _head(role, style, headed=headed), aside, body_of(text), style, copied=lambda: text)
    if kind == "thinking":
        thought = str(block.get("thinking", ""))
        head: Line = (("thinking", "thinking"),)
        empty = "" if thought else "  kept by the API"
        return Block(
            key,
            (*head, (empty, "dim")) if empty else head,
            length_of(thought),
            Text(thought, "thinking") if thought else None,
            "thinking",
            folded=2,
            copied=lambda: thought,
        )
    if kind == "redacted_thinking":
        return Block(key, (("thinking, encrypted by the API", "thinking"),), bar="thinking")
    if kind in _MEDIA:
        return Block(key, (*_head(role, style, headed=headed), *_media(kind, block, headed=headed)), bar=style)
    if kind.endswith("tool_result"):
        return _result(key, kind, block, tool)
    value = block if not isinstance(block, Mapping) else {name: item for name, item in block.items() if name != "type"}
    named = (*_head(role, style, headed=headed), (f"  {kind}" if headed else kind, "dim"))
    return Block(key, named, body=Json(without_data(value)), bar=style, copied=lambda: str(value))


def _head(role: str, style: Style, *, headed: bool) -> Line:
    return ((role or "message", style),) if headed else ()


def length_of(text: str) -> str:
    """Return the length of `text` for display; empty for a short text."""
    return f"{count(len(text))} characters" if len(text) > 400 else ""


def body_of(text: str) -> Body:
    """`text` as it reads best: JSON as an outline, anything else as it is."""
    value = parsed(text)
    return Text(text) if value is None else Json(without_data(value))


def _result(key: str, kind: str, block: Mapping[str, Any], tool: str) -> Block:
    failed = bool(block.get("is_error"))
    name = tool or kind.removesuffix("_tool_result").removesuffix("tool_result") or "a tool"
    head: Line = (
        ("⚙ ", "tool"),
        (name, "tool"),
        (" failed with" if failed else " returned", "error" if failed else "dim"),
    )
    body, text = result_body(block.get("content"), failed=failed)
    return Block(key, head, length_of(text), body, "error" if failed else "tool", folded=6, copied=lambda: text)


def result_body(content: Any, *, failed: bool) -> tuple[Body, str]:
    """A tool's result as it reads best, and as it is copied."""
    if isinstance(content, str):
        return (Text(content, "error") if failed else body_of(content)), content
    blocks = blocks_of(content)
    text = text_of(content)
    others = [block for block in blocks if not (isinstance(block, Mapping) and block.get("type") == "text")]
    if others or (content and not blocks):
        parts = [_result_part(block) for block in blocks] if blocks else content
        return Json(parts[0] if isinstance(parts, list) and len(parts) == 1 else parts), text
    return (Text(text, "error") if failed else body_of(text)) if text else Text("(empty)", "dim"), text


def _result_part(block: Any) -> Any:
    if not isinstance(block, Mapping):
        return block
    if block.get("type") == "text":
        return block.get("text", "")
    if block.get("type") in _MEDIA:
        return "".join(text for text, _ in _media(str(block["type"]), block, headed=False))
    return without_data(block)


def _media(kind: str, block: Mapping[str, Any], *, headed: bool) -> Line:
    """A line on what it is: nothing of it can be shown."""
    source = block.get("source")
    source = source if isinstance(source, Mapping) else {}
    facts = [kind, str(block.get("title") or ""), str(source.get("media_type") or "")]
    data = source.get("data")
    if isinstance(data, str):
        is_text = source.get("type") == "text"
        facts.append(size(len(data) if is_text else len(data.rstrip("=")) * 3 // 4))
    facts += [str(source.get(name) or "") for name in ("url", "file_id")]
    facts.append(str(block.get("file_id") or ""))
    return (("  " if headed else "", "text"), ("▣ ", "dim"), (" · ".join(fact for fact in facts if fact), "text"))


def tool_block(
    key: str,
    use: Mapping[str, Any],
    aside: str,
    result: tuple[Any, bool] | None,
    waiting: str,
    *,
    bar: Style,
    folded: int = 8,
) -> Block:
    """Return a tool call and its result (content, and whether it failed); `waiting` stands in for a missing result."""
    name, asked = str(use.get("name") or "a tool"), use.get("input")
    right: Body = Text(waiting, "dim")
    failed, outcome, text = False, "", ""
    if result is not None:
        failed = result[1]
        right, text = result_body(result[0], failed=failed)
        outcome = "failed with" if failed else "returned"
    left: Body = Json(without_data(asked)) if asked not in ({}, None, "") else Text("(nothing)", "dim")
    body = SideBySide("given", left, outcome, right, "error" if failed else "dim")
    return Block(key, (("⚙ ", "tool"), (name, "tool")), aside, body, bar, folded, copied=lambda: text)


def without_data(value: Any, depth: int = 0) -> Any:
    """`value` with a word in place of the base64 of images and documents."""
    if depth > 200:
        return value
    if isinstance(value, Mapping):
        data = value.get("data")
        if isinstance(data, str) and len(data) > _LONGEST_DATA and value.get("type") == "base64":
            value = {**value, "data": f"… {size(len(data) * 3 // 4)}"}
        return {name: without_data(item, depth + 1) for name, item in value.items()}
    return [without_data(item, depth + 1) for item in value] if isinstance(value, list) else value
