"""The timing of a run: overlaps, schedules with changes, and the critical path."""
