"""Linkage of a whole register at once: read, compared and grouped by column, for millions of records on one machine.

The rules are those of the online scorer: the same comparisons, model and vetoes judge every pair here, so a pair has
the same weight wherever it is scored. Only how features are found from a table's cells is written a second time, by
column; tests hold the two together. Reads and writes files; knows no database of the hub and no network.
"""
