"""The same, of which nothing may be said surely or likely: what came before mattered, though no value shows it."""

from __future__ import annotations

from tests.rules.judged import agent, prompted, spoken, tool
from tests.support.scenarios import Ask, Story, Turn, one_by_one


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
    Story(
        "the large poll only if the small one is liked",
        "Test the slogan on ten people, and if they like it on a thousand.",
        one_by_one(
            agent("pollster", "Poll ten people on the slogan.", "They like it."),
            agent("pollster", "Poll a thousand people on the slogan.", "61 percent."),
        ),
    ),
    Story(
        "the parts, then the whole",
        "Summarise the book by parts, then the whole.",
        one_by_one(
            agent("reader", "Summarise part one of the book.", "A boy leaves home."),
            agent("reader", "Summarise the whole book.", "A boy finds home."),
        ),
    ),
    Story(
        "crew: cells of a maze",
        "",
        crew=prompted("walker", *(f"You are at cell {cell}. Where to?" for cell in ("A1", "B1", "B2"))),
    ),
)
