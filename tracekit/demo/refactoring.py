"""A lead that refactors a small shop with the help of subagents, as the guide prints its loop, flaws included."""

import asyncio

import anthropic
from anthropic.types import Message, MessageParam, ToolParam, ToolResultBlockParam, ToolUseBlock

FILES = {
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
        if row[0] < line["quantity"]:
            raise Exception("out of stock")
    db.execute("INSERT INTO orders VALUES ('%s')" % order["id"])
""",
    "shop/mail.py": """\
def confirm(order, smtp):
    subject = "Your order %s" % order["id"]
    smtp.send(to=order["email"], subject=subject, body=BODY.format(**order))
""",
    "tests/test_shop.py": """\
def test_total_applies_welcome_coupon(): ...
def test_total_applies_vip_coupon(): ...
def test_place_rejects_what_is_out_of_stock(): ...
def test_place_stores_the_order(): ...
def test_confirm_names_the_order(): ...
""",
}

LEAD = "You lead a refactoring. Have the code analysed, refactor what is worth it, test the result, then sum up."
AGENTS = {
    "analysis_agent": ("claude-sonnet-5-5", "You are the analysis agent. Find what is wrong in one file."),
    "refactor_agent": ("claude-sonnet-5-5", "You are the refactor agent. Answer with a diff of one file."),
    "test_agent": ("claude-haiku-5-5", "You are the test agent. Report how the tests come out."),
}
TOOLS: list[ToolParam] = [
    {
        "name": name,
        "description": system,
        "input_schema": {
            "type": "object",
            "properties": {"task": {"type": "string"}, "path": {"type": "string"}},
            "required": ["task", "path"],
        },
    }
    for name, (_, system) in AGENTS.items()
]

client = anthropic.Anthropic()


async def run_subagent(block: ToolUseBlock) -> ToolResultBlockParam:
    """Let the subagent that a tool stands for do its task."""
    model, system = AGENTS[block.name]
    task, path = str(block.input["task"]), str(block.input["path"])
    print(f"{block.name}: {path}")
    prompt: MessageParam = {"role": "user", "content": f"{task}\n\nFile: {path}\n\n{FILES[path]}"}
    answer: Message
    if block.name == "test_agent":
        with client.messages.stream(model=model, max_tokens=2000, system=system, messages=[prompt]) as stream:
            answer = stream.get_final_message()
    else:
        answer = client.messages.create(model=model, max_tokens=2000, system=system, messages=[prompt])
    report = "".join(part.text for part in answer.content if part.type == "text")
    return {"type": "tool_result", "tool_use_id": block.id, "content": report}


async def refactor(task: str) -> str:
    """Run the lead on a task until it requests no more tools, and return its last text."""
    messages: list[MessageParam] = [{"role": "user", "content": task}]
    while True:
        answer = client.messages.create(
            model="claude-opus-5-5",
            max_tokens=4000,
            system=LEAD,
            tools=TOOLS,
            messages=messages,
            cache_control={"type": "ephemeral"},
        )
        messages.append({"role": "assistant", "content": answer.content})
        if answer.stop_reason == "end_turn":
            return "".join(block.text for block in answer.content if block.type == "text")
        if answer.stop_reason == "tool_use":
            asked_for = [block for block in answer.content if block.type == "tool_use"]
            results = await asyncio.gather(*(run_subagent(block) for block in asked_for))
            messages.append({"role": "user", "content": results})


if __name__ == "__main__":
    print(asyncio.run(refactor(f"Refactor the shop: {', '.join(FILES)}.")))
