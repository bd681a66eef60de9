"""The hard cases of dependence, each as a story: those that hold something, and those that must stay silent."""

from __future__ import annotations

from tests.support.scenarios import Ask, Story, Tool, Turn, one_by_one

SHOP = "Refactor the shop: shop/cart.py, shop/orders.py, shop/mail.py and tests/test_shop.py."
CART = "Two findings.\nC1: seen=[] is shared between calls.\nC2: the coupons are an if each."
ORDERS = "One finding.\nO1: the sku is pasted into the SQL."
MAIL = "M1: a field that is missing raises KeyError."


def analyse(path: str, output: str = "Looks fine.", ms: int = 2000, **more: object) -> Ask:
    return Ask("analysis_agent", {"task": "Look for bugs.", "path": path}, output, ms, **more)  # type: ignore[arg-type]


SPLIT = frozenset({"TK103"})

HITS: tuple[Story, ...] = (
    Story(
        "three analyses in three turns",
        SHOP,
        one_by_one(analyse("shop/cart.py", CART), analyse("shop/orders.py", ORDERS), analyse("shop/mail.py", MAIL)),
        hit=SPLIT,
    ),
    Story(
        "paths that the task does not name",
        "Analyse the shop.",
        one_by_one(
            *(
                Ask("analysis_agent", {"path": p}, f"{p} has {n} findings.")
                for n, p in enumerate(("shop/cart.py", "shop/orders.py", "shop/mail.py"))
            )
        ),
        hit=SPLIT,
    ),
    Story(
        "tasks worded a little differently",
        SHOP,
        one_by_one(
            Ask(
                "analysis_agent",
                {"task": "Look for bugs and for what is hard to change.", "path": "shop/cart.py"},
                CART,
            ),
            Ask("analysis_agent", {"task": "Look for bugs and for slow queries.", "path": "shop/orders.py"}, ORDERS),
            Ask("analysis_agent", {"task": "Look for bugs and for missing checks.", "path": "shop/mail.py"}, MAIL),
        ),
        hit=SPLIT,
    ),
    Story(
        "short common values come back",
        SHOP,
        one_by_one(
            Ask("analysis_agent", {"path": "shop/cart.py", "strict": "true"}, "ok: true, src is clean"),
            Ask("analysis_agent", {"path": "shop/orders.py", "strict": "true", "root": "src"}, "ok"),
        ),
        hit=SPLIT,
    ),
    Story(
        "both values are from the task",
        "Compare the orders ORD-1001 and ORD-1002 of customer C-77.",
        one_by_one(
            Ask(
                "research_agent",
                {"order": "ORD-1001", "customer": "C-77"},
                "ORD-1001 of C-77 was late; ORD-1002 was not asked.",
            ),
            Ask("research_agent", {"order": "ORD-1002", "customer": "C-77"}, "ORD-1002 of C-77 was in time."),
        ),
        hit=SPLIT,
    ),
    Story(
        "paths whose names begin alike",
        "Fix the typing of src/app.py and src/app2.py.",
        one_by_one(
            Ask("fix_agent", {"path": "src/app.py"}, "Fixed."), Ask("fix_agent", {"path": "src/app2.py"}, "Fixed.")
        ),
        hit=SPLIT,
    ),
    Story(
        "refactors of two files",
        "Refactor shop/cart.py and shop/orders.py.",
        one_by_one(
            Ask(
                "refactor_agent",
                {"path": "shop/cart.py"},
                "Done with the cart.",
                tools=(Tool("write_file", {"path": "shop/cart.py", "text": "a"}, writes=("shop/cart.py",)),),
            ),
            Ask(
                "refactor_agent",
                {"path": "shop/orders.py"},
                "Done.",
                tools=(Tool("write_file", {"path": "shop/orders.py", "text": "b"}, writes=("shop/orders.py",)),),
            ),
        ),
        hit=SPLIT,
    ),
    Story(
        "small numbers come back",
        "Summarise chapters 1, 2 and 3.",
        one_by_one(
            Ask("summary_agent", {"chapter": 1, "sentences": 3}, "There are 3 parts and 2 heroes."),
            Ask("summary_agent", {"chapter": 2, "sentences": 3}, "One part."),
            Ask("summary_agent", {"chapter": 3, "sentences": 3}, "2 parts."),
        ),
        hit=SPLIT,
    ),
    Story(
        "four of 20 s with turns of 4 s between",
        "Audit src/auth, src/billing, src/search and src/mail.",
        one_by_one(
            *(
                Ask("audit_agent", {"folder": f"src/{name}"}, f"{name} is sound.", 20_000)
                for name in ("auth", "billing", "search", "mail")
            ),
            ms=4000,
        ),
        hit=SPLIT,
    ),
    Story(
        "two of 60 s",
        "Review docs/guide.md and docs/api.md.",
        one_by_one(
            Ask("review_agent", {"path": "docs/guide.md"}, "Fine.", 60_000),
            Ask("review_agent", {"path": "docs/api.md"}, "Fine too.", 60_000),
        ),
        hit=SPLIT,
    ),
    Story(
        "agents of other kinds that only look",
        "Check shop/ for security, style and performance problems.",
        one_by_one(
            Ask("security_agent", {"folder": "shop/"}, "No injection."),
            Ask("style_agent", {"folder": "shop/"}, "Long lines."),
            Ask("performance_agent", {"folder": "shop/"}, "One slow loop."),
        ),
        tools={"security_agent": "Checks security.", "style_agent": "Checks style."},
        hit=SPLIT,
    ),
    Story(
        "the last two of three",
        SHOP,
        one_by_one(
            Ask("plan_agent", {"goal": "Refactor the shop"}, "Start with PLAN-42, step by step."),
            Ask("analysis_agent", {"plan": "PLAN-42", "path": "shop/cart.py"}, CART),
            Ask("analysis_agent", {"plan": "PLAN-42", "path": "shop/orders.py"}, ORDERS),
        ),
        hit=SPLIT,
    ),
    Story(
        "a nested team's split turns",
        SHOP,
        (
            Turn(
                (
                    Ask(
                        "lead_agent",
                        {"goal": SHOP},
                        "All fine.",
                        1,
                        team=one_by_one(
                            analyse("shop/cart.py", CART),
                            analyse("shop/orders.py", ORDERS),
                            analyse("shop/mail.py", MAIL),
                        ),
                    ),
                )
            ),
        ),
        hit=SPLIT,
    ),
    Story(
        "retries inside one of them",
        SHOP,
        one_by_one(analyse("shop/cart.py", CART, retries=(500, 1000)), analyse("shop/orders.py", ORDERS)),
        hit=SPLIT,
    ),
    Story(
        "reading files that the task names",
        "Compare a.py, b.py and c.py.",
        one_by_one(
            Ask("read_file", {"path": "a.py"}, "def one(): ...", 800, agent=False),
            Ask("read_file", {"path": "b.py"}, "def two(): ...", 800, agent=False),
            Ask("read_file", {"path": "c.py"}, "def three(): ...", 800, agent=False),
        ),
        hit=SPLIT,
    ),
    Story(
        "declared to touch other things",
        "Write the two halves.",
        one_by_one(
            Ask("left_agent", {"half": "left"}, "Left is there.", reads=("spec.md",), writes=("left.md",)),
            Ask("right_agent", {"half": "right"}, "Right is there.", reads=("spec.md",), writes=("right.md",)),
        ),
        hit=SPLIT,
    ),
    Story(
        "two agents of the program's own",
        "",
        crew=(
            Ask("reviewer", {"path": "docs/guide.md"}, "Fine.", 60_000, prompt="Review docs/guide.md"),
            Ask("reviewer", {"path": "docs/api.md"}, "Fine too.", 60_000, prompt="Review docs/api.md"),
        ),
        hit=frozenset({"TK106"}),
    ),
    Story(
        "one answer, one by one",
        SHOP,
        (
            Turn(
                (analyse("shop/cart.py", CART), analyse("shop/orders.py", ORDERS), analyse("shop/mail.py", MAIL)),
                how="serial",
            ),
        ),
        hit=frozenset({"TK102"}),
    ),
    Story(
        "the SDK's runner",
        SHOP,
        (
            Turn(
                (
                    Ask("read_file", {"path": "a"}, "x", 900, agent=False),
                    Ask("ask_expert", {"q": "why"}, "y", 900, agent=False),
                    Ask("search", {"q": "z"}, "z", 900, agent=False),
                ),
                how="serial",
            ),
        ),
        runner=True,
        hit=frozenset({"TK102"}),
    ),
    Story(
        "a blocked loop",
        SHOP,
        (
            Turn(
                (analyse("shop/cart.py", CART), analyse("shop/orders.py", ORDERS), analyse("shop/mail.py", MAIL)),
                how="blocked",
            ),
        ),
        hit=frozenset({"TK101"}),
    ),
    Story(
        "a blocked loop of agents with tools",
        SHOP,
        (
            Turn(
                tuple(
                    analyse(path, tools=(Tool("read_file", {"path": path}, reads=(path,)),))
                    for path in ("shop/cart.py", "shop/orders.py")
                ),
                how="blocked",
            ),
        ),
        hit=frozenset({"TK101"}),
    ),
    Story(
        "two places for six",
        "Audit all.",
        (Turn(tuple(Ask("audit_agent", {"folder": f"src/f{n}"}, "Fine.", 3000 + n) for n in range(6)), limit=2),),
        hit=frozenset({"TK104"}),
    ),
    Story(
        "staggered begins",
        "Audit all.",
        (Turn(tuple(Ask("audit_agent", {"folder": f"src/f{n}"}, "Fine.", 8000) for n in range(4)), how="staggered"),),
        hit=frozenset({"TK104"}),
    ),
    Story(
        "one of four decides",
        "Audit all.",
        (
            Turn(
                (
                    *(Ask("audit_agent", {"folder": f"src/f{n}"}, "Fine.", 3000) for n in range(3)),
                    Ask("audit_agent", {"folder": "vendor"}, "Fine.", 20_000),
                )
            ),
        ),
        hit=frozenset({"TK105"}),
    ),
)

MISSES: tuple[Story, ...] = (
    Story(
        "a refactor that quotes a finding's id",
        SHOP,
        one_by_one(
            analyse("shop/cart.py", CART),
            Ask("refactor_agent", {"task": "Fix C1 and C2.", "path": "shop/cart.py"}, "Done."),
        ),
    ),
    Story(
        "tests after a refactor of the same folder",
        SHOP,
        one_by_one(
            Ask("refactor_agent", {"folder": "shop/"}, "Done."), Ask("test_agent", {"folder": "shop/"}, "5 passed.")
        ),
    ),
    Story(
        "tests that quote nothing",
        SHOP,
        one_by_one(
            Ask("refactor_agent", {"path": "shop/cart.py"}, "Rewritten."),
            Ask("test_agent", {"path": "tests/test_shop.py"}, "5 passed."),
        ),
    ),
    Story(
        "tests of a file that was written by a tool",
        "Write and test hello.",
        one_by_one(
            Ask(
                "worker",
                {"job": "hello"},
                "ok",
                tools=(Tool("write_file", {"path": "hello.py"}, writes=("hello.py",)),),
            ),
            Ask(
                "checker", {"job": "hello"}, "ok", tools=(Tool("read_file", {"path": "hello.py"}, reads=("hello.py",)),)
            ),
        ),
    ),
    Story(
        "a folder and a file in it",
        SHOP,
        one_by_one(
            Ask("refactor_agent", {"path": "shop/cart.py"}, "Done."), Ask("review_agent", {"path": "shop"}, "Fine.")
        ),
    ),
    Story(
        "an absolute and a relative path",
        SHOP,
        one_by_one(
            Ask("edit_agent", {"path": "/repo/shop/cart.py"}, "Done."),
            Ask("review_agent", {"path": "shop/cart.py"}, "Fine."),
        ),
    ),
    Story(
        "an id is passed on",
        "Refund the newest order of Ann.",
        one_by_one(
            Ask("find_order", {"customer": "Ann"}, '{"order": "ORD-7731", "total": 20}', 900, agent=False),
            Ask("get_order", {"id": "ORD-7731"}, "paid", 900, agent=False),
        ),
    ),
    Story(
        "a hash is shortened",
        "Find the faulty commit and explain it.",
        one_by_one(
            Ask("search_agent", {"what": "faulty commit"}, "It is 9f3c1ab27de04c55aa01."),
            Ask("explain_agent", {"what": "faulty commit", "commit": "9f3c1ab27"}, "A typo."),
        ),
    ),
    Story(
        "a number is spelled otherwise",
        "What does it cost, with tax?",
        one_by_one(
            Ask("price_agent", {"what": "cost"}, "The total is 1,284.50 EUR."),
            Ask("tax_agent", {"what": "cost", "amount": 1284.5}, "257"),
        ),
    ),
    Story(
        "JSON in another order",
        "Plan the trip.",
        one_by_one(
            Ask("route_agent", {"trip": "plan"}, '{"stops": [{"id": "BER-1", "at": "PRG-2"}]}'),
            Ask("hotel_agent", {"trip": "plan", "near": {"at": "PRG-2", "id": "BER-1"}}, "Booked."),
        ),
    ),
    Story(
        "a text is rephrased",
        "Why do customers leave? Write to them.",
        one_by_one(
            Ask(
                "research_agent",
                {"question": "Why do customers leave?"},
                "They leave since delivery charges show up late.",
            ),
            Ask(
                "draft_agent",
                {"task": "Explain that shipping costs now appear early in the basket."},
                "Dear customer, …",
            ),
        ),
    ),
    Story(
        "it points back",
        "Improve shop/.",
        one_by_one(
            Ask("review_agent", {"folder": "shop/"}, "Three things are odd."),
            Ask("advice_agent", {"folder": "shop/", "task": "Say what to do about the findings."}, "Do it."),
        ),
    ),
    Story(
        "the lead says that it builds on it",
        "Check a.md, then b.md.",
        (
            Turn((Ask("check_agent", {"path": "a.md"}, "Odd."),)),
            Turn((Ask("check_agent", {"path": "b.md"}, "Odd too."),), words="Based on that I look at the other one."),
        ),
    ),
    Story(
        "a line is quoted",
        "Translate and check.",
        one_by_one(
            Ask("translate_agent", {"text": "Guten Tag"}, "Good day to you, dear reader of this."),
            Ask("check_agent", {"text": "Is this right? Good day to you, dear reader of this."}, "Yes."),
        ),
    ),
    Story(
        "the program passes it on in the prompt",
        "Analyse a.py and b.py.",
        one_by_one(
            Ask("analysis_agent", {"path": "a.py"}, "The helper is named qz_normalise9."),
            Ask(
                "analysis_agent",
                {"path": "b.py"},
                "Fine.",
                prompt="Analyse b.py. Notes so far: The helper is named qz_normalise9.",
            ),
        ),
    ),
    Story(
        "declared to come after",
        "Do left and right.",
        one_by_one(
            Ask("left_agent", {"half": "left"}, "Fine."),
            Ask("right_agent", {"half": "right"}, "Fine.", after=("left_agent",)),
        ),
    ),
    Story(
        "declared to read what was written",
        "Do left and right.",
        one_by_one(
            Ask("left_agent", {"half": "left"}, "Fine.", writes=("out/left.md",)),
            Ask("right_agent", {"half": "right"}, "Fine.", reads=("out",)),
        ),
    ),
    Story(
        "nothing was recorded",
        SHOP,
        one_by_one(analyse("shop/cart.py", CART), analyse("shop/orders.py", ORDERS)),
        content="off",
    ),
    Story(
        "only its form was recorded",
        SHOP,
        one_by_one(analyse("shop/cart.py", CART), analyse("shop/orders.py", ORDERS)),
        content="metadata",
    ),
    Story(
        "research, then writing that quotes nothing",
        "Research the topic of lamps and write an article.",
        one_by_one(
            Ask("researcher", {"task": "Research the topic of lamps."}, "Much is known."),
            Ask("writer", {"task": "Write an article on the topic of lamps."}, "Lamps are lights."),
        ),
    ),
    Story(
        "an answer, then its compliance",
        "Collect facts on refunds and check compliance of refunds.",
        one_by_one(
            Ask("facts_agent", {"task": "Collect facts on refunds."}, "Thirty days."),
            Ask("compliance_agent", {"task": "Check compliance of refunds."}, "Fine."),
        ),
    ),
    Story(
        "a plan, then the analysis",
        "Plan and analyse the shop.",
        one_by_one(
            Ask("plan_agent", {"task": "Plan the shop."}, "First the cart."),
            Ask("analysis_agent", {"task": "Analyse the shop."}, "Fine."),
        ),
    ),
    Story(
        "pages one by one",
        "Read all pages.",
        one_by_one(
            Ask("get_page", {"page": 1}, "more to come", 900, agent=False),
            Ask("get_page", {"page": 2}, "more to come", 900, agent=False),
            Ask("get_page", {"page": 3}, "the end", 900, agent=False),
        ),
    ),
    Story(
        "a pipeline that passes by files",
        "",
        crew=(
            Ask("planner", {"q": "x"}, "The plan is in the folder.", 9000, prompt="Make a plan for lamps."),
            Ask("worker", {"q": "x"}, "Done.", 9000, prompt="Work through the folder."),
        ),
    ),
    Story(
        "one word is passed on",
        "Translate 'Hello' to French, and the French to German.",
        one_by_one(
            Ask("translate_agent", {"text": "Hello", "language": "French"}, "Bonjour"),
            Ask("translate_agent", {"text": "Bonjour", "language": "German"}, "Hallo"),
        ),
    ),
    Story(
        "gathering, then working it out",
        "Research the housing market and analyse it.",
        one_by_one(
            Ask("research_agent", {"task": "Research the housing market"}, "Prices rose."),
            Ask("analyst_agent", {"task": "Analyse the housing market data"}, "Up."),
        ),
    ),
    Story(
        "numbered steps",
        "Migrate: step 1 backup, step 2 schema.",
        one_by_one(
            Ask("worker", {"task": "Do step 1: backup"}, "done"),
            Ask("worker", {"task": "Do step 2: schema"}, "done"),
        ),
    ),
    Story(
        "sections of one file",
        "Write the report in report.md.",
        one_by_one(
            Ask("write_section", {"file": "report.md", "section": "intro"}, "written"),
            Ask("write_section", {"file": "report.md", "section": "end"}, "written"),
        ),
    ),
    Story(
        "an answer to an answer",
        "Debate whether cats are better.",
        one_by_one(
            Ask("pro_agent", {"position": "for cats"}, "Cats are quiet."),
            Ask("con_agent", {"position": "against cats", "rebut": "Cats are quiet."}, "Not at night."),
        ),
    ),
    Story(
        "a text improved twice",
        "Improve the essay.",
        one_by_one(
            Ask("improve_agent", {"essay": "My essay is short."}, "My essay, while short, has merit."),
            Ask("improve_agent", {"essay": "My essay, while short, has merit."}, "Better."),
        ),
    ),
    Story(
        "it is redacted",
        "Look up both people.",
        one_by_one(
            Ask("lookup_agent", {"who": "first"}, "The address is [redacted:email]."),
            Ask("lookup_agent", {"who": "second"}, "Unknown."),
        ),
    ),
    Story(
        "the first failed",
        SHOP,
        one_by_one(analyse("shop/cart.py", "TimeoutError: no answer", failed=True), analyse("shop/orders.py", ORDERS)),
    ),
    Story(
        "the user said something between",
        SHOP,
        (
            Turn((analyse("shop/cart.py", CART),), news="And look at shop/orders.py too."),
            Turn((analyse("shop/orders.py", ORDERS),)),
        ),
    ),
    Story(
        "in the background",
        SHOP,
        (Turn((analyse("shop/cart.py", CART, ms=9000, outlives=True),)), Turn((analyse("shop/orders.py", ORDERS),))),
    ),
    Story(
        "clocks that differ",
        SHOP,
        one_by_one(analyse("shop/cart.py", CART, host="a"), analyse("shop/orders.py", ORDERS, host="b")),
    ),
    Story(
        "a dependent loop of six turns",
        "Find out why the build of widget fails.",
        one_by_one(
            Ask("search", {"q": "build widget fails"}, "see ci/job_881.log", 900, agent=False),
            Ask("read_file", {"path": "ci/job_881.log"}, "undefined symbol frob_init in libfrob.so", 900, agent=False),
            Ask("search", {"q": "frob_init"}, "defined in src/frob.c:120", 900, agent=False),
            Ask("read_file", {"path": "src/frob.c"}, "#ifdef WITH_FROB", 900, agent=False),
            Ask("search", {"q": "WITH_FROB"}, "set in cmake/opts.cmake", 900, agent=False),
            Ask("read_file", {"path": "cmake/opts.cmake"}, "option(WITH_FROB OFF)", 900, agent=False),
        ),
    ),
    Story(
        "edit and test in a loop",
        "Make the tests pass.",
        one_by_one(
            Ask("run_tests", {}, "2 failed", 900, agent=False),
            Ask("edit_file", {"path": "a.py"}, "ok", 900, agent=False),
            Ask("run_tests", {}, "1 failed", 900, agent=False),
            Ask("edit_file", {"path": "b.py"}, "ok", 900, agent=False),
        ),
    ),
    Story(
        "files that nobody named",
        "Fix the bug.",
        one_by_one(
            Ask("read_file", {"path": "main.py"}, "import helpers", 900, agent=False),
            Ask("read_file", {"path": "util/helpers.py"}, "pass", 900, agent=False),
        ),
    ),
    Story(
        "shell commands",
        "Set it up in the folder build.",
        one_by_one(
            Ask("bash", {"command": "mkdir build"}, "", 900, agent=False),
            Ask("bash", {"command": "ls"}, "build", 900, agent=False),
        ),
    ),
    Story(
        "research, then draft and compliance together",
        "Answer Ann's question on her refund.",
        (
            Turn((Ask("research_agent", {"question": "refund of Ann"}, "Policy R-12: refund within 30 days."),)),
            Turn(
                (
                    Ask("draft_agent", {"facts": "Policy R-12: refund within 30 days."}, "Dear Ann, …"),
                    Ask("compliance_agent", {"facts": "Policy R-12: refund within 30 days."}, "Fine.", 1500),
                )
            ),
        ),
    ),
    Story(
        "together as it should be", SHOP, (Turn((analyse("shop/cart.py", CART), analyse("shop/orders.py", ORDERS))),)
    ),
    Story(
        "a pipeline of the program's own",
        "",
        crew=(
            Ask("research", {"q": "x"}, "The figure is 48213 for Q3-EMEA.", 9000, prompt="Research the figure."),
            Ask("draft", {"q": "x"}, "…", 9000, prompt="Write a note: The figure is 48213 for Q3-EMEA."),
        ),
    ),
    Story(
        "edits of one file in one answer",
        "Edit a.py twice.",
        (
            Turn(
                (
                    Ask("edit_file", {"path": "a.py", "line": 1}, "ok", 900, agent=False),
                    Ask("edit_file", {"path": "a.py", "line": 9}, "ok", 900, agent=False),
                ),
                how="serial",
            ),
        ),
    ),
    Story(
        "serial, but too short to matter",
        "Look.",
        (
            Turn(
                (
                    Ask("find_order", {"id": "A-1"}, "x", 3, agent=False),
                    Ask("find_policy", {"id": "B-2"}, "y", 2, agent=False),
                ),
                how="serial",
            ),
        ),
    ),
    Story(
        "off the critical path",
        SHOP,
        (
            Turn(
                (
                    Ask("long_agent", {"goal": "deep"}, "Fine.", 60_000),
                    Ask(
                        "lead_agent",
                        {"goal": SHOP},
                        "Fine.",
                        1,
                        team=one_by_one(analyse("shop/cart.py", CART), analyse("shop/orders.py", ORDERS)),
                    ),
                )
            ),
        ),
    ),
    Story(
        "a bigger one among three, not twice as long",
        "Audit.",
        (Turn(tuple(Ask("audit_agent", {"folder": f"f{n}"}, "Fine.", ms) for n, ms in enumerate((3000, 4000, 7000)))),),
    ),
    Story(
        "deeper into what was found",
        "Study the market for lamps.",
        one_by_one(
            Ask(
                "research_agent",
                {"question": "Who sells lamps?"},
                "Mostly Lumenor, with subscription bulbs and rental plans.",
            ),
            Ask(
                "research_agent", {"question": "How do the subscription and rental plans of Lumenor work?"}, "Monthly."
            ),
        ),
    ),
    Story(
        "booking and then showing it",
        "Book flight LH-100 and show it.",
        one_by_one(
            Ask("book_flight", {"flight": "LH-100"}, "done", 900, agent=False),
            Ask("get_flight", {"flight": "LH-100"}, "booked", 900, agent=False),
        ),
    ),
)
