"""The version of the package set, the one that every model file records."""

VERSION = "0.1.0"
