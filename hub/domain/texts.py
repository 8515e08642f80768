"""Which texts can be kept: PostgreSQL takes neither the character NUL nor half a surrogate pair."""


def can_be_kept(text: str) -> bool:
    """Is every character of it one that the database takes?"""
    if "\x00" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def all_can_be_kept(value: object) -> bool:
    """The same of every text in a JSON value, names of fields included."""
    if isinstance(value, str):
        return can_be_kept(value)
    if isinstance(value, dict):
        return all(can_be_kept(str(name)) and all_can_be_kept(item) for name, item in value.items())
    return all(map(all_can_be_kept, value)) if isinstance(value, list) else True
