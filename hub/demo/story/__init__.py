"""The whole story on one machine: real processes on loopback, invented people, and one table that is checked to the last number."""

from hub.demo.story.telling import tell

__all__ = ["tell"]
