from support.small_state import config, context, state


__all__ = ["config", "context", "state"]
