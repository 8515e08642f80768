"""Linkage: which records are one person.

Pure: features, blocking keys, Fellegi-Sunter weights from one model file, vetoes, explanations and constrained
clusters. Knows no database, clock or network; secrets, tables and divisions are arguments.
"""
