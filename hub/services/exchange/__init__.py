"""FHIR's own way in and out: a member's resources one by one, or many in one transaction (FHIR R4, RESTful API)."""
