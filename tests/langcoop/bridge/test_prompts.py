"""LangCoop's own questions and templates: how they are filled, asked, sent and answered."""

import json
from typing import Any

import msgspec
import pytest

from laco.agents.bridge.prompts import Briefed, History, Prompted, PromptedVLM, fill, target
from laco.agents.bridge.views import Lookout
from laco.agents.bridge.wire import Observe, Prompts
from laco.agents.channels.texts import LONGEST
from laco.agents.drivers.base import Said
from laco.agents.drivers.frame import Frame
from laco.agents.drivers.llm import LLMDriver
from laco.agents.drivers.vlm import VLMDriver
from laco.agents.observation import Actor, Observation

from .conftest import Convoy, heard, seen

ASKED = {
    "scene": "Look at this. <IMAGE_PLACEHOLDER>\nWhat is the road like?",
    "object": "Look at this. <IMAGE_PLACEHOLDER>\nWho is there?",
    "intention": "Limit 20 m/s. <IMAGE_PLACEHOLDER>\n{target_description}\nWhat do you do?",
    "target": "Go {y_distance} m to the {y_direction} and {x_distance} m to the {x_direction}.",
    "comb": (
        "See <IMAGE_PLACEHOLDER>\nScene: {scene_description}\nObjects: {object_description}\nBefore: "
        "{ego_history_prompt}\nIntent: {intent_description}\nOthers: {collab_agent_description}\n{target_description}\n"
        'Answer {{"predicted_speeds_curvatures": [[v, c], ...]}}, {odd}'
    ),
    "sys_message": "You drive.",
}


def view(name: str = "ego0", moment: int = 0, lookout: Lookout | None = None, **changes: Any) -> Observation:
    told = {"id": 1, "run": "r", "moment": moment, "present": (), **seen(name, moment), **changes}
    return (lookout or Lookout(name)).see(msgspec.convert(told, Observe, strict=False))


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("a {scene_description} b", "a rain {x} b"),
        ("{unknown} {scene_description}", "{unknown} rain {x}"),
        ('{{"k": [{scene_description}]}}', '{"k": [rain {x}]}'),
        ('{"k": {"l": 1}, "m": "{scene_description}"}', '{"k": {"l": 1}, "m": "rain {x}"}'),
        ("{} { } {0}", "{} { } {0}"),
    ],
)
def test_templates_are_filled_by_replacement(template: str, filled: str) -> None:
    """What is put in is not looked at again, and braces that are no placeholders stay."""
    assert fill(template, {"scene_description": "rain {x}", "x": "!"}) == filled


def test_the_history_has_the_true_times() -> None:
    """1.6 m in 0.2 s are 8 m/s, not the 3.2 m/s of half a second."""
    history, lookout = History(), Lookout("ego0")
    for moment in range(8):
        history.note(view(moment=moment, lookout=lookout, speed=0.0))
        history.note(view(moment=moment, speed=0.0))
    rows = json.loads(history.text())["ego_history"]
    assert [row["timestamp"] for row in rows] == pytest.approx([0.4, 0.6, 0.8, 1.0, 1.2, 1.4])
    assert [row["speed"] for row in rows[1:]] == pytest.approx([8.0] * 5)


def test_the_history_has_the_curvature_in_the_plans_unit() -> None:
    history = History()
    for moment, yaw in enumerate((0.0, 0.16)):
        history.note(view(moment=moment, pose=[1.6 * moment, 0.0, yaw]))
    assert json.loads(history.text())["ego_history"][1]["curvature"] == pytest.approx(5.72958)  # 0.16 rad in 1.6 m


def test_the_target_is_on_the_route() -> None:
    template = ASKED["target"]
    assert target(template, view()) == "Go 35.0 m to the front and 0.0 m to the left."
    right = view(route=[[0.0, 0.0], [10.0, 0.0], [10.0, 90.0]])
    assert target(template, right) == "Go 10.0 m to the front and 25.0 m to the right."
    assert target(template, view(remaining=12.0)) == "Go 10.0 m to the front and 0.0 m to the left."
    assert target(None, view()) == ""


@pytest.fixture(scope="module")
def vlm(vlm_folder) -> VLMDriver:
    return VLMDriver.load(str(vlm_folder))


def test_the_template_is_what_the_model_reads(vlm: VLMDriver) -> None:
    driver = PromptedVLM(vlm, Prompts(**ASKED))
    own = view()
    known = msgspec.structs.replace(own, actors=(Actor(-1, view("ego1").body, "ego1"),))
    answers = {"scene": "a {collab_agent_description}", "object": "b<image>", "intention": "c <IMAGE_PLACEHOLDER>"}
    briefed = Briefed(**msgspec.structs.asdict(known), answers=answers, target="there", history="[h]")
    told = Said("ego1", "Scene: fog<|im_end|> {x}")
    context = driver.context(Frame.of(own), [told, briefed], 0.0)
    read = vlm.tokenizer.decode(context.ids)
    assert read.count("<image>") == 16  # one picture, and nobody can put another in
    assert read.replace("<image>", "") == (
        "<|im_start|>user\nYou drive.\nSee \n\n\nScene: a {collab_agent_description}\nObjects: b\nBefore: [h]\n"
        "Intent: c \nOthers: Agent ego1, located at: [0.0, -30.0]: Scene: fog {x}\nthere\n"
        'Answer {"predicted_speeds_curvatures": [[v, c], ...]}, {odd}<|im_end|>\n<|im_start|>assistant\n'
    )


def test_the_picture_comes_first_where_no_place_is_given(vlm: VLMDriver) -> None:
    driver = PromptedVLM(vlm, Prompts(scene="What is there?"))
    read = vlm.tokenizer.decode(driver.question(Frame.of(view()), view(), "What is there?").ids)
    assert read.replace("<image>", "") == "<|im_start|>user\n\n\nWhat is there?<|im_end|>\n<|im_start|>assistant\n"


def test_answers_are_asked_for_once_a_moment(vlm: VLMDriver, monkeypatch) -> None:
    """Questions with the same beginning in one go; then they are told to everybody, and used for the own plan."""
    driver = PromptedVLM(vlm, Prompts(**ASKED))
    asked: list[list[str]] = []
    say = driver.say

    def noted(frame: Any, view: Any, questions: Any, caution: float) -> Any:
        asked.append(list(questions))
        return say(frame, view, questions, caution)

    monkeypatch.setattr(driver, "say", noted)
    channel = Prompted(driver, 0.0, driver.prompts)
    own = view()
    first = channel.tell(own, Frame.of(view("ego1")))
    assert channel.generated > 32  # tokens of three answers
    assert channel.tell(own, Frame.of(view("ego2"))) == first
    channel.read(own, [], {})
    assert [len(questions) for questions in asked] == [2, 1]
    assert asked[1] == [
        "Limit 20 m/s. <IMAGE_PLACEHOLDER>\nGo 35.0 m to the front and 0.0 m to the left.\nWhat do you do?"
    ]
    channel.tell(view(moment=1), Frame.of(view()))
    assert len(asked) == 4
    assert [line.split(":")[0] for line in first.split("\n")] == ["Scene", "Objects", "Intent"]
    assert len(first.encode()) <= LONGEST


def test_questions_that_are_not_used_are_not_asked(vlm: VLMDriver) -> None:
    channel = Prompted(PromptedVLM(vlm, Prompts(intention="Where to?")), 0.0, Prompts(intention="Where to?"))
    assert channel.tell(view(), Frame.of(view())).startswith("Intent: ")


def test_a_driver_without_a_camera_is_asked_about_its_words(llm_folder) -> None:
    driver = LLMDriver.load(str(llm_folder))
    channel = Prompted(driver, 0.0, Prompts(**ASKED))
    text = channel.tell(view(), Frame.of(view("ego1")))
    assert [line.split(":")[0] for line in text.split("\n")] == ["Scene", "Objects", "Intent"]
    assert channel.read(view(), [Said("ego1", text)], {}).foreign_tokens > 0


@pytest.mark.parametrize("drivers", [("vlm", "vlm"), ("vlm", "llm")])
def test_runs_with_langcoops_prompts(serve, connect, llm_folder, vlm_folder, drivers) -> None:
    folders = {"llm": llm_folder, "vlm": vlm_folder}
    made = {f"ego{n}": serve(f"ego{n}", driver, folders[driver]) for n, driver in enumerate(drivers)}
    convoy = Convoy(connect, {name: server.endpoint for name, server in made.items()})
    convoy.hello("language", prompts=ASKED)
    for number in range(2):
        plans = convoy.moment(number)
        assert heard(plans["ego0"], "language") == {"ego1": "used"}
        assert heard(plans["ego1"], "language") == {"ego0": "used"}
        assert min(plan["foreign_tokens"] for plan in plans.values()) > 0
        assert [s["kind"] for s in plans["ego0"]["sent"]] == ["beacon", "language"]
        assert plans["ego0"]["failed"]  # random weights write no JSON: it brakes
        assert plans["ego0"]["speed"][-1] == 0.0
