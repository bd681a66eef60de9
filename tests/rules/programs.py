"""What agent programs of many trades do one thing after another for a reason that no value shows.

Nothing may be said surely or likely of these: pages that are clicked through, jobs that are polled, drafts and their
critics, stages of a pipeline, sessions that are logged in to, answers that a person is waited for.
"""

from __future__ import annotations

from typing import Any

from tests.support.scenarios import Ask, Story, Tool, Turn, one_by_one


def tool(name: str, input: dict[str, Any], output: str = "ok") -> Ask:
    return Ask(name, input, output, 2000, agent=False)


def agent(name: str, input: dict[str, Any], output: str, **more: Any) -> Ask:
    return Ask(name, input, output, 4000, **more)


CAREFUL: tuple[Story, ...] = (
    Story(
        "critic reads drafts of the same topic",
        "Write a poem about lamps, critique it, and improve it.",
        one_by_one(
            agent("poet", {"topic": "lamps"}, "Lamps glow in the night."),
            agent("critic", {"topic": "lamps"}, "Too short."),
            agent("poet", {"topic": "lamps, longer"}, "Lamps glow softly."),
        ),
    ),
    Story(
        "map then reduce",
        "Count the words in a.txt and b.txt, then reduce.",
        one_by_one(
            agent("map_agent", {"file": "a.txt"}, "120 words"),
            agent("reduce_agent", {"files": ["a.txt", "b.txt"]}, "240"),
        ),
    ),
    Story(
        "poll a job",
        "Start the export and wait for it.",
        one_by_one(
            tool("start_export", {"job": "export"}, "job started"),
            tool("get_status", {"job": "export"}, "running"),
            tool("get_status", {"job": "export"}, "running"),
            tool("get_status", {"job": "export"}, "done"),
        ),
    ),
    Story(
        "poll with waits",
        "Wait for the deployment of web to be healthy.",
        one_by_one(
            tool("check_health", {"service": "web"}, "starting"),
            tool("sleep", {"seconds": "5"}, "slept"),
            tool("check_health", {"service": "web"}, "healthy"),
        ),
    ),
    Story(
        "approval before acting",
        "Ask the manager for approval for the discount of Ann, then look up the discount of Ann.",
        one_by_one(
            tool("ask_human", {"question": "approval for the discount of Ann?"}, "yes"),
            tool("get_discount", {"customer": "Ann"}, "10"),
        ),
    ),
    Story(
        "approval agent then lookup",
        "Get approval from legal, then fetch the contract of Ann.",
        one_by_one(
            agent("approval_agent", {"subject": "contract of Ann"}, "granted"),
            tool("fetch_contract", {"customer": "Ann"}, "text"),
        ),
    ),
    Story(
        "login then fetch",
        "Log in to the portal and fetch the page of invoices.",
        one_by_one(tool("login", {"portal": "portal"}, "ok"), tool("fetch_page", {"page": "invoices"}, "invoices")),
    ),
    Story(
        "open browser then read",
        "Open https://example.org/news and read the headline.",
        one_by_one(
            tool("browser_open", {"url": "https://example.org/news"}, "loaded"),
            tool("browser_read", {"selector": "headline"}, "Headline"),
        ),
    ),
    Story(
        "navigate and get text",
        "Visit https://example.org/a and then https://example.org/b, and tell what they say.",
        one_by_one(
            tool("navigate", {"url": "https://example.org/a"}, "loaded"),
            tool("get_text", {}, "hello"),
            tool("navigate", {"url": "https://example.org/b"}, "loaded"),
            tool("get_text", {}, "bye"),
        ),
    ),
    Story(
        "browser opens two pages",
        "Visit https://example.org/a and https://example.org/b.",
        one_by_one(
            tool("open_page", {"url": "https://example.org/a"}, "loaded"),
            tool("open_page", {"url": "https://example.org/b"}, "loaded"),
        ),
    ),
    Story(
        "cache warmed then read",
        "Load the users table into the cache and query the users table.",
        one_by_one(
            tool("load_table", {"table": "users"}, "loaded"), tool("query_table", {"table": "users"}, "17 rows")
        ),
    ),
    Story(
        "transaction reading",
        "Check the balance of account A-100 before and after.",
        one_by_one(
            tool("get_balance", {"account": "A-100"}, "500"),
            tool("transfer_money", {"account": "A-100", "to": "B-200"}, "ok"),
            tool("get_balance", {"account": "A-100"}, "400"),
        ),
    ),
    Story(
        "escalation chain",
        "Ask level one support about the outage, and level two if needed.",
        one_by_one(
            agent("support_agent", {"level": "level one", "about": "outage"}, "I do not know."),
            agent("support_agent", {"level": "level two", "about": "outage"}, "Restart it."),
        ),
    ),
    Story(
        "fallback search",
        "Find the phone number of Ann in the CRM, or else in the directory.",
        one_by_one(
            tool("search_records", {"where": "CRM", "who": "Ann"}, "nothing"),
            tool("search_records", {"where": "directory", "who": "Ann"}, "555"),
        ),
    ),
    Story(
        "fallback empty result",
        "Find Ann; try crm first, else directory.",
        one_by_one(tool("lookup", {"source": "crm"}, "[]"), tool("lookup", {"source": "directory"}, "555")),
    ),
    Story(
        "retry with other wording",
        "Which lamp is best?",
        one_by_one(
            agent("search_agent", {"query": "best lamp"}, "No results."),
            agent("search_agent", {"query": "which lamp best"}, "Lumen X."),
        ),
    ),
    Story(
        "explorer then specialist",
        "Explore the repository, then explain the payment module.",
        one_by_one(
            agent("explore_agent", {"target": "repository"}, "There are nine modules."),
            agent("explain_agent", {"target": "payment module"}, "It pays."),
        ),
    ),
    Story(
        "data pipeline by stages",
        "Load sales, clean sales, analyse sales and report on sales.",
        one_by_one(
            agent("extract_agent", {"dataset": "sales"}, "rows loaded"),
            agent("analyst_agent", {"dataset": "sales"}, "up"),
        ),
    ),
    Story(
        "pipeline by unclear names",
        "Run ingest, enrich and score on customers.",
        one_by_one(
            agent("ingest_agent", {"dataset": "customers"}, "ok"),
            agent("enrich_agent", {"dataset": "customers"}, "ok"),
            agent("score_agent", {"dataset": "customers"}, "ok"),
        ),
    ),
    Story(
        "interview with the user by an agent",
        "Ask the user for their name, then their age.",
        one_by_one(
            agent("interview_agent", {"question": "name"}, "Bob"), agent("interview_agent", {"question": "age"}, "41")
        ),
    ),
    Story(
        "ask the user tools",
        "Ask the user for their name and their age.",
        one_by_one(
            tool("ask_user", {"question": "their name"}, "Bob"), tool("ask_user", {"question": "their age"}, "41")
        ),
    ),
    Story(
        "game of moves",
        "Play chess: white and black in turn.",
        one_by_one(
            agent("player", {"side": "white"}, "e4"),
            agent("player", {"side": "black"}, "e5"),
            agent("player", {"side": "white again"}, "Nf3"),
        ),
    ),
    Story(
        "debate by sides",
        "Let the optimist and the pessimist discuss lamps, each answering the other.",
        one_by_one(
            agent("debate_agent", {"side": "optimist"}, "Great."),
            agent("debate_agent", {"side": "pessimist"}, "Terrible."),
        ),
    ),
    Story(
        "agents share a blackboard",
        "Work on the case together with the board.",
        one_by_one(
            agent("detective", {"case": "the case"}, "noted", tools=(Tool("post_note", {"board": "main"}, "ok"),)),
            agent("lawyer", {"case": "the case"}, "noted", tools=(Tool("read_board", {"board": "main"}, "clue"),)),
        ),
    ),
    Story(
        "memory tool",
        "Remember what Ann likes, and recall what Ann likes.",
        one_by_one(tool("remember", {"who": "Ann"}, "ok"), tool("recall", {"who": "Ann"}, "tea")),
    ),
    Story(
        "sql setup then select",
        "Create the view and count rows of orders_view.",
        one_by_one(
            tool("sql", {"query": "create view orders_view as select 1"}, "ok"),
            tool("sql", {"query": "select count(*) from orders_view"}, "17"),
        ),
    ),
    Story(
        "query with temp table",
        "Query orders.",
        one_by_one(
            tool("run_query", {"query": "orders into temp"}, "ok"), tool("run_query", {"query": "orders"}, "17")
        ),
    ),
    Story(
        "notebook cells",
        "Execute the cells one and two.",
        one_by_one(tool("notebook_cell", {"cell": "one"}, "ok"), tool("notebook_cell", {"cell": "two"}, "ok")),
    ),
    Story(
        "agent writes via its own tools, unknown folder",
        "Generate fixtures and examine the fixtures.",
        one_by_one(
            agent("fixture_agent", {"what": "fixtures"}, "done", tools=(Tool("emit", {"n": 3}, "ok"),)),
            agent("examine_agent", {"what": "fixtures"}, "good", tools=(Tool("list_dir", {"path": "out"}, "a b"),)),
        ),
    ),
    Story(
        "translate then proofread",
        "Translate the manual to French and proofread the manual in French.",
        one_by_one(
            agent("translator_agent", {"text": "manual", "language": "French"}, "fini"),
            agent("proofread_agent", {"text": "manual", "language": "French"}, "bien"),
        ),
    ),
    Story(
        "same agent second opinion",
        "Ask the doctor about the rash, then get a second opinion on the rash.",
        one_by_one(
            agent("doctor_agent", {"about": "rash"}, "eczema"),
            agent("doctor_agent", {"about": "rash, second opinion"}, "agree"),
        ),
    ),
    Story(
        "same reviewer, after a fix by the human",
        "Review app.py, wait for Bob to change it, then review app.py and util.py.",
        one_by_one(
            agent("review_agent", {"path": "app.py"}, "one bug"),
            tool("wait_for_human", {"who": "Bob"}, "changed"),
            agent("review_agent", {"path": "util.py"}, "fine"),
        ),
    ),
    Story(
        "wait for webhooks",
        "Wait for webhook one and webhook two.",
        one_by_one(
            tool("wait_for", {"event": "webhook one"}, "arrived"), tool("wait_for", {"event": "webhook two"}, "arrived")
        ),
    ),
    Story(
        "budgeted search stops when found",
        "Search drawers: left, middle, right. Stop when you find the key.",
        one_by_one(
            tool("search_drawer", {"drawer": "left"}, "empty"),
            tool("search_drawer", {"drawer": "middle"}, "empty"),
            tool("search_drawer", {"drawer": "right"}, "the key"),
        ),
    ),
    Story(
        "game environment",
        "Walk north, then look around.",
        one_by_one(tool("look", {"direction": "north"}, "a door"), tool("look", {"direction": "around"}, "a cat")),
    ),
    Story(
        "hire a planner named orchestrate",
        "Orchestrate the trip and research hotels.",
        one_by_one(
            agent("orchestrate_agent", {"what": "trip"}, "first hotels"),
            agent("research_agent", {"what": "hotels"}, "three"),
        ),
    ),
    Story(
        "classify then answer",
        "Classify the mail m-17 and answer mail m-17.",
        one_by_one(
            agent("classifier_agent", {"mail": "m-17"}, "complaint"), agent("support_agent", {"mail": "m-17"}, "Dear")
        ),
    ),
    Story(
        "triage then investigate",
        "Triage the incident INC-12 and investigate INC-12.",
        one_by_one(
            agent("triage_agent", {"incident": "INC-12"}, "high"),
            agent("investigate_agent", {"incident": "INC-12"}, "disk"),
        ),
    ),
    Story(
        "legal review after estimate",
        "Estimate the damage in case C-501 and assess the case C-501.",
        one_by_one(
            agent("estimate_agent", {"case": "C-501"}, "high"), agent("assess_agent", {"case": "C-501"}, "fair")
        ),
    ),
    Story(
        "profile then optimise search",
        "Profile the query q-100 and explain query q-100.",
        one_by_one(
            agent("profile_agent", {"query": "q-100"}, "slow join"),
            agent("explain_agent", {"query": "q-100"}, "use an index"),
        ),
    ),
    Story(
        "scan then inspect",
        "Scan host web-1 and inspect host web-1.",
        one_by_one(
            agent("scan_agent", {"host": "web-1"}, "ports open"), agent("inspect_agent", {"host": "web-1"}, "old ssh")
        ),
    ),
    Story(
        "crew: rounds of one agent",
        "",
        crew=(
            agent("tutor", {"q": 1}, "Good.", prompt="Round one: teach lamps."),
            agent("tutor", {"q": 2}, "Good.", prompt="Round two: teach lamps, using the notebook."),
        ),
    ),
    Story(
        "crew: critic after author",
        "",
        crew=(
            agent("author", {"q": 1}, "Text stored.", prompt="Write about lamps."),
            agent("critic", {"q": 2}, "Fine.", prompt="Critique the text about lamps."),
        ),
    ),
    Story(
        "crew: scan then inspect",
        "",
        crew=(
            agent("scan_agent", {"q": 1}, "stored", prompt="Scan the network."),
            agent("inspect_agent", {"q": 2}, "Fine.", prompt="Inspect the network."),
        ),
    ),
    Story(
        "crew: same agent, steps by file",
        "",
        crew=(
            agent("worker", {"q": 1}, "done", prompt="Build the tables."),
            agent("worker", {"q": 2}, "done", prompt="Fill the tables."),
        ),
    ),
    Story(
        "crew: chat session messages",
        "",
        crew=(
            agent("assistant", {"q": 1}, "Hi Bob.", prompt="Hello, I am Bob."),
            agent("assistant", {"q": 2}, "You are welcome.", prompt="Thanks a lot!"),
        ),
    ),
    Story(
        "crew: reader with memory",
        "",
        crew=(
            agent(
                "reader",
                {"q": 1},
                "stored chapter",
                prompt="Read chapter one of the book.",
                tools=(Tool("save_summary", {"chapter": "one"}, "ok"),),
            ),
            agent(
                "reader",
                {"q": 2},
                "stored",
                prompt="Read chapter two of the book.",
                tools=(Tool("load_summary", {"chapter": "one"}, "ok"),),
            ),
        ),
    ),
    Story(
        "one answer: write then test by shell",
        "Write and test.",
        (
            Turn(
                (tool("write_file", {"path": "a.py"}, "ok"), tool("bash", {"command": "pytest"}, "passed")),
                how="serial",
            ),
        ),
    ),
    Story(
        "one answer: browser clicks",
        "Click.",
        (Turn((tool("click", {"button": "next"}, "ok"), tool("screenshot", {}, "img")), how="serial"),),
    ),
    Story(
        "one answer: bash cd and make",
        "Build.",
        (
            Turn(
                (tool("bash", {"command": "cd x && ./configure"}, "ok"), tool("bash", {"command": "make"}, "ok")),
                how="serial",
            ),
        ),
    ),
    Story(
        "one answer: insert and select",
        "Store.",
        (
            Turn(
                (tool("insert_row", {"table": "orders"}, "ok"), tool("count_rows", {"table": "orders"}, "3")),
                how="serial",
            ),
        ),
    ),
    Story(
        "one answer: create and notify",
        "Do.",
        (
            Turn(
                (tool("create_ticket", {"title": "broken"}, "T-1"), tool("notify_team", {"title": "broken"}, "ok")),
                how="serial",
            ),
        ),
    ),
    Story(
        "one answer: move robot",
        "Do.",
        (Turn((tool("move_arm", {"to": "left"}, "ok"), tool("grip", {}, "ok")), how="serial"),),
    ),
    Story(
        "coder then reviewer on the same feature",
        "Implement login and review login.",
        one_by_one(agent("coder", {"feature": "login"}, "done"), agent("code_reviewer", {"feature": "login"}, "fine")),
    ),
    Story(
        "style reviewer after formatter",
        "Format a.py and review the style of a.py.",
        one_by_one(agent("format_agent", {"path": "a.py"}, "done"), agent("style_agent", {"path": "a.py"}, "fine")),
    ),
    Story(
        "security then security again after human",
        "Audit src, and audit src once more.",
        one_by_one(
            agent("security_agent", {"path": "src"}, "one hole"),
            agent("security_agent", {"path": "src, once more"}, "none"),
        ),
    ),
    Story(
        "data fetch then chart",
        "Fetch stock AAPL and chart stock AAPL.",
        one_by_one(tool("fetch_stock", {"symbol": "AAPL"}, "ok"), tool("chart_stock", {"symbol": "AAPL"}, "png")),
    ),
    Story(
        "weather then packing",
        "Check the weather in Rome and list clothes for Rome.",
        one_by_one(tool("get_weather", {"city": "Rome"}, "rain"), tool("list_clothes", {"city": "Rome"}, "coat")),
    ),
    Story(
        "availability then price",
        "Check flights to Rome and get prices to Rome.",
        one_by_one(tool("search_flights", {"to": "Rome"}, "three found"), tool("get_prices", {"to": "Rome"}, "90")),
    ),
    Story(
        "list then read dir",
        "List docs and read docs/a.md.",
        one_by_one(tool("list_files", {"path": "docs"}, "a.md b.md"), tool("read_file", {"path": "docs/a.md"}, "text")),
    ),
    Story(
        "grep then read file named in task",
        "Where is foo in main.py?",
        one_by_one(tool("grep", {"pattern": "foo"}, "line 12"), tool("read_file", {"path": "main.py"}, "def foo")),
    ),
    Story(
        "read with offset",
        "Read big.log.",
        one_by_one(
            tool("read_file", {"path": "big.log", "offset": 0}, "part one"),
            tool("read_file", {"path": "big.log", "offset": 2000}, "part two"),
        ),
    ),
    Story(
        "tail a log until ready",
        "Watch app.log.",
        one_by_one(
            tool("read_log", {"file": "app.log"}, "starting"),
            tool("read_log", {"file": "app.log", "lines": 20}, "ready"),
        ),
    ),
    Story(
        "paged with cursor words",
        "Get all of users.",
        one_by_one(tool("list_users", {"page": "first"}, "a b"), tool("list_users", {"page": "second"}, "c d")),
    ),
    Story(
        "two searches, second narrowed",
        "Find papers on lamps.",
        one_by_one(
            tool("search_papers", {"query": "papers on lamps"}, "3000 found"),
            tool("search_papers", {"query": "papers lamps"}, "12 found"),
        ),
    ),
    Story(
        "check then act",
        "Check stock of SKU-100 and report stock of SKU-200.",
        one_by_one(tool("check_stock", {"sku": "SKU-100"}, "0"), tool("check_stock", {"sku": "SKU-200"}, "9")),
    ),
    Story(
        "candidate by candidate",
        "Find a hotel: Ritz, Plaza or Savoy; take the first that is free.",
        one_by_one(agent("hotel_agent", {"hotel": "Ritz"}, "full"), agent("hotel_agent", {"hotel": "Plaza"}, "free")),
    ),
    Story(
        "fact check after draft by name",
        "Draft a post on lamps, then fact check the post on lamps.",
        one_by_one(
            agent("draft_agent", {"about": "lamps"}, "post"), agent("fact_check_agent", {"about": "lamps"}, "ok")
        ),
    ),
    Story(
        "QA after build",
        "Build the site and examine the site.",
        one_by_one(
            agent("build_agent", {"what": "the site"}, "built"), agent("qa_agent", {"what": "the site"}, "good")
        ),
    ),
    Story(
        "devops",
        "Scale web to 3 and look at web.",
        one_by_one(tool("scale", {"service": "web"}, "ok"), tool("describe_service", {"service": "web"}, "3 pods")),
    ),
    Story(
        "root cause: metrics then logs",
        "Look at metrics of api and logs of api.",
        one_by_one(
            agent("metrics_agent", {"service": "api"}, "spike at noon"), agent("logs_agent", {"service": "api"}, "oom")
        ),
    ),
    Story(
        "chain of custody",
        "Extract text of scan.pdf and classify scan.pdf.",
        one_by_one(
            agent("ocr_agent", {"file": "scan.pdf"}, "text"), agent("classify_agent", {"file": "scan.pdf"}, "invoice")
        ),
    ),
    Story(
        "embedding then search",
        "Index docs and search docs.",
        one_by_one(tool("index", {"folder": "docs"}, "ok"), tool("search", {"folder": "docs"}, "hit")),
    ),
    Story(
        "seed then list",
        "Seed the db and list tables.",
        one_by_one(tool("seed", {"db": "db"}, "ok"), tool("list_tables", {"db": "db"}, "a")),
    ),
    Story(
        "auth token",
        "Authenticate with vault and read secret.",
        one_by_one(tool("authenticate", {"where": "vault"}, "ok"), tool("read_secret", {"key": "secret"}, "x")),
    ),
    Story(
        "context selection",
        "Select project apollo and get status.",
        one_by_one(tool("select_project", {"project": "apollo"}, "ok"), tool("get_status", {}, "green")),
    ),
    Story(
        "set and get",
        "Use project apollo; get tasks.",
        one_by_one(tool("use_project", {"project": "apollo"}, "ok"), tool("get_tasks", {"project": "apollo"}, "three")),
    ),
    Story(
        "checkout then read",
        "Checkout branch dev and read a.py.",
        one_by_one(tool("checkout", {"branch": "dev"}, "ok"), tool("read_file", {"path": "a.py"}, "x")),
    ),
    Story(
        "git status after",
        "Look at status and diff.",
        one_by_one(tool("git_pull", {}, "ok"), tool("git_log", {}, "abc")),
    ),
    Story(
        "unzip then list",
        "Unpack a.zip and read b.txt.",
        one_by_one(tool("unzip", {"path": "a.zip"}, "ok"), tool("read_file", {"path": "b.txt"}, "x")),
    ),
    Story(
        "download then view",
        "Download https://x.org/a.png and view a.png.",
        one_by_one(
            tool("download", {"url": "https://x.org/a.png"}, "ok"), tool("view_image", {"path": "a.png"}, "cat")
        ),
    ),
    Story(
        "fetch saves to disk",
        "Fetch https://x.org/data.csv and read data.csv.",
        one_by_one(
            tool("fetch_url", {"url": "https://x.org/data.csv"}, "saved"),
            tool("read_csv", {"path": "data.csv"}, "rows"),
        ),
    ),
    Story(
        "get then get details same key",
        "Get customer Ann and get orders of Ann.",
        one_by_one(tool("get_customer", {"who": "Ann"}, "VIP"), tool("get_orders", {"who": "Ann"}, "none")),
    ),
    Story(
        "student and teacher",
        "Teach lamps and quiz lamps.",
        one_by_one(
            agent("teaching_agent", {"topic": "lamps"}, "taught"), agent("quiz_agent", {"topic": "lamps"}, "passed")
        ),
    ),
    Story(
        "negotiation",
        "Buyer and seller agree on a price.",
        one_by_one(agent("buyer_agent", {"side": "buyer"}, "80"), agent("seller_agent", {"side": "seller"}, "90")),
    ),
    Story(
        "red team blue team",
        "Attack and defend host web.",
        one_by_one(
            agent("attack_agent", {"host": "web"}, "found hole"), agent("defend_agent", {"host": "web"}, "closed")
        ),
    ),
    Story(
        "proposer then verifier",
        "Propose proof of lemma; check lemma.",
        one_by_one(agent("proof_agent", {"lemma": "lemma"}, "qed"), agent("checker_agent", {"lemma": "lemma"}, "ok")),
    ),
    Story(
        "red flags sequence",
        "Diagnose Bob: history, exam, labs.",
        one_by_one(
            agent("diagnosis_agent", {"stage": "history"}, "cough"),
            agent("diagnosis_agent", {"stage": "exam"}, "fever"),
            agent("diagnosis_agent", {"stage": "labs"}, "crp"),
        ),
    ),
    Story(
        "migrations in order",
        "Review migrations 001_init.sql, 002_users.sql in order, as each builds on the one before.",
        one_by_one(
            agent("review_agent", {"path": "001_init.sql"}, "fine"),
            agent("review_agent", {"path": "002_users.sql"}, "fine"),
        ),
    ),
    Story(
        "wait for rate limits",
        "Call slowly, one at a time: item-1, item-2.",
        one_by_one(
            agent("import_checker", {"item": "item-1"}, "ok"), agent("import_checker", {"item": "item-2"}, "ok")
        ),
    ),
    Story(
        "user asked for one by one",
        "Check a.md and b.md one after another, never at the same time.",
        one_by_one(agent("check_agent", {"path": "a.md"}, "ok"), agent("check_agent", {"path": "b.md"}, "ok")),
    ),
    Story(
        "crew: day by day",
        "",
        crew=(
            agent("sim_agent", {"q": 1}, "ok", prompt="Simulate day-1."),
            agent("sim_agent", {"q": 2}, "ok", prompt="Simulate day-2."),
        ),
    ),
    Story(
        "crew: chat turns with numbers",
        "",
        crew=(
            agent("bot", {"q": 1}, "ok", prompt="I was born in 1985 in room 101."),
            agent("bot", {"q": 2}, "ok", prompt="My order is ORD-17, please help."),
        ),
    ),
    Story(
        "crew: research then writer",
        "",
        crew=(
            agent("research_agent", {"q": 1}, "stored", prompt="Research lamps."),
            agent("writer_agent", {"q": 2}, "ok", prompt="Write about lamps."),
        ),
    ),
    Story(
        "crew: etl",
        "",
        crew=(
            agent("extract_agent", {"q": 1}, "ok", prompt="Extract from source-1."),
            agent("transform_agent", {"q": 2}, "ok", prompt="Transform source-1."),
            agent("load_agent", {"q": 3}, "ok", prompt="Load source-1."),
        ),
    ),
    Story(
        "crew: lint then security",
        "",
        crew=(
            agent("lint_agent", {"q": 1}, "ok", prompt="Lint a.py."),
            agent("security_agent", {"q": 2}, "ok", prompt="Audit a.py."),
        ),
    ),
    Story(
        "one answer: remember and recall",
        "",
        (Turn((tool("memory_store", {"key": "ann"}, "ok"), tool("memory_get", {"key": "ann"}, "tea")), how="serial"),),
    ),
    Story(
        "one answer: set_project and list",
        "",
        (Turn((tool("set_project", {"project": "apollo"}, "ok"), tool("list_tasks", {}, "three")), how="serial"),),
    ),
    Story(
        "one answer: login and fetch",
        "",
        (Turn((tool("login", {"site": "x"}, "ok"), tool("fetch_page", {"page": "invoices"}, "text")), how="serial"),),
    ),
    Story(
        "one answer: git add, commit",
        "",
        (Turn((tool("git_add", {"path": "a.py"}, "ok"), tool("git_commit", {"message": "fix"}, "ok")), how="serial"),),
    ),
    Story(
        "one answer: edit then test agents",
        "",
        (
            Turn(
                (agent("refactor_agent", {"path": "a.py"}, "done"), agent("test_agent", {"path": "tests"}, "passed")),
                how="serial",
            ),
        ),
    ),
    Story(
        "one answer: mkdir and write",
        "",
        (
            Turn(
                (tool("create_folder", {"path": "out"}, "ok"), tool("write_file", {"path": "out/a.txt"}, "ok")),
                how="serial",
            ),
        ),
    ),
    Story(
        "one answer: begin and commit",
        "",
        (
            Turn(
                (
                    tool("begin_transaction", {}, "ok"),
                    tool("update_row", {"id": "r-1"}, "ok"),
                    tool("commit_transaction", {}, "ok"),
                ),
                how="serial",
            ),
        ),
    ),
)
