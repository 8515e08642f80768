"""FHIR R4 (4.0.1): what a valid resource is, how outcomes and capabilities are told."""
