"""The errors that a user can cause; each message says what was expected, what came, where, and what to do."""


class SnnError(Exception):
    """Base of all errors meant for the user: one line, shown without a traceback."""


class ConfigError(SnnError):
    """A configuration value, key or file that cannot be used."""


class DataError(SnnError):
    """A recording that cannot be read or does not hold what it should."""


class ModelError(SnnError):
    """A model file that is missing, damaged, foreign or does not fit."""


class OutputError(SnnError):
    """A place to write to that cannot be written."""
