from support.console_fixtures import _made, world


__all__ = ["_made", "world"]
