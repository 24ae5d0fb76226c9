"""config.yaml and the environment, read once into frozen values.

`parse` needs no secret: `status` and `explain` use it. `load` adds the keys, the addresses and
the models that can really be asked.
"""

from daemon.config.choices import Approve, Replies
from daemon.config.environment import Addresses, Secrets
from daemon.config.limits import Limits
from daemon.config.loading import Settings, find, load, parse
from daemon.config.schema import Alerts, Config, Database, Notion, Price, Schedule


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
    "find",
    "load",
    "parse",
]
