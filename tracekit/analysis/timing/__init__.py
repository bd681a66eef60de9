"""When the work of a run ran: overlaps, schedules with changes, and the path that decided the end."""
