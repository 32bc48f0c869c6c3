"""Which tokens of two tokenizers have read the same text."""

from typing import Any

import pytest

from laco import Backbone
from laco.distill.adapter.align import NO_TEXT, aligned, opening, read, read_in_chat
from laco.errors import ConfigError

TEXT = "A white van near the corner ignores the red light. It is getting dark."


def test_pairs_of_two_tokenizers_have_read_the_same_characters(source: Backbone, target: Backbone) -> None:
    theirs, ours = read(source, TEXT), read(target, TEXT)
    pairs = aligned(theirs.ends, ours.ends)
    assert len(theirs.ids) > len(ours.ids) > 10
    for i, j in pairs.tolist():
        assert source.tokenizer.decode(theirs.ids[1 : i + 1]) == TEXT[: ours.ends[j]]
    assert len(pairs) == len(ours.ids) - 1  # every word ends with a piece


def test_only_common_cuts_are_pairs() -> None:
    assert aligned((NO_TEXT, 2, 5, 9), (NO_TEXT, 5, 7, 9)).tolist() == [[2, 1], [3, 3]]


def test_of_tokens_of_one_character_the_last_counts() -> None:
    assert aligned((1, 1, 2), (1, 2, 2)).tolist() == [[1, 0], [2, 2]]


def test_nothing_in_common_is_no_pair() -> None:
    assert aligned((NO_TEXT, 3), (NO_TEXT, 4)).shape == (0, 2)


def test_a_chat_template_is_no_part_of_the_text(source: Backbone, target: Backbone) -> None:
    chat, plain = read_in_chat(source, TEXT), read(source, TEXT)
    inside = [end for end in chat.ends if end != NO_TEXT]
    assert source.tokenizer.decode(chat.ids) == f"<u>{TEXT}</u><a>"
    assert chat.ends[0] == chat.ends[-1] == NO_TEXT
    assert inside == [end for end in plain.ends if end != NO_TEXT]


def test_a_context_opens_with_the_beginning_or_else_the_end_of_text(source: Backbone, target: Backbone) -> None:
    assert opening(source) == source.tokenizer.eos_token_id
    assert opening(target) == target.tokenizer.bos_token_id
    assert int(read(target, TEXT).ids[0]) == opening(target)


def test_models_without_what_it_takes_are_refused(target: Backbone) -> None:
    with pytest.raises(ConfigError, match="beginning or an end of text"):
        opening(Backbone(target.model))
    with pytest.raises(ConfigError, match="tell the characters"):
        read(Backbone(target.model, _Slow()), TEXT)
    with pytest.raises(ConfigError, match="no chat template"):
        read_in_chat(target, TEXT)


class _Slow:
    is_fast = False
    bos_token_id: Any = 1
