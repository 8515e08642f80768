"""What makes a FHIR R4 (4.0.1) resource valid: HL7's schema made strict, R4's invariants, narratives and references."""
