"""One record as plain numbers: the fields of `layout.FIELDS` by their names, and the name as it was written."""

from typing import NamedTuple

from hub.linkage.features import Features
from hub.linkage.layout import ROW


class Record(NamedTuple):
    """The numbers of `layout.FIELDS`, in their order (the tests see to it), and the features they are of, from which texts are read."""

    id_body: int
    id_check: int
    id_form: int
    birth: int
    birth_lunar: int
    birth_from: int
    sex: int
    surname: int
    given: int
    full: int
    former: int
    sound: int
    c1: int
    g1: int
    g2: int
    c1_sound: int
    g1_sound: int
    g2_sound: int
    c1_near: int
    g1_near: int
    g2_near: int
    given_length: int
    phone: int
    phone2: int
    origin: int
    residence: int
    origin_low: int
    origin_high: int
    residence_low: int
    residence_high: int
    spouse: int
    spouse_id: int
    father: int
    father_id: int
    mother: int
    mother_id: int
    child1: int
    child2: int
    child3: int
    document: int
    document_kind: int
    postal: int
    ethnicity: int
    source: int
    record: int
    live: int
    death: int
    active: int
    features: Features

    @property
    def name(self) -> str:
        """The name as it was written; '' for none."""
        return self.features.text("name")


def record(features: Features) -> Record:
    """The numbers of a record's features."""
    return Record._make((*ROW.unpack(features.row), features))
