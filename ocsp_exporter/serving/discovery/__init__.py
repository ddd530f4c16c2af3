"""Targets that are named outside of the configuration: in files and at URLs, watched and polled."""
