"""Runs that were judged before anybody looked at the rules: as programs first, and here as stories of them."""

from __future__ import annotations

from typing import Any

from tests.support.scenarios import Ask, Story, Turn, one_by_one

SPLIT = frozenset({"TK103"})


def agent(name: str, task: str, output: str, **more: Any) -> Ask:
    return Ask(name, {"task": task}, output, 4000, **more)


def tool(name: str, output: str, **input: Any) -> Ask:
    return Ask(name, input, output, 2000, agent=False)


def spoken(*turns: tuple[str, Ask]) -> tuple[Turn, ...]:
    """A turn for each ask, with what the model said when it asked."""
    return tuple(Turn((ask,), words=words) for words, ask in turns)


def explore(area: str, what: str, output: str) -> Ask:
    prompt = f"Explore how {area} works in this repository. {what} Report with file paths."
    return Ask("Task", {"description": f"Explore {area}", "prompt": prompt, "subagent_type": "Explore"}, output, 9000)


def prompted(name: str, *prompts: str) -> tuple[Ask, ...]:
    """Agents that code set to work, each with its prompt."""
    return tuple(Ask(name, {"q": n}, f"Answer number {n}.", 4000, prompt=prompt) for n, prompt in enumerate(prompts))


PORT = "The harbour was quiet when the ferry came in."
HITS: tuple[Story, ...] = (
    Story(
        "three reviewers of one folder",
        "Review payments/ for security, performance and style.",
        spoken(
            (
                "I begin with security.",
                agent("security_review", "Review payments/ for security", "Secrets are logged."),
            ),
            ("Then performance.", agent("performance_review", "Review payments/ for performance", "N+1 queries.")),
            ("Finally style.", agent("style_review", "Review payments/ for style", "Names differ.")),
        ),
        hit=SPLIT,
    ),
    Story(
        "two regions in two letters each",
        "Why do customers leave us in the EU and in the US?",
        one_by_one(
            agent("team_a", "Find churn drivers in the EU segment", "Prices rose and shipping is slow."),
            agent("team_b", "Find churn drivers in the US segment", "A rival has a free tier."),
        ),
        hit=SPLIT,
    ),
    Story(
        "names that tell nothing, one task of three",
        "Do the due diligence of Vandelay: finance, legal and technology.",
        one_by_one(
            agent("ann", "Look into the finance side of Vandelay", "No debt."),
            agent("bob", "Look into the legal side of Vandelay", "A trademark suit is pending."),
            agent("cyd", "Look into the technology side of Vandelay", "A monolith in fair shape."),
        ),
        hit=SPLIT,
    ),
    Story(
        "one text into four languages",
        f"Translate into French, Polish, Korean and Finnish: {PORT}",
        one_by_one(
            agent("bob", f"Translate into French: {PORT}", "Le port était calme quand le ferry arriva."),
            agent("bob", f"Translate into Polish: {PORT}", "Port był cichy, gdy przypłynął prom."),
            agent("bob", f"Translate into Korean: {PORT}", "페리가 들어왔을 때 항구는 조용했다."),
            agent("bob", f"Translate into Finnish: {PORT}", "Satama oli hiljainen."),
        ),
        hit=SPLIT,
    ),
    Story(
        "a listing, and all of it read one by one",
        "Are our docs consistent?",
        one_by_one(
            tool("list_dir", "install.md\nusage.md\nfaq.md", path="docs"),
            tool("read_file", "Install with pip.", path="docs/install.md"),
            tool("read_file", "Run it.", path="docs/usage.md"),
            tool("read_file", "Q: why?", path="docs/faq.md"),
        ),
        hit=SPLIT,
    ),
    Story(
        "vendors in German",
        "Vergleiche die Anbieter Nordwind, Seeblick und Talstern.",
        spoken(
            ("Ich beginne.", agent("agent_3", "Recherchiere den Anbieter Nordwind: Preise.", "Zwölf Euro im Monat.")),
            ("Weiter.", agent("agent_3", "Recherchiere den Anbieter Seeblick: Preise.", "Neunzehn Euro.")),
            ("Zuletzt.", agent("agent_3", "Recherchiere den Anbieter Talstern: Preise.", "Kostenlos bis fünf Nutzer.")),
        ),
        hit=SPLIT,
    ),
    Story(
        "begins that are spread by a pace of the program's",
        "Probe north, south and west.",
        (
            Turn(
                tuple(agent("probe", f"Probe region {x}", "Healthy.") for x in ("north", "south", "west")),
                how="staggered",
            ),
        ),
        hit=frozenset({"TK104"}),
    ),
)

HITS += (
    Story(
        "pages whose addresses are made of names in the task",
        "Compare the pricing of Linear, Height and Shortcut.",
        one_by_one(
            tool("fetch_url", "8 dollars a user", url="https://linear.app/pricing"),
            tool("fetch_url", "9 dollars", url="https://height.app/pricing"),
            tool("fetch_url", "10 dollars", url="https://shortcut.com/pricing"),
        ),
        hit=SPLIT,
    ),
    Story(
        "queries that only read",
        "How many rows do customers, invoices and payments have?",
        one_by_one(
            tool("run_query", "10211", sql="SELECT count(*) FROM customers"),
            tool("run_query", "99121", sql="SELECT count(*) FROM invoices"),
            tool("run_query", "98100", sql="SELECT count(*) FROM payments"),
        ),
        hit=SPLIT,
    ),
    Story(
        "names of three letters",
        "Check the balances of Ann, Bob and Cem.",
        one_by_one(
            *(tool("get_balance", said, customer=who) for who, said in (("Ann", "12"), ("Bob", "90"), ("Cem", "7")))
        ),
        hit=SPLIT,
    ),
    Story(
        "agents that a general tool launches",
        "Summarise how auth, billing and search work in this repo.",
        spoken(
            (
                "I'll explore each area.",
                explore("auth", "Find the entry points and the sessions.", "Redis holds sessions."),
            ),
            ("Next, billing.", explore("billing", "Find the webhooks and the invoices.", "Stripe calls hooks.ts.")),
            ("Finally, search.", explore("search", "Find the indexer and the ranking.", "A job runs nightly.")),
        ),
        tools={"Task": "Launch a new agent to handle complex, multi-step tasks."},
        hit=SPLIT,
    ),
    Story(
        "a language without spaces",
        "比较华为、小米和荣耀的旗舰手机。",
        one_by_one(
            *(
                agent("researcher", f"研究{who}旗舰手机的价格。", said)
                for who, said in (("华为", "七千元。"), ("小米", "五千元。"), ("荣耀", "四千元。"))
            )
        ),
        hit=SPLIT,
    ),
    Story(
        "crew: prompts of one template, filled in",
        "",
        crew=prompted(
            "summarise",
            "Summarise the following document:\n\nThe council met. Then it adjourned.",
            "Summarise the following document:\n\nBread sold, so the next step is to bake.",
            "Summarise the following document:\n\nThe roof comes in the second phase of works.",
        ),
        hit=frozenset({"TK106"}),
    ),
)
