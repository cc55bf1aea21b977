"""The fault suite: a flying robot under everything that can go wrong, in cases, pairs, random messages and hours."""
