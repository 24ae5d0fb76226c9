"""config.yaml and the environment, read once into frozen values.

`parse` needs no secret, and `parse_for_state` not even a config without mistakes: `status` and
`explain` use it. `load` adds the keys, the addresses and
the models that can really be asked.
"""

from daemon.config.environment import Addresses, Secrets
from daemon.config.limits import Approve, Limits, Price, Replies
from daemon.config.loading import Settings, covered_twice, find, load, parse, parse_for_state
from daemon.config.schedule import Schedule
from daemon.config.schema import Alerts, Config, Database, Notion


__all__ = [
    "Addresses",
    "Alerts",
    "Approve",
    "Config",
    "Database",
    "Limits",
    "Notion",
    "Price",
    "Replies",
    "Schedule",
    "Secrets",
    "Settings",
    "covered_twice",
    "find",
    "load",
    "parse",
    "parse_for_state",
]
