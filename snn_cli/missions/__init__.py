"""Missions: what a simulated robot is asked to do, composed from worlds, perception and control."""
