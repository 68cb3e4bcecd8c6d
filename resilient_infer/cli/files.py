"""Files: manifest and locks of a folder, found and read as the commands need them."""

import os
from collections.abc import Mapping
from pathlib import Path

from resilient_infer.cli.render import warn
from resilient_infer.errors import ConfigError
from resilient_infer.lock.discovery import (
    ENVIRONMENT_VARIABLE,
    FOLDER,
    FOLDER_VARIABLE,
    LOCK,
    MANIFEST,
    Found,
    environment_lock_name,
    find,
    locked_environments,
    read_file,
)
from resilient_infer.lock.entries import Manifest
from resilient_infer.lock.findings import finding_of
from resilient_infer.lock.lockfile import Survey, overlay, survey_lock
from resilient_infer.lock.manifest import parse_manifest
from resilient_infer.providers.registry import kinds


def find_files(lockfiles: str | None, environment: str | None) -> Found:
    """The files that the command line and the variables mean.

    Raises:
        ConfigError: There are none.
    """
    return find(lockfiles, environment, os.environ, Path.cwd())


def folder_to_add_to(lockfiles: str | None) -> Path:
    """The folder of the manifest; where none is found and none was named, `lockfiles/` right here.

    Raises:
        ConfigError: The folder that was named is none.
    """
    named = lockfiles or os.environ.get(FOLDER_VARIABLE)
    if named and (Path.cwd() / named).is_dir():
        return Path.cwd() / named
    try:
        return find(lockfiles, None, {**os.environ, ENVIRONMENT_VARIABLE: ""}, Path.cwd()).folder
    except ConfigError:
        if named:
            raise
        return Path.cwd() / FOLDER


def make_folder(folder: Path) -> None:
    """Make a folder for a manifest.

    Raises:
        ConfigError: It cannot be made.
    """
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{folder} cannot be made: {error.strerror or error}; nothing was changed"
        ) from error


def manifest_bytes(found: Found) -> tuple[bytes, Path]:
    """The manifest as it is, and where.

    Raises:
        ConfigError: There is none, or it cannot be read.
    """
    if found.manifest is None:
        raise ConfigError(
            f"{shown(found.folder)} holds no {MANIFEST}, so there is nothing to lock or to compare",
            hint='run this where the manifest is, or make one with "resilient-infer add"',
        )
    return read_file(found.manifest), found.manifest


def read_manifest(text: bytes, path: Path, environment: str | None) -> Manifest:
    """The manifest as an environment sees it, plug-ins known.

    Raises:
        ConfigError: With every problem of the file.
    """
    return parse_manifest(text, shown(path), environment, kinds=kinds())


def manifests_of(found: Found, *, all_envs: bool) -> tuple[Manifest, ...]:
    """The manifest as each environment sees it that is meant: the one that was found, or every one.

    Raises:
        ConfigError: There is no manifest, or it has problems.
    """
    text, path = manifest_bytes(found)
    if not all_envs:
        return (read_manifest(text, path, found.environment),)
    default = read_manifest(text, path, None)
    return (default, *(read_manifest(text, path, name) for name in default.environments))


def lock_path(folder: Path, environment: str | None) -> Path:
    """Where the lock of an environment is or will be; None: the default one."""
    return folder / (LOCK if environment is None else environment_lock_name(environment))


def orphan_locks(folder: Path, manifest: Manifest) -> tuple[tuple[str, Path], ...]:
    """The environments that have a lock in the folder and no place in the manifest, and those locks."""
    orphans = sorted(set(locked_environments(folder)) - set(manifest.environments))
    return tuple((name, lock_path(folder, name)) for name in orphans)


def survey_at(path: Path) -> Survey | None:
    """A lock file, with what is wrong in it; None: it is not there.

    Raises:
        ConfigError: It cannot be read at all.
    """
    return survey_of(read_file(path), path) if os.path.lexists(path) else None


def survey_of(text: bytes, path: Path) -> Survey:
    """A lock file's content, with what is wrong in it. Its warnings are said.

    Raises:
        ConfigError: It cannot be read at all.
    """
    survey = survey_lock(text, shown(path))
    for warning in survey.lock.warnings:
        warn(str(warning))
    return survey


def overlaid(default: Survey | None, environment: Survey | None) -> Survey | None:
    """Two lock files as one: an environment's entries first, the default file's for the rest."""
    if default is None or environment is None:
        return environment or default
    lock = overlay(default.lock, environment.lock)
    assert lock is not None  # as neither is
    flaws = tuple(flaw for flaw in default.flaws if finding_of(flaw).alias not in environment.lock.entries)
    return Survey(lock=lock, flaws=(*flaws, *environment.flaws))


def survey_as_seen(folder: Path, environment: str | None) -> tuple[Survey | None, str]:
    """The lock as an environment sees it, and the names of the files that it is in or should be.

    Raises:
        ConfigError: One of them cannot be read at all.
    """
    paths = [lock_path(folder, None)]
    if environment is None:
        return survey_at(paths[0]), shown(paths[0])
    paths.insert(0, lock_path(folder, environment))
    own, default = (survey_at(path) for path in paths)
    return overlaid(default, own), " or ".join(shown(path) for path in paths)


def shown(path: Path) -> str:
    """A path as people would write it: relative to where they are, if both are in one repository."""
    here = Path.cwd()
    if path.is_relative_to(here):
        return str(path.relative_to(here))
    root = _work_tree(here)
    return os.path.relpath(path, here) if root is not None and path.is_relative_to(root) else str(path)


def in_repository(file: str, environ: Mapping[str, str] = os.environ) -> str | None:
    """A path that `shown` made, as the repository's own readers write it: from its root, with slashes.

    The root is that of the git work tree, else GITHUB_WORKSPACE, else the current
    folder. None: the file is outside.
    """
    path = Path(os.path.normpath(Path.cwd() / file))
    workspace = environ.get("GITHUB_WORKSPACE")
    roots = [root for root in (_work_tree(path.parent),) if root is not None]
    roots += [Path(os.path.realpath(workspace))] if workspace else []
    root = next((root for root in (*roots, Path.cwd()) if path.is_relative_to(root)), None)
    return None if root is None else path.relative_to(root).as_posix()


def _work_tree(folder: Path) -> Path | None:
    """The root of the git work tree that a folder is in."""
    return next((parent for parent in (folder, *folder.parents) if os.path.lexists(parent / ".git")), None)
