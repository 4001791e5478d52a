"""connector.yaml and conf.d: read, checked, and told where every value comes from.

The only home of YAML. ``load`` gives a ``Loaded`` or raises ConfigError with every problem at once.
"""

from connector.config.load import DEFAULT_PATH, Loaded, digest, load, load_text
from connector.config.models import Config
from connector.config.provenance import Origin

__all__ = ["DEFAULT_PATH", "Config", "Loaded", "Origin", "digest", "load", "load_text"]
