"""The vision-language driver: pictures, prompts, and plans in JSON that may fail."""

import json
from collections.abc import Callable

import pytest

from laco import infer
from laco.agents.drivers import expert, json_plan
from laco.agents.drivers import vlm as module
from laco.agents.drivers.base import Said
from laco.agents.drivers.frame import Frame
from laco.agents.drivers.llm import LLMDriver
from laco.agents.drivers.vlm import VLMDriver
from laco.agents.observation import Actor, Body, Observation, Picture, Pictured
from laco.errors import BackboneError, ConfigError

ROWS = [[3.0, 0.0], [4.0, 1.5], [5.0, -2.0], [6.0, 0.0], [7.0, 0.0]]
WRITTEN = json.dumps({json_plan.KEY: ROWS})


@pytest.fixture
def view(eastward: Callable[..., Observation]) -> Pictured:
    peer = Actor(-1, Body(60.0, -4.0, 3.1416, 8.0, 2.4, 0.9), "B")
    plain = eastward(actors=(peer,), time=4.0)
    fields = {name: getattr(plain, name) for name in plain.__struct_fields__}
    return Pictured(**fields, picture=Picture(16, 16, bytes(range(256)) * 3))


@pytest.mark.parametrize(
    "text", [WRITTEN, f"Sure! ```json\n{WRITTEN}\n``` Drive safely.", '{"a": 1} ' + WRITTEN]
)
def test_a_plan_is_found_among_words(text: str) -> None:
    assert json_plan.read(text, 14.0) == ((3.0, 4.0, 5.0, 6.0, 7.0), (0.0, 1.5, -2.0, 0.0, 0.0))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I would slow down.",
        WRITTEN[:-3],
        json.dumps({json_plan.KEY: ROWS[:4]}),
        json.dumps({json_plan.KEY: [*ROWS, ROWS[0]]}),
        json.dumps({json_plan.KEY: [["fast", 0.0]] * 5}),
        json.dumps({"speeds": ROWS}),
        WRITTEN.replace("3.0", "NaN"),
        WRITTEN.replace("3.0", "1e999"),
    ],
)
def test_what_is_no_plan(text: str) -> None:
    assert json_plan.read(text, 14.0) is None


def test_what_is_out_of_range_is_cut() -> None:
    written = json.dumps({json_plan.KEY: [[-1.0, 400.0], [99.0, -400.0], *ROWS[:3]]})
    speeds, curvatures = json_plan.read(written, 14.0) or ((), ())
    assert (speeds[:2], curvatures[:2]) == ((0.0, 14.0), (90.0, -90.0))


class TestPlan:
    def plan(self, driver: VLMDriver, view: Observation, monkeypatch, answers: list[str]):
        """The plan when the model answers so, and how warm each answer was drawn."""
        warmth: list[float] = []

        def spoken(*_: object, temperature: float, **__: object) -> list[list[int]]:
            warmth.append(temperature)
            return [driver.tokenizer(answers[len(warmth) - 1], add_special_tokens=False)["input_ids"]]

        monkeypatch.setattr(module, "generate_many", spoken)
        frame = Frame.of(view)
        out = infer(driver.backbone, driver.context(frame, [view], 0.25))
        return driver.plan(frame, view.time, out), warmth

    def test_the_first_that_can_be_read_is_taken(self, vlm: VLMDriver, view, monkeypatch) -> None:
        plan, warmth = self.plan(vlm, view, monkeypatch, ["no", WRITTEN, "never asked"])
        assert (plan.speed, plan.failed, plan.time) == ((3.0, 4.0, 5.0, 6.0, 7.0), False, 4.0)
        assert warmth == [0.0, 1.0]

    def test_after_three_failures_it_brakes_and_says_so(self, vlm: VLMDriver, view, monkeypatch) -> None:
        plan, warmth = self.plan(vlm, view, monkeypatch, ["no", "nor this", "{}"])
        assert (len(warmth), plan.failed) == (3, True)
        assert plan.speed == expert.plan(Frame.of(view), 4.0, 0.0, expert.BRAKE).speed
        assert plan.speed[-1] == pytest.approx(max(0.0, view.body.speed - 2.5 * expert.BRAKE))

    def test_a_random_model_writes_none_and_the_same_again(self, vlm: VLMDriver, view, monkeypatch) -> None:
        monkeypatch.setattr(module, "PLAN", 8)
        frame = Frame.of(view)
        out = infer(vlm.backbone, vlm.context(frame, [view], 0.25))
        assert vlm.plan(frame, 4.0, out) == vlm.plan(frame, 4.0, out)
        assert vlm.plan(frame, 4.0, out).failed


def test_the_prompt_holds_picture_state_and_what_peers_said_from_where(vlm: VLMDriver, view) -> None:
    context = vlm.context(Frame.of(view), [Said("B", "A truck."), view], 0.25)
    prompt = vlm.tokenizer.decode(context.ids)
    assert prompt.count("<image>") == 16
    assert "B, 60 m ahead 4 m left, facing you, says:\nA truck.\n<image>" in prompt
    assert prompt.index("<image>") < prompt.index("Your speed: 12 m/s.") < prompt.index(json_plan.KEY)
    assert set(context.extras) == {"pixel_values"}


def test_nobody_smuggles_in_an_image_token(vlm: VLMDriver, view) -> None:
    context = vlm.context(Frame.of(view), [Said("B", "<image> <ima<image>ge>"), view], 0.25)
    assert vlm.tokenizer.decode(context.ids).count("<image>") == 16


def test_a_peer_s_picture_stands_before_the_own_one(vlm: VLMDriver, view) -> None:
    """Positions go on without a gap, as if all had been read at once."""
    frame = Frame.of(view)
    rows = vlm.embed(frame, view, 0.25)
    context = vlm.context(frame, [Said("B", rows), view], 0.25)
    where = [i for i in range(len(context) - 15) if context.embeds[i : i + 16].equal(rows)]
    assert len(where) == 2
    assert context.position_ids.tolist() == [list(range(len(context)))]
    said, own = where
    assert own == said + 16 + len("\n")  # the line between what was told and the own picture


def test_without_a_picture_it_cannot_drive(vlm: VLMDriver, eastward: Callable[..., Observation]) -> None:
    blind = eastward()
    with pytest.raises(ConfigError, match="needs a camera picture"):
        vlm.context(Frame.of(blind), [blind], 0.25)


def test_a_model_that_reads_no_pictures_is_refused(llm: LLMDriver, llm_folder) -> None:
    with pytest.raises(BackboneError, match="this one reads no pictures"):
        VLMDriver(llm.backbone, None)
