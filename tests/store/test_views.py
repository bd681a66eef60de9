"""The documented views: what they promise is what they have, and what the manual says."""

from pathlib import Path

from tests.support.manual import page
from tests.support.runs import write_runs
from tracekit.collect.collect import collect
from tracekit.store import schema
from tracekit.store.store import Store
from tracekit.store.views import VIEWS, listing, markdown


def test_each_view_has_the_columns_and_types_it_documents(home: Path) -> None:
    write_runs(1)
    collect()
    with Store(home).reading() as store:
        for view in VIEWS:
            described = store.execute(f"DESCRIBE {view.name}").fetchall()
            assert [(name, type) for name, type, *_ in described] == [(c.name, c.type) for c in view.columns], view.name
            store.execute(f"SELECT * FROM {view.name}").fetchall()


def test_tables_have_the_columns_of_their_rows(home: Path) -> None:
    Store(home.parent).prepare()
    with Store(home.parent).reading() as store:
        for table in schema.TABLES:
            columns = [name for name, *_ in store.execute(f"DESCRIBE {table}").fetchall()]
            assert columns == schema.names_of(table)


def test_every_view_and_column_is_listed() -> None:
    lines = "\n".join(listing())
    for view in VIEWS:
        assert f"{view.name}: {view.says}" in lines
        for column in view.columns:
            assert column.says
            assert f"  {column.name} " in lines


def test_the_readme_has_the_same_table() -> None:
    assert markdown() in page("ask")
