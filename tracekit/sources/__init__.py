"""Runs from the records of other tools: each source is recognised, read and translated into a journal.

A source is a package of this one. All are alike: it *recognises* its files, *reads* them as a lazy stream of records, and
*translates* these into the events of a journal, under ids that come from its own. Nothing behind the journal knows
sources. `tracekit.sources.door` says what a source has to offer.
"""
