"""The long-running side: schedule, publish, answer."""
