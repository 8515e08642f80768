"""docs/settings.md, made from the descriptions in hub/settings.py; `make docs` writes it, a test sees it is current."""

from pathlib import Path

from pydantic.fields import FieldInfo

from hub.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"

_HEAD = """\
# Settings

Read once from the environment when a process of the hub starts; there is no settings file. This page is made from
`hub/settings.py` by `make docs`.

| variable | when not set | meaning |
|---|---|---|
"""


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True, validated_data={})
    return f"`{value}`" if value is not None and str(value) else "–"


def render() -> str:
    """The page as it should be."""
    prefix = Settings.model_config["env_prefix"]
    rows = [
        f"| `{prefix}{name.upper()}` | {_default(field)} | {(field.description or '').replace('|', chr(92) + '|')} |\n"
        for name, field in Settings.model_fields.items()
    ]
    return _HEAD + "".join(rows)


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
