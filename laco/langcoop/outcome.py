"""What became of one start of the evaluator: a word, and a line that says why."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from laco.langcoop.evaluation import Ended, Evaluation
from laco.langcoop.group import last_lines
from laco.langcoop.records import Ego, crashed

FINISHED, CRASHED, INCOMPLETE, STALLED, INTERRUPTED = "finished", "crashed", "incomplete", "stalled", "interrupted"
TAIL = 20  # [lines] of its log


@dataclass(frozen=True)
class Outcome:
    """word: one of the five above. tail: the last lines of the evaluator's log, unless it finished. seconds: [s] of
    wall clock. lost: servers of ours that ended meanwhile."""

    word: str
    detail: str
    seconds: float
    tail: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def judge(evaluation: Evaluation, ended: Ended, egos: Sequence[Ego], lost: Sequence[str]) -> Outcome:
    """LangCoop's evaluator ends with status 0 whatever happens: what counts is what it wrote."""
    word, detail = _word(evaluation, ended, egos)
    tail = [] if word == FINISHED else last_lines(evaluation.log, TAIL)
    if word != FINISHED and (why := _reason(tail)):
        detail = f"{detail}: {why}"
    return Outcome(word, detail, round(ended.seconds, 3), tail, list(lost))


def _word(evaluation: Evaluation, ended: Ended, egos: Sequence[Ego]) -> tuple[str, str]:
    if ended.stalled:
        return STALLED, f"no sign of life for {evaluation.limits.stall:g} s, ended"
    if ended.status is not None and ended.status < 0:
        return CRASHED, f"ended by signal {-ended.status}"
    failed = [record for ego in egos for record in ego.records if crashed(record)]
    if failed:
        return CRASHED, f"{failed[0].get('route_id', 'a route')} has the status {failed[0]['status']!r}"
    damaged = next((ego.damage for ego in egos if ego.damage), None)
    if damaged:
        return INCOMPLETE, damaged
    least = min(len(ego.records) for ego in egos)
    if least < evaluation.expected:
        some = f"{least} of {evaluation.expected} routes have results of every ego"
        return (CRASHED, f"status {ended.status}, {some}") if ended.status else (INCOMPLETE, some)
    if ended.status:
        return CRASHED, f"status {ended.status} after the last route"
    return FINISHED, ""


def _reason(tail: Sequence[str]) -> str:
    """The last line that looks like an error, or the last of all."""
    marks = ("Error", "Exception", "error:", "laco_langcoop")
    named = [line.strip() for line in tail if any(mark in line for mark in marks)]
    return (named or [line.strip() for line in tail] or [""])[-1]
