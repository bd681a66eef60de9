"""The code base that the demo's teams refactor: a small shop, with tests of which half fail."""

from pathlib import Path

FILES = {
    "shop/__init__.py": "",
    "shop/cart.py": """\
def total(items, coupon=None, seen=[]):
    amount = 0.0
    for item in items:
        seen.append(item["sku"])
        amount = amount + item["price"] * item["quantity"]
    if coupon == "WELCOME10":
        amount = amount * 0.9
    if coupon == "VIP20":
        amount = amount * 0.8
    return round(amount, 2)
""",
    "shop/orders.py": """\
def place(order, db):
    for line in order["lines"]:
        row = db.execute("SELECT stock FROM items WHERE sku = '%s'" % line["sku"]).fetchone()
        if row is None or row[0] < line["quantity"]:
            raise Exception("out of stock")
    db.execute("INSERT INTO orders VALUES ('%s')" % order["id"])
""",
    "shop/mail.py": """\
BODY = "Dear {name}, we have your order {id}."


def confirm(order, smtp):
    subject = "Your order %s" % order["id"]
    smtp.send(to=order["email"], subject=subject, body=BODY.format(**order))
""",
    "tests/__init__.py": "",
    "tests/test_shop.py": """\
import sqlite3
import unittest
from types import SimpleNamespace

from shop import cart, mail, orders


def database():
    db = sqlite3.connect(":memory:")
    db.executescript(
        "CREATE TABLE items (sku, stock); INSERT INTO items VALUES ('pen', 3), ('ink', 9); CREATE TABLE orders (id);"
    )
    return db


class TestShop(unittest.TestCase):
    def setUp(self):
        self.db = database()
        self.addCleanup(self.db.close)

    def place(self, sku, quantity):
        orders.place({"id": "o1", "lines": [{"sku": sku, "quantity": quantity}]}, self.db)

    def test_total_takes_a_coupon_off(self):
        items = [{"sku": "pen", "price": 5, "quantity": 2}]
        self.assertEqual(float(cart.total(items, "VIP20")), 8.0)

    def test_total_is_right_to_the_cent(self):
        items = [{"sku": "pen", "price": 2.25, "quantity": 1}]
        self.assertEqual(str(cart.total(items, "WELCOME10")), "2.03")

    def test_place_stores_the_order(self):
        self.place("pen", 3)
        self.assertEqual(self.db.execute("SELECT id FROM orders").fetchall(), [("o1",)])

    def test_place_names_what_is_out_of_stock(self):
        with self.assertRaisesRegex(Exception, "pen"):
            self.place("pen", 4)

    def test_place_is_not_fooled_by_a_quote(self):
        with self.assertRaises(Exception):
            self.place("x' OR sku = 'ink", 9)

    def test_confirm_names_the_order(self):
        sent = []
        smtp = SimpleNamespace(send=lambda **mail: sent.append(mail))
        mail.confirm({"id": "o1", "name": "Ada", "email": "ada@example.org"}, smtp)
        self.assertEqual(sent[0]["subject"], "Your order o1")


if __name__ == "__main__":
    unittest.main()
""",
}

TASK = "Refactor the modules in shop/: remove bugs and what is hard to change. Leave the tests as they are."


def write_shop(folder: Path) -> None:
    """Write the shop into a folder."""
    for path, content in FILES.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content, encoding="utf-8")
