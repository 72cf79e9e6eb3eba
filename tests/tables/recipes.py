"""Runs the recipes of docs/tables.md on a folder of tables, as they are printed, and checks what they give.

    python3 tests/tables/recipes.py FOLDER

Needs the packages in requirements.txt. Nothing is written into the folder.
"""

import contextlib
import io
import json
import os
import re
import sys
import tempfile
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "tables.md"


def recipe(title):
    """The Python of the section with this title."""
    section = PAGE.read_text(encoding="utf-8").split(f"### {title}\n", 1)[1]
    return re.search(r"```python\n(.*?)```", section, re.DOTALL).group(1)


def days(folder, but_the_last=False):
    """What the manifests say of each day's files."""
    named = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["days"]
    for day in named[:-1] if but_the_last else named:
        manifest = json.loads((folder / "days" / f"{day['day']}.json").read_text(encoding="utf-8"))
        yield from manifest["tables"]


def rows(files):
    """Rows by table."""
    counts = {}
    for file in files:
        counts[file["table"]] = counts.get(file["table"], 0) + file["rows"]
    return counts


def one(db, query):
    """The only cell of a query's answer."""
    [[cell]] = db.sql(query).fetchall()
    return cell


def check_duckdb(folder):
    """All rows are read, in the types of section 2, and the books are in order."""
    names = {"__name__": "recipe"}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(recipe("DuckDB"), "docs/tables.md, DuckDB", "exec"), names)
    db = names["db"]
    expected = rows(days(folder))
    for table, count in expected.items():
        found = one(db, f"SELECT count(*) FROM {table}")
        assert found == count, f"{table} has {found} rows, and {count} by the manifests"
    types = dict(db.sql("SELECT column_name, column_type FROM (DESCRIBE balances)").fetchall())
    wanted = {"ordinal": "BIGINT", "time": "TIMESTAMP WITH TIME ZONE", "free": "DECIMAL(38,0)", "account": "VARCHAR"}
    for column, kind in wanted.items():
        assert types[column] == kind, f"balances.{column} is {types[column]}"
    for asset, balances, supply in names["supply"].fetchall():
        assert balances == supply, f"the balances of {asset} are {balances} units, its supply is {supply}"
    # Each entry begins with what the one before left.
    torn = one(db, """
        SELECT count(*) FROM (
            SELECT free_before, held_before, lag(free) OVER pages AS free, lag(held) OVER pages AS held
            FROM balances WINDOW pages AS (PARTITION BY account, asset ORDER BY entry)
        ) WHERE free IS NOT NULL AND (free_before <> free OR held_before <> held)
    """)
    assert torn == 0, f"{torn} balances begin otherwise than the ones before ended"
    # The times of a folder are of its day.
    for table in expected:
        strays = one(db, f"SELECT count(*) FROM {table} WHERE CAST(time AS DATE) <> CAST(day AS DATE)")
        assert strays == 0, f"{strays} rows of {table} are in another day's folder"
    print(f"DuckDB: {sum(expected.values())} rows of {len(expected)} tables")


def check_iceberg(folder, data):
    """The closed days are registered once, however often the recipe runs."""
    code = recipe("Iceberg").replace("/data/tables", str(folder)).replace("/data/", f"{data}/")
    (data / "warehouse").mkdir()
    for _ in range(2):
        names = {"__name__": "recipe"}
        exec(compile(code, "docs/tables.md, Iceberg", "exec"), names)
    expected = rows(days(folder, but_the_last=True))
    for table, count in expected.items():
        registered = names["catalog"].load_table(f"ledger.{table}")
        found = registered.scan().to_arrow().num_rows
        assert found == count, f"{table} has {found} rows in Iceberg, and {count} by the manifests"
        partitions = registered.inspect.partitions().num_rows
        files = sum(1 for file in days(folder, but_the_last=True) if file["table"] == table)
        assert partitions == files, f"{table} has {partitions} days in Iceberg, and {files} by the manifests"
    print(f"Iceberg: {sum(expected.values())} rows of {len(expected)} tables, closed days only")


def main():
    """Runs both."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as place:
        data = Path(place)
        # The recipes call the folder `tables`.
        (data / "tables").symlink_to(folder)
        os.chdir(data)
        check_duckdb(folder)
        check_iceberg(folder, data)


if __name__ == "__main__":
    main()
