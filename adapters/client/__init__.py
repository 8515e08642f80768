"""The hub's wire from the side of whoever calls it: a typed client for integrators, and what the gateway speaks through.

`connect` gives a `Hub`; errors are in `adapters.errors`. It imports nothing of the hub's own code. docs/client.md shows it.
"""

from adapters.client.bulk import Bulk, Imported, Manifest
from adapters.client.calls import Accepted, Leased
from adapters.client.fhir import Fhir
from adapters.client.hub import Address, Hub, connect
from adapters.client.resources import Change, Found, Issue, Kept, Resource
from adapters.client.retrying import Patience
from adapters.client.submissions import Finding, Moment, Submission

__all__ = [
    "Accepted",
    "Address",
    "Bulk",
    "Change",
    "Fhir",
    "Finding",
    "Found",
    "Hub",
    "Imported",
    "Issue",
    "Kept",
    "Leased",
    "Manifest",
    "Moment",
    "Patience",
    "Resource",
    "Submission",
    "connect",
]
