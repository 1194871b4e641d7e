"""`pvtprof query`: ask the store of a sweep in SQL."""

from __future__ import annotations

import click

from pvtprof.cli.folders import new_folders_named
from pvtprof.cli.options import format_option
from pvtprof.report import output


@click.command()
@click.argument("store")
@click.argument("sql", required=False)
@click.option(
    "-o", "--output", "path", metavar="FILE", help="Write the answer to FILE (.parquet .csv)."
)
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@format_option("table", "csv", "json")
def command(store: str, sql: str | None, path: str | None, force: bool, form: str) -> None:
    """Answer SQL from the STORE of a sweep; nothing in it is changed.

    The view `rows` has a line for every row and machine. Without SQL, all of it. Exit code 0; 2:
    not a store, or SQL that is wrong or does more than read.

    \b
    Examples:
      pvtprof query night.sqlite "SELECT design, latency_s FROM rows WHERE height = 512"
      pvtprof query night.sqlite "SELECT failure, count(*) FROM rows GROUP BY 1" --format json
      pvtprof query night.sqlite -o night.parquet
    """
    from pvtprof.report.commands import queried
    from pvtprof.sweep import frame, reading

    if path:
        frame.check_exportable(path, force)
    answer = reading.query(store, frame.EVERYTHING if sql is None else sql)
    if not path:
        output.emit(queried.render(answer.columns, answer.rows, form))
        return
    with new_folders_named([path]):
        frame.export(answer, path, force)
        output.emit_then_name("", [path])
