"""The responses of the scripted Claude to `tracekit/demo/refactoring.py`.

Every answer is decided by the request alone, never by the order of arrival: the lead's by how far its conversation has
come, a subagent's by its system prompt and its file, an overload by the SDK's count of retries. So the same answers
come to a program that asks one at a time and to one that asks at once.
"""

import re
from collections.abc import Mapping
from typing import Any

from tracekit.demo.answers import ReceivedRequest, ScriptedResponse, text, tool_use
from tracekit.demo.scenes import Scene, play


def respond(asked: ReceivedRequest) -> ScriptedResponse:
    """Answer a request of the refactoring program, or say that the script has no answer to it."""
    return play(asked, _scene(asked.json()))


def _scene(body: Mapping[str, Any]) -> Scene | None:
    if "tools" in body:
        turn = sum(each["role"] == "assistant" for each in body["messages"])
        return _LEAD[turn] if turn < len(_LEAD) else None
    agent = re.search(r"You are the (\w+) agent", str(body.get("system")))
    path = re.search(r"^File: (.+)$", str(body["messages"][0]["content"]), re.MULTILINE)
    return _SUBAGENTS.get((agent[1], path[1])) if agent and path else None


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
        delay_s=0.9,
    ),
    Scene(
        (
            text(
                "cart.py and orders.py are worth the change: C1 is a leak between customers and O1 an SQL injection. "
                "mail.py can stay as it is."
            ),
            tool_use(
                "refactor_agent",
                {
                    "task": "Remove the shared default list (C1) and put the coupons into a table (C2). "
                    "Compute in Decimal (C3). Keep the signature of total().",
                    "path": "shop/cart.py",
                },
            ),
            tool_use(
                "refactor_agent",
                {
                    "task": "Bind the parameters (O1), read all stock in one query (O2), and raise OutOfStock "
                    "with the sku (O3).",
                    "path": "shop/orders.py",
                },
            ),
        ),
        delay_s=0.9,
    ),
    Scene(
        (
            text("Both diffs are in. Now the tests."),
            tool_use(
                "test_agent",
                {
                    "task": "Run the tests against total() with its COUPONS table and place() with stock_of().",
                    "path": "tests/test_shop.py",
                },
            ),
        ),
        delay_s=0.6,
    ),
    Scene(
        (
            text(
                "Two of three modules are refactored, and all 5 tests pass.\n\n"
                "- shop/cart.py: total() no longer shares a list between calls, takes its coupons from a table, and "
                "computes in Decimal.\n"
                "- shop/orders.py: place() binds its parameters, reads the stock of a whole order in one query, and "
                "names the sku that is out of stock.\n"
                "- shop/mail.py: left alone; its one finding is minor.\n\n"
                "Worth a look next: place() checks the stock but never lowers it."
            ),
        ),
        delay_s=0.9,
    ),
)

_CART_FINDINGS = """\
Three findings in shop/cart.py.

C1 (bug): `seen=[]` is made once, when the function is defined. Every call without `seen` appends to the same list, so \
the skus of one customer are still there for the next. Nothing reads it: remove it.

C2 (hard to change): the coupons are an `if` each. WELCOME10 and VIP20 can't both apply, so a table from code to factor \
says the same and takes the next coupon without a new branch.

C3 (money): prices are summed as floats and rounded at the end. 0.1 + 0.2 is 0.30000000000000004 before rounding, and \
with a coupon the cent can fall on the wrong side. Use Decimal throughout."""

_ORDERS_FINDINGS = """\
Three findings in shop/orders.py.

O1 (security): both statements paste values into SQL with `%`. A sku of `x' OR '1'='1` reads another item's stock. Bind \
the parameters.

O2 (slow): one SELECT for each line. An order of 40 lines makes 40 round trips; one `WHERE sku IN (…)` does.

O3 (errors): `raise Exception("out of stock")` can't be caught on its own and does not say which sku it was. An unknown \
sku fails earlier, with a TypeError on `row[0]`."""

_MAIL_FINDINGS = """\
One finding in shop/mail.py.

M1 (minor): `BODY.format(**order)` fails with a KeyError if the order lacks a field that the text names. The callers in \
this repository always pass whole orders, so this is worth a check but not a change of structure."""

_CART_DIFF = """\
```diff
--- a/shop/cart.py
+++ b/shop/cart.py
@@ -1,10 +1,9 @@
-def total(items, coupon=None, seen=[]):
-    amount = 0.0
-    for item in items:
-        seen.append(item["sku"])
-        amount = amount + item["price"] * item["quantity"]
-    if coupon == "WELCOME10":
-        amount = amount * 0.9
-    if coupon == "VIP20":
-        amount = amount * 0.8
-    return round(amount, 2)
+from decimal import Decimal
+
+COUPONS = {"WELCOME10": Decimal("0.9"), "VIP20": Decimal("0.8")}
+
+
+def total(items, coupon=None):
+    amount = sum((Decimal(str(item["price"])) * item["quantity"] for item in items), Decimal(0))
+    factor = COUPONS.get(coupon, Decimal(1))
+    return (amount * factor).quantize(Decimal("0.01"))
```
`seen` is gone from the signature; no caller passed it."""

_ORDERS_DIFF = """\
```diff
--- a/shop/orders.py
+++ b/shop/orders.py
@@ -1,6 +1,17 @@
+class OutOfStock(Exception):
+    def __init__(self, sku):
+        super().__init__(f"{sku} is out of stock")
+        self.sku = sku
+
+
+def stock_of(skus, db):
+    marks = ", ".join("?" * len(skus))
+    return dict(db.execute(f"SELECT sku, stock FROM items WHERE sku IN ({marks})", skus))
+
+
 def place(order, db):
+    stock = stock_of([line["sku"] for line in order["lines"]], db)
     for line in order["lines"]:
-        row = db.execute("SELECT stock FROM items WHERE sku = '%s'" % line["sku"]).fetchone()
-        if row[0] < line["quantity"]:
-            raise Exception("out of stock")
-    db.execute("INSERT INTO orders VALUES ('%s')" % order["id"])
+        if stock.get(line["sku"], 0) < line["quantity"]:
+            raise OutOfStock(line["sku"])
+    db.execute("INSERT INTO orders VALUES (?)", (order["id"],))
```
An unknown sku now counts as out of stock."""

_TEST_REPORT = """\
tests/test_shop.py::test_total_applies_welcome_coupon PASSED [ 20%]
tests/test_shop.py::test_total_applies_vip_coupon PASSED [ 40%]
tests/test_shop.py::test_place_rejects_what_is_out_of_stock PASSED [ 60%]
tests/test_shop.py::test_place_stores_the_order PASSED [ 80%]
tests/test_shop.py::test_confirm_names_the_order PASSED [100%]

5 passed in 0.31s"""

_SUBAGENTS = {
    ("analysis", "shop/cart.py"): Scene((text(_CART_FINDINGS),), delay_s=1.2),
    ("analysis", "shop/orders.py"): Scene((text(_ORDERS_FINDINGS),), delay_s=1.0),
    ("analysis", "shop/mail.py"): Scene((text(_MAIL_FINDINGS),), delay_s=0.7),
    ("refactor", "shop/cart.py"): Scene((text(_CART_DIFF),), delay_s=1.0),
    ("refactor", "shop/orders.py"): Scene((text(_ORDERS_DIFF),), delay_s=1.2, overloads=2),
    ("test", "tests/test_shop.py"): Scene((text(_TEST_REPORT),), delay_s=0.4),
}
