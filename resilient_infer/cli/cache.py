"""Cache: the pins compared with what huggingface_hub has downloaded to this machine. Nobody is asked."""

import os
from functools import partial

from resilient_infer.cli.progress import Progress
from resilient_infer.lock.cached import examine_cached
from resilient_infer.lock.entries import Manifest
from resilient_infer.lock.hf_cache import cache_folder
from resilient_infer.lock.lockfile import Survey
from resilient_infer.lock.verify import Report, look_at_pins


def check_cache(manifest: Manifest, survey: Survey | None, *, file: str, jobs: int) -> Report:
    """Compare the lock with the manifest, and each pin with the cache.

    Args:
        file: Where the lock is or should be, as the user gave it.
        jobs: Pins looked at at a time; never more than there are processors.
    """
    with Progress("hashing the cache") as line:
        look = partial(examine_cached, cache_folder(os.environ), told=line.add)
        jobs = min(jobs, os.cpu_count() or 1)
        return look_at_pins(manifest, survey, look, file=file, jobs=jobs, progress=line.tell)
