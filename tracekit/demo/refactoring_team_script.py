"""The responses of the scripted Claude to `tracekit/demo/refactoring_team.py`, for the shop.

Every answer is decided by the request alone: the lead's by how far its conversation has come, a subagent's by its
system prompt, its file and its turn. What the tests printed decides what is said of them.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from tracekit.demo.answers import ReceivedRequest, ScriptedResponse, text, tool_use
from tracekit.demo.scenes import Scene, play, results_of, turn_of


def respond(asked: ReceivedRequest) -> ScriptedResponse:
    """Answer a request of the refactoring team, or say that the script has no answer to it."""
    return play(asked, _scene(asked.json()))


def _scene(body: Mapping[str, Any]) -> Scene | None:
    system, turn = str(body.get("system")), turn_of(body)
    agent = re.search(r"You are the (\w+) agent", system)
    if "You lead a refactoring" in system:
        return _lead(turn, body)
    if agent is None:
        return None
    if agent[1] == "test":
        return _test(turn, body)
    given = json.loads(body["messages"][0]["content"])
    if agent[1] == "analysis":
        return _analysis(turn, given["path"])
    return _refactor(turn, given["path"])


def _lead(turn: int, body: Mapping[str, Any]) -> Scene | None:
    if turn == 3:
        passed = "all 6 tests pass" in results_of(body)[0]
        outcome = "and all 6 tests pass" if passed else "but tests fail, so look at them before you merge"
        return Scene((text(_SUMMARY.format(outcome=outcome)),), delay_s=0.8)
    return _LEAD[turn] if turn < len(_LEAD) else None


def _analysis(turn: int, path: str) -> Scene | None:
    if path not in _FINDINGS:
        return None
    findings, delay_s = _FINDINGS[path]
    if turn == 0:
        return Scene((tool_use("read_file", {"path": path}),), delay_s=0.3)
    return Scene((text(findings),), delay_s=delay_s)


def _refactor(turn: int, path: str) -> Scene | None:
    if path not in _CHANGED:
        return None
    content, report, overloads = _CHANGED[path]
    if turn == 0:
        return Scene((tool_use("read_file", {"path": path}),), delay_s=0.3)
    if turn == 1:
        blocks = (text("I write it anew."), tool_use("write_file", {"path": path, "content": content}))
        return Scene(blocks, delay_s=0.9, overloads=overloads)
    return Scene((text(report),), delay_s=0.4)


def _test(turn: int, body: Mapping[str, Any]) -> Scene | None:
    if turn == 0:
        return Scene((tool_use("run_tests", {}),), delay_s=0.3)
    printed = results_of(body)[0]
    ran = re.search(r"Ran (\d+) tests? in", printed)
    if ran is None:
        return Scene((text(f"The tests did not run:\n{printed}"),), delay_s=0.3)
    failed = re.findall(r"^(?:FAIL|ERROR): (\w+)", printed, re.MULTILINE)
    if failed:
        return Scene((text(f"{len(failed)} of {ran[1]} tests fail: {', '.join(failed)}."),), delay_s=0.3)
    return Scene((text(f"It holds: all {ran[1]} tests pass."),), delay_s=0.3)


_LEAD = (
    Scene(
        (
            text("I have the three modules analysed first; they do not depend on one another."),
            tool_use(
                "analysis_agent", {"task": "Look for bugs and for what is hard to change.", "path": "shop/cart.py"}
            ),
            tool_use("analysis_agent", {"task": "Look for bugs and for slow queries.", "path": "shop/orders.py"}),
            tool_use("analysis_agent", {"task": "Look for bugs and for missing checks.", "path": "shop/mail.py"}),
        ),
        delay_s=0.8,
    ),
    Scene(
        (
            text("cart.py and orders.py are worth the change; mail.py can stay as it is."),
            tool_use(
                "refactor_agent",
                {
                    "task": "Remove the shared default list (C1), put the coupons into a table (C2), and compute in "
                    "Decimal (C3).",
                    "path": "shop/cart.py",
                },
            ),
            tool_use(
                "refactor_agent",
                {
                    "task": "Bind the parameters (O1), read all stock in one query (O2), and name the sku that is out "
                    "of stock (O3).",
                    "path": "shop/orders.py",
                },
            ),
        ),
        delay_s=0.8,
    ),
    Scene(
        (text("Both files are changed. Now the tests."), tool_use("test_agent", {"task": "Run all tests."})),
        delay_s=0.5,
    ),
)

_SUMMARY = """\
Two of three modules are refactored, {outcome}.

- shop/cart.py: total() no longer shares a list between calls, takes its coupons from a table, and is right to the cent.
- shop/orders.py: place() binds its parameters, reads the stock of a whole order in one query, and names the sku that \
is out of stock.
- shop/mail.py: left alone; its one finding is minor.

Worth a look next: place() checks the stock but never lowers it."""

_FINDINGS = {
    "shop/cart.py": (
        """\
C1 (bug): `seen=[]` is made once, so the skus of one customer are still there for the next. Nothing reads it: remove it.
C2 (hard to change): the coupons are an `if` each. A table from code to factor takes the next one without a new branch.
C3 (money): prices are summed as floats, and with a coupon the cent can fall on the wrong side. Use Decimal.""",
        1.0,
    ),
    "shop/orders.py": (
        """\
O1 (security): both statements paste values into SQL. A sku with a quote reads another item's stock. Bind the parameters.
O2 (slow): one SELECT for each line. One `WHERE sku IN (…)` does.
O3 (errors): `raise Exception("out of stock")` does not say which sku it was, and can't be caught on its own.""",
        0.9,
    ),
    "shop/mail.py": (
        "M1 (minor): `BODY.format(**order)` fails with a KeyError if the order lacks a name. Worth a check, no change.",
        0.6,
    ),
}

_CHANGED = {
    "shop/cart.py": (
        """\
from decimal import ROUND_HALF_UP, Decimal

COUPONS = {"WELCOME10": Decimal("0.9"), "VIP20": Decimal("0.8")}


def total(items, coupon=None):
    amount = sum((Decimal(str(item["price"])) * item["quantity"] for item in items), Decimal(0))
    return (amount * COUPONS.get(coupon, Decimal(1))).quantize(Decimal("0.01"), ROUND_HALF_UP)
""",
        "shop/cart.py: `seen` is gone, the coupons are a table, and the sum is exact. No caller passed `seen`.",
        0,
    ),
    "shop/orders.py": (
        """\
class OutOfStock(Exception):
    def __init__(self, sku):
        super().__init__(f"{sku} is out of stock")
        self.sku = sku


def stock_of(skus, db):
    marks = ", ".join("?" * len(skus))
    return dict(db.execute(f"SELECT sku, stock FROM items WHERE sku IN ({marks})", skus))


def place(order, db):
    stock = stock_of([line["sku"] for line in order["lines"]], db)
    for line in order["lines"]:
        if stock.get(line["sku"], 0) < line["quantity"]:
            raise OutOfStock(line["sku"])
    db.execute("INSERT INTO orders VALUES (?)", (order["id"],))
""",
        "shop/orders.py: parameters are bound, stock is read in one query, and OutOfStock names the sku.",
        1,
    ),
}
