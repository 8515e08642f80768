"""What can be wrong with the audit log, in words; gathered without growing with the number of cases."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

_SHOWN: Final = 5

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "leaf-edited": (
        "The content of an entry is not what was logged; it was changed afterwards",
        "日志条目的内容与登记时不符，事后被改动",
    ),
    "leaf-relabelled": (
        "The act, actor or time written beside an entry is not the one inside it",
        "日志条目旁注的行为、操作者或时间与其内容不符",
    ),
    "leaf-missing": ("An entry is gone from its place", "日志条目缺失"),
    "leaf-replaced": ("An entry's hash is not the one in the tree", "日志条目的散列值与树中不符"),
    "node-wrong": ("A node of the tree does not follow from the entries below it", "树节点与其下条目不符"),
    "node-missing": ("A node of the tree is gone", "树节点缺失"),
    "node-extra": ("The tree holds nodes that no entry accounts for", "树中有多余节点"),
    "checkpoint-forged": ("A checkpoint is not signed by the hub", "检查点不是平台所签"),
    "checkpoint-edited": ("A checkpoint's stored size or root is not the signed one", "检查点的记录与其签名内容不符"),
    "checkpoint-unmet": (
        "A signed checkpoint does not match the entries: history before it was rewritten",
        "已签检查点与条目不符：此前的历史被改写",
    ),
    "checkpoint-missing": (
        "The checkpoint that this machine signed last is gone from the database",
        "本机最近签署的检查点已不在数据库中",
    ),
    "tail-missing": (
        "A signed checkpoint covers more entries than there are: the last ones were cut off",
        "已签检查点覆盖的条目多于现存条目：末尾被截断",
    ),
    "history-differs": (
        "The log is not the one whose head this machine signed: another history was put in its place",
        "日志并非本机所签的那一份：历史被替换",
    ),
    "head-damaged": ("The head kept on this machine is not a checkpoint of this log", "本机保存的日志头已损坏"),
    "submission-without-leaf": (
        "A submission was acknowledged, and the log does not have its entry",
        "报送已获回执，但日志中没有相应条目",
    ),
    "look-up-missing": (
        "Look-ups that were logged are gone from the persons' ledger, or were changed there",
        "已登记的查看记录在台账中缺失或被改动",
    ),
    "decision-changed": (
        "A decision about who is one person is not what was logged, or is gone",
        "关于是否同一人的决定与日志不符，或已缺失",
    ),
    "decision-unlogged": (
        "A decision about who is one person was not written by this hub: the log has no entry of it",
        "关于是否同一人的决定不是本平台写入：日志中没有相应条目",
    ),
    "row-forged": (
        "A row that says who may do what was not written by this hub; it counts as absent",
        "决定权限的记录不是本平台写入，视为不存在",
    ),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong: how often, and the first places (of leaves, sizes of checkpoints, ids of submissions)."""

    code: str
    text: str
    text_zh: str
    count: int
    places: tuple[str, ...]

    def __str__(self) -> str:
        """One line for an operator."""
        more = f" and {self.count - len(self.places)} more" if self.count > len(self.places) else ""
        return f"{self.text} ({self.code}): {', '.join(self.places)}{more}"


@dataclass(frozen=True, slots=True)
class Report:
    """What was verified. `unplaced` leaves wait for the sequencer; `erased` ones keep only their hash."""

    size: int
    unplaced: int
    erased: int
    checkpoints: int
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Is nothing wrong?"""
        return not self.findings


@dataclass(slots=True)
class Gathered:
    """Findings while they are looked for: all are counted, the first of each kind are kept."""

    cases: dict[str, tuple[int, list[str]]] = field(default_factory=dict)

    def add(self, code: str, place: object) -> None:
        """One more case of `code`."""
        count, places = self.cases.get(code, (0, []))
        self.cases[code] = (count + 1, places if count >= _SHOWN else [*places, str(place)])

    def add_many(self, code: str, count: int, places: Collection[object]) -> None:
        """`count` cases of `code`, the first of them at `places`."""
        if count:
            self.cases[code] = (count, [str(place) for place in places])

    def findings(self) -> tuple[Finding, ...]:
        """In the order of TEXTS."""
        order = [code for code in TEXTS if code in self.cases]
        return tuple(Finding(code, *TEXTS[code], self.cases[code][0], tuple(self.cases[code][1])) for code in order)
