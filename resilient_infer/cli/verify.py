"""`resilient-infer verify`: whether every pin still exists, is reachable and is unchanged."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from resilient_infer.cli.base import base_option, changed_since_base
from resilient_infer.cli.cache import check_cache
from resilient_infer.cli.exit_codes import exit_code as code_of
from resilient_infer.cli.files import (
    find_files,
    lock_path,
    manifest_bytes,
    orphan_locks,
    overlaid,
    read_manifest,
    shown,
    survey_at,
)
from resilient_infer.cli.found import by_level
from resilient_infer.cli.hub import CommandHub, Patience
from resilient_infer.cli.options import environment_option, hub_options, lockfiles_option
from resilient_infer.cli.progress import Progress
from resilient_infer.cli.render import show_error, warn
from resilient_infer.cli.report import Format, format_of, output_options, show, write_reports
from resilient_infer.cli.verified import Verified
from resilient_infer.errors import ResilientInferError
from resilient_infer.lock.depth import Depth, everywhere, few
from resilient_infer.lock.entries import Manifest
from resilient_infer.lock.findings import FailOn, Level, exit_code, raised, worst
from resilient_infer.lock.live import LiveRow
from resilient_infer.lock.lockfile import Survey
from resilient_infer.lock.offline import in_order, orphan_file
from resilient_infer.lock.verify import Report
from resilient_infer.lock.verify import verify as compare_with_hub


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the command line says; see the options."""

    environment: str | None
    lockfiles: str | None
    fail_on: tuple[FailOn, ...]
    deep: bool
    base: str | None
    live: bool
    offline: bool
    allow_unchecked: bool
    exit_zero: bool
    timeout: float
    max_wait: float
    jobs: int
    format: Format | None
    reports: tuple[Path, ...]


@click.command(short_help="Tell whether every pin still holds.")
@environment_option
@lockfiles_option
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "info", "drift"]),
    multiple=True,
    default=["error"],
    show_default=True,
    help="What ends with exit code 1: findings of that level and above; drift: a branch whose behaviour "
    "has changed. May be given twice.",
)
@click.option(
    "--deep",
    is_flag=True,
    help="Ask the Hub's API about every pin: its repo, all its files, their scans, its history. "
    "Done by itself with a token, if there are at most 50 pins.",
)
@base_option
@click.option("--live", is_flag=True, help="Ask the deployed servers, too, which commit they run.")
@click.option(
    "--offline",
    is_flag=True,
    help="Ask nobody: compare the lock with the manifest, and with what the Hub's cache holds here.",
)
@click.option("--allow-unchecked", is_flag=True, help="What could not be checked is no failure.")
@click.option("--exit-zero", is_flag=True, help="Findings are no failure, except those of security.")
@hub_options
@output_options
@click.pass_context
def verify(context: click.Context, /, **options: Any) -> None:
    """Tell whether every pin still exists, can be downloaded and is unchanged.

    Compares the lock with the manifest, and each pin with the Hub. Nothing is
    written. A branch that has moved on is told and is no failure. Exit code 3
    says that something could not be checked and nothing worse was found.

    Two requests tell whether a pin holds and where its branch is. The Hub's
    API, which allows fewer, is asked where that is not as it should be, about
    the pins that a change brings (--base), and about all with --deep.

    \b
    resilient-infer verify
    resilient-infer verify --fail-on drift --format json
    resilient-infer verify --live
    resilient-infer verify --offline
    """
    asked = _Asked(**options)
    if asked.offline and (asked.deep or asked.live or asked.base):
        raise click.UsageError("--offline asks nobody, so it excludes --deep, --base and --live", context)
    try:
        done = _verify(asked)
    except ResilientInferError as error:
        done = Verified(error=error, code=code_of(error), environment=asked.environment)
    unwritten = write_reports(done, asked.reports)
    show(done, format_of(asked.format))
    for fault in (done.error, *unwritten):
        if fault is not None:
            show_error(fault)
    unchecked = [finding for finding in done.findings if finding.level is Level.UNCHECKED]
    if asked.allow_unchecked and unchecked:
        warn(f"{by_level(unchecked)}, and --allow-unchecked says that this is no failure")
    context.exit(worst({done.code, *map(code_of, unwritten)}))


def _verify(asked: _Asked) -> Verified:
    started = time.monotonic()
    found = find_files(asked.lockfiles, asked.environment)
    manifest = read_manifest(*manifest_bytes(found), found.environment)
    paths = [lock_path(found.folder, None)]
    if found.environment is not None:
        paths.insert(0, lock_path(found.folder, found.environment))
    surveys = [survey_at(path) for path in paths]
    survey = overlaid(surveys[-1], surveys[0]) if len(surveys) > 1 else surveys[0]
    if asked.offline:
        report, sent = check_cache(manifest, survey, file=_named(paths), jobs=asked.jobs), 0
    else:
        report, sent = _ask_hub(asked, manifest, survey, paths)
    orphans = () if found.environment is not None else orphan_locks(found.folder, manifest)
    told = [orphan_file(name, manifest, file=shown(path), level=Level.INFO) for name, path in orphans]
    served, questions = _served(asked, manifest, survey)
    said = [finding for row in served for finding in row.findings]
    report = replace(report, findings=in_order((*report.findings, *told, *said)))
    return replace(
        _judged(asked, report),
        served=served,
        elapsed=time.monotonic() - started,
        requests=sent + questions,
        environment=found.environment,
    )


def _named(paths: Sequence[Path]) -> str:
    """Where the lock is or should be."""
    return " or ".join(shown(path) for path in paths)


def _ask_hub(
    asked: _Asked, manifest: Manifest, survey: Survey | None, paths: list[Path]
) -> tuple[Report, int]:
    """What the Hub says of the pins, and the requests it took."""
    hub = CommandHub(Patience(timeout=asked.timeout, max_wait=asked.max_wait, jobs=asked.jobs))
    with Progress("asking the Hub") as progress:
        report = compare_with_hub(
            manifest,
            survey,
            hub,
            file=_named(paths),
            has_token=hub.has_token,
            deep=_depth(asked, paths, survey, has_token=hub.has_token),
            progress=progress.tell,
        )
    return report, hub.requests


def _depth(asked: _Asked, paths: list[Path], survey: Survey | None, *, has_token: bool) -> Depth:
    """About which pins the API is asked: all, those changed against a base branch, or none."""
    changed = changed_since_base(asked.base, paths)  # also where it decides nothing: a wrong --base is told
    if asked.deep or (has_token and few(survey)):
        return everywhere
    return changed


def _served(asked: _Asked, manifest: Manifest, survey: Survey | None) -> tuple[tuple[LiveRow, ...], int]:
    """What the deployed servers say, and the requests it took; nothing without --live."""
    if not asked.live:
        return (), 0
    from resilient_infer.cli.servers import ask_servers  # loads requests

    return ask_servers(manifest, survey, timeout=asked.timeout, jobs=asked.jobs)


def _judged(asked: _Asked, report: Report) -> Verified:
    code = exit_code(
        report.findings,
        fail_on=asked.fail_on,
        allow_unchecked=asked.allow_unchecked,
        exit_zero=asked.exit_zero,
    )
    return Verified(rows=report.rows, findings=raised(report.findings, asked.fail_on), code=code)
