"""When a process that handles rows looks for rings among its objects: seldom, and never among what it has loaded.

A batch is many small trees without rings that live for a moment; looking through them again and again cost a sixth of the
time of a load.
"""

import gc


def collect_seldom(every: int = 50_000) -> None:
    """Leave alone whatever is loaded by now, and look at the rest each `every` containers made."""
    gc.set_threshold(every, 20, 20)
    gc.freeze()
