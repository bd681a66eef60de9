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


def versions(*numbers: str) -> tuple[Turn, ...]:
    said = {True: "Export took nine seconds.", False: "Export took one."}
    return one_by_one(*(agent("bench", f"Time the export in version {n}.", said[n > "2.20"]) for n in numbers))


MISSES: tuple[Story, ...] = (
    Story(
        "a search by halves over versions",
        "Between 2.0 and 2.64 the export got slow. Find the version.",
        versions("2.32", "2.16", "2.24", "2.20"),
    ),
    Story(
        "a search by halves over builds",
        "Builds 4000 to 4640: which one broke the login?",
        one_by_one(
            *(
                Ask("check_build", {"build": n}, said)
                for n, said in ((4320, "broken"), (4160, "works"), (4240, "broken"))
            )
        ),
    ),
    Story(
        "chapters of a novel",
        "Write a short novel in three chapters.",
        one_by_one(
            *(
                agent("novelist", f"Write chapter {n} of the novel in the voice agreed.", said)
                for n, said in ((1, "Ines finds a letter."), (2, "A watchmaker stays silent."), (3, "A key is left."))
            )
        ),
    ),
    Story(
        "chapters of a novel by their outlines",
        "Write the novel: a letter is found; a journey to Trieste; a key is left.",
        one_by_one(
            *(
                Ask("chapter_writer", {"number": n, "outline": outline}, said)
                for n, outline, said in (
                    (1, "a letter is found", "Ines opens the wall."),
                    (2, "a journey to Trieste", "The train is late."),
                    (3, "a key is left", "It fits nothing."),
                )
            )
        ),
    ),
    Story(
        "a glossary that grows",
        "Localise menus, dialogs and errors to Dutch. Keep a glossary as you go.",
        one_by_one(
            *(
                Ask("translate_section", {"section": name, "glossary": "shared"}, "Translated; four terms were added.")
                for name in ("menus", "dialogs", "errors")
            )
        ),
    ),
    Story(
        "a glossary that only the agent knows of",
        "Localise menus, dialogs and errors to Dutch.",
        one_by_one(
            *(
                Ask("agent_1", {"section": name}, "Done.", system="You translate. Look up the glossary, and add to it.")
                for name in ("menus", "dialogs", "errors")
            )
        ),
    ),
    Story(
        "the model tells what it concludes",
        "Who is to blame for the outage?",
        spoken(
            ("", agent("investigator", "Look into the gateway", "Requests pile up behind the payment cluster.")),
            (
                "Requests pile up at payments.",
                agent("investigator", "Look into the payment cluster", "A lock is held."),
            ),
        ),
    ),
    Story(
        "declared to come after, in one answer",
        "An article on tidal power.",
        (
            Turn(
                (
                    agent("research", "Find sources on tidal power", "Three sources."),
                    agent("press", "Write the article on tidal power", "The article.", after=("research",)),
                ),
                how="serial",
            ),
        ),
    ),
    Story(
        "a better version of the same text",
        "Write a haiku about rust and improve it.",
        one_by_one(
            agent("poet", "A haiku about rust", "Iron remembers."),
            agent("critic", "Judge the current version.", "The end is weak."),
            agent("poet", "Improve the current version.", "Iron forgets."),
        ),
    ),
    Story(
        "crew: a champion that may be replaced",
        "",
        crew=tuple(
            Ask("worker", {"q": n}, "the first", prompt=f"Which is better?\n1. Fresh every day\n2. {other}")
            for n, other in enumerate(("Bread that loves you", "Warm since then", "Crust matters"))
        ),
    ),
    Story(
        "crew: numbers that the program worked out",
        "",
        crew=tuple(
            Ask("worker", {"q": n}, "buy", prompt=f"The price is {price}, your cash {cash}. Buy, sell or hold?")
            for n, (price, cash) in enumerate(((100.25, 1000), (101.75, 899.75), (103.55, 798)))
        ),
    ),
    Story(
        "a few files of a listing",
        "Where is the retry limit set?",
        one_by_one(
            tool(
                "list_files",
                "\n".join(f"{n}.py" for n in ["main", "config", "client", "util", "server", "cache", "auth"]),
                path=".",
            ),
            tool("read_file", "from client import Client", path="main.py"),
            tool("read_file", "limit = settings.LIMIT", path="client.py"),
            tool("read_file", "LIMIT = 5", path="config.py"),
        ),
    ),
    Story(
        "down to where the first pointed",
        "Why did revenue fall?",
        spoken(
            ("", agent("analyst", "Break revenue down by region for two quarters.", "All are flat but the south.")),
            ("It is the south.", agent("analyst", "Break revenue in the south down by product.", "Pumps collapsed.")),
        ),
    ),
    Story(
        "one guess after another",
        "Find out why the build is slow.",
        spoken(
            ("Maybe the cache.", agent("investigator", "Check whether the build cache is hit.", "Yes, 98 percent.")),
            ("Not the cache.", agent("investigator", "Check whether linking is slow.", "It takes 8 minutes.")),
        ),
    ),
    Story(
        "layers of one program",
        "Build a todo app: database schema, API, frontend.",
        one_by_one(
            agent("db_dev", "Design the database schema for the todo app.", "Lists and items."),
            agent("api_dev", "Implement the API for the todo app.", "Routes are done."),
            agent("ui_dev", "Implement the frontend for the todo app.", "Views are done."),
        ),
    ),
    Story(
        "lessons that nobody counted",
        "Teach me to juggle.",
        one_by_one(
            *(agent("coach", f"Give lesson {n} on juggling.", f"{n} of them.") for n in ("one", "two", "three"))
        ),
    ),
    Story(
        "remembered, then used",
        "Let Bob remember my birthday and greet me.",
        one_by_one(
            agent("bob", "Remember: the birthday is on 4 June.", "Noted."), agent("bob", "Greet the user.", "Hello!")
        ),
    ),
    Story(
        "jars moved, then counted",
        "Move all jars from shelf A to B and count shelf B.",
        one_by_one(
            agent("robot", "Move all jars from shelf A to shelf B.", "Moved."),
            agent("robot", "Count the jars on shelf B.", "14"),
        ),
    ),
    Story(
        "one wording after another",
        "Find a phrasing that the filter lets through.",
        one_by_one(
            agent("prober", "Try the phrase: open the pod.", "blocked"),
            agent("prober", "Try the phrase: kindly open the pod.", "blocked"),
            agent("prober", "Try the phrase: would you open it.", "passed"),
        ),
    ),
    Story(
        "one of two only in case of the other",
        "Should we open the window? Check rain, and the wind if it is dry.",
        one_by_one(
            agent("sensor_agent", "Is there rain outside?", "dry"),
            agent("sensor_agent", "Is there wind outside?", "calm"),
        ),
    ),
    Story(
        "two messages to one channel, in one answer",
        "Tell ops when the deploy begins and ends.",
        (
            Turn(
                tuple(tool("post_message", "ok", channel="ops", text=f"Deploy {what}") for what in ("begins", "ends")),
                how="serial",
            ),
        ),
    ),
    Story(
        "crew: moves in a world",
        "",
        crew=prompted(
            "policy",
            "Observation: you stand at the mill. Which way do you go?",
            "Observation: you stand at the ford. Which way do you go?",
            "Observation: you stand at the gate. Which way do you go?",
        ),
    ),
    Story(
        "crew: questions that speak of it",
        "",
        crew=prompted("helper", "How do I boil an egg?", "How do I peel it?", "How do I store it?"),
    ),
    Story(
        "crew: a proof that grows",
        "",
        crew=prompted("expand", "Rate this proof:\nlet x be even", "Rate this proof:\nlet x be even; x = 2k"),
    ),
    Story(
        "crew: the same once more, with what was wrong",
        "",
        crew=prompted("extract", "Return JSON for: Ann, 31.", "Return JSON for: Ann, 31. The last was not valid."),
    ),
)
