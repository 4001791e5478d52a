"""connector.yaml and conf.d: read, checked, and told where every value comes from.

The only home of YAML. ``load`` gives a ``Loaded`` or raises ConfigError with every problem at once.
"""

from connector.config.diff import diff
from connector.config.load import DEFAULT_PATH, Loaded, digest, load, load_text
from connector.config.models import Config
from connector.config.provenance import Origin
from connector.config.sample import sample
from connector.config.show import effective, show, values

__all__ = [
    "DEFAULT_PATH",
    "Config",
    "Loaded",
    "Origin",
    "diff",
    "digest",
    "effective",
    "load",
    "load_text",
    "sample",
    "show",
    "values",
]
