"""report.html of `hub dedupe`: one file without scripts or network that shows how the persons were found.

It names nobody unless told to. What it says of precision and recall comes from the model's own probabilities, and it
says so. The same result gives the same bytes: no time, no machine is in it.
"""

from hub.linkage.engines.report.pages import render

__all__ = ["render"]
