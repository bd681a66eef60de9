"""Claude Code and the Agent SDK: transcripts below ``~/.claude/projects``, and `stream-json` from a pipe.

`find` lists sessions, `session` reads one, and `tree` makes it a run. `lines` reads the lines, `agents` puts them into
conversations, `calls` into calls and tools, and `links` finds the tool call that started each subagent.
"""
