"""Text for a language model: its chat template where it has one, and nobody else's control tokens in it."""

from typing import Any

from jinja2.exceptions import TemplateError

MARK = "\x1a"  # stands for something that is no text; `plain` takes it out of whatever was said


def render(tokenizer: Any, system: str, user: str) -> str:
    """A conversation up to where the model is to answer; as plain text for a tokenizer without a template."""
    if getattr(tokenizer, "chat_template", None) is None:
        return f"{system}\n\n{user}\nAnswer: "
    turns = [{"role": "system", "content": system}, {"role": "user", "content": user}]
    try:
        return _templated(tokenizer, turns)
    except TemplateError:  # some templates know no system role
        return _templated(tokenizer, [{"role": "user", "content": f"{system}\n\n{user}"}])


def _templated(tokenizer: Any, turns: list[dict[str, str]]) -> str:
    text: str = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    return text


def tokenized(tokenizer: Any, text: str) -> list[int]:
    """Ids of a rendered conversation: a template has written its special tokens itself."""
    templated = getattr(tokenizer, "chat_template", None) is not None
    ids: list[int] = tokenizer(text, add_special_tokens=not templated)["input_ids"]
    return ids


def words(tokenizer: Any, text: str) -> list[int]:
    """Ids of a piece of text, without special tokens."""
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids


def plain(tokenizer: Any, text: str) -> str:
    """Text that cannot end a turn or begin another: control tokens and unprintable characters taken out.

    Names and sentences of peers go through here: what they say is read, never obeyed as a turn of its own.
    """
    text = "".join(c for c in text if c.isprintable() or c == "\n")
    control = sorted(set(tokenizer.all_special_tokens) | _special(tokenizer), key=len, reverse=True)
    before = None
    while before != text:  # taking one out may put another together
        before = text
        for token in control:
            text = text.replace(token, "")
    return text


def _special(tokenizer: Any) -> set[str]:
    """Control tokens that the tokenizer lists beside the usual ones."""
    added = getattr(tokenizer, "added_tokens_decoder", {})
    return {token.content for token in added.values() if token.special and token.content}


def ends(tokenizer: Any, model: Any) -> frozenset[int]:
    """Ids that end an answer: the tokenizer's end of sequence, and what the model was tuned to end turns with."""
    tuned = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
    found = [tokenizer.eos_token_id, *(tuned if isinstance(tuned, list) else [tuned])]
    return frozenset(int(i) for i in found if i is not None)
