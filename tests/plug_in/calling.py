"""A program that calls acme's server, run by a Python that has the provider installed.

python calling.py <folder with models.yaml>
"""

import json
import sys

from resilient_infer import Client
from resilient_infer.telemetry.installed import INSTALLED

with Client(lockfiles=sys.argv[1]) as client:
    result = client.call("sentiment", "I love it")
with Client(lockfiles=sys.argv[1], private_state=True) as alone:
    alone.call("sentiment", "I love it")
(listener,) = INSTALLED.listeners()
print(
    json.dumps(
        {
            "output": result.output,
            "pin": result.pin,
            "route": result.route,
            "attempts": len(result.attempts),
            "heard": listener.heard,
            "from": sys.modules["resilient_infer"].__file__,
        }
    )
)
