from support.console_fixtures import _made, browser, context, world


__all__ = ["_made", "browser", "context", "world"]
